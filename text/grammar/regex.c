/* SPDX-License-Identifier: MIT
 *
 * ECMAScript's regular expressions without what no automaton can do: look-around, back references,
 * word boundaries. Groups do not capture; lazy and greedy are the same language. */
#include "text/grammar/regex.h"

enum { MAX_DEPTH = OGI_EXPR_MAX_DEPTH / 4, MAX_COUNT = 2000 };

typedef struct regex {
    og_ctx *ctx;
    ogi_rules *r;
    const ogi_regex_options *opt;
    const char *begin, *p, *end;
    int depth;
    ogi_charset set;
} regex;

static og_status bad(const regex *x, int line, og_status code, const char *what)
{
    return ogi_fail(x->ctx, code, __FILE__, line, "%s, at byte %d: %s", x->opt->where,
                    (int)(x->p - x->begin), what);
}

#define BAD(x, what)         return bad((x), __LINE__, OG_E_FORMAT, (what))
#define UNSUPPORTED(x, what) return bad((x), __LINE__, OG_E_UNSUPPORTED, (what))

static char peek(const regex *x)
{
    return x->p < x->end ? *x->p : 0;
}

static bool take(regex *x, const char *s)
{
    size_t n = strlen(s);
    if ((size_t)(x->end - x->p) < n || memcmp(x->p, s, n) != 0) return false;
    x->p += n;
    return true;
}

/* The set collected so far, as one character of the text. */
static og_status finish_set(regex *x, ogi_expr **out)
{
    ogi_charset_sort(&x->set);
    if (x->set.failed) return OG_E_MEMORY;
    *out = x->opt->is_json ? ogi_expr_json_char(x->r, &x->set)
                           : ogi_expr_class(x->r, x->set.range, x->set.n, false);
    x->set.n = 0;
    if (x->opt->is_counted)
        *out =
            ogi_expr_add(x->r, ogi_expr_add(x->r, ogi_expr_seq(x->r), *out), ogi_expr_unit(x->r));
    return *out ? OG_OK : OG_E_LIMIT;
}

/* ---- characters ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static og_status read_hex(regex *x, int digits, uint32_t *c)
{
    *c = 0;
    for (int i = 0; i < digits; i++, x->p++) {
        int v = hex_value(peek(x));
        if (v < 0) BAD(x, "an escape lacks hexadecimal digits");
        *c = *c << 4 | (uint32_t)v;
    }
    return OG_OK;
}

static og_status read_unicode_escape(regex *x, uint32_t *c)
{
    if (take(x, "{")) {
        for (*c = 0; hex_value(peek(x)) >= 0 && *c <= OGI_CHAR_MAX; x->p++)
            *c = *c << 4 | (uint32_t)hex_value(*x->p);
        if (!take(x, "}")) BAD(x, "\\u{ lacks its }");
    } else {
        OG_TRY(read_hex(x, 4, c));
        uint32_t low;
        if (*c >= 0xd800 && *c < 0xdc00 && take(x, "\\u")) {
            OG_TRY(read_hex(x, 4, &low));
            if (low < 0xdc00 || low >= 0xe000) BAD(x, "a surrogate lacks its other half");
            *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    if (*c > OGI_CHAR_MAX || (*c >= 0xd800 && *c < 0xe000)) BAD(x, "an escape is no character");
    return OG_OK;
}

/* \d \w \s and their opposites go to the set; *is_class tells. */
static void add_class_escape(regex *x, char c, bool *is_class)
{
    static const ogi_char_range digit[] = { { '0', '9' } };
    static const ogi_char_range word[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } };
    static const ogi_char_range space[] = {
        { 9, 13 },          { 32, 32 },         { 0xa0, 0xa0 },     { 0x1680, 0x1680 },
        { 0x2000, 0x200a }, { 0x2028, 0x2029 }, { 0x202f, 0x202f }, { 0x205f, 0x205f },
        { 0x3000, 0x3000 }, { 0xfeff, 0xfeff },
    };
    char lower = (char)(c | 32);
    const ogi_char_range *range = lower == 'd' ? digit : lower == 'w' ? word : space;
    int n = lower == 'd' ? OGI_LEN(digit) : lower == 'w' ? OGI_LEN(word) : OGI_LEN(space);
    *is_class = lower == 'd' || lower == 'w' || lower == 's';
    if (!*is_class) return;
    ogi_charset one = { .ctx = x->ctx };
    for (int i = 0; i < n; i++) ogi_charset_add(&one, range[i].low, range[i].high);
    if (c != lower) ogi_charset_invert(&one);
    for (int64_t i = 0; i < one.n; i++)
        ogi_charset_add(&x->set, one.range[i].low, one.range[i].high);
    x->set.failed = x->set.failed || one.failed;
    ogi_charset_free(&one);
}

