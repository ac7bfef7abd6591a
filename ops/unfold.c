/* SPDX-License-Identifier: MIT
 *
 * unfold: the neighbours of each token, x [T, C] -> [T, C, K]: y[t, c, j] = x[t + j - (K - 1) / 2,
 * c], zero beyond the ends of the token's sequence, which lies in this step whole. A convolution
 * that looks both ways is then a matmul, with any type of weight: og_conv1d. */
#include "ops/scan_check.h"
#include "ops/sequence.h"

static const ogi_attr attr[] = { { "taps", OGI_ATTR_INT, offsetof(ogi_unfold, taps), 0 } };

og_tensor *og_unfold(og_graph *g, og_tensor *x, og_tensor *seq_start, int taps)
{
    return ogi_node(g, OG_OP_UNFOLD, &(ogi_unfold){ taps }, 2, (og_tensor *[]){ x, seq_start });
}

static og_status infer(og_tensor *n)
{
    const ogi_unfold *p = n->params;
    const og_dim *x = n->src[0]->shape.dim;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    OG_TRY(ogi_want_rank(n, 0, "x", 2));
    OG_TRY(ogi_want_dtype(n, 1, "seq_start", OG_I32));
    OG_TRY(ogi_want_rank(n, 1, "seq_start", 1));
    if (p->taps < 1 || p->taps > 1024) OGI_INFER_FAIL(n, "taps is %d, expected 1..1024", p->taps);
    n->dtype = OG_F32;
    n->shape = (og_shape){ 3, { x[0], x[1], OG_N(p->taps) } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_unfold *p = c->node->params;
    const ogi_ref_tensor *x = c->src[0];
    int64_t n_channel = x->dim[1], ahead = (p->taps - 1) / 2, begin, end;
    for (int64_t s = 0; s + 1 < c->src[1]->n; s++) {
        OG_TRY(ogi_ref_tokens(c, 1, x->dim[0], s, &begin, &end));
        for (int64_t e = begin * n_channel * p->taps; e < end * n_channel * p->taps; e++) {
            int64_t t = e / p->taps / n_channel + e % p->taps - ahead;
            bool is_inside = t >= begin && t < end;
            c->dst->f[e] = is_inside ? x->f[t * n_channel + e / p->taps % n_channel] : 0;
        }
    }
    return OG_OK;
}

// clang-format off
static const char *const cases[] = {
    "graph \"unfold\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,19]\n"
    "input $seq_start : I32[S+1]\n"
    "%0 = unfold($x, $seq_start) taps=7\n"
    "output \"y\" = %0\n",
    "graph \"unfold\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,5]\n"
    "input $seq_start : I32[S+1]\n"
    "%0 = unfold($x, $seq_start) taps=4\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = { OGI_ADDRESS_INPUT(1, "seq_start") };

const ogi_op_def ogi_op_unfold = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 2,
    .n_src_max = 2,
    .params_size = sizeof(ogi_unfold),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .tol = 0,
    OGI_CASES(cases),
};
