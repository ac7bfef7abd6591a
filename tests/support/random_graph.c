/* SPDX-License-Identifier: MIT
 *
 * Generates random graphs: a pool of values grows by recipes, each of which adds one op or a small
 * pattern of a model (attention with its stores, experts, a recurrence). */
#define OG_NO_SOURCE_LINES 1
#include "tests/support/random_graph.h"
#include "graph/dim.h"
#include "graph/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/attention.h"

enum { POOL_MAX = 128, PAGES_MAX = 15, SLOTS = 8, HEAD = 16 };

/* A value with what is known of it. */
typedef struct value {
    og_tensor *t;
    float mag;     /* about the largest magnitude */
    bool is_exact; /* the same bits in every correct implementation */
} value;

typedef struct gen {
    og_graph *g;
    uint64_t r;
    og_dim T, S;
    value pool[POOL_MAX]; /* F32 [T, n] or [T, h, d] */
    int n_pool;
    int n_leaf;
    og_tensor *pos, *seq_start, *kv_len, *page_table, *slot, *state_slot;
} gen;

static int pick(gen *x, int n)
{
    return (int)(ogi_random(&x->r) % (uint64_t)n);
}

static const char *fresh(gen *x, const char *prefix)
{
    static _Thread_local char name[32];
    snprintf(name, sizeof name, "%s.%d", prefix, x->n_leaf++);
    return name;
}

/* ---- values -------------------------------------------------------------------------------- */

static int64_t last_dim(const og_tensor *t)
{
    return t->shape.dim[t->shape.rank - 1].b;
}

static value put(gen *x, og_tensor *t, float mag, bool is_exact)
{
    value v = { t, mag, is_exact };
    if (!t) {
        fprintf(stderr, "random graph: %s\n", og_error(x->g->ctx));
        abort();
    }
    if (mag > 50) { /* tame it */
        v = (value){ og_scale(x->g, t, 4 / mag, 0), 4, is_exact };
    }
    if (x->n_pool < POOL_MAX) x->pool[x->n_pool++] = v;
    return v;
}

static value new_input(gen *x, int rank)
{
    static const int width[] = { 32, 64, 64, 96, 256, 17, 33, 48 };
    int n = width[pick(x, OGI_LEN(width))];
    og_dtype type = pick(x, 4) ? OG_F32 : pick(x, 2) ? OG_F16 : OG_BF16;
    og_tensor *t;
    if (rank == 2)
        t = og_input(x->g, fresh(x, "x"), type, OG_SHAPE(x->T, OG_N(n)));
    else
        t = og_input(x->g, fresh(x, "x"), type, OG_SHAPE(x->T, OG_N(1 + pick(x, 4)), OG_N(HEAD)));
    if (type != OG_F32) t = og_cast(x->g, t, OG_F32);
    return put(x, t, 1, true);
}

/* A value of the pool with the rank (0: any), or a new input. */
static value any(gen *x, int rank)
{
    for (int tries = 0; x->n_pool && tries < 6; tries++) {
        value v = x->pool[x->n_pool - 1 - pick(x, OGI_MIN(x->n_pool, 6))];
        if (!rank || v.t->shape.rank == rank) return v;
    }
    return new_input(x, rank ? rank : 2 + pick(x, 2));
}

static value any_exact(gen *x, int rank)
{
    for (int tries = 0; tries < 4; tries++) {
        value v = any(x, rank);
        if (v.is_exact) return v;
    }
    return new_input(x, rank);
}

/* [T, n] with n a multiple of `unit`. */
static value rows_of(gen *x, int unit)
{
    for (int tries = 0; tries < 4; tries++) {
        value v = any(x, 2);
        if (last_dim(v.t) % unit == 0) return v;
    }
    og_shape s = OG_SHAPE(x->T, OG_N(unit < 64 ? 64 : unit));
    return put(x, og_input(x->g, fresh(x, "x"), OG_F32, s), 1, true);
}

static og_tensor *weight1(gen *x, int64_t n)
{
    return og_weight(x->g, fresh(x, "w"), pick(x, 3) ? OG_F32 : OG_F16, OG_SHAPE(OG_N(n)));
}

/* A matrix type that rows of n values can have. */
static og_dtype matrix_type(gen *x, int64_t n)
{
    static const og_dtype type[] = { OG_F32,  OG_F16,  OG_BF16, OG_Q8_0,
                                     OG_Q4_0, OG_Q4_K, OG_Q5_K, OG_Q6_K };
    return type[pick(x, n % 256 == 0 ? 8 : n % 32 == 0 ? 5 : 3)];
}

