/* SPDX-License-Identifier: MIT
 *
 * take_rows: rows of a table [R, E] by index [N..], [N.., E]: embeddings, rows wanted of a batch.
 * The table may be quantized. An index outside a table of constant size is held inside it. */
#include "graph/dim.h"
#include "ops/op.h"

og_tensor *og_take_rows(og_graph *g, og_tensor *table, og_tensor *index)
{
    return ogi_node(g, OG_OP_TAKE_ROWS, NULL, 2, (og_tensor *[]){ table, index });
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_rank(n, 0, "table", 2));
    if (n->src[0]->dtype != OG_I32) OG_TRY(ogi_want_real(n, 0, "table"));
    OG_TRY(ogi_want_dtype(n, 1, "index", OG_I32));
    if (n->src[1]->shape.rank >= OG_MAX_RANK)
        OGI_INFER_FAIL(n, "index has %d dimensions, expected fewer than %d", n->src[1]->shape.rank,
                       OG_MAX_RANK);
    n->dtype = n->src[0]->dtype == OG_I32 ? OG_I32 : OG_F32;
    n->shape = n->src[1]->shape;
    n->shape.dim[n->shape.rank++] = n->src[0]->shape.dim[1];
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *table = c->src[0];
    int64_t n_row = table->dim[0], len = table->dim[1];
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t row = c->src[1]->i[e / len];
        if (row < 0 || row >= n_row)
            OG_FAIL(c->ctx, OG_E_INVALID, "take_rows: index %lld, expected 0..%lld", (long long)row,
                    (long long)n_row - 1);
        if (c->dst->i)
            c->dst->i[e] = table->i[row * len + e % len];
        else
            c->dst->f[e] = table->f[row * len + e % len];
    }
    return OG_OK;
}

static ogi_kx lower(ogi_kb *b)
{
    ogi_kx idx[OG_MAX_RANK];
    int rank = b->node->src[1]->shape.rank;
    for (int i = 0; i < rank; i++) idx[i] = ogi_kb_coord(b, i);
    ogi_kx row = ogi_kb_load_at(b, 1, idx);
    og_dim n_row = b->node->src[0]->shape.dim[0];
    if (ogi_dim_is_const(n_row)) {
        ogi_kx last = ogi_kb_i32(b, (int32_t)(n_row.b / OGI_MAX(n_row.c, 1) - 1));
        row = ogi_kb_min(b, ogi_kb_max(b, row, ogi_kb_i32(b, 0)), last);
    }
    return ogi_kb_load_at(b, 0, (ogi_kx[]){ row, OGI_KX_NONE });
}

/* The rows taken, not the table. */
static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_dtype *d = ogi_dtype_info(n->src[0]->dtype);
    ogi_cost_numel(n, c->flops, 1);
    if (d) ogi_cost_numel(n, c->bytes, (double)d->bytes / d->block);
    ogi_cost_bytes(n, c);
    ogi_cost_bytes(n->src[1], c);
}

/* A table of constant size holds its indexes itself; rows of a step's value are wanted by out_row.
 */
static int64_t n_row_of(const og_tensor *n)
{
    og_dim d = n->src[0]->shape.dim[0];
    return ogi_dim_is_const(d) ? OGI_ADDRESS_HELD : ogi_dim_min(n->g, d);
}

static const ogi_address addresses[] = { { 1, "out_row", n_row_of, -1 } };

// clang-format off
static const char *const cases[] = {
    "graph \"take_rows\"\n"
    "sym T = 1..40\n"
    "weight @w : F32[48,67]\n"
    "input $index.0.48 : I32[T]\n"
    "%0 = take_rows(@w, $index.0.48)\n"
    "output \"y\" = %0\n",
    "graph \"take_rows\"\n"
    "sym T = 1..40\n"
    "weight @w : Q4_0[48,64]\n"
    "input $index.0.48 : I32[T]\n"
    "%0 = take_rows(@w, $index.0.48)\n"
    "output \"y\" = %0\n",
    "graph \"take_rows\"\n"
    "sym T = 1..40\n"
    "weight @w : F16[48,16]\n"
    "input $index.0.48 : I32[T,3]\n"
    "%0 = take_rows(@w, $index.0.48)\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_take_rows = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .range = ogi_range_of_first,
    .lower = lower,
    .cost = cost,
    .tol = 0,
    OGI_CASES(cases),
};
