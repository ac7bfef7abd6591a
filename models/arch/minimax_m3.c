/* SPDX-License-Identifier: MIT
 *
 * minimax-m3: layers with experts choose blocks of keys. Each group of query heads has a head of an
 * indexer, a block counts by its best key, the last ones are always seen. Gated units are clamped.
 */
#include <float.h>

#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int n_index_head, index_head, top_k, block_size, n_local;
} hparams;

typedef struct layer {
    og_layer l;
    og_tensor *index_q, *index_k, *index_q_norm, *index_k_norm;
} layer;

#define INDEXER(key, field, min, max)                                                              \
    OG_KEY_OWN(hparams, "attention.indexer." key, INT, field, min, max, NULL)
static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "2"),
    INDEXER("head_count", n_index_head, 1, 1 << 10),
    INDEXER("key_length", index_head, 1, 1 << 14),
    INDEXER("top_k", top_k, 1, 1 << 20),
    INDEXER("block_size", block_size, 1, 1 << 20),
    INDEXER("local_blocks", n_local, 0, 1 << 20),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

#define INDEX(name, field, shape)                                                                  \
    OG_WL_OWN(layer, "il >= n_dense", "blk.%d.indexer." name ".weight", field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_QK_NORM,
    INDEX("q_proj", index_q, "n_index_head * index_head, n_embd"),
    INDEX("k_proj", index_k, "index_head, n_embd"),
    INDEX("q_norm", index_q_norm, "index_head"),
    INDEX("k_norm", index_k_norm, "index_head"),
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

/* min(gate, 7) sigmoid(1.702 gate) (clamp(up) + 1) */
static og_tensor *glu(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    enum { LIMIT = 7 };
    og_graph *g = d->g;
    (void)il;
    gate = og_clamp(g, gate, -FLT_MAX, LIMIT);
    up = og_scale(g, og_clamp(g, up, -LIMIT, LIMIT), 1, 1);
    return og_mul(g, og_gelu_quick(g, gate), up);
}

/* Heads [T, H, D] of the indexer. */
static og_tensor *indexed(og_decoder *d, int il, og_tensor *x, int n_head, og_tensor *w,
                          og_tensor *norm)
{
    og_dim T = og_decoder_tokens(d, 1), size = OG_N(((const hparams *)d->hp)->index_head);
    og_tensor *y = og_decoder_linear(d, x, w, NULL);
    y = og_decoder_norm(d, og_reshape(d->g, y, OG_SHAPE(T, OG_N(n_head), size)), norm, NULL);
    return og_decoder_turn(d, il, y, NULL);
}

/* Numbers of the blocks that each token and group sees, I32 [T, groups, k]. */
static og_tensor *chosen(og_decoder *d, int il, og_tensor *x)
{
    const hparams *hp = (const hparams *)d->hp;
    const layer *l = og_decoder_layer(d, il);
    int n_block = (hp->hp.n_ctx - 1) / hp->block_size + 1;
    og_tensor *key = indexed(d, il, x, 1, l->index_k, l->index_k_norm);
    key = og_reshape(d->g, key, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->index_head)));
    og_select_keys_args a = ogi_select_of(d);
    a.q = indexed(d, il, x, hp->n_index_head, l->index_q, l->index_q_norm);
    a.k_state = og_decoder_store(d, "index.k", il, key, 1);
    a.k = hp->top_k < n_block ? hp->top_k : n_block;
    a.lists = hp->n_index_head;
    a.block = hp->block_size;
    a.local = hp->n_local < a.k ? hp->n_local : a.k;
    return og_select_keys(d->g, &a);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    const og_layer *l = &w->l;
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    og_attend attend = { .select_block = ((const hparams *)d->hp)->block_size };
    if (w->index_q) attend.select = chosen(d, il, h);
    x = og_add(g, x, og_decoder_attend(d, il, h, &attend));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    if (!l->router) return og_add(g, x, og_decoder_ffn(d, il, h, &(og_ffn){ .glu = glu }));
    og_tensor *y = og_decoder_experts(d, il, h, &(og_experts){ .glu = glu, .has_no_shared = true });
    og_ffn shared = { .glu = glu, .gate = l->gate_shexp, .up = l->up_shexp, .down = l->down_shexp };
    if (l->up_shexp) y = og_add(g, y, og_decoder_ffn(d, il, h, &shared));
    return og_add(g, x, y);
}

const og_arch ogi_arch_minimax_m3 = { .name = "minimax-m3",
                                      .doc = "MiniMax M3",
                                      OG_ARCH_TABLES,
                                      .hp_size = sizeof(hparams),
                                      .layer_size = sizeof(layer),
                                      .rope = OG_ROPE_HALVES,
                                      .block = block };
