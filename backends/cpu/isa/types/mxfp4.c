/* SPDX-License-Identifier: MIT
 *
 * MXFP4 to codes and scales; graph/types/mxfp4.c says where its bytes lie. Its scale is any power
 * of two. */
#include "backends/cpu/isa/types/words.h"

void OGI_ISA(ogi_unpack_mxfp4)(const uint8_t *w, int n_block, ogi_codes *out)
{
    const nibble_table table = nibble_table_of(ogi_e2m1_values, 12);
    for (int b = 0; b < n_block; b++, w += 17) {
        uint32_t e = w[0]; /* codes are doubled: 2^(e - 128), subnormal for e < 2 */
        out->scale[b] = ogi_f32_of_bits(e < 2 ? 0x200000u << e : (e - 1) << 23);
        c32_store(out->code + 32 * b, c32_table(c32_nibbles(w + 1), table));
    }
}
