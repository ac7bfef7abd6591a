/* SPDX-License-Identifier: MIT
 *
 * Slots for values, and the instructions of every phase with registers for its strips. */
#include "backends/cpu/vprog_compile.h"

/* What ogi_vprog_analyse lets through. */
static ogi_velement element_of(const ogi_dtype *t)
{
    if (t->id == OG_F32 || t->id == OG_I32) return OGI_V_WORDS;
    if (t->id == OG_F16) return OGI_V_F16;
    if (t->id == OG_BF16) return OGI_V_BF16;
    if (t->id == OG_A8) return OGI_V_A8;
    OGI_ASSERT(t->is_quantized);
    return OGI_V_BLOCKS;
}

/* ---- slots ----------------------------------------------------------------------------------- */
static og_status add_access(ogi_vcompiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    ogi_vprog *v = c->v;
    ogi_vaccess *a = &v->access[v->n_access];
    const ogi_dtype *info = ogi_dtype_info(dtype_of(c, s));
    *a = (ogi_vaccess){ .operand = s->arg,
                        .element = element_of(info),
                        .dtype = info->id,
                        .block = (int16_t)info->block,
                        .block_bytes = (int16_t)info->bytes,
                        .lane_axis = -1 };
    if (a->element == OGI_V_BLOCKS && !v->kernels->has_matmul(info->id)) {
        size_t scratch;
        OG_TRY(ogi_cpu_decode_new(&v->mem, info->id, &a->decode, &scratch));
        v->decode_scratch = OGI_MAX(v->decode_scratch, OGI_ALIGN(scratch, (size_t)64));
    }
    if (a->element == OGI_V_A8) {
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
static og_status assign_slots(ogi_vcompiler *c)
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
        ogi_vval *x = &c->val[i];
        if (x->is_kept) x->slot = (int16_t)(v->n_scalar + v->n_access + v->n_row++);
        if (x->is_direct && ins_of(c, i)->op == OGI_KX_LOAD) x->slot = v->access[x->access].slot;
    }
    return OG_OK;
}

/* ---- emission -------------------------------------------------------------------------------- */
static ogi_vins translated(const ogi_vcompiler *c, int i)
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
static int emit_uniform(const ogi_vcompiler *c, int level, ogi_vins *out)
{
    int n = 0;
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        const ogi_vval *v = &c->val[i];
        bool is_alias = s->op == OGI_KX_ROW_AT && c->val[s->a].is_uniform;
        if (!v->is_uniform || v->level != level || is_reduction(s) || is_alias) continue;
        out[n++] = translated(c, i);
    }
    return n;
}

/* The phase's work in the order of the kernel IR, but a store directly after its value. */
static void order_phase(ogi_vcompiler *c, int level)
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

static int16_t take_register(ogi_vcompiler *c)
{
    return c->n_free > 0 ? c->free_reg[--c->n_free] : (int16_t)c->n_reg++;
}

/* A register holds value o in this phase: not memory, not a row. */
static bool in_register(const ogi_vcompiler *c, ogi_kx o)
{
    const ogi_vval *v = &c->val[o];
    return v->is_needed && !v->is_uniform && !v->is_direct && !v->is_kept && v->slot >= 0 &&
           v->slot >= c->v->n_scalar + c->v->n_access + c->v->n_row;
}

/* Registers whose value is used at place `at` for the last time are free from there on: an
 * instruction may write where it reads, lane by lane. */
static void release_registers(ogi_vcompiler *c, const ogi_kx_ins *s, int at)
{
    for (int k = 0; k < 4; k++) {
        ogi_kx o = lane_operand(c, s, k);
        if (o < 0 || c->val[o].last_use != at || !in_register(c, o)) continue;
        c->free_reg[c->n_free++] = c->val[o].slot;
        c->val[o].last_use = -1; /* once, if an instruction uses it twice */
    }
}

/* The store directly behind value i that can take it in place of a register, or -1. */
static int direct_store(const ogi_vcompiler *c, int at)
{
    int i = c->order[at], next = at + 1 < c->n_order ? c->order[at + 1] : -1;
    if (c->val[i].is_kept || next < 0) return -1;
    const ogi_kx_ins *s = ins_of(c, next);
    return s->op == OGI_KX_STORE && s->a == i && c->val[next].is_direct ? next : -1;
}

static void emit_store(ogi_vcompiler *c, int i, ogi_vphase *ph)
{
    const ogi_kx_ins *s = ins_of(c, i);
    const ogi_vval *v = &c->val[i];
    ogi_vins d = translated(c, i);
    if (v->is_direct || v->is_kept) {
        d.op = OGI_V_MOVE;
        d.dst = v->is_kept ? v->slot : c->v->access[v->access].slot;
        if (d.a == d.dst) return;
    }
    if (dtype_of(c, s) == OG_A8 && !v->is_kept) return;
    ph->strip[ph->n_strip++] = d;
}

static void emit_strip(ogi_vcompiler *c, int at, ogi_vphase *ph)
{
    int i = c->order[at];
    const ogi_kx_ins *s = ins_of(c, i);
    ogi_vval *v = &c->val[i];
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
static void emit_quant(const ogi_vcompiler *c, int level, ogi_vphase *ph)
{
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        const ogi_vval *v = &c->val[i];
        if (s->op != OGI_KX_STORE || dtype_of(c, s) != OG_A8 || v->level != level) continue;
        ph->quant[ph->n_quant++] =
            (ogi_vquant){ v->access, v->is_kept ? v->slot : c->val[s->a].slot };
    }
}

/* A row address is known in the phase of its last coordinate. */
static void emit_access(const ogi_vcompiler *c, int level, ogi_vphase *ph)
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

static og_status emit_phase(ogi_vcompiler *c, int level, ogi_vphase *ph)
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
    ogi_vprog_mark_needed(c, level);
    order_phase(c, level);
    c->n_free = 0;
    c->n_reg = c->v->n_scalar + c->v->n_access + c->v->n_row;
    for (int i = 0; i < c->n_order; i++) emit_strip(c, i, ph);
    c->v->n_reg = OGI_MAX(c->v->n_reg, c->n_reg - c->v->n_scalar - c->v->n_access - c->v->n_row);
    emit_quant(c, level, ph);
    return OG_OK;
}

og_status ogi_vprog_emit(ogi_vcompiler *c)
{
    ogi_vprog *v = c->v;
    size_t n = (size_t)c->kx->n_ins + 1;
    v->access = ogi_arena_alloc(&v->mem, n, sizeof *v->access);
    v->phase = ogi_arena_alloc(&v->mem, (size_t)v->n_phase, sizeof *v->phase);
    if (!v->access || !v->phase) return OG_E_MEMORY;
    OG_TRY(assign_slots(c));
    OG_TRY(emit_phase(c, OGI_V_ONCE, &v->once));
    for (int level = 0; level < v->n_phase; level++) OG_TRY(emit_phase(c, level, &v->phase[level]));
    return OG_OK;
}
