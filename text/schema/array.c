/* SPDX-License-Identifier: MIT
 *
 * Arrays: so many items, tuples, and items that differ. */
#include "text/schema/schema.h"

static og_status rule_of(ogi_schema *s, ogi_expr *body, int32_t *rule)
{
    SCHEMA_NEED(body);
    *rule = ogi_rules_new(&s->rules);
    if (*rule < 0) return OG_E_LIMIT;
    s->rules.rule[*rule].body = body;
    return OG_OK;
}

static og_status item_rule(ogi_schema *s, json_t *schema, const ogi_path *path, int32_t *rule)
{
    ogi_expr *e;
    OG_TRY(ogi_schema_visit(s, schema, path, &e));
    return rule_of(s, e, rule);
}

static ogi_expr *comma_item(ogi_schema *s, int32_t rule)
{
    ogi_rules *r = &s->rules;
    return ogi_expr_join(r, ogi_expr_text(r, ","), ogi_schema_rule(s, OGI_RULE_SPACE),
                         ogi_expr_rule(r, rule), NULL);
}

/* Items after the first n_before: item ("," item)*, min to max of them (-1: no end). */
static ogi_expr *more_items(ogi_schema *s, int32_t rule, bool is_first, int32_t min, int32_t max)
{
    ogi_rules *r = &s->rules;
    if (max == 0) return ogi_expr_empty(r);
    if (!is_first) return ogi_expr_repeat(r, comma_item(s, rule), min, max);
    int32_t more = OGI_MAX(min - 1, 0);
    ogi_expr *list =
        ogi_expr_join(r, ogi_expr_rule(r, rule),
                      ogi_expr_repeat(r, comma_item(s, rule), more, max < 0 ? -1 : max - 1), NULL);
    return min ? list : ogi_expr_repeat(r, list, 0, 1);
}

static og_status tuple_items(ogi_schema *s, const json_t *prefix, int32_t n, const ogi_path *path,
                             ogi_expr *seq)
{
    const ogi_path here = { path, "prefixItems", 0 };
    for (int32_t i = 0; i < n; i++) {
        const ogi_path at = { &here, NULL, (size_t)i };
        int32_t rule;
        OG_TRY(item_rule(s, json_array_get(prefix, (size_t)i), &at, &rule));
        ogi_expr *e = i ? comma_item(s, rule) : ogi_expr_rule(&s->rules, rule);
        SCHEMA_NEED(ogi_expr_add(&s->rules, seq, e));
    }
    return OG_OK;
}

/* ---- items that differ ---- */

/* An array of different constants: after each set of them, what may follow. */
enum { MAX_VALUES = 16, MAX_SETS = 4000 };

typedef struct unique {
    ogi_schema *s;
    const ogi_path *path;
    int32_t value[MAX_VALUES]; /* rules */
    int32_t n, min, max, n_set;
    int32_t *after; /* of each set: a rule, or -1 */
} unique;

/* The constants that the items may be, without what is the same; refused if they are no such
 * list. */
static og_status list_values(ogi_schema *s, json_t *items, const ogi_path *path, json_t **out)
{
    static const char *const known[] = { "type", "enum", "const" };
    json_t *flat, *list, *v;
    const char *key;
    unsigned types;
    size_t i, k;
    OG_TRY(ogi_schema_flatten(s, items, path, &flat));
    list = json_object_get(flat, "enum");
    if (json_object_get(flat, "const"))
        list = json_pack("[O]", json_object_get(flat, "const"));
    else
        list = json_incref(list);
    list = list ? ogi_schema_keep(s, list) : NULL;
    bool is_plain = json_array_size(list) > 0;
    json_object_foreach(flat, key, v)
    {
        bool is_known = ogi_schema_is_annotation(key);
        for (int n = 0; n < OGI_LEN(known); n++) is_known = is_known || !strcmp(known[n], key);
        is_plain = is_plain && is_known;
    }
    if (!is_plain)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "is supported for items of an enum alone");
    OG_TRY(ogi_schema_types(s, flat, path, &types));
    *out = ogi_schema_keep(s, json_array());
    if (!*out) return OG_E_MEMORY;
    json_array_foreach(list, i, v)
    {
        bool is_new = (ogi_json_type(v) & types) != 0;
        for (k = 0; k < json_array_size(*out); k++)
            is_new = is_new && !ogi_json_same(json_array_get(*out, k), v);
        if (is_new) json_array_append(*out, v);
    }
    return OG_OK;
}

/* At most MAX_VALUES levels deep. */
static og_status after_set(unique *u, uint32_t set, int32_t *rule)
{
    ogi_rules *r = &u->s->rules;
    int32_t n = __builtin_popcount(set);
    *rule = u->after[set];
    if (*rule >= 0) return OG_OK;
    if (++u->n_set > MAX_SETS) SCHEMA_FAIL(u->s, OG_E_LIMIT, u->path, "too many sets of items");
    ogi_expr *alt = ogi_expr_alt(r);
    if (n >= u->min) alt = ogi_expr_add(r, alt, ogi_expr_empty(r));
    for (int32_t i = 0; i < u->n && n < u->max; i++) {
        int32_t next;
        if (set >> i & 1) continue;
        OG_TRY(after_set(u, set | 1u << i, &next));
        alt = ogi_expr_add(
            r, alt, ogi_expr_join(r, comma_item(u->s, u->value[i]), ogi_expr_rule(r, next), NULL));
    }
    OG_TRY(rule_of(u->s, alt, rule));
    u->after[set] = *rule;
    return OG_OK;
}

