/* SPDX-License-Identifier: MIT
 *
 * IQ4_XS: 256 values d * (s - 32) * table[q]; 6-bit s for each 32 lanes.
 *
 *   0 d half   2 high 2 bits of s 0..7 u16   4 [4] low 4 bits of s 0..7
 *   8 q[128]: 16 bytes for 32 lanes, as Q4_0 */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx j = ogi_td_shr(b, lane, 5);
    ogi_kx low = ogi_td_byte(b, 4, ogi_td_shr(b, j, 1));
    low = ogi_td_bits(b, low, ogi_td_shl(b, ogi_td_and(b, j, 1), 2), 4);
    ogi_kx high = ogi_td_bits(b, ogi_td_u16(b, 2), ogi_td_shl(b, j, 1), 2);
    ogi_kx s = ogi_td_add(b, ogi_kb_or(b, low, ogi_td_shl(b, high, 4)), -32);
    ogi_kx byte = ogi_td_byte(b, 8, ogi_td_muladd(b, j, 16, ogi_td_and(b, lane, 15)));
    ogi_kx shift = ogi_td_shl(b, ogi_td_and(b, ogi_td_shr(b, lane, 4), 1), 2);
    ogi_kx q = ogi_td_pick16(b, ogi_td_bits(b, byte, shift, 4), ogi_iq4_values);
    return ogi_td_scaled(b, q, ogi_td_scaled(b, s, ogi_td_half(b, 0)));
}

const ogi_type_def ogi_type_iq4_xs = { .dtype = OG_IQ4_XS, .decode = decode };
