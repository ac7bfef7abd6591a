/* SPDX-License-Identifier: MIT
 *
 * deepseek4: several streams that each part reads as a mixture and writes back to all, mixed among
 * themselves by nearly doubly stochastic matrices (hyper-connections; Xie et al., 2025). One row of
 * keys, which are the values too, for all heads: those of a window, and rows that stand for blocks
 * of tokens, of which an indexer chooses where blocks are short; one softmax over both, with sinks.
 * Rope is on the last dimensions and is undone behind attention, whose output projection is of low
 * rank by groups of heads. Leading layers have experts by the token's id. */
#include <float.h>
#include <stdio.h>

#include "models/arch/mixers.h"
#include "models/arch/streams.h"

enum {
    SHORT = 4, /* tokens of a block that overlaps the one before and has an indexer */
    LOG_RATIO_MAX = 12
};

typedef struct hparams {
    og_hparams hp;
    int ratio[OG_MAX_LAYER]; /* tokens that a pooled row stands for; 0: none */
    int n_index_head, index_head, top_k;
    int n_out_group, out_rank;
    int n_stream, n_sinkhorn, n_hash;
    float stream_eps, pooled_base;
    float limit[OG_MAX_LAYER], limit_shared[OG_MAX_LAYER];
} hparams;

typedef struct globals {
    og_globals w;
    stream_weights mix; /* of the streams behind the last layer: read alone */
} globals;

/* A row for each block of tokens: a mean by the softmax of scores, normalised. */
typedef struct pool {
    og_tensor *x, *score, *place, *norm; /* place: of a token in its block, added to scores */
} pool;

typedef struct layer {
    og_layer l;
    stream_weights attn_mix, ffn_mix;
    og_tensor *kv, *out_a, *out_b;
    pool keys, index;
    og_tensor *index_q, *index_weight, *experts_of;
} layer;

#define OWN(key, KIND, field, min, max, dflt) OG_KEY_OWN(hparams, key, KIND, field, min, max, dflt)
#define OWN_LAYER(key, KIND, field, max, dflt)                                                     \
    OG_KEY_OWN_LAYER(hparams, key, KIND, field, 0, max, dflt)
static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY("attention.q_lora_rank", INT, q_rank, 1, 1 << 20, NULL),
    OG_KEY("attention.sliding_window", INT, window, 1, 1 << 30, NULL),
    OG_KEY_OWN_LIST(hparams, "attention.compress_ratios", INT, ratio, 0, 1 << LOG_RATIO_MAX, "0"),
    OWN("attention.compress_rope_freq_base", FLOAT, pooled_base, 1e-3, 1e12, NULL),
    OWN("attention.indexer.head_count", INT, n_index_head, 1, 1 << 10, NULL),
    OWN("attention.indexer.key_length", INT, index_head, 1, 1 << 14, NULL),
    OWN("attention.indexer.top_k", INT, top_k, 1, 1 << 20, NULL),
    OWN("attention.output_group_count", INT, n_out_group, 1, 1 << 10, NULL),
    OWN("attention.output_lora_rank", INT, out_rank, 1, 1 << 20, NULL),
    OWN("hyper_connection.count", INT, n_stream, 1, 16, NULL),
    OWN("hyper_connection.sinkhorn_iterations", INT, n_sinkhorn, 1, 1000, NULL),
    OWN("hyper_connection.epsilon", FLOAT, stream_eps, 0, 1, NULL),
    OWN("hash_layer_count", INT, n_hash, 0, OG_MAX_LAYER, NULL),
    OWN_LAYER("swiglu_clamp_exp", FLOAT, limit, 1e6, NULL),
    OWN_LAYER("swiglu_clamp_shexp", FLOAT, limit_shared, 1e6, "limit"),
    OG_KEY("expert_gating_func", INT, expert_score, 4, 4, NULL),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

#define G(name, field, shape) OG_WG_OWN(globals, NULL, name ".weight", field, 0, shape)
#define L(name, field, shape) OG_WL("blk.%d." name ".weight", field, 0, shape)
#define IF(when, name, field, shape)                                                               \
    OG_WL_OWN(layer, when, "blk.%d." name ".weight", field, 0, shape)
#define MIX(name, field)                                                                           \
    IF(NULL, name "_fn", field.w, "n_stream * (n_stream + 2), n_stream * n_embd"),                 \
        IF(NULL, name "_base", field.base, "n_stream * (n_stream + 2)"),                           \
        IF(NULL, name "_scale", field.scale, "3")
