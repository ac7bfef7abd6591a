/* SPDX-License-Identifier: MIT
 *
 * Quantized matmul for few tokens, where reading the weights is what costs; scalar code takes the
 * tiles. A chunk of a row (512 codes) is decoded, in registers where the type has a load of its
 * own; its block sums times the scales are the terms of the canonical sum. The terms of OGI_VN
 * rows, transposed, are added with the rows in the lanes.
 *
 * row_<isa>.h (row_128.h for SSE4.2 and NEON) gives the types row_layout, token and row_codes;
 * fill_token, load_unpacked, store_mins, row_terms; and OGI_ROW_LOADS with load_<type>. */
#include "backends/cpu/isa/unpack.h"

#if !defined(OGI_ISA_scalar)

enum { N_ROW = OGI_VN, N_TOK = 4 };

#if defined(OGI_ISA_avx512)
#include "backends/cpu/isa/row_avx512.h"

#include "backends/cpu/isa/load_avx512.h"

#include "backends/cpu/isa/grid_avx512.h"
#elif defined(OGI_ISA_avx2)
#include "backends/cpu/isa/row_avx2.h"
#else
#include "backends/cpu/isa/row_128.h"
#endif

/* A type, or all types of one shape that have no load of their own here: constants where this is
 * inlined, but for q. */
typedef struct row_type {
    ogi_qshape s;
    row_layout layout;
    void (*load)(const uint8_t *w, row_codes *out); /* NULL: through q's unpack */
} row_type;

/* Sums, rows in the lanes: the terms of a chunk, then the mins, block by block. */
OGI_INLINE vf add_terms(ogi_qshape s, const float (*terms)[N_ROW][16],
                        const float (*mins)[N_ROW][16], const token *x, int n_block, vf sum)
{
    vf term[OGI_VN], min[OGI_VN];
    for (int g = 0; g < 16 * s.n_group; g += OGI_VN) {
        vf_transpose(&terms[g / 16][0][g % 16], sizeof terms[0][0], term);
        if (s.n_min) vf_transpose(&mins[g / 16][0][g % 16], sizeof mins[0][0], min);
        for (int i = 0; i < OGI_VN && (g + i) / s.n_group < n_block; i += s.n_group) {
            for (int j = i; j < i + s.n_group; j++)
                sum = vf_fma(term[j], vf_set1(x->scale[(g + i) / s.n_group]), sum);
            for (int j = i; s.n_min && j < i + s.n_group; j++)
                sum = vf_fma(min[j], vf_set1(x->sum[g + j]), sum);
        }
    }
    return sum;
}

/* A last chunk of fewer than 16 blocks, filled up with zeros so that nothing is read beyond. */
typedef struct padded {
    _Alignas(64) uint8_t w[N_ROW][640]; /* no type has chunks that long */
    int8_t code[N_TOK][OGI_MM_CHUNK];
    int16_t sum[N_TOK][2 * OGI_MM_BLOCKS];
    float scale[N_TOK][OGI_MM_BLOCKS];
} padded;

/* A lane takes n_group neighbouring rows one after the other, so that the weights are read as
 * N_ROW streams, each through pages of its own: the hardware's prefetcher follows one stream a
 * page. Its help alone is not enough: Q4_0, k 2048: 6 GB/s of 13 without this, 10 with it. */
OGI_INLINE void prefetch_next(const uint8_t *p, int size)
{
    for (int i = size; i < 2 * size; i += 64)
        __builtin_prefetch((const void *)((uintptr_t)p + (uintptr_t)i));
}

/* Codes, scales and mins of a row's chunk. */
OGI_INLINE void load_row(row_type type, const ogi_qtype *q, const uint8_t *w, row_codes *s)
{
    if (type.load)
        type.load(w, s);
    else
        load_unpacked(type.s, q, w, s);
}

