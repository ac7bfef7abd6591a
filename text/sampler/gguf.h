/* SPDX-License-Identifier: MIT
 *
 * Sampling options that a model file recommends: its general.sampling.* keys. */
#ifndef OG_TEXT_SAMPLER_GGUF_H
#define OG_TEXT_SAMPLER_GGUF_H

#include "formats/gguf.h"
#include "oxigraph/sampler.h"

/* Options that f lacks keep their value. Errors name the file and the key. */
og_status ogi_sampler_config_gguf(og_ctx *ctx, const ogi_gguf *f, og_sampler_config *c);

#endif
