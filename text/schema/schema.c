/* SPDX-License-Identifier: MIT
 *
 * Walking a schema. Every keyword is enforced, an annotation, or refused with its path, which
 * ogi_schema_look_over() decides before anything is built. Targets of references become rules,
 * where recursion ends. */
#include "text/schema/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MAX_TEXT = 1 << 19 };

/* ---- errors ---- */

/* "schema, at #/a/0". */
static void put_place(const ogi_schema *s, const ogi_path *path, ogi_buf *b)
{
    const ogi_path *part[OGI_SCHEMA_MAX_DEPTH * 4];
    int n = 0;
    for (; path->up && n < OGI_LEN(part); path = path->up) part[n++] = path;
    ogi_buf_printf(b, "%.200s, at %s", s->where, path->key ? path->key : "#");
    while (n-- > 0) {
        if (part[n]->key)
            ogi_buf_printf(b, "/%s", part[n]->key);
        else
            ogi_buf_printf(b, "/%zu", part[n]->index);
    }
}

const char *ogi_schema_place(ogi_schema *s, const ogi_path *path)
{
    ogi_buf b = { .ctx = s->ctx };
    put_place(s, path, &b);
    const char *place =
        b.failed ? NULL : ogi_arena_strndup(&s->rules.arena, b.p, OGI_MIN(b.n, (size_t)500));
    if (!place) s->rules.failed = true;
    ogi_buf_free(&b);
    return place;
}

og_status ogi_schema_fail(ogi_schema *s, og_status code, const char *file, int line,
                          const ogi_path *path, const char *fmt, ...)
{
    ogi_buf b = { .ctx = s->ctx };
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    put_place(s, path, &b);
    ogi_fail(s->ctx, code, file, line, "%.500s: %s", ogi_buf_str(&b), what);
    ogi_buf_free(&b);
    return code;
}

/* ---- keywords ---- */

bool ogi_schema_is_annotation(const char *keyword)
{
    static const char *const name[] = {
        "$schema",          "$id",
        "$comment",         "$defs",
        "definitions",      "$anchor",
        "$vocabulary",      "title",
        "description",      "default",
        "deprecated",       "readOnly",
        "writeOnly",        "examples",
        "contentEncoding",  "contentSchema",
        "contentMediaType", "$dynamicAnchor",
    };
    for (int i = 0; i < OGI_LEN(name); i++)
        if (!strcmp(name[i], keyword)) return true;
    return false;
}

/* Keywords with a meaning here, and the types they speak of. */
static const struct {
    const char *name;
    unsigned types;
} keywords[] = {
    { "type", 0 },
    { "enum", 0 },
    { "const", 0 },
    { "$ref", 0 },
    { "allOf", 0 },
    { "anyOf", 0 },
    { "oneOf", 0 },
    { "not", OGI_JSON_ANY },
    { "if", 0 },
    { "then", 0 },
    { "else", 0 },
    { "dependentRequired", OGI_JSON_OBJECT },
    { "dependentSchemas", OGI_JSON_OBJECT },
    { "unevaluatedProperties", OGI_JSON_OBJECT },
    { "unevaluatedItems", OGI_JSON_ARRAY },
    { "properties", OGI_JSON_OBJECT },
    { "required", OGI_JSON_OBJECT },
    { "additionalProperties", OGI_JSON_OBJECT },
    { "patternProperties", OGI_JSON_OBJECT },
    { "propertyNames", OGI_JSON_OBJECT },
    { "minProperties", OGI_JSON_OBJECT },
    { "maxProperties", OGI_JSON_OBJECT },
    { "items", OGI_JSON_ARRAY },
    { "prefixItems", OGI_JSON_ARRAY },
    { "minItems", OGI_JSON_ARRAY },
    { "maxItems", OGI_JSON_ARRAY },
    { "uniqueItems", OGI_JSON_ARRAY },
    { "pattern", OGI_JSON_STRING },
    { "format", OGI_JSON_STRING },
    { "minLength", OGI_JSON_STRING },
    { "maxLength", OGI_JSON_STRING },
    { "minimum", OGI_JSON_NUMBER },
    { "maximum", OGI_JSON_NUMBER },
    { "exclusiveMinimum", OGI_JSON_NUMBER },
    { "exclusiveMaximum", OGI_JSON_NUMBER },
    { "multipleOf", OGI_JSON_NUMBER },
};

