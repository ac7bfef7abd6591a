/* SPDX-License-Identifier: MIT
 *
 * From rules to the automaton: which rules are expanded in place, their automata, and the checks
 * on calls. */
#include "text/grammar/alike.h"
#include "text/grammar/nfa.h"

/* Up to this size a rule without loops is expanded where it is used: that keeps characters of
 * strings and the like from being calls. */
enum { MAX_INLINE = 200, INLINE_ROUNDS = 16 };
/* Steps of determinization, a tenth of a second or so; then rules stay nondeterministic. */
static const int64_t max_work = 10000000;

typedef struct compile {
    og_ctx *ctx;
    const ogi_rules *r;
    og_grammar *g;
    bool *is_inline;
    int32_t *cost;  /* of each inline rule */
    int32_t *start; /* of each rule */
    int32_t *owner; /* rule of each state */
    bool *is_empty; /* rule: may match nothing */
} compile;

/* States that e would take in place; above MAX_INLINE if it must not be expanded. */
static int32_t inline_cost(const compile *c, const ogi_expr *e)
{
    int64_t sum = 0;
    switch (e->kind) {
    case OGI_EXPR_EMPTY:
    case OGI_EXPR_UNIT: return 0;
    case OGI_EXPR_BYTES: return (int32_t)OGI_MIN(e->n, (size_t)MAX_INLINE + 1);
    case OGI_EXPR_CLASS: return OGI_MIN(2 + 3 * OGI_MIN(e->n_range, 1000), MAX_INLINE + 1);
    case OGI_EXPR_TOKEN:
    case OGI_EXPR_TEXT:
    case OGI_EXPR_BOTH:
    case OGI_EXPR_COUNT: return MAX_INLINE + 1;
    case OGI_EXPR_RULE: return c->is_inline[e->rule] ? c->cost[e->rule] + 1 : MAX_INLINE + 1;
    case OGI_EXPR_REPEAT:
        if (e->max <= 0) return e->max < 0 ? MAX_INLINE + 1 : 0;
        sum = (int64_t)inline_cost(c, e->child) * e->max;
        return (int32_t)OGI_MIN(sum, (int64_t)MAX_INLINE + 1);
    case OGI_EXPR_SEQ:
    case OGI_EXPR_ALT:
        for (const ogi_expr *k = e->child; k && sum <= MAX_INLINE; k = k->next)
            sum += inline_cost(c, k) + 1;
        break;
    }
    return (int32_t)OGI_MIN(sum, (int64_t)MAX_INLINE + 1);
}

/* A rule becomes inline once all that it refers to is; recursion never does. */
static void choose_inline(compile *c)
{
    bool is_changed = true;
    for (int round = 0; round < INLINE_ROUNDS && is_changed; round++) {
        is_changed = false;
        for (int64_t i = 0; i < c->r->n; i++) {
            if (c->is_inline[i] || c->r->rule[i].is_call) continue;
            c->cost[i] = inline_cost(c, c->r->rule[i].body);
            if (c->cost[i] <= MAX_INLINE) c->is_inline[i] = is_changed = true;
        }
    }
}

static og_status check_defined(const compile *c)
{
    for (int64_t i = 0; i < c->r->n; i++) {
        ogi_sv name = c->r->rule[i].name;
        if (!c->r->rule[i].body)
            OG_FAIL(c->ctx, OG_E_FORMAT, "grammar: rule '%.*s' is used but not defined",
                    (int)name.n, name.p);
    }
    return OG_OK;
}

static og_status add_byte(og_grammar *g, uint8_t byte, int32_t to)
{
    OG_TRY(ogi_grow(g->ctx, &g->state, &g->state_cap, g->n_state + 1, sizeof *g->state));
    OG_TRY(ogi_grow(g->ctx, &g->edge, &g->edge_cap, g->n_edge + 1, sizeof *g->edge));
    g->state[g->n_state++] = (ogi_state){ g->n_edge, g->n_call, g->n_token, false, false };
    g->edge[g->n_edge++] = (ogi_edge){ byte, byte, to };
    return OG_OK;
}

/* States that read the pieces of tokens which texts may spell, for the edges from `first` on. The
 * same mark ends a text wherever that may end: neighbours share their states. */
