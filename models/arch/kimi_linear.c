/* SPDX-License-Identifier: MIT
 *
 * kimi-linear: Kimi delta attention (Kimi Team, 2025), a delta rule whose decay is of each channel
 * of the key, and in layers with heads of keys latent attention without rope. */
#include <math.h>

#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int kda_head; /* values of a head of delta attention */
} hparams;

typedef struct layer {
    og_layer l;
    og_tensor *conv_q, *conv_k, *conv_v;
    og_tensor *decay_a, *decay_b, *beta, *gate_a, *gate_b; /* a, b: two factors of low rank */
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_HYBRID,
    OG_KEY_LAYER("rope.dimension_count", INT, n_rot, 2, 1 << 14, NULL), /* do not turn */
    OG_KEYS_MLA,
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY("expert_weights_norm", BOOL, expert_norm, 0, 1, "1"),
    OG_KEY("ssm.conv_kernel", INT, ssm_conv, 2, 64, NULL),
    OG_KEY_OWN(hparams, "kda.head_dim", INT, kda_head, 1, 1 << 12, NULL),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

#define DELTA                   "n_head_kv == 0"
#define INNER                   "n_head * kda_head"
#define OWN(name, field, shape) OG_WL_OWN(layer, DELTA, "blk.%d." name, field, 0, shape)
#define L(name, field, shape)   OG_WL_IF(DELTA, "blk.%d." name, field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_MLA,
    L("attn_q.weight", wq, INNER ", n_embd"),
    L("attn_k.weight", wk, INNER ", n_embd"),
    L("attn_v.weight", wv, INNER ", n_embd"),
    OWN("ssm_conv1d_q.weight", conv_q, "1, " INNER ", 1, ssm_conv"),
    OWN("ssm_conv1d_k.weight", conv_k, "1, " INNER ", 1, ssm_conv"),
    OWN("ssm_conv1d_v.weight", conv_v, "1, " INNER ", 1, ssm_conv"),
    OWN("ssm_f_a.weight", decay_a, "kda_head, n_embd"),
    OWN("ssm_f_b.weight", decay_b, INNER ", kda_head"),
    OWN("ssm_beta.weight", beta, "n_head, n_embd"),
    OWN("ssm_g_a.weight", gate_a, "kda_head, n_embd"),
    OWN("ssm_g_b.weight", gate_b, INNER ", kda_head"),
    L("ssm_a", ssm_a, "1, 1, n_head, 1"),
    L("ssm_dt.bias", ssm_dt_b, INNER),
    L("ssm_norm.weight", ssm_norm, "kda_head"),
    L("attn_output.weight", wo, "n_embd, " INNER),
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

static void derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = false;
}

/* x times w through a convolution of its own: heads [T, H, K]. */
static og_tensor *convolved(og_decoder *d, int il, og_tensor *x, og_tensor *w, og_tensor *conv,
                            const char *state)
{
    const hparams *hp = (const hparams *)d->hp;
    int n_head = hp->hp.layer[il].n_head, inner = n_head * hp->kda_head, taps = hp->hp.ssm_conv;
    og_graph *g = d->g;
    og_scan_args a = ogi_scan_of(d, state, il, OG_SHAPE(OG_N(taps - 1), OG_N(inner)));
    conv = og_reshape(g, conv, OG_SHAPE(OG_N(inner), OG_N(taps)));
    og_tensor *y = og_silu(g, og_ssm_conv(g, og_decoder_linear(d, x, w, NULL), conv, &a));
    return ogi_heads(d, y, n_head, hp->kda_head);
}

/* x through two factors of low rank. */
static og_tensor *low_rank(og_decoder *d, og_tensor *x, og_tensor *a, og_tensor *b)
{
    return og_decoder_linear(d, og_decoder_linear(d, x, a, NULL), b, NULL);
}

static og_tensor *delta(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    const og_layer *l = &w->l;
    og_graph *g = d->g;
    int n_head = d->hp->layer[il].n_head, n = ((const hparams *)d->hp)->kda_head;
    og_tensor *q = ogi_unit(d, convolved(d, il, x, l->wq, w->conv_q, "kda.q"));
    og_tensor *k = ogi_unit(d, convolved(d, il, x, l->wk, w->conv_k, "kda.k"));
    og_tensor *v = convolved(d, il, x, l->wv, w->conv_v, "kda.v");
    og_tensor *beta = og_sigmoid(g, og_decoder_linear(d, x, w->beta, NULL));
    beta = ogi_heads(d, beta, n_head, 1);
    og_tensor *decay = og_add(g, low_rank(d, x, w->decay_a, w->decay_b), l->ssm_dt_b);
    decay = ogi_heads(d, og_softplus(g, decay), n_head, n);
    og_tensor *rate = og_reshape(g, l->ssm_a, OG_SHAPE(OG_N(n_head), OG_N(1)));
    decay = og_exp(g, og_mul(g, decay, rate));
    /* S = diag(decay) S + k beta (v - (diag(decay) S)'k)' */
    og_linear_scan_args a = {
        .r = og_scale(g, q, (float)(1 / sqrt(n)), 0),
        .k = k,
        .w = decay,
        .v = og_mul(g, v, beta),
        .a = og_mul(g, decay, k),
        .b = og_neg(g, og_mul(g, k, beta)),
        .scan = ogi_scan_of(d, "kda", il, OG_SHAPE(OG_N(n_head), OG_N(n), OG_N(n))),
    };
    og_tensor *y = og_decoder_norm(d, og_linear_scan(g, &a), l->ssm_norm, NULL);
    og_tensor *gate = og_sigmoid(g, low_rank(d, x, w->gate_a, w->gate_b));
    y = og_mul(g, y, ogi_heads(d, gate, n_head, n));
    y = og_reshape(g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N((int64_t)n_head * n)));
    return og_name(og_decoder_linear(d, y, l->wo, NULL), "blk.%d.delta", il);
}

static og_tensor *mixer(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? og_decoder_mla(d, il, x, NULL) : delta(d, il, x);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = mixer });
}

const og_arch ogi_arch_kimi_linear = { .name = "kimi-linear",
                                       .doc = "Kimi Linear",
                                       OG_ARCH_TABLES,
                                       .hp_size = sizeof(hparams),
                                       .layer_size = sizeof(layer),
                                       .derive = derive,
                                       .block = block };
