/* SPDX-License-Identifier: MIT
 *
 * kv_store: writes keys or values x [T, H, D] into pages [N, H, 64, D]: token t into row
 * slot[t] % 64 of page slot[t] / 64. The store rounds to the state's type, or makes its blocks. */
#include "base/blocks.h"
#include "ops/attention.h"
#include "ops/op.h"

og_tensor *og_kv_store(og_graph *g, og_tensor *state, og_tensor *x, og_tensor *slot)
{
    return ogi_node(g, OG_OP_KV_STORE, NULL, 3, (og_tensor *[]){ state, x, slot });
}

static og_status infer(og_tensor *n)
{
    const og_tensor *state = n->src[0];
    OG_TRY(ogi_want_pages(n, 0, "state", 1));
    OG_TRY(ogi_want_real(n, 1, "x"));
    OG_TRY(ogi_want_rank(n, 1, "x", 3));
    OG_TRY(ogi_want_axis(n, 1, "x", 1, state->shape.dim[1]));
    OG_TRY(ogi_want_axis(n, 1, "x", 2, state->shape.dim[3]));
    OG_TRY(ogi_want_dtype(n, 2, "slot", OG_I32));
    OG_TRY(ogi_want_rank(n, 2, "slot", 1));
    OG_TRY(ogi_want_axis(n, 2, "slot", 0, n->src[1]->shape.dim[0]));
    n->dtype = state->dtype;
    n->shape = state->shape;
    return OG_OK;
}

og_status ogi_ref_store_row(const ogi_ref_call *c, const float *x, int64_t dim, float *row)
{
    bool is_blocks = ogi_dtype_info((int64_t)c->dst->dtype)->is_quantized;
    memcpy(row, x, (size_t)dim * sizeof *row);
    for (int64_t d = 0; is_blocks && d < dim; d += OGI_BLOCK) {
        uint8_t block[OGI_Q8_0_BYTES];
        if (c->dst->dtype == OG_Q8_0) ogi_q8_0_of_f32(row + d, block);
        if (c->dst->dtype == OG_Q4_0) ogi_q4_0_of_f32(row + d, block);
        OG_TRY(ogi_dequantize(c->ctx, c->dst->dtype, block, OGI_BLOCK, row + d));
    }
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *x = c->src[1];
    ogi_ref_tensor *state = c->dst;
    int64_t n_head = x->dim[1], dim = x->dim[2];
    for (int64_t e = 0; e < x->n; e += dim) {
        int64_t h = e / dim % n_head, slot = c->src[2]->i[e / dim / n_head];
        int64_t page = slot / OGI_KV_PAGE, row = slot % OGI_KV_PAGE;
        if (slot < 0 || page >= state->dim[0])
            OG_FAIL(c->ctx, OG_E_INVALID, "kv_store: slot %lld, expected 0..%lld", (long long)slot,
                    (long long)state->dim[0] * OGI_KV_PAGE - 1);
        float *to = state->f + ((page * n_head + h) * OGI_KV_PAGE + row) * dim;
        OG_TRY(ogi_ref_store_row(c, x->f + e, dim, to));
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    ogi_kx slot = ogi_kb_load_at(b, 2, (ogi_kx[]){ ogi_kb_coord(b, 0) });
    ogi_kx page = ogi_kb_shr(b, slot, ogi_kb_i32(b, 6));
    ogi_kx row = ogi_kb_and(b, slot, ogi_kb_i32(b, OGI_KV_PAGE - 1));
    ogi_kb_store_at(b, ogi_kb_load(b, 1), (ogi_kx[]){ page, ogi_kb_coord(b, 1), row, OGI_KX_NONE });
    return OGI_KX_NONE;
}

/* What is written, not the pool of pages. */
static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n->src[1], c->flops, 1);
    const ogi_dtype *type = ogi_dtype_info((int64_t)n->dtype);
    ogi_cost_numel(n->src[1], c->bytes, (double)type->bytes / type->block);
    ogi_cost_bytes(n->src[1], c);
    ogi_cost_bytes(n->src[2], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"kv_store\"\n"
    "sym T = 1..40\n"
    "state &kv : F16[16,2,64,32]\n"
    "input $x : F32[T,2,32]\n"
    "input $kv_slot : I32[T]\n"
    "%0 = kv_store(&kv, $x, $kv_slot)\n"
    "output \"y\" = %0\n",
    "graph \"kv_store\"\n"
    "sym T = 1..40\n"
    "state &kv : F32[16,3,64,24]\n"
    "input $x : F32[T,3,24]\n"
    "input $kv_slot : I32[T]\n"
    "%0 = kv_store(&kv, $x, $kv_slot)\n"
    "output \"y\" = %0\n",
    "graph \"kv_store\"\n"
    "sym T = 1..40\n"
    "state &k : Q8_0[16,2,64,64]\n"
    "state &v : Q4_0[16,2,64,32]\n"
    "input $x : F32[T,2,64]\n"
    "input $y : F32[T,2,32]\n"
    "input $kv_slot : I32[T]\n"
    "%0 = kv_store(&k, $x, $kv_slot)\n"
    "%1 = kv_store(&v, $y, $kv_slot)\n"
    "output \"k\" = %0\n"
    "output \"v\" = %1\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(2, "kv_slot"),
};

const ogi_op_def ogi_op_kv_store = {
    .op_class = OGI_CLASS_STORE,
    .n_src_min = 3,
    .n_src_max = 3,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .lower = lower,
    .cost = cost,
    .tol = 0,
    OGI_CASES(cases),
};
