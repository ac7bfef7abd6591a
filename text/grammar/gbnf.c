/* SPDX-License-Identifier: MIT
 *
 * GBNF, as llama.cpp reads it. A rule is `name ::= alternatives`; it ends at a newline outside
 * parentheses, unless the line ends right after `::=` or `|`. */
#include "text/grammar/grammar.h"

enum { MAX_COUNT = 2000, MAX_RANGES = 1 << 16 };

typedef struct gbnf {
    og_ctx *ctx;
    ogi_rules *r;
    const og_vocab_view *vocab;
    const char *begin, *p, *end;
    int depth; /* of parentheses */
    ogi_buf text;
    ogi_char_range *range; /* of the class being read */
    int64_t range_cap;
} gbnf;

static og_status bad(gbnf *g, int line, og_status code, const char *what)
{
    int row = 1, column = 1;
    for (const char *p = g->begin; p < g->p; p++, column++)
        if (*p == '\n') row++, column = 0;
    return ogi_fail(g->ctx, code, __FILE__, line, "grammar, line %d, column %d: %s", row, column,
                    what);
}

#define BAD(g, what) return bad((g), __LINE__, OG_E_FORMAT, (what))

static char peek(const gbnf *g, int ahead)
{
    return g->end - g->p > ahead ? g->p[ahead] : 0;
}

