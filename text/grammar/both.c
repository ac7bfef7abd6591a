/* SPDX-License-Identifier: MIT
 *
 * Texts that two expressions match: an automaton of pairs of their states. Pairs that lead nowhere
 * are left to count.c, inside which all of this is. */
#include "text/grammar/nfa.h"

typedef struct pairs {
    ogi_nfa *a;
    const ogi_nfa *x, *y;
    int32_t *id;             /* of (x, y): the state of a, or -1 */
    int32_t *queue, n_queue; /* of (x, y) */
    int32_t *near, n_near;   /* states of y that empty moves lead to */
    int32_t *stamp, time;
} pairs;

/* Where a state of x leads that has nothing but one empty move. */
static int32_t skip_empty(const ogi_nfa *n, int32_t x)
{
    for (int32_t i = 0; i < n->n_state && x != n->end; i++) {
        const ogi_nfa_edge *e = &n->edge[n->first[x]];
        if (n->first[x + 1] - n->first[x] != 1 || e->kind != OGI_NFA_EPS) break;
        x = e->to;
    }
    return x;
}

/* The state of a, made on first use. */
static og_status reach(pairs *p, int32_t x, int32_t y, int32_t *id)
{
    int32_t at = skip_empty(p->x, x) * p->y->n_state + y;
    if (p->id[at] < 0) {
        OG_TRY(ogi_nfa_add_state(p->a, &p->id[at]));
        p->queue[p->n_queue++] = at;
    }
    *id = p->id[at];
    return OG_OK;
}

static void find_near(pairs *p, int32_t y)
{
    const ogi_nfa *n = p->y;
    p->time++;
    p->n_near = 0;
    p->near[p->n_near++] = y;
    p->stamp[y] = p->time;
    for (int32_t i = 0; i < p->n_near; i++) {
        for (int32_t e = n->first[p->near[i]]; e < n->first[p->near[i] + 1]; e++) {
            int32_t to = n->edge[e].to;
            if (n->edge[e].kind != OGI_NFA_EPS || p->stamp[to] == p->time) continue;
            p->stamp[to] = p->time;
            p->near[p->n_near++] = to;
        }
    }
}

/* Bytes that both have. */
static og_status add_common(pairs *p, const ogi_nfa_edge *x, int32_t from)
{
    const ogi_nfa *n = p->y;
    for (int32_t i = 0; i < p->n_near; i++) {
        for (int32_t e = n->first[p->near[i]]; e < n->first[p->near[i] + 1]; e++) {
            const ogi_nfa_edge *y = &n->edge[e];
            ogi_nfa_edge both = { .kind = OGI_NFA_BYTE, .from = from };
            both.low = OGI_MAX(x->low, y->low), both.high = OGI_MIN(x->high, y->high);
            if (y->kind != OGI_NFA_BYTE || both.low > both.high) continue;
            OG_TRY(reach(p, x->to, y->to, &both.to));
            OG_TRY(ogi_nfa_add_edge(p->a, both));
        }
    }
    return OG_OK;
}

static og_status add_edges(pairs *p, int32_t x, int32_t y, int32_t end)
{
    int32_t from = p->id[x * p->y->n_state + y];
    find_near(p, y);
    for (int32_t e = p->x->first[x]; e < p->x->first[x + 1]; e++) {
        ogi_nfa_edge edge = p->x->edge[e];
        OGI_ASSERT(edge.kind != OGI_NFA_CALL && edge.kind != OGI_NFA_TOKEN);
        if (edge.kind == OGI_NFA_BYTE) {
            OG_TRY(add_common(p, &edge, from));
            continue;
        }
        OG_TRY(reach(p, edge.to, y, &edge.to));
        edge.from = from;
        OG_TRY(ogi_nfa_add_edge(p->a, edge));
    }
    bool is_end = x == p->x->end && p->stamp[p->y->end] == p->time;
    return is_end ? ogi_nfa_add_eps(p->a, from, end) : OG_OK;
}

static og_status build(pairs *p, int32_t from, int32_t end)
{
    int64_t size = (int64_t)p->x->n_state * p->y->n_state;
    int32_t start;
    p->id = OGI_NEW_N(p->a->ctx, int32_t, size);
    p->queue = OGI_NEW_N(p->a->ctx, int32_t, size);
    p->near = OGI_NEW_N(p->a->ctx, int32_t, p->y->n_state);
    p->stamp = OGI_NEW_N(p->a->ctx, int32_t, p->y->n_state);
    if (!p->id || !p->queue || !p->near || !p->stamp) return OG_E_MEMORY;
    memset(p->id, 0xff, (size_t)size * sizeof *p->id);
    OG_TRY(reach(p, p->x->start, p->y->start, &start));
    OG_TRY(ogi_nfa_add_eps(p->a, from, start));
    for (int32_t i = 0; i < p->n_queue; i++)
        OG_TRY(add_edges(p, p->queue[i] / p->y->n_state, p->queue[i] % p->y->n_state, end));
    return OG_OK;
}

og_status ogi_nfa_add_both(ogi_nfa *a, const ogi_nfa *x, const ogi_nfa *y, int32_t from,
                           int32_t *to)
{
    pairs p = { .a = a, .x = x, .y = y };
    if ((int64_t)x->n_state * y->n_state > 4 * OGI_GRAMMAR_MAX_NFA)
        OG_FAIL(a->ctx, OG_E_LIMIT, "the pattern is too large");
    OG_TRY(ogi_nfa_add_state(a, to));
    og_status s = build(&p, from, *to);
    void *const owned[] = { p.id, p.queue, p.near, p.stamp };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(a->ctx, owned[i]);
    return s;
}
