/* SPDX-License-Identifier: MIT
 *
 * Q2_0 to codes and scales; graph/types/q2_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q2_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 2, w += 18) {
        out->scale[b] = out->scale[b + 1] = half_at(w);
        for (int i = 0; i < 8; i++) {
            uint64_t codes = spread2((uint32_t)(w[2 + 2 * i] | w[3 + 2 * i] << 8));
            memcpy(out->code + 32 * b + 8 * i, &codes, 8);
        }
    }
}
