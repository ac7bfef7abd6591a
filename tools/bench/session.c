/* SPDX-License-Identifier: MIT
 *
 * One model being measured: loaded from a file, or made of random weights; its phases; the roofline
 * beside each of them. */
#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/pool.h"
#include "models/synth.h"
#include "tools/bench/bench.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_progress.h"

enum { MAX_PHASE = 2 };

struct bench_session {
    og_ctx *ctx;
    bench_case of;
    unsigned char *memory; /* of a synthetic model */
    int64_t size, used;
    cli_progress progress;
    char name[64], type[32];
    og_model *model;
    bench_job job;
    ogi_pool *pool; /* the roofline's */
    bench_phase phase[MAX_PHASE];
    bench_account account[MAX_PHASE];
    int n_phase;
    bench_report report;
};

/* ---- the model ----------------------------------------------------------------------------- */

static bool keep_piece(void *user, const void *p, int64_t n)
{
    bench_session *b = user;
    memcpy(b->memory + b->used, p, (size_t)n);
    b->used += n;
    cli_progress_update(&b->progress, (double)b->used / (double)b->size);
    return true;
}

static og_status make_model(bench_session *b, ogi_gguf **out)
{
    const bench_case *c = &b->of;
    ogi_synth *s;
    OG_TRY(ogi_synth_new(b->ctx, &(ogi_synth_options){ .shape = c->shape, .type = c->type }, &s));
    b->size = ogi_synth_size(s);
    void *p =
        mmap(NULL, (size_t)b->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    og_status st = OG_OK;
    if (p == MAP_FAILED) {
        st = ogi_fail(b->ctx, OG_E_MEMORY, __FILE__, __LINE__, "%s %s: no %.1f GB of memory",
                      c->shape->name, c->type, (double)b->size / 1e9);
    } else {
        b->memory = p;
        cli_progress_begin(&b->progress, "making weights");
        st = ogi_synth_write(s, keep_piece, b);
        cli_progress_end(&b->progress);
    }
    ogi_synth_free(s);
    if (st != OG_OK) return st;
    snprintf(b->name, sizeof b->name, "%s", c->shape->name);
    snprintf(b->type, sizeof b->type, "%s", c->type);
    for (char *t = b->type; *t; t++)
        if (*t >= 'a' && *t <= 'z') *t = (char)(*t - 'a' + 'A');
    return ogi_gguf_open_memory(b->ctx, c->shape->name, b->memory, b->size, c->model.override,
                                c->model.n_override, out);
}

/* A file's shape is its name without folder and .gguf. */
static void describe_file(bench_session *b)
{
    const char *slash = strrchr(b->of.path, '/');
    snprintf(b->name, sizeof b->name, "%s", slash ? slash + 1 : b->of.path);
    char *dot = strrchr(b->name, '.');
    if (dot && !strcmp(dot, ".gguf")) *dot = 0;
    ogi_synth_type_name(ogi_model_file(b->model), b->type, sizeof b->type);
}

static og_status load(bench_session *b)
{
    const bench_case *c = &b->of;
    og_model_options mo = c->model;
    mo.n_sequence = (int)c->batch;
    if (!mo.n_ctx) mo.n_ctx = OGI_MAX(OGI_MAX(c->prefill, c->context + c->decode), 1);
    double start = ogi_seconds();
    b->report.load = -1;
    if (c->shape) {
        ogi_gguf *file;
        OG_TRY(make_model(b, &file));
        OG_TRY(ogi_model_load_gguf(b->ctx, file, &mo, &b->model));
        start = ogi_seconds();
    } else {
        OG_TRY(cli_model_load(b->ctx, c->path, &mo, &b->model));
        b->report.load = ogi_seconds() - start;
        describe_file(b);
    }
    int64_t most = OGI_MAX(OGI_MAX(c->prefill, c->context), 1);
    OG_TRY(bench_job_init(b->ctx, b->model, c->batch, most, &b->job));
    bench_phase first = { .is_decode = true, .tokens = 1, .batch = 1 };
    OG_TRY(bench_measure(&b->job, &first, NULL));
    b->report.first_token = ogi_seconds() - start;
    return OG_OK;
}

/* ---- measuring ----------------------------------------------------------------------------- */

static og_status add_phase(bench_session *b, const char *name, bool is_decode, int64_t tokens,
                           int64_t context)
{
    if (!tokens) return OG_OK;
    bench_phase *p = &b->phase[b->n_phase];
    *p = (bench_phase){
        .name = name,
        .is_decode = is_decode,
        .tokens = tokens,
        .context = context,
        .batch = b->of.batch,
    };
    OG_TRY(bench_account_init(b->ctx, b->model, &b->account[b->n_phase++]));
    bench_phase warm_up = *p;
    warm_up.tokens = OGI_MIN(tokens, is_decode ? 2 : 32);
    return bench_measure(&b->job, &warm_up, NULL);
}

/* What the machine allows just now: for the phases measured before and after. */
static og_status measure_roofline(bench_session *b, bench_phase *before, bench_phase *after)
{
    ogi_roofline r;
    const ogi_cpu_kernels *k = ogi_cpu_kernels_find(b->of.model.device.isa);
    if (!k) return OG_OK; /* a device that is no CPU has told so when it was opened */
    OG_TRY(ogi_roofline_measure(b->ctx, b->pool, k, &r));
    if (before) bench_take_better(&before->roof, &r);
    if (after) bench_take_better(&after->roof, &r);
    bench_take_better(&b->report.roof, &r);
    return OG_OK;
}

og_status bench_session_repeat(bench_session *b)
{
    for (int i = 0; i < b->n_phase; i++) {
        OG_TRY(measure_roofline(b, i ? &b->phase[i - 1] : NULL, &b->phase[i]));
        OG_TRY(bench_measure(&b->job, &b->phase[i], b->of.groups ? &b->account[i] : NULL));
    }
    return measure_roofline(b, &b->phase[b->n_phase - 1], NULL);
}

const bench_report *bench_session_report(bench_session *b)
{
    bench_report *r = &b->report;
    r->shape = b->name, r->type = b->type;
    r->kv = b->of.model.kv;
    r->phase = b->phase, r->account = b->account, r->n_phase = b->n_phase;
    r->groups = b->of.groups;
    for (int i = 0; i < b->n_phase; i++)
        bench_account_phase(&b->account[i], b->model, &b->phase[i], &b->phase[i].roof);
    return r;
}

static og_status start(bench_session *b)
{
    OG_TRY(load(b));
    og_model_get_info(b->model, &b->report.info);
    OG_TRY(ogi_pool_new(b->ctx, b->of.model.device.n_thread, &b->pool));
    OG_TRY(add_phase(b, "prefill", false, b->of.prefill, 0));
    return add_phase(b, "decode", true, b->of.decode, b->of.context);
}

og_status bench_session_new(og_ctx *ctx, const bench_case *c, bench_session **out)
{
    bench_session *b = *out = OGI_NEW(ctx, bench_session);
    if (!b) return OG_E_MEMORY;
    b->ctx = ctx;
    b->of = *c;
    og_status st = start(b);
    if (st != OG_OK) {
        bench_session_free(b);
        *out = NULL;
    }
    return st;
}

int bench_session_threads(const bench_session *b)
{
    return b->report.info.n_thread;
}

void bench_session_free(bench_session *b)
{
    if (!b) return;
    for (int i = 0; i < b->n_phase; i++) bench_account_free(&b->account[i]);
    bench_job_free(b->ctx, &b->job);
    og_model_free(b->model);
    ogi_pool_free(b->pool);
    if (b->memory) munmap(b->memory, (size_t)b->size);
    ogi_free(b->ctx, b);
}
