/* SPDX-License-Identifier: MIT
 *
 * attention: softmax(scale q k') v of each query over the pages of its sequence. Key and value
 * heads are shared by H / Hkv query heads. What a query sees, and how soft-cap, ALiBi and sinks
 * enter, is in oxigraph/ops.h and backends/cpu/isa/kernels.h. */
#include "ops/attention.h"

#include <math.h>

#include "ops/op.h"

static const ogi_attr attr[] = {
    { "scale", OGI_ATTR_FLOAT, offsetof(ogi_attention, scale), 0 },
    { "softcap", OGI_ATTR_FLOAT, offsetof(ogi_attention, softcap), 0 },
    { "window", OGI_ATTR_INT, offsetof(ogi_attention, window), 0 },
    { "chunk", OGI_ATTR_INT, offsetof(ogi_attention, chunk), 0 },
    { "ratio", OGI_ATTR_INT, offsetof(ogi_attention, ratio), 1 },
    { "dim_v", OGI_ATTR_INT, offsetof(ogi_attention, dim_v), 0 },
    { "bucket_max", OGI_ATTR_INT, offsetof(ogi_attention, bucket_max), 128 },
    { "select_block", OGI_ATTR_INT, offsetof(ogi_attention, select_block), 1 },
    { "bidirectional", OGI_ATTR_BOOL, offsetof(ogi_attention, is_bidirectional), 0 },
    { "partial", OGI_ATTR_BOOL, offsetof(ogi_attention, is_partial), 0 },
};

og_tensor *og_attention(og_graph *g, const og_attention_args *a)
{
    static const og_attention_args none; /* no operand: refused as such */
    if (!a) a = &none;
    ogi_attention p;
    memset(&p, 0, sizeof p); /* padding too: params may be compared as bytes */
    p.scale = a->scale, p.softcap = a->softcap;
    p.window = a->window, p.chunk = a->chunk;
    p.ratio = a->ratio ? a->ratio : 1;
    p.dim_v = a->dim_v;
    p.bucket_max = a->bucket_max ? a->bucket_max : 128;
    p.select_block = a->select_block ? a->select_block : 1;
    p.is_bidirectional = a->is_bidirectional, p.is_partial = a->is_partial;
    if (p.scale == 0 && a->q && a->q->shape.rank > 0) {
        og_dim d = ogi_last_dim(a->q);
        p.scale = (float)(1 / sqrt((double)d.b / OGI_MAX(d.c, 1)));
    }
    og_tensor *src[OGI_ATTENTION_N_SRC] = { a->q,         a->k,      a->v,          a->pos,
                                            a->seq_start, a->kv_len, a->page_table, a->slope,
                                            a->sink,      a->bias,   a->select };
    return ogi_node(g, OG_OP_ATTENTION, &p, OGI_ATTENTION_N_SRC, src);
}

/* ---- shape rule ---------------------------------------------------------------------------- */

