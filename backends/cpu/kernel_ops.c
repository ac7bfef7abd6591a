/* SPDX-License-Identifier: MIT
 *
 * Ops that run as kernels of their own on the CPU. Each function runs on every thread and takes
 * work items from the call's counter; an item's result does not depend on who takes it. */
#include "backends/cpu/kernel_ops.h"

#include "ops/moe.h"

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
    while ((r = ogi_cpu_next(c)) < rows)
        top_k_row((const float *)x->p + r * n, n, (int32_t *)c->dst.p + r * k, k);
}

/* The k best into the thread's scratch, then marked. */
static void run_top_k_mask(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread;
    const ogi_top_k *p = c->node->params;
    const ogi_cpu_arg *x = &c->src[0];
    int64_t n = x->dim[x->rank - 1], rows = row_count(x), r;
    while ((r = ogi_cpu_next(c)) < rows) {
        int32_t *out = (int32_t *)c->dst.p + r * n, *best = scratch;
        top_k_row((const float *)x->p + r * n, n, best, p->k);
        memset(out, 0, (size_t)n * sizeof *out);
        for (int i = 0; i < p->k; i++) out[best[i]] = 1;
    }
}

static size_t top_k_mask_scratch(const og_tensor *node, const int64_t *sym_max)
{
    (void)sym_max;
    return (size_t)((const ogi_top_k *)node->params)->k * sizeof(int32_t);
}

/* Counting sort of at most a few thousand pairs: one thread. */
static void run_group_by_expert(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    if (atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed) != 0) return;
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
    while ((i = ogi_cpu_next(c)) < batch) {
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
    { OG_OP_ATTENTION, ogi_cpu_run_attention, ogi_cpu_attention_scratch },
    { OG_OP_SSM_CONV, ogi_cpu_run_conv, NULL },
    { OG_OP_SSM_SCAN, ogi_cpu_run_scan, NULL },
    { OG_OP_LINEAR_SCAN, ogi_cpu_run_linear_scan, NULL },
    { OG_OP_BLOCK_POOL, ogi_cpu_run_block_pool, NULL },
    { OG_OP_SEQUENCE_MEAN, ogi_cpu_run_sequence_mean, NULL },
    { OG_OP_UNFOLD, ogi_cpu_run_unfold, NULL },
    { OG_OP_GROUP_NORM, ogi_cpu_run_group_norm, NULL },
    { OG_OP_SINKHORN, ogi_cpu_run_sinkhorn, NULL },
    { OG_OP_SELECT_KEYS, ogi_cpu_run_select_keys, ogi_cpu_select_keys_scratch },
    { OG_OP_TOP_K, run_top_k, NULL },
    { OG_OP_TOP_K_MASK, run_top_k_mask, top_k_mask_scratch },
    { OG_OP_GROUP_BY_EXPERT, run_group_by_expert, NULL },
    { OG_OP_MATMUL, run_matmul, NULL },
};

const ogi_cpu_kernel *ogi_cpu_kernel_of(og_op op)
{
    for (int i = 0; i < OGI_LEN(kernels); i++)
        if (kernels[i].op == op) return &kernels[i];
    return NULL;
}
