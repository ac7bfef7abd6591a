/* SPDX-License-Identifier: MIT
 *
 * Rows of keys and values in pages, and dot products of queries with them in the canonical order:
 * 16 lanes, one tree. What attention and the selection of keys share. */
#ifndef OG_BACKENDS_CPU_ISA_KEY_ROWS_H
#define OG_BACKENDS_CPU_ISA_KEY_ROWS_H

#include "backends/cpu/isa/kernels.h"
#include "backends/cpu/isa/kv_load.h"

enum {
    OGI_MANY_Q = OGI_VN == 16  ? 4
                 : OGI_VN == 1 ? 1
                               : 2, /* queries and keys of a block of scores */
    OGI_MANY_K = OGI_VN == 16  ? 4
                 : OGI_VN == 1 ? 1
                               : 2,
    OGI_ONE_K = OGI_VN == 16  ? 16
                : OGI_VN == 1 ? 1
                              : 4,      /* keys, with one query */
    OGI_DOTS = OGI_VN > 4 ? OGI_VN : 4, /* dots of a block, rounded up */
};

/* Bytes of a block of each type: ROW_SIZE(NAME, dim). */
enum {
#define T(NAME, id, block, bytes, is_quantized) BLOCK_##NAME = block, BYTES_##NAME = bytes,
    OG_DTYPE_LIST(T)
#undef T
};
#define ROW_SIZE(NAME, dim) ((dim) / BLOCK_##NAME * BYTES_##NAME)

/* Where the row of a key or value lies whose tokens are rank * ratio .. + ratio - 1. */
OGI_INLINE const char *ogi_kv_row(const ogi_kv_pages *p, const void *state, int64_t rank,
                                  int64_t row_size)
{
    int64_t token = rank * p->ratio + p->ratio - 1; /* the last */
    int64_t page = p->page[token / OGI_CPU_PAGE];
    int64_t n_row = p->ratio < OGI_CPU_PAGE ? OGI_CPU_PAGE / p->ratio : 1;
    int64_t row = (page * p->n_kv_head + p->kv_head) * n_row + token % OGI_CPU_PAGE / p->ratio;
    return (const char *)state + row * row_size;
}

/* The last dim % 16 values of a row from d on, then zeros. Rows of blocks have no such. */
OGI_INLINE v16 ogi_load_tail(og_dtype type, const char *row, int64_t d, int64_t dim)
{
    const int size = type == OG_F32 ? 4 : 2;
    _Alignas(64) char x[64] = { 0 };
    memcpy(x, row + d * size, (size_t)((dim - d) * size));
    return v16_load_kv(type, x, 0);
}

/* dot[i * n_k + j] of n_q queries with n_k keys: neighbours from k on, or, is_far, at far[j]. All
 * but the pointers, row_size and dim are constants. */
OGI_INLINE void ogi_dot_block(og_dtype type, bool is_far, int n_q, int n_k, const float *const *q,
                              const char *k, const char *const *far, int64_t row_size, int64_t dim,
                              float *dot)
{
    const int64_t whole = dim / 16 * 16;
    v16 sum[OGI_DOTS];
    for (int i = 0; i < OGI_DOTS; i++) sum[i] = v16_zero();
    for (int64_t d = 0; d < whole; d += 16) {
        v16 x[OGI_MANY_Q];
        for (int i = 0; i < n_q; i++) x[i] = v16_load(q[i] + d);
        for (int j = 0; j < n_k; j++) {
            v16 y = v16_load_kv(type, is_far ? far[j] : k + j * row_size, d);
            for (int i = 0; i < n_q; i++) sum[i * n_k + j] = v16_fma(x[i], y, sum[i * n_k + j]);
        }
    }
    for (int i = 0; whole < dim && i < n_q * n_k; i++) {
        v16 x = ogi_load_tail(OG_F32, (const char *)q[i / n_k], whole, dim);
        v16 y = ogi_load_tail(type, is_far ? far[i % n_k] : k + i % n_k * row_size, whole, dim);
        sum[i] = v16_fma(x, y, sum[i]);
    }
    for (int i = 0; i < OGI_DOTS; i += OGI_VN) vf_store(dot + i, v16_sums(sum + i));
}

#endif
