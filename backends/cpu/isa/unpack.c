/* SPDX-License-Identifier: MIT
 *
 * Weight blocks to codes and scales, or to F32; F32 rows to int8 activations. Plain loops, which
 * the compiler vectorises for each instruction set. Layouts, all little-endian:
 *
 *   Q8_0  f16 d | i8 q[32]                         v = d q
 *   Q4_0  f16 d | u8 q[16]                         byte j: values j (low) and j + 16 (high), less 8
 *   Q4_K  f16 d, dmin | u8 s[12] | u8 q[128]       32 bytes hold two blocks of 32: low, then high
 *   Q5_K  f16 d, dmin | u8 s[12] | u8 h[32] | u8 q[128]   bit b of h[l]: fifth bit in block b
 *   Q6_K  u8 l[128] | u8 h[64] | i8 s[16] | f16 d  6-bit codes less 32, scales of 16 values
 *
 * s[12] packs 8 scales and 8 mins of 6 bits: the first four of each in the low bits of bytes 0-3
 * and 4-7; the others have their low nibbles in bytes 8-11 (scale low, min high), their top two
 * bits above those of the first four. */
#include "backends/cpu/isa/unpack.h"

static float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return ogi_f32_of_f16(h);
}

static void unpack_q8_0(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b++, w += 34) {
        out->scale[b] = half_at(w);
        for (int j = 0; j < 32; j++) out->code[32 * b + j] = (uint8_t)(w[2 + j] + OGI_Q8_ZERO);
    }
}

static void unpack_q4_0(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b++, w += 18) {
        out->scale[b] = half_at(w);
        for (int j = 0; j < 16; j += 8) { /* by words: 16 bytes are too short to vectorise */
            uint64_t q, low, high;
            memcpy(&q, w + 2 + j, 8);
            low = q & 0x0f0f0f0f0f0f0f0f;
            high = q >> 4 & 0x0f0f0f0f0f0f0f0f;
            memcpy(out->code + 32 * b + j, &low, 8);
            memcpy(out->code + 32 * b + 16 + j, &high, 8);
        }
    }
}

/* The 6-bit scales and mins of Q4_K and Q5_K. */
static void unpack_scales(const uint8_t *w, float *restrict scale, float *restrict min)
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

static void unpack_q4_k(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 144) {
        unpack_scales(w, out->scale + b, out->min + b);
        for (int c = 0; c < 4; c++) {
            const uint8_t *q = w + 16 + 32 * c;
            uint8_t *restrict code = out->code + 32 * b + 64 * c;
            for (int j = 0; j < 32; j++) code[j] = q[j] & 15;
            for (int j = 0; j < 32; j++) code[32 + j] = q[j] >> 4;
        }
    }
}

static void unpack_q5_k(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 176) {
        const uint8_t *h = w + 16;
        unpack_scales(w, out->scale + b, out->min + b);
        for (int c = 0; c < 4; c++) {
            const uint8_t *q = w + 48 + 32 * c;
            uint8_t *restrict code = out->code + 32 * b + 64 * c;
            for (int j = 0; j < 32; j++) {
                code[j] = (uint8_t)((q[j] & 15) | (h[j] >> 2 * c & 1) << 4);
                code[32 + j] = (uint8_t)(q[j] >> 4 | (h[j] >> (2 * c + 1) & 1) << 4);
            }
        }
    }
}

static void unpack_q6_k(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 210) {
        float d = half_at(w + 208);
        for (int s = 0; s < 16; s++) out->scale[2 * b + s] = d * (float)(int8_t)w[192 + s];
        for (int i = 0; i < 2; i++) {
            const uint8_t *l = w + 64 * i, *h = w + 128 + 32 * i;
            uint8_t *restrict code = out->code + 32 * b + 128 * i;
            for (int j = 0; j < 32; j++) {
                code[j] = (uint8_t)((l[j] & 15) | (h[j] & 3) << 4);
                code[32 + j] = (uint8_t)((l[32 + j] & 15) | (h[j] >> 2 & 3) << 4);
                code[64 + j] = (uint8_t)(l[j] >> 4 | (h[j] >> 4 & 3) << 4);
                code[96 + j] = (uint8_t)(l[32 + j] >> 4 | (h[j] >> 6) << 4);
            }
        }
    }
}

void OGI_ISA(ogi_unpack)(int type, const uint8_t *w, int n_block, ogi_codes *out)
{
    switch (type) {
    case OG_Q8_0: unpack_q8_0(w, n_block, out); break;
    case OG_Q4_0: unpack_q4_0(w, n_block, out); break;
    case OG_Q4_K: unpack_q4_k(w, n_block, out); break;
    case OG_Q5_K: unpack_q5_k(w, n_block, out); break;
    default: unpack_q6_k(w, n_block, out); break;
    }
}

/* value = scale * (code - zero) - min, each product rounded. */
static void dequantize_blocks(int type, const uint8_t *w, int64_t n, float *out)
{
    ogi_qshape s = ogi_qshape_of(type);
    int per = 32 / s.n_group;
    ogi_codes c;
    for (int64_t i = 0; i < n; i += s.block, w += s.bytes, out += s.block) {
        OGI_ISA(ogi_unpack)(type, w, s.block / 32, &c);
        for (int g = 0; g < s.block / per; g++)
            for (int j = 0; j < per; j++) {
                int code = c.code[g * per + j];
                if (type == OG_Q8_0 && !OGI_Q8_ZERO) code = (int8_t)code;
                float v = c.scale[g] * (float)(code - s.zero);
                out[g * per + j] = s.has_min ? v - c.min[g] : v;
            }
    }
}

void OGI_ISA(ogi_dequantize)(int type, const void *w, int64_t n, float *out)
{
    uint16_t h[16];
    if (type == OG_F32) {
        memcpy(out, w, (size_t)n * sizeof *out);
    } else if (type == OG_F16 || type == OG_BF16) {
        for (int64_t i = 0; i < n; i += 16) {
            int64_t m = n - i < 16 ? n - i : 16;
            memcpy(h, (const char *)w + 2 * i, (size_t)m * sizeof *h);
            for (int64_t j = 0; j < m; j++)
                out[i + j] = type == OG_F16 ? ogi_f32_of_f16(h[j]) : ogi_f32_of_bf16(h[j]);
        }
    } else {
        dequantize_blocks(type, w, n, out);
    }
}

void OGI_ISA(ogi_quantize_a8)(const float *x, int64_t n, void *out)
{
    int8_t *restrict code = out;
    float *scale = (float *)(void *)(code + n);
    int16_t *sum = (int16_t *)(void *)(scale + n / 32);
    for (int64_t b = 0; b < n / 32; b++, x += 32, code += 32) {
        int32_t top = 0; /* magnitudes order as their bits do */
        for (int j = 0; j < 32; j++) {
            int32_t u = (int32_t)(ogi_bits_of_f32(x[j]) & 0x7fffffff);
            top = u > top ? u : top;
        }
        float d = ogi_f32_of_bits((uint32_t)top) / 127.0f;
        d = d < 0x1p-126f ? 0.0f : d;
        float inverse = d == 0.0f ? 0.0f : 1.0f / d;
        for (int j = 0; j < 32; j++)
            code[j] = (int8_t)(uint8_t)ogi_bits_of_f32(x[j] * inverse + 0x1.8p23f);
        for (int h = 0; h < 2; h++) {
            int s = 0;
            for (int j = 0; j < 16; j++) s += code[16 * h + j];
            sum[2 * b + h] = (int16_t)s;
        }
        scale[b] = d;
    }
}