bool ogi_is_kv_type(og_dtype type)
{
#define T(NAME)                                                                                    \
    if (type == OG_##NAME) return true;
    OGI_KV_TYPES(T)
#undef T
    return false;
}

og_status ogi_want_pages(const og_tensor *n, int i, const char *name, int ratio)
{
    const og_tensor *kv = n->src[i];
    int64_t page, want = ogi_kv_page_rows(ratio);
    OG_TRY(ogi_want_state(n, i, name));
    OG_TRY(ogi_want_rank(n, i, name, 4));
    if (!ogi_is_kv_type(kv->dtype))
        OGI_INFER_FAIL(n, "%s is %s, expected F32, F16, BF16, Q8_0 or Q4_0", name,
                       og_dtype_name(kv->dtype));
    OG_TRY(ogi_want_const(n, i, name, 2, &page));
    if (page != want)
        OGI_INFER_FAIL(n, "pages of %s hold %lld rows, expected %lld", name, (long long)page,
                       (long long)want);
    return OG_OK;
}

static og_status infer_heads(const og_tensor *n, int i, const char *name)
{
    const ogi_attention *p = n->params;
    int64_t h, hkv;
    OG_TRY(ogi_want_pages(n, i, name, p->ratio));
    OG_TRY(ogi_want_const(n, OGI_ATTENTION_Q, "q", 1, &h));
    OG_TRY(ogi_want_const(n, i, name, 1, &hkv));
    if (hkv <= 0 || h % hkv != 0)
        OGI_INFER_FAIL(n, "q has %lld heads, expected a multiple of the %lld of %s", (long long)h,
                       (long long)hkv, name);
    return OG_OK;
}

static og_status infer_numbers(const og_tensor *n)
{
    const ogi_attention *p = n->params;
    if (!isfinite(p->scale) || p->scale == 0)
        OGI_INFER_FAIL(n, "scale is %g, expected a finite number", (double)p->scale);
    if (!(p->softcap >= 0) || p->window < 0 || p->chunk < 0)
        OGI_INFER_FAIL(n, "softcap %g, window %d and chunk %d, expected 0 or more",
                       (double)p->softcap, p->window, p->chunk);
    if (p->ratio < 1 || p->ratio > 4096 || (p->ratio & (p->ratio - 1)))
        OGI_INFER_FAIL(n, "ratio is %d, expected a power of two up to 4096", p->ratio);
    if (p->ratio > 1 && (p->window || p->chunk))
        OGI_INFER_FAIL(n, "keys of %d tokens have no window", p->ratio);
    if (p->select_block < 1 || p->select_block > 1 << 20)
        OGI_INFER_FAIL(n, "select_block is %d, expected 1..2^20", p->select_block);
    return OG_OK;
}

static og_status infer_lists(const og_tensor *n)
{
    const ogi_attention *p = n->params;
    const og_dim *q = n->src[OGI_ATTENTION_Q]->shape.dim;
    const og_tensor *bias = n->src[OGI_ATTENTION_BIAS], *select = n->src[OGI_ATTENTION_SELECT];
    bool by_distance = n->src[OGI_ATTENTION_SLOPE] || bias;
    if (by_distance && (p->ratio > 1 || select))
        OGI_INFER_FAIL(n, "slopes and bias want every token's key, not selected or pooled ones");
    if (bias) {
        int64_t n_bucket;
        OG_TRY(ogi_want_dtype(n, OGI_ATTENTION_BIAS, "bias", OG_F32));
        OG_TRY(ogi_want_rank(n, OGI_ATTENTION_BIAS, "bias", 2));
        OG_TRY(ogi_want_axis(n, OGI_ATTENTION_BIAS, "bias", 1, q[1]));
        OG_TRY(ogi_want_const(n, OGI_ATTENTION_BIAS, "bias", 0, &n_bucket));
        if (n_bucket < 4 || n_bucket > OGI_BUCKET_MAX || n_bucket % 4)
            OGI_INFER_FAIL(n, "bias has %lld buckets, expected a multiple of 4 up to %d",
                           (long long)n_bucket, OGI_BUCKET_MAX);
        if (p->bucket_max <= n_bucket / 2)
            OGI_INFER_FAIL(n, "bucket_max is %d, expected more than half of %lld buckets",
                           p->bucket_max, (long long)n_bucket);
    }
    if (select) {
        int64_t n_list, hkv;
        OG_TRY(ogi_want_dtype(n, OGI_ATTENTION_SELECT, "select", OG_I32));
        OG_TRY(ogi_want_rank(n, OGI_ATTENTION_SELECT, "select", 3));
        OG_TRY(ogi_want_axis(n, OGI_ATTENTION_SELECT, "select", 0, q[0]));
        OG_TRY(ogi_want_const(n, OGI_ATTENTION_SELECT, "select", 1, &n_list));
        OG_TRY(ogi_want_const(n, OGI_ATTENTION_SELECT, "select", 2, &(int64_t){ 0 }));
        OG_TRY(ogi_want_const(n, OGI_ATTENTION_K, "k", 1, &hkv));
        if (n_list != 1 && n_list != hkv)
            OGI_INFER_FAIL(n, "select has %lld lists a token, expected 1 or %lld",
                           (long long)n_list, (long long)hkv);
    }
    return OG_OK;
}

static og_status infer(og_tensor *n)
{
    static const char *const name[] = { "q",      "k",          "v",     "pos", "seq_start",
                                        "kv_len", "page_table", "slope", "sink" };
    const ogi_attention *p = n->params;
    og_tensor *const *s = n->src;
    OG_TRY(infer_numbers(n));
    OG_TRY(ogi_want_dtype(n, OGI_ATTENTION_Q, "q", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_ATTENTION_Q, "q", 3));
    const og_dim *q = s[OGI_ATTENTION_Q]->shape.dim;
    OG_TRY(infer_heads(n, OGI_ATTENTION_K, "k"));
    OG_TRY(infer_heads(n, OGI_ATTENTION_V, "v"));
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_K, "k", 3, q[2]));
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_V, "v", 0, s[OGI_ATTENTION_K]->shape.dim[0]));
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_V, "v", 1, s[OGI_ATTENTION_K]->shape.dim[1]));
    for (int i = OGI_ATTENTION_POS; i <= OGI_ATTENTION_PAGE_TABLE; i++) {
        OG_TRY(ogi_want_dtype(n, i, name[i], OG_I32));
        OG_TRY(ogi_want_rank(n, i, name[i], i == OGI_ATTENTION_PAGE_TABLE ? 2 : 1));
    }
    og_dim n_seq = s[OGI_ATTENTION_KV_LEN]->shape.dim[0];
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_POS, "pos", 0, q[0]));
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_SEQ_START, "seq_start", 0, og_dim_add(n_seq, OG_N(1))));
    OG_TRY(ogi_want_axis(n, OGI_ATTENTION_PAGE_TABLE, "page_table", 0, n_seq));
    for (int i = OGI_ATTENTION_SLOPE; i <= OGI_ATTENTION_SINK; i++) {
        if (!s[i]) continue;
        OG_TRY(ogi_want_dtype(n, i, name[i], OG_F32));
        OG_TRY(ogi_want_rank(n, i, name[i], 1));
        OG_TRY(ogi_want_axis(n, i, name[i], 0, q[1]));
    }
    OG_TRY(infer_lists(n));
    if (p->is_partial && s[OGI_ATTENTION_SINK])
        OGI_INFER_FAIL(n, "a partial result has no sink: it joins when the parts are merged");
    int64_t dim_v;
    OG_TRY(ogi_want_const(n, OGI_ATTENTION_V, "v", 3, &dim_v));
    int block = ogi_dtype_info((int64_t)s[OGI_ATTENTION_V]->dtype)->block;
    if (p->dim_v < 0 || p->dim_v > dim_v || p->dim_v % block)
        OGI_INFER_FAIL(n, "dim_v is %d, expected a multiple of %d up to %lld", p->dim_v, block,
                       (long long)dim_v);
    if (p->dim_v) dim_v = p->dim_v;
    n->dtype = OG_F32;
    n->shape = (og_shape){ 3, { q[0], q[1], OG_N(p->is_partial ? dim_v + 2 : dim_v) } };
    return OG_OK;
}

