/* SPDX-License-Identifier: MIT
 *
 * Q2_K: 256 values d * s * q - dmin * m; s and m for each 16 lanes.
 *
 *   0 [16] s low half, m high half   16 q[64]: 2 bits, see ogi_td_crumb128
 *   80 d half   82 dmin half */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx sm = ogi_td_byte(b, 0, ogi_td_shr(b, lane, 4));
    ogi_kx scale = ogi_td_scaled(b, ogi_td_and(b, sm, 15), ogi_td_half(b, 80));
    ogi_kx min = ogi_td_scaled(b, ogi_td_shr(b, sm, 4), ogi_td_half(b, 82));
    return ogi_kb_sub(b, ogi_td_scaled(b, ogi_td_crumb128(b, 16, lane), scale), min);
}

const ogi_type_def ogi_type_q2_k = { .dtype = OG_Q2_K, .decode = decode };
