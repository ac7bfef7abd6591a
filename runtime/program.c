/* SPDX-License-Identifier: MIT
 *
 * Programs: a graph through the passes, one plan and one compiled exec for each range of the first
 * symbol, all over one arena. */
#include "runtime/program.h"

#include <fenv.h>

#include "backends/backend.h"
#include "graph/layout.h"
#include "graph/pass.h"
#include "runtime/kv_pool.h"

enum { MAX_PLAN = 8 };

struct og_device {
    og_ctx *ctx;
    const ogi_backend *backend;
    ogi_device *dev;
};

typedef struct binding {
    const og_tensor *leaf;
    int64_t size;
    bool is_bound;
} binding;

struct og_program {
    og_ctx *ctx;
    og_device *device;
    og_graph *graph; /* after the passes */
    ogi_plan *plan[MAX_PLAN];
    ogi_exec *exec[MAX_PLAN];
    int n_plan;
    int last; /* plan of the last run */
    void *arena;
    binding *binding;
    int n_binding;
    bool is_checked; /* all leaves bound */
};

/* ---- devices ------------------------------------------------------------------------------- */

og_status og_device_open(og_ctx *ctx, const og_device_options *opt, og_device **out)
{
    og_device_options o = opt ? *opt : (og_device_options){ 0 };
    OGI_NEEDS(ctx, ctx && out);
    *out = NULL;
    OGI_NEEDS(ctx, o.n_thread >= 0);
    const char *name = o.name ? o.name : "cpu";
    const ogi_backend *b = ogi_backend_find(name);
    if (!b) {
        ogi_buf names = { .ctx = ctx };
        for (int i = 0; ogi_backend_at(i); i++)
            ogi_buf_printf(&names, " %s", ogi_backend_at(i)->name);
        ogi_fail(ctx, OG_E_NOT_FOUND, __FILE__, __LINE__, "device '%s' is unknown; known:%s", name,
                 ogi_buf_str(&names));
        ogi_buf_free(&names);
        return OG_E_NOT_FOUND;
    }
    og_device *d = OGI_NEW(ctx, og_device);
    if (!d) return OG_E_MEMORY;
    *d = (og_device){ .ctx = ctx, .backend = b };
    og_status st = b->open(ctx, &o, &d->dev);
    if (st != OG_OK) {
        ogi_free(ctx, d);
        return st;
    }
    *out = d;
    return OG_OK;
}

void og_device_free(og_device *d)
{
    if (!d) return;
    d->backend->close(d->dev);
    ogi_free(d->ctx, d);
}

const char *og_device_name(const og_device *d)
{
    return d ? d->backend->name : "";
}
const char *og_device_isa(const og_device *d)
{
    return d ? d->backend->isa(d->dev) : "";
}
int og_device_threads(const og_device *d)
{
    return d ? d->backend->threads(d->dev) : 0;
}

/* ---- compile ------------------------------------------------------------------------------- */

static og_status add_plan(og_program *p, int64_t from, int64_t to, const og_compile_options *opt)
{
    ogi_plan_options po = {
        .no_fuse = opt->no_fuse,
        .prologue_max = p->device->backend->prologue_max,
    };
    if (p->graph->n_sym) {
        po.sym_min[0] = from, po.sym_max[0] = to;
        /* Sequences are at most the tokens, wherever a graph counts both. */
        for (int i = 1; i < p->graph->n_sym; i++) {
            po.sym_max[i] = p->graph->sym[i].max;
            if (!strcmp(p->graph->sym[i].name, "S")) po.sym_max[i] = OGI_MIN(po.sym_max[i], to);
        }
    }
    return ogi_plan_build(p->graph, &po, &p->plan[p->n_plan++]);
}

static og_status add_plans(og_program *p, const og_compile_options *opt)
{
    static const int64_t dflt[] = { 1, 16 };
    int64_t from = p->graph->n_sym ? p->graph->sym[0].min : 1;
    int64_t end = p->graph->n_sym ? p->graph->sym[0].max : 1;
    const int64_t *range = opt->n_range ? opt->range : dflt;
    int n = opt->n_range ? opt->n_range : OGI_LEN(dflt);
    for (int i = 0; i < n && from <= end; i++) {
        if (range[i] < 1 || (i && range[i] <= range[i - 1]))
            OG_FAIL(p->ctx, OG_E_INVALID, "compile: ranges end at %lld after %lld, expected rising",
                    (long long)range[i], i ? (long long)range[i - 1] : 0);
        int64_t to = OGI_MIN(range[i], end);
        if (to < from) continue;
        if (p->n_plan == MAX_PLAN - 1)
            OG_FAIL(p->ctx, OG_E_LIMIT, "compile: more than %d ranges", MAX_PLAN - 1);
        OG_TRY(add_plan(p, from, to, opt));
        from = to + 1;
    }
    return from <= end ? add_plan(p, from, end, opt) : OG_OK;
}

