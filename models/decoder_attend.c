/* SPDX-License-Identifier: MIT
 *
 * Self-attention of a layer, by the hyperparameters and the weights that there are. */
#include <math.h>

#include "models/arch_impl.h"

/* What the parts of one layer's attention share. */
typedef struct attend {
    og_decoder *d;
    int il;
    const og_layer *l;
    const og_layer_hp *h;
    const og_attend *spec;
    og_tensor *x;
} attend;

/* Rows begin .. begin + size - 1 of a fused weight or bias; all of `own` if it has its own. */
static og_tensor *part(og_decoder *d, og_tensor *own, og_tensor *fused, int64_t begin, int64_t size)
{
    return own || !fused ? own : og_slice(d->g, fused, 0, begin, size);
}

static og_tensor *heads(og_decoder *d, og_tensor *x, int64_t n_head, int64_t size)
{
    return og_reshape(d->g, x, OG_SHAPE(d->own->sym.T, OG_N(n_head), OG_N(size)));
}

static int64_t last_dim(const og_tensor *x)
{
    og_shape s = og_tensor_shape(x);
    return s.dim[s.rank - 1].b;
}

/* One norm for all heads, one each, or one over the whole width, as the weight's shape says. */
static og_tensor *normed(const attend *a, og_tensor *y, og_tensor *w, og_tensor *b, int64_t n_head)
{
    og_decoder *d = a->d;
    int64_t size = a->h->head_k;
    if (!y || (!w && !a->spec->is_norm_plain)) return y;
    bool is_whole = w && og_tensor_shape(w).rank == 1 && last_dim(w) != size;
    float eps = a->spec->qk_eps > 0 ? a->spec->qk_eps : d->hp->eps;
    if (!is_whole) return ogi_decoder_norm_eps(d, a->spec->qk_norm, eps, y, w, b);
    y = og_reshape(d->g, y, OG_SHAPE(d->own->sym.T, OG_N(n_head * size)));
    return heads(d, ogi_decoder_norm_eps(d, a->spec->qk_norm, eps, y, w, b), n_head, size);
}

static og_tensor *turned(const attend *a, og_tensor *y)
{
    return a->spec->has_no_rope ? y : og_decoder_turn(a->d, a->il, y, NULL);
}

static og_tensor *projected(const attend *a, og_tensor *given, og_tensor *w, og_tensor *b,
                            int64_t n_head, int64_t size)
{
    og_decoder *d = a->d;
    og_tensor *y = given ? given : og_decoder_linear(d, a->x, w, b);
    float c = d->hp->attn_clamp;
    if (c > 0) y = og_clamp(d->g, y, -c, c);
    return heads(d, y, n_head, size);
}

/* Normed and turned heads of queries or keys. */
static og_tensor *query_or_key(const attend *a, og_tensor *y, og_tensor *w, og_tensor *b,
                               int64_t n_head)
{
    if (a->spec->is_norm_after_rope) return normed(a, turned(a, y), w, b, n_head);
    return turned(a, normed(a, y, w, b, n_head));
}

/* q times 1 + scale * log(1 + floor((pos + offset) / length)): far tokens look more sharply. */
og_tensor *ogi_decoder_tempered(og_decoder *d, og_tensor *q)
{
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    if (hp->temp_scale == 0 || hp->temp_length == 0) return q;
    og_tensor *t = og_cast(g, og_decoder_input(d, OG_STEP_POS), OG_F32);
    float by = 1 / (float)hp->temp_length;
    t = og_cast(g, og_cast(g, og_scale(g, t, by, hp->temp_offset * by), OG_I32), OG_F32);
    t = og_scale(g, og_log(g, og_scale(g, t, 1, 1)), hp->temp_scale, 1);
    return og_mul(g, q, og_reshape(g, t, OG_SHAPE(d->own->sym.T, OG_N(1), OG_N(1))));
}

static og_tensor *query(const attend *a)
{
    const og_layer *l = a->l;
    int64_t n_head = a->h->n_head, size = a->h->head_k, n = n_head * size;
    og_tensor *y = projected(a, a->spec->q, part(a->d, l->wq, l->wqkv, 0, n),
                             part(a->d, l->bq, l->bqkv, 0, n), n_head, size);
    y = query_or_key(a, y, l->q_norm, l->q_norm_b, n_head);
    return a->spec->has_no_temp ? y : ogi_decoder_tempered(a->d, y);
}

static og_tensor *key(const attend *a)
{
    const og_layer *l = a->l;
    int64_t n_head = a->h->n_head_kv, size = a->h->head_k, n = n_head * size;
    int64_t from = (int64_t)a->h->n_head * size;
    og_tensor *y = projected(a, a->spec->k, part(a->d, l->wk, l->wqkv, from, n),
                             part(a->d, l->bk, l->bqkv, from, n), n_head, size);
    return query_or_key(a, y, l->k_norm, l->k_norm_b, n_head);
}

