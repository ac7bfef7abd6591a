/* SPDX-License-Identifier: MIT
 *
 * The rules that every graph keeps, whatever pass made it. A node that breaks one is a bug of the
 * pass; the error shows the node's line of the text form, values numbered by node. */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/layout.h"
#include "graph/op_def.h"

typedef struct verifier {
    const og_graph *g;
    ogi_map names;
    bool *is_overwritten; /* by node id: a state (or what a store left) that was stored to since */
} verifier;

static og_status fail_node(const og_graph *g, const og_tensor *n, const char *rule)
{
    ogi_buf line = { .ctx = g->ctx };
    ogi_form_node(g, n, &line);
    ogi_fail(g->ctx, OG_E_INVALID, __FILE__, __LINE__, "%s: node %d: %s", rule, n->id,
             ogi_buf_str(&line));
    ogi_buf_free(&line);
    return OG_E_INVALID;
}

/* Sources come before their users, belong to the graph, and are as many as the op takes. */
static og_status check_sources(const og_graph *g, const og_tensor *n)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    if (n->n_src < def->n_src_min || n->n_src > def->n_src_max)
        return fail_node(g, n, "wrong number of sources");
    for (int i = 0; i < n->n_src; i++) {
        const og_tensor *s = n->src[i];
        if (!s && i < def->n_src_min)
            OG_FAIL(g->ctx, OG_E_INVALID, "a source is missing: node %d (%s)", n->id,
                    ogi_op_name(n->op));
        if (s && (s->g != g || s->id < 0 || s->id >= n->id || g->node[s->id] != s))
            OG_FAIL(g->ctx, OG_E_INVALID, "source %d is no earlier node: node %d (%s)", i, n->id,
                    ogi_op_name(n->op));
    }
    return OG_OK;
}

static og_status check_type(const og_graph *g, const og_tensor *n)
{
    og_tensor again = *n;
    for (int i = 0; i < n->shape.rank; i++)
        if (!ogi_dim_is_valid(g, n->shape.dim[i])) return fail_node(g, n, "invalid dimension");
    if (ogi_is_leaf(n)) return OG_OK;
    OG_TRY(ogi_op_def_of(n->op)->infer(&again));
    if (again.dtype != n->dtype || !ogi_shape_eq(&again.shape, &n->shape))
        return fail_node(g, n, "not the type that the op infers");
    return OG_OK;
}

/* Is x a state, or what a store left of one? */
static bool is_state(const og_tensor *x)
{
    return x->op == OG_OP_STATE || ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE;
}

/* What was overwritten is read no more; each state goes through its stores in one chain. */
static og_status check_states(verifier *v, const og_tensor *n)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i] && v->is_overwritten[ogi_root(n->src[i])->id])
            return fail_node(v->g, n, "reads a state that was overwritten before");
    if (def->op_class == OGI_CLASS_STORE) {
        if (!is_state(n->src[0])) return fail_node(v->g, n, "stores to what is no state");
        v->is_overwritten[n->src[0]->id] = true;
    } else if (def->writes_state) {
        for (int i = 0; i < n->n_src; i++)
            if (n->src[i] && is_state(n->src[i])) v->is_overwritten[n->src[i]->id] = true;
    }
    return OG_OK;
}

/* Leaves of one kind have different names; so have outputs. */
static og_status check_name(verifier *v, ogi_arena *mem, char kind, const char *name, int64_t id)
{
    size_t n = name ? strlen(name) : 0;
    if (!n) OG_FAIL(v->g->ctx, OG_E_INVALID, "a leaf or output has no name: %lld", (long long)id);
    char *key = ogi_arena_alloc(mem, n + 1, 1);
    if (!key) return OG_E_MEMORY;
    key[0] = kind;
    memcpy(key + 1, name, n);
    if (ogi_map_get(&v->names, (ogi_sv){ key, n + 1 }, -1) >= 0)
        OG_FAIL(v->g->ctx, OG_E_INVALID, "a name is used twice: \"%s\"", name);
    return ogi_map_put(&v->names, (ogi_sv){ key, n + 1 }, id);
}

static og_status check_graph(verifier *v, ogi_arena *mem)
{
    const og_graph *g = v->g;
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *n = g->node[i];
        if (n->g != g || n->id != i)
            OG_FAIL(g->ctx, OG_E_INVALID, "node %lld is not where it says", (long long)i);
        OG_TRY(check_sources(g, n));
        OG_TRY(check_type(g, n));
        OG_TRY(check_states(v, n));
        char kind = ogi_form_sigil(n->op);
        if (kind) OG_TRY(check_name(v, mem, kind, n->name, i));
    }
    for (int64_t i = 0; i < g->n_output; i++) {
        const og_tensor *x = g->output[i].value;
        if (!x || x->g != g) OG_FAIL(g->ctx, OG_E_INVALID, "an output is no node of the graph");
        OG_TRY(check_name(v, mem, '>', g->output[i].name, i));
    }
    return OG_OK;
}

og_status ogi_verify(const og_graph *g)
{
    if (g->status != OG_OK) return g->status;
    verifier v = { .g = g, .names = { .ctx = g->ctx } };
    ogi_arena mem = { .ctx = g->ctx };
    v.is_overwritten = OGI_NEW_N(g->ctx, bool, g->n_node + 1);
    og_status s = v.is_overwritten ? check_graph(&v, &mem) : OG_E_MEMORY;
    ogi_free(g->ctx, v.is_overwritten);
    ogi_map_free(&v.names);
    ogi_arena_free(&mem);
    return s;
}
