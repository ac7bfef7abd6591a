/* SPDX-License-Identifier: MIT
 *
 * The vectors of simd.h: plain C. */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_SCALAR_H
#define OG_BACKENDS_CPU_ISA_SIMD_SCALAR_H

enum { OGI_VN = 1, OGI_HAS_32_VECTORS = 0, OGI_WIDE_ZERO = 0, OGI_MAGIC = 0 };
typedef float vf;
typedef int32_t vi;
OGI_INLINE vf vf_load(const float *p)
{
    return *p;
}
OGI_INLINE void vf_store(float *p, vf a)
{
    *p = a;
}
OGI_INLINE vf vf_set1(float a)
{
    return a;
}
OGI_INLINE vf vf_add(vf a, vf b)
{
    return a + b;
}
OGI_INLINE vf vf_mul(vf a, vf b)
{
    return a * b;
}
OGI_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return fmaf(a, b, c);
}
OGI_INLINE vf vf_of_bits(vi a)
{
    return ogi_f32_of_bits((uint32_t)a);
}
OGI_INLINE vf vf_of_vi(vi a)
{
    return (float)a;
}
OGI_INLINE vi vi_load(const void *p)
{
    vi a;
    memcpy(&a, p, sizeof a);
    return a;
}
OGI_INLINE vi vi_set1(int32_t a)
{
    return a;
}
OGI_INLINE vi vi_dot(vi acc, vi w, vi x)
{
    int8_t a[4], b[4];
    memcpy(a, &w, sizeof a);
    memcpy(b, &x, sizeof b);
    return acc + a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}
OGI_INLINE vf vf_load_f16(const uint16_t *p)
{
    return ogi_f32_of_f16(*p);
}
OGI_INLINE vf vf_load_bf16(const uint16_t *p)
{
    return ogi_f32_of_bf16(*p);
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
    float s[16];
    memcpy(s, a->v, sizeof s);
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++) s[i] += s[i + n];
    return s[0];
}

OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    (void)stride;
    memcpy(out, in, sizeof *out);
}

#endif
