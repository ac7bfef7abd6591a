/* SPDX-License-Identifier: MIT
 *
 * Words that the types' unpacks share. c32: 32 codes of a byte each, as a vector where there are
 * vectors of 32 bytes, else as 64-bit words, which serve every processor. Where the bytes of a type
 * lie is drawn in graph/types/name.c. */
#ifndef OG_BACKENDS_CPU_ISA_TYPES_WORDS_H
#define OG_BACKENDS_CPU_ISA_TYPES_WORDS_H

#include "backends/cpu/isa/unpack.h"
#include "graph/types/codebooks.h"

OGI_INLINE float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
#if defined(__F16C__)
    return _cvtsh_ss(h);
#else
    return ogi_f32_of_f16(h);
#endif
}

OGI_INLINE uint32_t word_at(const uint8_t *p)
{
    uint32_t a;
    memcpy(&a, p, sizeof a);
    return a;
}

/* The i-th 4 bits, low halves first. */
OGI_INLINE int nibble_at(const uint8_t *p, int i)
{
    return p[i / 2] >> 4 * (i % 2) & 15;
}

/* ---- eight codes in a word ---- */

/* Eight bits to bytes of 0 or 1, the lowest first. */
OGI_INLINE uint64_t bits_to_bytes(uint32_t bits)
{
    uint64_t m = (bits & 255) * 0x0101010101010101 & 0x8040201008040201;
    return (m + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
}

/* Eight 2-bit codes, or twice four 4-bit codes, to bytes, the lowest first. */
OGI_INLINE uint64_t spread2(uint64_t x)
{
#if defined(__BMI2__)
    return _pdep_u64(x, 0x0303030303030303);
#else
    x = (x | x << 24) & 0x000000ff000000ff;
    x = (x | x << 12) & 0x000f000f000f000f;
    return (x | x << 6) & 0x0303030303030303;
#endif
}
OGI_INLINE uint64_t spread4(uint64_t first, uint64_t second)
{
    uint64_t x = first | second << 32;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    return (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
}

/* Signs of 32 lanes from four 7-bit codes, a byte each: the eighth makes their number even. */
OGI_INLINE uint32_t even_signs(uint32_t codes)
{
    uint32_t p = codes ^ codes >> 4;
    p ^= p >> 2;
    p ^= p >> 1;
    return codes | (p & 0x01010101) << 7;
}
/* The lowest 28 bits as four 7-bit codes. */
OGI_INLINE uint32_t spread7(uint32_t x)
{
    return (x & 0x7f) | (x & 0x3f80) << 1 | (x & 0x1fc000) << 2 | (x & 0xfe00000) << 3;
}

/* ---- 32 codes ---- */

/* What 4-bit codes stand for, plus the code of zero. */
typedef struct nibble_table {
    _Alignas(16) uint8_t code[16];
} nibble_table;

OGI_INLINE nibble_table nibble_table_of(const int8_t values[16], int zero)
{
    nibble_table t;
    for (int i = 0; i < 16; i++) t.code[i] = (uint8_t)(values[i] + zero);
    return t;
}

#if defined(__AVX2__)

typedef __m256i c32;

OGI_INLINE void c32_store(uint8_t *code, c32 a)
{
    _mm256_storeu_si256((__m256i *)(void *)code, a);
}
OGI_INLINE c32 c32_words(const uint64_t w[4])
{
    return _mm256_set_epi64x((int64_t)w[3], (int64_t)w[2], (int64_t)w[1], (int64_t)w[0]);
}
/* Sixteen bytes: low halves, then high ones. */
OGI_INLINE c32 c32_nibbles(const uint8_t *p)
{
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}
OGI_INLINE c32 c32_table(c32 a, nibble_table t)
{
    __m128i table = _mm_load_si128((const __m128i *)(const void *)t.code);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), a);
}
#if defined(OGI_ISA_avx512)
OGI_INLINE c32 c32_add_bits(c32 a, uint32_t bits, int value)
{
    return _mm256_mask_add_epi8(a, bits, a, _mm256_set1_epi8((char)value));
}
OGI_INLINE c32 c32_signed(c32 a, uint32_t signs, int zero)
{
    __m256i z = _mm256_set1_epi8((char)zero);
    return _mm256_mask_sub_epi8(_mm256_add_epi8(z, a), signs, z, a);
}
#else
/* Bytes of ones where the bit of the lane is set. */
OGI_INLINE c32 c32_mask(uint32_t bits)
{
    const __m256i byte =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    __m256i a = _mm256_shuffle_epi8(_mm256_set1_epi32((int32_t)bits), byte);
    return _mm256_cmpeq_epi8(_mm256_and_si256(a, bit), bit);
}
OGI_INLINE c32 c32_add_bits(c32 a, uint32_t bits, int value)
{
    return _mm256_add_epi8(a, _mm256_and_si256(c32_mask(bits), _mm256_set1_epi8((char)value)));
}
OGI_INLINE c32 c32_signed(c32 a, uint32_t signs, int zero)
{
    __m256i mask = c32_mask(signs);
    a = _mm256_sub_epi8(_mm256_xor_si256(a, mask), mask);
    return _mm256_add_epi8(a, _mm256_set1_epi8((char)zero));
}
#endif

