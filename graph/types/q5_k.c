/* SPDX-License-Identifier: MIT
 *
 * Q5_K: 256 values d * s * q - dmin * m; s and m for each 32 lanes.
 *
 *   0 d half   2 dmin half   4 [12] s and m, see ogi_td_scale_min
 *   16 [32] bit 4 of q: lanes i, i + 32, ... in bits 0, 1, ... of byte i
 *   48 low 4 bits of q [128]: as Q4_K */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx j = ogi_td_shr(b, lane, 5), s, m;
    ogi_td_scale_min(b, 4, j, &s, &m);
    ogi_kx pair = ogi_td_muladd(b, ogi_td_shr(b, lane, 6), 32, ogi_td_and(b, lane, 31));
    ogi_kx shift = ogi_td_shl(b, ogi_td_and(b, j, 1), 2);
    ogi_kx q = ogi_td_bits(b, ogi_td_byte(b, 48, pair), shift, 4);
    ogi_kx high = ogi_td_bits(b, ogi_td_byte(b, 16, ogi_td_and(b, lane, 31)), j, 1);
    q = ogi_kb_or(b, q, ogi_td_shl(b, high, 4));
    ogi_kx scale = ogi_td_scaled(b, s, ogi_td_half(b, 0));
    ogi_kx min = ogi_td_scaled(b, m, ogi_td_half(b, 2));
    return ogi_kb_sub(b, ogi_td_scaled(b, q, scale), min);
}

const ogi_type_def ogi_type_q5_k = { .dtype = OG_Q5_K, .decode = decode };
