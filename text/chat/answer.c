/* SPDX-License-Identifier: MIT
 *
 * From the stream's parts to the sink: stop texts, blanks at the seams, calls with ids. */
#include "oxigraph/answer.h"

#include <stdio.h>

#include "text/chat/answer_split.h"
#include "text/chat/model.h"
#include "text/chat/toolcall_body.h"

typedef enum part { PART_TEXT, PART_REASONING } part;

struct og_answer {
    og_ctx *ctx;
    ogi_answer_split *split;
    const ogi_reasoning *reasoning; /* NULL: not looked for */
    bool is_plain;                  /* nothing but text: blanks stay where they are */
    og_answer_sink sink;
    const char *const *stop;
    int n_stop;
    ogi_buf held;   /* text that may be the beginning of a stop text */
    ogi_buf blanks; /* at the end of what was given of this part */
    part part;
    bool is_fresh; /* nothing but blanks of this part has come, and they are dropped */
    bool is_over;
    int stopped_by;
    int64_t n_call;
};

/* ---- to the sink ---- */

static void tell(og_answer *a, const char *p, size_t n)
{
    bool (*to)(void *, const char *, size_t) =
        a->part == PART_TEXT ? a->sink.text : a->sink.reasoning;
    if (n && !a->is_over && to && !to(a->sink.user, p, n)) a->is_over = true;
}

/* The next part follows: the blanks before it are dropped, and those it begins with. */
static void turn_to(og_answer *a, part next)
{
    a->blanks.n = 0;
    a->part = next;
    a->is_fresh = true;
}

static og_status give(og_answer *a, part to, ogi_sv s)
{
    if (a->is_plain) {
        tell(a, s.p, s.n);
        return OG_OK;
    }
    if (a->part != to) turn_to(a, to);
    while (a->is_fresh && s.n && ogi_is_blank(*s.p)) s.p++, s.n--;
    if (!s.n) return OG_OK;
    a->is_fresh = false;
    size_t n = s.n;
    while (n && ogi_is_blank(s.p[n - 1])) n--;
    if (n) {
        tell(a, a->blanks.p, a->blanks.n);
        tell(a, s.p, n);
        a->blanks.n = 0;
    }
    ogi_buf_add(&a->blanks, s.p + n, s.n - n);
    return a->blanks.failed ? OG_E_MEMORY : OG_OK;
}

/* ---- stop texts ---- */

/* First place in the held text where some stop text begins, whole; its index in *which. */
static size_t find_stop(const og_answer *a, int *which)
{
    size_t best = a->held.n;
    *which = -1;
    for (int k = 0; k < a->n_stop; k++) {
        size_t n = strlen(a->stop[k]);
        for (size_t i = 0; n && i + n <= a->held.n && i < best; i++)
            if (!memcmp(a->held.p + i, a->stop[k], n)) best = i, *which = k;
    }
    return best;
}

/* Bytes at the end of the held text that may be the beginning of a stop text. */
static size_t unsure_tail(const og_answer *a)
{
    size_t most = 0;
    for (int k = 0; k < a->n_stop; k++) {
        size_t n = strlen(a->stop[k]);
        for (size_t len = OGI_MIN(n, a->held.n); len > most; len--)
            if (!memcmp(a->held.p + a->held.n - len, a->stop[k], len)) most = len;
    }
    return most;
}

/* Gives what is certain of the held text. */
static og_status give_held(og_answer *a, bool is_end)
{
    int which;
    size_t n = find_stop(a, &which);
    if (which < 0 && !is_end) n -= unsure_tail(a);
    if (n) OG_TRY(give(a, PART_TEXT, (ogi_sv){ a->held.p, n }));
    if (which >= 0 && !a->is_over) {
        a->is_over = true;
        a->stopped_by = which;
    }
    if (n) memmove(a->held.p, a->held.p + n, a->held.n - n);
    a->held.n -= n;
    return OG_OK;
}

/* ---- from the stream ---- */

static og_status take_text(void *user, ogi_sv text)
{
    og_answer *a = user;
    if (a->is_over) return OG_OK;
    if (!a->n_stop) return give(a, PART_TEXT, text);
    ogi_buf_add(&a->held, text.p, text.n);
    return a->held.failed ? OG_E_MEMORY : give_held(a, false);
}

static og_status take_reasoning(void *user, ogi_sv text)
{
    og_answer *a = user;
    OG_TRY(give_held(a, true));
    return give(a, PART_REASONING, text);
}

