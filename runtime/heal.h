/* SPDX-License-Identifier: MIT
 *
 * The first tokens of an answer to a healed prompt (og_tokenizer_heal): they must spell the text
 * that was cut off. What the last of them says beyond it is the beginning of the answer. */
#ifndef OG_RUNTIME_HEAL_H
#define OG_RUNTIME_HEAL_H

#include "base/buf.h"
#include "oxigraph/grammar.h"
#include "oxigraph/tokenizer.h"

typedef struct ogi_heal {
    const og_tokenizer *t;
    ogi_sv rest;         /* still to be spelled; n = 0: done */
    og_matcher *matcher; /* at the answer's beginning; NULL: anything */
} ogi_heal;

/* Leaves the tokens that begin rest, or begin with it and go on as the matcher wants. */
og_status ogi_heal_mask(const ogi_heal *h, float *logits, int32_t n_vocab);
/* Takes a token that was left. */
og_status ogi_heal_accept(ogi_heal *h, int32_t token);

#endif
