/* SPDX-License-Identifier: MIT */
#include "oxigraph/generate.h"

#include <time.h>

#include "base/buf.h"
#include "runtime/engine.h"

enum { PROMPT_CHUNK = 512 };

typedef struct run {
    og_model *m;
    const og_generate_options *opt;
    og_sampler *sampler;
    og_detokenizer *detok;
    int32_t n_vocab, next;
    og_status sampled;
    float *masked; /* a row without the tokens that the matcher forbids; NULL: no matcher */
    ogi_buf held;  /* text not given out yet: it may be the start of a stop string */
    og_generate_result *out;
} run;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool sample_row(void *user, int feed, int64_t i, const float *logits)
{
    run *r = user;
    (void)feed, (void)i;
    r->sampled = OG_OK;
    if (r->masked) {
        memcpy(r->masked, logits, (size_t)r->n_vocab * sizeof *logits);
        r->sampled = og_matcher_mask_logits(r->opt->matcher, r->masked, r->n_vocab);
        logits = r->masked;
    }
    if (r->sampled == OG_OK)
        r->sampled = og_sampler_sample(r->sampler, logits, r->n_vocab, &r->next);
    return true;
}

static bool may_go_on(const run *r)
{
    return !r->opt->go_on || r->opt->go_on(r->opt->user);
}

/* Feeds tokens; the last one's logits give the next token. */
static og_status feed(run *r, og_sequence *seq, const int32_t *token, int64_t n, bool sample)
{
    og_feed f = { .seq = seq, .token = token, .n = n };
    OG_TRY(og_model_feed(r->m, &f, 1, sample ? OG_ROWS_LAST : OG_ROWS_NONE, sample_row, r));
    return sample ? r->sampled : OG_OK;
}

static og_status feed_prompt(run *r, og_sequence *seq, bool *stopped)
{
    const og_generate_options *o = r->opt;
    *stopped = false;
    for (int64_t at = 0; at < o->n_prompt && !*stopped; at += PROMPT_CHUNK) {
        int64_t n = OGI_MIN(PROMPT_CHUNK, o->n_prompt - at);
        OG_TRY(feed(r, seq, o->prompt + at, n, at + n == o->n_prompt));
        for (int64_t i = 0; i < n; i++) og_sampler_accept(r->sampler, o->prompt[at + i]);
        *stopped = !may_go_on(r);
    }
    return OG_OK;
}

/* First place in the held text where some stop string begins, whole; its index in *which. */
static size_t find_stop(const run *r, int *which)
{
    size_t best = r->held.n;
    *which = -1;
    for (int k = 0; k < r->opt->n_stop; k++) {
        size_t n = strlen(r->opt->stop[k]);
        for (size_t i = 0; n && i + n <= r->held.n && i < best; i++)
            if (!memcmp(r->held.p + i, r->opt->stop[k], n)) best = i, *which = k;
    }
    return best;
}

/* Bytes at the end of the held text that may be the beginning of a stop string. */
static size_t unsure_tail(const run *r)
{
    size_t most = 0;
    for (int k = 0; k < r->opt->n_stop; k++) {
        size_t n = strlen(r->opt->stop[k]);
        for (size_t len = OGI_MIN(n, r->held.n); len > most; len--)
            if (!memcmp(r->held.p + r->held.n - len, r->opt->stop[k], len)) most = len;
    }
    return most;
}

/* Gives out what is certain of the held text; true goes on. */
static bool give_text(run *r, bool is_end)
{
    int which;
    size_t n = find_stop(r, &which);
    bool go_on = which < 0;
    if (go_on && !is_end) n -= unsure_tail(r);
    if (!go_on) r->out->stop = OG_STOP_TEXT, r->out->stop_index = which;
    if (n && r->opt->text && !r->opt->text(r->opt->user, r->held.p, n)) {
        if (go_on) r->out->stop = OG_STOP_CANCELLED;
        go_on = false;
    }
    if (n) memmove(r->held.p, r->held.p + n, r->held.n - n);
    r->held.n -= n;
    return go_on;
}

static og_status note_chosen(run *r, int32_t token)
{
    og_tokens *c = r->opt->chosen;
    if (!c) return OG_OK;
    OG_TRY(ogi_grow(ogi_model_ctx(r->m), &c->id, &c->cap, c->n + 1, sizeof *c->id));
    c->id[c->n++] = token;
    return OG_OK;
}

