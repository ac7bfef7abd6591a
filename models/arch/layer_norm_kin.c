/* SPDX-License-Identifier: MIT
 *
 * Decoders with layer norms: biases where the file has them, mostly no gate, positions learned, by
 * rope or by ALiBi. */
#include "models/arch/arch.h"

#define LAYER       OG_KEY_EPS("attention.layer_norm_epsilon")
#define ALIBI(dflt) OG_KEY("attention.max_alibi_bias", FLOAT, alibi_bias, 0, 1e6, dflt)
static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, LAYER };
static const og_hp_key plain_keys[] = { OG_KEYS_DECODER, LAYER };
static const og_hp_key alibi_keys[] = { OG_KEYS_DECODER, LAYER, ALIBI("8") };

#define COMMON OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION
static const og_weight_row weights[] = { COMMON, OG_WEIGHTS_BIASED_NORMS, OG_WEIGHTS_UP_DOWN };
static const og_weight_row gated_weights[] = { COMMON, OG_WEIGHTS_BIASED_NORMS, OG_WEIGHTS_GATE,
                                               OG_WEIGHTS_UP_DOWN };
static const og_weight_row starcoder_weights[] = {
    COMMON, OG_WG("position_embd.weight", pos_embd, 0, "n_ctx_train, n_embd"),
    OG_WEIGHTS_BIASED_NORMS, OG_WEIGHTS_UP_DOWN
};
static const og_weight_row bloom_weights[] = {
    COMMON,
    OG_WG("token_embd_norm.weight", embd_norm, 0, "n_embd"),
    OG_WG("token_embd_norm.bias", embd_norm_b, 0, "n_embd"),
    OG_WEIGHTS_BIASED_NORMS,
    OG_WEIGHTS_UP_DOWN,
};
static const og_weight_row phi2_weights[] = {
    COMMON,
    OG_WG("output_norm.bias", out_norm_b, 0, "n_embd"),
    OG_WL("blk.%d.attn_norm.bias", attn_norm_b, 0, "n_embd"),
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *gelu_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_gelu } });
}

static og_tensor *relu2_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_relu2 } });
}

static og_tensor *phi2_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .ffn = &(og_ffn){ .act = og_gelu }, .is_parallel = true });
}

/* jais scales scores by the size of a head, not by its root. */
static void jais_derive(og_hparams *hp)
{
    hp->attn_scale = 1 / (float)hp->layer[0].head_k;
}
static void bloom_derive(og_hparams *hp)
{
    hp->alibi_bias = 8;
}

#define KIN(id, what, key, weight, rule, ...)                                                      \
    const og_arch ogi_arch_##id = { .name = #id,                                                   \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES_OF(key, weight),                                \
                                    .norm = OG_NORM_LAYER,                                         \
                                    .rope = OG_ROPE_##rule,                                        \
                                    __VA_ARGS__ };
#define PLAIN .block = og_decoder_plain_block
// clang-format off
KIN(orion, "Orion", keys, gated_weights, HALVES, PLAIN)
KIN(codeshell, "CodeShell", keys, weights, HALVES, .block = gelu_block)
KIN(starcoder, "StarCoder", plain_keys, starcoder_weights, NONE, .block = gelu_block)
KIN(starcoder2, "StarCoder 2", keys, weights, HALVES, .block = gelu_block)
KIN(bloom, "BLOOM", plain_keys, bloom_weights, NONE, .derive = bloom_derive, .block = gelu_block)
KIN(jais, "Jais", alibi_keys, gated_weights, NONE, .derive = jais_derive, PLAIN)
KIN(jais2, "Jais 2", keys, weights, HALVES, .block = relu2_block)
KIN(nemotron, "Nemotron", keys, weights, HALVES, .block = relu2_block)
KIN(phi2, "Phi 1 and 2", keys, phi2_weights, HALVES, .block = phi2_block)
