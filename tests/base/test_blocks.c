/* SPDX-License-Identifier: MIT
 *
 * Blocks made from values: codes worked out by hand, the error a code may have, and what happens
 * where a half cannot hold the scale. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/blocks.h"
#include "base/random.h"
#include "graph/kx.h"

typedef void make_fn(const float *x, uint8_t *block);

static void round_trip(og_dtype type, make_fn *make, const float *x, float *back)
{
    uint8_t block[OGI_Q8_0_BYTES];
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    make(x, block);
    cr_assert_eq(ogi_dequantize(ctx, type, block, OGI_BLOCK, back), OG_OK);
    og_ctx_free(ctx);
}

Test(blocks, q8_0_codes_are_the_nearest_of_255)
{
    float x[OGI_BLOCK] = { 127, -127, 1.5f, 2.5f, -0.49f, 0.51f };
    const int8_t want[] = { 127, -127, 2, 2, 0, 1, 0 };
    uint8_t block[OGI_Q8_0_BYTES];
    ogi_q8_0_of_f32(x, block);
    cr_assert(block[0] == 0x00 && block[1] == 0x3c, "the scale is 1");
    for (int i = 0; i < 7; i++)
        cr_assert_eq((int8_t)block[2 + i], want[i], "code %d is %d", i, (int8_t)block[2 + i]);
}

Test(blocks, q4_0_codes_reach_to_minus_8_times_the_scale)
{
    float x[OGI_BLOCK] = { -8, 7, 0, 0.4f, 0.5f, -0.6f, 8 };
    uint8_t block[OGI_Q4_0_BYTES];
    const int want[] = { 0, 15, 8, 8, 9, 7, 15 }; /* the second extreme is one code short */
    ogi_q4_0_of_f32(x, block);
    cr_assert(block[0] == 0x00 && block[1] == 0x3c, "the scale is 1");
    for (int i = 0; i < 7; i++)
        cr_assert_eq(block[2 + i] & 15, want[i], "code %d is %d", i, block[2 + i] & 15);
    x[0] = 0, x[20] = 16;
    ogi_q4_0_of_f32(x, block);
    cr_assert(block[0] == 0x00 && block[1] == 0xc0, "the scale is -2");
    cr_assert_eq(block[2 + 4] >> 4, 0, "value 20 is in the high half of byte 4");
}

Test(blocks, errors_are_half_a_code_and_a_second_rounding_changes_nothing)
{
    static const struct {
        og_dtype type;
        make_fn *make;
        float step; /* of the largest magnitude */
    } all[] = { { OG_Q8_0, ogi_q8_0_of_f32, 1 / 127.0f }, { OG_Q4_0, ogi_q4_0_of_f32, 1 / 8.0f } };
    uint64_t r = 3;
    for (int t = 0; t < OGI_LEN(all); t++)
        for (int round = 0; round < 1000; round++) {
            float x[OGI_BLOCK], once[OGI_BLOCK], twice[OGI_BLOCK], most = 0;
            float size = ldexpf(1, (int)(ogi_random(&r) % 16) - 6);
            for (int i = 0; i < OGI_BLOCK; i++) {
                x[i] = size * ((float)(ogi_random(&r) >> 40) / (1 << 23) - 1);
                most = fmaxf(most, fabsf(x[i]));
            }
            round_trip(all[t].type, all[t].make, x, once);
            round_trip(all[t].type, all[t].make, once, twice);
            for (int i = 0; i < OGI_BLOCK; i++) {
                float e = fabsf(x[i] - once[i]) / most / all[t].step;
                cr_assert_leq(e, all[t].type == OG_Q8_0 ? 0.5003f : 1.01f, "%s: %g codes off",
                              og_dtype_name(all[t].type), (double)e);
            }
            cr_assert(!memcmp(once, twice, sizeof once), "%s", og_dtype_name(all[t].type));
        }
}

Test(blocks, values_too_small_for_a_scale_are_zeros)
{
    float x[OGI_BLOCK] = { 1e-9f, -2e-9f, 1e-42f }, back[OGI_BLOCK];
    round_trip(OG_Q8_0, ogi_q8_0_of_f32, x, back);
    for (int i = 0; i < OGI_BLOCK; i++) cr_assert(back[i] == 0);
    round_trip(OG_Q4_0, ogi_q4_0_of_f32, x, back);
    for (int i = 0; i < OGI_BLOCK; i++) cr_assert(back[i] == 0);
}