static og_tensor *matrix(gen *x, int64_t rows, int64_t n)
{
    return og_weight(x->g, fresh(x, "w"), matrix_type(x, n), OG_SHAPE(OG_N(rows), OG_N(n)));
}

static value linear(gen *x, value v, int64_t rows)
{
    int64_t n = last_dim(v.t);
    og_tensor *w = matrix(x, rows, n);
    return put(x, og_linear(x->g, v.t, w), v.mag * sqrtf((float)n), false);
}

/* |x| bounded by limit. */
static value bounded(gen *x, value v, float limit)
{
    if (v.mag <= limit) return v;
    return put(x, og_clamp(x->g, v.t, -limit, limit), limit, v.is_exact);
}

/* abs(x) + 0.5 */
static og_tensor *positive(gen *x, value v)
{
    return og_add(x->g, og_abs(x->g, v.t), og_scalar(x->g, 0.5f));
}

/* ---- maps ---------------------------------------------------------------------------------- */

/* One of the maps with n operands that may be drawn; each new row of ops/maps.c is among them. */
static og_op pick_map(gen *x, int n)
{
    for (;;) {
        og_op op = (og_op)pick(x, OG_OP_COUNT);
        const ogi_op_def *d = ogi_op_def_of(op);
        if (d->domain.at && d->n_src_max == n) return op;
    }
}

/* v where the map takes it. */
static value within(gen *x, value v, const ogi_domain *d)
{
    if (d->lo > 0) v = (value){ positive(x, v), v.mag + 0.5f, v.is_exact };
    float hi = (float)d->hi;
    if (v.mag <= hi) return v;
    return put(x, og_clamp(x->g, v.t, (float)d->lo, hi), hi, v.is_exact);
}

/* The largest of what comes out, by some points between the ends. */
static float magnitude(const ogi_domain *d, float p_mag, float q_mag, bool is_binary)
{
    enum { STEPS = 32 };
    double most = 0;
    for (int i = -STEPS; i <= STEPS; i++)
        for (int j = -STEPS; j <= STEPS; j += is_binary ? STEPS / 4 : 2 * STEPS) {
            double p = (double)p_mag * i / STEPS, q = (double)q_mag * j / STEPS;
            double *last = is_binary ? &q : &p;
            *last = fmin(fmax(*last, d->lo), d->hi);
            most = fmax(most, fabs(d->at(p, q, 0)));
        }
    return (float)most;
}

static void unary(gen *x)
{
    if (!pick(x, 12)) {
        value v = any(x, 0);
        put(x, og_scale(x->g, v.t, 0.75f, pick(x, 2) ? 0.25f : 0), v.mag + 1, false);
        return;
    }
    og_op op = pick_map(x, 1);
    const ogi_domain *d = &ogi_op_def_of(op)->domain;
    value v = within(x, any(x, 0), d);
    og_tensor *y = ogi_node(x->g, op, NULL, 1, &v.t);
    put(x, y, magnitude(d, v.mag, 0, false), v.is_exact && d->is_exact);
}

/* Something that broadcasts over v. */
static value partner(gen *x, value v)
{
    og_graph *g = x->g;
    float table[4] = { 0.5f, -1.25f, 2, -0.125f };
    switch (pick(x, 5)) {
    case 0: return (value){ og_scalar(g, table[pick(x, 4)]), 2, true };
    case 1: return (value){ weight1(x, last_dim(v.t)), 1, true };
    case 2: return (value){ og_max(g, v.t), v.mag, v.is_exact };
    case 3: {
        og_shape s = v.t->shape;
        s.dim[s.rank - 1] = OG_N(1);
        return (value){ og_input(g, fresh(x, "x"), OG_F32, s), 1, true };
    }
    }
    for (int i = 0; i < x->n_pool; i++) {
        value p = x->pool[(i + pick(x, x->n_pool)) % x->n_pool];
        if (ogi_shape_eq(&p.t->shape, &v.t->shape)) return p;
    }
    return v;
}

static void binary(gen *x)
{
    og_op op = pick_map(x, 2);
    const ogi_domain *d = &ogi_op_def_of(op)->domain;
    value a = any(x, 0), b = partner(x, a);
    if (pick(x, 2) && d->lo <= 0) {
        value swap = a;
        a = b, b = swap;
    }
    b = within(x, b, d);
    og_tensor *y = ogi_node(x->g, op, NULL, 2, (og_tensor *[]){ a.t, b.t });
    put(x, y, magnitude(d, a.mag, b.mag, true), a.is_exact && b.is_exact && d->is_exact);
}

