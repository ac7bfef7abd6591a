/* SPDX-License-Identifier: MIT
 *
 * cast: the same values as F32, F16, BF16 or I32. To half types the store rounds, to nearest even;
 * to I32 toward zero, with INT32_MIN for what does not fit. */
#include "ops/op.h"

typedef struct params {
    og_dtype dtype;
} params;

static const ogi_attr attr[] = { { "dtype", OGI_ATTR_DTYPE, offsetof(params, dtype), 0 } };

og_tensor *og_cast(og_graph *g, og_tensor *x, og_dtype dtype)
{
    return ogi_node(g, OG_OP_CAST, &(params){ dtype }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    if (n->src[0]->dtype != OG_I32) OG_TRY(ogi_want_real(n, 0, "x"));
    if (p->dtype != OG_F32 && p->dtype != OG_F16 && p->dtype != OG_BF16 && p->dtype != OG_I32)
        OGI_INFER_FAIL(n, "dtype is %s, expected F32, F16, BF16 or I32", og_dtype_name(p->dtype));
    n->dtype = p->dtype;
    n->shape = n->src[0]->shape;
    return OG_OK;
}

static int32_t to_i32(float x)
{
    return x > -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *x = c->src[0];
    ogi_ref_tensor *y = c->dst;
    for (int64_t e = 0; e < y->n; e++) {
        if (y->i)
            y->i[e] = x->i ? x->i[e] : to_i32(x->f[e]);
        else
            y->f[e] = x->i ? (float)x->i[e] : x->f[e];
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx x = ogi_kb_load(b, 0);
    if (x < 0) return OGI_KX_NONE;
    bool is_int = b->ins[x].type == OGI_KX_I32;
    if (p->dtype == OG_I32) return is_int ? x : ogi_kb_to_i32(b, x);
    x = is_int ? ogi_kb_to_f32(b, x) : x;
    /* Rounded here too: a fused reader must see what a stored value would be. */
    if (p->dtype == OG_F16) return ogi_kb_round_f16(b, x);
    return p->dtype == OG_BF16 ? ogi_kb_round_bf16(b, x) : x;
}

/* A copy keeps what its source lies in. */
static ogi_range range(const og_tensor *n, const ogi_range *src)
{
    return n->src[0]->dtype == OG_I32 ? src[0] : OGI_RANGE_ANY;
}

// clang-format off
static const char *const cases[] = {
    "graph \"cast\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "%0 = cast($x) dtype=F16\n"
    "output \"y\" = %0\n",
    "graph \"cast\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,64]\n"
    "%0 = cast($x) dtype=BF16\n"
    "output \"y\" = %0\n",
    "graph \"cast\"\n"
    "sym T = 1..40\n"
    "input $x : I32[T,67]\n"
    "%0 = cast($x) dtype=F32\n"
    "output \"y\" = %0\n",
    "graph \"cast\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,7]\n"
    "%0 = cast($x) dtype=I32\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_cast = {
    .op_class = OGI_CLASS_MAP,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .range = range,
    .lower = lower,
    .tol = 0,
    OGI_CASES(cases),
};
