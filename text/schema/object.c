/* SPDX-License-Identifier: MIT
 *
 * Objects. A name never occurs twice among the declared properties; the names of
 * others are told apart from the declared ones however they are spelled. */
#include <stdlib.h>

#include "text/schema/schema.h"

/* ---- names of additional properties ---- */

/* A tree of the declared names, by code points. */
typedef struct name_node {
    uint32_t c;
    bool is_name; /* a declared name ends here */
    struct name_node *child, *next;
} name_node;

static og_status insert_name(ogi_schema *s, name_node *root, const char *name)
{
    size_t size = strlen(name), n;
    for (const char *p = name; size; p += n, size -= n) {
        uint32_t c = ogi_get_utf8(p, size, &n);
        if (!n) return OG_E_FORMAT; /* the JSON parser lets none through */
        name_node *k = root->child;
        while (k && k->c != c) k = k->next;
        if (!k) {
            k = ogi_arena_alloc(&s->rules.arena, 1, sizeof *k);
            if (!k) return OG_E_MEMORY;
            k->c = c, k->next = root->child;
            root->child = k;
        }
        root = k;
    }
    root->is_name = true;
    return OG_OK;
}

static ogi_expr *hex_digit(ogi_rules *r, unsigned low, unsigned high)
{
    ogi_char_range c[3];
    int64_t n = 0;
    if (low < 10) c[n++] = (ogi_char_range){ '0' + low, '0' + OGI_MIN(high, 9u) };
    if (high >= 10) {
        unsigned from = OGI_MAX(low, 10u) - 10;
        c[n++] = (ogi_char_range){ 'a' + from, 'a' + high - 10 };
        c[n++] = (ogi_char_range){ 'A' + from, 'A' + high - 10 };
    }
    return ogi_expr_class(r, c, n, false);
}

/* Four hexadecimal digits of one UTF-16 unit. */
static ogi_expr *hex_unit(ogi_rules *r, unsigned unit)
{
    ogi_expr *seq = ogi_expr_text(r, "\\u");
    seq = ogi_expr_add(r, ogi_expr_seq(r), seq);
    for (int shift = 12; shift >= 0; shift -= 4)
        seq = ogi_expr_add(r, seq, hex_digit(r, unit >> shift & 15, unit >> shift & 15));
    return seq;
}

static char escape_letter(uint32_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c && c < 0x80 ? strchr(from, (int)c) : NULL;
    return at ? to[at - from] : 0;
}

/* Every spelling of c in a JSON string. */
static ogi_expr *any_spelling(ogi_rules *r, uint32_t c)
{
    ogi_expr *alt = ogi_expr_alt(r);
    ogi_char_range plain = { c, c };
    char letter = escape_letter(c), text[3] = { '\\', letter, 0 };
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
        alt = ogi_expr_add(r, alt, ogi_expr_class(r, &plain, 1, false));
    if (letter) alt = ogi_expr_add(r, alt, ogi_expr_text(r, text));
    if (c < 0x10000) return ogi_expr_add(r, alt, hex_unit(r, c));
    return ogi_expr_add(
        r, alt,
        ogi_expr_join(r, hex_unit(r, 0xd7c0 + (c >> 10)), hex_unit(r, 0xdc00 + (c & 0x3ff)), NULL));
}

/* \uXXXX for all units but those excluded: digit by digit, as a range of prefixes. */
static ogi_expr *other_units(ogi_rules *r, const ogi_charset *excluded, unsigned prefix, int level)
{
    if (level == 4) return ogi_expr_empty(r);
    ogi_expr *alt = ogi_expr_alt(r);
    int shift = 12 - 4 * level;
    for (unsigned d = 0; d < 16; d++) {
        unsigned first = prefix | d << shift, last = first | ((1u << shift) - 1);
        bool is_hit = false, is_all = false;
        for (int64_t i = 0; i < excluded->n; i++) {
            ogi_char_range e = excluded->range[i];
            is_hit = is_hit || (e.low <= last && first <= e.high);
            is_all = is_all || (e.low <= first && last <= e.high);
        }
        if (is_all) continue;
        ogi_expr *rest = is_hit ? other_units(r, excluded, first, level + 1)
                                : ogi_expr_repeat(r, hex_digit(r, 0, 15), 3 - level, 3 - level);
        alt = ogi_expr_add(r, alt, ogi_expr_join(r, hex_digit(r, d, d), rest, NULL));
    }
    return alt;
}

