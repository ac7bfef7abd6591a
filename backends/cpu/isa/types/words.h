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
    uint64_t m = (uint64_t)(bits & 255) * 0x0101010101010101u & 0x8040201008040201u;
    return (m + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
}

/* Eight 4-bit codes to bytes, the lowest first. */
OGI_INLINE uint64_t spread4(uint32_t nibbles)
{
    uint64_t x = nibbles;
    x = (x | x << 16) & 0x0000ffff0000ffff;
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

/* ---- 32 codes ----
 *
 * c32_nibbles(p): sixteen bytes: low halves, then high ones.
 * c32_spread4(w), c32_spread2(w): the 4-bit or 2-bit codes of 16 or 8 bytes, the lowest first; a
 * 2-bit code c becomes c or 4 c, which a table translates (OGI_CRUMBS).
 * c32_zip_words(a): 64-bit words 0, 2, 1, 3.
 * c32_signed(a, signs, zero): of magnitudes up to zero: zero + a, or zero - a where the bit is set.
 */

/* What 4-bit codes stand for, plus the code of zero. */
typedef struct nibble_table {
    _Alignas(16) uint8_t code[16];
} nibble_table;

/* For the 2-bit codes 0..3 as c32_spread2 leaves them. */
#define OGI_CRUMBS(a, b, c, d)                                                                     \
    {                                                                                              \
        {                                                                                          \
            a, b, c, d, b, 0, 0, 0, c, 0, 0, 0, d                                                  \
        }                                                                                          \
    }

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
OGI_INLINE c32 c32_add(c32 a, c32 b)
{
    return _mm256_add_epi8(a, b);
}
OGI_INLINE c32 c32_words(const uint64_t w[4])
{
    return _mm256_set_epi64x((int64_t)w[3], (int64_t)w[2], (int64_t)w[1], (int64_t)w[0]);
}
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
OGI_INLINE c32 c32_zip_words(c32 a)
{
    return _mm256_permute4x64_epi64(a, 0xd8);
}
OGI_INLINE c32 c32_spread4(const uint64_t w[2])
{
    __m128i q = _mm_set_epi64x((int64_t)w[1], (int64_t)w[0]), mask = _mm_set1_epi8(15);
    __m128i low = _mm_and_si128(q, mask), high = _mm_and_si128(_mm_srli_epi16(q, 4), mask);
    return _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
}
OGI_INLINE c32 c32_spread2(uint64_t w)
{
    const __m256i byte = _mm256_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
                                          4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7);
    __m256i b = _mm256_shuffle_epi8(_mm256_set1_epi64x((int64_t)w), byte);
    b = _mm256_blend_epi16(b, _mm256_srli_epi16(b, 4), 0xaa);
    return _mm256_and_si256(b, _mm256_set1_epi16(0x0c03));
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

#elif defined(OGI_ISA_sse42)

typedef struct c32 {
    __m128i v[2];
} c32;

OGI_INLINE void c32_store(uint8_t *code, c32 a)
{
    for (int i = 0; i < 2; i++) _mm_storeu_si128((__m128i *)(void *)(code + 16 * i), a.v[i]);
}
OGI_INLINE c32 c32_words(const uint64_t w[4])
{
    return (c32){ { _mm_set_epi64x((int64_t)w[1], (int64_t)w[0]),
                    _mm_set_epi64x((int64_t)w[3], (int64_t)w[2]) } };
}
OGI_INLINE c32 c32_add(c32 a, c32 b)
{
    return (c32){ { _mm_add_epi8(a.v[0], b.v[0]), _mm_add_epi8(a.v[1], b.v[1]) } };
}
OGI_INLINE c32 c32_nibbles(const uint8_t *p)
{
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)p), mask = _mm_set1_epi8(15);
    return (c32){ { _mm_and_si128(q, mask), _mm_and_si128(_mm_srli_epi16(q, 4), mask) } };
}
OGI_INLINE c32 c32_table(c32 a, nibble_table t)
{
    __m128i table = _mm_load_si128((const __m128i *)(const void *)t.code);
    return (c32){ { _mm_shuffle_epi8(table, a.v[0]), _mm_shuffle_epi8(table, a.v[1]) } };
}
OGI_INLINE c32 c32_zip_words(c32 a)
{
    return (c32){ { _mm_unpacklo_epi64(a.v[0], a.v[1]), _mm_unpackhi_epi64(a.v[0], a.v[1]) } };
}
OGI_INLINE c32 c32_spread4(const uint64_t w[2])
{
    __m128i q = _mm_set_epi64x((int64_t)w[1], (int64_t)w[0]), mask = _mm_set1_epi8(15);
    __m128i low = _mm_and_si128(q, mask), high = _mm_and_si128(_mm_srli_epi16(q, 4), mask);
    return (c32){ { _mm_unpacklo_epi8(low, high), _mm_unpackhi_epi8(low, high) } };
}
OGI_INLINE c32 c32_spread2(uint64_t w)
{
    const __m128i first = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    c32 a;
    for (int i = 0; i < 2; i++) {
        __m128i b = _mm_add_epi8(first, _mm_set1_epi8((char)(4 * i)));
        b = _mm_shuffle_epi8(_mm_cvtsi64_si128((int64_t)w), b);
        b = _mm_blend_epi16(b, _mm_srli_epi16(b, 4), 0xaa);
        a.v[i] = _mm_and_si128(b, _mm_set1_epi16(0x0c03));
    }
    return a;
}
/* Bytes of ones where the bit of the lane is set. */
OGI_INLINE c32 c32_mask(uint32_t bits)
{
    const __m128i byte = _mm_set_epi64x(0x0101010101010101, 0);
    const __m128i bit = _mm_set1_epi64x((int64_t)0x8040201008040201);
    c32 a;
    for (int i = 0; i < 2; i++) {
        __m128i b = _mm_shuffle_epi8(_mm_set1_epi32((int32_t)(bits >> 16 * i)), byte);
        a.v[i] = _mm_cmpeq_epi8(_mm_and_si128(b, bit), bit);
    }
    return a;
}
OGI_INLINE c32 c32_add_bits(c32 a, uint32_t bits, int value)
{
    c32 mask = c32_mask(bits);
    for (int i = 0; i < 2; i++) mask.v[i] = _mm_and_si128(mask.v[i], _mm_set1_epi8((char)value));
    return c32_add(a, mask);
}
OGI_INLINE c32 c32_signed(c32 a, uint32_t signs, int zero)
{
    c32 mask = c32_mask(signs);
    for (int i = 0; i < 2; i++) {
        a.v[i] = _mm_sub_epi8(_mm_xor_si128(a.v[i], mask.v[i]), mask.v[i]);
        a.v[i] = _mm_add_epi8(a.v[i], _mm_set1_epi8((char)zero));
    }
    return a;
}

