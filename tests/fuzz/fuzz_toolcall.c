/* SPDX-License-Identifier: MIT
 *
 * Answers from nowhere: the first byte chooses the format of calls, the second that of reasoning
 * and how the rest is cut. What must hold: however it is cut, the same parts come out. */
#include <stdint.h>

#include "text/chat/answer_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURN = 4 }; /* control tokens' text stands between two such bytes */

static og_status hear_text(void *user, ogi_sv text)
{
    ogi_buf *out = user;
    ogi_buf_add(out, text.p, text.n);
    return OG_OK;
}

static og_status hear_call(void *user, const ogi_toolcall *call)
{
    ogi_buf *out = user;
    ogi_buf_add(out, "\x01", 1);
    ogi_buf_add(out, call->name.p, call->name.n);
    ogi_buf_add(out, "\x02", 1);
    ogi_buf_add(out, call->arguments.p, call->arguments.n);
    ogi_buf_add(out, "\x02", 1);
    ogi_buf_add(out, call->id.p, call->id.n);
    return OG_OK;
}

/* Each byte apart: it may come in pieces. */
static og_status hear_reasoning(void *user, ogi_sv text)
{
    for (size_t i = 0; i < text.n; i++) {
        ogi_buf_putc(user, 3);
        ogi_buf_putc(user, text.p[i]);
    }
    return OG_OK;
}

static void run(og_ctx *ctx, const ogi_toolcall_format *f, const ogi_reasoning *r, ogi_sv text,
                size_t step, ogi_buf *out)
{
    ogi_answer_split *p;
    ogi_answer_split_sink sink = { out, hear_text, hear_reasoning, hear_call };
    if (ogi_answer_split_new(ctx, f, r, NULL, sink, &p) != OG_OK) return;
    bool is_control = false;
    for (size_t at = 0, n; at < text.n; at += n) {
        bool turns = text.p[at] == TURN;
        is_control ^= turns;
        for (n = 1; !turns && n < step && at + n < text.n && text.p[at + n] != TURN;) n++;
        if (turns) continue;
        if (ogi_answer_split_feed(p, (ogi_sv){ text.p + at, n }, is_control) != OG_OK) break;
    }
    ogi_answer_split_finish(p);
    ogi_answer_split_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int n_format = 0;
    og_ctx *ctx;
    while (ogi_toolcall_format_at(n_format)) n_format++;
    if (size < 2 || og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    const ogi_toolcall_format *f = ogi_toolcall_format_at(data[0] % n_format);
    const ogi_reasoning *r = ogi_reasoning_at(data[1] / 16); /* or none */
    ogi_sv text = { (const char *)data + 2, size - 2 };
    ogi_buf whole = { .ctx = ctx }, cut = { .ctx = ctx };
    run(ctx, f, r, text, size, &whole);
    run(ctx, f, r, text, data[1] % 16 + 1u, &cut);
    if (whole.n != cut.n || (whole.n && memcmp(whole.p, cut.p, whole.n))) __builtin_trap();
    ogi_buf_free(&whole);
    ogi_buf_free(&cut);
    og_ctx_free(ctx);
    return 0;
}
