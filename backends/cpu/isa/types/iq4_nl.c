/* SPDX-License-Identifier: MIT
 *
 * IQ4_NL to codes and scales; graph/types/iq4_nl.c says where its bytes lie. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_iq4_nl)(const uint8_t *w, int n_block, ogi_codes *out)
{
    const nibble_table table = nibble_table_of(ogi_iq4_values, OGI_WIDE_ZERO);
    for (int b = 0; b < n_block; b++, w += 18) {
        out->scale[b] = half_at(w);
        c32_store(out->code + 32 * b, c32_table(c32_nibbles(w + 2), table));
    }
}
