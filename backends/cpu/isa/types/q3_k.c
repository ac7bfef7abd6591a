/* SPDX-License-Identifier: MIT
 *
 * Q3_K to codes and scales; graph/types/q3_k.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q3_k)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 110) {
        const uint8_t *s = w + 96;
        float d = half_at(w + 108);
        for (int g = 0; g < 16; g++) {
            int low = s[g % 8] >> 4 * (g / 8) & 15, high = s[8 + g % 4] >> 2 * (g / 4) & 3;
            out->scale[2 * b + g] = d * (float)((low | high << 4) - 32);
        }
        uint8_t *restrict code = out->code + 32 * b;
        crumbs256(w + 32, code);
        for (int j = 0; j < 8; j++)
            for (int i = 0; i < 32; i++)
                code[32 * j + i] = (uint8_t)(code[32 * j + i] | (w[i] >> j & 1) << 2);
    }
}
