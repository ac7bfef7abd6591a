/* SPDX-License-Identifier: MIT
 *
 * Rows of the types decoded in registers with AVX-512, as row_avx512.h wants their codes to lie.
 * What is gathered from many blocks is permuted out of whole lines, never read beyond the last. */
#ifndef OG_BACKENDS_CPU_ISA_LOAD_AVX512_H
#define OG_BACKENDS_CPU_ISA_LOAD_AVX512_H

#include "backends/cpu/isa/six_bits.h"
#include "graph/types/codebooks.h"

/* R(NAME, name, layout, n_group, n_min, is_wide): the types with a load of their own. */
#define OGI_ROW_LOADS(R)                                                                           \
    R(Q8_0, q8_0, HALVES, 1, 0, true)                                                              \
    R(Q4_0, q4_0, HALVES, 1, 0, false)                                                             \
    R(Q4_1, q4_1, HALVES, 1, 1, false)                                                             \
    R(Q5_0, q5_0, HALVES, 1, 0, false)                                                             \
    R(Q5_1, q5_1, HALVES, 1, 1, false)                                                             \
    R(IQ4_NL, iq4_nl, HALVES, 1, 0, true)                                                          \
    R(IQ4_XS, iq4_xs, HALVES, 1, 0, true)                                                          \
    R(MXFP4, mxfp4, HALVES, 1, 0, false)                                                           \
    R(Q4_K, q4_k, PAIRS, 1, 1, false)                                                              \
    R(Q5_K, q5_k, PAIRS, 1, 1, false)                                                              \
    R(Q6_K, q6_k, IN_ORDER, 2, 0, false)                                                           \
    R(Q3_K, q3_k, IN_ORDER, 2, 0, false)                                                           \
    R(Q2_K, q2_k, IN_ORDER, 2, 2, false)                                                           \
    R(TQ2_0, tq2_0, IN_ORDER, 1, 0, false)                                                         \
    R(TQ1_0, tq1_0, IN_ORDER, 1, 0, false)                                                         \
    R(NVFP4, nvfp4, IN_ORDER, 2, 0, false)                                                         \
    R(IQ3_S, iq3_s, IN_ORDER, 1, 0, false)                                                         \
    R(IQ3_XXS, iq3_xxs, IN_ORDER, 1, 0, false)                                                     \
    R(IQ2_S, iq2_s, IN_ORDER, 2, 0, false)                                                         \
    R(IQ2_XS, iq2_xs, IN_ORDER, 2, 0, false)                                                       \
    R(IQ2_XXS, iq2_xxs, IN_ORDER, 1, 0, false)                                                     \
    R(IQ1_M, iq1_m, IN_ORDER, 2, 0, false)                                                         \
    R(IQ1_S, iq1_s, IN_ORDER, 1, 0, false)

OGI_INLINE float half_of(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return _cvtsh_ss(h);
}

