/* SPDX-License-Identifier: MIT
 *
 * Grammars: regular expressions, hostile input, masks against the slow truth. */
#include "oxigraph/grammar.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

/* ---- a context that knows how much memory was in use ---- */

typedef struct heap {
    int64_t live, peak;
    int64_t n, fail_at; /* the n-th request fails; 0: none */
} heap;

static void *heap_realloc(void *user, void *p, size_t size)
{
    heap *h = user;
    size_t *old = p ? (size_t *)p - 2 : NULL, before = old ? *old : 0;
    if (!size) {
        h->live -= (int64_t)before;
        free(old);
        return NULL;
    }
    if (++h->n == h->fail_at) return NULL;
    size_t *q = realloc(old, size + 16);
    if (!q) return NULL;
    *q = size;
    h->live += (int64_t)size - (int64_t)before;
    if (h->live > h->peak) h->peak = h->live;
    return q + 2;
}

static og_ctx *heap_ctx(heap *h)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = heap_realloc, .user = h }, &ctx) == OG_OK);
    return ctx;
}

static bool accepts(og_ctx *ctx, og_grammar *g, const char *text)
{
    og_matcher *m;
    size_t taken;
    bool complete = false;
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    if (taken == strlen(text)) og_matcher_is_complete(m, &complete);
    og_matcher_free(m);
    return complete;
}

/* ---- regular expressions ---- */

static const struct {
    const char *regex, *yes, *no;
} regexes[] = {
    { "abc", "abc", "abcd" },
    { "^abc$", "abc", "xabc" },
    { "a|bc", "bc", "ac" },
    { "(ab)*c+", "ababcc", "abac" },
    { "[a-c]{2,3}", "abc", "abca" },
    { "[^a-c]", "\xc3\xa9", "b" },
    { "\\d{4}-\\d\\d", "2024-05", "2024-5" },
    { "\\w+\\s\\S", "a_1 -", "a_1  " },
    { ".", "\xf0\x9f\x98\x80", "\n" },
    { "\\u00e9\\x41\\n",
      "\xc3\xa9"
      "A\n",
      "eA\n" },
    { "(?:x|(?<n>y))z?", "yz", "xy" },
    { "a+?b??", "aab", "b" },
    { "[\\]\\-x]+", "x]-", "y" },
    { "\\u{1F600}", "\xf0\x9f\x98\x80", "u" },
    { "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "?" },
    { "[\\s\\S]{2}", "\n\n", "\n" },
    { "", "", "x" },
};

Test(grammar, regexes_match_whole_texts)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    for (int i = 0; i < OGI_LEN(regexes); i++) {
        og_grammar *g;
        cr_assert(og_grammar_regex(ctx, regexes[i].regex, strlen(regexes[i].regex), NULL, &g) ==
                      OG_OK,
                  "%s: %s", regexes[i].regex, og_error(ctx));
        cr_assert(accepts(ctx, g, regexes[i].yes), "%s refuses %s", regexes[i].regex,
                  regexes[i].yes);
        cr_assert(!accepts(ctx, g, regexes[i].no), "%s takes %s", regexes[i].regex, regexes[i].no);
        og_grammar_free(g);
    }
    og_ctx_free(ctx);
}

static const struct {
    const char *regex, *says;
} bad_regexes[] = {
    { "(a", "')'" },
    { "a)", "'('" },
    { "[a", "class" },
    { "*a", "nothing" },
    { "a{3,1}", "minimum" },
    { "a{99999}", "2000" },
    { "a**", "repeated" },
    { "\\bx", "boundaries" },
    { "(?=x)", "look-around" },
    { "(a)\\1", "back ref" },
    { "\\p{L}", "properties" },
    { "a$b", "anchors" },
    { "\\", "backslash" },
    { "\\u12", "digits" },
    { "[z-a]", "backwards" },
    { "\xff", "UTF-8" },
    { "a++", "possessive" },
    { "\\y", "escape" },
};

Test(grammar, what_regexes_cannot_do_is_named)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    for (int i = 0; i < OGI_LEN(bad_regexes); i++) {
        og_grammar *g;
        og_error_clear(ctx);
        cr_assert(og_grammar_regex(ctx, bad_regexes[i].regex, strlen(bad_regexes[i].regex), NULL,
                                   &g) != OG_OK,
                  "%s was taken", bad_regexes[i].regex);
        cr_assert(!g && strstr(og_error(ctx), bad_regexes[i].says), "%s: %s", bad_regexes[i].regex,
                  og_error(ctx));
    }
    og_ctx_free(ctx);
}

