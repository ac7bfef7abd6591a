/* SPDX-License-Identifier: MIT
 *
 * TQ1_0 to codes and scales; graph/types/tq1_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

/* The n-th ternary digit of n_byte bytes: the integer part of 3 * fraction(byte * 3^n / 256). */
OGI_INLINE void digits(const uint8_t *w, int n_byte, int power, uint8_t *restrict code)
{
    for (int i = 0; i < n_byte; i++) code[i] = (uint8_t)((uint8_t)(w[i] * power) * 3 >> 8);
}

void OGI_ISA(ogi_unpack_tq1_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const int power[] = { 1, 3, 9, 27, 81 };
    for (int b = 0; b < n_block; b += 8, w += 54) {
        uint8_t *code = out->code + 32 * b;
        float d = half_at(w + 52);
        for (int j = 0; j < 8; j++) out->scale[b + j] = d;
        for (int n = 0; n < 5; n++) digits(w, 32, power[n], code + 32 * n);
        for (int n = 0; n < 5; n++) digits(w + 32, 16, power[n], code + 160 + 16 * n);
        for (int n = 0; n < 4; n++) digits(w + 48, 4, power[n], code + 240 + 4 * n);
    }
}
