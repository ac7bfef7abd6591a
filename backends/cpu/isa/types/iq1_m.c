/* SPDX-License-Identifier: MIT
 *
 * IQ1_M to codes and scales; graph/types/iq1_m.c says where its bytes lie. Codes are those of
 * IQ1_S. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq1_m)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 56) {
        const uint8_t *s = w + 48;
        int bits = s[1] >> 4 | s[3] >> 4 << 4 | s[5] >> 4 << 8 | s[7] >> 4 << 12;
        float d = ogi_f32_of_f16((uint16_t)bits) * 0.125f;
        for (int g = 0; g < 16; g++) {
            int word = s[g / 4 * 2] | s[g / 4 * 2 + 1] << 8;
            out->scale[2 * b + g] = d * (float)(2 * (word >> 3 * (g % 4) & 7) + 1);
        }
        for (int i = 0; i < 32; i++) {
            int high = nibble_at(w + 32, i), q = w[i] | (high & 7) << 8;
            uint64_t codes = 8 * spread2(ogi_grid_iq1[q]) + (high & 8 ? 0 : 0x0202020202020202);
            memcpy(out->code + 32 * b + 8 * i, &codes, 8);
        }
    }
}