/* ---- hostile input ---- */

static void repeat(ogi_buf *b, const char *s, int n)
{
    for (int i = 0; i < n; i++) ogi_buf_puts(b, s);
}

typedef enum source { GBNF, SCHEMA, REGEX } source;

/* Compiles and, if that worked, starts a matcher: an answer must come in time and in space. */
static void survive(source kind, const ogi_buf *text, bool must_fail)
{
    heap h = { 0 };
    og_ctx *ctx = heap_ctx(&h);
    og_grammar *g = NULL;
    og_matcher *m = NULL;
    clock_t begin = clock();
    const char *p = ogi_buf_str(text);
    og_status s = kind == GBNF     ? og_grammar_gbnf(ctx, p, text->n, "root", NULL, &g)
                  : kind == SCHEMA ? og_grammar_schema(ctx, p, text->n, NULL, &g)
                                   : og_grammar_regex(ctx, p, text->n, NULL, &g);
    if (s == OG_OK) s = og_matcher_new(g, ctx, &m);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    cr_assert(!must_fail || s != OG_OK, "%.60s was taken", p);
    cr_assert((s == OG_OK) == (og_error(ctx)[0] == 0));
    cr_assert(h.peak < (int64_t)100 << 20, "%.60s: %lld bytes", p, (long long)h.peak);
    /* Sanitizers are slow: the bound is loose, what it guards against is exponential. */
    cr_assert(seconds < 10.0, "%.60s: %.1f s", p, seconds);
    og_matcher_free(m);
    og_grammar_free(g);
    og_ctx_free(ctx);
    cr_assert(h.live == 0, "%.60s: %lld bytes leak", p, (long long)h.live);
}

