/* SPDX-License-Identifier: MIT
 *
 * Compiles kernel IR to vector programs: which values are uniform, in which phase each is known,
 * which are kept for a whole row and which computed again, and registers for the rest. */
#include "backends/cpu/vprog_impl.h"

#include "graph/dtype.h"
#include "graph/graph.h"

enum { COST_CHEAP = 3, COST_DEAR = 100, LEVEL_ONCE = -1, MAX_INS = 8000 };

/* What is known of one kernel-IR value. */
typedef struct val {
    bool is_uniform;
    bool is_direct; /* a load used in place */
    bool is_kept;   /* has a row slot */
    int16_t level;  /* first phase that may use it; LEVEL_ONCE: before all rows */
    int16_t cost;   /* to compute it again */
    int16_t slot;   /* of scalars, accesses and rows; registers: in this phase, else -1 */
    int16_t access; /* LOAD STORE */
    int last_use;   /* in the phase being emitted */
    bool is_needed; /* computed by the strips of the phase being emitted */
    bool is_done;   /* stores: emitted */
} val;

typedef struct compiler {
    og_ctx *ctx;
    const ogi_kprog *kx;
    ogi_vprog *v;
    val *val;
    int *order; /* what the phase being emitted computes, stores and reduces */
    int n_order;
    int16_t *free_reg;
    int n_free, n_reg;
} compiler;

static const ogi_kx_ins *ins_of(const compiler *c, ogi_kx i)
{
    return &c->kx->ins[i];
}

static bool is_memory(const ogi_kx_ins *s)
{
    return s->op == OGI_KX_LOAD || s->op == OGI_KX_STORE;
}

static bool is_reduction(const ogi_kx_ins *s)
{
    return s->op == OGI_KX_ROW_SUM || s->op == OGI_KX_ROW_MAX;
}

/* The lane index of a load or store: its varying explicit coordinate. */
static ogi_kx lane_index(const compiler *c, const ogi_kx_ins *s)
{
    for (int j = 0; j < OG_MAX_RANK && is_memory(s); j++) {
        if (s->src[j] >= 0 && !c->val[s->src[j]].is_uniform) return s->src[j];
    }
    return OGI_KX_NONE;
}

/* The k-th value that s takes for each lane; NONE past the last or if it is uniform. */
static ogi_kx lane_operand(const compiler *c, const ogi_kx_ins *s, int k)
{
    const ogi_kx v[4] = { s->a, s->b, s->c, lane_index(c, s) };
    return v[k] >= 0 && !c->val[v[k]].is_uniform ? v[k] : OGI_KX_NONE;
}

static bool row_stride_is(const compiler *c, const ogi_kx_ins *s, int64_t n)
{
    return ogi_dim_eq(c->kx->operand[s->arg].stride[c->kx->rank - 1], OG_N(n));
}

static og_dtype dtype_of(const compiler *c, const ogi_kx_ins *s)
{
    return c->kx->operand[s->arg].dtype;
}

/* ---- analysis ------------------------------------------------------------------------------- */
static int cost_of(const compiler *c, const ogi_kx_ins *s)
{
    switch ((ogi_kx_op)s->op) {
    case OGI_KX_LOAD:
        if (lane_index(c, s) >= 0) return COST_DEAR;
        if (dtype_of(c, s) == OG_F32 || dtype_of(c, s) == OG_I32) return 1;
        return dtype_of(c, s) == OG_F16 || dtype_of(c, s) == OG_BF16 ? 3 : COST_DEAR;
    case OGI_KX_DIV:
    case OGI_KX_SQRT: return 3;
    case OGI_KX_ROW_AT:
    case OGI_KX_RSQRT:
    case OGI_KX_EXP:
    case OGI_KX_LOG:
    case OGI_KX_SIN:
    case OGI_KX_COS:
    case OGI_KX_TANH:
    case OGI_KX_ERF: return COST_DEAR;
    default: return 1;
    }
}

/* The last coordinate runs over the same values in every row. */
static int first_level(const compiler *c, const ogi_kx_ins *s)
{
    if (s->op == OGI_KX_COORD) return s->arg == c->kx->rank - 1 ? LEVEL_ONCE : 0;
    return is_memory(s) || is_reduction(s) || s->op == OGI_KX_ROW_AT ? 0 : LEVEL_ONCE;
}

