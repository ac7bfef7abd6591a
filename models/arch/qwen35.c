/* SPDX-License-Identifier: MIT
 *
 * qwen3next, qwen35, qwen35moe: most layers have a gated delta net (Yang et al., 2024), the others
 * attention whose output is gated. A head of keys serves several of values: neighbours in
 * qwen3next, in qwen35 those that lie a whole round apart. */
#include <math.h>

#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    int interval;
    bool is_recurrent[OG_MAX_LAYER];
} hparams;

typedef struct layer {
    og_layer l;
    og_tensor *qkv, *z;           /* of the delta net; its values */
    og_tensor *qkvz;              /* all that in one, one head of keys after the other */
    og_tensor *beta, *alpha, *ba; /* how much a token writes; how fast its head forgets; both */
} layer;

/* Layers that recur are those without heads of keys, as in other hybrids. */
#define COMMON                                                                                     \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_rms_epsilon"),                 \
        OG_KEY("attention.scale", FLOAT, attn_scale, 0, 1e6, "0"), OG_KEYS_EXPERTS,                \
        OG_KEY_LAYER("expert_feed_forward_length", INT, n_ff_exp, 0, 1 << 22,                      \
                     "n_ff / max(n_expert_used, 1)"),                                              \
        OG_KEY("expert_shared_feed_forward_length", INT, n_ff_shexp, 0, 1 << 22, "most(n_ff)"),    \
        OG_KEY("expert_weights_scale", FLOAT, expert_scale, 0, 1e6, "0"), SSM_KEYS, SSM_GROUP_KEY, \
        OG_KEY_OWN(hparams, "full_attention_interval", INT, interval, 1, OG_MAX_LAYER, "4"),       \
        OG_KEY_OWN_LAYER(hparams, "attention.recurrent_layers", BOOL, is_recurrent, 0, 1,          \
                         "(il + 1) % interval != 0"),                                              \
        OG_KEY_LAYER(NULL, INT, n_head_kv, 0, 1 << 14, "n_head_kv * !is_recurrent")
static const og_hp_key next_keys[] = { COMMON };
static const og_hp_key keys[] = {
    COMMON,
    OG_KEYS_SECTIONS,
    OG_KEY(NULL, BOOL, rope_sections_interleaved, 0, 1, "1"),
};

/* In each head of attn_q its query, then its gate. */
#define GATED_ATTENTION                                                                            \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_qkv.weight", wqkv, OG_W_OPTIONAL,                       \
             "2 * n_head * head_k + n_head_kv * (head_k + head_v), n_embd"),                       \
        OG_WL_IF("n_head_kv > 0 && !has(wqkv)", "blk.%d.attn_q.weight", wq, 0,                     \
                 "2 * n_head * head_k, n_embd"),                                                   \
        OG_WEIGHTS_KV, OG_WEIGHTS_O, OG_WEIGHTS_QK_NORM
#define DELTA(name, field, shape) OG_WL_IF("n_head_kv == 0", "blk.%d." name, field, 0, shape)
#define DELTA_OWN(also, name, field, flags, shape)                                                 \
    OG_WL_OWN(layer, "n_head_kv == 0" also, "blk.%d." name ".weight", field, flags, shape)
#define LAYERS                                                                                     \
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),   \
        OG_WL("blk.%d.post_attention_norm.weight", ffn_norm, 0, "n_embd"), GATED_ATTENTION,        \
        DELTA_OWN(" && !has(qkvz)", "attn_qkv", qkv, 0,                                            \
                  "ssm_inner + 2 * ssm_group * ssm_state, n_embd"),                                \
        DELTA_OWN(" && !has(qkvz)", "attn_gate", z, 0, "ssm_inner, n_embd"),                       \
        DELTA("ssm_conv1d.weight", ssm_conv, "ssm_inner + 2 * ssm_group * ssm_state, ssm_conv"),   \
        DELTA("ssm_dt.bias", ssm_dt_b, "ssm_rank"), DELTA("ssm_a", ssm_a, "ssm_rank"),             \
        DELTA("ssm_norm.weight", ssm_norm, "ssm_inner / ssm_rank"),                                \
        DELTA("ssm_out.weight", ssm_out, "n_embd, ssm_inner"), OG_WEIGHTS_EXPERTS,                 \
        OG_WL_IF("has(router)", "blk.%d.ffn_gate_inp_shexp.weight", router_shexp, 0, "n_embd"),    \
        OG_WEIGHTS_SHARED(0)
