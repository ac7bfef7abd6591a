/* SPDX-License-Identifier: MIT
 *
 * IQ2_XXS to codes and scales; graph/types/iq2_xxs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq2_xxs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(8, 25, 43, 0); /* magnitudes */
    for (int b = 0; b < n_block; b += 8, w += 66) {
        float d = half_at(w);
        for (int j = 0; j < 8; j++) {
            const uint8_t *p = w + 2 + 8 * j;
            uint32_t signs = word_at(p + 4);
            out->scale[b + j] = d * ((float)(signs >> 28) + 0.5f) * 0.25f;
            const uint16_t *grid = ogi_grid_iq2_xxs;
            c32 c = c32_grid2(grid[p[0]], grid[p[1]], grid[p[2]], grid[p[3]], table);
            c32_store(out->code + 32 * (b + j), c32_signed(c, even_signs(spread7(signs)), 43));
        }
    }
}
