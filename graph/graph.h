/* SPDX-License-Identifier: MIT
 *
 * The graph from inside: nodes, op definitions, symbolic dimensions, layouts, passes. What the
 * builder, the text form, the planner and the lowering share. */
#ifndef OG_GRAPH_GRAPH_H
#define OG_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/map.h"
#include "graph/kx.h"
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

/* ---- dimensions ---------------------------------------------------------------------------- */
bool ogi_dim_is_const(og_dim d);                     /* no symbols; d.b / d.c is the value */
int64_t ogi_dim_value(og_dim d, const int64_t *sym); /* sym: value of each symbol */
int64_t ogi_dim_max(const og_graph *g, og_dim d);    /* largest over the symbols' ranges */
int64_t ogi_dim_min(const og_graph *g, og_dim d);    /* smallest */
/* Declared symbols, an exact division, and at least 1 over the symbols' ranges. */
bool ogi_dim_is_valid(const og_graph *g, og_dim d);
bool ogi_dim_eq(og_dim a, og_dim b);
/* Product with at most one symbolic factor; false otherwise and on overflow. */
bool ogi_dim_product(og_dim a, og_dim b, og_dim *out);
/* a / b as an exact quotient of expressions: a constant b, or a = k * b. */
bool ogi_dim_quotient(og_dim a, og_dim b, og_dim *out);
og_dim ogi_dim_normalize(og_dim d); /* lowest terms, c >= 1: equal dims are equal bytes */
void ogi_dim_print(const og_graph *g, og_dim d, ogi_buf *out); /* "2*T+1", "(T+3*S)/2" */
bool ogi_shape_eq(const og_shape *a, const og_shape *b);
bool ogi_shape_numel(const og_shape *s, og_dim *out); /* product; false if not expressible */
void ogi_shape_print(const og_graph *g, const og_shape *s, ogi_buf *out); /* "[T,64]" */
/* NumPy broadcasting of two shapes; false if they do not fit. */
bool ogi_shape_broadcast(const og_shape *a, const og_shape *b, og_shape *out);

/* ---- op definitions ------------------------------------------------------------------------ */
typedef enum ogi_op_class {
    OGI_CLASS_LEAF,
    OGI_CLASS_VIEW,    /* index map of source 0 */
    OGI_CLASS_MAP,     /* pointwise over the result: implicit loads only; has lower */
    OGI_CLASS_INDEXED, /* map that uses coordinates (moves, rope, concat); has lower */
    OGI_CLASS_ROW,     /* reductions along the last axis inside; has lower */
    OGI_CLASS_STORE,   /* writes state source 0; has lower, which ends in store_at; its space is
                          the shape of source 1; its value is the state after it */
    OGI_CLASS_LINEAR,  /* linear, grouped_linear: the matmul skeleton */
    OGI_CLASS_KERNEL,  /* a kernel of the backend's own: attention, scans, sorts, matmul */
} ogi_op_class;

/* Attributes make params printable, parsable, comparable. Offsets are into the params struct. */
typedef enum ogi_attr_kind {
    OGI_ATTR_INT,   /* int */
    OGI_ATTR_INT64, /* int64_t */
    OGI_ATTR_FLOAT, /* float; printed with %.9g */
    OGI_ATTR_BOOL,  /* bool */
    OGI_ATTR_AXES,  /* int[OG_MAX_RANK]: as many as the result has axes */
    OGI_ATTR_SHAPE, /* og_shape */
    OGI_ATTR_DTYPE, /* og_dtype */
    OGI_ATTR_DATA,  /* struct ogi_data: constants of a table */
} ogi_attr_kind;

typedef struct ogi_attr {
    const char *name;
    ogi_attr_kind kind;
    size_t offset;
    double dflt; /* INT INT64 FLOAT BOOL: not printed when equal */
} ogi_attr;

/* Params of the leaves: only tables have any. */
typedef struct ogi_data {
    const void *data; /* dense, in the graph's arena */
    int64_t size;     /* bytes */
} ogi_data;

/* A concrete tensor for the scalar reference: contiguous. I32 is in i, everything else in f,
 * dequantized; the evaluator rounds results to F16, BF16 or A8 after ref() by their dtype. */