/* The token's text to the held buffer. */
static og_status hold(run *r, int32_t token)
{
    const char *text;
    size_t n;
    OG_TRY(og_detokenizer_push(r->detok, token, &text, &n));
    ogi_buf_add(&r->held, text, n);
    return r->held.failed ? OG_E_MEMORY : OG_OK;
}

static og_status loop(run *r, og_sequence *seq, const og_tokenizer *t)
{
    const og_generate_options *o = r->opt;
    og_model_info info;
    og_model_get_info(r->m, &info);
    for (;;) {
        int32_t token = r->next;
        og_sampler_accept(r->sampler, token);
        OG_TRY(note_chosen(r, token));
        if (o->matcher) OG_TRY(og_matcher_accept(o->matcher, token));
        if (og_tokenizer_is_eog(t, token)) {
            r->out->stop = OG_STOP_EOG;
            if (!o->show_special) return OG_OK;
            OG_TRY(hold(r, token));
            return OG_OK;
        }
        r->out->n_generated++;
        OG_TRY(hold(r, token));
        if (!give_text(r, false)) return OG_OK;
        r->out->stop = OG_STOP_LENGTH;
        if (o->max_tokens > 0 && r->out->n_generated >= o->max_tokens) return OG_OK;
        r->out->stop = OG_STOP_CONTEXT;
        if (og_sequence_length(seq) >= info.n_ctx) return OG_OK;
        r->out->stop = OG_STOP_CANCELLED;
        if (!may_go_on(r)) return OG_OK;
        OG_TRY(feed(r, seq, &token, 1, true));
    }
}

static og_status finish(run *r)
{
    const char *text;
    size_t n;
    if (r->out->stop == OG_STOP_TEXT) return OG_OK;
    OG_TRY(og_detokenizer_flush(r->detok, &text, &n));
    ogi_buf_add(&r->held, text, n);
    if (r->held.failed) return OG_E_MEMORY;
    give_text(r, true);
    return OG_OK;
}

static og_status generate(run *r, og_sequence *seq, const og_tokenizer *t)
{
    bool stopped;
    double start = seconds();
    OG_TRY(feed_prompt(r, seq, &stopped));
    double middle = seconds();
    r->out->prompt_s = middle - start;
    r->out->n_prompt = r->opt->n_prompt;
    r->out->stop = OG_STOP_CANCELLED;
    if (stopped) return OG_OK;
    og_status st = loop(r, seq, t);
    r->out->generate_s = seconds() - middle;
    return st == OG_OK ? finish(r) : st;
}

og_status og_generate(og_model *m, og_sequence *seq, const og_tokenizer *t, og_sampler *s,
                      const og_generate_options *opt, og_generate_result *out)
{
    og_ctx *ctx = ogi_model_ctx(m);
    og_model_info info;
    og_model_get_info(m, &info);
    *out = (og_generate_result){ .stop_index = -1 };
    if (opt->n_prompt < 1) OG_FAIL(ctx, OG_E_INVALID, "generate: the prompt has no tokens");
    if (opt->n_prompt > info.n_ctx - og_sequence_length(seq))
        OG_FAIL(ctx, OG_E_LIMIT,
                "the prompt has %lld tokens, the context of %lld holds %lld more; see -c",
                (long long)opt->n_prompt, (long long)info.n_ctx,
                (long long)(info.n_ctx - og_sequence_length(seq)));
    run r = { .m = m, .opt = opt, .sampler = s, .n_vocab = (int32_t)info.n_vocab, .out = out };
    r.held.ctx = ctx;
    unsigned flags = opt->show_special ? OG_DECODE_UNPARSE_SPECIAL : 0;
    OG_TRY(og_detokenizer_new(t, ctx, flags, &r.detok));
    if (opt->matcher) r.masked = OGI_NEW_N(ctx, float, r.n_vocab);
    og_status st = opt->matcher && !r.masked ? OG_E_MEMORY : generate(&r, seq, t);
    ogi_free(ctx, r.masked);
    og_detokenizer_free(r.detok);
    ogi_buf_free(&r.held);
    return st;
}
