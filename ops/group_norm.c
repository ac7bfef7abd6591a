/* SPDX-License-Identifier: MIT
 *
 * group_norm: (x - mean) / sqrt(variance + eps), both over all tokens of a sequence, which lies in
 * this step whole, and the channels of one of `groups` equal groups (Wu and He, 2018). */
#include <math.h>

#include "ops/scan_check.h"
#include "ops/sequence.h"

static const ogi_attr attr[] = {
    { "groups", OGI_ATTR_INT, offsetof(ogi_group_norm, groups), 0 },
    { "eps", OGI_ATTR_FLOAT, offsetof(ogi_group_norm, eps), 0 },
};

og_tensor *og_group_norm(og_graph *g, og_tensor *x, og_tensor *seq_start, int groups, float eps)
{
    return ogi_node(g, OG_OP_GROUP_NORM, &(ogi_group_norm){ groups, eps }, 2,
                    (og_tensor *[]){ x, seq_start });
}

static og_status infer(og_tensor *n)
{
    const ogi_group_norm *p = n->params;
    int64_t n_channel;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    OG_TRY(ogi_want_rank(n, 0, "x", 2));
    OG_TRY(ogi_want_dtype(n, 1, "seq_start", OG_I32));
    OG_TRY(ogi_want_rank(n, 1, "seq_start", 1));
    OG_TRY(ogi_want_const(n, 0, "x", 1, &n_channel));
    if (p->groups < 1 || n_channel % p->groups)
        OGI_INFER_FAIL(n, "groups is %d, expected a divisor of %lld channels", p->groups,
                       (long long)n_channel);
    if (!(p->eps >= 0)) OGI_INFER_FAIL(n, "eps is %g, expected 0 or more", (double)p->eps);
    return ogi_infer_same(n, OG_F32);
}

/* Tokens begin .. end - 1, len channels from c0 on. */
static void ref_group(const ogi_ref_call *c, int64_t begin, int64_t end, int64_t c0, int64_t len)
{
    const ogi_group_norm *p = c->node->params;
    int64_t n_channel = c->dst->dim[1];
    double sum = 0, var = 0, n = (double)((end - begin) * len);
    for (int64_t e = 0; e < (end - begin) * len; e++)
        sum += (double)c->src[0]->f[(begin + e / len) * n_channel + c0 + e % len];
    for (int64_t e = 0; e < (end - begin) * len; e++) {
        double d = (double)c->src[0]->f[(begin + e / len) * n_channel + c0 + e % len] - sum / n;
        var += d * d;
    }
    for (int64_t e = 0; e < (end - begin) * len; e++) {
        int64_t at = (begin + e / len) * n_channel + c0 + e % len;
        double d = (double)c->src[0]->f[at] - sum / n;
        c->dst->f[at] = (float)(d / sqrt(var / n + (double)p->eps));
    }
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_group_norm *p = c->node->params;
    int64_t len = c->dst->dim[1] / p->groups, begin, end;
    for (int64_t s = 0; s + 1 < c->src[1]->n; s++) {
        OG_TRY(ogi_ref_tokens(c, 1, c->dst->dim[0], s, &begin, &end));
        for (int64_t c0 = 0; c0 < c->dst->dim[1]; c0 += len) ref_group(c, begin, end, c0, len);
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 6);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"group_norm\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,72]\n"
    "input $seq_start : I32[S+1]\n"
    "%0 = group_norm($x, $seq_start) groups=4 eps=1e-05\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = { OGI_ADDRESS_INPUT(1, "seq_start") };

const ogi_op_def ogi_op_group_norm = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 2,
    .n_src_max = 2,
    .params_size = sizeof(ogi_group_norm),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-9,
    OGI_CASES(cases),
};
