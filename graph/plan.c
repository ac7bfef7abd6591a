/* SPDX-License-Identifier: MIT
 *
 * Builds a plan: fuse, schedule, memory, costs. */
#include "graph/plan.h"

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"

static void add_cost(ogi_cost *sum, const ogi_cost *c)
{
    for (int i = 0; i <= OG_MAX_SYM; i++) sum->flops[i] += c->flops[i];
    sum->flops_per_key += c->flops_per_key;
    sum->bytes_per_key += c->bytes_per_key;
}

/* Adds the bytes of x's storage as an expression in the symbols; `times` 1, or the part read. */
static void add_bytes(ogi_cost *sum, const og_tensor *x)
{
    const ogi_dtype *t = ogi_dtype_info(x->dtype);
    og_dim n;
    if (!ogi_shape_numel(&x->shape, &n)) return;
    double scale = (double)t->bytes / t->block / OGI_MAX(n.c, 1);
    for (int i = 0; i < OG_MAX_SYM; i++) sum->bytes[i] += scale * n.a[i];
    sum->bytes[OG_MAX_SYM] += scale * (double)n.b;
}

static void cost_of_node(const og_tensor *x, ogi_cost *c)
{
    *c = (ogi_cost){ 0 };
    const ogi_op_def *def = ogi_op_def_of(x->op);
    if (def->cost) {
        def->cost(x, c);
        return;
    }
    og_dim n;
    if (!ogi_shape_numel(ogi_space_of(x), &n)) return;
    for (int i = 0; i < OG_MAX_SYM; i++) c->flops[i] = (double)n.a[i] / OGI_MAX(n.c, 1);
    c->flops[OG_MAX_SYM] = (double)n.b / OGI_MAX(n.c, 1);
}

static bool reads_part(const og_tensor *r)
{
    return r->op == OG_OP_STATE;
}

/* FLOPs are the members' sum; bytes are what the group reads and writes, each value once. Tables
 * that are gathered from and states are counted by their users' own costs. */
static void cost_of_group(ogi_group *g)
{
    for (int i = 0; i < g->n_member; i++) {
        ogi_cost c;
        cost_of_node(g->member[i], &c);
        add_cost(&g->cost, &c);
        if (g->member[i]->op == OG_OP_TAKE_ROWS) add_bytes(&g->cost, g->member[i]);
    }
    for (int i = 0; i < g->n_read; i++) {
        const og_tensor *r = g->read[i];
        bool is_gathered = false;
        for (int k = 0; k < g->n_member; k++)
            is_gathered |=
                g->member[k]->op == OG_OP_TAKE_ROWS && ogi_root(g->member[k]->src[0]) == r;
        if (!is_gathered && !reads_part(ogi_root(r)) &&
            ogi_op_def_of(r->op)->op_class != OGI_CLASS_STORE)
            add_bytes(&g->cost, r);
    }
    for (int i = 0; i < g->n_write; i++) {
        bool is_store = ogi_op_def_of(g->write[i]->op)->op_class == OGI_CLASS_STORE;
        add_bytes(&g->cost, is_store ? g->write[i]->src[1] : g->write[i]);
    }
}

double ogi_cost_eval(const double *per_sym, const int64_t *sym)
{
    double v = per_sym[OG_MAX_SYM];
    for (int i = 0; i < OG_MAX_SYM; i++) v += per_sym[i] * (double)sym[i];
    return v;
}

static og_status set_ranges(ogi_plan *p, const ogi_plan_options *opt)
{
    const og_graph *g = p->graph;
    for (int i = 0; i < g->n_sym; i++) {
        p->sym_min[i] = opt->sym_min[i] ? opt->sym_min[i] : g->sym[i].min;
        p->sym_max[i] = opt->sym_max[i] ? opt->sym_max[i] : g->sym[i].max;
        if (p->sym_min[i] < g->sym[i].min || p->sym_max[i] > g->sym[i].max ||
            p->sym_min[i] > p->sym_max[i])
            OG_FAIL(p->ctx, OG_E_INVALID,
                    "plan: range %lld..%lld of symbol %s is outside %lld..%lld",
                    (long long)p->sym_min[i], (long long)p->sym_max[i], g->sym[i].name,
                    (long long)g->sym[i].min, (long long)g->sym[i].max);
    }
    return OG_OK;
}

static og_status build(ogi_plan *p, const ogi_plan_options *opt)
{
    OG_TRY(set_ranges(p, opt));
    OG_TRY(ogi_plan_fuse(p, opt));
    OG_TRY(ogi_plan_schedule(p));
    OG_TRY(ogi_plan_memory(p));
    for (int b = 0; b < p->n_group; b++) cost_of_group(&p->group[b]);
#ifdef OG_DEBUG
    OG_TRY(ogi_plan_verify(p));
#endif
    return OG_OK;
}

og_status ogi_plan_build(const og_graph *graph, const ogi_plan_options *opt, ogi_plan **out)
{
    *out = NULL;
    og_ctx *ctx = graph->ctx;
    ogi_plan *p = OGI_NEW(ctx, ogi_plan);
    if (!p) return OG_E_MEMORY;
    *p = (ogi_plan){ .ctx = ctx, .mem = { .ctx = ctx }, .graph = graph };
    og_status st = build(p, opt);
    if (st != OG_OK) {
        ogi_plan_free(p);
        return st;
    }
    *out = p;
    return OG_OK;
}

void ogi_plan_free(ogi_plan *p)
{
    if (!p) return;
    ogi_arena_free(&p->mem);
    ogi_free(p->ctx, p);
}
