/* SPDX-License-Identifier: MIT
 *
 * Small vocabularies made from a format's marks, and the way there and back: what a grammar lets
 * through must be what the reader of calls understands. */
#include "tests/support/toolcall_vocab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/chat/answer_split.h"

/* ---- a context, a grammar, a matcher ---- */

ogt_constrained ogt_constrain(const char *format, const char *tools, ogi_toolcall_choice choice,
                              const og_vocab_view *vocab)
{
    ogt_constrained x = { 0 };
    const ogi_toolcall_format *f = ogi_toolcall_format_find(format);
    cr_assert(f, "%s", format);
    cr_assert(og_ctx_new(NULL, &x.ctx) == OG_OK);
    cr_assert(ogi_toolcall_grammar(x.ctx, f, tools, &choice, vocab, &x.g) == OG_OK, "%s: %s",
              format, og_error(x.ctx));
    cr_assert(og_matcher_new(x.g, x.ctx, &x.m) == OG_OK);
    return x;
}

void ogt_constrained_free(ogt_constrained *x)
{
    og_matcher_free(x->m);
    og_grammar_free(x->g);
    og_ctx_free(x->ctx);
}

size_t ogt_feed_text(og_matcher *m, const char *text, bool *complete)
{
    size_t taken;
    og_matcher_reset(m);
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    cr_assert(og_matcher_is_complete(m, complete) == OG_OK);
    return taken;
}

bool ogt_accepts(og_matcher *m, const char *text)
{
    bool complete;
    return ogt_feed_text(m, text, &complete) == strlen(text) && complete;
}

/* ---- vocabularies made by hand ---- */

static const char *vocab_piece(void *user, int32_t token, size_t *n)
{
    ogt_vocab *v = user;
    *n = v->n[token];
    return v->piece[token];
}

static bool vocab_is_eog(void *user, int32_t token)
{
    return ((ogt_vocab *)user)->is_end[token];
}

static bool vocab_is_control(void *user, int32_t token)
{
    return ((ogt_vocab *)user)->is_control[token];
}

int32_t ogt_vocab_find(const ogt_vocab *v, const char *piece)
{
    for (int32_t i = OGT_FIRST_WORD; i < v->view.n_tokens; i++)
        if (!strcmp(v->piece[i], piece)) return i;
    return -1;
}

static void vocab_add(ogt_vocab *v, const char *piece, bool is_control)
{
    int32_t id = v->view.n_tokens;
    if (!piece || ogt_vocab_find(v, piece) >= 0) return;
    cr_assert(id < OGT_MAX_TOKENS && strlen(piece) < sizeof v->piece[0]);
    v->n[id] = (size_t)snprintf(v->piece[id], sizeof v->piece[id], "%s", piece);
    v->is_control[id] = is_control;
    v->view.n_tokens++;
}

/* Adds the tokens "<...>" and "[X...]" of a pattern of marks. */
static void vocab_add_tags(ogt_vocab *v, const char *text, bool is_control)
{
    for (const char *p = text; p && *p; p++) {
        const char *end = *p == '<' ? strchr(p, '>') : *p == '[' ? strchr(p, ']') : NULL;
        char tag[128];
        if (!end || end - p < 3 || end - p > 60 || memchr(p, '$', (size_t)(end - p))) continue;
        snprintf(tag, sizeof tag, "%.*s", (int)(end - p + 1), p);
        vocab_add(v, tag, is_control);
    }
}

ogt_vocab *ogt_vocab_new(const ogi_toolcall_format *f, bool is_control)
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
    ogt_vocab *v = calloc(1, sizeof *v);
    v->view = (og_vocab_view){ .user = v,
                               .n_tokens = OGT_FIRST_WORD,
                               .piece = vocab_piece,
                               .is_eog = vocab_is_eog,
                               .is_control = vocab_is_control,
                               .eos = OGT_END_TOKEN,
                               .eot = -1,
                               .newline = -1 };
    v->is_end[OGT_END_TOKEN] = true;
    v->n[OGT_END_TOKEN] = (size_t)sprintf(v->piece[OGT_END_TOKEN], "<|end|>");
    for (int i = 0; i < 256; i++) {
        v->piece[OGT_FIRST_BYTE + i][0] = (char)i;
        v->n[OGT_FIRST_BYTE + i] = 1;
    }
    for (int i = 0; i < OGI_LEN(words); i++) vocab_add(v, words[i], false);
    const char *const marks[] = {
        f->open,        f->close,  f->section[0], f->section[1], f->call,
        f->param_close, "<think>", "</think>",    "<|other|>",   "<|\"|>"
    };
    for (int i = 0; i < OGI_LEN(marks); i++) vocab_add_tags(v, marks[i], is_control);
    if (is_control && !strcmp(f->name, "harmony")) v->is_end[ogt_vocab_find(v, "<|call|>")] = true;
    return v;
}

/* ---- calls read back ---- */

static og_status hear_call(void *user, const ogi_toolcall *c)
{
    ogt_heard *h = user;
    h->n_call++;
    snprintf(h->name, sizeof h->name, "%.*s", (int)c->name.n, c->name.p);
    snprintf(h->arguments, sizeof h->arguments, "%.*s", (int)c->arguments.n, c->arguments.p);
    return OG_OK;
}

ogt_heard ogt_read_calls(const ogi_toolcall_format *f, const char *text, size_t n)
{
    return ogt_read_calls_of(f, OGT_TOOLS, text, n);
}

ogt_heard ogt_read_calls_of(const ogi_toolcall_format *f, const char *tools, const char *text,
                            size_t n)
{
    ogt_heard h = { 0 };
    og_ctx *ctx;
    ogi_answer_split *p;
    ogi_answer_split_sink sink = { .user = &h, .call = hear_call };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_answer_split_new(ctx, f, NULL, tools, sink, &p) == OG_OK, "%s", og_error(ctx));
    cr_assert(ogi_answer_split_feed(p, (ogi_sv){ text, n }, false) == OG_OK);
    cr_assert(ogi_answer_split_finish(p) == OG_OK);
    ogi_answer_split_free(p);
    og_ctx_free(ctx);
    return h;
}

bool ogt_has_bit(const uint32_t *bits, int32_t i)
{
    return bits[i >> 5] >> (i & 31) & 1;
}
