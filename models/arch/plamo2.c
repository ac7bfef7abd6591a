/* SPDX-License-Identifier: MIT
 *
 * plamo2: layers without heads of keys have the state space of Mamba 2, whose time step, B and C
 * come out of the convolution and are normalised; norms also behind mixer and feed-forward. */
#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int dt_width;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_HYBRID,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    SSM_KEYS,
    OG_KEY(NULL, INT, ssm_group, 1, 1, "1"),
    OG_KEY_OWN(hparams, NULL, INT, dt_width, 1, 1 << 20, "max(64, floor(n_embd / 16))"),
};

#define SSM(name, field, shape)        OG_WL_IF("n_head_kv == 0", name, field, 0, shape)
#define SSM_NORM(name, field, shape)   SSM("blk.%d." name "|blk.%d." name ".weight", field, shape)
#define HEADS_NORM(name, field, shape) OG_WL_IF("n_head_kv > 0", name, field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    HEADS_NORM("blk.%d.attn_q_norm.weight", q_norm, "n_head, head_k"),
    HEADS_NORM("blk.%d.attn_k_norm.weight", k_norm, "n_head_kv, head_k"),
    SSM("blk.%d.ssm_in.weight", ssm_in, "2 * ssm_inner, n_embd"),
    SSM("blk.%d.ssm_conv1d.weight", ssm_conv, "ssm_inner, ssm_conv"),
    SSM("blk.%d.ssm_x.weight", ssm_x, "2 * ssm_state + dt_width, ssm_inner"),
    SSM("blk.%d.ssm_dt.weight", ssm_dt, "ssm_rank, dt_width"),
    SSM("blk.%d.ssm_dt.bias", ssm_dt_b, "ssm_rank"),
    SSM("blk.%d.ssm_a", ssm_a, "ssm_rank"),
    SSM("blk.%d.ssm_d", ssm_d, "ssm_rank"),
    SSM("blk.%d.ssm_out.weight", ssm_out, "n_embd, ssm_inner"),
    SSM_NORM("ssm_dt_norm", ssm_dt_norm, "dt_width"),
    SSM_NORM("ssm_b_norm", ssm_b_norm, "ssm_state"),
    SSM_NORM("ssm_c_norm", ssm_c_norm, "ssm_state"),
    OG_WEIGHTS_POST_NORMS,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_GATE_UP,
};

/* Published models begin with a layer without heads, and the runtime that the cases come from turns
 * no heads in them. */
static void derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = hp->layer[0].n_head > 0;
}

/* Values `from` and on of what each head of ssm_in gives. */
static og_tensor *half(og_decoder *d, og_tensor *both, int from)
{
    const og_hparams *hp = d->hp;
    og_tensor *y = og_slice(d->g, both, 2, from, hp->ssm_inner / hp->ssm_rank);
    return og_reshape(d->g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->ssm_inner)));
}

static og_tensor *state_space(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_hparams *hp = d->hp;
    int size = hp->ssm_inner / hp->ssm_rank, n = hp->ssm_state;
    int dt_width = ((const hparams *)hp)->dt_width;
    og_tensor *both = og_decoder_linear(d, x, l->ssm_in, NULL); /* of a head z, then u */
    both = ogi_heads(d, both, hp->ssm_rank, 2 * size);
    ogi_space s = { .z = half(d, both, 0) };
    s.u = og_silu(d->g, ogi_short_conv(d, il, half(d, both, size), l->ssm_conv, NULL));
    s.B = og_decoder_norm(d, ogi_through_rows(d, s.u, l->ssm_x, 0, n), l->ssm_b_norm, NULL);
    s.C = og_decoder_norm(d, ogi_through_rows(d, s.u, l->ssm_x, n, n), l->ssm_c_norm, NULL);
    og_tensor *dt = ogi_through_rows(d, s.u, l->ssm_x, 2 * n, dt_width);
    s.dt = og_decoder_linear(d, og_decoder_norm(d, dt, l->ssm_dt_norm, NULL), l->ssm_dt, NULL);
    return og_decoder_linear(d, ogi_state_space(d, il, &s), l->ssm_out, NULL);
}

static og_tensor *mixer(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? og_decoder_attend(d, il, x, NULL)
                                          : state_space(d, il, x);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = mixer });
}

const og_arch ogi_arch_plamo2 = { .name = "plamo2",
                                  .doc = "PLaMo 2",
                                  OG_ARCH_TABLES,
                                  .hp_size = sizeof(hparams),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive,
                                  .block = block };
