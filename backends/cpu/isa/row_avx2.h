/* SPDX-License-Identifier: MIT
 *
 * matmul_row.c's view of a row with AVX2: a vector of codes for each block of 32, whose dots are
 * reduced eight blocks at a time. */
#ifndef OG_BACKENDS_CPU_ISA_ROW_AVX2_H
#define OG_BACKENDS_CPU_ISA_ROW_AVX2_H

#include "backends/cpu/isa/six_bits.h"
#include "graph/types/codebooks.h"

typedef enum row_layout { IN_ORDER } row_layout;

/* R(NAME, name, layout, shape): the types with a load of their own. */
#define OGI_ROW_LOADS(R)                                                                           \
    R(Q8_0, q8_0, IN_ORDER, 1, 0, true)                                                            \
    R(Q4_0, q4_0, IN_ORDER, 1, 0, false)                                                           \
    R(Q4_K, q4_k, IN_ORDER, 1, 1, false)                                                           \
    R(Q5_K, q5_k, IN_ORDER, 1, 1, false)                                                           \
    R(Q6_K, q6_k, IN_ORDER, 2, 0, false)                                                           \
    R(Q3_K, q3_k, IN_ORDER, 2, 0, false)                                                           \
    R(Q2_K, q2_k, IN_ORDER, 2, 2, false)                                                           \
    R(TQ1_0, tq1_0, IN_ORDER, 1, 0, false)                                                         \
    R(NVFP4, nvfp4, IN_ORDER, 2, 0, false)

/* One token in one chunk. */
typedef struct token {
    const int8_t *code;
    __m256i start[4];             /* - zero * sum of each group's codes */
    float sum[2 * OGI_MM_BLOCKS]; /* of each group's codes, times the scale */
    const float *scale;
} token;

typedef struct row_codes {
    __m256i v[16];
    __m256 scale[4], min[4]; /* of n_group * 16 groups; min negated */
} row_codes;

OGI_INLINE __m256i load_32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
OGI_INLINE __m128i load_16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}
OGI_INLINE __m128i load_8(const void *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

OGI_INLINE void fill_token(ogi_qshape s, row_layout layout, int zero, token *t, const int8_t *code,
                           const int16_t *sum, const float *scale)
{
    (void)layout;
    t->code = code;
    t->scale = scale;
    for (int i = 0; i < 2 * s.n_group; i++) {
        __m256i n = s.n_group == 2 ? _mm256_cvtepi16_epi32(load_16(sum + 8 * i))
                                   : _mm256_madd_epi16(load_32(sum + 16 * i), _mm256_set1_epi16(1));
        t->start[i] = _mm256_mullo_epi32(n, _mm256_set1_epi32(-zero));
        if (!s.n_min) continue;
        __m256 d = _mm256_loadu_ps(scale + (s.n_group == 2 ? i / 2 * 8 : i * 8));
        if (s.n_group == 2)
            d = _mm256_permutevar8x32_ps(d, i % 2 ? _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)
                                                  : _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
        _mm256_storeu_ps(t->sum + 8 * i, _mm256_mul_ps(_mm256_cvtepi32_ps(n), d));
    }
}

OGI_INLINE void load_unpacked(ogi_qshape s, const ogi_qtype *q, const uint8_t *w, row_codes *out)
{
    ogi_codes c;
    q->unpack(w, OGI_MM_BLOCKS, &c);
    for (int i = 0; i < 16; i++) out->v[i] = load_32(c.code + 32 * i);
    for (int i = 0; i < 2 * s.n_group; i++) out->scale[i] = _mm256_load_ps(c.scale + 8 * i);
    for (int i = 0; i < 2 * s.n_min; i++)
        out->min[i] = _mm256_xor_ps(_mm256_load_ps(c.min + 8 * i), _mm256_set1_ps(-0.0f));
}

OGI_INLINE void store_mins(ogi_qshape s, const row_codes *c, float *first, float *second)
{
    for (int i = 0; i < 2 * s.n_min; i++)
        _mm256_store_ps((i < 2 ? first : second) + 8 * (i % 2), c->min[i]);
}

/* Eight halves, `stride` bytes apart; put together in general registers, shuffles are scarce. */
OGI_INLINE __m256 load_halves(const uint8_t *p, int stride)
{
    uint64_t word[2] = { 0 };
    for (int i = 0; i < 8; i++) {
        uint16_t h;
        memcpy(&h, p + i * stride, sizeof h);
        word[i / 4] |= (uint64_t)h << 16 * (i % 4);
    }
    return _mm256_cvtph_ps(_mm_set_epi64x((int64_t)word[1], (int64_t)word[0]));
}

OGI_INLINE __m256i low_nibbles(__m256i v)
{
    return _mm256_and_si256(v, _mm256_set1_epi8(15));
}
OGI_INLINE __m256i high_nibbles(__m256i v)
{
    return low_nibbles(_mm256_srli_epi16(v, 4));
}

OGI_INLINE void load_q8_0(const uint8_t *w, row_codes *s)
{
    for (int b = 0; b < 16; b++) s->v[b] = load_32(w + 34 * b + 2);
    for (int i = 0; i < 2; i++) s->scale[i] = load_halves(w + 272 * i, 34);
}

OGI_INLINE void load_q4_0(const uint8_t *w, row_codes *s)
{
    for (int b = 0; b < 16; b++) {
        __m128i q = load_16(w + 18 * b + 2);
        s->v[b] = low_nibbles(
            _mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1));
    }
    for (int i = 0; i < 2; i++) s->scale[i] = load_halves(w + 144 * i, 18);
}

