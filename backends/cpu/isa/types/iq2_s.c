/* SPDX-License-Identifier: MIT
 *
 * IQ2_S to codes and scales; graph/types/iq2_s.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq2_s)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 82) {
        float d = half_at(w);
        for (int g = 0; g < 16; g++)
            out->scale[2 * b + g] = d * ((float)nibble_at(w + 74, g) + 0.5f) * 0.25f;
        for (int i = 0; i < 32; i++) {
            int q = w[2 + i] | (w[66 + i / 4] >> 2 * (i % 4) & 3) << 8;
            put_signed(grid2(ogi_grid_iq2_s[q]), w[34 + i], 43, out->code + 32 * b + 8 * i);
        }
    }
}
