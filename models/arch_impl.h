/* SPDX-License-Identifier: MIT
 *
 * Between the files that turn a GGUF file into a model: hyperparameters (hparams.c), weights
 * (weights.c), decoder blocks (decoder.c, decoder_rope.c), the whole (model.c). */
#ifndef OG_MODELS_ARCH_IMPL_H
#define OG_MODELS_ARCH_IMPL_H

#include "models/model.h"
#include "oxigraph/decoder.h"

/* The registered or built-in architecture of that name, or NULL. */
const og_arch *ogi_arch_find(const og_ctx *ctx, ogi_sv name);

/* Reads and checks arch's keys, then derives what follows. n_ctx: of the run; 0: the file's. */
og_status ogi_hparams_read(og_ctx *ctx, const ogi_gguf *f, const og_arch *arch, int64_t n_ctx,
                           og_hparams *out);

/* ---- weights ------------------------------------------------------------------------------- */
typedef struct ogi_weights {
    og_ctx *ctx;
    const ogi_gguf *file;
    const og_arch *arch;
    const og_hparams *hp;
    og_globals global;
    og_layer *layer;  /* n_layer */
    bool *is_used;    /* by tensor of the file */
    ogi_model *model; /* whose bindings are filled */
    int64_t binding_cap;
} ogi_weights;

/* Declares weights of a graph: the head's if is_head; of layer il, or the global ones if it is -1.
 */
og_status ogi_weights_declare(ogi_weights *w, og_graph *g, bool is_head, int il);
/* Fails if the file has a tensor that no table row spoke of. */
og_status ogi_weights_check_unused(const ogi_weights *w);

/* ---- decoder ------------------------------------------------------------------------------- */
/* What the blocks of one graph share. */
typedef struct ogi_decoder_own {
    og_dim T, S, P, N, M;
    og_tensor *input[OG_STEP_INPUT_COUNT];
    og_tensor *rope_table[2]; /* of global and of local layers */
    int il;                   /* the layer being built, -1: none */
    ogi_kv_types kv;
    ogi_model *model; /* whose states are filled */
    int64_t state_cap;
} ogi_decoder_own;

/* The rule by which layer il turns positions, and its table of cosines and sines (made once). */
og_rope ogi_decoder_rope(const og_decoder *d, int il);
og_tensor *ogi_decoder_rope_table(og_decoder *d, int il);
/* Makes what layers share before the first of them, so that the layers are alike. */
void ogi_decoder_prepare(og_decoder *d);

#endif
