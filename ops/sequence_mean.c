/* SPDX-License-Identifier: MIT
 *
 * sequence_mean: the mean of a sequence's rows, this step's and all before: [S, E]. Their sum goes
 * from step to step in the sequence's slot of the state and takes the tokens in order, so that the
 * result does not depend on how a text was cut into steps. */
#include "ops/scan_check.h"
#include "ops/sequence.h"

og_tensor *og_sequence_mean(og_graph *g, og_tensor *x, const og_scan_args *a)
{
    static const og_scan_args none; /* no operand: refused as such */
    if (!a) a = &none;
    return ogi_node(g, OG_OP_SEQUENCE_MEAN, NULL, OGI_SEQUENCE_MEAN_N_SRC,
                    (og_tensor *[]){ x, a->state, a->pos, a->seq_start, a->state_slot });
}

static og_status infer(og_tensor *n)
{
    OG_TRY(ogi_want_dtype(n, OGI_SEQUENCE_MEAN_X, "x", OG_F32));
    OG_TRY(ogi_want_rank(n, OGI_SEQUENCE_MEAN_X, "x", 2));
    const og_dim *x = n->src[OGI_SEQUENCE_MEAN_X]->shape.dim;
    OG_TRY(ogi_want_scan(n, OGI_SEQUENCE_MEAN_STATE, 2, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_SEQUENCE_MEAN_STATE, "state", 1, x[1]));
    n->dtype = OG_F32;
    n->shape = (og_shape){ 2, { n->src[OGI_SEQUENCE_MEAN_STATE_SLOT]->shape.dim[0], x[1] } };
    return OG_OK;
}

static og_status ref(const ogi_ref_call *c)
{
    int64_t len = ogi_ref_last(c->dst);
    for (int64_t s = 0; s < c->dst->dim[0]; s++) {
        ogi_scan_seq q;
        OG_TRY(ogi_ref_scan(c, OGI_SEQUENCE_MEAN_STATE, s, &q));
        if (q.begin >= q.end) continue;
        double n = 1 + (double)c->src[OGI_SEQUENCE_MEAN_POS]->i[q.end - 1];
        for (int64_t i = 0; i < len; i++) {
            for (int64_t t = q.begin; t < q.end; t++)
                q.state[i] += c->src[OGI_SEQUENCE_MEAN_X]->f[t * len + i];
            c->dst->f[s * len + i] = (float)((double)q.state[i] / n);
        }
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n->src[OGI_SEQUENCE_MEAN_X], c->flops, 1);
    ogi_cost_bytes(n->src[OGI_SEQUENCE_MEAN_X], c);
    ogi_cost_bytes(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"sequence_mean\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,67]\n"
    "state &s : F32[8,67]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = sequence_mean($x, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_SEQUENCE_MEAN_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_SEQUENCE_MEAN_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_SEQUENCE_MEAN_STATE_SLOT, "state_slot"),
};

const ogi_op_def ogi_op_sequence_mean = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_SEQUENCE_MEAN_N_SRC,
    .n_src_max = OGI_SEQUENCE_MEAN_N_SRC,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-10,
    .writes_state = true,
    OGI_CASES(cases),
};
