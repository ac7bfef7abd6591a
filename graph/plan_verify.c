/* SPDX-License-Identifier: MIT
 *
 * Every rule that a plan must keep, whoever made it. Debug builds check each plan; a plan that
 * fails here would read what is not written yet, or write over what is still read.
 *
 *   groups   each computing node in one; what a group reads is a leaf or comes from an earlier one
 *   slots    one for each value that crosses groups, alive from its writer to its last reader
 *   arena    two slots alive at one group share no byte                                          */
#include "graph/layout.h"
#include "graph/plan.h"

static bool computes(const og_tensor *x)
{
    return !ogi_is_leaf(x) && !ogi_is_view(x);
}

static bool lists(const og_tensor *const *list, int n, const og_tensor *x)
{
    for (int i = 0; i < n; i++)
        if (list[i] == x) return true;
    return false;
}

#define PLAN_FAIL(p, ...) OG_FAIL((p)->ctx, OG_E_INVALID, "plan: " __VA_ARGS__)

static og_status check_source(const ogi_plan *p, int b, const og_tensor *x, const og_tensor *r)
{
    const ogi_group *g = &p->group[b];
    int a = p->group_of[r->id];
    if (!computes(r)) {
        if (!lists(g->read, g->n_read, r))
            PLAN_FAIL(p, "group %d does not list %%%d, which %%%d reads", b, r->id, x->id);
    } else if (a > b || (a == b && r->id >= x->id)) {
        PLAN_FAIL(p, "%%%d of group %d reads %%%d of group %d, which runs later", x->id, b, r->id,
                  a);
    } else if (a < b && (!lists(g->read, g->n_read, r) ||
                         !lists(p->group[a].write, p->group[a].n_write, r))) {
        PLAN_FAIL(p, "%%%d crosses from group %d to %d, and one of them does not list it", r->id, a,
                  b);
    }
    return OG_OK;
}

static og_status check_group(const ogi_plan *p, int b)
{
    const ogi_group *g = &p->group[b];
    if (!g->n_member) PLAN_FAIL(p, "group %d is empty", b);
    for (int i = 0; i < g->n_member; i++) {
        const og_tensor *x = g->member[i];
        if (!computes(x)) PLAN_FAIL(p, "group %d has %%%d, which computes nothing", b, x->id);
        if (p->group_of[x->id] != b) PLAN_FAIL(p, "%%%d is in two groups", x->id);
        if (i && g->member[i - 1]->id >= x->id)
            PLAN_FAIL(p, "group %d has %%%d out of order", b, x->id);
        for (int s = 0; s < x->n_src; s++)
            if (x->src[s]) OG_TRY(check_source(p, b, x, ogi_root(x->src[s])));
    }
    return OG_OK;
}

static og_status check_groups(const ogi_plan *p)
{
    int64_t n_member = 0, n_node = 0;
    for (int64_t i = 0; i < p->graph->n_node; i++) n_node += computes(p->graph->node[i]);
    for (int b = 0; b < p->n_group; b++) {
        OG_TRY(check_group(p, b));
        n_member += p->group[b].n_member;
    }
    if (n_member != n_node)
        PLAN_FAIL(p, "%lld of %lld nodes are in a group", (long long)n_member, (long long)n_node);
    return OG_OK;
}

/* Every value that is written has a slot that lives as long as anyone reads it. */
static og_status check_life(const ogi_plan *p, int b)
{
    const ogi_group *g = &p->group[b];
    for (int i = 0; i < g->n_write; i++) {
        const og_tensor *x = g->write[i];
        int s = p->slot_of[x->id];
        if (ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE) continue; /* lies in its state */
        if (s < 0) PLAN_FAIL(p, "%%%d has no place", x->id);
        if (p->slot[s].value != x || p->slot[s].first != b || p->slot[s].last < b)
            PLAN_FAIL(p, "the place of %%%d does not begin at group %d", x->id, b);
        if (p->slot[s].size < ogi_value_size(x, p->sym_max))
            PLAN_FAIL(p, "the place of %%%d is too small", x->id);
    }
    for (int i = 0; i < g->n_read; i++) {
        int s = p->slot_of[g->read[i]->id];
        if (s >= 0 && p->slot[s].last < b)
            PLAN_FAIL(p, "%%%d is gone before group %d reads it", g->read[i]->id, b);
    }
    return OG_OK;
}

static og_status check_arena(const ogi_plan *p)
{
    for (int s = 0; s < p->n_slot; s++) {
        const ogi_slot *x = &p->slot[s];
        if (x->offset < 0 || x->offset % 64 || x->offset + x->size > p->arena_size)
            PLAN_FAIL(p, "the place of %%%d does not lie in the arena", x->value->id);
        for (int k = 0; k < s; k++) {
            const ogi_slot *y = &p->slot[k];
            bool meet = x->first <= y->last && y->first <= x->last;
            if (meet && x->offset < y->offset + y->size && y->offset < x->offset + x->size)
                PLAN_FAIL(p, "%%%d and %%%d live at once in the same bytes", y->value->id,
                          x->value->id);
        }
    }
    return OG_OK;
}

og_status ogi_plan_verify(const ogi_plan *p)
{
    OG_TRY(check_groups(p));
    for (int b = 0; b < p->n_group; b++) OG_TRY(check_life(p, b));
    for (int64_t i = 0; i < p->graph->n_output; i++) {
        const og_tensor *r = ogi_root(p->graph->output[i].value);
        int s = p->slot_of[r->id];
        if (s >= 0 && p->slot[s].last < p->n_group - 1)
            PLAN_FAIL(p, "output %%%d does not live to the end", r->id);
    }
    return check_arena(p);
}
