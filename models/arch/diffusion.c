/* SPDX-License-Identifier: MIT
 *
 * Diffusion models: decoders' blocks without causality, logits for all positions at once.
 * dream: Qwen 2. llada: Llama. llada-moe, rnd1: Qwen 3 with experts. */
#include "models/arch/arch.h"

static void derive(og_hparams *hp)
{
    hp->is_causal = false;
}

static og_tensor *block_with(og_decoder *d, int il, og_tensor *x, bool is_normalized)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    h = l->router ? og_decoder_experts(d, il, h, &(og_experts){ .is_normalized = is_normalized })
                  : og_decoder_ffn(d, il, h, NULL);
    return og_add(d->g, x, h);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return block_with(d, il, x, true);
}

static og_tensor *block_llada_moe(og_decoder *d, int il, og_tensor *x)
{
    return block_with(d, il, x, false);
}

#define COMMON OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key keys[] = { COMMON };
static const og_hp_key moe_keys[] = { COMMON, OG_KEYS_EXPERTS };
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_FFN };
static const og_weight_row moe_weights[] = { OG_WEIGHTS_EDGES,     OG_WEIGHTS_ROPE,
                                             OG_WEIGHTS_ATTENTION, OG_WEIGHTS_QK_NORM,
                                             OG_WEIGHTS_FFN,       OG_WEIGHTS_EXPERTS };

#define DIFFUSION(id, gguf, text, key_table, weight_table, how, fn)                                \
    const og_arch ogi_arch_##id = { .name = gguf,                                                  \
                                    .doc = text,                                                   \
                                    OG_ARCH_TABLES_OF(key_table, weight_table),                    \
                                    .rope = how,                                                   \
                                    .derive = derive,                                              \
                                    .block = fn }
DIFFUSION(dream, "dream", "Dream", keys, weights, OG_ROPE_HALVES, block);
DIFFUSION(llada, "llada", "LLaDA", keys, weights, OG_ROPE_PAIRS, block);
DIFFUSION(llada_moe, "llada-moe", "LLaDA with experts", moe_keys, moe_weights, OG_ROPE_HALVES,
          block_llada_moe);
DIFFUSION(rnd1, "rnd1", "RND1", moe_keys, moe_weights, OG_ROPE_HALVES, block);
