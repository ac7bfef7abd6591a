/* SPDX-License-Identifier: MIT
 *
 * A model's graphs as one text behind a header (docs/form.md, "Files of a model"). */
#ifndef OG_MODELS_MODEL_TEXT_H
#define OG_MODELS_MODEL_TEXT_H

#include "models/model.h"

enum { OGI_MODEL_TEXT_MAX = 64 << 20 /* bytes */, OGI_MODEL_FORMAT = 1 };

/* The key of a model's file that holds such a text. */
#define OGI_MODEL_TEXT_KEY "oxigraph.graph"

/* The text that `graph` names: a path, or "embedded" for that of the model's own file. */
og_status ogi_model_text_read(const ogi_gguf *file, og_ctx *ctx, const char *graph, ogi_buf *out);

/* Header and all entries. */
og_status ogi_model_print(const ogi_model *m, ogi_buf *out);

/* Fills m, whose ctx, mem and file are set, from such a text: every graph is verified and checked
 * against the engine's contract and the file's weights. */
og_status ogi_model_parse(ogi_model *m, const ogi_model_options *opt, ogi_sv text);

#endif
