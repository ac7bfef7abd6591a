/* SPDX-License-Identifier: MIT
 *
 * Materialize views: inserts a copy (a cast to the same type) where a consumer cannot follow a
 * view, and a cast to F32 where a kernel would read a weight of another type. Assumes a verified
 * graph; guarantees that
 *   - every chain of views has a layout (ogi_layout_of), so reshapes never cut across strides;
 *   - inputs of linears have contiguous rows with one stride from row to row;
 *   - sources of KERNEL ops other than states are contiguous F32 or I32; outputs are contiguous.
 *
 *     %3 = permute(%2) {axes=[1,0,2]} : f32[8,T,64]        %3 = permute(%2) ...
 *     %4 = reshape(%3) : f32[8*T,64]                       %9 = cast(%3) : f32[8,T,64]
 *                                                          %4 = reshape(%9) : f32[8*T,64] */
#include "graph/pass.h"

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "graph/op_def.h"

static bool is_contiguous(const og_tensor *x)
{
    ogi_layout l;
    og_dim want = OG_N(1);
    if (!ogi_layout_of(x, &l) || !ogi_dim_eq(l.offset, OG_N(0))) return false;
    for (int i = x->shape.rank - 1; i >= 0; i--) {
        if (!ogi_dim_eq(x->shape.dim[i], OG_N(1)) && !ogi_dim_eq(l.stride[i], want)) return false;
        if (i > 0 && !ogi_dim_product(want, x->shape.dim[i], &want)) return false;
    }
    return true;
}

/* [.., n]: the last axis contiguous, the others one run of rows at a constant stride. */
static bool has_even_rows(const og_tensor *x)
{
    ogi_layout l;
    int r = x->shape.rank;
    if (!ogi_layout_of(x, &l) || !ogi_dim_eq(l.stride[r - 1], OG_N(1))) return false;
    if (x->dtype == OG_A8) return is_contiguous(x);
    if (r > 1 && !ogi_dim_is_const(l.stride[r - 2])) return false;
    for (int i = r - 2; i > 0; i--) {
        og_dim next;
        if (!ogi_dim_product(l.stride[i], x->shape.dim[i], &next)) return false;
        if (!ogi_dim_eq(x->shape.dim[i - 1], OG_N(1)) && !ogi_dim_eq(l.stride[i - 1], next))
            return false;
    }
    return true;
}

static bool is_state(const og_tensor *x)
{
    const og_tensor *r = ogi_root(x);
    return r->op == OG_OP_STATE || ogi_op_def_of(r->op)->op_class == OGI_CLASS_STORE;
}

static bool is_plain(og_dtype t)
{
    return t == OG_F32 || t == OG_I32;
}

/* Has the view n a layout over x, which stands for its source? */
static bool can_view(const og_tensor *n, const og_tensor *x)
{
    ogi_layout l;
    if (!ogi_layout_of(x, &l)) return false;
    return n->op != OG_OP_RESHAPE || ogi_layout_reshape(&l, &n->shape, &l);
}

/* May n read x (its source s) as it lies? */
static bool can_read(const og_tensor *n, int s, const og_tensor *x)
{
    ogi_layout l;
    switch (ogi_op_def_of(n->op)->op_class) {
    case OGI_CLASS_LINEAR:
        if (s == 0) return has_even_rows(x);
        return s == 1 ? ogi_layout_of(x, &l) : is_contiguous(x);
    case OGI_CLASS_KERNEL: return is_state(x) || (is_plain(x->dtype) && is_contiguous(x));
    case OGI_CLASS_VIEW: return can_view(n, x);
    case OGI_CLASS_LEAF:
    case OGI_CLASS_MAP:
    case OGI_CLASS_INDEXED:
    case OGI_CLASS_ROW:
    case OGI_CLASS_STORE: return true;
    }
    return true;
}

/* Values, not states, in a type a copy can have. */
static bool can_copy(const og_tensor *x)
{
    return !is_state(x) && !ogi_dtype_info(x->dtype)->is_quantized && x->dtype != OG_A8;
}

/* Weights of kernels are converted, whatever their type. */
static bool must_convert(const og_tensor *n, const og_tensor *x)
{
    return ogi_op_def_of(n->op)->op_class == OGI_CLASS_KERNEL && !is_plain(x->dtype) &&
           !is_state(x);
}

og_status ogi_pass_materialize_views(const og_graph *in, og_graph **out)
{
    *out = NULL;
    og_graph *g = ogi_graph_like(in);
    og_tensor **map = OGI_NEW_N(in->ctx, og_tensor *, in->n_node + 1);
    og_tensor **copy = OGI_NEW_N(in->ctx, og_tensor *, 2 * in->n_node + 2); /* as is, as F32 */
    for (int64_t i = 0; g && map && copy && i < in->n_node; i++) {
        const og_tensor *n = in->node[i];
        og_tensor *src[OGI_MAX_SRC] = { 0 };
        for (int s = 0; s < n->n_src; s++) src[s] = n->src[s] ? map[n->src[s]->id] : NULL;
        og_graph_layer(g, n->layer);
        for (int s = 0; s < n->n_src; s++) {
            if (!src[s] || can_read(n, s, src[s])) continue;
            bool to_f32 = must_convert(n, src[s]);
            if (!to_f32 && !can_copy(src[s])) continue;
            og_tensor **c = &copy[2 * n->src[s]->id + to_f32];
            if (!*c) *c = og_cast(g, src[s], to_f32 ? OG_F32 : src[s]->dtype);
            src[s] = *c;
        }
        map[i] = ogi_node_copy(g, n, src);
    }
    for (int64_t i = 0; g && map && copy && i < in->n_output; i++) {
        og_tensor *x = map[in->output[i].value->id];
        if (x && !is_contiguous(x) && can_copy(x)) x = og_cast(g, x, x->dtype);
        og_output(g, in->output[i].name, x);
    }
    og_status st = g && map && copy ? og_graph_status(g) : OG_E_MEMORY;
    ogi_free(in->ctx, map), ogi_free(in->ctx, copy);
    if (st != OG_OK) {
        og_graph_free(g);
        return st;
    }
    *out = g;
    return OG_OK;
}
