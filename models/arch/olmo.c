/* SPDX-License-Identifier: MIT
 *
 * olmo: layer norms without weights, queries, keys and values clamped. olmo2: norms behind
 * attention and feed-forward alone, and of the whole width of queries and keys; in OLMo 3 three of
 * four layers see a window and their rope is not stretched. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    OG_KEY("attention.clamp_kqv", FLOAT, attn_clamp, 0, 1e6, "0"),
};
static const og_hp_key keys2[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("4"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("output.weight|token_embd.weight", out, 0, "n_vocab, n_embd"),
    OG_WEIGHTS_QKVO,
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};
static const og_weight_row weights2[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_QKVO,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "n_head * head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, 0, "n_head_kv * head_k"),
    OG_WEIGHTS_POST_NORMS,
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static void derive2(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_scaling = !hp->layer[i].is_local;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .is_norm_plain = true });
}

const og_arch ogi_arch_olmo = { .name = "olmo",
                                .doc = "OLMo",
                                OG_ARCH_TABLES,
                                .norm = OG_NORM_LAYER,
                                .rope = OG_ROPE_PAIRS,
                                .block = block };
const og_arch ogi_arch_olmo2 = { .name = "olmo2",
                                 .doc = "OLMo 2 and 3",
                                 OG_ARCH_TABLES_OF(keys2, weights2),
                                 .rope = OG_ROPE_HALVES,
                                 .derive = derive2,
                                 .block = og_decoder_plain_block };
