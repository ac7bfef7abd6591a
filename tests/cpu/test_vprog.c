/* SPDX-License-Identifier: MIT
 *
 * Vector programs against a lane-by-lane interpreter of the kernel IR: random programs over all
 * kinds of operands and stores, on every instruction set, in whole and in boxes, bit for bit. */
#include "backends/cpu/vprog.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "graph/dtype.h"
#include "graph/graph.h"

enum { MAX_ROW = 5, MAX_LANE = 1600, N_TABLE = 6, N_OPERAND = 20, MAX_STORE = 12 };

/* Operands of every random program; C lanes, R rows. */
enum {
    X_FULL,
    X_COLUMN,
    X_ROW,
    X_F16,
    X_BF16,
    X_INT,
    X_TRANSPOSED,
    X_TABLE,
    X_TABLE_AT,
    X_F16_STEP,
    X_Q8,
    N_INPUT,
    Y_FULL = N_INPUT,
    Y_F16,
    Y_BF16,
    Y_INT,
    Y_TRANSPOSED,
    Y_COLUMN,
    Y_PAGE,
    Y_A8,
    N_ALL
};

typedef struct lab {
    og_ctx *ctx;
    og_graph *g;
    ogi_kb kb;
    ogi_koperand operand[N_ALL];
    ogi_kprog prog;
    int64_t n_row, n_lane;
    char *mem[N_ALL], *want[N_ALL];
    uint64_t seed;
    bool has_fma;
} lab;

static uint32_t next_random(lab *l)
{
    l->seed = l->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(l->seed >> 33);
}

static int64_t below(lab *l, int64_t n)
{
    return (int64_t)(next_random(l) % (uint64_t)n);
}

static float random_float(lab *l)
{
    return (float)((double)next_random(l) / 0x1p30 - 1.0) * 3.0f;
}

static int64_t a8_row_size(int64_t n)
{
    return OGI_ALIGN(n * 5 / 4, 64);
}

/* ---- operands -------------------------------------------------------------------------------- */
static void set_operand(lab *l, int i, og_dtype t, int64_t row, int64_t lane)
{
    ogi_koperand *o = &l->operand[i];
    *o = (ogi_koperand){ .dtype = t, .panel = -1, .offset = OG_N(0), .is_written = i >= N_INPUT };
    for (int j = 0; j < OG_MAX_RANK; j++) o->stride[j] = o->own[j] = OG_N(0);
    o->stride[0] = OG_N(row);
    o->stride[1] = OG_N(lane);
}

static void make_operands(lab *l)
{
    int64_t c = l->n_lane, r = l->n_row;
    set_operand(l, X_FULL, OG_F32, c, 1);
    set_operand(l, X_COLUMN, OG_F32, 1, 0);
    set_operand(l, X_ROW, OG_F32, 0, 1);
    set_operand(l, X_F16, OG_F16, c, 1);
    set_operand(l, X_BF16, OG_BF16, c, 1);
    set_operand(l, X_INT, OG_I32, c, 1);
    set_operand(l, X_TRANSPOSED, OG_F32, 1, r);
    set_operand(l, X_TABLE, OG_F32, 0, 1); /* [N_TABLE, C] at an explicit row */
    l->operand[X_TABLE].own[0] = OG_N(c);
    set_operand(l, X_TABLE_AT, OG_F32, c, 0); /* [R, C] at an explicit lane */
    l->operand[X_TABLE_AT].own[1] = OG_N(1);
    set_operand(l, X_F16_STEP, OG_F16, 2 * c, 2);
    l->operand[X_F16_STEP].offset = OG_N(1);
    set_operand(l, X_Q8, OG_Q8_0, OGI_ALIGN(c, 32), 1);
    set_operand(l, Y_FULL, OG_F32, c, 1);
    set_operand(l, Y_F16, OG_F16, c, 1);
    set_operand(l, Y_BF16, OG_BF16, c, 1);
    set_operand(l, Y_INT, OG_I32, c, 1);
    set_operand(l, Y_TRANSPOSED, OG_F32, 1, r);
    set_operand(l, Y_COLUMN, OG_F32, 1, 0);
    set_operand(l, Y_PAGE, OG_F16, 0, 1); /* [R, C] at an explicit row */
    l->operand[Y_PAGE].own[0] = OG_N(c);
    set_operand(l, Y_A8, OG_A8, c, 1);
    if (c % 32 == 0) {
        l->operand[Y_A8].value = og_input(l->g, "a8", OG_F32, OG_SHAPE(OG_N(r), OG_N(c)));
    }
}

