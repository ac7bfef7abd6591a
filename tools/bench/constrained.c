/* SPDX-License-Identifier: MIT
 *
 * Decoding with a constraint beside decoding without: two sequences of one model take turns, so
 * that slow moments of the machine hit both. Steps, masks and sampling count; loading and compiling
 * do not. */
#include <stdlib.h>

#include "base/clock.h"
#include "oxigraph/model.h"
#include "oxigraph/sampler.h"
#include "tools/bench/grammar.h"
#include "tools/cmd/cli_model.h"

typedef struct side {
    og_sequence *seq;
    og_sampler *sampler;
    og_matcher *matcher; /* NULL: no constraint */
    double *seconds;     /* of each token */
    int32_t next;
} side;

typedef struct duel {
    og_model *model;
    const og_vocab_view *vocab;
    float *row;
    int32_t n_vocab;
    side *at; /* whose turn it is */
    og_status status;
} duel;

/* What og_generate does with a row. */
static bool sample(void *user, int f, int64_t i, const float *logits)
{
    duel *d = user;
    (void)f, (void)i;
    if (d->at->matcher) {
        memcpy(d->row, logits, (size_t)d->n_vocab * sizeof *logits);
        d->status = og_matcher_mask_logits(d->at->matcher, d->row, d->n_vocab);
        logits = d->row;
    }
    if (d->status == OG_OK)
        d->status = og_sampler_sample(d->at->sampler, logits, d->n_vocab, &d->at->next);
    return d->status == OG_OK;
}

static og_status step(duel *d, side *s)
{
    og_feed f = { .seq = s->seq, .token = &s->next, .n = 1 };
    d->at = s;
    d->status = OG_OK;
    og_status st = og_model_feed(d->model, &f, 1, OG_ROWS_LAST, sample, d);
    if (st == OG_OK || d->status != OG_OK) st = d->status;
    OG_TRY(st);
    og_sampler_accept(s->sampler, s->next);
    if (!s->matcher) return OG_OK;
    if (d->vocab->is_eog(d->vocab->user, s->next)) /* the next text begins */
        og_matcher_reset(s->matcher);
    else
        st = og_matcher_accept(s->matcher, s->next);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, int64_t n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return (x[n / 2] + x[(n - 1) / 2]) / 2;
}

static og_status open_side(og_ctx *ctx, const duel *d, int64_t n, side *s)
{
    og_sampler_config config;
    og_sampler_config_init(&config);
    config.seed = 1;
    s->seconds = OGI_NEW_N(ctx, double, n);
    if (!s->seconds) return OG_E_MEMORY;
    OG_TRY(og_sampler_new(ctx, &config, d->vocab, &s->sampler));
    return og_sequence_new(d->model, &s->seq);
}

static og_status measure(duel *d, side pair[2], int64_t n)
{
    enum { WARM_UP = 2 };
    for (int64_t i = -WARM_UP; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            double begin = ogi_seconds();
            OG_TRY(step(d, &pair[k]));
            if (i >= 0) pair[k].seconds[i] = ogi_seconds() - begin;
        }
    }
    return OG_OK;
}

og_status bench_constrained(og_ctx *ctx, const char *path, const og_vocab_view *vocab,
                            og_matcher *matcher, int64_t n_token, bench_slowdown *out)
{
    duel d = { .vocab = vocab };
    side pair[2] = { { .matcher = NULL }, { .matcher = matcher } };
    og_model_info info;
    og_status s = cli_model_load(
        ctx, path, &(og_model_options){ .n_ctx = n_token + 8, .n_sequence = 2 }, &d.model);
    if (s == OG_OK) {
        og_model_get_info(d.model, &info);
        d.n_vocab = (int32_t)info.n_vocab;
        d.row = OGI_NEW_N(ctx, float, d.n_vocab);
        if (!d.row) s = OG_E_MEMORY;
    }
    for (int k = 0; k < 2 && s == OG_OK; k++) s = open_side(ctx, &d, n_token, &pair[k]);
    if (s == OG_OK) s = measure(&d, pair, n_token);
    if (s == OG_OK)
        *out = (bench_slowdown){ median(pair[0].seconds, n_token), median(pair[1].seconds, n_token),
                                 n_token };
    for (int k = 0; k < 2; k++) {
        og_sequence_free(pair[k].seq);
        og_sampler_free(pair[k].sampler);
        ogi_free(ctx, pair[k].seconds);
    }
    ogi_free(ctx, d.row);
    og_model_free(d.model);
    return s;
}
