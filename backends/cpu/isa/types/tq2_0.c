/* SPDX-License-Identifier: MIT
 *
 * TQ2_0 to codes and scales; graph/types/tq2_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_tq2_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 66) {
        float d = half_at(w + 64);
        for (int j = 0; j < 8; j++) out->scale[b + j] = d;
        crumbs256(w, out->code + 32 * b);
    }
}