static og_status add_spellings(compile *c, int32_t first)
{
    og_grammar *g = c->g;
    int32_t last = -1; /* the edge before that is spelled */
    for (int32_t e = first; e < g->n_token; e++) {
        ogi_token_edge *x = &g->token[e];
        if (!x->is_spelled) continue;
        const ogi_token_edge *like = last < 0 ? NULL : &g->token[last];
        last = e;
        if (like && like->token == x->token && like->to == x->to) {
            x->first = like->first, x->spelled = like->spelled;
            continue;
        }
        const ogi_control *k = c->r->control;
        while (k->token != x->token) k++;
        x->first = (uint8_t)k->piece[0];
        x->spelled = k->n > 1 ? g->n_state : x->to;
        for (size_t i = 1; i < k->n; i++)
            OG_TRY(add_byte(g, (uint8_t)k->piece[i], i + 1 < k->n ? g->n_state + 1 : x->to));
    }
    return OG_OK;
}

static og_status compile_rules(compile *c)
{
    ogi_nfa a = { .ctx = c->ctx };
    int64_t work = max_work;
    og_status s = OG_OK;
    for (int64_t i = 0; i < c->r->n && s == OG_OK; i++) {
        s = ogi_nfa_build(&a, c->r, c->r->rule[i].body, c->is_inline);
        int32_t first = c->g->n_token;
        if (s == OG_OK) s = ogi_nfa_determinize(&a, c->g, &work, &c->start[i]);
        if (s == OG_OK) s = add_spellings(c, first);
    }
    ogi_nfa_free(&a);
    OG_TRY(s);
    og_grammar *g = c->g;
    OG_TRY(ogi_grow(c->ctx, &g->state, &g->state_cap, g->n_state + 1, sizeof *g->state));
    g->state[g->n_state] = (ogi_state){ g->n_edge, g->n_call, g->n_token, false, false };
    for (int32_t i = 0; i < g->n_call; i++) g->call[i].start = c->start[g->call[i].rule];
    return OG_OK;
}

/* ---- left recursion ---- */

/* What is known of each rule while states reachable without input are collected. */
typedef struct left {
    compile *c;
    bool *is_reached; /* state: without input from its rule's start */
    int32_t *queue, n_queue;
    int32_t *waiting;  /* rule: calls that go on once it is known to be empty; a list by next */
    int32_t *next;     /* call */
    int32_t *n_before; /* rule: callers at their left end, not yet removed */
} left;

static void reach(left *l, int32_t state)
{
    if (l->is_reached[state]) return;
    l->is_reached[state] = true;
    l->queue[l->n_queue++] = state;
}

static void collect_left(left *l)
{
    const og_grammar *g = l->c->g;
    for (int64_t i = 0; i < l->c->r->n; i++) reach(l, l->c->start[i]);
    for (int32_t at = 0; at < l->n_queue; at++) {
        int32_t s = l->queue[at], rule = l->c->owner[s];
        if (g->state[s].is_end && !l->c->is_empty[rule]) {
            l->c->is_empty[rule] = true;
            for (int32_t k = l->waiting[rule]; k >= 0; k = l->next[k]) reach(l, g->call[k].back);
        }
        for (int32_t k = g->state[s].call; k < g->state[s + 1].call; k++) {
            int32_t callee = g->call[k].rule;
            if (l->c->is_empty[callee]) {
                reach(l, g->call[k].back);
            } else {
                l->next[k] = l->waiting[callee];
                l->waiting[callee] = k;
            }
        }
    }
}

/* Removes rules that no remaining rule begins with; what is left lies on a cycle or behind one. */
static og_status find_cycle(left *l)
{
    const og_grammar *g = l->c->g;
    int32_t n_rule = (int32_t)l->c->r->n, n = 0, *order = l->waiting; /* done with */
    for (int32_t i = 0; i < l->n_queue; i++) {
        int32_t s = l->queue[i];
        for (int32_t k = g->state[s].call; k < g->state[s + 1].call; k++)
            l->n_before[g->call[k].rule]++;
    }
    for (int32_t i = 0; i < n_rule; i++)
        if (!l->n_before[i]) order[n++] = i;
    for (int32_t at = 0; at < n; at++) {
        int32_t rule = order[at];
        int32_t end = rule + 1 < n_rule ? l->c->start[rule + 1] : g->n_state;
        for (int32_t s = l->c->start[rule]; s < end; s++) {
            if (!l->is_reached[s]) continue;
            for (int32_t k = g->state[s].call; k < g->state[s + 1].call; k++)
                if (!--l->n_before[g->call[k].rule]) order[n++] = g->call[k].rule;
        }
    }
    for (int32_t i = 0; i < n_rule && n < n_rule; i++) {
        ogi_sv name = l->c->r->rule[i].name;
        if (l->n_before[i])
            OG_FAIL(l->c->ctx, OG_E_FORMAT,
                    "grammar: rule '%.*s' begins with itself (left "
                    "recursion), directly or through another rule",
                    (int)name.n, name.p);
    }
    return OG_OK;
}