static void choose(gen *x)
{
    value c = any_exact(x, 2), a = c, b = partner(x, c);
    og_tensor *less = og_less(x->g, c.t, og_scalar(x->g, 0.1f));
    if (pick(x, 2)) {
        put(x, og_cast(x->g, less, OG_F32), 1, true);
        return;
    }
    put(x, og_select(x->g, less, a.t, b.t), OGI_MAX(a.mag, b.mag), a.is_exact && b.is_exact);
}

static void casts(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 0), e = any_exact(x, 2);
    if (pick(x, 2)) {
        og_tensor *h = og_cast(g, v.t, pick(x, 2) ? OG_F16 : OG_BF16);
        put(x, og_cast(g, h, OG_F32), v.mag, v.is_exact);
        return;
    }
    og_tensor *i = og_cast(g, og_scale(g, e.t, 8, 0), OG_I32);
    og_tensor *j = og_input(g, fresh(x, "n"), OG_I32, OG_SHAPE(x->T, OG_N(1)));
    i = pick(x, 2) ? og_mul(g, i, j) : og_sub(g, og_maximum(g, i, j), og_neg(g, j));
    put(x, og_cast(g, i, OG_F32), 8 * e.mag * 9, true);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void rows(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 0);
    og_tensor *w = pick(x, 2) ? weight1(x, last_dim(v.t)) : NULL, *y;
    float n = (float)last_dim(v.t);
    switch (pick(x, 6)) {
    case 0: put(x, og_add(g, v.t, og_sum(g, v.t)), v.mag * (n + 1), false); return;
    case 1: put(x, og_sub(g, v.t, og_mean(g, v.t)), v.mag * 2, false); return;
    case 2: put(x, og_sub(g, v.t, og_max(g, v.t)), v.mag * 2, v.is_exact); return;
    case 3: y = og_softmax(g, v.t); break;
    case 4: y = og_rms_norm(g, v.t, 0.01f); break;
    default: y = og_layer_norm(g, v.t, 0.05f); break;
    }
    put(x, w ? og_mul(g, y, w) : y, sqrtf(n), false);
}

/* ---- views and moves ----------------------------------------------------------------------- */

static void views(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 0);
    og_tensor *t = v.t;
    int64_t n = last_dim(t);
    bool is_flat = t->shape.rank == 2;
    switch (pick(x, 4)) {
    case 0:
        if (is_flat && n % HEAD == 0)
            t = og_reshape(g, t, OG_SHAPE(x->T, OG_N(n / HEAD), OG_N(HEAD)));
        else if (!is_flat)
            t = og_reshape(g, t, OG_SHAPE(x->T, og_dim_mul(t->shape.dim[1], n)));
        break;
    case 1:
        if (!is_flat) { /* there, a map, and back: strides that are not those of memory */
            t = og_permute(g, t, (int[]){ 1, 0, 2 });
            t = og_permute(g, og_scale(g, t, 0.5f, 0), (int[]){ 1, 0, 2 });
        }
        break;
    case 2: t = og_slice(g, t, t->shape.rank - 1, pick(x, 2) ? n / 2 : 1, n / 2); break;
    default:
        t = og_reshape(g, og_max(g, t),
                       is_flat ? OG_SHAPE(x->T, OG_N(1))
                               : OG_SHAPE(x->T, t->shape.dim[1], OG_N(1)));
        t = og_broadcast(g, t, v.t->shape);
        break;
    }
    if (last_dim(t) > 1) put(x, t, v.mag, v.is_exact);
}

static void moves(gen *x)
{
    og_graph *g = x->g;
    value a = any(x, 0), b = any(x, a.t->shape.rank);
    if (pick(x, 2)) {
        bool fits = a.t->shape.rank == 2 || ogi_dim_eq(a.t->shape.dim[1], b.t->shape.dim[1]);
        if (!fits) b = a;
        og_tensor *t = og_concat(g, a.t, b.t, a.t->shape.rank - 1);
        put(x, t, OGI_MAX(a.mag, b.mag), a.is_exact && b.is_exact);
        return;
    }
    int n_row = 5 + pick(x, 60);
    char name[48];
    snprintf(name, sizeof name, "index.%d.%d", x->n_leaf++, n_row);
    og_tensor *i = og_input(g, name, OG_I32, OG_SHAPE(x->T));
    put(x, og_take_rows(g, matrix(x, n_row, 64 << 2 * pick(x, 2)), i), 1, true);
}

