/* SPDX-License-Identifier: MIT
 *
 * The vectors of simd.h: NEON with dotprod and fp16. */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_NEON_H
#define OG_BACKENDS_CPU_ISA_SIMD_NEON_H

#include <arm_neon.h>

enum { OGI_VN = 4, OGI_HAS_32_VECTORS = 1, OGI_WIDE_ZERO = 0, OGI_MAGIC = 0 };
typedef float32x4_t vf;
typedef int32x4_t vi;
OGI_INLINE vf vf_load(const float *p)
{
    return vld1q_f32(p);
}
OGI_INLINE void vf_store(float *p, vf a)
{
    vst1q_f32(p, a);
}
OGI_INLINE vf vf_set1(float a)
{
    return vdupq_n_f32(a);
}
OGI_INLINE vf vf_add(vf a, vf b)
{
    return vaddq_f32(a, b);
}
OGI_INLINE vf vf_mul(vf a, vf b)
{
    return vmulq_f32(a, b);
}
OGI_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}
OGI_INLINE vf vf_of_bits(vi a)
{
    return vreinterpretq_f32_s32(a);
}
OGI_INLINE vf vf_of_vi(vi a)
{
    return vcvtq_f32_s32(a);
}
OGI_INLINE vi vi_load(const void *p)
{
    return vreinterpretq_s32_u8(vld1q_u8(p));
}
OGI_INLINE vi vi_set1(int32_t a)
{
    return vdupq_n_s32(a);
}
OGI_INLINE vi vi_add(vi a, vi b)
{
    return vaddq_s32(a, b);
}
OGI_INLINE vi vi_sums4(const vi *a)
{
    return vpaddq_s32(vpaddq_s32(a[0], a[1]), vpaddq_s32(a[2], a[3]));
}
OGI_INLINE vi vi_dot(vi acc, vi w, vi x)
{
    return vdotq_s32(acc, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
}
OGI_INLINE vf vf_load_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
OGI_INLINE vf vf_load_bf16(const uint16_t *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
OGI_INLINE vi vi_dot_wide(vi acc, vi w, vi x)
{
    return vi_dot(acc, w, x);
}

enum { OGI_NV = 16 / OGI_VN };
typedef struct v16 {
    vf v[OGI_NV];
} v16;

OGI_INLINE vf v16_sums(const v16 *a)
{
    float32x4_t q[4], p[2];
    for (int i = 0; i < 4; i++)
        q[i] = vaddq_f32(vaddq_f32(a[i].v[0], a[i].v[2]), vaddq_f32(a[i].v[1], a[i].v[3]));
    for (int i = 0; i < 2; i++)
        p[i] = vaddq_f32(vcombine_f32(vget_low_f32(q[2 * i]), vget_low_f32(q[2 * i + 1])),
                         vcombine_f32(vget_high_f32(q[2 * i]), vget_high_f32(q[2 * i + 1])));
    return vpaddq_f32(p[0], p[1]);
}

OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    const char *row = in;
    float32x4_t a[4], t[4];
    for (int i = 0; i < 4; i++) a[i] = vld1q_f32((const float *)(const void *)(row + i * stride));
    for (int i = 0; i < 4; i += 2) {
        t[i] = vtrn1q_f32(a[i], a[i + 1]);
        t[i + 1] = vtrn2q_f32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        out[i] = vcombine_f32(vget_low_f32(t[i]), vget_low_f32(t[i + 2]));
        out[i + 2] = vcombine_f32(vget_high_f32(t[i]), vget_high_f32(t[i + 2]));
    }
}

#endif