static const char *const refused[] = {
    "dependencies", "contains", "minContains", "maxContains", "$dynamicRef", "$recursiveRef",
};

og_status ogi_schema_look_over(ogi_schema *s, json_t *schema, const ogi_path *path, unsigned *types,
                               int *n)
{
    const char *key;
    json_t *v;
    *types = 0, *n = 0;
    json_object_foreach(schema, key, v)
    {
        const ogi_path here = { path, key, 0 };
        for (int i = 0; i < OGI_LEN(refused); i++)
            if (!strcmp(refused[i], key))
                SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "'%s' is not supported", key);
        bool is_known = ogi_schema_is_annotation(key);
        for (int i = 0; i < OGI_LEN(keywords); i++) {
            if (strcmp(keywords[i].name, key) != 0) continue;
            is_known = true;
            *types |= keywords[i].types;
            ++*n;
        }
        bool is_value = !strcmp(key, "enum") || !strcmp(key, "const");
        if (is_known && !is_value && !ogi_schema_is_annotation(key) && ogi_schema_has_nul(v))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "U+0000 is supported in constants alone");
        if (!is_known)
            ogi_log(s->ctx, OG_LOG_WARN, "schema: the unknown keyword '%s' is an annotation", key);
    }
    return OG_OK;
}

og_status ogi_schema_count(ogi_schema *s, const json_t *schema, const char *keyword,
                           const ogi_path *path, int32_t *out)
{
    const json_t *v = json_object_get(schema, keyword);
    if (!v) return OG_OK;
    const ogi_path here = { path, keyword, 0 };
    double x = json_number_value(v);
    if (!json_is_number(v) || x < 0.0 || x != floor(x))
        SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a count");
    if (!strncmp(keyword, "max", 3) && x >= OGI_SCHEMA_UNREACHED) return OG_OK;
    if (x > OGI_SCHEMA_MAX_LENGTH)
        SCHEMA_FAIL(s, OG_E_LIMIT, &here, "counts above %d are not supported",
                    OGI_SCHEMA_MAX_LENGTH);
    *out = (int32_t)x;
    return OG_OK;
}

/* ---- rules and memory ---- */

json_t *ogi_schema_keep(ogi_schema *s, json_t *v)
{
    if (v && json_array_append_new(s->owned, v) == 0) return v;
    ogi_fail(s->ctx, OG_E_MEMORY, __FILE__, __LINE__, "out of memory");
    return NULL;
}

ogi_expr *ogi_schema_rule(ogi_schema *s, ogi_json_rule rule)
{
    if (s->rule[rule] < 0) {
        /* Known before its body is made: values hold values. */
        int32_t i = s->rule[rule] = ogi_rules_new(&s->rules);
        if (i < 0) return NULL;
        ogi_expr *body = ogi_json_rule_body(s, rule);
        s->rules.rule[i].body = body;
        s->rules.rule[i].is_call = rule == OGI_RULE_LETTER;
        if (!body) return NULL;
    }
    return ogi_expr_rule(&s->rules, s->rule[rule]);
}

/* ---- references ---- */

