/* SPDX-License-Identifier: MIT
 *
 * top_k: the indexes of the k largest of each row, falling; equal ones by rising index. */
#include "ops/moe.h"
#include "ops/op.h"

static const ogi_attr attr[] = { { "k", OGI_ATTR_INT, offsetof(ogi_top_k, k), 0 } };

og_tensor *og_top_k(og_graph *g, og_tensor *x, int k)
{
    return ogi_node(g, OG_OP_TOP_K, &(ogi_top_k){ k }, 1, &x);
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
    n->shape.dim[n->shape.rank - 1] = OG_N(p->k);
    return OG_OK;
}

/* Each pick is the largest that comes after the last pick in the order (falling, then by index). */
static og_status ref(const ogi_ref_call *c)
{
    int64_t len = ogi_ref_last(c->src[0]), k = ogi_ref_last(c->dst);
    for (int64_t e = 0; e < c->dst->n; e++) {
        const float *x = c->src[0]->f + e / k * len;
        int64_t last = e % k ? c->dst->i[e - 1] : -1, best = -1;
        for (int64_t i = 0; i < len; i++) {
            if (last >= 0 && !(x[i] < x[last] || (x[i] == x[last] && i > last))) continue;
            if (best < 0 || x[i] > x[best]) best = i;
        }
        c->dst->i[e] = (int32_t)OGI_MAX(best, 0); /* rows with NaN may run out */
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_top_k *p = n->params;
    ogi_cost_numel(n->src[0], c->flops, p->k);
    ogi_cost_io(n, c);
}

static ogi_range range(const og_tensor *n, const ogi_range *src)
{
    (void)src;
    return (ogi_range){ 0, ogi_last_dim(n->src[0]).b - 1 };
}

// clang-format off
static const char *const cases[] = {
    "graph \"top_k\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,17]\n"
    "%0 = top_k($x) k=4\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_top_k = {
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
