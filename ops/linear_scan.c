/* SPDX-License-Identifier: MIT
 *
 * linear_scan: a matrix S [K, V] for each head goes through the tokens of each sequence,
 *
 *     S = diag(w) S + b (S'a)' + k v'        y = S'r, after the update or before it
 *
 * with S' the transposed S that the token finds. w decays each row of S, or all of them alike; a
 * and b may be absent. Columns of S never meet: they are what threads and lanes share out.
 *
 *     Mamba 2                     w = exp(dt A), k = B, v = dt x, r = C; Dao and Gu, 2024
 *     gated linear attention      as it is; Yang et al., 2023
 *     RWKV 6                      reads before; its bonus r (u k) v is a map; Peng et al., 2024
 *     RWKV 7                      a, b: its in-context learning rate; Peng et al., 2025
 *     gated delta net, KDA        a = w k, b = -beta k, v = beta v; Yang et al., 2024 */
#include "graph/dim.h"
#include "ops/scan.h"
#include "ops/scan_check.h"

static const ogi_attr attr[] = {
    { "reads_before", OGI_ATTR_BOOL, offsetof(ogi_linear_scan, reads_before), 0 },
    { "tiled", OGI_ATTR_BOOL, offsetof(ogi_linear_scan, is_tiled), 0 },
};

og_tensor *og_linear_scan(og_graph *g, const og_linear_scan_args *a)
{
    static const og_linear_scan_args none; /* no operand: refused as such */
    if (!a) a = &none;
    return ogi_node(g, OG_OP_LINEAR_SCAN, &(ogi_linear_scan){ a->reads_before, a->is_tiled },
                    OGI_LINEAR_SCAN_N_SRC,
                    (og_tensor *[]){ a->r, a->w, a->k, a->v, a->scan.state, a->scan.pos,
                                     a->scan.seq_start, a->scan.state_slot, a->a, a->b });
}

/* [T, heads, n] where heads divide those of v. */
static og_status infer_operand(const og_tensor *n, int i, const char *name, og_dim size)
{
    const og_dim *v = n->src[OGI_LINEAR_SCAN_V]->shape.dim;
    int64_t heads, have;
    OG_TRY(ogi_want_dtype(n, i, name, OG_F32));
    OG_TRY(ogi_want_rank(n, i, name, 3));
    OG_TRY(ogi_want_axis(n, i, name, 0, v[0]));
    OG_TRY(ogi_want_const(n, OGI_LINEAR_SCAN_V, "v", 1, &heads));
    OG_TRY(ogi_want_const(n, i, name, 1, &have));
    if (heads % have)
        OGI_INFER_FAIL(n, "%s has %lld heads, expected a divisor of the %lld of v", name,
                       (long long)have, (long long)heads);
    return ogi_want_axis(n, i, name, 2, size);
}

static og_status infer(og_tensor *n)
{
    og_tensor *const *s = n->src;
    OG_TRY(ogi_want_dtype(n, OGI_LINEAR_SCAN_V, "v", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_LINEAR_SCAN_V, "v", 3));
    OG_TRY(ogi_want_rank(n, OGI_LINEAR_SCAN_K, "k", 3));
    og_dim dim_k = s[OGI_LINEAR_SCAN_K]->shape.dim[2];
    OG_TRY(infer_operand(n, OGI_LINEAR_SCAN_R, "r", dim_k));
    OG_TRY(infer_operand(n, OGI_LINEAR_SCAN_K, "k", dim_k));
    OG_TRY(ogi_want_rank(n, OGI_LINEAR_SCAN_W, "w", 3));
    bool by_head = ogi_dim_eq(s[OGI_LINEAR_SCAN_W]->shape.dim[2], OG_N(1));
    OG_TRY(infer_operand(n, OGI_LINEAR_SCAN_W, "w", by_head ? OG_N(1) : dim_k));
    if (!s[OGI_LINEAR_SCAN_A] != !s[OGI_LINEAR_SCAN_B])
        OGI_INFER_FAIL(n, "a and b come together or not at all");
    if (s[OGI_LINEAR_SCAN_A]) {
        OG_TRY(infer_operand(n, OGI_LINEAR_SCAN_A, "a", dim_k));
        OG_TRY(infer_operand(n, OGI_LINEAR_SCAN_B, "b", dim_k));
    }
    const og_dim *v = s[OGI_LINEAR_SCAN_V]->shape.dim;
    OG_TRY(ogi_want_scan(n, OGI_LINEAR_SCAN_STATE, 4, v[0]));
    OG_TRY(ogi_want_axis(n, OGI_LINEAR_SCAN_STATE, "state", 1, v[1]));
    OG_TRY(ogi_want_axis(n, OGI_LINEAR_SCAN_STATE, "state", 2, dim_k));
    OG_TRY(ogi_want_axis(n, OGI_LINEAR_SCAN_STATE, "state", 3, v[2]));
    n->dtype = OG_F32;
    n->shape = s[OGI_LINEAR_SCAN_V]->shape;
    return OG_OK;
}

/* The row of token t that head h reads; NULL if the operand is absent. */
static const float *row_of(const ogi_ref_call *c, int src, int64_t t, int64_t h)
{
    const ogi_linear_scan *p = c->node->params;
    const ogi_ref_tensor *x = c->src[src];
    if (!x) return NULL;
    int64_t share = c->dst->dim[1] / x->dim[1], head = p->is_tiled ? h % x->dim[1] : h / share;
    return x->f + (t * x->dim[1] + head) * x->dim[2];
}

