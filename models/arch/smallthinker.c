/* SPDX-License-Identifier: MIT
 *
 * smallthinker: experts chosen by the layer's input, before attention. Where there is a window it
 * is of 4096 keys, whatever the file says, and every fourth layer, the first of four, sees all and
 * has no rope. */
#include "models/arch/arch.h"

enum { WINDOW = 4096, PERIOD = 4 };

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "1"),
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "0"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN,
                                         OG_WEIGHTS_EXPERTS };

static void derive(og_hparams *hp)
{
    if (hp->window == 0) return;
    hp->window = WINDOW;
    og_hparams_pattern(hp, PERIOD, true);
    for (int i = 0; i < hp->n_layer; i++)
        hp->layer[i].has_rope = hp->layer[i].is_local || hp->n_layer == PERIOD;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_experts spec = { .act = og_relu,
                        .logits = og_decoder_linear(d, x, l->router, NULL),
                        .is_normalized = true };
    return og_decoder_block(d, il, x, &(og_block){ .experts = &spec });
}

const og_arch ogi_arch_smallthinker = { .name = "smallthinker",
                                        .doc = "SmallThinker",
                                        OG_ARCH_TABLES,
                                        .rope = OG_ROPE_HALVES,
                                        .derive = derive,
                                        .block = block };
