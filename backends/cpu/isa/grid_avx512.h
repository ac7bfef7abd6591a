/* SPDX-License-Identifier: MIT
 *
 * Rows of the codebook types, decoded in registers with AVX-512: 16 entries of a grid are gathered
 * at a time, spread to bytes and translated by one permutation; 64 signs are one mask. What a grid
 * holds is said in graph/types/codebooks.h, where the bytes of a type lie in graph/types/name.c. */
#ifndef OG_BACKENDS_CPU_ISA_GRID_AVX512_H
#define OG_BACKENDS_CPU_ISA_GRID_AVX512_H

/* ---- grids ---- */

/* Entries, 16 bits each in the low bits of a lane; what is above them means nothing. Read as pairs,
 * so that nothing is read beyond the grid. */
OGI_INLINE __m512i gather(const uint16_t *grid, __m512i index)
{
    __m512i pair = _mm512_i32gather_epi32(_mm512_srli_epi32(index, 1), grid, 4);
    __m512i is_odd = _mm512_and_si512(index, _mm512_set1_epi32(1));
    return _mm512_srlv_epi32(pair, _mm512_slli_epi32(is_odd, 4));
}

/* 16 entries of eight 2-bit codes to 128 values; the table repeats every 4 bytes. */
OGI_INLINE void look_up_8(__m512i entry, __m512i table, __m512i out[2])
{
    const __m512i bits = _mm512_set1_epi64(0x0e0c0a0806040200);
    __m512i a = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(entry));
    __m512i b = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(entry, 1));
    out[0] = _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(bits, a), table);
    out[1] = _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(bits, b), table);
}
/* 16 entries of four 4-bit codes to 64 values; the table repeats every 16 bytes. */
OGI_INLINE __m512i look_up_4(__m512i entry, __m512i table)
{
    const __m512i bits = _mm512_set1_epi64(0x2c2824200c080400);
    return _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(bits, entry), table);
}

/* Of the IQ2 types: magnitudes 8, 25, 43, plus 43. */
OGI_INLINE __m512i values_iq2(void)
{
    return _mm512_set1_epi32(51 | 68 << 8 | 86 << 16);
}

/* ---- signs ---- */

/* zero + a to zero - a where the bit is set. */
OGI_INLINE __m512i negate(__m512i v, uint64_t sign, int zero)
{
    return _mm512_mask_sub_epi8(v, sign, _mm512_set1_epi8((char)(2 * zero)), v);
}

/* The eighth sign of each byte makes their number even. */
OGI_INLINE __m512i even_signs(__m512i seven)
{
    __m512i p = _mm512_xor_si512(seven, _mm512_srli_epi32(seven, 4));
    p = _mm512_xor_si512(p, _mm512_srli_epi32(p, 2));
    p = _mm512_xor_si512(p, _mm512_srli_epi32(p, 1));
    p = _mm512_and_si512(p, _mm512_set1_epi8(1));
    return _mm512_or_si512(seven, _mm512_slli_epi32(p, 7));
}
/* The lowest 28 bits of each lane as four 7-bit codes. */
OGI_INLINE __m512i spread7(__m512i x)
{
    const __m512i bits = _mm512_set1_epi64(0x352e2720150e0700);
    return _mm512_and_si512(_mm512_multishift_epi64_epi8(bits, x), _mm512_set1_epi8(127));
}

/* ---- scales ---- */

/* d (n + 1/2) f, rounded as the definition does it. */
OGI_INLINE __m512 half_up(__m512 d, __m512i n, float f)
{
    __m512 up = _mm512_add_ps(_mm512_cvtepi32_ps(n), _mm512_set1_ps(0.5f));
    return _mm512_mul_ps(_mm512_mul_ps(d, up), _mm512_set1_ps(f));
}
/* d (2 n + 1) */
OGI_INLINE __m512 odd(__m512 d, __m512i n)
{
    __m512i twice = _mm512_add_epi32(_mm512_add_epi32(n, n), _mm512_set1_epi32(1));
    return _mm512_mul_ps(d, _mm512_cvtepi32_ps(twice));
}
/* Sixteen 4-bit numbers, low halves first. */
OGI_INLINE __m512i load_16_nibbles(const uint8_t *p)
{
    __m128i q = _mm_loadl_epi64((const __m128i *)(const void *)p);
    __m128i n = _mm_unpacklo_epi8(q, _mm_srli_epi16(q, 4));
    return _mm512_cvtepu8_epi32(_mm_and_si128(n, _mm_set1_epi8(15)));
}

/* ---- IQ2 ---- */

