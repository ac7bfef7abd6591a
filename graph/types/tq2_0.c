/* SPDX-License-Identifier: MIT
 *
 * TQ2_0: 256 values (q - 1) * d.
 *
 *   0 q[64]: 2 bits, see ogi_td_crumb128   64 d half */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_add(b, ogi_td_crumb128(b, 0, lane), -1);
    return ogi_td_scaled(b, q, ogi_td_half(b, 64));
}

const ogi_type_def ogi_type_tq2_0 = { .dtype = OG_TQ2_0, .decode = decode };