typedef struct ogi_ref_tensor {
    og_dtype dtype;
    int rank;
    int64_t dim[OG_MAX_RANK];
    int64_t n; /* elements */
    float *f;
    int32_t *i;
} ogi_ref_tensor;

typedef struct ogi_ref_call {
    og_ctx *ctx;
    const og_tensor *node;
    ogi_ref_tensor *src[OGI_MAX_SRC]; /* NULL for absent; states are written in place */
    ogi_ref_tensor *dst;              /* allocated, zeroed; STORE ops: the state itself */
} ogi_ref_call;

/* Work of a node or group, linear in the symbols (last entry: constant); in addition each (token,
 * key it sees) pair costs per_key. Bytes count each operand once. */
typedef struct ogi_cost {
    double flops[OG_MAX_SYM + 1];
    double bytes[OG_MAX_SYM + 1];
    double flops_per_key, bytes_per_key;
} ogi_cost;

/* A source whose values address memory, and what must hold before a kernel follows
 * them: kernels do not check, the reference does. */
typedef struct ogi_address {
    int src;
    const char *input; /* INPUT: the step's input of this name, perhaps through views */
    int64_t (*limit)(const og_tensor *n); /* or BOUNDED: by its range() it lies in 0 .. limit - 1 */
    int made_by; /* MADE_BY: the result of this op, of the same ids; else -1 */
} ogi_address;

enum { OGI_ADDRESS_HELD = -1 }; /* a limit: the op holds the index inside by itself */

#define OGI_ADDRESS_INPUT(s, name)                                                                 \
    {                                                                                              \
        .src = (s), .input = (name), .made_by = -1                                                 \
    }
#define OGI_ADDRESS_BOUNDED(s, last)                                                               \
    {                                                                                              \
        .src = (s), .limit = (last), .made_by = -1                                                 \
    }
#define OGI_ADDRESS_MADE_BY(s, op)                                                                 \
    {                                                                                              \
        .src = (s), .made_by = (op)                                                                \
    }

/* What the values of an I32 tensor lie in. */
typedef struct ogi_range {
    int64_t lo, hi; /* both included */
} ogi_range;

typedef struct ogi_op_def {
    ogi_op_class op_class;
    int n_src_min, n_src_max;
    size_t params_size;
    const ogi_attr *attr;
    int n_attr;
    /* Sets node->dtype and node->shape from sources and params, or fails with OGI_INFER_FAIL. */
    og_status (*infer)(og_tensor *node);
    og_status (*ref)(const ogi_ref_call *c); /* naive; double accumulators; rows in plain loops */
    ogi_kx (*lower)(ogi_kb *b);              /* the value at this point; STORE ops return NONE */
    /* The same value from simpler ops in g; src are n's sources there. NULL: none. */
    og_tensor *(*decompose)(og_graph *g, const og_tensor *n, og_tensor *const *src);
    void (*cost)(const og_tensor *n, ogi_cost *c); /* NULL: one flop an element, bytes by shape */
    const ogi_address *address;                    /* the sources that address memory */
    int n_address;
    /* Bounds of an I32 result from those of the sources. NULL: any I32 may come out. */
    ogi_range (*range)(const og_tensor *n, const ogi_range *src);
    double tol;        /* NMSE of a backend against ref */
    bool writes_state; /* updates a state source in place (STORE ops need not say so) */
    bool is_composite; /* the decompose pass replaces it (lower, if any, is for direct use) */
    /* Conformance cases: graphs of one op in text form, also examples in docs/ops.md. */
    const char *const *cases;
    int n_cases;
} ogi_op_def;

const ogi_op_def *ogi_op_def_of(og_op op);
const char *ogi_op_name(og_op op);
const char *ogi_op_doc(og_op op);
int ogi_op_find(ogi_sv name); /* og_op, or -1 */
/* Reads an INT attribute etc. by name is not offered: only the op's own file decodes its params,
 * except for structs declared in a header of ops/ where a kernel needs them. */

/* Makes a node: copies params, runs infer, keeps the first error (with op, shapes and the line of
 * the builder). NULL on failure. A NULL source with index < n_src_min means an earlier error. */