/* ---- contractions -------------------------------------------------------------------------- */

static void linears(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 2), up, gate;
    int64_t rows_n = 16 * (1 + pick(x, 6)) + (pick(x, 4) ? 0 : 5);
    switch (pick(x, 3)) {
    case 0:
        v = linear(x, v, rows_n);
        if (pick(x, 2)) put(x, og_add(g, v.t, weight1(x, rows_n)), v.mag + 1, false);
        break;
    case 1: /* gate and up over one input */
        gate = linear(x, v, rows_n), up = linear(x, v, rows_n);
        put(x, og_mul(g, og_silu(g, gate.t), up.t), gate.mag * up.mag, false);
        break;
    default: /* with a residual, if it fits */
        up = linear(x, v, last_dim(v.t));
        put(x, og_add(g, up.t, v.t), up.mag + v.mag, false);
        break;
    }
}

static void matmuls(gen *x)
{
    og_graph *g = x->g;
    if (pick(x, 2)) {
        value v = rows_of(x, 32);
        int64_t n = last_dim(v.t);
        og_tensor *w = og_weight(g, fresh(x, "w"), pick(x, 2) ? OG_Q8_0 : OG_Q4_0,
                                 OG_SHAPE(OG_N(24), OG_N(n)));
        put(x, og_linear(g, og_quantize(g, v.t), w), v.mag * sqrtf((float)n), false);
        return;
    }
    value a = any(x, 3);
    int64_t n = last_dim(a.t);
    og_tensor *w = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(5 + pick(x, 20)), OG_N(n)));
    put(x, og_matmul(g, a.t, w), a.mag * sqrtf((float)n), false);
}

/* ---- patterns ------------------------------------------------------------------------------ */

static og_tensor *int_input(gen *x, og_tensor **t, const char *name, og_shape shape)
{
    if (!*t) *t = og_input(x->g, name, OG_I32, shape);
    return *t;
}

static og_tensor *pos_of(gen *x)
{
    return int_input(x, &x->pos, "pos", OG_SHAPE(x->T));
}
static og_tensor *seq_start_of(gen *x)
{
    return int_input(x, &x->seq_start, "seq_start", OG_SHAPE(og_dim_add(x->S, OG_N(1))));
}

static og_tensor *heads(gen *x, value v, int n_head, int dim)
{
    value y = linear(x, v, (int64_t)n_head * dim);
    return og_reshape(x->g, bounded(x, y, 4).t, OG_SHAPE(x->T, OG_N(n_head), OG_N(dim)));
}

static og_tensor *rotated(gen *x, og_tensor *t, int dim)
{
    og_rope_args rope = { .head_dim = dim, .n_rot = pick(x, 2) ? dim : dim / 2 };
    rope.is_interleaved = pick(x, 2);
    if (pick(x, 3) == 0) {
        rope.ext_factor = 1, rope.freq_scale = 0.5f, rope.mscale = 1.1f;
        rope.yarn_low = 1, rope.yarn_high = 5;
    }
    float freq[64];
    for (int i = 0; i < rope.n_rot / 2; i++)
        freq[i] = powf(1000, -(float)i / (float)(rope.n_rot / 2));
    og_tensor *f = og_table(x->g, OG_F32, OG_SHAPE(OG_N(rope.n_rot / 2)), freq);
    return og_rope(x->g, t, og_rope_table(x->g, pos_of(x), f, &rope), &rope);
}

static void rope(gen *x)
{
    value v = any(x, 3);
    int64_t dim = last_dim(v.t);
    if (dim % 4 || dim > 128) return;
    put(x, rotated(x, v.t, (int)dim), 2 * v.mag, false);
}

/* Keys by lists that are given; those of select_keys would hang on the last bit of a score. */
static void select_from(gen *x, og_attention_args *a, int n_kv)
{
    char name[48];
    a->select_block = 1 + pick(x, 5);
    snprintf(name, sizeof name, "index.%d.%d", x->n_leaf++, 128 / a->select_block);
    og_dim lists = OG_N(pick(x, 2) ? 1 : n_kv), n = OG_N(1 + pick(x, 60));
    a->select = og_input(x->g, name, OG_I32, OG_SHAPE(x->T, lists, n));
}

