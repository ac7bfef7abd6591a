/* SPDX-License-Identifier: MIT
 *
 * Words that the descriptions of types share. In a description `lane` is the place of the value in
 * its block; byte offsets are those of the file format. A byte that only some lanes need is still
 * read by all, so every computed offset must lie inside the block. */
#ifndef OG_GRAPH_TYPES_DECODE_H
#define OG_GRAPH_TYPES_DECODE_H

#include "graph/kx.h"

#define TYPE(NAME, file, X) extern const ogi_type_def ogi_type_##file;
#include "graph/types.def"
#undef TYPE

/* Integer expressions with a constant on the right. */
static inline ogi_kx ogi_td_add(ogi_kb *b, ogi_kx x, int32_t n)
{
    return n ? ogi_kb_add(b, x, ogi_kb_i32(b, n)) : x;
}
static inline ogi_kx ogi_td_mul(ogi_kb *b, ogi_kx x, int32_t n)
{
    return ogi_kb_mul(b, x, ogi_kb_i32(b, n));
}
static inline ogi_kx ogi_td_and(ogi_kb *b, ogi_kx x, int32_t n)
{
    return ogi_kb_and(b, x, ogi_kb_i32(b, n));
}
static inline ogi_kx ogi_td_shl(ogi_kb *b, ogi_kx x, int32_t n)
{
    return ogi_kb_shl(b, x, ogi_kb_i32(b, n));
}
static inline ogi_kx ogi_td_shr(ogi_kb *b, ogi_kx x, int32_t n)
{
    return ogi_kb_shr(b, x, ogi_kb_i32(b, n));
}
static inline ogi_kx ogi_td_lt(ogi_kb *b, ogi_kx x, int32_t n)
{
    return ogi_kb_lt(b, x, ogi_kb_i32(b, n));
}

/* x * n + m */
static inline ogi_kx ogi_td_muladd(ogi_kb *b, ogi_kx x, int32_t n, ogi_kx m)
{
    return ogi_kb_add(b, ogi_td_mul(b, x, n), m);
}
/* n bits of x from bit `from` (a value) up */
static inline ogi_kx ogi_td_bits(ogi_kb *b, ogi_kx x, ogi_kx from, int n)
{
    return ogi_td_and(b, ogi_kb_shr(b, x, from), (1 << n) - 1);
}

/* The byte at base + offset. */
static inline ogi_kx ogi_td_byte(ogi_kb *b, int32_t base, ogi_kx offset)
{
    return ogi_kb_byte(b, ogi_td_add(b, offset, base));
}
static inline ogi_kx ogi_td_byte_at(ogi_kb *b, int32_t base)
{
    return ogi_kb_byte(b, ogi_kb_i32(b, base));
}
/* A byte as int8. */
static inline ogi_kx ogi_td_sign8(ogi_kb *b, ogi_kx byte)
{
    return ogi_td_shr(b, ogi_td_shl(b, byte, 24), 24);
}
/* Little-endian integers and floats at a fixed offset. */
static inline ogi_kx ogi_td_u16(ogi_kb *b, int32_t base)
{
    return ogi_kb_or(b, ogi_td_byte_at(b, base), ogi_td_shl(b, ogi_td_byte_at(b, base + 1), 8));
}
static inline ogi_kx ogi_td_u32(ogi_kb *b, int32_t base)
{
    return ogi_kb_or(b, ogi_td_u16(b, base), ogi_td_shl(b, ogi_td_u16(b, base + 2), 16));
}
static inline ogi_kx ogi_td_half(ogi_kb *b, int32_t base)
{
    return ogi_kb_f16_bits(b, ogi_td_u16(b, base));
}

/* Int times float: every type's last step. */
static inline ogi_kx ogi_td_scaled(ogi_kb *b, ogi_kx q, ogi_kx scale)
{
    return ogi_kb_mul(b, scale, ogi_kb_to_f32(b, q));
}

/* 4-bit codes in the order of the Q4_0 family: bytes from base hold lanes 0..15 of a block of 32 in
 * their low halves and 16..31 in their high ones. lane is 0..31. */
