/* SPDX-License-Identifier: MIT
 *
 * Elementary functions as branch-free inline formulas on one float, for loops that the compiler
 * vectorises. A loop's vector body and its tail evaluate the same formula, so a value never depends
 * on its place. Only OGI_FMA fuses, and only where the instruction set has it: results differ
 * between instruction sets by an ulp or two, never within one.
 *
 * Error at most 2 ulp (sigmoid 3) over the whole range; infinities, NaN and subnormals as C's
 * functions have them. sin and cos hold this up to 2^27; beyond, they are some number in [-1, 1].
 * Coefficients: Chebyshev fits of the quotients named at each use. */
#ifndef OG_BACKENDS_CPU_ISA_VMATH_H
#define OG_BACKENDS_CPU_ISA_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || !defined(OGI_ISA_sse42)
#define OGI_FMA(a, b, c) fmaf((a), (b), (c))
#else
#define OGI_FMA(a, b, c) ((a) * (b) + (c))
#endif

/* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
#define OGI_VM_ROUND      0x1.8p23f
#define OGI_VM_ROUND_BITS 0x4b400000u

static inline uint64_t ogi_vm_bits64(double f)
{
    uint64_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline double ogi_vm_of_bits64(uint64_t u)
{
    double f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* x = n ln 2 + r, |r| <= ln 2 / 2; returns r and n. */
static inline float ogi_vm_exp_reduce(float x, int32_t *n)
{
    float t = OGI_FMA(x, 0x1.715476p0f, OGI_VM_ROUND), fn = t - OGI_VM_ROUND;
    *n = (int32_t)(ogi_bits_of_f32(t) - OGI_VM_ROUND_BITS);
    return OGI_FMA(fn, -1.42860682e-06f, OGI_FMA(fn, -0x1.62e4p-1f, x));
}

/* exp(r) - 1 on the reduced range; the fit is (exp(r) - 1 - r) / r^2. */
static inline float ogi_vm_exp_poly(float r)
{
    float q = OGI_FMA(0.00139269266f, r, 0.00836377387f);
    q = OGI_FMA(q, r, 0.0416665501f);
    q = OGI_FMA(q, r, 0.166665734f);
    q = OGI_FMA(q, r, 0.5f);
    return OGI_FMA(q, r * r, r);
}

static inline float ogi_vm_pow2(int32_t n)
{
    return ogi_f32_of_bits(((uint32_t)n + 127u) << 23);
}

static inline float ogi_vm_exp(float x)
{
    int32_t n;
    x = x > 90.0f ? 90.0f : x;
    x = x < -105.0f ? -105.0f : x;
    float y = 1.0f + ogi_vm_exp_poly(ogi_vm_exp_reduce(x, &n));
    int32_t half = n >> 1; /* two factors: 2^n itself may be subnormal or infinite */
    return y * ogi_vm_pow2(half) * ogi_vm_pow2(n - half);
}

static inline float ogi_vm_expm1(float x)
{
    int32_t n;
    float c = x > 32.0f ? 32.0f : x;
    c = c < -32.0f ? -32.0f : c;
    float y = ogi_vm_exp_poly(ogi_vm_exp_reduce(c, &n)), s = ogi_vm_pow2(n);
    y = OGI_FMA(s, y, s - 1.0f);
    return x > 32.0f ? ogi_vm_exp(x) : x == 0.0f ? x : y;
}

