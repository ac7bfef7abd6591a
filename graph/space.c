/* SPDX-License-Identifier: MIT
 *
 * Iteration spaces: how shapes map into one, and whether members fit one program. Says nothing
 * about whether fusing them pays. */
#include "graph/space.h"
#include "graph/dim.h"
#include "graph/layout.h"
#include "graph/op_def.h"

static bool is_one(og_dim d)
{
    return ogi_dim_eq(d, OG_N(1));
}

/* Each axis takes as many axes of the space as make up its size; what is left must be ones. */
static bool map_axes(const og_dim *space, int n_space, const og_dim *dim, int rank, int *first)
{
    int at = 0;
    for (int j = 0; j < rank; j++) {
        og_dim p = OG_N(1);
        first[j] = at;
        while (!ogi_dim_eq(p, dim[j])) {
            if (at == n_space || !ogi_dim_product(p, space[at], &p)) return false;
            at++;
        }
    }
    while (at < n_space && is_one(space[at])) at++;
    first[rank] = at;
    return at == n_space;
}

bool ogi_space_map(const og_shape *space, const og_shape *shape, ogi_axis_map *out)
{
    int n = space->rank, rank = shape->rank;
    *out = (ogi_axis_map){ 0 };
    if (ogi_shape_eq(space, shape)) {
        for (int j = 0; j <= rank; j++) out->first[j] = j;
        return true;
    }
    if (map_axes(space->dim, n, shape->dim, rank, out->first)) return true;
    out->is_uniform = true;
    if (n == 0 || rank == 0 || !is_one(shape->dim[rank - 1])) return false;
    if (!map_axes(space->dim, n - 1, shape->dim, rank - 1, out->first)) return false;
    out->first[rank] = n;
    return true;
}

const og_tensor *ogi_storage(const og_tensor *x)
{
    x = ogi_root(x);
    while (ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE) x = ogi_root(x->src[0]);
    return x;
}

static bool is_listed(const og_tensor *x, const og_tensor *const *list, int n)
{
    for (int i = 0; i < n; i++) {
        if (list[i] == x) return true;
    }
    return false;
}

static bool is_inside(const ogi_lower_spec *spec, const og_tensor *root)
{
    return is_listed(root, spec->member, spec->n_member) ||
           is_listed(root, spec->panel, spec->n_panel);
}

/* x's elements lie in row-major order from the start of its root, each once. A last axis that only
 * repeats counts as one element; out is the shape so seen. */
static bool is_dense(const og_tensor *x, og_shape *out)
{
    ogi_layout l;
    if (!ogi_layout_of(x, &l) || !ogi_dim_eq(l.offset, OG_N(0))) return false;
    *out = l.shape;
    int last = l.shape.rank - 1;
    if (last >= 0 && ogi_dim_eq(l.stride[last], OG_N(0))) out->dim[last] = OG_N(1);
    og_dim step = OG_N(1);
    for (int j = last; j >= 0; j--) {
        if (!is_one(out->dim[j]) && !ogi_dim_eq(l.stride[j], step)) return false;
        if (!ogi_dim_product(step, out->dim[j], &step)) return false;
    }
    return true;
}

/* A member of shape own reads x, whose root is inside: does each point read the root's value at the
 * same point? is_row: the last axis is indexed explicitly, its size must be the row's. */
static bool reads_in_place(const og_shape *space, const og_shape *own, const og_tensor *x,
                           bool is_row)
{
    og_shape seen;
    ogi_axis_map from, of;
    const og_tensor *root = ogi_root(x);
    if (root->dtype == OG_A8 || ogi_op_def_of(root->op)->op_class == OGI_CLASS_STORE) return false;
    if (!is_dense(x, &seen) || seen.rank > own->rank) return false;
    int skip = own->rank - seen.rank;
    for (int j = 0; j < own->rank; j++) {
        bool is_last = j == own->rank - 1;
        og_dim d = j < skip ? OG_N(1) : seen.dim[j - skip];
        if (ogi_dim_eq(d, own->dim[j]) && (!is_last || !is_row || j >= skip)) continue;
        if (!is_last || is_row || !is_one(d)) return false;
    }
    if (!ogi_space_map(space, &seen, &of) || !ogi_space_map(space, &root->shape, &from)) {
        return false;
    }
    return of.is_uniform == from.is_uniform && !(is_row && of.is_uniform);
}

/* ---- indexed members: what lower() loads, seen by running it --------------------------------- */
typedef struct probe {
    const ogi_lower_spec *spec;
    const og_shape *space;
    bool is_ok;
} probe;

static ogi_kx probe_load(ogi_kb *b, int src, const ogi_kx *idx)
{
    probe *p = b->env->user;
    const og_tensor *x = b->node->src[src];
    if (!x) return OGI_KX_NONE;
    if (is_inside(p->spec, ogi_root(x))) {
        bool is_row = false;
        for (int j = 0; idx && j < x->shape.rank; j++) {
            if (idx[j] == OGI_KX_NONE) continue;
            is_row = j == x->shape.rank - 1;
            p->is_ok = p->is_ok && is_row;
        }
        p->is_ok = p->is_ok && reads_in_place(p->space, ogi_space_of(b->node), x, is_row);
    }
    return x->dtype == OG_I32 ? ogi_kb_i32(b, 1) : ogi_kb_f32(b, 1);
}

