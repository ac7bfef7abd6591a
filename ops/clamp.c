/* SPDX-License-Identifier: MIT
 *
 * clamp: y = min(max(x, lo), hi). */
#include "ops/op.h"

typedef struct params {
    float lo, hi;
} params;

static const ogi_attr attr[] = {
    { "lo", OGI_ATTR_FLOAT, offsetof(params, lo), 0 },
    { "hi", OGI_ATTR_FLOAT, offsetof(params, hi), 0 },
};

og_tensor *og_clamp(og_graph *g, og_tensor *x, float lo, float hi)
{
    return ogi_node(g, OG_OP_CLAMP, &(params){ lo, hi }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    OG_TRY(ogi_want_real(n, 0, "x"));
    if (!(p->lo <= p->hi))
        OGI_INFER_FAIL(n, "lo is %g and hi %g, expected lo <= hi", (double)p->lo, (double)p->hi);
    n->dtype = OG_F32;
    n->shape = n->src[0]->shape;
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    for (int64_t e = 0; e < c->dst->n; e++) {
        float x = c->src[0]->f[e];
        c->dst->f[e] = x < p->lo ? p->lo : x > p->hi ? p->hi : x;
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx x = ogi_kb_max(b, ogi_kb_load(b, 0), ogi_kb_f32(b, p->lo));
    return ogi_kb_min(b, x, ogi_kb_f32(b, p->hi));
}

// clang-format off
static const char *const cases[] = {
    "graph \"clamp\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "%0 = clamp($x) lo=-0.5 hi=1.25\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_clamp = {
    .op_class = OGI_CLASS_MAP,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .tol = 0,
    OGI_CASES(cases),
};