/* ---- reference ----------------------------------------------------------------------------- */

/* One query head: its keys, and where their scores and the result go. */
typedef struct head_args {
    const ogi_ref_call *c;
    const float *q;
    const int32_t *page;
    int64_t head, kv_head, pos;
    const int64_t *rank; /* [n_rank] the keys seen */
    int64_t n_rank;
    double *score; /* [n_rank] */
    float *out;
} head_args;

static const float *kv_row(const head_args *a, int src, int64_t rank)
{
    const ogi_attention *p = a->c->node->params;
    const ogi_ref_tensor *kv = a->c->src[src];
    int64_t token = rank * p->ratio + p->ratio - 1, page = a->page[token / OGI_KV_PAGE];
    int64_t row = token % OGI_KV_PAGE / p->ratio;
    return kv->f + ((page * kv->dim[1] + a->kv_head) * kv->dim[2] + row) * kv->dim[3];
}

/* The bucket of a distance, key - query; see oxigraph/ops.h. The logarithm of a whole power is
 * whole up to rounding. */
static int64_t bucket_of(const ogi_attention *p, int64_t n_bucket, int64_t distance)
{
    int64_t first = 0, n = n_bucket, d = distance < 0 ? -distance : distance;
    if (p->is_bidirectional) {
        n = n_bucket / 2;
        if (distance > 0) first = n;
    } else if (distance > 0) {
        d = 0;
    }
    int64_t exact = n / 2;
    if (d < exact) return first + d;
    double far = log((double)d / (double)exact) / log((double)p->bucket_max / (double)exact);
    return first + OGI_MIN(exact + (int64_t)(far * (double)(n - exact) + 1e-6), n - 1);
}

