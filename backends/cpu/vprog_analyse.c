/* SPDX-License-Identifier: MIT
 *
 * What is uniform, in which phase each value is known, what is kept for a whole row and what is
 * cheap enough to be computed again in a later phase. */
#include "backends/cpu/vprog_compile.h"

enum { COST_CHEAP = 3, COST_DEAR = 100 };

/* ---- analysis ------------------------------------------------------------------------------- */
static int cost_of(const ogi_vcompiler *c, const ogi_kx_ins *s)
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

/* A store that a choice sends to a row or nowhere: no value can be computed where it lies. */
static bool may_be_nowhere(const ogi_vcompiler *c, const ogi_kx_ins *s)
{
    return s->op == OGI_KX_STORE && s->src[0] >= 0 && ins_of(c, s->src[0])->op == OGI_KX_SELECT;
}

/* The last coordinate runs over the same values in every row. */
static int first_level(const ogi_vcompiler *c, const ogi_kx_ins *s)
{
    if (s->op == OGI_KX_COORD) return s->arg == c->kx->rank - 1 ? OGI_V_ONCE : 0;
    return is_memory(s) || is_reduction(s) || s->op == OGI_KX_ROW_AT ? 0 : OGI_V_ONCE;
}

static bool is_whole_blocks(og_dim row, int block)
{
    return ogi_dim_is_const(row) && ogi_dim_value(row, NULL) % block == 0;
}

static og_status check(const ogi_vcompiler *c, int i)
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
    bool is_stored = t == OG_A8 || t == OG_Q8_0 || t == OG_Q4_0;
    bool is_ok = is_plain || (s->op == OGI_KX_STORE ? is_stored : is_quantized);
    if (is_quantized && (t != OG_A8 || s->op == OGI_KX_STORE))
        is_ok = is_ok && lane_index(c, s) < 0 && row_stride_is(c, s, 1);
    if (is_quantized && t != OG_A8 && s->op == OGI_KX_STORE) /* rows are whole blocks */
        is_ok = is_ok && is_whole_blocks(c->kx->space[c->kx->rank - 1], info->block);
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

static void analyse(ogi_vcompiler *c, int i)
{
    const ogi_kx_ins *s = ins_of(c, i);
    ogi_vval *v = &c->val[i];
    const ogi_kx operand[3] = { s->a, s->b, s->c };
    int level = first_level(c, s), cost = cost_of(c, s);
    bool is_uniform = true;
    for (int k = 0; k < 3; k++) {
        if (operand[k] < 0) continue;
        const ogi_vval *o = &c->val[operand[k]];
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
                       (dtype_of(c, s) == OG_F32 || dtype_of(c, s) == OG_I32) &&
                       !may_be_nowhere(c, s);
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
static bool is_root(const ogi_vcompiler *c, int i, int level)
{
    const ogi_kx_ins *s = ins_of(c, i);
    const ogi_vval *v = &c->val[i];
    if (s->op == OGI_KX_STORE) {
        return v->level == level && !v->is_uniform &&
               (dtype_of(c, s) != OG_A8 || c->val[s->a].is_uniform);
    }
    if (is_reduction(s)) return v->level == level + 1;
    return v->is_kept && v->level == level && !v->is_uniform;
}

/* Does the phase compute v, or find it where it is? */
static bool is_computed(const ogi_vcompiler *c, int i, int level)
{
    const ogi_vval *v = &c->val[i];
    return !v->is_direct && !(v->is_kept && v->level < level);
}

/* Marks what the strips of a phase compute, users before what they use. Values of earlier phases
 * are kept from now on unless they are cheap. */
void ogi_vprog_mark_needed(ogi_vcompiler *c, int level)
{
    for (int i = 0; i < c->kx->n_ins; i++) c->val[i].is_needed = is_root(c, i, level);
    for (int i = c->kx->n_ins - 1; i >= 0; i--) {
        const ogi_kx_ins *s = ins_of(c, i);
        if (!c->val[i].is_needed) continue;
        for (int k = 0; k < 4; k++) {
            ogi_kx o = lane_operand(c, s, k);
            if (o < 0 || (s->op == OGI_KX_ROW_AT && k == 0)) continue;
            ogi_vval *v = &c->val[o];
            if (v->level < level && v->cost > COST_CHEAP && !v->is_direct) v->is_kept = true;
            if (is_computed(c, o, level)) v->is_needed = true;
        }
    }
}

/* Values that are indexed, or stored as A8, are whole rows in any case. */
static void keep_rows(ogi_vcompiler *c)
{
    for (int i = 0; i < c->kx->n_ins; i++) {
        const ogi_kx_ins *s = ins_of(c, i);
        bool is_a8 = s->op == OGI_KX_STORE && dtype_of(c, s) == OG_A8;
        if (!is_a8 && s->op != OGI_KX_ROW_AT) continue;
        ogi_vval *a = &c->val[s->a];
        if (!a->is_uniform && !a->is_direct) a->is_kept = true;
        if (is_a8 && a->is_uniform) c->val[i].is_kept = true; /* filled by the store itself */
    }
    for (int level = c->v->n_phase - 1; level >= OGI_V_ONCE; level--)
        ogi_vprog_mark_needed(c, level);
}

og_status ogi_vprog_analyse(ogi_vcompiler *c)
{
    c->v->n_phase = 1;
    for (int i = 0; i < c->kx->n_ins; i++) {
        OG_TRY(check(c, i));
        analyse(c, i);
        c->v->n_phase = OGI_MAX(c->v->n_phase, c->val[i].level + 1);
    }
    keep_rows(c);
    return OG_OK;
}
