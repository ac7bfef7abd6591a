/* SPDX-License-Identifier: MIT
 *
 * The elementwise maps without parameters: one row each, with the scalar formula for reals (the
 * reference, in double), the one for I32 where there is one, and the formula in kernel IR. Results
 * are F32; I32 if all operands are; `less` is always I32. Operands broadcast as in NumPy. */
#include <math.h>

#include "graph/dim.h"
#include "ops/op.h"

#define K1(f, x)    ogi_kb_##f(b, x)
#define K2(f, x, y) ogi_kb_##f(b, x, y)
#define KF(v)       ogi_kb_f32(b, v)
#define SQRT_2_PI   0.79788456080286535588
#define SQRT_1_2    0.70710678118654752440

static ogi_kx sigmoid_kx(ogi_kb *b, ogi_kx x)
{
    return K2(div, KF(1), K2(add, KF(1), K1(exp, K1(neg, x))));
}

static ogi_kx silu_kx(ogi_kb *b, ogi_kx x)
{
    return K2(div, x, K2(add, KF(1), K1(exp, K1(neg, x))));
}

static ogi_kx softplus_kx(ogi_kb *b, ogi_kx x)
{
    ogi_kx small = K1(log, K2(add, KF(1), K1(exp, K2(min, x, KF(20)))));
    return ogi_kb_select(b, K2(lt, KF(20), x), x, small);
}

static double softplus(double x)
{
    return x > 20 ? x : log1p(exp(x));
}

static ogi_kx gelu_kx(ogi_kb *b, ogi_kx x)
{
    ogi_kx cube = K2(mul, K2(mul, x, x), x);
    ogi_kx inner = K2(mul, KF((float)SQRT_2_PI), K2(add, x, K2(mul, KF(0.044715f), cube)));
    return K2(mul, K2(mul, KF(0.5f), x), K2(add, KF(1), K1(tanh, inner)));
}

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(SQRT_2_PI * (x + (double)0.044715f * x * x * x)));
}

static ogi_kx gelu_erf_kx(ogi_kb *b, ogi_kx x)
{
    ogi_kx e = K1(erf, K2(mul, x, KF((float)SQRT_1_2)));
    return K2(mul, K2(mul, KF(0.5f), x), K2(add, KF(1), e));
}

static ogi_kx gelu_quick_kx(ogi_kb *b, ogi_kx x)
{
    return K2(mul, x, sigmoid_kx(b, K2(mul, KF(1.702f), x)));
}

/* c != 0 ? x : y, for c of either type. */
static ogi_kx select_kx(ogi_kb *b, ogi_kx c, ogi_kx x, ogi_kx y)
{
    if (c < 0) return OGI_KX_NONE;
    ogi_kx zero = b->ins[c].type == OGI_KX_I32 ? ogi_kb_i32(b, 0) : ogi_kb_f32(b, 0);
    return ogi_kb_select(b, ogi_kb_eq(b, c, zero), y, x);
}

/* M(ENUM, name, sources, formula of a b c in double, in int64_t or NO_INT, in kernel IR of x y z,
 * where tests may draw the last operand from, whether rounding leaves no choice) */
#define IN(low, high) (low), (high), true
#define ANY           IN(-INFINITY, INFINITY)
#define NOT_DRAWN     0, 0, false
#define EXACT         true
#define ROUNDED       false