#define WIDTH(size) "(1 + (ratio == 4)) * " size
#define POOL(when, name, field, size)                                                              \
    IF(when, name "_kv", field.x, WIDTH(size) ", n_embd"),                                         \
        IF(when, name "_gate", field.score, WIDTH(size) ", n_embd"),                               \
        IF(when, name "_ape", field.place, "ratio, " WIDTH(size)),                                 \
        IF(when, name "_norm", field.norm, size)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    G("output_hc_fn", mix.w, "n_stream, n_stream * n_embd"),
    G("output_hc_base", mix.base, "n_stream"),
    G("output_hc_scale", mix.scale, "1"),
    MIX("hc_attn", attn_mix),
    MIX("hc_ffn", ffn_mix),
    L("attn_norm", attn_norm, "n_embd"),
    OG_WEIGHTS_SINKS,
    L("attn_q_a", wq_a, "q_rank, n_embd"),
    L("attn_q_a_norm", q_a_norm, "q_rank"),
    L("attn_q_b", wq_b, "n_head * head_k, q_rank"),
    IF(NULL, "attn_kv", kv, "head_k, n_embd"),
    L("attn_kv_a_norm", kv_a_norm, "head_k"),
    IF(NULL, "attn_output_a", out_a, "n_out_group * out_rank, n_head * head_k / n_out_group"),
    IF(NULL, "attn_output_b", out_b, "n_embd, n_out_group * out_rank"),
    POOL("ratio > 0", "attn_compressor", keys, "head_k"),
    POOL("ratio == 4", "indexer_compressor", index, "index_head"),
    IF("ratio == 4", "indexer.attn_q_b", index_q, "n_index_head * index_head, q_rank"),
    IF("ratio == 4", "indexer.proj", index_weight, "n_index_head, n_embd"),
    L("ffn_norm", ffn_norm, "n_embd"),
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
    OG_WL_OWN(layer, "il < n_hash", "blk.%d.ffn_gate_tid2eid.weight", experts_of, OG_W_INTS,
              "n_vocab, n_expert_used"),
};

/* Layers with pooled rows have a rope base of their own and scaling, which leaves sizes as they
 * are. */
static void derive(og_hparams *hp)
{
    hp->yarn_mul = hp->yarn_log_mul = 1;
    for (int i = 0; i < hp->n_layer; i++) {
        const hparams *own = (const hparams *)hp;
        hp->layer[i].window = hp->window;
        hp->layer[i].has_scaling = own->ratio[i] > 0;
        if (own->ratio[i] > 0) hp->layer[i].rope_base = own->pooled_base;
    }
}

/* ---- attention ----------------------------------------------------------------------------- */

/* What the parts of one layer's attention share. */
typedef struct attend {
    og_decoder *d;
    int il, ratio;
    const layer *w;
    og_tensor *x, *low; /* [T, E], [T, q_rank] */
    og_tensor *start;   /* I32 [T]: the first position of each token's block */
} attend;

/* Heads x [T, H, D], the last n_rot dimensions turned. */
static og_tensor *turned(const attend *a, og_tensor *x, const og_turn *how)
{
    og_graph *g = a->d->g;
    int64_t n_rot = a->d->hp->layer[a->il].n_rot, n = og_tensor_shape(x).dim[2].b - n_rot;
    og_tensor *last = og_decoder_turn(a->d, a->il, og_slice(g, x, 2, n, n_rot), how);
    return n > 0 ? og_concat(g, og_slice(g, x, 2, 0, n), last, 2) : last;
}

/* Pages of rows [T, 1, size] that stand for the layer's blocks of tokens. */
static og_tensor *pooled(const attend *a, const pool *w, const char *name, int64_t size)
{
    og_decoder *d = a->d;
    og_graph *g = d->g;
    bool is_overlapping = a->ratio == SHORT;
    int64_t n_page = a->ratio < 64 ? 64 / a->ratio : 1, times = is_overlapping ? 2 : 1;
    og_tensor *pos = og_decoder_input(d, OG_STEP_POS);
    og_tensor *place = og_take_rows(g, w->place, og_sub(g, pos, a->start));
    og_tensor *score = og_add(g, og_decoder_linear(d, a->x, w->score, NULL), place);
    char state[16];
    snprintf(state, sizeof state, "%s.pool", name);
    og_scan_args scan =
        ogi_scan_of(d, state, a->il, OG_SHAPE(OG_N(2), OG_N(a->ratio * times), OG_N(size * times)));
    og_tensor *x = og_decoder_linear(d, a->x, w->x, NULL);
    x = og_block_pool(g, x, score, &scan, a->ratio, is_overlapping);
    x = ogi_heads(d, og_decoder_norm(d, x, w->norm, NULL), 1, size);
    x = turned(a, x, &(og_turn){ .pos = a->start });
    og_tensor *pages = og_decoder_pages(d, name, a->il, 1, n_page, size);
    return og_kv_store_pooled(g, pages, x, og_decoder_input(d, OG_STEP_KV_SLOT), pos, a->ratio);
}

