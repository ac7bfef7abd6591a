/* SPDX-License-Identifier: MIT
 *
 * What the parts of `oxigraph bench` share: tools/cmd/bench.c (options, sweeps), session.c (one
 * model), run.c (one repetition), limit.c (what the machine would allow), print.c, compare.c. */
#ifndef OG_TOOLS_BENCH_BENCH_H
#define OG_TOOLS_BENCH_BENCH_H

#include "backends/cpu/roofline.h"
#include "graph/plan.h"
#include "models/synth.h"
#include "runtime/engine.h"
#include "runtime/program.h"

enum { BENCH_MAX_REPS = 100, BENCH_MAX_PLAN = 16, BENCH_MAX_BATCH = 64, BENCH_MAX_LIST = 16 };

/* What is measured: `batch` sequences, each with `tokens` more tokens after `context`. */
typedef struct bench_phase {
    const char *name; /* "prefill": all at once; "decode": one by one */
    bool is_decode;
    int64_t tokens, context, batch;
    double seconds[BENCH_MAX_REPS]; /* of each repetition; sorted in the end */
    int n_rep;
    ogi_roofline roof; /* the best that was measured beside its repetitions */
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
/* One repetition: brings the sequences to the phase's context, then measures, groups too if there
 * is an account to add them to. */
og_status bench_measure(bench_job *job, bench_phase *p, bench_account *timed);

/* ---- session.c ------------------------------------------------------------------------------- */

/* What a session measures: one point of a sweep. */
typedef struct bench_case {
    const char *path;             /* or shape and type */
    const ogi_synth_shape *shape; /* random weights */
    const char *type;
    og_model_options model;
    int64_t prefill, decode, context, batch;
    bool groups;
} bench_case;

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

typedef struct bench_session bench_session;
og_status bench_session_new(og_ctx *ctx, const bench_case *c, bench_session **out);
void bench_session_free(bench_session *b);
int bench_session_threads(const bench_session *b);
/* Every phase once, the roofline before and after each. */
og_status bench_session_repeat(bench_session *b);
/* Once, behind the last repetition; lives as long as the session. */
const bench_report *bench_session_report(bench_session *b);

/* ---- print.c --------------------------------------------------------------------------------- */

typedef enum bench_format { BENCH_TEXT, BENCH_MARKDOWN, BENCH_JSON } bench_format;

/* Reports one after another; begin with ctx, format and out. */
typedef struct bench_sheet {
    og_ctx *ctx;
    bench_format format;
    ogi_buf *out;
    int n;         /* reports so far */
    void *results; /* of JSON */
    ogi_roofline roof;
    double load, first_token;
} bench_sheet;

/* Groups by name (one a layer is one row), the slowest first. */
enum { BENCH_NAME_MAX = 160 };
typedef struct bench_row {
    char name[BENCH_NAME_MAX];
    struct bench_work work;
} bench_row;

typedef struct bench_table {
    bench_row *row; /* free() it; NULL when memory is out */
    int n;
    double seconds;
} bench_table;

bench_table bench_table_of(const bench_account *a);

void bench_sheet_add(bench_sheet *s, const bench_report *r);
og_status bench_sheet_end(bench_sheet *s); /* also frees */
void bench_take_better(ogi_roofline *best, const ogi_roofline *r);

/* ---- svg.c ----------------------------------------------------------------------------------- */

/* The roofline of a report whose groups were timed, as a picture. */
void bench_svg(const bench_report *r, ogi_buf *out);

/* ---- compare.c ------------------------------------------------------------------------------- */

/* Measures c's file with each number of threads (0: the default), and the other program beside it;
 * a table of ratios and spreads. */
og_status bench_compare(og_ctx *ctx, const bench_case *c, const int64_t *threads, int n_threads,
                        const char *program, int reps, bool is_json, ogi_buf *out);

#endif