OGI_INLINE void load_iq2_xxs(const uint8_t *w, row_codes *s)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    __m512i a = _mm512_loadu_si512(w + 2), b = _mm512_loadu_si512(w + 68);
    __m512i rest = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    uint8_t index[64];
    uint64_t sign[8];
    _mm512_storeu_si512(index, _mm512_permutex2var_epi32(a, even, b));
    rest = _mm512_permutex2var_epi32(a, rest, b);
    _mm512_storeu_si512(sign, even_signs(spread7(rest)));
    for (int i = 0; i < 4; i++)
        look_up_8(gather(ogi_grid_iq2_xxs, load_bytes(index + 16 * i)), values_iq2(), s->v + 2 * i);
    for (int v = 0; v < 8; v++) s->v[v] = negate(s->v[v], sign[v], 43);
    s->scale[0] =
        half_up(two_scales(half_of(w), half_of(w + 66)), _mm512_srli_epi32(rest, 28), 0.25f);
}

OGI_INLINE void load_iq2_xs(const uint8_t *w, row_codes *s)
{
    __m256i seven[2];
    uint64_t sign[8];
    for (int i = 0; i < 2; i++) {
        const uint8_t *p = w + 74 * i;
        __m512i q = _mm512_loadu_si512(p + 2);
        __m512i index = _mm512_and_si512(q, _mm512_set1_epi16(511));
        __m512i a = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(index));
        __m512i b = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(index, 1));
        seven[i] = _mm512_cvtepi16_epi8(_mm512_srli_epi16(q, 9));
        look_up_8(gather(ogi_grid_iq2_xs, a), values_iq2(), s->v + 4 * i);
        look_up_8(gather(ogi_grid_iq2_xs, b), values_iq2(), s->v + 4 * i + 2);
        s->scale[i] = half_up(_mm512_set1_ps(half_of(p)), load_16_nibbles(p + 66), 0.25f);
    }
    _mm512_storeu_si512(sign, even_signs(two_halves(seven[0], seven[1])));
    for (int v = 0; v < 8; v++) s->v[v] = negate(s->v[v], sign[v], 43);
}

OGI_INLINE void load_iq2_s(const uint8_t *w, row_codes *s)
{
    /* bits 2 i and 2 i + 1 to 8 and 9 */
    const __m512i turn =
        _mm512_setr_epi32(24, 26, 28, 30, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22);
    for (int i = 0; i < 2; i++, w += 82) {
        for (int h = 0; h < 2; h++) {
            __m512i top = _mm512_rorv_epi32(_mm512_set1_epi32(word_32(w + 66 + 4 * h)), turn);
            top = _mm512_and_si512(top, _mm512_set1_epi32(0x300));
            __m512i index = _mm512_or_si512(load_bytes(w + 2 + 16 * h), top);
            look_up_8(gather(ogi_grid_iq2_s, index), values_iq2(), s->v + 4 * i + 2 * h);
        }
        for (int v = 0; v < 4; v++)
            s->v[4 * i + v] = negate(s->v[4 * i + v], word_64(w + 34 + 8 * v), 43);
        s->scale[i] = half_up(_mm512_set1_ps(half_of(w)), load_16_nibbles(w + 74), 0.25f);
    }
}

/* ---- IQ3 ---- */

OGI_INLINE void load_iq3_xxs(const uint8_t *w, row_codes *s)
{
    const __m512i values = _mm512_broadcast_i32x4(
        _mm_setr_epi8(66, 74, 82, 90, 98, 106, 114, 124, 0, 0, 0, 0, 0, 0, 0, 0));
    __m512i rest = two_halves(load_half(w + 66), load_half(w + 98 + 66));
    uint64_t sign[8];
    _mm512_storeu_si512(sign, even_signs(spread7(rest)));
    for (int v = 0; v < 8; v++) {
        __m512i index = load_bytes(w + 98 * (v / 4) + 2 + 16 * (v % 4));
        s->v[v] = negate(look_up_4(gather(ogi_grid_iq3_xxs, index), values), sign[v], 62);
    }
    s->scale[0] =
        half_up(two_scales(half_of(w), half_of(w + 98)), _mm512_srli_epi32(rest, 28), 0.5f);
}

