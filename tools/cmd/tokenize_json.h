/* SPDX-License-Identifier: MIT
 *
 * The JSON faces of `oxigraph tokenize`: requests line by line, verification, the vocabulary's
 * facts. */
#ifndef OG_TOOLS_CMD_TOKENIZE_JSON_H
#define OG_TOOLS_CMD_TOKENIZE_JSON_H

#include <stdio.h>

#include "base/buf.h"
#include "oxigraph/tokenizer.h"

/* Answers requests from `in`, one a line, on `out`; exit status. */
int tokenize_jsonl(og_ctx *ctx, const og_tokenizer *t, FILE *in, FILE *out);
/* Compares with the ids in a file of cases; exit status. Tells the first difference on stderr. */
int tokenize_verify(og_ctx *ctx, const og_tokenizer *t, const char *path);
/* Special ids, flags and counts, as JSON or as text. */
int tokenize_info(const og_tokenizer *t, bool json);
/* Appends s as a JSON string; what is no valid UTF-8 becomes U+FFFD. */
void tokenize_json_string(ogi_buf *b, const char *s, size_t n);

#endif
