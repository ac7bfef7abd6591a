/* SPDX-License-Identifier: MIT
 *
 * ssm_conv: causal convolution along the tokens of each sequence, one filter a channel:
 * y[t, c] = sum over j of w[c, j] * x[t - (K - 1) + j, c]. The K - 1 inputs before the step are in
 * the sequence's slot of the state, oldest first; the last K - 1 inputs are left there. */
#include "ops/scan.h"
#include "ops/scan_check.h"

og_tensor *og_ssm_conv(og_graph *g, og_tensor *x, og_tensor *w, const og_scan_args *a)
{
    static const og_scan_args none; /* no operand: refused as such */
    if (!a) a = &none;
    if (w && w->dtype != OG_F32) w = og_cast(g, w, OG_F32); /* files have it in halves, too */
    return ogi_node(g, OG_OP_SSM_CONV, NULL, OGI_SSM_CONV_N_SRC,
                    (og_tensor *[]){ x, w, a->state, a->pos, a->seq_start, a->state_slot });
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_dtype(n, OGI_SSM_CONV_X, "x", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_SSM_CONV_X, "x", 2));
    OG_TRY(ogi_want_dtype(n, OGI_SSM_CONV_W, "w", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_SSM_CONV_W, "w", 2));
    const og_dim *x = n->src[OGI_SSM_CONV_X]->shape.dim, *w = n->src[OGI_SSM_CONV_W]->shape.dim;
    OG_TRY(ogi_want_axis(n, OGI_SSM_CONV_W, "w", 0, x[1]));
    OG_TRY(ogi_want_scan(n, OGI_SSM_CONV_STATE, 3, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_SSM_CONV_STATE, "state", 1, og_dim_add(w[1], OG_N(-1))));
    OG_TRY(ogi_want_axis(n, OGI_SSM_CONV_STATE, "state", 2, x[1]));
    return ogi_infer_same(n, OG_F32);
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_ref_tensor *x = c->src[OGI_SSM_CONV_X], *w = c->src[OGI_SSM_CONV_W];
    int64_t n_channel = x->dim[1], k = w->dim[1];
    for (int64_t s = 0; s < c->src[OGI_SSM_CONV_STATE_SLOT]->n; s++) {
        ogi_scan_seq q;
        OG_TRY(ogi_ref_scan(c, OGI_SSM_CONV_STATE, s, &q));
        for (int64_t t = q.begin; t < q.end; t++) {
            const float *in = x->f + t * n_channel;
            for (int64_t ch = 0; ch < n_channel; ch++) {
                double acc = (double)w->f[ch * k + k - 1] * (double)in[ch];
                for (int64_t j = 0; j + 1 < k; j++)
                    acc += (double)w->f[ch * k + j] * (double)q.state[j * n_channel + ch];
                c->dst->f[t * n_channel + ch] = (float)acc;
                for (int64_t j = 0; j + 1 < k; j++)
                    q.state[j * n_channel + ch] =
                        j + 2 < k ? q.state[(j + 1) * n_channel + ch] : in[ch];
            }
        }
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[OGI_SSM_CONV_W]);
    ogi_cost_numel(n, c->flops, 2 * (double)k.b / OGI_MAX(k.c, 1));
    ogi_cost_bytes(n, c);
    ogi_cost_bytes(n->src[OGI_SSM_CONV_X], c);
    ogi_cost_bytes(n->src[OGI_SSM_CONV_W], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"ssm_conv\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,20]\n"
    "weight @w : F32[20,4]\n"
    "state &s : F32[8,3,20]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = ssm_conv($x, @w, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_SSM_CONV_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_SSM_CONV_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_SSM_CONV_STATE_SLOT, "state_slot"),
};

const ogi_op_def ogi_op_ssm_conv = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_SSM_CONV_N_SRC,
    .n_src_max = OGI_SSM_CONV_N_SRC,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-10,
    .writes_state = true,
    OGI_CASES(cases),
};
