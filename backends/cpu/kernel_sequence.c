/* SPDX-License-Identifier: MIT
 *
 * Ops over the tokens of whole sequences, and small ones over rows, as work items. Plain loops that
 * every compiler vectorises alike: what they move bounds them. */
#include <math.h>

#include "backends/cpu/kernel_ops.h"
#include "ops/sequence.h"
#include "ops/sinkhorn.h"

enum {
    LANES = 16,
    TOKEN_BLOCK = 16 /* tokens of an item of unfold and sinkhorn: as many as it has lanes */
};

/* ---- unfold --------------------------------------------------------------------------------- */

static void unfold_token(const ogi_cpu_call *c, int64_t t, int64_t begin, int64_t end)
{
    int64_t n_channel = c->dst.dim[1], n_tap = c->dst.dim[2];
    const float *x = c->src[0].p;
    float *y = (float *)c->dst.p + t * n_channel * n_tap;
    for (int64_t j = 0; j < n_tap; j++) {
        int64_t from = t + j - (n_tap - 1) / 2;
        bool is_inside = from >= begin && from < end;
        for (int64_t i = 0; i < n_channel; i++)
            y[i * n_tap + j] = is_inside ? x[from * n_channel + i] : 0;
    }
}

void ogi_cpu_run_unfold(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const int32_t *start = c->src[1].p;
    int64_t n_seq = c->src[1].dim[0] - 1, n_tok = c->src[0].dim[0], i;
    while ((i = ogi_cpu_next(c) * TOKEN_BLOCK) < n_tok)
        for (int64_t t = i, s = 0; t < OGI_MIN(i + TOKEN_BLOCK, n_tok); t++) {
            while (s + 1 < n_seq && start[s + 1] <= t) s++;
            unfold_token(c, t, start[s], start[s + 1]);
        }
}

/* ---- group_norm ----------------------------------------------------------------------------- */

/* Sum over rows of n values, `stride` apart, of x - mean or its square: 16 lanes and a tree. */
static float sum_rows(const float *x, int64_t n_row, int64_t stride, int64_t n, float mean,
                      bool is_square)
{
    float lane[LANES] = { 0 };
    for (int64_t r = 0; r < n_row; r++, x += stride) {
        int64_t i = 0;
        for (; i + LANES <= n; i += LANES)
            for (int l = 0; l < LANES; l++) {
                float d = x[i + l] - mean;
                lane[l] += is_square ? d * d : d;
            }
        for (int l = 0; i < n; i++, l++) {
            float d = x[i] - mean;
            lane[l] += is_square ? d * d : d;
        }
    }
    for (int step = LANES / 2; step; step /= 2)
        for (int l = 0; l < step; l++) lane[l] += lane[l + step];
    return lane[0];
}

void ogi_cpu_run_group_norm(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const ogi_group_norm *p = c->node->params;
    const int32_t *start = c->src[1].p;
    int64_t n_channel = c->dst.dim[1], n = n_channel / p->groups, i;
    while ((i = ogi_cpu_next(c)) < (c->src[1].dim[0] - 1) * p->groups) {
        int64_t s = i / p->groups, n_row = start[s + 1] - start[s];
        int64_t at = start[s] * n_channel + i % p->groups * n;
        const float *x = (const float *)c->src[0].p + at;
        float *y = (float *)c->dst.p + at, count = (float)(n_row * n);
        float mean = sum_rows(x, n_row, n_channel, n, 0, false) / count;
        float var = sum_rows(x, n_row, n_channel, n, mean, true) / count;
        float scale = 1.0f / sqrtf(var + p->eps);
        for (int64_t r = 0; r < n_row; r++)
            for (int64_t k = 0; k < n; k++)
                y[r * n_channel + k] = (x[r * n_channel + k] - mean) * scale;
    }
}

/* ---- sinkhorn ------------------------------------------------------------------------------- */

void ogi_cpu_run_sinkhorn(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const ogi_sinkhorn *p = c->node->params;
    int64_t n = c->dst.dim[c->dst.rank - 1], n_matrix = 1, i;
    for (int d = 0; d + 2 < c->dst.rank; d++) n_matrix *= c->dst.dim[d];
    while ((i = ogi_cpu_next(c) * TOKEN_BLOCK) < n_matrix)
        c->kernels->sinkhorn((const float *)c->src[0].p + i * n * n, (float *)c->dst.p + i * n * n,
                             OGI_MIN(TOKEN_BLOCK, n_matrix - i), (int)n, p->iterations, p->eps);
}
