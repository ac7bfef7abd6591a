/* SPDX-License-Identifier: MIT
 *
 * The machine and what matchers do with it: texts and tokens. */
#include "text/grammar/matcher.h"

#include <stdlib.h>

/* ---- stacks ---- */

static og_status grow_slots(ogi_machine *m)
{
    int32_t n = m->n_stack_slot ? 2 * m->n_stack_slot : 1024;
    int32_t *slot = OGI_NEW_N(m->ctx, int32_t, n);
    if (!slot) return OG_E_MEMORY;
    for (int32_t s = 1; s < m->n_stack; s++) {
        uint64_t key = (uint64_t)m->stack[s].state << 32 | (uint32_t)m->stack[s].below;
        uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);
        while (slot[i & (uint32_t)(n - 1)]) i++;
        slot[i & (uint32_t)(n - 1)] = s + 1;
    }
    ogi_free(m->ctx, m->stack_slot);
    m->stack_slot = slot;
    m->n_stack_slot = n;
    return OG_OK;
}

og_status ogi_machine_push(ogi_machine *m, int32_t state, int32_t below, int32_t *stack)
{
    *stack = below;
    if (ogi_state_only_ends(m->g, state)) return OG_OK;
    if (2 * (int64_t)m->n_stack >= m->n_stack_slot) OG_TRY(grow_slots(m));
    uint64_t key = (uint64_t)state << 32 | (uint32_t)below;
    uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32), last = (uint32_t)m->n_stack_slot - 1;
    for (int32_t s; (s = m->stack_slot[i & last]); i++) {
        if (m->stack[s - 1].state != state || m->stack[s - 1].below != below) continue;
        *stack = s - 1;
        return OG_OK;
    }
    if (m->n_stack >= OGI_MAX_STACKS)
        OG_FAIL(m->ctx, OG_E_LIMIT, "the text stands in too many places of the grammar");
    OG_TRY(ogi_grow(m->ctx, &m->stack, &m->stack_cap, m->n_stack + 1, sizeof *m->stack));
    m->stack[m->n_stack] = (ogi_stack){ state, below, 0 };
    m->stack_slot[i & last] = m->n_stack + 1;
    *stack = m->n_stack++;
    return OG_OK;
}

/* ---- positions ---- */

og_status ogi_machine_collect(ogi_machine *m, int32_t stack)
{
    OG_TRY(ogi_grow(m->ctx, &m->list, &m->list_cap, m->n_list + 1, sizeof *m->list));
    m->list[m->n_list++] = stack;
    return OG_OK;
}

/* Adds a stack to the expansion unless it is in it already. */
static og_status visit(ogi_machine *m, int32_t stack, int32_t *n)
{
    if (m->stack[stack].stamp == m->time) return OG_OK;
    m->stack[stack].stamp = m->time;
    if (*n >= OGI_MAX_OPEN)
        OG_FAIL(m->ctx, OG_E_LIMIT, "the grammar is too ambiguous: more than %d ways to go on",
                OGI_MAX_OPEN);
    OG_TRY(ogi_grow(m->ctx, &m->open, &m->open_cap, *n + 1, sizeof *m->open));
    m->open[(*n)++] = stack;
    return OG_OK;
}

