/* SPDX-License-Identifier: MIT
 *
 * Only states with a neighbour that changed are looked at again, and the largest part of a class
 * keeps its name, so that a chain of n states costs n steps and not n for each round. */
#include "text/grammar/alike.h"

#include <stdlib.h>

/* Edges looked at, some 10 ns each. */
static const int64_t max_work = 3000000;

typedef struct refine {
    const og_grammar *g;
    const bool *is_empty;
    ogi_alike *a;
    int32_t *class, *size; /* of each state; states of each class */
    int64_t n_class, size_cap;
    int32_t *user_at, *user; /* states that move to a state: user[user_at[s] .. user_at[s + 1]) */
    struct affected *queue;
    int32_t n_queue;
    int32_t *changed, n_changed;
    bool *is_queued;
    int64_t work;
} refine;

typedef struct affected {
    uint64_t moves; /* hash */
    int32_t class, state, to;
} affected;

/* ---- what a state does ---- */

/* A run of bytes that lead to one class; *edge moves past it. False at the end. */
static bool next_run(const refine *r, int32_t state, int32_t *edge, ogi_edge *run)
{
    const og_grammar *g = r->g;
    int32_t e = *edge, stop = g->state[state + 1].edge;
    if (e == stop) return false;
    *run = (ogi_edge){ g->edge[e].low, g->edge[e].high, r->class[g->edge[e].to] };
    while (++e < stop && g->edge[e].low == run->high + 1 && r->class[g->edge[e].to] == run->to)
        run->high = g->edge[e].high;
    *edge = e;
    return true;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_moves(refine *r, int32_t state)
{
    const og_grammar *g = r->g;
    uint64_t h = 1;
    ogi_edge run;
    for (int32_t e = g->state[state].edge; next_run(r, state, &e, &run);)
        h = mix(h, (uint64_t)(uint32_t)run.to << 16 | (uint64_t)run.low << 8 | run.high);
    for (int32_t k = g->state[state].call; k < g->state[state + 1].call; k++)
        h = mix(h, (uint64_t)g->call[k].rule << 32 | (uint32_t)r->class[g->call[k].back]);
    r->work -= g->state[state + 1].edge - g->state[state].edge + 4;
    return h;
}

static bool has_same_moves(const refine *r, int32_t a, int32_t b)
{
    const og_grammar *g = r->g;
    int32_t ea = g->state[a].edge, eb = g->state[b].edge, n = g->state[a + 1].call;
    int32_t ka = g->state[a].call, kb = g->state[b].call;
    ogi_edge x, y;
    for (;;) {
        bool has_a = next_run(r, a, &ea, &x), has_b = next_run(r, b, &eb, &y);
        if (has_a != has_b) return false;
        if (!has_a) break;
        if (x.low != y.low || x.high != y.high || x.to != y.to) return false;
    }
    if (n - ka != g->state[b + 1].call - kb) return false;
    for (; ka < n; ka++, kb++)
        if (g->call[ka].rule != g->call[kb].rule ||
            r->class[g->call[ka].back] != r->class[g->call[kb].back])
            return false;
    return true;
}

/* ---- classes ---- */

static og_status new_class(refine *r, int32_t *class)
{
    OG_TRY(ogi_grow(r->g->ctx, &r->size, &r->size_cap, r->n_class + 1, sizeof *r->size));
    r->size[r->n_class] = 0;
    *class = (int32_t)r->n_class++;
    return OG_OK;
}

static og_status set_class(refine *r, int32_t state, int32_t class, int32_t bytes)
{
    ogi_alike *a = r->a;
    OG_TRY(ogi_grow(r->g->ctx, &a->change, &a->cap, a->n_change + 1, sizeof *a->change));
    a->change[a->n_change] = (ogi_alike_change){ bytes, class, bytes ? a->last[state] : -1 };
    a->last[state] = (int32_t)a->n_change++;
    if (bytes) r->size[r->class[state]]--;
    r->class[state] = class;
    r->size[class]++;
    return OG_OK;
}

/* May it go on in a state to which it returns without having taken a byte? Then no number of bytes
 * tells when that state counts: it is like no other. */
static bool is_lonely(const refine *r, int32_t state)
{
    const og_grammar *g = r->g;
    for (int32_t k = g->state[state].call; k < g->state[state + 1].call; k++)
        if (r->is_empty[g->call[k].rule]) return true;
    return false;
}

static og_status first_classes(refine *r)
{
    int32_t by_end[2];
    OG_TRY(new_class(r, &by_end[0]));
    OG_TRY(new_class(r, &by_end[1]));
    for (int32_t s = 0; s < r->g->n_state; s++) {
        int32_t class = by_end[r->g->state[s].is_end];
        if (is_lonely(r, s)) OG_TRY(new_class(r, &class));
        OG_TRY(set_class(r, s, class, 0));
    }
    return OG_OK;
}

/* ---- rounds ---- */

static og_status index_users(refine *r)
{
    const og_grammar *g = r->g;
    r->user_at = OGI_NEW_N(g->ctx, int32_t, (int64_t)g->n_state + 2);
    r->user = OGI_NEW_N(g->ctx, int32_t, (int64_t)g->n_edge + g->n_call + 1);
    if (!r->user_at || !r->user) return OG_E_MEMORY;
    int32_t *at = r->user_at + 1;
    for (int32_t e = 0; e < g->n_edge; e++) at[g->edge[e].to + 1]++;
    for (int32_t k = 0; k < g->n_call; k++) at[g->call[k].back + 1]++;
    for (int32_t s = 0; s < g->n_state; s++) at[s + 1] += at[s];
    for (int32_t s = 0; s < g->n_state; s++) {
        for (int32_t e = g->state[s].edge; e < g->state[s + 1].edge; e++)
            r->user[at[g->edge[e].to]++] = s;
        for (int32_t k = g->state[s].call; k < g->state[s + 1].call; k++)
            r->user[at[g->call[k].back]++] = s;
    }
    return OG_OK;
}

static void affect(refine *r, int32_t state)
{
    if (r->is_queued[state] || r->size[r->class[state]] == 1) return;
    r->is_queued[state] = true;
    r->queue[r->n_queue++] = (affected){ .class = r->class[state], .state = state };
}

static int by_class_and_moves(const void *a, const void *b)
{
    const affected *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    if (x->moves != y->moves) return x->moves < y->moves ? -1 : 1;
    return x->state < y->state ? -1 : x->state > y->state;
}

/* Gives new names to the parts of one class, queue[from, to); the largest keeps its own if no
 * state of the class was left out. */
static og_status split_class(refine *r, int32_t from, int32_t to)
{
    int32_t class = r->queue[from].class, keeper = -1, most = 0;
    bool is_whole = to - from == r->size[class];
    for (int32_t i = from, end; i < to; i = end) {
        const affected *first = &r->queue[i];
        for (end = i + 1; end < to && r->queue[end].moves == first->moves &&
                          has_same_moves(r, first->state, r->queue[end].state);)
            end++;
        int32_t part;
        OG_TRY(new_class(r, &part));
        for (int32_t k = i; k < end; k++) r->queue[k].to = part;
        if (is_whole && end - i > most) most = end - i, keeper = part;
    }
    for (int32_t i = from; i < to; i++)
        if (r->queue[i].to == keeper) r->queue[i].to = class;
    return OG_OK;
}

static og_status run_round(refine *r, int32_t bytes)
{
    affected *q = r->queue;
    int32_t n = r->n_queue;
    for (int32_t i = 0; i < n; i++) q[i].moves = hash_moves(r, q[i].state);
    qsort(q, (size_t)n, sizeof *q, by_class_and_moves);
    for (int32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && q[end].class == q[i].class;) end++;
        OG_TRY(split_class(r, i, end));
    }
    r->n_changed = r->n_queue = 0;
    for (int32_t i = 0; i < n; i++) {
        r->is_queued[q[i].state] = false;
        if (q[i].to == q[i].class) continue;
        OG_TRY(set_class(r, q[i].state, q[i].to, bytes));
        r->changed[r->n_changed++] = q[i].state;
    }
    for (int32_t i = 0; i < r->n_changed; i++) {
        int32_t s = r->changed[i];
        for (int32_t u = r->user_at[s]; u < r->user_at[s + 1]; u++) affect(r, r->user[u]);
        r->work -= r->user_at[s + 1] - r->user_at[s];
    }
    return OG_OK;
}