static double score_of(const head_args *a, int64_t rank)
{
    const ogi_attention *p = a->c->node->params;
    const ogi_ref_tensor *slope = a->c->src[OGI_ATTENTION_SLOPE];
    const ogi_ref_tensor *bias = a->c->src[OGI_ATTENTION_BIAS];
    const float *key = kv_row(a, OGI_ATTENTION_K, rank);
    double s = 0;
    for (int64_t d = 0; d < a->c->src[OGI_ATTENTION_K]->dim[3]; d++)
        s += (double)a->q[d] * (double)key[d];
    s *= (double)p->scale;
    if (p->softcap > 0) s = (double)p->softcap * tanh(s / (double)p->softcap);
    if (slope) s -= (double)slope->f[a->head] * fabs((double)(rank - a->pos));
    if (bias)
        s += (double)bias->f[bucket_of(p, bias->dim[0], rank - a->pos) * bias->dim[1] + a->head];
    return s;
}

static void ref_head(const head_args *a)
{
    const ogi_attention *p = a->c->node->params;
    const ogi_ref_tensor *sink = a->c->src[OGI_ATTENTION_SINK];
    int64_t dim_v = ogi_ref_last(a->c->dst) - (p->is_partial ? 2 : 0);
    double most = sink ? (double)sink->f[a->head] : -INFINITY, sum = 0;
    for (int64_t i = 0; i < a->n_rank; i++) {
        a->score[i] = score_of(a, a->rank[i]);
        most = fmax(most, a->score[i]);
    }
    for (int64_t i = 0; i < a->n_rank; i++) {
        a->score[i] = exp(a->score[i] - most);
        sum += a->score[i];
    }
    if (sink && a->n_rank) sum += exp((double)sink->f[a->head] - most);
    for (int64_t d = 0; d < dim_v; d++) {
        double acc = 0;
        for (int64_t i = 0; i < a->n_rank; i++)
            acc += a->score[i] * (double)kv_row(a, OGI_ATTENTION_V, a->rank[i])[d];
        a->out[d] = (float)(p->is_partial || sum == 0 ? acc : acc / sum);
    }
    if (!p->is_partial) return;
    a->out[dim_v] = a->n_rank ? (float)most : OGI_ATTENTION_NOTHING;
    a->out[dim_v + 1] = (float)sum;
}

/* Ranks that a query at pos sees of n_key, ascending or in the order of its list; how many. */
static int64_t ranks_seen(const ogi_attention *p, int64_t pos, int64_t n_key, const int32_t *list,
                          int64_t n_list, int64_t *rank)
{
    int64_t n = 0, block = list ? p->select_block : 1, n_place = list ? n_list * block : n_key;
    for (int64_t i = 0; i < n_place; i++) {
        int64_t r = list ? (int64_t)list[i / block] * block + i % block : i;
        if (r < 0 || r >= n_key || (list && list[i / block] < 0)) continue;
        if (!p->is_bidirectional && (r + 1) * p->ratio > pos + 1) continue;
        int64_t d = p->is_bidirectional ? 2 * (r < pos ? pos - r : r - pos) : pos - r + 1;
        if (p->window && d > p->window) continue;
        if (p->chunk && r / p->chunk != pos / p->chunk) continue;
        rank[n++] = r;
    }
    return n;
}

