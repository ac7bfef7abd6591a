/* SPDX-License-Identifier: MIT
 *
 * Schedule: puts the groups in an order in which sources come before users. Among the groups that
 * are ready the one whose last member was built first goes first: the order of the model's
 * author, which keeps few values alive. Fills group_of. */
#include "graph/plan.h"

/* Smallest binary heap of (key, group). */
typedef struct heap {
    int *key, *item;
    int n;
} heap;

static void heap_push(heap *h, int key, int item)
{
    int i = h->n++;
    for (; i > 0 && h->key[(i - 1) / 2] > key; i = (i - 1) / 2) {
        h->key[i] = h->key[(i - 1) / 2];
        h->item[i] = h->item[(i - 1) / 2];
    }
    h->key[i] = key, h->item[i] = item;
}

static int heap_pop(heap *h)
{
    int top = h->item[0], key = h->key[--h->n], item = h->item[h->n], i = 0;
    for (int k; (k = 2 * i + 1) < h->n; i = k) {
        if (k + 1 < h->n && h->key[k + 1] < h->key[k]) k++;
        if (h->key[k] >= key) break;
        h->key[i] = h->key[k], h->item[i] = h->item[k];
    }
    h->key[i] = key, h->item[i] = item;
    return top;
}

static int last_id(const ogi_group *g)
{
    return g->member[g->n_member - 1]->id;
}

/* Edges a -> b for each value of group a that group b reads, as lists through `next`. */
typedef struct edges {
    int *head, *next, *to, *n_wait;
    int n;
} edges;

static void connect(const ogi_plan *p, edges *e)
{
    for (int b = 0; b < p->n_group; b++) {
        e->head[b] = -1;
        e->n_wait[b] = 0;
    }
    for (int b = 0; b < p->n_group; b++)
        for (int i = 0; i < p->group[b].n_read; i++) {
            int a = p->group_of[p->group[b].read[i]->id];
            if (a < 0) continue;
            e->to[e->n] = b;
            e->next[e->n] = e->head[a];
            e->head[a] = e->n++;
            e->n_wait[b]++;
        }
}

static void fill_group_of(ogi_plan *p)
{
    for (int64_t i = 0; i < p->graph->n_node; i++) p->group_of[i] = -1;
    for (int b = 0; b < p->n_group; b++)
        for (int i = 0; i < p->group[b].n_member; i++) p->group_of[p->group[b].member[i]->id] = b;
}

og_status ogi_plan_schedule(ogi_plan *p)
{
    size_t n = (size_t)p->n_group + 1, n_edge = 1;
    for (int b = 0; b < p->n_group; b++) n_edge += (size_t)p->group[b].n_read;
    p->group_of = ogi_arena_alloc(&p->mem, (size_t)p->graph->n_node + 1, sizeof(int));
    ogi_group *order = ogi_arena_alloc(&p->mem, n, sizeof *order);
    int *room = OGI_NEW_N(p->ctx, int, n * 4 + n_edge * 2);
    if (!p->group_of || !order || !room) {
        ogi_free(p->ctx, room);
        return OG_E_MEMORY;
    }
    fill_group_of(p);
    heap h = { .key = room, .item = room + n };
    edges e = { .head = room + 2 * n,
                .n_wait = room + 3 * n,
                .next = room + 4 * n,
                .to = room + 4 * n + n_edge };
    connect(p, &e);
    int done = 0;
    for (int b = 0; b < p->n_group; b++)
        if (!e.n_wait[b]) heap_push(&h, last_id(&p->group[b]), b);
    while (h.n) {
        int a = heap_pop(&h);
        order[done++] = p->group[a];
        for (int i = e.head[a]; i >= 0; i = e.next[i])
            if (--e.n_wait[e.to[i]] == 0) heap_push(&h, last_id(&p->group[e.to[i]]), e.to[i]);
    }
    ogi_free(p->ctx, room);
    if (done != p->n_group)
        OG_FAIL(p->ctx, OG_E_INVALID, "schedule: %d of %d groups wait for each other",
                p->n_group - done, p->n_group);
    p->group = order;
    fill_group_of(p);
    return OG_OK;
}