/* One character of a JSON string, however spelled, that is none of the node's children. */
static ogi_expr *other_char(ogi_schema *s, const name_node *node)
{
    static const char escapes[] = "\"\\\b\f\n\r\t";
    ogi_rules *r = &s->rules;
    ogi_charset plain = { .ctx = s->ctx }, units = { .ctx = s->ctx };
    ogi_char_range letter[8];
    int64_t n_letter = 0;
    ogi_charset_add(&plain, 0, 0x1f);
    ogi_charset_add(&plain, '"', '"');
    ogi_charset_add(&plain, '\\', '\\');
    ogi_charset_add(&plain, 0x7f, 0x7f);
    for (const name_node *k = node->child; k; k = k->next) {
        ogi_charset_add(&plain, k->c, k->c);
        /* A pair of surrogates is not taken apart: with a child beyond U+FFFF none is allowed. */
        if (k->c < 0x10000)
            ogi_charset_add(&units, k->c, k->c);
        else
            ogi_charset_add(&units, 0xd800, 0xdfff);
    }
    if (s->is_strict) ogi_charset_add(&units, 0xd800, 0xdfff);
    ogi_charset_sort(&units);
    for (const char *e = escapes; *e; e++) {
        uint32_t c = (uint32_t)escape_letter((uint32_t)*e);
        if (!ogi_charset_has(&units, (uint32_t)*e)) letter[n_letter++] = (ogi_char_range){ c, c };
    }
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), ogi_expr_class(r, plain.range, plain.n, true));
    alt = ogi_expr_add(
        r, alt,
        ogi_expr_join(r, ogi_expr_text(r, "\\"), ogi_expr_class(r, letter, n_letter, false), NULL));
    alt = ogi_expr_add(
        r, alt, ogi_expr_join(r, ogi_expr_text(r, "\\u"), other_units(r, &units, 0, 0), NULL));
    r->failed = r->failed || plain.failed || units.failed;
    ogi_charset_free(&plain);
    ogi_charset_free(&units);
    return alt;
}

/* What may follow inside a name at a node, so that it is no declared name; depth bounds it. */
static ogi_expr *other_tail(ogi_schema *s, const name_node *node, int depth)
{
    ogi_rules *r = &s->rules;
    ogi_expr *any = ogi_expr_repeat(r, ogi_schema_rule(s, OGI_RULE_CHAR), 0, -1);
    ogi_expr *alt =
        ogi_expr_add(r, ogi_expr_alt(r), ogi_expr_join(r, other_char(s, node), any, NULL));
    if (!node->is_name) alt = ogi_expr_add(r, alt, ogi_expr_empty(r));
    for (const name_node *k = node->child; k && depth < OGI_EXPR_MAX_DEPTH; k = k->next)
        alt = ogi_expr_add(
            r, alt, ogi_expr_join(r, any_spelling(r, k->c), other_tail(s, k, depth + 1), NULL));
    return alt;
}

og_status ogi_schema_other_string(ogi_schema *s, const json_t *properties, const ogi_path *path,
                                  ogi_expr **out)
{
    enum { MAX_NAME = 100 };
    name_node root = { 0 };
    const char *key;
    json_t *v;
    *out = ogi_schema_rule(s, OGI_RULE_NAME);
    SCHEMA_NEED(*out);
    if (!json_object_size(properties)) return OG_OK;
    if (s->notation == OGI_NOTATION_GEMMA)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path,
                    "names beside the declared ones are not supported in this notation");
    json_object_foreach((json_t *)(uintptr_t)properties, key, v)
    {
        if (strlen(key) > MAX_NAME)
            SCHEMA_FAIL(s, OG_E_LIMIT, path,
                        "names longer than %d bytes beside additional "
                        "properties are not supported",
                        MAX_NAME);
        OG_TRY(insert_name(s, &root, key));
    }
    ogi_rules *r = &s->rules;
    *out = ogi_expr_join(r, ogi_expr_text(r, "\""), other_tail(s, &root, 0), ogi_expr_text(r, "\""),
                         NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- objects ---- */

typedef struct member {
    int32_t rule; /* "name": value */
    bool is_required, is_other;
} member;

/* A rule of its own for each member: alternatives of optional ones use it twice. */
static og_status member_rule(ogi_schema *s, ogi_expr *body, int32_t *rule)
{
    SCHEMA_NEED(body);
    *rule = ogi_rules_new(&s->rules);
    if (*rule < 0) return OG_E_LIMIT;
    s->rules.rule[*rule].body = body;
    return OG_OK;
}

static ogi_expr *quoted_name(ogi_schema *s, const char *name)
{
    if (s->notation == OGI_NOTATION_GEMMA) return ogi_expr_text(&s->rules, name);
    json_t *v = json_string(name);
    char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    ogi_expr *e = text ? ogi_expr_text(&s->rules, text) : NULL;
    s->rules.failed = s->rules.failed || !e;
    free(text);
    json_decref(v);
    return e;
}

static og_status add_member(ogi_schema *s, const char *name, json_t *schema, const ogi_path *path,
                            member *out)
{
    const ogi_path here = { path, name, 0 };
    ogi_rules *r = &s->rules;
    ogi_expr *value;
    if (s->notation == OGI_NOTATION_GEMMA && !ogi_is_plain_name(ogi_sv_of(name)))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "the name cannot be written in this notation");
    OG_TRY(ogi_schema_visit(s, schema, &here, &value));
    ogi_expr *body =
        ogi_expr_join(r, quoted_name(s, name), ogi_schema_rule(s, OGI_RULE_SPACE),
                      ogi_expr_text(r, ":"), ogi_schema_rule(s, OGI_RULE_SPACE), value, NULL);
    return member_rule(s, body, &out->rule);
}

