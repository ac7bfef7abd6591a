/* SPDX-License-Identifier: MIT
 *
 * Q8_K: 256 values q * d. An intermediate format of ggml.
 *
 *   0 d single   4 q[256] int8   260 sums of 16 q each, not needed here */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_sign8(b, ogi_td_byte(b, 4, lane));
    return ogi_td_scaled(b, q, ogi_kb_bits_f32(b, ogi_td_u32(b, 0)));
}

const ogi_type_def ogi_type_q8_k = { .dtype = OG_Q8_K, .decode = decode };
