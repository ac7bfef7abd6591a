/* SPDX-License-Identifier: MIT
 *
 * The measured limits exist and stand in the order that the arithmetic dictates. */
#include "backends/cpu/roofline.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(roofline, measures_every_limit_of_every_instruction_set)
{
    og_ctx *ctx;
    ogi_pool *pool;
    const ogi_cpu_kernels *isa;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_pool_new(ctx, 2, &pool) == OG_OK);
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++) {
        ogi_roofline r;
        cr_assert(ogi_roofline_measure(ctx, pool, isa, &r) == OG_OK, "%s", og_error(ctx));
        printf("%s: read %.1f GB/s, f32 %.0f, bf16 %.0f GFLOP/s, int8 %.0f GOP/s\n", isa->name,
               r.read_gb_s, r.f32_gflop_s, r.bf16_gflop_s, r.int8_gop_s);
        cr_assert(r.read_gb_s > 0 && r.read_gb_s < 1e4);
        cr_assert(r.f32_gflop_s > 0 && r.f32_gflop_s < 1e6);
        cr_assert(r.bf16_gflop_s > 0 && r.bf16_gflop_s < 1e6);
        cr_assert(r.int8_gop_s > 0 && r.int8_gop_s < 1e7);
    }
    ogi_pool_free(pool);
    og_ctx_free(ctx);
}
