/* SPDX-License-Identifier: MIT
 *
 * Mixers of tokens by a state space: Mamba (Gu and Dao, 2023) and Mamba 2 (Dao and Gu, 2024). */
#include <float.h>

#include "models/arch/mixers.h"

og_tensor *ogi_heads(og_decoder *d, og_tensor *x, int64_t n_head, int64_t size)
{
    return og_reshape(d->g, x, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(n_head), OG_N(size)));
}

og_tensor *ogi_through_rows(og_decoder *d, og_tensor *x, og_tensor *w, int64_t begin, int64_t size)
{
    return og_decoder_linear(d, x, og_slice(d->g, w, 0, begin, size), NULL);
}

og_tensor *ogi_unit(og_decoder *d, og_tensor *x)
{
    float eps = d->hp->eps;
    og_tensor *square = og_clamp(d->g, og_sum(d->g, og_sqr(d->g, x)), eps * eps, FLT_MAX);
    return og_mul(d->g, x, og_rsqrt(d->g, square));
}

og_scan_args ogi_scan_of(og_decoder *d, const char *name, int il, og_shape per_slot)
{
    return (og_scan_args){ .state = og_decoder_state(d, name, il, per_slot),
                           .pos = og_decoder_input(d, OG_STEP_POS),
                           .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
                           .state_slot = og_decoder_input(d, OG_STEP_STATE_SLOT) };
}

og_select_keys_args ogi_select_of(og_decoder *d)
{
    return (og_select_keys_args){ .pos = og_decoder_input(d, OG_STEP_POS),
                                  .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
                                  .kv_len = og_decoder_input(d, OG_STEP_KV_LEN),
                                  .page_table = og_decoder_input(d, OG_STEP_PAGE_TABLE) };
}

og_tensor *ogi_short_conv(og_decoder *d, int il, og_tensor *x, og_tensor *w, og_tensor *b)
{
    og_shape s = og_tensor_shape(w); /* [C, K] */
    if (s.rank != 2) return NULL;    /* the missing weight is reported already */
    og_scan_args a =
        ogi_scan_of(d, "ssm.conv", il, OG_SHAPE(og_dim_add(s.dim[1], OG_N(-1)), s.dim[0]));
    og_tensor *y = og_ssm_conv(d->g, x, w, &a);
    return b ? og_add(d->g, y, b) : y;
}

og_tensor *ogi_token_before(og_decoder *d, const char *name, int il, og_tensor *x)
{
    static const float before[] = { 1, 0 };
    og_shape s = og_tensor_shape(x); /* [T, C] */
    if (s.rank != 2) return NULL;
    og_scan_args a = ogi_scan_of(d, name, il, OG_SHAPE(OG_N(1), s.dim[1]));
    og_tensor *w = og_table(d->g, OG_F32, OG_SHAPE(OG_N(1), OG_N(2)), before);
    return og_ssm_conv(d->g, x, og_broadcast(d->g, w, OG_SHAPE(s.dim[1], OG_N(2))), &a);
}

/* Rows of ssm_x, normalised where there is a weight for it or the model does so without. */
static og_tensor *projected(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *norm, int begin,
                            int size)
{
    og_tensor *y = ogi_through_rows(d, x, w, begin, size);
    return norm || d->hp->ssm_norm ? og_decoder_norm(d, y, norm, NULL) : y;
}

