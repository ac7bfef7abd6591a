/* SPDX-License-Identifier: MIT
 *
 * IQ3_XXS to codes and scales; graph/types/iq3_xxs.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

/* 4 + 8 * c, but 62 for 7. */
OGI_INLINE uint64_t magnitudes(uint64_t c)
{
    uint64_t is_last = c & c >> 1 & c >> 2 & 0x0101010101010101;
    return 0x0404040404040404 + 8 * c + 2 * is_last;
}

void OGI_ISA(ogi_unpack_iq3_xxs)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 98) {
        float d = half_at(w);
        for (int j = 0; j < 8; j++) {
            const uint8_t *q = w + 2 + 8 * j;
            uint32_t signs = word_at(w + 66 + 4 * j);
            out->scale[b + j] = d * ((float)(signs >> 28) + 0.5f) * 0.5f;
            for (int i = 0; i < 4; i++) {
                uint64_t c = spread4(ogi_grid_iq3_xxs[q[2 * i]], ogi_grid_iq3_xxs[q[2 * i + 1]]);
                put_signed(magnitudes(c), signs7(signs >> 7 * i), 62,
                           out->code + 32 * (b + j) + 8 * i);
            }
        }
    }
}
