/* SPDX-License-Identifier: MIT
 *
 * Q1_0: 128 values d or -d.
 *
 *   0 d half   2 [16] one bit a lane, set for d */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx byte = ogi_td_byte(b, 2, ogi_td_shr(b, lane, 3));
    ogi_kx bit = ogi_td_bits(b, byte, ogi_td_and(b, lane, 7), 1);
    return ogi_td_scaled(b, ogi_td_add(b, ogi_td_shl(b, bit, 1), -1), ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_q1_0 = { .dtype = OG_Q1_0, .decode = decode };
