/* SPDX-License-Identifier: MIT
 *
 * command-r: attention and feed-forward side by side, layer norms without biases, scaled logits;
 * the large models norm each head by weights of its own. cohere2: three of four layers see a
 * window, and they alone have rope. */
#include "models/arch/arch.h"

#define COMMON                                                                                     \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_epsilon"),                     \
        OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, NULL)
static const og_hp_key keys[] = { COMMON };
static const og_hp_key keys2[] = { COMMON, OG_KEYS_WINDOW("4") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "n_head, head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "n_head_kv, head_k"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static void derive2(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = hp->layer[i].is_local;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .is_parallel = true });
}

const og_arch ogi_arch_command_r = { .name = "command-r",
                                     .doc = "Command R",
                                     OG_ARCH_TABLES,
                                     .norm = OG_NORM_LAYER,
                                     .rope = OG_ROPE_PAIRS,
                                     .block = block };
const og_arch ogi_arch_cohere2 = { .name = "cohere2",
                                   .doc = "Command R7B, Command A, Aya",
                                   OG_ARCH_TABLES_OF(keys2, weights),
                                   .norm = OG_NORM_LAYER,
                                   .rope = OG_ROPE_PAIRS,
                                   .derive = derive2,
                                   .block = block };
