/* SPDX-License-Identifier: MIT
 *
 * Answers by beam search: each beam has a sequence of its own, copied from its parent's where two
 * beams go on from one. The search runs on these; the answer it finds is then given out by
 * og_generate, so that stop texts, calls and log-probabilities are those of any answer. */

#include "oxigraph/generate.h"

#include "base/clock.h"
#include "runtime/engine.h"

enum { MAX_WIDTH = 63 /* a feed takes 64 sequences */, PROMPT_CHUNK = 512 };

typedef struct beams {
    og_ctx *ctx;
    og_model *m;
    const og_generate_options *opt;
    int width;
    og_sequence *seq[MAX_WIDTH]; /* of beam i of the last step */
    int64_t n_prompt;            /* tokens that all sequences have in common */
    int32_t last;                /* of the prompt: fed first */
    int64_t n_vocab;
    float *logits; /* of the step being made */
    og_status checked;
} beams;

static bool keep_row(void *user, int feed, int64_t i, const float *logits)
{
    beams *b = user;
    (void)i;
    b->checked = og_model_check_logits(b->m, logits);
    if (b->checked != OG_OK) return false;
    memcpy(b->logits + feed * b->n_vocab, logits, (size_t)b->n_vocab * sizeof *logits);
    return true;
}

/* Gives each beam its parent's sequence: the first child takes it over, the others get copies. */
static og_status move_sequences(beams *b, const og_beam *beam, int32_t n)
{
    og_sequence *next[MAX_WIDTH] = { NULL };
    bool is_taken[MAX_WIDTH] = { false };
    for (int32_t i = 0; i < n; i++) {
        int32_t p = beam[i].parent;
        if (is_taken[p]) continue;
        next[i] = b->seq[p];
        is_taken[p] = true;
    }
    int32_t spare = 0;
    for (int32_t i = 0; i < b->width; i++) {
        if (next[i]) continue;
        while (is_taken[spare]) spare++;
        next[i] = b->seq[spare];
        is_taken[spare] = true;
        if (i >= n) continue;
        int64_t alike = OGI_MIN(b->n_prompt, og_sequence_length(next[i]));
        OG_TRY(og_sequence_copy(next[i], b->seq[beam[i].parent], alike));
    }
    memcpy(b->seq, next, sizeof next);
    return OG_OK;
}

static og_status make_step(void *user, const og_beam *beam, int32_t n, float *logits)
{
    beams *b = user;
    og_feed feed[MAX_WIDTH];
    if (b->opt->go_on && !b->opt->go_on(b->opt->user)) return OG_E_CANCELLED;
    if (beam[0].parent >= 0) OG_TRY(move_sequences(b, beam, n));
    for (int32_t i = 0; i < n; i++) {
        const int32_t *token = beam[i].n ? beam[i].tokens + beam[i].n - 1 : &b->last;
        feed[i] = (og_feed){ .seq = b->seq[i], .token = token, .n = 1 };
    }
    b->logits = logits;
    og_status st = og_model_feed(b->m, feed, n, OG_ROWS_LAST, keep_row, b);
    return b->checked != OG_OK ? b->checked : st;
}

static og_status end_tokens(og_ctx *ctx, const og_tokenizer *t, og_tokens *out)
{
    for (int32_t i = 0; i < og_tokenizer_size(t); i++) {
        if (!og_tokenizer_is_eog(t, i)) continue;
        OG_TRY(ogi_grow(ctx, &out->id, &out->cap, out->n + 1, sizeof *out->id));
        out->id[out->n++] = i;
    }
    return OG_OK;
}

/* The best text; false in *is_found if it was cancelled. */
static og_status search(beams *b, const og_tokenizer *t, const og_beams_options *o, int64_t room,
                        og_tokens *out, bool *is_found)
{
    og_tokens end = { 0 };
    og_beam *best = NULL;
    int32_t n = 0;
    int64_t most = b->opt->max_tokens > 0 ? OGI_MIN(b->opt->max_tokens, room) : room;
    og_beam_options bo = { .width = b->width,
                           .max_tokens = (int32_t)OGI_MIN(most, 1 << 20),
                           .length_penalty = o->length_penalty,
                           .step = make_step,
                           .user = b };
    og_status st = end_tokens(b->ctx, t, &end);
    bo.end = end.id, bo.n_end = (int32_t)end.n;
    if (st == OG_OK) st = og_beam_search(b->ctx, &bo, (int32_t)b->n_vocab, &best, &n);
    *is_found = st == OG_OK && n > 0 && best[0].n > 0;
    if (st == OG_E_CANCELLED) st = OG_OK;
    if (st == OG_OK && *is_found)
        st = ogi_grow(b->ctx, &out->id, &out->cap, best[0].n, sizeof *out->id);
    if (st == OG_OK && *is_found) {
        memcpy(out->id, best[0].tokens, (size_t)best[0].n * sizeof *out->id);
        out->n = best[0].n;
    }
    og_beams_free(b->ctx, best);
    og_tokens_free(b->ctx, &end);
    return st;
}

