/* SPDX-License-Identifier: MIT
 *
 * mpt: layer norms, ALiBi or learned positions, queries, keys and values clamped, GELU divided by
 * the scales of AWQ where a file has them. */
#include "models/arch/arch.h"

typedef struct layer {
    og_layer l;
    og_tensor *act_scales;
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    OG_KEY("attention.max_alibi_bias", FLOAT, alibi_bias, 0, 1e6, "0"),
    OG_KEY("attention.clamp_kqv", FLOAT, attn_clamp, 0, 1e6, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WG("position_embd.weight", pos_embd, OG_W_OPTIONAL, "n_ctx_train, n_embd"),
    OG_WEIGHTS_BIASED_NORMS,
    OG_WEIGHTS_UP_DOWN,
    OG_WL_OWN(layer, NULL, "blk.%d.ffn.act.scales", act_scales, OG_W_OPTIONAL, "n_ff"),
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    const og_layer *l = &w->l;
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, l->attn_norm_b);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, l->ffn_norm_b);
    h = og_gelu(d->g, og_decoder_linear(d, h, l->up, l->up_b));
    if (w->act_scales) h = og_div(d->g, h, w->act_scales);
    return og_add(d->g, x, og_decoder_linear(d, h, l->down, l->down_b));
}

const og_arch ogi_arch_mpt = { .name = "mpt",
                               .doc = "MPT",
                               OG_ARCH_TABLES,
                               .layer_size = sizeof(layer),
                               .norm = OG_NORM_LAYER,
                               .block = block };