static const og_weight_row next_weights[] = {
    LAYERS,
    DELTA_OWN("", "ssm_in", qkvz, OG_W_OPTIONAL, "2 * (ssm_inner + ssm_group * ssm_state), n_embd"),
    DELTA_OWN("", "ssm_ba", ba, 0, "2 * ssm_rank, n_embd"),
};
static const og_weight_row weights[] = {
    LAYERS,
    DELTA_OWN("", "ssm_beta", beta, 0, "ssm_rank, n_embd"),
    DELTA_OWN("", "ssm_alpha", alpha, 0, "ssm_rank, n_embd"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *gated_attention(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_layer_hp *h = &d->hp->layer[il];
    og_graph *g = d->g;
    int size = h->head_k, n_k = h->n_head_kv * size, n_q = 2 * h->n_head * size;
    og_attend spec = { 0 };
    og_tensor *q;
    if (l->wqkv) {
        q = ogi_through_rows(d, x, l->wqkv, 0, n_q);
        spec.k = ogi_through_rows(d, x, l->wqkv, n_q, n_k);
        spec.v = ogi_through_rows(d, x, l->wqkv, n_q + n_k, h->n_head_kv * h->head_v);
    } else {
        q = og_decoder_linear(d, x, l->wq, NULL);
    }
    q = ogi_heads(d, q, h->n_head, 2 * size);
    spec.q = og_slice(g, q, 2, 0, size);
    og_tensor *gate = og_sigmoid(g, og_slice(g, q, 2, size, size));
    spec.gate = og_reshape(g, gate, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n_q / 2)));
    return og_decoder_attend(d, il, x, &spec);
}

/* What a token brings to the delta net: q, k [T, G, K], v, z [T, H, V], beta, alpha [T, H]. */
typedef struct token {
    og_tensor *qkv, *z, *beta, *alpha;
} token;

/* Files of the first converter: q, k, v and z of a head of keys lie side by side. */
static void split_by_key_head(og_decoder *d, token *t, og_tensor *x, og_tensor *w)
{
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    int n_group = hp->ssm_group, n = hp->ssm_state, size = hp->ssm_inner / n_group;
    og_tensor *y = ogi_heads(d, og_decoder_linear(d, x, w, NULL), n_group, 2 * (n + size));
    const int begin[] = { 0, n, 2 * n, 2 * n + size }, width[] = { n, n, size, size };
    og_tensor *part[4];
    for (int i = 0; i < 4; i++)
        part[i] = og_reshape(g, og_slice(g, y, 2, begin[i], width[i]),
                             OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n_group * width[i])));
    t->qkv = og_concat(g, og_concat(g, part[0], part[1], 1), part[2], 1);
    t->z = part[3];
}

static token token_of(og_decoder *d, const layer *w, og_tensor *x)
{
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    token t = { 0 };
    if (w->qkvz) {
        split_by_key_head(d, &t, x, w->qkvz);
    } else {
        t.qkv = og_decoder_linear(d, x, w->qkv, NULL);
        t.z = og_decoder_linear(d, x, w->z, NULL);
    }
    if (w->ba) {
        int share = hp->ssm_rank / hp->ssm_group; /* heads of values of one of keys */
        og_shape flat = OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->ssm_rank));
        og_tensor *y = ogi_heads(d, og_decoder_linear(d, x, w->ba, NULL), hp->ssm_group, 2 * share);
        t.beta = og_reshape(g, og_slice(g, y, 2, 0, share), flat);
        t.alpha = og_reshape(g, og_slice(g, y, 2, share, share), flat);
    } else {
        t.beta = og_decoder_linear(d, x, w->beta, NULL);
        t.alpha = og_decoder_linear(d, x, w->alpha, NULL);
    }
    return t;
}