static og_status check(const compiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    if (s->op == OGI_KX_BYTE) {
        OG_FAIL(c->ctx, OG_E_UNSUPPORTED, "vector program: bytes are read in decoders only");
    }
    if (!is_memory(s)) return OG_OK;
    og_dtype t = dtype_of(c, s);
    const ogi_dtype *info = ogi_dtype_info(t);
    bool is_quantized = info && info->is_quantized;
    bool is_plain = t == OG_F32 || t == OG_I32 || t == OG_F16 || t == OG_BF16;
    ogi_kx_type want = t == OG_I32 ? OGI_KX_I32 : OGI_KX_F32;
    ogi_kx_type have = s->op == OGI_KX_STORE ? ins_of(c, s->a)->type : s->type;
    bool is_ok = is_plain || (s->op == OGI_KX_STORE ? t == OG_A8 : is_quantized);
    if (is_quantized && (t != OG_A8 || s->op == OGI_KX_STORE))
        is_ok = is_ok && lane_index(c, s) < 0 && row_stride_is(c, s, 1);
    const og_tensor *value = c->kx->operand[s->arg].value;
    if (t == OG_A8) { /* rows are padded: their length must be known */
        is_ok = is_ok && value && value->shape.rank > 0 &&
                ogi_dim_is_const(value->shape.dim[value->shape.rank - 1]);
    }
    if (!is_ok || want != have) {
        OG_FAIL(c->ctx, OG_E_UNSUPPORTED, "vector program: %s of %s",
                s->op == OGI_KX_STORE ? "store" : "load", og_dtype_name(t));
    }
    return OG_OK;
}

static void analyse(compiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    val *v = &c->val[i];
    const ogi_kx operand[3] = { s->a, s->b, s->c };
    int level = first_level(c, s), cost = cost_of(c, s);
    bool is_uniform = true;
    for (int k = 0; k < 3; k++) {
        if (operand[k] < 0) continue;
        const val *o = &c->val[operand[k]];
        level = OGI_MAX(level, o->level);
        is_uniform = is_uniform && o->is_uniform;
        if (!o->is_uniform) cost += o->cost;
    }
    for (int j = 0; j < OG_MAX_RANK && is_memory(s); j++) {
        if (s->src[j] >= 0) level = OGI_MAX(level, c->val[s->src[j]].level);
    }
    if (s->op == OGI_KX_COORD) is_uniform = s->arg != c->kx->rank - 1;
    if (is_memory(s)) {
        bool has_row = !row_stride_is(c, s, 0) || lane_index(c, s) >= 0;
        is_uniform = s->op == OGI_KX_LOAD ? !has_row : is_uniform && !has_row;
        v->is_direct = has_row && lane_index(c, s) < 0 && row_stride_is(c, s, 1) &&
                       (dtype_of(c, s) == OG_F32 || dtype_of(c, s) == OG_I32);
    }
    if (is_reduction(s)) {
        level++;
        is_uniform = true;
    }
    if (s->op == OGI_KX_ROW_AT) {
        /* one of a uniform value is that value; a row in memory is indexed where it lies */
        bool needs_whole =
            !c->val[s->a].is_uniform && (!c->val[s->a].is_direct || c->val[s->b].is_uniform);
        if (needs_whole) level = OGI_MAX(level, c->val[s->a].level + 1);
        is_uniform = c->val[s->a].is_uniform || c->val[s->b].is_uniform;
    }
    v->is_uniform = is_uniform;
    v->level = (int16_t)level;
    v->cost = (int16_t)OGI_MIN(cost, COST_DEAR);
    v->slot = v->access = -1;
}

/* ---- phases ---------------------------------------------------------------------------------- */
/* Does instruction i belong to the strips of phase level for its own sake? Stores of values, sums
 * and maxima, rows to be kept. */
static bool is_root(const compiler *c, int i, int level)
{
    const ogi_kx_ins *s = ins_of(c, i);
    const val *v = &c->val[i];
    if (s->op == OGI_KX_STORE) {
        return v->level == level && !v->is_uniform &&
               (dtype_of(c, s) != OG_A8 || c->val[s->a].is_uniform);
    }
    if (is_reduction(s)) return v->level == level + 1;
    return v->is_kept && v->level == level && !v->is_uniform;
}

/* Does the phase compute v, or find it where it is? */
static bool is_computed(const compiler *c, int i, int level)
{
    const val *v = &c->val[i];
    return !v->is_direct && !(v->is_kept && v->level < level);
}

