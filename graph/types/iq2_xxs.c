/* SPDX-License-Identifier: MIT
 *
 * IQ2_XXS: 256 values d * (s + 0.5) / 4 * sign * grid[q]; 4-bit s for each 32 lanes, q for each 8.
 *
 *   0 d half   2 [8]: for 32 lanes 8 bytes: q[4], then a u32 of four 7-bit sign codes and s on top
 */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx word = ogi_td_shl(b, ogi_td_shr(b, lane, 5), 3),
           group = ogi_td_and(b, ogi_td_shr(b, lane, 3), 3);
    ogi_kx signs = ogi_td_u32_from(b, 2 + 4, word);
    ogi_kx s = ogi_td_and(b, ogi_td_shr(b, signs, 28), 15);
    ogi_kx scale = ogi_td_half_steps(b, ogi_td_half(b, 0), s, 0.25f);
    ogi_kx q = ogi_td_byte(b, 2, ogi_kb_add(b, word, group));
    ogi_kx code = ogi_td_bits(b, signs, ogi_td_mul(b, group, 7), 7);
    return ogi_td_signed7(b, ogi_td_scaled(b, ogi_td_grid2(b, q, lane), scale), code, lane);
}

const ogi_type_def ogi_type_iq2_xxs = {
    .dtype = OG_IQ2_XXS,
    .decode = decode,
    .table = ogi_grid_iq2_xxs,
    .n_table = OGI_LEN(ogi_grid_iq2_xxs),
};