static og_status run_rounds(refine *r, int32_t max_bytes)
{
    OG_TRY(first_classes(r));
    OG_TRY(index_users(r));
    for (int32_t s = 0; s < r->g->n_state; s++) affect(r, s);
    int32_t bytes = 0;
    while (bytes < max_bytes && r->n_queue && r->work > 0) OG_TRY(run_round(r, ++bytes));
    r->a->bytes = r->n_queue ? bytes : max_bytes;
    r->a->n_class = (int32_t)r->n_class;
    return OG_OK;
}

og_status ogi_alike_find(const og_grammar *g, const bool *is_empty, int32_t max_bytes,
                         ogi_alike *out)
{
    og_ctx *ctx = g->ctx;
    refine r = { .g = g, .is_empty = is_empty, .a = out, .work = max_work };
    out->last = OGI_NEW_N(ctx, int32_t, g->n_state);
    r.class = OGI_NEW_N(ctx, int32_t, g->n_state);
    r.queue = OGI_NEW_N(ctx, affected, g->n_state);
    r.changed = OGI_NEW_N(ctx, int32_t, g->n_state);
    r.is_queued = OGI_NEW_N(ctx, bool, g->n_state);
    og_status s = out->last && r.class && r.queue && r.changed && r.is_queued ? OG_OK : OG_E_MEMORY;
    if (s == OG_OK) s = run_rounds(&r, max_bytes);
    void *const owned[] = { r.class, r.size, r.user_at, r.user, r.queue, r.changed, r.is_queued };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(ctx, owned[i]);
    return s;
}

void ogi_alike_free(og_ctx *ctx, ogi_alike *a)
{
    ogi_free(ctx, a->last);
    ogi_free(ctx, a->change);
    *a = (ogi_alike){ 0 };
}
