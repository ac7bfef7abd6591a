/* SPDX-License-Identifier: MIT
 *
 * IQ1_S: 256 values d * (2 * s + 1) * (grid[q] + delta); 3-bit s and the sign of delta (1/8) for
 * each 32 lanes, q for each 8.
 *
 *   0 d half   2 [32] low 8 bits of q
 *   34 [8] u16: for 32 lanes the high 3 bits of four q, s, and on top the sign of delta */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx group = ogi_td_shr(b, lane, 3);
    ogi_kx word = ogi_td_u16_from(b, 34, ogi_td_shl(b, ogi_td_shr(b, lane, 5), 1));
    ogi_kx high = ogi_td_bits(b, word, ogi_td_mul(b, ogi_td_and(b, group, 3), 3), 3);
    ogi_kx q = ogi_kb_or(b, ogi_td_byte(b, 2, group), ogi_td_shl(b, high, 8));
    ogi_kx s = ogi_td_and(b, ogi_td_shr(b, word, 12), 7);
    ogi_kx scale = ogi_td_scaled(b, ogi_td_muladd(b, s, 2, ogi_kb_i32(b, 1)), ogi_td_half(b, 0));
    return ogi_td_ternary(b, q, lane, scale, ogi_td_shr(b, word, 15));
}

const ogi_type_def ogi_type_iq1_s = {
    .dtype = OG_IQ1_S,
    .decode = decode,
    .table = ogi_grid_iq1,
    .n_table = OGI_LEN(ogi_grid_iq1),
};
