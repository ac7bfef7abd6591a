/* SPDX-License-Identifier: MIT
 *
 * Rules that make one node simpler without changing a bit of its result:
 *
 *     x * 1, x / 1, x - 0, x + -0       -> x           (x + 0 is not: it turns -0 into 0)
 *     neg(neg x), abs(neg x)            -> x, abs x    abs(abs x), relu(relu x) -> abs x, relu x
 *     a + neg b, a - neg b              -> a - b, a + b
 *     sqr(neg x), sqr(abs x)            -> sqr x
 *     min(x, x), max(x, x), select(c, x, x) -> x
 *     cast(x) to x's own type           -> x
 *     view of a view of the same kind   -> one view    views that change nothing -> x
 *     exact ops on constants            -> a constant
 *
 * Each rule looks at most two nodes deep; sources are simple already, so one sweep goes far. */
#include "graph/pass.h"

#include <math.h>

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "graph/op_def.h"
#include "graph/views.h"

enum { FOLD_MAX = 64 }; /* elements of a folded constant */

/* x stands for n: same type and shape. */
static bool stands_for(const og_tensor *n, const og_tensor *x)
{
    return x->dtype == n->dtype && ogi_shape_eq(&x->shape, &n->shape);
}

static og_tensor *if_fits(const og_tensor *n, og_tensor *x)
{
    return stands_for(n, x) ? x : NULL;
}

static og_tensor *make(og_graph *g, const og_tensor *n, og_op op, const void *params, int n_src,
                       og_tensor *const *src)
{
    og_tensor *x = ogi_node(og_at(g, n->file, n->line), op, params, n_src, src);
    if (x && n->name) og_name(x, "%s", n->name);
    return x;
}

/* ---- neutral operands ---------------------------------------------------------------------- */

/* Is x a constant whose every element is v, to the bit? */
static bool is_all(const og_tensor *x, float v)
{
    if (x->op != OG_OP_TABLE || x->dtype != OG_F32) return false;
    const ogi_data *d = x->params;
    for (int64_t i = 0; i < d->size; i += 4)
        if (memcmp((const char *)d->data + i, &v, 4) != 0) return false;
    return true;
}

static og_tensor *simplify_binary(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    og_tensor *a = src[0], *b = src[1];
    switch ((int)n->op) {
    case OG_OP_MUL:
        if (is_all(b, 1)) return if_fits(n, a);
        return is_all(a, 1) ? if_fits(n, b) : NULL;
    case OG_OP_DIV: return is_all(b, 1) ? if_fits(n, a) : NULL;
    case OG_OP_MINIMUM:
    case OG_OP_MAXIMUM: return a == b ? if_fits(n, a) : NULL;
    case OG_OP_ADD:
        if (is_all(b, -0.0f) && stands_for(n, a)) return a;
        if (is_all(a, -0.0f) && stands_for(n, b)) return b;
        if (b->op == OG_OP_NEG)
            return make(g, n, OG_OP_SUB, NULL, 2, (og_tensor *[]){ a, b->src[0] });
        if (a->op == OG_OP_NEG)
            return make(g, n, OG_OP_SUB, NULL, 2, (og_tensor *[]){ b, a->src[0] });
        return NULL;
    case OG_OP_SUB:
        if (is_all(b, 0) && stands_for(n, a)) return a;
        if (b->op == OG_OP_NEG)
            return make(g, n, OG_OP_ADD, NULL, 2, (og_tensor *[]){ a, b->src[0] });
        return NULL;
    }
    return NULL;
}

static og_tensor *simplify_unary(og_graph *g, const og_tensor *n, og_tensor *x)
{
    switch ((int)n->op) {
    case OG_OP_NEG: return x->op == OG_OP_NEG ? if_fits(n, x->src[0]) : NULL;
    case OG_OP_RELU: return x->op == OG_OP_RELU ? if_fits(n, x) : NULL;
    case OG_OP_ABS:
        if (x->op == OG_OP_ABS) return if_fits(n, x);
        return x->op == OG_OP_NEG ? make(g, n, OG_OP_ABS, NULL, 1, x->src) : NULL;
    case OG_OP_SQR:
        if (x->op != OG_OP_NEG && x->op != OG_OP_ABS) return NULL;
        return make(g, n, OG_OP_SQR, NULL, 1, x->src);
    case OG_OP_CAST: return if_fits(n, x);
    }
    return NULL;
}

/* ---- views --------------------------------------------------------------------------------- */

static og_tensor *merge_permutes(og_graph *g, const og_tensor *n, const og_tensor *x)
{
    const ogi_permute_params *outer = n->params, *inner = x->params;
    ogi_permute_params p = { 0 };
    bool is_identity = true;
    for (int i = 0; i < n->shape.rank; i++) {
        p.axes[i] = inner->axes[outer->axes[i]];
        is_identity &= p.axes[i] == i;
    }
    return is_identity ? x->src[0] : make(g, n, OG_OP_PERMUTE, &p, 1, x->src);
}

