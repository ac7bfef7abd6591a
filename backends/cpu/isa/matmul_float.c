/* SPDX-License-Identifier: MIT
 *
 * Matmul with F32, F16 and BF16 weights: blocks of rows and tokens, k in the 16 lanes, so that one
 * token and many add in the same order. */
#include "backends/cpu/isa/unpack.h"

/* Rows and tokens of a block, with one token (N1) and with several: all sums stay in registers. */
enum {
    N1_ROW = OGI_VN == 16                        ? 16
             : OGI_VN == 8 || OGI_HAS_32_VECTORS ? 4
             : OGI_VN == 4                       ? 2
                                                 : 1,
    MANY_ROW = OGI_VN == 16                        ? 4
               : OGI_VN == 8 || OGI_HAS_32_VECTORS ? 2
                                                   : 1,
    MANY_TOK = OGI_VN == 16  ? 4
               : OGI_VN == 1 ? 1
                             : 2
};

OGI_INLINE v16 load_weights(int type, const char *p)
{
    if (type == OG_F16) return v16_load_f16((const uint16_t *)(const void *)p);
    if (type == OG_BF16) return v16_load_bf16((const uint16_t *)(const void *)p);
    return v16_load((const float *)(const void *)p);
}

/* A dot over k of n_row rows and n_tok tokens to out[row * n_tok + token]; all but k constant. */
OGI_INLINE void dot_block(int type, int n_row, int n_tok, const char *const *w,
                          const char *const *x, int64_t k, float *out)
{
    enum { MAX = N1_ROW > MANY_ROW * MANY_TOK ? N1_ROW : MANY_ROW * MANY_TOK };
    const int64_t size = type == OG_F32 ? 4 : 2, whole = k / 16 * 16;
    v16 sum[(MAX + OGI_VN - 1) / OGI_VN * OGI_VN];
    for (int i = 0; i < (int)(sizeof sum / sizeof *sum); i++) sum[i] = v16_zero();
    for (int64_t j = 0; j < whole; j += 16) {
        v16 b[MANY_TOK];
        for (int t = 0; t < n_tok; t++) b[t] = v16_load((const float *)(const void *)x[t] + j);
        for (int r = 0; r < n_row; r++) {
            v16 v = load_weights(type, w[r] + j * size);
            for (int t = 0; t < n_tok; t++)
                sum[r * n_tok + t] = v16_fma(v, b[t], sum[r * n_tok + t]);
        }
    }
    if (whole < k) { /* the missing lanes add 0 * 0 */
        for (int i = 0; i < n_row * n_tok; i++) {
            _Alignas(64) float tail_x[16] = { 0 };
            _Alignas(64) char tail_w[64] = { 0 };
            memcpy(tail_x, x[i % n_tok] + whole * 4, (size_t)(k - whole) * 4);
            memcpy(tail_w, w[i / n_tok] + whole * size, (size_t)((k - whole) * size));
            sum[i] = v16_fma(load_weights(type, tail_w), v16_load(tail_x), sum[i]);
        }
    }
    for (int i = 0; i < n_row * n_tok; i += OGI_VN) vf_store(out + i, v16_sums(sum + i));
}

/* Rows and tokens beyond the end of the block repeat its last ones; their sums are dropped. */
OGI_INLINE void matmul_block(int type, int n_row, int n_tok, const ogi_mm_args *a, int64_t row,
                             int64_t tok)
{
    const char *w[N1_ROW > MANY_ROW ? N1_ROW : MANY_ROW], *x[MANY_TOK];
    float out[16 + N1_ROW];
    int64_t rows = a->n_row - row < n_row ? a->n_row - row : n_row;
    int64_t toks = a->n_tok - tok < n_tok ? a->n_tok - tok : n_tok;
    for (int r = 0; r < n_row; r++)
        w[r] = (const char *)a->w + (row + (r < rows ? r : rows - 1)) * a->w_stride;
    for (int t = 0; t < n_tok; t++) x[t] = ogi_mm_row(a, tok + (t < toks ? t : toks - 1));
    dot_block(type, n_row, n_tok, w, x, a->k, out);
    for (int64_t t = 0; t < toks; t++)
        for (int64_t r = 0; r < rows; r++)
            a->out[(tok + t) * a->out_stride + row + r] = out[r * n_tok + t];
}

OGI_INLINE void matmul_typed(int type, const ogi_mm_args *a)
{
    if (a->n_tok == 1) {
        for (int64_t r = 0; r < a->n_row; r += N1_ROW) matmul_block(type, N1_ROW, 1, a, r, 0);
        return;
    }
    for (int64_t r = 0; r < a->n_row; r += MANY_ROW)
        for (int64_t t = 0; t < a->n_tok; t += MANY_TOK)
            matmul_block(type, MANY_ROW, MANY_TOK, a, r, t);
}

void OGI_ISA(ogi_matmul_float)(const ogi_mm_args *a)
{
    switch (a->type) {
    case OG_F32: matmul_typed(OG_F32, a); break;
    case OG_F16: matmul_typed(OG_F16, a); break;
    default: matmul_typed(OG_BF16, a); break;
    }
}
