/* SPDX-License-Identifier: MIT
 *
 * select_keys: which keys a query attends to, by an indexer: I32 [T, lists, k], the ranks (or
 * numbers of blocks) with the largest scores, rising, then -1 if there are fewer. Each list has its
 * own H / lists heads,
 *
 *     score(t, j) = sum over its heads h of weight[t, h] f(q[t, h] . key j),   f = relu or nothing
 *
 * over the keys that attention with the same ratio sees causally; a block has the largest score of
 * its keys that are seen, the last `local` blocks are always taken. With relu many scores are
 * exactly 0 and the choice among equal ones shows: it is ogi_keep_best's, as in other programs. */
#include "ops/select_keys.h"

#include <math.h>
#include <stdlib.h>

#include "graph/dim.h"
#include "ops/attention.h"
#include "ops/scan_check.h"

static const ogi_attr attr[] = {
    { "k", OGI_ATTR_INT, offsetof(ogi_select_keys, k), 0 },
    { "lists", OGI_ATTR_INT, offsetof(ogi_select_keys, lists), 1 },
    { "block", OGI_ATTR_INT, offsetof(ogi_select_keys, block), 1 },
    { "ratio", OGI_ATTR_INT, offsetof(ogi_select_keys, ratio), 1 },
    { "local", OGI_ATTR_INT, offsetof(ogi_select_keys, local), 0 },
    { "relu", OGI_ATTR_BOOL, offsetof(ogi_select_keys, is_relu), 0 },
};

og_tensor *og_select_keys(og_graph *g, const og_select_keys_args *a)
{
    static const og_select_keys_args none; /* no operand: refused as such */
    if (!a) a = &none;
    ogi_select_keys p;
    memset(&p, 0, sizeof p); /* padding too: params may be compared as bytes */
    p.k = a->k, p.local = a->local, p.is_relu = a->is_relu;
    p.lists = a->lists ? a->lists : 1;
    p.block = a->block ? a->block : 1;
    p.ratio = a->ratio ? a->ratio : 1;
    return ogi_node(g, OG_OP_SELECT_KEYS, &p, OGI_SELECT_KEYS_N_SRC,
                    (og_tensor *[]){ a->q, a->k_state, a->pos, a->seq_start, a->kv_len,
                                     a->page_table, a->weight });
}

static og_status infer_numbers(const og_tensor *n)
{
    const ogi_select_keys *p = n->params;
    if (p->k < 1 || p->k > 1 << 20) OGI_INFER_FAIL(n, "k is %d, expected 1..2^20", p->k);
    if (p->block < 1 || p->block > 1 << 20)
        OGI_INFER_FAIL(n, "block is %d, expected 1..2^20", p->block);
    if (p->ratio < 1 || p->ratio > 4096 || (p->ratio & (p->ratio - 1)))
        OGI_INFER_FAIL(n, "ratio is %d, expected a power of two up to 4096", p->ratio);
    if (p->local < 0 || p->local > p->k)
        OGI_INFER_FAIL(n, "local is %d, expected 0..%d, the k to select", p->local, p->k);
    return OG_OK;
}

static og_status infer(og_tensor *n)
{
    static const char *const name[] = { "q", "k", "pos", "seq_start", "kv_len", "page_table" };
    const ogi_select_keys *p = n->params;
    const og_dim *q = n->src[OGI_SELECT_KEYS_Q]->shape.dim;
    int64_t n_head, hkv;
    OG_TRY(infer_numbers(n));
    OG_TRY(ogi_want_dtype(n, OGI_SELECT_KEYS_Q, "q", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_SELECT_KEYS_Q, "q", 3));
    OG_TRY(ogi_want_const(n, OGI_SELECT_KEYS_Q, "q", 1, &n_head));
    OG_TRY(ogi_want_pages(n, OGI_SELECT_KEYS_K, "k", p->ratio));
    OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_K, "k", 3, q[2]));
    OG_TRY(ogi_want_const(n, OGI_SELECT_KEYS_K, "k", 1, &hkv));
    if (p->lists < 1 || n_head % p->lists)
        OGI_INFER_FAIL(n, "lists is %d, expected a divisor of %lld heads", p->lists,
                       (long long)n_head);
    if (hkv != 1 && hkv != p->lists)
        OGI_INFER_FAIL(n, "k has %lld heads, expected 1 or %d", (long long)hkv, p->lists);
    for (int i = OGI_SELECT_KEYS_POS; i <= OGI_SELECT_KEYS_PAGE_TABLE; i++) {
        OG_TRY(ogi_want_dtype(n, i, name[i], OG_I32));
        OG_TRY(ogi_want_rank(n, i, name[i], i == OGI_SELECT_KEYS_PAGE_TABLE ? 2 : 1));
    }
    og_dim n_seq = n->src[OGI_SELECT_KEYS_KV_LEN]->shape.dim[0];
    OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_POS, "pos", 0, q[0]));
    OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_SEQ_START, "seq_start", 0, og_dim_add(n_seq, OG_N(1))));
    OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_PAGE_TABLE, "page_table", 0, n_seq));
    if (n->src[OGI_SELECT_KEYS_WEIGHT]) {
        OG_TRY(ogi_want_dtype(n, OGI_SELECT_KEYS_WEIGHT, "weight", OG_F32));
        OG_TRY(ogi_want_rank(n, OGI_SELECT_KEYS_WEIGHT, "weight", 2));
        OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_WEIGHT, "weight", 0, q[0]));
        OG_TRY(ogi_want_axis(n, OGI_SELECT_KEYS_WEIGHT, "weight", 1, q[1]));
    }
    n->dtype = OG_I32;
    n->shape = (og_shape){ 3, { q[0], OG_N(p->lists), OG_N(p->k) } };
    return OG_OK;
}

