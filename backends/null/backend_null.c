/* SPDX-License-Identifier: MIT
 *
 * A backend that compiles and does not run. Every function does what backends/backend.h asks for,
 * in the plainest way; the comments say what a real one puts there. Memory is the host's. */
#include <stdlib.h>

#include "backends/backend.h"
#include "codegen/lower.h"
#include "graph/layout.h"

enum { ALIGN = 64 };

/* A real one: the driver's handle, streams, what the hardware can do. */
struct ogi_device {
    og_ctx *ctx;
};

/* A plan compiled: one list of programs a group, and where each leaf lies. A real one: kernels,
 * launch shapes, a recorded list of commands. */
struct ogi_exec {
    ogi_device *dev;
    const ogi_plan *plan; /* borrowed; outlives this */
    ogi_arena mem;        /* dies with this */
    unsigned char *arena; /* device memory that the plan's slots lie in */
    void **ptr;           /* by node id: memory of leaves and slots */
    int64_t n_program;
};

/* False, with the reason, where there is no driver or no device: that is no error. */
static bool null_describe(og_ctx *ctx, ogi_buf *out)
{
    (void)ctx;
    ogi_buf_puts(out, "compiles and does not run");
    return true;
}

static og_status null_open(og_ctx *ctx, const og_device_options *opt, ogi_device **out)
{
    *out = NULL;
    if (opt->isa && strcmp(opt->isa, "none"))
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "null: no instruction set '%.80s'; there is: none",
                opt->isa);
    ogi_device *d = OGI_NEW(ctx, ogi_device);
    if (!d) return OG_E_MEMORY;
    d->ctx = ctx;
    *out = d;
    return OG_OK;
}

static void null_close(ogi_device *d)
{
    ogi_free(d->ctx, d);
}

static const char *null_isa(const ogi_device *d)
{
    (void)d;
    return "none";
}

static int null_threads(const ogi_device *d)
{
    (void)d;
    return 1;
}

/* ---- memory -------------------------------------------------------------------------------- */

/* In front of the memory lies where the block begins. */
static og_status null_alloc(ogi_device *d, int64_t size, void **out)
{
    *out = NULL;
    if (size < 0 || size > INT64_MAX / 2) OG_FAIL(d->ctx, OG_E_MEMORY, "null: out of memory");
    unsigned char *p = ogi_alloc(d->ctx, (size_t)size + ALIGN + sizeof p, 1);
    if (!p) return OG_E_MEMORY;
    uintptr_t at = OGI_ALIGN((uintptr_t)p + sizeof p, (uintptr_t)ALIGN);
    memcpy((void *)(at - sizeof p), &p, sizeof p);
    *out = (void *)at;
    return OG_OK;
}

static void null_free(ogi_device *d, void *mem)
{
    void *p = NULL;
    if (mem) memcpy(&p, (unsigned char *)mem - sizeof p, sizeof p);
    ogi_free(d->ctx, p);
}

static void null_copy_in(ogi_device *d, void *dst, const void *host, int64_t size)
{
    (void)d;
    memcpy(dst, host, (size_t)size);
}

static void null_copy_out(ogi_device *d, void *host, const void *src, int64_t size)
{
    (void)d;
    memcpy(host, src, (size_t)size);
}

/* ---- programs ------------------------------------------------------------------------------ */

/* A real one makes code of the program here, and fails by name on what it has no kernel for. */
static og_status take_program(void *user, const char *what, const ogi_lower_spec *spec)
{
    ogi_exec *e = user;
    ogi_kprog *p;
    (void)what;
    OG_TRY(ogi_lower(spec, &e->mem, &p));
    e->n_program++;
    return OG_OK;
}

static og_status compile(ogi_exec *e)
{
    const ogi_plan *p = e->plan;
    e->ptr = ogi_arena_alloc(&e->mem, (size_t)p->graph->n_node + 1, sizeof *e->ptr);
    if (!e->ptr) return OG_E_MEMORY;
    for (int s = 0; s < p->n_slot; s++) e->ptr[p->slot[s].value->id] = e->arena + p->slot[s].offset;
    for (int b = 0; b < p->n_group; b++) OG_TRY(ogi_group_each(p, b, take_program, e));
    return OG_OK;
}

static void null_free_exec(ogi_exec *e)
{
    ogi_arena_free(&e->mem);
    ogi_free(e->dev->ctx, e);
}

static og_status null_compile(ogi_device *d, const ogi_plan *plan, void *arena, ogi_exec **out)
{
    *out = NULL;
    ogi_exec *e = OGI_NEW(d->ctx, ogi_exec);
    if (!e) return OG_E_MEMORY;
    *e = (ogi_exec){ .dev = d, .plan = plan, .mem = { .ctx = d->ctx }, .arena = arena };
    og_status st = compile(e);
    if (st != OG_OK) {
        null_free_exec(e);
        return st;
    }
    *out = e;
    return OG_OK;
}

static int64_t null_scratch_size(const ogi_exec *e)
{
    (void)e;
    return 0;
}

static void null_bind(ogi_exec *e, const og_tensor *leaf, void *mem)
{
    e->ptr[leaf->id] = mem;
}

/* A real one runs the groups in order, each seeing what those before it wrote, and returns when
 * all are done. */
static og_status null_run(ogi_exec *e, const int64_t *sym)
{
    (void)sym;
    OG_FAIL(e->dev->ctx, OG_E_UNSUPPORTED,
            "null: %lld programs are compiled and none is run; choose another --device",
            (long long)e->n_program);
}

/* A store's value is the state that it wrote. */
static const void *null_output(const ogi_exec *e, const og_tensor *value)
{
    const og_tensor *r = ogi_root(value);
    while (ogi_op_def_of(r->op)->op_class == OGI_CLASS_STORE) r = ogi_root(r->src[0]);
    return e->ptr[r->id];
}

static og_status null_profile(ogi_exec *e, ogi_profile *out)
{
    (void)e, (void)out;
    return OG_OK;
}

static void null_watch(ogi_exec *e, const og_tensor **found)
{
    (void)e, (void)found;
}

const ogi_backend ogi_backend_null = {
    .name = "null",
    .doc = "compiles everything and runs nothing",
    .describe = null_describe,
    .open = null_open,
    .close = null_close,
    .isa = null_isa,
    .threads = null_threads,
    .prologue_max = 16,
    .alloc = null_alloc,
    .free = null_free,
    .copy_in = null_copy_in,
    .copy_out = null_copy_out,
    .compile = null_compile,
    .free_exec = null_free_exec,
    .scratch_size = null_scratch_size,
    .bind = null_bind,
    .run = null_run,
    .output = null_output,
    .profile = null_profile,
    .watch = null_watch,
};
