/* SPDX-License-Identifier: MIT
 *
 * Q2_0 to codes and scales; graph/types/q2_0.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_q2_0)(const uint8_t *w, int n_block, ogi_codes *out)
{
    static const nibble_table table = OGI_CRUMBS(0, 1, 2, 3);
    for (int b = 0; b < n_block; b += 2, w += 18) {
        out->scale[b] = out->scale[b + 1] = half_at(w);
        for (int j = 0; j < 2; j++) {
            uint64_t crumbs;
            memcpy(&crumbs, w + 2 + 8 * j, sizeof crumbs);
            c32_store(out->code + 32 * (b + j), c32_table(c32_spread2(crumbs), table));
        }
    }
}
