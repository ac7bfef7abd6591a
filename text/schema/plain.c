/* SPDX-License-Identifier: MIT
 *
 * Strings that stand between marks as they are: what the schema's patterns and lengths allow and
 * the mark is not in. Readers tell them by ogi_schema_kinds from values that are JSON. */
#include <stdio.h>

#include "text/schema/schema.h"

bool ogi_is_plain_name(ogi_sv name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = (uint8_t)name.p[i];
        if (c <= ' ' || c == 0x7f || strchr("\"'`<>[](){}|\\,:=", c)) return false;
    }
    return name.n > 0 && name.n <= 256;
}

/* ---- kinds ---- */

static unsigned kind_named(const char *name)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = { { "null", OGI_JSON_NULL },       { "boolean", OGI_JSON_BOOL },
                  { "integer", OGI_JSON_INTEGER }, { "number", OGI_JSON_NUMBER },
                  { "string", OGI_JSON_STRING },   { "array", OGI_JSON_ARRAY },
                  { "object", OGI_JSON_OBJECT } };
    for (int i = 0; i < OGI_LEN(kinds); i++)
        if (name && !strcmp(kinds[i].name, name)) return kinds[i].kind;
    return 0;
}

static unsigned kinds_of_values(const json_t *list)
{
    unsigned kinds = 0;
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) kinds |= ogi_json_type(v);
    return kinds;
}

static unsigned kinds_at(const json_t *schema, int depth)
{
    enum { MAX_DEPTH = 8 };
    static const char *const branches[] = { "anyOf", "oneOf" };
    unsigned kinds = OGI_JSON_ANY;
    if (!json_is_object(schema) || depth > MAX_DEPTH) return kinds;
    const json_t *type = json_object_get(schema, "type"), *one = json_object_get(schema, "const");
    const json_t *list = json_object_get(schema, "enum");
    size_t i;
    json_t *v;
    if (json_is_string(type)) kinds = kind_named(json_string_value(type));
    if (json_is_array(type)) kinds = 0;
    json_array_foreach(type, i, v) kinds |= kind_named(json_string_value(v));
    if (json_is_array(list)) kinds &= kinds_of_values(list);
    if (one) kinds &= ogi_json_type(one);
    for (int k = 0; k < OGI_LEN(branches); k++) {
        unsigned any = 0;
        list = json_object_get(schema, branches[k]);
        json_array_foreach(list, i, v) any |= kinds_at(v, depth + 1);
        if (json_is_array(list)) kinds &= any;
    }
    return kinds;
}

unsigned ogi_schema_kinds(const json_t *schema)
{
    return kinds_at(schema, 0);
}

/* ---- constants ---- */

static ogi_expr *line_break(ogi_schema *s, bool is_padded)
{
    ogi_rules *r = &s->rules;
    return is_padded ? ogi_expr_repeat(r, ogi_expr_text(r, "\n"), 0, 1) : ogi_expr_empty(r);
}

static bool contains(ogi_sv text, ogi_sv part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (!memcmp(text.p + i, part.p, part.n)) return true;
    return false;
}

/* The string constants of the schema, an array that is kept; NULL if it has none. */
static og_status constants(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out)
{
    json_t *list = json_object_get(schema, "enum"), *one = json_object_get(schema, "const");
    const ogi_path here = { path, "enum", 0 };
    *out = NULL;
    if (!list && !one) return OG_OK;
    if (list && !json_is_array(list)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list");
    *out = ogi_schema_keep(s, json_array());
    if (!*out) return OG_E_MEMORY;
    size_t i;
    json_t *v;
    if (!list) return json_array_append(*out, one) == 0 ? OG_OK : OG_E_MEMORY;
    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && (!one || json_equal(one, v)) && json_array_append(*out, v) != 0)
            return OG_E_MEMORY;
    }
    return OG_OK;
}

