/* SPDX-License-Identifier: MIT
 *
 * NVFP4 to codes and scales; graph/types/nvfp4.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

/* (8 + m) * 2^(e - 7 - 3 - 1), m * 2^(1 - 7 - 3 - 1) for e = 0; codes are doubled. The one NaN
 * counts as 0. */
static float scale_of(int s)
{
    int e = s >> 3 & 15, m = s & 7;
    if (s == 0x7f) return 0;
    float power = ogi_f32_of_bits((uint32_t)((e ? e : 1) + 127 - 11) << 23);
    return (float)(e ? 8 + m : m) * power;
}

void OGI_ISA(ogi_unpack_nvfp4)(const uint8_t *w, int n_block, ogi_codes *out)
{
    const nibble_table table = nibble_table_of(ogi_e2m1_values, 12);
    for (int b = 0; b < n_block; b += 2, w += 36)
        for (int g = 0; g < 4; g += 2) {
            out->scale[2 * b + g] = scale_of(w[g]);
            out->scale[2 * b + g + 1] = scale_of(w[g + 1]);
            /* the low halves of both groups, then the high ones */
            c32 c = c32_table(c32_nibbles(w + 4 + 8 * g), table);
            c32_store(out->code + 32 * b + 16 * g, c32_zip_words(c));
        }
}
