/* SPDX-License-Identifier: MIT
 *
 * Decoder blocks: what layers of most architectures are made of. */
#include <float.h>
#include <stdio.h>

#include "graph/dtype.h"
#include "models/arch_impl.h"

og_tensor *og_decoder_input(og_decoder *d, og_step_input which)
{
    ogi_decoder_own *o = d->own;
    const og_dim one = OG_N(1);
    const struct {
        const char *name;
        og_shape shape;
    } input[OG_STEP_INPUT_COUNT] = {
        [OG_STEP_POS] = { "pos", OG_SHAPE(o->T) },
        [OG_STEP_SEQ_START] = { "seq_start", OG_SHAPE(og_dim_add(o->S, one)) },
        [OG_STEP_PAGE_TABLE] = { "page_table", OG_SHAPE(o->S, o->P) },
        [OG_STEP_KV_SLOT] = { "kv_slot", OG_SHAPE(o->T) },
        [OG_STEP_KV_LEN] = { "kv_len", OG_SHAPE(o->S) },
        [OG_STEP_STATE_SLOT] = { "state_slot", OG_SHAPE(o->S) },
    };
    if (!o->input[which]) {
        og_graph_layer(d->g, -1);
        o->input[which] = og_input(d->g, input[which].name, OG_I32, input[which].shape);
        og_graph_layer(d->g, o->il);
    }
    return o->input[which];
}

void ogi_decoder_prepare(og_decoder *d)
{
    static const og_step_input attention[] = { OG_STEP_POS, OG_STEP_SEQ_START, OG_STEP_PAGE_TABLE,
                                               OG_STEP_KV_SLOT, OG_STEP_KV_LEN };
    static const og_step_input recurrent[] = { OG_STEP_POS, OG_STEP_SEQ_START, OG_STEP_STATE_SLOT };
    for (int i = 0; d->hp->n_head > 0 && i < OGI_LEN(attention); i++)
        og_decoder_input(d, attention[i]);
    for (int i = 0; d->hp->ssm_inner > 0 && i < OGI_LEN(recurrent); i++)
        og_decoder_input(d, recurrent[i]);
    if (d->hp->n_head > 0 && d->arch->rope != OG_ROPE_NONE)
        for (int il = 0; il < d->hp->n_layer; il++) ogi_decoder_rope_table(d, il);
}

/* ---- states -------------------------------------------------------------------------------- */

static og_tensor *add_state(og_decoder *d, const char *name, og_dtype type, og_shape shape,
                            bool is_paged)
{
    ogi_model *m = d->own->model;
    og_tensor *x = og_state(d->g, name, type, shape);
    if (!x) return NULL;
    int64_t n = 1, unit;
    for (int i = 1; i < shape.rank; i++)
        if (!ogi_mul_size(n, shape.dim[i].b, &n)) return d->g->status = OG_E_LIMIT, NULL;
    if (!ogi_dtype_bytes((int64_t)type, n, &unit)) return d->g->status = OG_E_LIMIT, NULL;
    og_status s = ogi_grow(m->ctx, &m->state, &d->own->state_cap, m->n_state + 1, sizeof *m->state);
    const char *kept = s == OG_OK ? ogi_arena_strndup(&m->mem, name, strlen(name)) : NULL;
    if (!kept) return d->g->status = OG_E_MEMORY, NULL;
    m->state[m->n_state++] = (ogi_state_info){ kept, is_paged, unit };
    m->has_kv |= is_paged;
    m->has_recurrent |= !is_paged;
    return x;
}

og_tensor *og_decoder_state(og_decoder *d, const char *name, int il, int64_t rows, int64_t cols)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%d", name, il);
    return add_state(d, full, OG_F32, OG_SHAPE(d->own->M, OG_N(rows), OG_N(cols)), false);
}

static og_tensor *kv_state(og_decoder *d, const char *name, int il, og_dtype type, int64_t head)
{
    char full[64];
    const ogi_dtype *info = ogi_dtype_info((int64_t)type);
    if (head % info->block) {
        d->g->status = ogi_fail(d->g->ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                                "%s as %s: a head of %lld values is no whole blocks of %d; "
                                "try --kv f16",
                                name, info->name, (long long)head, info->block);
        return NULL;
    }
    snprintf(full, sizeof full, "%s.%d", name, il);
    return add_state(d, full, type,
                     OG_SHAPE(d->own->N, OG_N(d->hp->n_head_kv), OG_N(OGI_PAGE), OG_N(head)), true);
}

/* ---- blocks -------------------------------------------------------------------------------- */

og_tensor *og_decoder_norm(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b)
{
    og_tensor *y = d->arch->norm == OG_NORM_LAYER ? og_layer_norm(d->g, x, d->hp->eps)
                                                  : og_rms_norm(d->g, x, d->hp->eps);
    if (w) y = og_mul(d->g, y, w);
    return b ? og_add(d->g, y, b) : y;
}

og_tensor *og_decoder_linear(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b)
{
    og_tensor *y = og_linear(d->g, x, w);
    return b ? og_add(d->g, y, b) : y;
}

og_tensor *og_decoder_softcap(og_decoder *d, og_tensor *x, float c)
{
    if (c == 0) return x;
    return og_scale(d->g, og_tanh(d->g, og_scale(d->g, x, 1 / c, 0)), c, 0);
}

