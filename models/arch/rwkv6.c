/* SPDX-License-Identifier: MIT
 *
 * rwkv6 (Finch; Peng et al., 2024): how much a token sees of the one before, and how fast it
 * forgets, follows from the token. rwkv6qwen2: the same in place of Qwen's attention, with fewer
 * heads of keys and without a bonus for the token at hand. */
#include <math.h>

#include "models/arch/rwkv.h"

typedef struct hparams {
    og_hparams hp;
    int head_size, n_head, n_kv, n_mix, n_decay;
    int rescale_every; /* layers; 0: never */
} hparams;

enum { MIX_W, MIX_K, MIX_V, MIX_R, MIX_G, N_MIX };

typedef struct layer {
    og_layer l;
    og_tensor *mix_x, *mix, *mix_one[N_MIX]; /* of all, of each: together or one by one */
    og_tensor *mix_down, *mix_up, *decay, *decay_down, *decay_up, *bonus;
    og_tensor *r, *r_b, *k, *k_b, *v, *v_b, *g, *norm, *norm_b, *out;
    og_tensor *ff_mix_k, *ff_mix_r, *ff_k, *ff_v, *ff_r;
} layer;

#define TIME_KEYS                                                                                  \
    OG_KEY_OWN(hparams, "wkv.head_size", INT, head_size, 1, 1 << 12, NULL),                        \
        OG_KEY_OWN(hparams, NULL, INT, n_head, 1, 1 << 20, "n_embd / head_size"),                  \
        OG_KEY_OWN(hparams, "time_mix_extra_dim", INT, n_mix, 1, 1 << 16, NULL),                   \
        OG_KEY_OWN(hparams, "time_decay_extra_dim", INT, n_decay, 1, 1 << 16, NULL),               \
        OG_KEY_OWN(hparams, "rescale_every_n_layers", INT, rescale_every, 0, OG_MAX_LAYER, "0")
static const og_hp_key keys[] = {
    RWKV_KEYS,
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    TIME_KEYS,
    OG_KEY_OWN(hparams, NULL, INT, n_kv, 1, 1 << 20, "n_head"),
};
static const og_hp_key qwen_keys[] = {
    RWKV_KEYS,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    TIME_KEYS,
    OG_KEY_OWN(hparams, "attention.head_count_kv", INT, n_kv, 0, 1 << 14, "0"),
    OG_KEY_OWN(hparams, NULL, INT, n_kv, 1, 1 << 20, "n_kv + !n_kv * n_head"),
};

#define MINE(name, field, flags, shape) OG_WL_OWN(layer, NULL, "blk.%d." name, field, flags, shape)
#define ONE(name, i)                                                                               \
    OG_WL_OWN(layer, "!has(mix)", "blk.%d.time_mix_lerp_" name ".weight", mix_one[i], 0, "n_embd")
#define TIME_WEIGHTS(flags)                                                                        \
    OG_WEIGHTS_EDGES, OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),                    \
        MINE("time_mix_lerp_x.weight", mix_x, 0, "n_embd"),                                        \
        MINE("time_mix_lerp_fused.weight", mix, OG_W_OPTIONAL, "5, 1, 1, n_embd"),                 \
        ONE("w", MIX_W), ONE("k", MIX_K), ONE("v", MIX_V), ONE("r", MIX_R), ONE("g", MIX_G),       \
        MINE("time_mix_w1.weight", mix_down, 0, "5 * n_mix, n_embd"),                              \
        MINE("time_mix_w2.weight", mix_up, 0, "5, n_embd, n_mix"),                                 \
        MINE("time_mix_decay.weight", decay, 0, "n_embd"),                                         \
        MINE("time_mix_decay_w1.weight", decay_down, 0, "n_decay, n_embd"),                        \
        MINE("time_mix_decay_w2.weight", decay_up, 0, "n_embd, n_decay"),                          \
        MINE("time_mix_first.weight", bonus, flags, "n_head, head_size"),                          \
        MINE("time_mix_receptance.weight", r, 0, "n_embd, n_embd"),                                \
        MINE("time_mix_receptance.bias", r_b, OG_W_OPTIONAL, "n_embd"),                            \
        MINE("time_mix_key.weight", k, 0, "n_kv * head_size, n_embd"),                             \
        MINE("time_mix_key.bias", k_b, OG_W_OPTIONAL, "n_kv * head_size"),                         \
        MINE("time_mix_value.weight", v, 0, "n_kv * head_size, n_embd"),                           \
        MINE("time_mix_value.bias", v_b, OG_W_OPTIONAL, "n_kv * head_size"),                       \
        MINE("time_mix_gate.weight", g, 0, "n_embd, n_embd"),                                      \
        MINE("time_mix_ln.weight", norm, flags, "n_embd"),                                         \
        MINE("time_mix_ln.bias", norm_b, flags, "n_embd"),                                         \
        MINE("time_mix_output.weight", out, 0, "n_embd, n_embd")