Test(grammar, hostile_grammars_are_answered)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    ogi_buf b = { .ctx = ctx };
    ogi_buf_puts(&b, "root ::= ");
    repeat(&b, "(", 60000), ogi_buf_puts(&b, "\"a\""), repeat(&b, ")", 60000);
    survive(GBNF, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= r0\n");
    for (int i = 0; i < 20000; i++) ogi_buf_printf(&b, "r%d ::= r%d \"x\" | \"y\"\n", i, i + 1);
    ogi_buf_puts(&b, "r20000 ::= \"a\"\n");
    survive(GBNF, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= a0\n");
    for (int i = 0; i < 60; i++)
        ogi_buf_printf(&b, "a%d ::= a%d \"x\" | b%d \"y\"\nb%d ::= a%d \"z\" | b%d \"w\"\n", i,
                       i + 1, i + 1, i, i + 1, i + 1);
    ogi_buf_puts(&b, "a60 ::= \"q\"*\nb60 ::= \"r\"*\n");
    survive(GBNF, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= ");
    repeat(&b, "(", 30), ogi_buf_puts(&b, "\"a\""), repeat(&b, "{2000})", 30);
    survive(GBNF, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= \"a\""), repeat(&b, "*", 100000);
    survive(GBNF, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= a0\n");
    for (int i = 0; i < 60; i++)
        ogi_buf_printf(&b, "a%d ::= (a%d){0} (a%d){0} \"x\"?\n", i, i + 1, i + 1);
    ogi_buf_puts(&b, "a60 ::= \"q\"\n");
    survive(GBNF, &b, false);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= [ab]* \"a\" [ab]{1000}");
    survive(GBNF, &b, false);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= ((\"a\"*)*)*{2000}");
    survive(GBNF, &b, false);
    ogi_buf_free(&b), ogi_buf_puts(&b, "root ::= "), repeat(&b, "[a-z]? ", 1000);
    survive(GBNF, &b, false);
    repeat(&b, "[a-z]? ", 19000);
    survive(GBNF, &b, true);
    ogi_buf_free(&b), repeat(&b, "(", 60000), ogi_buf_puts(&b, "a"), repeat(&b, ")", 60000);
    survive(REGEX, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "(a{1,2000}){1,2000}");
    survive(REGEX, &b, true);
    ogi_buf_free(&b);
    og_ctx_free(ctx);
}

Test(grammar, hostile_schemas_are_answered)
{
    static const char *const bad[] = {
        "{\"$ref\":\"#\"}",
        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},"
        "\"b\":{\"$ref\":\"#/$defs/a\"}}}",
        "{\"allOf\":[{\"$ref\":\"#\"}]}",
        "{\"type\":\"string\",\"minLength\":2147483648}",
        "{\"type\":\"string\",\"minLength\":1e300}",
        "{\"not\":{\"$ref\":\"#\"}}",
        "{\"if\":{\"$ref\":\"#\"},\"then\":{\"$ref\":\"#\"}}",
        "{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
        "{\"type\":\"string\",\"pattern\":\"^.*foo.*$\",\"maxLength\":100000}",
        "{\"type\":\"string\",\"pattern\":\"^(a{1,100}){1,100}$\",\"maxLength\":2000}",
        "{\"type\":\"object\",\"minProperties\":100000}",
        "{\"type\":\"object\",\"minProperties\":19000,\"maxProperties\":19500}",
        "{\"type\":\"array\",\"minItems\":100000,\"items\":{\"type\":\"array\",\"minItems\":99999}"
        "}",
    };
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    ogi_buf b = { .ctx = ctx };
    for (int i = 0; i < OGI_LEN(bad); i++) {
        ogi_buf_free(&b), ogi_buf_puts(&b, bad[i]);
        survive(SCHEMA, &b, i < OGI_LEN(bad) - 1);
    }
    ogi_buf_free(&b), repeat(&b, "{\"items\":", 60000), ogi_buf_puts(&b, "{}");
    repeat(&b, "}", 60000);
    survive(SCHEMA, &b, true);
    ogi_buf_free(&b), repeat(&b, "{\"items\":", 1500), ogi_buf_puts(&b, "{}");
    repeat(&b, "}", 1500);
    survive(SCHEMA, &b, true);
    for (int kind = 0; kind < 2; kind++) {
        const char *k = kind ? "anyOf" : "allOf";
        ogi_buf_free(&b);
        ogi_buf_puts(&b, "{\"$ref\":\"#/$defs/a60\",\"$defs\":{\"a0\":{\"type\":\"integer\"}");
        for (int i = 0; i < 60; i++)
            ogi_buf_printf(&b,
                           ",\"a%d\":{\"%s\":[{\"$ref\":\"#/$defs/a%d\",\"minimum\":%d},"
                           "{\"$ref\":\"#/$defs/a%d\",\"maximum\":%d}]}",
                           i + 1, k, i, i, i, i + 100);
        ogi_buf_puts(&b, "}}");
        survive(SCHEMA, &b, true);
    }
    ogi_buf_free(&b), repeat(&b, "{\"not\":", 1500), ogi_buf_puts(&b, "{}");
    repeat(&b, "}", 1500);
    survive(SCHEMA, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "{\"type\":\"object\",\"dependentRequired\":{\"a\":[]");
    for (int i = 0; i < 60; i++) ogi_buf_printf(&b, ",\"a%d\":[\"a%d\"]", i, i + 1);
    ogi_buf_puts(&b, "}}");
    survive(SCHEMA, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "{\"prefixItems\":[{}");
    for (int i = 191; i < 291; i++)
        ogi_buf_printf(&b, ",{\"type\":\"integer\",\"multipleOf\":%d}", i);
    ogi_buf_puts(&b, "]}");
    survive(SCHEMA, &b, true);
    ogi_buf_free(&b), ogi_buf_puts(&b, "{\"allOf\":[{}");
    for (int i = 0; i < 3000; i++) ogi_buf_printf(&b, ",{\"properties\":{\"p%d\":{}}}", i);
    ogi_buf_puts(&b, "]}");
    survive(SCHEMA, &b, true);
    ogi_buf_free(&b);
    og_ctx_free(ctx);
}

/* ---- masks ---- */

/* A vocabulary of all strings up to three bytes over a small alphabet, one end token, one control
 * token. */
enum { N_LETTER = 10, N_PIECE = N_LETTER + N_LETTER * N_LETTER + N_LETTER * N_LETTER * N_LETTER };
enum { END = N_PIECE, CONTROL = N_PIECE + 1, N_TOKEN = N_PIECE + 2 };

static char piece_text[N_TOKEN][4];

static const char *piece(void *user, int32_t token, size_t *n)
{
    (void)user;
    *n = token == END || token == CONTROL ? 1 : strlen(piece_text[token]);
    return token == END || token == CONTROL ? "a" : piece_text[token];
}

static bool is_end(void *user, int32_t token)
{
    return (void)user, token == END;
}
static bool is_control(void *user, int32_t token)
{
    return (void)user, token == CONTROL;
}

static og_vocab_view small_vocab(void)
{
    static const char letters[] = "ab(){}\",:1";
    int32_t n = 0;
    for (int len = 1, total = N_LETTER; len <= 3; len++, total *= N_LETTER)
        for (int code = 0; code < total; code++, n++)
            for (int k = 0, rest = code; k < len; k++, rest /= N_LETTER)
                piece_text[n][k] = letters[rest % N_LETTER];
    return (og_vocab_view){ .n_tokens = N_TOKEN,
                            .piece = piece,
                            .is_eog = is_end,
                            .is_control = is_control,
                            .eos = END,
                            .eot = -1,
                            .newline = -1 };
}

static const char *const mask_grammars[] = {
    "root ::= \"a\"* \"b\"",
    "root ::= \"(\" root \")\" root | \"\"",
    "root ::= obj\nobj ::= \"{\" (pair (\",\" pair)*)? \"}\"\npair ::= str \":\" val\n"
    "val ::= obj | str | \"1\"+\nstr ::= \"\\\"\" [^\"]* \"\\\"\"",
    "root ::= (\"a\"? \"b\"?){3} x\nx ::= y y | \"1\"\ny ::= \"(\"* \")\"?",
    "root ::= \"a\"* \"a\" \"a\"*",
    "root ::= [ab]{2,5} (\"1\" | \"1a\" | \"1ab\")",
    /* counts: states that are alike for a while */
    "root ::= \"\\\"\" [ab1]{0,9} \"\\\"\" \":\"?",
    "root ::= (item \",\"?){2,6} \"1\"\nitem ::= [ab(]{1,3} | \":\" item",
    "root ::= (some \"a\"){0,8} (\"1\" | \"1b\")\nsome ::= [b:]*",
    "root ::= x{0,7} | y{0,9} \"1\"\nx ::= [ab\"]\ny ::= [ab:]",
    "{\"type\":\"string\",\"maxLength\":9}",
    "{\"type\":\"string\",\"minLength\":3,\"maxLength\":8}",
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":5},\"minItems\":2,"
    "\"maxItems\":5}",
    /* a schema: names must differ */
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}",
    "{\"properties\":{\"a\":{\"const\":1}},\"additionalProperties\":{\"type\":\"object\"}}",
};

/* The text so far plus the piece fits, tried byte by byte from the start. */
static bool fits(og_ctx *ctx, og_grammar *g, const char *text, const char *add, bool *complete)
{
    og_matcher *m;
    size_t taken = 0, n = strlen(add), before;
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    og_matcher_text(m, text, strlen(text), &before);
    cr_assert(before == strlen(text));
    if (n) og_matcher_text(m, add, n, &taken);
    og_matcher_is_complete(m, complete);
    og_matcher_free(m);
    return taken == n;
}

Test(grammar, masks_are_what_byte_by_byte_matching_allows)
{
    heap h = { 0 };
    og_ctx *ctx = heap_ctx(&h);
    og_vocab_view v = small_vocab();
    uint32_t random = 5;
    for (int k = 0; k < OGI_LEN(mask_grammars); k++) {
        og_grammar *g;
        og_matcher *m;
        char text[128] = "";
        const char *src = mask_grammars[k];
        og_status s = *src == '{' ? og_grammar_schema(ctx, src, strlen(src), &v, &g)
                                  : og_grammar_gbnf(ctx, src, strlen(src), "root", &v, &g);
        cr_assert(s == OG_OK, "%s", og_error(ctx));
        cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
        for (int step = 0; step < 20; step++) {
            const uint32_t *bits;
            int32_t chosen = -1, n_allowed = 0;
            bool complete, ignored;
            cr_assert(og_matcher_mask(m, &bits) == OG_OK, "%s", og_error(ctx));
            for (int32_t i = 0; i < N_PIECE; i++) {
                bool is_allowed = bits[i >> 5] >> (i & 31) & 1;
                cr_assert(is_allowed == fits(ctx, g, text, piece_text[i], &ignored),
                          "grammar %d, after '%s': '%s'", k, text, piece_text[i]);
                random = random * 1664525u + 1013904223u;
                if (is_allowed && (random >> 8) % (uint32_t)++n_allowed == 0) chosen = i;
            }
            fits(ctx, g, text, "", &complete);
            cr_assert((bits[END >> 5] >> (END & 31) & 1) == complete);
            cr_assert(!(bits[CONTROL >> 5] >> (CONTROL & 31) & 1));
            cr_assert((og_matcher_accept(m, END) == OG_OK) == complete);
            cr_assert(og_matcher_accept(m, CONTROL) == OG_E_INVALID);
            og_error_clear(ctx);
            if (chosen < 0) break;
            cr_assert(og_matcher_accept(m, chosen) == OG_OK);
            strcat(text, piece_text[chosen]);
        }
        og_matcher_free(m);
        og_grammar_free(g);
    }
    og_ctx_free(ctx);
    cr_assert(h.live == 0);
}

Test(grammar, clones_go_their_own_way)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    og_grammar *g;
    og_matcher *m, *c;
    size_t taken;
    bool complete;
    const char *src = "root ::= \"(\" root \")\" | \"x\"";
    cr_assert(og_grammar_gbnf(ctx, src, strlen(src), "root", NULL, &g) == OG_OK);
    og_matcher_new(g, ctx, &m);
    og_matcher_text(m, "((x", 3, &taken);
    cr_assert(og_matcher_clone(m, &c) == OG_OK);
    og_matcher_text(m, "))", 2, &taken);
    og_matcher_is_complete(m, &complete);
    cr_assert(taken == 2 && complete);
    og_matcher_is_complete(c, &complete);
    cr_assert(!complete);
    og_matcher_text(c, "))))", 4, &taken);
    cr_assert(taken == 2);
    og_matcher_free(m), og_matcher_free(c), og_grammar_free(g);
    og_ctx_free(ctx);
}

