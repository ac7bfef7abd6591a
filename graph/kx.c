/* SPDX-License-Identifier: MIT
 *
 * The kernel-IR builder: type rules, sharing of equal instructions, the text dump. What a source,
 * a store or a coordinate becomes is the environment's business (codegen/lower). */
#include "graph/dim.h"
#include "graph/op_def.h"

#include <inttypes.h>

static const struct {
    const char *name;
    int arity;
} kx_ops[] = {
#define S(name, n, text) { text, n },
    OGI_KX_LIST(S)
#undef S
};

const char *ogi_kx_op_name(ogi_kx_op op)
{
    return kx_ops[op].name;
}
int ogi_kx_op_arity(ogi_kx_op op)
{
    return kx_ops[op].arity;
}

const void *ogi_kb_params(const ogi_kb *b)
{
    return b->node ? b->node->params : NULL;
}

int ogi_kb_rank(const ogi_kb *b)
{
    return b->node ? ogi_space_of(b->node)->rank : 1;
}

static ogi_kx broken(ogi_kb *b, ogi_kx_op op, const char *what)
{
    ogi_fail(b->ctx, OG_E_INVALID, __FILE__, __LINE__, "kernel IR of %s: %s: %s",
             b->node ? ogi_op_name(b->node->op) : "a type", ogi_kx_op_name(op), what);
    b->failed = true;
    return OGI_KX_NONE;
}

static bool same_ins(const ogi_kx_ins *x, const ogi_kx_ins *y)
{
    return x->op == y->op && x->type == y->type && x->arg == y->arg && x->a == y->a &&
           x->b == y->b && x->c == y->c && x->imm.i == y->imm.i &&
           !memcmp(x->src, y->src, sizeof x->src);
}

ogi_kx ogi_kb_emit(ogi_kb *b, const ogi_kx_ins *ins)
{
    if (b->failed) return OGI_KX_NONE;
    if (ins->op != OGI_KX_STORE)
        for (int64_t i = b->n_ins; i-- > 0;)
            if (same_ins(&b->ins[i], ins)) return (ogi_kx)i;
    if (b->n_ins >= INT32_MAX ||
        ogi_grow(b->ctx, &b->ins, &b->ins_cap, b->n_ins + 1, sizeof *b->ins) != OG_OK) {
        b->failed = true;
        return OGI_KX_NONE;
    }
    b->ins[b->n_ins] = *ins;
    return (ogi_kx)b->n_ins++;
}

void ogi_kb_free(ogi_kb *b)
{
    ogi_free(b->ctx, b->ins);
    b->ins = NULL;
    b->n_ins = b->ins_cap = 0;
}

static ogi_kx_ins blank(ogi_kx_op op, ogi_kx_type type)
{
    ogi_kx_ins ins = { .op = (uint8_t)op, .type = (uint8_t)type };
    ins.a = ins.b = ins.c = OGI_KX_NONE;
    for (int i = 0; i < OG_MAX_RANK; i++) ins.src[i] = OGI_KX_NONE;
    return ins;
}

ogi_kx ogi_kb_f32(ogi_kb *b, float v)
{
    ogi_kx_ins ins = blank(OGI_KX_CONST, OGI_KX_F32);
    ins.imm.f = v;
    return ogi_kb_emit(b, &ins);
}

ogi_kx ogi_kb_i32(ogi_kb *b, int32_t v)
{
    ogi_kx_ins ins = blank(OGI_KX_CONST, OGI_KX_I32);
    ins.imm.i = v;
    return ogi_kb_emit(b, &ins);
}

ogi_kx ogi_kb_load(ogi_kb *b, int src)
{
    return b->failed ? OGI_KX_NONE : b->env->load(b, src, NULL);
}

ogi_kx ogi_kb_load_at(ogi_kb *b, int src, const ogi_kx *idx)
{
    return b->failed ? OGI_KX_NONE : b->env->load(b, src, idx);
}