static og_status list_leaves(og_program *p)
{
    int n = 0;
    for (int64_t i = 0; i < p->graph->n_node; i++) n += ogi_is_leaf(p->graph->node[i]);
    p->binding = OGI_NEW_N(p->ctx, binding, n + 1);
    if (!p->binding) return OG_E_MEMORY;
    for (int64_t i = 0; i < p->graph->n_node; i++) {
        const og_tensor *x = p->graph->node[i];
        if (ogi_is_leaf(x) && x->op != OG_OP_TABLE)
            p->binding[p->n_binding++] = (binding){ .leaf = x };
    }
    return OG_OK;
}

static og_status compile(og_program *p, const og_graph *g, const og_compile_options *opt)
{
    OG_TRY(og_graph_status(g));
    OG_TRY(ogi_verify(g)); /* it may be anyone's */
    OG_TRY(ogi_passes_run(g, NULL, opt->skip, &p->graph));
    OG_TRY(ogi_verify_addresses(p->graph));
    OG_TRY(add_plans(p, opt));
    OG_TRY(list_leaves(p));
    const ogi_backend *b = p->device->backend;
    int64_t size = 0;
    for (int i = 0; i < p->n_plan; i++) size = OGI_MAX(size, p->plan[i]->arena_size);
    if (size > ogi_memory_available())
        OG_FAIL(p->ctx, OG_E_LIMIT, "%s: its values need %.1f GB, %.1f GB are free", g->name,
                (double)size / 1e9, (double)ogi_memory_available() / 1e9);
    OG_TRY(b->alloc(p->device->dev, OGI_MAX(size, 64), &p->arena));
    for (int i = 0; i < p->n_plan; i++)
        OG_TRY(b->compile(p->device->dev, p->plan[i], p->arena, &p->exec[i]));
    return OG_OK;
}

og_status og_compile(og_device *dev, const og_graph *g, const og_compile_options *opt,
                     og_program **out)
{
    og_compile_options o = opt ? *opt : (og_compile_options){ 0 };
    OGI_NEEDS(dev ? dev->ctx : NULL, dev && out);
    *out = NULL;
    OGI_NEEDS(dev->ctx, g && o.n_range >= 0 && (!o.n_range || o.range));
    og_program *p = OGI_NEW(dev->ctx, og_program);
    if (!p) return OG_E_MEMORY;
    *p = (og_program){ .ctx = dev->ctx, .device = dev };
    fenv_t callers; /* constants are folded as steps compute: see base/pool.h */
    fegetenv(&callers);
    fesetenv(FE_DFL_ENV);
    og_status st = compile(p, g, &o);
    fesetenv(&callers);
    if (st != OG_OK) {
        og_program_free(p);
        return st;
    }
    *out = p;
    return OG_OK;
}

void og_program_free(og_program *p)
{
    if (!p) return;
    const ogi_backend *b = p->device->backend;
    for (int i = 0; i < p->n_plan; i++) {
        if (p->exec[i]) b->free_exec(p->exec[i]);
        ogi_plan_free(p->plan[i]);
    }
    if (p->arena) b->free(p->device->dev, p->arena);
    og_graph_free(p->graph);
    ogi_free(p->ctx, p->binding);
    ogi_free(p->ctx, p);
}

/* ---- run ----------------------------------------------------------------------------------- */

og_status og_program_bind(og_program *p, const char *name, void *data, int64_t size)
{
    OGI_NEEDS(p ? p->ctx : NULL, p && name && size >= 0);
    for (int i = 0; i < p->n_binding; i++) {
        binding *b = &p->binding[i];
        if (strcmp(b->leaf->name, name)) continue;
        b->is_bound = data != NULL;
        b->size = size;
        p->is_checked = false;
        for (int k = 0; k < p->n_plan; k++) p->device->backend->bind(p->exec[k], b->leaf, data);
        return OG_OK;
    }
    return OG_E_NOT_FOUND;
}

