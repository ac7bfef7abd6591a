/* SPDX-License-Identifier: MIT
 *
 * What all schemas use: the rules of JSON values in each notation, strings (patterns, formats,
 * lengths) and constants. A constant that breaks another keyword of its schema is left out. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/schema/schema.h"

ogi_expr *ogi_expr_join(ogi_rules *r, ...)
{
    ogi_expr *seq = ogi_expr_seq(r);
    va_list args;
    va_start(args, r);
    /* A failed operand ends the list early; but then the rules do not compile. */
    for (ogi_expr *e; (e = va_arg(args, ogi_expr *));) seq = ogi_expr_add(r, seq, e);
    va_end(args);
    return seq;
}

/* ---- common rules ---- */

static ogi_expr *hex_class(ogi_rules *r)
{
    static const ogi_char_range hex[] = { { '0', '9' }, { 'a', 'f' }, { 'A', 'F' } };
    return ogi_expr_class(r, hex, OGI_LEN(hex), false);
}

static ogi_expr *plain_char(ogi_rules *r)
{
    static const ogi_char_range no[] = {
        { '"', '"' }, { '\\', '\\' }, { 0x7f, 0x7f }, { 0, 0x1f }
    };
    return ogi_expr_class(r, no, OGI_LEN(no), true);
}

static ogi_expr *short_escape(ogi_rules *r)
{
    static const ogi_char_range c[] = { { '"', '"' }, { '\\', '\\' }, { 'b', 'b' }, { 'f', 'f' },
                                        { 'n', 'n' }, { 'r', 'r' },   { 't', 't' } };
    return ogi_expr_join(r, ogi_expr_text(r, "\\"), ogi_expr_class(r, c, OGI_LEN(c), false), NULL);
}

/* [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" hex{4}) */
static ogi_expr *char_body(ogi_rules *r)
{
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), plain_char(r));
    alt = ogi_expr_add(r, alt, short_escape(r));
    ogi_expr *four = ogi_expr_repeat(r, hex_class(r), 4, 4);
    return ogi_expr_add(r, alt, ogi_expr_join(r, ogi_expr_text(r, "\\u"), four, NULL));
}

/* The same, but each match is one code point: surrogates only in pairs. */
static ogi_expr *letter_body(ogi_rules *r)
{
    static const ogi_char_range d[] = { { 'd', 'd' }, { 'D', 'D' } }, low[] = { { '0', '7' } };
    static const ogi_char_range not_d[] = {
        { '0', '9' }, { 'a', 'c' }, { 'e', 'f' }, { 'A', 'C' }, { 'E', 'F' }
    };
    static const ogi_char_range first[] = { { '8', '9' }, { 'a', 'b' }, { 'A', 'B' } };
    static const ogi_char_range second[] = { { 'c', 'f' }, { 'C', 'F' } };
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), plain_char(r));
    alt = ogi_expr_add(r, alt, short_escape(r));
    alt = ogi_expr_add(r, alt,
                       ogi_expr_join(r, ogi_expr_text(r, "\\u"),
                                     ogi_expr_class(r, not_d, OGI_LEN(not_d), false),
                                     ogi_expr_repeat(r, hex_class(r), 3, 3), NULL));
    alt = ogi_expr_add(r, alt,
                       ogi_expr_join(r, ogi_expr_text(r, "\\u"), ogi_expr_class(r, d, 2, false),
                                     ogi_expr_class(r, low, 1, false),
                                     ogi_expr_repeat(r, hex_class(r), 2, 2), NULL));
    ogi_expr *pair = ogi_expr_join(r, ogi_expr_text(r, "\\u"), ogi_expr_class(r, d, 2, false),
                                   ogi_expr_class(r, first, OGI_LEN(first), false),
                                   ogi_expr_repeat(r, hex_class(r), 2, 2), ogi_expr_text(r, "\\u"),
                                   ogi_expr_class(r, d, 2, false),
                                   ogi_expr_class(r, second, OGI_LEN(second), false),
                                   ogi_expr_repeat(r, hex_class(r), 2, 2), NULL);
    return ogi_expr_add(r, alt, pair);
}