/* Bytes of memory for any operand. */
static size_t memory_size(const lab *l)
{
    size_t lanes = (size_t)OGI_MAX(l->n_row, N_TABLE) * (size_t)OGI_ALIGN(l->n_lane, 64);
    return OGI_ALIGN(lanes * 4 + 256, 64);
}

static void fill(lab *l)
{
    size_t size = memory_size(l);
    for (int i = 0; i < N_ALL; i++) {
        l->mem[i] = aligned_alloc(64, size);
        l->want[i] = aligned_alloc(64, size);
        memset(l->mem[i], 0, size);
        for (size_t e = 0; i < N_INPUT && e < size / 4; e++) {
            int32_t n = (int32_t)below(l, l->n_lane);
            float f = random_float(l);
            uint16_t h[2] = { ogi_f16_of_f32(f), ogi_f16_of_f32(-f) };
            og_dtype t = l->operand[i].dtype;
            if (t == OG_I32) memcpy(l->mem[i] + e * 4, &n, 4);
            if (t == OG_F32) memcpy(l->mem[i] + e * 4, &f, 4);
            if (t == OG_F16 || t == OG_BF16 || t == OG_Q8_0) memcpy(l->mem[i] + e * 4, h, 4);
        }
        memcpy(l->want[i], l->mem[i], size);
    }
    for (size_t b = 0; b + 34 <= size; b += 34) memcpy(l->mem[X_Q8] + b, &(uint16_t){ 0x2e66 }, 2);
}

/* ---- random programs ------------------------------------------------------------------------- */
static ogi_kx access(lab *l, ogi_kx_op op, int operand, ogi_kx value, int axis, ogi_kx at)
{
    ogi_kx_ins s = { .op = (uint8_t)op, .arg = (int16_t)operand, .a = value, .b = -1, .c = -1 };
    s.type = l->operand[operand].dtype == OG_I32 ? OGI_KX_I32 : OGI_KX_F32;
    for (int j = 0; j < OG_MAX_RANK; j++) s.src[j] = OGI_KX_NONE;
    if (axis >= 0) s.src[axis] = at;
    return ogi_kb_emit(&l->kb, &s);
}

static ogi_kx coord(lab *l, int axis)
{
    ogi_kx_ins s = { .op = OGI_KX_COORD, .type = OGI_KX_I32, .a = -1, .b = -1, .c = -1 };
    s.arg = (int16_t)axis;
    for (int j = 0; j < OG_MAX_RANK; j++) s.src[j] = OGI_KX_NONE;
    return ogi_kb_emit(&l->kb, &s);
}

static ogi_kx pick(lab *l, ogi_kx_type type)
{
    for (;;) {
        ogi_kx v = (ogi_kx)below(l, l->kb.n_ins);
        if (l->kb.ins[v].op != OGI_KX_STORE && l->kb.ins[v].type == type) return v;
    }
}

/* Some I32 held within 0 .. n - 1. */
static ogi_kx index_below(lab *l, int64_t n)
{
    ogi_kx v = ogi_kb_max(&l->kb, pick(l, OGI_KX_I32), ogi_kb_i32(&l->kb, 0));
    return ogi_kb_min(&l->kb, v, ogi_kb_i32(&l->kb, (int32_t)(n - 1)));
}

static void add_loads(lab *l)
{
    access(l, OGI_KX_LOAD, X_FULL, -1, -1, -1);
    access(l, OGI_KX_LOAD, X_INT, -1, -1, -1);
    coord(l, 0);
    coord(l, 1);
    ogi_kb_f32(&l->kb, random_float(l));
    ogi_kb_i32(&l->kb, (int32_t)below(l, 9) - 2);
    for (int i = X_COLUMN; i <= X_TRANSPOSED; i++) {
        if (below(l, 2)) access(l, OGI_KX_LOAD, i, -1, -1, -1);
    }
    if (below(l, 2)) access(l, OGI_KX_LOAD, X_F16_STEP, -1, -1, -1);
    if (below(l, 2) && l->n_lane % 32 == 0) access(l, OGI_KX_LOAD, X_Q8, -1, -1, -1);
    ogi_kx row = ogi_kb_and(&l->kb, coord(l, 0), ogi_kb_i32(&l->kb, 3));
    if (below(l, 2)) access(l, OGI_KX_LOAD, X_TABLE, -1, 0, row);
}

