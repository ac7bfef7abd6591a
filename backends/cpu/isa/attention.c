/* SPDX-License-Identifier: MIT
 *
 * Attention of a block of queries over the pages of one sequence and KV head. Queries (token and
 * head pairs) go through in batches of BATCH; in each chunk of 256 keys a batch computes scores,
 * their exponentials and the weighted values, several queries and keys at a time, and merges the
 * chunk into its result. What a query adds, and in which order, depends on its position alone. */
#include "backends/cpu/isa/unpack.h"
#include "backends/cpu/isa/vmath.h"

enum {
    BATCH = OGI_CPU_ATTN_BATCH,
    CHUNK = OGI_CPU_CHUNK,
    PAGE = OGI_CPU_PAGE,
    MANY_Q = OGI_VN == 16  ? 4
             : OGI_VN == 1 ? 1
                           : 2, /* queries and keys of a block of scores */
    MANY_K = OGI_VN == 16  ? 4
             : OGI_VN == 1 ? 1
                           : 2,
    ONE_K = OGI_VN == 16  ? 16
            : OGI_VN == 1 ? 1
                          : 4,      /* keys, with one query */
    SUMS = OGI_VN > 4 ? OGI_VN : 4, /* dots of a block, rounded up */
    DIMS = OGI_VN == 16                        ? 4
           : OGI_VN == 8 || OGI_HAS_32_VECTORS ? 2
                                               : 1 /* v16 of values at once */
};

/* exp(x), x <= 0; of less than -70 it counts as 0. Subnormal numbers, also within exp, multiply a
 * hundred times slower than others. */
OGI_INLINE float weight_of(float x)
{
    float e = ogi_vm_exp(x < -70.0f ? -70.0f : x);
    return x < -70.0f ? 0.0f : e;
}

/* One query of a batch; key numbers count from the chunk's start. */
typedef struct query {
    const float *q;
    float *out;
    float *score;       /* [CHUNK], then the exponentials */
    float *part;        /* [dim_v] result of the chunk, not normalised */
    float *sum;         /* [dim_v] result so far */
    float max, z;       /* so far */
    int64_t first, end; /* ranks seen */
    int64_t pos;
    float slope;
    const float *sink;
    bool is_started;
    int a, b; /* keys of the chunk seen: a..b-1 */
} query;

OGI_INLINE const char *kv_row(const ogi_attn_args *a, const void *state, int64_t rank, int64_t dim,
                              int size)
{
    int64_t page = a->page[rank / PAGE];
    int64_t row = (page * a->n_kv_head + a->kv_head) * PAGE + rank % PAGE;
    return (const char *)state + row * dim * size;
}

OGI_INLINE v16 load_kv(bool is_f16, const char *p)
{
    return is_f16 ? v16_load_f16((const uint16_t *)(const void *)p)
                  : v16_load((const float *)(const void *)p);
}

/* score[q][key..] of n_q queries and n_k neighbouring keys, which lie in one page. */
OGI_INLINE void score_block(bool is_f16, int n_q, int n_k, const query *const *q, const char *k,
                            int64_t dim, int key)
{
    const int size = is_f16 ? 2 : 4;
    const int64_t whole = dim / 16 * 16;
    v16 sum[SUMS];
    _Alignas(64) float dot[SUMS];
    for (int i = 0; i < SUMS; i++) sum[i] = v16_zero();
    for (int64_t d = 0; d < whole; d += 16) {
        v16 x[MANY_Q];
        for (int i = 0; i < n_q; i++) x[i] = v16_load(q[i]->q + d);
        for (int j = 0; j < n_k; j++) {
            v16 y = load_kv(is_f16, k + (j * dim + d) * size);
            for (int i = 0; i < n_q; i++) sum[i * n_k + j] = v16_fma(x[i], y, sum[i * n_k + j]);
        }
    }
    for (int i = 0; whole < dim && i < n_q * n_k; i++) {
        _Alignas(64) float x[16] = { 0 };
        _Alignas(64) char y[64] = { 0 };
        memcpy(x, q[i / n_k]->q + whole, (size_t)(dim - whole) * 4);
        memcpy(y, k + (i % n_k * dim + whole) * size, (size_t)((dim - whole) * size));
        sum[i] = v16_fma(v16_load(x), load_kv(is_f16, y), sum[i]);
    }
    for (int i = 0; i < SUMS; i += OGI_VN) vf_store(dot + i, v16_sums(sum + i));
    for (int i = 0; i < n_q; i++)
        memcpy(q[i]->score + key, dot + i * n_k, (size_t)n_k * sizeof *dot);
}

