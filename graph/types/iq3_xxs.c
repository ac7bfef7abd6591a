/* SPDX-License-Identifier: MIT
 *
 * IQ3_XXS: 256 values d * (s + 0.5) / 2 * sign * grid[q]; 4-bit s for each 32 lanes, q for each 4.
 *
 *   0 d half   2 q[64]   66 [8] u32: for 32 lanes four 7-bit sign codes and s on top */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx signs = ogi_td_u32_from(b, 66, ogi_td_shl(b, ogi_td_shr(b, lane, 5), 2));
    ogi_kx s = ogi_td_and(b, ogi_td_shr(b, signs, 28), 15);
    ogi_kx scale = ogi_td_half_steps(b, ogi_td_half(b, 0), s, 0.5f);
    ogi_kx c = ogi_td_grid4(b, ogi_td_byte(b, 2, ogi_td_shr(b, lane, 2)), lane);
    ogi_kx is_last = ogi_kb_eq(b, c, ogi_kb_i32(b, 7));
    ogi_kx value =
        ogi_kb_select(b, is_last, ogi_kb_i32(b, 62), ogi_td_muladd(b, c, 8, ogi_kb_i32(b, 4)));
    ogi_kx from = ogi_td_mul(b, ogi_td_and(b, ogi_td_shr(b, lane, 3), 3), 7);
    return ogi_td_signed7(b, ogi_td_scaled(b, value, scale), ogi_td_bits(b, signs, from, 7), lane);
}

const ogi_type_def ogi_type_iq3_xxs = {
    .dtype = OG_IQ3_XXS,
    .decode = decode,
    .table = ogi_grid_iq3_xxs,
    .n_table = OGI_LEN(ogi_grid_iq3_xxs),
};
