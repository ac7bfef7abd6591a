/* SPDX-License-Identifier: MIT
 *
 * gemma3n: four parallel streams [T, 4, E] of which one runs through a layer; the others are
 * predicted from it and corrected by what came out (AltUp; Baykal et al., 2023). A low-rank bypass
 * of attention (LAuReL; Menghani et al., 2024), gates in the first ten layers of which only the
 * largest by a Gaussian's quantile remain, an embedding for each layer. From the twenty-first on
 * layers read the keys and values of the last one of their kind. */
#include <math.h>

#include "models/arch/gemma_embd.h"

enum { STREAMS = 4, N_EMBD_LAYER = 256, SPARSE_LAYERS = 10, KV_LAYERS = 20 };
static const float sparse_quantile = 1.6448533535003662f; /* of 0.95 */

typedef struct globals {
    og_globals w;
    og_tensor *layer_embd, *layer_proj, *layer_proj_norm;
    og_tensor *spread, *gather; /* [3, E, E]: the first stream to the others and back */
} globals;

typedef struct layer {
    og_layer l;
    og_tensor *laurel_l, *laurel_r, *laurel_norm;
    og_tensor *predict, *correct, *correct_scale, *mix, *mix_norm; /* of the streams */
    og_tensor *embd_gate, *embd_proj, *embd_post_norm;
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("5"),
    OG_KEY("rope.freq_base_swa", FLOAT, rope_base_local, 1e-3, 1e12, "10000"),
    OG_KEY("final_logit_softcapping", FLOAT, final_softcap, 0, 1e6, "30"),
    OG_KEY(NULL, FLOAT, attn_scale, 0, 1, "1"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

#define G(name, field, shape) OG_WG_OWN(globals, NULL, name, field, 0, shape)
#define L(name, field, shape) OG_WL_OWN(layer, NULL, "blk.%d." name, field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    G("altup_proj.weight", spread, "3, n_embd, n_embd"),
    G("altup_unembd_proj.weight", gather, "3, n_embd, n_embd"),
    G("per_layer_token_embd.weight", layer_embd, "n_vocab, n_layer * 256"),
    G("per_layer_model_proj.weight", layer_proj, "n_layer * 256, n_embd"),
    G("per_layer_proj_norm.weight", layer_proj_norm, "256"),
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    OG_WL("blk.%d.attn_q.weight", wq, 0, "n_head * head_k, n_embd"),
    OG_WL("blk.%d.attn_k.weight", wk, OG_W_MAYBE, "n_head_kv * head_k, n_embd"),
    OG_WL("blk.%d.attn_v.weight", wv, OG_W_MAYBE, "n_head_kv * head_v, n_embd"),
    OG_WL("blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v"),
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_MAYBE, "head_k"),
    OG_WEIGHTS_POST_NORMS,
    OG_WEIGHTS_FFN,
    L("laurel_l.weight", laurel_l, "64, n_embd"),
    L("laurel_r.weight", laurel_r, "n_embd, 64"),
    L("laurel_post_norm.weight", laurel_norm, "n_embd"),
    L("altup_predict_coef.weight", predict, "16, 4"),
    L("altup_correct_coef.weight", correct, "4, 4"),
    L("altup_correct_scale.weight", correct_scale, "n_embd"),
    L("altup_router.weight", mix, "4, n_embd"),
    L("altup_router_norm.weight", mix_norm, "n_embd"),
    L("inp_gate.weight", embd_gate, "256, n_embd"),
    L("proj.weight", embd_proj, "n_embd, 256"),
    L("post_norm.weight", embd_post_norm, "n_embd"),
};

static void derive(og_hparams *hp)
{
    hp->embd_scale = sqrtf((float)hp->n_embd);
}

static og_tensor *stream(og_decoder *d, og_tensor *x, int i)
{
    og_shape s = og_tensor_shape(x);
    return og_reshape(d->g, og_slice(d->g, x, 1, i, 1), OG_SHAPE(s.dim[0], s.dim[2]));
}

static og_tensor *as_stream(og_decoder *d, og_tensor *x) /* [T, E] -> [T, 1, E] */
{
    og_shape s = og_tensor_shape(x);
    return og_reshape(d->g, x, OG_SHAPE(s.dim[0], OG_N(1), s.dim[1]));
}

static og_tensor *length_of(og_decoder *d, og_tensor *x)
{
    return og_sqrt(d->g, og_sum(d->g, og_sqr(d->g, x)));
}

/* x times the i-th of three matrices, as long as `like` [.., 1]. */
static og_tensor *projected(og_decoder *d, og_tensor *x, og_tensor *w, int i, og_tensor *like)
{
    og_graph *g = d->g;
    int64_t n = d->hp->n_embd;
    w = og_reshape(g, og_slice(g, w, 0, i, 1), OG_SHAPE(OG_N(n), OG_N(n)));
    og_tensor *y = og_linear(g, x, w);
    return og_div(g, og_mul(g, y, like), length_of(d, y));
}

/* How the streams mix, by the one that runs: [T, 4] */
static og_tensor *modalities(og_decoder *d, const layer *w, og_tensor *x)
{
    og_tensor *y =
        og_scale(d->g, og_decoder_norm(d, x, w->mix_norm, NULL), 1 / (float)d->hp->n_embd, 0);
    return og_tanh(d->g, og_linear(d->g, y, w->mix));
}