og_tensor *ogi_node(og_graph *g, og_op op, const void *params, int n_src, og_tensor *const *src);
/* Makes a leaf: INPUT, WEIGHT, STATE (named), TABLE (data, copied). */
og_tensor *ogi_leaf(og_graph *g, og_op op, const char *name, og_dtype dtype, const og_shape *shape,
                    const ogi_data *data);
#define OGI_INFER_FAIL(node, ...) OG_FAIL((node)->g->ctx, OG_E_INVALID, __VA_ARGS__)
/* Shape of the space a node iterates over: its own; source 0 for reductions (result [.., 1] of a
 * ROW op); source 1 for STORE ops. */
const og_shape *ogi_space_of(const og_tensor *x);

/* ---- layouts -------------------------------------------------------------------------------
 * Where the elements of a value lie: in the storage of root, at offset + sum stride[i] * index[i]
 * elements. Chains of views resolve to one of these, unless a reshape cuts across strides. */
typedef struct ogi_layout {
    const og_tensor *root; /* not a view */
    og_shape shape;
    og_dim offset;
    og_dim stride[OG_MAX_RANK];
} ogi_layout;

bool ogi_layout_contiguous(const og_tensor *root, ogi_layout *out);
bool ogi_layout_of(const og_tensor *x, ogi_layout *out); /* through x's views */
/* The same elements seen through a shape that splits or merges axes; false if no strides do it. */
bool ogi_layout_reshape(const ogi_layout *l, const og_shape *shape, ogi_layout *out);
bool ogi_is_leaf(const og_tensor *x);
bool ogi_is_view(const og_tensor *x);
const og_tensor *ogi_root(const og_tensor *x);                  /* x without its views */
int64_t ogi_value_size(const og_tensor *x, const int64_t *sym); /* bytes of x's storage: rows of
                                        its dtype; A8 rows are padded to multiples of 64 */

/* ---- passes --------------------------------------------------------------------------------
 * One pass, one file graph/pass_<verb>_<object>.c, one row in graph/passes.c. */
typedef struct ogi_pass {
    const char *name, *doc;
    og_status (*run)(const og_graph *in, og_graph **out);
} ogi_pass;

extern const ogi_pass ogi_passes[];
extern const int ogi_n_passes;

/* Runs the passes in order up to and with `last` (NULL: all), leaving out those in skip (comma
 * separated, may be NULL). In debug builds the verifier runs after each. `in` is left alone. */
og_status ogi_passes_run(const og_graph *in, const char *last, const char *skip, og_graph **out);

og_graph *ogi_graph_like(const og_graph *g); /* empty, same name and symbols */
/* Copies n with other sources (same params, name, layer, source line) into g. */
og_tensor *ogi_node_copy(og_graph *g, const og_tensor *n, og_tensor *const *src);
bool ogi_params_eq(const og_tensor *a, const og_tensor *b); /* attribute by attribute */

/* Copies `in` node by node in order: fn gives the node of g that stands for n, whose sources are
 * src there (NULL without failure: n has no user left). Outputs follow. */
typedef og_tensor *(*ogi_rewrite)(void *user, og_graph *g, const og_tensor *n,
                                  og_tensor *const *src);
og_status ogi_graph_rewrite(const og_graph *in, ogi_rewrite fn, void *user, og_graph **out);

/* Kept alive without users: stores, ops that update a state in place. */
bool ogi_has_effect(const og_tensor *x);

/* Every rule a graph must keep: order, arity, shapes as inferred, unique names, exact divisions,
 * state stores in one chain. OG_E_INVALID with the node's line of the text form. */
og_status ogi_verify(const og_graph *g);

/* ---- scalar reference ----------------------------------------------------------------------
 * Evaluates the whole graph node by node with ref(), views included. */
typedef struct ogi_ref_io {
    void *user;
    /* The tensor for an input, weight or state, owned by user, living through the call. */
    ogi_ref_tensor *(*bind)(void *user, const og_tensor *leaf, const int64_t *dim);
    void (*emit)(void *user, const char *name, const ogi_ref_tensor *t); /* each output */
} ogi_ref_io;
og_status ogi_ref_run(const og_graph *g, const int64_t *sym, const ogi_ref_io *io);

#endif
