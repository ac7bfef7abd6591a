/* SPDX-License-Identifier: MIT
 *
 * What gemma3n and gemma4 share: embeddings of layers, layers that read another's keys. */
#ifndef OG_MODELS_ARCH_GEMMA_EMBD_H
#define OG_MODELS_ARCH_GEMMA_EMBD_H

#include "models/arch/arch.h"

/* The tokens' embeddings for all layers [T, n_layer, n]: rows of the table [V, n_layer * n] and the
 * normed projection of x [T, E], halved in power. */
og_tensor *ogi_gemma_layer_embd(og_decoder *d, og_tensor *x, og_tensor *table, og_tensor *proj,
                                og_tensor *norm, int n);
/* Layer il's of them: [T, n]. */
og_tensor *ogi_gemma_layer_row(og_decoder *d, og_tensor *embd, int il);
/* og_attend.kv_of of layer il where only the first n_own layers keep keys and values: the last of
 * its kind among these. */
int ogi_gemma_kv_of(const og_hparams *hp, int n_own, int il);

#endif
