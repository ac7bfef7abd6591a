/* SPDX-License-Identifier: MIT
 *
 * nemotron_h, nemotron_h_moe: one part a layer: experts where there is a router, feed-forward where
 * that has a length, attention where there are heads of keys, Mamba 2 elsewhere. No rope. Experts
 * without a gate may work in a space of fewer dimensions. */
#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int n_latent;
    int expert_width;
} hparams;

typedef struct layer {
    og_layer l;
    og_tensor *latent_down, *latent_up;
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_HYBRID,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("attention.scale", FLOAT, attn_scale, 0, 1e6, "0"),
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    SSM_KEYS,
    SSM_GROUP_KEY,
    OG_KEY_OWN(hparams, "moe_latent_size", INT, n_latent, 0, 1 << 20, "0"),
    OG_KEY_OWN(hparams, NULL, INT, expert_width, 1, 1 << 20, "n_latent + n_embd * !n_latent"),
};

#define DENSE "n_ff > 0 && !has(router)"
#define LATENT(name, field, shape)                                                                 \
    OG_WL_OWN(layer, "has(router) && n_latent > 0", "blk.%d." name ".weight", field, 0, shape)
#define EXPERTS(name, field, shape)                                                                \
    OG_WL_IF("has(router)", "blk.%d." name ".weight", field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    MAMBA2_WEIGHTS("n_head_kv == 0 && n_ff == 0 && !has(router)"),
    OG_WL_IF(DENSE, "blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),
    OG_WL_IF(DENSE, "blk.%d.ffn_up.bias", up_b, OG_W_OPTIONAL, "n_ff"),
    OG_WL_IF(DENSE, "blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
    OG_WL_IF(DENSE, "blk.%d.ffn_down.bias", down_b, OG_W_OPTIONAL, "n_embd"),
    OG_WL_IF("n_expert > 0", "blk.%d.ffn_gate_inp.weight", router, OG_W_OPTIONAL,
             "n_expert, n_embd"),
    OG_WEIGHTS_EXPERT_BIAS,
    LATENT("ffn_latent_down", latent_down, "n_latent, n_embd"),
    LATENT("ffn_latent_up", latent_up, "n_embd, n_latent"),
    EXPERTS("ffn_up_exps", up_exps, "n_expert, n_ff_exp, expert_width"),
    EXPERTS("ffn_down_exps", down_exps, "n_expert, expert_width, n_ff_exp"),
    EXPERTS("ffn_up_shexp", up_shexp, "n_ff_shexp, n_embd"),
    EXPERTS("ffn_down_shexp", down_shexp, "n_embd, n_ff_shexp"),
};

/* The router and the shared expert see all dimensions, the experts those that `latent_down` leaves
 * where it is. */
static og_tensor *mixture(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_tensor *in = w->latent_down ? og_decoder_linear(d, x, w->latent_down, NULL) : x;
    og_experts spec = { .act = og_relu2,
                        .score = OG_SCORE_SIGMOID,
                        .logits = og_decoder_linear(d, x, w->l.router, NULL),
                        .has_no_shared = true };
    og_tensor *y = og_decoder_experts(d, il, in, &spec);
    if (w->latent_up) y = og_decoder_linear(d, y, w->latent_up, NULL);
    return og_add(d->g, y, og_decoder_shared(d, il, x, og_relu2));
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_layer_hp *h = &d->hp->layer[il];
    og_tensor *y = og_decoder_norm(d, x, l->attn_norm, NULL);
    if (l->router)
        y = mixture(d, il, y);
    else if (h->n_ff > 0)
        y = og_decoder_ffn(d, il, y, &(og_ffn){ .act = og_relu2 });
    else
        y = ogi_attend_or_mamba2(d, il, y);
    return og_add(d->g, x, y);
}

#define NEMOTRON(id, what)                                                                         \
    const og_arch ogi_arch_##id = { .name = #id,                                                   \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES,                                                \
                                    .hp_size = sizeof(hparams),                                    \
                                    .layer_size = sizeof(layer),                                   \
                                    .block = block }
NEMOTRON(nemotron_h, "Nemotron H");
NEMOTRON(nemotron_h_moe, "Nemotron 3");
