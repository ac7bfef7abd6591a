/* SPDX-License-Identifier: MIT
 *
 * block_pool: one row of C channels for every `ratio` tokens of a sequence: in each channel the
 * mean of the block's x, weighed by the softmax of its scores. The result has T rows; those whose
 * token is the last of a block hold it, the others are zero: kv_store_pooled keeps them.
 *
 * is_overlapping: x and score have 2 C channels; a block takes the first C of the block before it
 * (nothing for the first block) and the last C of its own tokens. The rows of x and score that a
 * block still wants are in the sequence's slot of the state, token at position p in row p modulo
 * their number. */
#include <math.h>

#include "ops/scan_check.h"
#include "ops/sequence.h"

static const ogi_attr attr[] = {
    { "ratio", OGI_ATTR_INT, offsetof(ogi_block_pool, ratio), 0 },
    { "overlapping", OGI_ATTR_BOOL, offsetof(ogi_block_pool, is_overlapping), 0 },
};

og_tensor *og_block_pool(og_graph *g, og_tensor *x, og_tensor *score, const og_scan_args *a,
                         int ratio, bool is_overlapping)
{
    static const og_scan_args none; /* no operand: refused as such */
    if (!a) a = &none;
    return ogi_node(g, OG_OP_BLOCK_POOL, &(ogi_block_pool){ ratio, is_overlapping },
                    OGI_BLOCK_POOL_N_SRC,
                    (og_tensor *[]){ x, score, a->state, a->pos, a->seq_start, a->state_slot });
}

static og_status infer(og_tensor *n)
{
    const ogi_block_pool *p = n->params;
    int times = p->is_overlapping ? 2 : 1;
    int64_t n_channel;
    for (int i = OGI_BLOCK_POOL_X; i <= OGI_BLOCK_POOL_SCORE; i++) {
        OG_TRY(ogi_want_dtype(n, i, i ? "score" : "x", OG_F32));
        OG_TRY(ogi_want_rank(n, i, i ? "score" : "x", 2));
    }
    const og_dim *x = n->src[OGI_BLOCK_POOL_X]->shape.dim;
    OG_TRY(ogi_want_axis(n, OGI_BLOCK_POOL_SCORE, "score", 0, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_BLOCK_POOL_SCORE, "score", 1, x[1]));
    OG_TRY(ogi_want_const(n, OGI_BLOCK_POOL_X, "x", 1, &n_channel));
    if (p->ratio < 1 || p->ratio > 4096)
        OGI_INFER_FAIL(n, "ratio is %d, expected 1..4096", p->ratio);
    if (n_channel % times)
        OGI_INFER_FAIL(n, "x has %lld channels, expected an even number", (long long)n_channel);
    OG_TRY(ogi_want_scan(n, OGI_BLOCK_POOL_STATE, 4, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_BLOCK_POOL_STATE, "state", 1, OG_N(2)));
    OG_TRY(ogi_want_axis(n, OGI_BLOCK_POOL_STATE, "state", 2, OG_N((int64_t)p->ratio * times)));
    OG_TRY(ogi_want_axis(n, OGI_BLOCK_POOL_STATE, "state", 3, x[1]));
    n->dtype = OG_F32;
    n->shape = (og_shape){ 2, { x[0], OG_N(n_channel / times) } };
    return OG_OK;
}

/* The block that ends at pos, channel ch, from the rows kept. */
static float pooled(const ogi_block_pool *p, const float *x, const float *score, int64_t pos,
                    int64_t ch, int64_t width)
{
    int64_t n_row = (int64_t)p->ratio * (p->is_overlapping ? 2 : 1), from = pos - n_row + 1;
    double most = -INFINITY, sum = 0, acc = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t t = from > 0 ? from : 0; t <= pos; t++) {
            bool is_own = t > pos - p->ratio;
            int64_t at = t % n_row * width + ch + (p->is_overlapping && is_own ? width / 2 : 0);
            double e = exp((double)score[at] - most);
            if (pass == 0) most = fmax(most, (double)score[at]);
            if (pass == 1) sum += e, acc += e * (double)x[at];
        }
    return (float)(acc / sum);
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_block_pool *p = c->node->params;
    int64_t width = c->src[OGI_BLOCK_POOL_X]->dim[1], n_channel = c->dst->dim[1];
    int64_t n_row = c->src[OGI_BLOCK_POOL_STATE]->dim[2];
    for (int64_t s = 0; s < c->src[OGI_BLOCK_POOL_STATE_SLOT]->n; s++) {
        ogi_scan_seq q;
        OG_TRY(ogi_ref_scan(c, OGI_BLOCK_POOL_STATE, s, &q));
        float *x = q.state, *score = q.state + n_row * width;
        for (int64_t t = q.begin; t < q.end; t++) {
            int64_t pos = c->src[OGI_BLOCK_POOL_POS]->i[t];
            if (pos < 0) OG_FAIL(c->ctx, OG_E_INVALID, "block_pool: position %lld", (long long)pos);
            for (int64_t i = 0; i < width; i++) {
                x[pos % n_row * width + i] = c->src[OGI_BLOCK_POOL_X]->f[t * width + i];
                score[pos % n_row * width + i] = c->src[OGI_BLOCK_POOL_SCORE]->f[t * width + i];
            }
            for (int64_t i = 0; (pos + 1) % p->ratio == 0 && i < n_channel; i++)
                c->dst->f[t * n_channel + i] = pooled(p, x, score, pos, i, width);
        }
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n->src[OGI_BLOCK_POOL_X], c->flops, 12);
    ogi_cost_bytes(n->src[OGI_BLOCK_POOL_X], c);
    ogi_cost_bytes(n->src[OGI_BLOCK_POOL_SCORE], c);
    ogi_cost_bytes(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"block_pool\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,37]\n"
    "input $score : F32[T,37]\n"
    "state &s : F32[8,2,8,37]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = block_pool($x, $score, &s, $pos, $seq_start, $state_slot) ratio=8\n"
    "output \"y\" = %0\n",
    "graph \"block_pool\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,160]\n"
    "input $score : F32[T,160]\n"
    "state &s : F32[8,2,8,160]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = block_pool($x, $score, &s, $pos, $seq_start, $state_slot) ratio=4 overlapping=true\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_BLOCK_POOL_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_BLOCK_POOL_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_BLOCK_POOL_STATE_SLOT, "state_slot"),
};

const ogi_op_def ogi_op_block_pool = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_BLOCK_POOL_N_SRC,
    .n_src_max = OGI_BLOCK_POOL_N_SRC,
    .params_size = sizeof(ogi_block_pool),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-10,
    .writes_state = true,
    OGI_CASES(cases),
};