/* Marks what the strips of a phase compute, users before what they use. Values of earlier phases
 * are kept from now on unless they are cheap. */
static void mark_needed(compiler *c, int level)
{
    for (int i = 0; i < c->kx->n_ins; i++) c->val[i].is_needed = is_root(c, i, level);
    for (int i = c->kx->n_ins - 1; i >= 0; i--) {
        const ogi_kx_ins *s = ins_of(c, i);
        if (!c->val[i].is_needed) continue;
        for (int k = 0; k < 4; k++) {
            ogi_kx o = lane_operand(c, s, k);
            if (o < 0 || (s->op == OGI_KX_ROW_AT && k == 0)) continue;
            val *v = &c->val[o];
            if (v->level < level && v->cost > COST_CHEAP && !v->is_direct) v->is_kept = true;
            if (is_computed(c, o, level)) v->is_needed = true;
        }
    }
}

/* Values that are indexed, or stored as A8, are whole rows in any case. */
static void keep_rows(compiler *c)
{
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        bool is_a8 = s->op == OGI_KX_STORE && dtype_of(c, s) == OG_A8;
        if (!is_a8 && s->op != OGI_KX_ROW_AT) continue;
        val *a = &c->val[s->a];
        if (!a->is_uniform && !a->is_direct) a->is_kept = true;
        if (is_a8 && a->is_uniform) c->val[i].is_kept = true; /* filled by the store itself */
    }
    for (int level = c->v->n_phase - 1; level >= LEVEL_ONCE; level--) mark_needed(c, level);
}

/* ---- slots ----------------------------------------------------------------------------------- */
static og_status add_access(compiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    ogi_vprog *v = c->v;
    ogi_vaccess *a = &v->access[v->n_access];
    const ogi_dtype *info = ogi_dtype_info(dtype_of(c, s));
    *a = (ogi_vaccess){ .operand = s->arg,
                        .dtype = (int16_t)dtype_of(c, s),
                        .block = (int16_t)info->block,
                        .block_bytes = (int16_t)info->bytes,
                        .lane_axis = -1 };
    if (a->dtype == OG_A8) {
        const og_shape *shape = &c->kx->operand[s->arg].value->shape;
        a->a8_row = ogi_dim_value(shape->dim[shape->rank - 1], NULL);
    }
    for (int j = 0; j < OG_MAX_RANK; j++) {
        if (s->src[j] < 0) continue;
        if (!c->val[s->src[j]].is_uniform) {
            if (a->lane_axis >= 0) {
                OG_FAIL(c->ctx, OG_E_UNSUPPORTED, "vector program: two varying coordinates");
            }
            a->lane_axis = (int8_t)j;
            continue;
        }
        a->axis[a->n_coord] = (int8_t)j;
        a->coord[a->n_coord++] = c->val[s->src[j]].slot;
    }
    c->val[i].access = (int16_t)v->n_access++;
    return OG_OK;
}

/* Scalars first, then accesses, rows, registers. */
static og_status assign_slots(compiler *c)
{
    ogi_vprog *v = c->v;
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        bool is_alias = s->op == OGI_KX_ROW_AT && c->val[s->a].is_uniform;
        if (!c->val[i].is_uniform || s->op == OGI_KX_STORE) continue;
        c->val[i].slot = is_alias ? c->val[s->a].slot : (int16_t)v->n_scalar++;
    }
    for (int i = 0; i < c->kx->n_ins; i++) {
        if (is_memory(ins_of(c, i))) OG_TRY(add_access(c, i));
    }
    for (int i = 0; i < v->n_access; i++) v->access[i].slot = (int16_t)(v->n_scalar + i);
    for (int i = 0; i < c->kx->n_ins; i++) {
        val *x = &c->val[i];
        if (x->is_kept) x->slot = (int16_t)(v->n_scalar + v->n_access + v->n_row++);
        if (x->is_direct && ins_of(c, i)->op == OGI_KX_LOAD) x->slot = v->access[x->access].slot;
    }
    return OG_OK;
}

