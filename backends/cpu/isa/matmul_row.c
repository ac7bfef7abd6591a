/* SPDX-License-Identifier: MIT
 *
 * Quantized matmul for few tokens, where reading the weights is what costs: AVX-512 only, the
 * other instruction sets take the tiles. A chunk of a row (512 codes) becomes 8 vectors of codes,
 * whose dots end as one vector of 16 block sums; times the scales these are the terms of the
 * canonical sum. The terms of 16 rows, transposed, are added with the rows in the lanes.
 *
 * How codes lie in vectors 2v and 2v + 1 (blocks b = 4v, ...), in 16-byte lanes; activations are
 * shuffled alike, once for 16 rows:
 *
 *   Q4_0 Q8_0   first halves of b, b+1, b+2, b+3   | second halves
 *   Q4_K Q5_K   b, b+2                             | b+1, b+3
 *   Q6_K        b, b+1                             | b+2, b+3 */
#include "backends/cpu/isa/unpack.h"

#if defined(OGI_ISA_avx512)

enum { N_ROW = 16, N_TOK = 4, PREFETCH = 1 };

/* One token in one chunk. */
typedef struct token {
    __m512i code[8];
    __m512i start[2]; /* - zero * sum of each scale group */
    __m512 sum;       /* of each block's codes */
    const float *scale;
} token;

/* The terms of one row, and below those of 16 rows: scale groups (Q6_K: 32), or groups and mins. */
typedef struct scales {
    __m512 scale[2];
    __m512 min; /* negated */
} scales;

OGI_INLINE int n_term(int type)
{
    return type == OG_Q8_0 || type == OG_Q4_0 ? 1 : 2;
}

OGI_INLINE void fill_token(int type, token *t, const int8_t *code, const int16_t *sum)
{
    const __m512i zero = _mm512_set1_epi16((int16_t)-ogi_qshape_of(type).zero);
    const __m512i half = _mm512_loadu_si512(sum);
    for (int i = 0; i < 8; i += 2) {
        __m512i a = _mm512_loadu_si512(code + 64 * i), b = _mm512_loadu_si512(code + 64 * i + 64);
        if (type == OG_Q6_K) {
            t->code[i] = a;
            t->code[i + 1] = b;
        } else if (type == OG_Q4_K || type == OG_Q5_K) {
            t->code[i] = _mm512_shuffle_i64x2(a, b, 0x44);
            t->code[i + 1] = _mm512_shuffle_i64x2(a, b, 0xee);
        } else {
            t->code[i] = _mm512_shuffle_i64x2(a, b, 0x88);
            t->code[i + 1] = _mm512_shuffle_i64x2(a, b, 0xdd);
        }
    }
    if (type == OG_Q6_K) {
        __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(half));
        __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(half, 1));
        t->start[0] = _mm512_mullo_epi32(low, _mm512_set1_epi32(-32));
        t->start[1] = _mm512_mullo_epi32(high, _mm512_set1_epi32(-32));
    } else {
        t->start[0] = _mm512_madd_epi16(half, zero);
        t->sum = _mm512_cvtepi32_ps(_mm512_madd_epi16(half, _mm512_set1_epi16(1)));
    }
}

/* 16 bytes from each of four places. */
OGI_INLINE __m512i load_lanes(const uint8_t *p, int stride)
{
    __m512i v = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
    for (int i = 1; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i * stride));
        v = _mm512_mask_broadcast_i32x4(v, (__mmask16)(0xf << 4 * i), x);
    }
    return v;
}

/* The scales of 16 blocks. A permutation looks at the low 5 bits of a word's number only, so that
 * one index serves all lines of 32 words; the last line of Q4_0 is read from where it ends. */
OGI_INLINE __m512 load_q8_0_scales(const uint8_t *p)
{
    static const uint16_t word[32] = {
        0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31
    }; /* 17 i % 32 */
    const __m512i index = _mm512_loadu_si512(word);
    __m512i v = _mm512_permutexvar_epi16(index, _mm512_loadu_si512(p));
    for (int i = 1; i < 8; i++)
        v = _mm512_mask_permutexvar_epi16(v, 3u << 2 * i, index, _mm512_loadu_si512(p + 64 * i));
    return _mm512_cvtph_ps(_mm512_castsi512_si256(v));
}

