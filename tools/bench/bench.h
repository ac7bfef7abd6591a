/* SPDX-License-Identifier: MIT
 *
 * What the parts of `oxigraph bench` share: tools/cmd/bench.c (options, order of things), run.c
 * (measuring), limit.c (what the machine would allow), print.c. */
#ifndef OG_TOOLS_BENCH_BENCH_H
#define OG_TOOLS_BENCH_BENCH_H

#include "backends/cpu/roofline.h"
#include "graph/plan.h"
#include "runtime/engine.h"
#include "runtime/program.h"

enum { BENCH_MAX_REPS = 100, BENCH_MAX_PLAN = 16, BENCH_MAX_BATCH = 64 };

/* What is measured: `batch` sequences, each with `tokens` more tokens after `context`. */
typedef struct bench_phase {
    const char *name; /* "prefill": all at once; "decode": one by one */
    bool is_decode;
    int64_t tokens, context, batch;
    double seconds[BENCH_MAX_REPS]; /* of each repetition; sorted in the end */
    int n_rep;
} bench_phase;

double bench_median(const bench_phase *p);
/* Of tokens a second, all repetitions: (fastest - slowest) / median. */
double bench_spread(const bench_phase *p);

/* ---- limit.c: work and limits ---------------------------------------------------------------- */

/* One plan of the model's programs, with what its groups do in one repetition of a phase. */
typedef struct bench_plan {
    const og_program *program;
    const ogi_plan *plan;
    int index;
    struct bench_work {
        int64_t n_run;
        double bytes, flops, limit; /* limit: seconds that the machine needs at least */
        double seconds;             /* measured, of all timed repetitions; 0: not asked for */
    } * work;                       /* by group */
    ogi_profile time;               /* of all timed repetitions */
} bench_plan;

typedef struct bench_account {
    og_ctx *ctx;
    bench_plan plan[BENCH_MAX_PLAN];
    int n_plan;
} bench_account;

og_status bench_account_init(og_ctx *ctx, const og_model *m, bench_account *out);
void bench_account_free(bench_account *a);
/* Times the groups of all programs (or stops to). */
og_status bench_account_time(bench_account *a, bool on);
/* Adds up one repetition of the phase on a model whose steps take up to `step` tokens. */
void bench_account_phase(bench_account *a, const og_model *m, const bench_phase *p,
                         const ogi_roofline *roof);
struct bench_work bench_account_total(const bench_account *a);

/* ---- run.c ----------------------------------------------------------------------------------- */

typedef struct bench_job {
    og_model *model;
    og_sequence *seq[BENCH_MAX_BATCH];
    int64_t n_vocab;
    uint64_t random;
    int32_t *token; /* batch rows of `stride` */
    int64_t stride;
} bench_job;

og_status bench_job_init(og_ctx *ctx, og_model *m, int64_t batch, int64_t max_tokens,
                         bench_job *out);
void bench_job_free(og_ctx *ctx, bench_job *job);
/* One repetition: brings the sequences to the phase's context, then measures. */
og_status bench_measure(bench_job *job, bench_phase *p);

/* ---- print.c --------------------------------------------------------------------------------- */

typedef struct bench_report {
    const char *shape, *type, *kv;
    og_model_info info;
    ogi_roofline roof;
    double load, first_token; /* seconds; load < 0: the model came from no file */
    const bench_phase *phase;
    const bench_account *account; /* of each phase */
    int n_phase;
    bool groups;
} bench_report;

void bench_print_text(const bench_report *r, ogi_buf *out);
og_status bench_print_json(og_ctx *ctx, const bench_report *r, ogi_buf *out);

#endif
