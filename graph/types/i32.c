/* SPDX-License-Identifier: MIT
 *
 * I32: one signed 32-bit integer, rounded to the nearest single. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_kb_to_f32(b, ogi_td_u32(b, 0));
}

const ogi_type_def ogi_type_i32 = { .dtype = OG_I32, .decode = decode };