static og_status add_other(ogi_schema *s, const ogi_other_names *other, const json_t *properties,
                           const ogi_path *path, member *out)
{
    const ogi_path here = { path, "additionalProperties", 0 };
    ogi_rules *r = &s->rules;
    ogi_expr *name = other->name, *value;
    if (!name) OG_TRY(ogi_schema_other_string(s, properties, &here, &name));
    OG_TRY(ogi_schema_visit(s, other->values, &here, &value));
    ogi_expr *body = ogi_expr_join(r, name, ogi_expr_text(r, ":"),
                                   ogi_schema_rule(s, OGI_RULE_SPACE), value, NULL);
    out->is_other = true;
    r->is_tracking_names = true;
    return member_rule(s, body, &out->rule);
}

static ogi_expr *comma_member(ogi_schema *s, const member *m)
{
    ogi_rules *r = &s->rules;
    return ogi_expr_join(r, ogi_expr_text(r, ","), ogi_schema_rule(s, OGI_RULE_SPACE),
                         ogi_expr_rule(r, m->rule), NULL);
}

/* ("," m)? of each optional member from i on, the last possibly many times: a rule, since each is
 * used by all alternatives before it. */
static og_status rest_rule(ogi_schema *s, const member *m, int n, int32_t next, int32_t *rule)
{
    ogi_rules *r = &s->rules;
    ogi_expr *body = ogi_expr_repeat(r, comma_member(s, m), 0, m->is_other ? -1 : 1);
    body = ogi_expr_add(r, ogi_expr_seq(r), body);
    if (n > 1) body = ogi_expr_add(r, body, ogi_expr_rule(r, next));
    return member_rule(s, body, rule);
}

/* The optional members m[0..n): in order, any subset, at least one, without leading comma. */
static og_status optional_members(ogi_schema *s, const member *m, int n, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    int32_t *rest = OGI_NEW_N(s->ctx, int32_t, n + 1);
    og_status st = rest ? OG_OK : OG_E_MEMORY;
    for (int i = n - 1; i >= 0 && st == OG_OK; i--)
        st = rest_rule(s, &m[i], n - i, i + 1 < n ? rest[i + 1] : -1, &rest[i]);
    for (int i = 0; i < n && st == OG_OK; i++) {
        ogi_expr *seq = ogi_expr_add(r, ogi_expr_seq(r), ogi_expr_rule(r, m[i].rule));
        if (m[i].is_other)
            seq = ogi_expr_add(r, seq, ogi_expr_repeat(r, comma_member(s, &m[i]), 0, -1));
        if (i + 1 < n) seq = ogi_expr_add(r, seq, ogi_expr_rule(r, rest[i + 1]));
        alt = ogi_expr_add(r, alt, seq);
    }
    ogi_free(s->ctx, rest);
    *out = alt;
    return st;
}

/* ---- counted members ---- */

/* Optional members of which low to high (-1: no end) must occur. */
typedef struct counted {
    ogi_schema *s;
    const member *m;
    int n, low, high, n_count; /* n_count: counts to tell apart, 0 .. n_count - 1 */
    int32_t *rule;             /* (n + 1) x n_count: what may follow, with commas; -1: nothing */
} counted;

static int32_t *after(const counted *c, int i, int count)
{
    return &c->rule[i * c->n_count + OGI_MIN(count, c->n_count - 1)];
}

/* May members from i on follow when `count` have been chosen? */
static bool is_possible(const counted *c, int i, int count)
{
    bool is_endless = i < c->n && c->m[c->n - 1].is_other;
    return (c->high < 0 || count <= c->high) && (is_endless || count + c->n - i >= c->low);
}

