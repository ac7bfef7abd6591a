/* SPDX-License-Identifier: MIT
 *
 * group_by_expert: expert ids [T, k] -> I32 [T * k + n_expert + 1]: the pairs t * k + j sorted by
 * expert, in rising order within one; then the place where each expert's pairs begin, and the end.
 * An expert's pairs are result[begin[x]] .. result[begin[x + 1] - 1]. */
#include "ops/moe.h"
#include "ops/op.h"

static const ogi_attr attr[] = { { "n_expert", OGI_ATTR_INT,
                                   offsetof(ogi_group_by_expert, n_expert), 0 } };

og_tensor *og_group_by_expert(og_graph *g, og_tensor *ids, int n_expert)
{
    return ogi_node(g, OG_OP_GROUP_BY_EXPERT, &(ogi_group_by_expert){ n_expert }, 1, &ids);
}

static og_status infer(og_tensor *n)
{
    const ogi_group_by_expert *p = n->params;
    int64_t k;
    OG_TRY(ogi_want_dtype(n, 0, "ids", OG_I32));
    OG_TRY(ogi_want_rank(n, 0, "ids", 2));
    OG_TRY(ogi_want_const(n, 0, "ids", 1, &k));
    if (p->n_expert < 1) OGI_INFER_FAIL(n, "n_expert is %d, expected 1 or more", p->n_expert);
    og_dim pairs = og_dim_mul(n->src[0]->shape.dim[0], k);
    n->dtype = OG_I32;
    n->shape = (og_shape){ 1, { og_dim_add(pairs, OG_N((int64_t)p->n_expert + 1)) } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_group_by_expert *p = c->node->params;
    const ogi_ref_tensor *ids = c->src[0];
    int32_t *order = c->dst->i, *begin = c->dst->i + ids->n, n = 0;
    for (int x = 0; x < p->n_expert; x++) {
        begin[x] = n;
        for (int64_t i = 0; i < ids->n; i++)
            if (ids->i[i] == x) order[n++] = (int32_t)i;
    }
    begin[p->n_expert] = n;
    if (n != ids->n)
        OG_FAIL(c->ctx, OG_E_INVALID, "group_by_expert: an id is not in 0..%d", p->n_expert - 1);
    return OG_OK;
}

// clang-format off
static const char *const cases[] = {
    "graph \"group_by_expert\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,6]\n"
    "%0 = top_k($x) k=3\n"
    "%1 = group_by_expert(%0) n_expert=6\n"
    "output \"y\" = %1\n",
};
// clang-format on

static int64_t n_expert_of(const og_tensor *n)
{
    return ((const ogi_group_by_expert *)n->params)->n_expert;
}

static const ogi_address addresses[] = {
    OGI_ADDRESS_BOUNDED(0, n_expert_of),
};

const ogi_op_def ogi_op_group_by_expert = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(ogi_group_by_expert),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .tol = 0,
    OGI_CASES(cases),
};
