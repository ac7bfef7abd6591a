/* SPDX-License-Identifier: MIT
 *
 * IQ4_NL: 32 values table[q] * d, with the table of IQ4_XS.
 *
 *   0 d half   2 q[16]: as Q4_0 */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx q = ogi_td_pick16(b, ogi_td_nibble32(b, 2, lane), ogi_iq4_values);
    return ogi_td_scaled(b, q, ogi_td_half(b, 0));
}

const ogi_type_def ogi_type_iq4_nl = { .dtype = OG_IQ4_NL, .decode = decode };
