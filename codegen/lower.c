/* SPDX-License-Identifier: MIT
 *
 * Lowering of a group: runs lower() of each member in graph order into one builder and resolves
 * what a source means: the value of another member, a matmul panel, a constant, or an operand in
 * memory with strides by axis of the space. */
#include "codegen/lower.h"

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"

typedef struct lowering {
    const ogi_lower_spec *spec;
    og_shape space;
    ogi_kb kb;
    ogi_kx *value; /* of each member */
    ogi_koperand *operand;
    int64_t n_operand, operand_cap;
    ogi_axis_map map; /* of the current node's own space */
    og_status status;
} lowering;

static void set_failed(lowering *lw, og_status status)
{
    if (lw->status == OG_OK) lw->status = status;
    lw->kb.failed = true;
}

/* The builder itself fails without memory only, but for a bug of an op's formula. */
static og_status status_of(const lowering *lw)
{
    return lw->status != OG_OK ? lw->status : OG_E_MEMORY;
}

#define LOWER_FAIL(lw, node, code, ...)                                                            \
    set_failed((lw), ogi_fail((node)->g->ctx, (code), __FILE__, __LINE__, __VA_ARGS__))

static int find_in(const og_tensor *x, const og_tensor *const *list, int n)
{
    for (int i = 0; i < n; i++) {
        if (list[i] == x) return i;
    }
    return -1;
}

static bool is_zero(og_dim d)
{
    return ogi_dim_eq(d, OG_N(0));
}

/* ---- operands ------------------------------------------------------------------------------- */
static ogi_koperand operand_of(const og_tensor *value)
{
    ogi_koperand o = { .value = value, .dtype = value->dtype, .panel = -1, .offset = OG_N(0) };
    for (int j = 0; j < OG_MAX_RANK; j++) o.stride[j] = o.own[j] = OG_N(0);
    return o;
}

static bool operand_eq(const ogi_koperand *a, const ogi_koperand *b)
{
    bool eq = a->value == b->value && a->is_written == b->is_written && a->panel == b->panel &&
              ogi_dim_eq(a->offset, b->offset);
    for (int j = 0; eq && j < OG_MAX_RANK; j++) {
        eq = ogi_dim_eq(a->stride[j], b->stride[j]) && ogi_dim_eq(a->own[j], b->own[j]);
    }
    return eq;
}

static int add_operand(lowering *lw, const ogi_koperand *o)
{
    for (int64_t i = 0; i < lw->n_operand; i++) {
        if (operand_eq(&lw->operand[i], o)) return (int)i;
    }
    og_status s = ogi_grow(lw->kb.ctx, &lw->operand, &lw->operand_cap, lw->n_operand + 1,
                           sizeof *lw->operand);
    if (s != OG_OK) {
        set_failed(lw, s);
        return -1;
    }
    lw->operand[lw->n_operand] = *o;
    return (int)lw->n_operand++;
}

/* Spreads the stride of axis a of the own space over the axes of the space that make it up. Axes
 * of size 1 have stride 0, so that equal reads are one operand. */
static bool spread(const lowering *lw, const ogi_axis_map *map, int a, og_dim stride,
                   ogi_koperand *o)
{
    for (int k = map->first[a + 1] - 1; k >= map->first[a]; k--) {
        if (ogi_dim_eq(lw->space.dim[k], OG_N(1))) continue;
        o->stride[k] = stride;
        if (!ogi_dim_product(stride, lw->space.dim[k], &stride)) return false;
    }
    return true;
}

/* Strides of layout l as seen from a node of shape own; axes with explicit coordinates go to own
 * strides. False if the shapes do not fit. */
static bool place(const lowering *lw, const og_shape *own, const ogi_axis_map *map,
                  const ogi_layout *l, const ogi_kx *idx, ogi_koperand *o)
{
    o->offset = l->offset;
    for (int j = 0; j < l->shape.rank; j++) {
        int a = j + own->rank - l->shape.rank;
        og_dim d = l->shape.dim[j];
        if (idx && idx[j] != OGI_KX_NONE) {
            o->own[j] = l->stride[j];
        } else if (ogi_dim_eq(d, OG_N(1)) || is_zero(l->stride[j])) {
            continue;
        } else if (a < 0 || !ogi_dim_eq(own->dim[a], d) || !spread(lw, map, a, l->stride[j], o)) {
            return false;
        }
    }
    return true;
}

