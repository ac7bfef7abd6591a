/* SPDX-License-Identifier: MIT
 *
 * Q5_0 to codes and scales; graph/types/q5_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q5_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b++, w += 22) {
        out->scale[b] = half_at(w);
        c32_store(out->code + 32 * b, c32_add_bits(c32_nibbles(w + 6), word_at(w + 2), 16));
    }
}
