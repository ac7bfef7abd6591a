/* SPDX-License-Identifier: MIT
 *
 * gemma: scaled embeddings and gated GELU. gemma2: norms behind attention and feed-forward too,
 * soft-caps, every second layer sees a window only. gemma-embedding: gemma3 without causality.
 * gemma3: norms of queries and keys, local layers with a rope base of their own, no soft-cap of
 * scores. */
#include <math.h>

#include "models/arch/arch.h"

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_gelu } });
}

static void derive(og_hparams *hp)
{
    hp->embd_scale = sqrtf((float)hp->n_embd);
}

/* The 27B models, which only their number of layers tells, scale by the width of a head as if heads
 * shared the embedding. */
static void derive_scale(og_hparams *hp, int n_layer_27b)
{
    derive(hp);
    if (hp->n_layer == n_layer_27b)
        hp->attn_scale = 1 / sqrtf((float)(hp->n_embd / hp->layer[0].n_head));
}

static void derive2(og_hparams *hp)
{
    derive_scale(hp, 46);
}

static void derive3(og_hparams *hp)
{
    derive_scale(hp, 62);
    hp->rope_factor_local = 1; /* local layers are not stretched */
}

static void derive_embedding(og_hparams *hp)
{
    derive(hp);
    hp->is_causal = false;
}

#define COMMON OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key keys[] = { COMMON };
static const og_hp_key keys2[] = {
    COMMON,
    OG_KEYS_WINDOW("2"),
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "4096"),
    OG_KEY("attn_logit_softcapping", FLOAT, attn_softcap, 0, 1e6, "50"),
    OG_KEY("final_logit_softcapping", FLOAT, final_softcap, 0, 1e6, "30"),
};
static const og_hp_key keys3[] = {
    COMMON,
    OG_KEYS_WINDOW("6"),
    OG_KEY("rope.freq_base_swa", FLOAT, rope_base_local, 1e-3, 1e12, "10000"),
    OG_KEY("final_logit_softcapping", FLOAT, final_softcap, 0, 1e6, "0"),
};

#define POST_NORMS                                                                                 \
    OG_WL("blk.%d.post_attention_norm.weight", attn_post_norm, 0, "n_embd"),                       \
        OG_WL("blk.%d.post_ffw_norm.weight", ffn_post_norm, 0, "n_embd")
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_FFN };
static const og_weight_row weights2[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                          OG_WEIGHTS_FFN, POST_NORMS };
static const og_weight_row weights3[] = { OG_WEIGHTS_EDGES,   OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                          OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN,  POST_NORMS };

const og_arch ogi_arch_gemma = { .name = "gemma",
                                 .doc = "Gemma",
                                 OG_ARCH_TABLES_OF(keys, weights),
                                 .rope = OG_ROPE_HALVES,
                                 .derive = derive,
                                 .block = block };
const og_arch ogi_arch_gemma2 = { .name = "gemma2",
                                  .doc = "Gemma 2",
                                  OG_ARCH_TABLES_OF(keys2, weights2),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive2,
                                  .block = block };
const og_arch ogi_arch_gemma3 = { .name = "gemma3",
                                  .doc = "Gemma 3, text",
                                  OG_ARCH_TABLES_OF(keys3, weights3),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive3,
                                  .block = block };

static const og_weight_row embedding_weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("output_norm.weight", out_norm, 0, "n_embd"),
    OG_WEIGHTS_POOL,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_QK_NORM,
    OG_WEIGHTS_FFN,
    POST_NORMS,
};
const og_arch ogi_arch_gemma_embedding = { .name = "gemma-embedding",
                                           .doc = "EmbeddingGemma",
                                           OG_ARCH_TABLES_OF(keys3, embedding_weights),
                                           .rope = OG_ROPE_HALVES,
                                           .derive = derive_embedding,
                                           .block = block };
