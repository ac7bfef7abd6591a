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

static const struct {
    const ogi_type_def *def;
    og_dtype activation;
} types[] = {
#define TYPE(NAME, file, X) { &ogi_type_##file, OG_##X },
#include "graph/types.def"
#undef TYPE
};

const ogi_type_def *ogi_type_def_of(og_dtype dtype)
{
    for (int i = 0; i < OGI_LEN(types); i++)
        if (types[i].def->dtype == dtype) return types[i].def;
    return NULL;
}

og_dtype ogi_type_activation(og_dtype weight)
{
    for (int i = 0; i < OGI_LEN(types); i++)
        if (types[i].def->dtype == weight) return types[i].activation;
    return OG_F32;
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
static bool run(const ogi_decoder *d, const ogi_kx_ins *ins, lanes *reg, int at,
                const unsigned char *blocks, int n)
{
    lanes *r = &reg[at];
    const lanes *x = &reg[ins->a < 0 ? 0 : ins->a], *y = &reg[ins->b < 0 ? 0 : ins->b];
    const lanes *z = &reg[ins->c < 0 ? 0 : ins->c];
    switch (ins->op) {
    case OGI_KX_CONST: EACH(i[k] = ins->imm.i);
    case OGI_KX_COORD: EACH(i[k] = k % d->block);
    case OGI_KX_BYTE:
        for (int k = 0; k < n; k++) {
            OGI_ASSERT(x->i[k] >= 0 && x->i[k] < d->bytes);
            r->i[k] = blocks[k / d->block * d->bytes + x->i[k]];
        }
        return true;
    case OGI_KX_TABLE:
        for (int k = 0; k < n; k++) {
            OGI_ASSERT(x->i[k] >= 0 && x->i[k] < d->def->n_table);
            r->i[k] = d->def->table[x->i[k]];
        }
        return true;
    case OGI_KX_SELECT: EACH(u[k] = x->i[k] ? y->u[k] : z->u[k]);
    default: return ins->type == OGI_KX_I32 ? run_int(ins, r, x, y, n) : run_float(ins, r, x, y, n);
    }
}

/* A first run of all instructions, over no lanes, tells whether each is known. */
static bool is_known(const ogi_decoder *d)
{
    lanes none[1];
    for (int i = 0; i < d->n_ins; i++) {
        ogi_kx_ins ins = d->ins[i];
        ins.a = ins.b = ins.c = OGI_KX_NONE;
        if (!run(d, &ins, none, 0, NULL, 0)) return false;
    }
    return true;
}

og_status ogi_decoder_new(ogi_arena *mem, og_dtype dtype, ogi_decoder **out)
{
    const ogi_dtype *type = ogi_dtype_info((int64_t)dtype);
    const ogi_type_def *def = ogi_type_def_of(dtype);
    *out = NULL;
    if (!type || !def)
        OG_FAIL(mem->ctx, OG_E_UNSUPPORTED, "values of type %s cannot be decoded",
                og_dtype_name(dtype));
    ogi_kb b = { .ctx = mem->ctx };
    ogi_kx result = describe(def, &b);
    ogi_decoder *d = ogi_arena_alloc(mem, 1, sizeof *d);
    ogi_kx_ins *ins = d ? ogi_arena_alloc(mem, (size_t)b.n_ins + 1, sizeof *ins) : NULL;
    bool is_whole = ins && !b.failed && result >= 0;
    if (is_whole) {
        memcpy(ins, b.ins, (size_t)b.n_ins * sizeof *ins);
        *d = (ogi_decoder){ def, type->block, type->bytes, ins, b.n_ins, result, 0 };
        d->scratch = (size_t)b.n_ins * sizeof(lanes);
    }
    ogi_kb_free(&b);
    if (!is_whole) return OG_E_MEMORY;
    if (!is_known(d))
        OG_FAIL(mem->ctx, OG_E_UNSUPPORTED, "type %s: its description uses an op that none may use",
                type->name);
    *out = d;
    return OG_OK;
}

void ogi_decoder_run(const ogi_decoder *d, const void *blocks, int64_t n, float *out, void *scratch)
{
    const unsigned char *p = blocks;
    lanes *reg = scratch;
    int strip = STRIP / d->block * d->block;
    for (int64_t at = 0; at < n; at += strip, p += strip / d->block * d->bytes) {
        int here = (int)OGI_MIN(n - at, (int64_t)strip);
        for (int i = 0; i < d->n_ins; i++) run(d, &d->ins[i], reg, i, p, here);
        memcpy(out + at, reg[d->result].f, (size_t)here * sizeof *out);
    }
}

og_status ogi_dequantize(og_ctx *ctx, og_dtype dtype, const void *blocks, int64_t n, float *out)
{
    ogi_arena mem = { .ctx = ctx };
    ogi_decoder *d = NULL;
    og_status status = ogi_decoder_new(&mem, dtype, &d);
    if (status == OG_OK && (n < 0 || n % d->block))
        status = ogi_fail(ctx, OG_E_INVALID, __FILE__, __LINE__,
                          "%lld values are not whole blocks of %d (%s)", (long long)n, d->block,
                          og_dtype_name(dtype));
    void *scratch = status == OG_OK ? ogi_arena_alloc(&mem, 1, d->scratch) : NULL;
    if (status == OG_OK && !scratch) status = OG_E_MEMORY;
    if (status == OG_OK) ogi_decoder_run(d, blocks, n, out, scratch);
    ogi_arena_free(&mem);
    return status;
}
