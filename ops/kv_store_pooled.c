/* SPDX-License-Identifier: MIT
 *
 * kv_store_pooled: writes keys or values that stand for `ratio` tokens each into pages [N, H,
 * max(1, 64 / ratio), D]: of x [T, H, D] the rows whose token is the last of its block, into that
 * token's page. slot is that of kv_store; the other rows go nowhere. */
#include "graph/dim.h"
#include "ops/attention.h"
#include "ops/op.h"

typedef struct params {
    int ratio;
} params;

static const ogi_attr attr[] = { { "ratio", OGI_ATTR_INT, offsetof(params, ratio), 1 } };

og_tensor *og_kv_store_pooled(og_graph *g, og_tensor *state, og_tensor *x, og_tensor *slot,
                              og_tensor *pos, int ratio)
{
    return ogi_node(g, OG_OP_KV_STORE_POOLED, &(params){ ratio }, 4,
                    (og_tensor *[]){ state, x, slot, pos });
}

static og_status infer(og_tensor *n)
{
    const params *p = n->params;
    const og_tensor *state = n->src[0];
    if (p->ratio < 1 || p->ratio > 4096 || (p->ratio & (p->ratio - 1)))
        OGI_INFER_FAIL(n, "ratio is %d, expected a power of two up to 4096", p->ratio);
    OG_TRY(ogi_want_pages(n, 0, "state", p->ratio));
    OG_TRY(ogi_want_real(n, 1, "x"));
    OG_TRY(ogi_want_rank(n, 1, "x", 3));
    OG_TRY(ogi_want_axis(n, 1, "x", 1, state->shape.dim[1]));
    OG_TRY(ogi_want_axis(n, 1, "x", 2, state->shape.dim[3]));
    for (int i = 2; i < 4; i++) {
        OG_TRY(ogi_want_dtype(n, i, i == 2 ? "slot" : "pos", OG_I32));
        OG_TRY(ogi_want_rank(n, i, i == 2 ? "slot" : "pos", 1));
        OG_TRY(ogi_want_axis(n, i, i == 2 ? "slot" : "pos", 0, n->src[1]->shape.dim[0]));
    }
    n->dtype = state->dtype;
    n->shape = state->shape;
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const params *p = c->node->params;
    const ogi_ref_tensor *x = c->src[1];
    ogi_ref_tensor *state = c->dst;
    int64_t n_head = x->dim[1], dim = x->dim[2], n_row = state->dim[2];
    for (int64_t e = 0; e < x->n; e += dim) {
        int64_t h = e / dim % n_head, t = e / dim / n_head, slot = c->src[2]->i[t];
        int64_t page = slot / OGI_KV_PAGE, row = slot % OGI_KV_PAGE / p->ratio;
        if (slot < 0 || page >= state->dim[0])
            OG_FAIL(c->ctx, OG_E_INVALID, "kv_store_pooled: slot %lld, expected 0..%lld",
                    (long long)slot, (long long)state->dim[0] * OGI_KV_PAGE - 1);
        if ((c->src[3]->i[t] + 1) % p->ratio) continue;
        float *to = state->f + ((page * n_head + h) * n_row + row) * dim;
        OG_TRY(ogi_ref_store_row(c, x->f + e, dim, to));
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    const params *p = ogi_kb_params(b);
    ogi_kx t = ogi_kb_coord(b, 0), last = ogi_kb_i32(b, p->ratio - 1);
    ogi_kx slot = ogi_kb_load_at(b, 2, (ogi_kx[]){ t });
    ogi_kx in_block = ogi_kb_and(b, ogi_kb_load_at(b, 3, (ogi_kx[]){ t }), last);
    ogi_kx page = ogi_kb_shr(b, slot, ogi_kb_i32(b, 6)); /* -1: nowhere */
    page = ogi_kb_select(b, ogi_kb_eq(b, in_block, last), page, ogi_kb_i32(b, -1));
    ogi_kx row = ogi_kb_i32(b, 0);
    if (p->ratio < OGI_KV_PAGE) {
        int shift = 0;
        while (1 << shift < p->ratio) shift++;
        row = ogi_kb_and(b, slot, ogi_kb_i32(b, OGI_KV_PAGE - 1));
        row = ogi_kb_shr(b, row, ogi_kb_i32(b, shift));
    }
    ogi_kb_store_at(b, ogi_kb_load(b, 1), (ogi_kx[]){ page, ogi_kb_coord(b, 1), row, OGI_KX_NONE });
    return OGI_KX_NONE;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    const params *p = n->params;
    ogi_cost_numel(n->src[1], c->flops, 1);
    const ogi_dtype *type = ogi_dtype_info((int64_t)n->dtype);
    ogi_cost_numel(n->src[1], c->bytes, (double)type->bytes / type->block / p->ratio);
    ogi_cost_bytes(n->src[1], c);
    ogi_cost_bytes(n->src[2], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"kv_store_pooled\"\n"
    "sym T = 1..40\n"
    "state &kv : F32[16,2,16,24]\n"
    "input $x : F32[T,2,24]\n"
    "input $kv_slot : I32[T]\n"
    "input $pos : I32[T]\n"
    "%0 = kv_store_pooled(&kv, $x, $kv_slot, $pos) ratio=4\n"
    "output \"y\" = %0\n",
    "graph \"kv_store_pooled\"\n"
    "sym T = 1..40\n"
    "state &kv : F16[16,1,1,33]\n"
    "input $x : F32[T,1,33]\n"
    "input $kv_slot : I32[T]\n"
    "input $pos : I32[T]\n"
    "%0 = kv_store_pooled(&kv, $x, $kv_slot, $pos) ratio=128\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(2, "kv_slot"),
    OGI_ADDRESS_INPUT(3, "pos"),
};

const ogi_op_def ogi_op_kv_store_pooled = {
    .op_class = OGI_CLASS_STORE,
    .n_src_min = 4,
    .n_src_max = 4,
    .params_size = sizeof(params),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .lower = lower,
    .cost = cost,
    .tol = 0,
    OGI_CASES(cases),
};
