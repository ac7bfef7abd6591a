/* SPDX-License-Identifier: MIT
 *
 * IQ1_S to codes and scales; graph/types/iq1_s.c says where its bytes lie. Codes are eighths: 8
 * times -1, 0 or 1, plus or less 1, plus 9. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq1_s)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(0, 8, 16, 0);
    for (int b = 0; b < n_block; b += 8, w += 50) {
        float d = half_at(w) * 0.125f;
        for (int j = 0; j < 8; j++) {
            int word = w[34 + 2 * j] | w[35 + 2 * j] << 8;
            uint64_t delta = word >> 15 ? 0 : 0x0202020202020202, entry[4];
            out->scale[b + j] = d * (float)(2 * (word >> 12 & 7) + 1);
            for (int i = 0; i < 4; i++) {
                int q = w[2 + 4 * j + i] | (word >> 3 * i & 7) << 8;
                entry[i] = ogi_grid_iq1[q];
            }
            c32 c = c32_grid2(entry[0], entry[1], entry[2], entry[3], table);
            c32_store(out->code + 32 * (b + j),
                      c32_add(c, c32_words((uint64_t[]){ delta, delta, delta, delta })));
        }
    }
}
