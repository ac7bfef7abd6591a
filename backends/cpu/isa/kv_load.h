/* SPDX-License-Identifier: MIT
 *
 * Keys and values as attention reads them: 16 neighbouring values of a row of any type that a KV
 * state may have. Products of scale and code are exact in F32, so that every instruction set reads
 * the same values. */
#ifndef OG_BACKENDS_CPU_ISA_KV_LOAD_H
#define OG_BACKENDS_CPU_ISA_KV_LOAD_H

#include "backends/cpu/isa/lanes.h"
#include "base/blocks.h"
#include "oxigraph/dtype.h"

/* OGI_VN bytes to as many words: signed, and not. */
OGI_INLINE vi vi_load_i8(const uint8_t *p)
{
#if defined(OGI_ISA_avx512)
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif defined(OGI_ISA_avx2)
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
#elif defined(OGI_ISA_sse42)
    int32_t a;
    memcpy(&a, p, sizeof a);
    return _mm_cvtepi8_epi32(_mm_cvtsi32_si128(a));
#elif defined(OGI_ISA_neon)
    int8x8_t a = vreinterpret_s8_u32(vld1_dup_u32((const uint32_t *)(const void *)p));
    return vmovl_s16(vget_low_s16(vmovl_s8(a)));
#else
    return (int8_t)*p;
#endif
}

/* Low or high halves of OGI_VN bytes, less 8. */
OGI_INLINE vi vi_load_i4(const uint8_t *p, bool is_high)
{
#if defined(OGI_ISA_avx512)
    __m512i a = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    a = is_high ? _mm512_srli_epi32(a, 4) : _mm512_and_si512(a, _mm512_set1_epi32(15));
    return _mm512_sub_epi32(a, _mm512_set1_epi32(8));
#elif defined(OGI_ISA_avx2)
    __m256i a = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    a = is_high ? _mm256_srli_epi32(a, 4) : _mm256_and_si256(a, _mm256_set1_epi32(15));
    return _mm256_sub_epi32(a, _mm256_set1_epi32(8));
#elif defined(OGI_ISA_sse42)
    int32_t word;
    memcpy(&word, p, sizeof word);
    __m128i a = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(word));
    a = is_high ? _mm_srli_epi32(a, 4) : _mm_and_si128(a, _mm_set1_epi32(15));
    return _mm_sub_epi32(a, _mm_set1_epi32(8));
#elif defined(OGI_ISA_neon)
    uint8x8_t a = vreinterpret_u8_u32(vld1_dup_u32((const uint32_t *)(const void *)p));
    a = is_high ? vshr_n_u8(a, 4) : vand_u8(a, vdup_n_u8(15));
    int16x8_t b = vreinterpretq_s16_u16(vmovl_u8(a));
    return vmovl_s16(vget_low_s16(vsubq_s16(b, vdupq_n_s16(8))));
#else
    return (is_high ? *p >> 4 : *p & 15) - 8;
#endif
}

/* The half at p, to every lane. */
OGI_INLINE vf vf_set1_f16(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
#if defined(OGI_ISA_avx512)
    return _mm512_cvtph_ps(_mm256_set1_epi16((int16_t)h));
#elif defined(OGI_ISA_avx2)
    return _mm256_cvtph_ps(_mm_set1_epi16((int16_t)h));
#else
    return vf_set1(ogi_f32_of_f16(h));
#endif
}

/* Values d .. d + 15 of a row; d is a multiple of 16, type a constant. */
OGI_INLINE v16 v16_load_kv(og_dtype type, const char *row, int64_t d)
{
    const uint8_t *p = (const uint8_t *)row;
    v16 r = v16_zero();
    if (type == OG_F32) r = v16_load((const float *)(const void *)(p + 4 * d));
    if (type == OG_F16) r = v16_load_f16((const uint16_t *)(const void *)(p + 2 * d));
    if (type == OG_BF16) r = v16_load_bf16((const uint16_t *)(const void *)(p + 2 * d));
    if (type == OG_Q8_0) {
        p += d / OGI_BLOCK * OGI_Q8_0_BYTES;
        vf scale = vf_set1_f16(p);
        for (int i = 0; i < OGI_NV; i++)
            r.v[i] = vf_mul(scale, vf_of_vi(vi_load_i8(p + 2 + d % OGI_BLOCK + i * OGI_VN)));
    }
    if (type == OG_Q4_0) {
        p += d / OGI_BLOCK * OGI_Q4_0_BYTES;
        vf scale = vf_set1_f16(p);
        for (int i = 0; i < OGI_NV; i++)
            r.v[i] = vf_mul(scale, vf_of_vi(vi_load_i4(p + 2 + i * OGI_VN, d % OGI_BLOCK != 0)));
    }
    return r;
}

#endif