/* ---- emission -------------------------------------------------------------------------------- */
static ogi_vins translated(const compiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    const ogi_kx operand[3] = { s->a, s->b, s->c };
    ogi_vins d = { .op = s->op, .dst = c->val[i].slot, .a = -1, .b = -1, .c = -1 };
    int16_t *slot[3] = { &d.a, &d.b, &d.c };
    for (int k = 0; k < 3; k++) {
        if (operand[k] < 0) continue;
        *slot[k] = c->val[operand[k]].slot;
        if (c->val[operand[k]].is_uniform) d.shape |= (uint8_t)(1u << k);
    }
    ogi_kx lane = lane_index(c, s);
    if (s->op == OGI_KX_LOAD) d.a = lane >= 0 ? c->val[lane].slot : -1;
    if (s->op == OGI_KX_STORE) d.b = lane >= 0 ? c->val[lane].slot : -1;
    if (s->a >= 0 && s->op != OGI_KX_SELECT && ins_of(c, s->a)->type == OGI_KX_I32) {
        d.op |= OGI_V_INT;
    }
    if (is_memory(s)) d.op = s->op;
    d.access = c->val[i].access;
    d.imm.i = s->op == OGI_KX_COORD ? s->arg : s->imm.i;
    return d;
}

/* Uniform values of a level, and stores of one value a row. */
static int emit_uniform(const compiler *c, int level, ogi_vins *out)
{
    int n = 0;
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        const val *v = &c->val[i];
        bool is_alias = s->op == OGI_KX_ROW_AT && c->val[s->a].is_uniform;
        if (!v->is_uniform || v->level != level || is_reduction(s) || is_alias) continue;
        out[n++] = translated(c, i);
    }
    return n;
}

/* The phase's work in the order of the kernel IR, but a store directly after its value. */
static void order_phase(compiler *c, int level)
{
    c->n_order = 0;
    for (int i = 0; i < c->kx->n_ins; i++) {
        if (!c->val[i].is_needed) continue;
        if (ins_of(c, i)->op == OGI_KX_STORE && c->val[i].is_done) continue;
        c->order[c->n_order++] = i;
        for (int k = i + 1; k < c->kx->n_ins; k++) {
            const ogi_kx_ins *s = ins_of(c, k);
            if (s->op != OGI_KX_STORE || !c->val[k].is_needed || s->a != i) continue;
            if (lane_index(c, s) >= 0 || c->val[k].is_done || c->val[k].level != level) continue;
            c->val[k].is_done = true;
            c->order[c->n_order++] = k;
        }
    }
    for (int i = 0; i < c->kx->n_ins; i++) c->val[i].last_use = -1;
    for (int i = 0; i < c->n_order; i++) {
        const ogi_kx_ins *s = ins_of(c, c->order[i]);
        for (int k = 0; k < 4; k++) {
            ogi_kx o = lane_operand(c, s, k);
            if (o >= 0) c->val[o].last_use = i;
        }
    }
}

static int16_t take_register(compiler *c)
{
    return c->n_free > 0 ? c->free_reg[--c->n_free] : (int16_t)c->n_reg++;
}

/* A register holds value o in this phase: not memory, not a row. */
static bool in_register(const compiler *c, ogi_kx o)
{
    const val *v = &c->val[o];
    return v->is_needed && !v->is_uniform && !v->is_direct && !v->is_kept && v->slot >= 0 &&
           v->slot >= c->v->n_scalar + c->v->n_access + c->v->n_row;
}

/* Registers whose value is used at place `at` for the last time are free from there on: an
 * instruction may write where it reads, lane by lane. */
static void release_registers(compiler *c, const ogi_kx_ins *s, int at)
{
    for (int k = 0; k < 4; k++) {
        ogi_kx o = lane_operand(c, s, k);
        if (o < 0 || c->val[o].last_use != at || !in_register(c, o)) continue;
        c->free_reg[c->n_free++] = c->val[o].slot;
        c->val[o].last_use = -1; /* once, if an instruction uses it twice */
    }
}

/* The store directly behind value i that can take it in place of a register, or -1. */
static int direct_store(const compiler *c, int at)
{
    int i = c->order[at], next = at + 1 < c->n_order ? c->order[at + 1] : -1;
    if (c->val[i].is_kept || next < 0) return -1;
    const ogi_kx_ins *s = ins_of(c, next);
    return s->op == OGI_KX_STORE && s->a == i && c->val[next].is_direct ? next : -1;
}

static void emit_store(compiler *c, int i, ogi_vphase *ph)
{
    const ogi_kx_ins *s = ins_of(c, i);
    const val *v = &c->val[i];
    ogi_vins d = translated(c, i);
    if (v->is_direct || v->is_kept) {
        d.op = OGI_V_MOVE;
        d.dst = v->is_kept ? v->slot : c->v->access[v->access].slot;
        if (d.a == d.dst) return;
    }
    if (dtype_of(c, s) == OG_A8 && !v->is_kept) return;
    ph->strip[ph->n_strip++] = d;
}