static og_status check_bindings(og_program *p, const int64_t *sym)
{
    for (int i = 0; i < p->n_binding; i++) {
        const binding *b = &p->binding[i];
        if (!b->is_bound)
            OG_FAIL(p->ctx, OG_E_INVALID, "%s: '%s' is not bound to memory", p->graph->name,
                    b->leaf->name);
        int64_t need = ogi_value_size(b->leaf, sym);
        if (b->size < need)
            OG_FAIL(p->ctx, OG_E_INVALID, "%s: '%s' needs %lld bytes, bound are %lld",
                    p->graph->name, b->leaf->name, (long long)need, (long long)b->size);
    }
    return OG_OK;
}

static int plan_for(const og_program *p, int64_t n)
{
    for (int i = 0; i < p->n_plan; i++)
        if (n <= p->plan[i]->sym_max[0]) return i;
    return p->n_plan - 1;
}

og_status og_program_run(og_program *p, const int64_t *sym)
{
    OGI_NEEDS(p ? p->ctx : NULL, p && (sym || !p->graph->n_sym));
    for (int i = 0; i < p->graph->n_sym; i++)
        if (sym[i] < p->graph->sym[i].min || sym[i] > p->graph->sym[i].max)
            OG_FAIL(p->ctx, OG_E_INVALID, "%s: %s = %lld is outside %lld..%lld", p->graph->name,
                    p->graph->sym[i].name, (long long)sym[i], (long long)p->graph->sym[i].min,
                    (long long)p->graph->sym[i].max);
    int64_t value[OG_MAX_SYM] = { 0 };
    if (sym) memcpy(value, sym, (size_t)p->graph->n_sym * sizeof *sym);
    OG_TRY(check_bindings(p, value));
    p->last = p->graph->n_sym ? plan_for(p, sym[0]) : 0;
    return p->device->backend->run(p->exec[p->last], value);
}

const void *og_program_output(const og_program *p, const char *name)
{
    for (int64_t i = 0; p && name && i < p->graph->n_output; i++)
        if (!strcmp(p->graph->output[i].name, name))
            return p->device->backend->output(p->exec[p->last],
                                              ogi_root(p->graph->output[i].value));
    return NULL;
}

void og_program_get_info(const og_program *p, og_program_info *out)
{
    if (out) *out = (og_program_info){ 0 };
    if (!p || !out) return;
    *out = (og_program_info){ .n_plan = p->n_plan, .n_group = p->plan[0]->n_group };
    for (int i = 0; i < p->n_plan; i++) {
        const ogi_plan *pl = p->plan[i];
        if (pl->arena_size > out->arena_size) {
            out->arena_size = pl->arena_size;
            out->lower_bound = pl->lower_bound;
        }
        double ratio = pl->lower_bound ? (double)pl->arena_size / (double)pl->lower_bound : 1;
        out->worst_ratio = OGI_MAX(out->worst_ratio, ratio);
        out->scratch_size =
            OGI_MAX(out->scratch_size, p->device->backend->scratch_size(p->exec[i]));
    }
}

og_status og_program_print_plan(const og_program *p, int64_t n, og_format format, char **out)
{
    OGI_NEEDS(p ? p->ctx : NULL, p && out);
    ogi_buf b = { .ctx = p->ctx };
    *out = NULL;
    og_status st = ogi_plan_print(p->plan[plan_for(p, n)], format, &b);
    if (st != OG_OK || b.failed) {
        ogi_buf_free(&b);
        return st != OG_OK ? st : OG_E_MEMORY;
    }
    ogi_buf_putc(&b, 0);
    *out = b.p;
    return b.p ? OG_OK : OG_E_MEMORY;
}

const ogi_plan *ogi_program_plan(const og_program *p, int i)
{
    return i >= 0 && i < p->n_plan ? p->plan[i] : NULL;
}

og_status ogi_program_profile(const og_program *p, int i, ogi_profile *out)
{
    return p->device->backend->profile(p->exec[i], out);
}

og_status ogi_program_watch(og_program *p, const int64_t *sym, const og_tensor **found)
{
    const ogi_backend *b = p->device->backend;
    *found = NULL;
    for (int i = 0; i < p->n_plan; i++) b->watch(p->exec[i], found);
    og_status st = og_program_run(p, sym);
    for (int i = 0; i < p->n_plan; i++) b->watch(p->exec[i], NULL);
    return st;
}

const ogi_backend *ogi_device_backend(const og_device *d)
{
    return d->backend;
}
ogi_device *ogi_device_inner(const og_device *d)
{
    return d->dev;
}
