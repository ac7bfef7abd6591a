/* SPDX-License-Identifier: MIT
 *
 * Half and bfloat16 conversions, bit-exact everywhere: nearest, ties to even; NaN stays NaN. */
#ifndef OG_BASE_HALF_H
#define OG_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float ogi_f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t ogi_bits_of_f32(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float ogi_f32_of_bf16(uint16_t h)
{
    return ogi_f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t ogi_bf16_of_f32(float f)
{
    uint32_t u = ogi_bits_of_f32(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Shifting the half's exponent and mantissa up by 13 leaves an exponent bias of 15 instead of 127;
 * multiplying by 2^112 mends it, exactly, for normal and subnormal halves alike. */
static inline float ogi_f32_of_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
    if (rest >= 0x0f800000) return ogi_f32_of_bits(sign | rest | 0x7f800000); /* inf, NaN */
    return ogi_f32_of_bits(sign | ogi_bits_of_f32(ogi_f32_of_bits(rest) * 0x1p112f));
}

static inline uint16_t ogi_f16_of_f32(float f)
{
    uint32_t u = ogi_bits_of_f32(f), sign = u >> 16 & 0x8000;
    u &= 0x7fffffff;
    if (u > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (u >> 13 & 0x3ff));
    if (u >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds to infinity */
    if (u < 0x38800000) { /* subnormal half: let one float addition round */
        float r = ogi_f32_of_bits(u) + 0.5f;
        return (uint16_t)(sign | (ogi_bits_of_f32(r) - 0x3f000000));
    }
    return (uint16_t)(sign | ((u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13));
}

#endif
