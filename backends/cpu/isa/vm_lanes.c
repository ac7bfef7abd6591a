/* SPDX-License-Identifier: MIT
 *
 * Arithmetic of vector programs: one loop for each operation, type and place of scalar operands,
 * which the compiler vectorises. A lane's result does not depend on where in a loop it falls. */
#include "backends/cpu/isa/vm.h"
#include "backends/cpu/isa/vmath.h"

#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#define HAS_F16C 1
#endif

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* not every loop vectorises everywhere */
#endif

/* ---- half floats ----------------------------------------------------------------------------- */
#ifdef HAS_F16C
void OGI_ISA(ogi_vm_of_f16)(float *d, const uint16_t *a, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(a + i));
        _mm256_storeu_ps(d + i, _mm256_cvtph_ps(h));
    }
    for (; i < n; i++) d[i] = _cvtsh_ss(a[i]);
}

void OGI_ISA(ogi_vm_to_f16)(uint16_t *d, const float *a, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(a + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(void *)(d + i), h);
    }
    for (; i < n; i++) d[i] = (uint16_t)_cvtss_sh(a[i], _MM_FROUND_TO_NEAREST_INT);
}
#else
void OGI_ISA(ogi_vm_of_f16)(float *d, const uint16_t *a, int n)
{
    for (int i = 0; i < n; i++) d[i] = ogi_f32_of_f16(a[i]);
}

void OGI_ISA(ogi_vm_to_f16)(uint16_t *d, const float *a, int n)
{
    for (int i = 0; i < n; i++) d[i] = ogi_f16_of_f32(a[i]);
}
#endif

static void round_f16(ogi_lane_f *d, const ogi_lane_f *a, int n)
{
    uint16_t half[64];
    for (int i = 0; i < n; i += 64) {
        int m = n - i < 64 ? n - i : 64;
        OGI_ISA(ogi_vm_to_f16)(half, (const float *)a + i, m);
        OGI_ISA(ogi_vm_of_f16)((float *)d + i, half, m);
    }
}

/* ---- scalar formulas ------------------------------------------------------------------------- */
static inline int32_t div_i32(int32_t x, int32_t y)
{
    if (y == 0) return 0;
    return y == -1 ? (int32_t)(0u - (uint32_t)x) : x / y;
}

static inline int32_t to_i32(float x)
{
    return x >= -0x1p31f && x < 0x1p31f ? (int32_t)x : INT32_MIN;
}

/* ---- loops ----------------------------------------------------------------------------------- */
#define UNARY(A, R, expr)                                                                          \
    do {                                                                                           \
        const A *pa = a;                                                                           \
        R *pd = d;                                                                                 \
        OGI_VM_LANES                                                                               \
        {                                                                                          \
            A x = pa[i];                                                                           \
            pd[i] = (expr);                                                                        \
        }                                                                                          \
        return;                                                                                    \
    } while (0)

#define BINARY(A, R, expr)                                                                         \
    do {                                                                                           \
        const A *pa = a, *pb = b;                                                                  \
        R *pd = d;                                                                                 \
        if (shape == 1) {                                                                          \
            A x = *pa;                                                                             \
            OGI_VM_LANES                                                                           \
            {                                                                                      \
                A y = pb[i];                                                                       \
                pd[i] = (expr);                                                                    \
            }                                                                                      \
        } else if (shape == 2) {                                                                   \
            A y = *pb;                                                                             \
            OGI_VM_LANES                                                                           \
            {                                                                                      \
                A x = pa[i];                                                                       \
                pd[i] = (expr);                                                                    \
            }                                                                                      \
        } else {                                                                                   \
            OGI_VM_LANES                                                                           \
            {                                                                                      \
                A x = pa[i], y = pb[i];                                                            \
                pd[i] = (expr);                                                                    \
            }                                                                                      \
        }                                                                                          \
        return;                                                                                    \
    } while (0)

#define TERNARY_LOOP(ix, iy, iz, expr)                                                             \
    OGI_VM_LANES                                                                                   \
    {                                                                                              \
        pd[i] = expr(pa[ix], pb[iy], pc[iz]);                                                      \
    }                                                                                              \
    return;

#define TERNARY(A, R, expr)                                                                        \
    do {                                                                                           \
        const A *pa = a;                                                                           \
        const R *pb = b, *pc = c;                                                                  \
        R *pd = d;                                                                                 \
        switch (shape) {                                                                           \
        case 1: TERNARY_LOOP(0, i, i, expr)                                                        \
        case 2: TERNARY_LOOP(i, 0, i, expr)                                                        \
        case 3: TERNARY_LOOP(0, 0, i, expr)                                                        \
        case 4: TERNARY_LOOP(i, i, 0, expr)                                                        \
        case 5: TERNARY_LOOP(0, i, 0, expr)                                                        \
        case 6: TERNARY_LOOP(i, 0, 0, expr)                                                        \
        default: TERNARY_LOOP(i, i, i, expr)                                                       \
        }                                                                                          \
    } while (0)

