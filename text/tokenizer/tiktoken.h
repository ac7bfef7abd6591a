/* SPDX-License-Identifier: MIT
 *
 * Tokenizers of rank files, as tiktoken uses them. */
#ifndef OG_TEXT_TOKENIZER_TIKTOKEN_H
#define OG_TEXT_TOKENIZER_TIKTOKEN_H

#include "text/tokenizer/pre.h"
#include "text/tokenizer/vocab.h"

bool ogi_is_tiktoken(const char *path); /* by its ending */
/* Fills vocabulary and splitter; both are freed by the caller in any case. */
og_status ogi_tiktoken_load(og_ctx *ctx, const char *path, const char *const *override,
                            int n_override, ogi_vocab *v, ogi_splitter *splitter);

#endif
