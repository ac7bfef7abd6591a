/* SPDX-License-Identifier: MIT
 *
 * IQ3_S to codes and scales; graph/types/iq3_s.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq3_s)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = { { 1, 3, 5, 7, 9, 11, 13, 15 } };
    for (int b = 0; b < n_block; b += 8, w += 110) {
        float d = half_at(w);
        for (int j = 0; j < 8; j++) out->scale[b + j] = d * (float)(2 * nibble_at(w + 106, j) + 1);
        for (int j = 0; j < 8; j++) {
            int entry[8];
            for (int i = 0; i < 8; i++) entry[i] = w[2 + 8 * j + i] | (w[66 + j] >> i & 1) << 8;
            c32 c = c32_grid4(ogi_grid_iq3_s, entry, table);
            c32_store(out->code + 32 * (b + j), c32_signed(c, word_at(w + 74 + 4 * j), 15));
        }
    }
}
