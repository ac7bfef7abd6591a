/* SPDX-License-Identifier: MIT
 *
 * Beam search. Alive beams are extended by every token; the best `width` extensions live on.
 * Finished texts are set aside and compared by length-normalised score at the end. */
#include "base/ctx.h"
#include "oxigraph/sampler.h"

#include <math.h>
#include <string.h>

typedef struct beam_state {
    int32_t *tokens; /* [max_tokens] */
    int32_t n, parent;
    double logprob;
} beam_state;

typedef struct extension {
    int32_t beam, token;
    double logprob;
} extension;

typedef struct beam_search {
    og_ctx *ctx;
    const og_beam_options *opt;
    int32_t width, max_tokens, n_vocab;
    beam_state *alive, *next, *done; /* width each */
    int32_t n_alive, n_done;
    extension *best; /* width + n_end: the best extensions of a step, falling */
    int32_t n_best, cap_best;
    og_beam *view;
    float *logits;
    int32_t *token_memory;
} beam_search;

static bool is_end(const beam_search *b, int32_t token)
{
    for (int32_t i = 0; i < b->opt->n_end; i++)
        if (b->opt->end[i] == token) return true;
    return false;
}

static double score(const beam_search *b, const beam_state *s)
{
    return s->logprob / pow((double)OGI_MAX(s->n, 1), b->opt->length_penalty);
}

/* Insertion into the falling list of the best cap_best; earlier ones win ties. */
static void offer(beam_search *b, extension e)
{
    if (b->n_best == b->cap_best && !(e.logprob > b->best[b->n_best - 1].logprob)) return;
    int32_t at = b->n_best < b->cap_best ? b->n_best++ : b->n_best - 1;
    for (; at > 0 && b->best[at - 1].logprob < e.logprob; at--) b->best[at] = b->best[at - 1];
    b->best[at] = e;
}

static void offer_all(beam_search *b, int32_t i)
{
    const float *x = b->logits + (int64_t)i * b->n_vocab;
    float max = -INFINITY;
    double sum = 0.0;
    for (int32_t t = 0; t < b->n_vocab; t++)
        if (x[t] > max) max = x[t];
    if (max == -INFINITY) return;
    for (int32_t t = 0; t < b->n_vocab; t++)
        if (x[t] == x[t]) sum += exp((double)x[t] - (double)max);
    double base = b->alive[i].logprob - (double)max - log(sum);
    for (int32_t t = 0; t < b->n_vocab; t++)
        if (x[t] > -INFINITY) offer(b, (extension){ i, t, base + (double)x[t] });
}

static void copy_state(beam_state *to, const beam_state *from)
{
    memcpy(to->tokens, from->tokens, (size_t)from->n * sizeof *to->tokens);
    to->n = from->n, to->parent = from->parent, to->logprob = from->logprob;
}

/* Keeps the best `width` finished texts. */
static void finish(beam_search *b, const beam_state *s)
{
    int32_t at = b->n_done;
    if (at == b->width) {
        at = 0;
        for (int32_t i = 1; i < b->n_done; i++)
            if (score(b, &b->done[i]) < score(b, &b->done[at])) at = i;
        if (score(b, s) <= score(b, &b->done[at])) return;
    } else {
        b->n_done++;
    }
    copy_state(&b->done[at], s);
}

static void extend(beam_search *b)
{
    int32_t n_next = 0;
    for (int32_t i = 0; i < b->n_best && n_next < b->width; i++) {
        const beam_state *from = &b->alive[b->best[i].beam];
        beam_state *to = &b->next[n_next];
        copy_state(to, from);
        to->tokens[to->n++] = b->best[i].token;
        to->parent = b->best[i].beam;
        to->logprob = b->best[i].logprob;
        if (is_end(b, b->best[i].token))
            finish(b, to);
        else
            n_next++;
    }
    beam_state *swap = b->alive;
    b->alive = b->next, b->next = swap;
    b->n_alive = n_next;
}

/* May an alive beam still beat the worst of a full set of finished ones? */
static bool can_improve(const beam_search *b)
{
    if (b->n_done < b->width) return true;
    double worst = INFINITY, best = -INFINITY;
    for (int32_t i = 0; i < b->n_done; i++) worst = fmin(worst, score(b, &b->done[i]));
    /* Log-probabilities only fall; a longer text may divide by more. */
    double reach = pow((double)b->max_tokens, fmax(b->opt->length_penalty, 0.0));
    for (int32_t i = 0; i < b->n_alive; i++) best = fmax(best, b->alive[i].logprob / reach);
    return best > worst;
}