/* Follows returns and calls from the position's items; open stacks end up in m->open. */
static og_status expand(ogi_machine *m, ogi_position *p)
{
    const og_grammar *g = m->g;
    int32_t n = 0, n_open = 0;
    m->time++;
    for (int32_t i = 0; i < p->n_item; i++) OG_TRY(visit(m, p->item[i], &n));
    for (int32_t i = 0; i < n; i++) {
        int32_t stack = m->open[i];
        if (stack == 0) {
            p->is_complete = true;
            continue;
        }
        int32_t below = m->stack[stack].below;
        const ogi_state *s = &g->state[m->stack[stack].state];
        if (s->is_end) OG_TRY(visit(m, below, &n));
        for (int32_t k = s->call; k < s[1].call; k++) {
            int32_t back, callee;
            OG_TRY(ogi_machine_push(m, g->call[k].back, below, &back));
            OG_TRY(ogi_machine_push(m, g->call[k].start, back, &callee));
            OG_TRY(visit(m, callee, &n));
        }
        if (s->edge == s[1].edge && s->token == s[1].token) continue;
        p->has_token = p->has_token || s->token != s[1].token;
        m->open[n_open++] = stack;
    }
    int32_t *open = ogi_arena_alloc(&m->arena, (size_t)n_open + 1, sizeof *open);
    if (!open) return OG_E_MEMORY;
    if (n_open) memcpy(open, m->open, (size_t)n_open * sizeof *open);
    for (int32_t i = 0; i < p->n_item; i++)
        if (p->item[i] && g->state[m->stack[p->item[i]].state].is_json) p->is_json = true;
    p->open = open;
    p->n_open = n_open;
    return OG_OK;
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

og_status ogi_machine_position(ogi_machine *m, int32_t *position)
{
    int32_t n = 0;
    *position = OGI_DEAD;
    if (!m->n_list) return OG_OK;
    if (m->n_list > 1) qsort(m->list, (size_t)m->n_list, sizeof *m->list, by_value);
    for (int32_t i = 0; i < m->n_list; i++)
        if (!i || m->list[i] != m->list[n - 1]) m->list[n++] = m->list[i];
    m->n_list = 0;
    ogi_sv key = { (const char *)m->list, (size_t)n * sizeof *m->list };
    int64_t found = ogi_map_get(&m->by_items, key, 0);
    if (found) {
        *position = (int32_t)found;
        return OG_OK;
    }
    int32_t *item = ogi_arena_alloc(&m->arena, (size_t)n, sizeof *item);
    if (!item) return OG_E_MEMORY;
    memcpy(item, m->list, key.n);
    ogi_position p = { .item = item, .n_item = n };
    OG_TRY(expand(m, &p));
    OG_TRY(
        ogi_grow(m->ctx, &m->position, &m->position_cap, m->n_position + 1, sizeof *m->position));
    OG_TRY(ogi_map_put(&m->by_items, (ogi_sv){ (const char *)item, key.n }, m->n_position));
    m->position[m->n_position] = p;
    *position = m->n_position++;
    return OG_OK;
}

og_status ogi_machine_single(ogi_machine *m, int32_t stack, int32_t *position)
{
    m->n_list = 0;
    OG_TRY(ogi_machine_collect(m, stack));
    return ogi_machine_position(m, position);
}

/* Collects where the open stacks of p go on a byte. */
static og_status collect_moves(ogi_machine *m, ogi_position p, uint8_t byte)
{
    const og_grammar *g = m->g;
    m->n_list = 0;
    for (int32_t i = 0; i < p.n_open; i++) {
        int32_t below = m->stack[p.open[i]].below, stack;
        const ogi_state *s = &g->state[m->stack[p.open[i]].state];
        for (int32_t e = s->edge; e < s[1].edge; e++) {
            if (byte < g->edge[e].low || byte > g->edge[e].high) continue;
            OG_TRY(ogi_machine_push(m, g->edge[e].to, below, &stack));
            OG_TRY(ogi_machine_collect(m, stack));
        }
    }
    return OG_OK;
}

og_status ogi_machine_move(ogi_machine *m, int32_t position, uint8_t byte, int32_t *to)
{
    ogi_position p = m->position[position];
    OG_TRY(collect_moves(m, p, byte));
    OG_TRY(ogi_machine_position(m, to));
    if (!p.next && m->n_table < OGI_MAX_TABLES) {
        p.next = ogi_arena_alloc(&m->arena, 256, sizeof *p.next);
        if (!p.next) return OG_E_MEMORY;
        m->position[position].next = p.next;
        m->n_table++;
    }
    if (p.next) p.next[byte] = *to;
    return OG_OK;
}

/* A move of a text, which may spell tokens that are no text. */
static og_status spell(ogi_machine *m, int32_t position, uint8_t byte, int32_t *to)
{
    const og_grammar *g = m->g;
    ogi_position p = m->position[position];
    if (!p.has_token) return ogi_machine_step(m, position, byte, to);
    OG_TRY(collect_moves(m, p, byte));
    for (int32_t i = 0; i < p.n_open; i++) {
        int32_t below = m->stack[p.open[i]].below, stack;
        const ogi_state *s = &g->state[m->stack[p.open[i]].state];
        for (int32_t e = s->token; e < s[1].token; e++) {
            if (!g->token[e].is_spelled || g->token[e].first != byte) continue;
            OG_TRY(ogi_machine_push(m, g->token[e].spelled, below, &stack));
            OG_TRY(ogi_machine_collect(m, stack));
        }
    }
    return ogi_machine_position(m, to);
}

og_status ogi_machine_copy(const ogi_machine *from, int32_t position, ogi_machine *to,
                           int32_t *copy)
{
    const ogi_position *p = &from->position[position];
    int32_t *state = NULL;
    int64_t cap = 0;
    og_status s = OG_OK;
    to->n_list = 0;
    for (int32_t i = 0; i < p->n_item && s == OG_OK; i++) {
        int32_t n = 0, stack = 0;
        for (int32_t k = p->item[i]; k && s == OG_OK; k = from->stack[k].below) {
            s = ogi_grow(to->ctx, &state, &cap, n + 1, sizeof *state);
            if (s == OG_OK) state[n++] = from->stack[k].state;
        }
        while (n > 0 && s == OG_OK) s = ogi_machine_push(to, state[--n], stack, &stack);
        if (s == OG_OK) s = ogi_machine_collect(to, stack);
    }
    if (s == OG_OK) s = ogi_machine_position(to, copy);
    ogi_free(to->ctx, state);
    return s;
}

og_status ogi_machine_init(ogi_machine *m, og_ctx *ctx, const og_grammar *g)
{
    *m = (ogi_machine){ .ctx = ctx, .g = g, .arena = { .ctx = ctx }, .by_items = { .ctx = ctx } };
    m->n_stack = m->n_position = 1;
    OG_TRY(ogi_grow(ctx, &m->stack, &m->stack_cap, 64, sizeof *m->stack));
    OG_TRY(ogi_grow(ctx, &m->position, &m->position_cap, 64, sizeof *m->position));
    m->stack[0] = (ogi_stack){ -1, -1, 0 };
    m->position[0] = (ogi_position){ 0 };
    return OG_OK;
}

void ogi_machine_free(ogi_machine *m)
{
    void *const owned[] = { m->stack, m->stack_slot, m->position, m->list, m->open };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(m->ctx, owned[i]);
    ogi_map_free(&m->by_items);
    ogi_arena_free(&m->arena);
    *m = (ogi_machine){ 0 };
}

/* ---- matchers ---- */

static og_status start(og_matcher *m)
{
    int32_t stack;
    OG_TRY(ogi_machine_push(&m->machine, m->g->start, 0, &stack));
    return ogi_machine_single(&m->machine, stack, &m->position);
}

static og_status matcher_init(og_matcher *m)
{
    OG_TRY(ogi_machine_init(&m->machine, m->ctx, m->g));
    return start(m);
}

og_status og_matcher_new(const og_grammar *g, og_ctx *ctx, og_matcher **out)
{
    OGI_NEEDS(ctx, ctx && g && out);
    *out = NULL;
    og_matcher *m = OGI_NEW(ctx, og_matcher);
    if (!m) return OG_E_MEMORY;
    m->ctx = ctx, m->g = g;
    m->names.ctx = m->spare_names.ctx = ctx;
    og_status s = matcher_init(m);
    if (s != OG_OK)
        og_matcher_free(m);
    else
        *out = m;
    return s;
}

void og_matcher_free(og_matcher *m)
{
    if (!m) return;
    ogi_machine_free(&m->machine);
    for (int32_t i = 0; m->mask && i < m->g->n_state; i++) {
        if (m->mask[i]) ogi_state_mask_free(m->ctx, m->mask[i]);
        ogi_free(m->ctx, m->mask[i]);
    }
    ogi_wait_free(m->ctx, &m->wait);
    ogi_names_free(&m->names);
    ogi_names_free(&m->spare_names);
    void *const owned[] = { m->mask, m->work, m->filtered, m->cache.bits, m->cache.block };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(m->ctx, owned[i]);
    ogi_free(m->ctx, m);
}

/* Starts the machine anew once it remembers too much; the position is kept. */
static og_status tidy(og_matcher *m)
{
    if (m->machine.n_stack < OGI_MAX_STACKS / 2 && m->machine.n_table < OGI_MAX_TABLES)
        return OG_OK;
    ogi_machine fresh;
    int32_t position = 0;
    og_status s = ogi_machine_init(&fresh, m->ctx, m->g);
    if (s == OG_OK) s = ogi_machine_copy(&m->machine, m->position, &fresh, &position);
    if (s != OG_OK) {
        ogi_machine_free(&fresh);
        return s;
    }
    ogi_machine_free(&m->machine);
    m->machine = fresh;
    m->position = position;
    ogi_mask_cache_clear(&m->cache);
    return OG_OK;
}

void og_matcher_reset(og_matcher *m)
{
    if (!m) return;
    /* The start was found when the matcher was made: its stacks and position are known. */
    og_status s = start(m);
    (void)s;
    OGI_ASSERT(s == OG_OK);
    ogi_names_reset(&m->names);
    m->wait.is_waiting = m->wait.n > 0;
    m->wait.matched = 0;
}

og_status og_matcher_clone(const og_matcher *m, og_matcher **out)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && out);
    og_matcher *c;
    OG_TRY(og_matcher_new(m->g, m->ctx, &c));
    og_status s = ogi_machine_copy(&m->machine, m->position, &c->machine, &c->position);
    if (s == OG_OK) s = ogi_names_copy(&m->names, &c->names);
    if (s == OG_OK) s = ogi_wait_copy(m->ctx, &m->wait, &c->wait);
    if (s != OG_OK) {
        og_matcher_free(c);
        c = NULL;
    }
    *out = c;
    return s;
}

