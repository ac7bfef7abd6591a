/* SPDX-License-Identifier: MIT
 *
 * A loaded model from inside the runtime. */
#ifndef OG_RUNTIME_ENGINE_H
#define OG_RUNTIME_ENGINE_H

#include "models/gguf.h"
#include "oxigraph/model.h"

const ogi_gguf *ogi_model_file(const og_model *m); /* borrowed */
og_ctx *ogi_model_ctx(const og_model *m);

#endif