static inline float ogi_vm_log(float x)
{
    float big = x < 0x1p-126f ? x * 0x1p23f : x, bias = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t u = ogi_bits_of_f32(big) - 0x3f3504f3u; /* mantissa to [sqrt 1/2, sqrt 2) */
    float e = (float)((int32_t)u >> 23) + bias;
    float f = ogi_f32_of_bits((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f, ff = f * f;
    /* (log(1 + f) - f + f^2 / 2) / f^3 */
    float p = OGI_FMA(0.0697162054f, f, -0.114797486f);
    p = OGI_FMA(p, f, 0.116854236f);
    p = OGI_FMA(p, f, -0.124256857f);
    p = OGI_FMA(p, f, 0.142490571f);
    p = OGI_FMA(p, f, -0.166678024f);
    p = OGI_FMA(p, f, 0.200007158f);
    p = OGI_FMA(p, f, -0.24999997f);
    p = OGI_FMA(p, f, 0.333333312f);
    float tail = OGI_FMA(-0.5f, ff, OGI_FMA(e, 1.42860682e-06f, ff * f * p));
    float y = OGI_FMA(e, 0x1.62e4p-1f, f + tail);
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? NAN : y;
    return x < INFINITY ? y : x; /* +inf and NaN */
}

static inline float ogi_vm_log1p(float x)
{
    float u = 1.0f + x, lost = x - (u - 1.0f);
    float y = ogi_vm_log(u) + (u > 0.0f && u < INFINITY ? lost / u : 0.0f);
    return fabsf(x) < 0x1p-24f ? x : y;
}

static inline float ogi_vm_sigmoid(float x)
{
    float e = ogi_vm_exp(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + exp(x)) */
static inline float ogi_vm_softplus(float x)
{
    return (x < 0.0f ? 0.0f : x) + ogi_vm_log1p(ogi_vm_exp(-fabsf(x)));
}

static inline float ogi_vm_tanh(float x)
{
    float a = fabsf(x), t = x * x;
    float p = OGI_FMA(0.00226950168f, t, -0.00832318706f); /* (tanh(x) / x - 1) / x^2 */
    p = OGI_FMA(p, t, 0.0217625029f);
    p = OGI_FMA(p, t, -0.0539584616f);
    p = OGI_FMA(p, t, 0.133333001f);
    p = OGI_FMA(p, t, -0.333333331f);
    float near = OGI_FMA(p * t, x, x);
    float far = copysignf(1.0f - 2.0f / (ogi_vm_exp(2.0f * a) + 1.0f), x);
    return a < 0.625f ? near : far;
}

static inline float ogi_vm_erf(float x)
{
    float a = fabsf(x), t = x * x;
    float p = OGI_FMA(8.84996515e-05f, t, -0.000824728464f); /* erf(x) / x - 1 */
    p = OGI_FMA(p, t, 0.00520954437f);
    p = OGI_FMA(p, t, -0.0268625751f);
    p = OGI_FMA(p, t, 0.112837487f);
    p = OGI_FMA(p, t, -0.37612637f);
    p = OGI_FMA(p, t, 0.128379167f);
    float near = OGI_FMA(p, x, x);
    a = a > 4.0f ? 4.0f : a;
    float q = OGI_FMA(2.14191556e-08f, a, -2.06463885e-06f); /* -log(erfc(x)) */
    q = OGI_FMA(q, a, 4.9661217e-05f);
    q = OGI_FMA(q, a, -0.000613404026f);
    q = OGI_FMA(q, a, 0.00480454216f);
    q = OGI_FMA(q, a, -0.0264916626f);
    q = OGI_FMA(q, a, 0.110135383f);
    q = OGI_FMA(q, a, 0.631821063f);
    q = OGI_FMA(q, a, 1.13021202f);
    q = OGI_FMA(q, a, -0.000310046693f);
    float far = copysignf(1.0f - ogi_vm_exp(-q), x);
    return a < 0.85f ? near : far;
}

/* x = n pi / 2 + r, in double: n pi / 2 is exact in its upper part up to 2^27. */
static inline float ogi_vm_trig_reduce(float x, uint32_t *n)
{
    double d = x, t = d * 0x1.45f306dc9c883p-1 + 0x1.8p52, dn = t - 0x1.8p52;
    *n = (uint32_t)ogi_vm_bits64(t);
    double r = d - dn * 0x1.921fb5p+0 - dn * 0x1.110b4611a6263p-26;
    r = r > 0.8 ? 0.8 : r;
    r = r < -0.8 ? -0.8 : r;
    return (float)r;
}

/* sin of a quarter turn n and a rest r */
static inline float ogi_vm_trig(float r, uint32_t n)
{
    float t = r * r;
    float s = OGI_FMA(2.72437814e-06f, t, -0.000198400389f); /* (sin(r) / r - 1) / r^2 */
    s = OGI_FMA(s, t, 0.00833333179f);
    s = OGI_FMA(s, t, -0.166666667f);
    s = OGI_FMA(s * t, r, r);
    float c = OGI_FMA(2.45428711e-05f, t, -0.00138882793f); /* (cos(r) - 1 + r^2 / 2) / r^4 */
    c = OGI_FMA(c, t, 0.0416666645f);
    c = OGI_FMA(c * t, t, OGI_FMA(-0.5f, t, 1.0f));
    float y = n & 1 ? c : s;
    return ogi_f32_of_bits(ogi_bits_of_f32(y) ^ (n & 2) << 30);
}

static inline float ogi_vm_sin(float x)
{
    uint32_t n;
    float r = ogi_vm_trig_reduce(x, &n);
    float y = ogi_vm_trig(r, n);
    return x == 0.0f ? x : y;
}

static inline float ogi_vm_cos(float x)
{
    uint32_t n;
    float r = ogi_vm_trig_reduce(x, &n);
    return ogi_vm_trig(r, n + 1);
}

/* log2 of a positive finite float, in double: 2 atanh(s) / ln 2, s = (m - 1) / (m + 1). */
static inline double ogi_vm_log2_double(float x)
{
    uint64_t u = ogi_vm_bits64((double)x) - 0x3fe6a09e667f3bcdu + 0x4000000000000000u;
    uint64_t e = u >> 52; /* exponent + 1024 */
    double m = ogi_vm_of_bits64((u & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu);
    double de = ogi_vm_of_bits64(e | 0x4330000000000000u) - (0x1p52 + 1024);
    double s = (m - 1) / (m + 1), t = s * s;
    double p = 0x1.f1953d187a01cp-3 * t + 0x1.0bb7198fcdef5p-2;
    p = p * t + 0x1.484fb0d868392p-2;
    p = p * t + 0x1.a617566783eeap-2;
    p = p * t + 0x1.2776c516b48d5p-1;
    p = p * t + 0x1.ec709dc39c98bp-1;
    p = p * t + 0x1.71547652b82ffp+1;
    return s * p + de;
}

static inline float ogi_vm_exp2_double(double z)
{
    z = z > 200 ? 200 : z;
    z = z < -200 ? -200 : z;
    double t = z + 0x1.8p52, r = z - (t - 0x1.8p52);
    double p = 0x1.63d136366db24p-20 * r + 0x1.00dc4a532fb8ep-16;
    p = p * r + 0x1.4308ac85aa947p-13;
    p = p * r + 0x1.5d8745a728441p-10;
    p = p * r + 0x1.3b2ab7181b755p-7;
    p = p * r + 0x1.c6b08dd6fd234p-5;
    p = p * r + 0x1.ebfbdff823cedp-3;
    p = p * r + 0x1.62e42fef84cf0p-1;
    p = p * r + 1;
    return (float)(p * ogi_vm_of_bits64((ogi_vm_bits64(t) + 1023) << 52));
}

static inline float ogi_vm_pow(float x, float y)
{
    float a = fabsf(x);
    double l = ogi_vm_log2_double(a);
    l = a < INFINITY ? l : (double)a; /* inf, NaN */
    l = a == 0.0f ? -INFINITY : l;
    float r = ogi_vm_exp2_double((double)y * l);
    r = a == 1.0f && y == y ? 1.0f : r;
    float half = 0.5f * y;
    int is_int = floorf(y) == y, is_odd = is_int & (floorf(half) != half);
    float signed_r = is_odd ? copysignf(r, x) : r;
    float neg = (is_int | (a == 0.0f) | (a == INFINITY)) ? signed_r : NAN;
    r = x < 0.0f || x == 0.0f ? neg : r;
    return y == 0.0f || x == 1.0f ? 1.0f : r;
}

#endif