static void emit_strip(compiler *c, int at, ogi_vphase *ph)
{
    int i = c->order[at];
    const ogi_kx_ins *s = ins_of(c, i);
    val *v = &c->val[i];
    if (s->op == OGI_KX_STORE) {
        emit_store(c, i, ph);
        release_registers(c, s, at);
        return;
    }
    if (is_reduction(s)) {
        ogi_vins d = translated(c, i);
        d.dst = (int16_t)c->v->n_acc++;
        ph->reduce[ph->n_reduce++] = (ogi_vreduce){ d.dst, v->slot, s->op == OGI_KX_ROW_MAX };
        ph->strip[ph->n_strip++] = d;
        release_registers(c, s, at);
        return;
    }
    ogi_vins d = translated(c, i);
    int store = direct_store(c, at);
    release_registers(c, s, at);
    if (store >= 0) {
        v->slot = c->v->access[c->val[store].access].slot;
    } else if (!v->is_kept) {
        v->slot = take_register(c);
    }
    d.dst = v->slot;
    ph->strip[ph->n_strip++] = d;
}

/* A8 rows of this level: the whole row is there after the strips. */
static void emit_quant(const compiler *c, int level, ogi_vphase *ph)
{
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        const val *v = &c->val[i];
        if (s->op != OGI_KX_STORE || dtype_of(c, s) != OG_A8 || v->level != level) continue;
        ph->quant[ph->n_quant++] =
            (ogi_vquant){ v->access, v->is_kept ? v->slot : c->val[s->a].slot };
    }
}

/* A row address is known in the phase of its last coordinate. */
static void emit_access(const compiler *c, int level, ogi_vphase *ph)
{
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        if (!is_memory(s) || c->val[i].is_uniform) continue;
        int known = 0;
        for (int j = 0; j < OG_MAX_RANK; j++) {
            if (s->src[j] < 0 || !c->val[s->src[j]].is_uniform) continue;
            known = OGI_MAX(known, c->val[s->src[j]].level);
        }
        if (known == level) ph->access[ph->n_access++] = c->val[i].access;
    }
}