static bool take(gbnf *g, const char *s)
{
    size_t n = strlen(s);
    if ((size_t)(g->end - g->p) < n || memcmp(g->p, s, n) != 0) return false;
    g->p += n;
    return true;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/* Blanks and comments; newlines too where they do not end a rule. */
static void skip_space(gbnf *g, bool is_newline_ok)
{
    for (;;) {
        char c = peek(g, 0);
        if (g->p < g->end && c == '#') {
            while (g->p < g->end && *g->p != '\n' && *g->p != '\r') g->p++;
        } else if (c == ' ' || c == '\t' || (is_newline_ok && (c == '\n' || c == '\r'))) {
            g->p++;
        } else {
            return;
        }
    }
}

static og_status read_name(gbnf *g, ogi_sv *name)
{
    const char *from = g->p;
    while (is_name_char(peek(g, 0))) g->p++;
    *name = (ogi_sv){ from, (size_t)(g->p - from) };
    if (!name->n) BAD(g, "a rule's name is expected");
    return OG_OK;
}

static og_status read_hex(gbnf *g, int digits, uint32_t *c)
{
    *c = 0;
    for (int i = 0; i < digits; i++, g->p++) {
        char h = peek(g, 0);
        uint32_t v;
        if (h >= '0' && h <= '9')
            v = (uint32_t)(h - '0');
        else if ((h | 32) >= 'a' && (h | 32) <= 'f')
            v = (uint32_t)((h | 32) - 'a' + 10);
        else
            BAD(g, "an escape lacks hexadecimal digits");
        *c = *c << 4 | v;
    }
    if (*c > OGI_CHAR_MAX || (*c >= 0xd800 && *c < 0xe000)) BAD(g, "an escape is no character");
    return OG_OK;
}

/* One character of a string or class, escapes resolved. */
static og_status read_char(gbnf *g, uint32_t *c)
{
    if (take(g, "\\")) {
        static const char from[] = "trn\\\"[]", to[] = "\t\r\n\\\"[]";
        char e = peek(g, 0);
        const char *at = e ? strchr(from, e) : NULL;
        if (!at && e != 'x' && e != 'u' && e != 'U') BAD(g, "there is no such escape");
        g->p++;
        if (!at) return read_hex(g, e == 'x' ? 2 : e == 'u' ? 4 : 8, c);
        *c = (uint32_t)to[at - from];
        return OG_OK;
    }
    size_t n;
    *c = ogi_get_utf8(g->p, (size_t)(g->end - g->p), &n);
    if (!n) BAD(g, "the grammar is not valid UTF-8");
    g->p += n;
    return OG_OK;
}

static og_status read_string(gbnf *g, ogi_expr **out)
{
    g->p++;
    g->text.n = 0;
    while (!take(g, "\"")) {
        uint32_t c;
        if (g->p == g->end) BAD(g, "a string does not end");
        OG_TRY(read_char(g, &c));
        ogi_put_utf8(&g->text, c);
    }
    if (g->text.failed) return OG_E_MEMORY;
    *out = ogi_expr_bytes(g->r, ogi_buf_str(&g->text), g->text.n);
    return OG_OK;
}

static og_status read_class(gbnf *g, ogi_expr **out)
{
    g->p++;
    bool is_negated = take(g, "^");
    int64_t n = 0;
    while (!take(g, "]")) {
        ogi_char_range c;
        if (g->p == g->end) BAD(g, "a character class does not end");
        if (n == MAX_RANGES) BAD(g, "a character class is too long");
        OG_TRY(read_char(g, &c.low));
        c.high = c.low;
        if (peek(g, 0) == '-' && peek(g, 1) != ']') {
            g->p++;
            if (g->p == g->end) BAD(g, "a character class does not end");
            OG_TRY(read_char(g, &c.high));
        }
        OG_TRY(ogi_grow(g->ctx, &g->range, &g->range_cap, n + 1, sizeof *g->range));
        g->range[n++] = c;
    }
    *out = ogi_expr_class(g->r, g->range, n, is_negated);
    return OG_OK;
}

/* <[id]> or <text>, where text with its brackets is one token. */
static og_status read_token(gbnf *g, ogi_expr **out)
{
    bool is_negated = take(g, "!");
    const char *from = g->p;
    if (!take(g, "<")) BAD(g, "'!' wants a token: <[id]> or <text>");
    int64_t id = 0;
    if (take(g, "[")) {
        const char *digits = g->p;
        for (char c; (c = peek(g, 0)) >= '0' && c <= '9' && id < INT32_MAX; g->p++)
            id = id * 10 + (c - '0');
        if (g->p == digits || id >= INT32_MAX || !take(g, "]>"))
            BAD(g, "a token wants the form <[id]>");
        if (g->vocab && id >= g->vocab->n_tokens) BAD(g, "a token's id is not in the vocabulary");
    } else {
        while (g->p < g->end && *g->p != '>') g->p++;
        if (!take(g, ">")) BAD(g, "a token lacks its '>'");
        if (!g->vocab || !g->vocab->token_of)
            BAD(g, "a token given as text needs a vocabulary; <[id]> does not");
        id = g->vocab->token_of(g->vocab->user, from, (size_t)(g->p - from));
        if (id < 0) BAD(g, "the text between < and > is not exactly one token");
    }
    *out = ogi_expr_token(g->r, (int32_t)id, is_negated);
    return OG_OK;
}

static og_status read_count(gbnf *g, int32_t *n)
{
    int64_t v = 0;
    const char *digits = g->p;
    for (char c; (c = peek(g, 0)) >= '0' && c <= '9'; g->p++) {
        v = v * 10 + (c - '0');
        if (v > MAX_COUNT) BAD(g, "a repetition count is above 2000");
    }
    if (g->p == digits) BAD(g, "a repetition wants a number");
    *n = (int32_t)v;
    return OG_OK;
}

/* What may follow an item: * + ? {m} {m,} {m,n}. */
static og_status read_repetition(gbnf *g, ogi_expr **item)
{
    int32_t min = 0, max = -1;
    bool is_newline_ok = g->depth > 0;
    if (take(g, "?")) {
        max = 1;
    } else if (take(g, "+")) {
        min = 1;
    } else if (!take(g, "*")) {
        g->p++;
        skip_space(g, is_newline_ok);
        OG_TRY(read_count(g, &min));
        skip_space(g, is_newline_ok);
        max = min;
        if (take(g, ",")) {
            max = -1;
            skip_space(g, is_newline_ok);
            if (peek(g, 0) != '}') OG_TRY(read_count(g, &max));
            skip_space(g, is_newline_ok);
        }
        if (!take(g, "}")) BAD(g, "a repetition lacks its '}'");
        if (max >= 0 && max < min) BAD(g, "a repetition's maximum is below its minimum");
    }
    *item = ogi_expr_repeat(g->r, *item, min, max);
    return OG_OK;
}

static og_status read_alternatives(gbnf *g, ogi_expr **out);

/* One item; *out stays NULL where none begins. */
static og_status read_item(gbnf *g, ogi_expr **out)
{
    char c = peek(g, 0);
    *out = NULL;
    if (c == '"') return read_string(g, out);
    if (c == '[') return read_class(g, out);
    if (c == '<' || c == '!') return read_token(g, out);
    if (take(g, ".")) {
        *out = ogi_expr_class(g->r, NULL, 0, true);
        return OG_OK;
    }
    if (is_name_char(c)) {
        ogi_sv name;
        OG_TRY(read_name(g, &name));
        *out = ogi_expr_rule(g->r, ogi_rules_get(g->r, name));
        return OG_OK;
    }
    if (c != '(') return OG_OK;
    if (++g->depth >= OGI_EXPR_MAX_DEPTH / 4)
        return bad(g, __LINE__, OG_E_LIMIT, "parentheses are nested too deep");
    g->p++;
    skip_space(g, true);
    OG_TRY(read_alternatives(g, out));
    if (!take(g, ")")) BAD(g, "')' is missing");
    g->depth--;
    return OG_OK;
}

static og_status read_sequence(gbnf *g, ogi_expr *seq)
{
    for (;;) {
        const char *before = g->p;
        ogi_expr *item;
        OG_TRY(read_item(g, &item));
        if (g->p == before) return OG_OK;
        /* An item that failed to be built has left its error behind. */
        if (!item) return OG_E_LIMIT;
        skip_space(g, g->depth > 0);
        /* The item stays open until it is clear that no repetition follows. */
        for (char c; (c = peek(g, 0)) == '*' || c == '+' || c == '?' || c == '{';) {
            OG_TRY(read_repetition(g, &item));
            if (!item) return OG_E_LIMIT;
            skip_space(g, g->depth > 0);
        }
        if (!ogi_expr_add(g->r, seq, item)) return OG_E_LIMIT;
    }
}

static og_status read_alternatives(gbnf *g, ogi_expr **out)
{
    ogi_expr *alt = ogi_expr_alt(g->r);
    do {
        skip_space(g, true);
        ogi_expr *seq = ogi_expr_seq(g->r);
        if (!seq) return OG_E_LIMIT;
        OG_TRY(read_sequence(g, seq));
        if (!ogi_expr_add(g->r, alt, seq)) return OG_E_LIMIT;
    } while (take(g, "|"));
    *out = alt;
    return OG_OK;
}

static og_status read_rule(gbnf *g)
{
    ogi_sv name;
    ogi_expr *body;
    OG_TRY(read_name(g, &name));
    skip_space(g, false);
    if (!take(g, "::=")) BAD(g, "'::=' is expected after a rule's name");
    OG_TRY(read_alternatives(g, &body));
    if (g->p < g->end && *g->p != '\n' && *g->p != '\r')
        BAD(g, "what stands here belongs to no rule");
    int32_t rule = ogi_rules_get(g->r, name);
    if (rule < 0) return OG_E_LIMIT;
    g->r->rule[rule].body = body; /* the last definition counts */
    skip_space(g, true);
    return OG_OK;
}

static og_status parse(gbnf *g, const char *root, int32_t *root_rule)
{
    for (skip_space(g, true); g->p < g->end;) OG_TRY(read_rule(g));
    int64_t i = ogi_map_get(&g->r->by_name, ogi_sv_of(root), -1);
    if (i < 0 || !g->r->rule[i].body)
        OG_FAIL(g->ctx, OG_E_FORMAT, "grammar: there is no rule '%s' to start with", root);
    *root_rule = (int32_t)i;
    return OG_OK;
}

og_status og_grammar_gbnf(og_ctx *ctx, const char *text, size_t n, const char *root,
                          const og_vocab_view *vocab, og_grammar **out)
{
    OGI_NEEDS(ctx, ctx && out && (text || !n));
    *out = NULL;
    if (n > OGI_GRAMMAR_MAX_TEXT)
        OG_FAIL(ctx, OG_E_LIMIT, "grammar: more than %d bytes", OGI_GRAMMAR_MAX_TEXT);
    ogi_rules r;
    ogi_rules_init(&r, ctx);
    ogi_sv body = ogi_sv_skip_bom((ogi_sv){ text, n });
    gbnf g = { ctx, &r, vocab, body.p, body.p, body.p + body.n, 0, { .ctx = ctx }, NULL, 0 };
    int32_t rule = -1;
    og_status s = parse(&g, root, &rule);
    if (s == OG_OK) s = ogi_grammar_compile(ctx, &r, rule, vocab, out);
    ogi_buf_free(&g.text);
    ogi_free(ctx, g.range);
    ogi_rules_free(&r);
    return s;
}
