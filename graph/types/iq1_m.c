/* SPDX-License-Identifier: MIT
 *
 * IQ1_M: 256 values d * (2 * s + 1) * (grid[q] + delta); 3-bit s for each 16 lanes, q and the sign
 * of delta (1/8) for each 8; the grid of IQ1_S.
 *
 *   0 [32] low 8 bits of q   32 [16]: for 8 lanes 4 bits: high 3 bits of q, sign of delta
 *   48 [4] u16: s of 64 lanes from the lowest bits up; the four top bits together are d, a half */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx group = ogi_td_shr(b, lane, 3), d = ogi_kb_i32(b, 0);
    for (int i = 0; i < 4; i++) {
        ogi_kx part = ogi_td_and(b, ogi_td_shr(b, ogi_td_u16(b, 48 + 2 * i), 12), 15);
        d = ogi_kb_or(b, d, ogi_td_shl(b, part, 4 * i));
    }
    ogi_kx high = ogi_td_nibble_of(b, 32, group);
    ogi_kx q = ogi_kb_or(b, ogi_td_byte(b, 0, group), ogi_td_shl(b, ogi_td_and(b, high, 7), 8));
    ogi_kx word = ogi_td_u16_from(b, 48, ogi_td_shl(b, ogi_td_shr(b, lane, 6), 1));
    ogi_kx s = ogi_td_bits(b, word, ogi_td_mul(b, ogi_td_and(b, ogi_td_shr(b, lane, 4), 3), 3), 3);
    ogi_kx odd = ogi_td_muladd(b, s, 2, ogi_kb_i32(b, 1));
    return ogi_td_ternary(b, q, lane, ogi_td_scaled(b, odd, ogi_kb_f16_bits(b, d)),
                          ogi_td_shr(b, high, 3));
}

const ogi_type_def ogi_type_iq1_m = {
    .dtype = OG_IQ1_M,
    .decode = decode,
    .table = ogi_grid_iq1,
    .n_table = OGI_LEN(ogi_grid_iq1),
};
