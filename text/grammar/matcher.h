/* SPDX-License-Identifier: MIT
 *
 * The machine that runs an automaton. A stack is a state and the stack below it, to which its
 * rule returns; equal stacks have equal numbers, 0 is the empty one. A position is a set of stacks
 * as they are after a byte; positions and their moves are remembered, so that the machine turns
 * into a deterministic automaton as it is used. */
#ifndef OG_TEXT_GRAMMAR_MATCHER_H
#define OG_TEXT_GRAMMAR_MATCHER_H

#include "text/grammar/grammar.h"
#include "text/grammar/matcher_names.h"

enum {
    OGI_DEAD = -1,       /* the position that nothing leads out of */
    OGI_MAX_OPEN = 8192, /* stacks of one position */
    OGI_MAX_STACKS = 1 << 20,
    OGI_MAX_TABLES = 20000, /* positions with a table of moves, 1 KB each */
};

typedef struct ogi_position {
    const int32_t *item; /* sorted stacks */
    const int32_t *open; /* stacks whose state has edges, after all calls and returns */
    int32_t n_item, n_open;
    bool is_complete; /* the empty stack is reached */
    bool has_token;   /* an open stack has a token edge */
    bool is_json;     /* an item is inside JSON */
    int32_t *next;    /* 256 moves: position, OGI_DEAD, or 0 if not known; NULL: no table */
} ogi_position;

typedef struct ogi_stack {
    int32_t state, below;
    int32_t stamp; /* last expansion that saw it */
} ogi_stack;

typedef struct ogi_machine {
    og_ctx *ctx;
    const og_grammar *g;
    ogi_arena arena;
    ogi_stack *stack;
    int32_t n_stack;
    int64_t stack_cap;
    int32_t *stack_slot; /* hash table: stack + 1 */
    int32_t n_stack_slot;
    ogi_position *position; /* 0 is unused */
    int32_t n_position, n_table;
    int64_t position_cap;
    ogi_map by_items;
    int32_t *list, *open; /* scratch of moves */
    int64_t list_cap, open_cap;
    int32_t n_list, time;
} ogi_machine;

og_status ogi_machine_init(ogi_machine *m, og_ctx *ctx, const og_grammar *g);
void ogi_machine_free(ogi_machine *m);
/* The stack of state on below; a state that can only return is left out. */
og_status ogi_machine_push(ogi_machine *m, int32_t state, int32_t below, int32_t *stack);
/* The position of the stacks collected in m->list; OGI_DEAD if there are none. */
og_status ogi_machine_position(ogi_machine *m, int32_t *position);
/* The position of one stack. */
og_status ogi_machine_single(ogi_machine *m, int32_t stack, int32_t *position);
/* Adds a stack to m->list. */
og_status ogi_machine_collect(ogi_machine *m, int32_t stack);
/* The move on a byte that is not in the table. */
og_status ogi_machine_move(ogi_machine *m, int32_t position, uint8_t byte, int32_t *to);
/* The same position in another machine over the same grammar. */
og_status ogi_machine_copy(const ogi_machine *from, int32_t position, ogi_machine *to,
                           int32_t *copy);

static inline og_status ogi_machine_step(ogi_machine *m, int32_t position, uint8_t byte,
                                         int32_t *to)
{
    const int32_t *next = m->position[position].next;
    if (next && next[byte]) {
        *to = next[byte];
        return OG_OK;
    }
    return ogi_machine_move(m, position, byte, to);
}

static inline bool ogi_state_only_ends(const og_grammar *g, int32_t state)
{
    const ogi_state *s = &g->state[state];
    return s->is_end && s->edge == s[1].edge && s->call == s[1].call && s->token == s[1].token;
}

/* ---- masks ---- */

static inline void ogi_mask_set(uint32_t *bits, int32_t i)
{
    bits[i >> 5] |= 1u << (i & 31);
}

/* What the state lets through; found by walking the vocabulary, or where it differs from a state
 * that the grammar has a mask of. */
og_status ogi_state_mask_find(ogi_machine *m, int32_t state, ogi_state_mask *out);

typedef struct ogi_node_list {
    int32_t *node;
    int64_t cap;
    int32_t n;
} ogi_node_list;

/* Sets the bits of the tokens below node that fit from a position; nodes with children at which the
 * empty stack is reached go to end (may be NULL). */
og_status ogi_mask_walk(ogi_machine *m, int32_t position, int32_t node, uint32_t *bits,
                        ogi_node_list *end);

/* Masks of positions, kept while there is room. */
typedef struct ogi_mask_cache {
    uint32_t *bits; /* max_block x n_word */
    int32_t *block; /* of each position, -1: none */
    int64_t block_cap;
    int32_t n_position; /* how far block reaches */
    int32_t n_block, max_block;
} ogi_mask_cache;

/* A text after which the constraint begins; n = 0: it holds from the start. */
typedef struct ogi_wait {
    char *text;
    int32_t *back; /* of each prefix: its longest end that is a prefix too */
    int32_t n, matched;
    bool is_waiting;
    bool must_come;     /* no end before it */
    int32_t *candidate; /* tokens that may complete the text, or must not come */
    int32_t n_candidate;
    int64_t candidate_cap;
} ogi_wait;

struct og_matcher {
    og_ctx *ctx;
    const og_grammar *g;
    ogi_machine machine;
    int32_t position;      /* never OGI_DEAD */
    ogi_state_mask **mask; /* those the grammar has not prepared, by state; NULL until needed */
    ogi_mask_cache cache;
    ogi_wait wait;
    ogi_names names, spare_names; /* where the grammar wants names tracked */
    uint32_t *filtered;           /* a mask without tokens that repeat a name */
    int64_t filtered_cap;
    int32_t *work; /* pairs of stack and trie node still to be done */
    int64_t work_cap;
};

void ogi_mask_cache_clear(ogi_mask_cache *c);

/* ---- waiting for a text ---- */

/* Takes bytes until the text is complete; returns how many. */
int32_t ogi_wait_bytes(ogi_wait *w, const char *p, int32_t n);
og_status ogi_wait_mask(og_matcher *m, const uint32_t **bits);
og_status ogi_wait_accept(og_matcher *m, int32_t token);
og_status ogi_wait_copy(og_ctx *ctx, const ogi_wait *from, ogi_wait *to);
void ogi_wait_free(og_ctx *ctx, ogi_wait *w);

#endif
