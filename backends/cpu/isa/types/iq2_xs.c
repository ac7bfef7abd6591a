/* SPDX-License-Identifier: MIT
 *
 * IQ2_XS to codes and scales; graph/types/iq2_xs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq2_xs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 74) {
        float d = half_at(w);
        for (int g = 0; g < 16; g++)
            out->scale[2 * b + g] = d * ((float)nibble_at(w + 66, g) + 0.5f) * 0.25f;
        for (int i = 0; i < 32; i++) {
            uint32_t q = (uint32_t)(w[2 + 2 * i] | w[3 + 2 * i] << 8);
            put_signed(grid2(ogi_grid_iq2_xs[q & 511]), signs7(q >> 9), 43,
                       out->code + 32 * b + 8 * i);
        }
    }
}
