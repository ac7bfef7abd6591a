/* SPDX-License-Identifier: MIT
 *
 * The vectors of simd.h: AVX-512 (F, BW, DQ, VL, VBMI, VNNI, BF16). */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_AVX512_H
#define OG_BACKENDS_CPU_ISA_SIMD_AVX512_H

#include <immintrin.h>

enum { OGI_VN = 16, OGI_HAS_32_VECTORS = 1, OGI_WIDE_ZERO = 128, OGI_MAGIC = 0x4b400000 };
typedef __m512 vf;
typedef __m512i vi;
OGI_INLINE vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
OGI_INLINE void vf_store(float *p, vf a)
{
    _mm512_storeu_ps(p, a);
}
OGI_INLINE vf vf_set1(float a)
{
    return _mm512_set1_ps(a);
}
OGI_INLINE vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
OGI_INLINE vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
OGI_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
OGI_INLINE vf vf_of_bits(vi a)
{
    return _mm512_castsi512_ps(a);
}
OGI_INLINE vf vf_of_vi(vi a)
{
    return _mm512_cvtepi32_ps(a);
}
OGI_INLINE vi vi_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
OGI_INLINE vi vi_set1(int32_t a)
{
    return _mm512_set1_epi32(a);
}
OGI_INLINE vi vi_dot(vi acc, vi w, vi x)
{
    return _mm512_dpbusd_epi32(acc, w, x);
}
OGI_INLINE vf vf_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
OGI_INLINE vf vf_load_bf16(const uint16_t *p)
{
    __m512i u = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(u, 16));
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
    __m512 h[8], q[4], p[2];
    for (int i = 0; i < 8; i++) {
        __m512 x = a[2 * i].v[0], y = a[2 * i + 1].v[0];
        h[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x, y, 0x44), _mm512_shuffle_f32x4(x, y, 0xee));
    }
    for (int i = 0; i < 4; i++)
        q[i] = _mm512_add_ps(_mm512_shuffle_f32x4(h[2 * i], h[2 * i + 1], 0x88),
                             _mm512_shuffle_f32x4(h[2 * i], h[2 * i + 1], 0xdd));
    for (int i = 0; i < 2; i++)
        p[i] = _mm512_add_ps(_mm512_shuffle_ps(q[2 * i], q[2 * i + 1], 0x44),
                             _mm512_shuffle_ps(q[2 * i], q[2 * i + 1], 0xee));
    __m512 r =
        _mm512_add_ps(_mm512_shuffle_ps(p[0], p[1], 0x88), _mm512_shuffle_ps(p[0], p[1], 0xdd));
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_ps(order, r);
}

OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    const char *row = in;
    __m512 a[16], b[16];
    for (int i = 0; i < 16; i++) b[i] = _mm512_loadu_ps(row + i * stride);
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(b[i], b[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(b[i], b[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) /* b[i + c]: word c of each 4, rows i..i+3 */
        for (int c = 0; c < 2; c++) {
            __m512d x = _mm512_castps_pd(a[i + c]), y = _mm512_castps_pd(a[i + c + 2]);
            b[i + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            b[i + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
        }
    for (int c = 0; c < 4; c++) {
        __m512 x = _mm512_shuffle_f32x4(b[c], b[c + 4], 0x88);
        __m512 y = _mm512_shuffle_f32x4(b[c], b[c + 4], 0xdd);
        __m512 z = _mm512_shuffle_f32x4(b[c + 8], b[c + 12], 0x88);
        __m512 w = _mm512_shuffle_f32x4(b[c + 8], b[c + 12], 0xdd);
        out[c] = _mm512_shuffle_f32x4(x, z, 0x88);
        out[c + 4] = _mm512_shuffle_f32x4(y, w, 0x88);
        out[c + 8] = _mm512_shuffle_f32x4(x, z, 0xdd);
        out[c + 12] = _mm512_shuffle_f32x4(y, w, 0xdd);
    }
}

#endif
