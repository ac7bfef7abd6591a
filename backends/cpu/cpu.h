/* SPDX-License-Identifier: MIT
 *
 * The CPU backend from inside: devices, compiled plans, and what the three kinds of groups need.
 *
 * A step is one job on the thread pool, a group one phase of it: the threads that come take work
 * items from the group's counter; when all who came have left, the next group begins. Which thread
 * runs an item never changes a bit of its result. */
#ifndef OG_BACKENDS_CPU_CPU_H
#define OG_BACKENDS_CPU_CPU_H

#include <stdatomic.h>

#include "backends/backend.h"
#include "backends/cpu/vprog.h"
#include "base/pool.h"
#include "graph/space.h"

struct ogi_device {
    og_ctx *ctx;
    const ogi_cpu_kernels *kernels;
    ogi_pool *pool;
    int n_thread;
};

/* A kernel program with its operands; where each operand's memory comes from is fixed at compile:
 * by value (exec->ptr of its root), or a panel or prologue buffer set for each thread. */
typedef struct ogi_cpu_prog {
    ogi_kprog *k;
    ogi_vprog *v;
    ogi_voperand *operand; /* bound for the current symbols */
    int64_t space[OG_MAX_RANK];
    bool is_whole_row; /* the last axis is never split */
} ogi_cpu_prog;

/* Weight of one linear of a panel set. */
typedef struct ogi_cpu_weight {
    const og_tensor *root;
    int64_t offset;         /* bytes to the first row */
    int64_t row_size;       /* bytes from row to row */
    int64_t expert_size;    /* grouped: bytes from expert to expert */
    int operand;            /* of the set's program: the panel, or -1 */
    ogi_cpu_decode *decode; /* NULL: the kernels know the type */
} ogi_cpu_weight;

typedef struct ogi_cpu_set {
    const ogi_panel_set *set;
    ogi_cpu_weight *weight; /* n_linear */
    ogi_cpu_prog prog;      /* epilogue; k == NULL: results go straight to memory */
    int feature_axis;       /* first space axis of the weight rows */
    bool is_token_axis;     /* axis 0 of the space is the outermost token axis, whole */
    int64_t unit;           /* rows that stay together along feature_axis */
    int64_t block;          /* rows of a work item */
    int64_t n_block;
    int first_item; /* in the group's items, at one token block */
} ogi_cpu_set;

typedef struct ogi_cpu_matmul {
    const og_tensor *x; /* root of the linears' input */
    bool is_grouped, is_prologue;
    ogi_cpu_prog prologue;
    int prologue_operand; /* of the prologue's program: its result, for each thread */
    int64_t k, x_stride;  /* values a row; bytes from row to row */
    og_dim x_offset;      /* elements */
    og_dim rows, outer;   /* rows of x's linears; extent of the outermost of their axes */
    ogi_cpu_set *set;
    int n_set;
    int n_item;                    /* f-blocks of all sets */
    const og_tensor *ids, *groups; /* grouped */
    int64_t n_expert, n_used;      /* grouped: X, k */
    int64_t x_used;                /* grouped: 1 or k rows of x a token */
} ogi_cpu_matmul;

typedef struct ogi_cpu_group ogi_cpu_group;

/* One operand of a kernel call, evaluated for the current symbols. Strides in elements. */
typedef struct ogi_cpu_arg {
    void *p;
    og_dtype dtype;
    int rank;
    int64_t dim[OG_MAX_RANK], stride[OG_MAX_RANK];
} ogi_cpu_arg;

enum { OGI_CPU_DONE = 16 };

/* A KERNEL group's call as its function sees it. */
typedef struct ogi_cpu_call {
    const og_tensor *node;
    const ogi_cpu_kernels *kernels;
    ogi_cpu_arg src[OGI_MAX_SRC], dst;
    int n_thread;
    atomic_int *next; /* work items taken so far */
    atomic_int *done; /* [OGI_CPU_DONE] what a kernel counts for itself; 0 as the step begins */
    void *shared;     /* scratch that all threads see: that of thread 0 */
} ogi_cpu_call;

/* Runs on every thread; scratch is the thread's own. */
typedef struct ogi_cpu_kernel {
    og_op op;
    void (*run)(const ogi_cpu_call *c, int thread, void *scratch);
    size_t (*scratch)(const og_tensor *node, const int64_t *sym_max); /* bytes; NULL: none */
} ogi_cpu_kernel;

const ogi_cpu_kernel *ogi_cpu_kernel_of(og_op op); /* NULL: none */

struct ogi_cpu_group {
    const ogi_group *g;
    ogi_cpu_prog map;   /* MAP */
    ogi_cpu_matmul *mm; /* MATMUL */
    ogi_cpu_call call;  /* KERNEL */
    const ogi_cpu_kernel *kernel;
    int split_axis; /* MAP: axis that is divided among threads, -1: one thread */
    atomic_int next, done[OGI_CPU_DONE];
};

/* When a thread was in a group; 0: it did not come. */
typedef struct ogi_cpu_span {
    double begin, end;
} ogi_cpu_span;

struct ogi_exec {
    ogi_device *dev;
    const ogi_plan *plan;
    ogi_arena mem;
    void **ptr; /* by node id: memory of roots; NULL: not bound */
    ogi_cpu_group *group;
    unsigned char *arena;
    unsigned char *scratch; /* n_thread * scratch_size */
    size_t scratch_size;
    int64_t sym[OG_MAX_SYM];
    bool is_bound;           /* everything is evaluated for sym and ptr */
    ogi_profile *profile;    /* NULL: not asked for */
    ogi_cpu_span *span;      /* [group][thread] of the run, while there is a profile */
    const og_tensor **found; /* first node that stored no finite number; NULL: not asked for */
};

/* Memory of a value: a store's result is the state it wrote. */
void *ogi_cpu_memory_of(const ogi_exec *e, const og_tensor *x);
/* The first of what group g wrote that holds a NaN or an infinity; NULL: none does. */
const og_tensor *ogi_cpu_find_wrong(const ogi_exec *e, const ogi_group *g);

void *ogi_cpu_scratch(const ogi_exec *e, int thread);
int64_t ogi_cpu_row_size(og_dtype t, int64_t n); /* bytes of a row of n values; A8 padded to 64 */

/* Compiles spec to a program; *out is released with ogi_cpu_prog_free. */
og_status ogi_cpu_prog_compile(ogi_exec *e, const ogi_lower_spec *spec, ogi_cpu_prog *out);
void ogi_cpu_prog_free(ogi_cpu_prog *p);
/* Evaluates for e->sym and e->ptr. */
void ogi_cpu_prog_bind(const ogi_exec *e, ogi_cpu_prog *p);

og_status ogi_cpu_matmul_compile(ogi_exec *e, ogi_cpu_group *g, size_t *scratch);
void ogi_cpu_matmul_free(ogi_cpu_group *g);
void ogi_cpu_matmul_bind(ogi_exec *e, ogi_cpu_group *g);
void ogi_cpu_matmul_run(ogi_exec *e, ogi_cpu_group *g, int thread);

#endif
