/* SPDX-License-Identifier: MIT
 *
 * Sparse attention of DeepSeek V3.2 (DeepSeek-AI, 2025) and GLM 5: an indexer with few small heads
 * scores all keys, sum of its heads' w relu(q k), and latent attention sees the best of them. In
 * GLM 5.2 only some layers have an indexer, those behind see the keys of its last choice. */
#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int n_index_head, index_head, top_k;
    bool has_indexer[OG_MAX_LAYER];
} hparams;

typedef struct layer {
    og_layer base;
    og_tensor *index_q, *index_k, *index_k_norm, *index_k_norm_b, *index_weight;
} layer;

#define KEYS                                                                                       \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_MLA, OG_KEYS_EXPERTS, OG_KEYS_ROUTING,                  \
        OG_KEY_EPS("attention.layer_norm_rms_epsilon"),                                            \
        OG_KEY_OWN(hparams, "attention.indexer.head_count", INT, n_index_head, 1, 1 << 10, NULL),  \
        OG_KEY_OWN(hparams, "attention.indexer.key_length", INT, index_head, 1, 1 << 14, NULL),    \
        OG_KEY_OWN(hparams, "attention.indexer.top_k", INT, top_k, 1, 1 << 20, NULL)
#define HAS_INDEXER(dflt)                                                                          \
    OG_KEY_OWN_LAYER(hparams, "attention.indexer.types", BOOL, has_indexer, 0, 1, dflt)
static const og_hp_key keys[] = { KEYS,
                                  OG_KEY_OWN_LAYER(hparams, NULL, BOOL, has_indexer, 0, 1, "1") };
/* Files of GLM 5.2 that do not say it: the first two layers, then every fourth. */
static const og_hp_key glm_keys[] = {
    KEYS,
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "2"),
    HAS_INDEXER("n_ctx_train < 1048576 || il < 2 || il % 4 == 2"),
};

#define INDEX(name, field, shape)                                                                  \
    OG_WL_OWN(layer, "has_indexer", "blk.%d.indexer." name, field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_MLA,
    INDEX("attn_q_b.weight", index_q, "n_index_head * index_head, q_rank"),
    INDEX("attn_k.weight", index_k, "index_head, n_embd"),
    INDEX("k_norm.weight", index_k_norm, "index_head"),
    INDEX("k_norm.bias", index_k_norm_b, "index_head"),
    INDEX("proj.weight", index_weight, "n_index_head, n_embd"),
    OG_W_LEFT_OUT("blk.*.indexer.*"), /* of layers that take another's choice */
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

/* Files hold a tenth of the multiplier. */
static void derive(og_hparams *hp)
{
    hp->yarn_log_mul *= 10;
}

/* Heads [T, H, D] of the indexer, turned. */
static og_tensor *turned(og_decoder *d, int il, og_tensor *x, int n_head, og_rope_kind kind)
{
    const hparams *hp = (const hparams *)d->hp;
    x = og_reshape(d->g, x, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n_head), OG_N(hp->index_head)));
    return og_decoder_turn(d, il, x, &(og_turn){ .kind = kind });
}

/* Ranks of the keys that each token sees, I32 [T, 1, k]. */
static og_tensor *chosen(og_decoder *d, int il, og_tensor *x, og_tensor *low, og_rope_kind kind)
{
    const hparams *hp = (const hparams *)d->hp;
    const layer *l = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *k = og_layer_norm(g, og_decoder_linear(d, x, l->index_k, NULL), 1e-6F);
    k = og_add(g, og_mul(g, k, l->index_k_norm), l->index_k_norm_b);
    k = turned(d, il, k, 1, kind);
    k = og_reshape(g, k, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->index_head)));
    og_tensor *q = og_decoder_linear(d, low, l->index_q, NULL);
    og_select_keys_args a = ogi_select_of(d);
    a.q = turned(d, il, q, hp->n_index_head, kind);
    a.k_state = og_decoder_store(d, "index.k", il, k, 1);
    a.weight = og_decoder_linear(d, x, l->index_weight, NULL);
    a.k = hp->top_k < hp->hp.n_ctx ? hp->top_k : hp->hp.n_ctx;
    a.is_relu = true;
    return og_select_keys(g, &a);
}

/* The indexer turns halves. */
static og_tensor *attend(og_decoder *d, int il, og_tensor *x)
{
    og_tensor *low = og_decoder_mla_low(d, il, x);
    og_tensor *keys_seen = chosen(d, il, x, low, OG_ROPE_HALVES);
    return og_decoder_mla(d, il, x, &(og_mla){ .q_low = low, .select = keys_seen });
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = attend });
}

/* Layers that share a choice of keys: *choice is the last one. */
static og_tensor *glm_layer(og_decoder *d, int il, og_tensor *x, og_tensor **choice)
{
    const layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->base.attn_norm, NULL);
    og_tensor *low = og_decoder_mla_low(d, il, h);
    if (l->index_q) *choice = chosen(d, il, h, low, OG_ROPE_PAIRS);
    h = og_decoder_mla(d, il, h, &(og_mla){ .q_low = low, .select = *choice });
    x = og_add(d->g, x, h);
    h = og_decoder_norm(d, x, l->base.ffn_norm, NULL);
    h = l->base.router ? og_decoder_experts(d, il, h, NULL) : og_decoder_ffn(d, il, h, NULL);
    return og_name(og_add(d->g, x, h), "blk.%d.out", il);
}

static og_tensor *glm_step(og_decoder *d)
{
    og_tensor *x = og_name(og_decoder_embed(d), "embd"), *choice = NULL;
    for (int il = 0; il < d->hp->n_layer; il++) x = glm_layer(d, il, x, &choice);
    og_decoder_layers_end(d);
    return x;
}

static const og_entry entries[] = { { "step", glm_step } };

const og_arch ogi_arch_deepseek32 = { .name = "deepseek32",
                                      .doc = "DeepSeek V3.2",
                                      OG_ARCH_TABLES,
                                      .hp_size = sizeof(hparams),
                                      .layer_size = sizeof(layer),
                                      .rope = OG_ROPE_PAIRS,
                                      .derive = derive,
                                      .block = block };
const og_arch ogi_arch_glm_dsa = { .name = "glm-dsa",
                                   .doc = "GLM 5, 5.2",
                                   OG_ARCH_TABLES_OF(glm_keys, weights),
                                   .hp_size = sizeof(hparams),
                                   .layer_size = sizeof(layer),
                                   .rope = OG_ROPE_PAIRS,
                                   .derive = derive,
                                   OG_ARCH_ENTRIES };