/* Numbers of the blocks that each token sees, I32 [T, 1, k]. */
static og_tensor *chosen(const attend *a)
{
    const hparams *hp = (const hparams *)a->d->hp;
    int n_block = hp->hp.n_ctx / a->ratio + 1;
    og_tensor *q = og_decoder_linear(a->d, a->low, a->w->index_q, NULL);
    og_select_keys_args s = ogi_select_of(a->d);
    s.q = turned(a, ogi_heads(a->d, q, hp->n_index_head, hp->index_head), NULL);
    s.k_state = pooled(a, &a->w->index, "index", hp->index_head);
    s.weight = og_decoder_linear(a->d, a->x, a->w->index_weight, NULL);
    s.k = hp->top_k < n_block ? hp->top_k : n_block;
    s.ratio = a->ratio;
    s.is_relu = true;
    return og_select_keys(a->d->g, &s);
}

/* Heads' outputs [T, H, D]. */
static og_tensor *attended(const attend *a)
{
    og_decoder *d = a->d;
    og_graph *g = d->g;
    int64_t n_head = d->hp->layer[a->il].n_head, size = d->hp->layer[a->il].head_k;
    og_attention_args near = og_decoder_attention(d, a->il);
    og_tensor *q = ogi_heads(d, og_decoder_linear(d, a->low, a->w->l.wq_b, NULL), n_head, size);
    near.q = turned(a, og_rms_norm(g, q, d->hp->eps), NULL);
    og_tensor *kv = og_decoder_linear(d, a->x, a->w->kv, NULL);
    kv = ogi_heads(d, og_decoder_norm(d, kv, a->w->l.kv_a_norm, NULL), 1, size);
    kv = og_reshape(g, turned(a, kv, NULL), OG_SHAPE(og_decoder_tokens(d, 1), OG_N(size)));
    near.k = near.v = og_decoder_store(d, "kv", a->il, kv, 1);
    if (a->ratio == 0) return og_attention(g, &near);
    og_attention_args far = near;
    near.sink = far.sink = NULL;
    near.is_partial = far.is_partial = true;
    far.window = 0;
    far.ratio = a->ratio;
    far.k = far.v = pooled(a, &a->w->keys, "far", size);
    if (a->ratio == SHORT) far.select = chosen(a);
    return og_attention_merge(g, og_attention(g, &near), og_attention(g, &far), a->w->l.sinks);
}

static og_tensor *attention(og_decoder *d, int il, og_tensor *x, og_tensor *start)
{
    const hparams *hp = (const hparams *)d->hp;
    const layer *w = og_decoder_layer(d, il);
    og_graph *g = d->g;
    attend a = { d, il, hp->ratio[il], w, x, og_decoder_mla_low(d, il, x), start };
    int64_t n = hp->n_out_group, width = (int64_t)hp->hp.layer[il].n_head * hp->hp.layer[il].head_k;
    og_tensor *y = turned(&a, attended(&a), &(og_turn){ .is_back = true });
    og_shape by_group = OG_SHAPE(OG_N(n), OG_N(hp->out_rank), OG_N(width / n));
    y = og_head_linear(g, ogi_heads(d, y, n, width / n), og_reshape(g, w->out_a, by_group));
    y = og_reshape(g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n * hp->out_rank)));
    return og_name(og_decoder_linear(d, y, w->out_b, NULL), "blk.%d.attn", il);
}

/* ---- experts ------------------------------------------------------------------------------- */

static og_tensor *clamped(og_decoder *d, og_tensor *gate, og_tensor *up, float limit)
{
    og_graph *g = d->g;
    if (limit <= 1e-6F) return og_mul(g, og_silu(g, gate), up);
    gate = og_silu(g, og_clamp(g, gate, -FLT_MAX, limit));
    return og_mul(g, gate, og_clamp(g, up, -limit, limit));
}
static og_tensor *glu(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    return clamped(d, gate, up, ((const hparams *)d->hp)->limit[il]);
}
static og_tensor *glu_shared(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    return clamped(d, gate, up, ((const hparams *)d->hp)->limit_shared[il]);
}

