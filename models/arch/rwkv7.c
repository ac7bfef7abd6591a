/* SPDX-License-Identifier: MIT
 *
 * rwkv7 (Goose; Peng et al., 2025): a delta rule whose rates and decay are vectors; values lean on
 * those of the first layer. arwkv7: the same in place of Qwen's attention. */
#include <float.h>

#include "models/arch/rwkv.h"

typedef struct hparams {
    og_hparams hp;
    int head_size, n_head, n_decay, n_rate, n_value, n_gate;
} hparams;

enum { MIX_R, MIX_W, MIX_K, MIX_V, MIX_A, MIX_G, N_MIX };

/* x up(act(down x)) + base */
typedef struct low_rank {
    og_tensor *base, *down, *up;
} low_rank;

typedef struct layer {
    og_layer l;
    og_tensor *mix, *r, *k, *v, *k_scale, *k_rate, *bonus, *norm, *norm_b, *out;
    low_rank decay, rate, value, gate;
    og_tensor *ff_mix, *ff_k, *ff_v;
} layer;

#define TIME_KEYS                                                                                  \
    OG_KEY_OWN(hparams, "wkv.head_size", INT, head_size, 1, 1 << 12, NULL),                        \
        OG_KEY_OWN(hparams, NULL, INT, n_head, 1, 1 << 20, "n_embd / head_size"),                  \
        OG_KEY_OWN(hparams, "attention.decay_lora_rank", INT, n_decay, 1, 1 << 16, NULL),          \
        OG_KEY_OWN(hparams, "attention.iclr_lora_rank", INT, n_rate, 1, 1 << 16, NULL),            \
        OG_KEY_OWN(hparams, "attention.value_residual_mix_lora_rank", INT, n_value, 1, 1 << 16,    \
                   NULL),                                                                          \
        OG_KEY_OWN(hparams, "attention.gate_lora_rank", INT, n_gate, 0, 1 << 16, "0")
static const og_hp_key keys[] = { RWKV_KEYS, OG_KEY_EPS("attention.layer_norm_epsilon"),
                                  TIME_KEYS };
static const og_hp_key qwen_keys[] = { RWKV_KEYS, OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
                                       TIME_KEYS };

#define MINE_IF(when, name, field, flags, shape)                                                   \
    OG_WL_OWN(layer, when, "blk.%d." name, field, flags, shape)
#define MINE(name, field, flags, shape) MINE_IF(NULL, name, field, flags, shape)
/* Gates are optional. The first layer has nothing to lean on; files hold weights for it all the
 * same. */
#define LEAN(name, field, shape)        MINE_IF("il > 0", name, field, OG_W_MAYBE, shape)
#define TIME_WEIGHTS(flags)                                                                        \
    OG_WEIGHTS_EDGES, OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),                    \
        MINE("time_mix_lerp_fused.weight", mix, 0, "max(5, min(rows(mix), 6)), 1, 1, n_embd"),     \
        MINE("time_mix_receptance.weight", r, 0, "n_embd, n_embd"),                                \
        MINE("time_mix_key.weight", k, 0, "n_embd, n_embd"),                                       \
        MINE("time_mix_value.weight", v, 0, "n_embd, n_embd"),                                     \
        MINE("time_mix_k_k.weight", k_scale, 0, "n_embd"),                                         \
        MINE("time_mix_k_a.weight", k_rate, 0, "n_embd"),                                          \
        MINE("time_mix_r_k.weight", bonus, 0, "n_embd"),                                           \
        MINE("time_mix_w0.weight", decay.base, 0, "n_embd"),                                       \
        MINE("time_mix_w1.weight", decay.down, 0, "n_decay, n_embd"),                              \
        MINE("time_mix_w2.weight", decay.up, 0, "n_embd, n_decay"),                                \
        MINE("time_mix_a0.weight", rate.base, 0, "n_embd"),                                        \
        MINE("time_mix_a1.weight", rate.down, 0, "n_rate, n_embd"),                                \
        MINE("time_mix_a2.weight", rate.up, 0, "n_embd, n_rate"),                                  \
        LEAN("time_mix_v0.weight", value.base, "n_embd"),                                          \
        LEAN("time_mix_v1.weight", value.down, "n_value, n_embd"),                                 \
        LEAN("time_mix_v2.weight", value.up, "n_embd, n_value"),                                   \
        MINE("time_mix_g1.weight", gate.down, OG_W_OPTIONAL, "n_gate, n_embd"),                    \
        MINE("time_mix_g2.weight", gate.up, OG_W_OPTIONAL, "n_embd, n_gate"),                      \
        MINE("time_mix_ln.weight", norm, flags, "n_embd"),                                         \
        MINE("time_mix_ln.bias", norm_b, flags, "n_embd"),                                         \
        MINE("time_mix_output.weight", out, 0, "n_embd, n_embd")
static const og_weight_row weights[] = {
    TIME_WEIGHTS(0),
    RWKV_NORM_WEIGHTS,
    MINE("channel_mix_lerp_k.weight", ff_mix, 0, "n_embd"),
    MINE("channel_mix_key.weight", ff_k, 0, "n_ff, n_embd"),
    MINE("channel_mix_value.weight", ff_v, 0, "n_embd, n_ff"),
};
static const og_weight_row qwen_weights[] = { TIME_WEIGHTS(OG_W_OPTIONAL), OG_WEIGHTS_FFN };

static og_tensor *through(og_decoder *d, og_tensor *x, const low_rank *w, og_act act)
{
    x = og_decoder_linear(d, x, w->down, NULL);
    return og_decoder_linear(d, act ? act(d->g, x) : x, w->up, w->base);
}

static og_tensor *act_tanh(og_graph *g, og_tensor *x)
{
    return og_tanh(g, x);
}

