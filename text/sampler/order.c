/* SPDX-License-Identifier: MIT
 *
 * Order among candidates. All sorts are stable, so that equal logits keep the chain's order and
 * results do not depend on the algorithm chosen. Nothing here allocates. */
#include "text/sampler/stage.h"

#include <math.h>
#include <string.h>

/* Rises as the logit falls. -0 and 0 are one. */
static uint32_t falling_key(float x)
{
    uint32_t u;
    x += 0.0f;
    memcpy(&u, &x, sizeof u);
    return u & 0x80000000u ? u : ~(u | 0x80000000u);
}

static void sort_small(og_candidate *c, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        og_candidate x = c[i];
        int32_t k = i;
        for (; k > 0 && c[k - 1].logit < x.logit; k--) c[k] = c[k - 1];
        c[k] = x;
    }
}

/* Least significant digit first, 8 bits a pass; four passes end in c again. */
static void sort_radix(og_candidate *c, og_candidate *spare, int32_t n)
{
    int32_t count[4][256] = { { 0 } };
    for (int32_t i = 0; i < n; i++) {
        uint32_t key = falling_key(c[i].logit);
        for (int pass = 0; pass < 4; pass++) count[pass][key >> (8 * pass) & 255]++;
    }
    for (int pass = 0; pass < 4; pass++) {
        int32_t at = 0;
        for (int d = 0; d < 256; d++) {
            int32_t here = count[pass][d];
            count[pass][d] = at;
            at += here;
        }
        for (int32_t i = 0; i < n; i++)
            spare[count[pass][falling_key(c[i].logit) >> (8 * pass) & 255]++] = c[i];
        og_candidate *swap = c;
        c = spare, spare = swap;
    }
}

static void sort_any(og_candidate *c, og_candidate *spare, int32_t n)
{
    if (n <= 96)
        sort_small(c, n);
    else
        sort_radix(c, spare, n);
}

void ogi_cand_sort(og_sampler *s)
{
    if (s->is_sorted) return;
    sort_any(s->cand, s->spare, s->n);
    s->is_sorted = true;
    s->is_dense = false;
}

/* A heap of the best so far, the worst at its root; among equal logits the later is worse. */
typedef struct heap_item {
    float logit;
    int32_t at;
} heap_item;

static bool is_worse(heap_item a, heap_item b)
{
    return a.logit < b.logit || (a.logit == b.logit && a.at > b.at);
}

static void sift_down(heap_item *h, int32_t n, int32_t i)
{
    heap_item x = h[i];
    for (int32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_worse(h[child + 1], h[child])) child++;
        if (!is_worse(h[child], x)) break;
        h[i] = h[child];
    }
    h[i] = x;
}

/* The k best of n logits that lie step bytes apart. Later items equal to the worst kept are no
 * better than it, so one comparison a logit suffices. */
static inline void heap_fill(heap_item *h, int32_t k, const void *logit, size_t step, int32_t n)
{
    const char *p = logit;
    for (int32_t i = 0; i < k; i++) {
        float x = *(const float *)(p + (size_t)i * step);
        h[i] = (heap_item){ ogi_clean_logit(x), i };
    }
    for (int32_t i = k / 2; i-- > 0;) sift_down(h, k, i);
    for (int32_t i = k; i < n; i++) {
        float x = *(const float *)(p + (size_t)i * step);
        if (!(x > h[0].logit)) continue;
        h[0] = (heap_item){ x, i };
        sift_down(h, k, 0);
    }
}

/* Empties the heap, best last taken: the items fall in order. */
static void heap_sort(heap_item *h, int32_t k)
{
    for (int32_t n = k; n > 1;) {
        heap_item worst = h[0];
        h[0] = h[--n];
        sift_down(h, n, 0);
        h[n] = worst;
    }
}

void ogi_cand_load_top(og_sampler *s, const float *logits, int32_t n, int32_t k)
{
    heap_item h[OGI_TOP_HEAP];
    k = OGI_MIN(k, n);
    heap_fill(h, k, logits, sizeof *logits, n);
    heap_sort(h, k);
    for (int32_t i = 0; i < k; i++)
        s->cand[i] = (og_candidate){ h[i].at, ogi_clean_logit(h[i].logit), 0.0f };
    s->n = k;
    s->is_sorted = true;
    s->is_dense = false;
}

void ogi_cand_top_spare(og_sampler *s, int32_t k)
{
    k = OGI_MIN(k, s->n);
    if (k <= OGI_TOP_HEAP) {
        heap_item h[OGI_TOP_HEAP];
        heap_fill(h, k, &s->cand[0].logit, sizeof *s->cand, s->n);
        heap_sort(h, k);
        for (int32_t i = 0; i < k; i++) s->spare[i] = s->cand[h[i].at];
        return;
    }
    ogi_cand_sort(s);
    memcpy(s->spare, s->cand, (size_t)k * sizeof *s->cand);
}

void ogi_cand_top(og_sampler *s, int32_t k)
{
    k = OGI_MIN(k, s->n);
    if (!s->is_sorted) {
        if (k < s->n && k <= OGI_TOP_HEAP) {
            ogi_cand_top_spare(s, k);
            memcpy(s->cand, s->spare, (size_t)k * sizeof *s->cand);
        } else {
            ogi_cand_sort(s);
        }
    }
    s->n = k;
    s->is_sorted = true;
    s->is_dense = false;
}

float ogi_cand_max(const og_sampler *s)
{
    float max = s->n ? s->cand[0].logit : -INFINITY;
    if (!s->is_sorted)
        for (int32_t i = 1; i < s->n; i++)
            if (s->cand[i].logit > max) max = s->cand[i].logit;
    return max;
}

void ogi_cand_softmax(og_sampler *s, bool is_sorting)
{
    if (is_sorting) ogi_cand_sort(s);
    float max = ogi_cand_max(s), sum = 0.0f;
    if (max == -INFINITY) max = 0.0f; /* all masked: all p are 0 */
    for (int32_t i = 0; i < s->n; i++) {
        s->cand[i].p = expf(s->cand[i].logit - max);
        sum += s->cand[i].p;
    }
    if (!(sum > 0.0f)) return;
    for (int32_t i = 0; i < s->n; i++) s->cand[i].p /= sum;
}