/* Experts of the step's tokens, by a table of the file, which must not be believed. */
static og_tensor *experts_of(og_decoder *d, og_tensor *table)
{
    og_graph *g = d->g;
    const int32_t first = 0, last = d->hp->n_expert - 1;
    og_tensor *ids = og_take_rows(g, table, og_decoder_input(d, OG_STEP_TOKEN));
    ids = og_maximum(g, ids, og_table(g, OG_I32, OG_SHAPE(OG_N(1)), &first));
    return og_minimum(g, ids, og_table(g, OG_I32, OG_SHAPE(OG_N(1)), &last));
}

static og_tensor *feed_forward(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_experts spec = { .glu = glu, .has_no_shared = true };
    if (w->experts_of) spec.ids = experts_of(d, w->experts_of);
    og_tensor *y = og_decoder_experts(d, il, x, &spec);
    og_ffn shared = {
        .glu = glu_shared, .gate = w->l.gate_shexp, .up = w->l.up_shexp, .down = w->l.down_shexp
    };
    return w->l.up_shexp ? og_add(d->g, y, og_decoder_ffn(d, il, x, &shared)) : y;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* I32 [T]: positions down to multiples of ratio, made once for all layers that have it: *made. */
static void find_start(og_decoder *d, int32_t ratio, og_tensor **made)
{
    if (*made || ratio == 0) return;
    og_tensor *by = og_table(d->g, OG_I32, OG_SHAPE(OG_N(1)), &ratio);
    *made = og_mul(d->g, og_div(d->g, og_decoder_input(d, OG_STEP_POS), by), by);
}

static int log2_of(int ratio)
{
    int n = 0;
    while (ratio > 1) ratio /= 2, n++;
    return n;
}

static stream_rules rules_of(const og_decoder *d)
{
    const hparams *hp = (const hparams *)d->hp;
    return (stream_rules){ hp->n_stream, hp->n_sinkhorn, hp->stream_eps };
}

static og_tensor *step(og_decoder *d)
{
    const hparams *hp = (const hparams *)d->hp;
    const stream_rules rules = rules_of(d);
    og_tensor *x = ogi_streams_of(d, &rules, og_name(og_decoder_embed(d), "embd"));
    og_tensor *start[LOG_RATIO_MAX + 1] = { NULL };
    for (int il = 0; il < hp->hp.n_layer; il++)
        find_start(d, hp->ratio[il], &start[log2_of(hp->ratio[il])]);
    for (int il = 0; il < hp->hp.n_layer; il++) {
        const layer *w = og_decoder_layer(d, il);
        connection c = ogi_connect(d, &rules, x, &w->attn_mix);
        og_tensor *h = og_decoder_norm(d, c.in, w->l.attn_norm, NULL);
        x = ogi_connected(d, &c, attention(d, il, h, start[log2_of(hp->ratio[il])]));
        c = ogi_connect(d, &rules, x, &w->ffn_mix);
        h = og_decoder_norm(d, c.in, w->l.ffn_norm, NULL);
        x = og_name(ogi_connected(d, &c, feed_forward(d, il, h)), "blk.%d.out", il);
    }
    og_decoder_layers_end(d);
    return ogi_streams_flat(d, x);
}

static og_tensor *embed(og_decoder *d)
{
    const globals *w = (const globals *)d->w;
    const stream_rules rules = rules_of(d);
    og_tensor *x = ogi_streams_read(d, &rules, og_decoder_rows(d), &w->mix);
    return og_decoder_norm(d, x, w->w.out_norm, NULL);
}

static og_tensor *head(og_decoder *d)
{
    return og_decoder_linear(d, embed(d), d->w->out, d->w->out_b);
}

static const og_entry entries[] = { { "step", step }, { "head", head }, { "embed", embed } };

const og_arch ogi_arch_deepseek4 = { .name = "deepseek4",
                                     .doc = "DeepSeek V4",
                                     OG_ARCH_TABLES,
                                     .hp_size = sizeof(hparams),
                                     .globals_size = sizeof(globals),
                                     .layer_size = sizeof(layer),
                                     .rope = OG_ROPE_PAIRS,
                                     .derive = derive,
                                     OG_ARCH_ENTRIES };
