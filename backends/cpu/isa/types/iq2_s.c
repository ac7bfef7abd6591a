/* SPDX-License-Identifier: MIT
 *
 * IQ2_S to codes and scales; graph/types/iq2_s.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq2_s)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(8, 25, 43, 0); /* magnitudes */
    for (int b = 0; b < n_block; b += 8, w += 82) {
        float d = half_at(w);
        for (int g = 0; g < 16; g++)
            out->scale[2 * b + g] = d * ((float)nibble_at(w + 74, g) + 0.5f) * 0.25f;
        for (int j = 0; j < 8; j++) {
            const uint16_t *grid = ogi_grid_iq2_s;
            const uint8_t *q = w + 2 + 4 * j;
            int high = w[66 + j] << 8;
            c32 c = c32_grid2(grid[q[0] | (high & 0x300)], grid[q[1] | (high >> 2 & 0x300)],
                              grid[q[2] | (high >> 4 & 0x300)], grid[q[3] | (high >> 6 & 0x300)],
                              table);
            c32_store(out->code + 32 * (b + j), c32_signed(c, word_at(w + 34 + 4 * j), 43));
        }
    }
}
