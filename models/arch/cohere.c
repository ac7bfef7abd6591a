/* SPDX-License-Identifier: MIT
 *
 * command-r: attention and feed-forward side by side, layer norms without biases, scaled logits;
 * the large models norm each head by weights of its own. cohere2: three of four layers see a
 * window, and they alone have rope. cohere2moe: the first of four sees all; experts, halved
 * together with a shared one; leading dense layers have rope too; rms norms where the file has
 * their epsilon. */
#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    float rms_eps;
} hparams;

#define COMMON                                                                                     \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_epsilon"),                     \
        OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, NULL)
static const og_hp_key keys[] = { COMMON };
static const og_hp_key keys2[] = { COMMON, OG_KEYS_WINDOW("4") };

static const og_hp_key moe_keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEYS_WINDOW("4"),
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "2"),
    OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, NULL),
    OG_KEY_OWN(hparams, "attention.layer_norm_rms_epsilon", FLOAT, rms_eps, 0, 1, "0"),
    OG_KEY("attention.layer_norm_epsilon|attention.layer_norm_rms_epsilon", FLOAT, eps, 1e-30, 1,
           NULL),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "n_head, head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "n_head_kv, head_k"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static const og_weight_row moe_weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

static void moe_derive(og_hparams *hp)
{
    if (hp->window > 0 && hp->window_period >= 0) og_hparams_pattern(hp, hp->window_period, true);
    float rms_eps = ((const hparams *)hp)->rms_eps;
    if (rms_eps > 0) {
        hp->norm = OG_NORM_RMS;
        hp->eps = rms_eps;
    }
    for (int i = 0; i < hp->n_layer; i++)
        hp->layer[i].has_rope = hp->layer[i].is_local || i < hp->n_dense;
}

static og_tensor *moe_block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    if (!l->up_shexp) return og_decoder_block(d, il, x, &(og_block){ .is_parallel = true });
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    og_tensor *f = og_scale(d->g, og_decoder_experts(d, il, h, NULL), 0.5f, 0);
    return og_add(d->g, og_add(d->g, x, og_decoder_attend(d, il, h, NULL)), f);
}

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
const og_arch ogi_arch_cohere2moe = { .name = "cohere2moe",
                                      .doc = "Command A with experts",
                                      OG_ARCH_TABLES_OF(moe_keys, moe_weights),
                                      .hp_size = sizeof(hparams),
                                      .norm = OG_NORM_LAYER,
                                      .rope = OG_ROPE_PAIRS,
                                      .derive = moe_derive,
                                      .block = moe_block };
