/* SPDX-License-Identifier: MIT
 *
 * Tool calls as a constraint: what templates render is accepted, wrong calls are not, and what
 * masks lead to is always a call that the parser reads. */
#include "runtime/text/toolcall_grammar.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/text/answer_split.h"
#include "runtime/text/toolcall_body.h"
#include "tests/support/golden.h"
#include "tests/support/template_meter.h"

/* "expr" first in every order: of the schema, of the alphabet, required ones first */
#define CALC_PARAMETERS                                                                            \
    "{\"type\":\"object\",\"properties\":{\"expr\":{\"type\":\"string\",\"description\":\"d\"},"   \
    "\"opts\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},"               \
    "\"description\":\"d\"},\"size\":{\"type\":\"integer\",\"description\":\"d\"},"                \
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"d\"},"         \
    "\"unit\":{\"type\":\"string\",\"enum\":[\"m\",\"km\"],\"description\":\"d\"}},"               \
    "\"required\":[\"expr\"]}"
#define TOOLS                                                                                      \
    "[{\"type\":\"function\",\"function\":{\"name\":\"calc\",\"description\":\"d\","               \
    "\"parameters\":" CALC_PARAMETERS "}},"                                                        \
    "{\"type\":\"function\",\"function\":{\"name\":\"calm\",\"description\":\"d\","                \
    "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"

static const ogi_toolcall_choice choose_auto = { .kind = OGI_TOOLCALL_AUTO };
static const ogi_toolcall_choice choose_required = { .kind = OGI_TOOLCALL_REQUIRED };

/* ---- a context, a grammar, a matcher ---- */

typedef struct fixture {
    og_ctx *ctx;
    og_grammar *g;
    og_matcher *m;
} fixture;

static fixture open_fixture(const char *format, const char *tools, ogi_toolcall_choice choice,
                            const og_vocab_view *vocab)
{
    fixture x = { 0 };
    const ogi_toolcall_format *f = ogi_toolcall_format_find(format);
    cr_assert(f, "%s", format);
    cr_assert(og_ctx_new(NULL, &x.ctx) == OG_OK);
    cr_assert(ogi_toolcall_grammar(x.ctx, f, tools, &choice, vocab, &x.g) == OG_OK, "%s: %s",
              format, og_error(x.ctx));
    cr_assert(og_matcher_new(x.g, x.ctx, &x.m) == OG_OK);
    return x;
}

static void close_fixture(fixture *x)
{
    og_matcher_free(x->m);
    og_grammar_free(x->g);
    og_ctx_free(x->ctx);
}

/* How much of the text goes in; *complete: whether it may end there. */
static size_t feed(og_matcher *m, const char *text, bool *complete)
{
    size_t taken;
    og_matcher_reset(m);
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    cr_assert(og_matcher_is_complete(m, complete) == OG_OK);
    return taken;
}

static bool accepts(og_matcher *m, const char *text)
{
    bool complete;
    return feed(m, text, &complete) == strlen(text) && complete;
}

/* ---- vocabularies made by hand ---- */

enum { MAX_TOKENS = 400, END_TOKEN = 0, FIRST_BYTE = 1, FIRST_WORD = 257 };

/* Every byte, words, marks; the marks are control tokens or text. */
typedef struct vocab {
    og_vocab_view view;
    char piece[MAX_TOKENS][128];
    size_t n[MAX_TOKENS];
    bool is_control[MAX_TOKENS], is_end[MAX_TOKENS];
} vocab;

static const char *vocab_piece(void *user, int32_t token, size_t *n)
{
    vocab *v = user;
    *n = v->n[token];
    return v->piece[token];
}

static bool vocab_is_eog(void *user, int32_t token)
{
    return ((vocab *)user)->is_end[token];
}

static bool vocab_is_control(void *user, int32_t token)
{
    return ((vocab *)user)->is_control[token];
}

static int32_t vocab_find(const vocab *v, const char *piece)
{
    for (int32_t i = FIRST_WORD; i < v->view.n_tokens; i++)
        if (!strcmp(v->piece[i], piece)) return i;
    return -1;
}

static void vocab_add(vocab *v, const char *piece, bool is_control)
{
    int32_t id = v->view.n_tokens;
    if (!piece || vocab_find(v, piece) >= 0) return;
    cr_assert(id < MAX_TOKENS && strlen(piece) < sizeof v->piece[0]);
    v->n[id] = (size_t)snprintf(v->piece[id], sizeof v->piece[id], "%s", piece);
    v->is_control[id] = is_control;
    v->view.n_tokens++;
}

