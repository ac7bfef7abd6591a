/* SPDX-License-Identifier: MIT
 *
 * Subset construction. A rule that would explode stays nondeterministic: then each state stands
 * for one state of the old automaton with its empty moves, and edges may overlap. Matchers cope
 * with both; determinism only makes their sets small. */
#include "text/grammar/nfa.h"

#include <stdlib.h>

typedef struct subset {
    const int32_t *item; /* sorted states of the NFA */
    int32_t n;
} subset;

typedef struct dfa {
    const ogi_nfa *a;
    og_grammar *g;
    og_ctx *ctx;
    int64_t *work;
    bool is_split; /* gave up on determinism */
    bool is_over;  /* should give up */
    ogi_arena arena;
    ogi_map by_items;
    subset *set; /* by local state */
    int64_t n, cap;
    int32_t base;
    int32_t *stamp, *list, *seed; /* n_state of the NFA each */
    int32_t n_list, n_seed, time;
    int64_t n_item;     /* of all sets */
    int32_t first_edge; /* of the grammar's, that this rule made */
    int32_t *split;     /* state that stands for one of the NFA; -1: none yet */
} dfa;

/* Of a rule that stays nondeterministic: edges, and members of its states. A matcher may have to
 * look at all of them for one byte. */
enum { MAX_SPLIT_EDGES = 1 << 18 };

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static bool is_kept(const ogi_nfa *a, int32_t s)
{
    bool moves = s == a->end;
    for (int32_t e = a->first[s]; e < a->first[s + 1]; e++)
        moves = moves || a->edge[e].kind != OGI_NFA_EPS;
    return moves;
}

/* A list of many states is found faster than sorted. */
static void list_in_order(dfa *d)
{
    int32_t n = 0;
    for (int32_t s = 0; s < d->a->n_state; s++)
        if (d->stamp[s] == d->time && is_kept(d->a, s)) d->list[n++] = s;
}

/* The states reachable from the seeds by empty moves, without those that only move on. */
static void close_seeds(dfa *d)
{
    const ogi_nfa *a = d->a;
    int32_t n = 0, kept = 0;
    d->time++;
    for (int32_t i = 0; i < d->n_seed; i++) {
        if (d->stamp[d->seed[i]] == d->time) continue;
        d->stamp[d->seed[i]] = d->time;
        d->list[n++] = d->seed[i];
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t s = d->list[i];
        for (int32_t e = a->first[s]; e < a->first[s + 1]; e++) {
            int32_t to = a->edge[e].to;
            if (a->edge[e].kind != OGI_NFA_EPS || d->stamp[to] == d->time) continue;
            d->stamp[to] = d->time;
            d->list[n++] = to;
        }
        if (is_kept(a, s)) d->list[kept++] = s;
    }
    *d->work -= n;
    d->n_list = kept;
    if ((int64_t)kept * 8 > a->n_state)
        list_in_order(d);
    else
        qsort(d->list, (size_t)kept, sizeof *d->list, by_value);
}

/* The state of the closure of the seeds, new or known. */
static og_status intern(dfa *d, int32_t *state)
{
    close_seeds(d);
    ogi_sv key = { (const char *)d->list, (size_t)d->n_list * sizeof *d->list };
    int64_t found = ogi_map_get(&d->by_items, key, -1);
    if (found >= 0) {
        *state = d->base + (int32_t)found;
        return OG_OK;
    }
    if (d->base + d->n >= OGI_GRAMMAR_MAX_STATES)
        OG_FAIL(d->ctx, OG_E_LIMIT, "the grammar is too large: more than %d states",
                OGI_GRAMMAR_MAX_STATES);
    int32_t *copy = ogi_arena_alloc(&d->arena, (size_t)d->n_list + 1, sizeof *copy);
    if (!copy) return OG_E_MEMORY;
    memcpy(copy, d->list, key.n);
    d->n_item += d->n_list;
    OG_TRY(ogi_grow(d->ctx, &d->set, &d->cap, d->n + 1, sizeof *d->set));
    d->set[d->n] = (subset){ copy, d->n_list };
    OG_TRY(ogi_map_put(&d->by_items, (ogi_sv){ (const char *)copy, key.n }, d->n));
    *state = d->base + (int32_t)d->n++;
    return OG_OK;
}