static og_status search(beam_search *b)
{
    b->n_alive = 1;
    b->alive[0].n = 0, b->alive[0].parent = -1, b->alive[0].logprob = 0.0;
    for (int32_t step = 0; step < b->max_tokens && b->n_alive && can_improve(b); step++) {
        for (int32_t i = 0; i < b->n_alive; i++) {
            const beam_state *s = &b->alive[i];
            b->view[i] = (og_beam){ s->tokens, s->n, s->parent, s->logprob, false };
        }
        OG_TRY(b->opt->step(b->opt->user, b->view, b->n_alive, b->logits));
        b->n_best = 0;
        for (int32_t i = 0; i < b->n_alive; i++) offer_all(b, i);
        extend(b);
    }
    return OG_OK;
}

/* Results: finished texts, then alive ones (cut at max_tokens), by score; one block of memory. */
static og_status collect(beam_search *b, og_beam **out, int32_t *n_out)
{
    for (int32_t i = 0; i < b->n_alive; i++) finish(b, &b->alive[i]);
    int32_t n = b->n_done;
    size_t tokens = (size_t)n * (size_t)b->max_tokens * sizeof(int32_t);
    og_beam *r = ogi_alloc(b->ctx, 1, (size_t)OGI_MAX(n, 1) * sizeof *r + tokens);
    if (!r) return OG_E_MEMORY;
    int32_t *memory = (int32_t *)(void *)(r + n);
    for (int32_t i = 0; i < n; i++) {
        int32_t at = 0;
        for (int32_t k = 0; k < n; k++) {
            double a = score(b, &b->done[k]), c = score(b, &b->done[i]);
            at += a > c || (a == c && k < i);
        }
        const beam_state *s = &b->done[i];
        int32_t *copy = memory + (int64_t)i * b->max_tokens;
        memcpy(copy, s->tokens, (size_t)s->n * sizeof *copy);
        bool done = s->n > 0 && is_end(b, s->tokens[s->n - 1]);
        r[at] = (og_beam){ copy, s->n, s->parent, s->logprob, done };
    }
    *out = r, *n_out = n;
    return OG_OK;
}

static og_status prepare(beam_search *b)
{
    int32_t w = b->width;
    /* Each alive beam may end in n_end ways, and width others must still be found. */
    int64_t cap = w + (int64_t)w * OGI_MIN(b->opt->n_end, b->n_vocab);
    b->cap_best = (int32_t)OGI_MIN(cap, (int64_t)INT32_MAX);
    b->alive = OGI_NEW_N(b->ctx, beam_state, w);
    b->next = OGI_NEW_N(b->ctx, beam_state, w);
    b->done = OGI_NEW_N(b->ctx, beam_state, w);
    b->best = OGI_NEW_N(b->ctx, extension, b->cap_best);
    b->view = OGI_NEW_N(b->ctx, og_beam, w);
    b->logits = OGI_NEW_N(b->ctx, float, (int64_t)w * b->n_vocab);
    b->token_memory = OGI_NEW_N(b->ctx, int32_t, (int64_t)3 * w * b->max_tokens);
    if (!b->alive || !b->next || !b->done || !b->best || !b->view || !b->logits || !b->token_memory)
        return OG_E_MEMORY;
    for (int32_t i = 0; i < w; i++) {
        b->alive[i].tokens = b->token_memory + (int64_t)(3 * i) * b->max_tokens;
        b->next[i].tokens = b->alive[i].tokens + b->max_tokens;
        b->done[i].tokens = b->next[i].tokens + b->max_tokens;
    }
    return OG_OK;
}

og_status og_beam_search(og_ctx *ctx, const og_beam_options *opt, int32_t n_vocab, og_beam **out,
                         int32_t *n_out)
{
    OGI_NEEDS(ctx, ctx && opt && opt->step && out && n_out && (opt->end || opt->n_end <= 0));
    *out = NULL, *n_out = 0;
    beam_search b = { .ctx = ctx, .opt = opt, .n_vocab = n_vocab };
    b.width = opt->width ? opt->width : 4;
    b.max_tokens = opt->max_tokens ? opt->max_tokens : 128;
    enum { MAX_WIDTH = 4096, MAX_TOKENS = 1 << 20 };
    if (b.width < 1 || b.width > MAX_WIDTH || b.max_tokens < 1 || b.max_tokens > MAX_TOKENS ||
        n_vocab < 1 || opt->n_end < 0)
        OG_FAIL(ctx, OG_E_INVALID, "beam search: width %d, %d tokens, vocabulary %d", (int)b.width,
                (int)b.max_tokens, (int)n_vocab);
    og_status status = prepare(&b);
    if (status == OG_OK) status = search(&b);
    if (status == OG_OK) status = collect(&b, out, n_out);
    void *const owned[] = { b.alive, b.next, b.done, b.best, b.view, b.logits, b.token_memory };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(ctx, owned[i]);
    return status;
}

void og_beams_free(og_ctx *ctx, og_beam *beams)
{
    if (!ctx) return;
    ogi_free(ctx, beams);
}
