/* SPDX-License-Identifier: MIT
 *
 * Synthetic models: a shape and a type become a whole GGUF with random weights, for benchmarks and
 * tests. The same options give the same bytes on every machine. Matrices have the usual spread
 * (1 / sqrt of the row length, 1 for the token embedding), so that logits are of ordinary size. */
#ifndef OG_MODELS_SYNTH_H
#define OG_MODELS_SYNTH_H

#include "formats/gguf.h"

typedef struct ogi_synth_shape {
    const char *name, *arch, *doc;
    int64_t n_layer, n_embd, n_ff, n_head, n_head_kv, head_dim, n_vocab, n_ctx;
    int64_t n_expert, n_expert_used; /* 0: dense */
    double rope_base, rms_eps;
    bool has_qk_norm;
} ogi_synth_shape;

const ogi_synth_shape *ogi_synth_shape_at(int i);              /* built in; NULL behind the last */
const ogi_synth_shape *ogi_synth_shape_find(const char *name); /* NULL: none of that name */

typedef struct ogi_synth_options {
    const ogi_synth_shape *shape;
    /* An element type ("Q4_0": every matrix, token embedding and output too) or a mixture as
     * llama.cpp's quantize makes it ("Q4_K_M"). Routers of experts and norms stay F32. */
    const char *type;
    const ogi_gguf *vocab; /* its tokenizer keys are copied; NULL: a model without tokenizer */
    uint64_t seed;
} ogi_synth_options;

typedef struct ogi_synth ogi_synth;

/* The whole layout; what options point to must outlive it. Errors: OG_E_NOT_FOUND (no such type),
 * OG_E_FORMAT (vocab has no tokens). */
og_status ogi_synth_new(og_ctx *ctx, const ogi_synth_options *opt, ogi_synth **out);
void ogi_synth_free(ogi_synth *s);
int64_t ogi_synth_size(const ogi_synth *s); /* bytes of the file */

/* Gives the file in order, piece by piece. The sink returns false to stop: OG_E_CANCELLED. */
typedef bool (*ogi_synth_sink)(void *user, const void *p, int64_t n);
og_status ogi_synth_write(ogi_synth *s, ogi_synth_sink sink, void *user);

/* How the type of a file's matrices is called: the mixture that general.file_type says, else the
 * type that takes most bytes. */
void ogi_synth_type_name(const ogi_gguf *f, char *out, size_t n);

#endif