static og_status join_sets(unique *u, ogi_expr **out)
{
    ogi_rules *r = &u->s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    u->after = OGI_NEW_N(u->s->ctx, int32_t, 1 << u->n);
    if (!u->after) return OG_E_MEMORY;
    memset(u->after, 0xff, sizeof *u->after << u->n);
    if (u->min == 0) alt = ogi_expr_add(r, alt, ogi_expr_empty(r));
    og_status st = OG_OK;
    for (int32_t i = 0; i < u->n && st == OG_OK; i++) {
        int32_t next;
        st = after_set(u, 1u << i, &next);
        if (st == OG_OK)
            alt = ogi_expr_add(
                r, alt,
                ogi_expr_join(r, ogi_expr_rule(r, u->value[i]), ogi_expr_rule(r, next), NULL));
    }
    ogi_free(u->s->ctx, u->after);
    *out = alt;
    return st;
}

static og_status unique_items(ogi_schema *s, json_t *items, int32_t min, int32_t max,
                              const ogi_path *path, ogi_expr **out)
{
    json_t *values, *v;
    size_t i;
    OG_TRY(list_values(s, items, path, &values));
    unique u = { .s = s, .path = path, .n = (int32_t)json_array_size(values), .min = min };
    u.max = max < 0 ? u.n : OGI_MIN(max, u.n);
    if (u.n > MAX_VALUES)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "more than %d different items", (int)MAX_VALUES);
    if (min > u.n) SCHEMA_FAIL(s, OG_E_INVALID, path, "minItems asks for more: nothing matches");
    json_array_foreach(values, i, v)
    {
        ogi_expr *e;
        OG_TRY(ogi_schema_constant(s, v, path, &e));
        OG_TRY(rule_of(s, e, &u.value[i]));
    }
    return join_sets(&u, out);
}

/* ---- arrays ---- */

og_status ogi_schema_array(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    json_t *prefix = json_object_get(schema, "prefixItems"),
           *items = json_object_get(schema, "items");
    const ogi_path at_items = { path, "items", 0 }, at_unique = { path, "uniqueItems", 0 };
    ogi_rules *r = &s->rules;
    int32_t min = 0, max = -1, rule = -1;
    OG_TRY(ogi_schema_count(s, schema, "minItems", path, &min));
    OG_TRY(ogi_schema_count(s, schema, "maxItems", path, &max));
    if (prefix && !json_is_array(prefix))
        SCHEMA_FAIL(s, OG_E_FORMAT, path, "prefixItems wants a list");
    if (json_is_array(items))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &at_items, "a list of items is now called prefixItems");
    if (max >= 0 && max < min)
        SCHEMA_FAIL(s, OG_E_INVALID, path, "maxItems is below minItems: nothing matches");
    bool is_unique = json_is_true(json_object_get(schema, "uniqueItems")) && (max < 0 || max > 1);
    if (is_unique && prefix)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &at_unique, "beside prefixItems it is not supported");
    int32_t n = (int32_t)OGI_MIN(json_array_size(prefix), (size_t)OGI_SCHEMA_MAX_LENGTH);
    if (max >= 0) n = OGI_MIN(n, max);
    min = OGI_MAX(min - n, 0);
    /* With a prefix, no more items than asked for. */
    max = prefix ? min : max;
    if (json_is_false(items)) {
        if (min > 0)
            SCHEMA_FAIL(s, OG_E_INVALID, &at_items, "minItems asks for items, items forbids");
        max = 0;
    }
    ogi_expr *seq =
        ogi_expr_join(r, ogi_expr_text(r, "["), ogi_schema_rule(s, OGI_RULE_SPACE), NULL);
    SCHEMA_NEED(seq);
    OG_TRY(tuple_items(s, prefix, n, path, seq));
    if (is_unique && max != 0) {
        ogi_expr *sets = NULL;
        OG_TRY(unique_items(s, items ? items : json_true(), min, max, &at_unique, &sets));
        seq = ogi_expr_add(r, seq, sets);
    } else if (max != 0) {
        OG_TRY(item_rule(s, items ? items : json_true(), &at_items, &rule));
        seq = ogi_expr_add(r, seq, more_items(s, rule, n == 0, min, max));
    }
    seq = ogi_expr_add(r, seq, ogi_schema_rule(s, OGI_RULE_SPACE));
    *out = ogi_expr_add(r, seq, ogi_expr_text(r, "]"));
    SCHEMA_NEED(*out);
    return OG_OK;
}