/* The rule of a reference's target, made on first use; recursion ends there. */
static og_status ref_rule(ogi_schema *s, const char *ref, const ogi_path *path, ogi_expr **out)
{
    json_t *target;
    OG_TRY(ogi_schema_resolve(s, ref, path, &target));
    ogi_sv key = { (const char *)&target, sizeof target };
    int64_t rule = ogi_map_get(&s->by_ref, key, -1);
    if (rule >= 0 && s->rules.rule[rule].is_impossible)
        SCHEMA_FAIL(s, OG_E_INVALID, path, "nothing matches '%.100s'", ref);
    if (rule < 0) {
        const char *copy = ogi_arena_strndup(&s->rules.arena, key.p, key.n);
        const char *name = ogi_arena_strndup(&s->rules.arena, ref, strlen(ref));
        rule = ogi_rules_new(&s->rules);
        if (!copy || !name || rule < 0) return OG_E_MEMORY;
        s->rules.rule[rule].name = ogi_sv_of(name);
        OG_TRY(ogi_map_put(&s->by_ref, (ogi_sv){ copy, key.n }, rule));
        const ogi_path there = { NULL, ref, 0 };
        ogi_expr *body;
        og_status st = ogi_schema_visit(s, target, &there, &body);
        if (st == OG_E_INVALID) { /* a branch with it may be left out */
            s->rules.rule[rule].is_impossible = true;
            s->rules.rule[rule].body = ogi_expr_alt(&s->rules);
        }
        OG_TRY(st);
        s->rules.rule[rule].body = body;
    }
    *out = ogi_expr_rule(&s->rules, (int32_t)rule);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- conjunctions ---- */

/* schema without allOf and $ref: what they say is merged in. */
og_status ogi_schema_flatten(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out)
{
    OG_TRY(ogi_schema_modernize(s, schema, &schema));
    *out = schema;
    OG_TRY(ogi_schema_check_id(s, schema, path));
    OG_TRY(ogi_schema_rewrite(s, schema, path, &schema));
    json_t *all = json_object_get(schema, "allOf"), *part;
    const json_t *ref = json_object_get(schema, "$ref");
    const ogi_path here = { path, "allOf", 0 };
    if (!all && !ref) return ogi_schema_settle(s, schema, out);
    if (ref && !json_is_string(ref)) SCHEMA_FAIL(s, OG_E_FORMAT, path, "$ref wants a string");
    if (all && !json_array_size(all)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list of schemas");
    if (++s->depth > OGI_SCHEMA_MAX_DEPTH)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "schemas are nested too deep, or refer to themselves");
    json_t *rest = ogi_schema_keep(s, json_copy(schema));
    if (!rest) return OG_E_MEMORY;
    json_object_del(rest, "allOf");
    json_object_del(rest, "$ref");
    if (ref) {
        OG_TRY(ogi_schema_resolve(s, json_string_value(ref), path, &part));
        OG_TRY(ogi_schema_flatten(s, part, path, &part));
        OG_TRY(ogi_schema_merge(s, rest, part, path, &rest));
    }
    size_t i;
    json_array_foreach(all, i, part)
    {
        const ogi_path at = { &here, NULL, i };
        OG_TRY(ogi_schema_flatten(s, part, &at, &part));
        OG_TRY(ogi_schema_merge(s, rest, part, &at, &rest));
    }
    s->depth--;
    return ogi_schema_settle(s, rest, out);
}

/* ---- types ---- */

/* A type some of whose values are excluded; *out is NULL if all are. */
static og_status visit_others(ogi_schema *s, json_t *schema, unsigned type, const ogi_path *path,
                              ogi_expr **out)
{
    const ogi_path here = { path, "not", 0 };
    *out = NULL;
    if (type == OGI_JSON_NULL) return OG_OK;
    if (type == OGI_JSON_BOOL) {
        bool has_true = !ogi_schema_excludes_value(schema, json_true());
        if (!has_true && ogi_schema_excludes_value(schema, json_false())) return OG_OK;
        *out = ogi_expr_text(&s->rules, has_true ? "true" : "false");
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    static const char *const hard[] = { "pattern", "format", "minLength", "maxLength" };
    bool is_hard = type != OGI_JSON_STRING || s->notation != OGI_NOTATION_JSON;
    for (int i = 0; i < OGI_LEN(hard); i++) is_hard = is_hard || json_object_get(schema, hard[i]);
    if (is_hard)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "excluding values of this type, or beside these keywords, is not supported");
    json_t *names = ogi_schema_keep(s, json_object()), *v;
    const json_t *list = json_object_get(json_object_get(schema, "not"), "enum");
    size_t i;
    if (ogi_schema_has_nul(list))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "excluding values with U+0000 is not supported");
    json_array_foreach(list, i, v) if (json_is_string(v))
        json_object_set_new(names, json_string_value(v), json_true());
    return ogi_schema_other_string(s, names, &here, out);
}

