/* SPDX-License-Identifier: MIT
 *
 * A plan: a graph cut into groups for one range of its symbols, in execution order, with arena
 * offsets and costs. Made once at load by fuse, schedule and plan_memory; lowered and run by a
 * backend. A group is one parallel region; it is done before the next begins. */
#ifndef OG_GRAPH_PLAN_H
#define OG_GRAPH_PLAN_H

#include "graph/graph.h"
#include "graph/op_def.h"

enum { OGI_MAX_SET_LINEAR = 8 }; /* linears of one panel set */

typedef enum ogi_group_kind {
    OGI_GROUP_MAP,    /* pointwise, indexed, row and store ops: one kernel-IR program */
    OGI_GROUP_MATMUL, /* linears over one input, with prologue and epilogues */
    OGI_GROUP_KERNEL, /* one op of class KERNEL */
} ogi_group_kind;

/* Linears that share an epilogue program: {q}, {k}, {v}; {gate, up}. All have the same number of
 * weight rows. The epilogue runs on panels [tokens, some rows] of each linear's result. */
typedef struct ogi_panel_set {
    const og_tensor **linear; /* LINEAR or GROUPED_LINEAR nodes */
    int n_linear;
    const og_tensor **member; /* epilogue nodes in graph order; may be empty */
    int n_member;
    int64_t n_row; /* weight rows F */
    int64_t unit;  /* a panel covers a multiple of so many rows (head size), >= 1 */
} ogi_panel_set;

typedef struct ogi_group {
    ogi_group_kind kind;
    const og_tensor **member; /* all nodes it computes, in graph order; no views, no leaves */
    int n_member;
    const og_tensor **read; /* roots (leaves, values of earlier groups) it reads */
    int n_read;
    const og_tensor **write; /* members stored to memory: used by other groups or outputs */
    int n_write;
    /* MATMUL */
    const og_tensor **prologue; /* nodes recomputed into each thread's scratch; may be none */
    int n_prologue;
    ogi_panel_set *set;
    int n_set;
    ogi_cost cost;
    int layer; /* of its last member */
} ogi_group;

/* Storage of one materialised value. */
typedef struct ogi_slot {
    const og_tensor *value;
    int64_t offset, size; /* bytes in the arena, multiples of 64, at the range's maximum */
    int first, last;      /* groups that write it first and read it last; outputs live to the end */
} ogi_slot;

typedef struct ogi_plan {
    og_ctx *ctx;
    ogi_arena mem;         /* memory of the plan itself */
    const og_graph *graph; /* borrowed */
    int64_t sym_min[OG_MAX_SYM], sym_max[OG_MAX_SYM];
    ogi_group *group;
    int n_group;
    int *group_of; /* by node id: the group that computes it, or -1 */
    ogi_slot *slot;
    int n_slot;
    int *slot_of;        /* by node id: its slot, or -1 */
    int64_t arena_size;  /* planned peak, bytes */
    int64_t lower_bound; /* largest sum of sizes live at one group */
} ogi_plan;

typedef struct ogi_plan_options {
    int64_t sym_min[OG_MAX_SYM], sym_max[OG_MAX_SYM]; /* 0: the graph's */
    bool no_fuse;         /* every node its own group: the oracle of fusion tests */
    int64_t prologue_max; /* a norm or quantize prologue is recomputed by each thread while the
                             tokens of the range are at most so many (16 on the CPU) */
} ogi_plan_options;

/* graph (after the passes) must outlive the plan. */
og_status ogi_plan_build(const og_graph *graph, const ogi_plan_options *opt, ogi_plan **out);
void ogi_plan_free(ogi_plan *p);

/* The stages, in order; one file each: fuse.c, schedule.c, plan_memory.c. */
og_status ogi_plan_fuse(ogi_plan *p, const ogi_plan_options *opt);
og_status ogi_plan_schedule(ogi_plan *p);
og_status ogi_plan_memory(ogi_plan *p);

/* The rules of plan_verify.c; OG_E_INVALID names the nodes that break one. Debug builds check every
 * plan. */
og_status ogi_plan_verify(const ogi_plan *p);

/* OG_TEXT or OG_JSON: groups, barriers, bytes, FLOPs, arena offsets, peak and lower bound. */
og_status ogi_plan_print(const ogi_plan *p, og_format format, ogi_buf *out);
/* The group's ops in one line: "(rms_norm+quantize) linear,linear+silu+mul". */
void ogi_group_print_ops(const ogi_group *g, ogi_buf *out);
double ogi_cost_eval(const double *per_sym, const int64_t *sym); /* flops or bytes */

#endif