/* Member i, and what may follow it. */
static ogi_expr *then_member(const counted *c, ogi_expr *e, int i, int count)
{
    int next = c->m[i].is_other ? i : i + 1;
    if (!is_possible(c, next, count + 1)) return NULL;
    return ogi_expr_join(&c->s->rules, e, ogi_expr_rule(&c->s->rules, *after(c, next, count + 1)),
                         NULL);
}

static ogi_expr *counted_body(const counted *c, int i, int count)
{
    ogi_rules *r = &c->s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    if (i == c->n) return count >= c->low ? ogi_expr_empty(r) : alt;
    if (is_possible(c, i + 1, count))
        alt = ogi_expr_add(r, alt, ogi_expr_rule(r, *after(c, i + 1, count)));
    ogi_expr *e = then_member(c, comma_member(c->s, &c->m[i]), i, count);
    return e ? ogi_expr_add(r, alt, e) : alt;
}

static og_status counted_rules(const counted *c)
{
    ogi_rules *r = &c->s->rules;
    for (int i = 0; i <= c->n; i++)
        for (int k = 0; k < c->n_count; k++)
            if (is_possible(c, i, k) && (*after(c, i, k) = ogi_rules_new(r)) < 0) return OG_E_LIMIT;
    for (int i = 0; i <= c->n; i++) {
        for (int k = 0; k < c->n_count; k++) {
            if (!is_possible(c, i, k)) continue;
            ogi_expr *body = counted_body(c, i, k);
            SCHEMA_NEED(body);
            r->rule[*after(c, i, k)].body = body;
        }
    }
    return OG_OK;
}

/* With a comma before each (has_first: members stand before them), or between them. */
static og_status counted_members(ogi_schema *s, const member *m, int n, int low, int high,
                                 bool has_first, ogi_expr **out)
{
    enum { MAX_RULES = 20000 };
    counted c = { .s = s, .m = m, .n = n, .low = low, .high = high };
    c.n_count = OGI_MAX(high < 0 ? low : high, 0) + 1;
    if ((int64_t)(n + 1) * c.n_count > MAX_RULES)
        OG_FAIL(s->ctx, OG_E_LIMIT, "%s: too many properties to count", s->where);
    c.rule = OGI_NEW_N(s->ctx, int32_t, (n + 1) * c.n_count);
    if (!c.rule) return OG_E_MEMORY;
    ogi_rules *r = &s->rules;
    og_status st = counted_rules(&c);
    *out = ogi_expr_alt(r);
    if (has_first && st == OG_OK) {
        *out = ogi_expr_add(r, *out, ogi_expr_rule(r, *after(&c, 0, 0)));
    } else if (st == OG_OK) {
        if (low == 0) *out = ogi_expr_add(r, *out, ogi_expr_empty(r));
        for (int i = 0; i < n; i++) {
            ogi_expr *e = then_member(&c, ogi_expr_rule(r, m[i].rule), i, 0);
            if (e) *out = ogi_expr_add(r, *out, e);
        }
    }
    ogi_free(s->ctx, c.rule);
    return st;
}

/* ---- the whole object ---- */

/* Required members in order, then a subset of the others in order. */
static og_status join_members(ogi_schema *s, member *m, int n, int low, int high, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_expr *seq = ogi_expr_add(r, ogi_expr_seq(r), ogi_expr_text(r, "{"));
    seq = ogi_expr_add(r, seq, ogi_schema_rule(s, OGI_RULE_SPACE));
    int n_required = 0, n_other = 0;
    for (int i = 0; i < n; i++) {
        if (!m[i].is_required) {
            m[n_other++] = m[i];
            continue;
        }
        seq = ogi_expr_add(r, seq,
                           n_required++ ? comma_member(s, &m[i]) : ogi_expr_rule(r, m[i].rule));
    }
    bool is_counted = low > n_required || high >= 0;
    ogi_expr *some = NULL;
    if (n_other && is_counted) {
        OG_TRY(counted_members(s, m, n_other, OGI_MAX(low - n_required, 0),
                               high < 0 ? -1 : high - n_required, n_required > 0, &some));
        seq = ogi_expr_add(r, seq, some);
    } else if (n_other) {
        OG_TRY(optional_members(s, m, n_other, &some));
        if (n_required)
            some = ogi_expr_join(r, ogi_expr_text(r, ","), ogi_schema_rule(s, OGI_RULE_SPACE), some,
                                 NULL);
        seq = ogi_expr_add(r, seq, ogi_expr_repeat(r, some, 0, 1));
    }
    seq = ogi_expr_add(r, seq, ogi_schema_rule(s, OGI_RULE_SPACE));
    *out = ogi_expr_add(r, seq, ogi_expr_text(r, "}"));
    SCHEMA_NEED(*out);
    return OG_OK;
}