/* After a backslash: one character in *c, or a class in the set. */
static og_status read_escape(regex *x, bool is_in_class, uint32_t *c, bool *is_class)
{
    static const char from[] = "nrtfv0", to[] = "\n\r\t\f\v\0";
    char e = peek(x);
    *is_class = false;
    if (x->p == x->end) BAD(x, "the expression ends with a backslash");
    add_class_escape(x, e, is_class);
    if (*is_class) {
        x->p++;
        return OG_OK;
    }
    if (is_in_class && e == 'b') {
        x->p++;
        *c = '\b';
        return OG_OK;
    }
    if (e == 'b' || e == 'B') UNSUPPORTED(x, "word boundaries are not supported");
    if (e == 'p' || e == 'P') UNSUPPORTED(x, "Unicode properties are not supported");
    if ((e >= '1' && e <= '9') || e == 'k') UNSUPPORTED(x, "back references are not supported");
    const char *at = e ? strchr(from, e) : NULL;
    if (at) {
        x->p++;
        *c = (uint32_t)to[at - from];
        return OG_OK;
    }
    if (take(x, "x")) return read_hex(x, 2, c);
    if (take(x, "u")) return read_unicode_escape(x, c);
    if (take(x, "c")) {
        char l = (char)(peek(x) | 32);
        if (l < 'a' || l > 'z') BAD(x, "\\c wants a letter");
        x->p++;
        *c = (uint32_t)(l & 31);
        return OG_OK;
    }
    if ((e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z')) BAD(x, "there is no such escape");
    size_t n;
    *c = ogi_get_utf8(x->p, (size_t)(x->end - x->p), &n);
    if (!n) BAD(x, "the expression is not valid UTF-8");
    x->p += n;
    return OG_OK;
}

static og_status read_char(regex *x, bool is_in_class, uint32_t *c, bool *is_class)
{
    if (take(x, "\\")) return read_escape(x, is_in_class, c, is_class);
    size_t n;
    *is_class = false;
    *c = ogi_get_utf8(x->p, (size_t)(x->end - x->p), &n);
    if (!n) BAD(x, "the expression is not valid UTF-8");
    x->p += n;
    return OG_OK;
}

static og_status read_class(regex *x, ogi_expr **out)
{
    bool is_negated = take(x, "^");
    x->set.n = 0;
    while (!take(x, "]")) {
        uint32_t low, high;
        bool is_class, is_other;
        if (x->p == x->end) BAD(x, "a character class does not end");
        OG_TRY(read_char(x, true, &low, &is_class));
        if (is_class) continue;
        high = low;
        if (x->end - x->p >= 2 && x->p[0] == '-' && x->p[1] != ']') {
            x->p++;
            OG_TRY(read_char(x, true, &high, &is_other));
            if (is_other) BAD(x, "a range ends with a class");
            if (high < low) BAD(x, "a range runs backwards");
        }
        ogi_charset_add(&x->set, low, high);
    }
    if (is_negated) ogi_charset_invert(&x->set);
    return finish_set(x, out);
}

/* ---- structure ---- */

static og_status read_alternatives(regex *x, ogi_expr **out);

static og_status read_group(regex *x, ogi_expr **out)
{
    if (take(x, "?=") || take(x, "?!") || take(x, "?<=") || take(x, "?<!"))
        UNSUPPORTED(x, "look-around is not supported");
    if (take(x, "?<")) {
        while (x->p < x->end && *x->p != '>') x->p++;
        if (!take(x, ">")) BAD(x, "a group's name does not end");
    } else if (!take(x, "?:") && peek(x) == '?') {
        UNSUPPORTED(x, "this kind of group is not supported");
    }
    if (++x->depth > MAX_DEPTH) BAD(x, "groups are nested too deep");
    OG_TRY(read_alternatives(x, out));
    if (!take(x, ")")) BAD(x, "')' is missing");
    x->depth--;
    return OG_OK;
}

static og_status read_atom(regex *x, ogi_expr **out)
{
    uint32_t c;
    bool is_class;
    if (take(x, "(")) return read_group(x, out);
    if (take(x, "[")) return read_class(x, out);
    x->set.n = 0;
    if (take(x, ".")) {
        ogi_charset_add(&x->set, '\n', '\n');
        ogi_charset_add(&x->set, '\r', '\r');
        ogi_charset_add(&x->set, 0x2028, 0x2029);
        ogi_charset_invert(&x->set);
        return finish_set(x, out);
    }
    if (strchr("*+?{", peek(x)) && peek(x)) BAD(x, "there is nothing to repeat");
    if (peek(x) == '^' || peek(x) == '$')
        UNSUPPORTED(x, "anchors are supported only at the ends of the expression");
    OG_TRY(read_char(x, false, &c, &is_class));
    if (!is_class) ogi_charset_add(&x->set, c, c);
    return finish_set(x, out);
}

static og_status read_count(regex *x, int32_t *n)
{
    int64_t v = 0;
    const char *digits = x->p;
    for (char c; (c = peek(x)) >= '0' && c <= '9'; x->p++)
        if ((v = v * 10 + (c - '0')) > MAX_COUNT)
            return bad(x, __LINE__, OG_E_LIMIT, "a repetition count is above 2000");
    if (x->p == digits) BAD(x, "a repetition wants a number");
    *n = (int32_t)v;
    return OG_OK;
}

static og_status read_quantifier(regex *x, ogi_expr **atom, bool *found)
{
    int32_t min = 0, max = -1;
    *found = true;
    if (take(x, "?")) {
        max = 1;
    } else if (take(x, "+")) {
        min = 1;
    } else if (take(x, "{")) {
        OG_TRY(read_count(x, &min));
        max = min;
        if (take(x, ",")) {
            max = -1;
            if (peek(x) != '}') OG_TRY(read_count(x, &max));
        }
        if (!take(x, "}")) BAD(x, "a repetition lacks its '}'");
        if (max >= 0 && max < min) BAD(x, "a repetition's maximum is below its minimum");
    } else if (!take(x, "*")) {
        *found = false;
        return OG_OK;
    }
    if (take(x, "+")) UNSUPPORTED(x, "possessive repetition is not supported");
    take(x, "?"); /* lazy */
    *atom = ogi_expr_repeat(x->r, *atom, min, max);
    return *atom ? OG_OK : OG_E_LIMIT;
}

/* Any text, for what stands around an unanchored expression. */
static og_status any_text(regex *x, ogi_expr **out)
{
    ogi_expr *one;
    x->set.n = 0;
    ogi_charset_add(&x->set, 0, OGI_CHAR_MAX);
    OG_TRY(finish_set(x, &one));
    *out = ogi_expr_repeat(x->r, one, 0, -1);
    return *out ? OG_OK : OG_E_LIMIT;
}

/* One alternative; at the top level it may be anchored. */
static og_status read_sequence(regex *x, ogi_expr *seq)
{
    bool is_top = x->depth == 0;
    if (is_top && !take(x, "^") && x->opt->is_search) {
        ogi_expr *any;
        OG_TRY(any_text(x, &any));
        if (!ogi_expr_add(x->r, seq, any)) return OG_E_LIMIT;
    }
    while (x->p < x->end && *x->p != '|' && *x->p != ')') {
        ogi_expr *atom;
        bool found, is_last = x->p + 1 == x->end || x->p[1] == '|';
        if (is_top && *x->p == '$' && is_last) {
            x->p++;
            return OG_OK;
        }
        OG_TRY(read_atom(x, &atom));
        OG_TRY(read_quantifier(x, &atom, &found));
        if (found && strchr("*+?{", peek(x)) && peek(x)) BAD(x, "a repetition is repeated");
        if (!ogi_expr_add(x->r, seq, atom)) return OG_E_LIMIT;
    }
    if (is_top && x->opt->is_search) {
        ogi_expr *any;
        OG_TRY(any_text(x, &any));
        if (!ogi_expr_add(x->r, seq, any)) return OG_E_LIMIT;
    }
    return OG_OK;
}

static og_status read_alternatives(regex *x, ogi_expr **out)
{
    ogi_expr *alt = ogi_expr_alt(x->r);
    do {
        ogi_expr *seq = ogi_expr_seq(x->r);
        if (!seq) return OG_E_LIMIT;
        OG_TRY(read_sequence(x, seq));
        if (!ogi_expr_add(x->r, alt, seq)) return OG_E_LIMIT;
    } while (take(x, "|"));
    *out = alt;
    return OG_OK;
}

og_status ogi_regex_parse(og_ctx *ctx, ogi_rules *r, const char *text, size_t n,
                          const ogi_regex_options *opt, ogi_expr **out)
{
    regex x = { ctx, r, opt, text, text, text + n, 0, { .ctx = ctx } };
    *out = NULL;
    og_status s = read_alternatives(&x, out);
    if (s == OG_OK && x.p < x.end) s = bad(&x, __LINE__, OG_E_FORMAT, "')' without '('");
    ogi_charset_free(&x.set);
    return s;
}

og_status og_grammar_regex(og_ctx *ctx, const char *text, size_t n, const og_vocab_view *vocab,
                           og_grammar **out)
{
    OGI_NEEDS(ctx, ctx && out && (text || !n));
    static const ogi_regex_options opt = { .where = "regular expression" };
    *out = NULL;
    if (n > OGI_GRAMMAR_MAX_TEXT)
        OG_FAIL(ctx, OG_E_LIMIT, "regular expression: more than %d bytes", OGI_GRAMMAR_MAX_TEXT);
    ogi_rules r;
    ogi_rules_init(&r, ctx);
    int32_t root = ogi_rules_new(&r);
    ogi_expr *body = NULL;
    og_status s = root < 0 ? OG_E_MEMORY : ogi_regex_parse(ctx, &r, text, n, &opt, &body);
    if (s == OG_OK) {
        r.rule[root].body = body;
        s = ogi_grammar_compile(ctx, &r, root, vocab, out);
    }
    ogi_rules_free(&r);
    return s;
}