OGI_INLINE __m512 load_q4_0_scales(const uint8_t *p)
{
    static const uint16_t word[32] = {
        0, 9, 18, 27, 4, 13, 22, 31, 8, 17, 26, 3, 12, 21, 30, 23
    }; /* 9 i % 32; 135 - 112 */
    const __m512i index = _mm512_loadu_si512(word);
    __m512i v = _mm512_permutexvar_epi16(index, _mm512_loadu_si512(p));
    v = _mm512_mask_permutexvar_epi16(v, 0xf0, index, _mm512_loadu_si512(p + 64));
    v = _mm512_mask_permutexvar_epi16(v, 0x700, index, _mm512_loadu_si512(p + 128));
    v = _mm512_mask_permutexvar_epi16(v, 0x7800, index, _mm512_loadu_si512(p + 192));
    v = _mm512_mask_permutexvar_epi16(v, 0x8000, index, _mm512_loadu_si512(p + 224));
    return _mm512_cvtph_ps(_mm512_castsi512_si256(v));
}

OGI_INLINE __m512i low_nibbles(__m512i v)
{
    return _mm512_and_si512(v, _mm512_set1_epi8(15));
}
OGI_INLINE __m512i high_nibbles(__m512i v)
{
    return low_nibbles(_mm512_srli_epi16(v, 4));
}

OGI_INLINE void load_q8_0(const uint8_t *w, __m512i *code, scales *s)
{
    const __m512i flip = _mm512_set1_epi8((char)OGI_Q8_ZERO);
    for (int v = 0; v < 4; v++) {
        code[2 * v] = _mm512_xor_si512(load_lanes(w + 136 * v + 2, 34), flip);
        code[2 * v + 1] = _mm512_xor_si512(load_lanes(w + 136 * v + 18, 34), flip);
    }
    s->scale[0] = load_q8_0_scales(w);
}

OGI_INLINE void load_q4_0(const uint8_t *w, __m512i *code, scales *s)
{
    for (int v = 0; v < 4; v++) {
        __m512i q = load_lanes(w + 72 * v + 2, 18);
        code[2 * v] = low_nibbles(q);
        code[2 * v + 1] = high_nibbles(q);
    }
    s->scale[0] = load_q4_0_scales(w);
}

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

OGI_INLINE __m512 of_bytes(uint64_t low, uint64_t high)
{
    __m128i v = _mm_set_epi64x((int64_t)high, (int64_t)low);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v));
}

/* Two blocks of 256, `size` bytes each, beginning with d and dmin. */
OGI_INLINE void load_k_scales(const uint8_t *w, int size, scales *s)
{
    int32_t first, second;
    uint64_t scale[2], min[2];
    memcpy(&first, w, 4);
    memcpy(&second, w + size, 4);
    six_bits(w, &scale[0], &min[0]);
    six_bits(w + size, &scale[1], &min[1]);
    __m512 d = _mm512_castps128_ps512(_mm_cvtph_ps(_mm_setr_epi32(first, second, 0, 0)));
    __m512i of_d = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2);
    __m512i of_min = _mm512_setr_epi32(1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3);
    __m512 minus = _mm512_xor_ps(d, _mm512_set1_ps(-0.0f));
    s->scale[0] = _mm512_mul_ps(_mm512_permutexvar_ps(of_d, d), of_bytes(scale[0], scale[1]));
    s->min = _mm512_mul_ps(_mm512_permutexvar_ps(of_min, minus), of_bytes(min[0], min[1]));
}

OGI_INLINE void load_q4_k(const uint8_t *w, __m512i *code, scales *s)
{
    for (int v = 0; v < 4; v++) {
        __m512i q = _mm512_loadu_si512(w + 144 * (v / 2) + 16 + 64 * (v % 2));
        code[2 * v] = low_nibbles(q);
        code[2 * v + 1] = high_nibbles(q);
    }
    load_k_scales(w, 144, s);
}

/* The same bit numbers in both halves of a vector: low in the first 32 bytes, high in the others.
 */
OGI_INLINE __m512i bits_of_halves(int low, int high)
{
    return _mm512_inserti64x4(_mm512_set1_epi8((char)(1 << low)),
                              _mm256_set1_epi8((char)(1 << high)), 1);
}

