/* SPDX-License-Identifier: MIT
 *
 * A graph from inside: its nodes, symbols and outputs, and how they are made. Nodes lie in the
 * order in which they were built, sources before users; a node never changes once it is made.
 * What is said of them elsewhere: dim.h (symbolic sizes), op_def.h (what an op is), layout.h
 * (where elements lie), pass.h (graphs from graphs), ref.h (what a graph computes). */
#ifndef OG_GRAPH_GRAPH_H
#define OG_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/map.h"
#include "oxigraph/ops.h"

enum { OGI_MAX_SRC = 12 };

struct og_tensor {
    og_graph *g;
    int id; /* place in g->node */
    og_op op;
    og_dtype dtype;
    og_shape shape;
    int n_src;
    og_tensor *src[OGI_MAX_SRC]; /* NULL for an absent optional source */
    const void *params;          /* the op's params struct, in the graph's arena; or NULL */
    const char *name;            /* leaves: always; others: NULL or for dumps */
    int layer;
    const char *file; /* where it was built */
    int line;
};

typedef struct ogi_sym {
    const char *name;
    int64_t min, max;
} ogi_sym;

typedef struct ogi_output {
    const char *name;
    og_tensor *value;
} ogi_output;

struct og_graph {
    og_ctx *ctx;
    ogi_arena arena;
    const char *name;
    og_tensor **node; /* in the order built: sources before users */
    int64_t n_node, node_cap;
    ogi_sym sym[OG_MAX_SYM];
    int n_sym;
    ogi_output *output;
    int64_t n_output, output_cap;
    ogi_map leaf; /* "kind:name" -> node id */
    og_status status;
    int layer;
    const char *file;
    int line;
};

/* ---- building ------------------------------------------------------------------------------ */
/* Params of the leaves: only tables have any. */
typedef struct ogi_data {
    const void *data; /* dense, in the graph's arena */
    int64_t size;     /* bytes */
} ogi_data;

/* Makes a node: copies params, runs infer, keeps the first error (with op, shapes and the line of
 * the builder). NULL on failure. A NULL source with index < n_src_min means an earlier error. */
og_tensor *ogi_node(og_graph *g, og_op op, const void *params, int n_src, og_tensor *const *src);
/* Makes a leaf: INPUT, WEIGHT, STATE (named), TABLE (data, copied). */
og_tensor *ogi_leaf(og_graph *g, og_op op, const char *name, og_dtype dtype, const og_shape *shape,
                    const ogi_data *data);
/* Every rule a graph must keep: order, arity, shapes as inferred, unique names, exact divisions,
 * state stores in one chain. OG_E_INVALID with the node's line of the text form. */
og_status ogi_verify(const og_graph *g);
/* Sources that address memory are what their op's marks allow (ogi_op_def.address): what is planned
 * and run has passed this, whoever wrote it. */
og_status ogi_verify_addresses(const og_graph *g);

#endif
