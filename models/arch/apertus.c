/* SPDX-License-Identifier: MIT
 *
 * apertus: norms of each head, no gate, xIELU (Huang and Schlag, 2024) with numbers of each layer:
 *
 *     x > 0:  p x^2 + beta x                 p = softplus(alpha_p)
 *     else:   n (e^min(x, eps) - 1 - x) + beta x    n = beta + softplus(alpha_n) */
#include <float.h>
#include <math.h>

#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    float alpha_n[OG_MAX_LAYER], alpha_p[OG_MAX_LAYER], beta[OG_MAX_LAYER], xi_eps[OG_MAX_LAYER];
} hparams;

#define XIELU(key, field) OG_KEY_OWN_LAYER(hparams, "/xielu." key, FLOAT, field, -1e6, 1e6, NULL)
static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    XIELU("alpha_n", alpha_n),
    XIELU("alpha_p", alpha_p),
    XIELU("beta", beta),
    XIELU("eps", xi_eps),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_QK_NORM,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_UP_DOWN,
};

static float softplus(float x)
{
    return x > 20 ? x : log1pf(expf(x));
}

static og_tensor *xielu(og_decoder *d, int il, og_tensor *x)
{
    const hparams *hp = (const hparams *)d->hp;
    og_graph *g = d->g;
    og_tensor *linear = og_scale(g, x, hp->beta[il], 0), *zero = og_scalar(g, 0);
    og_tensor *up = og_scale(g, og_sqr(g, x), softplus(hp->alpha_p[il]), 0);
    og_tensor *e = og_exp(g, og_clamp(g, x, -FLT_MAX, hp->xi_eps[il]));
    og_tensor *down = og_sub(g, og_scale(g, e, 1, -1), x);
    down = og_scale(g, down, hp->beta[il] + softplus(hp->alpha_n[il]), 0);
    return og_add(g, og_select(g, og_less(g, zero, x), up, down), linear);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_linear(d, og_decoder_norm(d, x, l->ffn_norm, NULL), l->up, l->up_b);
    return og_add(d->g, x, og_decoder_linear(d, xielu(d, il, h), l->down, l->down_b));
}

const og_arch ogi_arch_apertus = { .name = "apertus",
                                   .doc = "Apertus",
                                   OG_ARCH_TABLES,
                                   .hp_size = sizeof(hparams),
                                   .rope = OG_ROPE_HALVES,
                                   .block = block };
