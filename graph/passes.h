/* SPDX-License-Identifier: MIT
 *
 * The pass functions that graph/passes.c lists. */
#ifndef OG_GRAPH_PASSES_H
#define OG_GRAPH_PASSES_H

#include "graph/graph.h"

og_status ogi_pass_simplify_graph(const og_graph *in, og_graph **out);
og_status ogi_pass_decompose_composites(const og_graph *in, og_graph **out);
og_status ogi_pass_quantize_activations(const og_graph *in, og_graph **out);
og_status ogi_pass_materialize_views(const og_graph *in, og_graph **out);

/* A simpler node of g for what op n would give over src: one of src, another op, a constant. NULL:
 * none (or a failure of g). Never changes a bit of the result. */
og_tensor *ogi_simplify_node(og_graph *g, const og_tensor *n, og_tensor *const *src);

#endif