OGI_INLINE __m256 of_bytes(uint64_t v)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)v)));
}

/* Two blocks of 256, `size` bytes each, beginning with d and dmin. */
OGI_INLINE void load_k_scales(const uint8_t *w, int size, row_codes *s)
{
    for (int i = 0; i < 2; i++, w += size) {
        uint16_t d, dmin;
        uint64_t scale, min;
        memcpy(&d, w, 2);
        memcpy(&dmin, w + 2, 2);
        six_bits(w, &scale, &min);
        s->scale[i] = _mm256_mul_ps(_mm256_set1_ps(_cvtsh_ss(d)), of_bytes(scale));
        s->min[i] = _mm256_mul_ps(_mm256_set1_ps(-_cvtsh_ss(dmin)), of_bytes(min));
    }
}

OGI_INLINE void load_q4_k(const uint8_t *w, row_codes *s)
{
    for (int i = 0; i < 8; i++) {
        __m256i q = load_32(w + 144 * (i / 4) + 16 + 32 * (i % 4));
        s->v[2 * i] = low_nibbles(q);
        s->v[2 * i + 1] = high_nibbles(q);
    }
    load_k_scales(w, 144, s);
}

/* `value` where the bit is set. */
OGI_INLINE __m256i where_set(__m256i v, int bit, int value)
{
    const __m256i mask = _mm256_set1_epi8((char)(1 << bit));
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(v, mask), mask);
    return _mm256_and_si256(set, _mm256_set1_epi8((char)value));
}

OGI_INLINE void load_q5_k(const uint8_t *w, row_codes *s)
{
    for (int i = 0; i < 8; i++) {
        const uint8_t *p = w + 176 * (i / 4);
        const int c = i % 4;
        __m256i q = load_32(p + 48 + 32 * c), fifth = load_32(p + 16);
        s->v[2 * i] = _mm256_or_si256(low_nibbles(q), where_set(fifth, 2 * c, 16));
        s->v[2 * i + 1] = _mm256_or_si256(high_nibbles(q), where_set(fifth, 2 * c + 1, 16));
    }
    load_k_scales(w, 176, s);
}

OGI_INLINE void load_q6_k(const uint8_t *w, row_codes *s)
{
    const __m256i mask = _mm256_set1_epi8(0x30);
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = w + 210 * (i / 2);
        __m256i a = load_32(p + 64 * (i % 2)), b = load_32(p + 64 * (i % 2) + 32);
        __m256i h = load_32(p + 128 + 32 * (i % 2));
        __m256i h0 = _mm256_and_si256(_mm256_slli_epi16(h, 4), mask);
        __m256i h1 = _mm256_and_si256(_mm256_slli_epi16(h, 2), mask);
        __m256i h2 = _mm256_and_si256(h, mask);
        __m256i h3 = _mm256_and_si256(_mm256_srli_epi16(h, 2), mask);
        s->v[4 * i] = _mm256_or_si256(low_nibbles(a), h0);
        s->v[4 * i + 1] = _mm256_or_si256(low_nibbles(b), h1);
        s->v[4 * i + 2] = _mm256_or_si256(high_nibbles(a), h2);
        s->v[4 * i + 3] = _mm256_or_si256(high_nibbles(b), h3);
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = w + 210 * (i / 2);
        __m256i g = _mm256_cvtepi8_epi32(load_8(p + 192 + 8 * (i % 2)));
        uint16_t d;
        memcpy(&d, p + 208, 2);
        s->scale[i] = _mm256_mul_ps(_mm256_set1_ps(_cvtsh_ss(d)), _mm256_cvtepi32_ps(g));
    }
}

