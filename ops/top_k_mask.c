/* SPDX-License-Identifier: MIT
 *
 * top_k_mask: 1 at the k largest of each row, else 0; of equal ones the first. What top_k would
 * name, as a condition: groups of experts that may be chosen from. */
#include "ops/moe.h"
#include "ops/op.h"

static const ogi_attr attr[] = { { "k", OGI_ATTR_INT, offsetof(ogi_top_k, k), 0 } };

og_tensor *og_top_k_mask(og_graph *g, og_tensor *x, int k)
{
    return ogi_node(g, OG_OP_TOP_K_MASK, &(ogi_top_k){ k }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    const ogi_top_k *p = n->params;
    int64_t len;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    OG_TRY(ogi_infer_same(n, OG_I32));
    OG_TRY(ogi_want_const(n, 0, "x", n->shape.rank - 1, &len));
    if (p->k < 1 || p->k > len)
        OGI_INFER_FAIL(n, "k is %d, expected 1..%lld, the length of a row", p->k, (long long)len);
    return OG_OK;
}

/* An entry is chosen if fewer than k of its row come before it. */
static og_status ref(const ogi_ref_call *c)
{
    const ogi_top_k *p = c->node->params;
    int64_t len = ogi_ref_last(c->dst);
    for (int64_t e = 0; e < c->dst->n; e++) {
        const float *x = c->src[0]->f + e / len * len;
        int64_t at = e % len, n_before = 0;
        for (int64_t i = 0; i < len; i++)
            if (x[i] > x[at] || (x[i] == x[at] && i < at)) n_before++;
        c->dst->i[e] = n_before < p->k;
    }
    return OG_OK;
}

static ogi_range range(const og_tensor *n, const ogi_range *src)
{
    (void)n, (void)src;
    return (ogi_range){ 0, 1 };
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_top_k *p = n->params;
    ogi_cost_numel(n, c->flops, p->k);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"top_k_mask\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,17]\n"
    "%0 = top_k_mask($x) k=4\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_top_k_mask = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(ogi_top_k),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .range = range,
    .cost = cost,
    .tol = 0,
    OGI_CASES(cases),
};