static ogi_kx emit_access(lowering *lw, ogi_kx_op op, int operand, ogi_kx value, const ogi_kx *idx,
                          int rank)
{
    if (operand < 0) return OGI_KX_NONE;
    bool is_int = lw->operand[operand].dtype == OG_I32;
    ogi_kx_ins ins = { .op = (uint8_t)op,
                       .type = is_int ? OGI_KX_I32 : OGI_KX_F32,
                       .arg = (int16_t)operand,
                       .a = value,
                       .b = OGI_KX_NONE,
                       .c = OGI_KX_NONE };
    for (int j = 0; j < OG_MAX_RANK; j++) ins.src[j] = idx && j < rank ? idx[j] : OGI_KX_NONE;
    return ogi_kb_emit(&lw->kb, &ins);
}

/* ---- what the members' lower() calls mean ---------------------------------------------------- */
static bool is_loadable(og_dtype t)
{
    const ogi_dtype *info = ogi_dtype_info(t);
    return t == OG_F32 || t == OG_F16 || t == OG_BF16 || t == OG_I32 ||
           (info && info->is_quantized);
}

static ogi_kx load_constant(lowering *lw, const og_tensor *table)
{
    const ogi_data *d = table->params;
    if (table->dtype == OG_I32) return ogi_kb_i32(&lw->kb, *(const int32_t *)d->data);
    return ogi_kb_f32(&lw->kb, *(const float *)d->data);
}

static ogi_kx load_memory(lowering *lw, const og_tensor *n, const og_tensor *x, int panel,
                          const ogi_kx *idx)
{
    const og_tensor *value = ogi_storage(x);
    if (!is_loadable(value->dtype)) {
        LOWER_FAIL(lw, n, OG_E_UNSUPPORTED, "%s: values of type %s are not read element by element",
                   ogi_op_name(n->op), og_dtype_name(value->dtype));
        return OGI_KX_NONE;
    }
    ogi_layout l;
    ogi_koperand o = operand_of(value);
    o.panel = panel;
    if (!ogi_layout_of(x, &l)) {
        LOWER_FAIL(lw, n, OG_E_UNSUPPORTED, "%s: a reshape cuts across the strides of its source",
                   ogi_op_name(n->op));
        return OGI_KX_NONE;
    }
    if (!place(lw, ogi_space_of(n), &lw->map, &l, idx, &o)) {
        LOWER_FAIL(lw, n, OG_E_UNSUPPORTED, "%s: a source of rank %d does not fit the space",
                   ogi_op_name(n->op), l.shape.rank);
        return OGI_KX_NONE;
    }
    return emit_access(lw, OGI_KX_LOAD, add_operand(lw, &o), OGI_KX_NONE, idx, l.shape.rank);
}

static ogi_kx load_source(ogi_kb *b, int src, const ogi_kx *idx)
{
    lowering *lw = b->env->user;
    const og_tensor *n = b->node, *x = n->src[src];
    if (!x || b->failed) return OGI_KX_NONE;
    const og_tensor *root = ogi_root(x);
    int m = find_in(root, lw->spec->member, lw->spec->n_member);
    int panel = find_in(root, lw->spec->panel, lw->spec->n_panel);
    if (m >= 0 || panel >= 0) {
        int last = x->shape.rank - 1;
        bool is_row = idx && last >= 0 && idx[last] != OGI_KX_NONE;
        ogi_kx v = m >= 0 ? lw->value[m] : load_memory(lw, n, x, panel, NULL);
        return is_row ? ogi_kb_row_at(b, v, idx[last]) : v;
    }
    if (root->op == OG_OP_TABLE && root->shape.rank == 0) return load_constant(lw, root);
    return load_memory(lw, n, x, -1, idx);
}

