/* SPDX-License-Identifier: MIT
 *
 * linear: y[.., f] = sum over e of x[.., e] * w[f, e]. x is F32, or A8 for quantized weights. */
#include "ops/op.h"

og_tensor *og_linear(og_graph *g, og_tensor *x, og_tensor *w)
{
    return ogi_node(g, OG_OP_LINEAR, NULL, 2, (og_tensor *[]){ x, w });
}

static og_status infer(og_tensor *n)
{
    const og_tensor *x = n->src[0];
    if (x->dtype != OG_F32 && x->dtype != OG_A8)
        OGI_INFER_FAIL(n, "x is %s, expected F32 or A8", og_dtype_name(x->dtype));
    OG_TRY(ogi_want_real(n, 1, "w"));
    if (x->shape.rank < 1) OGI_INFER_FAIL(n, "x is a scalar, expected rows");
    OG_TRY(ogi_want_rank(n, 1, "w", 2));
    OG_TRY(ogi_want_axis(n, 1, "w", 1, ogi_last_dim(x)));
    n->dtype = OG_F32;
    n->shape = x->shape;
    n->shape.dim[n->shape.rank - 1] = n->src[1]->shape.dim[0];
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t n_in = c->src[1]->dim[1], n_out = c->src[1]->dim[0];
    for (int64_t e = 0; e < c->dst->n; e++) {
        const float *x = c->src[0]->f + e / n_out * n_in;
        const float *w = c->src[1]->f + e % n_out * n_in;
        double acc = 0;
        for (int64_t i = 0; i < n_in; i++) acc += (double)x[i] * (double)w[i];
        c->dst->f[e] = (float)acc;
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = n->src[1]->shape.dim[1];
    ogi_cost_numel(n, c->flops, 2 * (double)k.b / OGI_MAX(k.c, 1));
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "weight @w : F32[48,67]\n"
    "%0 = linear($x, @w)\n"
    "output \"y\" = %0\n",
    "graph \"linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,128]\n"
    "weight @w : F16[33,128]\n"
    "%0 = linear($x, @w)\n"
    "output \"y\" = %0\n",
    "graph \"linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,64]\n"
    "weight @w : Q8_0[48,64]\n"
    "%0 = quantize($x)\n"
    "%1 = linear(%0, @w)\n"
    "output \"y\" = %1\n",
    "graph \"linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,256]\n"
    "weight @w : Q4_K[48,256]\n"
    "%0 = quantize($x)\n"
    "%1 = linear(%0, @w)\n"
    "output \"y\" = %1\n",
};
// clang-format on

const ogi_op_def ogi_op_linear = {
    .op_class = OGI_CLASS_LINEAR,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    .cost = cost,
    .tol = 1e-9,
    OGI_CASES(cases),
};