static og_tensor *value(const attend *a)
{
    const og_layer *l = a->l;
    int64_t n_head = a->h->n_head_kv, size = a->h->head_v, n = n_head * size;
    int64_t from = ((int64_t)a->h->n_head + n_head) * a->h->head_k;
    og_tensor *y = projected(a, a->spec->v, part(a->d, l->wv, l->wqkv, from, n),
                             part(a->d, l->bv, l->bqkv, from, n), n_head, size);
    if (a->spec->is_v_normed) y = og_rms_norm(a->d->g, y, a->d->hp->eps);
    return og_decoder_scale(a->d, y, a->spec->v_scale);
}

/* The pages of keys and values that the layer reads: its own, or those of another. */
static void store(const attend *a, og_attention_args *args)
{
    og_decoder *d = a->d;
    ogi_decoder_own *o = d->own;
    int from = a->spec->kv_of ? a->spec->kv_of - 1 : a->il;
    if (!a->spec->kv_of) {
        int64_t n_head = a->h->n_head_kv;
        og_tensor *slot = og_decoder_input(d, OG_STEP_KV_SLOT);
        og_tensor *k = key(a), *v = value(a);
        og_tensor *ks =
            ogi_decoder_pages_as(d, o->kv.k, "kv.k", a->il, n_head, OGI_PAGE, a->h->head_k);
        o->stored_k[from] = og_kv_store(d->g, ks, k, slot);
        og_tensor *vs =
            ogi_decoder_pages_as(d, o->kv.v, "kv.v", a->il, n_head, OGI_PAGE, a->h->head_v);
        o->stored_v[from] = og_kv_store(d->g, vs, v, slot);
    }
    args->k = o->stored_k[from];
    args->v = o->stored_v[from];
}

/* Slopes of ALiBi: a geometric row of the largest power of two of heads, then one of half the
 * exponent's step for the rest (Press et al., 2022). */
static og_tensor *slopes(og_decoder *d, int n_head)
{
    float *slope = d->hp->alibi_bias > 0 ? OGI_NEW_N(d->g->ctx, float, n_head) : NULL;
    if (!slope) return NULL;
    int n = 1;
    while (2 * n <= n_head) n *= 2;
    double step = (double)d->hp->alibi_bias / n;
    for (int i = 0; i < n_head; i++)
        slope[i] = (float)exp2(i < n ? -step * (i + 1) : -step / 2 * (2 * (i - n) + 1));
    og_tensor *t = og_table(d->g, OG_F32, OG_SHAPE(OG_N(n_head)), slope);
    ogi_free(d->g->ctx, slope);
    return t;
}

/* Each head's output, or each of its values, times the gate. */
static og_tensor *gated(const attend *a, og_tensor *y)
{
    og_decoder *d = a->d;
    og_tensor *gate = a->spec->gate;
    if (!gate && a->l->attn_gate) {
        og_act act = a->spec->gate_act ? a->spec->gate_act : og_sigmoid;
        gate = act(d->g, og_decoder_linear(d, a->x, a->l->attn_gate, NULL));
    }
    if (!gate) return y;
    bool is_of_head = last_dim(gate) == a->h->n_head && a->h->head_v != 1;
    return og_mul(d->g, y, heads(d, gate, a->h->n_head, is_of_head ? 1 : a->h->head_v));
}

og_attention_args og_decoder_attention(og_decoder *d, int il)
{
    if (!ogi_decoder_has_layer(d, il)) return (og_attention_args){ 0 };
    const og_layer *l = og_decoder_layer(d, il);
    return (og_attention_args){
        .pos = og_decoder_input(d, OG_STEP_POS),
        .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
        .kv_len = og_decoder_input(d, OG_STEP_KV_LEN),
        .page_table = og_decoder_input(d, OG_STEP_PAGE_TABLE),
        .slope = slopes(d, d->hp->layer[il].n_head),
        .sink = l->sinks,
        .scale = d->hp->attn_scale,
        .softcap = d->hp->attn_softcap,
        .window = d->hp->layer[il].window,
        .is_bidirectional = !d->hp->is_causal,
    };
}

og_tensor *og_decoder_attend(og_decoder *d, int il, og_tensor *x, const og_attend *spec)
{
    static const og_attend none;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    attend a = { d, il, og_decoder_layer(d, il), &d->hp->layer[il], spec ? spec : &none, x };
    og_attention_args args = og_decoder_attention(d, il);
    args.q = query(&a);
    if (a.spec->scale != 0) args.scale = a.spec->scale;
    args.bias = a.spec->bias;
    args.chunk = a.spec->chunk;
    args.select = a.spec->select;
    args.select_block = a.spec->select_block;
    args.is_bidirectional |= a.spec->is_bidirectional;
    store(&a, &args);
    og_tensor *y = gated(&a, og_attention(d->g, &args)); /* [T, H, head_v] */
    y = og_reshape(d->g, y, OG_SHAPE(d->own->sym.T, OG_N((int64_t)a.h->n_head * a.h->head_v)));
    if (a.spec->is_raw) return y;
    if (a.l->attn_sub_norm) y = og_decoder_norm(d, y, a.l->attn_sub_norm, NULL);
    return og_name(og_decoder_linear(d, y, a.l->wo, a.l->bo), "blk.%d.attn", il);
}