/* Reads a byte of the move from one position to another along. */
static og_status step_names(const og_matcher *m, ogi_names *names, int32_t from, int32_t to,
                            uint8_t byte, bool *is_repeated)
{
    const ogi_position *p = m->machine.position;
    bool has_parts = m->g->has_json_parts;
    *is_repeated = false;
    if (has_parts && !p[from].is_json) ogi_names_reset(names);
    if (has_parts && !p[from].is_json && !p[to].is_json) return OG_OK;
    OG_TRY(ogi_names_step(names, byte, is_repeated));
    if (has_parts && !p[to].is_json) ogi_names_reset(names);
    return OG_OK;
}

og_status og_matcher_text(og_matcher *m, const char *text, size_t n, size_t *taken)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && taken && (text || !n));
    OG_TRY(tidy(m));
    *taken = 0;
    for (int32_t part; m->wait.is_waiting && *taken < n; *taken += (size_t)part)
        part = ogi_wait_bytes(&m->wait, text + *taken, (int32_t)OGI_MIN(n - *taken, 1u << 30));
    for (; *taken < n; ++*taken) {
        int32_t to;
        uint8_t byte = (uint8_t)text[*taken];
        OG_TRY(spell(&m->machine, m->position, byte, &to));
        if (to == OGI_DEAD) return OG_OK;
        if (m->g->is_tracking_names) {
            bool is_repeated;
            OG_TRY(step_names(m, &m->names, m->position, to, byte, &is_repeated));
            if (is_repeated) return OG_OK;
        }
        m->position = to;
    }
    return OG_OK;
}

