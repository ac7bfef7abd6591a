/* SPDX-License-Identifier: MIT
 *
 * What passes build new graphs with: graphs alike, copies of nodes, comparison of params. */
#include "graph/dim.h"
#include "graph/layout.h"
#include "graph/op_def.h"
#include "graph/pass.h"

og_graph *ogi_graph_like(const og_graph *g)
{
    og_graph *out = og_graph_new(g->ctx, g->name);
    for (int i = 0; out && i < g->n_sym; i++)
        og_sym(out, g->sym[i].name, g->sym[i].min, g->sym[i].max);
    if (out && out->status != OG_OK) {
        og_graph_free(out);
        return NULL;
    }
    return out;
}

og_tensor *ogi_node_copy(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    int layer = g->layer;
    og_tensor *copy;
    g->layer = n->layer;
    og_at(g, n->file, n->line);
    if (ogi_is_leaf(n))
        copy = ogi_leaf(g, n->op, n->name, n->dtype, &n->shape, n->params);
    else
        copy = ogi_node(g, n->op, n->params, n->n_src, src);
    g->layer = layer;
    if (copy && n->name && !copy->name) {
        copy->name = ogi_arena_strndup(&g->arena, n->name, strlen(n->name));
        if (!copy->name) g->status = OG_E_MEMORY;
    }
    return copy;
}

static og_status rewrite_all(const og_graph *in, ogi_rewrite fn, void *user, og_graph *g,
                             og_tensor **map)
{
    for (int64_t i = 0; i < in->n_node; i++) {
        const og_tensor *n = in->node[i];
        og_tensor *src[OGI_MAX_SRC] = { NULL };
        for (int k = 0; k < n->n_src; k++)
            if (n->src[k]) src[k] = map[n->src[k]->id];
        og_graph_layer(g, n->layer);
        map[i] = fn(user, g, n, src);
        OG_TRY(g->status);
    }
    og_graph_layer(g, -1);
    for (int64_t i = 0; i < in->n_output; i++)
        og_output(g, in->output[i].name, map[in->output[i].value->id]);
    return g->status;
}

og_status ogi_graph_rewrite(const og_graph *in, ogi_rewrite fn, void *user, og_graph **out)
{
    *out = NULL;
    OG_TRY(in->status);
    og_graph *g = ogi_graph_like(in);
    og_tensor **map = OGI_NEW_N(in->ctx, og_tensor *, in->n_node + 1);
    og_status s = g && map ? rewrite_all(in, fn, user, g, map) : OG_E_MEMORY;
    ogi_free(in->ctx, map);
    if (s == OG_OK)
        *out = g;
    else
        og_graph_free(g);
    return s;
}

bool ogi_has_effect(const og_tensor *x)
{
    const ogi_op_def *def = ogi_op_def_of(x->op);
    return def->op_class == OGI_CLASS_STORE || def->writes_state;
}

static bool shape_attr_eq(const void *p, const void *q)
{
    og_shape a, b;
    memcpy(&a, p, sizeof a);
    memcpy(&b, q, sizeof b);
    return ogi_shape_eq(&a, &b);
}

static bool data_attr_eq(const void *p, const void *q)
{
    ogi_data a, b;
    memcpy(&a, p, sizeof a);
    memcpy(&b, q, sizeof b);
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, (size_t)a.size));
}

static bool attr_eq(const ogi_attr *t, const og_tensor *a, const og_tensor *b)
{
    const char *p = (const char *)a->params + t->offset, *q = (const char *)b->params + t->offset;
    switch (t->kind) {
    case OGI_ATTR_INT: return !memcmp(p, q, sizeof(int));
    case OGI_ATTR_INT64: return !memcmp(p, q, sizeof(int64_t));
    case OGI_ATTR_FLOAT: return !memcmp(p, q, sizeof(float));
    case OGI_ATTR_BOOL: return !memcmp(p, q, sizeof(bool));
    case OGI_ATTR_AXES: return !memcmp(p, q, (size_t)a->shape.rank * sizeof(int));
    case OGI_ATTR_SHAPE: return shape_attr_eq(p, q);
    case OGI_ATTR_DTYPE: return !memcmp(p, q, sizeof(og_dtype));
    case OGI_ATTR_DATA: return data_attr_eq(p, q);
    }
    return false;
}

bool ogi_params_eq(const og_tensor *a, const og_tensor *b)
{
    const ogi_op_def *def = ogi_op_def_of(a->op);
    if (a->op != b->op || a->shape.rank != b->shape.rank) return false;
    for (int i = 0; i < def->n_attr; i++)
        if (!attr_eq(&def->attr[i], a, b)) return false;
    return true;
}
