/* SPDX-License-Identifier: MIT
 *
 * The vectors of simd.h: SSE4.2. */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_SSE42_H
#define OG_BACKENDS_CPU_ISA_SIMD_SSE42_H

#include <immintrin.h>

enum { OGI_VN = 4, OGI_HAS_32_VECTORS = 0, OGI_WIDE_ZERO = 0, OGI_MAGIC = 0 };
typedef __m128 vf;
typedef __m128i vi;
OGI_INLINE vf vf_load(const float *p)
{
    return _mm_loadu_ps(p);
}
OGI_INLINE void vf_store(float *p, vf a)
{
    _mm_storeu_ps(p, a);
}
OGI_INLINE vf vf_set1(float a)
{
    return _mm_set1_ps(a);
}
OGI_INLINE vf vf_add(vf a, vf b)
{
    return _mm_add_ps(a, b);
}
OGI_INLINE vf vf_mul(vf a, vf b)
{
    return _mm_mul_ps(a, b);
}
OGI_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}
OGI_INLINE vf vf_of_bits(vi a)
{
    return _mm_castsi128_ps(a);
}
OGI_INLINE vf vf_of_vi(vi a)
{
    return _mm_cvtepi32_ps(a);
}
OGI_INLINE vi vi_load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}
OGI_INLINE vi vi_set1(int32_t a)
{
    return _mm_set1_epi32(a);
}
OGI_INLINE vi vi_add(vi a, vi b)
{
    return _mm_add_epi32(a, b);
}
OGI_INLINE vi vi_sums4(const vi *a)
{
    return _mm_hadd_epi32(_mm_hadd_epi32(a[0], a[1]), _mm_hadd_epi32(a[2], a[3]));
}
OGI_INLINE vi vi_dot(vi acc, vi w, vi x)
{
    return _mm_add_epi32(acc, _mm_madd_epi16(_mm_maddubs_epi16(w, x), _mm_set1_epi16(1)));
}
OGI_INLINE vi vi_dot_wide(vi acc, vi w, vi x)
{
    return vi_dot(acc, _mm_abs_epi8(w), _mm_sign_epi8(x, w));
}
/* As ogi_f32_of_f16 does it. */
OGI_INLINE vf vf_load_f16(const uint16_t *p)
{
    __m128i h = _mm_cvtepu16_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    __m128i sign = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x8000)), 16);
    __m128i rest = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x7fff)), 13);
    __m128i special = _mm_cmpgt_epi32(rest, _mm_set1_epi32(0x0f7fffff));
    __m128 y = _mm_mul_ps(_mm_castsi128_ps(rest), _mm_set1_ps(0x1p112f));
    __m128i top = _mm_or_si128(rest, _mm_set1_epi32(0x7f800000));
    __m128i u = _mm_blendv_epi8(_mm_castps_si128(y), top, special);
    return _mm_castsi128_ps(_mm_or_si128(u, sign));
}
OGI_INLINE vf vf_load_bf16(const uint16_t *p)
{
    __m128i u = _mm_cvtepu16_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    return _mm_castsi128_ps(_mm_slli_epi32(u, 16));
}

enum { OGI_NV = 16 / OGI_VN };
typedef struct v16 {
    vf v[OGI_NV];
} v16;

OGI_INLINE vf v16_sums(const v16 *a)
{
    __m128 q[4];
    for (int i = 0; i < 4; i++)
        q[i] = _mm_add_ps(_mm_add_ps(a[i].v[0], a[i].v[2]), _mm_add_ps(a[i].v[1], a[i].v[3]));
    __m128 x = _mm_add_ps(_mm_shuffle_ps(q[0], q[1], 0x44), _mm_shuffle_ps(q[0], q[1], 0xee));
    __m128 y = _mm_add_ps(_mm_shuffle_ps(q[2], q[3], 0x44), _mm_shuffle_ps(q[2], q[3], 0xee));
    return _mm_add_ps(_mm_shuffle_ps(x, y, 0x88), _mm_shuffle_ps(x, y, 0xdd));
}

OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    const char *row = in;
    __m128 a[4];
    for (int i = 0; i < 4; i++)
        a[i] = _mm_loadu_ps((const float *)(const void *)(row + i * stride));
    _MM_TRANSPOSE4_PS(a[0], a[1], a[2], a[3]);
    for (int i = 0; i < 4; i++) out[i] = a[i];
}

#endif
