/* SPDX-License-Identifier: MIT
 *
 * gpt2: learned positions, layer norms with biases, GELU without a gate. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEY_EPS("attention.layer_norm_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WG("position_embd.weight", pos_embd, 0, "n_ctx_train, n_embd"),
    OG_WG("output_norm.bias", out_norm_b, 0, "n_embd"),
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_norm.bias", attn_norm_b, 0, "n_embd"),
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_norm.bias", ffn_norm_b, 0, "n_embd"),
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *embed(og_decoder *d, og_tensor *token)
{
    og_tensor *pos = og_decoder_input(d, OG_STEP_POS);
    return og_add(d->g, og_take_rows(d->g, d->w->tok_embd, token),
                  og_take_rows(d->g, d->w->pos_embd, pos));
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_gelu } });
}

const og_arch ogi_arch_gpt2 = { .name = "gpt2",
                                .doc = "GPT-2",
                                OG_ARCH_TABLES,
                                .norm = OG_NORM_LAYER,
                                .embed = embed,
                                .block = block };
