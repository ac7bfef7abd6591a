/* SPDX-License-Identifier: MIT
 *
 * softmax: exp(x - max) / sum of those, along each row. */
#include <math.h>

#include "ops/op.h"

og_tensor *og_softmax(og_graph *g, og_tensor *x)
{
    return ogi_node(g, OG_OP_SOFTMAX, NULL, 1, &x);
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_real(n, 0, "x"));
    return ogi_infer_same(n, OG_F32);
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t len = ogi_ref_last(c->dst);
    for (int64_t r = 0; len > 0 && r < c->dst->n; r += len) {
        const float *x = c->src[0]->f + r;
        float *y = c->dst->f + r;
        double most = -INFINITY, sum = 0;
        for (int64_t i = 0; i < len; i++) most = fmax(most, (double)x[i]);
        for (int64_t i = 0; i < len; i++) sum += exp((double)x[i] - most);
        for (int64_t i = 0; i < len; i++) y[i] = (float)(exp((double)x[i] - most) / sum);
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    ogi_kx x = ogi_kb_load(b, 0);
    ogi_kx e = ogi_kb_exp(b, ogi_kb_sub(b, x, ogi_kb_row_max(b, x)));
    return ogi_kb_div(b, e, ogi_kb_row_sum(b, e));
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    (void)n;
    og_tensor *e = og_exp(g, og_sub(g, src[0], og_max(g, src[0])));
    return og_div(g, e, og_sum(g, e));
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 5);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"softmax\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "%0 = softmax($x)\n"
    "output \"y\" = %0\n",
    "graph \"softmax\"\n"
    "input $x : F32[3,600]\n"
    "%0 = softmax($x)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_softmax = {
    .op_class = OGI_CLASS_ROW,
    .n_src_min = 1,
    .n_src_max = 1,
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .decompose = decompose,
    .cost = cost,
    .tol = 1e-10,
    OGI_CASES(cases),
};
