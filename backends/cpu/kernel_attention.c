/* SPDX-License-Identifier: MIT
 *
 * Attention as work items: a block of queries of one sequence, one KV head, and some or all of the
 * query heads that share it. How it is cut changes no bit, so it may depend on the threads. */
#include <math.h>

#include "backends/cpu/kernel_ops.h"
#include "graph/dim.h"
#include "ops/attention.h"

enum {
    QUERY_BLOCK = 16, /* queries of one item: they share the keys they read */
    HEAD_BLOCK = 16   /* heads of one item with keys of their own choice */
};

/* Least distance of each bucket of one direction; see bucket_of in ops/attention.c, which says the
 * same the other way round. */
static void find_buckets(const ogi_attention *p, int n_bucket, int32_t *start)
{
    int exact = n_bucket / 2;
    double most = (double)p->bucket_max / exact;
    for (int b = 0; b < exact; b++) start[b] = b;
    for (int b = exact; b < n_bucket; b++)
        start[b] =
            (int32_t)ceil(exact * pow(most, (double)(b - exact) / (n_bucket - exact)) - 1e-4);
}

static ogi_attn_args attention_args(const ogi_cpu_call *c, void *scratch, int32_t *bucket_start)
{
    const ogi_attention *p = c->node->params;
    const ogi_cpu_arg *q = &c->src[OGI_ATTENTION_Q], *k = &c->src[OGI_ATTENTION_K];
    const ogi_cpu_arg *v = &c->src[OGI_ATTENTION_V], *bias = &c->src[OGI_ATTENTION_BIAS];
    const ogi_cpu_arg *select = &c->src[OGI_ATTENTION_SELECT];
    int64_t dim_v = p->dim_v ? p->dim_v : v->dim[3];
    ogi_attn_args a = {
        .q_tok_stride = q->stride[0],
        .q_head_stride = q->stride[1],
        .dim_k = k->dim[3],
        .dim_v = dim_v,
        .v_row = v->dim[3],
        .k_type = k->dtype,
        .v_type = v->dtype,
        .k_state = k->p,
        .v_state = v->p,
        .pages = { .n_kv_head = k->dim[1], .ratio = p->ratio },
        .window = p->window,
        .chunk = p->chunk,
        .is_causal = !p->is_bidirectional,
        .is_partial = p->is_partial,
        .scale = p->scale,
        .softcap = p->softcap,
        .out_tok_stride = c->dst.stride[0],
        .out_head_stride = c->dst.stride[1],
        .scratch = scratch,
    };
    if (bias->p) {
        a.n_bucket = (int)(p->is_bidirectional ? bias->dim[0] / 2 : bias->dim[0]);
        a.bias_stride = bias->stride[0];
        a.bucket_start = bucket_start;
        find_buckets(p, a.n_bucket, bucket_start);
    }
    if (select->p) {
        a.n_list = select->dim[2];
        a.list_stride = select->stride[0];
        a.list_block = p->select_block;
        a.rank = (int32_t *)(void *)((char *)scratch + ogi_attention_scratch(k->dim[3], dim_v));
    }
    return a;
}

/* One item: queries t0 .. t0 + n - 1 of sequence s, query heads from `first` on, n_group of them.
 */