static const og_weight_row weights[] = {
    TIME_WEIGHTS(0),
    RWKV_NORM_WEIGHTS,
    MINE("channel_mix_lerp_k.weight", ff_mix_k, 0, "n_embd"),
    MINE("channel_mix_lerp_r.weight", ff_mix_r, 0, "n_embd"),
    MINE("channel_mix_key.weight", ff_k, 0, "n_ff, n_embd"),
    MINE("channel_mix_value.weight", ff_v, 0, "n_embd, n_ff"),
    MINE("channel_mix_receptance.weight", ff_r, 0, "n_embd, n_embd"),
};
static const og_weight_row qwen_weights[] = {
    TIME_WEIGHTS(OG_W_OPTIONAL),
    OG_WG("output_norm.bias", out_norm_b, OG_W_OPTIONAL, "n_embd"),
    OG_WEIGHTS_FFN,
};

og_tensor *ogi_rwkv_shifted(og_decoder *d, og_tensor *x, og_tensor *step, og_tensor *by)
{
    return og_add(d->g, x, og_mul(d->g, step, by));
}

og_tensor *ogi_rwkv_vector(og_decoder *d, og_tensor *all, int i)
{
    return og_reshape(d->g, og_slice(d->g, all, 0, i, 1), OG_SHAPE(OG_N(d->hp->n_embd)));
}

og_tensor *ogi_rwkv_out(og_decoder *d, og_tensor *y, og_tensor *w, og_tensor *b)
{
    og_graph *g = d->g;
    og_shape flat = OG_SHAPE(og_decoder_tokens(d, 1), OG_N(d->hp->n_embd));
    if (!w) return og_reshape(g, y, flat);
    y = og_reshape(g, og_layer_norm(g, y, 64e-5f), flat);
    return og_add(g, og_mul(g, y, w), b);
}

og_tensor *ogi_rwkv_bonus(og_decoder *d, og_tensor *r, og_tensor *k, og_tensor *u, og_tensor *v)
{
    return og_mul(d->g, v, og_sum(d->g, og_mul(d->g, og_mul(d->g, r, k), u)));
}

/* What each of w, k, v, r and g sees: x and, by the token itself, some of the one before. */
static void mixed(og_decoder *d, const layer *w, og_tensor *x, og_tensor *step,
                  og_tensor *out[N_MIX])
{
    const hparams *hp = (const hparams *)d->hp;
    og_graph *g = d->g;
    int64_t n = hp->n_mix, n_embd = hp->hp.n_embd;
    og_tensor *low = ogi_rwkv_shifted(d, x, step, w->mix_x);
    low = og_tanh(g, og_decoder_linear(d, low, w->mix_down, NULL));
    for (int i = 0; i < N_MIX; i++) {
        og_tensor *up = og_slice(g, w->mix_up, 0, i, 1);
        up = og_reshape(g, up, OG_SHAPE(OG_N(n_embd), OG_N(n)));
        og_tensor *by = og_decoder_linear(d, og_slice(g, low, 1, i * n, n), up, NULL);
        by = og_add(g, by, w->mix ? ogi_rwkv_vector(d, w->mix, i) : w->mix_one[i]);
        out[i] = ogi_rwkv_shifted(d, x, step, by);
    }
}

/* Heads of keys or values, each as often as there are heads that read it. */
static og_tensor *repeated(og_decoder *d, og_tensor *x)
{
    const hparams *hp = (const hparams *)d->hp;
    int n_head = hp->n_head;
    if (hp->n_kv == n_head) return ogi_heads(d, x, n_head, hp->head_size);
    og_dim T = og_decoder_tokens(d, 1), share = OG_N(n_head / hp->n_kv);
    og_dim n_kv = OG_N(hp->n_kv), size = OG_N(hp->head_size);
    x = og_reshape(d->g, x, OG_SHAPE(T, n_kv, OG_N(1), size));
    return ogi_heads(d, og_broadcast(d->g, x, OG_SHAPE(T, n_kv, share, size)), n_head,
                     hp->head_size);
}

