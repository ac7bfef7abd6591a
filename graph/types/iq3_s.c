/* SPDX-License-Identifier: MIT
 *
 * IQ3_S: 256 values d * (2 * s + 1) * sign * grid[q]; 4-bit s for each 32 lanes, q for each 4.
 *
 *   0 d half   2 [64] low 8 bits of q   66 [8] bit 8 of q, eight in a byte
 *   74 [32] signs, one bit a lane   106 s[8]: 4 bits each, low halves first */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx group = ogi_td_shr(b, lane, 2);
    ogi_kx q = ogi_kb_or(b, ogi_td_byte(b, 2, group), ogi_td_bit32(b, 66, group, 8));
    ogi_kx s = ogi_td_nibble_of(b, 106, ogi_td_shr(b, lane, 5));
    ogi_kx scale = ogi_td_scaled(b, ogi_td_muladd(b, s, 2, ogi_kb_i32(b, 1)), ogi_td_half(b, 0));
    ogi_kx value = ogi_td_muladd(b, ogi_td_grid4(b, q, lane), 2, ogi_kb_i32(b, 1));
    return ogi_td_signed(b, ogi_td_scaled(b, value, scale), ogi_td_bit32(b, 74, lane, 0));
}

const ogi_type_def ogi_type_iq3_s = {
    .dtype = OG_IQ3_S,
    .decode = decode,
    .table = ogi_grid_iq3_s,
    .n_table = OGI_LEN(ogi_grid_iq3_s),
};
