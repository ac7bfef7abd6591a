/* SPDX-License-Identifier: MIT
 *
 * Decompose composites: replaces each op marked is_composite by what its decompose() builds, until
 * none is left. Pieces keep the layer and the source line of the op they came from.
 *
 *     %2 = moe_combine(%0, %1) : F32[T,64]        %2 = reshape(%1) ...
 *                                                 %3 = mul(%0, %2) ... */
#include "graph/op_def.h"
#include "graph/pass.h"

enum { ROUNDS_MAX = 8 }; /* composites of composites of ... */

typedef struct state {
    bool found_any;
} state;

static og_tensor *decompose(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    state *st = user;
    const ogi_op_def *def = ogi_op_def_of(n->op);
    if (!def->is_composite || !def->decompose) return ogi_node_copy(g, n, src);
    int64_t first = g->n_node;
    st->found_any = true;
    og_tensor *x = def->decompose(g, n, src);
    for (int64_t i = first; i < g->n_node; i++)
        g->node[i]->file = n->file, g->node[i]->line = n->line;
    if (x && n->name && !x->name) og_name(x, "%s", n->name);
    return x;
}

og_status ogi_pass_decompose_composites(const og_graph *in, og_graph **out)
{
    og_graph *g = NULL;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        og_graph *next;
        state st = { false };
        og_status s = ogi_graph_rewrite(g ? g : in, decompose, &st, &next);
        og_graph_free(g);
        g = next;
        OG_TRY(s);
        if (!st.found_any) break;
    }
    *out = g;
    return OG_OK;
}
