/* SPDX-License-Identifier: MIT
 *
 * Q8_1: 32 values q * d. An intermediate format of ggml.
 *
 *   0 d half   2 d * sum of q, half, not needed here   4 q[32] int8 */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_sign8(b, ogi_td_byte(b, 4, lane));
    return ogi_td_scaled(b, q, ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_q8_1 = { .dtype = OG_Q8_1, .decode = decode };
