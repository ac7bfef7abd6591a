/* SPDX-License-Identifier: MIT
 *
 * Names in the open objects of a JSON text: no grammar can say that a name must not come twice,
 * so matchers of schemas that leave names free read along. */
#ifndef OG_TEXT_GRAMMAR_MATCHER_NAMES_H
#define OG_TEXT_GRAMMAR_MATCHER_NAMES_H

#include "text/grammar/grammar.h"

typedef struct ogi_container {
    bool is_object;
    int64_t n_name; /* names noted before it was opened */
} ogi_container;

typedef struct ogi_names {
    og_ctx *ctx;
    ogi_container *open;
    char *text;    /* the names, decoded, one after the other; then the name being read */
    int64_t *from; /* where each name begins in text */
    int64_t n_open, open_cap, n_text, text_cap, n_from, from_cap;
    int64_t n_key; /* bytes of the name being read */
    bool is_in_string, is_key, wants_key;
    int escape;          /* 0: none, 1: after the backslash, 2..5: one more than the digits left */
    uint32_t unit, high; /* of \uXXXX; a surrogate that waits for its other half */
} ogi_names;

/* The move on a byte. *is_repeated: it would complete a name that the object has already; then
 * nothing changes. */
og_status ogi_names_step(ogi_names *n, uint8_t byte, bool *is_repeated);
og_status ogi_names_copy(const ogi_names *from, ogi_names *to);
void ogi_names_reset(ogi_names *n);
void ogi_names_free(ogi_names *n);

/* Clears the bits of tokens that would repeat a name. spare is for trying them. */
og_status ogi_names_filter(const ogi_names *n, ogi_names *spare, const og_grammar *g,
                           uint32_t *bits);

#endif