static og_status visit_type(ogi_schema *s, json_t *schema, unsigned type, const ogi_path *path,
                            ogi_expr **out)
{
    if (ogi_schema_excludes(schema, type)) return visit_others(s, schema, type, path, out);
    switch (type) {
    case OGI_JSON_NULL: *out = ogi_schema_rule(s, OGI_RULE_NULL); break;
    case OGI_JSON_BOOL: *out = ogi_schema_rule(s, OGI_RULE_BOOL); break;
    case OGI_JSON_INTEGER: return ogi_schema_number(s, schema, true, path, out);
    case OGI_JSON_NUMBER: return ogi_schema_number(s, schema, false, path, out);
    case OGI_JSON_STRING: return ogi_schema_string(s, schema, path, out);
    case OGI_JSON_ARRAY: return ogi_schema_array(s, schema, path, out);
    default: return ogi_schema_object(s, schema, path, out);
    }
    SCHEMA_NEED(*out);
    return OG_OK;
}

static og_status visit_types(ogi_schema *s, json_t *schema, unsigned types, const ogi_path *path,
                             ogi_expr **out)
{
    static const unsigned each[] = { OGI_JSON_OBJECT, OGI_JSON_ARRAY, OGI_JSON_STRING,
                                     OGI_JSON_NUMBER, OGI_JSON_BOOL,  OGI_JSON_NULL };
    ogi_expr *alt = ogi_expr_alt(&s->rules);
    for (int i = 0; i < OGI_LEN(each); i++) {
        ogi_expr *e;
        unsigned type = types & each[i];
        if (!type) continue;
        OG_TRY(visit_type(s, schema, type, path, &e));
        if (e) alt = ogi_expr_add(&s->rules, alt, e);
    }
    SCHEMA_NEED(alt);
    if (!alt->child) SCHEMA_FAIL(s, OG_E_INVALID, path, "nothing matches");
    *out = alt;
    return OG_OK;
}

