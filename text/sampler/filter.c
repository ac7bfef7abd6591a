/* SPDX-License-Identifier: MIT
 *
 * Stages that drop candidates or bend the distribution without looking at the history. Sums are
 * in float where a cut depends on them, as the first implementations have it. */
#include "text/sampler/stage.h"

#include <math.h>
#include <string.h>

void ogi_apply_top_k(og_sampler *s, ogi_stage *st)
{
    if (st->par.k > 0) ogi_cand_top(s, st->par.k);
}

/* How many of the sorted candidates at c reach p; n + 1 if their sum stays below. */
static int32_t nucleus(const og_candidate *c, int32_t n, float p, int32_t min_keep)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        sum += c[i].p;
        if (sum >= p && i + 1 >= min_keep) return i + 1;
    }
    return n + 1;
}

void ogi_apply_top_p(og_sampler *s, ogi_stage *st)
{
    if (st->par.p >= 1.0f) return;
    ogi_cand_softmax(s, false);
    /* The nucleus is usually small: look at the best 256 before sorting a whole vocabulary. */
    if (!s->is_sorted && s->n > OGI_TOP_HEAP) {
        enum { FEW = 256 };
        ogi_cand_top_spare(s, FEW);
        int32_t keep = nucleus(s->spare, FEW, st->par.p, st->par.min_keep);
        if (keep <= FEW) {
            memcpy(s->cand, s->spare, (size_t)keep * sizeof *s->cand);
            s->n = keep;
            s->is_sorted = true;
            s->is_dense = false;
            return;
        }
    }
    ogi_cand_sort(s);
    s->n = OGI_MIN(s->n, nucleus(s->cand, s->n, st->par.p, st->par.min_keep));
}

void ogi_apply_min_p(og_sampler *s, ogi_stage *st)
{
    if (st->par.p <= 0.0f || !s->n) return;
    float limit = ogi_cand_max(s) + logf(st->par.p);
    int32_t keep = 0;
    if (!s->is_sorted) {
        for (int32_t i = 0; i < s->n; i++) keep += s->cand[i].logit >= limit;
        if (keep && keep >= st->par.min_keep) {
            int32_t to = 0;
            for (int32_t i = 0; i < s->n; i++)
                if (s->cand[i].logit >= limit) s->cand[to++] = s->cand[i];
            s->n = keep;
            s->is_dense = false;
            return;
        }
        ogi_cand_sort(s);
    }
    for (keep = 1; keep < s->n; keep++)
        if (s->cand[keep].logit < limit && keep >= st->par.min_keep) break;
    s->n = keep;
}

/* Sorts the candidates by rising p, which holds the score here; stable. */
static void sort_by_score(og_sampler *s)
{
    /* The score as a falling logit lets the candidates' own sort do it. */
    for (int32_t i = 0; i < s->n; i++) {
        float logit = s->cand[i].logit;
        s->cand[i].logit = -s->cand[i].p;
        s->cand[i].p = logit;
    }
    s->is_sorted = false;
    ogi_cand_sort(s);
    for (int32_t i = 0; i < s->n; i++) s->cand[i].logit = s->cand[i].p;
    s->is_sorted = false;
}

void ogi_apply_typical(og_sampler *s, ogi_stage *st)
{
    if (st->par.p >= 1.0f || !s->n) return;
    ogi_cand_softmax(s, true);
    float entropy = 0.0f, sum = 0.0f, best = s->cand[0].logit;
    for (int32_t i = 0; i < s->n; i++) {
        sum += expf(s->cand[i].logit - best);
        if (s->cand[i].p > 0.0f) entropy -= s->cand[i].p * logf(s->cand[i].p);
    }
    for (int32_t i = 0; i < s->n; i++) {
        float p = s->cand[i].p;
        s->cand[i].p = p > 0.0f ? fabsf(-logf(p) - entropy) : INFINITY;
    }
    sort_by_score(s);
    float seen = 0.0f;
    for (int32_t i = 0; i < s->n; i++) {
        seen += expf(s->cand[i].logit - best) / sum;
        if (seen <= st->par.p || i + 1 < st->par.min_keep) continue;
        s->n = i + 1;
        break;
    }
}

/* Tail-free sampling (Phosphorus 2020): cuts where the absolute second difference of the sorted
 * probabilities, normalised, has summed to z. */
void ogi_apply_tail_free(og_sampler *s, ogi_stage *st)
{
    if (st->par.p >= 1.0f || s->n <= 2) return;
    ogi_cand_softmax(s, true);
    int32_t n = s->n - 2;
    float total = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        const og_candidate *c = s->cand + i;
        total += fabsf((c[0].p - c[1].p) - (c[1].p - c[2].p));
    }
    float sum = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        const og_candidate *c = s->cand + i;
        float bend = fabsf((c[0].p - c[1].p) - (c[1].p - c[2].p));
        sum += total > 1e-6f ? bend / total : 1.0f / (float)n;
        if (sum <= st->par.p || i < OGI_MAX(st->par.min_keep, 1)) continue;
        s->n = i;
        return;
    }
}

void ogi_apply_top_n_sigma(og_sampler *s, ogi_stage *st)
{
    if (st->par.p <= 0.0f || s->n <= 1) return;
    float max = ogi_cand_max(s);
    double sum = 0.0, square = 0.0;
    int32_t n_finite = 0;
    for (int32_t i = 0; i < s->n; i++) {
        if (s->cand[i].logit == -INFINITY) continue;
        sum += (double)s->cand[i].logit;
        n_finite++;
    }
    double mean = n_finite ? sum / n_finite : 0.0;
    for (int32_t i = 0; i < s->n; i++) {
        double d = (double)s->cand[i].logit - mean;
        if (s->cand[i].logit != -INFINITY) square += d * d;
    }
    float sigma = n_finite ? (float)sqrt(square / n_finite) : 0.0f;
    float limit = max - st->par.p * sigma;
    for (int32_t i = 0; i < s->n; i++)
        if (s->cand[i].logit < limit) s->cand[i].logit = -INFINITY;
    ogi_cand_sort(s);
}