static og_tensor *time_mix(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    const hparams *hp = (const hparams *)d->hp;
    og_graph *g = d->g;
    int size = hp->head_size, n_head = hp->n_head;
    og_tensor *in[N_MIX];
    mixed(d, w, x, og_sub(g, ogi_token_before(d, "shift.time", il, x), x), in);

    og_tensor *r = ogi_heads(d, og_decoder_linear(d, in[MIX_R], w->r, w->r_b), n_head, size);
    og_tensor *k = repeated(d, og_decoder_linear(d, in[MIX_K], w->k, w->k_b));
    og_tensor *v = repeated(d, og_decoder_linear(d, in[MIX_V], w->v, w->v_b));
    og_tensor *gate = og_decoder_linear(d, in[MIX_G], w->g, NULL);
    og_tensor *decay = og_tanh(g, og_decoder_linear(d, in[MIX_W], w->decay_down, NULL));
    decay = og_decoder_linear(d, decay, w->decay_up, w->decay);
    decay = ogi_heads(d, og_exp(g, og_neg(g, og_exp(g, decay))), n_head, size);
    if (!w->bonus) k = og_sub(g, k, og_mul(g, k, decay));
    og_linear_scan_args a = {
        .r = w->bonus ? r : og_scale(g, r, (float)(1 / sqrt(size)), 0),
        .k = k,
        .w = decay,
        .v = v,
        .scan = ogi_scan_of(d, "wkv", il, OG_SHAPE(OG_N(n_head), OG_N(size), OG_N(size))),
        .reads_before = w->bonus != NULL,
    };
    og_tensor *y = og_linear_scan(g, &a);
    if (w->bonus) y = og_add(g, y, ogi_rwkv_bonus(d, r, k, w->bonus, v));
    y = ogi_rwkv_out(d, y, w->norm, w->norm_b);
    y = og_mul(g, y, w->bonus ? og_silu(g, gate) : og_sigmoid(g, gate));
    return og_name(og_decoder_linear(d, y, w->out, NULL), "blk.%d.time", il);
}

static og_tensor *channel_mix(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *step = og_sub(g, ogi_token_before(d, "shift.channel", il, x), x);
    og_tensor *r = og_decoder_linear(d, ogi_rwkv_shifted(d, x, step, w->ff_mix_r), w->ff_r, NULL);
    og_tensor *k = og_decoder_linear(d, ogi_rwkv_shifted(d, x, step, w->ff_mix_k), w->ff_k, NULL);
    og_tensor *y = og_decoder_linear(d, og_relu2(g, k), w->ff_v, NULL);
    return og_mul(g, og_sigmoid(g, r), y);
}

/* Halved every so many layers, which keeps half precision in range. */
static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    int every = ((const hparams *)d->hp)->rescale_every;
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, l->attn_norm_b);
    x = og_add(d->g, x, time_mix(d, il, h));
    h = og_decoder_norm(d, x, l->attn_norm2, l->attn_norm2_b);
    x = og_add(d->g, x, channel_mix(d, il, h));
    return every > 0 && (il + 1) % every == 0 ? og_scale(d->g, x, 0.5F, 0) : x;
}

static og_tensor *qwen_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = time_mix });
}

const og_arch ogi_arch_rwkv6 = { .name = "rwkv6",
                                 .doc = "RWKV 6",
                                 OG_ARCH_TABLES,
                                 .hp_size = sizeof(hparams),
                                 .layer_size = sizeof(layer),
                                 .norm = OG_NORM_LAYER,
                                 .block = block };
const og_arch ogi_arch_rwkv6qwen2 = { .name = "rwkv6qwen2",
                                      .doc = "Qwen 2 with RWKV 6 in place of attention",
                                      OG_ARCH_TABLES_OF(qwen_keys, qwen_weights),
                                      .hp_size = sizeof(hparams),
                                      .layer_size = sizeof(layer),
                                      .block = qwen_block };
