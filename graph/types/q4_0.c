/* SPDX-License-Identifier: MIT
 *
 * Q4_0: 32 values (q - 8) * d.
 *
 *   0 d half   2 q[16]: lanes 0..15 low halves, 16..31 high halves */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_nibble32(b, 2, lane);
    return ogi_td_scaled(b, ogi_td_add(b, q, -8), ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_q4_0 = { .dtype = OG_Q4_0, .decode = decode };