/* Scores of n queries (1..MANY_Q) with every key that one of them sees, and a few more. */
OGI_INLINE void score_queries(bool is_f16, const ogi_attn_args *a, query *const *q, int n,
                              int64_t base)
{
    const query *p[MANY_Q];
    int first = CHUNK, end = 0;
    for (int i = 0; i < MANY_Q; i++) {
        p[i] = q[i < n ? i : n - 1];
        first = p[i]->a < first ? p[i]->a : first;
        end = p[i]->b > end ? p[i]->b : end;
    }
    int step = n == 1 ? ONE_K : MANY_K;
    for (int key = first / step * step; key < end; key += step) {
        const char *k = kv_row(a, a->k_state, base + key, a->dim_k, is_f16 ? 2 : 4);
        if (n == 1)
            score_block(is_f16, 1, ONE_K, p, k, a->dim_k, key);
        else
            score_block(is_f16, MANY_Q, MANY_K, p, k, a->dim_k, key);
    }
}

/* The last dim % (16 * DIMS) values of a row. */
OGI_INLINE void add_value_tail(bool is_f16, const char *row, float e, float *part, int64_t d,
                               int64_t dim)
{
    for (; d + 16 <= dim; d += 16) {
        v16 v = load_kv(is_f16, row + d * (is_f16 ? 2 : 4));
        v16_store(part + d, v16_fma(v16_set1(e), v, v16_load(part + d)));
    }
    for (; d < dim; d++) {
        float v;
        uint16_t h = 0;
        if (is_f16) memcpy(&h, row + 2 * d, 2);
        if (is_f16)
            v = ogi_f32_of_f16(h);
        else
            memcpy(&v, row + 4 * d, 4);
        part[d] = OGI_FMA(e, v, part[d]);
    }
}

/* part[q] += the values of keys from..to-1, each times its exponential, in ascending order. */
OGI_INLINE void add_values(bool is_f16, int n_q, const ogi_attn_args *a, query *const *q, int from,
                           int to, int64_t base)
{
    const int size = is_f16 ? 2 : 4;
    const int64_t dim = a->dim_v;
    for (int end; from < to; from = end) { /* a page at a time */
        end = from / PAGE * PAGE + PAGE;
        end = end < to ? end : to;
        const char *v = kv_row(a, a->v_state, base + from, dim, size);
        int64_t d = 0;
        for (; d + 16 * DIMS <= dim; d += 16 * DIMS) {
            v16 sum[MANY_Q][DIMS];
            for (int i = 0; i < n_q; i++)
                for (int c = 0; c < DIMS; c++) sum[i][c] = v16_load(q[i]->part + d + 16 * c);
            for (int j = from; j < end; j++) {
                const char *row = v + ((j - from) * dim + d) * size;
                v16 y[DIMS];
                for (int c = 0; c < DIMS; c++) y[c] = load_kv(is_f16, row + 16 * c * size);
                for (int i = 0; i < n_q; i++) {
                    v16 e = v16_set1(q[i]->score[j]);
                    for (int c = 0; c < DIMS; c++) sum[i][c] = v16_fma(e, y[c], sum[i][c]);
                }
            }
            for (int i = 0; i < n_q; i++)
                for (int c = 0; c < DIMS; c++) v16_store(q[i]->part + d + 16 * c, sum[i][c]);
        }
        for (int i = 0; i < n_q && d < dim; i++)
            for (int j = from; j < end; j++)
                add_value_tail(is_f16, v + (j - from) * dim * size, q[i]->score[j], q[i]->part, d,
                               dim);
    }
}

