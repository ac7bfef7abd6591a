/* SPDX-License-Identifier: MIT
 *
 * Strings that stand between marks as they are. Only the mark may not occur in them, so that
 * constraints on their characters are refused but for those that fix the text: constants and
 * formats. */
#include <stdio.h>

#include "runtime/text/schema.h"

bool ogi_is_plain_name(ogi_sv name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = (uint8_t)name.p[i];
        if (c <= ' ' || c == 0x7f || strchr("\"'`<>[](){}|\\,:=", c)) return false;
    }
    return name.n > 0 && name.n <= 256;
}

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

static og_status words(ogi_schema *s, json_t *list, const ogi_path *path, ogi_sv mark,
                       bool is_padded, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v)) continue;
        ogi_sv word = { json_string_value(v), json_string_length(v) };
        bool has_break = word.n && (word.p[0] == '\n' || word.p[word.n - 1] == '\n');
        if (contains(word, mark) || (is_padded && has_break))
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

static og_status refuse(ogi_schema *s, const json_t *schema, const char *keyword, bool yes,
                        const ogi_path *path)
{
    const ogi_path here = { path, keyword, 0 };
    if (yes && json_object_get(schema, keyword))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "cannot be enforced, since calls of this model write strings without quotes");
    return OG_OK;
}

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

og_status ogi_schema_plain(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_sv mark,
                           bool is_padded, ogi_expr **out)
{
    static const char *const other[] = {
        "pattern", "$ref", "allOf", "anyOf", "oneOf", "not", "if"
    };
    ogi_rules *r = &s->rules;
    int32_t min = 0, max = -1, length = 0;
    json_t *list;
    OG_TRY(ogi_schema_count(s, schema, "minLength", path, &min));
    OG_TRY(ogi_schema_count(s, schema, "maxLength", path, &max));
    OG_TRY(constants(s, schema, path, &list));
    const char *format = json_string_value(json_object_get(schema, "format"));
    const char *known = format ? ogi_schema_format(format, &length) : NULL;
    bool is_fixed = length && length >= min && (max < 0 || length <= max);
    for (int i = 0; i < OGI_LEN(other); i++) OG_TRY(refuse(s, schema, other[i], true, path));
    OG_TRY(refuse(s, schema, "minLength", min > 0 && !is_fixed, path));
    OG_TRY(refuse(s, schema, "maxLength", !is_fixed, path));
    OG_TRY(refuse(s, schema, "format", list && known, path));
    if (list) return words(s, list, path, mark, is_padded, out);
    if (!known) {
        if (format) ogi_log(s->ctx, OG_LOG_WARN, "schema: format '%s' is not enforced", format);
        return until_rule(s, mark, out);
    }
    ogi_expr *text;
    ogi_regex_options opt = { .where = "format" };
    OG_TRY(ogi_regex_parse(s->ctx, r, known, strlen(known), &opt, &text));
    *out = ogi_expr_join(r, line_break(s, is_padded), text, line_break(s, is_padded),
                         ogi_expr_marks(r, mark), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}
