/* SPDX-License-Identifier: MIT
 *
 * Q5_1: 32 values q * d + m.
 *
 *   0 d half   2 m half   4 bit 4 of all lanes u32   8 low 4 bits [16]: as Q4_0 */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_kb_or(b, ogi_td_nibble32(b, 8, lane), ogi_td_bit32(b, 4, lane, 4));
    return ogi_kb_add(b, ogi_td_scaled(b, q, ogi_td_half(b, 0)), ogi_td_half(b, 2));
}

const ogi_type_def ogi_type_q5_1 = { .dtype = OG_Q5_1, .decode = decode };
