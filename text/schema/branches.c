/* SPDX-License-Identifier: MIT
 *
 * anyOf and oneOf: each branch together with the rest of the schema, those that nothing matches
 * left out. The branches of oneOf must exclude each other: then it is anyOf. */
#include "text/schema/schema.h"

static og_status check_disjoint(ogi_schema *s, json_t *const *branch, size_t n,
                                const ogi_path *path)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            bool is_empty = !branch[i] || !branch[k];
            if (is_empty || ogi_schema_is_disjoint(s, branch[i], branch[k], 0)) continue;
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path,
                        "branches %zu and %zu may overlap: oneOf is "
                        "supported only where that is ruled out",
                        k, i);
        }
    }
    return OG_OK;
}

/* What each branch says together with the rest of the schema; NULL: nothing matches. */
static og_status merge_rest(ogi_schema *s, json_t *rest, bool is_rest_empty, json_t **branch,
                            size_t n, const ogi_path *path)
{
    int depth = s->depth;
    for (size_t i = 0; i < n && !is_rest_empty; i++) {
        const ogi_path at = { path, NULL, i };
        og_status st = ogi_schema_flatten(s, branch[i], &at, &branch[i]);
        if (st == OG_OK) st = ogi_schema_merge(s, rest, branch[i], &at, &branch[i]);
        if (st == OG_E_INVALID) {
            og_error_clear(s->ctx);
            s->depth = depth;
            branch[i] = NULL;
            st = OG_OK;
        }
        OG_TRY(st);
    }
    return OG_OK;
}

static og_status add_branches(ogi_schema *s, json_t *const *branch, size_t n, const ogi_path *path,
                              ogi_expr **out)
{
    int depth = s->depth;
    *out = ogi_expr_alt(&s->rules);
    for (size_t i = 0; i < n; i++) {
        const ogi_path at = { path, NULL, i };
        ogi_expr *e;
        if (!branch[i]) continue;
        og_status st = ogi_schema_visit(s, branch[i], &at, &e);
        if (st == OG_E_INVALID) { /* no value matches it: the others count */
            og_error_clear(s->ctx);
            s->depth = depth;
            continue;
        }
        OG_TRY(st);
        *out = ogi_expr_add(&s->rules, *out, e);
    }
    SCHEMA_NEED(*out);
    if (!(*out)->child) SCHEMA_FAIL(s, OG_E_INVALID, path, "no branch can match");
    return OG_OK;
}

/* Is p, in all branches, a property of which no two allow the same value? */
static bool tells_apart(ogi_schema *s, json_t *const *branch, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *type = json_object_get(branch[i], "type");
        json_t *x = json_object_get(json_object_get(branch[i], "properties"), name);
        if (!x || !json_is_string(type) || strcmp(json_string_value(type), "object")) return false;
        for (size_t k = 0; k < i; k++) {
            json_t *y = json_object_get(json_object_get(branch[k], "properties"), name);
            if (!ogi_schema_is_disjoint(s, x, y, 0)) return false;
        }
    }
    return true;
}

/* Branches of oneOf that are told apart by a constant, as generators write tagged unions, need not
 * require it: without it several match. So it is required here. */
static og_status require_tag(ogi_schema *s, json_t **branch, size_t n, const ogi_path *path)
{
    const char *tag = NULL, *name;
    int depth = s->depth;
    json_t *v;
    for (size_t i = 0; i < n; i++) {
        const ogi_path at = { path, NULL, i };
        if (!json_is_object(branch[i])) return OG_OK;
        og_status st = ogi_schema_flatten(s, branch[i], &at, &branch[i]);
        if (st == OG_E_INVALID) og_error_clear(s->ctx), s->depth = depth;
        if (st == OG_E_INVALID || (st == OG_OK && !json_is_object(branch[i]))) return OG_OK;
        OG_TRY(st);
    }
    json_object_foreach(json_object_get(branch[0], "properties"), name,
                        v) if (!tag && tells_apart(s, branch, n, name)) tag = name;
    if (!tag) return OG_OK;
    json_t *required = ogi_schema_keep(s, json_pack("{s:[s]}", "required", tag));
    if (!required) return OG_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        OG_TRY(ogi_schema_merge(s, branch[i], required, path, &branch[i]));
    return OG_OK;
}

static bool is_disjoint(ogi_schema *s, json_t *const *branch, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (branch[i] && branch[k] && !ogi_schema_is_disjoint(s, branch[i], branch[k], 0))
                return false;
    return true;
}

og_status ogi_schema_branches(ogi_schema *s, json_t *schema, const char *keyword,
                              const ogi_path *path, ogi_expr **out)
{
    json_t *list = json_object_get(schema, keyword);
    const ogi_path here = { path, keyword, 0 };
    size_t n = json_array_size(list);
    if (!n || n > 1000) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list of 1 to 1000 schemas");
    json_t *rest = ogi_schema_keep(s, json_copy(schema));
    json_t **branch = OGI_NEW_N(s->ctx, json_t *, n);
    if (!rest || !branch) {
        ogi_free(s->ctx, branch);
        return OG_E_MEMORY;
    }
    json_object_del(rest, keyword);
    unsigned types;
    int n_rest;
    og_status st = ogi_schema_look_over(s, rest, path, &types, &n_rest);
    for (size_t i = 0; i < n; i++) branch[i] = json_array_get(list, i);
    if (st == OG_OK) st = merge_rest(s, rest, !n_rest, branch, n, &here);
    bool is_one = !strcmp(keyword, "oneOf");
    if (st == OG_OK && is_one && !is_disjoint(s, branch, n)) st = require_tag(s, branch, n, &here);
    if (st == OG_OK && is_one) st = check_disjoint(s, branch, n, &here);
    if (st == OG_OK) st = add_branches(s, branch, n, &here, out);
    ogi_free(s->ctx, branch);
    return st;
}
