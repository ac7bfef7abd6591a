/* SPDX-License-Identifier: MIT
 *
 * The CPU backend: device, compile, bind, run. */
#include "codegen/lower.h"
#include "graph/dtype.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "backends/cpu/cpu.h"
#include "base/clock.h"
#include "graph/dim.h"
#include "graph/layout.h"

enum { ALIGN = 64, SMALL_MAP = 2048 /* elements below which one thread does a map group */ };

/* ---- device -------------------------------------------------------------------------------- */

static bool cpu_describe(og_ctx *ctx, ogi_buf *out)
{
    (void)ctx;
    for (int i = 0; ogi_cpu_kernels_at(i); i++)
        ogi_buf_printf(out, "%s%s", i ? " " : "", ogi_cpu_kernels_at(i)->name);
    return true;
}

static og_status cpu_open(og_ctx *ctx, const og_device_options *opt, ogi_device **out)
{
    const ogi_cpu_kernels *k = ogi_cpu_kernels_find(opt->isa);
    *out = NULL;
    if (!k) {
        ogi_buf names = { .ctx = ctx };
        cpu_describe(ctx, &names);
        ogi_fail(ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                 "instruction set '%s' is not available here; this processor has: %s", opt->isa,
                 ogi_buf_str(&names));
        ogi_buf_free(&names);
        return OG_E_UNSUPPORTED;
    }
    ogi_device *d = OGI_NEW(ctx, ogi_device);
    if (!d) return OG_E_MEMORY;
    *d = (ogi_device){ .ctx = ctx, .kernels = k };
    og_status st = ogi_pool_new(ctx, opt->n_thread, &d->pool);
    if (st != OG_OK) {
        ogi_free(ctx, d);
        return st;
    }
    d->n_thread = ogi_pool_threads(d->pool);
    *out = d;
    return OG_OK;
}

static void cpu_close(ogi_device *d)
{
    ogi_pool_free(d->pool);
    ogi_free(d->ctx, d);
}

static const char *cpu_isa(const ogi_device *d)
{
    return d->kernels->name;
}
static int cpu_threads(const ogi_device *d)
{
    return d->n_thread;
}

/* In front of each block lies where it came from. Large blocks are mapped: zeroed by the system
 * when first touched, so that a large KV pool costs nothing until it is used. */
typedef struct block_head {
    void *p;
    size_t mapped; /* bytes; 0: from the context's allocator */
} block_head;

enum { MAP_FROM = 1 << 20 };

static og_status cpu_alloc(ogi_device *d, int64_t size, void **out)
{
    *out = NULL;
    block_head h = { 0 };
    if (size < 0 || size > INT64_MAX / 2) OG_FAIL(d->ctx, OG_E_MEMORY, "out of memory");
    size_t bytes = (size_t)size + ALIGN + sizeof h;
    if (size >= MAP_FROM) {
        h.mapped = bytes;
        h.p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
        if (h.p == MAP_FAILED)
            OG_FAIL(d->ctx, OG_E_MEMORY, "out of memory (%lld bytes)", (long long)size);
    } else if (!(h.p = ogi_alloc(d->ctx, bytes, 1))) {
        return OG_E_MEMORY;
    }
    uintptr_t at = OGI_ALIGN((uintptr_t)h.p + sizeof h, (uintptr_t)ALIGN);
    memcpy((void *)(at - sizeof h), &h, sizeof h);
    *out = (void *)at;
    return OG_OK;
}

static void cpu_free(ogi_device *d, void *mem)
{
    block_head h;
    if (!mem) return;
    memcpy(&h, (unsigned char *)mem - sizeof h, sizeof h);
    if (h.mapped)
        munmap(h.p, h.mapped);
    else
        ogi_free(d->ctx, h.p);
}

static void cpu_copy_in(ogi_device *d, void *dst, const void *host, int64_t size)
{
    (void)d;
    memcpy(dst, host, (size_t)size);
}

