/* SPDX-License-Identifier: MIT
 *
 * F16: one IEEE half. */
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    (void)lane;
    return ogi_td_half(b, 0);
}

const ogi_type_def ogi_type_f16 = { .dtype = OG_F16, .decode = decode };
