/* SPDX-License-Identifier: MIT
 *
 * Q4_0 to codes and scales; graph/types/q4_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q4_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b++, w += 18) {
        out->scale[b] = half_at(w);
        c32_store(out->code + 32 * b, c32_nibbles(w + 2));
    }
}