void ogi_kb_store_at(ogi_kb *b, ogi_kx value, const ogi_kx *idx)
{
    if (!b->failed && value != OGI_KX_NONE) b->env->store(b, value, idx);
}

ogi_kx ogi_kb_coord(ogi_kb *b, int axis)
{
    if (b->failed) return OGI_KX_NONE;
    return b->env->coord(b, axis < 0 ? ogi_kb_rank(b) - 1 : axis);
}

ogi_kx ogi_kb_row_length(ogi_kb *b)
{
    return b->failed ? OGI_KX_NONE : b->env->row_length(b);
}

/* The result's type by the operands' types (x, y, z; what is beyond the arity is ignored), or -1
 * if they break the op's rule. */
static int result_type(ogi_kx_op op, int x, int y, int z)
{
    enum { F = OGI_KX_F32, I = OGI_KX_I32 };
    switch (op) {
    case OGI_KX_ADD:
    case OGI_KX_SUB:
    case OGI_KX_MUL:
    case OGI_KX_DIV:
    case OGI_KX_MIN:
    case OGI_KX_MAX: return x == y ? x : -1;
    case OGI_KX_NEG:
    case OGI_KX_ABS: return x;
    case OGI_KX_FMA: return x == F && y == F && z == F ? F : -1;
    case OGI_KX_SQRT:
    case OGI_KX_RSQRT:
    case OGI_KX_EXP:
    case OGI_KX_LOG:
    case OGI_KX_SIN:
    case OGI_KX_COS:
    case OGI_KX_TANH:
    case OGI_KX_ERF:
    case OGI_KX_FLOOR:
    case OGI_KX_ROUND_F16:
    case OGI_KX_ROUND_BF16:
    case OGI_KX_ROW_SUM:
    case OGI_KX_ROW_MAX: return x == F ? F : -1;
    case OGI_KX_LT:
    case OGI_KX_LE:
    case OGI_KX_EQ: return x == y ? I : -1;
    case OGI_KX_SELECT: return x == I && y == z ? y : -1;
    case OGI_KX_AND:
    case OGI_KX_OR:
    case OGI_KX_XOR:
    case OGI_KX_SHL:
    case OGI_KX_SHR: return x == I && y == I ? I : -1;
    case OGI_KX_TO_F32:
    case OGI_KX_BITS_F32:
    case OGI_KX_F16_BITS: return x == I ? F : -1;
    case OGI_KX_TO_I32: return x == F ? I : -1;
    case OGI_KX_BYTE:
    case OGI_KX_TABLE: return x == I ? I : -1;
    case OGI_KX_ROW_AT: return y == I ? x : -1;
    case OGI_KX_CONST:
    case OGI_KX_COORD:
    case OGI_KX_LOAD:
    case OGI_KX_STORE:
    case OGI_KX_OP_COUNT: break;
    }
    return -1;
}

ogi_kx ogi_kb_op(ogi_kb *b, ogi_kx_op op, ogi_kx x, ogi_kx y, ogi_kx z)
{
    if (b->failed) return OGI_KX_NONE;
    const ogi_kx v[3] = { x, y, z };
    int type[3] = { 0 }, n = ogi_kx_op_arity(op);
    for (int i = 0; i < n; i++) {
        if (v[i] == OGI_KX_NONE) return OGI_KX_NONE;
        if (v[i] < 0 || v[i] >= b->n_ins) return broken(b, op, "operand is no instruction");
        type[i] = b->ins[v[i]].type;
    }
    int result = result_type(op, type[0], type[1], type[2]);
    if (result < 0) return broken(b, op, "operands of the wrong type");
    ogi_kx_ins ins = blank(op, (ogi_kx_type)result);
    ins.a = n > 0 ? x : OGI_KX_NONE;
    ins.b = n > 1 ? y : OGI_KX_NONE;
    ins.c = n > 2 ? z : OGI_KX_NONE;
    return ogi_kb_emit(b, &ins);
}