/* The 2-bit codes of a block of 256, from 64 bytes. */
OGI_INLINE void load_crumbs(const uint8_t *p, __m256i *v)
{
    const __m256i three = _mm256_set1_epi8(3);
    for (int h = 0; h < 2; h++, v += 4) {
        __m256i q = load_32(p + 32 * h);
        v[0] = _mm256_and_si256(q, three);
        v[1] = _mm256_and_si256(_mm256_srli_epi16(q, 2), three);
        v[2] = _mm256_and_si256(_mm256_srli_epi16(q, 4), three);
        v[3] = _mm256_and_si256(_mm256_srli_epi16(q, 6), three);
    }
}

OGI_INLINE uint64_t word_64(const uint8_t *p)
{
    uint64_t a;
    memcpy(&a, p, sizeof a);
    return a;
}
OGI_INLINE __m256 half_to_all(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return _mm256_set1_ps(_cvtsh_ss(h));
}

OGI_INLINE void load_q2_k(const uint8_t *w, row_codes *s)
{
    const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f;
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = w + 84 * (i / 2);
        const uint64_t both = word_64(p + 8 * (i % 2));
        if (i % 2 == 0) load_crumbs(p + 16, s->v + 4 * i);
        __m256 min = _mm256_mul_ps(half_to_all(p + 82), of_bytes(both >> 4 & nibbles));
        s->scale[i] = _mm256_mul_ps(half_to_all(p + 80), of_bytes(both & nibbles));
        s->min[i] = _mm256_xor_ps(min, _mm256_set1_ps(-0.0f));
    }
}

OGI_INLINE void load_q3_k(const uint8_t *w, row_codes *s)
{
    const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f, crumbs = 0x03030303;
    for (int i = 0; i < 4; i += 2, w += 110) {
        const __m256i third = load_32(w);
        load_crumbs(w + 32, s->v + 4 * i);
        for (int v = 0; v < 8; v++)
            s->v[4 * i + v] = _mm256_or_si256(s->v[4 * i + v], where_set(third, v, 4));
        const uint64_t low = word_64(w + 96), high = word_64(w + 100) >> 32;
        const uint64_t six[2] = {
            (low & nibbles) | (high & crumbs) << 4 | (high >> 2 & crumbs) << 36,
            (low >> 4 & nibbles) | (high >> 4 & crumbs) << 4 | (high >> 6 & crumbs) << 36,
        };
        for (int j = 0; j < 2; j++)
            s->scale[i + j] = _mm256_mul_ps(half_to_all(w + 108),
                                            _mm256_sub_ps(of_bytes(six[j]), _mm256_set1_ps(32)));
    }
}

/* A digit of bytes that are fractions, power holding the 3^n: the integer part of
 * 3 * fraction(byte * 3^n / 256). */
OGI_INLINE __m256i digits(__m256i byte, __m256i power)
{
    const __m256i three = _mm256_set1_epi16(3), high = _mm256_set1_epi16((short)0xff00);
    __m256i a = _mm256_mullo_epi16(_mm256_slli_epi16(byte, 8), power);
    __m256i b = _mm256_mullo_epi16(_mm256_and_si256(byte, high), power);
    return _mm256_or_si256(_mm256_mulhi_epu16(a, three),
                           _mm256_slli_epi16(_mm256_mulhi_epu16(b, three), 8));
}

OGI_INLINE void load_tq1_0(const uint8_t *w, row_codes *s)
{
    const __m256i first = _mm256_set_m128i(_mm_set1_epi16(3), _mm_set1_epi16(1));
    const __m256i middle = _mm256_set_m128i(_mm_set1_epi16(27), _mm_set1_epi16(9));
    const __m256i last =
        _mm256_set_m128i(_mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27), _mm_set1_epi16(81));
    for (int i = 0; i < 2; i++, w += 54) {
        int32_t tail;
        memcpy(&tail, w + 48, sizeof tail);
        __m256i a = load_32(w), b = _mm256_broadcastsi128_si256(load_16(w + 32));
        __m256i *v = s->v + 8 * i;
        v[0] = digits(a, _mm256_set1_epi16(1));
        v[1] = digits(a, _mm256_set1_epi16(3));
        v[2] = digits(a, _mm256_set1_epi16(9));
        v[3] = digits(a, _mm256_set1_epi16(27));
        v[4] = digits(a, _mm256_set1_epi16(81));
        v[5] = digits(b, first);
        v[6] = digits(b, middle);
        v[7] = digits(_mm256_inserti128_si256(b, _mm_set1_epi32(tail), 1), last);
        s->scale[i] = half_to_all(w + 52);
    }
}

