/* SPDX-License-Identifier: MIT
 *
 * Feed-forward of a layer: dense, experts, shared experts. */
#include <float.h>

#include "models/arch_impl.h"

/* A half of a fused weight or bias; all of `own` if it has its own. */
static og_tensor *half_of(og_decoder *d, og_tensor *own, og_tensor *fused, bool is_second)
{
    if (own || !fused) return own;
    int64_t n = og_tensor_shape(fused).dim[0].b / 2;
    return og_slice(d->g, fused, 0, is_second ? n : 0, n);
}

/* act(gate) * up, or what stands for it; act(up) without a gate. */
static og_tensor *activated(og_decoder *d, int il, og_tensor *gate, og_tensor *up, og_act act,
                            og_glu glu)
{
    if (!act) act = og_silu;
    if (!gate) return act(d->g, up);
    return glu ? glu(d, il, gate, up) : og_mul(d->g, act(d->g, gate), up);
}

og_tensor *og_decoder_ffn(og_decoder *d, int il, og_tensor *x, const og_ffn *spec)
{
    static const og_ffn none;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    const og_layer *l = og_decoder_layer(d, il);
    const og_ffn *s = spec ? spec : &none;
    bool is_own = !s->up; /* of the layer, not given */
    og_tensor *gate_w = is_own ? half_of(d, l->gate, l->gate_up, false) : s->gate;
    og_tensor *up_w = is_own ? half_of(d, l->up, l->gate_up, true) : s->up;
    og_tensor *gate_b = is_own ? half_of(d, l->gate_b, l->gate_up_b, false) : s->gate_b;
    og_tensor *up_b = is_own ? half_of(d, l->up_b, l->gate_up_b, true) : s->up_b;
    og_tensor *up = og_decoder_linear(d, x, up_w, up_b);
    og_tensor *gate = gate_w ? og_decoder_linear(d, x, gate_w, gate_b) : NULL;
    og_tensor *y = activated(d, il, gate, up, s->act, s->glu);
    if (is_own && l->ffn_sub_norm) y = og_decoder_norm(d, y, l->ffn_sub_norm, NULL);
    y = og_decoder_linear(d, y, is_own ? l->down : s->down, is_own ? l->down_b : s->down_b);
    return is_own ? og_name(y, "blk.%d.ffn", il) : y;
}

/* ---- experts ------------------------------------------------------------------------------- */

/* What the parts of one layer's experts share. */
typedef struct experts {
    og_decoder *d;
    int il;
    const og_layer *l;
    const og_experts *spec;
    og_score score;
    int k; /* experts of a token */
    og_tensor *ids, *groups, *weight;
} experts;

static og_tensor *scores(const experts *e, og_tensor *logits)
{
    og_graph *g = e->d->g;
    switch (e->score) {
    case OG_SCORE_DEFAULT:
    case OG_SCORE_SOFTMAX: return og_softmax(g, logits);
    case OG_SCORE_SIGMOID: return og_sigmoid(g, logits);
    case OG_SCORE_SOFTMAX_CHOSEN: return logits;
    case OG_SCORE_SQRT_SOFTPLUS: return og_sqrt(g, og_softplus(g, logits));
    }
    return NULL; /* hp->expert_score is in range */
}

/* Scores outside the best groups become the least: a group counts by the sum of its two best. */
static og_tensor *of_best_groups(const experts *e, og_tensor *p)
{
    const og_hparams *hp = e->d->hp;
    og_graph *g = e->d->g;
    int n = hp->n_group, size = n > 0 ? hp->n_expert / n : 0;
    if (n <= 1 || hp->n_group_used >= n || hp->n_group_used < 1) return p;
    og_dim T = og_decoder_tokens(e->d, 1);
    og_tensor *in_group = og_reshape(g, p, OG_SHAPE(T, OG_N(n), OG_N(size)));
    og_tensor *best = og_take_last(g, in_group, og_top_k(g, in_group, OGI_MIN(2, size)));
    og_tensor *of_group = og_reshape(g, og_sum(g, best), OG_SHAPE(T, OG_N(n)));
    og_tensor *chosen = og_take_last(g, of_group, og_top_k(g, of_group, hp->n_group_used));
    og_tensor *least = og_neg(g, og_max(g, og_neg(g, chosen)));
    og_tensor *is_out = og_reshape(g, og_less(g, of_group, least), OG_SHAPE(T, OG_N(n), OG_N(1)));
    og_tensor *kept = og_select(g, is_out, og_scalar(g, -FLT_MAX), in_group);
    return og_reshape(g, kept, OG_SHAPE(T, OG_N(hp->n_expert)));
}

