/* SPDX-License-Identifier: MIT
 *
 * `oxigraph graph MODEL --embed -o FILE`. */
#ifndef OG_TOOLS_CMD_GRAPH_EMBED_H
#define OG_TOOLS_CMD_GRAPH_EMBED_H

#include "formats/gguf.h"

/* Writes the model again, as one file, with text as the key oxigraph.graph. */
og_status graph_embed(og_ctx *ctx, const ogi_gguf *f, ogi_sv text, const char *out);

#endif