ogi_expr *ogi_expr_digits(ogi_rules *r, char first, int32_t min, int32_t max)
{
    ogi_char_range c = { (uint32_t)first, '9' };
    return ogi_expr_repeat(r, ogi_expr_class(r, &c, 1, false), min, max);
}

static ogi_expr *optional(ogi_rules *r, ogi_expr *e)
{
    return ogi_expr_repeat(r, e, 0, 1);
}

/* 0 | [1-9] [0-9]{0,15} */
static ogi_expr *integral(ogi_rules *r)
{
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), ogi_expr_text(r, "0"));
    return ogi_expr_add(
        r, alt,
        ogi_expr_join(r, ogi_expr_digits(r, '1', 1, 1), ogi_expr_digits(r, '0', 0, 15), NULL));
}

static ogi_expr *number_body(ogi_schema *s)
{
    ogi_rules *r = &s->rules;
    static const ogi_char_range e[] = { { 'e', 'e' }, { 'E', 'E' } };
    static const ogi_char_range sign[] = { { '+', '+' }, { '-', '-' } };
    ogi_expr *fraction =
        ogi_expr_join(r, ogi_expr_text(r, "."), ogi_expr_digits(r, '0', 1, 16), NULL);
    ogi_expr *exponent = ogi_expr_join(
        r, ogi_expr_class(r, e, 2, false), optional(r, ogi_expr_class(r, sign, 2, false)),
        s->is_strict ? ogi_expr_digits(r, '0', 1, 2) : integral(r), NULL);
    return ogi_expr_join(r, optional(r, ogi_expr_text(r, "-")), integral(r), optional(r, fraction),
                         optional(r, exponent), NULL);
}

static ogi_expr *space_body(ogi_rules *r)
{
    static const ogi_char_range blank[] = { { ' ', ' ' }, { '\t', '\t' } };
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), ogi_expr_empty(r));
    alt = ogi_expr_add(r, alt, ogi_expr_text(r, " "));
    ogi_expr *lines = ogi_expr_repeat(r, ogi_expr_text(r, "\n"), 1, 2);
    ogi_expr *indent = ogi_expr_repeat(r, ogi_expr_class(r, blank, 2, false), 0, 20);
    return ogi_expr_add(r, alt, ogi_expr_join(r, lines, indent, NULL));
}

static ogi_expr *union_of(ogi_schema *s, const ogi_json_rule *rule, int n)
{
    ogi_expr *alt = ogi_expr_alt(&s->rules);
    for (int i = 0; i < n; i++) alt = ogi_expr_add(&s->rules, alt, ogi_schema_rule(s, rule[i]));
    return alt;
}

/* open (item ("," space item)*)? close */
static ogi_expr *list_of(ogi_schema *s, const char *open, ogi_expr *item, ogi_expr *again,
                         const char *close)
{
    ogi_rules *r = &s->rules;
    ogi_expr *more =
        ogi_expr_join(r, ogi_expr_text(r, ","), ogi_schema_rule(s, OGI_RULE_SPACE), again, NULL);
    ogi_expr *items = ogi_expr_join(r, item, ogi_expr_repeat(r, more, 0, -1), NULL);
    return ogi_expr_join(r, ogi_expr_text(r, open), ogi_schema_rule(s, OGI_RULE_SPACE),
                         optional(r, items), ogi_schema_rule(s, OGI_RULE_SPACE),
                         ogi_expr_text(r, close), NULL);
}

