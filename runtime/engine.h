/* SPDX-License-Identifier: MIT
 *
 * A loaded model from inside the runtime. */
#ifndef OG_RUNTIME_ENGINE_H
#define OG_RUNTIME_ENGINE_H

#include "formats/gguf.h"
#include "oxigraph/model.h"

/* og_model_load over an open file, which the model takes over, also on failure. */
og_status ogi_model_load_gguf(og_ctx *ctx, ogi_gguf *file, const og_model_options *opt,
                              og_model **out);
const ogi_gguf *ogi_model_file(const og_model *m); /* borrowed */
og_ctx *ogi_model_ctx(const og_model *m);
const og_device *ogi_model_device(const og_model *m);
int64_t ogi_model_vocab_size(const og_model *m);

/* A hash of all that decides the numbers in a sequence's states: file, graph (architecture, KV
 * type, RoPE's factors), passes, instruction set, version of the program. */
og_status ogi_model_fingerprint(og_model *m, uint64_t *out);
/* Bytes of the states of a sequence of n tokens. INT64_MAX: more than can be counted. */
int64_t ogi_model_state_size(const og_model *m, int64_t n);

og_model *ogi_sequence_model(const og_sequence *s);
/* Gives fn the device memory of the states of a sequence of n tokens, n >= its length, piece by
 * piece in a fixed order: pages are taken as needed, and the sequence is n tokens long when fn has
 * had all; on failure it stays as long as it was. */
typedef og_status (*ogi_piece_fn)(void *user, void *mem, int64_t size);
og_status ogi_sequence_pieces(og_sequence *s, int64_t n, ogi_piece_fn fn, void *user);

#endif
