/* SPDX-License-Identifier: MIT
 *
 * IQ1_M to codes and scales; graph/types/iq1_m.c says where its bytes lie. Codes are those of
 * IQ1_S. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq1_m)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(0, 8, 16, 0);
    for (int b = 0; b < n_block; b += 8, w += 56) {
        const uint8_t *s = w + 48;
        int bits = s[1] >> 4 | s[3] >> 4 << 4 | s[5] >> 4 << 8 | s[7] >> 4 << 12;
        float d = ogi_f32_of_f16((uint16_t)bits) * 0.125f;
        for (int g = 0; g < 16; g++) {
            int word = s[g / 4 * 2] | s[g / 4 * 2 + 1] << 8;
            out->scale[2 * b + g] = d * (float)(2 * (word >> 3 * (g % 4) & 7) + 1);
        }
        for (int j = 0; j < 8; j++) {
            uint64_t entry[4], delta[4];
            for (int i = 0; i < 4; i++) {
                int high = nibble_at(w + 32, 4 * j + i);
                entry[i] = ogi_grid_iq1[w[4 * j + i] | (high & 7) << 8];
                delta[i] = high & 8 ? 0 : 0x0202020202020202;
            }
            c32 c = c32_grid2(entry[0], entry[1], entry[2], entry[3], table);
            c32_store(out->code + 32 * (b + j), c32_add(c, c32_words(delta)));
        }
    }
}