/* Row `group` of each lane with n_tok tokens. */
OGI_INLINE void dot_rows(row_type type, const ogi_qtype *q, const ogi_mm_args *a, int64_t group,
                         int64_t n_group, int64_t tok, int n_tok)
{
    const uint8_t *w[N_ROW];
    const int chunk_bytes = OGI_MM_CHUNK / q->block * q->bytes;
    vf sum[N_TOK];
    for (int r = 0; r < N_ROW; r++) {
        int64_t row = r * n_group + group;
        w[r] = (const uint8_t *)a->w + (row < a->n_row ? row : a->n_row - 1) * a->w_stride;
    }
    for (int t = 0; t < n_tok; t++) sum[t] = vf_set1(0.0f);
    for (int64_t at = 0; at < a->k; at += OGI_MM_CHUNK) {
        _Alignas(64) float terms[N_TOK][2][N_ROW][16], mins[2][N_ROW][16];
        const int n_block = a->k - at < OGI_MM_CHUNK ? (int)(a->k - at) / 32 : OGI_MM_BLOCKS;
        const int64_t offset = at / q->block * q->bytes;
        token x[N_TOK];
        padded pad;
        if (n_block < OGI_MM_BLOCKS) memset(&pad, 0, sizeof pad);
        for (int t = 0; t < n_tok; t++) {
            const char *in = ogi_mm_row(a, tok + t);
            const int8_t *code = (const int8_t *)in + at;
            const int16_t *half = (const int16_t *)(const void *)(in + a->k + a->k / 8 + at / 8);
            const float *scale = (const float *)(const void *)(in + a->k + at / 8);
            if (n_block < OGI_MM_BLOCKS) {
                code = memcpy(pad.code[t], code, (size_t)n_block * 32);
                half = memcpy(pad.sum[t], half, (size_t)n_block * 4);
                scale = memcpy(pad.scale[t], scale, (size_t)n_block * 4);
            }
            fill_token(type.s, type.layout, q->zero, &x[t], code, half, scale);
        }
        for (int r = 0; r < N_ROW; r++) {
            const uint8_t *p = w[r] + offset;
            row_codes codes;
            prefetch_next(p, chunk_bytes);
            if (n_block < OGI_MM_BLOCKS)
                p = memcpy(pad.w[r], p, (size_t)(n_block * 32 / q->block * q->bytes));
            load_row(type, q, p, &codes);
            if (type.s.n_min) store_mins(type.s, &codes, mins[0][r], mins[1][r]);
            for (int t = 0; t < n_tok; t++)
                row_terms(type.s, type.layout, &codes, &x[t], terms[t][0][r], terms[t][1][r]);
        }
        for (int t = 0; t < n_tok; t++)
            sum[t] = add_terms(type.s, (const float(*)[N_ROW][16])terms[t],
                               (const float(*)[N_ROW][16])mins, &x[t], n_block, sum[t]);
    }
    for (int t = 0; t < n_tok; t++) {
        float out[N_ROW];
        vf_store(out, sum[t]);
        for (int64_t r = 0, row = group; r < N_ROW && row < a->n_row; r++, row += n_group)
            a->out[(tok + t) * a->out_stride + row] = out[r];
    }
}

OGI_INLINE void matmul_typed(row_type type, const ogi_qtype *q, const ogi_mm_args *a)
{
    int64_t n = (a->n_row + N_ROW - 1) / N_ROW;
    for (int64_t g = 0; g < n; g++) {
        int64_t t = 0;
        for (; t + N_TOK <= a->n_tok; t += N_TOK) dot_rows(type, q, a, g, n, t, N_TOK);
        for (; t + 2 <= a->n_tok; t += 2) dot_rows(type, q, a, g, n, t, 2);
        if (t < a->n_tok) dot_rows(type, q, a, g, n, t, 1);
    }
}

typedef void (*few)(const ogi_qtype *q, const ogi_mm_args *a);

#define S(NAME, n_group, n_min, is_wide, is_far)                                                   \
    static void few_##NAME(const ogi_qtype *q, const ogi_mm_args *a)                               \
    {                                                                                              \
        matmul_typed((row_type){ { n_group, n_min, is_wide, is_far }, IN_ORDER, NULL }, q, a);     \
    }
OGI_QSHAPES(S)
#undef S

/* Types whose rows are decoded in registers. */
#define R(NAME, name, layout, n_group, n_min, is_wide)                                             \
    static void few_##name(const ogi_qtype *q, const ogi_mm_args *a)                               \
    {                                                                                              \
        matmul_typed((row_type){ { n_group, n_min, is_wide, false }, layout, load_##name }, q, a); \
    }
OGI_ROW_LOADS(R)
#undef R

void OGI_ISA(ogi_matmul_few)(const ogi_qtype *q, const ogi_mm_args *a)
{
    static const few by_shape[] = {
#define S(NAME, n_group, n_min, is_wide, is_far) few_##NAME,
        OGI_QSHAPES(S)
#undef S
    };
    few f = by_shape[q->shape];
#define R(NAME, name, ...)                                                                         \
    if (q->type == OG_##NAME) f = few_##name;
    OGI_ROW_LOADS(R)
#undef R
    f(q, a);
}

#endif
