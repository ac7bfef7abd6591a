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
    { "bidirectional", OGI_ATTR_BOOL, offsetof(ogi_attention, is_bidirectional), 0 },
};

og_tensor *og_attention(og_graph *g, const og_attention_args *a)
{
    static const og_attention_args none; /* no operand: refused as such */
    if (!a) a = &none;
    ogi_attention p = { a->scale, a->softcap, a->window, a->is_bidirectional };
    if (p.scale == 0 && a->q && a->q->shape.rank > 0) {
        og_dim d = ogi_last_dim(a->q);
        p.scale = (float)(1 / sqrt((double)d.b / OGI_MAX(d.c, 1)));
    }
    og_tensor *src[OGI_ATTENTION_N_SRC] = { a->q,          a->k,         a->v,
                                            a->pos,        a->seq_start, a->kv_len,
                                            a->page_table, a->slope,     a->sink };
    return ogi_node(g, OG_OP_ATTENTION, &p, OGI_ATTENTION_N_SRC, src);
}

bool ogi_is_kv_type(og_dtype type)
{
#define T(NAME)                                                                                    \
    if (type == OG_##NAME) return true;
    OGI_KV_TYPES(T)
#undef T
    return false;
}

og_status ogi_want_pages(const og_tensor *n, int i, const char *name)
{
    const og_tensor *kv = n->src[i];
    int64_t page;
    OG_TRY(ogi_want_state(n, i, name));
    OG_TRY(ogi_want_rank(n, i, name, 4));
    if (!ogi_is_kv_type(kv->dtype))
        OGI_INFER_FAIL(n, "%s is %s, expected F32, F16, BF16, Q8_0 or Q4_0", name,
                       og_dtype_name(kv->dtype));
    OG_TRY(ogi_want_const(n, i, name, 2, &page));
    if (page != OGI_KV_PAGE)
        OGI_INFER_FAIL(n, "pages of %s hold %lld rows, expected 64", name, (long long)page);
    return OG_OK;
}

static og_status infer_heads(const og_tensor *n, int i, const char *name)
{
    int64_t h, hkv;
    OG_TRY(ogi_want_pages(n, i, name));
    OG_TRY(ogi_want_const(n, OGI_ATTENTION_Q, "q", 1, &h));
    OG_TRY(ogi_want_const(n, i, name, 1, &hkv));
    if (hkv <= 0 || h % hkv != 0)
        OGI_INFER_FAIL(n, "q has %lld heads, expected a multiple of the %lld of %s", (long long)h,
                       (long long)hkv, name);
    return OG_OK;
}

static og_status infer(og_tensor *n)
{
    static const char *const name[] = { "q",      "k",          "v",     "pos", "seq_start",
                                        "kv_len", "page_table", "slope", "sink" };
    const ogi_attention *p = n->params;
    og_tensor *const *s = n->src;
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
    if (!isfinite(p->scale) || p->scale == 0)
        OGI_INFER_FAIL(n, "scale is %g, expected a finite number", (double)p->scale);
    if (!(p->softcap >= 0) || p->window < 0)
        OGI_INFER_FAIL(n, "softcap %g and window %d, expected 0 or more", (double)p->softcap,
                       p->window);
    n->dtype = OG_F32;
    n->shape = (og_shape){ 3, { q[0], q[1], s[OGI_ATTENTION_V]->shape.dim[3] } };
    return OG_OK;
}

/* One query head: scores and weighted values over ranks begin .. end - 1. */
typedef struct head_args {
    const ogi_ref_call *c;
    const float *q;
    const int32_t *page;
    int64_t head, kv_head, pos, begin, end;
    double *score; /* at least end entries */
    float *out;
} head_args;

static const float *kv_row(const ogi_ref_tensor *kv, const int32_t *page, int64_t kv_head,
                           int64_t rank)
{
    int64_t p = page[rank / OGI_KV_PAGE], row = rank % OGI_KV_PAGE;
    return kv->f + ((p * kv->dim[1] + kv_head) * kv->dim[2] + row) * kv->dim[3];
}

static void ref_head(const head_args *a)
{
    const ogi_attention *p = a->c->node->params;
    const ogi_ref_tensor *k = a->c->src[OGI_ATTENTION_K], *v = a->c->src[OGI_ATTENTION_V];
    const ogi_ref_tensor *slope = a->c->src[OGI_ATTENTION_SLOPE];
    const ogi_ref_tensor *sink = a->c->src[OGI_ATTENTION_SINK];
    double most = sink ? (double)sink->f[a->head] : -INFINITY, sum = 0;
    for (int64_t j = a->begin; j < a->end; j++) {
        const float *key = kv_row(k, a->page, a->kv_head, j);
        double s = 0;
        for (int64_t d = 0; d < k->dim[3]; d++) s += (double)a->q[d] * (double)key[d];
        s *= (double)p->scale;
        if (p->softcap > 0) s = (double)p->softcap * tanh(s / (double)p->softcap);
        if (slope) s += (double)slope->f[a->head] * (double)(j - a->pos);
        a->score[j] = s;
        most = fmax(most, s);
    }
    for (int64_t j = a->begin; j < a->end; j++) {
        a->score[j] = exp(a->score[j] - most);
        sum += a->score[j];
    }
    if (sink) sum += exp((double)sink->f[a->head] - most);
    for (int64_t d = 0; d < v->dim[3]; d++) {
        double acc = 0;
        for (int64_t j = a->begin; j < a->end; j++)
            acc += a->score[j] * (double)kv_row(v, a->page, a->kv_head, j)[d];
        a->out[d] = (float)(acc / sum);
    }
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

static og_status ref(const ogi_ref_call *c)
{
    const ogi_attention *p = c->node->params;
    const ogi_ref_tensor *q = c->src[OGI_ATTENTION_Q], *k = c->src[OGI_ATTENTION_K];
    const ogi_ref_tensor *v = c->src[OGI_ATTENTION_V], *pages = c->src[OGI_ATTENTION_PAGE_TABLE];
    const int32_t *start = c->src[OGI_ATTENTION_SEQ_START]->i;
    const int32_t *kv_len = c->src[OGI_ATTENTION_KV_LEN]->i;
    int64_t n_head = q->dim[1], share = n_head / k->dim[1];
    double *score = OGI_NEW_N(c->ctx, double, pages->dim[1] * OGI_KV_PAGE + 1);
    if (!score) return OG_E_MEMORY;
    og_status status = OG_OK;
    for (int64_t s = 0; status == OG_OK && s < pages->dim[0]; s++) {
        status = ref_check(c, s);
        for (int64_t t = start[s]; status == OG_OK && t < start[s + 1]; t++) {
            int64_t pos = c->src[OGI_ATTENTION_POS]->i[t];
            int64_t end = p->is_bidirectional ? kv_len[s] : OGI_MIN(pos + 1, kv_len[s]);
            int64_t begin = p->window ? OGI_MAX(pos - p->window + 1, 0) : 0;
            for (int64_t h = 0; h < n_head; h++)
                ref_head(&(head_args){ c, q->f + (t * n_head + h) * q->dim[2],
                                       pages->i + s * pages->dim[1], h, h / share, pos, begin, end,
                                       score, c->dst->f + (t * n_head + h) * v->dim[3] });
        }
    }
    ogi_free(c->ctx, score);
    return status;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    for (int i = OGI_ATTENTION_K; i <= OGI_ATTENTION_V; i++) {
        const og_dim *dim = n->src[i]->shape.dim;
        const ogi_dtype *type = ogi_dtype_info((int64_t)n->src[i]->dtype);
        c->flops_per_key += 2 * (double)n->shape.dim[1].b * (double)dim[3].b;
        c->bytes_per_key +=
            (double)dim[1].b * (double)dim[3].b / (double)type->block * (double)type->bytes;
    }
    ogi_cost_bytes(n, c);
    ogi_cost_bytes(n->src[OGI_ATTENTION_Q], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"attention\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "state &k : F32[8,2,64,32]\n"
    "state &v : F32[8,2,64,32]\n"
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
    "state &k : F16[8,2,64,32]\n"
    "state &v : F16[8,2,64,16]\n"
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
    "state &k : Q8_0[8,2,64,32]\n"
    "state &v : Q4_0[8,2,64,64]\n"
    "input $q : F32[T,4,32]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $kv_len : I32[S]\n"
    "input $page_table : I32[S,2]\n"
    "%0 = attention($q, &k, &v, $pos, $seq_start, $kv_len, $page_table, _, _) scale=0.25 "
    "bidirectional=true\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_ATTENTION_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_KV_LEN, "kv_len"),
    OGI_ADDRESS_INPUT(OGI_ATTENTION_PAGE_TABLE, "page_table"),
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