static void store_state(ogi_kb *b, ogi_kx value, const ogi_kx *idx)
{
    lowering *lw = b->env->user;
    const og_tensor *n = b->node, *state = n->src[0];
    if (b->failed) return;
    ogi_layout l;
    ogi_koperand o = operand_of(ogi_storage(state));
    o.is_written = true;
    if (!ogi_layout_of(state, &l) || !place(lw, ogi_space_of(n), &lw->map, &l, idx, &o)) {
        LOWER_FAIL(lw, n, OG_E_UNSUPPORTED, "%s: the state does not fit the space",
                   ogi_op_name(n->op));
        return;
    }
    emit_access(lw, OGI_KX_STORE, add_operand(lw, &o), value, idx, l.shape.rank);
}

static ogi_kx emit_coord(ogi_kb *b, int axis)
{
    ogi_kx_ins ins = { .op = OGI_KX_COORD,
                       .type = OGI_KX_I32,
                       .arg = (int16_t)axis,
                       .a = OGI_KX_NONE,
                       .b = OGI_KX_NONE,
                       .c = OGI_KX_NONE };
    for (int j = 0; j < OG_MAX_RANK; j++) ins.src[j] = OGI_KX_NONE;
    return ogi_kb_emit(b, &ins);
}

/* An axis made of several axes of the space: their coordinates in mixed radix. */
static ogi_kx coordinate(ogi_kb *b, int axis)
{
    lowering *lw = b->env->user;
    if (axis < 0) axis = ogi_space_of(b->node)->rank - 1;
    ogi_kx sum = OGI_KX_NONE;
    for (int k = lw->map.first[axis]; k < lw->map.first[axis + 1]; k++) {
        og_dim d = lw->space.dim[k];
        if (sum != OGI_KX_NONE && !ogi_dim_is_const(d)) {
            LOWER_FAIL(lw, b->node, OG_E_UNSUPPORTED, "%s: coordinate over a symbolic axis",
                       ogi_op_name(b->node->op));
            return OGI_KX_NONE;
        }
        ogi_kx c = emit_coord(b, k);
        sum = sum == OGI_KX_NONE
                  ? c
                  : ogi_kb_add(b, ogi_kb_mul(b, sum, ogi_kb_i32(b, (int32_t)d.b)), c);
    }
    return sum == OGI_KX_NONE ? ogi_kb_i32(b, 0) : sum;
}

/* A symbolic length is counted by a reduction: exact, rows are shorter than 2^24. */
static ogi_kx row_length(ogi_kb *b)
{
    const og_shape *own = ogi_space_of(b->node);
    og_dim d = own->rank > 0 ? own->dim[own->rank - 1] : OG_N(1);
    if (ogi_dim_is_const(d)) return ogi_kb_f32(b, (float)ogi_dim_value(d, NULL));
    return ogi_kb_row_sum(b, ogi_kb_f32(b, 1));
}

/* ---- members -------------------------------------------------------------------------------- */
/* What memory would have rounded is rounded here too: fused and unfused agree. */
static ogi_kx rounded(ogi_kb *b, og_dtype dtype, ogi_kx v)
{
    ogi_kx_op op = dtype == OG_F16 ? OGI_KX_ROUND_F16 : OGI_KX_ROUND_BF16;
    if ((dtype != OG_F16 && dtype != OG_BF16) || v < 0 || b->ins[v].op == op) return v;
    return ogi_kb_op(b, op, v, OGI_KX_NONE, OGI_KX_NONE);
}

static og_status lower_member(lowering *lw, int i)
{
    const og_tensor *n = lw->spec->member[i];
    const ogi_op_def *def = ogi_op_def_of(n->op);
    if (!def->lower || !ogi_space_map(&lw->space, ogi_space_of(n), &lw->map)) {
        OG_FAIL(n->g->ctx, OG_E_UNSUPPORTED, "%s cannot be part of a program", ogi_op_name(n->op));
    }
    lw->kb.node = n;
    ogi_kx v = def->lower(&lw->kb);
    lw->value[i] = v;
    if (lw->kb.failed) return status_of(lw);
    if (def->op_class == OGI_CLASS_STORE) return OG_OK;
    ogi_kx_type want = n->dtype == OG_I32 ? OGI_KX_I32 : OGI_KX_F32;
    if (v == OGI_KX_NONE || lw->kb.ins[v].type != want) {
        OG_FAIL(n->g->ctx, OG_E_INVALID, "%s: lowered to a value that is not %s",
                ogi_op_name(n->op), og_dtype_name(n->dtype));
    }
    lw->value[i] = rounded(&lw->kb, n->dtype, v);
    return OG_OK;
}

