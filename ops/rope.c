/* SPDX-License-Identifier: MIT
 *
 * rope: y[t, h, d] = x[t, h, d] * cos[t, d] + x[t, h, partner(d)] * sin[t, d]. The table holds
 * cosines, then sines with the sign of the rotation; beyond n_rot they are 1 and 0. */
#include "ops/op.h"

typedef struct params {
    int n_rot;
    bool is_interleaved;
} params;

static const ogi_attr attr[] = {
    { "n_rot", OGI_ATTR_INT, offsetof(params, n_rot), 0 },
    { "interleaved", OGI_ATTR_BOOL, offsetof(params, is_interleaved), 0 },
};

og_tensor *og_rope(og_graph *g, og_tensor *x, og_tensor *table, const og_rope_args *rope)
{
    static const og_rope_args none; /* no rotation: refused as such */
    if (!rope) rope = &none;
    return ogi_node(g, OG_OP_ROPE, &(params){ rope->n_rot, rope->is_interleaved }, 2,
                    (og_tensor *[]){ x, table });
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    const og_dim *x = n->src[0]->shape.dim;
    int64_t dim;
    OG_TRY(ogi_want_real(n, 0, "x"));
    OG_TRY(ogi_want_rank(n, 0, "x", 3));
    OG_TRY(ogi_want_dtype(n, 1, "table", OG_F32));
    OG_TRY(ogi_want_rank(n, 1, "table", 3));
    OG_TRY(ogi_want_axis(n, 1, "table", 0, x[0]));
    OG_TRY(ogi_want_axis(n, 1, "table", 1, OG_N(2)));
    OG_TRY(ogi_want_axis(n, 1, "table", 2, x[2]));
    OG_TRY(ogi_want_const(n, 0, "x", 2, &dim));
    if (p->n_rot < 2 || p->n_rot % 2 != 0 || p->n_rot > dim)
        OGI_INFER_FAIL(n, "n_rot is %d, expected an even number from 2 to %lld", p->n_rot,
                       (long long)dim);
    return ogi_infer_same(n, OG_F32);
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    int64_t n_head = c->dst->dim[1], dim = c->dst->dim[2], half = p->n_rot / 2;
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t d = e % dim, t = e / dim / n_head, partner = d;
        if (d < p->n_rot) partner = p->is_interleaved ? d ^ 1 : d < half ? d + half : d - half;
        const float *x = c->src[0]->f + (e - d), *table = c->src[1]->f + t * 2 * dim;
        c->dst->f[e] =
            (float)((double)x[d] * (double)table[d] + (double)x[partner] * (double)table[dim + d]);
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx d = ogi_kb_coord(b, 2), n_rot = ogi_kb_i32(b, p->n_rot), partner;
    if (p->is_interleaved) {
        partner = ogi_kb_xor(b, d, ogi_kb_i32(b, 1));
    } else {
        ogi_kx half = ogi_kb_i32(b, p->n_rot / 2);
        partner =
            ogi_kb_select(b, ogi_kb_lt(b, d, half), ogi_kb_add(b, d, half), ogi_kb_sub(b, d, half));
    }
    og_dim last = ogi_last_dim(b->node);
    if (p->n_rot != last.b) partner = ogi_kb_select(b, ogi_kb_lt(b, d, n_rot), partner, d);
    ogi_kx none = OGI_KX_NONE;
    ogi_kx cosine = ogi_kb_load_at(b, 1, (ogi_kx[]){ none, ogi_kb_i32(b, 0), none });
    ogi_kx sine = ogi_kb_load_at(b, 1, (ogi_kx[]){ none, ogi_kb_i32(b, 1), none });
    ogi_kx other = ogi_kb_load_at(b, 0, (ogi_kx[]){ none, none, partner });
    return ogi_kb_add(b, ogi_kb_mul(b, ogi_kb_load(b, 0), cosine), ogi_kb_mul(b, other, sine));
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 3);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"rope\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,3,32]\n"
    "input $pos : I32[T]\n"
    "weight @freq : F32[16]\n"
    "%0 = rope_table($pos, @freq) head_dim=32 n_rot=32\n"
    "%1 = rope($x, %0) n_rot=32\n"
    "output \"y\" = %1\n",
    "graph \"rope\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,3,32]\n"
    "input $pos : I32[T]\n"
    "weight @freq : F32[8]\n"
    "%0 = rope_table($pos, @freq) head_dim=32 n_rot=16 interleaved=true\n"
    "%1 = rope($x, %0) n_rot=16 interleaved=true\n"
    "output \"y\" = %1\n",
};
// clang-format on

const ogi_op_def ogi_op_rope = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .cost = cost,
    .tol = 1e-11,
    OGI_CASES(cases),
};