Test(grammar, a_constraint_may_begin_after_a_text)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    og_vocab_view v = small_vocab();
    og_grammar *g;
    og_matcher *m;
    const uint32_t *bits;
    bool complete;
    const char *src = "root ::= \"1\" \"b\"+";
    cr_assert(og_grammar_gbnf(ctx, src, strlen(src), "root", &v, &g) == OG_OK);
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    cr_assert(og_matcher_wait(m, "aab", 3) == OG_OK);
    for (int round = 0; round < 2; round++) {
        int32_t aa = -1, b = -1, b1 = -1, ba = -1;
        for (int32_t i = 0; i < N_PIECE; i++) {
            if (!strcmp(piece_text[i], "aa")) aa = i;
            if (!strcmp(piece_text[i], "b")) b = i;
            if (!strcmp(piece_text[i], "b1")) b1 = i;
            if (!strcmp(piece_text[i], "ba")) ba = i;
        }
        cr_assert(og_matcher_mask(m, &bits) == OG_OK);
        for (int32_t i = 0; i < N_TOKEN; i++) cr_assert(bits[i >> 5] >> (i & 31) & 1);
        cr_assert(og_matcher_accept(m, aa) == OG_OK);
        cr_assert(og_matcher_accept(m, aa) == OG_OK); /* the text begins inside aaaa */
        cr_assert(og_matcher_mask(m, &bits) == OG_OK);
        cr_assert(bits[b >> 5] >> (b & 31) & 1);
        cr_assert(bits[b1 >> 5] >> (b1 & 31) & 1);
        cr_assert(!(bits[ba >> 5] >> (ba & 31) & 1), "goes on with what the grammar forbids");
        cr_assert(og_matcher_accept(m, ba) == OG_E_INVALID);
        og_error_clear(ctx);
        og_matcher_is_complete(m, &complete);
        cr_assert(complete);
        cr_assert(og_matcher_accept(m, b1) == OG_OK);
        og_matcher_is_complete(m, &complete);
        cr_assert(!complete);
        cr_assert(og_matcher_accept(m, END) == OG_E_INVALID);
        og_error_clear(ctx);
        cr_assert(og_matcher_accept(m, b) == OG_OK);
        cr_assert(og_matcher_accept(m, END) == OG_OK);
        og_matcher_reset(m);
    }
    og_matcher_free(m), og_grammar_free(g);
    og_ctx_free(ctx);
}

