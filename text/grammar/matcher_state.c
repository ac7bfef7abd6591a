/* SPDX-License-Identifier: MIT
 *
 * Token masks of states. What a state lets through before its rule ends does not depend on the
 * stack below: it is found once. A walk over the vocabulary finds it; where some other state's mask
 * is known, a walk over what differs: a subtree that is less high than the two are alike for is the
 * same in both masks. */
#include "text/grammar/matcher.h"

#include <stdlib.h>

#include "base/clock.h"
#include "text/grammar/alike.h"

static void clear_below(const ogi_token_trie *t, int32_t node, uint32_t *bits)
{
    for (int32_t k = t->token_at[node]; k < t->token_at[t->skip[node]]; k++)
        bits[t->token[k] >> 5] &= ~(1u << (t->token[k] & 31));
}

static og_status add_node(og_ctx *ctx, ogi_node_list *l, int32_t node)
{
    OG_TRY(ogi_grow(ctx, &l->node, &l->cap, l->n + 1, sizeof *l->node));
    l->node[l->n++] = node;
    return OG_OK;
}

/* Notes that the empty stack is reached at a node, if that matters. */
static og_status note_end(ogi_machine *m, int32_t position, int32_t node, ogi_node_list *end)
{
    bool is_end = end && m->g->trie->height[node] && m->position[position].is_complete;
    return is_end ? add_node(m->ctx, end, node) : OG_OK;
}

og_status ogi_mask_walk(ogi_machine *m, int32_t position, int32_t node, uint32_t *bits,
                        ogi_node_list *end)
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
            ogi_mask_set(bits, t->token[k]);
        OG_TRY(note_end(m, to, i, end));
        i++;
    }
    return OG_OK;
}

/* ---- what differs from another state ---- */

/* Do the positions let the same through for that many bytes? May say no where they do. */
static bool is_alike(const ogi_machine *m, int32_t a, int32_t b, int32_t bytes)
{
    const ogi_position *p = &m->position[a], *q = &m->position[b];
    if (a == b) return true;
    if (p->n_item != q->n_item || bytes > m->g->alike->bytes) return false;
    for (int32_t i = 0; i < p->n_item; i++) {
        int32_t x = p->item[i], y = q->item[i];
        while (x != y) {
            if (!x || !y) return false;
            int32_t s = m->stack[x].state, t = m->stack[y].state;
            if (s != t &&
                ogi_alike_class(m->g->alike, s, bytes) != ogi_alike_class(m->g->alike, t, bytes))
                return false;
            x = m->stack[x].below, y = m->stack[y].below;
        }
    }
    return true;
}

typedef struct difference {
    ogi_machine *m;
    const ogi_state_mask *like;
    uint32_t *bits;      /* like's, which become the state's */
    ogi_node_list *end;  /* the state's */
    int32_t n_like_done; /* ends of like that are dealt with */
} difference;

/* Takes over, or leaves out, like's ends before a node. */
static og_status pass_ends(difference *d, int32_t node, bool is_kept)
{
    const ogi_state_mask *like = d->like;
    for (; d->n_like_done < like->n_end && like->end[d->n_like_done] < node; d->n_like_done++)
        if (is_kept) OG_TRY(add_node(d->m->ctx, d->end, like->end[d->n_like_done]));
    return OG_OK;
}

/* The node below which one and the other position differ, or may: *next is where to go on. */
static og_status differ_at(difference *d, int32_t i, int32_t mine, int32_t other, int32_t *next)
{
    const ogi_token_trie *t = d->m->g->trie;
    *next = t->skip[i];
    if (mine != OGI_DEAD && other != OGI_DEAD) {
        bool is_same = is_alike(d->m, mine, other, t->height[i]);
        OG_TRY(pass_ends(d, is_same ? t->skip[i] : i + 1, is_same));
        if (is_same) return OG_OK;
        *next = i + 1;
        return note_end(d->m, mine, i, d->end);
    }
    OG_TRY(pass_ends(d, t->skip[i], false));
    if (mine == OGI_DEAD && other != OGI_DEAD) clear_below(t, i, d->bits);
    if (mine == OGI_DEAD) return OG_OK;
    for (int32_t k = t->token_at[i]; k < t->token_at[i + 1]; k++)
        ogi_mask_set(d->bits, t->token[k]);
    OG_TRY(note_end(d->m, mine, i, d->end));
    return ogi_mask_walk(d->m, mine, i, d->bits, d->end);
}