#elif defined(OGI_ISA_neon)

typedef uint8x16x2_t c32;

OGI_INLINE c32 c32_of(uint8x16_t low, uint8x16_t high)
{
    return (c32){ { low, high } };
}
OGI_INLINE void c32_store(uint8_t *code, c32 a)
{
    for (int i = 0; i < 2; i++) vst1q_u8(code + 16 * i, a.val[i]);
}
OGI_INLINE uint8x16_t two_words(uint64_t a, uint64_t b)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(a), vcreate_u64(b)));
}
OGI_INLINE c32 c32_words(const uint64_t w[4])
{
    return c32_of(two_words(w[0], w[1]), two_words(w[2], w[3]));
}
OGI_INLINE c32 c32_add(c32 a, c32 b)
{
    return c32_of(vaddq_u8(a.val[0], b.val[0]), vaddq_u8(a.val[1], b.val[1]));
}
OGI_INLINE c32 c32_nibbles(const uint8_t *p)
{
    uint8x16_t q = vld1q_u8(p);
    return c32_of(vandq_u8(q, vdupq_n_u8(15)), vshrq_n_u8(q, 4));
}
OGI_INLINE c32 c32_table(c32 a, nibble_table t)
{
    uint8x16_t table = vld1q_u8(t.code);
    return c32_of(vqtbl1q_u8(table, a.val[0]), vqtbl1q_u8(table, a.val[1]));
}
OGI_INLINE c32 c32_zip_words(c32 a)
{
    uint64x2_t x = vreinterpretq_u64_u8(a.val[0]), y = vreinterpretq_u64_u8(a.val[1]);
    return c32_of(vreinterpretq_u8_u64(vzip1q_u64(x, y)), vreinterpretq_u8_u64(vzip2q_u64(x, y)));
}
OGI_INLINE c32 c32_spread4(const uint64_t w[2])
{
    uint8x16_t q = two_words(w[0], w[1]);
    uint8x16_t low = vandq_u8(q, vdupq_n_u8(15)), high = vshrq_n_u8(q, 4);
    return c32_of(vzip1q_u8(low, high), vzip2q_u8(low, high));
}
OGI_INLINE c32 c32_spread2(uint64_t w)
{
    static const uint8_t byte[32] = { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
                                      4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7 };
    const int8x16_t right = vreinterpretq_s8_u32(vdupq_n_u32(0xfcfc0000)); /* 0, 0, 4, 4 */
    c32 a;
    for (int i = 0; i < 2; i++) {
        uint8x16_t b = vqtbl1q_u8(two_words(w, 0), vld1q_u8(byte + 16 * i));
        b = vshlq_u8(b, right);
        a.val[i] = vandq_u8(b, vreinterpretq_u8_u16(vdupq_n_u16(0x0c03)));
    }
    return a;
}
/* Bytes of ones where the bit of the lane is set. */
OGI_INLINE c32 c32_mask(uint32_t bits)
{
    const uint8x16_t bit = two_words(0x8040201008040201, 0x8040201008040201);
    c32 a;
    for (int i = 0; i < 2; i++) {
        uint8x8_t low = vdup_n_u8((uint8_t)(bits >> 16 * i));
        a.val[i] = vtstq_u8(vcombine_u8(low, vdup_n_u8((uint8_t)(bits >> (16 * i + 8)))), bit);
    }
    return a;
}
OGI_INLINE c32 c32_add_bits(c32 a, uint32_t bits, int value)
{
    c32 mask = c32_mask(bits);
    for (int i = 0; i < 2; i++) mask.val[i] = vandq_u8(mask.val[i], vdupq_n_u8((uint8_t)value));
    return c32_add(a, mask);
}
OGI_INLINE c32 c32_signed(c32 a, uint32_t signs, int zero)
{
    c32 mask = c32_mask(signs);
    for (int i = 0; i < 2; i++) {
        a.val[i] = vsubq_u8(veorq_u8(a.val[i], mask.val[i]), mask.val[i]);
        a.val[i] = vaddq_u8(a.val[i], vdupq_n_u8((uint8_t)zero));
    }
    return a;
}

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
OGI_INLINE c32 c32_add(c32 a, c32 b)
{
    for (int i = 0; i < 4; i++) a.w[i] += b.w[i];
    return a;
}
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
    for (int i = 0; i < 32; i++) b[i] = t.code[b[i]];
    memcpy(a.w, b, sizeof b);
    return a;
}
OGI_INLINE c32 c32_zip_words(c32 a)
{
    return (c32){ { a.w[0], a.w[2], a.w[1], a.w[3] } };
}
OGI_INLINE c32 c32_spread4(const uint64_t w[2])
{
    c32 a;
    for (int i = 0; i < 4; i++) a.w[i] = spread4((uint32_t)(w[i / 2] >> 32 * (i % 2)));
    return a;
}
OGI_INLINE c32 c32_spread2(uint64_t w)
{
    c32 a;
    for (int i = 0; i < 4; i++) {
        uint64_t x = w >> 16 * i & 0xffff;
        x = (x | x << 24) & 0x000000ff000000ff; /* a byte for four lanes */
        x = (x | x << 12) & 0x000f000f000f000f; /* two lanes each */
        a.w[i] = (x | x << 8) & 0x0c030c030c030c03;
    }
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

/* Four entries of a grid of 2-bit codes; eight of one of 4-bit codes. */
OGI_INLINE c32 c32_grid2(uint64_t a, uint64_t b, uint64_t c, uint64_t d, nibble_table t)
{
    return c32_table(c32_spread2(a | b << 16 | c << 32 | d << 48), t);
}
OGI_INLINE c32 c32_grid4(const uint16_t *grid, const int q[8], nibble_table t)
{
    uint64_t w[2];
    for (int i = 0; i < 2; i++) {
        const int *e = q + 4 * i;
        w[i] = grid[e[0]] | (uint64_t)grid[e[1]] << 16 | (uint64_t)grid[e[2]] << 32 |
               (uint64_t)grid[e[3]] << 48;
    }
    return c32_table(c32_spread4(w), t);
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
