/* SPDX-License-Identifier: MIT
 *
 * Which names an object may have: patternProperties and propertyNames. Names beside the declared
 * ones differ because matchers refuse a name's last quote where it comes again; so every such name
 * must be able to go on instead. */
#include <stdio.h>

#include "text/schema/schema.h"

/* ---- patterns ---- */

typedef struct pattern {
    og_grammar *g; /* of plain text */
    og_matcher *m;
} pattern;

static void close_pattern(pattern *p)
{
    og_matcher_free(p->m);
    og_grammar_free(p->g);
}

static og_status compile_pattern(ogi_schema *s, const char *text, pattern *out)
{
    static const ogi_regex_options opt = { .is_search = true, .where = "pattern" };
    ogi_rules r;
    ogi_rules_init(&r, s->ctx);
    int32_t root = ogi_rules_new(&r);
    ogi_expr *body = NULL;
    og_status st =
        root < 0 ? OG_E_MEMORY : ogi_regex_parse(s->ctx, &r, text, strlen(text), &opt, &body);
    if (st == OG_OK) {
        r.rule[root].body = body;
        st = ogi_grammar_compile(s->ctx, &r, root, NULL, &out->g);
    }
    if (st == OG_OK) st = og_matcher_new(out->g, s->ctx, &out->m);
    ogi_rules_free(&r);
    return st;
}

/* Each costs as much as a schema of some size. */
static og_status open_pattern(ogi_schema *s, const char *text, const ogi_path *path, pattern *out)
{
    enum { COST = 20 };
    *out = (pattern){ 0 };
    if ((s->n_visit += COST) > OGI_SCHEMA_MAX_VISITS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "the schema is too large");
    og_status st = compile_pattern(s, text, out);
    if (st == OG_OK) return OG_OK;
    close_pattern(out);
    if (st == OG_E_MEMORY) return st;
    char why[600];
    snprintf(why, sizeof why, "%s", og_error(s->ctx));
    og_error_clear(s->ctx);
    SCHEMA_FAIL(s, st, path, "%s", why);
}

static og_status matches(const pattern *p, ogi_sv name, bool *yes)
{
    size_t taken;
    og_matcher_reset(p->m);
    OG_TRY(og_matcher_text(p->m, name.p, name.n, &taken));
    *yes = false;
    return taken == name.n ? og_matcher_is_complete(p->m, yes) : OG_OK;
}

og_status ogi_schema_matches(ogi_schema *s, const char *text, const json_t *v, const ogi_path *path,
                             bool *yes)
{
    pattern p;
    OG_TRY(open_pattern(s, text, path, &p));
    og_status st = matches(&p, (ogi_sv){ json_string_value(v), json_string_length(v) }, yes);
    close_pattern(&p);
    return st;
}

/* Can every name that matches be the beginning of a longer one? */
static bool goes_on(const pattern *p)
{
    const og_grammar *g = p->g;
    for (int32_t i = 0; i < g->n_state; i++)
        if (g->state[i].is_end && g->state[i].edge == g->state[i + 1].edge) return false;
    return true;
}

/* ---- patternProperties ---- */

static bool is_listed(const json_t *list, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i,
                       v) if (json_is_string(v) && !strcmp(json_string_value(v), name)) return true;
    return false;
}

/* Declared names that match must fit the pattern's schema, too; required ones get it. */
static og_status apply_pattern(ogi_schema *s, const pattern *p, json_t *values,
                               const json_t *required, const ogi_path *path, json_t *all)
{
    const char *key;
    json_t *v, *list = ogi_schema_keep(s, json_object());
    size_t i;
    bool yes;
    if (!list) return OG_E_MEMORY;
    json_object_foreach(all, key, v)
    {
        OG_TRY(matches(p, ogi_sv_of(key), &yes));
        if (!yes) continue;
        if (!is_listed(required, key))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path,
                        "the declared name '%.80s' matches: that is supported only if it is "
                        "required",
                        key);
        json_object_set_new(list, key, json_pack("{s:[O,O]}", "allOf", v, values));
    }
    json_array_foreach(required, i, v)
    {
        const char *name = json_string_value(v);
        if (!name || json_object_get(all, name)) continue;
        OG_TRY(matches(p, ogi_sv_of(name), &yes));
        if (yes) json_object_set(list, name, values);
    }
    json_object_update(all, list);
    return OG_OK;
}

static og_status pattern_properties(ogi_schema *s, json_t *schema, json_t *all,
                                    const ogi_path *path, ogi_other_names *out)
{
    json_t *map = json_object_get(schema, "patternProperties"), *values;
    const json_t *required = json_object_get(schema, "required");
    const ogi_path here = { path, "patternProperties", 0 };
    void *only = json_object_iter(map);
    if (!json_is_object(map)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants an object");
    if (json_object_size(map) > 1)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "more than one pattern is not supported");
    if (!only) return OG_OK;
    const ogi_path at = { &here, json_object_iter_key(only), 0 };
    values = json_object_iter_value(only);
    json_t *name = ogi_schema_keep(s, json_pack("{s:s}", "pattern", at.key));
    if (!name) return OG_E_MEMORY;
    OG_TRY(ogi_schema_string(s, name, &at, &out->name));
    pattern p;
    OG_TRY(open_pattern(s, at.key, &at, &p));
    bool is_endless = goes_on(&p);
    og_status st = apply_pattern(s, &p, values, required, &at, all);
    close_pattern(&p);
    OG_TRY(st);
    if (!is_endless && !json_is_false(values))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &at,
                    "supported are patterns whose names can always be longer");
    out->values = values;
    return OG_OK;
}