OGI_INLINE void load_q5_k(const uint8_t *w, __m512i *code, scales *s)
{
    const __m512i sixteen = _mm512_set1_epi8(16);
    for (int v = 0; v < 4; v++) {
        const uint8_t *p = w + 176 * (v / 2);
        const int bit = 4 * (v % 2);
        __m512i q = _mm512_loadu_si512(p + 48 + 64 * (v % 2));
        __m512i fifth =
            _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(const void *)(p + 16)));
        __mmask64 low = _mm512_test_epi8_mask(fifth, bits_of_halves(bit, bit + 2));
        __mmask64 high = _mm512_test_epi8_mask(fifth, bits_of_halves(bit + 1, bit + 3));
        __m512i a = low_nibbles(q), b = high_nibbles(q);
        code[2 * v] = _mm512_mask_add_epi8(a, low, a, sixteen);
        code[2 * v + 1] = _mm512_mask_add_epi8(b, high, b, sixteen);
    }
    load_k_scales(w, 176, s);
}

OGI_INLINE void load_q6_k(const uint8_t *w, __m512i *code, scales *s)
{
    const __m512i mask = _mm512_set1_epi8(0x30);
    const __m512i left = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(2), 1);
    const __m512i right = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(2), 1);
    for (int v = 0; v < 4; v++) {
        const uint8_t *p = w + 210 * (v / 2);
        __m512i q = _mm512_loadu_si512(p + 64 * (v % 2));
        const void *top = p + 128 + 32 * (v % 2);
        __m512i h = _mm512_broadcast_i64x4(_mm256_loadu_si256(top));
        __m512i a = _mm512_and_si512(_mm512_sllv_epi16(h, left), mask);
        __m512i b = _mm512_and_si512(_mm512_srlv_epi16(h, right), mask);
        code[2 * v] = _mm512_or_si512(low_nibbles(q), a);
        code[2 * v + 1] = _mm512_or_si512(high_nibbles(q), b);
    }
    for (int i = 0; i < 2; i++) {
        const uint8_t *p = w + 210 * i;
        __m512i g = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p + 192)));
        uint16_t d;
        memcpy(&d, p + 208, 2);
        s->scale[i] = _mm512_mul_ps(_mm512_set1_ps(_cvtsh_ss(d)), _mm512_cvtepi32_ps(g));
    }
}

OGI_INLINE void load_row(int type, const uint8_t *w, __m512i *code, scales *s)
{
    switch (type) {
    case OG_Q8_0: load_q8_0(w, code, s); break;
    case OG_Q4_0: load_q4_0(w, code, s); break;
    case OG_Q4_K: load_q4_k(w, code, s); break;
    case OG_Q5_K: load_q5_k(w, code, s); break;
    default: load_q6_k(w, code, s); break;
    }
}

/* Sums of the 16-byte lanes: lane g of v[i] goes to 4 g + i. */
OGI_INLINE __m512i sum_lanes(const __m512i *v)
{
    __m512i a =
        _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
    __m512i b =
        _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/* The terms of one row with one token, in block order, to out[term][0..15]. */
OGI_INLINE void row_terms(int type, const __m512i *code, const scales *s, const token *t,
                          float (*out)[N_ROW][16])
{
    const __m512i zero = _mm512_setzero_si512();
    const bool has_pairs = type == OG_Q4_K || type == OG_Q5_K;
    const __m512i order =
        has_pairs ? _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15)
                  : _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i dot[8];
    for (int v = 0; v < 8; v++) {
        bool is_second = (type == OG_Q8_0 || type == OG_Q4_0) && v % 2;
        dot[v] = _mm512_dpbusd_epi32(is_second ? dot[v - 1] : zero, code[v], t->code[v]);
    }
    for (int v = 0; type != OG_Q6_K && v < 4; v++) {
        __m512i a = dot[2 * v], b = dot[2 * v + 1];
        dot[v] = has_pairs ? _mm512_add_epi32(_mm512_shuffle_i64x2(a, b, 0x88),
                                              _mm512_shuffle_i64x2(a, b, 0xdd))
                           : b;
    }
    for (int i = 0; i < (type == OG_Q6_K ? 2 : 1); i++) {
        __m512i sum = _mm512_permutexvar_epi32(order, sum_lanes(dot + 4 * i));
        if (!has_pairs) sum = _mm512_add_epi32(sum, t->start[i]);
        _mm512_store_ps(out[i][0], _mm512_mul_ps(_mm512_cvtepi32_ps(sum), s->scale[i]));
    }
    if (has_pairs) _mm512_store_ps(out[1][0], _mm512_mul_ps(t->sum, s->min));
}