static inline ogi_kx ogi_td_nibble32(ogi_kb *b, int32_t base, ogi_kx lane)
{
    ogi_kx byte = ogi_td_byte(b, base, ogi_td_and(b, lane, 15));
    return ogi_td_bits(b, byte, ogi_td_shl(b, ogi_td_shr(b, lane, 4), 2), 4);
}

/* One bit a lane, lane i in bit i from base on, moved up by `to` bits. */
static inline ogi_kx ogi_td_bit32(ogi_kb *b, int32_t base, ogi_kx lane, int to)
{
    ogi_kx byte = ogi_td_byte(b, base, ogi_td_shr(b, lane, 3));
    return ogi_td_shl(b, ogi_td_bits(b, byte, ogi_td_and(b, lane, 7), 1), to);
}

/* 2-bit codes in the order of the K family: 128 lanes in 32 bytes, lanes 0..31 in the lowest two
 * bits, the next 32 above, ... */
static inline ogi_kx ogi_td_crumb128(ogi_kb *b, int32_t base, ogi_kx lane)
{
    ogi_kx byte = ogi_td_muladd(b, ogi_td_shr(b, lane, 7), 32, ogi_td_and(b, lane, 31));
    ogi_kx shift = ogi_td_shl(b, ogi_td_and(b, ogi_td_shr(b, lane, 5), 3), 1);
    return ogi_td_bits(b, ogi_td_byte(b, base, byte), shift, 2);
}

/* Entry q (0..15) of a table of small signed integers. */
static inline ogi_kx ogi_td_pick16(ogi_kb *b, ogi_kx q, const int8_t table[16])
{
    ogi_kx word = OGI_KX_NONE;
    for (int w = 3; w >= 0; w--) {
        uint32_t packed = 0;
        for (int i = 0; i < 4; i++) packed |= (uint32_t)(uint8_t)table[4 * w + i] << 8 * i;
        ogi_kx here = ogi_kb_i32(b, (int32_t)packed);
        word = w == 3 ? here : ogi_kb_select(b, ogi_td_lt(b, q, 4 * w + 4), here, word);
    }
    ogi_kx up = ogi_kb_sub(b, ogi_kb_i32(b, 24), ogi_td_shl(b, ogi_td_and(b, q, 3), 3));
    return ogi_td_shr(b, ogi_kb_shl(b, word, up), 24);
}

/* Q4_K and Q5_K: 6-bit scale and minimum of sub-block j (0..7) from the 12 bytes at base:
 *   bytes 0..3   scale 0..3 (6 bits), high 2 bits of scale 4..7
 *   bytes 4..7   minimum 0..3 (6 bits), high 2 bits of minimum 4..7
 *   bytes 8..11  low 4 bits of scale 4..7, low 4 bits of minimum 4..7 */
static inline void ogi_td_scale_min(ogi_kb *b, int32_t base, ogi_kx j, ogi_kx *scale, ogi_kx *min)
{
    ogi_kx is_first = ogi_td_lt(b, j, 4), k = ogi_td_and(b, j, 3);
    ogi_kx s = ogi_td_byte(b, base, k), m = ogi_td_byte(b, base + 4, k);
    ogi_kx low = ogi_td_byte(b, base + 8, k);
    ogi_kx s_high = ogi_td_shl(b, ogi_td_shr(b, s, 6), 4);
    ogi_kx m_high = ogi_td_shl(b, ogi_td_shr(b, m, 6), 4);
    *scale = ogi_kb_select(b, is_first, ogi_td_and(b, s, 63),
                           ogi_kb_or(b, ogi_td_and(b, low, 15), s_high));
    *min = ogi_kb_select(b, is_first, ogi_td_and(b, m, 63),
                         ogi_kb_or(b, ogi_td_shr(b, low, 4), m_high));
}

/* ---- the IQ family: grids and signs ---- */

