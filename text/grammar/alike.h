/* SPDX-License-Identifier: MIT
 *
 * Which states of an automaton behave alike for a while. Two states are alike for n bytes if their
 * rules take the same texts of up to n bytes from there and may end after the same ones. A string
 * with a maximal length, say, has a state for each length; all but the last few are alike for as
 * long as any token is, so that one mask serves them.
 *
 * Known by Moore's refinement of partitions, round n telling apart what differs within n bytes.
 * Each state remembers the rounds in which its class changed. */
#ifndef OG_TEXT_GRAMMAR_ALIKE_H
#define OG_TEXT_GRAMMAR_ALIKE_H

#include "text/grammar/grammar.h"

typedef struct ogi_alike_change {
    int32_t bytes;         /* from here on */
    int32_t class, before; /* before: the state's change before this one, or -1 */
} ogi_alike_change;

typedef struct ogi_alike {
    int32_t *last; /* of each state: its last change */
    ogi_alike_change *change;
    int64_t n_change, cap;
    int32_t n_class;
    int32_t bytes; /* how far is known */
} ogi_alike;

/* Finds out for up to max_bytes, or as far as a bounded amount of work allows. is_empty: of each
 * rule, whether it may match nothing. */
og_status ogi_alike_find(const og_grammar *g, const bool *is_empty, int32_t max_bytes,
                         ogi_alike *out);
void ogi_alike_free(og_ctx *ctx, ogi_alike *a);

/* States of one class are alike for that many bytes; bytes <= a->bytes. */
static inline int32_t ogi_alike_class(const ogi_alike *a, int32_t state, int32_t bytes)
{
    int32_t i = a->last[state];
    while (a->change[i].bytes > bytes) i = a->change[i].before;
    return a->change[i].class;
}

#endif