static og_status emit_byte(dfa *d, int low, int high, int32_t to, int32_t first)
{
    og_grammar *g = d->g;
    if (g->n_edge > first && !d->is_split) {
        ogi_edge *last = &g->edge[g->n_edge - 1];
        if (last->to == to && last->high + 1 == low) {
            last->high = (uint8_t)high;
            return OG_OK;
        }
    }
    OG_TRY(ogi_grow(g->ctx, &g->edge, &g->edge_cap, g->n_edge + 1, sizeof *g->edge));
    g->edge[g->n_edge++] = (ogi_edge){ (uint8_t)low, (uint8_t)high, to };
    return OG_OK;
}

static og_status emit_other(dfa *d, const ogi_nfa_edge *e, int32_t to)
{
    og_grammar *g = d->g;
    if (e->kind == OGI_NFA_CALL) {
        OG_TRY(ogi_grow(g->ctx, &g->call, &g->call_cap, g->n_call + 1, sizeof *g->call));
        g->call[g->n_call++] = (ogi_call){ -1, to, e->arg };
        return OG_OK;
    }
    OG_TRY(ogi_grow(g->ctx, &g->token, &g->token_cap, g->n_token + 1, sizeof *g->token));
    g->token[g->n_token++] = (ogi_token_edge){ .token = e->arg,
                                               .to = to,
                                               .is_negated = e->is_negated,
                                               .is_spelled = e->is_spelled,
                                               .spelled = -1 };
    return OG_OK;
}

/* The state that stands for the state s of the NFA with its empty moves. */
static og_status intern_one(dfa *d, int32_t s, int32_t *state)
{
    *state = d->split[s];
    if (*state >= 0) return OG_OK;
    d->seed[0] = s;
    d->n_seed = 1;
    OG_TRY(intern(d, state));
    d->split[s] = *state;
    return OG_OK;
}

/* Every edge for itself. */
static og_status edges_split(dfa *d, subset s)
{
    for (int32_t i = 0; i < s.n; i++) {
        for (int32_t e = d->a->first[s.item[i]]; e < d->a->first[s.item[i] + 1]; e++) {
            const ogi_nfa_edge *x = &d->a->edge[e];
            int32_t to;
            if (x->kind == OGI_NFA_EPS) continue;
            if (d->n_item > MAX_SPLIT_EDGES || d->g->n_edge - d->first_edge > MAX_SPLIT_EDGES)
                OG_FAIL(d->ctx, OG_E_LIMIT,
                        "the grammar is too large: more than %d moves in a rule", MAX_SPLIT_EDGES);
            OG_TRY(intern_one(d, x->to, &to));
            OG_TRY(x->kind == OGI_NFA_BYTE ? emit_byte(d, x->low, x->high, to, d->g->n_edge)
                                           : emit_other(d, x, to));
        }
    }
    return OG_OK;
}

/* Between two neighbouring cuts all bytes do the same. */
static og_status edges_bytes(dfa *d, subset s)
{
    bool is_cut[257] = { false };
    int32_t first = d->g->n_edge;
    bool any = false;
    for (int32_t i = 0; i < s.n; i++) {
        for (int32_t e = d->a->first[s.item[i]]; e < d->a->first[s.item[i] + 1]; e++) {
            if (d->a->edge[e].kind != OGI_NFA_BYTE) continue;
            is_cut[d->a->edge[e].low] = is_cut[d->a->edge[e].high + 1] = any = true;
        }
    }
    if (!any) return OG_OK;
    for (int low = 0, high; low < 256; low = high + 1) {
        for (high = low; high < 255 && !is_cut[high + 1];) high++;
        d->n_seed = 0;
        for (int32_t i = 0; i < s.n; i++) {
            for (int32_t e = d->a->first[s.item[i]]; e < d->a->first[s.item[i] + 1]; e++) {
                const ogi_nfa_edge *x = &d->a->edge[e];
                if (x->kind == OGI_NFA_BYTE && x->low <= low && low <= x->high &&
                    d->n_seed < d->a->n_state)
                    d->seed[d->n_seed++] = x->to;
            }
        }
        *d->work -= s.n;
        if (!d->n_seed) continue;
        int32_t to;
        OG_TRY(intern(d, &to));
        OG_TRY(emit_byte(d, low, high, to, first));
    }
    return OG_OK;
}

static bool is_same_letter(const ogi_nfa_edge *a, const ogi_nfa_edge *b)
{
    return a->kind == b->kind && a->arg == b->arg && a->is_negated == b->is_negated &&
           a->is_spelled == b->is_spelled;
}

