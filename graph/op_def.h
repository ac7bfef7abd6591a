/* SPDX-License-Identifier: MIT
 *
 * What an op is: the one struct that a file of ops/ fills, and the parts of it. Everything that
 * treats ops alike (verifier, text form, passes, planner, reference) reads these definitions;
 * nothing outside an op's own file decodes its params. */
#ifndef OG_GRAPH_OP_DEF_H
#define OG_GRAPH_OP_DEF_H

#include "graph/graph.h"
#include "graph/kx.h"

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

/* What a map of reals may be given where a test draws its operands, and what it makes of them. */
typedef struct ogi_domain {
    double lo, hi;                              /* of the last operand; infinite: any */
    bool is_exact;                              /* the same bits in every correct implementation */
    double (*at)(double p, double q, double r); /* NULL: nothing draws this op */
} ogi_domain;

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
    ogi_domain domain;
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

#define OGI_INFER_FAIL(node, ...) OG_FAIL((node)->g->ctx, OG_E_INVALID, __VA_ARGS__)
/* Shape of the space a node iterates over: its own; source 0 for reductions (result [.., 1] of a
 * ROW op); source 1 for STORE ops. */
const og_shape *ogi_space_of(const og_tensor *x);

#endif