/* What several queries see is added for all of them at once; the rest one by one. */
OGI_INLINE void value_queries(bool is_f16, const ogi_attn_args *a, query *const *q, int n,
                              int64_t base)
{
    int from = 0, to = CHUNK;
    for (int i = 0; i < n; i++) {
        from = q[i]->a > from ? q[i]->a : from;
        to = q[i]->b < to ? q[i]->b : to;
    }
    if (n < MANY_Q || MANY_Q == 1 || from >= to) {
        for (int i = 0; i < n; i++) add_values(is_f16, 1, a, q + i, q[i]->a, q[i]->b, base);
        return;
    }
    for (int i = 0; i < n; i++) add_values(is_f16, 1, a, q + i, q[i]->a, from, base);
    add_values(is_f16, MANY_Q, a, q, from, to, base);
    for (int i = 0; i < n; i++) add_values(is_f16, 1, a, q + i, to, q[i]->b, base);
}

/* Scores of one query in keys a..b-1 to exponentials; their maximum and sum. */
static void softmax_chunk(const ogi_attn_args *a, const query *q, int64_t base, float *max,
                          float *z)
{
    float *restrict s = q->score;
    float scale = a->scale, cap = a->softcap, top[16], sum[16] = { 0 };
    int from = q->a, to = q->b, begin = from / 16 * 16, end = (to + 15) / 16 * 16;
    for (int j = from; j < to; j++) s[j] *= scale;
    if (cap > 0)
        for (int j = from; j < to; j++) s[j] = cap * ogi_vm_tanh(s[j] / cap);
    if (q->slope != 0)
        for (int j = from; j < to; j++) s[j] += q->slope * (float)((int32_t)(base - q->pos) + j);
    for (int j = begin; j < from; j++) s[j] = -INFINITY;
    for (int j = to; j < end; j++) s[j] = -INFINITY;
    for (int l = 0; l < 16; l++) top[l] = -INFINITY;
    for (int j = begin; j < end; j += 16)
        for (int l = 0; l < 16; l++) top[l] = s[j + l] > top[l] ? s[j + l] : top[l];
    float m = top[0];
    for (int l = 1; l < 16; l++) m = top[l] > m ? top[l] : m;
    for (int j = from; j < to; j++) s[j] = weight_of(s[j] - m);
    for (int j = begin; j < from; j++) s[j] = 0;
    for (int j = to; j < end; j++) s[j] = 0;
    for (int j = begin; j < end; j += 16)
        for (int l = 0; l < 16; l++) sum[l] += s[j + l];
    for (int n = 8; n > 0; n /= 2)
        for (int l = 0; l < n; l++) sum[l] += sum[l + n];
    *max = m;
    *z = sum[0];
}

/* (max, z, sum) of the query and those of one more chunk, or of a sink, whose part is NULL. */
static void merge(query *q, float max, float z, const float *part, int64_t dim)
{
    float m = max > q->max ? max : q->max;
    float old = q->is_started ? weight_of(q->max - m) : 0, new = weight_of(max - m);
    float *restrict sum = q->sum;
    if (!q->is_started) {
        m = max;
        q->z = z;
        if (part) memcpy(sum, part, (size_t)dim * sizeof *sum);
    } else {
        q->z = q->z * old + z * new;
        for (int64_t d = 0; part && d < dim; d++) sum[d] = sum[d] * old + part[d] * new;
        for (int64_t d = 0; !part && d < dim; d++) sum[d] *= old;
    }
    q->max = m;
    q->is_started = true;
}