#define NO_INT 0, false
// clang-format off
#define INT(...) (__VA_ARGS__), true
#define MAPS(M)                                                                                    \
    M(ADD, add, 2, p + q, INT(p + q), K2(add, x, y), ANY, EXACT)                                   \
    M(SUB, sub, 2, p - q, INT(p - q), K2(sub, x, y), ANY, EXACT)                                   \
    M(MUL, mul, 2, p * q, INT(p * q), K2(mul, x, y), ANY, EXACT)                                   \
    M(DIV, div, 2, p / q, INT(q ? p / q : 0), K2(div, x, y), IN(0.5, INFINITY), EXACT)             \
    M(MINIMUM, minimum, 2, p < q ? p : q, INT(p < q ? p : q), K2(min, x, y), ANY, EXACT)           \
    M(MAXIMUM, maximum, 2, p > q ? p : q, INT(p > q ? p : q), K2(max, x, y), ANY, EXACT)           \
    M(LESS, less, 2, p < q, INT(p < q), K2(lt, x, y), NOT_DRAWN, EXACT)                            \
    M(SELECT, select, 3, p != 0 ? q : r, INT(p ? q : r), select_kx(b, x, y, z), NOT_DRAWN, EXACT)  \
    M(NEG, neg, 1, -p, INT(-p), K1(neg, x), ANY, EXACT)                                            \
    M(ABS, abs, 1, fabs(p), INT(p < 0 ? -p : p), K1(abs, x), ANY, EXACT)                           \
    M(SQR, sqr, 1, p * p, INT(p * p), K2(mul, x, x), ANY, EXACT)                                   \
    M(SQRT, sqrt, 1, sqrt(p), NO_INT, K1(sqrt, x), IN(0.5, INFINITY), EXACT)                       \
    M(RSQRT, rsqrt, 1, 1 / sqrt(p), NO_INT, K1(rsqrt, x), IN(0.5, INFINITY), ROUNDED)              \
    M(EXP, exp, 1, exp(p), NO_INT, K1(exp, x), IN(-3, 3), ROUNDED)                                 \
    M(LOG, log, 1, log(p), NO_INT, K1(log, x), IN(0.5, INFINITY), ROUNDED)                         \
    M(SIN, sin, 1, sin(p), NO_INT, K1(sin, x), IN(-10, 10), ROUNDED)                               \
    M(COS, cos, 1, cos(p), NO_INT, K1(cos, x), IN(-10, 10), ROUNDED)                               \
    M(TANH, tanh, 1, tanh(p), NO_INT, K1(tanh, x), ANY, ROUNDED)                                   \
    M(RELU, relu, 1, p > 0 ? p : 0, NO_INT, K2(max, x, KF(0)), ANY, EXACT)                         \
    M(SIGMOID, sigmoid, 1, 1 / (1 + exp(-p)), NO_INT, sigmoid_kx(b, x), ANY, ROUNDED)              \
    M(SILU, silu, 1, p / (1 + exp(-p)), NO_INT, silu_kx(b, x), ANY, ROUNDED)                       \
    M(SOFTPLUS, softplus, 1, softplus(p), NO_INT, softplus_kx(b, x), ANY, ROUNDED)                 \
    M(GELU, gelu, 1, gelu(p), NO_INT, gelu_kx(b, x), ANY, ROUNDED)                                 \
    M(GELU_ERF, gelu_erf, 1, 0.5 * p * (1 + erf(p * SQRT_1_2)), NO_INT, gelu_erf_kx(b, x),         \
      ANY, ROUNDED)                                                                                \
    M(GELU_QUICK, gelu_quick, 1, p / (1 + exp(-(double)1.702f * p)), NO_INT, gelu_quick_kx(b, x),  \
      ANY, ROUNDED)
// clang-format on

/* A row of the table: how one map computes. */
typedef struct map_row {
    double (*real)(double p, double q, double r);
    int64_t (*integer)(int64_t p, int64_t q, int64_t r);
    bool has_integer;
    ogi_kx (*kx)(ogi_kb *b, ogi_kx x, ogi_kx y, ogi_kx z);
} map_row;

#define FUNCTIONS(ENUM, name, n, real_expr, int_expr, has, kx_expr, low, high, is_drawn, exact)    \
    static double name##_real(double p, double q, double r)                                        \
    {                                                                                              \
        (void)q, (void)r;                                                                          \
        return real_expr;                                                                          \
    }                                                                                              \
    static int64_t name##_int(int64_t p, int64_t q, int64_t r)                                     \
    {                                                                                              \
        (void)p, (void)q, (void)r;                                                                 \
        return int_expr;                                                                           \
    }                                                                                              \
    static ogi_kx name##_lower(ogi_kb *b, ogi_kx x, ogi_kx y, ogi_kx z)                            \
    {                                                                                              \
        (void)y, (void)z;                                                                          \
        return kx_expr;                                                                            \
    }
#define FUNCTIONS_(...) FUNCTIONS(__VA_ARGS__)
MAPS(FUNCTIONS_)