#else

typedef struct c32 {
    uint64_t w[4];
} c32;

OGI_INLINE void c32_store(uint8_t *code, c32 a)
{
    memcpy(code, a.w, sizeof a.w);
}
OGI_INLINE c32 c32_words(const uint64_t w[4])
{
    return (c32){ { w[0], w[1], w[2], w[3] } };
}
/* Sixteen bytes: low halves, then high ones. */
OGI_INLINE c32 c32_nibbles(const uint8_t *p)
{
    const uint64_t mask = 0x0f0f0f0f0f0f0f0f;
    uint64_t q[2];
    memcpy(q, p, sizeof q);
    return (c32){ { q[0] & mask, q[1] & mask, q[0] >> 4 & mask, q[1] >> 4 & mask } };
}
OGI_INLINE c32 c32_table(c32 a, nibble_table t)
{
    uint8_t b[32];
    memcpy(b, a.w, sizeof b);
#if defined(__SSSE3__)
    __m128i table = _mm_load_si128((const __m128i *)(const void *)t.code);
    for (int i = 0; i < 32; i += 16) {
        __m128i q = _mm_loadu_si128((const __m128i *)(const void *)(b + i));
        _mm_storeu_si128((__m128i *)(void *)(b + i), _mm_shuffle_epi8(table, q));
    }
#elif defined(OGI_ISA_neon)
    for (int i = 0; i < 32; i += 16) vst1q_u8(b + i, vqtbl1q_u8(vld1q_u8(t.code), vld1q_u8(b + i)));
#else
    for (int i = 0; i < 32; i++) b[i] = t.code[b[i]];
#endif
    memcpy(a.w, b, sizeof b);
    return a;
}
OGI_INLINE c32 c32_add_bits(c32 a, uint32_t bits, int value)
{
    for (int i = 0; i < 4; i++) a.w[i] += bits_to_bytes(bits >> 8 * i) * (uint64_t)value;
    return a;
}
OGI_INLINE c32 c32_signed(c32 a, uint32_t signs, int zero)
{
    for (int i = 0; i < 4; i++) {
        uint64_t mask = bits_to_bytes(signs >> 8 * i) * 255, z = (uint64_t)zero;
        a.w[i] = z * 0x0101010101010101 + a.w[i] - (2 * a.w[i] & mask);
    }
    return a;
}

#endif

/* Where `a` holds magnitudes of at most `zero`, c32_signed gives zero + a, or zero - a where the
 * sign is set. */

/* Magnitudes of four entries of a grid of the IQ2 types; of eight of an IQ3 type. */
OGI_INLINE c32 c32_grid2(uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
    static const int8_t values[16] = { 8, 25, 43 };
    const uint64_t w[4] = { spread2(a), spread2(b), spread2(c), spread2(d) };
    return c32_table(c32_words(w), nibble_table_of(values, 0));
}
OGI_INLINE c32 c32_grid4(const uint16_t *grid, const int q[8], const int8_t values[16])
{
    uint64_t w[4];
    for (int i = 0; i < 4; i++) w[i] = spread4(grid[q[2 * i]], grid[q[2 * i + 1]]);
    return c32_table(c32_words(w), nibble_table_of(values, 0));
}

/* 64 bytes to 256 2-bit codes in the order of the K types. */
OGI_INLINE void crumbs256(const uint8_t *p, uint8_t *restrict code)
{
    for (int h = 0; h < 2; h++)
        for (int c = 0; c < 4; c++)
            for (int j = 0; j < 32; j++) code[128 * h + 32 * c + j] = p[32 * h + j] >> 2 * c & 3;
}

/* Q4_K and Q5_K: eight 6-bit scales and mins. s[12]: the first four of each in the low bits of
 * bytes 0-3 and 4-7; the others have their low nibbles in bytes 8-11 (scale low, min high), their
 * top two bits above those of the first four. */
OGI_INLINE void scales_mins(const uint8_t *w, float *restrict scale, float *restrict min)
{
    const uint8_t *s = w + 4;
    float d = half_at(w), dmin = half_at(w + 2);
    for (int j = 0; j < 4; j++) {
        scale[j] = d * (float)(s[j] & 63);
        min[j] = dmin * (float)(s[j + 4] & 63);
        scale[j + 4] = d * (float)((s[j + 8] & 15) | (s[j] >> 6) << 4);
        min[j + 4] = dmin * (float)((s[j + 8] >> 4) | (s[j + 4] >> 6) << 4);
    }
}

#endif
