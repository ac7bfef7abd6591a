/* SPDX-License-Identifier: MIT
 *
 * Layouts: where the elements of a value lie once its views are resolved. */
#include "graph/views.h"

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "graph/op_def.h"

/* Longer chains of views do not resolve; the simplifier leaves none longer than a few. */
enum { CHAIN_MAX = 64 };

bool ogi_is_leaf(const og_tensor *x)
{
    return ogi_op_def_of(x->op)->op_class == OGI_CLASS_LEAF;
}
bool ogi_is_view(const og_tensor *x)
{
    return ogi_op_def_of(x->op)->op_class == OGI_CLASS_VIEW;
}

const og_tensor *ogi_root(const og_tensor *x)
{
    while (ogi_is_view(x)) x = x->src[0];
    return x;
}

/* Row-major strides over shape, the last one `unit`. */
static bool row_major(const og_shape *shape, og_dim unit, og_dim *stride)
{
    for (int i = shape->rank; i-- > 0;) {
        stride[i] = unit;
        if (i > 0 && !ogi_dim_product(unit, shape->dim[i], &unit)) return false;
    }
    return true;
}

bool ogi_layout_contiguous(const og_tensor *root, ogi_layout *out)
{
    *out = (ogi_layout){ .root = root, .shape = root->shape, .offset = OG_N(0) };
    return row_major(&root->shape, OG_N(1), out->stride);
}

/* ---- reshape ------------------------------------------------------------------------------- */

/* Axes of size other than 1. */
typedef struct axes {
    int n;
    og_dim dim[OG_MAX_RANK], stride[OG_MAX_RANK];
    int place[OG_MAX_RANK];
} axes;

static axes real_axes(const og_shape *s, const og_dim *stride)
{
    axes a = { 0 };
    for (int i = 0; i < s->rank; i++) {
        if (ogi_dim_eq(s->dim[i], OG_N(1))) continue;
        a.dim[a.n] = s->dim[i], a.place[a.n] = i;
        if (stride) a.stride[a.n] = stride[i];
        a.n++;
    }
    return a;
}

/* Axes [i, end) are one axis: each stride is the next one's times its dimension. */
static bool is_merged(const axes *a, int i, int end)
{
    for (; i + 1 < end; i++) {
        og_dim step;
        if (!ogi_dim_product(a->stride[i + 1], a->dim[i + 1], &step) ||
            !ogi_dim_eq(step, a->stride[i]))
            return false;
    }
    return true;
}

/* Takes the shortest runs of axes of both sides from *i and *j on that have equal products. */
static bool match_run(const og_graph *g, const axes *from, const axes *to, int *i, int *j)
{
    if (*i == from->n || *j == to->n) return false;
    og_dim a = from->dim[(*i)++], b = to->dim[(*j)++];
    while (!ogi_dim_eq(a, b)) {
        if (ogi_dim_max(g, a) < ogi_dim_max(g, b)) {
            if (*i == from->n || !ogi_dim_product(a, from->dim[(*i)++], &a)) return false;
        } else if (*j == to->n || !ogi_dim_product(b, to->dim[(*j)++], &b)) {
            return false;
        }
    }
    return true;
}

bool ogi_layout_reshape(const ogi_layout *l, const og_shape *shape, ogi_layout *out)
{
    ogi_layout r = { .root = l->root, .shape = *shape, .offset = l->offset };
    axes from = real_axes(&l->shape, l->stride), to = real_axes(shape, NULL);
    for (int i = 0, j = 0; i < from.n || j < to.n;) {
        int first = i, first_to = j;
        if (!match_run(l->root->g, &from, &to, &i, &j) || !is_merged(&from, first, i)) return false;
        og_dim stride = from.stride[i - 1];
        for (int k = j; k-- > first_to;) {
            r.stride[to.place[k]] = stride;
            if (!ogi_dim_product(stride, to.dim[k], &stride)) {
                if (k > first_to) return false;
                stride = OG_N(1);
            }
        }
    }
    /* Axes of size 1 get the stride that a contiguous value would have there. */
    og_dim next = OG_N(1);
    for (int k = shape->rank; k-- > 0;) {
        if (ogi_dim_eq(shape->dim[k], OG_N(1)))
            r.stride[k] = next;
        else if (!ogi_dim_product(r.stride[k], shape->dim[k], &next))
            next = OG_N(1);
    }
    *out = r;
    return true;
}

/* ---- other views --------------------------------------------------------------------------- */

static bool apply_slice(const og_tensor *x, ogi_layout *l)
{
    const ogi_slice_params *p = x->params;
    og_dim skip;
    if (!ogi_dim_product(l->stride[p->axis], OG_N(p->begin), &skip)) return false;
    l->offset = og_dim_add(l->offset, skip);
    l->shape = x->shape;
    return l->offset.c > 0;
}

static void apply_permute(const og_tensor *x, ogi_layout *l)
{
    const ogi_permute_params *p = x->params;
    og_dim stride[OG_MAX_RANK];
    memcpy(stride, l->stride, sizeof stride);
    for (int i = 0; i < x->shape.rank; i++) l->stride[i] = stride[p->axes[i]];
    l->shape = x->shape;
}

static void apply_broadcast(const og_tensor *x, ogi_layout *l)
{
    og_dim stride[OG_MAX_RANK];
    int ahead = x->shape.rank - l->shape.rank;
    for (int i = 0; i < x->shape.rank; i++) {
        bool same = i >= ahead && ogi_dim_eq(l->shape.dim[i - ahead], x->shape.dim[i]);
        stride[i] = same ? l->stride[i - ahead] : OG_N(0);
    }
    memcpy(l->stride, stride, (size_t)x->shape.rank * sizeof *stride);
    l->shape = x->shape;
}

static bool apply_view(const og_tensor *x, ogi_layout *l)
{
    ogi_layout from = *l;
    if (x->op == OG_OP_RESHAPE) return ogi_layout_reshape(&from, &x->shape, l);
    if (x->op == OG_OP_SLICE) return apply_slice(x, l);
    if (x->op == OG_OP_PERMUTE)
        apply_permute(x, l);
    else
        apply_broadcast(x, l);
    return true;
}

bool ogi_layout_of(const og_tensor *x, ogi_layout *out)
{
    const og_tensor *chain[CHAIN_MAX];
    int n = 0;
    for (; ogi_is_view(x); x = x->src[0]) {
        if (n == CHAIN_MAX) return false;
        chain[n++] = x;
    }
    if (!ogi_layout_contiguous(x, out)) return false;
    while (n > 0)
        if (!apply_view(chain[--n], out)) return false;
    return true;
}

int64_t ogi_value_size(const og_tensor *x, const int64_t *sym)
{
    const ogi_dtype *t = ogi_dtype_info((int64_t)x->dtype);
    int64_t n_row = 1, row = 1;
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t n = ogi_dim_value(x->shape.dim[i], sym);
        if (i == x->shape.rank - 1)
            row = n;
        else
            n_row *= n;
    }
    int64_t row_size = row / t->block * t->bytes;
    if (x->dtype == OG_A8) row_size = OGI_ALIGN(row_size, 64);
    return n_row * row_size;
}