/* Adds the tokens "<...>" and "[X...]" of a pattern of marks. */
static void vocab_add_tags(vocab *v, const char *text, bool is_control)
{
    for (const char *p = text; p && *p; p++) {
        const char *end = *p == '<' ? strchr(p, '>') : *p == '[' ? strchr(p, ']') : NULL;
        char tag[128];
        if (!end || end - p < 3 || end - p > 60 || memchr(p, '$', (size_t)(end - p))) continue;
        snprintf(tag, sizeof tag, "%.*s", (int)(end - p + 1), p);
        vocab_add(v, tag, is_control);
    }
}

static vocab *make_vocab(const ogi_toolcall_format *f, bool is_control)
{
    static const char *const words[] = { "calc",
                                         "cal",
                                         "expr",
                                         "size",
                                         "{\"name\": \"",
                                         "\": ",
                                         "\"",
                                         "\"}",
                                         "\"}}\n",
                                         "}}</",
                                         "}}</tool_call>x",
                                         "</",
                                         "tool_call>",
                                         "<tool",
                                         ">\n",
                                         "\n</",
                                         "true",
                                         " \"",
                                         "12",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "parameter>",
                                         "km" };
    vocab *v = calloc(1, sizeof *v);
    v->view = (og_vocab_view){ .user = v,
                               .n_tokens = FIRST_WORD,
                               .piece = vocab_piece,
                               .is_eog = vocab_is_eog,
                               .is_control = vocab_is_control,
                               .eos = END_TOKEN,
                               .eot = -1,
                               .newline = -1 };
    v->is_end[END_TOKEN] = true;
    v->n[END_TOKEN] = (size_t)sprintf(v->piece[END_TOKEN], "<|end|>");
    for (int i = 0; i < 256; i++) {
        v->piece[FIRST_BYTE + i][0] = (char)i;
        v->n[FIRST_BYTE + i] = 1;
    }
    for (int i = 0; i < OGI_LEN(words); i++) vocab_add(v, words[i], false);
    const char *const marks[] = {
        f->open,        f->close,  f->section[0], f->section[1], f->call,
        f->param_close, "<think>", "</think>",    "<|other|>",   "<|\"|>"
    };
    for (int i = 0; i < OGI_LEN(marks); i++) vocab_add_tags(v, marks[i], is_control);
    if (is_control && !strcmp(f->name, "harmony")) v->is_end[vocab_find(v, "<|call|>")] = true;
    return v;
}

/* ---- what the templates render ---- */

static char *render(const char *source, const char *name, const char *arguments, bool is_text)
{
    static char context[8192];
    char escaped[1024];
    size_t n = 0;
    for (const char *p = arguments; *p; p++) {
        if (*p == '"' || *p == '\\') escaped[n++] = '\\';
        escaped[n++] = *p;
    }
    escaped[n] = 0;
    snprintf(context, sizeof context,
             "{\"bos_token\":\"\",\"eos_token\":\"\",\"tools\":" TOOLS ",\"messages\":["
             "{\"role\":\"user\",\"content\":\"QUESTION\"},"
             "{\"role\":\"assistant\",\"content\":%s,\"tool_calls\":[{\"id\":\"c00000001\","
             "\"type\":\"function\",\"function\":{\"name\":\"%s\",\"arguments\":%s%s%s}}]}]}",
             is_text ? "null" : "\"\"", name, is_text ? "\"" : "", is_text ? escaped : arguments,
             is_text ? "\"" : "");
    return ogt_render(source, context);
}

typedef struct template_case {
    const char *source;
    const ogi_toolcall_format *f;
    bool is_text; /* arguments are wanted as text */
} template_case;

/* What the assistant says; NULL if the template shows no call. Free with free(). */
static char *said(const template_case *c, const char *name, const char *arguments)
{
    char *text = render(c->source, name, arguments, c->is_text);
    const char *at = strstr(text, "QUESTION");
    if (at && !strcmp(ogi_toolcall_format_name(c->f), "llama")) at = strstr(at, "{\"name\"");
    char *copy = at ? strdup(at) : NULL;
    /* this one goes on with instructions, which speak of calls */
    char *end = copy ? strstr(copy, "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>") : NULL;
    if (end) *end = 0;
    free(text);
    return copy;
}

static bool find_format(template_case *c)
{
    for (int i = 0; i < 2 && !c->f; i++) {
        c->is_text = i;
        char *text = render(c->source, "calc", "{\"expr\": \"x\"}", i);
        const char *at = strstr(text, "QUESTION");
        if (at) c->f = ogi_toolcall_detect(ogi_sv_of(at), OGI_SV("calc"));
        free(text);
    }
    return c->f;
}