static ogi_expr *any_member(ogi_schema *s)
{
    s->rules.is_tracking_names = true;
    return ogi_expr_join(&s->rules, ogi_schema_rule(s, OGI_RULE_NAME),
                         ogi_expr_text(&s->rules, ":"), ogi_schema_rule(s, OGI_RULE_SPACE),
                         ogi_schema_rule(s, OGI_RULE_VALUE), NULL);
}

ogi_expr *ogi_json_rule_body(ogi_schema *s, ogi_json_rule rule)
{
    static const ogi_json_rule value[] = { OGI_RULE_OBJECT, OGI_RULE_ARRAY, OGI_RULE_STRING,
                                           OGI_RULE_NUMBER, OGI_RULE_BOOL,  OGI_RULE_NULL };
    static const ogi_char_range name[] = {
        { '0', '9' }, { 'A', 'Z' }, { 'a', 'z' }, { '_', '_' }, { '-', '-' }
    };
    ogi_rules *r = &s->rules;
    bool is_python = s->notation == OGI_NOTATION_PYTHON;
    switch (rule) {
    case OGI_RULE_SPACE: return space_body(r);
    case OGI_RULE_CHAR: return s->is_strict ? letter_body(r) : char_body(r);
    case OGI_RULE_LETTER: return letter_body(r);
    case OGI_RULE_STRING:
        if (s->notation == OGI_NOTATION_GEMMA)
            return ogi_expr_join(r, ogi_expr_marks(r, OGI_SV(OGI_GEMMA_QUOTE)),
                                 ogi_expr_until(r, OGI_SV(OGI_GEMMA_QUOTE)), NULL);
        return ogi_expr_join(r, ogi_expr_text(r, "\""),
                             ogi_expr_repeat(r, ogi_schema_rule(s, OGI_RULE_CHAR), 0, -1),
                             ogi_expr_text(r, "\""), NULL);
    case OGI_RULE_NAME:
        if (s->notation == OGI_NOTATION_GEMMA)
            return ogi_expr_repeat(r, ogi_expr_class(r, name, OGI_LEN(name), false), 1, 64);
        return ogi_schema_rule(s, OGI_RULE_STRING);
    case OGI_RULE_INTEGER:
        return ogi_expr_join(r, optional(r, ogi_expr_text(r, "-")), integral(r), NULL);
    case OGI_RULE_NUMBER: return number_body(s);
    case OGI_RULE_BOOL:
        return ogi_expr_add(
            r, ogi_expr_add(r, ogi_expr_alt(r), ogi_expr_text(r, is_python ? "True" : "true")),
            ogi_expr_text(r, is_python ? "False" : "false"));
    case OGI_RULE_NULL: return ogi_expr_text(r, is_python ? "None" : "null");
    case OGI_RULE_VALUE: return union_of(s, value, OGI_LEN(value));
    case OGI_RULE_OBJECT: return list_of(s, "{", any_member(s), any_member(s), "}");
    case OGI_RULE_ARRAY:
        return list_of(s, "[", ogi_schema_rule(s, OGI_RULE_VALUE),
                       ogi_schema_rule(s, OGI_RULE_VALUE), "]");
    case OGI_RULE_COUNT: break;
    }
    return NULL;
}

/* ---- strings ---- */

/* Formats that are enforced, in ECMAScript's syntax; lengths where they are fixed. */
static const struct {
    const char *name, *pattern;
    int32_t length; /* 0: varies */
} formats[] = {
#define LONG  "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
#define SHORT "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
#define DATE                                                                                       \
    "([0-9]{4}-(" LONG "|" SHORT "|02-(0[1-9]|1[0-9]|2[0-8]))|"                                    \
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)"
#define HOUR "([01][0-9]|2[0-3]):[0-5][0-9]"
#define TIME HOUR ":[0-5][0-9](\\.[0-9]{3})?(Z|[+-]" HOUR ")"
    { "date", "^" DATE "$", 10 },
    { "time", "^" TIME "$", 0 },
    { "date-time", "^" DATE "T" TIME "$", 0 },
    { "uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", 36 },