static void cpu_copy_out(ogi_device *d, void *host, const void *src, int64_t size)
{
    (void)d;
    memcpy(host, src, (size_t)size);
}

/* ---- programs ------------------------------------------------------------------------------ */

int64_t ogi_cpu_row_size(og_dtype t, int64_t n)
{
    const ogi_dtype *info = ogi_dtype_info(t);
    int64_t size = n / info->block * info->bytes;
    return t == OG_A8 ? OGI_ALIGN(size, ALIGN) : size;
}

og_status ogi_cpu_prog_compile(ogi_exec *e, const ogi_lower_spec *spec, ogi_cpu_prog *out)
{
    *out = (ogi_cpu_prog){ 0 };
    OG_TRY(ogi_lower(spec, &e->mem, &out->k));
    OG_TRY(ogi_vprog_compile(e->dev->ctx, out->k, e->plan->sym_max, e->dev->kernels, &out->v));
    out->operand = ogi_arena_alloc(&e->mem, (size_t)out->k->n_operand + 1, sizeof *out->operand);
    if (!out->operand) return OG_E_MEMORY;
    int last = out->k->rank - 1;
    out->is_whole_row = out->k->has_row;
    for (int i = 0; i < out->k->n_operand; i++) { /* a value stored once a row: one thread a row */
        const ogi_koperand *o = &out->k->operand[i];
        if (o->is_written && last >= 0 && ogi_dim_eq(o->stride[last], OG_N(0)))
            out->is_whole_row = true;
    }
    return OG_OK;
}

void ogi_cpu_prog_free(ogi_cpu_prog *p)
{
    ogi_vprog_free(p->v);
}

void *ogi_cpu_memory_of(const ogi_exec *e, const og_tensor *x)
{
    const og_tensor *r = ogi_root(x);
    while (ogi_op_def_of(r->op)->op_class == OGI_CLASS_STORE) r = ogi_root(r->src[0]);
    return e->ptr[r->id];
}

void ogi_cpu_prog_bind(const ogi_exec *e, ogi_cpu_prog *p)
{
    ogi_vprog_bind(p->v, e->sym, p->space, p->operand);
    for (int i = 0; i < p->k->n_operand; i++)
        if (p->k->operand[i].panel < 0)
            p->operand[i].base = ogi_cpu_memory_of(e, p->k->operand[i].value);
}

/* ---- map groups ---------------------------------------------------------------------------- */

/* The first axis with work for all threads, else the longest. */
static int choose_axis(const ogi_cpu_prog *p, int n_thread)
{
    int n_axis = p->k->rank - (p->is_whole_row ? 1 : 0), best = -1;
    int64_t total = 1;
    for (int a = 0; a < p->k->rank; a++) total *= p->space[a];
    if (total < SMALL_MAP || n_thread == 1) return -1;
    for (int a = 0; a < n_axis; a++) {
        if (p->space[a] >= n_thread * 2) return a;
        if (p->space[a] > 1 && (best < 0 || p->space[a] > p->space[best])) best = a;
    }
    return best;
}

static og_status compile_map(ogi_exec *e, ogi_cpu_group *g, size_t *scratch)
{
    ogi_lower_spec spec = {
        .g = e->plan->graph,
        .member = g->g->member,
        .n_member = g->g->n_member,
        .store = g->g->write,
        .n_store = g->g->n_write,
    };
    OG_TRY(ogi_cpu_prog_compile(e, &spec, &g->map));
    *scratch = ogi_vprog_scratch(g->map.v);
    return OG_OK;
}

static void bind_map(ogi_exec *e, ogi_cpu_group *g)
{
    ogi_cpu_prog_bind(e, &g->map);
    g->split_axis = choose_axis(&g->map, e->dev->n_thread);
}

