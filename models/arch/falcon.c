/* SPDX-License-Identifier: MIT
 *
 * falcon: attention and feed-forward side by side; in the 40B models attention has a norm of its
 * own. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WG("output_norm.bias", out_norm_b, 0, "n_embd"),
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_norm.bias", attn_norm_b, 0, "n_embd"),
    OG_WL("blk.%d.attn_norm_2.weight", attn_norm2, OG_W_OPTIONAL, "n_embd"),
    OG_WL("blk.%d.attn_norm_2.bias", attn_norm2_b, OG_W_OPTIONAL, "n_embd"),
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, l->attn_norm_b), *h2 = h;
    if (l->attn_norm2) h2 = og_decoder_norm(d, x, l->attn_norm2, l->attn_norm2_b);
    og_tensor *f = og_decoder_ffn(d, il, h, &(og_ffn){ .act = og_gelu });
    return og_add(d->g, og_add(d->g, x, og_decoder_attend(d, il, h2, NULL)), f);
}

const og_arch ogi_arch_falcon = { .name = "falcon",
                                  .doc = "Falcon 7B, 40B, 180B",
                                  OG_ARCH_TABLES,
                                  .norm = OG_NORM_LAYER,
                                  .rope = OG_ROPE_HALVES,
                                  .block = block };