/* All of the prompt but its last token. */
static og_status feed_prompt(const beams *b, og_sequence *seq, bool *go_on)
{
    const og_generate_options *o = b->opt;
    *go_on = true;
    for (int64_t at = 0, n; at + 1 < o->n_prompt && *go_on; at += n) {
        n = OGI_MIN(PROMPT_CHUNK, o->n_prompt - 1 - at);
        og_feed f = { .seq = seq, .token = o->prompt + at, .n = n };
        OG_TRY(og_model_feed(b->m, &f, 1, OG_ROWS_NONE, NULL, NULL));
        if (o->fed) o->fed(o->user, at + n);
        *go_on = !o->go_on || o->go_on(o->user);
    }
    return OG_OK;
}

static og_status open_sequences(beams *b, const og_sequence *from)
{
    for (int i = 0; i < b->width; i++) OG_TRY(og_sequence_new(b->m, &b->seq[i]));
    return og_sequence_copy(b->seq[0], from, 0);
}

static og_status find(beams *b, og_sequence *seq, const og_tokenizer *t, const og_beams_options *o,
                      int64_t n_ctx, og_tokens *text, double *prompt_s)
{
    bool go_on;
    double start = ogi_seconds();
    OG_TRY(feed_prompt(b, seq, &go_on));
    *prompt_s = ogi_seconds() - start;
    if (!go_on) return OG_OK;
    b->n_prompt = og_sequence_length(seq);
    b->last = b->opt->prompt[b->opt->n_prompt - 1];
    if (b->opt->fed) b->opt->fed(b->opt->user, b->opt->n_prompt); /* the last one: each beam */
    og_status st = open_sequences(b, seq);
    if (st == OG_OK) st = search(b, t, o, n_ctx - b->n_prompt, text, &go_on);
    for (int i = 0; i < b->width; i++) og_sequence_free(b->seq[i]);
    return st;
}

og_status og_generate_beams(og_model *m, og_sequence *seq, const og_tokenizer *t, og_sampler *s,
                            const og_beams_options *o, const og_generate_options *opt,
                            og_generate_result *out)
{
    og_model_info info;
    OGI_NEEDS(m ? ogi_model_ctx(m) : NULL, m && seq && t && s && o && opt && out);
    OGI_NEEDS(ogi_model_ctx(m), (opt->prompt || !opt->n_prompt) && opt->max_tokens >= 0);
    OGI_NEEDS(ogi_model_ctx(m), opt->n_stop >= 0 && (opt->stop || !opt->n_stop));
    OGI_NEEDS(ogi_model_ctx(m), opt->n_top >= 0);
    og_model_get_info(m, &info);
    beams b = { .ctx = ogi_model_ctx(m), .m = m, .opt = opt, .width = o->width };
    b.n_vocab = og_tokenizer_size(t); /* rows behind the last token are padding */
    *out = (og_generate_result){ .stop = OG_STOP_CANCELLED, .stop_index = -1 };
    if (o->width < 1 || o->width > MAX_WIDTH)
        OG_FAIL(b.ctx, OG_E_INVALID, "beam search: a width of %d; 1 to %d are possible", o->width,
                MAX_WIDTH);
    if (ogi_sequence_model(seq) != m)
        OG_FAIL(b.ctx, OG_E_INVALID, "beam search: the sequence is another model's");
    if (b.n_vocab > info.n_vocab)
        OG_FAIL(b.ctx, OG_E_INVALID, "beam search: a tokenizer of %lld tokens, the model has %lld",
                (long long)b.n_vocab, (long long)info.n_vocab);
    if (opt->n_prefix) OG_FAIL(b.ctx, OG_E_UNSUPPORTED, "beam search heals no prompt");
    if (opt->matcher) OG_FAIL(b.ctx, OG_E_UNSUPPORTED, "beam search takes no constraint");
    if (opt->n_prompt < 1) OG_FAIL(b.ctx, OG_E_INVALID, "beam search: the prompt has no tokens");
    if (opt->n_prompt > info.n_ctx - og_sequence_length(seq))
        OG_FAIL(b.ctx, OG_E_LIMIT,
                "the prompt has %lld tokens, the context of %lld holds %lld more",
                (long long)opt->n_prompt, (long long)info.n_ctx,
                (long long)(info.n_ctx - og_sequence_length(seq)));
    og_tokens text = { 0 };
    double start = ogi_seconds(), prompt_s = 0;
    og_status st = find(&b, seq, t, o, info.n_ctx, &text, &prompt_s);
    if (st == OG_OK && text.n) {
        og_generate_options go = *opt;
        go.prompt = &b.last, go.n_prompt = 1;
        go.fed = NULL;
        go.given = text.id, go.n_given = text.n;
        st = og_generate(m, seq, t, s, &go, out);
    }
    out->n_prompt = opt->n_prompt;
    out->prompt_s += prompt_s; /* its last token is fed with the answer */
    out->generate_s = ogi_seconds() - start - out->prompt_s;
    og_tokens_free(b.ctx, &text);
    return st;
}
