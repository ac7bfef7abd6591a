/* SPDX-License-Identifier: MIT
 *
 * The programs that a group of a plan is made of, in the order in which they run: what backends
 * compile, and what `oxigraph graph --kernels` prints.
 *
 *   MAP      one program over the whole group
 *   MATMUL   a prologue, perhaps, then an epilogue over the panels of each set
 *   KERNEL   none: the backend's own */
#include "codegen/lower.h"
#include "graph/layout.h"

/* The epilogue of a set: what the group writes of its members and panels is stored. */
static og_status each_set(const ogi_plan *p, const ogi_group *g, const ogi_panel_set *s,
                          ogi_group_fn fn, void *user)
{
    const og_tensor **store = OGI_NEW_N(p->ctx, const og_tensor *, g->n_write + 1);
    if (!store) return OG_E_MEMORY;
    ogi_lower_spec spec = {
        .g = p->graph,
        .member = s->member,
        .n_member = s->n_member,
        .panel = s->linear,
        .n_panel = s->n_linear,
        .store = store,
    };
    for (int i = 0; i < g->n_write; i++)
        for (int k = 0; k < s->n_member + s->n_linear; k++)
            if (g->write[i] == (k < s->n_member ? s->member[k] : s->linear[k - s->n_member]))
                store[spec.n_store++] = g->write[i];
    og_status st = fn(user, "epilogue", &spec);
    ogi_free(p->ctx, store);
    return st;
}

og_status ogi_group_each(const ogi_plan *p, int b, ogi_group_fn fn, void *user)
{
    const ogi_group *g = &p->group[b];
    ogi_lower_spec spec = { .g = p->graph };
    switch (g->kind) {
    case OGI_GROUP_MAP:
        spec.member = g->member, spec.n_member = g->n_member;
        spec.store = g->write, spec.n_store = g->n_write;
        return fn(user, "program", &spec);
    case OGI_GROUP_MATMUL:
        if (g->n_prologue) {
            const og_tensor *x = ogi_root(g->set[0].linear[0]->src[0]);
            spec.member = g->prologue, spec.n_member = g->n_prologue;
            spec.store = &x, spec.n_store = 1;
            OG_TRY(fn(user, "prologue", &spec));
        }
        for (int k = 0; k < g->n_set; k++) OG_TRY(each_set(p, g, &g->set[k], fn, user));
        return OG_OK;
    case OGI_GROUP_KERNEL: return OG_OK;
    }
    return OG_OK;
}
