/* SPDX-License-Identifier: MIT
 *
 * Q4_K to codes and scales; graph/types/q4_k.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q4_k)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 144) {
        scales_mins(w, out->scale + b, out->min + b);
        for (int c = 0; c < 4; c++) {
            const uint8_t *q = w + 16 + 32 * c;
            uint8_t *restrict code = out->code + 32 * b + 64 * c;
            for (int j = 0; j < 32; j++) code[j] = q[j] & 15;
            for (int j = 0; j < 32; j++) code[32 + j] = q[j] >> 4;
        }
    }
}
