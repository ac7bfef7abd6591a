/* SPDX-License-Identifier: MIT
 *
 * Stages that select a candidate. */
#include "text/sampler/stage.h"

#include <math.h>

void ogi_apply_greedy(og_sampler *s, ogi_stage *st)
{
    (void)st;
    s->selected = s->n ? 0 : -1;
    for (int32_t i = 1; i < s->n; i++)
        if (s->cand[i].logit > s->cand[s->selected].logit) s->selected = i;
}

void ogi_apply_dist(og_sampler *s, ogi_stage *st)
{
    s->selected = s->n ? 0 : -1;
    if (s->n <= 1) return;
    float max = ogi_cand_max(s);
    if (max == -INFINITY) return;
    double total = 0.0, sum = 0.0;
    for (int32_t i = 0; i < s->n; i++) {
        s->cand[i].p = expf(s->cand[i].logit - max);
        total += (double)s->cand[i].p;
    }
    double target = total * ogi_rng_double(&st->rng);
    for (int32_t i = 0; i < s->n; i++) {
        if (!(s->cand[i].p > 0.0f)) continue; /* a draw of 0 must not take a masked one */
        sum += (double)s->cand[i].p;
        s->selected = i;
        if (sum >= target) break;
    }
    for (int32_t i = 0; i < s->n; i++) s->cand[i].p /= (float)total;
}

/* Draws an index by p. */
static int32_t draw(og_sampler *s, ogi_stage *st)
{
    if (s->n <= 1) return s->n - 1;
    double total = 0.0, sum = 0.0;
    for (int32_t i = 0; i < s->n; i++) total += (double)s->cand[i].p;
    double target = ogi_rng_double(&st->rng);
    int32_t last = 0;
    for (int32_t i = 0; i < s->n; i++) {
        if (!(s->cand[i].p > 0.0f)) continue;
        sum += (double)s->cand[i].p / total;
        last = i;
        if (sum >= target) break;
    }
    return last;
}

static void learn_mu(og_sampler *s, ogi_stage *st)
{
    if (s->selected < 0 || !(s->cand[s->selected].p > 0.0f)) return;
    float surprise = -log2f(s->cand[s->selected].p);
    st->mu -= st->par.eta * (surprise - st->par.p);
}

/* Mirostat (Basu et al. 2020): estimates Zipf's exponent from the m likeliest, and from it the k
 * that gives the wanted surprise. */
void ogi_apply_mirostat(og_sampler *s, ogi_stage *st)
{
    if (!s->n) return;
    ogi_cand_softmax(s, true);
    float sum_tb = 0.0f, sum_tt = 0.0f;
    for (int32_t i = 0; i + 1 < s->n && i + 1 < st->par.m; i++) {
        if (!(s->cand[i + 1].p > 0.0f)) break;
        float t = logf((float)(i + 2) / (float)(i + 1));
        float b = logf(s->cand[i].p / s->cand[i + 1].p);
        sum_tb += t * b;
        sum_tt += t * t;
    }
    float exponent = sum_tb / sum_tt, eps = exponent - 1.0f;
    float k =
        powf(eps * powf(2.0f, st->mu) / (1.0f - powf((float)s->n_vocab, -eps)), 1.0f / exponent);
    /* A single or uniform candidate makes k NaN or infinite. */
    if (k == k && k < (float)s->n) ogi_cand_top(s, OGI_MAX((int32_t)k, 1));
    ogi_cand_softmax(s, true);
    s->selected = draw(s, st);
    learn_mu(s, st);
}

void ogi_apply_mirostat_v2(og_sampler *s, ogi_stage *st)
{
    if (!s->n) return;
    ogi_cand_softmax(s, true);
    int32_t keep = 0;
    while (keep < s->n && !(-log2f(s->cand[keep].p) > st->mu)) keep++;
    s->n = OGI_MAX(keep, 1);
    ogi_cand_softmax(s, true);
    s->selected = draw(s, st);
    learn_mu(s, st);
}

/* Bends the distribution towards candidates whose probability is near a target that balances the
 * choices made so far: a peak of height 5, a parabola near it and straight flanks of slope 10 for
 * each 0.3 of distance. */
void ogi_apply_adaptive_p(og_sampler *s, ogi_stage *st)
{
    if (!s->n) return;
    ogi_cand_softmax(s, false);
    st->pending = -1;
    if (st->par.p < 0.0f) {
        s->selected = draw(s, st);
        return;
    }
    float target = fminf(st->par.p, 1.0f);
    if (st->total != 0.0f) target = 2.0f * target - st->weighted / st->total;
    target = fminf(fmaxf(target, 0.0f), 1.0f);
    /* spare keeps the true probabilities. */
    for (int32_t i = 0; i < s->n; i++) {
        s->spare[i].p = s->cand[i].p;
        if (s->cand[i].logit == -INFINITY) continue;
        float d = fabsf((s->cand[i].p - target) / 0.3f);
        s->cand[i].logit = 5.0f - 10.0f * d * d / (1.0f + d);
    }
    s->is_sorted = false;
    ogi_cand_softmax(s, false);
    s->selected = draw(s, st);
    if (s->selected < 0) return;
    st->pending = s->cand[s->selected].id;
    st->pending_p = s->spare[s->selected].p;
}