static void add_operation(lab *l)
{
    static const ogi_kx_op f2[] = { OGI_KX_ADD, OGI_KX_SUB, OGI_KX_MUL, OGI_KX_DIV, OGI_KX_MIN,
                                    OGI_KX_MAX, OGI_KX_LT,  OGI_KX_LE,  OGI_KX_EQ };
    static const ogi_kx_op i2[] = { OGI_KX_ADD, OGI_KX_SUB, OGI_KX_MUL, OGI_KX_DIV, OGI_KX_MIN,
                                    OGI_KX_MAX, OGI_KX_LT,  OGI_KX_AND, OGI_KX_OR,  OGI_KX_XOR,
                                    OGI_KX_SHL, OGI_KX_SHR, OGI_KX_EQ };
    static const ogi_kx_op f1[] = {
        OGI_KX_NEG,   OGI_KX_ABS,    OGI_KX_SQRT,      OGI_KX_RSQRT,
        OGI_KX_FLOOR, OGI_KX_TO_I32, OGI_KX_ROUND_F16, OGI_KX_ROUND_BF16
    };
    static const ogi_kx_op i1[] = { OGI_KX_NEG, OGI_KX_ABS, OGI_KX_TO_F32, OGI_KX_F16_BITS };
    ogi_kb *b = &l->kb;
    ogi_kx x = pick(l, OGI_KX_F32), y = pick(l, OGI_KX_F32), z = pick(l, OGI_KX_F32);
    ogi_kx i = pick(l, OGI_KX_I32), j = pick(l, OGI_KX_I32);
    switch (below(l, 10)) {
    case 0:
    case 1: ogi_kb_op(b, f2[below(l, OGI_LEN(f2))], x, y, -1); break;
    case 2: ogi_kb_op(b, i2[below(l, OGI_LEN(i2))], i, j, -1); break;
    case 3: ogi_kb_op(b, f1[below(l, OGI_LEN(f1))], x, -1, -1); break;
    case 4: ogi_kb_op(b, i1[below(l, OGI_LEN(i1))], i, -1, -1); break;
    case 5: ogi_kb_select(b, i, x, y); break;
    case 6: ogi_kb_fma(b, x, y, z); break;
    case 7: below(l, 2) ? ogi_kb_row_sum(b, x) : ogi_kb_row_max(b, x); break;
    case 8: ogi_kb_row_at(b, x, index_below(l, l->n_lane)); break;
    case 9: access(l, OGI_KX_LOAD, X_TABLE_AT, -1, 1, index_below(l, l->n_lane)); break;
    }
}

/* A value that is the same in a whole row, for sure. */
static ogi_kx one_a_row(lab *l)
{
    return ogi_kb_row_sum(&l->kb, pick(l, OGI_KX_F32));
}

static void add_stores(lab *l)
{
    for (int i = Y_FULL; i <= Y_TRANSPOSED; i++) {
        if (below(l, 2) && i != Y_FULL) continue;
        ogi_kx v = pick(l, i == Y_INT ? OGI_KX_I32 : OGI_KX_F32);
        access(l, OGI_KX_STORE, i, v, -1, -1);
    }
    if (below(l, 3) == 0) access(l, OGI_KX_STORE, Y_COLUMN, one_a_row(l), -1, -1);
    if (below(l, 3) == 0) {
        ogi_kx back = ogi_kb_sub(&l->kb, ogi_kb_i32(&l->kb, (int32_t)l->n_row - 1), coord(l, 0));
        access(l, OGI_KX_STORE, Y_PAGE, pick(l, OGI_KX_F32), 0, back);
    }
    if (l->n_lane % 32 == 0 && below(l, 2)) {
        access(l, OGI_KX_STORE, Y_A8, pick(l, OGI_KX_F32), -1, -1);
    }
}

static bool needs_row(const lab *l)
{
    for (int64_t i = 0; i < l->kb.n_ins; i++) {
        const ogi_kx_ins *s = &l->kb.ins[i];
        bool is_memory = s->op == OGI_KX_LOAD || s->op == OGI_KX_STORE;
        if (s->op == OGI_KX_ROW_SUM || s->op == OGI_KX_ROW_MAX || s->op == OGI_KX_ROW_AT) {
            return true;
        }
        if (is_memory && (s->arg == X_Q8 || s->arg == Y_A8 || s->arg == X_TABLE_AT)) return true;
    }
    return false;
}