/* Rows begin .. begin + size - 1 of a fused weight or bias; all of `own` if it has its own. */
static og_tensor *part(og_decoder *d, og_tensor *own, og_tensor *fused, int64_t begin, int64_t size)
{
    return own || !fused ? own : og_slice(d->g, fused, 0, begin, size);
}

static og_tensor *heads(og_decoder *d, og_tensor *x, int64_t n_head, int64_t head)
{
    return og_reshape(d->g, x, OG_SHAPE(d->own->T, OG_N(n_head), OG_N(head)));
}

/* Projects to heads of queries or keys, norms and turns them. */
static og_tensor *turned(og_decoder *d, int il, og_tensor *x, og_tensor *w, og_tensor *b,
                         og_tensor *norm, int64_t n_head)
{
    og_tensor *y = heads(d, og_decoder_linear(d, x, w, b), n_head, d->hp->head_k);
    if (norm) y = og_decoder_norm(d, y, norm, NULL);
    if (d->arch->rope == OG_ROPE_NONE) return y;
    og_rope r = ogi_decoder_rope(d, il);
    return og_rope_apply(d->g, y, ogi_decoder_rope_table(d, il), &r);
}

og_tensor *og_decoder_attention(og_decoder *d, int il, og_tensor *x)
{
    const og_hparams *hp = d->hp;
    const og_layer *l = &d->layer[il];
    og_graph *g = d->g;
    int64_t n_q = (int64_t)hp->n_head * hp->head_k, n_k = (int64_t)hp->n_head_kv * hp->head_k;
    int64_t n_v = (int64_t)hp->n_head_kv * hp->head_v;
    og_tensor *q = turned(d, il, x, part(d, l->wq, l->wqkv, 0, n_q),
                          part(d, l->bq, l->bqkv, 0, n_q), l->q_norm, hp->n_head);
    og_tensor *k = turned(d, il, x, part(d, l->wk, l->wqkv, n_q, n_k),
                          part(d, l->bk, l->bqkv, n_q, n_k), l->k_norm, hp->n_head_kv);
    og_tensor *v = og_decoder_linear(d, x, part(d, l->wv, l->wqkv, n_q + n_k, n_v),
                                     part(d, l->bv, l->bqkv, n_q + n_k, n_v));
    og_tensor *slot = og_decoder_input(d, OG_STEP_KV_SLOT);
    og_attention_args a = {
        .q = q,
        .k = og_kv_store(g, kv_state(d, "kv.k", il, d->own->kv.k, hp->head_k), k, slot),
        .v = og_kv_store(g, kv_state(d, "kv.v", il, d->own->kv.v, hp->head_v),
                         heads(d, v, hp->n_head_kv, hp->head_v), slot),
        .pos = og_decoder_input(d, OG_STEP_POS),
        .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
        .kv_len = og_decoder_input(d, OG_STEP_KV_LEN),
        .page_table = og_decoder_input(d, OG_STEP_PAGE_TABLE),
        .scale = hp->attn_scale,
        .softcap = hp->attn_softcap,
        .window = hp->is_local[il] ? hp->window : 0,
    };
    og_tensor *y = og_attention(g, &a); /* [T, H, head_v] */
    y = og_reshape(g, y, OG_SHAPE(d->own->T, OG_N((int64_t)hp->n_head * hp->head_v)));
    return og_decoder_linear(d, y, l->wo, l->bo);
}

og_tensor *og_decoder_ffn(og_decoder *d, int il, og_tensor *x,
                          og_tensor *(*act)(og_graph *g, og_tensor *x))
{
    const og_layer *l = &d->layer[il];
    int64_t n = d->hp->n_ff;
    og_tensor *gate = part(d, l->gate, l->gate_up, 0, n), *up = part(d, l->up, l->gate_up, n, n);
    og_tensor *y = og_decoder_linear(d, x, up, l->up_b);
    if (gate)
        y = og_mul(d->g, act(d->g, og_decoder_linear(d, x, gate, l->gate_b)), y);
    else
        y = act(d->g, y);
    return og_decoder_linear(d, y, l->down, l->down_b);
}

og_tensor *og_decoder_moe(og_decoder *d, int il, og_tensor *x,
                          og_tensor *(*act)(og_graph *g, og_tensor *x), bool is_normalized)
{
    const og_hparams *hp = d->hp;
    const og_layer *l = &d->layer[il];
    og_graph *g = d->g;
    og_tensor *p = og_softmax(g, og_linear(g, x, l->router)); /* [T, n_expert] */
    og_tensor *ids = og_top_k(g, p, hp->n_expert_used);
    og_tensor *weight = og_take_last(g, p, ids); /* [T, k] */
    if (is_normalized) /* the least normal half keeps the quotient finite */
        weight = og_div(g, weight, og_clamp(g, og_sum(g, weight), 0x1p-14f, FLT_MAX));
    og_tensor *groups = og_group_by_expert(g, ids, hp->n_expert);
    og_tensor *one = og_reshape(g, x, OG_SHAPE(d->own->T, OG_N(1), OG_N(hp->n_embd)));
    og_tensor *up = og_grouped_linear(g, one, l->up_exps, ids, groups); /* [T, k, n_ff_exp] */
    og_tensor *gate = og_grouped_linear(g, one, l->gate_exps, ids, groups);
    og_tensor *h = og_mul(g, act(g, gate), up);
    return og_moe_combine(g, og_grouped_linear(g, h, l->down_exps, ids, groups), weight);
}
