/* SPDX-License-Identifier: MIT
 *
 * ssm_scan: the selective state space recurrence (Gu and Dao, 2023), token by token:
 * h[d, n] = h[d, n] exp(dt[t, d] A[d, n]) + dt[t, d] B[t, n] x[t, d],
 * y[t, d] = sum over n of C[t, n] h[d, n]. h is the sequence's slot of the state. */
#include <math.h>

#include "ops/scan.h"
#include "ops/scan_check.h"

og_tensor *og_ssm_scan(og_graph *g, og_tensor *x, og_tensor *dt, og_tensor *A, og_tensor *B,
                       og_tensor *C, const og_scan_args *a)
{
    static const og_scan_args none; /* no operand: refused as such */
    if (!a) a = &none;
    og_tensor *src[OGI_SSM_SCAN_N_SRC] = {
        x, dt, A, B, C, a->state, a->pos, a->seq_start, a->state_slot
    };
    return ogi_node(g, OG_OP_SSM_SCAN, NULL, OGI_SSM_SCAN_N_SRC, src);
}

static og_status infer(og_tensor *n)
{
    static const char *const name[] = { "x", "dt", "A", "B", "C" };
    for (int i = OGI_SSM_SCAN_X; i <= OGI_SSM_SCAN_C; i++) {
        OG_TRY(ogi_want_dtype(n, i, name[i], OG_F32));
        OG_TRY(ogi_want_rank(n, i, name[i], 2));
    }
    const og_dim *x = n->src[OGI_SSM_SCAN_X]->shape.dim;
    og_dim n_state = n->src[OGI_SSM_SCAN_A]->shape.dim[1];
    OG_TRY(ogi_want_axis(n, OGI_SSM_SCAN_DT, "dt", 0, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_SSM_SCAN_DT, "dt", 1, x[1]));
    OG_TRY(ogi_want_axis(n, OGI_SSM_SCAN_A, "A", 0, x[1]));
    for (int i = OGI_SSM_SCAN_B; i <= OGI_SSM_SCAN_C; i++) {
        OG_TRY(ogi_want_axis(n, i, name[i], 0, x[0]));
        OG_TRY(ogi_want_axis(n, i, name[i], 1, n_state));
    }
    OG_TRY(ogi_want_scan(n, OGI_SSM_SCAN_STATE, 3, x[0]));
    OG_TRY(ogi_want_axis(n, OGI_SSM_SCAN_STATE, "state", 1, x[1]));
    OG_TRY(ogi_want_axis(n, OGI_SSM_SCAN_STATE, "state", 2, n_state));
    return ogi_infer_same(n, OG_F32);
}

static og_status ref(const ogi_ref_call *c)
{
    const float *A = c->src[OGI_SSM_SCAN_A]->f;
    int64_t n_channel = c->dst->dim[1], n_state = c->src[OGI_SSM_SCAN_A]->dim[1];
    for (int64_t s = 0; s < c->src[OGI_SSM_SCAN_STATE_SLOT]->n; s++) {
        ogi_scan_seq q;
        OG_TRY(ogi_ref_scan(c, OGI_SSM_SCAN_STATE, s, &q));
        for (int64_t t = q.begin; t < q.end; t++) {
            const float *B = c->src[OGI_SSM_SCAN_B]->f + t * n_state;
            const float *C = c->src[OGI_SSM_SCAN_C]->f + t * n_state;
            for (int64_t d = 0; d < n_channel; d++) {
                double x = (double)c->src[OGI_SSM_SCAN_X]->f[t * n_channel + d];
                double dt = (double)c->src[OGI_SSM_SCAN_DT]->f[t * n_channel + d], y = 0;
                for (int64_t i = 0; i < n_state; i++) {
                    float *h = q.state + d * n_state + i;
                    *h = (float)((double)*h * exp(dt * (double)A[d * n_state + i]) +
                                 dt * (double)B[i] * x);
                    y += (double)C[i] * (double)*h;
                }
                c->dst->f[t * n_channel + d] = (float)y;
            }
        }
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    og_dim k = ogi_last_dim(n->src[OGI_SSM_SCAN_A]);
    ogi_cost_numel(n, c->flops, 8 * (double)k.b / OGI_MAX(k.c, 1));
    ogi_cost_bytes(n, c);
    for (int i = OGI_SSM_SCAN_X; i <= OGI_SSM_SCAN_C; i++) ogi_cost_bytes(n->src[i], c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"ssm_scan\"\n"
    "sym T = 1..40\n"
    "sym S = 1..3\n"
    "input $x : F32[T,20]\n"
    "input $dt : F32[T,20]\n"
    "weight @a : F32[20,16]\n"
    "input $b : F32[T,16]\n"
    "input $c : F32[T,16]\n"
    "state &s : F32[8,20,16]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = ssm_scan($x, $dt, @a, $b, $c, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
};
// clang-format on

static const ogi_address addresses[] = {
    OGI_ADDRESS_INPUT(OGI_SSM_SCAN_POS, "pos"),
    OGI_ADDRESS_INPUT(OGI_SSM_SCAN_SEQ_START, "seq_start"),
    OGI_ADDRESS_INPUT(OGI_SSM_SCAN_STATE_SLOT, "state_slot"),
};

const ogi_op_def ogi_op_ssm_scan = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = OGI_SSM_SCAN_N_SRC,
    .n_src_max = OGI_SSM_SCAN_N_SRC,
    .infer = infer,
    .ref = ref,
    OGI_ADDRESSES(addresses),
    .cost = cost,
    .tol = 1e-9,
    .writes_state = true,
    OGI_CASES(cases),
};