static void probe_store(ogi_kb *b, ogi_kx value, const ogi_kx *idx)
{
    (void)b, (void)value, (void)idx;
}

static ogi_kx probe_coord(ogi_kb *b, int axis)
{
    return ogi_kb_emit(b, &(ogi_kx_ins){ .op = OGI_KX_COORD,
                                         .type = OGI_KX_I32,
                                         .arg = (int16_t)axis,
                                         .a = OGI_KX_NONE,
                                         .b = OGI_KX_NONE,
                                         .c = OGI_KX_NONE });
}

static ogi_kx probe_row_length(ogi_kb *b)
{
    return ogi_kb_f32(b, 1);
}

static bool loads_fit(const ogi_lower_spec *spec, const og_shape *space, const og_tensor *m)
{
    probe p = { spec, space, true };
    const ogi_kb_env env = { &p, probe_load, probe_store, probe_coord, probe_row_length };
    ogi_kb b = { .ctx = m->g->ctx, .node = m, .env = &env };
    ogi_op_def_of(m->op)->lower(&b);
    bool is_ok = p.is_ok && !b.failed;
    ogi_kb_free(&b);
    return is_ok;
}

/* ---- members -------------------------------------------------------------------------------- */
/* Does a member read or write the state that another one writes? Rows run one after the other, so
 * that neither would see what it would see alone. */
static bool has_conflict(const ogi_lower_spec *spec, const og_tensor *m, const og_tensor *x)
{
    for (int k = 0; k < spec->n_member; k++) {
        const og_tensor *w = spec->member[k];
        if (w == m && x == m->src[0]) continue;
        if (ogi_op_def_of(w->op)->op_class == OGI_CLASS_STORE && ogi_storage(w) == ogi_storage(x)) {
            return true;
        }
    }
    return false;
}

static bool sources_fit(const ogi_lower_spec *spec, const og_shape *space, const og_tensor *m)
{
    ogi_op_class cls = ogi_op_def_of(m->op)->op_class;
    bool is_indexed = cls == OGI_CLASS_INDEXED || cls == OGI_CLASS_STORE, has_inside = false;
    for (int i = 0; i < m->n_src; i++) {
        const og_tensor *x = m->src[i];
        if (!x) continue;
        if (has_conflict(spec, m, x)) return false;
        if ((cls == OGI_CLASS_STORE && i == 0) || !is_inside(spec, ogi_root(x))) continue;
        has_inside = true;
        if (!is_indexed && !reads_in_place(space, ogi_space_of(m), x, false)) return false;
    }
    return !has_inside || !is_indexed || loads_fit(spec, space, m);
}

static bool member_fits(const ogi_lower_spec *spec, const og_shape *space, const og_tensor *m)
{
    ogi_axis_map map;
    const og_shape *own = ogi_space_of(m);
    ogi_op_class cls = ogi_op_def_of(m->op)->op_class;
    bool is_row = cls == OGI_CLASS_ROW || m->dtype == OG_A8;
    switch (cls) {
    case OGI_CLASS_MAP:
    case OGI_CLASS_ROW:
        if (!ogi_space_map(space, own, &map)) return false;
        if (is_row && (map.is_uniform || own->rank == 0 ||
                       !ogi_dim_eq(own->dim[own->rank - 1], space->dim[space->rank - 1]))) {
            return false;
        }
        break;
    case OGI_CLASS_INDEXED:
    case OGI_CLASS_STORE:
        if (!ogi_shape_eq(space, own)) return false;
        break;
    case OGI_CLASS_LEAF:
    case OGI_CLASS_VIEW:
    case OGI_CLASS_LINEAR:
    case OGI_CLASS_KERNEL: return false;
    }
    return sources_fit(spec, space, m);
}

static bool all_fit(const ogi_lower_spec *spec, const og_shape *space)
{
    ogi_axis_map map;
    for (int i = 0; i < spec->n_panel; i++) {
        if (!ogi_space_map(space, &spec->panel[i]->shape, &map) || map.is_uniform) return false;
    }
    for (int i = 0; i < spec->n_member; i++) {
        if (!member_fits(spec, space, spec->member[i])) return false;
    }
    return true;
}

/* The finest of the members' spaces is the one that all the others map into. */
bool ogi_space_find(const ogi_lower_spec *spec, og_shape *space)
{
    int n = spec->n_member + spec->n_panel;
    for (int i = 0; i < n; i++) {
        *space = i < spec->n_member ? *ogi_space_of(spec->member[i])
                                    : spec->panel[i - spec->n_member]->shape;
        if (space->rank == 0) *space = OG_SHAPE(OG_N(1));
        if (all_fit(spec, space)) return true;
    }
    return false;
}