/* k [T, G, K] of each head of values, times c [T, H, 1]: [T, H, K]. */
static og_tensor *for_values(og_decoder *d, og_tensor *k, og_tensor *c, bool is_tiled)
{
    og_dim T = og_decoder_tokens(d, 1), one = OG_N(1);
    og_dim G = OG_N(d->hp->ssm_group), R = OG_N(d->hp->ssm_rank / d->hp->ssm_group);
    og_dim K = OG_N(d->hp->ssm_state);
    k = og_reshape(d->g, k, is_tiled ? OG_SHAPE(T, one, G, K) : OG_SHAPE(T, G, one, K));
    c = og_reshape(d->g, c, is_tiled ? OG_SHAPE(T, R, G, one) : OG_SHAPE(T, G, R, one));
    return ogi_heads(d, og_mul(d->g, k, c), d->hp->ssm_rank, d->hp->ssm_state);
}

static og_tensor *delta_net(og_decoder *d, int il, og_tensor *x, bool is_tiled)
{
    const layer *w = og_decoder_layer(d, il);
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    int n = hp->ssm_state, n_group = hp->ssm_group, n_head = hp->ssm_rank;
    int size = hp->ssm_inner / n_head, n_k = n_group * n;
    token t = token_of(d, w, x);
    og_tensor *u = ogi_short_conv(d, il, t.qkv, w->l.ssm_conv, NULL);
    og_tensor *q = ogi_unit(d, ogi_heads(d, og_silu(g, og_slice(g, u, 1, 0, n_k)), n_group, n));
    og_tensor *k = ogi_unit(d, ogi_heads(d, og_silu(g, og_slice(g, u, 1, n_k, n_k)), n_group, n));
    og_tensor *v = og_silu(g, og_slice(g, u, 1, 2 * n_k, hp->ssm_inner));
    v = ogi_heads(d, v, n_head, size);
    og_tensor *beta = ogi_heads(d, og_sigmoid(g, t.beta), n_head, 1);
    og_tensor *decay = og_mul(g, og_softplus(g, og_add(g, t.alpha, w->l.ssm_dt_b)), w->l.ssm_a);
    decay = ogi_heads(d, og_exp(g, decay), n_head, 1);
    /* S = decay S + k beta (v - (decay S)'k)' */
    og_linear_scan_args a = {
        .r = og_scale(g, q, (float)(1 / sqrt(n)), 0),
        .k = k,
        .w = decay,
        .v = og_mul(g, v, beta),
        .a = k,
        .b = for_values(d, k, og_neg(g, og_mul(g, beta, decay)), is_tiled),
        .scan = ogi_scan_of(d, "ssm.scan", il, OG_SHAPE(OG_N(n_head), OG_N(n), OG_N(size))),
        .is_tiled = is_tiled,
    };
    og_tensor *y = og_decoder_norm(d, og_linear_scan(g, &a), w->l.ssm_norm, NULL);
    y = og_mul(g, y, og_silu(g, ogi_heads(d, t.z, n_head, size)));
    y = og_reshape(g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->ssm_inner)));
    return og_name(og_decoder_linear(d, y, w->l.ssm_out, NULL), "blk.%d.delta", il);
}

static og_tensor *next_mixer(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? gated_attention(d, il, x) : delta_net(d, il, x, false);
}

static og_tensor *mixer(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? gated_attention(d, il, x) : delta_net(d, il, x, true);
}

static const og_experts experts = { .score = OG_SCORE_SOFTMAX, .is_normalized = true };

static og_tensor *next_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .experts = &experts, .mixer = next_mixer });
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .experts = &experts, .mixer = mixer });
}

#define QWEN(id, what, key, weight, build)                                                         \
    const og_arch ogi_arch_##id = { .name = #id,                                                   \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES_OF(key, weight),                                \
                                    .hp_size = sizeof(hparams),                                    \
                                    .layer_size = sizeof(layer),                                   \
                                    .rope = OG_ROPE_HALVES,                                        \
                                    .block = build }
QWEN(qwen3next, "Qwen 3 Next", next_keys, next_weights, next_block);
QWEN(qwen35, "Qwen 3.5", keys, weights, block);
QWEN(qwen35moe, "Qwen 3.5 with experts", keys, weights, block);