static bool is_required(const json_t *required, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(required, i, v) if (!strcmp(json_string_value(v), name)) return true;
    return false;
}

/* Names that are required but not declared become properties. */
static og_status declare_required(ogi_schema *s, const json_t *required, json_t *properties,
                                  json_t *extra, const ogi_path *path)
{
    const ogi_path here = { path, "required", 0 };
    size_t i;
    json_t *v;
    if (required && !json_is_array(required))
        SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list of names");
    json_array_foreach(required, i, v)
    {
        if (!json_is_string(v)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list of names");
        if (json_object_get(properties, json_string_value(v))) continue;
        json_object_set(properties, json_string_value(v), extra ? extra : json_true());
    }
    return OG_OK;
}

/* minProperties and maxProperties, the latter -1 where it says nothing about n_max members. */
static og_status read_counts(ogi_schema *s, const json_t *schema, int n_min, int n_max,
                             const ogi_path *path, int32_t *min, int32_t *max)
{
    *min = 0, *max = -1;
    OG_TRY(ogi_schema_count(s, schema, "minProperties", path, min));
    OG_TRY(ogi_schema_count(s, schema, "maxProperties", path, max));
    if ((n_max >= 0 && *min > n_max) || (*max >= 0 && (*max < n_min || *max < *min)))
        SCHEMA_FAIL(s, OG_E_INVALID, path, "minProperties and maxProperties: nothing matches");
    if (n_max >= 0 && *max >= n_max) *max = -1;
    return OG_OK;
}

/* The members of properties that may occur. */
static og_status add_members(ogi_schema *s, json_t *all, const json_t *required,
                             const ogi_path *path, member *m, int *n, int *n_required)
{
    const ogi_path here = { path, "properties", 0 };
    const char *key;
    json_t *v;
    json_object_foreach(all, key, v)
    {
        bool is_needed = is_required(required, key);
        if (json_is_false(v) && !is_needed) continue;
        OG_TRY(add_member(s, key, v, &here, &m[*n]));
        m[(*n)++].is_required = is_needed;
        *n_required += is_needed;
    }
    return OG_OK;
}

static og_status object_of(ogi_schema *s, json_t *schema, json_t *all, const ogi_other_names *other,
                           const ogi_path *path, ogi_expr **out)
{
    bool has_other = !json_is_false(other->values);
    member *m = OGI_NEW_N(s->ctx, member, json_object_size(all) + 1);
    int n = 0, n_required = 0;
    int32_t min = 0, max = -1;
    if (!m) return OG_E_MEMORY;
    og_status st =
        add_members(s, all, json_object_get(schema, "required"), path, m, &n, &n_required);
    if (st == OG_OK) st = read_counts(s, schema, n_required, has_other ? -1 : n, path, &min, &max);
    if (st == OG_OK && has_other) st = add_other(s, other, all, path, &m[n++]);
    if (st == OG_OK) st = join_members(s, m, n, min, max, out);
    ogi_free(s->ctx, m);
    return st;
}

og_status ogi_schema_object(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    json_t *declared = json_object_get(schema, "properties");
    json_t *extra = json_object_get(schema, "additionalProperties");
    json_t *required = json_object_get(schema, "required");
    const ogi_path here = { path, "properties", 0 };
    if (declared && !json_is_object(declared))
        SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants an object");
    json_t *all = ogi_schema_keep(s, declared ? json_copy(declared) : json_object());
    if (!all) return OG_E_MEMORY;
    /* With names declared, others must be asked for. */
    bool has_declared = json_object_size(all) || json_array_size(required);
    ogi_other_names other = { NULL, extra ? extra : has_declared ? json_false() : json_true() };
    OG_TRY(ogi_schema_name_patterns(s, schema, all, path, &other));
    OG_TRY(declare_required(s, required, all, extra, path));
    OG_TRY(ogi_schema_name_limits(s, schema, all, path, &other));
    size_t n_all = json_object_size(all);
    if (n_all > 2000) SCHEMA_FAIL(s, OG_E_LIMIT, &here, "more than 2000 properties");
    bool is_counted =
        json_object_get(schema, "minProperties") || json_object_get(schema, "maxProperties");
    if (n_all || !json_is_true(other.values) || other.name || is_counted)
        return object_of(s, schema, all, &other, path, out);
    *out = ogi_schema_rule(s, OGI_RULE_OBJECT);
    SCHEMA_NEED(*out);
    return OG_OK;
}