static void make_lab(lab *l, uint64_t seed, int64_t n_row, int64_t n_lane, int n_op)
{
    *l = (lab){ .seed = seed * 2654435761u + 17, .n_row = n_row, .n_lane = n_lane };
    cr_assert_eq(og_ctx_new(NULL, &l->ctx), OG_OK);
    l->g = og_graph_new(l->ctx, "test");
    l->kb.ctx = l->ctx;
    make_operands(l);
    fill(l);
    add_loads(l);
    for (int i = 0; i < n_op; i++) add_operation(l);
    add_stores(l);
    cr_assert(!l->kb.failed, "%s", og_error(l->ctx));
    l->prog = (ogi_kprog){ .rank = 2,
                           .space = { OG_N(n_row), OG_N(n_lane) },
                           .operand = l->operand,
                           .n_operand = N_ALL,
                           .ins = l->kb.ins,
                           .n_ins = (int)l->kb.n_ins,
                           .has_row = needs_row(l) };
}

static void free_lab(lab *l)
{
    for (int i = 0; i < N_ALL; i++) free(l->mem[i]), free(l->want[i]);
    ogi_kb_free(&l->kb);
    og_graph_free(l->g);
    og_ctx_free(l->ctx);
}

/* ---- the interpreter ------------------------------------------------------------------------- */
typedef union cell {
    float f;
    int32_t i;
} cell;

static float load_float(const lab *l, int operand, int64_t e)
{
    const char *p = l->mem[operand];
    const uint16_t *h = (const uint16_t *)(const void *)p;
    switch (l->operand[operand].dtype) {
    case OG_F16: return ogi_f32_of_f16(h[e]);
    case OG_BF16: return ogi_f32_of_bf16(h[e]);
    case OG_Q8_0: {
        const char *block = p + e / 32 * 34;
        uint16_t d;
        memcpy(&d, block, 2);
        return ogi_f32_of_f16(d) * (float)(int8_t)block[2 + e % 32];
    }
    default: return ((const float *)(const void *)p)[e];
    }
}

static int64_t element(const lab *l, const ogi_kx_ins *s, cell *const *v, int64_t row, int64_t lane)
{
    const ogi_koperand *o = &l->operand[s->arg];
    int64_t e = o->offset.b + o->stride[0].b * row + o->stride[1].b * lane;
    for (int j = 0; j < OG_MAX_RANK; j++) {
        if (s->src[j] >= 0) e += o->own[j].b * v[s->src[j]][lane].i;
    }
    return e;
}

static void store_cell(lab *l, int operand, int64_t e, cell x)
{
    uint16_t *h = (uint16_t *)(void *)l->want[operand];
    switch (l->operand[operand].dtype) {
    case OG_F16: h[e] = ogi_f16_of_f32(x.f); break;
    case OG_BF16: h[e] = ogi_bf16_of_f32(x.f); break;
    default: memcpy(l->want[operand] + e * 4, &x, 4);
    }
}

static float reduce(const cell *a, int64_t n, bool is_max)
{
    float s[16];
    for (int j = 0; j < 16; j++) s[j] = is_max ? -INFINITY : 0.0f;
    for (int64_t i = 0; i < n; i++) {
        float *t = &s[i % 16];
        *t = is_max ? (a[i].f > *t ? a[i].f : *t) : *t + a[i].f;
    }
    for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) {
            float x = s[j], y = s[j + half];
            s[j] = is_max ? (x > y ? x : y) : x + y;
        }
    }
    return s[0];
}

static int32_t wrap(int64_t x)
{
    uint32_t u = (uint32_t)x;
    int32_t i;
    memcpy(&i, &u, 4);
    return i;
}