static const char *const rights[] = {
    "{\"expr\": \"x\"}",
    "{\"expr\": \"{}</tool_call>[<a> \\\"b\\\"\", \"size\": -2}",
    "{\"expr\": \"2 < 3\", \"opts\": {\"strict\": true}, \"tags\": [\"a\", \"b\"]}",
    "{\"expr\": \"\", \"opts\": {}, \"size\": 12, \"tags\": [], \"unit\": \"km\"}",
};
static const char *const wrongs[] = {
    "{\"size\": 1}",
    "{\"expr\": \"x\", \"size\": \"two\"}",
    "{\"expr\": \"x\", \"tags\": [1]}",
    "{\"expr\": \"x\", \"unit\": \"mile\"}",
    "{\"expr\": \"x\", \"other\": 1}",
};

static bool check_template(const char *name, const template_case *c)
{
    fixture x = open_fixture(ogi_toolcall_format_name(c->f), TOOLS, choose_auto, NULL);
    bool ok = true, complete;
    /* this one writes objects as Python does */
    bool is_python = !strcmp(name, "ByteDance-Seed-OSS");
    for (int i = 0; i < OGI_LEN(rights); i++) {
        if (is_python && i > 1) continue;
        char *text = said(c, "calc", rights[i]);
        size_t taken = feed(x.m, text, &complete);
        bool good = taken == strlen(text) && complete;
        cr_expect(good, "%s (%s): stops before '%s' in '%s'", name, ogi_toolcall_format_name(c->f),
                  text + taken, text);
        ok = ok && good;
        free(text);
    }
    for (int i = 0; i <= OGI_LEN(wrongs); i++) {
        const char *arguments = i < OGI_LEN(wrongs) ? wrongs[i] : rights[0];
        char *text = said(c, i < OGI_LEN(wrongs) ? "calc" : "cald", arguments);
        bool good = feed(x.m, text, &complete) < strlen(text);
        cr_expect(good, "%s (%s): lets '%s' through", name, ogi_toolcall_format_name(c->f), text);
        ok = ok && good;
        free(text);
    }
    char *text = said(c, "calm", "{}");
    bool good = accepts(x.m, text);
    cr_expect(good, "%s (%s): refuses '%s'", name, ogi_toolcall_format_name(c->f), text);
    free(text);
    close_fixture(&x);
    return ok && good;
}

Test(toolcall_grammar, calls_as_templates_render_them_fit)
{
    char *dir = ogt_kind_dir("chat_template"), path[1024];
    snprintf(path, sizeof path, "%s/templates", dir);
    ogt_names names = ogt_list(path, ".jinja");
    ogt_count count = { .kind = "grammars of chat templates" };
    for (int i = 0; i < names.n; i++) {
        int64_t size;
        snprintf(path, sizeof path, "%s/templates/%s.jinja", dir, names.name[i]);
        char *source = ogt_read(path, &size);
        source = realloc(source, (size_t)size + 1);
        source[size] = 0;
        template_case c = { .source = source };
        if (find_format(&c)) {
            count.ran++;
            count.passed += check_template(names.name[i], &c);
        } else {
            count.skipped++;
        }
        free(source);
    }
    ogt_names_free(&names);
    free(dir);
    cr_assert(ogt_count_report(&count));
    cr_assert(count.ran >= 40, "%d", count.ran);
}

/* ---- walks through masks ---- */

typedef struct heard {
    char name[64], arguments[8192];
    int n_call;
} heard;

static og_status hear_call(void *user, const ogi_toolcall *c)
{
    heard *h = user;
    h->n_call++;
    snprintf(h->name, sizeof h->name, "%.*s", (int)c->name.n, c->name.p);
    snprintf(h->arguments, sizeof h->arguments, "%.*s", (int)c->arguments.n, c->arguments.p);
    return OG_OK;
}

static heard parse(const ogi_toolcall_format *f, const char *text, size_t n)
{
    heard h = { 0 };
    og_ctx *ctx;
    ogi_answer_split *p;
    ogi_answer_split_sink sink = { .user = &h, .call = hear_call };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_answer_split_new(ctx, f, NULL, TOOLS, sink, &p) == OG_OK, "%s", og_error(ctx));
    cr_assert(ogi_answer_split_feed(p, (ogi_sv){ text, n }, false) == OG_OK);
    cr_assert(ogi_answer_split_finish(p) == OG_OK);
    ogi_answer_split_free(p);
    og_ctx_free(ctx);
    return h;
}

