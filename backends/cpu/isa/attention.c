/* SPDX-License-Identifier: MIT
 *
 * Attention of a block of queries over the pages of one sequence and KV head. Queries (token and
 * head pairs) go through in batches of BATCH; in each chunk of 256 keys a batch computes scores,
 * their exponentials and the weighted values, several queries and keys at a time, and merges the
 * chunk into its result. What a query adds, and in which order, depends on its position alone. */
#include "ops/attention.h"
#include "backends/cpu/isa/kv_load.h"
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

/* Row of key or value `rank`; row_size bytes each. */
OGI_INLINE const char *kv_row(const ogi_attn_args *a, const void *state, int64_t rank,
                              int64_t row_size)
{
    int64_t page = a->page[rank / PAGE];
    int64_t row = (page * a->n_kv_head + a->kv_head) * PAGE + rank % PAGE;
    return (const char *)state + row * row_size;
}

OGI_INLINE int64_t padded(int64_t dim)
{
    return (dim + 15) / 16 * 16;
}

/* The last dim % 16 values of a row from d on, then zeros. Rows of blocks have no such. */
OGI_INLINE v16 load_tail(og_dtype type, const char *row, int64_t d, int64_t dim)
{
    const int size = type == OG_F32 ? 4 : 2;
    _Alignas(64) char x[64] = { 0 };
    memcpy(x, row + d * size, (size_t)((dim - d) * size));
    return v16_load_kv(type, x, 0);
}

/* score[q][key..] of n_q queries and n_k neighbouring keys, which lie in one page. */
OGI_INLINE void score_block(og_dtype type, int n_q, int n_k, const query *const *q, const char *k,
                            int64_t row_size, int64_t dim, int key)
{
    const int64_t whole = dim / 16 * 16;
    v16 sum[SUMS];
    _Alignas(64) float dot[SUMS];
    for (int i = 0; i < SUMS; i++) sum[i] = v16_zero();
    for (int64_t d = 0; d < whole; d += 16) {
        v16 x[MANY_Q];
        for (int i = 0; i < n_q; i++) x[i] = v16_load(q[i]->q + d);
        for (int j = 0; j < n_k; j++) {
            v16 y = v16_load_kv(type, k + j * row_size, d);
            for (int i = 0; i < n_q; i++) sum[i * n_k + j] = v16_fma(x[i], y, sum[i * n_k + j]);
        }
    }
    for (int i = 0; whole < dim && i < n_q * n_k; i++) {
        v16 x = load_tail(OG_F32, (const char *)q[i / n_k]->q, whole, dim);
        v16 y = load_tail(type, k + i % n_k * row_size, whole, dim);
        sum[i] = v16_fma(x, y, sum[i]);
    }
    for (int i = 0; i < SUMS; i += OGI_VN) vf_store(dot + i, v16_sums(sum + i));
    for (int i = 0; i < n_q; i++)
        memcpy(q[i]->score + key, dot + i * n_k, (size_t)n_k * sizeof *dot);
}

/* Scores of n queries (1..MANY_Q) with every key that one of them sees, and a few more. */
OGI_INLINE void score_queries(og_dtype type, int64_t row_size, const ogi_attn_args *a,
                              query *const *q, int n, int64_t base)
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
        const char *k = kv_row(a, a->k_state, base + key, row_size);
        if (n == 1)
            score_block(type, 1, ONE_K, p, k, row_size, a->dim_k, key);
        else
            score_block(type, MANY_Q, MANY_K, p, k, row_size, a->dim_k, key);
    }
}

/* n_v times 16 values from d on of keys from..to-1, which lie in one page from v on, each times its
 * exponential, added to part in ascending order. */
OGI_INLINE void add_dims(og_dtype type, int n_q, int n_v, query *const *q, const char *v,
                         int64_t row_size, int64_t d, int64_t dim, int from, int to)
{
    v16 sum[MANY_Q][DIMS];
    for (int i = 0; i < n_q; i++)
        for (int c = 0; c < n_v; c++) sum[i][c] = v16_load(q[i]->part + d + 16 * c);
    for (int j = from; j < to; j++, v += row_size) {
        v16 y[DIMS];
        for (int c = 0; c < n_v; c++)
            y[c] = d + 16 > dim ? load_tail(type, v, d, dim) : v16_load_kv(type, v, d + 16 * c);
        for (int i = 0; i < n_q; i++) {
            v16 e = v16_set1(q[i]->score[j]);
            for (int c = 0; c < n_v; c++) sum[i][c] = v16_fma(e, y[c], sum[i][c]);
        }
    }
    for (int i = 0; i < n_q; i++)
        for (int c = 0; c < n_v; c++) v16_store(q[i]->part + d + 16 * c, sum[i][c]);
}

