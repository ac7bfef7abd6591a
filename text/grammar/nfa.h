/* SPDX-License-Identifier: MIT
 *
 * One rule on its way to an automaton: a nondeterministic one, and its subset construction. */
#ifndef OG_TEXT_GRAMMAR_NFA_H
#define OG_TEXT_GRAMMAR_NFA_H

#include "text/grammar/grammar.h"

typedef enum ogi_nfa_kind {
    OGI_NFA_EPS,
    OGI_NFA_BYTE,
    OGI_NFA_CALL,
    OGI_NFA_TOKEN,
    OGI_NFA_UNIT, /* empty; only inside what ogi_nfa_add_count takes */
} ogi_nfa_kind;

typedef struct ogi_nfa_edge {
    uint8_t kind, low, high;
    bool is_negated, is_spelled;
    int32_t from, to;
    int32_t arg; /* rule or token */
} ogi_nfa_edge;

typedef struct ogi_nfa {
    og_ctx *ctx;
    ogi_nfa_edge *edge; /* sorted by from once built */
    int64_t n_edge, edge_cap;
    int32_t n_state, start, end;
    int32_t *first; /* n_state + 1: each state's first edge */
    int64_t first_cap;
} ogi_nfa;

/* For what builds parts of it. */
og_status ogi_nfa_add_state(ogi_nfa *a, int32_t *s);
og_status ogi_nfa_add_edge(ogi_nfa *a, ogi_nfa_edge e);
og_status ogi_nfa_add_eps(ogi_nfa *a, int32_t from, int32_t to);
/* Edges for the characters of the ranges. */
og_status ogi_nfa_add_class(ogi_nfa *a, const ogi_char_range *range, int32_t n, int32_t from,
                            int32_t to);
/* Free text; text.c. */
og_status ogi_nfa_add_text(ogi_nfa *a, const ogi_rules *r, const ogi_expr *e, int32_t from,
                           int32_t *to);

/* What part matches with min to max (-1: any number of) units; count.c. */
og_status ogi_nfa_add_count(ogi_nfa *a, const ogi_nfa *part, int32_t min, int32_t max,
                            const char *where, int32_t from, int32_t *to);

/* What x and y match; both.c. */
og_status ogi_nfa_add_both(ogi_nfa *a, const ogi_nfa *x, const ogi_nfa *y, int32_t from,
                           int32_t *to);

/* The automaton of e; rules with is_inline are expanded in place. */
og_status ogi_nfa_build(ogi_nfa *a, const ogi_rules *r, const ogi_expr *e, const bool *is_inline);
void ogi_nfa_free(ogi_nfa *a);

/* Appends the states of a to g, deterministic as far as `work` steps allow (calls and tokens
 * count as letters); *start is the first. Call edges carry the rule, not yet its state. */
og_status ogi_nfa_determinize(const ogi_nfa *a, og_grammar *g, int64_t *work, int32_t *start);

#endif
