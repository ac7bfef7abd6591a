/* SPDX-License-Identifier: MIT
 *
 * One native vector of each instruction set, so that a kernel is written once: OGI_VN lanes of
 * float (vf) or of int32 (vi). lanes.h has what works across them. vf_fma is fused where the
 * instruction set has it, and in scalar code by fmaf(). */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_H
#define OG_BACKENDS_CPU_ISA_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

#if defined(OGI_ISA_avx512) || defined(OGI_ISA_avx2) || defined(OGI_ISA_sse42)
#include <immintrin.h>
#elif defined(OGI_ISA_neon)
#include <arm_neon.h>
#endif

#define OGI_INLINE static inline __attribute__((always_inline))

/* OGI_WIDE_ZERO: what is added to signed codes: 128 where the 4-byte dot takes unsigned weights.
 * vi_dot is for codes up to 127, vi_dot_wide for those of Q8_0; both give exact sums.
 * OGI_MAGIC: what is added to integer sums so that their bits, read as a float, are 1.5 * 2^23 plus
 * the sum; one fused multiply-add then converts and scales. 0: convert, then multiply. */

#if defined(OGI_ISA_avx512)

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

#elif defined(OGI_ISA_avx2)

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

#elif defined(OGI_ISA_sse42)

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

#elif defined(OGI_ISA_neon)

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

#else

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

#endif

#if !defined(OGI_ISA_avx2) && !defined(OGI_ISA_sse42)
OGI_INLINE vi vi_dot_wide(vi acc, vi w, vi x)
{
    return vi_dot(acc, w, x);
}
#endif

/* Four bytes of a row to every lane. */
OGI_INLINE vi vi_set1_bytes(const void *p)
{
    int32_t a;
    memcpy(&a, p, sizeof a);
    return vi_set1(a);
}

OGI_INLINE vf vf_zero(void)
{
    return vf_set1(0.0f);
}

#endif