static og_tensor *simplify_permute(og_graph *g, const og_tensor *n, og_tensor *x)
{
    const ogi_permute_params *p = n->params;
    bool is_identity = true;
    for (int i = 0; i < n->shape.rank; i++) is_identity &= p->axes[i] == i;
    if (is_identity) return x;
    return x->op == OG_OP_PERMUTE ? merge_permutes(g, n, x) : NULL;
}

static og_tensor *simplify_slice(og_graph *g, const og_tensor *n, og_tensor *x)
{
    if (stands_for(n, x)) return x; /* the whole axis */
    if (x->op != OG_OP_SLICE) return NULL;
    const ogi_slice_params *outer = n->params, *inner = x->params;
    if (outer->axis != inner->axis) return NULL;
    ogi_slice_params p = { outer->axis, inner->begin + outer->begin, outer->size };
    return make(g, n, OG_OP_SLICE, &p, 1, x->src);
}

static og_tensor *simplify_view(og_graph *g, const og_tensor *n, og_tensor *x)
{
    switch ((int)n->op) {
    case OG_OP_RESHAPE:
    case OG_OP_BROADCAST:
        if (stands_for(n, x)) return x;
        if (x->op != n->op) return NULL;
        return stands_for(n, x->src[0]) ? x->src[0] : make(g, n, n->op, n->params, 1, x->src);
    case OG_OP_PERMUTE: return simplify_permute(g, n, x);
    case OG_OP_SLICE: return simplify_slice(g, n, x);
    }
    return NULL;
}

/* ---- constants ----------------------------------------------------------------------------- */

/* Ops that IEEE 754 gives one result for, and views (but repetition: a small table is better). */
static bool is_exact(og_op op)
{
    switch ((int)op) {
    case OG_OP_ADD:
    case OG_OP_SUB:
    case OG_OP_MUL:
    case OG_OP_DIV:
    case OG_OP_NEG:
    case OG_OP_ABS:
    case OG_OP_SQR:
    case OG_OP_SQRT:
    case OG_OP_LESS:
    case OG_OP_RESHAPE:
    case OG_OP_PERMUTE:
    case OG_OP_SLICE: return true;
    }
    return false;
}

/* A small constant tensor over memory of the caller: `room` holds FOLD_MAX values. */
static bool open_constant(const og_tensor *n, float *room, ogi_ref_tensor *out)
{
    *out = (ogi_ref_tensor){ .dtype = n->dtype, .rank = n->shape.rank, .n = 1 };
    for (int i = 0; i < out->rank; i++) {
        if (!ogi_dim_is_const(n->shape.dim[i])) return false;
        out->dim[i] = n->shape.dim[i].b;
        if (!ogi_mul_size(out->n, out->dim[i], &out->n) || out->n > FOLD_MAX) return false;
    }
    if (n->dtype == OG_F32)
        out->f = room;
    else if (n->dtype == OG_I32)
        out->i = (int32_t *)(void *)room;
    return out->f || out->i;
}

static og_tensor *fold(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    float room[4][FOLD_MAX] = { { 0 } };
    ogi_ref_tensor t[3], result;
    ogi_ref_call call = { .ctx = g->ctx, .node = n, .dst = &result };
    if (!is_exact(n->op) || n->n_src > 3) return NULL;
    for (int i = 0; i < n->n_src; i++) {
        if (!src[i] || src[i]->op != OG_OP_TABLE || !open_constant(src[i], room[i], &t[i]))
            return NULL;
        const ogi_data *d = src[i]->params;
        memcpy(room[i], d->data, (size_t)d->size);
        call.src[i] = &t[i];
    }
    if (!open_constant(n, room[3], &result)) return NULL;
    if (ogi_op_def_of(n->op)->ref(&call) != OG_OK) return NULL;
    for (int64_t i = 0; result.f && i < result.n; i++)
        if (isnan(result.f[i])) return NULL; /* which NaN is the backend's business */
    og_at(g, n->file, n->line);
    return ogi_leaf(g, OG_OP_TABLE, NULL, n->dtype, &n->shape,
                    &(ogi_data){ room[3], result.n * 4 });
}

og_tensor *ogi_simplify_node(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    if (!n->n_src) return NULL;
    og_tensor *folded = fold(g, n, src);
    if (folded || g->status != OG_OK) return folded;
    if (ogi_is_view(n)) return simplify_view(g, n, src[0]);
    if (n->op == OG_OP_SELECT) return src[1] == src[2] ? if_fits(n, src[1]) : NULL;
    return n->n_src == 1   ? simplify_unary(g, n, src[0])
           : n->n_src == 2 ? simplify_binary(g, n, src)
                           : NULL;
}
