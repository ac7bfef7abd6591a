/* SPDX-License-Identifier: MIT
 *
 * One native vector of each instruction set, so that a kernel is written once: OGI_VN lanes of
 * float (vf) or of int32 (vi). simd_<isa>.h has them, lanes.h what is built from them. vf_fma is
 * fused where the instruction set has it, and in scalar code by fmaf(). */
#ifndef OG_BACKENDS_CPU_ISA_SIMD_H
#define OG_BACKENDS_CPU_ISA_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

#define OGI_INLINE static inline __attribute__((always_inline))

/* OGI_WIDE_ZERO: what is added to signed codes: 128 where the 4-byte dot takes unsigned weights.
 * vi_dot is for codes up to 127, vi_dot_wide for those of Q8_0; both give exact sums.
 * vi_sums4, vi_add: only with four lanes; lane j of the sums is the sum of a[j].
 * OGI_MAGIC: what is added to integer sums so that their bits, read as a float, are 1.5 * 2^23 plus
 * the sum; one fused multiply-add then converts and scales. 0: convert, then multiply.
 * v16: the 16 lanes of the canonical arithmetic, as 16 / OGI_VN native vectors.
 * v16_sums(a): the canonical tree (lanes i and i + 8, then + 4, + 2, + 1) over OGI_VN of them at
 * once; lane j of the result is the sum of a[j].
 * vf_transpose(in, stride, out): words, as floats that are only moved: out[c] gets word c of OGI_VN
 * rows, `stride` bytes apart. */
#if defined(OGI_ISA_avx512)
#include "backends/cpu/isa/simd_avx512.h"
#elif defined(OGI_ISA_avx2)
#include "backends/cpu/isa/simd_avx2.h"
#elif defined(OGI_ISA_sse42)
#include "backends/cpu/isa/simd_sse42.h"
#elif defined(OGI_ISA_neon)
#include "backends/cpu/isa/simd_neon.h"
#elif defined(OGI_ISA_scalar)
#include "backends/cpu/isa/simd_scalar.h"
#else
#error "no vectors for this instruction set"
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
