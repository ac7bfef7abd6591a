/* SPDX-License-Identifier: MIT
 *
 * head_linear: y[t, h, :] = w[h] x[t, h, :], a weight for each head, as where a low-rank key is
 * absorbed into its query. Always decomposed: heads are experts that every token has, so the
 * grouped matmul serves them with every type of weight. Equal lists of them are shared by all
 * layers. */
#include "graph/dim.h"
#include "ops/op.h"

enum { HEADS_MAX = 1024 };

og_tensor *og_head_linear(og_graph *g, og_tensor *x, og_tensor *w)
{
    return ogi_node(g, OG_OP_HEAD_LINEAR, NULL, 2, (og_tensor *[]){ x, w });
}

static og_status infer(og_tensor *n)
{
    const og_tensor *x = n->src[0], *w = n->src[1];
    int64_t n_head;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    OG_TRY(ogi_want_rank(n, 0, "x", 3));
    OG_TRY(ogi_want_real(n, 1, "w"));
    OG_TRY(ogi_want_rank(n, 1, "w", 3));
    OG_TRY(ogi_want_const(n, 1, "w", 0, &n_head));
    if (n_head > HEADS_MAX)
        OGI_INFER_FAIL(n, "w has %lld heads, expected at most %d", (long long)n_head, HEADS_MAX);
    OG_TRY(ogi_want_axis(n, 0, "x", 1, OG_N(n_head)));
    OG_TRY(ogi_want_axis(n, 1, "w", 2, ogi_last_dim(x)));
    n->dtype = OG_F32;
    n->shape = (og_shape){ 3, { x->shape.dim[0], OG_N(n_head), w->shape.dim[1] } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *x = c->src[0], *w = c->src[1];
    int64_t n_head = w->dim[0], n_out = w->dim[1], n_in = w->dim[2];
    for (int64_t e = 0; e < c->dst->n; e++) {
        const float *row = x->f + e / n_out * n_in;
        const float *weight = w->f + (e / n_out % n_head * n_out + e % n_out) * n_in;
        double acc = 0;
        for (int64_t i = 0; i < n_in; i++) acc += (double)row[i] * (double)weight[i];
        c->dst->f[e] = (float)acc;
    }
    return OG_OK;
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    int32_t id[HEADS_MAX];
    int64_t n_head = n->shape.dim[1].b;
    for (int32_t h = 0; h < n_head; h++) id[h] = h;
    og_tensor *ids = og_table(g, OG_I32, OG_SHAPE(OG_N(1), OG_N(n_head)), id);
    ids = og_broadcast(g, ids, OG_SHAPE(n->shape.dim[0], OG_N(n_head)));
    og_tensor *groups = og_group_by_expert(g, ids, (int)n_head);
    return og_grouped_linear(g, src[0], src[1], ids, groups);
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[0]);
    ogi_cost_numel(n, c->flops, 2 * (double)k.b / OGI_MAX(k.c, 1));
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"head_linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,5,48]\n"
    "weight @w : F32[5,37,48]\n"
    "%0 = head_linear($x, @w)\n"
    "output \"y\" = %0\n",
    "graph \"head_linear\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,3,64]\n"
    "weight @w : Q8_0[3,24,64]\n"
    "%0 = head_linear($x, @w)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_head_linear = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    .decompose = decompose,
    .cost = cost,
    .tol = 1e-9,
    OGI_CASES(cases),
    .is_composite = true,
};
