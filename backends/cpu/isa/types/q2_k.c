/* SPDX-License-Identifier: MIT
 *
 * Q2_K to codes and scales; graph/types/q2_k.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q2_k)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 84) {
        float d = half_at(w + 80), dmin = half_at(w + 82);
        for (int g = 0; g < 16; g++) {
            out->scale[2 * b + g] = d * (float)(w[g] & 15);
            out->min[2 * b + g] = dmin * (float)(w[g] >> 4);
        }
        crumbs256(w + 16, out->code + 32 * b);
    }
}