static og_status emit_phase(compiler *c, int level, ogi_vphase *ph)
{
    size_t n = (size_t)c->kx->n_ins + 1;
    ogi_arena *mem = &c->v->mem;
    ph->uniform = ogi_arena_alloc(mem, n, sizeof *ph->uniform);
    ph->strip = ogi_arena_alloc(mem, n, sizeof *ph->strip);
    ph->access = ogi_arena_alloc(mem, n, sizeof *ph->access);
    ph->reduce = ogi_arena_alloc(mem, n, sizeof *ph->reduce);
    ph->quant = ogi_arena_alloc(mem, n, sizeof *ph->quant);
    if (!ph->uniform || !ph->strip || !ph->access || !ph->reduce || !ph->quant) return OG_E_MEMORY;
    ph->n_uniform = emit_uniform(c, level, ph->uniform);
    emit_access(c, level, ph);
    mark_needed(c, level);
    order_phase(c, level);
    c->n_free = 0;
    c->n_reg = c->v->n_scalar + c->v->n_access + c->v->n_row;
    for (int i = 0; i < c->n_order; i++) emit_strip(c, i, ph);
    c->v->n_reg = OGI_MAX(c->v->n_reg, c->n_reg - c->v->n_scalar - c->v->n_access - c->v->n_row);
    emit_quant(c, level, ph);
    return OG_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */
/* Layout of the scratch: slot pointers, row offsets, scalars, accumulators, a place for quantized
 * blocks, registers, rows; each part 64-byte aligned. */
static void measure(compiler *c)
{
    ogi_vprog *v = c->v;
    v->n_slot = v->n_scalar + v->n_access + v->n_row + v->n_reg;
    size_t n = OGI_ALIGN((size_t)v->n_slot * sizeof(char *), 64);
    n += OGI_ALIGN((size_t)v->n_access * sizeof(int64_t), 64);
    n += OGI_ALIGN((size_t)v->n_scalar * 4, 64);
    n += (size_t)v->n_acc * 64 + OGI_V_QUANT_TEMP * 4;
    n += (size_t)v->n_reg * (size_t)v->strip * 4 + (size_t)v->n_row * (size_t)v->row_max * 4;
    v->scratch = n;
}

static og_status compile(compiler *c)
{
    ogi_vprog *v = c->v;
    const ogi_kprog *kx = c->kx;
    v->n_phase = 1;
    for (int i = 0; i < kx->n_ins; i++) {
        OG_TRY(check(c, i));
        analyse(c, i);
        v->n_phase = OGI_MAX(v->n_phase, c->val[i].level + 1);
    }
    keep_rows(c);
    size_t n = (size_t)kx->n_ins + 1;
    v->access = ogi_arena_alloc(&v->mem, n, sizeof *v->access);
    v->phase = ogi_arena_alloc(&v->mem, (size_t)v->n_phase, sizeof *v->phase);
    if (!v->access || !v->phase) return OG_E_MEMORY;
    OG_TRY(assign_slots(c));
    OG_TRY(emit_phase(c, LEVEL_ONCE, &v->once));
    for (int level = 0; level < v->n_phase; level++) OG_TRY(emit_phase(c, level, &v->phase[level]));
    measure(c);
    return OG_OK;
}

static og_status start(compiler *c, const int64_t *sym_max)
{
    const ogi_kprog *kx = c->kx;
    if (kx->rank < 1 || kx->n_ins > MAX_INS) {
        OG_FAIL(c->ctx, OG_E_LIMIT, "vector program: %d axes, %d instructions", kx->rank,
                kx->n_ins);
    }
    int64_t row = ogi_dim_value(kx->space[kx->rank - 1], sym_max);
    c->v->rank = kx->rank;
    c->v->row_max = OGI_ALIGN(row, 16);
    c->v->strip = OGI_MIN(c->v->row_max, OGI_V_STRIP);
    c->val = OGI_NEW_N(c->ctx, val, kx->n_ins + 1);
    c->order = OGI_NEW_N(c->ctx, int, kx->n_ins + 1);
    c->free_reg = OGI_NEW_N(c->ctx, int16_t, kx->n_ins + 1);
    return c->val && c->order && c->free_reg ? OG_OK : OG_E_MEMORY;
}

og_status ogi_vprog_compile(og_ctx *ctx, const ogi_kprog *p, const int64_t *sym_max,
                            const ogi_cpu_kernels *kernels, ogi_vprog **out)
{
    *out = NULL;
    ogi_vprog *v = OGI_NEW(ctx, ogi_vprog);
    if (!v) return OG_E_MEMORY;
    v->kx = p;
    v->kernels = kernels;
    v->mem.ctx = ctx;
    compiler c = { .ctx = ctx, .kx = p, .v = v };
    og_status status = start(&c, sym_max);
    if (status == OG_OK) status = compile(&c);
    ogi_free(ctx, c.val);
    ogi_free(ctx, c.order);
    ogi_free(ctx, c.free_reg);
    if (status != OG_OK) {
        ogi_vprog_free(v);
        return status;
    }
    *out = v;
    return OG_OK;
}

void ogi_vprog_free(ogi_vprog *v)
{
    if (!v) return;
    og_ctx *ctx = v->mem.ctx;
    ogi_arena_free(&v->mem);
    ogi_free(ctx, v);
}

size_t ogi_vprog_scratch(const ogi_vprog *v)
{
    return v->scratch;
}

void ogi_vprog_bind(const ogi_vprog *v, const int64_t *sym, int64_t *space, ogi_voperand *operand)
{
    const ogi_kprog *p = v->kx;
    for (int k = 0; k < p->rank; k++) space[k] = ogi_dim_value(p->space[k], sym);
    for (int i = 0; i < p->n_operand; i++) {
        const ogi_koperand *o = &p->operand[i];
        operand[i].offset = ogi_dim_value(o->offset, sym);
        for (int k = 0; k < OG_MAX_RANK; k++) {
            operand[i].stride[k] = k < p->rank ? ogi_dim_value(o->stride[k], sym) : 0;
            operand[i].own[k] = ogi_dim_value(o->own[k], sym);
        }
    }
}

void ogi_vprog_run(const ogi_vprog *v, const ogi_voperand *operand, const int64_t *space,
                   const int64_t *lo, const int64_t *hi, void *scratch)
{
    (void)space; /* boxes and strides say it all */
    v->kernels->vprog_run(v, operand, lo, hi, scratch);
}