static og_status store_result(lowering *lw, const og_tensor *x)
{
    ogi_layout l;
    ogi_axis_map map;
    ogi_koperand o = operand_of(x);
    o.is_written = true;
    if (!ogi_layout_contiguous(x, &l) || !ogi_space_map(&lw->space, &x->shape, &map) ||
        !place(lw, &x->shape, &map, &l, NULL, &o)) {
        OG_FAIL(x->g->ctx, OG_E_UNSUPPORTED, "%s: its result cannot be stored from this space",
                ogi_op_name(x->op));
    }
    int m = find_in(x, lw->spec->member, lw->spec->n_member);
    ogi_kx v = OGI_KX_NONE;
    if (m >= 0) {
        v = lw->value[m];
    } else {
        ogi_koperand in = o;
        in.is_written = false;
        in.panel = find_in(x, lw->spec->panel, lw->spec->n_panel);
        if (in.panel < 0) {
            OG_FAIL(x->g->ctx, OG_E_INVALID, "%s is stored but not computed", ogi_op_name(x->op));
        }
        v = emit_access(lw, OGI_KX_LOAD, add_operand(lw, &in), OGI_KX_NONE, NULL, 0);
    }
    emit_access(lw, OGI_KX_STORE, add_operand(lw, &o), v, NULL, 0);
    return lw->kb.failed ? status_of(lw) : OG_OK;
}

/* ---- the finished program -------------------------------------------------------------------- */
/* The k-th value that an instruction uses, NONE for none; k < N_USED. */
enum { N_USED = 3 + OG_MAX_RANK };

static ogi_kx used_by(const ogi_kx_ins *s, int k)
{
    if (k < 3) return k == 0 ? s->a : k == 1 ? s->b : s->c;
    return s->op == OGI_KX_LOAD || s->op == OGI_KX_STORE ? s->src[k - 3] : OGI_KX_NONE;
}

/* The canonical order: what each store needs, operands from left to right, then the store. It does
 * not depend on the order in which C evaluates the arguments of builder calls. place: where each
 * instruction goes, NONE for dead ones; returns how many there are. */
static int32_t order_live(const ogi_kb *b, ogi_kx *place, ogi_kx *stack)
{
    int32_t n = 0;
    for (int64_t i = 0; i < b->n_ins; i++) place[i] = OGI_KX_NONE;
    for (int64_t i = 0; i < b->n_ins; i++) {
        int depth = 0;
        if (b->ins[i].op == OGI_KX_STORE) stack[depth++] = (ogi_kx)i;
        while (depth > 0) {
            ogi_kx top = stack[depth - 1];
            int k = 0;
            for (; k < N_USED; k++) {
                ogi_kx v = used_by(&b->ins[top], k);
                if (v >= 0 && place[v] < 0) break;
            }
            if (k < N_USED) {
                stack[depth++] = used_by(&b->ins[top], k);
            } else {
                place[top] = n++;
                depth--;
            }
        }
    }
    return n;
}

static ogi_kx moved(const ogi_kx *place, ogi_kx v)
{
    return v < 0 ? v : place[v];
}

/* Must rows be run whole for this instruction? */
static bool needs_row(const lowering *lw, const ogi_kx_ins *s)
{
    int last = lw->space.rank - 1;
    if (s->op == OGI_KX_ROW_SUM || s->op == OGI_KX_ROW_MAX || s->op == OGI_KX_ROW_AT) return true;
    if (s->op == OGI_KX_COORD) return s->arg == last;
    if (s->op != OGI_KX_LOAD && s->op != OGI_KX_STORE) return false;
    for (int j = 0; j < OG_MAX_RANK; j++) {
        if (s->src[j] >= 0) return true;
    }
    const ogi_koperand *o = &lw->operand[s->arg];
    const ogi_dtype *info = ogi_dtype_info(o->dtype);
    if (info && info->is_quantized) return true;
    /* one value a row is stored once a row */
    return s->op == OGI_KX_STORE && is_zero(o->stride[last]) &&
           !ogi_dim_eq(lw->space.dim[last], OG_N(1));
}

