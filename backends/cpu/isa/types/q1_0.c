/* SPDX-License-Identifier: MIT
 *
 * Q1_0 to codes and scales; graph/types/q1_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q1_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const uint64_t none[4];
    for (int b = 0; b < n_block; b += 4, w += 18) {
        float d = half_at(w);
        for (int j = 0; j < 4; j++) out->scale[b + j] = d;
        for (int j = 0; j < 4; j++)
            c32_store(out->code + 32 * (b + j),
                      c32_add_bits(c32_words(none), word_at(w + 2 + 4 * j), 2));
    }
}
