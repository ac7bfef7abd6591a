/* SPDX-License-Identifier: MIT
 *
 * Ops that run as kernels of their own on the CPU. Each function runs on every thread and takes
 * work items from the call's counter; an item's result does not depend on who takes it. */
#include "backends/cpu/cpu.h"
#include "graph/dim.h"
#include "ops/attention.h"
#include "ops/moe.h"
#include "ops/scan.h"

/* ---- attention ------------------------------------------------------------------------------ */

enum { QUERY_BLOCK = 16 }; /* queries of one item: they share the keys they read */

static ogi_attn_args attention_args(const ogi_cpu_call *c, void *scratch)
{
    const ogi_attention *p = c->node->params;
    const ogi_cpu_arg *q = &c->src[OGI_ATTENTION_Q], *k = &c->src[OGI_ATTENTION_K];
    const ogi_cpu_arg *v = &c->src[OGI_ATTENTION_V];
    return (ogi_attn_args){
        .q_tok_stride = q->stride[0],
        .q_head_stride = q->stride[1],
        .n_group = q->dim[1] / k->dim[1],
        .dim_k = k->dim[3],
        .dim_v = v->dim[3],
        .k_type = k->dtype,
        .v_type = v->dtype,
        .k_state = k->p,
        .v_state = v->p,
        .n_kv_head = k->dim[1],
        .window = p->window,
        .is_causal = !p->is_bidirectional,
        .scale = p->scale,
        .softcap = p->softcap,
        .out_tok_stride = c->dst.stride[0],
        .out_head_stride = c->dst.stride[1],
        .scratch = scratch,
    };
}

/* One item: queries t0 .. t0 + n - 1 of sequence s against one KV head. */
static void attend(const ogi_cpu_call *c, ogi_attn_args *a, int64_t s, int64_t t0, int64_t n,
                   int64_t head)
{
    const int32_t *pos = c->src[OGI_ATTENTION_POS].p, *len = c->src[OGI_ATTENTION_KV_LEN].p;
    const ogi_cpu_arg *pages = &c->src[OGI_ATTENTION_PAGE_TABLE];
    const float *slope = c->src[OGI_ATTENTION_SLOPE].p, *sink = c->src[OGI_ATTENTION_SINK].p;
    int64_t first = head * a->n_group;
    a->q =
        (const float *)c->src[OGI_ATTENTION_Q].p + t0 * a->q_tok_stride + first * a->q_head_stride;
    a->out = (float *)c->dst.p + t0 * a->out_tok_stride + first * a->out_head_stride;
    a->n_tok = n;
    a->pos = pos + t0;
    a->page = (const int32_t *)pages->p + s * pages->stride[0];
    a->kv_head = head;
    a->n_key = len[s];
    a->slope = slope ? slope + first : NULL;
    a->sink = sink ? sink + first : NULL;
    c->kernels->attention(a);
}

static void run_attention(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread;
    ogi_attn_args a = attention_args(c, scratch);
    const int32_t *start = c->src[OGI_ATTENTION_SEQ_START].p;
    int64_t n_seq = c->src[OGI_ATTENTION_SEQ_START].dim[0] - 1, done = 0;
    int64_t item = atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed);
    for (int64_t s = 0; s < n_seq; s++) {
        int64_t n = start[s + 1] - start[s];
        int64_t n_item = (n + QUERY_BLOCK - 1) / QUERY_BLOCK * a.n_kv_head;
        for (; item < done + n_item;
             item = atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed)) {
            /* Late blocks see the most keys: they go first. */
            int64_t block = (done + n_item - 1 - item) / a.n_kv_head;
            int64_t from = block * QUERY_BLOCK;
            attend(c, &a, s, start[s] + from, OGI_MIN(QUERY_BLOCK, n - from),
                   (item - done) % a.n_kv_head);
        }
        done += n_item;
    }
}

static size_t attention_scratch(const og_tensor *node, const int64_t *sym_max)
{
    const og_tensor *v = node->src[OGI_ATTENTION_V];
    return ogi_attention_scratch(ogi_dim_value(v->shape.dim[3], sym_max));
}

/* ---- recurrences ---------------------------------------------------------------------------- */

enum { CHANNEL_BLOCK = 64 };

/* The sequences of a step and each one's slot; sources in the order of ops/scan.h. */
typedef struct sequences {
    const int32_t *pos, *start, *slot;
    int64_t n;
} sequences;

static sequences sequences_of(const ogi_cpu_call *c, int pos_src)
{
    return (sequences){
        .pos = c->src[pos_src].p,
        .start = c->src[pos_src + 1].p,
        .slot = c->src[pos_src + 2].p,
        .n = c->src[pos_src + 2].dim[0],
    };
}

/* Takes (sequence, channel block) items; false when all are taken. */
static bool next_item(const ogi_cpu_call *c, int64_t n_seq, int64_t n_channel, int64_t *s,
                      int64_t *c0, int64_t *c1)
{
    int64_t n_block = (n_channel + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
    int64_t i = atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed);
    if (i >= n_seq * n_block) return false;
    *s = i / n_block;
    *c0 = i % n_block * CHANNEL_BLOCK;
    *c1 = OGI_MIN(*c0 + CHANNEL_BLOCK, n_channel);
    return true;
}

static void run_conv(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    sequences q = sequences_of(c, OGI_SSM_CONV_POS);
    int64_t n_channel = c->dst.dim[1], n_tap = c->src[OGI_SSM_CONV_W].dim[1], s, c0, c1;
    while (next_item(c, q.n, n_channel, &s, &c0, &c1)) {
        int64_t t0 = q.start[s];
        ogi_conv_args a = {
            .x = (const float *)c->src[OGI_SSM_CONV_X].p + t0 * n_channel,
            .w = c->src[OGI_SSM_CONV_W].p,
            .state = (float *)c->src[OGI_SSM_CONV_STATE].p + q.slot[s] * (n_tap - 1) * n_channel,
            .out = (float *)c->dst.p + t0 * n_channel,
            .n_tok = q.start[s + 1] - t0,
            .n_channel = n_channel,
            .n_tap = n_tap,
            .is_fresh = q.pos[t0] == 0,
        };
        if (a.n_tok > 0) c->kernels->conv(&a, c0, c1);
    }
}

