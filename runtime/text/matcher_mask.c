/* SPDX-License-Identifier: MIT
 *
 * Token masks. What a state lets through before its rule ends does not depend on the stack below:
 * it is found once, by walking the vocabulary. Where the rule ends inside a token, the walk goes
 * on from there with the stack below; those are few. */
#include "runtime/text/matcher.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static void set_bit(uint32_t *bits, int32_t i)
{
    bits[i >> 5] |= 1u << (i & 31);
}

/* ---- one state ---- */

typedef struct id_list {
    int32_t *id;
    int64_t cap;
    int32_t n;
} id_list;

static og_status add_id(og_ctx *ctx, id_list *l, int32_t id)
{
    OG_TRY(ogi_grow(ctx, &l->id, &l->cap, l->n + 1, sizeof *l->id));
    l->id[l->n++] = id;
    return OG_OK;
}

/* Walks the subtree below node from a position: tokens that fit go to out, nodes with children at
 * which the empty stack is reached to end (may be NULL). */
static og_status walk(ogi_machine *m, int32_t position, int32_t node, id_list *out, id_list *end)
{
    const ogi_token_trie *t = m->g->trie;
    int32_t at[OGI_TRIE_MAX_DEPTH + 1];
    int32_t stop = t->skip[node];
    at[t->depth[node]] = position;
    for (int32_t i = node + 1; i < stop;) {
        int32_t depth = t->depth[i], to;
        OG_TRY(ogi_machine_step(m, at[depth - 1], t->byte[i], &to));
        if (to == OGI_DEAD) {
            i = t->skip[i];
            continue;
        }
        at[depth] = to;
        for (int32_t k = t->token_at[i]; k < t->token_at[i + 1]; k++)
            OG_TRY(add_id(m->ctx, out, t->token[k]));
        if (end && t->skip[i] > i + 1 && m->position[to].is_complete)
            OG_TRY(add_id(m->ctx, end, i));
        i++;
    }
    return OG_OK;
}

static og_status keep_tokens(ogi_machine *m, id_list *found, ogi_state_mask *out)
{
    const ogi_token_trie *t = m->g->trie;
    out->n_token = found->n;
    if (found->n < t->n_word) {
        out->token = found->id;
        return OG_OK;
    }
    out->bits = OGI_NEW_N(m->ctx, uint32_t, t->n_word);
    for (int32_t i = 0; out->bits && i < found->n; i++) set_bit(out->bits, found->id[i]);
    ogi_free(m->ctx, found->id);
    return out->bits ? OG_OK : OG_E_MEMORY;
}

og_status ogi_state_mask_find(ogi_machine *m, int32_t state, ogi_state_mask *out)
{
    int32_t stack, position;
    id_list found = { 0 }, end = { 0 };
    *out = (ogi_state_mask){ 0 };
    OG_TRY(ogi_machine_push(m, state, 0, &stack));
    OG_TRY(ogi_machine_single(m, stack, &position));
    og_status s = OG_OK;
    if (m->position[position].is_complete) s = add_id(m->ctx, &end, 0);
    if (s == OG_OK) s = walk(m, position, 0, &found, &end);
    if (s != OG_OK) {
        ogi_free(m->ctx, found.id);
        ogi_free(m->ctx, end.id);
        return s;
    }
    out->end = end.id, out->n_end = end.n;
    OG_TRY(keep_tokens(m, &found, out));
    out->is_known = true;
    return OG_OK;
}

void ogi_state_mask_free(og_ctx *ctx, ogi_state_mask *m)
{
    ogi_free(ctx, m->token);
    ogi_free(ctx, m->bits);
    ogi_free(ctx, m->end);
    *m = (ogi_state_mask){ 0 };
}

/* ---- all states, in advance ---- */

typedef struct ranked {
    int32_t state, n_byte;
} ranked;

static int by_bytes(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->n_byte != y->n_byte) return x->n_byte > y->n_byte ? -1 : 1;
    return x->state < y->state ? -1 : x->state > y->state;
}

/* States that can be on top of a stack after a byte or a return, those with many bytes first: they
 * are the dear ones. */
