/* SPDX-License-Identifier: MIT
 *
 * Words that the types' unpacks share: plain loops, which the compiler vectorises for each
 * instruction set. Where bytes lie is drawn in graph/types/name.c. */
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

/* Sixteen bytes to 32 codes: low halves, then high ones. By words: 16 bytes are too short for the
 * compiler to vectorise. */
OGI_INLINE void nibbles32(const uint8_t *p, uint8_t *code)
{
    for (int j = 0; j < 16; j += 8) {
        uint64_t q, low, high;
        memcpy(&q, p + j, 8);
        low = q & 0x0f0f0f0f0f0f0f0f;
        high = q >> 4 & 0x0f0f0f0f0f0f0f0f;
        memcpy(code + j, &low, 8);
        memcpy(code + 16 + j, &high, 8);
    }
}

/* The same for codes that are numbers in a table of 16 bytes. */
typedef struct nibble_table {
    _Alignas(16) uint8_t code[16];
} nibble_table;

OGI_INLINE nibble_table nibble_table_of(const int8_t values[16], int zero)
{
    nibble_table t;
    for (int i = 0; i < 16; i++) t.code[i] = (uint8_t)(values[i] + zero);
    return t;
}

OGI_INLINE void nibbles32_of(const uint8_t *p, nibble_table t, uint8_t *code)
{
#if defined(__SSSE3__)
    const __m128i table = _mm_load_si128((const __m128i *)(const void *)t.code);
    const __m128i mask = _mm_set1_epi8(15), q = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_shuffle_epi8(table, _mm_and_si128(q, mask));
    __m128i high = _mm_shuffle_epi8(table, _mm_and_si128(_mm_srli_epi16(q, 4), mask));
    _mm_storeu_si128((__m128i *)(void *)code, low);
    _mm_storeu_si128((__m128i *)(void *)(code + 16), high);
#elif defined(OGI_ISA_neon)
    const uint8x16_t table = vld1q_u8(t.code), q = vld1q_u8(p);
    vst1q_u8(code, vqtbl1q_u8(table, vandq_u8(q, vdupq_n_u8(15))));
    vst1q_u8(code + 16, vqtbl1q_u8(table, vshrq_n_u8(q, 4)));
#else
    for (int j = 0; j < 16; j++) {
        code[j] = t.code[p[j] & 15];
        code[16 + j] = t.code[p[j] >> 4];
    }
#endif
}

/* 64 bytes to 256 2-bit codes in the order of the K types. */
OGI_INLINE void crumbs256(const uint8_t *p, uint8_t *restrict code)
{
    for (int h = 0; h < 2; h++)
        for (int c = 0; c < 4; c++)
            for (int j = 0; j < 32; j++) code[128 * h + 32 * c + j] = p[32 * h + j] >> 2 * c & 3;
}

/* Eight bits to bytes of 0 or 1, the lowest first. */
OGI_INLINE uint64_t bits_to_bytes(uint32_t bits)
{
    uint64_t m = (bits & 255) * 0x0101010101010101 & 0x8040201008040201;
    return (m + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
}

/* Adds `value` to the codes whose bits are set, lane i in bit i. */
OGI_INLINE void add_bits32(const uint8_t *bits, int value, uint8_t *code)
{
    for (int j = 0; j < 4; j++) {
        uint64_t q;
        memcpy(&q, code + 8 * j, 8);
        q += bits_to_bytes(bits[j]) * (uint64_t)value;
        memcpy(code + 8 * j, &q, 8);
    }
}

/* Eight 2-bit codes, or twice four 4-bit codes, to bytes, the lowest first. */
OGI_INLINE uint64_t spread2(uint64_t x)
{
    x = (x | x << 24) & 0x000000ff000000ff;
    x = (x | x << 12) & 0x000f000f000f000f;
    return (x | x << 6) & 0x0303030303030303;
}
OGI_INLINE uint64_t spread4(uint64_t first, uint64_t second)
{
    uint64_t x = first | second << 32;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    return (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
}

/* Magnitudes of an entry of a grid of the IQ2 types. */
OGI_INLINE uint64_t grid2(uint16_t entry)
{
    uint64_t c = spread2(entry);
    return 0x0808080808080808 + 17 * c + (c >> 1 & 0x0101010101010101);
}

/* Signs of 8 lanes from 7 bits: the eighth makes their number even. */
OGI_INLINE uint32_t signs7(uint32_t code)
{
    uint32_t p = code & 127;
    p ^= p >> 4;
    p ^= p >> 2;
    p ^= p >> 1;
    return (code & 127) | (p & 1) << 7;
}

/* Eight codes zero + v, or zero - v where the sign is set; v is at most zero. */
OGI_INLINE void put_signed(uint64_t v, uint32_t signs, int zero, uint8_t *code)
{
    uint64_t mask = bits_to_bytes(signs) * 255;
    uint64_t codes = (uint64_t)zero * 0x0101010101010101 + v - (2 * v & mask);
    memcpy(code, &codes, 8);
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