/* The chosen experts of each token and their weights [T, k]. */
static void choose(experts *e, og_tensor *x)
{
    const og_hparams *hp = e->d->hp;
    og_graph *g = e->d->g;
    og_tensor *logits = e->spec->logits;
    if (!logits) logits = og_decoder_linear(e->d, x, e->l->router, e->l->router_b);
    og_tensor *p = scores(e, logits); /* [T, n_expert] */
    og_tensor *by = e->l->expert_bias ? og_add(g, p, e->l->expert_bias) : p;
    e->ids = e->spec->ids ? e->spec->ids : og_top_k(g, of_best_groups(e, by), hp->n_expert_used);
    e->weight = og_take_last(g, p, e->ids);
    if (e->score == OG_SCORE_SOFTMAX_CHOSEN) e->weight = og_softmax(g, e->weight);
    if (e->spec->is_normalized || hp->expert_norm) /* the least normal half: a finite quotient */
        e->weight = og_div(g, e->weight, og_clamp(g, og_sum(g, e->weight), 0x1p-14f, FLT_MAX));
    e->weight =
        og_decoder_scale(e->d, e->weight, e->spec->scale != 0 ? e->spec->scale : hp->expert_scale);
    int64_t n = e->spec->up ? og_tensor_shape(e->spec->up).dim[0].b : hp->n_expert;
    e->groups = og_group_by_expert(g, e->ids, (int)n);
    og_shape shape = e->ids ? og_tensor_shape(e->ids) : (og_shape){ .rank = 2 };
    e->k = (int)shape.dim[1].b;
}

/* x [T, 1 or k, n] times each token's experts' w, plus their rows of b. */
static og_tensor *through(const experts *e, og_tensor *x, og_tensor *w, og_tensor *b)
{
    og_graph *g = e->d->g;
    if (!w) return NULL;
    og_tensor *y = og_grouped_linear(g, x, w, e->ids, e->groups);
    og_tensor *scale = ogi_decoder_scale_of(e->d, w); /* [n_expert] */
    if (scale) {
        scale = og_take_rows(g, og_reshape(g, scale, OG_SHAPE(OG_N(e->d->hp->n_expert), OG_N(1))),
                             e->ids);
        y = og_mul(g, y, scale);
    }
    return b ? og_add(g, y, og_take_rows(g, b, e->ids)) : y;
}

og_tensor *og_decoder_shared(og_decoder *d, int il, og_tensor *x, og_act act)
{
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    const og_layer *l = og_decoder_layer(d, il);
    og_ffn spec = { .act = act, .gate = l->gate_shexp, .up = l->up_shexp, .down = l->down_shexp };
    og_tensor *y = og_decoder_ffn(d, il, x, &spec);
    if (!l->router_shexp) return y;
    int64_t n = og_tensor_shape(x).dim[1].b;
    og_tensor *row = og_reshape(d->g, l->router_shexp, OG_SHAPE(OG_N(1), OG_N(n)));
    return og_mul(d->g, y, og_sigmoid(d->g, og_linear(d->g, x, row)));
}

og_tensor *og_decoder_experts(og_decoder *d, int il, og_tensor *x, const og_experts *spec)
{
    static const og_experts none;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    og_graph *g = d->g;
    experts e = { .d = d, .il = il, .l = og_decoder_layer(d, il), .spec = spec ? spec : &none };
    e.score = e.spec->score != OG_SCORE_DEFAULT ? e.spec->score : (og_score)d->hp->expert_score;
    choose(&e, x);
    og_dim T = og_decoder_tokens(d, 1);
    int64_t n = og_tensor_shape(x).dim[1].b;
    og_tensor *in = og_reshape(g, x, OG_SHAPE(T, OG_N(1), OG_N(n)));
    if (e.spec->is_weight_first)
        in = og_mul(g, in, og_reshape(g, e.weight, OG_SHAPE(T, OG_N(e.k), OG_N(1))));
    og_tensor *up, *gate; /* [T, k, n_ff_exp] */
    if (e.spec->up) {
        up = through(&e, in, e.spec->up, NULL);
        gate = through(&e, in, e.spec->gate, NULL);
    } else if (e.l->gate_up_exps) {
        og_tensor *both = through(&e, in, e.l->gate_up_exps, NULL);
        int64_t half = og_tensor_shape(e.l->gate_up_exps).dim[1].b / 2;
        gate = og_slice(g, both, 2, 0, half);
        up = og_slice(g, both, 2, half, half);
    } else {
        up = through(&e, in, e.l->up_exps, e.l->up_exps_b);
        gate = through(&e, in, e.l->gate_exps, e.l->gate_exps_b);
    }
    og_tensor *h = activated(d, il, gate, up, e.spec->act, e.spec->glu);
    h = e.spec->up ? through(&e, h, e.spec->down, NULL)
                   : through(&e, h, e.l->down_exps, e.l->down_exps_b);
    /* Weights that went in first count once: here all are 1. */
    og_tensor *weight = e.spec->is_weight_first ? og_scale(g, e.weight, 0, 1) : e.weight;
    og_tensor *y = og_moe_combine(g, h, weight);
    if (e.l->up_shexp && !e.spec->has_no_shared && !e.spec->up)
        y = og_add(g, y, og_decoder_shared(d, il, x, e.spec->act));
    return og_name(y, "blk.%d.experts", il);
}
