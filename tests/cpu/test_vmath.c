/* SPDX-License-Identifier: MIT
 *
 * The vector math formulas against the C library in double, over all binades. */
#include "backends/cpu/isa/vmath.h"

#include <criterion/criterion.h>
#include <float.h>

static double ref_softplus(double x)
{
    return x > 50 ? x : log1p(exp(x));
}
static double ref_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Distance in units in the last place of ref's float. */
static double ulp_error(float got, double ref)
{
    float nearest = (float)ref;
    if (isnan(ref) || isnan(got)) return isnan(ref) && isnan(got) ? 0 : INFINITY;
    if (got == nearest) return 0;
    if (isinf(nearest) || isinf(got)) return fabs(ref) > 0x1.fffffcp127 && !(got < FLT_MAX) ? 1 : 9;
    double unit = fabs(ref) < 0x1p-126 ? 0x1p-149 : ldexp(1, ilogb(ref) - 23);
    return fabs((double)got - ref) / unit;
}

static void sweep(const char *name, float (*f)(float), double (*ref)(double), double limit,
                  double range)
{
    for (uint64_t u = 0; u < UINT64_C(1) << 32; u += 39979) {
        float x = ogi_f32_of_bits((uint32_t)u);
        if (fabsf(x) > range && isfinite(x)) continue;
        double e = ulp_error(f(x), ref(x));
        cr_assert(e <= limit, "%s(%a): %a, expected %a: %g ulp", name, x, f(x), ref(x), e);
    }
}

static float f_exp(float x)
{
    return ogi_vm_exp(x);
}
static float f_expm1(float x)
{
    return ogi_vm_expm1(x);
}
static float f_log(float x)
{
    return ogi_vm_log(x);
}
static float f_log1p(float x)
{
    return ogi_vm_log1p(x);
}
static float f_tanh(float x)
{
    return ogi_vm_tanh(x);
}
static float f_erf(float x)
{
    return ogi_vm_erf(x);
}
static float f_sin(float x)
{
    return ogi_vm_sin(x);
}
static float f_cos(float x)
{
    return ogi_vm_cos(x);
}
static float f_softplus(float x)
{
    return ogi_vm_softplus(x);
}
static float f_sigmoid(float x)
{
    return ogi_vm_sigmoid(x);
}

Test(vmath, functions_of_one_value_are_within_their_ulps)
{
    sweep("exp", f_exp, exp, 2, INFINITY);
    sweep("expm1", f_expm1, expm1, 2, INFINITY);
    sweep("log", f_log, log, 2, INFINITY);
    sweep("log1p", f_log1p, log1p, 2, INFINITY);
    sweep("tanh", f_tanh, tanh, 2, INFINITY);
    sweep("erf", f_erf, erf, 2, INFINITY);
    sweep("sin", f_sin, sin, 2, 0x1p27);
    sweep("cos", f_cos, cos, 2, 0x1p27);
    sweep("softplus", f_softplus, ref_softplus, 2, INFINITY);
    sweep("sigmoid", f_sigmoid, ref_sigmoid, 3, INFINITY);
}

Test(vmath, exp_of_special_values)
{
    cr_assert(ogi_vm_exp(-INFINITY) == 0);
    cr_assert(ogi_vm_exp(INFINITY) == INFINITY);
    cr_assert(ogi_vm_exp(0.0f) == 1);
    cr_assert(isnan(ogi_vm_exp(NAN)));
    cr_assert(ogi_vm_exp(-100.0f) > 0, "subnormal results are kept");
}

Test(vmath, pow_has_the_special_values_of_c)
{
    static const float v[] = { 0,        -0.0f,     1,   -1,     2,          -2,    0.5f,
                               -0.5f,    3,         -3,  1e-40f, -1e-40f,    1e38f, 2.5f,
                               INFINITY, -INFINITY, NAN, 1e9f,   16777215.0f };
    int n = (int)(sizeof v / sizeof v[0]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            float got = ogi_vm_pow(v[i], v[j]);
            double ref = pow(v[i], v[j]);
            cr_assert(ulp_error(got, ref) <= 1, "pow(%g, %g): %g, expected %g", v[i], v[j], got,
                      ref);
            cr_assert(isnan(ref) || !signbit(got) == !signbit(ref), "pow(%g, %g): sign", v[i],
                      v[j]);
        }
}

Test(vmath, pow_is_within_an_ulp)
{
    for (uint64_t u = 1; u < 0x7f800000; u += 7919) {
        float x = ogi_f32_of_bits((uint32_t)u), y = (float)(u * 2654435761u % 8191) / 64 - 64;
        double e = ulp_error(ogi_vm_pow(x, y), pow(x, y));
        cr_assert(e <= 1, "pow(%a, %a): %g ulp", x, y, e);
    }
}
