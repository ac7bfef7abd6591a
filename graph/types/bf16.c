/* SPDX-License-Identifier: MIT
 *
 * BF16: the upper half of a single. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_kb_bits_f32(b, ogi_td_shl(b, ogi_td_u16(b, 0), 16));
}

const ogi_type_def ogi_type_bf16 = { .dtype = OG_BF16, .decode = decode };