/* ---- text dump ----------------------------------------------------------------------------- */

static void print_operand(const og_graph *g, const ogi_kprog *p, int i, ogi_buf *out)
{
    const ogi_koperand *o = &p->operand[i];
    ogi_buf_printf(out, "  x%d = %s", i, og_dtype_name(o->dtype));
    if (o->value) {
        ogi_shape_print(g, &o->value->shape, out);
        ogi_buf_printf(out, " %%%d", o->value->id);
        if (o->value->name) ogi_buf_printf(out, " \"%s\"", o->value->name);
    }
    if (o->panel >= 0) ogi_buf_printf(out, " panel %d", o->panel);
    if (o->is_written) ogi_buf_puts(out, " written");
    ogi_buf_puts(out, " at ");
    ogi_dim_print(g, o->offset, out);
    og_shape stride = { .rank = p->rank }, own = { .rank = o->value ? o->value->shape.rank : 0 };
    bool has_own = false;
    memcpy(stride.dim, o->stride, sizeof stride.dim);
    memcpy(own.dim, o->own, sizeof own.dim);
    for (int j = 0; j < own.rank; j++) has_own |= !ogi_dim_eq(own.dim[j], OG_N(0));
    ogi_buf_puts(out, " stride ");
    ogi_shape_print(g, &stride, out);
    if (has_own) {
        ogi_buf_puts(out, " own ");
        ogi_shape_print(g, &own, out);
    }
    ogi_buf_putc(out, '\n');
}

static void print_explicit(const ogi_kx_ins *ins, ogi_buf *out)
{
    bool any = false;
    for (int j = 0; j < OG_MAX_RANK; j++) any |= ins->src[j] != OGI_KX_NONE;
    if (!any) return;
    ogi_buf_puts(out, " at");
    for (int j = 0; j < OG_MAX_RANK; j++)
        if (ins->src[j] != OGI_KX_NONE) ogi_buf_printf(out, " %d:v%d", j, ins->src[j]);
}

static void print_ins(const ogi_kx_ins *ins, int64_t i, ogi_buf *out)
{
    if (ins->op == OGI_KX_STORE)
        ogi_buf_puts(out, "  ");
    else
        ogi_buf_printf(out, "  v%" PRId64 " = ", i);
    ogi_buf_puts(out, ogi_kx_op_name((ogi_kx_op)ins->op));
    if (ins->type == OGI_KX_I32) ogi_buf_puts(out, ".i");
    if (ins->op == OGI_KX_CONST && ins->type == OGI_KX_F32)
        ogi_buf_printf(out, " %.9g", (double)ins->imm.f);
    else if (ins->op == OGI_KX_CONST)
        ogi_buf_printf(out, " %" PRId32, ins->imm.i);
    if (ins->op == OGI_KX_COORD) ogi_buf_printf(out, " %d", ins->arg);
    if (ins->op == OGI_KX_LOAD || ins->op == OGI_KX_STORE) ogi_buf_printf(out, " x%d", ins->arg);
    const ogi_kx v[3] = { ins->a, ins->b, ins->c };
    for (int j = 0; j < 3; j++)
        if (v[j] != OGI_KX_NONE) ogi_buf_printf(out, " v%d", v[j]);
    print_explicit(ins, out);
    ogi_buf_putc(out, '\n');
}

void ogi_kprog_print(const og_graph *g, const ogi_kprog *p, ogi_buf *out)
{
    og_shape space = { .rank = p->rank };
    memcpy(space.dim, p->space, sizeof space.dim);
    ogi_buf_puts(out, "space ");
    ogi_shape_print(g, &space, out);
    ogi_buf_puts(out, p->has_row ? " rows\n" : "\n");
    for (int i = 0; i < p->n_operand; i++) print_operand(g, p, i, out);
    for (int i = 0; i < p->n_ins; i++) print_ins(&p->ins[i], i, out);
}