static void run_scan(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    sequences q = sequences_of(c, OGI_SSM_SCAN_POS);
    int64_t n_channel = c->dst.dim[1], n_state = c->src[OGI_SSM_SCAN_A].dim[1], s, c0, c1;
    while (next_item(c, q.n, n_channel, &s, &c0, &c1)) {
        int64_t t0 = q.start[s];
        ogi_scan_kernel_args a = {
            .x = (const float *)c->src[OGI_SSM_SCAN_X].p + t0 * n_channel,
            .dt = (const float *)c->src[OGI_SSM_SCAN_DT].p + t0 * n_channel,
            .A = c->src[OGI_SSM_SCAN_A].p,
            .B = (const float *)c->src[OGI_SSM_SCAN_B].p + t0 * n_state,
            .C = (const float *)c->src[OGI_SSM_SCAN_C].p + t0 * n_state,
            .state = (float *)c->src[OGI_SSM_SCAN_STATE].p + q.slot[s] * n_channel * n_state,
            .out = (float *)c->dst.p + t0 * n_channel,
            .n_tok = q.start[s + 1] - t0,
            .n_channel = n_channel,
            .n_state = n_state,
            .is_fresh = q.pos[t0] == 0,
        };
        if (a.n_tok > 0) c->kernels->scan(&a, c0, c1);
    }
}

/* ---- sorts ---------------------------------------------------------------------------------- */

static int64_t row_count(const ogi_cpu_arg *a)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < a->rank; i++) n *= a->dim[i];
    return n;
}

/* Insertion into the k best: k is small and few of n get that far. NaN never enters before a
 * number does; equal values keep the lower index. */
static void top_k_row(const float *x, int64_t n, int32_t *out, int64_t k)
{
    int64_t have = 0;
    for (int64_t i = 0; i < n; i++) {
        if (have == k && !(x[i] > x[out[k - 1]])) continue;
        int64_t at = have < k ? have++ : k - 1;
        for (; at > 0 && x[i] > x[out[at - 1]]; at--) out[at] = out[at - 1];
        out[at] = (int32_t)i;
    }
}

static void run_top_k(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const ogi_cpu_arg *x = &c->src[0];
    int64_t n = x->dim[x->rank - 1], k = c->dst.dim[c->dst.rank - 1], rows = row_count(x), r;
    while ((r = atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed)) < rows)
        top_k_row((const float *)x->p + r * n, n, (int32_t *)c->dst.p + r * k, k);
}

/* Counting sort of at most a few thousand pairs: one thread. */
static void run_group_by_expert(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)scratch;
    if (thread != 0) return;
    const int32_t *ids = c->src[0].p;
    int64_t n = c->src[0].dim[0] * c->src[0].dim[1], n_expert = c->dst.dim[0] - n - 1;
    int32_t *order = c->dst.p, *first = order + n;
    memset(first, 0, (size_t)(n_expert + 1) * sizeof *first);
    for (int64_t i = 0; i < n; i++) first[ids[i]]++;
    int32_t at = 0;
    for (int64_t e = 0; e <= n_expert; e++) {
        int32_t count = e < n_expert ? first[e] : 0;
        first[e] = at;
        at += count;
    }
    for (int64_t i = 0; i < n; i++) order[first[ids[i]]++] = (int32_t)i;
    for (int64_t e = n_expert; e > 0; e--) first[e] = first[e - 1];
    first[0] = 0;
}

/* ---- batched matmul ------------------------------------------------------------------------- */

static void run_matmul(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const ogi_cpu_arg *a = &c->src[0], *b = &c->src[1];
    int r = c->dst.rank;
    int64_t m = c->dst.dim[r - 2], n = c->dst.dim[r - 1], k = a->dim[a->rank - 1], i;
    int64_t batch = 1;
    for (int d = 0; d < r - 2; d++) batch *= c->dst.dim[d];
    while ((i = atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed)) < batch) {
        int64_t at_a = 0, at_b = 0, rest = i;
        for (int d = r - 3; d >= 0; d--) { /* batch axes broadcast, aligned at the right */
            int64_t index = rest % c->dst.dim[d];
            int da = d - (r - a->rank), db = d - (r - b->rank);
            rest /= c->dst.dim[d];
            if (da >= 0 && a->dim[da] > 1) at_a += index * a->stride[da];
            if (db >= 0 && b->dim[db] > 1) at_b += index * b->stride[db];
        }
        c->kernels->bmm((const float *)a->p + at_a, (const float *)b->p + at_b,
                        (float *)c->dst.p + i * m * n, m, n, k);
    }
}

static const ogi_cpu_kernel kernels[] = {
    { OG_OP_ATTENTION, run_attention, attention_scratch },
    { OG_OP_SSM_CONV, run_conv, NULL },
    { OG_OP_SSM_SCAN, run_scan, NULL },
    { OG_OP_TOP_K, run_top_k, NULL },
    { OG_OP_GROUP_BY_EXPERT, run_group_by_expert, NULL },
    { OG_OP_MATMUL, run_matmul, NULL },
};

const ogi_cpu_kernel *ogi_cpu_kernel_of(og_op op)
{
    for (int i = 0; i < OGI_LEN(kernels); i++)
        if (kernels[i].op == op) return &kernels[i];
    return NULL;
}