static void attention(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 2);
    static const og_dtype types[] = {
#define T(NAME) OG_##NAME,
        OGI_KV_TYPES(T)
#undef T
    };
    int n_kv = 1 + pick(x, 2), n_head = n_kv * (1 + pick(x, 3)), dim = pick(x, 2) ? 16 : 32;
    int n_type = dim == 32 ? OGI_LEN(types) : 3; /* blocks hold 32 values */
    og_dtype k_type = types[pick(x, n_type)], v_type = types[pick(x, n_type)];
    og_shape pages = OG_SHAPE(OG_N(PAGES_MAX), OG_N(n_kv), OG_N(64), OG_N(dim));
    og_tensor *q = heads(x, v, n_head, dim), *k = heads(x, v, n_kv, dim);
    if (pick(x, 2)) q = rotated(x, q, dim), k = rotated(x, k, dim);
    og_tensor *slot = int_input(x, &x->slot, "kv_slot", OG_SHAPE(x->T));
    og_attention_args a = { .q = q, .pos = pos_of(x), .seq_start = seq_start_of(x) };
    a.kv_len = int_input(x, &x->kv_len, "kv_len", OG_SHAPE(x->S));
    a.page_table = int_input(x, &x->page_table, "page_table", OG_SHAPE(x->S, OG_N(2)));
    a.k = og_kv_store(g, og_state(g, fresh(x, "k"), k_type, pages), k, slot);
    a.v = og_kv_store(g, og_state(g, fresh(x, "v"), v_type, pages), heads(x, v, n_kv, dim), slot);
    if (pick(x, 3) == 0) a.window = 1 + pick(x, 70);
    if (pick(x, 4) == 0) a.softcap = 20;
    if (pick(x, 4) == 0) a.is_bidirectional = true;
    if (pick(x, 5) == 0) a.chunk = 1 + pick(x, 70);
    if (pick(x, 4) == 0) select_from(x, &a, n_kv);
    if (!a.select && pick(x, 4) == 0)
        a.bias = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(32), OG_N(n_head)));
    if (!a.select && pick(x, 4) == 0)
        a.slope = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(n_head)));
    if (pick(x, 4) == 0) a.sink = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(n_head)));
    og_tensor *y = og_reshape(g, og_attention(g, &a), OG_SHAPE(x->T, OG_N(n_head * dim)));
    put(x, y, 4, false);
}

static og_tensor *experts(gen *x, int n_expert, int64_t rows_n, int64_t n)
{
    og_shape s = OG_SHAPE(OG_N(n_expert), OG_N(rows_n), OG_N(n));
    return og_weight(x->g, fresh(x, "w"), matrix_type(x, n), s);
}

static void per_head(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 3);
    int64_t n = last_dim(v.t), n_head = v.t->shape.dim[1].b;
    og_tensor *w = experts(x, (int)n_head, 16 + pick(x, 20), n);
    put(x, og_head_linear(g, v.t, w), v.mag * sqrtf((float)n), false);
}

static void moe(gen *x)
{
    og_graph *g = x->g;
    value v = rows_of(x, 16);
    int n_expert = 4 + pick(x, 5), k = 1 + pick(x, 3), width = 32;
    int64_t n = last_dim(v.t);
    og_tensor *logits = og_input(g, fresh(x, "x"), OG_F32, OG_SHAPE(x->T, OG_N(n_expert)));
    og_tensor *ids = og_top_k(g, logits, k);
    og_tensor *weights = og_take_last(g, og_softmax(g, logits), ids);
    og_tensor *groups = og_group_by_expert(g, ids, n_expert);
    og_tensor *h = og_reshape(g, v.t, OG_SHAPE(x->T, OG_N(1), OG_N(n)));
    og_tensor *up = og_grouped_linear(g, h, experts(x, n_expert, width, n), ids, groups);
    up = og_tanh(g, up);
    og_tensor *down = og_grouped_linear(g, up, experts(x, n_expert, n, width), ids, groups);
    put(x, og_moe_combine(g, down, weights), 6, false);
}

