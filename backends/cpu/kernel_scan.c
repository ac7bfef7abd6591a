/* SPDX-License-Identifier: MIT
 *
 * The recurrences as work items: a sequence and some of its channels, columns or heads, through
 * all tokens of the step. */
#include "backends/cpu/kernel_ops.h"
#include "ops/scan.h"
#include "ops/sequence.h"

enum {
    CHANNEL_BLOCK = 64,
    COLUMN_BLOCK = 32 /* of linear_scan: with 128 rows 16 KB, half of a nearest cache */
};

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
    int64_t i = ogi_cpu_next(c);
    if (i >= n_seq * n_block) return false;
    *s = i / n_block;
    *c0 = i % n_block * CHANNEL_BLOCK;
    *c1 = OGI_MIN(*c0 + CHANNEL_BLOCK, n_channel);
    return true;
}

void ogi_cpu_run_conv(const ogi_cpu_call *c, int thread, void *scratch)
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

void ogi_cpu_run_scan(const ogi_cpu_call *c, int thread, void *scratch)
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

/* An operand of linear_scan from token t0 on, as head h of n_head reads it; its token stride. */
static const float *head_of(const ogi_cpu_call *c, int src, int64_t t0, int64_t h, int64_t *stride)
{
    const ogi_linear_scan *p = c->node->params;
    const ogi_cpu_arg *x = &c->src[src];
    *stride = 0;
    if (!x->p) return NULL;
    int64_t share = c->dst.dim[1] / x->dim[1], head = p->is_tiled ? h % x->dim[1] : h / share;
    *stride = x->dim[1] * x->dim[2];
    return (const float *)x->p + t0 * *stride + head * x->dim[2];
}

void ogi_cpu_run_linear_scan(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    const ogi_linear_scan *p = c->node->params;
    sequences q = sequences_of(c, OGI_LINEAR_SCAN_POS);
    int64_t n_head = c->dst.dim[1], dim_v = c->dst.dim[2], dim_k = c->src[OGI_LINEAR_SCAN_K].dim[2];
    int64_t n_block = (dim_v + COLUMN_BLOCK - 1) / COLUMN_BLOCK, i;
    while ((i = ogi_cpu_next(c)) < q.n * n_head * n_block) {
        int64_t s = i / (n_head * n_block), h = i / n_block % n_head, t0 = q.start[s];
        int64_t c0 = i % n_block * COLUMN_BLOCK, at = (t0 * n_head + h) * dim_v;
        ogi_linear_scan_kernel_args a = {
            .w_by_head = c->src[OGI_LINEAR_SCAN_W].dim[2] == 1,
            .state =
                (float *)c->src[OGI_LINEAR_SCAN_STATE].p + (q.slot[s] * n_head + h) * dim_k * dim_v,
            .out = (float *)c->dst.p + at,
            .n_tok = q.start[s + 1] - t0,
            .dim_k = dim_k,
            .dim_v = dim_v,
            .is_fresh = q.pos[t0] == 0,
            .reads_before = p->reads_before,
        };
        a.v = (const float *)c->src[OGI_LINEAR_SCAN_V].p + at;
        a.v_stride = n_head * dim_v;
        a.r = head_of(c, OGI_LINEAR_SCAN_R, t0, h, &a.r_stride);
        a.w = head_of(c, OGI_LINEAR_SCAN_W, t0, h, &a.w_stride);
        a.k = head_of(c, OGI_LINEAR_SCAN_K, t0, h, &a.k_stride);
        a.a = head_of(c, OGI_LINEAR_SCAN_A, t0, h, &a.a_stride);
        a.b = head_of(c, OGI_LINEAR_SCAN_B, t0, h, &a.b_stride);
        if (a.n_tok > 0) c->kernels->linear_scan(&a, c0, OGI_MIN(c0 + COLUMN_BLOCK, dim_v));
    }
}

/* The channels c0 .. c1 - 1 of one sequence; those rows of a token go into the state first. */
static void pool_tokens(const ogi_cpu_call *c, const sequences *q, int64_t s, int64_t c0,
                        int64_t c1)
{
    const ogi_block_pool *p = c->node->params;
    const float *x = c->src[OGI_BLOCK_POOL_X].p, *score = c->src[OGI_BLOCK_POOL_SCORE].p;
    int64_t width = c->src[OGI_BLOCK_POOL_X].dim[1], n_channel = c->dst.dim[1];
    int64_t n_row = c->src[OGI_BLOCK_POOL_STATE].dim[2];
    float *kept = (float *)c->src[OGI_BLOCK_POOL_STATE].p + q->slot[s] * 2 * n_row * width;
    size_t size = (size_t)(c1 - c0) * sizeof *kept;
    ogi_block_pool_args a = {
        .x = kept,
        .score = kept + n_row * width,
        .n_row = n_row,
        .width = width,
        .own = width - n_channel,
        .ratio = p->ratio,
    };
    bool is_fresh = q->start[s] < q->start[s + 1] && q->pos[q->start[s]] == 0;
    for (int64_t row = 0; is_fresh && row < 2 * n_row; row++)
        for (int64_t at = c0; at < width; at += n_channel) memset(kept + row * width + at, 0, size);
    for (int64_t t = q->start[s]; t < q->start[s + 1]; t++) {
        int64_t pos = q->pos[t], row = pos % n_row * width;
        for (int64_t at = c0; at < width; at += n_channel) { /* both halves, if there are two */
            memcpy(kept + row + at, x + t * width + at, size);
            memcpy(kept + n_row * width + row + at, score + t * width + at, size);
        }
        float *out = (float *)c->dst.p + t * n_channel;
        memset(out + c0, 0, size);
        a.pos = pos;
        a.out = out;
        if ((pos + 1) % p->ratio == 0) c->kernels->block_pool(&a, c0, c1);
    }
}

void ogi_cpu_run_block_pool(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    sequences q = sequences_of(c, OGI_BLOCK_POOL_POS);
    int64_t s, c0, c1;
    while (next_item(c, q.n, c->dst.dim[1], &s, &c0, &c1)) pool_tokens(c, &q, s, c0, c1);
}

void ogi_cpu_run_sequence_mean(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread, (void)scratch;
    sequences q = sequences_of(c, OGI_SEQUENCE_MEAN_POS);
    int64_t n_channel = c->dst.dim[1], s, c0, c1;
    while (next_item(c, q.n, n_channel, &s, &c0, &c1)) {
        float *sum = (float *)c->src[OGI_SEQUENCE_MEAN_STATE].p + q.slot[s] * n_channel;
        float *out = (float *)c->dst.p + s * n_channel;
        int64_t begin = q.start[s], end = q.start[s + 1];
        if (begin >= end) continue;
        if (q.pos[begin] == 0) memset(sum + c0, 0, (size_t)(c1 - c0) * sizeof *sum);
        for (int64_t t = begin; t < end; t++) {
            const float *x = (const float *)c->src[OGI_SEQUENCE_MEAN_X].p + t * n_channel;
            for (int64_t i = c0; i < c1; i++) sum[i] += x[i];
        }
        float n = 1.0f + (float)q.pos[end - 1];
        for (int64_t i = c0; i < c1; i++) out[i] = sum[i] / n;
    }
}
