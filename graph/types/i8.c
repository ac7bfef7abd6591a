/* SPDX-License-Identifier: MIT
 *
 * I8: one signed byte. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_kb_to_f32(b, ogi_td_sign8(b, ogi_td_byte_at(b, 0)));
}

const ogi_type_def ogi_type_i8 = { .dtype = OG_I8, .decode = decode };
