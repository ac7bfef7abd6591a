/* SPDX-License-Identifier: MIT
 *
 * What the norms along rows have in common: one operand, eps, the shape of the operand. A norm's
 * file has ref_row, lower and decompose, and ends in OGI_NORM; see rms_norm.c. */
#ifndef OG_OPS_NORM_H
#define OG_OPS_NORM_H

#include <math.h>

#include "ops/op.h"

typedef struct ogi_norm {
    float eps;
} ogi_norm;

static const ogi_attr ogi_norm_attr[] = { { "eps", OGI_ATTR_FLOAT, offsetof(ogi_norm, eps), 0 } };

static inline og_status ogi_norm_infer(og_tensor *n)
{
    const ogi_norm *p = n->params;
    OG_TRY(ogi_want_real(n, 0, "x"));
    if (!(p->eps >= 0)) OGI_INFER_FAIL(n, "eps is %g, expected 0 or more", (double)p->eps);
    return ogi_infer_same(n, OG_F32);
}

/* Runs ref_row, the norm of n values x to y, over all rows. */
static inline og_status ogi_norm_ref(const ogi_ref_call *c,
                                     void (*ref_row)(const float *x, int64_t n, double eps,
                                                     float *y))
{
    const ogi_norm *p = c->node->params;
    int64_t n = ogi_ref_last(c->dst);
    for (int64_t r = 0; n > 0 && r < c->dst->n; r += n)
        ref_row(c->src[0]->f + r, n, (double)p->eps, c->dst->f + r);
    return OG_OK;
}

/* flops: of one element. Rows that no vector divides, of heads, longer than a strip. */
// clang-format off
#define OGI_NORM(ENUM, name, flops_each)                                                           \
    og_tensor *og_##name(og_graph *g, og_tensor *x, float eps)                                     \
    {                                                                                              \
        return ogi_node(g, OG_OP_##ENUM, &(ogi_norm){ eps }, 1, &x);                               \
    }                                                                                              \
    static og_status ref(const ogi_ref_call *c)                                                    \
    {                                                                                              \
        return ogi_norm_ref(c, ref_row);                                                           \
    }                                                                                              \
    static void cost(const og_tensor *n, ogi_cost *c)                                              \
    {                                                                                              \
        ogi_cost_numel(n, c->flops, flops_each);                                                   \
        ogi_cost_io(n, c);                                                                         \
    }                                                                                              \
    static const char *const cases[] = {                                                           \
        "graph \"" #name "\"\nsym T = 1..40\ninput $x : F32[T,67]\n"                               \
        "%0 = " #name "($x) eps=1e-05\noutput \"y\" = %0\n",                                       \
        "graph \"" #name "\"\nsym T = 1..40\ninput $x : F32[T,4,96]\n"                             \
        "%0 = " #name "($x) eps=1e-06\noutput \"y\" = %0\n",                                       \
        "graph \"" #name "\"\ninput $x : F32[3,1040]\n"                                            \
        "%0 = " #name "($x) eps=1e-06\noutput \"y\" = %0\n",                                       \
    };                                                                                             \
    const ogi_op_def ogi_op_##name = {                                                             \
        .op_class = OGI_CLASS_ROW, .n_src_min = 1, .n_src_max = 1,                                 \
        .params_size = sizeof(ogi_norm), .attr = ogi_norm_attr, .n_attr = OGI_LEN(ogi_norm_attr),  \
        .infer = ogi_norm_infer, .ref = ref, .lower = lower, .decompose = decompose,               \
        .cost = cost, .tol = 1e-10, OGI_CASES(cases),                                              \
    };
// clang-format on

#endif
