/* SPDX-License-Identifier: MIT
 *
 * Quantized matmul for few tokens, where reading the weights is what costs: AVX-512 and AVX2, the
 * other instruction sets take the tiles. A chunk of a row (512 codes) is decoded in registers; its
 * 16 block sums times the scales are the terms of the canonical sum. The terms of OGI_VN rows,
 * transposed, are added with the rows in the lanes.
 *
 * row_<isa>.h gives the types token and row_codes, and fill_token, load_<type>, row_terms. */
#include "backends/cpu/isa/unpack.h"

#if defined(OGI_ISA_avx512) || defined(OGI_ISA_avx2)

enum { N_ROW = OGI_VN, N_TOK = 4 };

/* Eight 6-bit scales and mins of Q4_K and Q5_K, a byte each. */
OGI_INLINE void six_bits(const uint8_t *w, uint64_t *scale, uint64_t *min)
{
    uint32_t a, b, c;
    memcpy(&a, w + 4, 4);
    memcpy(&b, w + 8, 4);
    memcpy(&c, w + 12, 4);
    uint64_t scale_high = (c & 0x0f0f0f0f) | (a >> 6 & 0x03030303) << 4;
    uint64_t min_high = (c >> 4 & 0x0f0f0f0f) | (b >> 6 & 0x03030303) << 4;
    *scale = (a & 0x3f3f3f3f) | scale_high << 32;
    *min = (b & 0x3f3f3f3f) | min_high << 32;
}

#if defined(OGI_ISA_avx512)
#include "backends/cpu/isa/row_avx512.h"
#else
#include "backends/cpu/isa/row_avx2.h"
#endif

/* Terms of a chunk: of 16 blocks, then of mins; or of 32 groups (Q6_K). */
OGI_INLINE int n_term(int type)
{
    return type == OG_Q8_0 || type == OG_Q4_0 ? 1 : 2;
}

OGI_INLINE void load_row(int type, const uint8_t *w, row_codes *s)
{
    switch (type) {
    case OG_Q8_0: load_q8_0(w, s); break;
    case OG_Q4_0: load_q4_0(w, s); break;
    case OG_Q4_K: load_q4_k(w, s); break;
    case OG_Q5_K: load_q5_k(w, s); break;
    default: load_q6_k(w, s); break;
    }
}

/* Adds the terms of a chunk to the sums of the rows, block by block. */
OGI_INLINE vf add_terms(int type, const float (*terms)[N_ROW][16], const float *scale, int n_block,
                        vf sum)
{
    const int per = type == OG_Q6_K ? 2 : 1; /* consecutive terms of a block */
    vf first[OGI_VN], second[OGI_VN];
    for (int g = 0; g < 16 * per; g += OGI_VN) {
        vf_transpose(&terms[g / 16][0][g % 16], sizeof terms[0][0], first);
        if (n_term(type) > per) vf_transpose(&terms[1][0][g], sizeof terms[0][0], second);
        for (int i = 0; i < OGI_VN && (g + i) / per < n_block; i++) {
            vf d = vf_set1(scale[(g + i) / per]);
            sum = vf_fma(first[i], d, sum);
            if (n_term(type) > per) sum = vf_fma(second[i], d, sum);
        }
    }
    return sum;
}

/* A last chunk of fewer than 16 blocks, filled up with zeros so that nothing is read beyond. */
typedef struct padded {
    _Alignas(64) uint8_t w[N_ROW][544]; /* the largest chunk, Q8_0's */
    int8_t code[N_TOK][OGI_MM_CHUNK];
    int16_t sum[N_TOK][2 * OGI_MM_BLOCKS];
} padded;

/* A lane takes n_group neighbouring rows one after the other, so that the weights are read as
 * N_ROW streams, each through pages of its own: the hardware's prefetcher follows one stream a
 * page. Its help alone is not enough: Q4_0, k 2048: 6 GB/s of 13 without this, 10 with it. */
OGI_INLINE void prefetch_next(const uint8_t *p, int size)
{
    for (int i = size; i < 2 * size; i += 64)
        _mm_prefetch((const char *)((uintptr_t)p + (uintptr_t)i), _MM_HINT_T0);
}

