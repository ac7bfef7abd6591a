/* SPDX-License-Identifier: MIT
 *
 * The table of op definitions, made from ops.def, and what the files of ops/ share. */
#include "graph/dim.h"
#include "ops/op.h"

typedef struct op_row {
    const char *name, *doc;
    const ogi_op_def *def;
} op_row;

// clang-format off
static const op_row rows[OG_OP_COUNT] = {
#define OG_OP(ENUM, name, args, doc) [OG_OP_##ENUM] = { #name, doc, &ogi_op_##name },
#include "oxigraph/ops.def"
#undef OG_OP
};
// clang-format on

const ogi_op_def *ogi_op_def_of(og_op op)
{
    return rows[op].def;
}
const char *ogi_op_name(og_op op)
{
    return rows[op].name;
}
const char *ogi_op_doc(og_op op)
{
    return rows[op].doc;
}

int ogi_op_find(ogi_sv name)
{
    for (int i = 0; i < OG_OP_COUNT; i++)
        if (ogi_sv_eq(name, ogi_sv_of(rows[i].name))) return i;
    return -1;
}

/* ---- infer --------------------------------------------------------------------------------- */
bool ogi_is_real(og_dtype t)
{
    if (t == OG_F32 || t == OG_F16 || t == OG_BF16) return true;
    const ogi_dtype *d = ogi_dtype_info(t);
    return t != OG_A8 && d && d->is_quantized && !d->removed;
}

og_status ogi_want_real(const og_tensor *n, int i, const char *name)
{
    if (ogi_is_real(n->src[i]->dtype)) return OG_OK;
    OGI_INFER_FAIL(n, "%s is %s, expected a float or quantized type", name,
                   og_dtype_name(n->src[i]->dtype));
}

og_status ogi_want_dtype(const og_tensor *n, int i, const char *name, og_dtype t)
{
    if (n->src[i]->dtype == t) return OG_OK;
    OGI_INFER_FAIL(n, "%s is %s, expected %s", name, og_dtype_name(n->src[i]->dtype),
                   og_dtype_name(t));
}

og_status ogi_want_rank(const og_tensor *n, int i, const char *name, int rank)
{
    if (n->src[i]->shape.rank == rank) return OG_OK;
    OGI_INFER_FAIL(n, "%s has %d dimensions, expected %d", name, n->src[i]->shape.rank, rank);
}

og_status ogi_want_axis(const og_tensor *n, int i, const char *name, int axis, og_dim want)
{
    og_dim have = n->src[i]->shape.dim[axis];
    if (ogi_dim_eq(have, want)) return OG_OK;
    ogi_buf a = { .ctx = n->g->ctx }, b = { .ctx = n->g->ctx };
    ogi_dim_print(n->g, have, &a);
    ogi_dim_print(n->g, want, &b);
    og_status s = ogi_fail(n->g->ctx, OG_E_INVALID, __FILE__, __LINE__,
                           "dimension %d of %s is %s, expected %s", axis, name, ogi_buf_str(&a),
                           ogi_buf_str(&b));
    ogi_buf_free(&a);
    ogi_buf_free(&b);
    return s;
}

og_status ogi_want_const(const og_tensor *n, int i, const char *name, int axis, int64_t *out)
{
    og_dim d = n->src[i]->shape.dim[axis];
    if (!ogi_dim_is_const(d))
        OGI_INFER_FAIL(n, "dimension %d of %s depends on a symbol, expected a constant", axis,
                       name);
    *out = d.b / OGI_MAX(d.c, 1);
    return OG_OK;
}

og_status ogi_want_state(const og_tensor *n, int i, const char *name)
{
    /* A state, or what a store left of it. */
    const og_tensor *x = n->src[i];
    while (ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE) x = x->src[0];
    if (x->op == OG_OP_STATE) return OG_OK;
    OGI_INFER_FAIL(n, "%s is the result of %s, expected a state", name, ogi_op_name(x->op));
}

og_status ogi_infer_same(og_tensor *n, og_dtype result)
{
    if (n->src[0]->shape.rank < 1) OGI_INFER_FAIL(n, "x is a scalar, expected rows");
    n->dtype = result;
    n->shape = n->src[0]->shape;
    return OG_OK;
}

/* ---- addresses ----------------------------------------------------------------------------- */
ogi_range ogi_range_of_first(const og_tensor *n, const ogi_range *src)
{
    (void)n;
    return src[0];
}

/* ---- cost ---------------------------------------------------------------------------------- */
void ogi_cost_dim(double *per_sym, og_dim d, double factor)
{
    double c = d.c ? d.c : 1;
    for (int i = 0; i < OG_MAX_SYM; i++) per_sym[i] += factor * d.a[i] / c;
    per_sym[OG_MAX_SYM] += factor * (double)d.b / c;
}

void ogi_cost_numel(const og_tensor *x, double *per_sym, double factor)
{
    og_dim n;
    if (ogi_shape_numel(&x->shape, &n)) {
        ogi_cost_dim(per_sym, n, factor);
        return;
    }
    double most = 1; /* a product of symbols: its largest value */
    for (int i = 0; i < x->shape.rank; i++) most *= (double)ogi_dim_max(x->g, x->shape.dim[i]);
    per_sym[OG_MAX_SYM] += factor * most;
}

void ogi_cost_bytes(const og_tensor *x, ogi_cost *c)
{
    const ogi_dtype *d = ogi_dtype_info(x->dtype);
    if (d) ogi_cost_numel(x, c->bytes, (double)d->bytes / d->block);
}

void ogi_cost_io(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_bytes(n, c);
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i]) ogi_cost_bytes(n->src[i], c);
}

/* ---- ref ----------------------------------------------------------------------------------- */
int64_t ogi_ref_index(const ogi_ref_tensor *dst, const ogi_ref_tensor *src, int64_t e)
{
    int64_t at = 0, stride = 1;
    for (int i = 1; i <= dst->rank && i <= src->rank; i++) {
        int64_t n = dst->dim[dst->rank - i], m = src->dim[src->rank - i];
        if (m != 1) at += e % n * stride;
        e /= n;
        stride *= m;
    }
    return at;
}