OGI_INLINE uint64_t word_64(const void *p)
{
    uint64_t a;
    memcpy(&a, p, sizeof a);
    return a;
}
OGI_INLINE int32_t word_32(const uint8_t *p)
{
    int32_t a;
    memcpy(&a, p, sizeof a);
    return a;
}
/* 16 bytes to 32 bits each. */
OGI_INLINE __m512i load_bytes(const void *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
OGI_INLINE __m256i load_half(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
OGI_INLINE __m512i two_halves(__m256i first, __m256i second)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}
/* The scales of two blocks of 256, eight lanes each. */
OGI_INLINE __m512 two_scales(float first, float second)
{
    return _mm512_insertf32x8(_mm512_set1_ps(first), _mm256_set1_ps(second), 1);
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

/* ---- one 16-bit word, or byte, of each of 16 blocks ---- */

/* The line of 64 bytes that holds byte `at` of `size`; the last one ends where the bytes end. */
OGI_INLINE int line_of(int at, int size)
{
    return at / 64 * 64 + 64 > size ? size - 64 : at / 64 * 64;
}

#define OGI_EACH_16(F)                                                                             \
    F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

/* The words at byte `first` of each of 16 blocks of `stride` bytes; all constant. */
OGI_INLINE __m256i block_words(const uint8_t *p, int stride, int first)
{
    const int size = 16 * stride;
    _Alignas(64) uint16_t index[32] = { 0 };
#define F(i) index[i] = (uint16_t)((stride * i + first - line_of(stride * i + first, size)) / 2);
    OGI_EACH_16(F)
#undef F
    __m512i v = _mm512_setzero_si512(), at = _mm512_load_si512(index);
    for (int line = 0; line < size; line += 64) {
        uint32_t mask = 0;
#define F(i) mask |= (uint32_t)((stride * i + first) / 64 * 64 == line) << i;
        OGI_EACH_16(F)
#undef F
        v = _mm512_mask_permutexvar_epi16(v, mask, at, _mm512_loadu_si512(p + line_of(line, size)));
    }
    return _mm512_castsi512_si256(v);
}

/* The same for bytes. */
OGI_INLINE __m128i block_bytes(const uint8_t *p, int stride, int first)
{
    const int size = 16 * stride;
    _Alignas(64) uint8_t index[64] = { 0 };
#define F(i) index[i] = (uint8_t)(stride * i + first - line_of(stride * i + first, size));
    OGI_EACH_16(F)
#undef F
    __m512i v = _mm512_setzero_si512(), at = _mm512_load_si512(index);
    for (int line = 0; line < size; line += 64) {
        uint64_t mask = 0;
#define F(i) mask |= (uint64_t)((stride * i + first) / 64 * 64 == line) << i;
        OGI_EACH_16(F)
#undef F
        v = _mm512_mask_permutexvar_epi8(v, mask, at, _mm512_loadu_si512(p + line_of(line, size)));
    }
    return _mm512_castsi512_si128(v);
}

OGI_INLINE __m512 of_halves(__m256i h)
{
    return _mm512_cvtph_ps(h);
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
    s->scale[0] = of_halves(block_words(w, 34, 0));
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

/* Blocks of 32 with 16 bytes of nibbles at byte `first`. */
OGI_INLINE void load_nibbles(const uint8_t *w, int stride, int first, row_codes *s)
{
    for (int v = 0; v < 4; v++) {
        __m512i q = load_lanes(w + 4 * stride * v + first, stride);
        s->v[2 * v] = low_nibbles(q);
        s->v[2 * v + 1] = high_nibbles(q);
    }
}

/* The fifth bits of 32 codes, in the word at byte `first`: 16 for the first halves, then 16. */
OGI_INLINE void add_fifth_bits(const uint8_t *w, int stride, int first, row_codes *s)
{
    const __m512i sixteen = _mm512_set1_epi8(16);
    uint64_t low[4], high[4]; /* four blocks each */
    _mm256_storeu_si256((__m256i *)(void *)low, block_words(w, stride, first));
    _mm256_storeu_si256((__m256i *)(void *)high, block_words(w, stride, first + 2));
    for (int v = 0; v < 4; v++) {
        s->v[2 * v] = _mm512_mask_add_epi8(s->v[2 * v], low[v], s->v[2 * v], sixteen);
        s->v[2 * v + 1] = _mm512_mask_add_epi8(s->v[2 * v + 1], high[v], s->v[2 * v + 1], sixteen);
    }
}

OGI_INLINE void load_q4_0(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 18, 2, s);
    s->scale[0] = of_halves(block_words(w, 18, 0));
}

OGI_INLINE void load_q4_1(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 20, 4, s);
    s->scale[0] = of_halves(block_words(w, 20, 0));
    s->min[0] = of_halves(block_words(w, 20, 2));
}

OGI_INLINE void load_q5_0(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 22, 6, s);
    add_fifth_bits(w, 22, 2, s);
    s->scale[0] = of_halves(block_words(w, 22, 0));
}

OGI_INLINE void load_q5_1(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 24, 8, s);
    add_fifth_bits(w, 24, 4, s);
    s->scale[0] = of_halves(block_words(w, 24, 0));
    s->min[0] = of_halves(block_words(w, 24, 2));
}

/* ---- tables ---- */

OGI_INLINE void look_up(const int8_t values[16], int zero, row_codes *s)
{
    __m128i t = _mm_add_epi8(_mm_loadu_si128((const __m128i *)(const void *)values),
                             _mm_set1_epi8((char)zero));
    for (int v = 0; v < 8; v++) s->v[v] = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), s->v[v]);
}

OGI_INLINE void load_iq4_nl(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 18, 2, s);
    look_up(ogi_iq4_values, OGI_WIDE_ZERO, s);
    s->scale[0] = of_halves(block_words(w, 18, 0));
}