/* x + sum over k of c[j][k] x[k] */
static og_tensor *predicted(og_decoder *d, const layer *w, og_tensor *x)
{
    og_graph *g = d->g;
    og_dim T = og_decoder_tokens(d, 1);
    og_tensor *c = og_linear(g, modalities(d, w, stream(d, x, 0)), w->predict);
    c = og_reshape(g, c, OG_SHAPE(T, OG_N(STREAMS), OG_N(STREAMS)));
    og_tensor *y = x;
    for (int k = 0; k < STREAMS; k++)
        y = og_add(g, y, og_mul(g, og_slice(g, c, 2, k, 1), og_slice(g, x, 1, k, 1)));
    return y;
}

/* All streams moved by what the running one, y, became beyond its prediction. */
static og_tensor *corrected(og_decoder *d, const layer *w, og_tensor *x, og_tensor *y)
{
    og_graph *g = d->g;
    og_tensor *c = og_scale(g, og_linear(g, modalities(d, w, y), w->correct), 1, 1);
    c = og_reshape(g, c, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(STREAMS), OG_N(1)));
    og_tensor *news = as_stream(d, og_sub(g, y, stream(d, x, 0)));
    return og_add(g, x, og_mul(g, news, c));
}

/* What a gate exceeds its row's mean plus so many deviations by. */
static og_tensor *sparse(og_decoder *d, og_tensor *x)
{
    og_graph *g = d->g;
    int64_t n = og_tensor_shape(x).dim[1].b;
    og_tensor *mean = og_mean(g, x);
    og_tensor *var = og_scale(g, og_sum(g, og_sqr(g, og_sub(g, x, mean))), 1 / (float)(n - 1), 0);
    og_tensor *cut = og_add(g, mean, og_scale(g, og_sqrt(g, var), sparse_quantile, 0));
    return og_relu(g, og_sub(g, x, cut));
}
static og_tensor *glu(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    if (il < SPARSE_LAYERS) gate = sparse(d, gate);
    return og_mul(d->g, og_gelu(d->g, gate), up);
}

/* The stream that runs: attention beside the bypass, feed-forward. */
static og_tensor *run(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_attend spec = { .is_v_normed = true, .kv_of = ogi_gemma_kv_of(d->hp, KV_LAYERS, il) };
    og_tensor *h = og_decoder_norm(d, x, w->l.attn_norm, NULL);
    og_tensor *low = og_linear(g, og_linear(g, h, w->laurel_l), w->laurel_r);
    low = og_add(g, og_decoder_norm(d, low, w->laurel_norm, NULL), h);
    og_tensor *a =
        og_decoder_norm(d, og_decoder_attend(d, il, h, &spec), w->l.attn_post_norm, NULL);
    x = og_scale(g, og_add(g, og_add(g, a, x), low), 0.70710678f, 0);
    h = og_decoder_norm(d, x, w->l.ffn_norm, NULL);
    h = og_decoder_ffn(d, il, h, &(og_ffn){ .glu = glu });
    return og_add(g, og_decoder_norm(d, h, w->l.ffn_post_norm, NULL), x);
}

/* The layer's embedding, gated by the first stream, goes to the others. */
static og_tensor *let_in(og_decoder *d, const layer *w, og_tensor *x, og_tensor *embd)
{
    og_graph *g = d->g;
    og_tensor *y = og_linear(g, og_mul(g, stream(d, x, 0), w->correct_scale), w->embd_gate);
    y = og_linear(g, og_mul(g, og_gelu(g, y), embd), w->embd_proj);
    y = as_stream(d, og_decoder_norm(d, y, w->embd_post_norm, NULL));
    og_tensor *rest = og_add(g, og_slice(g, x, 1, 1, STREAMS - 1), y);
    return og_concat(g, og_slice(g, x, 1, 0, 1), rest, 1);
}

static og_tensor *step(og_decoder *d)
{
    const globals *w = (const globals *)d->w;
    og_graph *g = d->g;
    og_tensor *one = og_decoder_embed(d), *x = as_stream(d, one);
    og_tensor *embd = ogi_gemma_layer_embd(d, one, w->layer_embd, w->layer_proj, w->layer_proj_norm,
                                           N_EMBD_LAYER);
    for (int i = 0; i < STREAMS - 1; i++)
        x = og_concat(g, x, as_stream(d, projected(d, one, w->spread, i, length_of(d, one))), 1);
    for (int il = 0; il < d->hp->n_layer; il++) {
        const layer *l = og_decoder_layer(d, il);
        x = predicted(d, l, x);
        x = corrected(d, l, x, run(d, il, stream(d, x, 0)));
        x = let_in(d, l, x, ogi_gemma_layer_row(d, embd, il));
    }
    og_decoder_layers_end(d);
    return og_reshape(g, x, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(STREAMS * d->hp->n_embd)));
}

/* The mean of the streams, the others brought back and as long as the first. */
static og_tensor *head(og_decoder *d)
{
    const globals *w = (const globals *)d->w;
    og_graph *g = d->g;
    og_tensor *rows = og_decoder_rows(d);
    int64_t n = d->hp->n_embd;
    og_tensor *first = og_slice(g, rows, 1, 0, n), *sum = first;
    for (int i = 0; i < STREAMS - 1; i++) {
        og_tensor *x = og_slice(g, rows, 1, (i + 1) * n, n);
        sum = og_add(g, sum, projected(d, x, w->gather, i, length_of(d, first)));
    }
    return og_decoder_logits(d, og_scale(g, sum, 1.0f / STREAMS, 0));
}
static const og_entry entries[] = { { "step", step }, { "head", head } };

const og_arch ogi_arch_gemma3n = { .name = "gemma3n",
                                   .doc = "Gemma 3n, text",
                                   OG_ARCH_TABLES,
                                   .globals_size = sizeof(globals),
                                   .layer_size = sizeof(layer),
                                   .rope = OG_ROPE_HALVES,
                                   .derive = derive,
                                   OG_ARCH_ENTRIES };
