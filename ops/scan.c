/* SPDX-License-Identifier: MIT
 *
 * What the recurrences check of their operands. */
#include "ops/scan.h"

#include "ops/scan_check.h"

og_status ogi_want_scan(const og_tensor *n, int state, int rank, og_dim n_token)
{
    static const char *const name[] = { "pos", "seq_start", "state_slot" };
    OG_TRY(ogi_want_state(n, state, "state"));
    OG_TRY(ogi_want_dtype(n, state, "state", OG_F32));
    OG_TRY(ogi_want_rank(n, state, "state", rank));
    for (int i = 0; i < 3; i++) {
        OG_TRY(ogi_want_dtype(n, state + 1 + i, name[i], OG_I32));
        OG_TRY(ogi_want_rank(n, state + 1 + i, name[i], 1));
    }
    og_dim n_seq = n->src[state + 3]->shape.dim[0];
    OG_TRY(ogi_want_axis(n, state + 1, "pos", 0, n_token));
    return ogi_want_axis(n, state + 2, "seq_start", 0, og_dim_add(n_seq, OG_N(1)));
}

og_status ogi_ref_scan(const ogi_ref_call *c, int state, int64_t s, ogi_scan_seq *out)
{
    ogi_ref_tensor *st = c->src[state];
    const int32_t *start = c->src[state + 2]->i;
    int64_t slot = c->src[state + 3]->i[s], n_token = c->src[state + 1]->dim[0];
    if (slot < 0 || slot >= st->dim[0])
        OG_FAIL(c->ctx, OG_E_INVALID, "%s: state slot %lld, expected 0..%lld",
                ogi_op_name(c->node->op), (long long)slot, (long long)st->dim[0] - 1);
    if (start[s] < 0 || start[s + 1] > n_token)
        OG_FAIL(c->ctx, OG_E_INVALID, "%s: sequence %lld has tokens %d..%d of %lld",
                ogi_op_name(c->node->op), (long long)s, start[s], start[s + 1], (long long)n_token);
    int64_t size = st->n / st->dim[0];
    *out = (ogi_scan_seq){ start[s], start[s + 1], st->f + slot * size };
    if (out->begin < out->end && c->src[state + 1]->i[out->begin] == 0)
        for (int64_t i = 0; i < size; i++) out->state[i] = 0;
    return OG_OK;
}