og_status og_matcher_is_complete(og_matcher *m, bool *complete)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && complete);
    *complete =
        m->wait.is_waiting ? !m->wait.must_come : m->machine.position[m->position].is_complete;
    return OG_OK;
}

/* is_taken: another edge of the state names the token. */
static bool fits(const ogi_token_trie *t, const ogi_token_edge *x, int32_t token, bool is_taken)
{
    const uint32_t *bits = x->is_negated ? t->text_bits : t->other_bits;
    bool has_bit = bits[token >> 5] >> (token & 31) & 1;
    if (x->token == OGI_TOKEN_OTHER) return has_bit && !is_taken;
    return x->is_negated ? x->token != token && has_bit : x->token == token;
}

/* Moves of token terminals. */
static og_status collect_token_moves(og_matcher *m, int32_t token)
{
    ogi_machine *k = &m->machine;
    ogi_position p = k->position[m->position];
    const ogi_token_trie *t = m->g->trie;
    for (int32_t i = 0; i < p.n_open && p.has_token; i++) {
        int32_t below = k->stack[p.open[i]].below, stack;
        const ogi_state *s = &m->g->state[k->stack[p.open[i]].state];
        bool is_taken = false;
        for (int32_t e = s->token; e < s[1].token; e++) is_taken |= m->g->token[e].token == token;
        for (int32_t e = s->token; e < s[1].token; e++) {
            const ogi_token_edge *x = &m->g->token[e];
            if (!fits(t, x, token, is_taken)) continue;
            OG_TRY(ogi_machine_push(k, x->to, below, &stack));
            OG_TRY(ogi_machine_collect(k, stack));
        }
    }
    return OG_OK;
}

