/* SPDX-License-Identifier: MIT
 *
 * Simplify: one sweep replaces each node by something simpler (simplify_node.c) or by an equal
 * earlier one; a second drops what nothing reads. Stores, outputs, inputs and states stay. Results
 * keep every bit.
 *
 *     %1 = table data=[1] : F32[]              %0 = exp($x) : F32[T,64]
 *     %2 = mul($x, %1) : F32[T,64]             %1 = add(%0, %0) : F32[T,64]
 *     %3 = exp(%2) : F32[T,64]
 *     %4 = exp($x) : F32[T,64]
 *     %5 = add(%3, %4) : F32[T,64] */
#include "graph/dim.h"
#include "graph/layout.h"
#include "graph/pass.h"

/* Nodes with one key that are looked at before a node counts as new: bounds hostile graphs. */
enum { CHAIN_MAX = 64 };

/* What equal nodes have in common, as the key of a map. */
typedef struct node_key {
    int32_t op, n_src, layer;
    int32_t src[OGI_MAX_SRC];
    int64_t data[2]; /* size and first bytes of a table */
} node_key;

typedef struct state {
    ogi_map seen;     /* node_key -> the latest node with it */
    ogi_arena mem;    /* of keys */
    int32_t *earlier; /* by node id of the new graph: an earlier node with its key, or -1 */
    int64_t cap;
} state;

/* ---- equal nodes --------------------------------------------------------------------------- */

/* Constants are shared within a layer only, so that equal layers stay equal. */
static node_key key_of(const og_tensor *n)
{
    node_key k;
    memset(&k, 0, sizeof k);
    k.op = (int32_t)n->op, k.n_src = n->n_src;
    for (int i = 0; i < n->n_src; i++) k.src[i] = n->src[i] ? n->src[i]->id : -1;
    if (n->op == OG_OP_TABLE) {
        const ogi_data *d = n->params;
        k.layer = n->layer + 1;
        k.data[0] = d->size;
        memcpy(&k.data[1], d->data, (size_t)OGI_MIN(d->size, 8));
    }
    return k;
}

static bool may_share(const og_tensor *n)
{
    return n->op == OG_OP_TABLE || (!ogi_is_leaf(n) && !ogi_has_effect(n));
}

static bool same_node(const og_tensor *a, const og_tensor *b)
{
    return a->dtype == b->dtype && ogi_shape_eq(&a->shape, &b->shape) && ogi_params_eq(a, b);
}

/* An earlier node equal to n, the last of the graph; else n, remembered. */
static og_status share(state *st, og_graph *g, og_tensor **n)
{
    node_key k = key_of(*n);
    ogi_sv key = { (const char *)&k, sizeof k };
    int64_t first = ogi_map_get(&st->seen, key, -1), i = first;
    for (int steps = 0; i >= 0 && steps < CHAIN_MAX; i = st->earlier[i], steps++) {
        if (!same_node(g->node[i], *n)) continue;
        g->n_node--; /* n was the last one and has no user yet */
        *n = g->node[i];
        return OG_OK;
    }
    OG_TRY(ogi_grow(g->ctx, &st->earlier, &st->cap, g->n_node, sizeof *st->earlier));
    st->earlier[(*n)->id] = (int32_t)first;
    char *copy = ogi_arena_alloc(&st->mem, 1, sizeof k);
    if (!copy) return OG_E_MEMORY;
    memcpy(copy, &k, sizeof k);
    return ogi_map_put(&st->seen, (ogi_sv){ copy, sizeof k }, (*n)->id);
}

static og_tensor *simplify(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    int64_t n_before = g->n_node;
    og_tensor *x = ogi_simplify_node(g, n, src);
    if (!x && g->status == OG_OK) x = ogi_node_copy(g, n, src);
    if (x && g->n_node == n_before + 1 && x->id == n_before && may_share(x))
        g->status = share(user, g, &x);
    return g->status == OG_OK ? x : NULL;
}

/* ---- dead nodes ---------------------------------------------------------------------------- */

static void mark_live(const og_graph *g, bool *live)
{
    for (int64_t i = 0; i < g->n_output; i++) live[g->output[i].value->id] = true;
    for (int64_t i = g->n_node; i-- > 0;) {
        const og_tensor *n = g->node[i];
        if (ogi_has_effect(n) || n->op == OG_OP_INPUT || n->op == OG_OP_STATE) live[i] = true;
        for (int k = 0; live[i] && k < n->n_src; k++)
            if (n->src[k]) live[n->src[k]->id] = true;
    }
}

static og_tensor *keep_live(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const bool *live = user;
    return live[n->id] ? ogi_node_copy(g, n, src) : NULL;
}

og_status ogi_pass_simplify_graph(const og_graph *in, og_graph **out)
{
    og_ctx *ctx = in->ctx;
    state st = { .seen = { .ctx = ctx }, .mem = { .ctx = ctx } };
    og_graph *g;
    *out = NULL;
    og_status s = ogi_graph_rewrite(in, simplify, &st, &g);
    ogi_map_free(&st.seen);
    ogi_arena_free(&st.mem);
    ogi_free(ctx, st.earlier);
    OG_TRY(s);
    bool *live = OGI_NEW_N(ctx, bool, g->n_node + 1);
    if (live) {
        mark_live(g, live);
        s = ogi_graph_rewrite(g, keep_live, live, out);
    } else {
        s = OG_E_MEMORY;
    }
    ogi_free(ctx, live);
    og_graph_free(g);
    return s;
}
