/* SPDX-License-Identifier: MIT
 *
 * Beam search equals brute force on a small table model. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/ctx.h"
#include "oxigraph/sampler.h"

enum { V = 4, LENGTH = 5, END = 3 };

/* Next-token logits depend on the two last tokens and the length. */
static float logit(const int32_t *t, int32_t n, int32_t next)
{
    uint32_t h = 2166136261u;
    const int32_t word[] = { n, n > 0 ? t[n - 1] : -1, n > 1 ? t[n - 2] : -1, next };
    for (int i = 0; i < 4; i++) h = (h ^ (uint32_t)(word[i] + 7)) * 16777619u;
    return (float)(h >> 8 & 0xffff) / 65536.0f * 4.0f;
}

static double logprob(const int32_t *t, int32_t n, int32_t next)
{
    double sum = 0.0;
    for (int32_t i = 0; i < V; i++) sum += exp((double)logit(t, n, i));
    return (double)logit(t, n, next) - log(sum);
}

static og_status step(void *user, const og_beam *beams, int32_t n, float *logits)
{
    int *steps = user;
    for (int32_t b = 0; b < n; b++) {
        if (*steps == 0) cr_assert(beams[b].parent == -1 && n == 1);
        if (*steps > 0) cr_assert(beams[b].parent >= 0);
        for (int32_t i = 0; i < V; i++) logits[b * V + i] = logit(beams[b].tokens, beams[b].n, i);
    }
    ++*steps;
    return OG_OK;
}

typedef struct best {
    double score;
    int32_t token[LENGTH], n;
} best;

/* All texts: each ends with END or at LENGTH tokens. */
static best brute_force(double penalty)
{
    best b = { .score = -INFINITY };
    int total = 1;
    for (int i = 0; i < LENGTH; i++) total *= V;
    for (int code = 0; code < total; code++) {
        int32_t t[LENGTH], n = 0;
        double sum = 0.0;
        for (int rest = code; n < LENGTH && (n == 0 || t[n - 1] != END); rest /= V) {
            sum += logprob(t, n, rest % V);
            t[n++] = rest % V;
        }
        double score = sum / pow(n, penalty);
        if (score <= b.score + 1e-12) continue;
        b.score = score, b.n = n;
        memcpy(b.token, t, sizeof t);
    }
    return b;
}

Test(beam, equals_brute_force_on_a_table)
{
    const double penalties[] = { 0.0, 0.5, 1.0, 2.0 };
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    for (int i = 0; i < 4; i++) {
        int steps = 0;
        const int32_t end = END;
        og_beam_options opt = { .width = 1024,
                                .max_tokens = LENGTH,
                                .end = &end,
                                .n_end = 1,
                                .length_penalty = penalties[i],
                                .step = step,
                                .user = &steps };
        og_beam *r;
        int32_t n;
        cr_assert(og_beam_search(ctx, &opt, V, &r, &n) == OG_OK);
        best want = brute_force(penalties[i]);
        cr_assert(n > 0 && r[0].n == want.n);
        cr_assert(!memcmp(r[0].tokens, want.token, (size_t)want.n * sizeof *want.token));
        cr_assert(fabs(r[0].logprob / pow(want.n, penalties[i]) - want.score) < 1e-9);
        for (int32_t k = 1; k < n; k++)
            cr_assert(r[k].logprob / pow(r[k].n, penalties[i]) <=
                      r[k - 1].logprob / pow(r[k - 1].n, penalties[i]));
        og_beams_free(ctx, r);
    }
    og_ctx_free(ctx);
}

Test(beam, of_width_one_is_greedy)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    int steps = 0;
    og_beam_options opt = { .width = 1, .max_tokens = LENGTH, .step = step, .user = &steps };
    og_beam *r;
    int32_t n, t[LENGTH];
    cr_assert(og_beam_search(ctx, &opt, V, &r, &n) == OG_OK);
    for (int32_t k = 0; k < LENGTH; k++) {
        t[k] = 0;
        for (int32_t i = 1; i < V; i++)
            if (logit(t, k, i) > logit(t, k, t[k])) t[k] = i;
    }
    cr_assert(n == 1 && r[0].n == LENGTH && !memcmp(r[0].tokens, t, sizeof t));
    cr_assert(!r[0].is_done);
    og_beams_free(ctx, r);
    og_ctx_free(ctx);
}