static ranked *rank_states(const og_grammar *g, int32_t *n)
{
    ranked *r = OGI_NEW_N(g->ctx, ranked, g->n_state);
    *n = 0;
    if (!r) return NULL;
    for (int32_t s = 0; s < g->n_state; s++) {
        if (ogi_state_only_ends(g, s)) continue;
        int32_t n_byte = 0;
        for (int32_t e = g->state[s].edge; e < g->state[s + 1].edge; e++)
            n_byte += 1 + g->edge[e].high - g->edge[e].low;
        r[(*n)++] = (ranked){ s, n_byte };
    }
    qsort(r, (size_t)*n, sizeof *r, by_bytes);
    return r;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

og_status ogi_grammar_prepare_masks(og_grammar *g)
{
    const double budget = 0.2; /* seconds; what is left is found when it is needed */
    const int64_t max_bytes = 32 << 20;
    int32_t n;
    int64_t bytes = 0;
    double begin = seconds();
    ogi_machine m = { 0 };
    g->mask = OGI_NEW_N(g->ctx, ogi_state_mask, g->n_state);
    ranked *r = rank_states(g, &n);
    og_status s = g->mask && r ? ogi_machine_init(&m, g->ctx, g) : OG_E_MEMORY;
    for (int32_t i = 0; i < n && s == OG_OK; i++) {
        ogi_state_mask *k = &g->mask[r[i].state];
        s = ogi_state_mask_find(&m, r[i].state, k);
        bytes += (k->bits ? g->trie->n_word : k->n_token) * 4 + k->n_end * 4;
        if (bytes > max_bytes || m.n_table >= OGI_MAX_TABLES || seconds() - begin > budget) break;
    }
    ogi_machine_free(&m);
    ogi_free(g->ctx, r);
    return s;
}

/* ---- a matcher's masks ---- */

void ogi_mask_cache_clear(ogi_mask_cache *c)
{
    c->n_block = c->n_position = 0;
}

enum { CACHE_BYTES = 8 << 20 };

/* Room for one more mask, and an entry for each position so far. */
static og_status prepare_cache(og_matcher *m)
{
    ogi_mask_cache *c = &m->cache;
    int32_t n_word = m->g->trie->n_word;
    if (!c->bits) {
        c->max_block = OGI_MAX(CACHE_BYTES / (4 * OGI_MAX(n_word, 1)), 16);
        /* Not zeroed: pages are taken as masks fill them. */
        int64_t cap = 0;
        OG_TRY(
            ogi_grow(m->ctx, &c->bits, &cap, (int64_t)c->max_block * n_word + 1, sizeof *c->bits));
    }
    if (c->n_block == c->max_block) ogi_mask_cache_clear(c);
    OG_TRY(ogi_grow(m->ctx, &c->block, &c->block_cap, m->machine.n_position, sizeof *c->block));
    while (c->n_position < m->machine.n_position) c->block[c->n_position++] = -1;
    return OG_OK;
}

static og_status state_mask(og_matcher *m, int32_t state, const ogi_state_mask **out)
{
    *out = &m->g->mask[state];
    if ((*out)->is_known) return OG_OK;
    if (!m->mask) m->mask = OGI_NEW_N(m->ctx, ogi_state_mask *, m->g->n_state);
    if (!m->mask) return OG_E_MEMORY;
    if (!m->mask[state]) {
        ogi_state_mask *k = OGI_NEW(m->ctx, ogi_state_mask);
        if (!k) return OG_E_MEMORY;
        m->mask[state] = k;
    }
    if (!m->mask[state]->is_known) OG_TRY(ogi_state_mask_find(&m->machine, state, m->mask[state]));
    *out = m->mask[state];
    return OG_OK;
}

static void add_state_mask(uint32_t *bits, const ogi_state_mask *k, int32_t n_word)
{
    if (k->bits)
        for (int32_t i = 0; i < n_word; i++) bits[i] |= k->bits[i];
    else
        for (int32_t i = 0; i < k->n_token; i++) set_bit(bits, k->token[i]);
}

static og_status push_work(og_matcher *m, int32_t *n, int32_t stack, int32_t node)
{
    OG_TRY(ogi_grow(m->ctx, &m->work, &m->work_cap, *n + 2, sizeof *m->work));
    m->work[(*n)++] = stack;
    m->work[(*n)++] = node;
    return OG_OK;
}

/* Tokens below a trie node from a stack. */
static og_status add_subtree(og_matcher *m, int32_t stack, int32_t node, uint32_t *bits)
{
    int32_t position;
    id_list found = { 0 };
    OG_TRY(ogi_machine_single(&m->machine, stack, &position));
    og_status s = walk(&m->machine, position, node, &found, NULL);
    for (int32_t i = 0; i < found.n; i++) set_bit(bits, found.id[i]);
    ogi_free(m->ctx, found.id);
    return s;
}

/* Adds what the stack lets through: its state's mask, and from where that ends the stack below. */
static og_status add_stack(og_matcher *m, int32_t stack, uint32_t *bits)
{
    int32_t n = 0;
    OG_TRY(push_work(m, &n, stack, 0));
    while (n > 0) {
        int32_t node = m->work[--n], top = m->work[--n];
        if (top == 0) continue;
        if (node != 0) {
            OG_TRY(add_subtree(m, top, node, bits));
            continue;
        }
        const ogi_state_mask *k;
        OG_TRY(state_mask(m, m->machine.stack[top].state, &k));
        add_state_mask(bits, k, m->g->trie->n_word);
        int32_t below = m->machine.stack[top].below;
        for (int32_t i = 0; i < k->n_end && below; i++) OG_TRY(push_work(m, &n, below, k->end[i]));
    }
    return OG_OK;
}

/* Token terminals, and end tokens where the text may end. */
static void add_special(og_matcher *m, const ogi_position *p, uint32_t *bits)
{
    const ogi_token_trie *t = m->g->trie;
    for (int32_t i = 0; i < p->n_open && p->has_token; i++) {
        const ogi_state *s = &m->g->state[m->machine.stack[p->open[i]].state];
        for (int32_t e = s->token; e < s[1].token; e++) {
            const ogi_token_edge *x = &m->g->token[e];
            bool is_end =
                x->token < t->n_vocab && (t->end_bits[x->token >> 5] >> (x->token & 31) & 1);
            if (!x->is_negated) {
                if (!is_end && x->token < t->n_vocab) set_bit(bits, x->token);
                continue;
            }
            for (int32_t w = 0; w < t->n_word; w++) {
                uint32_t other = t->text_bits[w];
                if (w == x->token >> 5) other &= ~(1u << (x->token & 31));
                bits[w] |= other;
            }
        }
    }
    if (p->is_complete)
        for (int32_t w = 0; w < t->n_word; w++) bits[w] |= t->end_bits[w];
}

static og_status find_mask(og_matcher *m, uint32_t *bits)
{
    int32_t n_word = m->g->trie->n_word;
    /* The machine may grow while masks are found; items stay where they are. */
    ogi_position p = m->machine.position[m->position];
    memset(bits, 0, (size_t)n_word * sizeof *bits);
    for (int32_t i = 0; i < p.n_item; i++)
        if (p.item[i]) OG_TRY(add_stack(m, p.item[i], bits));
    add_special(m, &p, bits);
    return OG_OK;
}

/* The mask without tokens that repeat a name; a copy, since the cached one serves other texts. */
static og_status filter_names(og_matcher *m, const uint32_t **bits)
{
    int32_t n_word = m->g->trie->n_word;
    if (!m->names.n_from) return OG_OK;
    OG_TRY(ogi_grow(m->ctx, &m->filtered, &m->filtered_cap, n_word, sizeof *m->filtered));
    memcpy(m->filtered, *bits, (size_t)n_word * sizeof *m->filtered);
    *bits = m->filtered;
    return ogi_names_filter(&m->names, &m->spare_names, m->g, m->filtered);
}

og_status og_matcher_mask(og_matcher *m, const uint32_t **bits)
{
    *bits = NULL;
    if (!m->g->trie) OG_FAIL(m->ctx, OG_E_INVALID, "the grammar was made without a vocabulary");
    if (m->wait.is_waiting) return ogi_wait_mask(m, bits);
    OG_TRY(prepare_cache(m));
    ogi_mask_cache *c = &m->cache;
    int32_t b = c->block[m->position];
    if (b < 0) {
        b = c->n_block;
        OG_TRY(find_mask(m, c->bits + (int64_t)b * m->g->trie->n_word));
        c->n_block++;
        c->block[m->position] = b;
    }
    *bits = c->bits + (int64_t)b * m->g->trie->n_word;
    return m->g->is_tracking_names ? filter_names(m, bits) : OG_OK;
}

og_status og_matcher_mask_logits(og_matcher *m, float *logits, int32_t n_vocab)
{
    const uint32_t *bits;
    OG_TRY(og_matcher_mask(m, &bits));
    const uint32_t *broken = m->g->trie->broken_bits;
    int32_t n = m->g->trie->n_vocab;
    for (int32_t i = 0; i < n_vocab; i++)
        if (i >= n || !((bits[i >> 5] & ~broken[i >> 5]) >> (i & 31) & 1)) logits[i] = -INFINITY;
    return OG_OK;
}
