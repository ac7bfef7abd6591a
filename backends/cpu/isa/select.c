/* SPDX-License-Identifier: MIT
 *
 * Scores of keys by the heads of an indexer: a few heads and keys at a time; a key's score adds its
 * heads in rising order, whatever is computed beside it. */
#include "backends/cpu/isa/key_rows.h"
#include "backends/cpu/isa/rows.h"
#include "backends/cpu/isa/vmath.h"
#include "ops/attention.h"

/* acc[j] of up to MANY_K keys += what heads h .. of this block give. */
OGI_INLINE void add_heads(const ogi_key_score_args *a, const float *dot, int64_t h, int n_head,
                          float *acc)
{
    for (int i = 0; i < n_head; i++)
        for (int j = 0; j < OGI_MANY_K; j++) {
            float s = dot[i * OGI_MANY_K + j];
            if (a->is_relu) s = s > 0 ? s : 0;
            acc[j] = a->weight ? OGI_FMA(a->weight[h + i], s, acc[j]) : acc[j] + s;
        }
}

OGI_INLINE void score_keys(og_dtype type, int64_t row_size, const ogi_key_score_args *a)
{
    for (int64_t key = a->first; key < a->end; key += OGI_MANY_K) {
        const char *row[OGI_MANY_K];
        float acc[OGI_MANY_K] = { 0 };
        _Alignas(64) float dot[OGI_DOTS];
        for (int j = 0; j < OGI_MANY_K; j++) {
            int64_t rank = key + j < a->end ? key + j : a->end - 1;
            row[j] = ogi_kv_row(&a->pages, a->k_state, rank, row_size);
        }
        for (int64_t h = 0; h < a->n_head; h += OGI_MANY_Q) {
            const float *q[OGI_MANY_Q];
            int n = a->n_head - h < OGI_MANY_Q ? (int)(a->n_head - h) : OGI_MANY_Q;
            for (int i = 0; i < OGI_MANY_Q; i++) q[i] = a->q + (h + (i < n ? i : n - 1)) * a->dim;
            ogi_dot_block(type, true, OGI_MANY_Q, OGI_MANY_K, q, NULL, row, 0, a->dim, dot);
            add_heads(a, dot, h, n, acc);
        }
        for (int j = 0; j < OGI_MANY_K && key + j < a->end; j++) a->out[key + j] = acc[j];
    }
}

void OGI_ISA(ogi_key_scores)(const ogi_key_score_args *a)
{
#define T(NAME)                                                                                    \
    if (a->k_type == OG_##NAME) score_keys(OG_##NAME, ROW_SIZE(NAME, a->dim), a);
    OGI_KV_TYPES(T)
#undef T
}