/* Adds the terms of a chunk to the sums of 16 rows, block by block. */
OGI_INLINE __m512 add_terms(int type, const float (*terms)[N_ROW][16], const float *scale,
                            int n_block, __m512 sum)
{
    __m512 first[16], second[16];
    vf_transpose(terms[0], 64, first);
    if (n_term(type) == 2) vf_transpose(terms[1], 64, second);
    for (int b = 0; b < n_block; b++) {
        __m512 d = _mm512_set1_ps(scale[b]);
        if (type == OG_Q6_K) {
            const __m512 *group = (b < 8 ? first : second) + 2 * (b % 8);
            sum = _mm512_fmadd_ps(group[0], d, sum);
            sum = _mm512_fmadd_ps(group[1], d, sum);
        } else {
            sum = _mm512_fmadd_ps(first[b], d, sum);
            if (n_term(type) == 2) sum = _mm512_fmadd_ps(second[b], d, sum);
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

/* Asks for the next chunk of the row; at its end for the first of the row that comes next in its
 * place. The hardware does not see 16 rows as streams: Q4_0, k 2048: 6 -> 10 GB/s of 13. */
OGI_INLINE void prefetch_ahead(const ogi_mm_args *a, const uint8_t *row, int64_t offset, int size)
{
    int64_t row_size = a->k / OGI_MM_CHUNK * size, ahead = offset + PREFETCH * size;
    if (ahead >= row_size) ahead += N_ROW * a->w_stride - row_size;
    uintptr_t p = (uintptr_t)row + (uintptr_t)ahead;
    for (int i = 0; i < size; i += 64) _mm_prefetch((const char *)(p + (uintptr_t)i), _MM_HINT_T0);
}

OGI_INLINE void dot_rows(int type, const ogi_mm_args *a, int64_t row, int64_t tok, int n_tok)
{
    const ogi_qshape s = ogi_qshape_of(type);
    const uint8_t *w[N_ROW];
    __m512 sum[N_TOK];
    for (int r = 0; r < N_ROW; r++)
        w[r] = (const uint8_t *)a->w + (row + r < a->n_row ? row + r : a->n_row - 1) * a->w_stride;
    for (int t = 0; t < n_tok; t++) sum[t] = _mm512_setzero_ps();
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
            __m512i code[8];
            scales scale;
            prefetch_ahead(a, w[r], offset, OGI_MM_CHUNK / s.block * s.bytes);
            if (n_block < OGI_MM_BLOCKS)
                p = memcpy(pad.w[r], p, (size_t)(n_block * 32 / s.block * s.bytes));
            load_row(type, p, code, &scale);
            for (int t = 0; t < n_tok; t++)
                row_terms(type, code, &scale, &x[t], (float(*)[N_ROW][16])(void *)&terms[t][0][r]);
        }
        for (int t = 0; t < n_tok; t++)
            sum[t] =
                add_terms(type, (const float(*)[N_ROW][16])terms[t], x[t].scale, n_block, sum[t]);
    }
    __mmask16 mask = a->n_row - row < N_ROW ? (__mmask16)((1 << (a->n_row - row)) - 1) : 0xffff;
    for (int t = 0; t < n_tok; t++)
        _mm512_mask_storeu_ps(a->out + (tok + t) * a->out_stride + row, mask, sum[t]);
}

OGI_INLINE void matmul_typed(int type, const ogi_mm_args *a)
{
    for (int64_t r = 0; r < a->n_row; r += N_ROW) {
        int64_t t = 0;
        for (; t + N_TOK <= a->n_tok; t += N_TOK) dot_rows(type, a, r, t, N_TOK);
        for (; t + 2 <= a->n_tok; t += 2) dot_rows(type, a, r, t, 2);
        if (t < a->n_tok) dot_rows(type, a, r, t, 1);
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