/* ---- propertyNames ---- */

/* Does a name fit the schema of names? */
static og_status fits(ogi_schema *s, const json_t *names, const char *name, const ogi_path *path,
                      bool *yes)
{
    const char *text = json_string_value(json_object_get(names, "pattern"));
    const json_t *list = json_object_get(names, "enum"), *one = json_object_get(names, "const");
    int32_t min = 0, max = -1, n = 0;
    OG_TRY(ogi_schema_count(s, names, "minLength", path, &min));
    OG_TRY(ogi_schema_count(s, names, "maxLength", path, &max));
    for (const char *c = name; *c; c++) n += ((unsigned char)*c & 0xc0) != 0x80;
    *yes = n >= min && (max < 0 || n <= max) && (!list || is_listed(list, name)) &&
           (!one || (json_is_string(one) && !strcmp(json_string_value(one), name)));
    if (!text || !*yes) return OG_OK;
    const ogi_path here = { path, "pattern", 0 };
    pattern p;
    OG_TRY(open_pattern(s, text, &here, &p));
    og_status st = matches(&p, ogi_sv_of(name), yes);
    close_pattern(&p);
    return st;
}

/* Only keywords that fits() knows. */
static og_status check_keywords(ogi_schema *s, json_t *names, const ogi_path *path)
{
    static const char *const known[] = { "pattern", "enum", "const", "minLength", "maxLength" };
    const char *key;
    json_t *v;
    json_object_foreach(names, key, v)
    {
        const ogi_path here = { path, key, 0 };
        bool ok = ogi_schema_is_annotation(key) || (!strcmp(key, "type") && json_is_string(v) &&
                                                    !strcmp(json_string_value(v), "string"));
        for (int i = 0; i < OGI_LEN(known); i++) ok = ok || !strcmp(known[i], key);
        if (!ok) SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "in propertyNames it is not supported");
        if (!strcmp(key, "pattern") && !json_is_string(v))
            SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a string");
        if (!ogi_schema_is_annotation(key) && ogi_schema_has_nul(v))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "names with U+0000 are not supported");
    }
    return OG_OK;
}

/* Names that may be are listed: they become optional properties. */
static og_status list_names(ogi_schema *s, const json_t *names, const ogi_path *path, json_t *all,
                            ogi_other_names *out)
{
    json_t *one = json_object_get(names, "const"), *list = json_object_get(names, "enum"), *v;
    size_t i;
    bool yes;
    list = ogi_schema_keep(s, one ? json_pack("[O]", one) : json_incref(list));
    if (!list) return OG_E_MEMORY;
    json_array_foreach(list, i, v)
    {
        const char *name = json_string_value(v);
        if (!name || json_object_get(all, name)) continue;
        OG_TRY(fits(s, names, name, path, &yes));
        if (yes) json_object_set(all, name, out->values);
    }
    out->values = json_false();
    return OG_OK;
}

static og_status property_names(ogi_schema *s, json_t *schema, json_t *all, const ogi_path *path,
                                ogi_other_names *out)
{
    json_t *names = json_object_get(schema, "propertyNames"), *v;
    const ogi_path here = { path, "propertyNames", 0 };
    const char *key;
    bool has_declared = json_object_size(all) > 0;
    if (json_is_true(names)) return OG_OK;
    if (json_is_false(names)) names = ogi_schema_keep(s, json_pack("{s:[]}", "enum"));
    if (!json_is_object(names)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a schema");
    OG_TRY(check_keywords(s, names, &here));
    json_t *copy = ogi_schema_keep(s, json_copy(all));
    if (!copy) return OG_E_MEMORY;
    json_object_foreach(copy, key, v)
    {
        bool yes;
        OG_TRY(fits(s, names, key, &here, &yes));
        if (!yes) json_object_set(all, key, json_false());
    }
    if (json_is_false(out->values)) return OG_OK;
    if (json_object_get(names, "enum") || json_object_get(names, "const"))
        return list_names(s, names, &here, all, out);
    if (has_declared)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "beside declared names it is supported only without additional properties");
    const char *text = json_string_value(json_object_get(names, "pattern"));
    if (json_object_get(names, "maxLength"))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "supported are names that can always be longer");
    OG_TRY(ogi_schema_string(s, names, &here, &out->name));
    if (!text) return OG_OK;
    pattern p;
    OG_TRY(open_pattern(s, text, &here, &p));
    bool is_endless = goes_on(&p);
    close_pattern(&p);
    if (!is_endless)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "supported are names that can always be longer");
    return OG_OK;
}

og_status ogi_schema_name_patterns(ogi_schema *s, json_t *schema, json_t *all, const ogi_path *path,
                                   ogi_other_names *out)
{
    const ogi_path here = { path, "patternProperties", 0 };
    if (!json_object_get(schema, "patternProperties")) return OG_OK;
    if (s->notation != OGI_NOTATION_JSON)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "in this notation it is not supported");
    return pattern_properties(s, schema, all, path, out);
}

og_status ogi_schema_name_limits(ogi_schema *s, json_t *schema, json_t *all, const ogi_path *path,
                                 ogi_other_names *out)
{
    const ogi_path here = { path, "propertyNames", 0 };
    if (!json_object_get(schema, "propertyNames")) return OG_OK;
    if (s->notation != OGI_NOTATION_JSON || out->name)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "in this notation, or beside patternProperties, it is not supported");
    return property_names(s, schema, all, path, out);
}
