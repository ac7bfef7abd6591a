/* SPDX-License-Identifier: MIT
 *
 * take_last: y[.., j] = x[.., index[.., j]]: the weights of a token's experts. An index outside a
 * row is held inside it. */
#include "ops/op.h"

og_tensor *og_take_last(og_graph *g, og_tensor *x, og_tensor *index)
{
    return ogi_node(g, OG_OP_TAKE_LAST, NULL, 2, (og_tensor *[]){ x, index });
}

static og_status infer(og_tensor *n)
{
    const og_shape *x = &n->src[0]->shape;
    int64_t size;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    OG_TRY(ogi_want_dtype(n, 1, "index", OG_I32));
    if (x->rank < 1) OGI_INFER_FAIL(n, "x is a scalar, expected rows");
    OG_TRY(ogi_want_rank(n, 1, "index", x->rank));
    for (int i = 0; i + 1 < x->rank; i++) OG_TRY(ogi_want_axis(n, 1, "index", i, x->dim[i]));
    OG_TRY(ogi_want_const(n, 0, "x", x->rank - 1, &size));
    n->dtype = OG_F32;
    n->shape = n->src[1]->shape;
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t len = ogi_ref_last(c->src[0]), k = ogi_ref_last(c->dst);
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t at = c->src[1]->i[e];
        if (at < 0 || at >= len)
            OG_FAIL(c->ctx, OG_E_INVALID, "take_last: index %lld, expected 0..%lld", (long long)at,
                    (long long)len - 1);
        c->dst->f[e] = c->src[0]->f[e / k * len + at];
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    int rank = ogi_kb_rank(b);
    og_dim len = ogi_last_dim(b->node->src[0]);
    ogi_kx last = ogi_kb_i32(b, (int32_t)(len.b / OGI_MAX(len.c, 1) - 1)), idx[OG_MAX_RANK];
    for (int i = 0; i < rank; i++) idx[i] = OGI_KX_NONE;
    ogi_kx at = ogi_kb_max(b, ogi_kb_load(b, 1), ogi_kb_i32(b, 0));
    idx[rank - 1] = ogi_kb_min(b, at, last);
    return ogi_kb_load_at(b, 0, idx);
}

// clang-format off
static const char *const cases[] = {
    "graph \"take_last\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,48]\n"
    "input $index.0.48 : I32[T,6]\n"
    "%0 = take_last($x, $index.0.48)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_take_last = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .tol = 0,
    OGI_CASES(cases),
};
