/* SPDX-License-Identifier: MIT
 *
 * chameleon: each head normed by weights of its own; in the 34B model the norms lie behind
 * attention and feed-forward. Its image tokens are never written: their logits are the least. */
#include <float.h>

#include "models/arch/arch.h"

enum { IMAGE_BEGIN = 4, IMAGE_END = 8196 };

typedef struct hparams {
    og_hparams hp;
    bool is_norm_behind;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY_OWN(hparams, "swin_norm", BOOL, is_norm_behind, 0, 1, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "n_head, head_k"),
    OG_WL("blk.%d.attn_q_norm.bias", q_norm_b, OG_W_OPTIONAL, "n_head, head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, 0, "n_head_kv, head_k"),
    OG_WL("blk.%d.attn_k_norm.bias", k_norm_b, OG_W_OPTIONAL, "n_head_kv, head_k"),
    OG_WEIGHTS_FFN,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_attend spec = { .qk_norm = OG_NORM_LAYER, .qk_eps = 1e-5f };
    if (!((const hparams *)d->hp)->is_norm_behind)
        return og_decoder_block(d, il, x, &(og_block){ .attend = &spec });
    og_tensor *h = og_decoder_norm(d, og_decoder_attend(d, il, x, &spec), l->attn_norm, NULL);
    x = og_add(d->g, x, h);
    return og_add(d->g, x, og_decoder_norm(d, og_decoder_ffn(d, il, h, NULL), l->ffn_norm, NULL));
}

static og_tensor *head(og_decoder *d, og_tensor *x)
{
    int n = d->hp->n_vocab, end = n < IMAGE_END ? n : IMAGE_END;
    og_graph *g = d->g;
    x = og_decoder_norm(d, x, d->w->out_norm, NULL);
    x = og_decoder_linear(d, x, d->w->out, d->w->out_b); /* [O, V] */
    if (end <= IMAGE_BEGIN) return x;
    og_tensor *image = og_slice(g, x, 1, IMAGE_BEGIN, end - IMAGE_BEGIN);
    image = og_clamp(g, image, -FLT_MAX, -FLT_MAX);
    og_tensor *y = og_concat(g, og_slice(g, x, 1, 0, IMAGE_BEGIN), image, 1);
    return end < n ? og_concat(g, y, og_slice(g, x, 1, end, n - end), 1) : y;
}

const og_arch ogi_arch_chameleon = { .name = "chameleon",
                                     .doc = "Chameleon, text",
                                     OG_ARCH_TABLES,
                                     .hp_size = sizeof(hparams),
                                     .rope = OG_ROPE_PAIRS,
                                     .block = block,
                                     .head = head };
