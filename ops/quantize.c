/* SPDX-License-Identifier: MIT
 *
 * quantize: x as A8, int8 codes with one F32 scale for 32 values. The formula is the identity: the
 * store encodes (backends/cpu/isa/kernels.h), as the evaluator of references rounds. */
#include "ops/op.h"

og_tensor *og_quantize(og_graph *g, og_tensor *x)
{
    return ogi_node(g, OG_OP_QUANTIZE, NULL, 1, &x);
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_real(n, 0, "x"));
    OG_TRY(ogi_infer_same(n, OG_A8));
    int64_t k;
    OG_TRY(ogi_want_const(n, 0, "x", n->shape.rank - 1, &k));
    if (k % 32 != 0)
        OGI_INFER_FAIL(n, "rows of x have %lld values, expected a multiple of 32", (long long)k);
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    for (int64_t e = 0; e < c->dst->n; e++) c->dst->f[e] = c->src[0]->f[e];
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    return ogi_kb_load(b, 0);
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 4); /* maximum, scale, round, sum */
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"quantize\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,64]\n"
    "%0 = quantize($x)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_quantize = {
    .op_class = OGI_CLASS_MAP,
    .n_src_min = 1,
    .n_src_max = 1,
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .cost = cost,
    .tol = 1e-6,
    OGI_CASES(cases),
};
