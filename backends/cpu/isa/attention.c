/* SPDX-License-Identifier: MIT
 *
 * Attention of a block of queries over the pages of one sequence and KV head. Queries (token and
 * head pairs) go through in batches of BATCH; in each chunk of 256 keys a batch computes scores,
 * their exponentials and the weighted values, several queries and keys at a time, and merges the
 * chunk into its result. What a query adds, and in which order, depends on its position alone. */
#include "ops/attention.h"
#include "backends/cpu/isa/score_tile.h"
#include "backends/cpu/isa/unpack.h"
#include "backends/cpu/isa/vmath.h"

enum {
    BATCH = OGI_CPU_ATTN_BATCH,
    CHUNK = OGI_CPU_CHUNK,
    PAGE = OGI_CPU_PAGE,
    MANY_Q = OGI_MANY_Q,
    MANY_K = OGI_MANY_K,
    ONE_K = OGI_ONE_K,
    TILE_Q = OGI_VN > 1 ? OGI_VN / 2 + 1 : BATCH + 1, /* from so many queries on, tiles */
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
    const float *bias; /* of the head, in bucket 0 */
    const float *sink;
    bool is_started;
    int a, b; /* keys of the chunk seen: a..b-1 */
} query;

/* Where the rows of a chunk's keys lie if they do not follow each other (is_far). */
typedef struct far_rows {
    const char *k[CHUNK], *v[CHUNK];
} far_rows;

OGI_INLINE int64_t padded(int64_t dim)
{
    return (dim + 15) / 16 * 16;
}

/* Scores of n queries (1..MANY_Q) with every key that one of them sees, and a few more. */
OGI_INLINE void score_queries(og_dtype type, bool is_far, int64_t row_size, const ogi_attn_args *a,
                              query *const *q, int n, int64_t base, const far_rows *rows)
{
    const float *x[MANY_Q];
    _Alignas(64) float dot[OGI_DOTS];
    int first = CHUNK, end = 0, step = n == 1 ? ONE_K : MANY_K;
    for (int i = 0; i < MANY_Q; i++) {
        const query *p = q[i < n ? i : n - 1];
        x[i] = p->q;
        first = p->a < first ? p->a : first;
        end = p->b > end ? p->b : end;
    }
    for (int key = first / step * step; key < end; key += step) {
        const char *k = NULL, *const *far = is_far ? rows->k + key : NULL;
        if (!is_far) k = ogi_kv_row(&a->pages, a->k_state, base + key, row_size);
        if (n == 1)
            ogi_dot_block(type, is_far, 1, ONE_K, x, k, far, row_size, a->dim_k, dot);
        else
            ogi_dot_block(type, is_far, MANY_Q, MANY_K, x, k, far, row_size, a->dim_k, dot);
        for (int i = 0; i < n; i++)
            memcpy(q[i]->score + key, dot + i * step, (size_t)step * sizeof *dot);
    }
}

/* The same of up to OGI_VN queries in tiles. */
OGI_INLINE void tile_queries(og_dtype type, int64_t row_size, const ogi_attn_args *a,
                             query *const *q, int n, int64_t base, const far_rows *rows)
{
    const float *row[OGI_VN];
    _Alignas(64) float s[OGI_STRIP_K * OGI_VN];
    const int64_t dim = padded(a->dim_k);
    float *x = (float *)a->scratch + BATCH * (CHUNK + 2 * padded(a->dim_v)), *k = x + dim * OGI_VN;
    int first = CHUNK, end = 0;
    for (int i = 0; i < n; i++) {
        row[i] = q[i]->q;
        first = q[i]->a < first ? q[i]->a : first;
        end = q[i]->b > end ? q[i]->b : end;
    }
    ogi_turn_queries(row, n, a->dim_k, dim, x);
    for (int key = first / OGI_STRIP_K * OGI_STRIP_K; key < end; key += OGI_STRIP_K) {
        const char *from = rows ? NULL : ogi_kv_row(&a->pages, a->k_state, base + key, row_size);
        for (int j = 0; j < OGI_STRIP_K; j++)
            ogi_decode_row(type, rows ? rows->k[key + j] : from + j * row_size, a->dim_k,
                           k + j * dim);
        for (int j = 0; j < OGI_STRIP_K; j += OGI_TILE_K)
            ogi_score_tile(x, k + j * dim, dim, s + j * OGI_VN);
        for (int j = 0; j < OGI_STRIP_K; j += OGI_VN) {
            vf turned[OGI_VN];
            vf_transpose(s + j * OGI_VN, OGI_VN * (int64_t)sizeof *s, turned);
            for (int i = 0; i < n; i++) vf_store(q[i]->score + key + j, turned[i]);
        }
    }
}

