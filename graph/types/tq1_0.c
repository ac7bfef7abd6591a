/* SPDX-License-Identifier: MIT
 *
 * TQ1_0: 256 values (q - 1) * d, q in 0..2: five ternary digits a byte, as a fixed-point fraction
 * whose digit n is the integer part of 3 * fraction(byte * 3^n / 256).
 *
 *   0 [32] digits 0..4 of lanes 0..159   32 [16] of lanes 160..239
 *   48 [4] digits 0..3 of lanes 240..255   52 d half */
#include "graph/types/decode.h"

static const int8_t powers[16] = { 1, 3, 9, 27, 81 }; /* of 3 */

static ogi_kx decode(ogi_kb *b, ogi_kx lane)
{
    ogi_kx is_first = ogi_td_lt(b, lane, 160), is_second = ogi_td_lt(b, lane, 240);
    ogi_kx l2 = ogi_td_add(b, lane, -160), l3 = ogi_td_add(b, lane, -240);
    ogi_kx byte = ogi_kb_select(b, is_second, ogi_td_add(b, ogi_td_and(b, l2, 15), 32),
                                ogi_td_add(b, ogi_td_and(b, l3, 3), 48));
    ogi_kx n = ogi_kb_select(b, is_second, ogi_td_shr(b, l2, 4), ogi_td_shr(b, l3, 2));
    byte = ogi_kb_select(b, is_first, ogi_td_and(b, lane, 31), byte);
    n = ogi_kb_select(b, is_first, ogi_td_shr(b, lane, 5), n);
    ogi_kx power = ogi_td_pick16(b, n, powers);
    ogi_kx fraction = ogi_td_and(b, ogi_kb_mul(b, ogi_kb_byte(b, byte), power), 255);
    ogi_kx q = ogi_td_shr(b, ogi_td_mul(b, fraction, 3), 8);
    return ogi_td_scaled(b, ogi_td_add(b, q, -1), ogi_td_half(b, 52));
}

const ogi_type_def ogi_type_tq1_0 = { .dtype = OG_TQ1_0, .decode = decode };
