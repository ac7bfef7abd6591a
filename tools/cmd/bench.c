/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench`: how fast a model runs, beside what the machine would allow. The model is a
 * file, or a built-in shape whose random weights are made in memory. Options that take lists are
 * swept: every combination is a session of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tools/bench/bench.h"
#include "tools/bench/grammar.h"
#include "tools/bench/tokenize.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_progress.h"
#include "tools/cmd/cli_shape.h"

enum { MAX_TOKENS = 1 << 20, MAX_TYPE = 32 };

typedef struct list {
    int64_t v[BENCH_MAX_LIST];
    int n;
} list;

typedef struct options {
    const char *path, *types, *compare, *svg;
    const ogi_synth_shape *shape;
    cli_model model;
    og_model_options mo;
    const char *prefill_text, *batch_text, *thread_text;
    list prefill, batch, threads;
    int64_t decode, context, reps;
    bool json, markdown, groups;
} options;

/* ---- lists --------------------------------------------------------------------------------- */

/* "128,512": numbers from least to most; -1, or the exit status 2 (told). */
static int parse_list(const char *option, const char *text, int64_t least, int64_t most, list *out)
{
    out->n = 0;
    for (const char *p = text;; p++) {
        char *end;
        errno = 0;
        long long v = strtoll(p, &end, 10);
        if (end == p || errno || v < least || v > most || (*end && *end != ','))
            return cli_usage_error("%s wants numbers from %lld to %lld as 1,2,4, not '%s'", option,
                                   (long long)least, (long long)most, text);
        if (out->n == BENCH_MAX_LIST)
            return cli_usage_error("%s: more than %d numbers", option, BENCH_MAX_LIST);
        out->v[out->n++] = v;
        p = end;
        if (!*p) return -1;
    }
}

/* The i-th of the types, into name; false behind the last. NULL has one, that of a file. */
static bool type_at(const char *types, int i, char name[static MAX_TYPE])
{
    name[0] = 0;
    if (!types) return i == 0;
    while (i-- > 0) {
        types = strchr(types, ',');
        if (!types++) return false;
    }
    snprintf(name, MAX_TYPE, "%.*s", (int)strcspn(types, ","), types);
    return true;
}

/* ---- sweeps -------------------------------------------------------------------------------- */

static og_status write_svg(og_ctx *ctx, const char *path, const bench_report *r)
{
    ogi_buf out = { .ctx = ctx };
    bench_svg(r, &out);
    og_status st = out.failed ? OG_E_MEMORY : ogi_file_write(ctx, path, out.p, out.n, 0644);
    ogi_buf_free(&out);
    return st;
}

static og_status measure(og_ctx *ctx, const options *o, const bench_case *c, bench_sheet *sheet)
{
    bench_session *b;
    cli_progress progress;
    OG_TRY(bench_session_new(ctx, c, &b));
    og_status st = OG_OK;
    cli_progress_begin(&progress, "measuring");
    for (int64_t r = 0; r < o->reps && st == OG_OK; r++) {
        st = bench_session_repeat(b);
        cli_progress_update(&progress, (double)(r + 1) / (double)o->reps);
    }
    cli_progress_end(&progress);
    const bench_report *report = st == OG_OK ? bench_session_report(b) : NULL;
    if (report) bench_sheet_add(sheet, report);
    if (report && o->svg) st = write_svg(ctx, o->svg, report);
    bench_session_free(b);
    return st;
}

static bench_case case_of(const options *o)
{
    return (bench_case){
        .path = o->path,
        .shape = o->shape,
        .model = o->mo,
        .prefill = o->prefill.v[0],
        .decode = o->decode,
        .context = o->context >= 0 ? o->context
                   : o->compare    ? 0
                                   : o->prefill.v[0],
        .batch = 1,
        .groups = o->groups || o->svg,
    };
}

static og_status sweep(og_ctx *ctx, const options *o, bench_sheet *sheet)
{
    char type[MAX_TYPE];
    int n_thread = OGI_MAX(o->threads.n, 1), n = n_thread * o->batch.n * o->prefill.n;
    bench_case c = case_of(o);
    c.type = type;
    for (int t = 0; type_at(o->types, t, type); t++)
        for (int i = 0; i < n; i++) {
            c.prefill = o->prefill.v[i % o->prefill.n];
            c.batch = o->batch.v[i / o->prefill.n % o->batch.n];
            if (o->context < 0) c.context = c.prefill;
            if (o->threads.n)
                c.model.device.n_thread = (int)o->threads.v[i / o->prefill.n / o->batch.n];
            OG_TRY(measure(ctx, o, &c, sheet));
        }
    return OG_OK;
}

/* With one thread, and with as many as there are cores, unless a list says otherwise. */
static og_status compare(og_ctx *ctx, const options *o, ogi_buf *out)
{
    static const int64_t dflt[] = { 1, 0 };
    bench_case c = case_of(o);
    return bench_compare(ctx, &c, o->threads.n ? o->threads.v : dflt,
                         o->threads.n ? o->threads.n : OGI_LEN(dflt), o->compare, (int)o->reps,
                         o->json, out);
}

static og_status run(og_ctx *ctx, const options *o)
{
    ogi_buf out = { .ctx = ctx };
    bench_sheet sheet = { .ctx = ctx, .out = &out };
    sheet.format = o->json ? BENCH_JSON : o->markdown ? BENCH_MARKDOWN : BENCH_TEXT;
    og_status st = o->compare ? compare(ctx, o, &out) : sweep(ctx, o, &sheet);
    og_status ended = bench_sheet_end(&sheet);
    if (st == OG_OK) st = ended;
    if (st == OG_OK) fputs(ogi_buf_str(&out), stdout);
    ogi_buf_free(&out);
    return st;
}

/* ---- the command --------------------------------------------------------------------------- */

static int check(options *o)
{
    int status;
    if (!o->path == !o->shape)
        return cli_usage_error("bench wants a MODEL or --shape NAME --type TYPE");
    if (o->shape && !o->types) return cli_usage_error("which --type? Q4_0, Q8_0, Q4_K_M, ...");
    if (o->path && o->types) return cli_usage_error("--type goes with --shape only");
    status = parse_list("--prefill", o->prefill_text, 0, MAX_TOKENS, &o->prefill);
    if (status < 0) status = parse_list("--batch", o->batch_text, 1, BENCH_MAX_BATCH, &o->batch);
    if (status < 0 && o->thread_text)
        status = parse_list("-t", o->thread_text, 1, 1024, &o->threads);
    if (status >= 0) return status;
    if (o->decode < 0 || o->decode > MAX_TOKENS || o->context > MAX_TOKENS)
        return cli_usage_error("--decode and --context want 0 to %d tokens", MAX_TOKENS);
    for (int i = 0; i < o->prefill.n; i++)
        if (o->prefill.v[i] + o->decode == 0) return cli_usage_error("there is nothing to measure");
    if (o->compare && (!o->path || o->batch.n > 1 || o->batch.v[0] != 1 || o->prefill.n > 1))
        return cli_usage_error("--compare wants a MODEL, one --prefill and no --batch");
    if (o->svg && (o->compare || o->prefill.n > 1 || o->batch.n > 1 || o->threads.n > 1 ||
                   (o->types && strchr(o->types, ','))))
        return cli_usage_error("--svg shows one measurement: no lists, no --compare beside it");
    if (o->reps < 1 || o->reps > BENCH_MAX_REPS)
        return cli_usage_error("--reps wants 1 to %d repetitions", BENCH_MAX_REPS);
    return -1;
}

int cmd_bench(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "grammar")) return bench_grammar(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "tokenize")) return bench_tokenize(argc - 1, argv + 1);
    const char *shape = NULL;
    options o = { .prefill_text = "512", .batch_text = "1", .decode = 64, .context = -1 };
    o.reps = 3;
    o.model.kv = "f16";
    o.model.thread_list = &o.thread_text;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--shape", CLI_STR, &shape, "NAME", "a built-in shape instead of a file; help lists" },
        { "--type", CLI_STR, &o.types, "LIST", "of its matrices (Q4_0), or mixtures (Q4_K_M)" },
        { "--prefill", CLI_STR, &o.prefill_text, "LIST", "tokens of the prompt; default 512" },
        { "--decode", CLI_INT, &o.decode, "N", "tokens after it, one by one; default 64" },
        { "--context", CLI_INT, &o.context, "N", "tokens before decoding; default: the prompt" },
        { "--batch", CLI_STR, &o.batch_text, "LIST", "sequences in one step; default 1" },
        { "--reps", CLI_INT, &o.reps, "N", "repetitions; the median counts; default 3" },
        { "--groups", CLI_FLAG, &o.groups, NULL, "also the time of each group of the plans" },
        { "--compare", CLI_STR, &o.compare, "PROGRAM",
          "a llama-bench that takes turns on the same file; ratios" },
        { "--svg", CLI_STR, &o.svg, "FILE", "a roofline with a circle for each group" },
        { "--md", CLI_FLAG, &o.markdown, NULL, "a table in Markdown" },
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
    if ((status = check(&o)) >= 0) return status;
    if ((status = cli_model_config(&o.model, &o.mo)) >= 0) return status;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    og_status st = run(ctx, &o);
    if (st != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