/* Reads the token's text along; fails, and nothing changes, where it repeats a name. */
static og_status accept_names(og_matcher *m, const char *piece, size_t n)
{
    bool is_repeated = false;
    int32_t from = m->position, to = from;
    OG_TRY(ogi_names_copy(&m->names, &m->spare_names));
    for (size_t i = 0; i < n && !is_repeated; i++, from = to) {
        OG_TRY(ogi_machine_step(&m->machine, from, (uint8_t)piece[i], &to));
        if (to == OGI_DEAD) break; /* a token terminal took it: no JSON is written by those */
        OG_TRY(step_names(m, &m->spare_names, from, to, (uint8_t)piece[i], &is_repeated));
    }
    if (is_repeated)
        OG_FAIL(m->ctx, OG_E_INVALID, "the token repeats a name that the object has already");
    ogi_names swap = m->names;
    m->names = m->spare_names;
    m->spare_names = swap;
    return OG_OK;
}

og_status og_matcher_accept(og_matcher *m, int32_t token)
{
    OGI_NEEDS(NULL, m);
    const og_vocab_view *v = m->g->vocab;
    if (!v) OG_FAIL(m->ctx, OG_E_INVALID, "the grammar was made without a vocabulary");
    if (token < 0 || token >= v->n_tokens)
        OG_FAIL(m->ctx, OG_E_INVALID, "token %d is not in the vocabulary", (int)token);
    OG_TRY(tidy(m));
    ogi_machine *k = &m->machine;
    if (v->is_eog(v->user, token)) {
        bool may_end;
        OG_TRY(og_matcher_is_complete(m, &may_end));
        if (may_end) return OG_OK;
        OG_FAIL(m->ctx, OG_E_INVALID, "the grammar does not let the text end here");
    }
    if (m->wait.is_waiting) return ogi_wait_accept(m, token);
    bool is_text = !v->is_control || !v->is_control(v->user, token);
    size_t n = 0;
    const char *piece = is_text ? v->piece(v->user, token, &n) : NULL;
    int32_t by_text = n && n <= OGI_TRIE_MAX_DEPTH ? m->position : OGI_DEAD;
    for (size_t i = 0; i < n && by_text != OGI_DEAD; i++)
        OG_TRY(ogi_machine_step(k, by_text, (uint8_t)piece[i], &by_text));
    int32_t to = by_text;
    if (k->position[m->position].has_token) {
        k->n_list = 0;
        if (by_text != OGI_DEAD)
            for (int32_t i = 0; i < k->position[by_text].n_item; i++)
                OG_TRY(ogi_machine_collect(k, k->position[by_text].item[i]));
        OG_TRY(collect_token_moves(m, token));
        OG_TRY(ogi_machine_position(k, &to));
    }
    if (to == OGI_DEAD)
        OG_FAIL(m->ctx, OG_E_INVALID, "the grammar does not allow token %d here", (int)token);
    if (m->g->is_tracking_names) OG_TRY(accept_names(m, piece, n));
    m->position = to;
    return OG_OK;
}