// clang-format off
#define ROW(ENUM, name, n, real_expr, int_expr, has, kx_expr, low, high, is_drawn, exact)                                      \
    [OG_OP_##ENUM] = { name##_real, name##_int, has, name##_lower },
#define ROW_(...) ROW(__VA_ARGS__)
static const map_row rows[OG_OP_COUNT] = { MAPS(ROW_) };
// clang-format on

/* The first operand that decides the type of the result: a condition does not. */
static int first_value(const og_tensor *n)
{
    return n->op == OG_OP_SELECT ? 1 : 0;
}

static og_status infer(og_tensor *n)
{
    static const char *const name[] = { "a", "b", "c" };
    int first = first_value(n), n_int = 0;
    for (int i = 0; i < n->n_src; i++) {
        const og_tensor *x = n->src[i];
        bool is_int = x->dtype == OG_I32 && (i < first || rows[n->op].has_integer);
        if (!is_int) OG_TRY(ogi_want_real(n, i, i < first ? "c" : name[i - first]));
        if (is_int && i >= first) n_int++;
        if (i == 0) {
            n->shape = x->shape;
        } else {
            og_shape s;
            if (!ogi_shape_broadcast(&n->shape, &x->shape, &s))
                OGI_INFER_FAIL(n, "the shapes do not broadcast: dimensions must be equal or 1");
            n->shape = s;
        }
    }
    if (n_int != 0 && n_int != n->n_src - first)
        OGI_INFER_FAIL(n, "operands mix I32 and reals; cast one of them");
    n->dtype = n_int || n->op == OG_OP_LESS ? OG_I32 : OG_F32;
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const map_row *row = &rows[c->node->op];
    ogi_ref_tensor *dst = c->dst;
    bool is_int = c->src[first_value(c->node)]->dtype == OG_I32;
    for (int64_t e = 0; e < dst->n; e++) {
        double v[3] = { 0 };
        int64_t k[3] = { 0 };
        for (int i = 0; i < c->node->n_src; i++) {
            const ogi_ref_tensor *s = c->src[i];
            int64_t at = ogi_ref_index(dst, s, e);
            v[i] = s->i ? s->i[at] : (double)s->f[at];
            k[i] = s->i ? s->i[at] : s->f[at] != 0;
        }
        if (is_int)
            dst->i[e] = (int32_t)(uint32_t)row->integer(k[0], k[1], k[2]);
        else if (dst->dtype == OG_I32)
            dst->i[e] = row->real(v[0], v[1], v[2]) != 0;
        else
            dst->f[e] = (float)row->real(v[0], v[1], v[2]);
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    int n = b->node->n_src;
    ogi_kx x = ogi_kb_load(b, 0);
    ogi_kx y = n > 1 ? ogi_kb_load(b, 1) : OGI_KX_NONE;
    ogi_kx z = n > 2 ? ogi_kb_load(b, 2) : OGI_KX_NONE;
    return rows[b->node->op].kx(b, x, y, z);
}

/* What holds indexes inside a table: minimum, maximum, a choice; quotients, for experts in equal
 * parts. Everything else may wrap. */
static ogi_range range(const og_tensor *n, const ogi_range *s)
{
    switch (n->op) {
    case OG_OP_LESS: return (ogi_range){ 0, 1 };
    case OG_OP_MINIMUM: return (ogi_range){ OGI_MIN(s[0].lo, s[1].lo), OGI_MIN(s[0].hi, s[1].hi) };
    case OG_OP_MAXIMUM: return (ogi_range){ OGI_MAX(s[0].lo, s[1].lo), OGI_MAX(s[0].hi, s[1].hi) };
    case OG_OP_SELECT: return (ogi_range){ OGI_MIN(s[1].lo, s[2].lo), OGI_MAX(s[1].hi, s[2].hi) };
    case OG_OP_DIV:
        if (s[0].lo < 0 || s[1].lo < 1) return OGI_RANGE_ANY;
        return (ogi_range){ s[0].lo / s[1].hi, s[0].hi / s[1].lo };
    default: return OGI_RANGE_ANY;
    }
}

// clang-format off
#define ARGS_1 og_tensor *a
#define ARGS_2 og_tensor *a, og_tensor *b
#define ARGS_3 og_tensor *c, og_tensor *a, og_tensor *b
#define SRC_1 a
#define SRC_2 a, b
#define SRC_3 c, a, b
/* Unary: rows no vector divides. Binary: a row and a column are broadcast. */
#define CASES_1(op)                                                                                \
    { "graph \"" op "\"\nsym T = 1..40\ninput $x : F32[T,67]\n"                                    \
      "%0 = " op "($x)\noutput \"y\" = %0\n" }
#define CASES_2(op)                                                                                \
    { "graph \"" op "\"\nsym T = 1..40\ninput $a : F32[T,67]\ninput $b : F32[67]\n"                \
      "%0 = " op "($a, $b)\noutput \"y\" = %0\n",                                                  \
      "graph \"" op "\"\nsym T = 1..40\ninput $a : I32[T,1]\ninput $b : I32[T,16]\n"               \
      "%0 = " op "($a, $b)\noutput \"y\" = %0\n" }
#define CASES_3(op)                                                                                \
    { "graph \"" op "\"\nsym T = 1..40\ninput $c : I32[T,67]\ninput $a : F32[T,1]\n"               \
      "input $b : F32[T,67]\n%0 = " op "($c, $a, $b)\noutput \"y\" = %0\n" }
#define DEFINE(ENUM, name, n, real_expr, int_expr, has, kx_expr, low, high, is_drawn, exact)                                   \
    og_tensor *og_##name(og_graph *g, ARGS_##n)                                                    \
    {                                                                                              \
        return ogi_node(g, OG_OP_##ENUM, NULL, n, (og_tensor *[]){ SRC_##n });                     \
    }                                                                                              \
    static const char *const name##_cases[] = CASES_##n(#name);                                    \
    const ogi_op_def ogi_op_##name = {                                                             \
        .op_class = OGI_CLASS_MAP, .n_src_min = n, .n_src_max = n,                                 \
        .infer = infer, .ref = ref, .lower = lower, .range = range, .tol = 1e-11,                  \
        .domain = { low, high, exact, is_drawn ? name##_real : NULL },                              \
        OGI_CASES(name##_cases),                                                                   \
    };
#define DEFINE_(...) DEFINE(__VA_ARGS__)
MAPS(DEFINE_)
// clang-format on