static og_status take_call(void *user, const ogi_toolcall *c)
{
    og_answer *a = user;
    char made[24];
    OG_TRY(give_held(a, true));
    turn_to(a, PART_TEXT);
    snprintf(made, sizeof made, "call%05lld", (long long)++a->n_call);
    ogi_sv id = c->id.n ? c->id : ogi_sv_of(made);
    char *name = ogi_strndup(a->ctx, c->name.p, c->name.n);
    char *arguments = ogi_strndup(a->ctx, c->arguments.p, c->arguments.n);
    char *own_id = ogi_strndup(a->ctx, id.p, id.n);
    bool ok = name && arguments && own_id;
    og_tool_call call = { name, arguments, own_id };
    if (ok && !a->is_over && a->sink.call && !a->sink.call(a->sink.user, &call)) a->is_over = true;
    ogi_free(a->ctx, name);
    ogi_free(a->ctx, arguments);
    ogi_free(a->ctx, own_id);
    return ok ? OG_OK : OG_E_MEMORY;
}

/* ---- answers ---- */

og_status og_answer_new(og_ctx *ctx, const og_chat *chat, const char *tools,
                        const og_answer_sink *sink, og_answer **out)
{
    OGI_NEEDS(ctx, ctx && sink && out);
    *out = NULL;
    og_answer *a = OGI_NEW(ctx, og_answer);
    if (!a) return OG_E_MEMORY;
    const ogi_toolcall_format *calls = chat ? ogi_chat_toolcalls(chat) : NULL;
    if (calls && !tools && !calls->is_prompted) calls = NULL;
    *a = (og_answer){ .ctx = ctx,
                      .reasoning = chat ? ogi_chat_reasoning(chat) : NULL,
                      .sink = *sink,
                      .held = { .ctx = ctx },
                      .blanks = { .ctx = ctx } };
    a->is_plain = !calls && !a->reasoning;
    ogi_answer_split_sink parts = {
        .user = a, .text = take_text, .reasoning = take_reasoning, .call = take_call
    };
    og_status status = ogi_answer_split_new(ctx, calls, a->reasoning, tools, parts, &a->split);
    if (status != OG_OK) {
        og_answer_free(a);
        return status;
    }
    og_answer_begin(a, NULL);
    *out = a;
    return OG_OK;
}

void og_answer_free(og_answer *a)
{
    if (!a) return;
    ogi_answer_split_free(a->split);
    ogi_buf_free(&a->held);
    ogi_buf_free(&a->blanks);
    ogi_free(a->ctx, a);
}

/* What the template wrote behind everything that came in from outside. */
static ogi_sv template_tail(const og_template_text *t)
{
    size_t begin = 0;
    for (size_t i = 0; i < t->n_span; i++)
        if (!t->span[i].is_trusted) begin = t->span[i].end;
    return (ogi_sv){ t->text + begin, t->size - begin };
}

void og_answer_begin(og_answer *a, const og_template_text *prompt)
{
    if (!a) return;
    bool in_reasoning =
        a->reasoning && prompt && ogi_reasoning_is_open(a->reasoning, template_tail(prompt));
    ogi_answer_split_begin(a->split, in_reasoning);
    a->held.n = a->blanks.n = 0;
    a->part = in_reasoning ? PART_REASONING : PART_TEXT;
    a->is_fresh = in_reasoning;
    a->is_over = false;
    a->stopped_by = -1;
}

void og_answer_set_stop(og_answer *a, const char *const *stop, int n)
{
    if (!a) return;
    a->stop = stop;
    a->n_stop = stop ? OGI_MAX(n, 0) : 0;
}

og_status og_answer_feed(og_answer *a, const char *p, size_t n, bool is_control)
{
    OGI_NEEDS(a ? a->ctx : NULL, a && (p || !n));
    if (a->is_over || !n) return OG_OK;
    return ogi_answer_split_feed(a->split, (ogi_sv){ p, n }, is_control);
}

og_status og_answer_finish(og_answer *a)
{
    OGI_NEEDS(NULL, a);
    if (a->is_over) return OG_OK;
    OG_TRY(ogi_answer_split_finish(a->split));
    OG_TRY(give_held(a, true));
    if (a->part == PART_TEXT && !a->is_fresh) tell(a, a->blanks.p, a->blanks.n);
    a->blanks.n = 0;
    return OG_OK;
}

bool og_answer_is_over(const og_answer *a, int *stop)
{
    int ignored;
    if (!stop) stop = &ignored;
    *stop = -1;
    if (!a) return true;
    *stop = a->stopped_by;
    return a->is_over;
}

bool og_answer_in_reasoning(const og_answer *a)
{
    if (!a) return false;
    return ogi_answer_split_in_reasoning(a->split);
}

bool og_chat_has_tool_calls(const og_chat *chat)
{
    if (!chat) return false;
    return ogi_chat_toolcalls(chat) != NULL;
}

const char *og_chat_reasoning_end(const og_chat *chat)
{
    if (!chat) return NULL;
    const ogi_reasoning *r = ogi_chat_reasoning(chat);
    return r ? r->close : NULL;
}
