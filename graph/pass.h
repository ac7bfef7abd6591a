/* SPDX-License-Identifier: MIT
 *
 * Passes: graphs made from graphs. One pass, one file graph/pass_<verb>_<object>.c, one row in
 * graph/passes.c. A pass never changes the graph it is given. */
#ifndef OG_GRAPH_PASS_H
#define OG_GRAPH_PASS_H

#include "graph/graph.h"

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

/* ---- the passes, in their order; what each does is said in its file ------------------------- */
og_status ogi_pass_simplify_graph(const og_graph *in, og_graph **out);
og_status ogi_pass_decompose_composites(const og_graph *in, og_graph **out);
og_status ogi_pass_quantize_activations(const og_graph *in, og_graph **out);
og_status ogi_pass_materialize_views(const og_graph *in, og_graph **out);

/* A simpler node of g for what op n would give over src: one of src, another op, a constant. NULL:
 * none (or a failure of g). Never changes a bit of the result. */
og_tensor *ogi_simplify_node(og_graph *g, const og_tensor *n, og_tensor *const *src);

#endif