/* A sequence whose pages or tokens lie outside what the tensors hold is refused. */
static og_status ref_check(const ogi_ref_call *c, int64_t s)
{
    const ogi_ref_tensor *q = c->src[OGI_ATTENTION_Q], *k = c->src[OGI_ATTENTION_K];
    const ogi_ref_tensor *table = c->src[OGI_ATTENTION_PAGE_TABLE];
    const int32_t *start = c->src[OGI_ATTENTION_SEQ_START]->i;
    int64_t n_key = c->src[OGI_ATTENTION_KV_LEN]->i[s];
    if (start[s] < 0 || start[s + 1] > q->dim[0] || n_key < 0 ||
        n_key > table->dim[1] * OGI_KV_PAGE)
        OG_FAIL(c->ctx, OG_E_INVALID, "attention: sequence %lld has tokens %d..%d and %lld keys",
                (long long)s, start[s], start[s + 1], (long long)n_key);
    for (int64_t i = 0; i * OGI_KV_PAGE < n_key; i++) {
        int32_t page = table->i[s * table->dim[1] + i];
        if (page < 0 || page >= k->dim[0])
            OG_FAIL(c->ctx, OG_E_INVALID, "attention: page %d of sequence %lld, expected 0..%lld",
                    page, (long long)s, (long long)k->dim[0] - 1);
    }
    return OG_OK;
}

/* Memory for the keys of one query. */
typedef struct ref_work {
    int64_t *rank;
    double *score;
} ref_work;

static void ref_token(const ogi_ref_call *c, const ref_work *w, int64_t s, int64_t t)
{
    const ogi_attention *p = c->node->params;
    const ogi_ref_tensor *q = c->src[OGI_ATTENTION_Q], *k = c->src[OGI_ATTENTION_K];
    const ogi_ref_tensor *pages = c->src[OGI_ATTENTION_PAGE_TABLE];
    const ogi_ref_tensor *select = c->src[OGI_ATTENTION_SELECT];
    int64_t pos = c->src[OGI_ATTENTION_POS]->i[t], n_head = q->dim[1], n_rank = 0;
    int64_t n_key = c->src[OGI_ATTENTION_KV_LEN]->i[s] / p->ratio, share = n_head / k->dim[1];
    for (int64_t h = 0; h < n_head; h++) {
        const int32_t *list = NULL;
        if (select)
            list = select->i + (t * select->dim[1] + h / share % select->dim[1]) * select->dim[2];
        n_rank = ranks_seen(p, pos, n_key, list, select ? select->dim[2] : 0, w->rank);
        ref_head(&(head_args){ .c = c,
                               .q = q->f + (t * n_head + h) * q->dim[2],
                               .page = pages->i + s * pages->dim[1],
                               .head = h,
                               .kv_head = h / share,
                               .pos = pos,
                               .rank = w->rank,
                               .n_rank = n_rank,
                               .score = w->score,
                               .out = c->dst->f + (t * n_head + h) * ogi_ref_last(c->dst) });
    }
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_attention *p = c->node->params;
    const ogi_ref_tensor *pages = c->src[OGI_ATTENTION_PAGE_TABLE];
    const ogi_ref_tensor *select = c->src[OGI_ATTENTION_SELECT];
    const int32_t *start = c->src[OGI_ATTENTION_SEQ_START]->i;
    int64_t most = pages->dim[1] * OGI_KV_PAGE + 1;
    if (select) most = OGI_MAX(most, select->dim[2] * p->select_block + 1);
    ref_work w = { OGI_NEW_N(c->ctx, int64_t, most), OGI_NEW_N(c->ctx, double, most) };
    og_status status = w.rank && w.score ? OG_OK : OG_E_MEMORY;
    for (int64_t s = 0; status == OG_OK && s < pages->dim[0]; s++) {
        status = ref_check(c, s);
        for (int64_t t = start[s]; status == OG_OK && t < start[s + 1]; t++) ref_token(c, &w, s, t);
    }
    ogi_free(c->ctx, w.rank);
    ogi_free(c->ctx, w.score);
    return status;
}