#undef TIME
#undef HOUR
#undef DATE
#undef SHORT
#undef LONG
};

const char *ogi_schema_format(const char *name, int32_t *length)
{
    for (int i = 0; i < OGI_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) != 0) continue;
        *length = formats[i].length;
        return formats[i].pattern;
    }
    return NULL;
}

static og_status add_pattern(ogi_schema *s, const json_t *v, const ogi_path *path,
                             ogi_patterns *out)
{
    if (!json_is_string(v)) SCHEMA_FAIL(s, OG_E_FORMAT, path, "wants a string");
    if (ogi_schema_has_nul(v))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "U+0000 is supported in constants alone");
    if (out->n + 1 == OGI_SCHEMA_MAX_PATTERNS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "more than %d patterns that must hold",
                    OGI_SCHEMA_MAX_PATTERNS - 1);
    out->text[out->n++] = json_string_value(v);
    return OG_OK;
}

og_status ogi_schema_patterns(ogi_schema *s, const json_t *schema, const ogi_path *path,
                              ogi_patterns *out)
{
    const json_t *pattern = json_object_get(schema, "pattern"), *v;
    const char *name = json_string_value(json_object_get(schema, "format"));
    const ogi_path here = { path, "pattern", 0 };
    size_t i;
    *out = (ogi_patterns){ .n = 0 };
    if (pattern && !json_is_array(pattern)) OG_TRY(add_pattern(s, pattern, &here, out));
    json_array_foreach(pattern, i, v) OG_TRY(add_pattern(s, v, &here, out));
    const char *format = name ? ogi_schema_format(name, &out->length) : NULL;
    if (format) out->text[out->n++] = format;
    if (name && !format) ogi_log(s->ctx, OG_LOG_WARN, "schema: format '%s' is not enforced", name);
    return OG_OK;
}