/* Row `group` of each lane with n_tok tokens. */
OGI_INLINE void dot_rows(int type, const ogi_mm_args *a, int64_t group, int64_t n_group,
                         int64_t tok, int n_tok)
{
    const ogi_qshape s = ogi_qshape_of(type);
    const uint8_t *w[N_ROW];
    vf sum[N_TOK];
    for (int r = 0; r < N_ROW; r++) {
        int64_t row = r * n_group + group;
        w[r] = (const uint8_t *)a->w + (row < a->n_row ? row : a->n_row - 1) * a->w_stride;
    }
    for (int t = 0; t < n_tok; t++) sum[t] = vf_set1(0.0f);
    for (int64_t at = 0; at < a->k; at += OGI_MM_CHUNK) {
        _Alignas(64) float terms[N_TOK][2][N_ROW][16];
        const int n_block = a->k - at < OGI_MM_CHUNK ? (int)(a->k - at) / 32 : OGI_MM_BLOCKS;
        const int64_t offset = at / s.block * s.bytes;
        token x[N_TOK];
        padded pad;
        if (n_block < OGI_MM_BLOCKS) memset(&pad, 0, sizeof pad);
        for (int t = 0; t < n_tok; t++) {
            const char *in = ogi_mm_row(a, tok + t);
            const int8_t *code = (const int8_t *)in + at;
            const int16_t *half = (const int16_t *)(const void *)(in + a->k + a->k / 8 + at / 8);
            x[t].scale = (const float *)(const void *)(in + a->k + at / 8);
            if (n_block < OGI_MM_BLOCKS) {
                code = memcpy(pad.code[t], code, (size_t)n_block * 32);
                half = memcpy(pad.sum[t], half, (size_t)n_block * 4);
            }
            fill_token(type, &x[t], code, half);
        }
        for (int r = 0; r < N_ROW; r++) {
            const uint8_t *p = w[r] + offset;
            row_codes codes;
            prefetch_next(p, OGI_MM_CHUNK / s.block * s.bytes);
            if (n_block < OGI_MM_BLOCKS)
                p = memcpy(pad.w[r], p, (size_t)(n_block * 32 / s.block * s.bytes));
            load_row(type, p, &codes);
            for (int t = 0; t < n_tok; t++)
                row_terms(type, &codes, &x[t], terms[t][0][r], terms[t][1][r]);
        }
        for (int t = 0; t < n_tok; t++)
            sum[t] =
                add_terms(type, (const float(*)[N_ROW][16])terms[t], x[t].scale, n_block, sum[t]);
    }
    for (int t = 0; t < n_tok; t++) {
        float out[N_ROW];
        vf_store(out, sum[t]);
        for (int64_t r = 0, row = group; r < N_ROW && row < a->n_row; r++, row += n_group)
            a->out[(tok + t) * a->out_stride + row] = out[r];
    }
}

OGI_INLINE void matmul_typed(int type, const ogi_mm_args *a)
{
    int64_t n = (a->n_row + N_ROW - 1) / N_ROW;
    for (int64_t g = 0; g < n; g++) {
        int64_t t = 0;
        for (; t + N_TOK <= a->n_tok; t += N_TOK) dot_rows(type, a, g, n, t, N_TOK);
        for (; t + 2 <= a->n_tok; t += 2) dot_rows(type, a, g, n, t, 2);
        if (t < a->n_tok) dot_rows(type, a, g, n, t, 1);
    }
}

void OGI_ISA(ogi_matmul_few)(const ogi_mm_args *a)
{
    switch (a->type) {
    case OG_Q8_0: matmul_typed(OG_Q8_0, a); break;
    case OG_Q4_0: matmul_typed(OG_Q4_0, a); break;
    case OG_Q4_K: matmul_typed(OG_Q4_K, a); break;
    case OG_Q5_K: matmul_typed(OG_Q5_K, a); break;
    default: matmul_typed(OG_Q6_K, a); break;
    }
}

#endif
