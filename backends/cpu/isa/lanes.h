/* SPDX-License-Identifier: MIT
 *
 * v16, the 16 lanes of the canonical arithmetic, as 16 / OGI_VN native vectors; their sum tree; and
 * the transposition of a square of 32-bit words. */
#ifndef OG_BACKENDS_CPU_ISA_LANES_H
#define OG_BACKENDS_CPU_ISA_LANES_H

#include "backends/cpu/isa/simd.h"

enum { OGI_NV = 16 / OGI_VN };
typedef struct v16 {
    vf v[OGI_NV];
} v16;

OGI_INLINE v16 v16_set1(float a)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_set1(a);
    return r;
}

OGI_INLINE v16 v16_zero(void)
{
    return v16_set1(0.0f);
}

OGI_INLINE v16 v16_load(const float *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load(p + i * OGI_VN);
    return r;
}

OGI_INLINE void v16_store(float *p, v16 a)
{
    for (int i = 0; i < OGI_NV; i++) vf_store(p + i * OGI_VN, a.v[i]);
}

OGI_INLINE v16 v16_load_f16(const uint16_t *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load_f16(p + i * OGI_VN);
    return r;
}

OGI_INLINE v16 v16_load_bf16(const uint16_t *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load_bf16(p + i * OGI_VN);
    return r;
}

OGI_INLINE v16 v16_fma(v16 a, v16 b, v16 c)
{
    for (int i = 0; i < OGI_NV; i++) c.v[i] = vf_fma(a.v[i], b.v[i], c.v[i]);
    return c;
}

/* The canonical tree over 16 lanes, of OGI_VN vectors at once: lanes i and i + 8, then + 4, + 2,
 * + 1. Lane j of the result is the sum of a[j]. */
OGI_INLINE vf v16_sums(const v16 *a)
{
#if defined(OGI_ISA_avx512)
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
#elif defined(OGI_ISA_avx2)
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
#elif defined(OGI_ISA_sse42)
    __m128 q[4];
    for (int i = 0; i < 4; i++)
        q[i] = _mm_add_ps(_mm_add_ps(a[i].v[0], a[i].v[2]), _mm_add_ps(a[i].v[1], a[i].v[3]));
    __m128 x = _mm_add_ps(_mm_shuffle_ps(q[0], q[1], 0x44), _mm_shuffle_ps(q[0], q[1], 0xee));
    __m128 y = _mm_add_ps(_mm_shuffle_ps(q[2], q[3], 0x44), _mm_shuffle_ps(q[2], q[3], 0xee));
    return _mm_add_ps(_mm_shuffle_ps(x, y, 0x88), _mm_shuffle_ps(x, y, 0xdd));
#elif defined(OGI_ISA_neon)
    float32x4_t q[4], p[2];
    for (int i = 0; i < 4; i++)
        q[i] = vaddq_f32(vaddq_f32(a[i].v[0], a[i].v[2]), vaddq_f32(a[i].v[1], a[i].v[3]));
    for (int i = 0; i < 2; i++)
        p[i] = vaddq_f32(vcombine_f32(vget_low_f32(q[2 * i]), vget_low_f32(q[2 * i + 1])),
                         vcombine_f32(vget_high_f32(q[2 * i]), vget_high_f32(q[2 * i + 1])));
    return vpaddq_f32(p[0], p[1]);
#else
    float s[16];
    memcpy(s, a->v, sizeof s);
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++) s[i] += s[i + n];
    return s[0];
#endif
}

/* Words, as floats that are only moved: out[c] gets word c of the OGI_VN rows, which are `stride`
 * bytes apart. */
OGI_INLINE void vf_transpose(const void *in, int64_t stride, vf *out)
{
    const char *row = in;
#if defined(OGI_ISA_avx512)
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
#elif defined(OGI_ISA_avx2)
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
#elif defined(OGI_ISA_sse42)
    __m128 a[4];
    for (int i = 0; i < 4; i++)
        a[i] = _mm_loadu_ps((const float *)(const void *)(row + i * stride));
    _MM_TRANSPOSE4_PS(a[0], a[1], a[2], a[3]);
    for (int i = 0; i < 4; i++) out[i] = a[i];
#elif defined(OGI_ISA_neon)
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
#else
    (void)stride;
    memcpy(out, row, sizeof *out);
#endif
}

#endif
