/* SPDX-License-Identifier: MIT
 *
 * matmul_row.c's view of a row with AVX-512: 8 vectors of codes, whose dots end as one vector of 16
 * block sums, or two of group sums. How codes lie in vectors 2v and 2v + 1 (blocks b = 4v, ...), in
 * 16-byte lanes; activations are shuffled alike, once for 16 rows:
 *
 *   HALVES     first halves of b, b+1, b+2, b+3   | second halves
 *   PAIRS      b, b+2                             | b+1, b+3
 *   IN_ORDER   b, b+1                             | b+2, b+3 */
#ifndef OG_BACKENDS_CPU_ISA_ROW_AVX512_H
#define OG_BACKENDS_CPU_ISA_ROW_AVX512_H

typedef enum row_layout { HALVES, PAIRS, IN_ORDER } row_layout;

/* R(NAME, name, layout, shape): the types with a load of their own. */
#define OGI_ROW_LOADS(R)                                                                           \
    R(Q8_0, q8_0, HALVES, 1, 0, true)                                                              \
    R(Q4_0, q4_0, HALVES, 1, 0, false)                                                             \
    R(Q4_K, q4_k, PAIRS, 1, 1, false)                                                              \
    R(Q5_K, q5_k, PAIRS, 1, 1, false)                                                              \
    R(Q6_K, q6_k, IN_ORDER, 2, 0, false)

/* One token in one chunk. */
typedef struct token {
    __m512i code[8];
    __m512i start[2];             /* - zero * sum of each group's codes */
    float sum[2 * OGI_MM_BLOCKS]; /* of each group's codes, times the scale */
    const float *scale;
} token;

typedef struct row_codes {
    __m512i v[8];
    __m512 scale[2], min[2]; /* min negated */
} row_codes;

OGI_INLINE void fill_token(ogi_qshape s, row_layout layout, int zero, token *t, const int8_t *code,
                           const int16_t *sum, const float *scale)
{
    const __m512i half = _mm512_loadu_si512(sum);
    t->scale = scale;
    for (int i = 0; i < 8; i += 2) {
        __m512i a = _mm512_loadu_si512(code + 64 * i), b = _mm512_loadu_si512(code + 64 * i + 64);
        t->code[i] = layout == PAIRS    ? _mm512_shuffle_i64x2(a, b, 0x44)
                     : layout == HALVES ? _mm512_shuffle_i64x2(a, b, 0x88)
                                        : a;
        t->code[i + 1] = layout == PAIRS    ? _mm512_shuffle_i64x2(a, b, 0xee)
                         : layout == HALVES ? _mm512_shuffle_i64x2(a, b, 0xdd)
                                            : b;
    }
    __m512i sums[2];
    if (s.n_group == 2) {
        sums[0] = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(half));
        sums[1] = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(half, 1));
    } else {
        sums[0] = _mm512_madd_epi16(half, _mm512_set1_epi16(1));
    }
    for (int i = 0; i < s.n_group; i++) {
        t->start[i] = _mm512_mullo_epi32(sums[i], _mm512_set1_epi32(-zero));
        if (!s.n_min) continue;
        __m512 d = _mm512_loadu_ps(scale);
        if (s.n_group == 2)
            d = _mm512_permutexvar_ps(
                _mm512_add_epi32(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                                 _mm512_set1_epi32(8 * i)),
                d);
        _mm512_storeu_ps(t->sum + 16 * i, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), d));
    }
}

OGI_INLINE void load_codes(ogi_qshape s, const ogi_codes *c, row_codes *out)
{
    for (int i = 0; i < 8; i++) out->v[i] = _mm512_load_si512(c->code + 64 * i);
    for (int i = 0; i < s.n_group; i++) out->scale[i] = _mm512_load_ps(c->scale + 16 * i);
    for (int i = 0; i < s.n_min; i++)
        out->min[i] = _mm512_xor_ps(_mm512_load_ps(c->min + 16 * i), _mm512_set1_ps(-0.0f));
}