static og_status quoted(ogi_schema *s, ogi_expr *inside, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    SCHEMA_NEED(inside);
    *out = ogi_expr_join(r, ogi_expr_text(r, "\""), inside, ogi_expr_text(r, "\""), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

static og_status parse_pattern(ogi_schema *s, ogi_sv text, bool is_counted, const ogi_path *path,
                               ogi_expr **out)
{
    ogi_regex_options opt = {
        .is_json = true, .is_search = true, .is_counted = is_counted, .where = "pattern"
    };
    og_status st = ogi_regex_parse(s->ctx, &s->rules, text.p, text.n, &opt, out);
    if (st == OG_OK || st == OG_E_MEMORY) return st;
    char why[600];
    snprintf(why, sizeof why, "%s", og_error(s->ctx));
    og_error_clear(s->ctx);
    SCHEMA_FAIL(s, st, path, "%s", why);
}

/* A string of min to max characters (max -1: no end) that matches all patterns. */
static og_status from_patterns(ogi_schema *s, const ogi_patterns *p, int32_t min, int32_t max,
                               const ogi_path *path, ogi_expr **out)
{
    ogi_expr *inside, *other;
    bool is_counted = min > 0 || max >= 0;
    OG_TRY(parse_pattern(s, ogi_sv_of(p->text[0]), is_counted, path, &inside));
    for (int i = 1; i < p->n; i++) {
        OG_TRY(parse_pattern(s, ogi_sv_of(p->text[i]), false, path, &other));
        inside = ogi_expr_both(&s->rules, inside, other);
    }
    if (is_counted || p->n > 1)
        inside = ogi_expr_count(&s->rules, inside, min, max, ogi_schema_place(s, path));
    return quoted(s, inside, out);
}

og_status ogi_schema_string(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    if (s->notation == OGI_NOTATION_GEMMA) {
        ogi_expr *text;
        OG_TRY(ogi_schema_plain(s, schema, path, OGI_SV(OGI_GEMMA_QUOTE), false, &text));
        *out = ogi_expr_join(&s->rules, ogi_expr_marks(&s->rules, OGI_SV(OGI_GEMMA_QUOTE)), text,
                             NULL);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    int32_t min = 0, max = -1;
    OG_TRY(ogi_schema_count(s, schema, "minLength", path, &min));
    OG_TRY(ogi_schema_count(s, schema, "maxLength", path, &max));
    bool has_length = min > 0 || max >= 0;
    if (max >= 0 && max < min)
        SCHEMA_FAIL(s, OG_E_INVALID, path, "maxLength is below minLength: nothing matches");
    const ogi_path here = { path, "pattern", 0 };
    ogi_patterns p;
    OG_TRY(ogi_schema_patterns(s, schema, path, &p));
    if (p.length && (p.length < min || (max >= 0 && p.length > max)))
        SCHEMA_FAIL(s, OG_E_INVALID, path, "the format has another length: nothing matches");
    if (p.length) min = 0, max = -1; /* is implied */
    if (p.n)
        return from_patterns(s, &p, min, max, json_object_get(schema, "pattern") ? &here : path,
                             out);
    if (!has_length) {
        *out = ogi_schema_rule(s, OGI_RULE_STRING);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    /* Long counts call the letter's rule, short ones expand it. */
    enum { FEW = 4 };
    ogi_expr *letter =
        OGI_MAX(min, max) <= FEW ? letter_body(&s->rules) : ogi_schema_rule(s, OGI_RULE_LETTER);
    return quoted(s, ogi_expr_repeat(&s->rules, letter, min, max), out);
}

/* ---- constants ---- */

/* v compactly; numbers by the fewest digits that read back. */
static char *spell(const json_t *v)
{
    for (int digit = 15; digit <= 17; digit++) {
        size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (size_t)JSON_REAL_PRECISION(digit);
        char *text = json_dumps(v, flags);
        json_t *back = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        bool is_same = back && json_equal(back, v);
        json_decref(back);
        if (is_same || digit == 17) return text;
        free(text);
    }
    return NULL;
}

og_status ogi_schema_constant(ogi_schema *s, const json_t *v, const ogi_path *path, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    bool is_python = s->notation == OGI_NOTATION_PYTHON;
    if (s->notation != OGI_NOTATION_JSON && (json_is_object(v) || json_is_array(v)))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path,
                    "constants that are objects or arrays are not supported in this notation");
    if (ogi_schema_is_rounded(s, v))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path,
                    "a constant is a number of more digits than are kept");
    if (s->notation == OGI_NOTATION_GEMMA && ogi_schema_has_nul(v))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "a constant holds U+0000, as calls cannot write it");
    if (s->notation == OGI_NOTATION_GEMMA && json_is_string(v)) {
        if (strstr(json_string_value(v), OGI_GEMMA_QUOTE))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "a constant holds %s", OGI_GEMMA_QUOTE);
        *out = ogi_expr_join(r, ogi_expr_marks(r, OGI_SV(OGI_GEMMA_QUOTE)),
                             ogi_expr_text(r, json_string_value(v)),
                             ogi_expr_marks(r, OGI_SV(OGI_GEMMA_QUOTE)), NULL);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    if (is_python && (json_is_boolean(v) || json_is_null(v))) {
        *out = ogi_expr_text(r, json_is_true(v) ? "True" : json_is_false(v) ? "False" : "None");
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    char *text = spell(v);
    if (!text) SCHEMA_FAIL(s, OG_E_FORMAT, path, "a constant cannot be written");
    *out = ogi_expr_text(r, text);
    free(text);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* What is not tried on constants, with the types it speaks of. */
static const struct {
    const char *keyword;
    unsigned types;
} untried[] = {
    { "properties", OGI_JSON_OBJECT },
    { "patternProperties", OGI_JSON_OBJECT },
    { "additionalProperties", OGI_JSON_OBJECT },
    { "propertyNames", OGI_JSON_OBJECT },
    { "items", OGI_JSON_ARRAY },
    { "prefixItems", OGI_JSON_ARRAY },
    { "uniqueItems", OGI_JSON_ARRAY },
    { "anyOf", OGI_JSON_ANY },
    { "oneOf", OGI_JSON_ANY },
};

static og_status keeps_count(ogi_schema *s, const json_t *schema, const char *least,
                             const char *most, size_t n, const ogi_path *path, bool *ok)
{
    int32_t min = 0, max = -1;
    OG_TRY(ogi_schema_count(s, schema, least, path, &min));
    OG_TRY(ogi_schema_count(s, schema, most, path, &max));
    *ok = n >= (size_t)min && (max < 0 || n <= (size_t)max);
    return OG_OK;
}

static og_status keeps_string(ogi_schema *s, const json_t *schema, const json_t *v,
                              const ogi_path *path, bool *ok)
{
    const ogi_path here = { path, "pattern", 0 };
    const char *c = json_string_value(v), *end = c + json_string_length(v);
    size_t n = 0;
    ogi_patterns p;
    for (; c < end; c++) n += ((unsigned char)*c & 0xc0) != 0x80;
    OG_TRY(keeps_count(s, schema, "minLength", "maxLength", n, path, ok));
    OG_TRY(ogi_schema_patterns(s, schema, path, &p));
    for (int i = 0; i < p.n && *ok; i++) OG_TRY(ogi_schema_matches(s, p.text[i], v, &here, ok));
    return OG_OK;
}

static bool has_required(const json_t *schema, const json_t *v)
{
    const json_t *list = json_object_get(schema, "required"), *name;
    size_t i;
    json_array_foreach(list, i,
                       name) if (!json_string_value(name) ||
                                 !json_object_get(v, json_string_value(name))) return false;
    return true;
}

/* Does a constant keep what else the schema says? */
static og_status keeps(ogi_schema *s, const json_t *schema, const json_t *v, const ogi_path *path,
                       bool *ok)
{
    for (int i = 0; i < OGI_LEN(untried); i++) {
        const ogi_path here = { path, untried[i].keyword, 0 };
        if ((untried[i].types & ogi_json_type(v)) && json_object_get(schema, untried[i].keyword))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "%s beside enum or const is not supported",
                        untried[i].keyword);
    }
    *ok = true;
    if (json_is_number(v)) return ogi_schema_takes_number(s, schema, v, path, ok);
    if (json_is_string(v)) return keeps_string(s, schema, v, path, ok);
    if (json_is_array(v))
        return keeps_count(s, schema, "minItems", "maxItems", json_array_size(v), path, ok);
    if (!json_is_object(v)) return OG_OK;
    OG_TRY(keeps_count(s, schema, "minProperties", "maxProperties", json_object_size(v), path, ok));
    *ok = *ok && has_required(schema, v);
    return OG_OK;
}

og_status ogi_schema_enum(ogi_schema *s, json_t *schema, json_t *values, const ogi_path *path,
                          ogi_expr **out)
{
    unsigned types;
    OG_TRY(ogi_schema_types(s, schema, path, &types));
    ogi_expr *alt = ogi_expr_alt(&s->rules);
    size_t i;
    json_t *v;
    json_array_foreach(values, i, v)
    {
        bool ok;
        ogi_expr *word;
        if (!(ogi_json_type(v) & types) || ogi_schema_excludes_value(schema, v)) continue;
        OG_TRY(keeps(s, schema, v, path, &ok));
        if (!ok) continue;
        OG_TRY(ogi_schema_constant(s, v, path, &word));
        alt = ogi_expr_add(&s->rules, alt, word);
    }
    SCHEMA_NEED(alt);
    if (!alt->child) SCHEMA_FAIL(s, OG_E_INVALID, path, "none of the constants is allowed");
    *out = alt;
    return OG_OK;
}
