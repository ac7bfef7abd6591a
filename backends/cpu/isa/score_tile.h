/* SPDX-License-Identifier: MIT
 *
 * Scores of many queries: a vector holds one value of OGI_VN queries, keys go through as scalars. A
 * dot product's 16 lanes are then 16 sums one after another, added by the same tree as in
 * ogi_dot_block: same bits, but no shuffles. */
#ifndef OG_BACKENDS_CPU_ISA_SCORE_TILE_H
#define OG_BACKENDS_CPU_ISA_SCORE_TILE_H

#include "backends/cpu/isa/key_rows.h"

enum {
    OGI_TILE_K = OGI_VN == 16 || OGI_HAS_32_VECTORS ? 4 : 2, /* keys whose sums stay in registers */
    OGI_STRIP_K = 16                                         /* keys decoded at a time */
};

/* Lanes l and l + 8 of OGI_TILE_K keys, added. x: [dim][OGI_VN] queries; k: [OGI_TILE_K][dim]. */
OGI_INLINE void ogi_tile_pair(const float *x, const float *k, int64_t dim, int l, vf *out)
{
    vf low[OGI_TILE_K], high[OGI_TILE_K];
    for (int j = 0; j < OGI_TILE_K; j++) low[j] = high[j] = vf_zero();
    for (int64_t d = l; d < dim; d += 16) {
        vf a = vf_load(x + d * OGI_VN), b = vf_load(x + (d + 8) * OGI_VN);
        for (int j = 0; j < OGI_TILE_K; j++) {
            low[j] = vf_fma(a, vf_set1(k[j * dim + d]), low[j]);
            high[j] = vf_fma(b, vf_set1(k[j * dim + d + 8]), high[j]);
        }
    }
    for (int j = 0; j < OGI_TILE_K; j++) out[j] = vf_add(low[j], high[j]);
}

OGI_INLINE void ogi_tile_quad(const float *x, const float *k, int64_t dim, int l, vf *out)
{
    vf more[OGI_TILE_K];
    ogi_tile_pair(x, k, dim, l, out);
    ogi_tile_pair(x, k, dim, l + 4, more);
    for (int j = 0; j < OGI_TILE_K; j++) out[j] = vf_add(out[j], more[j]);
}

OGI_INLINE void ogi_tile_half(const float *x, const float *k, int64_t dim, int l, vf *out)
{
    vf more[OGI_TILE_K];
    ogi_tile_quad(x, k, dim, l, out);
    ogi_tile_quad(x, k, dim, l + 2, more);
    for (int j = 0; j < OGI_TILE_K; j++) out[j] = vf_add(out[j], more[j]);
}

/* Dot products of OGI_VN queries with OGI_TILE_K keys: out [OGI_TILE_K][OGI_VN]. */
OGI_INLINE void ogi_score_tile(const float *x, const float *k, int64_t dim, float *out)
{
    vf even[OGI_TILE_K], odd[OGI_TILE_K];
    ogi_tile_half(x, k, dim, 0, even);
    ogi_tile_half(x, k, dim, 1, odd);
    for (int j = 0; j < OGI_TILE_K; j++) vf_store(out + j * OGI_VN, vf_add(even[j], odd[j]));
}

/* n queries side by side, [padded dim][OGI_VN]; zeros behind them and their dimensions. */
OGI_INLINE void ogi_turn_queries(const float *const *q, int n, int64_t dim, int64_t padded,
                                 float *out)
{
    memset(out, 0, (size_t)(padded * OGI_VN) * sizeof *out);
    for (int i = 0; i < n; i++)
        for (int64_t d = 0; d < dim; d++) out[d * OGI_VN + i] = q[i][d];
}

/* A row of a key as F32, zeros behind it. */
OGI_INLINE void ogi_decode_row(og_dtype type, const char *row, int64_t dim, float *out)
{
    int64_t d = 0;
    for (; d + 16 <= dim; d += 16) v16_store(out + d, v16_load_kv(type, row, d));
    if (d < dim) v16_store(out + d, ogi_load_tail(type, row, d, dim));
}

#endif
