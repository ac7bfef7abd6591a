/* SPDX-License-Identifier: MIT
 *
 * Token masks of positions: the masks of their stacks' states, and where a rule ends inside a token
 * what the stack below lets through from there; those are few. */
#include <math.h>

#include "text/grammar/matcher.h"

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
    state = m->g->twin[state];
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
        for (int32_t i = 0; i < k->n_token; i++) ogi_mask_set(bits, k->token[i]);
}

static og_status push_work(og_matcher *m, int32_t *n, int32_t stack, int32_t node)
{
    OG_TRY(ogi_grow(m->ctx, &m->work, &m->work_cap, *n + 2, sizeof *m->work));
    m->work[(*n)++] = stack;
    m->work[(*n)++] = node;
    return OG_OK;
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
            int32_t position;
            OG_TRY(ogi_machine_single(&m->machine, top, &position));
            OG_TRY(ogi_mask_walk(&m->machine, position, node, bits, NULL));
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
            if (x->token == OGI_TOKEN_OTHER) {
                for (int32_t w = 0; w < t->n_word; w++) bits[w] |= t->other_bits[w];
                continue;
            }
            bool is_end =
                x->token < t->n_vocab && (t->end_bits[x->token >> 5] >> (x->token & 31) & 1);
            if (!x->is_negated) {
                if (!is_end && x->token < t->n_vocab) ogi_mask_set(bits, x->token);
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
    int32_t twin = -1, below = -1;
    for (int32_t i = 0; i < p.n_item; i++) {
        const ogi_stack *top = &m->machine.stack[p.item[i]];
        if (!p.item[i]) continue;
        /* Neighbours often are the counts of one repetition, which have the same mask. */
        if (m->g->twin[top->state] == twin && top->below == below) continue;
        twin = m->g->twin[top->state], below = top->below;
        OG_TRY(add_stack(m, p.item[i], bits));
    }
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
    OGI_NEEDS(m ? m->ctx : NULL, m && bits);
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
    OGI_NEEDS(m ? m->ctx : NULL, m && logits && n_vocab >= 0);
    const uint32_t *bits;
    OG_TRY(og_matcher_mask(m, &bits));
    const ogi_token_trie *t = m->g->trie;
    int32_t n = OGI_MIN(t->n_vocab, n_vocab);
    for (int32_t w = 0; w * 32 < n; w++) {
        uint32_t allowed = bits[w] & ~t->broken_bits[w];
        int32_t stop = OGI_MIN(n, w * 32 + 32);
        if (allowed == UINT32_MAX) continue;
        for (int32_t i = w * 32; i < stop; i++, allowed >>= 1)
            logits[i] = allowed & 1 ? logits[i] : -INFINITY;
    }
    for (int32_t i = n; i < n_vocab; i++) logits[i] = -INFINITY;
    return OG_OK;
}