static void run_map(ogi_exec *e, ogi_cpu_group *g, int thread)
{
    const ogi_cpu_prog *p = &g->map;
    int64_t lo[OG_MAX_RANK] = { 0 }, hi[OG_MAX_RANK], n = 0;
    int n_item = g->split_axis < 0 ? 1 : e->dev->n_thread, a = g->split_axis, i;
    memcpy(hi, p->space, sizeof hi);
    if (a >= 0) n = (p->space[a] + n_item - 1) / n_item;
    if (a == p->k->rank - 1) n = OGI_ALIGN(n, 64); /* cache lines apart */
    while ((i = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed)) < n_item) {
        if (a >= 0) {
            lo[a] = OGI_MIN(n * i, p->space[a]);
            hi[a] = OGI_MIN(lo[a] + n, p->space[a]);
            if (lo[a] == hi[a]) continue;
        }
        ogi_vprog_run(p->v, p->operand, p->space, lo, hi, ogi_cpu_scratch(e, thread));
    }
}

static void free_map(ogi_cpu_group *g)
{
    ogi_cpu_prog_free(&g->map);
}

/* ---- kernel groups ------------------------------------------------------------------------- */

static void bind_arg(const ogi_exec *e, const og_tensor *x, ogi_cpu_arg *a)
{
    ogi_layout l;
    *a = (ogi_cpu_arg){ 0 };
    if (!x || !ogi_layout_of(x, &l)) return;
    a->dtype = x->dtype;
    a->rank = x->shape.rank;
    for (int i = 0; i < a->rank; i++) {
        a->dim[i] = ogi_dim_value(x->shape.dim[i], e->sym);
        a->stride[i] = ogi_dim_value(l.stride[i], e->sym);
    }
    unsigned char *p = ogi_cpu_memory_of(e, x);
    const ogi_dtype *info = ogi_dtype_info(x->dtype);
    a->p = p ? p + ogi_dim_value(l.offset, e->sym) / info->block * info->bytes : NULL;
}

static void bind_kernel(ogi_exec *e, ogi_cpu_group *g)
{
    const og_tensor *x = g->call.node;
    for (int s = 0; s < x->n_src; s++) bind_arg(e, x->src[s], &g->call.src[s]);
    bind_arg(e, x, &g->call.dst);
    g->call.shared = ogi_cpu_scratch(e, 0);
}

static og_status compile_kernel(ogi_exec *e, ogi_cpu_group *g, size_t *scratch)
{
    const og_tensor *x = g->g->member[0];
    g->kernel = ogi_cpu_kernel_of(x->op);
    if (!g->kernel)
        OG_FAIL(e->dev->ctx, OG_E_UNSUPPORTED, "cpu: no kernel for %s", ogi_op_name(x->op));
    g->call = (ogi_cpu_call){
        .node = x,
        .kernels = e->dev->kernels,
        .n_thread = e->dev->n_thread,
        .next = &g->next,
        .done = g->done,
    };
    *scratch = g->kernel->scratch ? g->kernel->scratch(x, e->plan->sym_max) : 0;
    return OG_OK;
}

static void run_kernel(ogi_exec *e, ogi_cpu_group *g, int thread)
{
    g->kernel->run(&g->call, thread, ogi_cpu_scratch(e, thread));
}

/* ---- exec ---------------------------------------------------------------------------------- */

void *ogi_cpu_scratch(const ogi_exec *e, int thread)
{
    return e->scratch + (size_t)thread * e->scratch_size;
}

/* What a kind of groups needs. */
typedef struct group_kind {
    og_status (*compile)(ogi_exec *e, ogi_cpu_group *g, size_t *scratch); /* bytes a thread */
    void (*bind)(ogi_exec *e, ogi_cpu_group *g); /* evaluates for e->sym and e->ptr */
    void (*run)(ogi_exec *e, ogi_cpu_group *g, int thread);
    void (*free)(ogi_cpu_group *g); /* also what was never compiled; NULL: nothing to free */
} group_kind;

