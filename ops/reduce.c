/* SPDX-License-Identifier: MIT
 *
 * sum, mean, max: reductions along rows, [.., n] -> [.., 1]. */
#include <math.h>

#include "ops/op.h"

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_real(n, 0, "x"));
    OG_TRY(ogi_infer_same(n, OG_F32));
    n->shape.dim[n->shape.rank - 1] = OG_N(1);
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t len = ogi_ref_last(c->src[0]);
    for (int64_t r = 0; r < c->dst->n; r++) {
        const float *x = c->src[0]->f + r * len;
        double acc = c->node->op == OG_OP_MAX ? -INFINITY : 0;
        for (int64_t i = 0; i < len; i++) {
            if (c->node->op == OG_OP_MAX)
                acc = fmax(acc, (double)x[i]);
            else
                acc += (double)x[i];
        }
        c->dst->f[r] = (float)(c->node->op == OG_OP_MEAN ? acc / (double)len : acc);
    }
    return OG_OK;
}

static ogi_kx lower_sum(ogi_kb *b)
{
    return ogi_kb_row_sum(b, ogi_kb_load(b, 0));
}
static ogi_kx lower_mean(ogi_kb *b)
{
    return ogi_kb_row_mean(b, ogi_kb_load(b, 0));
}
static ogi_kx lower_max(ogi_kb *b)
{
    return ogi_kb_row_max(b, ogi_kb_load(b, 0));
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n->src[0], c->flops, 1);
    ogi_cost_io(n, c);
}

// clang-format off
#define REDUCE(ENUM, name)                                                                         \
    og_tensor *og_##name(og_graph *g, og_tensor *x)                                                \
    {                                                                                              \
        return ogi_node(g, OG_OP_##ENUM, NULL, 1, &x);                                             \
    }                                                                                              \
    static const char *const name##_cases[] = {                                                    \
        "graph \"" #name "\"\nsym T = 1..40\ninput $x : F32[T,67]\n"                               \
        "%0 = " #name "($x)\noutput \"y\" = %0\n",                                                 \
        "graph \"" #name "\"\nsym T = 1..40\ninput $x : F32[T,3,600]\n"                            \
        "%0 = " #name "($x)\noutput \"y\" = %0\n",                                                 \
    };                                                                                             \
    const ogi_op_def ogi_op_##name = {                                                             \
        .op_class = OGI_CLASS_ROW, .n_src_min = 1, .n_src_max = 1,                                 \
        .infer = infer, .ref = ref, .lower = lower_##name, .cost = cost, .tol = 1e-10,             \
        OGI_CASES(name##_cases),                                                                   \
    };
REDUCE(SUM, sum)
REDUCE(MEAN, mean)
REDUCE(MAX, max)
// clang-format on
