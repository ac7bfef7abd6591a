/* SPDX-License-Identifier: MIT
 *
 * The scalar reference: evaluates a graph node by node with each op's ref(), views included. Values
 * are F32 or I32 arrays; after each op they are rounded to what their element type can hold. The
 * oracle of every backend: plain, and slow. */
#include "graph/dim.h"
#include "graph/layout.h"
#include "graph/op_def.h"
#include "graph/ref.h"

#include <math.h>

#include "base/half.h"
#include "graph/dtype.h"

typedef struct eval {
    const og_graph *g;
    const int64_t *sym;
    const ogi_ref_io *io;
    ogi_ref_tensor **value; /* by node id */
    int *n_use;             /* by node id: uses still to come */
} eval;

static void free_tensor(og_ctx *ctx, ogi_ref_tensor *t)
{
    if (!t) return;
    ogi_free(ctx, t->f);
    ogi_free(ctx, t->i);
    ogi_free(ctx, t);
}

static og_status new_ref_tensor(const eval *e, const og_tensor *n, ogi_ref_tensor **out)
{
    og_ctx *ctx = e->g->ctx;
    ogi_ref_tensor *t = *out = OGI_NEW(ctx, ogi_ref_tensor);
    if (!t) return OG_E_MEMORY;
    t->dtype = n->dtype, t->rank = n->shape.rank, t->n = 1;
    for (int i = 0; i < t->rank; i++) {
        t->dim[i] = ogi_dim_value(n->shape.dim[i], e->sym);
        t->n *= t->dim[i];
    }
    if (n->dtype == OG_I32)
        t->i = OGI_NEW_N(ctx, int32_t, t->n);
    else
        t->f = OGI_NEW_N(ctx, float, t->n);
    if (t->i || t->f) return OG_OK;
    free_tensor(ctx, t);
    *out = NULL;
    return OG_E_MEMORY;
}

/* One block of 32 values to int8 codes with one scale, and back. */
static void round_a8(float *x)
{
    float amax = 0;
    for (int i = 0; i < 32; i++) amax = fmaxf(amax, fabsf(x[i]));
    float scale = amax / 127.0f, inverse = scale != 0 ? 1.0f / scale : 0.0f;
    for (int i = 0; i < 32; i++) x[i] = scale * rintf(x[i] * inverse);
}

static void round_values(ogi_ref_tensor *t)
{
    if (t->dtype == OG_F16)
        for (int64_t i = 0; i < t->n; i++) t->f[i] = ogi_f32_of_f16(ogi_f16_of_f32(t->f[i]));
    else if (t->dtype == OG_BF16)
        for (int64_t i = 0; i < t->n; i++) t->f[i] = ogi_f32_of_bf16(ogi_bf16_of_f32(t->f[i]));
    else if (t->dtype == OG_A8)
        for (int64_t i = 0; i + 32 <= t->n; i += 32) round_a8(t->f + i);
}

static bool is_bound(const og_tensor *n)
{
    return ogi_is_leaf(n) && n->op != OG_OP_TABLE;
}
static bool is_store(const og_tensor *n)
{
    return ogi_op_def_of(n->op)->op_class == OGI_CLASS_STORE;
}

/* Tensors of states and what io binds belong to the caller. */
static bool is_owned(const og_tensor *n)
{
    return !is_bound(n) && !is_store(n);
}

static og_status make_table(const eval *e, const og_tensor *n, ogi_ref_tensor **out)
{
    OG_TRY(new_ref_tensor(e, n, out));
    const ogi_data *d = n->params;
    memcpy((*out)->i ? (void *)(*out)->i : (void *)(*out)->f, d->data, (size_t)d->size);
    return OG_OK;
}

static og_status bind_leaf(const eval *e, const og_tensor *n, ogi_ref_tensor **out)
{
    int64_t dim[OG_MAX_RANK], total = 1;
    for (int i = 0; i < n->shape.rank; i++) {
        dim[i] = ogi_dim_value(n->shape.dim[i], e->sym);
        total *= dim[i];
    }
    *out = e->io->bind(e->io->user, n, dim);
    if (!*out)
        OG_FAIL(e->g->ctx, OG_E_NOT_FOUND, "no value for %s \"%s\"", ogi_op_name(n->op), n->name);
    if ((*out)->n != total)
        OG_FAIL(e->g->ctx, OG_E_INVALID, "%s \"%s\" was given %lld elements, expected %lld",
                ogi_op_name(n->op), n->name, (long long)(*out)->n, (long long)total);
    return OG_OK;
}

static og_status compute(const eval *e, const og_tensor *n, ogi_ref_tensor **out)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    ogi_ref_call call = { .ctx = e->g->ctx, .node = n };
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i]) call.src[i] = e->value[n->src[i]->id];
    if (is_store(n))
        *out = call.src[0];
    else
        OG_TRY(new_ref_tensor(e, n, out));
    call.dst = *out;
    OG_TRY(def->ref(&call));
    round_values(call.dst);
    return OG_OK;
}

static og_status eval_node(eval *e, const og_tensor *n)
{
    ogi_ref_tensor **out = &e->value[n->id];
    if (n->op == OG_OP_TABLE)
        OG_TRY(make_table(e, n, out));
    else if (ogi_is_leaf(n))
        OG_TRY(bind_leaf(e, n, out));
    else
        OG_TRY(compute(e, n, out));
    for (int i = 0; i < n->n_src; i++) {
        const og_tensor *s = n->src[i];
        if (!s || --e->n_use[s->id] > 0 || !is_owned(s)) continue;
        free_tensor(e->g->ctx, e->value[s->id]);
        e->value[s->id] = NULL;
    }
    return OG_OK;
}

static og_status eval_graph(eval *e)
{
    const og_graph *g = e->g;
    for (int64_t i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i]->n_src; k++)
            if (g->node[i]->src[k]) e->n_use[g->node[i]->src[k]->id]++;
    for (int64_t i = 0; i < g->n_output; i++) e->n_use[g->output[i].value->id]++;
    for (int64_t i = 0; i < g->n_node; i++) OG_TRY(eval_node(e, g->node[i]));
    for (int64_t i = 0; i < g->n_output; i++)
        e->io->emit(e->io->user, g->output[i].name, e->value[g->output[i].value->id]);
    return OG_OK;
}

og_status ogi_ref_run(const og_graph *g, const int64_t *sym, const ogi_ref_io *io)
{
    if (g->status != OG_OK) return g->status;
    for (int i = 0; i < g->n_sym; i++)
        if (sym[i] < g->sym[i].min || sym[i] > g->sym[i].max)
            OG_FAIL(g->ctx, OG_E_INVALID, "symbol %s is %lld, expected %lld..%lld", g->sym[i].name,
                    (long long)sym[i], (long long)g->sym[i].min, (long long)g->sym[i].max);
    eval e = { .g = g, .sym = sym, .io = io };
    e.value = OGI_NEW_N(g->ctx, ogi_ref_tensor *, g->n_node + 1);
    e.n_use = OGI_NEW_N(g->ctx, int, g->n_node + 1);
    og_status s = e.value && e.n_use ? eval_graph(&e) : OG_E_MEMORY;
    for (int64_t i = 0; e.value && i < g->n_node; i++)
        if (is_owned(g->node[i])) free_tensor(g->ctx, e.value[i]);
    ogi_free(g->ctx, e.value);
    ogi_free(g->ctx, e.n_use);
    return s;
}
