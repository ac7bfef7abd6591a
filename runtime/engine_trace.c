/* SPDX-License-Identifier: MIT
 *
 * Values inside the step, given out after each step: those whose names fit a pattern become outputs
 * of the graph before it is compiled, so that no fusion swallows them. */
#include <fnmatch.h>

#include "graph/dim.h"
#include "graph/layout.h"
#include "runtime/engine_impl.h"

static bool is_output(const og_graph *g, const char *name)
{
    for (int64_t i = 0; i < g->n_output; i++)
        if (!strcmp(g->output[i].name, name)) return true;
    return false;
}

og_status ogi_trace_prepare(og_model *m, const char *pattern)
{
    og_graph *g = ogi_model_graph(m->model, "step");
    int64_t n = 0;
    for (int64_t i = 0; pattern && i < g->n_node; i++) {
        og_tensor *x = g->node[i];
        if (!x->name || ogi_is_leaf(x) || x->dtype != OG_F32) continue;
        if (fnmatch(pattern, x->name, 0) != 0 || is_output(g, x->name)) continue;
        og_output(g, x->name, x);
        n++;
    }
    if (pattern && !n && fnmatch(pattern, "hidden", 0) != 0)
        OG_FAIL(m->ctx, OG_E_NOT_FOUND, "%s: no value inside the model is called '%s'",
                ogi_gguf_path(m->file), pattern);
    return g->status;
}

og_status ogi_trace_step(og_model *m)
{
    const og_graph *g = ogi_model_graph(m->model, "step");
    if (!m->trace.fn) return OG_OK;
    for (int64_t i = 0; i < g->n_output; i++) {
        const ogi_output *o = &g->output[i];
        if (fnmatch(m->trace.pattern, o->name, 0) != 0) continue;
        og_traced t = { .name = o->name, .rank = o->value->shape.rank };
        for (int d = 0; d < t.rank; d++)
            t.dim[d] = ogi_dim_value(o->value->shape.dim[d], m->step_sym);
        t.data = og_program_output(m->step, o->name);
        if (!m->trace.fn(m->trace.user, &t)) OG_FAIL(m->ctx, OG_E_CANCELLED, "cancelled");
    }
    return OG_OK;
}