/* part[q] += the values of keys from..to-1, each times its exponential, in ascending order. */
OGI_INLINE void add_values(og_dtype type, int64_t row_size, int n_q, const ogi_attn_args *a,
                           query *const *q, int from, int to, int64_t base)
{
    const int64_t dim = a->dim_v;
    for (int end; from < to; from = end) { /* a page at a time */
        end = from / PAGE * PAGE + PAGE;
        end = end < to ? end : to;
        const char *v = kv_row(a, a->v_state, base + from, row_size);
        int64_t d = 0;
        for (; d + 16 * DIMS <= dim; d += 16 * DIMS)
            add_dims(type, n_q, DIMS, q, v, row_size, d, dim, from, end);
        for (; d < dim; d += 16) add_dims(type, n_q, 1, q, v, row_size, d, dim, from, end);
    }
}

/* What several queries see is added for all of them at once; the rest one by one. */
OGI_INLINE void value_queries(og_dtype type, int64_t row_size, const ogi_attn_args *a,
                              query *const *q, int n, int64_t base)
{
    int from = 0, to = CHUNK;
    for (int i = 0; i < n; i++) {
        from = q[i]->a > from ? q[i]->a : from;
        to = q[i]->b < to ? q[i]->b : to;
    }
    if (n < MANY_Q || MANY_Q == 1 || from >= to) {
        for (int i = 0; i < n; i++) add_values(type, row_size, 1, a, q + i, q[i]->a, q[i]->b, base);
        return;
    }
    for (int i = 0; i < n; i++) add_values(type, row_size, 1, a, q + i, q[i]->a, from, base);
    add_values(type, row_size, MANY_Q, a, q, from, to, base);
    for (int i = 0; i < n; i++) add_values(type, row_size, 1, a, q + i, to, q[i]->b, base);
}

/* Both for each type of state, with the type a constant. */
typedef void queries_fn(const ogi_attn_args *a, query *const *q, int n, int64_t base);
typedef struct kv_kernel {
    og_dtype type;
    queries_fn *score, *value;
} kv_kernel;

enum {
#define T(NAME, id, block, bytes, is_quantized) BLOCK_##NAME = block, BYTES_##NAME = bytes,
    OG_DTYPE_LIST(T)
#undef T
};
#define T(NAME)                                                                                    \
    static void score_##NAME(const ogi_attn_args *a, query *const *q, int n, int64_t base)         \
    {                                                                                              \
        score_queries(OG_##NAME, a->dim_k / BLOCK_##NAME * BYTES_##NAME, a, q, n, base);           \
    }                                                                                              \
    static void value_##NAME(const ogi_attn_args *a, query *const *q, int n, int64_t base)         \
    {                                                                                              \
        value_queries(OG_##NAME, a->dim_v / BLOCK_##NAME * BYTES_##NAME, a, q, n, base);           \
    }
OGI_KV_TYPES(T)
#undef T

static const kv_kernel *kernel_of(og_dtype type)
{
    static const kv_kernel all[] = {
#define T(NAME) { OG_##NAME, score_##NAME, value_##NAME },
        OGI_KV_TYPES(T)
#undef T
    };
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
        if (all[i].type == type) return &all[i];
    return NULL; /* the op's shape rule lets no other type through */
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

/* One chunk of keys for n queries of the batch. */
static void attend_chunk(queries_fn *score, queries_fn *value, const ogi_attn_args *a, query *batch,
                         int n, int64_t base)
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
        score(a, live + i, m, base);
    }
    float max[BATCH], z[BATCH];
    for (int i = 0; i < n_live; i++) {
        softmax_chunk(a, live[i], base, &max[i], &z[i]);
        memset(live[i]->part, 0, (size_t)padded(a->dim_v) * sizeof(float));
    }
    for (int i = 0; i < n_live; i += MANY_Q) {
        int m = n_live - i < MANY_Q ? n_live - i : MANY_Q;
        value(a, live + i, m, base);
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
                  .sum = scratch + CHUNK + padded(a->dim_v),
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

void OGI_ISA(ogi_attention)(const ogi_attn_args *a)
{
    query batch[BATCH];
    queries_fn *score = kernel_of(a->k_type)->score, *value = kernel_of(a->v_type)->value;
    int64_t n_row = a->n_tok * a->n_group;
    for (int64_t row = 0; row < n_row; row += BATCH) {
        int n = n_row - row < BATCH ? (int)(n_row - row) : BATCH;
        int64_t first = a->n_key, end = 0;
        for (int i = 0; i < n; i++) {
            float *scratch = (float *)a->scratch + i * (CHUNK + 2 * padded(a->dim_v));
            start_query(a, &batch[i], row + i, scratch);
            first = batch[i].first < first ? batch[i].first : first;
            end = batch[i].end > end ? batch[i].end : end;
        }
        for (int64_t base = first / CHUNK * CHUNK; base < end; base += CHUNK)
            attend_chunk(score, value, a, batch, n, base);
        for (int i = 0; i < n; i++) finish_query(a, &batch[i]);
    }
}