static og_status visit_object(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    unsigned spoken_of, types;
    int n;
    OG_TRY(ogi_schema_check_id(s, schema, path));
    OG_TRY(ogi_schema_modernize(s, schema, &schema));
    OG_TRY(ogi_schema_look_over(s, schema, path, &spoken_of, &n));
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (ref && n == 1) return ref_rule(s, ref, path, out);
    json_t *flat;
    OG_TRY(ogi_schema_flatten(s, schema, path, &flat));
    if (flat != schema) return ogi_schema_visit(s, flat, path, out);
    if (json_object_get(schema, "anyOf")) return ogi_schema_branches(s, schema, "anyOf", path, out);
    if (json_object_get(schema, "oneOf")) return ogi_schema_branches(s, schema, "oneOf", path, out);
    json_t *values = json_object_get(schema, "enum"), *one = json_object_get(schema, "const");
    if (values || one) {
        const ogi_path here = { path, "enum", 0 };
        if (values && !json_is_array(values)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list");
        json_t *merged = schema;
        if (values && one) OG_TRY(ogi_schema_merge(s, schema, json_object(), path, &merged));
        values = json_object_get(merged, "enum");
        if (!values) values = ogi_schema_keep(s, json_pack("[O]", one));
        if (!values) return OG_E_MEMORY;
        return ogi_schema_enum(s, merged, values, path, out);
    }
    OG_TRY(ogi_schema_types(s, schema, path, &types));
    if (!json_object_get(schema, "type")) types = spoken_of;
    if (types) return visit_types(s, schema, types, path, out);
    *out = ogi_schema_rule(s, OGI_RULE_VALUE);
    SCHEMA_NEED(*out);
    return OG_OK;
}

og_status ogi_schema_visit(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    *out = NULL;
    if (++s->n_visit > OGI_SCHEMA_MAX_VISITS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "the schema is too large");
    if (json_is_true(schema)) {
        *out = ogi_schema_rule(s, OGI_RULE_VALUE);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    if (json_is_false(schema)) SCHEMA_FAIL(s, OG_E_INVALID, path, "nothing matches 'false'");
    if (!json_is_object(schema))
        SCHEMA_FAIL(s, OG_E_FORMAT, path, "a schema is an object or a boolean");
    if (++s->depth > OGI_SCHEMA_MAX_DEPTH)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "schemas are nested too deep");
    OG_TRY(visit_object(s, schema, path, out));
    s->depth--;
    return OG_OK;
}

/* ---- the whole ---- */

void ogi_schema_init(ogi_schema *s, og_ctx *ctx)
{
    *s = (ogi_schema){ .ctx = ctx, .by_ref = { .ctx = ctx }, .where = "schema", .until = -1 };
    s->owned = json_array();
    s->rounded = json_array();
    ogi_rules_init(&s->rules, ctx);
    for (int i = 0; i < OGI_RULE_COUNT; i++) s->rule[i] = -1;
}

void ogi_schema_free(ogi_schema *s)
{
    ogi_map_free(&s->by_ref);
    ogi_rules_free(&s->rules);
    json_decref(s->owned);
    json_decref(s->rounded);
}

static og_status build(ogi_schema *s, json_t *schema, const ogi_path *path, int32_t *rule)
{
    ogi_expr *body;
    const char *key = ogi_arena_strndup(&s->rules.arena, (const char *)&schema, sizeof schema);
    *rule = ogi_rules_new(&s->rules);
    if (*rule < 0 || !key) return OG_E_MEMORY;
    s->rules.rule[*rule].name = OGI_SV("#");
    OG_TRY(ogi_map_put(&s->by_ref, (ogi_sv){ key, sizeof schema }, *rule));
    OG_TRY(ogi_schema_visit(s, schema, path, &body));
    s->rules.rule[*rule].body = body;
    return OG_OK;
}

og_status ogi_schema_part(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    int64_t first = s->rules.n;
    int32_t rule, call = ogi_rules_new(&s->rules);
    *out = NULL;
    if (call < 0) return OG_E_MEMORY;
    s->depth = 0;
    OG_TRY(build(s, schema, path, &rule));
    s->rules.rule[call].body = ogi_expr_rule(&s->rules, rule);
    s->rules.rule[call].is_call = true;
    for (int64_t i = first; i < s->rules.n && s->notation != OGI_NOTATION_GEMMA; i++)
        s->rules.rule[i].is_json = true;
    *out = ogi_expr_rule(&s->rules, call);
    SCHEMA_NEED(*out);
    return OG_OK;
}

og_status og_grammar_schema(og_ctx *ctx, const char *text, size_t n, const og_vocab_view *vocab,
                            og_grammar **out)
{
    OGI_NEEDS(ctx, ctx && out && (text || !n));
    *out = NULL;
    if (n > MAX_TEXT) OG_FAIL(ctx, OG_E_LIMIT, "schema: more than %d bytes", MAX_TEXT);
    ogi_schema s;
    const ogi_path top = { 0 };
    int32_t rule;
    ogi_schema_init(&s, ctx);
    json_t *root = NULL;
    og_status st = ogi_schema_read(&s, text, n, &root);
    s.root = root;
    /* As a whole, {} is what callers pass who want some object; true is for those who do not. */
    bool is_empty = json_is_object(root) && !json_object_size(root);
    if (is_empty && json_object_set_new(root, "type", json_string("object")) != 0) st = OG_E_MEMORY;
    if (st == OG_OK) st = build(&s, root, &top, &rule);
    if (st == OG_OK) st = ogi_grammar_compile(ctx, &s.rules, rule, vocab, out);
    ogi_schema_free(&s);
    json_decref(root);
    return st;
}
