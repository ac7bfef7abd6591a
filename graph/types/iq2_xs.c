/* SPDX-License-Identifier: MIT
 *
 * IQ2_XS: 256 values d * (s + 0.5) / 4 * sign * grid[q]; 4-bit s for each 16 lanes, q for each 8.
 *
 *   0 d half   2 [32] u16: 9 bits of q, 7-bit sign code   66 s[16]: 4 bits each, low halves first
 */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx word = ogi_td_u16_from(b, 2, ogi_td_shl(b, ogi_td_shr(b, lane, 3), 1));
    ogi_kx s = ogi_td_nibble_of(b, 66, ogi_td_shr(b, lane, 4));
    ogi_kx scale = ogi_td_half_steps(b, ogi_td_half(b, 0), s, 0.25f);
    ogi_kx value = ogi_td_scaled(b, ogi_td_grid2(b, ogi_td_and(b, word, 511), lane), scale);
    return ogi_td_signed7(b, value, ogi_td_shr(b, word, 9), lane);
}

const ogi_type_def ogi_type_iq2_xs = {
    .dtype = OG_IQ2_XS,
    .decode = decode,
    .table = ogi_grid_iq2_xs,
    .n_table = OGI_LEN(ogi_grid_iq2_xs),
};
