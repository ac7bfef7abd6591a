/* SPDX-License-Identifier: MIT
 *
 * Lazy tensor graphs. A graph is built once from leaves (inputs, weights, constants, states) and
 * ops (ops.h); nothing is computed until it is compiled (compile.h) and run.
 *
 *     og_graph *g = og_graph_new(ctx, "axpy");
 *     og_dim T = og_sym(g, "T", 1, 512);
 *     og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(64)));
 *     og_tensor *w = og_weight(g, "w", OG_Q8_0, OG_SHAPE(OG_N(32), OG_N(64)));
 *     og_output(g, "y", og_add(g, og_linear(g, x, w), og_scalar(g, 1)));       // [T, 32]
 *
 * Shapes read as in PyTorch: outermost first, the last dimension contiguous. Dimensions are
 * symbolic. Errors stick: building on an invalid value (NULL) yields NULL, the first error stays
 * in the context with the op, its shapes and the source line that built it, and og_compile()
 * reports it. A graph and all its values die together in og_graph_free(). */
#ifndef OXIGRAPH_GRAPH_H
#define OXIGRAPH_GRAPH_H

#include "oxigraph/base.h"
#include "oxigraph/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OG_MAX_RANK = 5, OG_MAX_SYM = 8 };

/* (sum of a[i] * symbol i + b) / c; c = 0 reads as 1. Divisions are exact for every value the
 * symbols take, or the graph is invalid. */
typedef struct og_dim {
    int64_t b;
    int32_t a[OG_MAX_SYM];
    int32_t c;
} og_dim;

typedef struct og_shape {
    int rank;
    og_dim dim[OG_MAX_RANK];
} og_shape;

typedef struct og_graph og_graph;
typedef struct og_tensor og_tensor; /* one SSA value; owned by its graph */

/* A constant dimension; a shape from dimensions. */
#define OG_N(n) ((og_dim){ .b = (n), .c = 1 })
#define OG_SHAPE(...)                                                                              \
    ((og_shape){ (int)(sizeof((og_dim[]){ __VA_ARGS__ }) / sizeof(og_dim)), { __VA_ARGS__ } })

/* NULL when memory is out (told in ctx). The name is copied. */
OG_API og_graph *og_graph_new(og_ctx *ctx, const char *name);
OG_API void og_graph_free(og_graph *g);
/* OG_OK, or the status of the first failed builder call. */
OG_API og_status og_graph_status(const og_graph *g);

/* Declares a symbol with its inclusive range (1 <= min <= max), or finds it again by name. */
OG_API og_dim og_sym(og_graph *g, const char *name, int64_t min, int64_t max);
/* a * k, a + b, a / c on dimensions. */
OG_API og_dim og_dim_mul(og_dim a, int64_t k);
OG_API og_dim og_dim_add(og_dim a, og_dim b);
OG_API og_dim og_dim_div(og_dim a, int64_t c);

/* Leaves; names are copied and unique within a graph for each kind. */
OG_API og_tensor *og_input(og_graph *g, const char *name, og_dtype dtype, og_shape shape);
OG_API og_tensor *og_weight(og_graph *g, const char *name, og_dtype dtype, og_shape shape);
/* Outlives a step; written only by store ops. */
OG_API og_tensor *og_state(og_graph *g, const char *name, og_dtype dtype, og_shape shape);
/* An F32 scalar (rank 0), and a table of constants (F32 or I32, copied). */
OG_API og_tensor *og_scalar(og_graph *g, float value);
OG_API og_tensor *og_table(og_graph *g, og_dtype dtype, og_shape shape, const void *data);

/* Names a result. A value may be named more than once. Store ops need no output to stay alive. */
OG_API void og_output(og_graph *g, const char *name, og_tensor *x);

/* Values built from here on belong to this layer (-1: to none): for dumps, repetition, placement.
 */
OG_API void og_graph_layer(og_graph *g, int layer);
/* Gives a value a name for dumps. Returns x. */
OG_API og_tensor *og_name(og_tensor *x, const char *fmt, ...) OG_PRINTF(2, 3);

OG_API og_shape og_tensor_shape(const og_tensor *x);
OG_API og_dtype og_tensor_dtype(const og_tensor *x);

/* The text form (docs/form.md): print(parse(print(g))) == print(g). Returned text is freed with
 * og_text_free(). JSON and DOT are for reading only. */
typedef enum og_format { OG_TEXT, OG_JSON, OG_DOT } og_format;
OG_API og_status og_graph_print(const og_graph *g, og_format format, char **out);
OG_API og_status og_graph_parse(og_ctx *ctx, const char *text, size_t n, og_graph **out);

/* Remembers the source line of the next op: the op macros of ops.h call it. Returns g. */
OG_API og_graph *og_at(og_graph *g, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