OGI_INLINE void store_mins(ogi_qshape s, const row_codes *c, float *first, float *second)
{
    for (int i = 0; i < s.n_min; i++) _mm512_store_ps(i == 0 ? first : second, c->min[i]);
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

OGI_INLINE void load_q8_0(const uint8_t *w, row_codes *s)
{
    const __m512i flip = _mm512_set1_epi8((char)OGI_WIDE_ZERO);
    for (int v = 0; v < 4; v++) {
        s->v[2 * v] = _mm512_xor_si512(load_lanes(w + 136 * v + 2, 34), flip);
        s->v[2 * v + 1] = _mm512_xor_si512(load_lanes(w + 136 * v + 18, 34), flip);
    }
    s->scale[0] = load_q8_0_scales(w);
}

OGI_INLINE void load_q4_0(const uint8_t *w, row_codes *s)
{
    for (int v = 0; v < 4; v++) {
        __m512i q = load_lanes(w + 72 * v + 2, 18);
        s->v[2 * v] = low_nibbles(q);
        s->v[2 * v + 1] = high_nibbles(q);
    }
    s->scale[0] = load_q4_0_scales(w);
}

OGI_INLINE __m512 of_bytes(uint64_t low, uint64_t high)
{
    __m128i v = _mm_set_epi64x((int64_t)high, (int64_t)low);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v));
}

/* Two blocks of 256, `size` bytes each, beginning with d and dmin. */
OGI_INLINE void load_k_scales(const uint8_t *w, int size, row_codes *s)
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
    s->min[0] = _mm512_mul_ps(_mm512_permutexvar_ps(of_min, minus), of_bytes(min[0], min[1]));
}

OGI_INLINE void load_q4_k(const uint8_t *w, row_codes *s)
{
    for (int v = 0; v < 4; v++) {
        __m512i q = _mm512_loadu_si512(w + 144 * (v / 2) + 16 + 64 * (v % 2));
        s->v[2 * v] = low_nibbles(q);
        s->v[2 * v + 1] = high_nibbles(q);
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

OGI_INLINE void load_q5_k(const uint8_t *w, row_codes *s)
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
        s->v[2 * v] = _mm512_mask_add_epi8(a, low, a, sixteen);
        s->v[2 * v + 1] = _mm512_mask_add_epi8(b, high, b, sixteen);
    }
    load_k_scales(w, 176, s);
}

OGI_INLINE void load_q6_k(const uint8_t *w, row_codes *s)
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
        s->v[2 * v] = _mm512_or_si512(low_nibbles(q), a);
        s->v[2 * v + 1] = _mm512_or_si512(high_nibbles(q), b);
    }
    for (int i = 0; i < 2; i++) {
        const uint8_t *p = w + 210 * i;
        __m512i g = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p + 192)));
        uint16_t d;
        memcpy(&d, p + 208, 2);
        s->scale[i] = _mm512_mul_ps(_mm512_set1_ps(_cvtsh_ss(d)), _mm512_cvtepi32_ps(g));
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

/* The terms of one row with one token, in block order. */
OGI_INLINE void row_terms(ogi_qshape s, row_layout layout, const row_codes *c, const token *t,
                          float *first, float *second)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i order =
        layout == PAIRS ? _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15)
                        : _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i dot[8];
    for (int v = 0; v < 8; v++) {
        bool is_second = layout == HALVES && v % 2;
        dot[v] = _mm512_dpbusd_epi32(is_second ? dot[v - 1] : zero, c->v[v], t->code[v]);
    }
    for (int v = 0; s.n_group == 1 && v < 4; v++) { /* halves of blocks to blocks */
        __m512i a = dot[2 * v], b = dot[2 * v + 1];
        dot[v] = layout == HALVES ? b
                                  : _mm512_add_epi32(_mm512_shuffle_i64x2(a, b, 0x88),
                                                     _mm512_shuffle_i64x2(a, b, 0xdd));
    }
    for (int i = 0; i < s.n_group; i++) {
        __m512i sum = _mm512_permutexvar_epi32(order, sum_lanes(dot + 4 * i));
        if (layout != PAIRS) sum = _mm512_add_epi32(sum, t->start[i]); /* PAIRS: no zero */
        _mm512_store_ps(i == 0 ? first : second,
                        _mm512_mul_ps(_mm512_cvtepi32_ps(sum), c->scale[i]));
    }
}

#endif