static int used_operand(ogi_kprog *p, const ogi_koperand *o)
{
    int k = 0;
    while (k < p->n_operand && !operand_eq(&p->operand[k], o)) k++;
    if (k == p->n_operand) p->operand[p->n_operand++] = *o;
    return k;
}

/* Copies live instructions, in their order, and the operands they use. */
static og_status finish(const lowering *lw, ogi_arena *mem, ogi_kx *place, ogi_kx *from,
                        ogi_kprog **out)
{
    const ogi_kb *b = &lw->kb;
    ogi_kprog *p = ogi_arena_alloc(mem, 1, sizeof *p);
    if (!p) return OG_E_MEMORY;
    p->rank = lw->space.rank;
    for (int j = 0; j < p->rank; j++) p->space[j] = lw->space.dim[j];
    p->n_ins = order_live(b, place, from);
    p->ins = ogi_arena_alloc(mem, (size_t)p->n_ins + 1, sizeof *p->ins);
    p->operand = ogi_arena_alloc(mem, (size_t)lw->n_operand + 1, sizeof *p->operand);
    if (!p->ins || !p->operand) return OG_E_MEMORY;
    for (int64_t i = 0; i < b->n_ins; i++) {
        if (place[i] >= 0) from[place[i]] = (ogi_kx)i;
    }
    for (int i = 0; i < p->n_ins; i++) {
        ogi_kx_ins s = b->ins[from[i]];
        p->has_row = p->has_row || needs_row(lw, &s);
        s.a = moved(place, s.a);
        s.b = moved(place, s.b);
        s.c = moved(place, s.c);
        if (s.op == OGI_KX_LOAD || s.op == OGI_KX_STORE) {
            for (int j = 0; j < OG_MAX_RANK; j++) s.src[j] = moved(place, s.src[j]);
            s.arg = (int16_t)used_operand(p, &lw->operand[s.arg]);
        }
        p->ins[i] = s;
    }
    *out = p;
    return OG_OK;
}

static og_status lower_all(lowering *lw, ogi_arena *mem, ogi_kprog **out)
{
    const ogi_lower_spec *spec = lw->spec;
    og_ctx *ctx = lw->kb.ctx;
    if (!ogi_space_find(spec, &lw->space)) {
        OG_FAIL(ctx, OG_E_INVALID, "the nodes of a group do not share an iteration space");
    }
    lw->value = OGI_NEW_N(ctx, ogi_kx, spec->n_member + 1);
    if (!lw->value) return OG_E_MEMORY;
    for (int i = 0; i < spec->n_member; i++) OG_TRY(lower_member(lw, i));
    for (int i = 0; i < spec->n_store; i++) {
        bool is_state = ogi_op_def_of(spec->store[i]->op)->op_class == OGI_CLASS_STORE;
        if (!is_state) OG_TRY(store_result(lw, spec->store[i]));
    }
    ogi_kx *place = OGI_NEW_N(ctx, ogi_kx, 2 * lw->kb.n_ins + 1);
    if (!place) return OG_E_MEMORY;
    og_status status = finish(lw, mem, place, place + lw->kb.n_ins, out);
    ogi_free(ctx, place);
    return status;
}

og_status ogi_lower(const ogi_lower_spec *spec, ogi_arena *mem, ogi_kprog **out)
{
    *out = NULL;
    lowering lw = { .spec = spec };
    const ogi_kb_env env = { &lw, load_source, store_state, coordinate, row_length };
    lw.kb.ctx = spec->g->ctx;
    lw.kb.env = &env;
    og_status status = lower_all(&lw, mem, out);
    ogi_free(lw.kb.ctx, lw.operand);
    ogi_free(lw.kb.ctx, lw.value);
    ogi_kb_free(&lw.kb);
    return status;
}