#define PICK(x, y, z) ((x) ? (y) : (z))
#define WRAP(op)      ((int32_t)((uint32_t)x op(uint32_t) y))

typedef ogi_lane_f F;
typedef ogi_lane_i I;

static void move(void *d, const void *a, int is_scalar, int n)
{
    const I *pa = a;
    I *pd = d;
    if (is_scalar) {
        I x = *pa;
        OGI_VM_LANES
        {
            pd[i] = x;
        }
    } else {
        memcpy(pd, pa, (size_t)n * sizeof *pd);
    }
}

static void lanes_f32(int op, int shape, void *d, const void *a, const void *b, const void *c,
                      int n)
{
    switch (op) {
    case OGI_KX_ADD: BINARY(F, F, x + y);
    case OGI_KX_SUB: BINARY(F, F, x - y);
    case OGI_KX_MUL: BINARY(F, F, x * y);
    case OGI_KX_DIV: BINARY(F, F, x / y);
    case OGI_KX_MIN: BINARY(F, F, x < y ? x : y);
    case OGI_KX_MAX: BINARY(F, F, x > y ? x : y);
    case OGI_KX_FMA: TERNARY(F, F, OGI_FMA);
    case OGI_KX_SELECT: TERNARY(I, I, PICK);
    case OGI_KX_NEG: UNARY(F, F, -x);
    case OGI_KX_ABS: UNARY(F, F, fabsf(x));
    case OGI_KX_SQRT: UNARY(F, F, sqrtf(x));
    case OGI_KX_RSQRT: UNARY(F, F, 1.0f / sqrtf(x));
    case OGI_KX_EXP: UNARY(F, F, ogi_vm_exp(x));
    case OGI_KX_LOG: UNARY(F, F, ogi_vm_log(x));
    case OGI_KX_SIN: UNARY(F, F, ogi_vm_sin(x));
    case OGI_KX_COS: UNARY(F, F, ogi_vm_cos(x));
    case OGI_KX_TANH: UNARY(F, F, ogi_vm_tanh(x));
    case OGI_KX_ERF: UNARY(F, F, ogi_vm_erf(x));
    case OGI_KX_FLOOR: UNARY(F, F, floorf(x));
    case OGI_KX_LT: BINARY(F, I, x < y);
    case OGI_KX_LE: BINARY(F, I, x <= y);
    case OGI_KX_EQ: BINARY(F, I, x == y);
    case OGI_KX_TO_I32: UNARY(F, I, to_i32(x));
    case OGI_KX_ROUND_F16: round_f16(d, a, n); return;
    case OGI_KX_ROUND_BF16: UNARY(F, F, ogi_f32_of_bf16(ogi_bf16_of_f32(x)));
    }
}

static void lanes_i32(int op, int shape, void *d, const void *a, const void *b, int n)
{
    switch (op) {
    case OGI_KX_ADD: BINARY(I, I, WRAP(+));
    case OGI_KX_SUB: BINARY(I, I, WRAP(-));
    case OGI_KX_MUL: BINARY(I, I, WRAP(*));
    case OGI_KX_DIV: BINARY(I, I, div_i32(x, y));
    case OGI_KX_MIN: BINARY(I, I, x < y ? x : y);
    case OGI_KX_MAX: BINARY(I, I, x > y ? x : y);
    case OGI_KX_NEG: UNARY(I, I, (int32_t)(0u - (uint32_t)x));
    case OGI_KX_ABS: UNARY(I, I, x < 0 ? (int32_t)(0u - (uint32_t)x) : x);
    case OGI_KX_LT: BINARY(I, I, x < y);
    case OGI_KX_LE: BINARY(I, I, x <= y);
    case OGI_KX_EQ: BINARY(I, I, x == y);
    case OGI_KX_AND: BINARY(I, I, x & y);
    case OGI_KX_OR: BINARY(I, I, x | y);
    case OGI_KX_XOR: BINARY(I, I, x ^ y);
    case OGI_KX_SHL: BINARY(I, I, (int32_t)((uint32_t)x << (y & 31)));
    case OGI_KX_SHR: BINARY(I, I, x >> (y & 31));
    case OGI_KX_TO_F32: UNARY(I, F, (float)x);
    case OGI_KX_BITS_F32: UNARY(I, F, ogi_f32_of_bits((uint32_t)x));
    case OGI_KX_F16_BITS: UNARY(I, F, ogi_f32_of_f16((uint16_t)x));
    }
}

void OGI_ISA(ogi_vm_lanes)(int op, int shape, void *d, const void *a, const void *b, const void *c,
                           int n)
{
    if (op == OGI_V_MOVE) {
        move(d, a, shape & 1, n);
    } else if (op & OGI_V_INT) {
        lanes_i32(op & ~OGI_V_INT, shape, d, a, b, n);
    } else {
        lanes_f32(op, shape, d, a, b, c, n);
    }
}