static const group_kind group_kinds[] = {
    [OGI_GROUP_MAP] = { compile_map, bind_map, run_map, free_map },
    [OGI_GROUP_MATMUL] = { ogi_cpu_matmul_compile, ogi_cpu_matmul_bind, ogi_cpu_matmul_run,
                           ogi_cpu_matmul_free },
    [OGI_GROUP_KERNEL] = { compile_kernel, bind_kernel, run_kernel, NULL },
};

static const group_kind *kind_of(const ogi_cpu_group *g)
{
    return &group_kinds[g->g->kind];
}

static og_status compile_exec(ogi_exec *e)
{
    const ogi_plan *p = e->plan;
    e->ptr = ogi_arena_alloc(&e->mem, (size_t)p->graph->n_node + 1, sizeof *e->ptr);
    e->group = ogi_arena_alloc(&e->mem, (size_t)p->n_group + 1, sizeof *e->group);
    if (!e->ptr || !e->group) return OG_E_MEMORY;
    for (int s = 0; s < p->n_slot; s++) e->ptr[p->slot[s].value->id] = e->arena + p->slot[s].offset;
    for (int64_t i = 0; i < p->graph->n_node; i++)
        if (p->graph->node[i]->op == OG_OP_TABLE) {
            const ogi_data *d = p->graph->node[i]->params;
            e->ptr[i] = (void *)(uintptr_t)d->data;
        }
    for (int b = 0; b < p->n_group; b++) {
        e->group[b].g = &p->group[b];
        size_t scratch = 0;
        OG_TRY(kind_of(&e->group[b])->compile(e, &e->group[b], &scratch));
        e->scratch_size = OGI_MAX(e->scratch_size, scratch);
    }
    e->scratch_size = OGI_ALIGN(e->scratch_size + ALIGN, 4096);
    void *mem = NULL;
    OG_TRY(cpu_alloc(e->dev, (int64_t)e->scratch_size * e->dev->n_thread, &mem));
    e->scratch = mem;
    return OG_OK;
}

static void cpu_free_exec(ogi_exec *e)
{
    for (int b = 0; e->group && b < e->plan->n_group; b++)
        if (e->group[b].g && kind_of(&e->group[b])->free) kind_of(&e->group[b])->free(&e->group[b]);
    cpu_free(e->dev, e->scratch);
    ogi_free(e->dev->ctx, e->span);
    ogi_arena_free(&e->mem);
    ogi_free(e->dev->ctx, e);
}

static og_status cpu_compile(ogi_device *d, const ogi_plan *plan, void *arena, ogi_exec **out)
{
    *out = NULL;
    ogi_exec *e = OGI_NEW(d->ctx, ogi_exec);
    if (!e) return OG_E_MEMORY;
    *e = (ogi_exec){ .dev = d, .plan = plan, .mem = { .ctx = d->ctx }, .arena = arena };
    og_status st = compile_exec(e);
    if (st != OG_OK) {
        cpu_free_exec(e);
        return st;
    }
    *out = e;
    return OG_OK;
}

static int64_t cpu_scratch_size(const ogi_exec *e)
{
    return (int64_t)e->scratch_size * e->dev->n_thread;
}

static void cpu_bind(ogi_exec *e, const og_tensor *leaf, void *mem)
{
    e->ptr[leaf->id] = mem;
    e->is_bound = false;
}

static void bind_all(ogi_exec *e, const int64_t *sym)
{
    memcpy(e->sym, sym, sizeof e->sym);
    for (int b = 0; b < e->plan->n_group; b++) kind_of(&e->group[b])->bind(e, &e->group[b]);
    e->is_bound = true;
}

static void run_group(void *arg, int b, int thread)
{
    ogi_exec *e = arg;
    ogi_cpu_group *g = &e->group[b];
    ogi_cpu_span *span = e->span ? &e->span[b * e->dev->n_thread + thread] : NULL;
    if (span) span->begin = ogi_seconds();
    kind_of(g)->run(e, g, thread);
    if (span) span->end = ogi_seconds();
}

