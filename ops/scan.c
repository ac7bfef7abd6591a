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

og_status ogi_ref_tokens(const ogi_ref_call *c, int seq_start, int64_t n_token, int64_t s,
                         int64_t *begin, int64_t *end)
{
    *begin = c->src[seq_start]->i[s], *end = c->src[seq_start]->i[s + 1];
    if (*begin >= 0 && *begin <= *end && *end <= n_token) return OG_OK;
    OG_FAIL(c->ctx, OG_E_INVALID, "%s: sequence %lld has tokens %lld..%lld of %lld",
            ogi_op_name(c->node->op), (long long)s, (long long)*begin, (long long)*end,
            (long long)n_token);
}

og_status ogi_ref_scan(const ogi_ref_call *c, int state, int64_t s, ogi_scan_seq *out)
{
    ogi_ref_tensor *st = c->src[state];
    int64_t slot = c->src[state + 3]->i[s], n_token = c->src[state + 1]->dim[0];
    if (slot < 0 || slot >= st->dim[0])
        OG_FAIL(c->ctx, OG_E_INVALID, "%s: state slot %lld, expected 0..%lld",
                ogi_op_name(c->node->op), (long long)slot, (long long)st->dim[0] - 1);
    int64_t begin, end;
    OG_TRY(ogi_ref_tokens(c, state + 2, n_token, s, &begin, &end));
    int64_t size = st->n / st->dim[0];
    *out = (ogi_scan_seq){ begin, end, st->f + slot * size };
    if (out->begin < out->end && c->src[state + 1]->i[out->begin] == 0)
        for (int64_t i = 0; i < size; i++) out->state[i] = 0;
    return OG_OK;
}