static bool validates(const heard *h)
{
    og_ctx *ctx;
    og_grammar *g;
    og_matcher *m;
    if (!strcmp(h->name, "calm")) return !strcmp(h->arguments, "{}");
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_grammar_schema(ctx, CALC_PARAMETERS, strlen(CALC_PARAMETERS), NULL, &g) == OG_OK);
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    bool ok = !strcmp(h->name, "calc") && accepts(m, h->arguments);
    og_matcher_free(m);
    og_grammar_free(g);
    og_ctx_free(ctx);
    return ok;
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static bool has_bit(const uint32_t *bits, int32_t i)
{
    return bits[i >> 5] >> (i & 31) & 1;
}

/* No UTF-8 holds it, which og_matcher_mask_logits would see to; or a byte that the schema's own
 * grammar wants escaped, so that the arguments could not be compared. */
static bool is_broken(int32_t token)
{
    return (token >= FIRST_BYTE + 0xf5 && token < FIRST_WORD) || token == FIRST_BYTE + 0x7f;
}

/* One of the tokens the mask allows, words and marks rather than bytes; -1: none. */
static int32_t pick(const vocab *v, const uint32_t *bits, uint64_t *seed)
{
    int32_t chosen = -1;
    uint32_t n = 0;
    int32_t first = next_random(seed) % 4 ? FIRST_WORD : FIRST_BYTE;
    for (int32_t i = first; i < v->view.n_tokens; i++)
        if (has_bit(bits, i) && !is_broken(i) && next_random(seed) % ++n == 0) chosen = i;
    for (int32_t i = FIRST_BYTE; chosen < 0 && i < FIRST_WORD; i++)
        if (has_bit(bits, i) && !is_broken(i) && next_random(seed) % ++n == 0) chosen = i;
    return chosen;
}

/* Masks against the slow truth: a clone takes just the tokens that the mask allows. */
static void check_mask(og_ctx *ctx, const vocab *v, og_matcher *m, const uint32_t *bits)
{
    for (int32_t i = 0; i < v->view.n_tokens; i++) {
        og_matcher *c;
        cr_assert(og_matcher_clone(m, &c) == OG_OK);
        bool takes = og_matcher_accept(c, i) == OG_OK;
        og_error_clear(ctx);
        og_matcher_free(c);
        cr_assert(takes == has_bit(bits, i), "token %d '%s': %d, the mask says %d", (int)i,
                  v->piece[i], takes, has_bit(bits, i));
    }
}

/* Walks until the first call is complete; the text is in out. False if that takes too long. */
static bool walk(fixture *x, const vocab *v, uint64_t seed, ogi_buf *out)
{
    enum { MAX_STEPS = 3000, CHECKED = 30 };
    bool complete = false;
    og_matcher_reset(x->m);
    for (int step = 0; step < MAX_STEPS && !complete; step++) {
        const uint32_t *bits;
        cr_assert(og_matcher_mask(x->m, &bits) == OG_OK, "%s", og_error(x->ctx));
        cr_assert(!has_bit(bits, END_TOKEN), "the end is allowed inside '%s'", ogi_buf_str(out));
        if (seed % 4 == 0 && step % CHECKED == 0) check_mask(x->ctx, v, x->m, bits);
        int32_t token = pick(v, bits, &seed);
        cr_assert(token >= 0, "nothing is allowed behind '%s'", ogi_buf_str(out));
        cr_assert(og_matcher_accept(x->m, token) == OG_OK, "%s", og_error(x->ctx));
        ogi_buf_add(out, v->piece[token], v->n[token]);
        cr_assert(og_matcher_is_complete(x->m, &complete) == OG_OK);
    }
    return complete;
}

static void check_walks(const ogi_toolcall_format *f, bool is_control)
{
    enum { N_WALK = 12 };
    vocab *v = make_vocab(f, is_control);
    fixture x = open_fixture(f->name, TOOLS, choose_required, &v->view);
    int n_done = 0;
    for (uint64_t seed = 1; seed <= N_WALK; seed++) {
        ogi_buf text = { 0 };
        text.ctx = x.ctx;
        if (walk(&x, v, seed, &text)) {
            heard h = parse(f, text.p, text.n);
            cr_expect(h.n_call > 0 && validates(&h), "%s%s: '%s' is read as %d calls, %s(%s)",
                      f->name, is_control ? ", control tokens" : "", text.p, h.n_call, h.name,
                      h.arguments);
            n_done++;
        }
        ogi_buf_free(&text);
    }
    cr_expect(n_done >= N_WALK / 2, "%s: only %d walks came to an end", f->name, n_done);
    close_fixture(&x);
    free(v);
}

Test(toolcall_grammar, walks_through_masks_write_calls_that_parse)
{
    const ogi_toolcall_format *f;
    for (int i = 0; (f = ogi_toolcall_format_at(i)); i++) {
        check_walks(f, false);
        check_walks(f, true);
    }
}