typedef struct one_group {
    ogi_exec *e;
    int group;
} one_group;

static void run_one(void *arg, int phase, int thread)
{
    const one_group *g = arg;
    run_group(g->e, g->group + phase, thread);
}

/* Each group as a job of its own: nobody goes on over what is being looked at. */
static void run_watched(ogi_exec *e)
{
    for (one_group g = { e, 0 }; g.group < e->plan->n_group; g.group++) {
        ogi_pool_run(e->dev->pool, run_one, &g, 1);
        if (!*e->found) *e->found = ogi_cpu_find_wrong(e, &e->plan->group[g.group]);
    }
}

/* From what each thread wrote down: a group lasts from the first thread's begin to the last one's
 * end; until the next one begins, nobody works. */
static void add_profile(ogi_exec *e, double begin)
{
    int n = e->dev->n_thread;
    double last = begin;
    for (int b = 0; b < e->plan->n_group; b++) {
        const ogi_cpu_span *s = &e->span[b * n];
        double from = 0, to = 0, busy = 0;
        for (int t = 0; t < n; t++) {
            if (s[t].begin == 0) continue;
            from = from == 0 ? s[t].begin : OGI_MIN(from, s[t].begin);
            to = OGI_MAX(to, s[t].end);
            busy += s[t].end - s[t].begin;
        }
        e->profile->group[b] += to - from;
        e->profile->wait += (to - from) - busy / n;
        e->profile->dispatch += from - last;
        last = to;
    }
    double end = ogi_seconds();
    e->profile->dispatch += end - last;
    e->profile->total += end - begin;
}

static og_status cpu_run(ogi_exec *e, const int64_t *sym)
{
    if (!e->is_bound || memcmp(e->sym, sym, sizeof e->sym) != 0) bind_all(e, sym);
    for (int b = 0; b < e->plan->n_group; b++) {
        ogi_cpu_group *g = &e->group[b];
        atomic_store_explicit(&g->next, 0, memory_order_relaxed);
        for (int i = 0; g->kernel && i < OGI_CPU_DONE; i++)
            atomic_store_explicit(&g->done[i], 0, memory_order_relaxed);
    }
    int n_span = e->plan->n_group * e->dev->n_thread;
    double begin = e->span ? ogi_seconds() : 0;
    if (e->span) memset(e->span, 0, (size_t)n_span * sizeof *e->span);
    if (e->found)
        run_watched(e);
    else
        ogi_pool_run(e->dev->pool, run_group, e, e->plan->n_group);
    if (e->span) add_profile(e, begin);
    return OG_OK;
}

static const void *cpu_output(const ogi_exec *e, const og_tensor *value)
{
    return ogi_cpu_memory_of(e, value);
}

static og_status cpu_profile(ogi_exec *e, ogi_profile *out)
{
    int n = e->plan->n_group * e->dev->n_thread;
    ogi_free(e->dev->ctx, e->span);
    e->profile = out;
    e->span = out ? OGI_NEW_N(e->dev->ctx, ogi_cpu_span, n + 1) : NULL;
    return e->span || !out ? OG_OK : OG_E_MEMORY;
}

static void cpu_watch(ogi_exec *e, const og_tensor **found)
{
    e->found = found;
}

const ogi_backend ogi_backend_cpu = {
    .name = "cpu",
    .doc = "SIMD kernels for the host processor, chosen at run time",
    .describe = cpu_describe,
    .open = cpu_open,
    .close = cpu_close,
    .isa = cpu_isa,
    .threads = cpu_threads,
    .prologue_max = 16,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .copy_in = cpu_copy_in,
    .copy_out = cpu_copy_out,
    .compile = cpu_compile,
    .free_exec = cpu_free_exec,
    .scratch_size = cpu_scratch_size,
    .bind = cpu_bind,
    .run = cpu_run,
    .output = cpu_output,
    .profile = cpu_profile,
    .watch = cpu_watch,
};
