/* SPDX-License-Identifier: MIT
 *
 * Symbolic dimensions and shapes. A dimension is (sum a_i * sym_i + b) / c, exact, over the symbols
 * of a graph, and kept in lowest terms: equal dimensions are equal bytes. Shapes are outermost
 * first. */
#ifndef OG_GRAPH_DIM_H
#define OG_GRAPH_DIM_H

#include "base/buf.h"
#include "oxigraph/graph.h"

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

#endif