static og_status check_left_recursion(compile *c)
{
    const og_grammar *g = c->g;
    int64_t n_rule = c->r->n;
    left l = { .c = c };
    l.is_reached = OGI_NEW_N(c->ctx, bool, g->n_state);
    c->is_empty = OGI_NEW_N(c->ctx, bool, n_rule);
    l.queue = OGI_NEW_N(c->ctx, int32_t, g->n_state);
    l.waiting = OGI_NEW_N(c->ctx, int32_t, n_rule);
    l.next = OGI_NEW_N(c->ctx, int32_t, g->n_call + 1);
    l.n_before = OGI_NEW_N(c->ctx, int32_t, n_rule);
    og_status s = l.is_reached && c->is_empty && l.queue && l.waiting && l.next && l.n_before
                      ? OG_OK
                      : OG_E_MEMORY;
    if (s == OG_OK) {
        memset(l.waiting, 0xff, (size_t)n_rule * sizeof *l.waiting);
        collect_left(&l);
        s = find_cycle(&l);
    }
    void *const owned[] = { l.is_reached, l.queue, l.waiting, l.next, l.n_before };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(c->ctx, owned[i]);
    return s;
}

static og_status run(compile *c, int32_t root)
{
    og_grammar *g = c->g;
    OG_TRY(check_defined(c));
    c->is_inline = OGI_NEW_N(c->ctx, bool, c->r->n);
    c->cost = OGI_NEW_N(c->ctx, int32_t, c->r->n);
    c->start = OGI_NEW_N(c->ctx, int32_t, c->r->n);
    if (!c->is_inline || !c->cost || !c->start) return OG_E_MEMORY;
    choose_inline(c);
    OG_TRY(compile_rules(c));
    c->owner = OGI_NEW_N(c->ctx, int32_t, g->n_state);
    if (!c->owner) return OG_E_MEMORY;
    for (int64_t i = 0; i < c->r->n; i++) {
        int32_t end = i + 1 < c->r->n ? c->start[i + 1] : g->n_state;
        for (int32_t s = c->start[i]; s < end; s++) {
            c->owner[s] = (int32_t)i;
            g->state[s].is_json = c->r->rule[i].is_json;
        }
    }
    OG_TRY(check_left_recursion(c));
    g->start = c->start[root];
    if (!g->vocab) return OG_OK;
    OG_TRY(ogi_token_trie_build(c->ctx, g->vocab, &g->trie));
    return ogi_grammar_prepare_masks(g, c->is_empty);
}

og_status ogi_grammar_compile(og_ctx *ctx, const ogi_rules *r, int32_t root,
                              const og_vocab_view *vocab, og_grammar **out)
{
    *out = NULL;
    if (r->failed) OG_FAIL(ctx, OG_E_MEMORY, "the grammar could not be built");
    og_grammar *g = OGI_NEW(ctx, og_grammar);
    if (!g) return OG_E_MEMORY;
    g->ctx = ctx, g->vocab = vocab;
    g->is_tracking_names = r->is_tracking_names;
    g->has_json_parts = r->has_json_parts;
    compile c = { .ctx = ctx, .r = r, .g = g };
    og_status s = run(&c, root);
    ogi_free(ctx, c.is_inline);
    ogi_free(ctx, c.cost);
    ogi_free(ctx, c.start);
    ogi_free(ctx, c.owner);
    ogi_free(ctx, c.is_empty);
    if (s != OG_OK)
        og_grammar_free(g);
    else
        *out = g;
    return s;
}

void og_grammar_free(og_grammar *g)
{
    if (!g) return;
    for (int32_t i = 0; g->mask && i < g->n_state; i++) ogi_state_mask_free(g->ctx, &g->mask[i]);
    if (g->alike) ogi_alike_free(g->ctx, g->alike);
    void *const owned[] = { g->state, g->edge,  g->call, g->token,
                            g->mask,  g->alike, g->twin, g->like };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(g->ctx, owned[i]);
    ogi_token_trie_free(g->trie);
    ogi_free(g->ctx, g);
}

int32_t og_grammar_size(const og_grammar *g)
{
    if (!g) return 0;
    return g->n_state;
}
