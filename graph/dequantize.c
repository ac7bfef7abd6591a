/* SPDX-License-Identifier: MIT
 *
 * Decodes blocks by interpreting the description of their type: the definition of every decoded
 * value. Works on a strip of whole blocks at once, one instruction after the other. */
#include "base/half.h"
#include "graph/dtype.h"
#include "graph/types/decode.h"

enum { STRIP = 256 }; /* lanes; no block is longer */

typedef union lanes {
    float f[STRIP];
    int32_t i[STRIP];
    uint32_t u[STRIP];
} lanes;

static const ogi_type_def *const defs[] = {
#define TYPE(NAME, file) &ogi_type_##file,
#include "graph/types.def"
#undef TYPE
};

const ogi_type_def *ogi_type_def_of(og_dtype dtype)
{
    for (int i = 0; i < OGI_LEN(defs); i++)
        if (defs[i]->dtype == dtype) return defs[i];
    return NULL;
}

/* COORD is the lane: its place in its block. */
static ogi_kx describe(const ogi_type_def *def, ogi_kb *b)
{
    ogi_kx_ins lane = { .op = OGI_KX_COORD, .type = OGI_KX_I32 };
    lane.a = lane.b = lane.c = OGI_KX_NONE;
    for (int i = 0; i < OG_MAX_RANK; i++) lane.src[i] = OGI_KX_NONE;
    return def->decode(b, ogi_kb_emit(b, &lane));
}

#define EACH(expr)                                                                                 \
    for (int k = 0; k < n; k++) r->expr;                                                           \
    return true

/* I32 arithmetic wraps, shifts count modulo 32. */
static bool run_int(const ogi_kx_ins *ins, lanes *r, const lanes *x, const lanes *y, int n)
{
    switch (ins->op) {
    case OGI_KX_ADD: EACH(u[k] = x->u[k] + y->u[k]);
    case OGI_KX_SUB: EACH(u[k] = x->u[k] - y->u[k]);
    case OGI_KX_MUL: EACH(u[k] = x->u[k] * y->u[k]);
    case OGI_KX_MIN: EACH(i[k] = OGI_MIN(x->i[k], y->i[k]));
    case OGI_KX_MAX: EACH(i[k] = OGI_MAX(x->i[k], y->i[k]));
    case OGI_KX_NEG: EACH(u[k] = 0u - x->u[k]);
    case OGI_KX_LT: EACH(i[k] = x->i[k] < y->i[k]);
    case OGI_KX_LE: EACH(i[k] = x->i[k] <= y->i[k]);
    case OGI_KX_EQ: EACH(i[k] = x->i[k] == y->i[k]);
    case OGI_KX_AND: EACH(u[k] = x->u[k] & y->u[k]);
    case OGI_KX_OR: EACH(u[k] = x->u[k] | y->u[k]);
    case OGI_KX_XOR: EACH(u[k] = x->u[k] ^ y->u[k]);
    case OGI_KX_SHL: EACH(u[k] = x->u[k] << (y->u[k] & 31));
    case OGI_KX_SHR: EACH(i[k] = x->i[k] >> (y->u[k] & 31));
    default: return false;
    }
}

static bool run_float(const ogi_kx_ins *ins, lanes *r, const lanes *x, const lanes *y, int n)
{
    switch (ins->op) {
    case OGI_KX_ADD: EACH(f[k] = x->f[k] + y->f[k]);
    case OGI_KX_SUB: EACH(f[k] = x->f[k] - y->f[k]);
    case OGI_KX_MUL: EACH(f[k] = x->f[k] * y->f[k]);
    case OGI_KX_NEG: EACH(f[k] = -x->f[k]);
    case OGI_KX_TO_F32: EACH(f[k] = (float)x->i[k]);
    case OGI_KX_BITS_F32: EACH(u[k] = x->u[k]);
    case OGI_KX_F16_BITS: EACH(f[k] = ogi_f32_of_f16((uint16_t)x->u[k]));
    default: return false;
    }
}

/* One instruction over n lanes of whole blocks; false if no description may use it. */
static bool run(const ogi_type_def *def, const ogi_kx_ins *ins, lanes *reg, int at,
                const unsigned char *blocks, int n)
{
    const ogi_dtype *type = ogi_dtype_info((int64_t)def->dtype);
    lanes *r = &reg[at];
    const lanes *x = &reg[ins->a < 0 ? 0 : ins->a], *y = &reg[ins->b < 0 ? 0 : ins->b];
    const lanes *z = &reg[ins->c < 0 ? 0 : ins->c];
    switch (ins->op) {
    case OGI_KX_CONST: EACH(i[k] = ins->imm.i);
    case OGI_KX_COORD: EACH(i[k] = k % type->block);
    case OGI_KX_BYTE:
        for (int k = 0; k < n; k++) {
            OGI_ASSERT(x->i[k] >= 0 && x->i[k] < type->bytes);
            r->i[k] = blocks[k / type->block * type->bytes + x->i[k]];
        }
        return true;
    case OGI_KX_TABLE:
        for (int k = 0; k < n; k++) {
            OGI_ASSERT(x->i[k] >= 0 && x->i[k] < def->n_table);
            r->i[k] = def->table[x->i[k]];
        }
        return true;
    case OGI_KX_SELECT: EACH(u[k] = x->i[k] ? y->u[k] : z->u[k]);
    default: return ins->type == OGI_KX_I32 ? run_int(ins, r, x, y, n) : run_float(ins, r, x, y, n);
    }
}

static og_status interpret(const ogi_type_def *def, const ogi_kb *b, ogi_kx result,
                           const unsigned char *blocks, int64_t n, float *out)
{
    og_ctx *ctx = b->ctx;
    const ogi_dtype *type = ogi_dtype_info((int64_t)def->dtype);
    lanes *reg = OGI_NEW_N(ctx, lanes, b->n_ins);
    if (!reg) return OG_E_MEMORY;
    int strip = STRIP / type->block * type->block;
    bool ok = true;
    for (int64_t at = 0; at < n && ok; at += strip) {
        int here = (int)OGI_MIN(n - at, (int64_t)strip);
        for (int i = 0; i < b->n_ins && ok; i++)
            ok = run(def, &b->ins[i], reg, i, blocks + at / type->block * type->bytes, here);
        if (ok) memcpy(out + at, reg[result].f, (size_t)here * sizeof *out);
    }
    ogi_free(ctx, reg);
    if (!ok)
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "type %s: its description uses an op that none may use",
                type->name);
    return OG_OK;
}

og_status ogi_dequantize(og_ctx *ctx, og_dtype dtype, const void *blocks, int64_t n, float *out)
{
    const ogi_dtype *type = ogi_dtype_info((int64_t)dtype);
    const ogi_type_def *def = ogi_type_def_of(dtype);
    if (!type || !def)
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "values of type %s cannot be decoded", og_dtype_name(dtype));
    if (n < 0 || n % type->block)
        OG_FAIL(ctx, OG_E_INVALID, "%lld values are not whole blocks of %d (%s)", (long long)n,
                type->block, type->name);
    ogi_kb b = { .ctx = ctx };
    ogi_kx result = describe(def, &b);
    og_status status =
        b.failed || result < 0 ? OG_E_MEMORY : interpret(def, &b, result, blocks, n, out);
    ogi_kb_free(&b);
    return status;
}