og_tensor *ogi_mamba(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    int inner = d->hp->ssm_inner, rank = d->hp->ssm_rank, n = d->hp->ssm_state;
    og_graph *g = d->g;
    og_tensor *u = ogi_through_rows(d, x, l->ssm_in, 0, inner);
    og_tensor *z = ogi_through_rows(d, x, l->ssm_in, inner, inner);
    u = og_silu(g, ogi_short_conv(d, il, u, l->ssm_conv, l->ssm_conv_b));

    og_tensor *dt = projected(d, u, l->ssm_x, l->ssm_dt_norm, 0, rank);
    og_tensor *B = projected(d, u, l->ssm_x, l->ssm_b_norm, rank, n);
    og_tensor *C = projected(d, u, l->ssm_x, l->ssm_c_norm, rank + n, n);
    dt = og_softplus(g, og_decoder_linear(d, dt, l->ssm_dt, l->ssm_dt_b));
    og_scan_args a = ogi_scan_of(d, "ssm.scan", il, OG_SHAPE(OG_N(inner), OG_N(n)));
    og_tensor *y = og_ssm_scan(g, u, dt, l->ssm_a, B, C, &a);
    y = og_mul(g, og_add(g, y, og_mul(g, u, l->ssm_d)), og_silu(g, z));
    return og_name(og_decoder_linear(d, y, l->ssm_out, NULL), "blk.%d.mamba", il);
}

og_tensor *ogi_state_space(og_decoder *d, int il, const ogi_space *s)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    int n = hp->ssm_state, n_group = hp->ssm_group, n_head = hp->ssm_rank;
    int size = hp->ssm_inner / n_head;
    og_shape of_head = OG_SHAPE(OG_N(n_head), OG_N(1)); /* files differ in it */
    og_tensor *v = ogi_heads(d, s->u, n_head, size);
    og_tensor *dt = ogi_heads(d, og_softplus(g, og_add(g, s->dt, l->ssm_dt_b)), n_head, 1);
    og_linear_scan_args a = {
        .r = ogi_heads(d, s->C, n_group, n),
        .k = ogi_heads(d, s->B, n_group, n),
        .w = og_exp(g, og_mul(g, dt, og_reshape(g, l->ssm_a, of_head))),
        .v = og_mul(g, v, dt),
        .scan = ogi_scan_of(d, "ssm.scan", il, OG_SHAPE(OG_N(n_head), OG_N(n), OG_N(size))),
    };
    og_tensor *skip = og_mul(g, v, og_reshape(g, l->ssm_d, of_head));
    og_tensor *y = og_add(g, og_linear_scan(g, &a), skip);
    y = og_reshape(g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(hp->ssm_inner)));
    return og_mul(g, y, og_silu(g, s->z));
}

/* Channels of a convolution, with their bias: cut out first, each is one pass. */
static og_tensor *activated(og_decoder *d, og_tensor *u, og_tensor *b, int begin, int size)
{
    og_tensor *y = og_slice(d->g, u, 1, begin, size);
    return og_silu(d->g, b ? og_add(d->g, y, og_slice(d->g, b, 0, begin, size)) : y);
}

og_tensor *ogi_mamba2(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    int inner = hp->ssm_inner, n_group = hp->ssm_group, n_bc = n_group * hp->ssm_state;
    ogi_space s = { .z = ogi_through_rows(d, x, l->ssm_in, 0, inner),
                    .dt = ogi_through_rows(d, x, l->ssm_in, 2 * (inner + n_bc), hp->ssm_rank) };
    og_tensor *u = ogi_through_rows(d, x, l->ssm_in, inner, inner + 2 * n_bc);
    u = ogi_short_conv(d, il, u, l->ssm_conv, NULL);
    s.u = activated(d, u, l->ssm_conv_b, 0, inner);
    s.B = activated(d, u, l->ssm_conv_b, inner, n_bc);
    s.C = activated(d, u, l->ssm_conv_b, inner + n_bc, n_bc);
    og_tensor *y = ogi_state_space(d, il, &s);
    if (l->ssm_norm) { /* each group by itself */
        y = og_decoder_norm(d, ogi_heads(d, y, n_group, inner / n_group), l->ssm_norm, NULL);
        y = og_reshape(g, y, OG_SHAPE(og_decoder_tokens(d, 1), OG_N(inner)));
    }
    return og_name(og_decoder_linear(d, y, l->ssm_out, NULL), "blk.%d.mamba", il);
}

og_tensor *ogi_attend_or_mamba2(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? og_decoder_attend(d, il, x, NULL)
                                          : ogi_mamba2(d, il, x);
}