OGI_INLINE void load_iq3_s(const uint8_t *w, row_codes *s)
{
    const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f;
    const __m512i values = _mm512_broadcast_i32x4(
        _mm_setr_epi8(16, 18, 20, 22, 24, 26, 28, 30, 0, 0, 0, 0, 0, 0, 0, 0));
    for (int v = 0; v < 8; v++) {
        const uint8_t *p = w + 110 * (v / 4);
        __m512i index = load_bytes(p + 2 + 16 * (v % 4));
        uint16_t top;
        memcpy(&top, p + 66 + 2 * (v % 4), sizeof top);
        index = _mm512_mask_add_epi32(index, top, index, _mm512_set1_epi32(256));
        s->v[v] = negate(look_up_4(gather(ogi_grid_iq3_s, index), values),
                         word_64(p + 74 + 8 * (v % 4)), 15);
    }
    uint64_t a = _pdep_u64((uint32_t)word_32(w + 106), nibbles);
    uint64_t b = _pdep_u64((uint32_t)word_32(w + 110 + 106), nibbles);
    __m512i n = _mm512_cvtepu8_epi32(_mm_set_epi64x((int64_t)b, (int64_t)a));
    s->scale[0] = odd(two_scales(half_of(w), half_of(w + 110)), n);
}

/* ---- IQ1 ---- */

/* Codes 0, 8, 16 of 16 entries, plus 2 where the delta is not negative. */
OGI_INLINE void look_up_iq1(__m512i index, __mmask16 is_negative, __m512i out[2])
{
    const __m512i two = _mm512_set1_epi8(2);
    look_up_8(gather(ogi_grid_iq1, index), _mm512_set1_epi32(8 << 8 | 16 << 16), out);
    out[0] = _mm512_mask_add_epi64(out[0], (__mmask8)~is_negative, out[0], two);
    out[1] = _mm512_mask_add_epi64(out[1], (__mmask8)(~is_negative >> 8), out[1], two);
}

/* Four 16-bit words, each in four lanes; what is above them means nothing. */
OGI_INLINE __m512i four_words(const uint8_t *p)
{
    __m512i v = _mm512_set1_epi64((int64_t)word_64(p));
    const __m512i bytes =
        _mm512_set_epi32(0x07060706, 0x07060706, 0x07060706, 0x07060706, 0x05040504, 0x05040504,
                         0x05040504, 0x05040504, 0x03020302, 0x03020302, 0x03020302, 0x03020302,
                         0x01000100, 0x01000100, 0x01000100, 0x01000100);
    return _mm512_shuffle_epi8(v, bytes);
}

OGI_INLINE void load_iq1_s(const uint8_t *w, row_codes *s)
{
    const __m512i left = _mm512_broadcast_i32x4(_mm_setr_epi32(8, 5, 2, 31)); /* 3 i to bit 8 */
    for (int v = 0; v < 8; v += 2) {
        const uint8_t *p = w + 50 * (v / 4);
        const int h = v % 4 / 2;
        __m512i word = four_words(p + 34 + 8 * h);
        __m512i top = _mm512_and_si512(_mm512_rolv_epi32(word, left), _mm512_set1_epi32(0x700));
        look_up_iq1(_mm512_or_si512(load_bytes(p + 2 + 16 * h), top),
                    _mm512_test_epi32_mask(word, _mm512_set1_epi32(0x8000)), s->v + v);
    }
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(w + 34));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(w + 84));
    __m512i word = _mm512_cvtepu16_epi32(_mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1));
    __m512i n = _mm512_and_si512(_mm512_srli_epi32(word, 12), _mm512_set1_epi32(7));
    s->scale[0] = odd(two_scales(half_of(w) * 0.125f, half_of(w + 50) * 0.125f), n);
}

OGI_INLINE void load_iq1_m(const uint8_t *w, row_codes *s)
{
    /* bits 4 i .. 4 i + 3 to 8 .. 11; 3 i .. 3 i + 2 to 0 .. 2 */
    const __m512i turn =
        _mm512_setr_epi32(24, 28, 0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20);
    const __m512i right = _mm512_broadcast_i32x4(_mm_setr_epi32(0, 3, 6, 9));
    for (int i = 0; i < 2; i++, w += 56) {
        for (int h = 0; h < 2; h++) {
            const uint8_t *p = w + 32 + 8 * h;
            __m512i top =
                two_halves(_mm256_set1_epi32(word_32(p)), _mm256_set1_epi32(word_32(p + 4)));
            top = _mm512_rorv_epi32(top, turn);
            __mmask16 is_negative = _mm512_test_epi32_mask(top, _mm512_set1_epi32(0x800));
            top = _mm512_and_si512(top, _mm512_set1_epi32(0x700));
            look_up_iq1(_mm512_or_si512(load_bytes(w + 16 * h), top), is_negative,
                        s->v + 4 * i + 2 * h);
        }
        uint16_t d = (uint16_t)_pext_u64(word_64(w + 48), 0xf000f000f000f000);
        __m512i n = _mm512_srlv_epi32(four_words(w + 48), right);
        s->scale[i] =
            odd(_mm512_set1_ps(_cvtsh_ss(d) * 0.125f), _mm512_and_si512(n, _mm512_set1_epi32(7)));
    }
}

#endif