OGI_INLINE void load_mxfp4(const uint8_t *w, row_codes *s)
{
    load_nibbles(w, 17, 1, s);
    look_up(ogi_e2m1_values, 12, s);
    __m512i e = _mm512_cvtepu8_epi32(block_bytes(w, 17, 0)), one = _mm512_set1_epi32(1);
    __m512i bits = _mm512_slli_epi32(_mm512_sub_epi32(e, one), 23);
    __m512i small = _mm512_sllv_epi32(_mm512_set1_epi32(0x200000), e);
    bits = _mm512_mask_mov_epi32(bits, _mm512_cmple_epi32_mask(e, one), small);
    s->scale[0] = _mm512_castsi512_ps(bits);
}

/* d * (s - 32) of eight blocks of 32, 6-bit s in the bytes of a word; twice. */
OGI_INLINE __m512 six_bit_scales(uint64_t first, uint64_t second, float d0, float d1)
{
    return _mm512_mul_ps(two_scales(d0, d1),
                         _mm512_sub_ps(of_bytes(first, second), _mm512_set1_ps(32)));
}

OGI_INLINE void load_iq4_xs(const uint8_t *w, row_codes *s)
{
    uint64_t six[2];
    for (int v = 0; v < 4; v++) {
        __m512i q = _mm512_loadu_si512(w + 136 * (v / 2) + 8 + 64 * (v % 2));
        s->v[2 * v] = low_nibbles(q);
        s->v[2 * v + 1] = high_nibbles(q);
    }
    look_up(ogi_iq4_values, OGI_WIDE_ZERO, s);
    for (int i = 0; i < 2; i++) {
        uint32_t low;
        uint16_t high;
        memcpy(&high, w + 136 * i + 2, 2);
        memcpy(&low, w + 136 * i + 4, 4);
        six[i] = _pdep_u64(low, 0x0f0f0f0f0f0f0f0f) | _pdep_u64(high, 0x3030303030303030);
    }
    s->scale[0] = six_bit_scales(six[0], six[1], half_of(w), half_of(w + 136));
}

/* ---- 2-bit codes in the order of the K types ---- */

/* Two blocks of 256 of `size` bytes with 64 bytes of codes at byte `first`. */
OGI_INLINE void load_crumbs(const uint8_t *w, int size, int first, row_codes *s)
{
    const __m512i three = _mm512_set1_epi8(3);
    const __m512i low = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(2), 1);
    const __m512i high = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(6), 1);
    for (int v = 0; v < 4; v++) {
        const void *p = w + size * (v / 2) + first + 32 * (v % 2);
        __m512i q = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
        s->v[2 * v] = _mm512_and_si512(_mm512_srlv_epi16(q, low), three);
        s->v[2 * v + 1] = _mm512_and_si512(_mm512_srlv_epi16(q, high), three);
    }
}

OGI_INLINE void load_q2_k(const uint8_t *w, row_codes *s)
{
    load_crumbs(w, 84, 16, s);
    for (int i = 0; i < 2; i++, w += 84) {
        __m128i sm = _mm_loadu_si128((const __m128i *)(const void *)w), mask = _mm_set1_epi8(15);
        __m512i scale = _mm512_cvtepu8_epi32(_mm_and_si128(sm, mask));
        __m512i min = _mm512_cvtepu8_epi32(_mm_and_si128(_mm_srli_epi16(sm, 4), mask));
        s->scale[i] = _mm512_mul_ps(_mm512_set1_ps(half_of(w + 80)), _mm512_cvtepi32_ps(scale));
        s->min[i] = _mm512_mul_ps(_mm512_set1_ps(-half_of(w + 82)), _mm512_cvtepi32_ps(min));
    }
}

OGI_INLINE void load_q3_k(const uint8_t *w, row_codes *s)
{
    const __m512i four = _mm512_set1_epi8(4);
    load_crumbs(w, 110, 32, s);
    for (int v = 0; v < 8; v++) {
        const void *p = w + 110 * (v / 4);
        __m512i high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
        __mmask64 is_set =
            _mm512_test_epi8_mask(high, bits_of_halves(2 * (v % 4), 2 * (v % 4) + 1));
        s->v[v] = _mm512_mask_add_epi8(s->v[v], is_set, s->v[v], four);
    }
    for (int i = 0; i < 2; i++, w += 110) {
        const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f, crumbs = 0x03030303;
        uint64_t low, first, second;
        uint32_t h;
        memcpy(&low, w + 96, 8);
        memcpy(&h, w + 104, 4);
        first = (h & crumbs) | (h >> 2 & crumbs) << 32;
        second = (h >> 4 & crumbs) | (h >> 6 & crumbs) << 32;
        s->scale[i] =
            six_bit_scales((low & nibbles) | first << 4, (low >> 4 & nibbles) | second << 4,
                           half_of(w + 108), half_of(w + 108));
    }
}