/* Calls of one rule, and terminals of one token, are one edge each. Quadratic in their number,
 * which `work` bounds. */
static og_status edges_other(dfa *d, subset s)
{
    for (int32_t i = 0; i < s.n; i++) {
        for (int32_t e = d->a->first[s.item[i]]; e < d->a->first[s.item[i] + 1]; e++) {
            const ogi_nfa_edge *x = &d->a->edge[e];
            if (x->kind != OGI_NFA_CALL && x->kind != OGI_NFA_TOKEN) continue;
            bool is_done = false;
            d->n_seed = 0;
            for (int32_t k = 0; k < s.n && !is_done; k++) {
                for (int32_t f = d->a->first[s.item[k]]; f < d->a->first[s.item[k] + 1]; f++) {
                    if (!is_same_letter(x, &d->a->edge[f])) continue;
                    is_done = is_done || f < e; /* an earlier one stood for all */
                    if (d->n_seed < d->a->n_state) d->seed[d->n_seed++] = d->a->edge[f].to;
                }
            }
            *d->work -= s.n;
            if (is_done) continue;
            int32_t to;
            OG_TRY(intern(d, &to));
            OG_TRY(emit_other(d, x, to));
        }
    }
    return OG_OK;
}

static og_status add_states(dfa *d, int32_t *start)
{
    og_grammar *g = d->g;
    d->seed[0] = d->a->start;
    d->n_seed = 1;
    d->n_item = 0;
    d->first_edge = g->n_edge;
    OG_TRY(intern(d, start));
    for (int64_t i = 0; i < d->n; i++) {
        /* More than a few states for each old one: it is exploding. */
        d->is_over = *d->work < 0 || d->n > 8 * (int64_t)d->a->n_state + 1000;
        if (!d->is_split && d->is_over) return OG_OK;
        subset s = d->set[i];
        OG_TRY(ogi_grow(g->ctx, &g->state, &g->state_cap, d->base + i + 2, sizeof *g->state));
        ogi_state *st = &g->state[d->base + i];
        *st = (ogi_state){ g->n_edge, g->n_call, g->n_token, false, false };
        for (int32_t k = 0; k < s.n; k++) st->is_end = st->is_end || s.item[k] == d->a->end;
        if (d->is_split) {
            OG_TRY(edges_split(d, s));
        } else {
            OG_TRY(edges_bytes(d, s));
            OG_TRY(edges_other(d, s));
        }
        g->n_state = d->base + (int32_t)i + 1;
    }
    return OG_OK;
}

static og_status attempt(dfa *d, int32_t *start)
{
    og_grammar *g = d->g;
    int32_t n_state = g->n_state, n_edge = g->n_edge, n_call = g->n_call, n_token = g->n_token;
    og_status s = add_states(d, start);
    ogi_arena_free(&d->arena);
    ogi_map_free(&d->by_items);
    d->by_items = (ogi_map){ .ctx = d->ctx };
    d->n = 0;
    if (s == OG_OK && !d->is_split && d->is_over)
        g->n_state = n_state, g->n_edge = n_edge, g->n_call = n_call, g->n_token = n_token;
    return s;
}

og_status ogi_nfa_determinize(const ogi_nfa *a, og_grammar *g, int64_t *work, int32_t *start)
{
    dfa d = { .a = a, .g = g, .ctx = g->ctx, .work = work, .base = g->n_state };
    d.arena.ctx = d.by_items.ctx = g->ctx;
    d.stamp = OGI_NEW_N(g->ctx, int32_t, a->n_state + 1);
    d.list = OGI_NEW_N(g->ctx, int32_t, a->n_state + 1);
    d.seed = OGI_NEW_N(g->ctx, int32_t, a->n_state + 1);
    d.split = OGI_NEW_N(g->ctx, int32_t, a->n_state + 1);
    og_status s = d.stamp && d.list && d.seed && d.split ? OG_OK : OG_E_MEMORY;
    for (int32_t i = 0; s == OG_OK && i < a->n_state; i++) d.split[i] = -1;
    if (s == OG_OK) s = attempt(&d, start);
    if (s == OG_OK && d.is_over) {
        d.is_split = true;
        s = attempt(&d, start);
    }
    void *const owned[] = { d.stamp, d.list, d.seed, d.set, d.split };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(g->ctx, owned[i]);
    return s;
}