static cell int_op(ogi_kx_op op, int64_t x, int64_t y)
{
    switch (op) {
    case OGI_KX_ADD: return (cell){ .i = wrap(x + y) };
    case OGI_KX_SUB: return (cell){ .i = wrap(x - y) };
    case OGI_KX_MUL: return (cell){ .i = wrap(x * y) };
    case OGI_KX_DIV: return (cell){ .i = y == 0 ? 0 : wrap(x / y) };
    case OGI_KX_MIN: return (cell){ .i = (int32_t)OGI_MIN(x, y) };
    case OGI_KX_MAX: return (cell){ .i = (int32_t)OGI_MAX(x, y) };
    case OGI_KX_NEG: return (cell){ .i = wrap(-x) };
    case OGI_KX_ABS: return (cell){ .i = wrap(x < 0 ? -x : x) };
    case OGI_KX_LT: return (cell){ .i = x < y };
    case OGI_KX_EQ: return (cell){ .i = x == y };
    case OGI_KX_AND: return (cell){ .i = (int32_t)(x & y) };
    case OGI_KX_OR: return (cell){ .i = (int32_t)(x | y) };
    case OGI_KX_XOR: return (cell){ .i = (int32_t)(x ^ y) };
    case OGI_KX_SHL: return (cell){ .i = wrap((int64_t)((uint64_t)x << (y & 31))) };
    case OGI_KX_SHR: return (cell){ .i = (int32_t)(x >> (y & 31)) };
    case OGI_KX_TO_F32: return (cell){ .f = (float)x };
    case OGI_KX_F16_BITS: return (cell){ .f = ogi_f32_of_f16((uint16_t)x) };
    default: cr_assert(false, "op %d", op); return (cell){ .i = 0 };
    }
}

static cell float_op(const lab *l, ogi_kx_op op, float x, float y, float z)
{
    switch (op) {
    case OGI_KX_ADD: return (cell){ .f = x + y };
    case OGI_KX_SUB: return (cell){ .f = x - y };
    case OGI_KX_MUL: return (cell){ .f = x * y };
    case OGI_KX_DIV: return (cell){ .f = x / y };
    case OGI_KX_MIN: return (cell){ .f = x < y ? x : y };
    case OGI_KX_MAX: return (cell){ .f = x > y ? x : y };
    case OGI_KX_FMA: return (cell){ .f = l->has_fma ? fmaf(x, y, z) : x * y + z };
    case OGI_KX_NEG: return (cell){ .f = -x };
    case OGI_KX_ABS: return (cell){ .f = fabsf(x) };
    case OGI_KX_SQRT: return (cell){ .f = sqrtf(x) };
    case OGI_KX_RSQRT: return (cell){ .f = 1.0f / sqrtf(x) };
    case OGI_KX_FLOOR: return (cell){ .f = floorf(x) };
    case OGI_KX_LT: return (cell){ .i = x < y };
    case OGI_KX_LE: return (cell){ .i = x <= y };
    case OGI_KX_EQ: return (cell){ .i = x == y };
    case OGI_KX_TO_I32: return (cell){ .i = x >= -0x1p31f && x < 0x1p31f ? (int32_t)x : INT32_MIN };
    case OGI_KX_ROUND_F16: return (cell){ .f = ogi_f32_of_f16(ogi_f16_of_f32(x)) };
    case OGI_KX_ROUND_BF16: return (cell){ .f = ogi_f32_of_bf16(ogi_bf16_of_f32(x)) };
    default: cr_assert(false, "op %d", op); return (cell){ .i = 0 };
    }
}

static cell lane_value(lab *l, const ogi_kx_ins *s, cell *const *v, int64_t row, int64_t i)
{
    cell zero = { .i = 0 };
    cell a = s->a >= 0 ? v[s->a][i] : zero, b = s->b >= 0 ? v[s->b][i] : zero;
    cell c = s->c >= 0 ? v[s->c][i] : zero;
    switch ((ogi_kx_op)s->op) {
    case OGI_KX_CONST: return (cell){ .i = s->imm.i };
    case OGI_KX_COORD: return (cell){ .i = (int32_t)(s->arg == 0 ? row : i) };
    case OGI_KX_LOAD: {
        int64_t e = element(l, s, v, row, i);
        if (s->type == OGI_KX_F32) return (cell){ .f = load_float(l, s->arg, e) };
        memcpy(&a, l->mem[s->arg] + e * 4, 4);
        return a;
    }
    case OGI_KX_STORE:
        if (s->arg != Y_A8) store_cell(l, s->arg, element(l, s, v, row, i), a);
        return a;
    case OGI_KX_ROW_AT: return v[s->a][b.i];
    case OGI_KX_SELECT: return a.i ? b : c;
    default:
        return l->kb.ins[s->a].type == OGI_KX_I32 ? int_op((ogi_kx_op)s->op, a.i, b.i)
                                                  : float_op(l, (ogi_kx_op)s->op, a.f, b.f, c.f);
    }
}