/* What a schema says of the characters of a string. */
typedef struct limits {
    int32_t min, max; /* max -1: no end */
    ogi_patterns p;
    ogi_path where; /* of the pattern */
} limits;

static og_status is_within(ogi_schema *s, const limits *l, const json_t *v, bool *yes)
{
    const char *p = json_string_value(v);
    int32_t n = 0;
    for (size_t i = 0; i < json_string_length(v); i++) n += ((uint8_t)p[i] & 0xc0) != 0x80;
    *yes = n >= l->min && (l->max < 0 || n <= l->max);
    for (int k = 0; k < l->p.n && *yes; k++)
        OG_TRY(ogi_schema_matches(s, l->p.text[k], v, &l->where, yes));
    return OG_OK;
}

static og_status words(ogi_schema *s, json_t *list, const limits *l, const ogi_path *path,
                       ogi_sv mark, bool is_padded, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
    {
        bool yes;
        if (!json_is_string(v)) continue;
        OG_TRY(is_within(s, l, v, &yes));
        if (!yes) continue;
        ogi_sv word = { json_string_value(v), json_string_length(v) };
        bool has_break = word.n && (word.p[0] == '\n' || word.p[word.n - 1] == '\n');
        if (contains(word, mark) || (is_padded && has_break) || ogi_schema_has_nul(v))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "the constant '%.100s' cannot stand before '%s'",
                        word.p, mark.p);
        alt = ogi_expr_add(r, alt, ogi_expr_bytes(r, word.p, word.n));
    }
    SCHEMA_NEED(alt);
    if (!alt->child) SCHEMA_FAIL(s, OG_E_INVALID, path, "none of the constants is allowed");
    *out = ogi_expr_join(r, line_break(s, is_padded), alt, line_break(s, is_padded),
                         ogi_expr_marks(r, mark), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- patterns and lengths ---- */

static og_status until_rule(ogi_schema *s, ogi_sv mark, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    if (s->until < 0) {
        ogi_expr *body = ogi_expr_until(r, mark);
        s->until = body ? ogi_rules_new(r) : -1;
        if (s->until < 0) return OG_E_LIMIT;
        r->rule[s->until].body = body;
    }
    *out = ogi_expr_rule(r, s->until);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* Any text, or what the pattern says of it, each character a unit. */
static og_status letters(ogi_schema *s, const limits *l, ogi_expr **out)
{
    static const ogi_char_range all[] = { { 1, OGI_CHAR_MAX } };
    ogi_rules *r = &s->rules;
    ogi_expr *letter = ogi_expr_join(r, ogi_expr_class(r, all, 1, false), ogi_expr_unit(r), NULL);
    *out = ogi_expr_repeat(r, letter, 0, -1);
    SCHEMA_NEED(*out);
    ogi_regex_options opt = { .is_search = true, .is_counted = true, .where = "pattern" };
    og_status st = OG_OK;
    for (int i = 0; i < l->p.n && st == OG_OK; i++) {
        ogi_expr *e;
        st = ogi_regex_parse(s->ctx, r, l->p.text[i], strlen(l->p.text[i]), &opt, &e);
        if (st == OG_OK) *out = i ? ogi_expr_both(r, *out, e) : e;
        opt.is_counted = false;
    }
    if (st == OG_OK) SCHEMA_NEED(*out);
    if (st == OG_OK || st == OG_E_MEMORY) return st;
    char why[600];
    snprintf(why, sizeof why, "%s", og_error(s->ctx));
    og_error_clear(s->ctx);
    SCHEMA_FAIL(s, st, &l->where, "%s", why);
}

static ogi_expr *unit(ogi_rules *r, bool is_counted)
{
    return is_counted ? ogi_expr_unit(r) : ogi_expr_empty(r);
}

/* No text, or one without a line break at either end. */
static ogi_expr *edgeless(ogi_rules *r, bool is_counted)
{
    static const ogi_char_range other[] = { { 1, '\n' - 1 }, { '\n' + 1, OGI_CHAR_MAX } };
    ogi_expr *first =
        ogi_expr_join(r, ogi_expr_class(r, other, 2, false), unit(r, is_counted), NULL);
    ogi_expr *line_feed = ogi_expr_join(r, ogi_expr_text(r, "\n"), unit(r, is_counted), NULL);
    ogi_expr *more = ogi_expr_join(r, ogi_expr_repeat(r, line_feed, 0, -1),
                                   ogi_expr_class(r, other, 2, false), unit(r, is_counted), NULL);
    ogi_expr *all = ogi_expr_join(r, first, ogi_expr_repeat(r, more, 0, -1), NULL);
    return ogi_expr_repeat(r, all, 0, 1);
}

/* Readers drop a line break on either side. So both are there, or neither and none of the text's
 * own; one alone is not offered. */
static og_status padded(ogi_schema *s, const limits *l, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_expr *within, *alone = edgeless(r, !l->p.n);
    OG_TRY(letters(s, l, &within));
    if (l->p.n) {
        ogi_expr *again;
        OG_TRY(letters(s, l, &again));
        alone = ogi_expr_both(r, again, alone);
    }
    within = ogi_expr_join(r, ogi_expr_text(r, "\n"), within, ogi_expr_text(r, "\n"), NULL);
    *out = ogi_expr_add(r, ogi_expr_add(r, ogi_expr_alt(r), within), alone);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* A call of the rule of such texts, made on first use. */
static og_status limited(ogi_schema *s, const limits *l, const ogi_path *path, ogi_sv mark,
                         bool is_padded, ogi_expr **out)
{
    enum { MAX_COUNT = 1500 }; /* what fits into an automaton with the longest of marks */
    ogi_rules *r = &s->rules;
    ogi_expr *text;
    ogi_buf name = { .ctx = s->ctx };
    if (OGI_MAX(l->min, l->max) > MAX_COUNT)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "lengths above %d are not supported in text before '%s'",
                    MAX_COUNT, mark.p);
    ogi_buf_printf(&name, "%d to %d of %d", l->min, l->max, l->p.n);
    for (int i = 0; i < l->p.n; i++) {
        ogi_buf_putc(&name, 0); /* which no pattern holds */
        ogi_buf_puts(&name, l->p.text[i]);
    }
    int32_t rule = name.failed ? -1 : ogi_rules_get(r, (ogi_sv){ name.p, name.n });
    ogi_buf_free(&name);
    if (rule < 0) return OG_E_LIMIT;
    if (!r->rule[rule].body) {
        OG_TRY(is_padded ? padded(s, l, &text) : letters(s, l, &text));
        text = ogi_expr_both(r, text, ogi_expr_without(r, mark));
        text = ogi_expr_join(r, ogi_expr_count(r, text, l->min, l->max, ogi_schema_place(s, path)),
                             ogi_expr_marks(r, mark), NULL);
        SCHEMA_NEED(text);
        r->rule[rule].body = text;
        r->rule[rule].is_call = true;
    }
    *out = ogi_expr_rule(r, rule);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- strings ---- */

static og_status formatted(ogi_schema *s, const char *pattern, ogi_sv mark, bool is_padded,
                           ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_regex_options opt = { .where = "format" };
    ogi_expr *text;
    OG_TRY(ogi_regex_parse(s->ctx, r, pattern, strlen(pattern), &opt, &text));
    *out = ogi_expr_join(r, line_break(s, is_padded), text, line_break(s, is_padded),
                         ogi_expr_marks(r, mark), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

static og_status read_limits(ogi_schema *s, const json_t *schema, const ogi_path *path, limits *l)
{
    *l = (limits){ .max = -1, .where = { path, "pattern", 0 } };
    OG_TRY(ogi_schema_patterns(s, schema, path, &l->p));
    OG_TRY(ogi_schema_count(s, schema, "minLength", path, &l->min));
    OG_TRY(ogi_schema_count(s, schema, "maxLength", path, &l->max));
    if (l->max >= 0 && l->max < l->min)
        SCHEMA_FAIL(s, OG_E_INVALID, path, "maxLength is below minLength: nothing matches");
    return OG_OK;
}

/* A schema in which nothing is left to merge. */
static og_status one_string(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_sv mark,
                            bool is_padded, ogi_expr **out)
{
    const ogi_path at_not = { path, "not", 0 };
    json_t *list;
    limits l;
    OG_TRY(read_limits(s, schema, path, &l));
    OG_TRY(constants(s, schema, path, &list));
    if (ogi_schema_excludes(schema, OGI_JSON_STRING))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &at_not,
                    "cannot be enforced, since calls of this model write strings without quotes");
    if (list) return words(s, list, &l, path, mark, is_padded, out);
    int32_t length = l.p.length;
    if (length && (length < l.min || (l.max >= 0 && length > l.max)))
        SCHEMA_FAIL(s, OG_E_INVALID, path, "the format has another length: nothing matches");
    bool has_length = !length && (l.min > 0 || l.max >= 0);
    bool is_format = l.p.n == 1 && !json_object_get(schema, "pattern");
    if (is_format && !has_length) return formatted(s, l.p.text[0], mark, is_padded, out);
    if (l.p.n || has_length) return limited(s, &l, path, mark, is_padded, out);
    return until_rule(s, mark, out);
}

/* The branches of which there are strings, each with the rest of the schema. */
static og_status branches(ogi_schema *s, json_t *schema, const char *keyword, const ogi_path *path,
                          ogi_sv mark, bool is_padded, ogi_expr **out)
{
    const ogi_path here = { path, keyword, 0 };
    json_t *list = json_object_get(schema, keyword), *v, *part;
    json_t *rest = ogi_schema_keep(s, json_copy(schema));
    size_t i;
    int n = 0, depth = s->depth;
    ogi_expr *alt = ogi_expr_alt(&s->rules), *e;
    if (!rest) return OG_E_MEMORY;
    json_object_del(rest, keyword);
    json_array_foreach(list, i, v)
    {
        const ogi_path at = { &here, NULL, i };
        if (!(ogi_schema_kinds(v) & OGI_JSON_STRING)) continue;
        if (++n > 1 && !strcmp(keyword, "oneOf"))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                        "with several branches of strings cannot be enforced, since calls of this "
                        "model write strings without quotes");
        og_status st = ogi_schema_flatten(s, v, &at, &part);
        if (st == OG_OK) st = ogi_schema_merge(s, rest, part, &at, &part);
        if (st == OG_OK) st = ogi_schema_plain(s, part, &at, mark, is_padded, &e);
        if (st == OG_OK) alt = ogi_expr_add(&s->rules, alt, e);
        if (st == OG_E_INVALID) { /* no string matches it: the others count */
            og_error_clear(s->ctx);
            s->depth = depth;
            st = OG_OK;
        }
        OG_TRY(st);
    }
    SCHEMA_NEED(alt);
    if (!alt->child) SCHEMA_FAIL(s, OG_E_INVALID, &here, "no branch can match");
    *out = alt;
    return OG_OK;
}

og_status ogi_schema_plain(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_sv mark,
                           bool is_padded, ogi_expr **out)
{
    *out = NULL;
    if (++s->n_visit > OGI_SCHEMA_MAX_VISITS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "the schema is too large");
    if (++s->depth > OGI_SCHEMA_MAX_DEPTH)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "schemas are nested too deep");
    OG_TRY(ogi_schema_flatten(s, schema, path, &schema));
    const char *keyword = json_object_get(schema, "anyOf")   ? "anyOf"
                          : json_object_get(schema, "oneOf") ? "oneOf"
                                                             : NULL;
    OG_TRY(keyword ? branches(s, schema, keyword, path, mark, is_padded, out)
                   : one_string(s, schema, path, mark, is_padded, out));
    s->depth--;
    return OG_OK;
}
