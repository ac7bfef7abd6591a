/* SPDX-License-Identifier: MIT
 *
 * Q8_0 to codes and scales; graph/types/q8_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q8_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b++, w += 34) {
        out->scale[b] = half_at(w);
        for (int j = 0; j < 32; j++) out->code[32 * b + j] = (uint8_t)(w[2 + j] + OGI_WIDE_ZERO);
    }
}
