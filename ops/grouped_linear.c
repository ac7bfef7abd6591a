/* SPDX-License-Identifier: MIT
 *
 * grouped_linear: y[t, j, :] = w[ids[t, j]] x[t, j or 0, :]: each token with its own experts. The
 * groups say which (t, j) each expert has, so that a kernel reads an expert's weights once. */
#include "ops/moe.h"
#include "ops/op.h"

og_tensor *og_grouped_linear(og_graph *g, og_tensor *x, og_tensor *w, og_tensor *ids,
                             og_tensor *groups)
{
    return ogi_node(g, OG_OP_GROUPED_LINEAR, NULL, OGI_GROUPED_LINEAR_N_SRC,
                    (og_tensor *[]){ x, w, ids, groups });
}

static og_status infer(og_tensor *n)
{
    og_tensor *const *s = n->src;
    if (s[0]->dtype != OG_F32 && s[0]->dtype != OG_A8)
        OGI_INFER_FAIL(n, "x is %s, expected F32 or A8", og_dtype_name(s[0]->dtype));
    OG_TRY(ogi_want_real(n, OGI_GROUPED_LINEAR_W, "w"));
    OG_TRY(ogi_want_dtype(n, OGI_GROUPED_LINEAR_IDS, "ids", OG_I32));
    OG_TRY(ogi_want_dtype(n, OGI_GROUPED_LINEAR_GROUPS, "groups", OG_I32));
    OG_TRY(ogi_want_rank(n, OGI_GROUPED_LINEAR_X, "x", 3));
    OG_TRY(ogi_want_rank(n, OGI_GROUPED_LINEAR_W, "w", 3));
    OG_TRY(ogi_want_rank(n, OGI_GROUPED_LINEAR_IDS, "ids", 2));
    OG_TRY(ogi_want_rank(n, OGI_GROUPED_LINEAR_GROUPS, "groups", 1));
    int64_t k, n_expert, per_token;
    OG_TRY(ogi_want_const(n, OGI_GROUPED_LINEAR_IDS, "ids", 1, &k));
    OG_TRY(ogi_want_const(n, OGI_GROUPED_LINEAR_W, "w", 0, &n_expert));
    OG_TRY(ogi_want_const(n, OGI_GROUPED_LINEAR_X, "x", 1, &per_token));
    if (per_token != 1 && per_token != k)
        OGI_INFER_FAIL(n, "x has %lld rows a token, expected 1 or %lld", (long long)per_token,
                       (long long)k);
    og_dim tokens = s[OGI_GROUPED_LINEAR_IDS]->shape.dim[0];
    OG_TRY(ogi_want_axis(n, OGI_GROUPED_LINEAR_X, "x", 0, tokens));
    OG_TRY(ogi_want_axis(n, OGI_GROUPED_LINEAR_W, "w", 2, ogi_last_dim(s[0])));
    OG_TRY(ogi_want_axis(n, OGI_GROUPED_LINEAR_GROUPS, "groups", 0,
                         og_dim_add(og_dim_mul(tokens, k), OG_N(n_expert + 1))));
    n->dtype = OG_F32;
    n->shape = (og_shape){ 3, { tokens, OG_N(k), s[OGI_GROUPED_LINEAR_W]->shape.dim[1] } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *x = c->src[OGI_GROUPED_LINEAR_X], *w = c->src[OGI_GROUPED_LINEAR_W];
    const ogi_ref_tensor *ids = c->src[OGI_GROUPED_LINEAR_IDS];
    int64_t k = ids->dim[1], n_out = w->dim[1], n_in = w->dim[2];
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t pair = e / n_out, id = ids->i[pair];
        if (id < 0 || id >= w->dim[0])
            OG_FAIL(c->ctx, OG_E_INVALID, "grouped_linear: expert %lld, expected 0..%lld",
                    (long long)id, (long long)w->dim[0] - 1);
        const float *row = x->f + (x->dim[1] == 1 ? pair / k : pair) * n_in;
        const float *weight = w->f + (id * n_out + e % n_out) * n_in;
        double acc = 0;
        for (int64_t i = 0; i < n_in; i++) acc += (double)row[i] * (double)weight[i];
        c->dst->f[e] = (float)acc;
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[OGI_GROUPED_LINEAR_X]);
    ogi_cost_numel(n, c->flops, 2 * (double)k.b / OGI_MAX(k.c, 1));
    /* Experts are counted as if each were used, which prefill comes near to. */
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"grouped_linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,1,64]\n"
    "weight @w : F32[4,24,64]\n"
    "input $r : F32[T,4]\n"
    "%0 = top_k($r) k=2\n"
    "%1 = group_by_expert(%0) n_expert=4\n"
    "%2 = grouped_linear($x, @w, %0, %1)\n"
    "output \"y\" = %2\n",
    "graph \"grouped_linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,2,64]\n"
    "weight @w : Q8_0[4,24,64]\n"
    "input $r : F32[T,4]\n"
    "%0 = quantize($x)\n"
    "%1 = top_k($r) k=2\n"
    "%2 = group_by_expert(%1) n_expert=4\n"
    "%3 = grouped_linear(%0, @w, %1, %2)\n"
    "output \"y\" = %3\n",
};
// clang-format on

static int64_t n_expert_of(const og_tensor *n)
{
    return n->src[OGI_GROUPED_LINEAR_W]->shape.dim[0].b;
}

static const ogi_address addresses[] = {
    OGI_ADDRESS_BOUNDED(OGI_GROUPED_LINEAR_IDS, n_expert_of),
    OGI_ADDRESS_MADE_BY(OGI_GROUPED_LINEAR_GROUPS, OG_OP_GROUP_BY_EXPERT),
};

const ogi_op_def ogi_op_grouped_linear = {
    .op_class = OGI_CLASS_LINEAR,
    .n_src_min = OGI_GROUPED_LINEAR_N_SRC,
    .n_src_max = OGI_GROUPED_LINEAR_N_SRC,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-9,
    OGI_CASES(cases),
};
