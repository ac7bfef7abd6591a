/* SPDX-License-Identifier: MIT
 *
 * exaone4: norms behind attention and feed-forward alone, norms of queries and keys. In the model
 * of 64 layers three of four see a window, and the others have no rope. */
#include "models/arch/arch.h"

enum { LAYERS_32B = 64 };

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "4096"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,      OG_WEIGHTS_ROPE, OG_WEIGHTS_QKVO,    OG_WEIGHTS_QK_NORM,
    OG_WEIGHTS_POST_NORMS, OG_WEIGHTS_GATE, OG_WEIGHTS_UP_DOWN,
};

static void derive(og_hparams *hp)
{
    bool has_window = hp->n_layer == LAYERS_32B && hp->window > 0;
    og_hparams_pattern(hp, has_window ? 4 : 1, false);
    for (int i = 0; has_window && i < hp->n_layer; i++)
        hp->layer[i].has_rope = hp->layer[i].is_local;
}

const og_arch ogi_arch_exaone4 = { .name = "exaone4",
                                   .doc = "EXAONE 4",
                                   OG_ARCH_TABLES,
                                   .rope = OG_ROPE_HALVES,
                                   .derive = derive,
                                   .block = og_decoder_plain_block };
