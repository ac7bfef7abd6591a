/* SPDX-License-Identifier: MIT
 *
 * matmul: a [.., M, K] times b [.., N, K] transposed, [.., M, N]; leading dimensions broadcast. */
#include "graph/dim.h"
#include "ops/op.h"

og_tensor *og_matmul(og_graph *g, og_tensor *a, og_tensor *b)
{
    return ogi_node(g, OG_OP_MATMUL, NULL, 2, (og_tensor *[]){ a, b });
}

static og_status infer(og_tensor *n)
{
    const og_shape *a = &n->src[0]->shape, *b = &n->src[1]->shape;
    OG_TRY(ogi_want_dtype(n, 0, "a", OG_F32));
    OG_TRY(ogi_want_dtype(n, 1, "b", OG_F32));
    if (a->rank < 2 || b->rank < 2)
        OGI_INFER_FAIL(n, "a and b have %d and %d dimensions, expected 2 or more", a->rank,
                       b->rank);
    OG_TRY(ogi_want_axis(n, 1, "b", b->rank - 1, ogi_last_dim(n->src[0])));
    og_shape x = *a, y = *b;
    x.rank -= 2;
    y.rank -= 2;
    if (!ogi_shape_broadcast(&x, &y, &n->shape))
        OGI_INFER_FAIL(n, "leading dimensions of a and b do not broadcast");
    n->dtype = OG_F32;
    n->shape.dim[n->shape.rank++] = a->dim[a->rank - 2];
    n->shape.dim[n->shape.rank++] = b->dim[b->rank - 2];
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *a = c->src[0], *b = c->src[1];
    int64_t m = a->dim[a->rank - 2], n = b->dim[b->rank - 2], k = ogi_ref_last(a);
    ogi_ref_tensor lead = *c->dst, a_lead = *a, b_lead = *b; /* only their leading dimensions */
    lead.rank -= 2;
    a_lead.rank -= 2;
    b_lead.rank -= 2;
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t batch = e / (m * n), row = e / n % m, col = e % n;
        const float *x = a->f + (ogi_ref_index(&lead, &a_lead, batch) * m + row) * k;
        const float *y = b->f + (ogi_ref_index(&lead, &b_lead, batch) * n + col) * k;
        double acc = 0;
        for (int64_t i = 0; i < k; i++) acc += (double)x[i] * (double)y[i];
        c->dst->f[e] = (float)acc;
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[0]);
    ogi_cost_numel(n, c->flops, 2 * (double)ogi_dim_max(n->g, k));
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"matmul\"\n"
    "sym T = 1..40\n"
    "input $a : F32[T,19]\n"
    "input $b : F32[11,19]\n"
    "%0 = matmul($a, $b)\n"
    "output \"y\" = %0\n",
    "graph \"matmul\"\n"
    "sym T = 1..40\n"
    "input $a : F32[3,T,16]\n"
    "input $b : F32[1,9,16]\n"
    "%0 = matmul($a, $b)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_matmul = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    .cost = cost,
    .tol = 1e-9,
    OGI_CASES(cases),
};
