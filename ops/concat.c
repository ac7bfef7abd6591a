/* SPDX-License-Identifier: MIT
 *
 * concat: a then b along one axis. */
#include "ops/op.h"

typedef struct params {
    int axis;
} params;

static const ogi_attr attr[] = { { "axis", OGI_ATTR_INT, offsetof(params, axis), 0 } };

og_tensor *og_concat(og_graph *g, og_tensor *a, og_tensor *b, int axis)
{
    return ogi_node(g, OG_OP_CONCAT, &(params){ axis }, 2, (og_tensor *[]){ a, b });
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    const og_tensor *a = n->src[0], *b = n->src[1];
    int64_t size;
    bool is_int = a->dtype == OG_I32 && b->dtype == OG_I32;
    if (!is_int) {
        OG_TRY(ogi_want_real(n, 0, "a"));
        OG_TRY(ogi_want_real(n, 1, "b"));
    }
    if (p->axis < 0 || p->axis >= a->shape.rank)
        OGI_INFER_FAIL(n, "axis is %d, expected 0..%d", p->axis, a->shape.rank - 1);
    OG_TRY(ogi_want_rank(n, 1, "b", a->shape.rank));
    for (int i = 0; i < a->shape.rank; i++)
        if (i != p->axis) OG_TRY(ogi_want_axis(n, 1, "b", i, a->shape.dim[i]));
    OG_TRY(ogi_want_const(n, 0, "a", p->axis, &size)); /* where b begins is in the program */
    n->dtype = is_int ? OG_I32 : OG_F32;
    n->shape = a->shape;
    n->shape.dim[p->axis] = og_dim_add(a->shape.dim[p->axis], b->shape.dim[p->axis]);
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    const ogi_ref_tensor *a = c->src[0], *b = c->src[1];
    int64_t inner = 1, n_a = a->dim[p->axis], n = c->dst->dim[p->axis];
    for (int i = p->axis + 1; i < a->rank; i++) inner *= a->dim[i];
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t in = e % inner, at = e / inner % n, outer = e / inner / n;
        const ogi_ref_tensor *s = at < n_a ? a : b;
        int64_t from = at < n_a ? (outer * n_a + at) * inner + in
                                : (outer * (n - n_a) + at - n_a) * inner + in;
        if (c->dst->i)
            c->dst->i[e] = s->i[from];
        else
            c->dst->f[e] = s->f[from];
    }
    return OG_OK;
}

/* Both sides are loaded, at coordinates held inside them, and the right one is taken. */
static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    og_dim d = b->node->src[0]->shape.dim[p->axis];
    int32_t n_a = (int32_t)(d.b / OGI_MAX(d.c, 1));
    ogi_kx at = ogi_kb_coord(b, p->axis), idx[OG_MAX_RANK];
    for (int i = 0; i < OG_MAX_RANK; i++) idx[i] = OGI_KX_NONE;
    idx[p->axis] = ogi_kb_min(b, at, ogi_kb_i32(b, n_a - 1));
    ogi_kx x = ogi_kb_load_at(b, 0, idx);
    idx[p->axis] = ogi_kb_max(b, ogi_kb_sub(b, at, ogi_kb_i32(b, n_a)), ogi_kb_i32(b, 0));
    ogi_kx y = ogi_kb_load_at(b, 1, idx);
    return ogi_kb_select(b, ogi_kb_lt(b, at, ogi_kb_i32(b, n_a)), x, y);
}

// clang-format off
static const char *const cases[] = {
    "graph \"concat\"\n"
    "sym T = 1..40\n"
    "input $a : F32[T,3,16]\n"
    "input $b : F32[T,5,16]\n"
    "%0 = concat($a, $b) axis=1\n"
    "output \"y\" = %0\n",
    "graph \"concat\"\n"
    "sym T = 1..40\n"
    "input $a : F32[T,5]\n"
    "input $b : F32[T,67]\n"
    "%0 = concat($a, $b) axis=1\n"
    "output \"y\" = %0\n",
    "graph \"concat\"\n"
    "sym T = 1..40\n"
    "input $a : I32[3,8]\n"
    "input $b : I32[T,8]\n"
    "%0 = concat($a, $b) axis=0\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_concat = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .tol = 0,
    OGI_CASES(cases),
};
