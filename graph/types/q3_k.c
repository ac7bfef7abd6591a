/* SPDX-License-Identifier: MIT
 *
 * Q3_K: 256 values d * (s - 32) * (q - 4); 6-bit s for each 16 lanes.
 *
 *   0 [32] bit 2 of q: lanes i, i + 32, ... in bits 0, 1, ... of byte i
 *   32 [64] low 2 bits of q, see ogi_td_crumb128
 *   96 [8] low 4 bits of s 0..7 and, in the high halves, 8..15
 *   104 [4] high 2 bits of s 0..3, 4..7, 8..11, 12..15 from the lowest bits up
 *   108 d half */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx high = ogi_td_byte(b, 0, ogi_td_and(b, lane, 31));
    high = ogi_td_bits(b, high, ogi_td_shr(b, lane, 5), 1);
    ogi_kx q = ogi_kb_or(b, ogi_td_crumb128(b, 32, lane), ogi_td_shl(b, high, 2));
    ogi_kx j = ogi_td_shr(b, lane, 4);
    ogi_kx s_low = ogi_td_byte(b, 96, ogi_td_and(b, j, 7));
    ogi_kx s_high = ogi_td_byte(b, 104, ogi_td_and(b, j, 3));
    s_low = ogi_td_bits(b, s_low, ogi_td_shl(b, ogi_td_shr(b, j, 3), 2), 4);
    s_high = ogi_td_bits(b, s_high, ogi_td_shl(b, ogi_td_shr(b, j, 2), 1), 2);
    ogi_kx s = ogi_td_add(b, ogi_kb_or(b, s_low, ogi_td_shl(b, s_high, 4)), -32);
    ogi_kx scale = ogi_td_scaled(b, s, ogi_td_half(b, 108));
    return ogi_td_scaled(b, ogi_td_add(b, q, -4), scale);
}

const ogi_type_def ogi_type_q3_k = { .dtype = OG_Q3_K, .decode = decode };