OGI_INLINE void load_tq2_0(const uint8_t *w, row_codes *s)
{
    load_crumbs(w, 66, 0, s);
    s->scale[0] = two_scales(half_of(w + 64), half_of(w + 66 + 64));
}

/* ---- ternary digits ---- */

/* A digit of bytes that are fractions, power holding the 3^n: the integer part of
 * 3 * fraction(byte * 3^n / 256). */
OGI_INLINE __m512i digits(__m512i byte, __m512i power)
{
    const __m512i three = _mm512_set1_epi16(3), high = _mm512_set1_epi16((short)0xff00);
    __m512i a = _mm512_mullo_epi16(_mm512_slli_epi16(byte, 8), power);
    __m512i b = _mm512_mullo_epi16(_mm512_and_si512(byte, high), power);
    return _mm512_or_si512(_mm512_mulhi_epu16(a, three),
                           _mm512_slli_epi16(_mm512_mulhi_epu16(b, three), 8));
}

OGI_INLINE void load_tq1_0(const uint8_t *w, row_codes *s)
{
    const __m256i one = _mm256_set1_epi16(1), three = _mm256_set1_epi16(3);
    const __m256i nine = _mm256_set1_epi16(9), p27 = _mm256_set1_epi16(27);
    const __m256i p81 = _mm256_set1_epi16(81);
    const __m256i first = _mm256_inserti128_si256(one, _mm_set1_epi16(3), 1);
    const __m256i middle = _mm256_inserti128_si256(nine, _mm_set1_epi16(27), 1);
    const __m256i last = _mm256_inserti128_si256(p81, _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27), 1);
    float d[2];
    for (int i = 0; i < 2; i++, w += 54) {
        __m256i a = load_half(w);
        d[i] = half_of(w + 52);
        __m512i aa = _mm512_broadcast_i64x4(a);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(w + 32));
        __m256i bb = _mm256_broadcastsi128_si256(b);
        __m256i rest = _mm256_inserti128_si256(bb, _mm_set1_epi32(word_32(w + 48)), 1);
        s->v[4 * i] = digits(aa, two_halves(one, three));
        s->v[4 * i + 1] = digits(aa, two_halves(nine, p27));
        s->v[4 * i + 2] = digits(two_halves(a, bb), two_halves(p81, first));
        s->v[4 * i + 3] = digits(two_halves(bb, rest), two_halves(middle, last));
    }
    s->scale[0] = two_scales(d[0], d[1]);
}

/* ---- NVFP4 ---- */

/* Unsigned E4M3 to floats as graph/types/nvfp4.c says. */
OGI_INLINE __m512 of_e4m3(__m512i s)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i e = _mm512_and_si512(_mm512_srli_epi32(s, 3), _mm512_set1_epi32(15));
    __m512i m = _mm512_and_si512(s, _mm512_set1_epi32(7));
    m = _mm512_mask_or_epi32(m, _mm512_test_epi32_mask(e, e), m, _mm512_set1_epi32(8));
    e = _mm512_add_epi32(_mm512_max_epu32(e, one), _mm512_set1_epi32(127 - 11));
    __m512 power = _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
    __mmask16 is_number = _mm512_cmpneq_epi32_mask(s, _mm512_set1_epi32(0x7f));
    return _mm512_maskz_mul_ps(is_number, _mm512_cvtepi32_ps(m), power);
}

OGI_INLINE void load_nvfp4(const uint8_t *w, row_codes *s)
{
    const __m512i twice = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3);
    const __m512i shift = _mm512_setr_epi64(0, 4, 0, 4, 0, 4, 0, 4);
    for (int v = 0; v < 8; v++) {
        __m512i q = _mm512_castsi256_si512(load_half(w + 36 * v + 4));
        q = _mm512_srlv_epi64(_mm512_permutexvar_epi64(twice, q), shift);
        s->v[v] = _mm512_and_si512(q, _mm512_set1_epi8(15));
    }
    look_up(ogi_e2m1_values, 12, s);
    for (int i = 0; i < 2; i++, w += 144) {
        __m128i e = _mm_setr_epi32(word_32(w), word_32(w + 36), word_32(w + 72), word_32(w + 108));
        s->scale[i] = of_e4m3(_mm512_cvtepu8_epi32(e));
    }
}

#endif
