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

OGI_INLINE void load_unpacked(ogi_qshape s, const ogi_qtype *q, const uint8_t *w, row_codes *out)
{
    ogi_codes c;
    q->unpack(w, OGI_MM_BLOCKS, &c);
    for (int i = 0; i < 8; i++) out->v[i] = _mm512_load_si512(c.code + 64 * i);
    for (int i = 0; i < s.n_group; i++) out->scale[i] = _mm512_load_ps(c.scale + 16 * i);
    for (int i = 0; i < s.n_min; i++)
        out->min[i] = _mm512_xor_ps(_mm512_load_ps(c.min + 16 * i), _mm512_set1_ps(-0.0f));
}

OGI_INLINE void store_mins(ogi_qshape s, const row_codes *c, float *first, float *second)
{
    for (int i = 0; i < s.n_min; i++) _mm512_store_ps(i == 0 ? first : second, c->min[i]);
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