void ogi_apply_xtc(og_sampler *s, ogi_stage *st)
{
    if (ogi_stage_is_off(st) || s->n < 2) return;
    if (ogi_rng_float(&st->rng) > st->par.p) return;
    ogi_cand_softmax(s, true);
    int32_t last = 0; /* the least likely of the top choices */
    for (int32_t i = 0; i < s->n && s->cand[i].p >= st->par.threshold; i++) last = i;
    if (last == 0 || s->n - last < st->par.min_keep) return;
    s->n -= last;
    memmove(s->cand, s->cand + last, (size_t)s->n * sizeof *s->cand);
}

static void keep_first_max(og_sampler *s)
{
    int32_t best = 0;
    for (int32_t i = 1; i < s->n; i++) {
        bool is_better = s->cand[i].logit > s->cand[best].logit;
        s->cand[is_better ? best : i].logit = -INFINITY;
        if (is_better) best = i;
    }
}

static void divide_logits(og_sampler *s, float t)
{
    if (t <= 0.0f) {
        keep_first_max(s);
        return;
    }
    t = fminf(t, 3.4e38f); /* -inf / inf would make a masked candidate NaN */
    for (int32_t i = 0; i < s->n; i++) s->cand[i].logit /= t;
}

void ogi_apply_temperature(og_sampler *s, ogi_stage *st)
{
    if (st->par.delta <= 0.0f) {
        divide_logits(s, st->par.p);
        return;
    }
    if (s->n <= 1) return;
    float low = OGI_MAX(0.0f, st->par.p - st->par.delta), high = st->par.p + st->par.delta;
    ogi_cand_softmax(s, true);
    float entropy = 0.0f;
    for (int32_t i = 0; i < s->n; i++)
        if (s->cand[i].p > 0.0f) entropy -= s->cand[i].p * logf(s->cand[i].p);
    float share = entropy / logf((float)s->n);
    divide_logits(s, low + (high - low) * powf(share, st->par.exponent));
}

/* ---- infill ---- */

static bool is_eog(const og_sampler *s, int32_t i)
{
    return s->vocab->is_eog(s->vocab->user, s->cand[i].id);
}

static void rescale(og_sampler *s, float sum)
{
    for (int32_t i = 0; i < s->n; i++) s->cand[i].p /= sum;
}

/* Drops text candidates below limit; returns how many text candidates are left. */
static int32_t keep_above(og_sampler *s, float limit)
{
    int32_t to = 0, n_text = 0;
    float sum = 0.0f;
    for (int32_t i = 0; i < s->n; i++) {
        bool is_end = is_eog(s, i);
        if (s->cand[i].p < limit && !is_end) continue;
        n_text += !is_end;
        sum += s->cand[i].p;
        s->cand[to++] = s->cand[i];
    }
    s->n = to;
    if (n_text) rescale(s, sum);
    return n_text;
}

/* Candidates that begin alike are one choice: the likelier takes the other's probability. */
static void merge_prefixes(og_sampler *s)
{
    const og_vocab_view *v = s->vocab;
    og_candidate *c = s->cand;
    for (int32_t i = 0; i < s->n; i++) {
        for (int32_t k = 0; k < s->n && c[i].logit != -INFINITY; k++) {
            if (i == k || c[k].logit == -INFINITY) continue;
            size_t n_a, n_b;
            const char *a = v->piece(v->user, c[i].id, &n_a), *b = v->piece(v->user, c[k].id, &n_b);
            if (n_a == 0 || n_a > n_b || memcmp(a, b, n_a) != 0) continue;
            bool is_first = c[k].p <= c[i].p;
            og_candidate *to = is_first ? &c[i] : &c[k], *from = is_first ? &c[k] : &c[i];
            to->p += from->p;
            from->p = 0.0f;
            from->logit = -INFINITY;
        }
    }
}

/* Fill-in-the-middle: ends the text as soon as the end tokens together are likely enough, and
 * counts candidates with a common beginning as one (llama.cpp's rule and constants). */
void ogi_apply_infill(og_sampler *s, ogi_stage *st)
{
    (void)st;
    if (!s->n) return;
    ogi_cand_softmax(s, true);
    s->is_p_final = true;
    float p_text = 0.0f, p_end = 0.0f;
    for (int32_t i = 0; i < s->n; i++) *(is_eog(s, i) ? &p_end : &p_text) += s->cand[i].p;
    if (3.0f * p_end * (float)s->n > p_text) {
        int32_t to = 0;
        for (int32_t i = 0; i < s->n; i++)
            if (is_eog(s, i)) s->cand[to++] = s->cand[i];
        s->n = to;
        rescale(s, p_end);
        return;
    }
    /* Merging compares pairs: beyond this many the tail is too unlikely to matter. */
    if (s->n > OGI_TOP_HEAP) s->n = OGI_TOP_HEAP;
    merge_prefixes(s);
    s->is_sorted = false;
    if (keep_above(s, 0.2f) == 0) {
        int32_t end = s->vocab->eot >= 0 ? s->vocab->eot : s->vocab->eos;
        /* Its probability stays that of the first candidate, as in the first implementation. */
        s->cand[0].id = end, s->cand[0].logit = 1.0f;
        s->n = 1;
        return;
    }
    keep_above(s, 1.0f / (float)(s->n + 1));
}