/* ---- the best of scores --------------------------------------------------------------------- */

/* Puts x into heap[at], from which the least on top has gone: the hole sinks to a leaf along the
 * lesser child, the right one of equal ones, and x rises from there. */
static void put(const float *score, int32_t *heap, int64_t n, int64_t at, int32_t x)
{
    int64_t top = at;
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        bool has_right = child + 1 < n;
        if (has_right && !(score[heap[child + 1]] > score[heap[child]])) child++;
        heap[at] = heap[child];
    }
    for (int64_t up; at > top && score[heap[up = (at - 1) / 2]] > score[x]; at = up)
        heap[at] = heap[up];
    heap[at] = x;
}

static int by_rank(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void ogi_keep_best(const float *score, int64_t n, int64_t k, int32_t *out)
{
    for (int64_t i = 0; i < k; i++) out[i] = (int32_t)i;
    for (int64_t i = k / 2 - 1; i >= 0 && k < n; i--) put(score, out, k, i, out[i]);
    for (int64_t i = k; i < n && k > 0; i++)
        if (score[i] > score[out[0]]) put(score, out, k, 0, (int32_t)i);
    qsort(out, (size_t)k, sizeof *out, by_rank);
}

/* ---- reference ----------------------------------------------------------------------------- */

/* One token and list. */
typedef struct list_args {
    const ogi_ref_call *c;
    int64_t s, t, list;
    int64_t n_key; /* seen */
} list_args;

static double key_score(const list_args *a, int64_t rank)
{
    const ogi_select_keys *p = a->c->node->params;
    const ogi_ref_tensor *q = a->c->src[OGI_SELECT_KEYS_Q], *k = a->c->src[OGI_SELECT_KEYS_K];
    const ogi_ref_tensor *table = a->c->src[OGI_SELECT_KEYS_PAGE_TABLE];
    const ogi_ref_tensor *weight = a->c->src[OGI_SELECT_KEYS_WEIGHT];
    int64_t token = rank * p->ratio + p->ratio - 1, n_head = q->dim[1] / p->lists;
    int64_t page = table->i[a->s * table->dim[1] + token / OGI_KV_PAGE];
    int64_t row =
        (page * k->dim[1] + a->list % k->dim[1]) * k->dim[2] + token % OGI_KV_PAGE / p->ratio;
    double score = 0;
    for (int64_t h = a->list * n_head; h < (a->list + 1) * n_head; h++) {
        double dot = 0;
        for (int64_t d = 0; d < q->dim[2]; d++)
            dot += (double)q->f[(a->t * q->dim[1] + h) * q->dim[2] + d] *
                   (double)k->f[row * q->dim[2] + d];
        if (p->is_relu && dot < 0) dot = 0;
        score += dot * (weight ? (double)weight->f[a->t * q->dim[1] + h] : 1);
    }
    return score;
}

/* Scores rounded to F32, as kernels compare them. */
static float block_score(const list_args *a, int64_t block)
{
    const ogi_select_keys *p = a->c->node->params;
    int64_t end = OGI_MIN((block + 1) * p->block, a->n_key);
    int64_t n_block = (a->n_key + p->block - 1) / p->block;
    if (block >= n_block - p->local) return INFINITY;
    double most = -INFINITY;
    for (int64_t j = block * p->block; j < end; j++) most = fmax(most, key_score(a, j));
    return (float)most;
}

static void ref_list(const list_args *a, float *score, int32_t *out)
{
    const ogi_select_keys *p = a->c->node->params;
    int64_t n_block = (a->n_key + p->block - 1) / p->block, n = OGI_MIN(n_block, p->k);
    for (int64_t b = 0; b < n_block; b++) score[b] = block_score(a, b);
    ogi_keep_best(score, n_block, n, out);
    while (n < p->k) out[n++] = -1;
}

/* Pages outside what the state holds are refused. */
static og_status ref_check(const ogi_ref_call *c, int64_t s)
{
    const ogi_ref_tensor *table = c->src[OGI_SELECT_KEYS_PAGE_TABLE];
    int64_t n_key = c->src[OGI_SELECT_KEYS_KV_LEN]->i[s];
    if (n_key < 0 || n_key > table->dim[1] * OGI_KV_PAGE)
        OG_FAIL(c->ctx, OG_E_INVALID, "select_keys: sequence %lld has %lld keys, expected 0..%lld",
                (long long)s, (long long)n_key, (long long)(table->dim[1] * OGI_KV_PAGE));
    for (int64_t i = 0; i * OGI_KV_PAGE < n_key; i++) {
        int32_t page = table->i[s * table->dim[1] + i];
        if (page < 0 || page >= c->src[OGI_SELECT_KEYS_K]->dim[0])
            OG_FAIL(c->ctx, OG_E_INVALID, "select_keys: page %d of sequence %lld", page,
                    (long long)s);
    }
    return OG_OK;
}

static og_status ref_sequence(const ogi_ref_call *c, int64_t s, float *score)
{
    const ogi_select_keys *p = c->node->params;
    int64_t begin, end, n_key = c->src[OGI_SELECT_KEYS_KV_LEN]->i[s] / p->ratio;
    OG_TRY(ogi_ref_tokens(c, OGI_SELECT_KEYS_SEQ_START, c->dst->dim[0], s, &begin, &end));
    OG_TRY(ref_check(c, s));
    for (int64_t t = begin; t < end; t++) {
        int64_t pos = c->src[OGI_SELECT_KEYS_POS]->i[t];
        for (int64_t l = 0; l < p->lists; l++) {
            list_args a = { c, s, t, l, OGI_MAX(OGI_MIN((pos + 1) / p->ratio, n_key), 0) };
            ref_list(&a, score, c->dst->i + (t * p->lists + l) * p->k);
        }
    }
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *table = c->src[OGI_SELECT_KEYS_PAGE_TABLE];
    float *score = OGI_NEW_N(c->ctx, float, table->dim[1] * OGI_KV_PAGE + 1);
    og_status st = score ? OG_OK : OG_E_MEMORY;
    for (int64_t s = 0; st == OG_OK && s < table->dim[0]; s++) st = ref_sequence(c, s, score);
    ogi_free(c->ctx, score);
    return st;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_select_keys *p = n->params;
    const og_tensor *q = n->src[OGI_SELECT_KEYS_Q], *k = n->src[OGI_SELECT_KEYS_K];
    const ogi_dtype *type = ogi_dtype_info((int64_t)k->dtype);
    double dims = (double)q->shape.dim[2].b;
    c->flops_per_key += 2 * (double)q->shape.dim[1].b * dims / p->ratio;
    c->bytes_per_key += (double)k->shape.dim[1].b * dims * type->bytes / type->block / p->ratio;
    ogi_cost_bytes(n, c);
    ogi_cost_bytes(q, c);
}

// clang-format off
#define CASE(k, sources, attrs)                                                                    \
    "graph \"select_keys\"\nsym T = 1..40\nsym S = 1..3\n"                                          \
    "state &k : " k "\ninput $q : F32[T,4,32]\n"                                                    \
    "input $pos : I32[T]\ninput $seq_start : I32[S+1]\ninput $kv_len : I32[S]\n"                    \
    "input $page_table : I32[S,2]\n"                                                                \
    "input $w : F32[T,4]\n"                                                                         \
    "%0 = select_keys($q, &k, $pos, $seq_start, $kv_len, $page_table" sources ") " attrs "\n"       \
    "output \"y\" = %0\n"
static const char *const cases[] = {
    CASE("F32[16,1,64,32]", ", $w", "k=24 relu=true"),
    CASE("F16[16,1,64,32]", "", "k=6 lists=2 block=4 local=2"),
    CASE("F32[16,1,16,32]", ", $w", "k=5 ratio=4 relu=true"),
    CASE("F32[16,2,1,32]", "", "k=1 lists=2 ratio=64"),
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_SELECT_KEYS_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_SELECT_KEYS_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_SELECT_KEYS_KV_LEN, "kv_len"),
    OGI_ADDRESS_INPUT(OGI_SELECT_KEYS_PAGE_TABLE, "page_table"),
};

const ogi_op_def ogi_op_select_keys = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_SELECT_KEYS_WEIGHT,
    .n_src_max = OGI_SELECT_KEYS_N_SRC,
    .params_size = sizeof(ogi_select_keys),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 0,
    OGI_CASES(cases),
};
