/* SPDX-License-Identifier: MIT
 *
 * scale: y = a * x + b, with constants a and b. */
#include "ops/op.h"

typedef struct params {
    float a, b;
} params;

static const ogi_attr attr[] = {
    { "a", OGI_ATTR_FLOAT, offsetof(params, a), 1 },
    { "b", OGI_ATTR_FLOAT, offsetof(params, b), 0 },
};

og_tensor *og_scale(og_graph *g, og_tensor *x, float a, float b)
{
    return ogi_node(g, OG_OP_SCALE, &(params){ a, b }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_real(n, 0, "x"));
    n->dtype = OG_F32;
    n->shape = n->src[0]->shape;
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    for (int64_t e = 0; e < c->dst->n; e++)
        c->dst->f[e] = (float)((double)p->a * (double)c->src[0]->f[e] + (double)p->b);
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx y = ogi_kb_mul(b, ogi_kb_load(b, 0), ogi_kb_f32(b, p->a));
    return p->b == 0 ? y : ogi_kb_add(b, y, ogi_kb_f32(b, p->b));
}

// clang-format off
static const char *const cases[] = {
    "graph \"scale\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "%0 = scale($x) a=-2.5 b=0.75\n"
    "output \"y\" = %0\n",
    "graph \"scale\"\n"
    "input $x : F16[3,64]\n"
    "%0 = scale($x) a=0.125\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_scale = {
    .op_class = OGI_CLASS_MAP,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .tol = 1e-11,
    OGI_CASES(cases),
};
