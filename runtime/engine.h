/* SPDX-License-Identifier: MIT
 *
 * A loaded model from inside the runtime. */
#ifndef OG_RUNTIME_ENGINE_H
#define OG_RUNTIME_ENGINE_H

#include "models/gguf.h"
#include "oxigraph/model.h"

/* og_model_load over an open file, which the model takes over, also on failure. */
og_status ogi_model_load_gguf(og_ctx *ctx, ogi_gguf *file, const og_model_options *opt,
                              og_model **out);
const ogi_gguf *ogi_model_file(const og_model *m); /* borrowed */
og_ctx *ogi_model_ctx(const og_model *m);

#endif