/* One chunk of keys for n queries of the batch; is_f16 is a constant. */
OGI_INLINE void attend_chunk(bool is_f16, const ogi_attn_args *a, query *batch, int n, int64_t base)
{
    query *live[BATCH];
    int n_live = 0;
    for (int i = 0; i < n; i++) {
        int64_t from = batch[i].first - base, to = batch[i].end - base;
        batch[i].a = from > 0 ? (int)(from < CHUNK ? from : CHUNK) : 0;
        batch[i].b = to < CHUNK ? (int)(to > 0 ? to : 0) : CHUNK;
        if (batch[i].a < batch[i].b) live[n_live++] = &batch[i];
    }
    for (int i = 0; i < n_live; i += MANY_Q) {
        int m = n_live - i < MANY_Q ? n_live - i : MANY_Q;
        score_queries(is_f16, a, live + i, m, base);
    }
    float max[BATCH], z[BATCH];
    for (int i = 0; i < n_live; i++) {
        softmax_chunk(a, live[i], base, &max[i], &z[i]);
        memset(live[i]->part, 0, (size_t)a->dim_v * sizeof(float));
    }
    for (int i = 0; i < n_live; i += MANY_Q) {
        int m = n_live - i < MANY_Q ? n_live - i : MANY_Q;
        value_queries(is_f16, a, live + i, m, base);
    }
    for (int i = 0; i < n_live; i++) merge(live[i], max[i], z[i], live[i]->part, a->dim_v);
}

static void start_query(const ogi_attn_args *a, query *q, int64_t row, float *scratch)
{
    int64_t t = row / a->n_group, h = row % a->n_group, pos = a->pos[t];
    *q = (query){ .q = a->q + t * a->q_tok_stride + h * a->q_head_stride,
                  .out = a->out + t * a->out_tok_stride + h * a->out_head_stride,
                  .score = scratch,
                  .part = scratch + CHUNK,
                  .sum = scratch + CHUNK + a->dim_v,
                  .max = -INFINITY,
                  .end = a->n_key,
                  .pos = pos,
                  .slope = a->slope ? a->slope[h] : 0,
                  .sink = a->sink ? a->sink + h : NULL };
    q->first = a->window > 0 && pos >= a->window ? pos - a->window + 1 : 0;
    if (a->is_causal && pos < a->n_key) q->end = pos + 1;
}

static void finish_query(const ogi_attn_args *a, query *q)
{
    if (!q->is_started) { /* sees nothing */
        memset(q->out, 0, (size_t)a->dim_v * sizeof *q->out);
        return;
    }
    if (q->sink) merge(q, *q->sink, 1, NULL, a->dim_v);
    for (int64_t d = 0; d < a->dim_v; d++) q->out[d] = q->sum[d] / q->z;
}

OGI_INLINE void attend(bool is_f16, const ogi_attn_args *a)
{
    query batch[BATCH];
    int64_t n_row = a->n_tok * a->n_group;
    for (int64_t row = 0; row < n_row; row += BATCH) {
        int n = n_row - row < BATCH ? (int)(n_row - row) : BATCH;
        int64_t first = a->n_key, end = 0;
        for (int i = 0; i < n; i++) {
            start_query(a, &batch[i], row + i, (float *)a->scratch + i * (CHUNK + 2 * a->dim_v));
            first = batch[i].first < first ? batch[i].first : first;
            end = batch[i].end > end ? batch[i].end : end;
        }
        for (int64_t base = first / CHUNK * CHUNK; base < end; base += CHUNK)
            attend_chunk(is_f16, a, batch, n, base);
        for (int i = 0; i < n; i++) finish_query(a, &batch[i]);
    }
}

void OGI_ISA(ogi_attention)(const ogi_attn_args *a)
{
    if (a->kv_type == OG_F16)
        attend(true, a);
    else
        attend(false, a);
}
