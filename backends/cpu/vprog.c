/* SPDX-License-Identifier: MIT
 *
 * Vector programs: compile, bind and run. */
#include "backends/cpu/vprog_compile.h"

enum { MAX_INS = 8000 };

/* Layout of the scratch: slot pointers, row offsets, scalars, accumulators, a place for quantized
 * blocks, the decoder's, registers, rows; each part 64-byte aligned. */
static void measure(ogi_vcompiler *c)
{
    ogi_vprog *v = c->v;
    v->n_slot = v->n_scalar + v->n_access + v->n_row + v->n_reg;
    size_t n = OGI_ALIGN((size_t)v->n_slot * sizeof(char *), 64);
    n += OGI_ALIGN((size_t)v->n_access * sizeof(int64_t), 64);
    n += OGI_ALIGN((size_t)v->n_scalar * 4, 64);
    n += (size_t)v->n_acc * 64 + OGI_V_QUANT_TEMP * 4 + v->decode_scratch;
    n += (size_t)v->n_reg * (size_t)v->strip * 4 + (size_t)v->n_row * (size_t)v->row_max * 4;
    v->scratch = n;
}

og_status ogi_cpu_decode_new(ogi_arena *mem, og_dtype type, ogi_cpu_decode **out, size_t *scratch)
{
    ogi_decoder *d;
    *out = NULL;
    OG_TRY(ogi_decoder_new(mem, type, &d));
    ogi_cpu_decode *x = ogi_arena_alloc(mem, 1, sizeof *x);
    if (!x) return OG_E_MEMORY;
    *x = (ogi_cpu_decode){ ogi_decoder_run, d, d->block, d->bytes };
    *scratch = d->scratch;
    *out = x;
    return OG_OK;
}

static og_status compile(ogi_vcompiler *c)
{
    OG_TRY(ogi_vprog_analyse(c));
    OG_TRY(ogi_vprog_emit(c));
    measure(c);
    return OG_OK;
}

static og_status start(ogi_vcompiler *c, const int64_t *sym_max)
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
    c->val = OGI_NEW_N(c->ctx, ogi_vval, kx->n_ins + 1);
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
    ogi_vcompiler c = { .ctx = ctx, .kx = p, .v = v };
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
