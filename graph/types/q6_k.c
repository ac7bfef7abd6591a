/* SPDX-License-Identifier: MIT
 *
 * Q6_K: 256 values d * s * (q - 32); int8 s for each 16 lanes.
 *
 *   0 [128] low 4 bits of q: 64 bytes for 128 lanes, the first 64 in the low halves
 *   128 [64] high 2 bits of q, see ogi_td_crumb128   192 s[16] int8   208 d half */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx low = ogi_td_muladd(b, ogi_td_shr(b, lane, 7), 64, ogi_td_and(b, lane, 63));
    ogi_kx shift = ogi_td_shl(b, ogi_td_and(b, ogi_td_shr(b, lane, 6), 1), 2);
    ogi_kx q = ogi_td_bits(b, ogi_td_byte(b, 0, low), shift, 4);
    q = ogi_kb_or(b, q, ogi_td_shl(b, ogi_td_crumb128(b, 128, lane), 4));
    ogi_kx s = ogi_td_sign8(b, ogi_td_byte(b, 192, ogi_td_shr(b, lane, 4)));
    ogi_kx scale = ogi_td_scaled(b, s, ogi_td_half(b, 208));
    return ogi_td_scaled(b, ogi_td_add(b, q, -32), scale);
}

const ogi_type_def ogi_type_q6_k = { .dtype = OG_Q6_K, .decode = decode };
