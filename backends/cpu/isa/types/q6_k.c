/* SPDX-License-Identifier: MIT
 *
 * Q6_K to codes and scales; graph/types/q6_k.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q6_k)(const uint8_t *w, int n_block, ogi_codes *out)
{
    for (int b = 0; b < n_block; b += 8, w += 210) {
        float d = half_at(w + 208);
        for (int s = 0; s < 16; s++) out->scale[2 * b + s] = d * (float)(int8_t)w[192 + s];
        for (int i = 0; i < 2; i++) {
            const uint8_t *l = w + 64 * i, *h = w + 128 + 32 * i;
            uint8_t *restrict code = out->code + 32 * b + 128 * i;
            for (int j = 0; j < 32; j++) {
                code[j] = (uint8_t)((l[j] & 15) | (h[j] & 3) << 4);
                code[32 + j] = (uint8_t)((l[32 + j] & 15) | (h[j] >> 2 & 3) << 4);
                code[64 + j] = (uint8_t)(l[j] >> 4 | (h[j] >> 4 & 3) << 4);
                code[96 + j] = (uint8_t)(l[32 + j] >> 4 | (h[j] >> 6) << 4);
            }
        }
    }
}
