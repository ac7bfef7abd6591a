/* SPDX-License-Identifier: MIT
 *
 * Prompt caches: what a sequence holds (tokens, keys and values, recurrent states) as a file, so
 * that a prompt is computed once. What is fed to a loaded sequence gives the same logits, bit for
 * bit, as if its tokens had been fed. A cache belongs to its model file (size and modification
 * time), metadata overrides, KV type, instruction set and version of the library; any other is
 * refused. Files hold raw numbers: they are not for exchange between machines. */
#ifndef OXIGRAPH_PROMPT_CACHE_H
#define OXIGRAPH_PROMPT_CACHE_H

#include "oxigraph/model.h"
#include "oxigraph/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called with 0..1; false cancels: OG_E_CANCELLED. */
typedef bool (*og_progress_fn)(void *user, double done);

/* Writes path whole or not at all, readable by its owner alone. token: all that seq holds, n of
 * them. OG_E_FORMAT: path is a file that is not a prompt cache, which is left alone. progress may
 * be NULL. */
OG_API og_status og_prompt_cache_save(og_sequence *seq, const int32_t *token, int64_t n,
                                      const char *path, og_progress_fn progress, void *user);

/* Fills an empty sequence; the tokens it then holds are put into tokens. On failure both are empty:
 *   OG_E_NOT_FOUND  there is no such file;
 *   OG_E_FORMAT     it is not a prompt cache;
 *   OG_E_INVALID    it belongs to another model or setting, or is damaged;
 *   OG_E_LIMIT      the context is too small for it.
 * Whatever the file says, no memory beyond the sequence's own and its tokens is used. */
OG_API og_status og_prompt_cache_load(og_sequence *seq, const char *path, og_tokens *tokens,
                                      og_progress_fn progress, void *user);

#ifdef __cplusplus
}
#endif
#endif