static og_status walk_difference(difference *d, int32_t position, int32_t other)
{
    const ogi_token_trie *t = d->m->g->trie;
    int32_t mine[OGI_TRIE_MAX_DEPTH + 1], theirs[OGI_TRIE_MAX_DEPTH + 1];
    mine[0] = position, theirs[0] = other;
    OG_TRY(pass_ends(d, 1, false));
    OG_TRY(note_end(d->m, position, 0, d->end));
    for (int32_t i = 1; i < t->n;) {
        int32_t depth = t->depth[i];
        OG_TRY(ogi_machine_step(d->m, mine[depth - 1], t->byte[i], &mine[depth]));
        OG_TRY(ogi_machine_step(d->m, theirs[depth - 1], t->byte[i], &theirs[depth]));
        OG_TRY(differ_at(d, i, mine[depth], theirs[depth], &i));
    }
    return OG_OK;
}

/* ---- one state ---- */

/* Few tokens become a list; takes the bits. */
static og_status keep_tokens(ogi_machine *m, uint32_t *bits, ogi_state_mask *out)
{
    const ogi_token_trie *t = m->g->trie;
    int32_t n = 0;
    for (int32_t w = 0; w < t->n_word; w++) n += __builtin_popcount(bits[w]);
    out->n_token = n;
    if (n >= t->n_word) {
        out->bits = bits;
        return OG_OK;
    }
    out->token = OGI_NEW_N(m->ctx, int32_t, n + 1);
    n = 0;
    for (int32_t w = 0; out->token && w < t->n_word; w++)
        for (uint32_t rest = bits[w]; rest; rest &= rest - 1)
            out->token[n++] = w * 32 + __builtin_ctz(rest);
    ogi_free(m->ctx, bits);
    return out->token ? OG_OK : OG_E_MEMORY;
}

enum { LIKE_BYTES = 2 }; /* states that are alike for so long are worth comparing */

/* The class of states among which one's mask helps to find the others'. */
static int32_t kind_of(const og_grammar *g, int32_t state)
{
    return ogi_alike_class(g->alike, state, OGI_MIN(LIKE_BYTES, g->alike->bytes));
}

static og_status position_of(ogi_machine *m, int32_t state, int32_t *position)
{
    int32_t stack;
    OG_TRY(ogi_machine_push(m, state, 0, &stack));
    return ogi_machine_single(m, stack, position);
}

static og_status find(ogi_machine *m, int32_t state, uint32_t *bits, ogi_node_list *end)
{
    const og_grammar *g = m->g;
    int32_t position, other, like = g->like[kind_of(g, state)];
    OG_TRY(position_of(m, state, &position));
    if (like < 0 || !g->mask[like].bits) {
        OG_TRY(note_end(m, position, 0, end));
        return ogi_mask_walk(m, position, 0, bits, end);
    }
    OG_TRY(position_of(m, like, &other));
    memcpy(bits, g->mask[like].bits, (size_t)g->trie->n_word * sizeof *bits);
    difference d = { .m = m, .like = &g->mask[like], .bits = bits, .end = end };
    return walk_difference(&d, position, other);
}

og_status ogi_state_mask_find(ogi_machine *m, int32_t state, ogi_state_mask *out)
{
    *out = (ogi_state_mask){ 0 };
    ogi_node_list end = { 0 };
    uint32_t *bits = OGI_NEW_N(m->ctx, uint32_t, m->g->trie->n_word + 1);
    og_status s = bits ? find(m, state, bits, &end) : OG_E_MEMORY;
    out->end = end.node, out->n_end = end.n;
    if (s != OG_OK)
        ogi_free(m->ctx, bits);
    else
        s = keep_tokens(m, bits, out);
    if (s != OG_OK)
        ogi_state_mask_free(m->ctx, out);
    else
        out->is_known = true;
    return s;
}

void ogi_state_mask_free(og_ctx *ctx, ogi_state_mask *m)
{
    ogi_free(ctx, m->token);
    ogi_free(ctx, m->bits);
    ogi_free(ctx, m->end);
    *m = (ogi_state_mask){ 0 };
}

/* ---- all states, in advance ---- */