Test(grammar, a_text_that_has_to_come_comes_before_the_end)
{
    og_ctx *ctx;
    og_ctx_new(NULL, &ctx);
    og_vocab_view v = small_vocab();
    og_grammar *g;
    og_matcher *m, *c;
    const uint32_t *bits;
    bool complete;
    size_t taken;
    const char *src = "root ::= \"1\"?";
    cr_assert(og_grammar_gbnf(ctx, src, strlen(src), "root", &v, &g) == OG_OK);
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    cr_assert(og_matcher_await(m, "ab", 2) == OG_OK);
    cr_assert(og_matcher_mask(m, &bits) == OG_OK);
    cr_assert(!(bits[END >> 5] >> (END & 31) & 1));
    for (int32_t i = 0; i < N_PIECE; i++)
        cr_assert(strchr(piece_text[i], 'b') || bits[i >> 5] >> (i & 31) & 1, "%s", piece_text[i]);
    cr_assert(og_matcher_accept(m, END) == OG_E_INVALID);
    og_error_clear(ctx);
    og_matcher_is_complete(m, &complete);
    cr_assert(!complete);
    cr_assert(og_matcher_clone(m, &c) == OG_OK);
    cr_assert(og_matcher_text(c, "xab", 3, &taken) == OG_OK && taken == 3);
    og_matcher_is_complete(c, &complete);
    cr_assert(complete);
    cr_assert(og_matcher_accept(c, END) == OG_OK);
    og_matcher_free(m), og_matcher_free(c), og_grammar_free(g);
    og_ctx_free(ctx);
}