static void attend(const ogi_cpu_call *c, ogi_attn_args *a, int64_t s, int64_t t0, int64_t n,
                   int64_t first)
{
    const int32_t *pos = c->src[OGI_ATTENTION_POS].p, *len = c->src[OGI_ATTENTION_KV_LEN].p;
    const ogi_cpu_arg *pages = &c->src[OGI_ATTENTION_PAGE_TABLE];
    const ogi_cpu_arg *select = &c->src[OGI_ATTENTION_SELECT];
    const float *slope = c->src[OGI_ATTENTION_SLOPE].p, *sink = c->src[OGI_ATTENTION_SINK].p;
    const float *bias = c->src[OGI_ATTENTION_BIAS].p;
    a->q =
        (const float *)c->src[OGI_ATTENTION_Q].p + t0 * a->q_tok_stride + first * a->q_head_stride;
    a->out = (float *)c->dst.p + t0 * a->out_tok_stride + first * a->out_head_stride;
    a->n_tok = n;
    a->pos = pos + t0;
    a->pages.page = (const int32_t *)pages->p + s * pages->stride[0];
    a->pages.kv_head = first / (c->src[OGI_ATTENTION_Q].dim[1] / a->pages.n_kv_head);
    a->n_key = len[s] / a->pages.ratio;
    a->slope = slope ? slope + first : NULL;
    a->sink = sink ? sink + first : NULL;
    a->bias = bias ? bias + first : NULL;
    if (select->p)
        a->list = (const int32_t *)select->p + t0 * select->stride[0] +
                  a->pages.kv_head % select->dim[1] * select->stride[1];
    c->kernels->attention(a);
}

/* Query heads of one item, of n_share that have a KV head in common: all, unless a step of few
 * tokens would leave threads without work. */
static int64_t heads_of_item(const ogi_cpu_call *c, int64_t n_token, int64_t n_share)
{
    int64_t n_kv = c->src[OGI_ATTENTION_K].dim[1];
    int64_t blocks = (n_token + QUERY_BLOCK - 1) / QUERY_BLOCK * n_kv, n = n_share;
    if (c->src[OGI_ATTENTION_SELECT].p) n = OGI_MIN(n, HEAD_BLOCK);
    while (n > 1 && blocks * ((n_share + n - 1) / n) < OGI_MAX(2, c->n_thread / 2)) n = (n + 1) / 2;
    return n;
}

void ogi_cpu_run_attention(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread;
    int32_t bucket_start[OGI_BUCKET_MAX];
    ogi_attn_args a = attention_args(c, scratch, bucket_start);
    const int32_t *start = c->src[OGI_ATTENTION_SEQ_START].p;
    int64_t n_seq = c->src[OGI_ATTENTION_SEQ_START].dim[0] - 1, done = 0, item = ogi_cpu_next(c);
    int64_t n_share = c->src[OGI_ATTENTION_Q].dim[1] / a.pages.n_kv_head;
    for (int64_t s = 0; s < n_seq; s++) {
        int64_t n = start[s + 1] - start[s], per_item = heads_of_item(c, n, n_share);
        int64_t n_part = (n_share + per_item - 1) / per_item;
        int64_t n_item = (n + QUERY_BLOCK - 1) / QUERY_BLOCK * a.pages.n_kv_head * n_part;
        for (; item < done + n_item; item = ogi_cpu_next(c)) {
            /* Late blocks see the most keys: they go first. */
            int64_t block = (done + n_item - 1 - item) / (a.pages.n_kv_head * n_part);
            int64_t head = (item - done) / n_part % a.pages.n_kv_head,
                    part = (item - done) % n_part;
            a.n_group = OGI_MIN(per_item, n_share - part * per_item);
            attend(c, &a, s, start[s] + block * QUERY_BLOCK,
                   OGI_MIN(QUERY_BLOCK, n - block * QUERY_BLOCK), head * n_share + part * per_item);
        }
        done += n_item;
    }
}

size_t ogi_cpu_attention_scratch(const og_tensor *node, const int64_t *sym_max)
{
    const ogi_attention *p = node->params;
    const og_tensor *v = node->src[OGI_ATTENTION_V], *select = node->src[OGI_ATTENTION_SELECT];
    int64_t dim_v = p->dim_v ? p->dim_v : ogi_dim_value(v->shape.dim[3], sym_max), n_rank = 0;
    if (select) n_rank = ogi_dim_value(select->shape.dim[2], sym_max) * p->select_block;
    int64_t dim_k = ogi_dim_value(node->src[OGI_ATTENTION_K]->shape.dim[3], sym_max);
    return ogi_attention_scratch(dim_k, dim_v) + (size_t)n_rank * sizeof(int32_t);
}
