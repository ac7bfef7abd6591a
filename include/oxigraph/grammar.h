/* SPDX-License-Identifier: MIT
 *
 * Constrained output: grammars (GBNF), JSON Schemas and regular expressions, all compiled to one
 * kind of automaton over bytes, and matchers that tell which tokens may come next.
 *
 *     og_grammar *g;
 *     og_matcher *m;
 *     og_grammar_gbnf(ctx, text, strlen(text), "root", &vocab, &g);
 *     og_matcher_new(g, ctx, &m);
 *     for (;;) {
 *         og_matcher_mask_logits(m, logits, n_vocab);
 *         ... sample a token; stop at an end token ...
 *         og_matcher_accept(m, token);
 *     }
 */
#ifndef OXIGRAPH_GRAMMAR_H
#define OXIGRAPH_GRAMMAR_H

#include "oxigraph/vocab_view.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled grammar: immutable, shared by any number of matchers and threads. */
typedef struct og_grammar og_grammar;

/* vocab may be NULL where only texts are matched; otherwise it must outlive the grammar, and the
 * token masks are prepared here. Errors: OG_E_FORMAT with line and column or path;
 * OG_E_UNSUPPORTED for what cannot be enforced; OG_E_LIMIT for what grows too large. */
OG_API og_status og_grammar_gbnf(og_ctx *ctx, const char *text, size_t n, const char *root,
                                 const og_vocab_view *vocab, og_grammar **out);
/* JSON Schema 2020-12. Every text that the grammar accepts validates. */
OG_API og_status og_grammar_schema(og_ctx *ctx, const char *text, size_t n,
                                   const og_vocab_view *vocab, og_grammar **out);
/* The whole text must match the regular expression (ECMAScript's syntax without look-around and
 * back references; anchors may stand at the ends). */
OG_API og_status og_grammar_regex(og_ctx *ctx, const char *text, size_t n,
                                  const og_vocab_view *vocab, og_grammar **out);
OG_API void og_grammar_free(og_grammar *g);
/* States of the automaton, for reports. */
OG_API int32_t og_grammar_size(const og_grammar *g);

/* Where in a grammar a text stands. */
typedef struct og_matcher og_matcher;

OG_API og_status og_matcher_new(const og_grammar *g, og_ctx *ctx, og_matcher **out);
OG_API void og_matcher_free(og_matcher *m);
OG_API void og_matcher_reset(og_matcher *m);
OG_API og_status og_matcher_clone(const og_matcher *m, og_matcher **out);

/* The constraint begins after the first time that text comes up (after "</think>", say); before
 * that everything is allowed, the end too. Starts anew; og_matcher_reset keeps the text. */
OG_API og_status og_matcher_wait(og_matcher *m, const char *text, size_t n);
/* The same, but the text has to come: before it everything is allowed except the end. */
OG_API og_status og_matcher_await(og_matcher *m, const char *text, size_t n);

/* Takes bytes; *taken tells how many went in before one that fits nowhere (then the matcher stays
 * where it was after the last that fitted). */
OG_API og_status og_matcher_text(og_matcher *m, const char *text, size_t n, size_t *taken);
/* Is the text so far complete, so that it may end here? */
OG_API og_status og_matcher_is_complete(og_matcher *m, bool *complete);

/* Takes a token: OG_E_INVALID, and nothing changes, if it is not allowed. End tokens change
 * nothing. */
OG_API og_status og_matcher_accept(og_matcher *m, int32_t token);
/* One bit for each token, (n_tokens + 31) / 32 words; borrowed until the next call. End tokens
 * are allowed where the text may end. */
OG_API og_status og_matcher_mask(og_matcher *m, const uint32_t **bits);
/* Sets the logits of tokens that are not allowed to -inf; also those of tokens with bytes that no
 * UTF-8 text holds, which masks let through where any character may stand. */
OG_API og_status og_matcher_mask_logits(og_matcher *m, float *logits, int32_t n_vocab);

#ifdef __cplusplus
}
#endif
#endif
