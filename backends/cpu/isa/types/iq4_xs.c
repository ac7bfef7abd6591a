/* SPDX-License-Identifier: MIT
 *
 * IQ4_XS to codes and scales; graph/types/iq4_xs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq4_xs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    const nibble_table table = nibble_table_of(ogi_iq4_values, OGI_WIDE_ZERO);
    for (int b = 0; b < n_block; b += 8, w += 136) {
        float d = half_at(w);
        int high = w[2] | w[3] << 8;
        for (int j = 0; j < 8; j++) {
            int s = (w[4 + j / 2] >> 4 * (j % 2) & 15) | (high >> 2 * j & 3) << 4;
            out->scale[b + j] = d * (float)(s - 32);
            c32_store(out->code + 32 * (b + j), c32_table(c32_nibbles(w + 8 + 16 * j), table));
        }
    }
}
