/* SPDX-License-Identifier: MIT
 *
 * IQ3_S to codes and scales; graph/types/iq3_s.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq3_s)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 110) {
        float d = half_at(w);
        for (int j = 0; j < 8; j++) out->scale[b + j] = d * (float)(2 * nibble_at(w + 106, j) + 1);
        for (int i = 0; i < 32; i++) {
            int high = w[66 + i / 4] >> 2 * (i % 4);
            int q0 = w[2 + 2 * i] | (high & 1) << 8, q1 = w[3 + 2 * i] | (high & 2) << 7;
            uint64_t c = spread4(ogi_grid_iq3_s[q0], ogi_grid_iq3_s[q1]);
            put_signed(0x0101010101010101 + 2 * c, w[74 + i], 15, out->code + 32 * b + 8 * i);
        }
    }
}