/* Eight unsigned E4M3, a byte each, to floats as graph/types/nvfp4.c says. */
OGI_INLINE __m256 of_e4m3(__m128i bytes)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i x = _mm256_cvtepu8_epi32(bytes);
    __m256i e = _mm256_and_si256(_mm256_srli_epi32(x, 3), _mm256_set1_epi32(15));
    __m256i m = _mm256_and_si256(x, _mm256_set1_epi32(7));
    m = _mm256_or_si256(m, _mm256_andnot_si256(_mm256_cmpeq_epi32(e, zero), _mm256_set1_epi32(8)));
    e = _mm256_add_epi32(_mm256_max_epi32(e, _mm256_set1_epi32(1)), _mm256_set1_epi32(127 - 11));
    m = _mm256_andnot_si256(_mm256_cmpeq_epi32(x, _mm256_set1_epi32(0x7f)), m); /* NaN is 0 */
    return _mm256_mul_ps(_mm256_cvtepi32_ps(m), _mm256_castsi256_ps(_mm256_slli_epi32(e, 23)));
}

OGI_INLINE void load_nvfp4(const uint8_t *w, row_codes *s)
{
    const __m128i values = _mm_add_epi8(load_16(ogi_e2m1_values), _mm_set1_epi8(12));
    const __m256i table = _mm256_broadcastsi128_si256(values);
    for (int b = 0; b < 16; b++) {
        __m128i q = load_16(w + 36 * (b / 2) + 4 + 16 * (b % 2));
        __m256i both = low_nibbles(_mm256_set_m128i(_mm_srli_epi16(q, 4), q));
        s->v[b] = _mm256_shuffle_epi8(table, _mm256_permute4x64_epi64(both, 0xd8));
    }
    for (int i = 0; i < 4; i++, w += 72) {
        int32_t first, second;
        memcpy(&first, w, sizeof first);
        memcpy(&second, w + 36, sizeof second);
        s->scale[i] = of_e4m3(_mm_setr_epi32(first, second, 0, 0));
    }
}

/* Sums of the 16-byte lanes of four vectors. */
OGI_INLINE __m256i sum_lanes(const __m256i *v)
{
    __m256i a =
        _mm256_add_epi32(_mm256_unpacklo_epi32(v[0], v[1]), _mm256_unpackhi_epi32(v[0], v[1]));
    __m256i b =
        _mm256_add_epi32(_mm256_unpacklo_epi32(v[2], v[3]), _mm256_unpackhi_epi32(v[2], v[3]));
    return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

/* The terms of one row with one token, in block order. */
OGI_INLINE void row_terms(ogi_qshape s, row_layout layout, const row_codes *c, const token *t,
                          float *first, float *second)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i dot[16], sum[4];
    (void)layout;
    for (int b = 0; b < 16; b++) {
        __m256i x = load_32(t->code + 32 * b), zero = _mm256_setzero_si256();
        dot[b] = s.is_wide ? vi_dot_wide(zero, c->v[b], x) : vi_dot(zero, c->v[b], x);
    }
    for (int i = 0; i < 4; i++) sum[i] = sum_lanes(dot + 4 * i);
    if (s.n_group == 2) {
        for (int i = 0; i < 4; i++) sum[i] = _mm256_permutevar8x32_epi32(sum[i], order);
    } else {
        for (int i = 0; i < 2; i++) {
            __m256i a = sum[2 * i], b = sum[2 * i + 1];
            sum[i] = _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                                      _mm256_permute2x128_si256(a, b, 0x31));
        }
    }
    for (int i = 0; i < 2 * s.n_group; i++) {
        sum[i] = _mm256_add_epi32(sum[i], t->start[i]);
        _mm256_store_ps((i < 2 ? first : second) + 8 * (i % 2),
                        _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i]), c->scale[i]));
    }
}

#endif