static void matrix_recurrence(gen *x, og_scan_args *scan)
{
    og_graph *g = x->g;
    value v = any(x, 2);
    int n_head = 1 + pick(x, 3), n_group = pick(x, 2) ? 1 : n_head, dim_k = 8,
        dim_v = 4 + pick(x, 30);
    og_shape state = OG_SHAPE(OG_N(SLOTS), OG_N(n_head), OG_N(dim_k), OG_N(dim_v));
    scan->state = og_state(g, fresh(x, "s"), OG_F32, state);
    og_linear_scan_args a = { .scan = *scan, .reads_before = pick(x, 2), .is_tiled = pick(x, 2) };
    a.r = heads(x, v, n_group, dim_k), a.k = heads(x, v, n_group, dim_k);
    a.v = heads(x, v, n_head, dim_v);
    a.w = og_sigmoid(g, heads(x, v, n_head, pick(x, 2) ? 1 : dim_k));
    if (pick(x, 2)) {
        a.a = og_scale(g, og_tanh(g, heads(x, v, n_group, dim_k)), 0.1f, 0);
        a.b = og_tanh(g, heads(x, v, n_group, dim_k));
    }
    og_tensor *y = og_linear_scan(g, &a);
    put(x, og_reshape(g, y, OG_SHAPE(x->T, OG_N((int64_t)n_head * dim_v))), 200, false);
}

static void recurrence(gen *x)
{
    og_graph *g = x->g;
    value v = any(x, 2);
    int64_t n = last_dim(v.t), n_state = 4 + 4 * pick(x, 4), taps = 2 + pick(x, 3);
    og_scan_args a = { .pos = pos_of(x), .seq_start = seq_start_of(x) };
    a.state_slot = int_input(x, &x->state_slot, "state_slot", OG_SHAPE(x->S));
    if (!pick(x, 3)) {
        matrix_recurrence(x, &a);
        return;
    }
    if (pick(x, 2)) {
        a.state =
            og_state(g, fresh(x, "s"), OG_F32, OG_SHAPE(OG_N(SLOTS), OG_N(taps - 1), OG_N(n)));
        og_tensor *w = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(n), OG_N(taps)));
        put(x, og_ssm_conv(g, bounded(x, v, 4).t, w, &a), 4.0f * (float)taps, false);
        return;
    }
    a.state = og_state(g, fresh(x, "s"), OG_F32, OG_SHAPE(OG_N(SLOTS), OG_N(n), OG_N(n_state)));
    og_tensor *A = og_weight(g, fresh(x, "w"), OG_F32, OG_SHAPE(OG_N(n), OG_N(n_state)));
    A = og_scale(g, og_abs(g, A), -1, 0);
    og_tensor *dt = og_sigmoid(g, v.t);
    value b = linear(x, v, n_state), c = linear(x, v, n_state);
    og_tensor *y =
        og_ssm_scan(g, bounded(x, v, 2).t, dt, A, bounded(x, b, 2).t, bounded(x, c, 2).t, &a);
    put(x, y, 100, false);
}

/* ---- the graph ----------------------------------------------------------------------------- */

static int count_ops(const og_graph *g)
{
    int n = 0;
    for (int64_t i = 0; i < g->n_node; i++) n += !ogi_is_leaf(g->node[i]);
    return n;
}

/* Every value that nothing reads is an output, and now and then another one. */
static void name_outputs(gen *x)
{
    bool *is_read = calloc((size_t)x->g->n_node, 1);
    char name[32];
    if (!is_read) abort();
    for (int64_t i = 0; i < x->g->n_node; i++)
        for (int k = 0; k < x->g->node[i]->n_src; k++)
            if (x->g->node[i]->src[k]) is_read[x->g->node[i]->src[k]->id] = true;
    for (int i = 0; i < x->n_pool; i++) {
        og_tensor *t = x->pool[i].t;
        if (ogi_is_leaf(t) || (is_read[t->id] && pick(x, 12))) continue;
        snprintf(name, sizeof name, "y%d", i);
        og_output(x->g, name, t);
    }
    free(is_read);
}

og_graph *ogt_random_graph(og_ctx *ctx, uint64_t seed)
{
    static void (*const recipe[])(gen *) = { unary, unary,     binary,     binary,  choose,
                                             casts, rows,      rows,       views,   views,
                                             moves, linears,   linears,    matmuls, rope,
                                             moe,   attention, recurrence, per_head };
    gen x = { .g = og_graph_new(ctx, "random"), .r = seed * 0x2545f4914f6cdd1d + 1 };
    if (!x.g) abort();
    x.T = og_sym(x.g, "T", 1, 40);
    x.S = og_sym(x.g, "S", 1, 3);
    int n_op = 3 + pick(&x, 16);
    new_input(&x, 2 + pick(&x, 2));
    while (count_ops(x.g) < n_op) recipe[pick(&x, OGI_LEN(recipe))](&x);
    name_outputs(&x);
    if (og_graph_status(x.g) != OG_OK || !x.g->n_output) {
        fprintf(stderr, "random graph %llu: %s\n", (unsigned long long)seed, og_error(ctx));
        abort();
    }
    return x.g;
}