static og_status find_twins(og_grammar *g, const bool *is_empty)
{
    int32_t height = g->trie->height[0];
    g->alike = OGI_NEW(g->ctx, ogi_alike);
    g->twin = OGI_NEW_N(g->ctx, int32_t, g->n_state);
    if (!g->alike || !g->twin) return OG_E_MEMORY;
    OG_TRY(ogi_alike_find(g, is_empty, height, g->alike));
    int32_t *first = OGI_NEW_N(g->ctx, int32_t, g->alike->n_class); /* state + 1 of each class */
    g->like = OGI_NEW_N(g->ctx, int32_t, g->alike->n_class);
    for (int32_t s = 0; s < g->n_state && first; s++) {
        int32_t *f = &first[ogi_alike_class(g->alike, s, g->alike->bytes)];
        if (!*f || g->alike->bytes < height) *f = s + 1;
        g->twin[s] = *f - 1;
    }
    bool ok = first && g->like;
    if (ok) memset(g->like, 0xff, (size_t)g->alike->n_class * sizeof *g->like);
    ogi_free(g->ctx, first);
    return ok ? OG_OK : OG_E_MEMORY;
}

typedef struct ranked {
    int32_t state, n_byte;
} ranked;

static int by_bytes(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->n_byte != y->n_byte) return x->n_byte > y->n_byte ? -1 : 1;
    return x->state < y->state ? -1 : x->state > y->state;
}

/* Bytes that lead on from each state, its calls included as deep as strings have them. */
static void count_bytes(const og_grammar *g, int32_t *n_byte)
{
    enum { CALLS = 3 };
    for (int32_t s = 0; s < g->n_state; s++)
        for (int32_t e = g->state[s].edge; e < g->state[s + 1].edge; e++)
            n_byte[s] += 1 + g->edge[e].high - g->edge[e].low;
    for (int round = 0; round < CALLS; round++)
        for (int32_t s = 0; s < g->n_state; s++)
            for (int32_t k = g->state[s].call; k < g->state[s + 1].call; k++)
                n_byte[s] = OGI_MAX(n_byte[s], n_byte[g->call[k].start]);
}

/* States that can be on top of a stack after a byte or a return, those with many bytes first: they
 * are the dear ones. One of each kind of twins. */
static ranked *rank_states(const og_grammar *g, int32_t *n)
{
    ranked *r = OGI_NEW_N(g->ctx, ranked, g->n_state);
    int32_t *n_byte = OGI_NEW_N(g->ctx, int32_t, g->n_state);
    *n = 0;
    if (r && n_byte) {
        count_bytes(g, n_byte);
        for (int32_t s = 0; s < g->n_state; s++)
            if (g->twin[s] == s && !ogi_state_only_ends(g, s)) r[(*n)++] = (ranked){ s, n_byte[s] };
        qsort(r, (size_t)*n, sizeof *r, by_bytes);
    } else {
        ogi_free(g->ctx, r);
        r = NULL;
    }
    ogi_free(g->ctx, n_byte);
    return r;
}

og_status ogi_grammar_prepare_masks(og_grammar *g, const bool *is_empty)
{
    const double budget = 0.2; /* seconds; what is left is found when it is needed */
    const int64_t max_bytes = 32 << 20;
    int32_t n;
    int64_t bytes = 0;
    double begin = ogi_seconds();
    ogi_machine m = { 0 };
    OG_TRY(find_twins(g, is_empty));
    g->mask = OGI_NEW_N(g->ctx, ogi_state_mask, g->n_state);
    ranked *r = rank_states(g, &n);
    og_status s = g->mask && r ? ogi_machine_init(&m, g->ctx, g) : OG_E_MEMORY;
    for (int32_t i = 0; i < n && s == OG_OK; i++) {
        ogi_state_mask *k = &g->mask[r[i].state];
        s = ogi_state_mask_find(&m, r[i].state, k);
        int32_t *like = &g->like[kind_of(g, r[i].state)];
        if (*like < 0 && k->bits) *like = r[i].state;
        bytes += (k->bits ? g->trie->n_word : k->n_token) * 4 + k->n_end * 4;
        if (bytes > max_bytes || m.n_table >= OGI_MAX_TABLES || ogi_seconds() - begin > budget)
            break;
    }
    ogi_machine_free(&m);
    ogi_free(g->ctx, r);
    return s;
}