static og_tensor *act_sigmoid(og_graph *g, og_tensor *x)
{
    return og_sigmoid(g, x);
}

/* Each head of x as a vector of length 1. */
static og_tensor *unit(og_decoder *d, og_tensor *x)
{
    og_tensor *square = og_clamp(d->g, og_sum(d->g, og_sqr(d->g, x)), 1e-24f, FLT_MAX);
    return og_mul(d->g, x, og_rsqrt(d->g, square));
}

/* The value of a token, which leans on the first layer's; there it is that. */
static og_tensor *value(og_decoder *d, const layer *w, og_tensor *x, og_tensor **first)
{
    og_graph *g = d->g;
    og_tensor *v = og_decoder_linear(d, x, w->v, NULL);
    if (!*first) return *first = v;
    og_tensor *by = og_sigmoid(g, through(d, x, &w->value, NULL));
    return og_add(g, v, og_mul(g, og_sub(g, *first, v), by));
}

static og_tensor *time_mix(og_decoder *d, int il, og_tensor *x, og_tensor **first)
{
    const layer *w = og_decoder_layer(d, il);
    const hparams *hp = (const hparams *)d->hp;
    og_graph *g = d->g;
    int size = hp->head_size, n_head = hp->n_head;
    og_tensor *step = og_sub(g, ogi_token_before(d, "shift.time", il, x), x), *in[N_MIX];
    for (int i = 0; i < N_MIX - !w->gate.up; i++)
        in[i] = ogi_rwkv_shifted(d, x, step, ogi_rwkv_vector(d, w->mix, i));

    og_tensor *r = ogi_heads(d, og_decoder_linear(d, in[MIX_R], w->r, NULL), n_head, size);
    og_tensor *k = og_decoder_linear(d, in[MIX_K], w->k, NULL);
    og_tensor *v = ogi_heads(d, value(d, w, in[MIX_V], first), n_head, size);
    /* at most exp(-1/2) of a row is forgotten in a step */
    og_tensor *decay = og_sigmoid(g, through(d, in[MIX_W], &w->decay, act_tanh));
    decay = ogi_heads(d, og_exp(g, og_scale(g, decay, -0.606531F, 0)), n_head, size);
    og_tensor *rate = og_sigmoid(g, through(d, in[MIX_A], &w->rate, NULL));
    og_tensor *kk = unit(d, ogi_heads(d, og_mul(g, k, w->k_scale), n_head, size));
    og_tensor *scaled = og_mul(g, og_scale(g, rate, 1, -1), w->k_rate);
    k = ogi_heads(d, og_add(g, k, og_mul(g, k, scaled)), n_head, size);
    og_linear_scan_args a = {
        .r = r,
        .k = k,
        .w = decay,
        .v = v,
        .a = og_neg(g, kk),
        .b = og_mul(g, kk, ogi_heads(d, rate, n_head, size)),
        .scan = ogi_scan_of(d, "wkv", il, OG_SHAPE(OG_N(n_head), OG_N(size), OG_N(size))),
    };
    og_tensor *y = ogi_rwkv_out(d, og_linear_scan(g, &a), w->norm, w->norm_b);
    og_tensor *u = og_reshape(g, w->bonus, OG_SHAPE(OG_N(n_head), OG_N(size)));
    y = og_add(g, y, ogi_rwkv_out(d, ogi_rwkv_bonus(d, r, k, u, v), NULL, NULL));
    if (w->gate.up) y = og_mul(g, y, through(d, in[MIX_G], &w->gate, act_sigmoid));
    return og_name(og_decoder_linear(d, y, w->out, NULL), "blk.%d.time", il);
}

static og_tensor *channel_mix(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_tensor *step = og_sub(d->g, ogi_token_before(d, "shift.channel", il, x), x);
    x = ogi_rwkv_shifted(d, x, step, w->ff_mix);
    return og_decoder_ffn(d, il, x, &(og_ffn){ .act = og_relu2, .up = w->ff_k, .down = w->ff_v });
}

/* As the default step, with the first layer's value carried along. */
static og_tensor *step(og_decoder *d)
{
    og_tensor *x = og_name(og_decoder_embed(d), "embd"), *first = NULL;
    for (int il = 0; il < d->hp->n_layer; il++) {
        const layer *w = og_decoder_layer(d, il);
        const og_layer *l = &w->l;
        og_tensor *h = og_decoder_norm(d, x, l->attn_norm, l->attn_norm_b);
        x = og_add(d->g, x, time_mix(d, il, h, &first));
        if (w->ff_k)
            h = channel_mix(d, il, og_decoder_norm(d, x, l->attn_norm2, l->attn_norm2_b));
        else
            h = og_decoder_ffn(d, il, og_decoder_norm(d, x, l->ffn_norm, NULL), NULL);
        x = og_name(og_add(d->g, x, h), "blk.%d.out", il);
    }
    og_decoder_layers_end(d);
    return x;
}
static const og_entry entries[] = { { "step", step } };

const og_arch ogi_arch_rwkv7 = { .name = "rwkv7",
                                 .doc = "RWKV 7",
                                 OG_ARCH_TABLES,
                                 OG_ARCH_ENTRIES,
                                 .hp_size = sizeof(hparams),
                                 .layer_size = sizeof(layer),
                                 .norm = OG_NORM_LAYER };
const og_arch ogi_arch_arwkv7 = { .name = "arwkv7",
                                  .doc = "Qwen 2.5 with RWKV 7 in place of attention",
                                  OG_ARCH_TABLES_OF(qwen_keys, qwen_weights),
                                  OG_ARCH_ENTRIES,
                                  .hp_size = sizeof(hparams),
                                  .layer_size = sizeof(layer) };
