/* SPDX-License-Identifier: MIT
 *
 * stablelm: layer norms, rope on a part of the head; where a layer has no norm before feed-forward,
 * that runs beside attention (StableLM 2 12B, which also norms each head by weights of its own). */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WG("output_norm.bias", out_norm_b, 0, "n_embd"),
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_norm.bias", attn_norm_b, 0, "n_embd"),
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "n_head, head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "n_head_kv, head_k"),
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, OG_W_OPTIONAL, "n_embd"),
    OG_WL("blk.%d.ffn_norm.bias", ffn_norm_b, OG_W_OPTIONAL, "n_embd"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    return og_decoder_block(d, il, x, &(og_block){ .is_parallel = !l->ffn_norm });
}

const og_arch ogi_arch_stablelm = { .name = "stablelm",
                                    .doc = "StableLM 1 and 2",
                                    OG_ARCH_TABLES,
                                    .norm = OG_NORM_LAYER,
                                    .rope = OG_ROPE_HALVES,
                                    .block = block };
