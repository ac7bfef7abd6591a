/* SPDX-License-Identifier: MIT
 *
 * I16: one signed 16-bit integer. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_kb_to_f32(b, ogi_td_shr(b, ogi_td_shl(b, ogi_td_u16(b, 0), 16), 16));
}

const ogi_type_def ogi_type_i16 = { .dtype = OG_I16, .decode = decode };
