/* SPDX-License-Identifier: MIT
 *
 * lfm2, lfm2moe: Llama blocks in which layers without heads of keys have a short convolution
 * between two gates in place of attention. */
#include "models/arch/mixers.h"

static const og_hp_key keys[] = {
    OG_KEYS_HYBRID,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "0"),
    OG_KEY("shortconv.l_cache", INT, ssm_conv, 2, 64, NULL),
};

#define CONV(name, field, shape)                                                                   \
    OG_WL_IF("n_head_kv == 0", "blk.%d.shortconv." name ".weight", field, 0, shape)
static const og_weight_row weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("token_embd_norm.weight|output_norm.weight", out_norm, 0, "n_embd"),
    OG_WG("output.weight|token_embd.weight", out, 0, "n_vocab, n_embd"),
    OG_WEIGHTS_POOL,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_QK_NORM,
    CONV("in_proj", ssm_in, "3 * n_embd, n_embd"),
    CONV("conv", ssm_conv, "n_embd, ssm_conv"),
    CONV("out_proj", ssm_out, "n_embd, n_embd"),
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
};

/* All layers with attention have the window, if there is one. */
static void derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].window = hp->window;
}

static og_tensor *mixer(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    int n = d->hp->n_embd;
    if (d->hp->layer[il].n_head_kv > 0) return og_decoder_attend(d, il, x, NULL);
    og_tensor *before = ogi_through_rows(d, x, l->ssm_in, 0, n);
    og_tensor *behind = ogi_through_rows(d, x, l->ssm_in, n, n);
    og_tensor *u = og_mul(d->g, before, ogi_through_rows(d, x, l->ssm_in, 2 * n, n));
    u = og_mul(d->g, behind, ogi_short_conv(d, il, u, l->ssm_conv, NULL));
    return og_name(og_decoder_linear(d, u, l->ssm_out, NULL), "blk.%d.conv", il);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    static const og_experts normalized = { .is_normalized = true };
    return og_decoder_block(d, il, x, &(og_block){ .experts = &normalized, .mixer = mixer });
}

#define LFM2(id, what)                                                                             \
    const og_arch ogi_arch_##id = { .name = #id,                                                   \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES,                                                \
                                    .rope = OG_ROPE_HALVES,                                        \
                                    .derive = derive,                                              \
                                    .block = block }
LFM2(lfm2, "LFM2");
LFM2(lfm2moe, "LFM2 with experts");
