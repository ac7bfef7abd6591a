/* SPDX-License-Identifier: MIT
 *
 * The compiler of vector programs from inside: what vprog_analyse.c finds out about each value and
 * vprog_emit.c makes instructions from. */
#ifndef OG_BACKENDS_CPU_VPROG_COMPILE_H
#define OG_BACKENDS_CPU_VPROG_COMPILE_H

#include "backends/cpu/vprog_impl.h"
#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/graph.h"

enum { OGI_V_ONCE = -1 }; /* the level before all rows */

/* What is known of one kernel-IR value. */
typedef struct ogi_vval {
    bool is_uniform;
    bool is_direct; /* a load used in place */
    bool is_kept;   /* has a row slot */
    int16_t level;  /* first phase that may use it; OGI_V_ONCE: before all rows */
    int16_t cost;   /* to compute it again */
    int16_t slot;   /* of scalars, accesses and rows; registers: in this phase, else -1 */
    int16_t access; /* LOAD STORE */
    int last_use;   /* in the phase being emitted */
    bool is_needed; /* computed by the strips of the phase being emitted */
    bool is_done;   /* stores: emitted */
} ogi_vval;

typedef struct ogi_vcompiler {
    og_ctx *ctx;
    const ogi_kprog *kx;
    ogi_vprog *v;
    ogi_vval *val;
    int *order; /* what the phase being emitted computes, stores and reduces */
    int n_order;
    int16_t *free_reg;
    int n_free, n_reg;
} ogi_vcompiler;

static inline const ogi_kx_ins *ins_of(const ogi_vcompiler *c, ogi_kx i)
{
    return &c->kx->ins[i];
}

static inline bool is_memory(const ogi_kx_ins *s)
{
    return s->op == OGI_KX_LOAD || s->op == OGI_KX_STORE;
}

static inline bool is_reduction(const ogi_kx_ins *s)
{
    return s->op == OGI_KX_ROW_SUM || s->op == OGI_KX_ROW_MAX;
}

/* The lane index of a load or store: its varying explicit coordinate. */
static inline ogi_kx lane_index(const ogi_vcompiler *c, const ogi_kx_ins *s)
{
    for (int j = 0; j < OG_MAX_RANK && is_memory(s); j++) {
        if (s->src[j] >= 0 && !c->val[s->src[j]].is_uniform) return s->src[j];
    }
    return OGI_KX_NONE;
}

/* The k-th value that s takes for each lane; NONE past the last or if it is uniform. */
static inline ogi_kx lane_operand(const ogi_vcompiler *c, const ogi_kx_ins *s, int k)
{
    const ogi_kx v[4] = { s->a, s->b, s->c, lane_index(c, s) };
    return v[k] >= 0 && !c->val[v[k]].is_uniform ? v[k] : OGI_KX_NONE;
}

static inline bool row_stride_is(const ogi_vcompiler *c, const ogi_kx_ins *s, int64_t n)
{
    return ogi_dim_eq(c->kx->operand[s->arg].stride[c->kx->rank - 1], OG_N(n));
}

static inline og_dtype dtype_of(const ogi_vcompiler *c, const ogi_kx_ins *s)
{
    return c->kx->operand[s->arg].dtype;
}

/* Level, cost and uniformity of every value; which are kept as rows; the number of phases. */
og_status ogi_vprog_analyse(ogi_vcompiler *c);
/* Marks what the strips of a phase compute, users before what they use. */
void ogi_vprog_mark_needed(ogi_vcompiler *c, int level);
/* Slots, and the instructions of every phase. */
og_status ogi_vprog_emit(ogi_vcompiler *c);

#endif
