/* SPDX-License-Identifier: MIT
 *
 * Q5_0: 32 values (q - 16) * d.
 *
 *   0 d half   2 bit 4 of all lanes u32   6 low 4 bits [16]: as Q4_0 */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_kb_or(b, ogi_td_nibble32(b, 6, lane), ogi_td_bit32(b, 2, lane, 4));
    return ogi_td_scaled(b, ogi_td_add(b, q, -16), ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_q5_0 = { .dtype = OG_Q5_0, .decode = decode };
