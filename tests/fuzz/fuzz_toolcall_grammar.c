/* SPDX-License-Identifier: MIT
 *
 * Constraints on tool calls: the first byte chooses the format, the second what is to be called and
 * how texts are cut; then come tools, up to a NUL, and an answer. What must hold: however the
 * answer is cut, the same of it is taken; the calls in what is accepted are of the tools there are,
 * and none is malformed. */
#include <stdint.h>

#include "text/chat/answer_split.h"
#include "text/chat/toolcall_body.h"
#include "text/chat/toolcall_grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char some_tools[] =
    "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
    "\"string\"},\"b\":{\"type\":\"integer\"},\"c\":{\"enum\":[\"x\",\"y\"]}},\"required\":[\"a\"]"
    "}},{\"name\":\"g\"}]";

static size_t take(og_matcher *m, ogi_sv text, size_t step, bool *complete)
{
    size_t at = 0, taken = 0;
    og_matcher_reset(m);
    for (; at < text.n; at += taken) {
        size_t n = OGI_MIN(step, text.n - at);
        if (og_matcher_text(m, text.p + at, n, &taken) != OG_OK || taken < n) break;
    }
    *complete = false;
    if (at < text.n) return at + taken;
    og_matcher_is_complete(m, complete);
    return at;
}

static og_status hear_call(void *user, const ogi_toolcall *call)
{
    ogi_buf_putc(user, 1); /* what is around the call does not make a mark */
    if (call->name.n != 1 || (call->name.p[0] != 'f' && call->name.p[0] != 'g')) __builtin_trap();
    return OG_OK;
}

static og_status hear_text(void *user, ogi_sv text)
{
    ogi_buf_add(user, text.p, text.n);
    return OG_OK;
}

/* Calls that cannot be read come out as text, with their marks. */
static void check_text(const ogi_toolcall_format *f, const ogi_buf *text)
{
    size_t n = strlen(f->open);
    for (size_t i = 0; i + n <= text->n && !f->only_first; i++)
        if (!memcmp(text->p + i, f->open, n)) __builtin_trap();
}

static void check_calls(og_ctx *ctx, const ogi_toolcall_format *f, ogi_sv text)
{
    ogi_answer_split *p;
    ogi_buf said = { .ctx = ctx };
    ogi_answer_split_sink sink = { .user = &said, .text = hear_text, .call = hear_call };
    if (ogi_answer_split_new(ctx, f, NULL, some_tools, sink, &p) != OG_OK) return;
    if (ogi_answer_split_feed(p, text, false) == OG_OK) ogi_answer_split_finish(p);
    /* where marks are dropped, what is around them may look like one */
    if (!f->section[0]) check_text(f, &said);
    ogi_answer_split_free(p);
    ogi_buf_free(&said);
}

static void run(og_ctx *ctx, const ogi_toolcall_format *f, const char *tools, unsigned mode,
                ogi_sv text)
{
    og_grammar *g;
    og_matcher *m;
    bool complete, again;
    ogi_toolcall_choice choice = { .kind = mode & 3 ? OGI_TOOLCALL_AUTO : OGI_TOOLCALL_REQUIRED };
    if (mode & 4) choice.think_open = "<think>", choice.think_close = "</think>";
    if (ogi_toolcall_grammar(ctx, f, tools, &choice, NULL, &g) != OG_OK) return;
    if (og_matcher_new(g, ctx, &m) == OG_OK) {
        size_t taken = take(m, text, text.n + 1, &complete);
        if (take(m, text, mode % 5 + 1, &again) != taken || again != complete) __builtin_trap();
        if (complete && tools == some_tools && !(mode & 4)) check_calls(ctx, f, text);
    }
    og_matcher_free(m);
    og_grammar_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int n_format = 0;
    og_ctx *ctx;
    while (ogi_toolcall_format_at(n_format)) n_format++;
    if (size < 2 || size > 20000 || og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    const ogi_toolcall_format *f = ogi_toolcall_format_at(data[0] % n_format);
    ogi_sv rest = { (const char *)data + 2, size - 2 };
    size_t n = 0;
    while (n < rest.n && rest.p[n]) n++;
    char *tools = ogi_strndup(ctx, rest.p, n);
    bool is_own = data[1] >= 128 && n < rest.n;
    ogi_sv text = is_own ? (ogi_sv){ rest.p + n + 1, rest.n - n - 1 } : rest;
    if (tools) run(ctx, f, is_own ? tools : some_tools, data[1] & 127, text);
    ogi_free(ctx, tools);
    og_ctx_free(ctx);
    return 0;
}
