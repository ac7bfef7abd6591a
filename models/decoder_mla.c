/* SPDX-License-Identifier: MIT
 *
 * Latent attention: keys and values of all heads from one row of low rank, c, and a part of the key
 * that turns and is the same for all heads. With wk_b and wv_b a query meets c itself, q' Wk c =
 * (Wk' q)' c, so that c and the turned part are all that is stored; values are c as well, and Wv
 * comes behind the softmax. With wkv_b alone keys and values are made and stored. */
#include <math.h>

#include "models/arch_impl.h"

/* What the parts of one layer's attention share. */
typedef struct mla {
    og_decoder *d;
    int il;
    const og_layer *l;
    og_dim T;
    int64_t n_head, n_rot, n_plain, rank; /* n_plain: values of a head's key that do not turn */
    og_tensor *x;
} mla;

static og_tensor *heads(const mla *m, og_tensor *x, int64_t n_head, int64_t size)
{
    return og_reshape(m->d->g, x, OG_SHAPE(m->T, OG_N(n_head), OG_N(size)));
}

og_tensor *og_decoder_mla_low(og_decoder *d, int il, og_tensor *x)
{
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    const og_layer *l = og_decoder_layer(d, il);
    return og_decoder_norm(d, og_decoder_linear(d, x, l->wq_a, NULL), l->q_a_norm, NULL);
}

/* Queries [T, H, plain or rank, and the turned part]. */
static og_tensor *query(const mla *m, og_tensor *low)
{
    og_decoder *d = m->d;
    const og_layer *l = m->l;
    if (!low && l->wq_a) low = og_decoder_mla_low(d, m->il, m->x);
    og_tensor *q =
        low ? og_decoder_linear(d, low, l->wq_b, NULL) : og_decoder_linear(d, m->x, l->wq, NULL);
    q = heads(m, q, m->n_head, m->n_plain + m->n_rot);
    og_tensor *plain = og_slice(d->g, q, 2, 0, m->n_plain);
    og_tensor *turned = og_slice(d->g, q, 2, m->n_plain, m->n_rot);
    if (l->wk_b) plain = og_head_linear(d->g, plain, l->wk_b);
    q = og_concat(d->g, plain, og_decoder_turn(d, m->il, turned, NULL), 2);
    return ogi_decoder_tempered(d, q);
}

static og_tensor *stored(const mla *m, const char *name, og_dtype type, og_tensor *x)
{
    og_shape s = x ? og_tensor_shape(x) : (og_shape){ .rank = 3 };
    og_tensor *pages =
        ogi_decoder_pages_as(m->d, type, name, m->il, s.dim[1].b, OGI_PAGE, s.dim[2].b);
    return og_kv_store(m->d->g, pages, x, og_decoder_input(m->d, OG_STEP_KV_SLOT));
}

/* Stores what the layer keeps of its tokens. */
static void store(const mla *m, og_attention_args *args)
{
    og_decoder *d = m->d;
    const ogi_kv_types *type = &d->own->kv;
    og_tensor *both = og_decoder_linear(d, m->x, m->l->wkv_a, NULL);
    og_tensor *c = og_decoder_norm(d, og_slice(d->g, both, 1, 0, m->rank), m->l->kv_a_norm, NULL);
    og_tensor *turned = heads(m, og_slice(d->g, both, 1, m->rank, m->n_rot), 1, m->n_rot);
    turned = og_decoder_turn(d, m->il, turned, NULL);
    if (m->l->wk_b) {
        og_tensor *row = og_concat(d->g, heads(m, c, 1, m->rank), turned, 2);
        args->k = args->v = stored(m, "kv.c", type->k, row);
        args->dim_v = (int)m->rank;
        return;
    }
    int64_t head_v = d->hp->head_v_mla;
    og_tensor *kv = og_decoder_linear(d, c, m->l->wkv_b, NULL);
    kv = heads(m, kv, m->n_head, m->n_plain + head_v);
    turned = og_broadcast(d->g, turned, OG_SHAPE(m->T, OG_N(m->n_head), OG_N(m->n_rot)));
    og_tensor *k = og_concat(d->g, og_slice(d->g, kv, 2, 0, m->n_plain), turned, 2);
    args->k = stored(m, "kv.k", type->k, k);
    args->v = stored(m, "kv.v", type->v, og_slice(d->g, kv, 2, m->n_plain, head_v));
}

og_tensor *og_decoder_mla(og_decoder *d, int il, og_tensor *x, const og_mla *spec)
{
    static const og_mla none;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    const og_hparams *hp = d->hp;
    const og_layer_hp *h = &hp->layer[il];
    const og_mla *s = spec ? spec : &none;
    mla m = { d,         il,       og_decoder_layer(d, il),   d->own->sym.T,
              h->n_head, h->n_rot, hp->head_k_mla - h->n_rot, hp->kv_rank,
              x };
    og_attention_args args = og_decoder_attention(d, il);
    float yarn = ogi_decoder_yarn(d, il);
    args.scale = yarn * yarn * (args.scale != 0 ? args.scale : 1 / sqrtf((float)hp->head_k_mla));
    args.q = query(&m, s->q_low);
    args.select = s->select;
    store(&m, &args);
    og_tensor *y = og_attention(d->g, &args);
    if (m.l->wv_b) y = og_head_linear(d->g, y, m.l->wv_b);
    y = og_reshape(d->g, y, OG_SHAPE(m.T, OG_N(m.n_head * hp->head_v_mla)));
    return og_name(og_decoder_linear(d, y, m.l->wo, m.l->bo), "blk.%d.attn", il);
}