/* One token of one head, one column of S, whose rows are `stride` apart. */
static float ref_column(const ogi_ref_call *c, int64_t t, int64_t h, float v, float *S,
                        int64_t stride)
{
    const ogi_linear_scan *p = c->node->params;
    const float *r = row_of(c, OGI_LINEAR_SCAN_R, t, h), *w = row_of(c, OGI_LINEAR_SCAN_W, t, h);
    const float *k = row_of(c, OGI_LINEAR_SCAN_K, t, h), *a = row_of(c, OGI_LINEAR_SCAN_A, t, h);
    const float *b = row_of(c, OGI_LINEAR_SCAN_B, t, h);
    int64_t n = c->src[OGI_LINEAR_SCAN_K]->dim[2];
    bool by_head = c->src[OGI_LINEAR_SCAN_W]->dim[2] == 1;
    double y = 0, u = 0;
    for (int64_t i = 0; a && i < n; i++) u += (double)a[i] * (double)S[i * stride];
    for (int64_t i = 0; i < n; i++) {
        float *s = S + i * stride;
        if (p->reads_before) y += (double)r[i] * (double)*s;
        double next = (double)w[by_head ? 0 : i] * (double)*s + (double)k[i] * (double)v;
        *s = (float)(b ? next + (double)b[i] * u : next);
        if (!p->reads_before) y += (double)r[i] * (double)*s;
    }
    return (float)y;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t n_head = c->dst->dim[1], dim_v = c->dst->dim[2];
    int64_t dim_k = c->src[OGI_LINEAR_SCAN_K]->dim[2];
    const float *v = c->src[OGI_LINEAR_SCAN_V]->f;
    for (int64_t s = 0; s < c->src[OGI_LINEAR_SCAN_STATE_SLOT]->n; s++) {
        ogi_scan_seq q;
        OG_TRY(ogi_ref_scan(c, OGI_LINEAR_SCAN_STATE, s, &q));
        for (int64_t t = q.begin; t < q.end; t++)
            for (int64_t h = 0; h < n_head; h++)
                for (int64_t j = 0; j < dim_v; j++) {
                    int64_t e = (t * n_head + h) * dim_v + j;
                    c->dst->f[e] =
                        ref_column(c, t, h, v[e], q.state + h * dim_k * dim_v + j, dim_v);
                }
    }
    return OG_OK;
}

/* The state of each sequence is read and written once a step; S sequences are at most T. */
static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[OGI_LINEAR_SCAN_K]);
    const og_dim *state = n->src[OGI_LINEAR_SCAN_STATE]->shape.dim;
    bool has_a = n->n_src > OGI_LINEAR_SCAN_A;
    ogi_cost_numel(n, c->flops, (has_a ? 9 : 5) * (double)k.b);
    ogi_cost_bytes(n, c);
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i] && i != OGI_LINEAR_SCAN_STATE) ogi_cost_bytes(n->src[i], c);
    ogi_cost_dim(c->bytes, n->src[OGI_LINEAR_SCAN_STATE_SLOT]->shape.dim[0],
                 8 * (double)(state[1].b * state[2].b * state[3].b));
}

// clang-format off
#define STEP                                                                                       \
    "input $pos : I32[T]\ninput $seq_start : I32[S+1]\ninput $state_slot : I32[S]\n"
static const char *const cases[] = {
    "graph \"linear_scan\"\nsym T = 1..40\nsym S = 1..3\n"
    "input $r : F32[T,2,16]\n"
    "input $w : F32[T,4,1]\n"
    "input $k : F32[T,2,16]\n"
    "input $v : F32[T,4,20]\n"
    "state &s : F32[8,4,16,20]\n" STEP
    "%0 = linear_scan($r, $w, $k, $v, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
    "graph \"linear_scan\"\nsym T = 1..40\nsym S = 1..3\n"
    "input $r : F32[T,3,24]\n"
    "input $w : F32[T,3,24]\n"
    "input $k : F32[T,3,24]\n"
    "input $v : F32[T,3,40]\n"
    "input $a : F32[T,3,24]\n"
    "input $b : F32[T,3,24]\n"
    "state &s : F32[8,3,24,40]\n" STEP
    "%0 = scale($a) a=0.1 b=0\n"
    "%1 = linear_scan($r, $w, $k, $v, &s, $pos, $seq_start, $state_slot, %0, $b) "
    "reads_before=true\n"
    "output \"y\" = %1\n",
    "graph \"linear_scan\"\nsym T = 1..40\nsym S = 1..3\n"
    "input $r : F32[T,2,16]\n"
    "input $w : F32[T,4,1]\n"
    "input $k : F32[T,2,16]\n"
    "input $v : F32[T,4,64]\n"
    "input $a : F32[T,2,16]\n"
    "input $b : F32[T,2,16]\n"
    "state &s : F32[8,4,16,64]\n" STEP
    "%0 = scale($a) a=0.1 b=0\n"
    "%1 = linear_scan($r, $w, $k, $v, &s, $pos, $seq_start, $state_slot, %0, $b) tiled=true\n"
    "output \"y\" = %1\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_LINEAR_SCAN_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_LINEAR_SCAN_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_LINEAR_SCAN_STATE_SLOT, "state_slot"),
};

const ogi_op_def ogi_op_linear_scan = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_LINEAR_SCAN_A,
    .n_src_max = OGI_LINEAR_SCAN_N_SRC,
    .params_size = sizeof(ogi_linear_scan),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-9,
    .writes_state = true,
    OGI_CASES(cases),
};
