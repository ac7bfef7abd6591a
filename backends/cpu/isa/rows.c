/* SPDX-License-Identifier: MIT
 *
 * Pooled blocks, lane by channel; doubly stochastic matrices, lane by matrix. */
#include "backends/cpu/isa/rows.h"
#include "backends/cpu/isa/vmath.h"
#include "ops/sinkhorn.h"

#include <string.h>

enum { STRIP = 64, LANES = 16, SIDE = OGI_SINKHORN_MAX };

/* One strip of channels: the largest score, then the weighed sum. */
static void pool_strip(const ogi_block_pool_args *a, int64_t c0, int n)
{
    float most[STRIP], sum[STRIP] = { 0 }, acc[STRIP] = { 0 };
    int64_t from = a->pos - a->n_row + 1;
    for (int c = 0; c < n; c++) most[c] = -INFINITY;
    for (int64_t t = from > 0 ? from : 0; t <= a->pos; t++) {
        int64_t at = t % a->n_row * a->width + c0 + (t > a->pos - a->ratio ? a->own : 0);
        for (int c = 0; c < n; c++)
            most[c] = a->score[at + c] > most[c] ? a->score[at + c] : most[c];
    }
    for (int64_t t = from > 0 ? from : 0; t <= a->pos; t++) {
        int64_t at = t % a->n_row * a->width + c0 + (t > a->pos - a->ratio ? a->own : 0);
        for (int c = 0; c < n; c++) {
            float e = ogi_vm_exp(a->score[at + c] - most[c]);
            sum[c] += e;
            acc[c] = OGI_FMA(e, a->x[at + c], acc[c]);
        }
    }
    for (int c = 0; c < n; c++) a->out[c0 + c] = acc[c] / sum[c];
}

void OGI_ISA(ogi_block_pool)(const ogi_block_pool_args *a, int64_t c0, int64_t c1)
{
    for (; c0 < c1; c0 += STRIP) pool_strip(a, c0, c1 - c0 < STRIP ? (int)(c1 - c0) : STRIP);
}

/* Divides n numbers of each lane, `step` apart, by their sum plus eps. */
static void divide(float (*m)[LANES], int n, int step, float eps)
{
    float sum[LANES];
    for (int l = 0; l < LANES; l++) sum[l] = eps;
    for (int i = 0; i < n; i++)
        for (int l = 0; l < LANES; l++) sum[l] += m[i * step][l];
    for (int i = 0; i < n; i++)
        for (int l = 0; l < LANES; l++) m[i * step][l] /= sum[l];
}

/* exp(x - max) of a row, divided by their sum, plus eps. */
static void softmax_row(float (*m)[LANES], int n, float eps)
{
    float most[LANES];
    memcpy(most, m[0], sizeof most);
    for (int i = 1; i < n; i++)
        for (int l = 0; l < LANES; l++) most[l] = m[i][l] > most[l] ? m[i][l] : most[l];
    for (int i = 0; i < n; i++)
        for (int l = 0; l < LANES; l++) m[i][l] = ogi_vm_exp(m[i][l] - most[l]);
    divide(m, n, 1, 0);
    for (int i = 0; i < n; i++)
        for (int l = 0; l < LANES; l++) m[i][l] += eps;
}

void OGI_ISA(ogi_sinkhorn)(const float *x, float *y, int64_t n_matrix, int n, int iterations,
                           float eps)
{
    for (int64_t first = 0; first < n_matrix; first += LANES) {
        float m[SIDE * SIDE][LANES] = { { 0 } };
        int n_lane = n_matrix - first < LANES ? (int)(n_matrix - first) : LANES;
        for (int l = 0; l < n_lane; l++)
            for (int i = 0; i < n * n; i++) m[i][l] = x[(first + l) * n * n + i];
        for (int r = 0; r < n; r++) softmax_row(m + r * n, n, eps);
        for (int c = 0; c < n; c++) divide(m + c, n, n, eps);
        for (int k = 1; k < iterations; k++) {
            for (int r = 0; r < n; r++) divide(m + r * n, n, 1, eps);
            for (int c = 0; c < n; c++) divide(m + c, n, n, eps);
        }
        for (int l = 0; l < n_lane; l++)
            for (int i = 0; i < n * n; i++) y[(first + l) * n * n + i] = m[i][l];
    }
}
