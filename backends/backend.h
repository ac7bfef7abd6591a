/* SPDX-License-Identifier: MIT
 *
 * What a backend is: a table of functions over devices and compiled plans. Backends are listed in
 * backends/backends.def; adding one touches its folder and that line. */
#ifndef OG_BACKENDS_BACKEND_H
#define OG_BACKENDS_BACKEND_H

#include "graph/plan.h"
#include "oxigraph/compile.h"

typedef struct ogi_device ogi_device; /* a backend's own device */
typedef struct ogi_exec ogi_exec;     /* a plan compiled for it */

/* Where the time of a plan's runs goes, in seconds. total = sum of group + dispatch. */
typedef struct ogi_profile {
    double *group;   /* by group */
    double wait;     /* part of the groups: threads that have no work left, their mean */
    double dispatch; /* between groups, before the first and after the last */
    double total;
} ogi_profile;

typedef struct ogi_backend {
    const char *name, *doc;
    /* One line about what this machine offers ("avx512 of scalar sse42 avx2 avx512, 8 threads");
     * false if the backend has no device here, with the reason. */
    bool (*describe)(og_ctx *ctx, ogi_buf *out);
    og_status (*open)(og_ctx *ctx, const og_device_options *opt, ogi_device **out);
    void (*close)(ogi_device *dev);
    const char *(*isa)(const ogi_device *dev);
    int (*threads)(const ogi_device *dev);
    int64_t prologue_max; /* ogi_plan_options */

    /* Device memory; on the CPU it is host memory. Zeroed, 64-byte aligned. */
    og_status (*alloc)(ogi_device *dev, int64_t size, void **out);
    void (*free)(ogi_device *dev, void *mem);
    void (*copy_in)(ogi_device *dev, void *dst, const void *host, int64_t size);
    void (*copy_out)(ogi_device *dev, void *host, const void *src, int64_t size);

    /* The plan must outlive the exec; arena (device memory of at least plan->arena_size bytes)
     * may be shared by execs that do not run at once. */
    og_status (*compile)(ogi_device *dev, const ogi_plan *plan, void *arena, ogi_exec **out);
    void (*free_exec)(ogi_exec *e);
    int64_t (*scratch_size)(const ogi_exec *e);
    void (*bind)(ogi_exec *e, const og_tensor *leaf, void *mem);
    /* Runs the plan to its end. sym: values of the graph's symbols, within the plan's range. */
    og_status (*run)(ogi_exec *e, const int64_t *sym);
    const void *(*output)(const ogi_exec *e, const og_tensor *value); /* where a root's data lie */
    /* From now on every run adds to *out; NULL: no more. */
    og_status (*profile)(ogi_exec *e, ogi_profile *out);
    /* From now on every run looks at what each group stores and notes the first value (or store)
     * that holds a NaN or an infinity in *found, which the caller sets to NULL; NULL: no more. */
    void (*watch)(ogi_exec *e, const og_tensor **found);
} ogi_backend;

const ogi_backend *ogi_backend_find(const char *name); /* NULL: none of that name */
const ogi_backend *ogi_backend_at(int i);              /* NULL behind the last */

#endif
