/* SPDX-License-Identifier: MIT
 *
 * Q4_1: 32 values q * d + m.
 *
 *   0 d half   2 m half   4 q[16]: as Q4_0 */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_nibble32(b, 4, lane);
    return ogi_kb_add(b, ogi_td_scaled(b, q, ogi_td_half(b, 0)), ogi_td_half(b, 2));
}

const ogi_type_def ogi_type_q4_1 = { .dtype = OG_Q4_1, .decode = decode };
