/* SPDX-License-Identifier: MIT
 *
 * Measuring: random tokens go through the model as `run` would feed them. */
#include <stdlib.h>

#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/cmd/cli_model.h"

og_status bench_job_init(og_ctx *ctx, og_model *m, int64_t batch, int64_t max_tokens,
                         bench_job *out)
{
    og_model_info info;
    og_model_get_info(m, &info);
    *out = (bench_job){ .model = m, .n_vocab = info.n_vocab, .random = 1, .stride = max_tokens };
    out->token = OGI_NEW_N(ctx, int32_t, batch * max_tokens);
    if (!out->token) return OG_E_MEMORY;
    for (int64_t s = 0; s < batch; s++) OG_TRY(og_sequence_new(m, &out->seq[s]));
    return OG_OK;
}

void bench_job_free(og_ctx *ctx, bench_job *job)
{
    for (int s = 0; s < BENCH_MAX_BATCH; s++) og_sequence_free(job->seq[s]);
    ogi_free(ctx, job->token);
}

static int32_t random_token(bench_job *job)
{
    job->random = job->random * 6364136223846793005 + 1442695040888963407;
    return (int32_t)((job->random >> 33) % (uint64_t)job->n_vocab);
}

static bool ignore_row(void *user, int f, int64_t i, const float *logits)
{
    (void)user, (void)f, (void)i, (void)logits;
    return true;
}

/* n tokens to each of the sequences. */
static og_status feed(bench_job *job, int64_t batch, int64_t n, og_rows rows)
{
    og_feed f[BENCH_MAX_BATCH];
    for (int64_t s = 0; s < batch; s++) {
        int32_t *token = job->token + s * job->stride;
        for (int64_t i = 0; i < n; i++) token[i] = random_token(job);
        f[s] = (og_feed){ .seq = job->seq[s], .token = token, .n = n };
    }
    return og_model_feed(job->model, f, (int)batch, rows, ignore_row, NULL);
}

/* All sequences hold `context` tokens afterwards. */
static og_status set_context(bench_job *job, const bench_phase *p)
{
    int64_t have = og_sequence_length(job->seq[0]);
    if (have > p->context)
        for (int64_t s = 0; s < p->batch; s++) OG_TRY(og_sequence_truncate(job->seq[s], have = 0));
    return have < p->context ? feed(job, p->batch, p->context - have, OG_ROWS_NONE) : OG_OK;
}

og_status bench_measure(bench_job *job, bench_phase *p, bench_account *timed)
{
    OG_TRY(set_context(job, p));
    if (timed) OG_TRY(bench_account_time(timed, true));
    double start = ogi_seconds();
    if (!p->is_decode) OG_TRY(feed(job, p->batch, p->tokens, OG_ROWS_LAST));
    for (int64_t i = 0; p->is_decode && i < p->tokens; i++)
        OG_TRY(feed(job, p->batch, 1, OG_ROWS_LAST));
    double seconds = ogi_seconds() - start;
    if (timed) OG_TRY(bench_account_time(timed, false));
    int at = p->n_rep++;
    for (; at > 0 && p->seconds[at - 1] > seconds; at--) p->seconds[at] = p->seconds[at - 1];
    p->seconds[at] = seconds;
    return OG_OK;
}

double bench_median(const bench_phase *p)
{
    int n = p->n_rep;
    return n ? (p->seconds[n / 2] + p->seconds[(n - 1) / 2]) / 2 : 0;
}

double bench_spread(const bench_phase *p)
{
    return p->n_rep ? bench_median(p) * (1 / p->seconds[0] - 1 / p->seconds[p->n_rep - 1]) : 0;
}