static void interpret(lab *l, const ogi_cpu_kernels *kernels)
{
    cell **v = calloc((size_t)l->kb.n_ins, sizeof *v);
    for (int64_t k = 0; k < l->kb.n_ins; k++) v[k] = calloc((size_t)l->n_lane, sizeof **v);
    for (int64_t row = 0; row < l->n_row; row++) {
        for (int64_t k = 0; k < l->kb.n_ins; k++) {
            const ogi_kx_ins *s = &l->kb.ins[k];
            bool is_sum = s->op == OGI_KX_ROW_SUM, is_max = s->op == OGI_KX_ROW_MAX;
            float r = is_sum || is_max ? reduce(v[s->a], l->n_lane, is_max) : 0;
            for (int64_t i = 0; i < l->n_lane; i++) {
                v[k][i] = is_sum || is_max ? (cell){ .f = r } : lane_value(l, s, v, row, i);
            }
            if (s->op == OGI_KX_STORE && s->arg == Y_A8) {
                kernels->quantize_a8(&v[k][0].f, l->n_lane,
                                     l->want[Y_A8] + row * a8_row_size(l->n_lane));
            }
        }
    }
    for (int64_t k = 0; k < l->kb.n_ins; k++) free(v[k]);
    free(v);
}

/* ---- comparison ------------------------------------------------------------------------------ */
static bool is_nan16(uint16_t h)
{
    return (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
}

/* Equal bits, or both NaN. */
static bool same(const lab *l, int i)
{
    size_t n = memory_size(l);
    og_dtype t = l->operand[i].dtype;
    if (!memcmp(l->mem[i], l->want[i], n)) return true;
    for (size_t e = 0; (t == OG_F32) && e < n / 4; e++) {
        float a, b;
        memcpy(&a, l->mem[i] + e * 4, 4);
        memcpy(&b, l->want[i] + e * 4, 4);
        if (memcmp(&a, &b, 4) && !(isnan(a) && isnan(b))) return false;
    }
    for (size_t e = 0; (t == OG_F16 || t == OG_BF16) && e < n / 2; e++) {
        uint16_t a, b;
        memcpy(&a, l->mem[i] + e * 2, 2);
        memcpy(&b, l->want[i] + e * 2, 2);
        bool nans = t == OG_F16 ? is_nan16(a) && is_nan16(b)
                                : isnan(ogi_f32_of_bf16(a)) && isnan(ogi_f32_of_bf16(b));
        if (a != b && !nans) return false;
    }
    return t == OG_F32 || t == OG_F16 || t == OG_BF16;
}

static void run_boxes(lab *l, const ogi_cpu_kernels *kernels, int64_t row_step, int64_t lane_step)
{
    ogi_vprog *v;
    int64_t sym[OG_MAX_SYM] = { 0 }, dim[OG_MAX_RANK];
    ogi_voperand operand[N_ALL] = { 0 };
    og_status s = ogi_vprog_compile(l->ctx, &l->prog, sym, kernels, &v);
    cr_assert_eq(s, OG_OK, "%s", og_error(l->ctx));
    ogi_vprog_bind(v, sym, dim, operand);
    cr_assert(dim[0] == l->n_row && dim[1] == l->n_lane);
    size_t size = OGI_ALIGN(ogi_vprog_scratch(v), 64);
    char *scratch = aligned_alloc(64, size);
    memset(scratch, 0xff, size);
    for (int i = 0; i < N_ALL; i++) operand[i].base = l->mem[i];
    for (int64_t r = 0; r < l->n_row; r += row_step) {
        for (int64_t c = 0; c < l->n_lane; c += lane_step) {
            int64_t lo[OG_MAX_RANK] = { r, c };
            int64_t hi[OG_MAX_RANK] = { OGI_MIN(r + row_step, l->n_row),
                                        OGI_MIN(c + lane_step, l->n_lane) };
            ogi_vprog_run(v, operand, dim, lo, hi, scratch);
        }
    }
    free(scratch);
    ogi_vprog_free(v);
}

static void check_seed(uint64_t seed, int64_t n_row, int64_t n_lane, int n_op)
{
    for (int isa = 0; ogi_cpu_kernels_at(isa); isa++) {
        const ogi_cpu_kernels *kernels = ogi_cpu_kernels_at(isa);
        for (int boxes = 0; boxes < 2; boxes++) {
            lab l;
            make_lab(&l, seed, n_row, n_lane, n_op);
            l.has_fma = strcmp(kernels->name, "sse42") != 0;
            interpret(&l, kernels);
            int64_t cut = l.prog.has_row ? n_lane : n_lane / 3 + 1;
            run_boxes(&l, kernels, boxes ? 1 : n_row, boxes ? cut : n_lane);
            for (int i = N_INPUT; i < N_ALL; i++) {
                cr_assert(same(&l, i),
                          "%s: operand %d differs: seed %d, [%d, %d], %d ops, boxes %d",
                          kernels->name, i, (int)seed, (int)n_row, (int)n_lane, n_op, boxes);
            }
            free_lab(&l);
        }
    }
}

Test(vprog, random_programs_equal_the_interpreter_bit_for_bit)
{
    static const int64_t lanes[] = { 1, 2, 7, 16, 33, 64, 96, 100, 512, 513, 1024, 1500 };
    int n = 0;
    for (uint64_t seed = 0; seed < 400; seed++, n++) {
        check_seed(seed, 1 + (int64_t)(seed % MAX_ROW), lanes[seed % (uint64_t)OGI_LEN(lanes)],
                   (int)(seed % 40));
    }
    printf("%d random programs\n", n);
}

/* ---- transcendental functions ---------------------------------------------------------------- */
static double reference(ogi_kx_op op, double x)
{
    switch (op) {
    case OGI_KX_EXP: return exp(x);
    case OGI_KX_LOG: return log(x);
    case OGI_KX_SIN: return sin(x);
    case OGI_KX_COS: return cos(x);
    case OGI_KX_TANH: return tanh(x);
    default: return erf(x);
    }
}

Test(vprog, functions_match_the_c_library)
{
    static const ogi_kx_op ops[] = { OGI_KX_EXP, OGI_KX_LOG,  OGI_KX_SIN,
                                     OGI_KX_COS, OGI_KX_TANH, OGI_KX_ERF };
    for (int isa = 0; ogi_cpu_kernels_at(isa); isa++) {
        for (int k = 0; k < OGI_LEN(ops); k++) {
            lab l;
            make_lab(&l, 3, 2, 777, 0);
            l.kb.n_ins = 0;
            ogi_kx x = ogi_kb_abs(&l.kb, access(&l, OGI_KX_LOAD, X_FULL, -1, -1, -1));
            access(&l, OGI_KX_STORE, Y_FULL, ogi_kb_op(&l.kb, ops[k], x, -1, -1), -1, -1);
            l.prog.ins = l.kb.ins;
            l.prog.n_ins = (int)l.kb.n_ins;
            l.prog.has_row = false;
            run_boxes(&l, ogi_cpu_kernels_at(isa), 1, 100);
            for (int i = 0; i < 2 * 777; i++) {
                float got = ((float *)(void *)l.mem[Y_FULL])[i];
                double want = reference(ops[k], fabs((double)((float *)(void *)l.mem[X_FULL])[i]));
                cr_assert(fabs((double)got - want) <= 1e-6 * fmax(1, fabs(want)), "%s: %g, want %g",
                          ogi_kx_op_name(ops[k]), (double)got, want);
            }
            free_lab(&l);
        }
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */
static void expect_refused(lab *l)
{
    ogi_vprog *v;
    int64_t sym[OG_MAX_SYM] = { 0 };
    l->prog.ins = l->kb.ins;
    l->prog.n_ins = (int)l->kb.n_ins;
    cr_assert_neq(ogi_vprog_compile(l->ctx, &l->prog, sym, ogi_cpu_kernels_at(0), &v), OG_OK);
    cr_assert_null(v);
    cr_assert_gt(strlen(og_error(l->ctx)), 0);
    free_lab(l);
}

Test(vprog, bytes_are_refused)
{
    lab l;
    make_lab(&l, 1, 2, 64, 0);
    ogi_kx v = ogi_kb_byte(&l.kb, coord(&l, 1));
    access(&l, OGI_KX_STORE, Y_INT, v, -1, -1);
    expect_refused(&l);
}

Test(vprog, indexed_lanes_of_quantized_rows_are_refused)
{
    lab l;
    make_lab(&l, 1, 2, 64, 0);
    access(&l, OGI_KX_LOAD, X_Q8, -1, 1, coord(&l, 1));
    expect_refused(&l);
}

Test(vprog, stores_of_unknown_types_are_refused)
{
    lab l;
    make_lab(&l, 1, 2, 64, 0);
    l.operand[Y_FULL].dtype = OG_I64;
    expect_refused(&l);
}
