/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench`: how fast a model runs, beside what the machine would allow. The model is a
 * file, or a built-in shape whose random weights are made in memory. */
#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/pool.h"
#include "tools/bench/bench.h"
#include "tools/bench/grammar.h"
#include "tools/bench/tokenize.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_progress.h"
#include "tools/cmd/cli_shape.h"

enum { MAX_TOKENS = 1 << 20 };

typedef struct options {
    const char *path, *type;
    const ogi_synth_shape *shape;
    cli_model model;
    og_model_options mo; /* of model */
    int64_t prefill, decode, context, batch, reps;
    bool json, groups;
} options;

/* What one run of the command holds. */
typedef struct bench {
    og_ctx *ctx;
    const options *o;
    unsigned char *memory; /* of a synthetic model */
    int64_t size, used;
    cli_progress progress;
    char name[64], type[32];
    og_model *model;
    bench_job job;
    bench_phase phase[2];
    bench_account account[2];
    int n_phase;
    bench_report report;
} bench;

/* ---- the model ----------------------------------------------------------------------------- */

static bool keep_piece(void *user, const void *p, int64_t n)
{
    bench *b = user;
    memcpy(b->memory + b->used, p, (size_t)n);
    b->used += n;
    cli_progress_update(&b->progress, (double)b->used / (double)b->size);
    return true;
}

static og_status make_model(bench *b, ogi_gguf **out)
{
    const options *o = b->o;
    ogi_synth *s;
    OG_TRY(ogi_synth_new(b->ctx, &(ogi_synth_options){ .shape = o->shape, .type = o->type }, &s));
    b->size = ogi_synth_size(s);
    void *p =
        mmap(NULL, (size_t)b->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    og_status st = OG_OK;
    if (p == MAP_FAILED) {
        st = ogi_fail(b->ctx, OG_E_MEMORY, __FILE__, __LINE__, "%s %s: no %.1f GB of memory",
                      o->shape->name, o->type, (double)b->size / 1e9);
    } else {
        b->memory = p;
        cli_progress_begin(&b->progress, "making weights");
        st = ogi_synth_write(s, keep_piece, b);
        cli_progress_end(&b->progress);
    }
    ogi_synth_free(s);
    if (st != OG_OK) return st;
    snprintf(b->name, sizeof b->name, "%s", o->shape->name);
    snprintf(b->type, sizeof b->type, "%s", o->type);
    for (char *c = b->type; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    return ogi_gguf_open_memory(b->ctx, o->shape->name, b->memory, b->size, o->model.override.item,
                                o->model.override.n, out);
}

/* A file's shape is its name without folder and .gguf. */
static void describe_file(bench *b)
{
    const char *slash = strrchr(b->o->path, '/');
    snprintf(b->name, sizeof b->name, "%s", slash ? slash + 1 : b->o->path);
    char *dot = strrchr(b->name, '.');
    if (dot && !strcmp(dot, ".gguf")) *dot = 0;
    ogi_synth_type_name(ogi_model_file(b->model), b->type, sizeof b->type);
}

static og_status load(bench *b, og_model_options *mo)
{
    double start = ogi_seconds();
    b->report.load = -1;
    if (b->o->shape) {
        ogi_gguf *file;
        OG_TRY(make_model(b, &file));
        OG_TRY(ogi_model_load_gguf(b->ctx, file, mo, &b->model));
        start = ogi_seconds();
    } else {
        OG_TRY(cli_model_load(b->ctx, b->o->path, mo, &b->model));
        b->report.load = ogi_seconds() - start;
        describe_file(b);
    }
    int64_t most = OGI_MAX(OGI_MAX(b->o->prefill, b->o->context), 1);
    OG_TRY(bench_job_init(b->ctx, b->model, b->o->batch, most, &b->job));
    bench_phase first = { .is_decode = true, .tokens = 1, .batch = 1 };
    OG_TRY(bench_measure(&b->job, &first)); /* also maps the weights */
    b->report.first_token = ogi_seconds() - start;
    return OG_OK;
}

/* ---- measuring ----------------------------------------------------------------------------- */

static og_status measure_roofline(bench *b, ogi_roofline *out)
{
    ogi_pool *pool;
    ogi_roofline r;
    OG_TRY(ogi_pool_new(b->ctx, (int)b->o->model.n_thread, &pool));
    const ogi_cpu_kernels *k = ogi_cpu_kernels_find(b->o->model.isa);
    og_status st = k ? ogi_roofline_measure(b->ctx, pool, k, &r) : OG_OK;
    ogi_pool_free(pool);
    if (!k || st != OG_OK) return st; /* an unknown set is told by the device */
    out->read_gb_s = OGI_MAX(out->read_gb_s, r.read_gb_s);
    out->f32_gflop_s = OGI_MAX(out->f32_gflop_s, r.f32_gflop_s);
    out->bf16_gflop_s = OGI_MAX(out->bf16_gflop_s, r.bf16_gflop_s);
    out->int8_gop_s = OGI_MAX(out->int8_gop_s, r.int8_gop_s);
    return OG_OK;
}

static void add_phase(bench *b, const char *name, bool is_decode, int64_t tokens, int64_t context)
{
    if (!tokens) return;
    b->phase[b->n_phase++] = (bench_phase){
        .name = name,
        .is_decode = is_decode,
        .tokens = tokens,
        .context = context,
        .batch = b->o->batch,
    };
}

/* Repetitions of the phases alternate, so that slow moments of the machine hit all of them. */
static og_status measure(bench *b)
{
    const options *o = b->o;
    add_phase(b, "prefill", false, o->prefill, 0);
    add_phase(b, "decode", true, o->decode, o->context);
    for (int i = 0; i < b->n_phase; i++) {
        OG_TRY(bench_account_init(b->ctx, b->model, &b->account[i]));
        bench_phase warm_up = b->phase[i];
        warm_up.tokens = OGI_MIN(warm_up.tokens, warm_up.is_decode ? 2 : 32);
        OG_TRY(bench_measure(&b->job, &warm_up));
    }
    cli_progress_begin(&b->progress, "measuring");
    for (int64_t r = 0; r < o->reps; r++)
        for (int i = 0; i < b->n_phase; i++) {
            if (o->groups) OG_TRY(bench_account_time(&b->account[i], true));
            OG_TRY(bench_measure(&b->job, &b->phase[i]));
            OG_TRY(bench_account_time(&b->account[i], false));
            cli_progress_update(&b->progress,
                                (double)(r * b->n_phase + i + 1) / (double)(o->reps * b->n_phase));
        }
    cli_progress_end(&b->progress);
    return OG_OK;
}

static og_status report(bench *b)
{
    bench_report *r = &b->report;
    og_model_get_info(b->model, &r->info);
    r->shape = b->name, r->type = b->type;
    r->kv = b->o->model.kv;
    r->phase = b->phase, r->account = b->account, r->n_phase = b->n_phase;
    r->groups = b->o->groups;
    for (int i = 0; i < b->n_phase; i++)
        bench_account_phase(&b->account[i], b->model, &b->phase[i], &r->roof);
    ogi_buf out = { .ctx = b->ctx };
    og_status st = OG_OK;
    if (b->o->json)
        st = bench_print_json(b->ctx, r, &out);
    else
        bench_print_text(r, &out);
    if (st == OG_OK && out.failed) st = OG_E_MEMORY;
    if (st == OG_OK) fputs(ogi_buf_str(&out), stdout);
    ogi_buf_free(&out);
    return st;
}

static og_status run(bench *b)
{
    const options *o = b->o;
    og_model_options mo = o->mo;
    mo.n_sequence = (int)o->batch;
    if (!mo.n_ctx) mo.n_ctx = OGI_MAX(OGI_MAX(o->prefill, o->context + o->decode), 1);
    OG_TRY(load(b, &mo));
    OG_TRY(measure_roofline(b, &b->report.roof));
    OG_TRY(measure(b));
    OG_TRY(measure_roofline(b, &b->report.roof)); /* the better one of before and after */
    return report(b);
}

static void free_bench(bench *b)
{
    for (int i = 0; i < b->n_phase; i++) bench_account_free(&b->account[i]);
    bench_job_free(b->ctx, &b->job);
    og_model_free(b->model);
    if (b->memory) munmap(b->memory, (size_t)b->size);
}

/* ---- the command --------------------------------------------------------------------------- */

static int check(const options *o)
{
    if (!o->path == !o->shape)
        return cli_usage_error("bench wants a MODEL or --shape NAME --type TYPE");
    if (o->shape && !o->type) return cli_usage_error("which --type? Q4_0, Q8_0, Q4_K_M, ...");
    if (o->path && o->type) return cli_usage_error("--type goes with --shape only");
    if (o->prefill < 0 || o->prefill > MAX_TOKENS || o->decode < 0 || o->decode > MAX_TOKENS ||
        o->context < 0 || o->context > MAX_TOKENS || o->prefill + o->decode == 0)
        return cli_usage_error("--prefill, --decode and --context want 0 to %d tokens", MAX_TOKENS);
    if (o->batch < 1 || o->batch > BENCH_MAX_BATCH)
        return cli_usage_error("--batch wants 1 to %d sequences", BENCH_MAX_BATCH);
    if (o->reps < 1 || o->reps > BENCH_MAX_REPS)
        return cli_usage_error("--reps wants 1 to %d repetitions", BENCH_MAX_REPS);
    return -1;
}

int cmd_bench(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "grammar")) return bench_grammar(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "tokenize")) return bench_tokenize(argc - 1, argv + 1);
    const char *shape = NULL;
    options o = { .prefill = 512, .decode = 64, .context = -1, .batch = 1, .reps = 3 };
    o.model.kv = "f16";
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--shape", CLI_STR, &shape, "NAME", "a built-in shape instead of a file; help lists" },
        { "--type", CLI_STR, &o.type, "TYPE", "of its matrices (Q4_0), or a mixture (Q4_K_M)" },
        { "--prefill", CLI_INT, &o.prefill, "N", "tokens of the prompt; default 512" },
        { "--decode", CLI_INT, &o.decode, "N", "tokens after it, one by one; default 64" },
        { "--context", CLI_INT, &o.context, "N", "tokens before decoding; default: the prompt" },
        { "--batch", CLI_INT, &o.batch, "N", "sequences in one step; default 1" },
        { "--reps", CLI_INT, &o.reps, "N", "repetitions; the median counts; default 3" },
        { "--groups", CLI_FLAG, &o.groups, NULL, "also the time of each group of the plans" },
        { "--json", CLI_FLAG, &o.json, NULL, "everything as JSON" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&o.model, &all);
    const cli_spec spec = {
        "oxigraph bench [MODEL | --shape NAME --type TYPE] [options]",
        "How fast a model runs, and how much of what this machine allows that is.",
        all.opt,
        all.n,
        0,
        1,
    };
    const char *args[1] = { NULL };
    int n_args, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    o.path = n_args ? args[0] : NULL;
    if (shape && (status = cli_shape(shape, &o.shape)) >= 0) return status;
    if (o.context < 0) o.context = o.prefill;
    if ((status = check(&o)) >= 0) return status;
    if ((status = cli_model_config(&o.model, &o.mo)) >= 0) return status;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    bench *b = OGI_NEW(ctx, bench);
    if (!b) return cli_fail(ctx);
    b->ctx = ctx;
    b->o = &o;
    og_status st = run(b);
    free_bench(b);
    ogi_free(ctx, b);
    if (st != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