/* n_v times 16 values from d on of keys from..to-1, which lie in one page from v on or at far[key],
 * each times its exponential, added to part in ascending order. */
OGI_INLINE void add_dims(og_dtype type, int n_q, int n_v, query *const *q, const char *v,
                         const char *const *far, int64_t row_size, int64_t d, int64_t dim, int from,
                         int to)
{
    v16 sum[MANY_Q][DIMS];
    for (int i = 0; i < n_q; i++)
        for (int c = 0; c < n_v; c++) sum[i][c] = v16_load(q[i]->part + d + 16 * c);
    for (int j = from; j < to; j++) {
        const char *row = far ? far[j] : v + (j - from) * row_size;
        v16 y[DIMS];
        for (int c = 0; c < n_v; c++)
            y[c] = d + 16 > dim ? ogi_load_tail(type, row, d, dim)
                                : v16_load_kv(type, row, d + 16 * c);
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
                           query *const *q, int from, int to, int64_t base, const far_rows *rows)
{
    const int64_t dim = a->dim_v, ratio = a->pages.ratio;
    const int n_row = (int)(ratio < PAGE ? PAGE / ratio : 1);
    const char *const *far = rows ? rows->v : NULL;
    for (int end; from < to; from = end) { /* a page at a time */
        end = far ? to : from / n_row * n_row + n_row;
        end = end < to ? end : to;
        const char *v = far ? NULL : ogi_kv_row(&a->pages, a->v_state, base + from, row_size);
        int64_t d = 0;
        for (; d + 16 * DIMS <= dim; d += 16 * DIMS)
            add_dims(type, n_q, DIMS, q, v, far, row_size, d, dim, from, end);
        for (; d < dim; d += 16) add_dims(type, n_q, 1, q, v, far, row_size, d, dim, from, end);
    }
}

/* What several queries see is added for all of them at once; the rest one by one. */
OGI_INLINE void value_queries(og_dtype type, int64_t size, const ogi_attn_args *a, query *const *q,
                              int n, int64_t base, const far_rows *rows)
{
    int from = 0, to = CHUNK;
    for (int i = 0; i < n; i++) {
        from = q[i]->a > from ? q[i]->a : from;
        to = q[i]->b < to ? q[i]->b : to;
    }
    if (n < MANY_Q || MANY_Q == 1 || from >= to) {
        for (int i = 0; i < n; i++)
            add_values(type, size, 1, a, q + i, q[i]->a, q[i]->b, base, rows);
        return;
    }
    for (int i = 0; i < n; i++) add_values(type, size, 1, a, q + i, q[i]->a, from, base, rows);
    add_values(type, size, MANY_Q, a, q, from, to, base, rows);
    for (int i = 0; i < n; i++) add_values(type, size, 1, a, q + i, to, q[i]->b, base, rows);
}

/* Both for each type of state, with the type a constant; rows is NULL unless keys lie apart. */
typedef void queries_fn(const ogi_attn_args *a, query *const *q, int n, int64_t base,
                        const far_rows *rows);
typedef struct kv_kernel {
    og_dtype type;
    queries_fn *score, *tile, *value;
} kv_kernel;

#define T(NAME)                                                                                    \
    static void score_##NAME(const ogi_attn_args *a, query *const *q, int n, int64_t base,         \
                             const far_rows *rows)                                                 \
    {                                                                                              \
        if (rows)                                                                                  \
            score_queries(OG_##NAME, true, 0, a, q, n, base, rows);                                \
        else                                                                                       \
            score_queries(OG_##NAME, false, ROW_SIZE(NAME, a->dim_k), a, q, n, base, NULL);        \
    }                                                                                              \
    static void tile_##NAME(const ogi_attn_args *a, query *const *q, int n, int64_t base,          \
                            const far_rows *rows)                                                  \
    {                                                                                              \
        tile_queries(OG_##NAME, ROW_SIZE(NAME, a->dim_k), a, q, n, base, rows);                    \
    }                                                                                              \
    static void value_##NAME(const ogi_attn_args *a, query *const *q, int n, int64_t base,         \
                             const far_rows *rows)                                                 \
    {                                                                                              \
        value_queries(OG_##NAME, ROW_SIZE(NAME, a->v_row), a, q, n, base, rows);                   \
    }
OGI_KV_TYPES(T)
#undef T

static int64_t row_size_of(og_dtype type, int64_t dim)
{
#define T(NAME)                                                                                    \
    if (type == OG_##NAME) return ROW_SIZE(NAME, dim);
    OGI_KV_TYPES(T)
#undef T
    return 0;
}

static const kv_kernel *kernel_of(og_dtype type)
{
    static const kv_kernel all[] = {
#define T(NAME) { OG_##NAME, score_##NAME, tile_##NAME, value_##NAME },
        OGI_KV_TYPES(T)
#undef T
    };
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
        if (all[i].type == type) return &all[i];
    return NULL; /* the op's shape rule lets no other type through */
}

/* Adds to the scores of one query the bias of each key's distance: a bucket is a run of keys, on
 * each side of the query. */
static void add_bias(const ogi_attn_args *a, const query *q, int64_t base)
{
    const int64_t at = q->pos - base; /* the query's own place in the chunk */
    for (int side = 0; side < (a->is_causal ? 1 : 2); side++)
        for (int b = 0; b < a->n_bucket; b++) {
            int64_t near = a->bucket_start[b];
            int64_t far = b + 1 < a->n_bucket ? a->bucket_start[b + 1] : INT32_MAX; /* beyond */
            float bias = q->bias[(side * a->n_bucket + b) * a->bias_stride];
            if (side) near = near > 0 ? near : 1; /* its own key lies behind */
            int64_t from = side ? at + near : at - far + 1, to = side ? at + far : at - near + 1;
            from = from > q->a ? from : q->a;
            to = to < q->b ? to : q->b;
            for (int64_t j = from; j < to; j++) q->score[j] += bias;
        }
}

/* Of n > 0 numbers. As integers in the order of the floats, for which compilers have vectors. */
static float greatest(const float *x, int n)
{
    int32_t top = INT32_MIN;
    for (int i = 0; i < n; i++) {
        int32_t u;
        memcpy(&u, x + i, sizeof u);
        u ^= (u >> 31) & INT32_MAX;
        top = u > top ? u : top;
    }
    return ogi_f32_of_bits((uint32_t)(top ^ ((top >> 31) & INT32_MAX)));
}

/* Scores of one query in keys a..b-1 to exponentials; their maximum and sum. */
static void softmax_chunk(const ogi_attn_args *a, const query *q, int64_t base, float *max,
                          float *z)
{
    float *restrict s = q->score;
    float scale = a->scale, cap = a->softcap, sum[16];
    int from = q->a, to = q->b, begin = from / 16 * 16, end = (to + 15) / 16 * 16;
    for (int j = from; j < to; j++) s[j] *= scale;
    if (cap > 0)
        for (int j = from; j < to; j++) s[j] = cap * ogi_vm_tanh(s[j] / cap);
    if (q->slope != 0)
        for (int j = from; j < to; j++)
            s[j] -= q->slope * fabsf((float)((int32_t)(base - q->pos) + j));
    if (q->bias) add_bias(a, q, base);
    float m = greatest(s + from, to - from);
    for (int j = from; j < to; j++) s[j] = weight_of(s[j] - m);
    for (int j = begin; j < from; j++) s[j] = 0;
    for (int j = to; j < end; j++) s[j] = 0;
    v16 all = v16_zero();
    for (int j = begin; j < end; j += 16) {
        v16 y = v16_load(s + j);
        for (int i = 0; i < OGI_NV; i++) all.v[i] = vf_add(all.v[i], y.v[i]);
    }
    v16_store(sum, all);
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

/* Where the keys base .. base + n - 1 lie; a few more places hold the last one. */
static void find_rows(const ogi_attn_args *a, int64_t base, int n, far_rows *rows)
{
    int64_t k_size = row_size_of(a->k_type, a->dim_k), v_size = row_size_of(a->v_type, a->v_row);
    for (int i = 0; i < n; i++) {
        int64_t rank = a->list ? a->rank[base + i] : base + i;
        rows->k[i] = ogi_kv_row(&a->pages, a->k_state, rank, k_size);
        rows->v[i] = ogi_kv_row(&a->pages, a->v_state, rank, v_size);
    }
    for (int i = n; i < CHUNK && i % 16; i++) rows->k[i] = rows->k[n - 1];
}

/* One chunk of keys for n queries of the batch. */
static void attend_chunk(const kv_kernel *k, const kv_kernel *v, const ogi_attn_args *a,
                         query *batch, int n, int64_t base)
{
    const bool is_far = a->list || a->pages.ratio > 4; /* fewer than 16 rows a page */
    far_rows far, *rows = is_far ? &far : NULL;
    query *live[BATCH];
    int n_live = 0, n_key = 0;
    for (int i = 0; i < n; i++) {
        int64_t from = batch[i].first - base, to = batch[i].end - base;
        batch[i].a = from > 0 ? (int)(from < CHUNK ? from : CHUNK) : 0;
        batch[i].b = to < CHUNK ? (int)(to > 0 ? to : 0) : CHUNK;
        if (batch[i].a >= batch[i].b) continue;
        n_key = batch[i].b > n_key ? batch[i].b : n_key;
        live[n_live++] = &batch[i];
    }
    if (is_far && n_live) find_rows(a, base, n_key, rows);
    for (int i = 0, m; i < n_live; i += m) {
        bool is_tile = n_live - i >= TILE_Q;
        m = is_tile ? OGI_VN : MANY_Q;
        m = m < n_live - i ? m : n_live - i;
        (is_tile ? k->tile : k->score)(a, live + i, m, base, rows);
    }
    float max[BATCH], z[BATCH];
    for (int i = 0; i < n_live; i++) {
        softmax_chunk(a, live[i], base, &max[i], &z[i]);
        memset(live[i]->part, 0, (size_t)padded(a->dim_v) * sizeof(float));
    }
    for (int i = 0; i < n_live; i += MANY_Q) {
        int m = n_live - i < MANY_Q ? n_live - i : MANY_Q;
        v->value(a, live + i, m, base, rows);
    }
    for (int i = 0; i < n_live; i++) merge(live[i], max[i], z[i], live[i]->part, a->dim_v);
}

/* The ranks that a query at pos may see: first .. end - 1. */
static void find_bounds(const ogi_attn_args *a, int64_t pos, int64_t *first, int64_t *end)
{
    int64_t from = 0, to = a->n_key;
    if (a->is_causal && (pos + 1) / a->pages.ratio < to) to = (pos + 1) / a->pages.ratio;
    if (a->window > 0) from = a->is_causal ? pos - a->window + 1 : pos - a->window / 2;
    if (a->window > 0 && !a->is_causal && pos + a->window / 2 + 1 < to)
        to = pos + a->window / 2 + 1;
    if (a->chunk > 0) {
        int64_t start = pos / a->chunk * a->chunk;
        from = start > from ? start : from;
        to = start + a->chunk < to ? start + a->chunk : to;
    }
    *first = from > 0 ? from : 0;
    *end = to > 0 ? to : 0;
}

/* The list of token t without what it may not see, into a->rank; how many. */
static int64_t find_ranks(const ogi_attn_args *a, int64_t t)
{
    const int32_t *list = a->list + t * a->list_stride;
    int64_t first, end, n = 0;
    find_bounds(a, a->pos[t], &first, &end);
    for (int64_t i = 0; i < a->n_list; i++) {
        if (list[i] < 0) continue;
        int64_t from = list[i] * a->list_block, to = from + a->list_block;
        from = from > first ? from : first;
        to = to < end ? to : end;
        for (int64_t r = from; r < to; r++) a->rank[n++] = (int32_t)r;
    }
    return n;
}

/* n_listed: keys of the token's list. */
static void start_query(const ogi_attn_args *a, query *q, int64_t row, int64_t n_listed,
                        float *scratch)
{
    int64_t t = row / a->n_group, h = row % a->n_group, pos = a->pos[t];
    *q = (query){ .q = a->q + t * a->q_tok_stride + h * a->q_head_stride,
                  .out = a->out + t * a->out_tok_stride + h * a->out_head_stride,
                  .score = scratch,
                  .part = scratch + CHUNK,
                  .sum = scratch + CHUNK + padded(a->dim_v),
                  .max = -INFINITY,
                  .end = n_listed,
                  .pos = pos,
                  .slope = a->slope ? a->slope[h] : 0,
                  .bias = a->bias ? a->bias + h : NULL,
                  .sink = a->sink ? a->sink + h : NULL };
    if (!a->list) find_bounds(a, pos, &q->first, &q->end);
}

static void finish_query(const ogi_attn_args *a, query *q)
{
    const int64_t dim = a->dim_v;
    if (!q->is_started) { /* sees nothing */
        memset(q->out, 0, (size_t)dim * sizeof *q->out);
        if (a->is_partial) q->out[dim] = OGI_ATTENTION_NOTHING, q->out[dim + 1] = 0;
        return;
    }
    if (a->is_partial) {
        memcpy(q->out, q->sum, (size_t)dim * sizeof *q->out);
        q->out[dim] = q->max;
        q->out[dim + 1] = q->z;
        return;
    }
    if (q->sink) merge(q, *q->sink, 1, NULL, dim);
    for (int64_t d = 0; d < dim; d++) q->out[d] = q->sum[d] / q->z;
}

/* Queries of one batch share a token if keys are listed, for the lists differ by token. */
void OGI_ISA(ogi_attention)(const ogi_attn_args *a)
{
    query batch[BATCH];
    const kv_kernel *k = kernel_of(a->k_type), *v = kernel_of(a->v_type);
    int64_t n_row = a->n_tok * a->n_group, n_listed = 0;
    for (int64_t row = 0, n; row < n_row; row += n) {
        int64_t left = a->list ? a->n_group - row % a->n_group : n_row - row;
        int64_t first = INT64_MAX, end = 0;
        n = left < BATCH ? left : BATCH;
        if (a->list && row % a->n_group == 0) n_listed = find_ranks(a, row / a->n_group);
        for (int i = 0; i < n; i++) {
            float *scratch = (float *)a->scratch + i * (CHUNK + 2 * padded(a->dim_v));
            start_query(a, &batch[i], row + i, n_listed, scratch);
            first = batch[i].first < first ? batch[i].first : first;
            end = batch[i].end > end ? batch[i].end : end;
        }
        for (int64_t base = first / CHUNK * CHUNK; base < end; base += CHUNK)
            attend_chunk(k, v, a, batch, (int)n, base);
        for (int i = 0; i < n; i++) finish_query(a, &batch[i]);
    }
}
