/* SPDX-License-Identifier: MIT
 *
 * NVFP4: 64 E2M1 values, an unsigned E4M3 scale for each 16.
 *
 *   0 scale[4]   4 q[32]: 8 bytes for 16 lanes, the first 8 in the low halves */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx j = ogi_td_shr(b, lane, 4), s = ogi_td_byte(b, 0, j);
    ogi_kx e = ogi_td_bits(b, s, ogi_kb_i32(b, 3), 4), m = ogi_kb_to_f32(b, ogi_td_and(b, s, 7));
    /* (1 + m / 8) * 2^(e - 7), m / 8 * 2^-6 for e = 0; codes stand for twice their value. */
    ogi_kx is_normal = ogi_kb_lt(b, ogi_kb_i32(b, 0), e);
    ogi_kx mantissa = ogi_kb_select(b, is_normal, ogi_kb_add(b, m, ogi_kb_f32(b, 8)), m);
    ogi_kx up = ogi_kb_max(b, e, ogi_kb_i32(b, 1));
    /* 0x7f, the one NaN, counts as 0. */
    ogi_kx is_nan = ogi_kb_eq(b, s, ogi_kb_i32(b, 0x7f));
    mantissa = ogi_kb_select(b, is_nan, ogi_kb_f32(b, 0), mantissa);
    ogi_kx power = ogi_kb_bits_f32(b, ogi_td_shl(b, ogi_td_add(b, up, 127 - 7 - 3 - 1), 23));
    ogi_kx byte = ogi_td_byte(b, 4, ogi_td_muladd(b, j, 8, ogi_td_and(b, lane, 7)));
    ogi_kx shift = ogi_td_shl(b, ogi_td_and(b, ogi_td_shr(b, lane, 3), 1), 2);
    ogi_kx q = ogi_td_pick16(b, ogi_td_bits(b, byte, shift, 4), ogi_e2m1_values);
    return ogi_td_scaled(b, q, ogi_kb_mul(b, mantissa, power));
}

const ogi_type_def ogi_type_nvfp4 = { .dtype = OG_NVFP4, .decode = decode };
