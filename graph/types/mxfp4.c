/* SPDX-License-Identifier: MIT
 *
 * MXFP4 (OCP microscaling): 32 E2M1 values with one power of two.
 *
 *   0 exponent, biased by 127   1 q[16]: as Q4_0 */
#include "graph/types/codebooks.h"
#include "graph/types/decode.h"

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    /* Codes stand for twice their value, so the scale is 2^(e - 128), subnormal for e < 2. */
    ogi_kx e = ogi_td_byte_at(b, 0), low = ogi_td_and(b, e, 1);
    ogi_kx small = ogi_kb_shl(b, ogi_kb_i32(b, 0x200000), low);
    ogi_kx bits =
        ogi_kb_select(b, ogi_td_lt(b, e, 2), small, ogi_td_shl(b, ogi_td_add(b, e, -1), 23));
    ogi_kx q = ogi_td_pick16(b, ogi_td_nibble32(b, 1, lane), ogi_e2m1_values);
    return ogi_td_scaled(b, q, ogi_kb_bits_f32(b, bits));
}

const ogi_type_def ogi_type_mxfp4 = { .dtype = OG_MXFP4, .decode = decode };
