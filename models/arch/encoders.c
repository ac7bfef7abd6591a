/* SPDX-License-Identifier: MIT
 *
 * Encoders with norms before each half of a layer, as decoders have them, but no causality.
 * modern-bert: gated GELU in one weight, no first norm, every third layer global, the first too.
 * neo-bert: gated SiLU in one weight. eurobert, llama-embed: Llama blocks. */
#include "models/arch/arch.h"

static og_tensor *block_with(og_decoder *d, int il, og_tensor *x, og_act act)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = l->attn_norm ? og_decoder_norm(d, x, l->attn_norm, NULL) : x;
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    return og_add(d->g, x, og_decoder_ffn(d, il, h, &(og_ffn){ .act = act }));
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return block_with(d, il, x, NULL);
}

static void derive(og_hparams *hp)
{
    hp->is_causal = false;
}

/* ---- modern-bert --------------------------------------------------------------------------- */

typedef struct modern_hp {
    og_hparams base;
    int activation;
} modern_hp;

static void derive_modern(og_hparams *hp)
{
    hp->is_causal = false;
    hp->rank_pooling = OG_POOL_MEAN;
    if (hp->window > 0 && hp->window_period >= 0) og_hparams_pattern(hp, hp->window_period, true);
}

static og_tensor *embed_modern(og_decoder *d, og_tensor *token)
{
    og_tensor *x = og_take_rows(d->g, d->w->tok_embd, token);
    return og_decoder_norm(d, x, d->w->embd_norm, NULL);
}

static og_tensor *block_modern(og_decoder *d, int il, og_tensor *x)
{
    const modern_hp *hp = (const modern_hp *)d->hp;
    return block_with(d, il, x, hp->activation == 0 ? og_gelu : og_silu);
}

static const og_hp_key modern_keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("3"),
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    OG_KEY("rope.freq_base_swa", FLOAT, rope_base_local, 1e-3, 1e12, "10000"),
    { "hidden_activation", "activation", OG_HP_NAME, offsetof(modern_hp, activation), 0, 0, 0, 0,
      "0", "gelu|silu" },
};

static const og_weight_row modern_weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("token_embd_norm.weight", embd_norm, 0, "n_embd"),
    OG_WG("output_norm.weight", out_norm, 0, "n_embd"),
    OG_WEIGHTS_POOL,
    OG_WL_IF("il > 0", "blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    OG_WEIGHTS_QKVO,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_up.weight", gate_up, 0, "2 * n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
};

const og_arch ogi_arch_modern_bert = { .name = "modern-bert",
                                       .doc = "ModernBERT",
                                       OG_ARCH_TABLES_OF(modern_keys, modern_weights),
                                       .hp_size = sizeof(modern_hp),
                                       .norm = OG_NORM_LAYER,
                                       .rope = OG_ROPE_HALVES,
                                       .derive = derive_modern,
                                       .embed = embed_modern,
                                       .block = block_modern };

/* ---- the others ---------------------------------------------------------------------------- */

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row neo_weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("enc.output_norm.weight", out_norm, 0, "n_embd"),
    OG_WEIGHTS_POOL,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_up.weight", gate_up, 0, "2 * n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
};

static const og_weight_row weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("output_norm.weight", out_norm, 0, "n_embd"),
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_POOL,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_FFN,
};

#define ENCODER(id, gguf, text, table, how)                                                        \
    const og_arch ogi_arch_##id = { .name = gguf,                                                  \
                                    .doc = text,                                                   \
                                    OG_ARCH_TABLES_OF(keys, table),                                \
                                    .rope = how,                                                   \
                                    .derive = derive,                                              \
                                    .block = block }
ENCODER(neo_bert, "neo-bert", "NeoBERT", neo_weights, OG_ROPE_PAIRS);
ENCODER(eurobert, "eurobert", "EuroBERT", weights, OG_ROPE_HALVES);
const og_arch ogi_arch_llama_embed = { .name = "llama-embed",
                                       .doc = "Llama-Embed-Nemotron",
                                       OG_ARCH_TABLES_OF(keys, weights),
                                       .rope = OG_ROPE_PAIRS,
                                       .block = block };
