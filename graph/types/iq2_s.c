/* SPDX-License-Identifier: MIT
 *
 * IQ2_S: 256 values d * (s + 0.5) / 4 * sign * grid[q]; 4-bit s for each 16 lanes, q for each 8.
 *
 *   0 d half   2 [32] low 8 bits of q   34 [32] signs, one bit a lane
 *   66 [8] high 2 bits of q, four in a byte   74 s[16]: 4 bits each, low halves first */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx group = ogi_td_shr(b, lane, 3);
    ogi_kx high = ogi_td_byte(b, 66, ogi_td_shr(b, lane, 5));
    high = ogi_td_bits(b, high, ogi_td_shl(b, ogi_td_and(b, group, 3), 1), 2);
    ogi_kx q = ogi_kb_or(b, ogi_td_byte(b, 2, group), ogi_td_shl(b, high, 8));
    ogi_kx s = ogi_td_nibble_of(b, 74, ogi_td_shr(b, lane, 4));
    ogi_kx scale = ogi_td_half_steps(b, ogi_td_half(b, 0), s, 0.25f);
    return ogi_td_signed(b, ogi_td_scaled(b, ogi_td_grid2(b, q, lane), scale),
                         ogi_td_bit32(b, 34, lane, 0));
}

const ogi_type_def ogi_type_iq2_s = {
    .dtype = OG_IQ2_S,
    .decode = decode,
    .table = ogi_grid_iq2_s,
    .n_table = OGI_LEN(ogi_grid_iq2_s),
};
