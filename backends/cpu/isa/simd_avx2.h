/* SPDX-License-Identifier: MIT
 *
 * The vectors of simd.h: AVX2 with FMA and F16C. */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_AVX2_H
#define OG_BACKENDS_CPU_ISA_SIMD_AVX2_H

#include <immintrin.h>

enum { OGI_VN = 8, OGI_HAS_32_VECTORS = 0, OGI_WIDE_ZERO = 0, OGI_MAGIC = 0x4b400000 };
typedef __m256 vf;
typedef __m256i vi;
OGI_INLINE vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
OGI_INLINE void vf_store(float *p, vf a)
{
    _mm256_storeu_ps(p, a);
}
OGI_INLINE vf vf_set1(float a)
{
    return _mm256_set1_ps(a);
}
OGI_INLINE vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}
OGI_INLINE vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}
OGI_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
OGI_INLINE vf vf_of_bits(vi a)
{
    return _mm256_castsi256_ps(a);
}
OGI_INLINE vf vf_of_vi(vi a)
{
    return _mm256_cvtepi32_ps(a);
}
OGI_INLINE vi vi_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
OGI_INLINE vi vi_set1(int32_t a)
{
    return _mm256_set1_epi32(a);
}
/* w <= 127, or the pair sums might saturate. */
OGI_INLINE vi vi_dot(vi acc, vi w, vi x)
{
    __m256i pair = _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pair, _mm256_set1_epi16(1)));
}
/* Both signed: |w| <= 128 and |x| <= 127 give pair sums up to 32512. */
OGI_INLINE vi vi_dot_wide(vi acc, vi w, vi x)
{
    return vi_dot(acc, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}
OGI_INLINE vf vf_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
OGI_INLINE vf vf_load_bf16(const uint16_t *p)
{
    __m256i u = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(u, 16));
}

enum { OGI_NV = 16 / OGI_VN };
typedef struct v16 {
    vf v[OGI_NV];
} v16;

OGI_INLINE vf v16_sums(const v16 *a)
{
    __m256 h[8], q[4], p[2];
    for (int i = 0; i < 8; i++) h[i] = _mm256_add_ps(a[i].v[0], a[i].v[1]);
    for (int i = 0; i < 4; i++)
        q[i] = _mm256_add_ps(_mm256_permute2f128_ps(h[2 * i], h[2 * i + 1], 0x20),
                             _mm256_permute2f128_ps(h[2 * i], h[2 * i + 1], 0x31));
    for (int i = 0; i < 2; i++)
        p[i] = _mm256_add_ps(_mm256_shuffle_ps(q[2 * i], q[2 * i + 1], 0x44),
                             _mm256_shuffle_ps(q[2 * i], q[2 * i + 1], 0xee));
    __m256 r =
        _mm256_add_ps(_mm256_shuffle_ps(p[0], p[1], 0x88), _mm256_shuffle_ps(p[0], p[1], 0xdd));
    return _mm256_permutevar8x32_ps(r, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    const char *row = in;
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i++)
        b[i] = _mm256_loadu_ps((const float *)(const void *)(row + i * stride));
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(b[i], b[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(b[i], b[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int c = 0; c < 2; c++) {
            b[i + 2 * c] = _mm256_shuffle_ps(a[i + c], a[i + c + 2], 0x44);
            b[i + 2 * c + 1] = _mm256_shuffle_ps(a[i + c], a[i + c + 2], 0xee);
        }
    for (int c = 0; c < 4; c++) {
        out[c] = _mm256_permute2f128_ps(b[c], b[c + 4], 0x20);
        out[c + 4] = _mm256_permute2f128_ps(b[c], b[c + 4], 0x31);
    }
}

#endif