/* Little-endian integers at a computed offset. */
static inline ogi_kx ogi_td_u16_from(ogi_kb *b, int32_t base, ogi_kx offset)
{
    ogi_kx high = ogi_td_shl(b, ogi_td_byte(b, base + 1, offset), 8);
    return ogi_kb_or(b, ogi_td_byte(b, base, offset), high);
}
static inline ogi_kx ogi_td_u32_from(ogi_kb *b, int32_t base, ogi_kx offset)
{
    ogi_kx high = ogi_td_shl(b, ogi_td_u16_from(b, base + 2, offset), 16);
    return ogi_kb_or(b, ogi_td_u16_from(b, base, offset), high);
}

/* The i-th 4 bits from base on, low halves first. */
static inline ogi_kx ogi_td_nibble_of(ogi_kb *b, int32_t base, ogi_kx i)
{
    ogi_kx byte = ogi_td_byte(b, base, ogi_td_shr(b, i, 1));
    return ogi_td_bits(b, byte, ogi_td_shl(b, ogi_td_and(b, i, 1), 2), 4);
}

/* d * (s + 0.5) * unit */
static inline ogi_kx ogi_td_half_steps(ogi_kb *b, ogi_kx d, ogi_kx s, float unit)
{
    ogi_kx steps = ogi_kb_add(b, ogi_kb_to_f32(b, s), ogi_kb_f32(b, 0.5f));
    return ogi_kb_mul(b, ogi_kb_mul(b, d, steps), ogi_kb_f32(b, unit));
}

/* The lane's 2-bit code in entry q: 8 lanes an entry. */
static inline ogi_kx ogi_td_code8(ogi_kb *b, ogi_kx q, ogi_kx lane)
{
    ogi_kx from = ogi_td_shl(b, ogi_td_and(b, lane, 7), 1);
    return ogi_td_bits(b, ogi_kb_table(b, q), from, 2);
}
/* 8, 25 or 43 for the codes 0, 1, 2. */
static inline ogi_kx ogi_td_grid2(ogi_kb *b, ogi_kx q, ogi_kx lane)
{
    ogi_kx c = ogi_td_code8(b, q, lane);
    return ogi_kb_add(b, ogi_td_muladd(b, c, 17, ogi_kb_i32(b, 8)), ogi_td_shr(b, c, 1));
}
/* The lane's 4-bit code in entry q: 4 lanes an entry. */
static inline ogi_kx ogi_td_grid4(ogi_kb *b, ogi_kx q, ogi_kx lane)
{
    ogi_kx from = ogi_td_shl(b, ogi_td_and(b, lane, 3), 2);
    return ogi_td_bits(b, ogi_kb_table(b, q), from, 4);
}

/* scale * (-1, 0 or 1, plus delta); delta is 1/8, negative where the bit is set. */
static inline ogi_kx ogi_td_ternary(ogi_kb *b, ogi_kx q, ogi_kx lane, ogi_kx scale, ogi_kx is_minus)
{
    ogi_kx value = ogi_kb_to_f32(b, ogi_td_add(b, ogi_td_code8(b, q, lane), -1));
    ogi_kx delta = ogi_kb_select(b, is_minus, ogi_kb_f32(b, -0.125f), ogi_kb_f32(b, 0.125f));
    return ogi_kb_mul(b, scale, ogi_kb_add(b, value, delta));
}

static inline ogi_kx ogi_td_signed(ogi_kb *b, ogi_kx value, ogi_kx is_minus)
{
    return ogi_kb_select(b, is_minus, ogi_kb_neg(b, value), value);
}
/* Signs of 8 lanes from 7 bits: the eighth makes their number even. */
static inline ogi_kx ogi_td_signed7(ogi_kb *b, ogi_kx value, ogi_kx code, ogi_kx lane)
{
    ogi_kx parity = ogi_kb_xor(b, code, ogi_td_shr(b, code, 4));
    parity = ogi_kb_xor(b, parity, ogi_td_shr(b, parity, 2));
    parity = ogi_td_and(b, ogi_kb_xor(b, parity, ogi_td_shr(b, parity, 1)), 1);
    ogi_kx signs = ogi_kb_or(b, code, ogi_td_shl(b, parity, 7));
    return ogi_td_signed(b, value, ogi_td_bits(b, signs, ogi_td_and(b, lane, 7), 1));
}

#endif
