/* SPDX-License-Identifier: MIT
 *
 * F32: one IEEE single. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_kb_bits_f32(b, ogi_td_u32(b, 0));
}

const ogi_type_def ogi_type_f32 = { .dtype = OG_F32, .decode = decode };
