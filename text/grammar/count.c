/* SPDX-License-Identifier: MIT
 *
 * Texts of an expression that have so many units: as many copies of its automaton as units may be
 * counted, each unit leading from one copy to the next. Only states from which the end is within
 * reach are made: what is begun can be finished. */
#include "text/grammar/nfa.h"

typedef struct product {
    ogi_nfa *a;
    const ogi_nfa *part;
    const char *where; /* of errors */
    int32_t min, max, n_layer;
    int32_t *into_at, *into; /* edges of part by the state they lead to */
    bool *is_live;           /* of (layer, state): leads to the end */
    int32_t *id;             /* of (layer, state): the state of a, or -1 */
    int32_t *queue, n_queue; /* of (layer, state) */
} product;

static int32_t at(const product *p, int32_t layer, int32_t state)
{
    return layer * p->part->n_state + state;
}

/* Where a unit leads; -1: there are too many. */
static int32_t next_layer(const product *p, int32_t layer)
{
    if (layer + 1 < p->n_layer) return layer + 1;
    return p->max < 0 ? layer : -1;
}

static og_status index_into(product *p)
{
    const ogi_nfa *n = p->part;
    p->into_at = OGI_NEW_N(p->a->ctx, int32_t, (int64_t)n->n_state + 2);
    p->into = OGI_NEW_N(p->a->ctx, int32_t, n->n_edge + 1);
    if (!p->into_at || !p->into) return OG_E_MEMORY;
    int32_t *end = p->into_at + 1;
    for (int64_t e = 0; e < n->n_edge; e++) end[n->edge[e].to + 1]++;
    for (int32_t s = 0; s < n->n_state; s++) end[s + 1] += end[s];
    for (int64_t e = 0; e < n->n_edge; e++) p->into[end[n->edge[e].to]++] = (int32_t)e;
    return OG_OK;
}

static void revive(product *p, int32_t layer, int32_t state)
{
    int32_t i = at(p, layer, state);
    if (p->is_live[i]) return;
    p->is_live[i] = true;
    p->queue[p->n_queue++] = i;
}

static void find_live(product *p)
{
    const ogi_nfa *n = p->part;
    p->n_queue = 0;
    for (int32_t c = p->min; c < p->n_layer; c++) revive(p, c, n->end);
    for (int32_t i = 0; i < p->n_queue; i++) {
        int32_t layer = p->queue[i] / n->n_state, s = p->queue[i] % n->n_state;
        for (int32_t k = p->into_at[s]; k < p->into_at[s + 1]; k++) {
            const ogi_nfa_edge *e = &n->edge[p->into[k]];
            if (e->kind != OGI_NFA_UNIT) {
                revive(p, layer, e->from);
                continue;
            }
            if (layer > 0) revive(p, layer - 1, e->from);
            if (next_layer(p, layer) == layer) revive(p, layer, e->from);
        }
    }
}

/* The state of a, made on first use; -1 where it leads nowhere. */
static og_status reach(product *p, int32_t layer, int32_t state, int32_t *id)
{
    *id = -1;
    if (layer < 0 || !p->is_live[at(p, layer, state)]) return OG_OK;
    int32_t *known = &p->id[at(p, layer, state)];
    if (*known < 0) {
        OG_TRY(ogi_nfa_add_state(p->a, known));
        p->queue[p->n_queue++] = at(p, layer, state);
    }
    *id = *known;
    return OG_OK;
}

static og_status add_edges(product *p, int32_t layer, int32_t state)
{
    const ogi_nfa *n = p->part;
    int32_t from = p->id[at(p, layer, state)];
    for (int32_t e = n->first[state]; e < n->first[state + 1]; e++) {
        ogi_nfa_edge x = n->edge[e];
        bool is_unit = x.kind == OGI_NFA_UNIT;
        int32_t to;
        OG_TRY(reach(p, is_unit ? next_layer(p, layer) : layer, x.to, &to));
        if (to < 0) continue;
        x.from = from, x.to = to;
        if (is_unit) x.kind = OGI_NFA_EPS;
        OG_TRY(ogi_nfa_add_edge(p->a, x));
    }
    return OG_OK;
}

static og_status build(product *p, int32_t from, int32_t to)
{
    const ogi_nfa *n = p->part;
    int64_t size = (int64_t)n->n_state * p->n_layer;
    int32_t start, end;
    p->is_live = OGI_NEW_N(p->a->ctx, bool, size);
    p->id = OGI_NEW_N(p->a->ctx, int32_t, size);
    p->queue = OGI_NEW_N(p->a->ctx, int32_t, size);
    if (!p->is_live || !p->id || !p->queue) return OG_E_MEMORY;
    memset(p->id, 0xff, (size_t)size * sizeof *p->id);
    OG_TRY(index_into(p));
    find_live(p);
    p->n_queue = 0;
    OG_TRY(reach(p, 0, n->start, &start));
    if (start < 0)
        OG_FAIL(p->a->ctx, OG_E_INVALID, "%s: no text that matches the pattern has such a length",
                p->where);
    OG_TRY(ogi_nfa_add_eps(p->a, from, start));
    for (int32_t i = 0; i < p->n_queue; i++) {
        int32_t layer = p->queue[i] / n->n_state, s = p->queue[i] % n->n_state;
        OG_TRY(add_edges(p, layer, s));
        if (s != n->end || layer < p->min) continue;
        OG_TRY(reach(p, layer, s, &end));
        OG_TRY(ogi_nfa_add_eps(p->a, end, to));
    }
    return OG_OK;
}

og_status ogi_nfa_add_count(ogi_nfa *a, const ogi_nfa *part, int32_t min, int32_t max,
                            const char *where, int32_t from, int32_t *to)
{
    product p = { .a = a, .part = part, .where = where, .min = min, .max = max };
    p.n_layer = (max < 0 ? min : max) + 1;
    if ((int64_t)p.n_layer * part->n_state > 4 * OGI_GRAMMAR_MAX_NFA)
        OG_FAIL(a->ctx, OG_E_LIMIT, "%s: the pattern is too large for counts up to %d", where,
                p.n_layer - 1);
    OG_TRY(ogi_nfa_add_state(a, to));
    og_status s = build(&p, from, *to);
    void *const owned[] = { p.into_at, p.into, p.is_live, p.id, p.queue };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(a->ctx, owned[i]);
    return s;
}
