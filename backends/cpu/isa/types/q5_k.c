/* SPDX-License-Identifier: MIT
 *
 * Q5_K to codes and scales; graph/types/q5_k.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q5_k)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 176) {
        const uint8_t *h = w + 16;
        scales_mins(w, out->scale + b, out->min + b);
        for (int c = 0; c < 4; c++) {
            const uint8_t *q = w + 48 + 32 * c;
            uint8_t *restrict code = out->code + 32 * b + 64 * c;
            for (int j = 0; j < 32; j++) {
                code[j] = (uint8_t)((q[j] & 15) | (h[j] >> 2 * c & 1) << 4);
                code[32 + j] = (uint8_t)(q[j] >> 4 | (h[j] >> (2 * c + 1) & 1) << 4);
            }
        }
    }
}
