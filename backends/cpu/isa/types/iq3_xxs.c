/* SPDX-License-Identifier: MIT
 *
 * IQ3_XXS to codes and scales; graph/types/iq3_xxs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq3_xxs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = { { 4, 12, 20, 28, 36, 44, 52, 62 } };
    for (int b = 0; b < n_block; b += 8, w += 98) {
        float d = half_at(w);
        for (int j = 0; j < 8; j++) {
            const uint8_t *q = w + 2 + 8 * j;
            uint32_t signs = word_at(w + 66 + 4 * j);
            out->scale[b + j] = d * ((float)(signs >> 28) + 0.5f) * 0.5f;
            const int entry[8] = { q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7] };
            c32 c = c32_grid4(ogi_grid_iq3_xxs, entry, table);
            c32_store(out->code + 32 * (b + j), c32_signed(c, even_signs(spread7(signs)), 62));
        }
    }
}
