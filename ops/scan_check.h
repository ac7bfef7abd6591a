/* SPDX-License-Identifier: MIT
 *
 * What the recurrences share inside ops/. Their sources end in state, pos, seq_start, state_slot.
 */
#ifndef OG_OPS_SCAN_CHECK_H
#define OG_OPS_SCAN_CHECK_H

#include "ops/op.h"

/* state is the index of the source, of that rank; n_token of them are scanned. */
og_status ogi_want_scan(const og_tensor *n, int state, int rank, og_dim n_token);

typedef struct ogi_scan_seq {
    int64_t begin, end; /* tokens of the step */
    float *state;       /* of its slot; zeroed if the sequence starts here */
} ogi_scan_seq;
og_status ogi_ref_scan(const ogi_ref_call *c, int state, int64_t s, ogi_scan_seq *out);

/* Tokens of sequence s, of n_token, by the source seq_start. */
og_status ogi_ref_tokens(const ogi_ref_call *c, int seq_start, int64_t n_token, int64_t s,
                         int64_t *begin, int64_t *end);

#endif
