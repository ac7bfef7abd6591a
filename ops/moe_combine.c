/* SPDX-License-Identifier: MIT
 *
 * moe_combine: y[t, :] = sum over j of w[t, j] * x[t, j, :], in the order of j: products and sums
 * rounded one by one, so that decode and prefill agree. */
#include "ops/op.h"

og_tensor *og_moe_combine(og_graph *g, og_tensor *y, og_tensor *w)
{
    return ogi_node(g, OG_OP_MOE_COMBINE, NULL, 2, (og_tensor *[]){ y, w });
}

static og_status infer(og_tensor *n)
{
    int64_t k;
    OG_TRY(ogi_want_real(n, 0, "y"));
    OG_TRY(ogi_want_real(n, 1, "w"));
    OG_TRY(ogi_want_rank(n, 0, "y", 3));
    OG_TRY(ogi_want_rank(n, 1, "w", 2));
    const og_dim *y = n->src[0]->shape.dim;
    OG_TRY(ogi_want_axis(n, 1, "w", 0, y[0]));
    OG_TRY(ogi_want_axis(n, 1, "w", 1, y[1]));
    OG_TRY(ogi_want_const(n, 0, "y", 1, &k));
    n->dtype = OG_F32;
    n->shape = (og_shape){ 2, { y[0], y[2] } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t k = c->src[0]->dim[1], len = c->src[0]->dim[2];
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t t = e / len;
        double acc = 0;
        for (int64_t j = 0; j < k; j++)
            acc +=
                (double)c->src[1]->f[t * k + j] * (double)c->src[0]->f[(t * k + j) * len + e % len];
        c->dst->f[e] = (float)acc;
    }
    return OG_OK;
}

static int64_t n_chosen(const og_tensor *n)
{
    og_dim k = n->src[0]->shape.dim[1];
    return k.b / OGI_MAX(k.c, 1);
}

static ogi_kx lower(ogi_kb *b)
{
    ogi_kx acc = OGI_KX_NONE, t = ogi_kb_coord(b, 0);
    for (int32_t j = 0; j < n_chosen(b->node); j++) {
        ogi_kx at = ogi_kb_i32(b, j);
        ogi_kx y = ogi_kb_load_at(b, 0, (ogi_kx[]){ t, at, OGI_KX_NONE });
        ogi_kx p = ogi_kb_mul(b, y, ogi_kb_load_at(b, 1, (ogi_kx[]){ t, at }));
        acc = j == 0 ? p : ogi_kb_add(b, acc, p);
    }
    return acc;
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    og_tensor *acc = NULL;
    for (int64_t j = 0; j < n_chosen(n); j++) {
        og_tensor *y = og_reshape(g, og_slice(g, src[0], 1, j, 1), n->shape);
        og_tensor *p = og_mul(g, y, og_slice(g, src[1], 1, j, 1));
        acc = j == 0 ? p : og_add(g, acc, p);
    }
    return acc;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n->src[0], c->flops, 2);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"moe_combine\"\n"
    "sym T = 1..40\n"
    "input $y : F32[T,3,67]\n"
    "input $w : F32[T,3]\n"
    "%0 = moe_combine($y, $w)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_moe_combine = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .decompose = decompose,
    .cost = cost,
    .tol = 1e-10,
    OGI_CASES(cases),
    .is_composite = true,
};