/* Compiles, walks a few tokens, frees: with the n-th allocation failing, for every n. */
Test(grammar, running_out_of_memory_is_an_error_like_others)
{
    static const char *const written[] = {
        "root ::= \"(\" root \")\" | [ab]{1,3} | x*\nx ::= \"1\" \",\"?",
        "{\"type\":\"object\",\"properties\":{\"ab\":{\"enum\":[1,\"a\"]}},"
        "\"additionalProperties\":{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":11}]}}",
        "(a|b)+[^a-z]?",
    };
    og_vocab_view v = small_vocab();
    for (int k = 0; k < 3; k++) {
        og_status s = OG_E_MEMORY;
        for (int64_t n = 1; s != OG_OK; n++) {
            heap h = { 0 };
            og_ctx *ctx = heap_ctx(&h);
            og_grammar *g = NULL;
            og_matcher *m = NULL, *c = NULL;
            const uint32_t *bits;
            h.n = 0, h.fail_at = n;
            s = k == 0   ? og_grammar_gbnf(ctx, written[k], strlen(written[k]), "root", &v, &g)
                : k == 1 ? og_grammar_schema(ctx, written[k], strlen(written[k]), &v, &g)
                         : og_grammar_regex(ctx, written[k], strlen(written[k]), &v, &g);
            if (s == OG_OK) s = og_matcher_new(g, ctx, &m);
            for (int step = 0; step < 4 && s == OG_OK; step++) {
                s = og_matcher_mask(m, &bits);
                int32_t id = 0;
                while (s == OG_OK && id < N_PIECE && !(bits[id >> 5] >> (id & 31) & 1)) id++;
                if (s == OG_OK && id < N_PIECE) s = og_matcher_accept(m, id);
            }
            if (s == OG_OK) s = og_matcher_clone(m, &c);
            cr_assert(s == OG_OK || (og_error(ctx)[0] && s != OG_E_INVALID), "%d, %d: %s", k,
                      (int)n, og_error(ctx));
            og_matcher_free(c), og_matcher_free(m), og_grammar_free(g);
            og_ctx_free(ctx);
            cr_assert(h.live == 0, "%d, %d: %d bytes leak", k, (int)n, (int)h.live);
            cr_assert(n < 20000);
        }
    }
}

Test(grammar, byte_order_mark_before_a_grammar_is_skipped)
{
    const char *text = "\xef\xbb\xbfroot ::= \"a\"";
    og_ctx *ctx;
    og_grammar *g;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_grammar_gbnf(ctx, text, strlen(text), "root", NULL, &g) == OG_OK, "%s",
              og_error(ctx));
    cr_assert(accepts(ctx, g, "a"));
    og_grammar_free(g);
    og_ctx_free(ctx);
}
