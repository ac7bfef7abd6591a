/* SPDX-License-Identifier: MIT
 *
 * A vocabulary as samplers and grammars see it: pieces of text behind token ids. */
#ifndef OXIGRAPH_VOCAB_VIEW_H
#define OXIGRAPH_VOCAB_VIEW_H

#include "oxigraph/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What samplers and grammars ask of a vocabulary. All pointers are borrowed. */
typedef struct og_vocab_view {
    void *user;
    int32_t n_tokens;
    /* Bytes of a token as they appear in text (control tokens too); not NUL-terminated. */
    const char *(*piece)(void *user, int32_t token, size_t *n);
    bool (*is_eog)(void *user, int32_t token);
    /* A token that is no text (control, unused); NULL: there are none besides end tokens. */
    bool (*is_control)(void *user, int32_t token);
    /* Text to tokens, neither special tokens parsed nor BOS added. Writes at most max ids,
     * returns how many there are, < 0 on failure. NULL where no tokenizer exists. */
    int32_t (*tokenize)(void *user, const char *text, size_t n, int32_t *out, int32_t max);
    /* The id of the one token that text spells, special tokens included; -1 if none. */
    int32_t (*token_of)(void *user, const char *text, size_t n);
    int32_t eos, eot, newline; /* -1: none */
} og_vocab_view;

/* The view of a tokenizer, which must outlive it. ctx is used when samplers and grammars are made
 * from the view. */
OG_API og_status og_vocab_view_new(og_ctx *ctx, const og_tokenizer *t, og_vocab_view **out);
OG_API void og_vocab_view_free(og_vocab_view *v);

#ifdef __cplusplus
}
#endif
#endif
