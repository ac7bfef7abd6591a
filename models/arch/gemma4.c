/* SPDX-License-Identifier: MIT
 *
 * gemma4: layers of two kinds, with a window and without, whose heads have other sizes and turn
 * other dimensions; values are normalised, and are the keys where a layer has none of its own; the
 * last layers read the keys and values of the last one of their kind. Experts beside the dense
 * feed-forward; an embedding for each layer, which a gate lets in. */
#include <math.h>

#include "models/arch/gemma_embd.h"

typedef struct hparams {
    og_hparams hp;
    int n_embd_layer; /* of the embeddings of layers; 0: none */
    int n_shared_kv;  /* layers at the end without keys and values of their own */
    int head_k_local, head_v_local, n_rot_local;
} hparams;

typedef struct globals {
    og_globals w;
    og_tensor *layer_embd, *layer_proj, *layer_proj_norm;
} globals;

typedef struct layer {
    og_layer l;
    og_tensor *out_scale;
    og_tensor *router_scale, *exps_norm, *dense_post_norm, *exps_post_norm;
    og_tensor *embd_gate, *embd_proj, *embd_post_norm;
} layer;

#define LOCAL(key, field, dflt) OG_KEY_OWN(hparams, key, INT, field, 1, 1 << 14, dflt)
static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("1"),
    OG_KEYS_EXPERTS,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("final_logit_softcapping", FLOAT, final_softcap, 0, 1e6, "30"),
    OG_KEY(NULL, FLOAT, attn_scale, 0, 1, "1"),
    OG_KEY_OWN(hparams, "embedding_length_per_layer_input", INT, n_embd_layer, 0, 1 << 14, "0"),
    OG_KEY_OWN(hparams, "attention.shared_kv_layers", INT, n_shared_kv, 0, OG_MAX_LAYER, "0"),
    LOCAL("attention.key_length_swa", head_k_local, "head_k[0]"),
    LOCAL("attention.value_length_swa", head_v_local, "head_v[0]"),
    LOCAL("rope.dimension_count_swa", n_rot_local, "head_k_local"),
};

#define G(when, name, field, shape) OG_WG_OWN(globals, when, name, field, 0, shape)
#define L(when, name, field, flags, shape)                                                         \
    OG_WL_OWN(layer, when, "blk.%d." name, field, flags, shape)
#define EMBD "n_embd_layer > 0"
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    G(EMBD, "per_layer_token_embd.weight", layer_embd, "n_vocab, n_layer * n_embd_layer"),
    G(EMBD, "per_layer_model_proj.weight", layer_proj, "n_layer * n_embd_layer, n_embd"),
    G(EMBD, "per_layer_proj_norm.weight", layer_proj_norm, "n_embd_layer"),
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    OG_WL("blk.%d.attn_q.weight", wq, 0, "n_head * head_k, n_embd"),
    OG_WL("blk.%d.attn_k.weight", wk, OG_W_OPTIONAL | OG_W_MAYBE, "n_head_kv * head_k, n_embd"),
    OG_WL("blk.%d.attn_v.weight", wv, OG_W_OPTIONAL | OG_W_MAYBE, "n_head_kv * head_v, n_embd"),
    OG_WL("blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v"),
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL | OG_W_MAYBE, "head_k"),
    OG_WEIGHTS_POST_NORMS,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_gate.weight", gate, 0, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
    OG_WEIGHTS_EXPERTS,
    L("has(router)", "ffn_gate_inp.scale", router_scale, 0, "n_embd"),
    L("has(router)", "pre_ffw_norm_2.weight", exps_norm, 0, "n_embd"),
    L("has(router)", "post_ffw_norm_1.weight", dense_post_norm, 0, "n_embd"),
    L("has(router)", "post_ffw_norm_2.weight", exps_post_norm, 0, "n_embd"),
    L(EMBD, "inp_gate.weight", embd_gate, 0, "n_embd_layer, n_embd"),
    L(EMBD, "proj.weight", embd_proj, 0, "n_embd, n_embd_layer"),
    L(EMBD, "post_norm.weight", embd_post_norm, 0, "n_embd"),
    L(NULL, "layer_output_scale.weight", out_scale, OG_W_OPTIONAL, "1"),
};

static void derive(og_hparams *hp)
{
    const hparams *own = (const hparams *)hp;
    hp->embd_scale = sqrtf((float)hp->n_embd);
    for (int i = 0; i < hp->n_layer; i++) {
        og_layer_hp *h = &hp->layer[i];
        h->has_factors = !h->is_local;
        if (!h->is_local) continue;
        h->head_k = own->head_k_local;
        h->head_v = own->head_v_local;
        h->n_rot = own->n_rot_local;
    }
}

