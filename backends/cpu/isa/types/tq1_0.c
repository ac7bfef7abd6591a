/* SPDX-License-Identifier: MIT
 *
 * TQ1_0 to codes and scales; graph/types/tq1_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

/* By lane: 3^n, where the lane is the n-th digit of its byte. */
static void fill_powers(uint8_t power[256])
{
    static const uint8_t powers[] = { 1, 3, 9, 27, 81 };
    for (int n = 0; n < 5; n++) {
        memset(power + 32 * n, powers[n], 32);
        memset(power + 160 + 16 * n, powers[n], 16);
        if (n < 4) memset(power + 240 + 4 * n, powers[n], 4);
    }
}

void OGI_ISA(ogi_unpack_tq1_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    uint8_t power[256], byte[256];
    fill_powers(power);
    for (int b = 0; b < n_block; b += 8, w += 54) {
        uint8_t *restrict code = out->code + 32 * b;
        float d = half_at(w + 52);
        for (int j = 0; j < 8; j++) out->scale[b + j] = d;
        for (int n = 0; n < 5; n++) memcpy(byte + 32 * n, w, 32);
        for (int n = 0; n < 5; n++) memcpy(byte + 160 + 16 * n, w + 32, 16);
        for (int n = 0; n < 4; n++) memcpy(byte + 240 + 4 * n, w + 48, 4);
        for (int i = 0; i < 256; i++) /* the integer part of 3 * fraction(byte * 3^n / 256) */
            code[i] = (uint8_t)((uint8_t)(byte[i] * power[i]) * 3 >> 8);
    }
}
