/* SPDX-License-Identifier: MIT
 *
 * Half floats against their definition, for every one of the 65536. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/half.h"
#include "base/random.h"

/* By the definition of the format, in double. */
static double value_of(uint16_t h)
{
    int sign = h >> 15, exponent = h >> 10 & 31, mantissa = h & 1023;
    double v = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    if (exponent == 31) v = mantissa ? (double)NAN : (double)INFINITY;
    return sign ? -v : v;
}

Test(half, every_half_is_its_value_and_comes_back)
{
    for (int h = 0; h < 65536; h++) {
        float f = ogi_f32_of_f16((uint16_t)h);
        double want = value_of((uint16_t)h);
        if (isnan(want)) {
            cr_assert(isnan(f) && isnan(ogi_f32_of_f16(ogi_f16_of_f32(f))));
            continue;
        }
        cr_assert((double)f == want && !signbit(f) == !(h >> 15), "%#x", h);
        cr_assert(ogi_f16_of_f32(f) == h, "%#x", h);
    }
}

Test(half, floats_go_to_the_nearest_half_ties_to_even)
{
    for (int h = 0; h < 0x7bff; h++) { /* between neighbours: below, at and above the middle */
        float a = ogi_f32_of_f16((uint16_t)h), b = ogi_f32_of_f16((uint16_t)(h + 1));
        float middle = (float)(((double)a + (double)b) / 2);
        cr_assert(ogi_f16_of_f32(nextafterf(middle, a)) == h, "%#x", h);
        cr_assert(ogi_f16_of_f32(nextafterf(middle, b)) == h + 1, "%#x", h);
        cr_assert(ogi_f16_of_f32(middle) == (h & 1 ? h + 1 : h), "%#x", h);
    }
    cr_assert(ogi_f16_of_f32(65519.0f) == 0x7bff && ogi_f16_of_f32(65520.0f) == 0x7c00);
    cr_assert(ogi_f16_of_f32(-INFINITY) == 0xfc00);
}

Test(half, bfloat16_is_the_upper_half_rounded_to_even)
{
    uint64_t state = 5;
    for (int i = 0; i < 200000; i++) {
        uint32_t u = (uint32_t)ogi_random(&state);
        float f = ogi_f32_of_bits(u);
        uint16_t h = ogi_bf16_of_f32(f);
        if (isnan(f)) {
            cr_assert(isnan(ogi_f32_of_bf16(h)));
            continue;
        }
        uint32_t low = u & 0xffff, up = u >> 16;
        uint32_t want = up + (low > 0x8000 || (low == 0x8000 && up & 1));
        cr_assert(h == want, "%#x", u);
    }
}
