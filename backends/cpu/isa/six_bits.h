/* SPDX-License-Identifier: MIT
 *
 * The packed scales and mins of Q4_K and Q5_K, for the loads of matmul_row.c. */
#ifndef OG_BACKENDS_CPU_ISA_SIX_BITS_H
#define OG_BACKENDS_CPU_ISA_SIX_BITS_H

#include "backends/cpu/isa/simd.h"

/* Eight of each, a byte each. */
OGI_INLINE void six_bits(const uint8_t *w, uint64_t *scale, uint64_t *min)
{
    uint32_t a, b, c;
    memcpy(&a, w + 4, 4);
    memcpy(&b, w + 8, 4);
    memcpy(&c, w + 12, 4);
    uint64_t scale_high = (c & 0x0f0f0f0f) | (a >> 6 & 0x03030303) << 4;
    uint64_t min_high = (c >> 4 & 0x0f0f0f0f) | (b >> 6 & 0x03030303) << 4;
    *scale = (a & 0x3f3f3f3f) | scale_high << 32;
    *min = (b & 0x3f3f3f3f) | min_high << 32;
}

#endif