og_tensor *ogi_gemma_layer_embd(og_decoder *d, og_tensor *x, og_tensor *table, og_tensor *proj,
                                og_tensor *norm, int n)
{
    og_graph *g = d->g;
    og_shape shape = OG_SHAPE(og_decoder_tokens(d, 1), OG_N(d->hp->n_layer), OG_N(n));
    og_tensor *e = og_take_rows(g, table, og_decoder_input(d, OG_STEP_TOKEN));
    e = og_scale(g, og_reshape(g, e, shape), sqrtf((float)n), 0);
    og_tensor *p = og_scale(g, og_linear(g, x, proj), 1 / sqrtf((float)d->hp->n_embd), 0);
    p = og_decoder_norm(d, og_reshape(g, p, shape), norm, NULL);
    return og_scale(g, og_add(g, p, e), 0.70710678f, 0); /* [T, n_layer, n] */
}

og_tensor *ogi_gemma_layer_row(og_decoder *d, og_tensor *embd, int il)
{
    int64_t n = og_tensor_shape(embd).dim[2].b;
    return og_reshape(d->g, og_slice(d->g, embd, 1, il, 1),
                      OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n)));
}

int ogi_gemma_kv_of(const og_hparams *hp, int n_own, int il)
{
    if (il < n_own) return 0;
    for (int i = n_own - 1; i >= 0; i--)
        if (hp->layer[i].is_local == hp->layer[il].is_local) return i + 1;
    return 0;
}

static og_tensor *attention(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const hparams *hp = (const hparams *)d->hp;
    og_attend spec = { .is_v_normed = true };
    spec.kv_of = ogi_gemma_kv_of(d->hp, hp->hp.n_layer - hp->n_shared_kv, il);
    if (!spec.kv_of && !l->wv) spec.v = og_decoder_linear(d, x, l->wk, NULL);
    return og_decoder_norm(d, og_decoder_attend(d, il, x, &spec), l->attn_post_norm, NULL);
}

static og_tensor *feed_forward(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, w->l.ffn_norm, NULL);
    og_tensor *y = og_decoder_ffn(d, il, h, &(og_ffn){ .act = og_gelu });
    if (w->l.router) {
        og_tensor *r =
            og_scale(g, og_decoder_norm(d, x, NULL, NULL), 1 / sqrtf((float)d->hp->n_embd), 0);
        r = og_linear(g, og_mul(g, r, w->router_scale), w->l.router);
        h = og_decoder_norm(d, x, w->exps_norm, NULL);
        og_experts spec = { .act = og_gelu, .logits = r, .is_normalized = true };
        og_tensor *e = og_decoder_experts(d, il, h, &spec);
        y = og_add(g, og_decoder_norm(d, y, w->dense_post_norm, NULL),
                   og_decoder_norm(d, e, w->exps_post_norm, NULL));
    }
    return og_decoder_norm(d, y, w->l.ffn_post_norm, NULL);
}

/* The layer's own embedding [T, n] of the tokens, let in by a gate. */
static og_tensor *let_in(og_decoder *d, const layer *w, og_tensor *x, og_tensor *embd)
{
    og_tensor *y = og_gelu(d->g, og_linear(d->g, x, w->embd_gate));
    y = og_linear(d->g, og_mul(d->g, y, embd), w->embd_proj);
    return og_add(d->g, x, og_decoder_norm(d, y, w->embd_post_norm, NULL));
}

static og_tensor *step(og_decoder *d)
{
    const globals *w = (const globals *)d->w;
    og_tensor *x = og_decoder_embed(d), *embd = NULL;
    if (w->layer_embd)
        embd = ogi_gemma_layer_embd(d, x, w->layer_embd, w->layer_proj, w->layer_proj_norm,
                                    ((const hparams *)d->hp)->n_embd_layer);
    for (int il = 0; il < d->hp->n_layer; il++) {
        const layer *l = og_decoder_layer(d, il);
        x = og_add(d->g, x, attention(d, il, og_decoder_norm(d, x, l->l.attn_norm, NULL)));
        x = og_add(d->g, x, feed_forward(d, il, x));
        if (embd) x = let_in(d, l, x, ogi_gemma_layer_row(d, embd, il));
        if (l->out_scale) x = og_mul(d->g, x, l->out_scale);
    }
    og_decoder_layers_end(d);
    return x;
}
static const og_entry entries[] = { { "step", step } };

const og_arch ogi_arch_gemma4 = { .name = "gemma4",
                                  .doc = "Gemma 4, text",
                                  OG_ARCH_TABLES,
                                  .hp_size = sizeof(hparams),
                                  .globals_size = sizeof(globals),
                                  .layer_size = sizeof(layer),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive,
                                  OG_ARCH_ENTRIES };
