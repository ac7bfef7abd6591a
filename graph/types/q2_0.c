/* SPDX-License-Identifier: MIT
 *
 * Q2_0: 64 values (q - 1) * d.
 *
 *   0 d half   2 [16] q, 2 bits a lane */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx byte = ogi_td_byte(b, 2, ogi_td_shr(b, lane, 2));
    ogi_kx q = ogi_td_bits(b, byte, ogi_td_shl(b, ogi_td_and(b, lane, 3), 1), 2);
    return ogi_td_scaled(b, ogi_td_add(b, q, -1), ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_q2_0 = { .dtype = OG_Q2_0, .decode = decode };
