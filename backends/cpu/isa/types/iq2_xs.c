/* SPDX-License-Identifier: MIT
 *
 * IQ2_XS to codes and scales; graph/types/iq2_xs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq2_xs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(8, 25, 43, 0); /* magnitudes */
    for (int b = 0; b < n_block; b += 8, w += 74) {
        float d = half_at(w);
        for (int g = 0; g < 16; g++)
            out->scale[2 * b + g] = d * ((float)nibble_at(w + 66, g) + 0.5f) * 0.25f;
        for (int j = 0; j < 8; j++) {
            const uint16_t *grid = ogi_grid_iq2_xs;
            uint32_t q[4], signs = 0;
            for (int i = 0; i < 4; i++) {
                q[i] = (uint32_t)(w[2 + 8 * j + 2 * i] | w[3 + 8 * j + 2 * i] << 8);
                signs |= q[i] >> 9 << 8 * i;
                q[i] &= 511;
            }
            c32 c = c32_grid2(grid[q[0]], grid[q[1]], grid[q[2]], grid[q[3]], table);
            c32_store(out->code + 32 * (b + j), c32_signed(c, even_signs(signs), 43));
        }
    }
}
