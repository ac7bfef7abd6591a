/* SPDX-License-Identifier: MIT
 *
 * The table of quantized types; weight blocks to F32; F32 rows to int8 activations. */
#include "backends/cpu/isa/unpack.h"

/* Blocks as the format has them: OGI_BLOCK_NAME values in OGI_BYTES_NAME bytes. */
enum {
#define T(NAME, id, block, bytes, is_quantized) OGI_BLOCK_##NAME = block, OGI_BYTES_##NAME = bytes,
    OG_DTYPE_LIST(T)
#undef T
};

static const ogi_qtype qtypes[] = {
#define QTYPE(NAME, name, SHAPE, zero)                                                             \
    { OG_##NAME, OGI_BLOCK_##NAME,          OGI_BYTES_##NAME, OGI_QSHAPE_##SHAPE,                  \
      zero,      OGI_ISA(ogi_unpack_##name) },
#include "backends/cpu/isa/qtypes.def"
#undef QTYPE
};

const ogi_qtype *OGI_ISA(ogi_qtype_of)(og_dtype type)
{
    for (size_t i = 0; i < sizeof qtypes / sizeof *qtypes; i++)
        if (qtypes[i].type == type) return &qtypes[i];
    return NULL;
}

ogi_qshape OGI_ISA(ogi_qshape_of)(const ogi_qtype *q)
{
    static const ogi_qshape shapes[] = {
#define S(NAME, n_group, n_min, is_wide, is_far) { n_group, n_min, is_wide, is_far },
        OGI_QSHAPES(S)
#undef S
    };
    return shapes[q->shape];
}

/* value = scale * (code - zero) - min, each product rounded. */
static void dequantize_blocks(const ogi_qtype *q, const uint8_t *w, int64_t n, float *out)
{
    ogi_qshape s = OGI_ISA(ogi_qshape_of)(q);
    int per = 32 / s.n_group;
    ogi_codes c;
    for (int64_t i = 0; i < n; i += q->block, w += q->bytes, out += q->block) {
        q->unpack(w, q->block / 32, &c);
        for (int g = 0; g < q->block / per; g++)
            for (int j = 0; j < per; j++) {
                int code = c.code[g * per + j];
                if (s.is_wide && !OGI_WIDE_ZERO) code = (int8_t)code;
                float v = c.scale[g] * (float)(code - q->zero);
                out[g * per + j] = s.n_min ? v - c.min[g] : v;
            }
    }
}

void OGI_ISA(ogi_dequantize)(og_dtype type, const void *w, int64_t n, float *out)
{
    const ogi_qtype *q = OGI_ISA(ogi_qtype_of)(type);
    uint16_t h[16];
    if (q) {
        dequantize_blocks(q, w, n, out);
    } else if (type == OG_F32) {
        memcpy(out, w, (size_t)n * sizeof *out);
    } else if (type == OG_F16 || type == OG_BF16) {
        for (int64_t i = 0; i < n; i += 16) {
            int64_t m = n - i < 16 ? n - i : 16;
            memcpy(h, (const char *)w + 2 * i, (size_t)m * sizeof *h);
            for (int64_t j = 0; j < m; j++)
                out[i + j] = type == OG_F16 ? ogi_f32_of_f16(h[j]) : ogi_f32_of_bf16(h[j]);
        }
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
