/* SPDX-License-Identifier: MIT
 *
 * Words that the types' unpacks share: plain loops, which the compiler vectorises for each
 * instruction set. Where bytes lie is drawn in graph/types/name.c. */
#ifndef OG_BACKENDS_CPU_ISA_TYPES_WORDS_H
#define OG_BACKENDS_CPU_ISA_TYPES_WORDS_H

#include "backends/cpu/isa/unpack.h"

OGI_INLINE float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return ogi_f32_of_f16(h);
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
