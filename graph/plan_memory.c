/* SPDX-License-Identifier: MIT
 *
 * Memory plan: every value that crosses groups gets a place in one arena, at the size it has at
 * the maximum of the plan's range. Liveness is exact to the group. Offset assignment is interval
 * packing (NP-hard): several greedy orders are tried and the best kept; most plans reach the lower
 * bound, the largest sum of sizes live at once. (Pisarchyk and Lee, 2020: greedy by size.) */
#include "graph/layout.h"
#include "graph/plan.h"

#include <stdlib.h>

enum { ALIGN = 64, TRIES = 64 };

static void find_slots(ogi_plan *p)
{
    for (int64_t i = 0; i < p->graph->n_node; i++) p->slot_of[i] = -1;
    for (int b = 0; b < p->n_group; b++)
        for (int i = 0; i < p->group[b].n_write; i++) {
            const og_tensor *x = p->group[b].write[i];
            if (ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE) continue;
            p->slot_of[x->id] = p->n_slot;
            p->slot[p->n_slot++] = (ogi_slot){
                .value = x,
                .size = OGI_ALIGN(ogi_value_size(x, p->sym_max), ALIGN),
                .first = b,
                .last = b,
            };
        }
    for (int b = 0; b < p->n_group; b++)
        for (int i = 0; i < p->group[b].n_read; i++) {
            int s = p->slot_of[p->group[b].read[i]->id];
            if (s >= 0) p->slot[s].last = OGI_MAX(p->slot[s].last, b);
        }
    for (int64_t i = 0; i < p->graph->n_output; i++) {
        int s = p->slot_of[ogi_root(p->graph->output[i].value)->id];
        if (s >= 0) p->slot[s].last = OGI_MAX(p->n_group - 1, 0);
    }
}

static int64_t lower_bound(const ogi_plan *p)
{
    int64_t most = 0;
    for (int b = 0; b < p->n_group; b++) {
        int64_t sum = 0;
        for (int s = 0; s < p->n_slot; s++)
            if (p->slot[s].first <= b && b <= p->slot[s].last) sum += p->slot[s].size;
        most = OGI_MAX(most, sum);
    }
    return most;
}

/* Lowest offset where slot s fits beside those placed before it and alive with it. `placed` is in
 * the order of offsets. */
static int64_t lowest_offset(const ogi_plan *p, const int *placed, int n, int s)
{
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        const ogi_slot *o = &p->slot[placed[i]];
        if (o->last < p->slot[s].first || p->slot[s].last < o->first) continue;
        if (o->offset >= at + p->slot[s].size) break;
        at = OGI_MAX(at, o->offset + o->size);
    }
    return at;
}

/* Places the slots in the given order; returns the peak. `placed` is scratch. */
static int64_t place(ogi_plan *p, const int *order, int *placed)
{
    int64_t peak = 0;
    for (int i = 0; i < p->n_slot; i++) {
        int s = order[i], k = i;
        p->slot[s].offset = lowest_offset(p, placed, i, s);
        for (; k > 0 && p->slot[placed[k - 1]].offset > p->slot[s].offset; k--)
            placed[k] = placed[k - 1];
        placed[k] = s;
        peak = OGI_MAX(peak, p->slot[s].offset + p->slot[s].size);
    }
    return peak;
}

static bool comes_before(const ogi_plan *p, int rule, int a, int b)
{
    const ogi_slot *x = &p->slot[a], *y = &p->slot[b];
    int len_x = x->last - x->first, len_y = y->last - y->first;
    if (rule == 1 && x->first != y->first) return x->first < y->first;
    if (rule == 2 && len_x != len_y) return len_x > len_y;
    if (x->size != y->size) return x->size > y->size;
    return a < b;
}

static void sort_slots(const ogi_plan *p, int rule, int *order)
{
    for (int i = 0; i < p->n_slot; i++) {
        int k = i;
        for (; k > 0 && comes_before(p, rule, i, order[k - 1]); k--) order[k] = order[k - 1];
        order[k] = i;
    }
}

/* Greedy orders first; while above the bound, the slot that made the peak moves to the front. */
static void pack(ogi_plan *p, int *room)
{
    int *order = room, *placed = room + p->n_slot, *best = room + 2 * p->n_slot;
    p->arena_size = INT64_MAX;
    for (int rule = 0, tries = 0; rule < 3; rule++) {
        sort_slots(p, rule, order);
        for (tries = 0; tries < TRIES && p->arena_size > p->lower_bound; tries++) {
            int64_t peak = place(p, order, placed);
            if (peak < p->arena_size) {
                p->arena_size = peak;
                memcpy(best, order, (size_t)p->n_slot * sizeof *best);
            }
            int top = 0;
            while (top < p->n_slot && p->slot[order[top]].offset + p->slot[order[top]].size < peak)
                top++;
            if (top == 0 || top == p->n_slot) break;
            int s = order[top];
            memmove(order + 1, order, (size_t)top * sizeof *order);
            order[0] = s;
        }
    }
    if (p->n_slot) place(p, best, placed);
    if (!p->n_slot) p->arena_size = 0;
}

og_status ogi_plan_memory(ogi_plan *p)
{
    size_t n = 1;
    for (int b = 0; b < p->n_group; b++) n += (size_t)p->group[b].n_write;
    p->slot = ogi_arena_alloc(&p->mem, n, sizeof *p->slot);
    p->slot_of = ogi_arena_alloc(&p->mem, (size_t)p->graph->n_node + 1, sizeof(int));
    int *room = OGI_NEW_N(p->ctx, int, n * 3);
    if (!p->slot || !p->slot_of || !room) {
        ogi_free(p->ctx, room);
        return OG_E_MEMORY;
    }
    find_slots(p);
    p->lower_bound = lower_bound(p);
    pack(p, room);
    ogi_free(p->ctx, room);
    return OG_OK;
}
