/* SPDX-License-Identifier: MIT
 *
 * rms_norm: y = x / sqrt(mean(x * x) + eps), the mean along each row. */
#include <math.h>

#include "ops/op.h"

typedef struct params {
    float eps;
} params;

static const ogi_attr attr[] = { { "eps", OGI_ATTR_FLOAT, offsetof(params, eps), 0 } };

og_tensor *og_rms_norm(og_graph *g, og_tensor *x, float eps)
{
    return ogi_node(g, OG_OP_RMS_NORM, &(params){ eps }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    OG_TRY(ogi_want_real(n, 0, "x"));
    if (!(p->eps >= 0)) OGI_INFER_FAIL(n, "eps is %g, expected 0 or more", (double)p->eps);
    return ogi_infer_same(n, OG_F32);
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    int64_t len = ogi_ref_last(c->dst);
    for (int64_t r = 0; len > 0 && r < c->dst->n; r += len) {
        const float *x = c->src[0]->f + r;
        float *y = c->dst->f + r;
        double sum = 0;
        for (int64_t i = 0; i < len; i++) sum += (double)x[i] * (double)x[i];
        double root = sqrt(sum / (double)len + (double)p->eps);
        for (int64_t i = 0; i < len; i++) y[i] = (float)((double)x[i] / root);
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx x = ogi_kb_load(b, 0);
    ogi_kx mean = ogi_kb_row_mean(b, ogi_kb_mul(b, x, x));
    return ogi_kb_mul(b, x, ogi_kb_rsqrt(b, ogi_kb_add(b, mean, ogi_kb_f32(b, p->eps))));
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const params *p = n->params;
    og_tensor *mean = og_mean(g, og_sqr(g, src[0]));
    return og_mul(g, src[0], og_rsqrt(g, og_scale(g, mean, 1, p->eps)));
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 4);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"rms_norm\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,67]\n"
    "%0 = rms_norm($x) eps=1e-05\n"
    "output \"y\" = %0\n",
    "graph \"rms_norm\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,4,96]\n"
    "%0 = rms_norm($x) eps=1e-06\n"
    "output \"y\" = %0\n",
    "graph \"rms_norm\"\n"
    "input $x : F32[3,1040]\n"
    "%0 = rms_norm($x) eps=1e-06\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_rms_norm = {
    .op_class = OGI_CLASS_ROW,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .decompose = decompose,
    .cost = cost,
    .tol = 1e-10,
    OGI_CASES(cases),
};