/* Selected keys are counted by token, others by the key. */
static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_attention *p = n->params;
    const og_tensor *select = n->n_src > OGI_ATTENTION_SELECT ? n->src[OGI_ATTENTION_SELECT] : NULL;
    const og_dim *k = n->src[OGI_ATTENTION_K]->shape.dim;
    bool is_shared = n->src[OGI_ATTENTION_V] == n->src[OGI_ATTENTION_K];
    const ogi_dtype *kt = ogi_dtype_info((int64_t)n->src[OGI_ATTENTION_K]->dtype);
    const ogi_dtype *vt = ogi_dtype_info((int64_t)n->src[OGI_ATTENTION_V]->dtype);
    double dim_k = (double)k[3].b, dim_v = (double)n->shape.dim[2].b;
    double flops = 2 * (double)n->shape.dim[1].b * (dim_k + dim_v);
    double bytes = dim_k * kt->bytes / kt->block + (is_shared ? 0 : dim_v * vt->bytes / vt->block);
    bytes *= (double)k[1].b;
    if (select) {
        double per_token = (double)select->shape.dim[2].b * p->select_block;
        ogi_cost_dim(c->flops, n->shape.dim[0], flops * per_token);
        ogi_cost_dim(c->bytes, n->shape.dim[0], bytes * per_token);
    } else {
        c->flops_per_key += flops / p->ratio;
        c->bytes_per_key += bytes / p->ratio;
    }
    ogi_cost_bytes(n, c);
    ogi_cost_bytes(n->src[OGI_ATTENTION_Q], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,2,64,32]\n"
    "state &v : F32[16,2,64,32]\n"
    "input $q : F32[T,4,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, _, _) scale=0.176776692\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F16[16,2,64,32]\n"
    "state &v : F16[16,2,64,16]\n"
    "input $q : F32[T,4,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "weight @slope : F32[4]\n"
    "weight @sink : F32[4]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, @slope, @sink) "
    "scale=0.25 softcap=30 window=5\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : Q8_0[16,2,64,32]\n"
    "state &v : Q4_0[16,2,64,64]\n"
    "input $q : F32[T,4,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, _, _) scale=0.25 "
    "bidirectional=true\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F16[16,1,64,48]\n"
    "input $q : F32[T,6,48]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "input $index.0.100 : I32[T,1,40]\n"
    "%0 = attention($q, &k, &k, $pos, $seq_start, $kv_len, $page_table, _, _, _, $index.0.100) "
    "scale=0.2 dim_v=36\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,2,64,16]\n"
    "state &v : F32[16,2,64,16]\n"
    "input $q : F32[T,4,16]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "input $index.0.8 : I32[T,2,4]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, _, _, _, $index.0.8) "
    "scale=0.25 select_block=16\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,2,64,16]\n"
    "state &v : F32[16,2,64,16]\n"
    "input $q : F32[T,4,16]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "weight @bias : F32[32,4]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, _, _, @bias) "
    "scale=1 bidirectional=true\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,1,16,32]\n"
    "input $q : F32[T,3,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &k, $pos, $seq_start, $kv_len, $page_table) scale=0.2 ratio=4 "
    "partial=true\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,1,1,32]\n"
    "input $q : F32[T,3,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &k, $pos, $seq_start, $kv_len, $page_table) scale=0.2 ratio=128\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,1,64,32]\n"
    "state &v : F32[16,1,64,32]\n"
    "input $q : F32[T,2,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "weight @slope : F32[2]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, @slope) scale=0.2 "
    "window=31 bidirectional=true\n"
    "output \"y\" = %0\n",
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[16,1,64,32]\n"
    "state &v : F32[16,1,64,32]\n"
    "input $q : F32[T,2,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table) scale=0.2 chunk=37\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_ATTENTION_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_KV_LEN, "kv_len|enc_len"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_PAGE_TABLE, "page_table|enc_page_table"),
};

const ogi_op_def ogi_op_attention = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_ATTENTION_SLOPE,
    .n_src_max = OGI_ATTENTION_N_SRC,
    .params_size = sizeof(ogi_attention),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-8,
    OGI_CASES(cases),
};
