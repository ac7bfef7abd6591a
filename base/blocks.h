/* SPDX-License-Identifier: MIT
 *
 * Blocks of 32 values as states keep them, made from F32, bit-exact everywhere. How they are read
 * again is in graph/types/. A scale that half precision cannot hold makes a block of zeros
 * (too small) or of infinities (too large), as a half itself would. */
#ifndef OG_BASE_BLOCKS_H
#define OG_BASE_BLOCKS_H

#include "base/half.h"

enum { OGI_BLOCK = 32, OGI_Q8_0_BYTES = 2 + OGI_BLOCK, OGI_Q4_0_BYTES = 2 + OGI_BLOCK / 2 };

/* The value farthest from 0, the first of several: magnitudes order as their bits do. */
static inline float ogi_block_extreme(const float *x)
{
    uint32_t top = 0;
    for (int i = 0; i < OGI_BLOCK; i++) {
        uint32_t u = ogi_bits_of_f32(x[i]) & 0x7fffffff;
        top = u > top ? u : top;
    }
    for (int i = 0; i < OGI_BLOCK; i++)
        if ((ogi_bits_of_f32(x[i]) & 0x7fffffff) == top) return x[i];
    return 0;
}

static inline float ogi_inverse_scale(float d)
{
    return d > 0x1p-126f || d < -0x1p-126f ? 1.0f / d : 0.0f;
}

/* f16 scale, amax / 127; 32 int8 codes, the nearest for the scale as it is kept, ties to even. */
static inline void ogi_q8_0_of_f32(const float *x, uint8_t *block)
{
    uint32_t top = ogi_bits_of_f32(ogi_block_extreme(x)) & 0x7fffffff;
    float d = ogi_f32_of_bits(top) / 127.0f;
    uint16_t h = ogi_f16_of_f32(d);
    float kept = ogi_f32_of_f16(h), inverse = ogi_inverse_scale(kept > 65504.0f ? d : kept);
    memcpy(block, &h, sizeof h);
    for (int i = 0; i < OGI_BLOCK; i++) { /* a subnormal scale may be rounded far down */
        float y = x[i] * inverse;
        y = y < 127.0f ? y : 127.0f;
        y = y > -127.0f ? y : -127.0f;
        block[2 + i] = (uint8_t)ogi_bits_of_f32(y + 0x1.8p23f); /* its low bits: the integer */
    }
}

/* f16 scale, the extreme value / -8; 16 bytes, value i and i + 16 in the low and high half of one:
 * codes 0..15 of (value / scale + 8), halves up. */
static inline void ogi_q4_0_of_f32(const float *x, uint8_t *block)
{
    float d = ogi_block_extreme(x) / -8.0f, inverse = ogi_inverse_scale(d);
    uint16_t h = ogi_f16_of_f32(d);
    uint8_t code[OGI_BLOCK];
    memcpy(block, &h, sizeof h);
    for (int i = 0; i < OGI_BLOCK; i++) {
        float y = x[i] * inverse + 8.5f;
        code[i] = (uint8_t)(y < 15.0f ? (int32_t)(y > 0.0f ? y : 0.0f) : 15);
    }
    for (int i = 0; i < OGI_BLOCK / 2; i++) block[2 + i] = (uint8_t)(code[i] | code[i + 16] << 4);
}

#endif
