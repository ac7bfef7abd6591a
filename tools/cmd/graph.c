/* SPDX-License-Identifier: MIT
 *
 * `oxigraph graph`: the graphs of a model after any pass, the plans made of them, and the kernel
 * programs of the plans' groups. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/backend.h"
#include "base/file.h"
#include "codegen/lower.h"
#include "graph/layout.h"
#include "graph/pass.h"
#include "models/model_text.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_output.h"
#include "tools/cmd/graph_embed.h"

enum { MAX_TEXT = 64 << 20, NOT_GIVEN = INT32_MIN /* --tokens */ };

typedef struct options {
    cli_model model;
    const char *path, *after, *format, *entry, *out;
    bool plan, kernels, json, no_fuse, export, embed;
    int64_t tokens;
} options;

static bool is_gguf(const char *path)
{
    char magic[4] = { 0 };
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(magic, 1, sizeof magic, f) : 0;
    if (f) fclose(f);
    return n == sizeof magic && !memcmp(magic, "GGUF", sizeof magic);
}

/* The graph asked for, from a GGUF model or a file in text form. */
static og_status open_graph(og_ctx *ctx, const char *path, const options *o, ogi_gguf **file,
                            ogi_model **model, og_graph **parsed, const og_graph **out)
{
    if (!is_gguf(path)) {
        ogi_buf text = { .ctx = ctx };
        og_status st = ogi_file_read(ctx, path, MAX_TEXT, &text);
        if (st == OG_OK) st = og_graph_parse(ctx, ogi_buf_str(&text), text.n, parsed);
        ogi_buf_free(&text);
        *out = *parsed;
        return st;
    }
    OG_TRY(ogi_gguf_open(ctx, path, o->model.override.item, o->model.override.n, file));
    ogi_model_options mo = { .n_ctx = o->model.n_ctx, .graph = o->model.graph };
    mo.has_pooling = o->export || o->embed; /* all entries, also those that logits do without */
    mo.pooling = -1;
    if (!ogi_kv_types_parse(o->model.kv, &mo.kv))
        OG_FAIL(ctx, OG_E_INVALID, "--kv wants " OGI_KV_EXPECTED ", not '%s'", o->model.kv);
    OG_TRY(ogi_model_open(ctx, *file, &mo, model));
    const char *entry = o->entry ? o->entry : "step";
    *out = ogi_model_graph(*model, entry);
    if (!*out) OG_FAIL(ctx, OG_E_NOT_FOUND, "%s: the model has no graph '%s'", path, entry);
    return OG_OK;
}

typedef struct printer {
    const og_graph *g;
    ogi_buf *out;
} printer;

static og_status print_program(void *user, const char *what, const ogi_lower_spec *spec)
{
    printer *to = user;
    ogi_arena mem = { .ctx = to->g->ctx };
    ogi_kprog *p;
    og_status st = ogi_lower(spec, &mem, &p);
    if (st == OG_OK) {
        ogi_buf_printf(to->out, "  %s\n", what);
        ogi_kprog_print(to->g, p, to->out);
    }
    ogi_arena_free(&mem);
    return st;
}

static og_status print_group(const ogi_plan *p, int b, ogi_buf *out)
{
    const ogi_group *g = &p->group[b];
    ogi_buf_printf(out, "group %d\n", b);
    if (g->kind == OGI_GROUP_KERNEL)
        ogi_buf_printf(out, "  kernel %s\n", ogi_op_name(g->member[0]->op));
    return ogi_group_each(p, b, print_program, &(printer){ p->graph, out });
}

static og_format format_of(const options *o)
{
    if (o->json) return OG_JSON;
    return !o->format || !strcmp(o->format, "text") ? OG_TEXT
           : !strcmp(o->format, "json")             ? OG_JSON
                                                    : OG_DOT;
}

/* The plan of the CPU for the range that holds --tokens. */
static og_status print_plan(og_ctx *ctx, const og_graph *g, const options *o, ogi_buf *out)
{
    og_graph *passed = NULL;
    ogi_plan *p = NULL;
    og_status st = ogi_passes_run(g, NULL, o->model.skip, &passed);
    int64_t n = OGI_MAX(o->tokens, 1), lo = n <= 1 ? 1 : n <= 16 ? 2 : 17;
    ogi_plan_options po = { .no_fuse = o->no_fuse, .prologue_max = 16 };
    if (st == OG_OK && passed->n_sym) {
        int64_t max = passed->sym[0].max;
        if (n > max) {
            og_graph_free(passed);
            OG_FAIL(ctx, OG_E_INVALID, "--tokens %lld: a step has at most %lld", (long long)n,
                    (long long)max);
        }
        po.sym_min[0] = OGI_MIN(lo, max);
        po.sym_max[0] = OGI_MIN(n <= 1 ? 1 : n <= 16 ? 16 : max, max);
        for (int i = 1; i < passed->n_sym; i++)
            if (!strcmp(passed->sym[i].name, "S"))
                po.sym_max[i] = OGI_MIN(passed->sym[i].max, po.sym_max[0]);
    }
    if (st == OG_OK) st = ogi_plan_build(passed, &po, &p);
    if (st == OG_OK && !o->kernels) st = ogi_plan_print(p, format_of(o), out);
    for (int b = 0; st == OG_OK && o->kernels && b < p->n_group; b++) st = print_group(p, b, out);
    ogi_plan_free(p);
    og_graph_free(passed);
    return st == OG_OK && out->failed
               ? ogi_fail(ctx, OG_E_MEMORY, __FILE__, __LINE__, "out of memory")
               : st;
}

static og_status print_graph(og_ctx *ctx, const og_graph *g, const options *o, ogi_buf *out)
{
    og_graph *passed = NULL;
    char *text = NULL;
    og_format format = format_of(o);
    og_status st = OG_OK;
    if (o->after) st = ogi_passes_run(g, o->after, o->model.skip, &passed);
    if (st == OG_OK) st = og_graph_print(passed ? passed : g, format, &text);
    if (st == OG_OK) ogi_buf_puts(out, text);
    og_text_free(ctx, text);
    og_graph_free(passed);
    return st;
}

static og_status run(og_ctx *ctx, const char *path, const options *o)
{
    ogi_gguf *file = NULL;
    ogi_model *model = NULL;
    og_graph *parsed = NULL;
    const og_graph *g = NULL;
    ogi_buf out = { .ctx = ctx };
    og_status st = open_graph(ctx, path, o, &file, &model, &parsed, &g);
    bool is_all = o->export || o->embed, is_given = o->embed && o->model.graph;
    if (st == OG_OK && is_given)
        st = ogi_model_text_read(file, ctx, o->model.graph, &out);
    else if (st == OG_OK && is_all)
        st = ogi_model_print(model, &out);
    else if (st == OG_OK)
        st = o->plan || o->kernels ? print_plan(ctx, g, o, &out) : print_graph(ctx, g, o, &out);
    if (st == OG_OK) st = cli_output_check(ctx, o->out, path);
    if (st == OG_OK && o->embed)
        st = graph_embed(ctx, file, (ogi_sv){ out.p, out.n }, o->out);
    else if (st == OG_OK)
        st = cli_output_write(ctx, o->out, file, &out);
    ogi_buf_free(&out);
    og_graph_free(parsed);
    ogi_model_close(model);
    ogi_gguf_close(file);
    return st;
}

/* What is asked for twice, or has no effect on what is printed. -1 to go on. */
static int check(const options *o)
{
    bool is_plan = o->plan || o->kernels, is_text_file;
    const char *format = o->format ? o->format : "";
    if (*format && strcmp(format, "text") && strcmp(format, "json") && strcmp(format, "dot"))
        return cli_usage_error("--format wants text, json or dot, not '%s'", format);
    if (o->embed && (o->export || !strcmp(o->out, "-")))
        return cli_usage_error("--embed writes a model: -o FILE, and no --export");
    if ((o->export || o->embed) &&
        (is_plan || o->after || o->json || *format || o->entry || o->no_fuse))
        return cli_usage_error(
            "--export and --embed take all graphs as they are built: no --entry, "
            "--after, --format, --plan, --kernels");
    if (o->plan && o->kernels) return cli_usage_error("--plan or --kernels, not both");
    if (o->json && *format && strcmp(format, "json") != 0)
        return cli_usage_error("--json and --format %s exclude each other", format);
    if (o->plan && !strcmp(format, "dot"))
        return cli_usage_error("a plan is printed as text or JSON, not as dot");
    if (o->kernels && (o->json || (*format && strcmp(format, "text") != 0)))
        return cli_usage_error("kernels are printed as text alone");
    if (o->after && is_plan)
        return cli_usage_error(
            "--plan and --kernels show what is behind the last pass: no --after");
    if (!is_plan && (o->no_fuse || o->tokens != NOT_GIVEN))
        return cli_usage_error("%s says something with --plan or --kernels alone",
                               o->no_fuse ? "--no-fuse" : "--tokens");
    if (is_plan && o->tokens != NOT_GIVEN && o->tokens < 1)
        return cli_usage_error("--tokens wants at least 1");
    if (o->model.skip && !is_plan && !o->after)
        return cli_usage_error("--skip says something with --after, --plan or --kernels alone");
    is_text_file = !is_gguf(o->path) && !access(o->path, R_OK);
    if (is_text_file && (o->entry || o->export || o->embed || o->model.graph || o->model.kv ||
                         o->model.n_ctx || o->model.override.n))
        return cli_usage_error(
            "%s is one graph in text form: --entry, --export, --embed, --graph, -c, --kv and "
            "--override-kv are for models",
            o->path);
    return -1;
}

int cmd_graph(int argc, char **argv)
{
    options o = { .tokens = NOT_GIVEN, .out = "-" };
    const char *args[1];
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--after", CLI_STR, &o.after, "PASS", "the graph after this pass; default: as built" },
        { "--format", CLI_STR, &o.format, "text|json|dot", "how to print it; default text" },
        { "--entry", CLI_STR, &o.entry, "step|head|pool|encode",
          "which graph of the model; default step" },
        { "--export", CLI_FLAG, &o.export, NULL, "all graphs of the model, as --graph reads them" },
        { "--embed", CLI_FLAG, &o.embed, NULL,
          "write the model to -o with these graphs, or those of --graph, in it" },
        { "--plan", CLI_FLAG, &o.plan, NULL, "the plan: groups, barriers, bytes, arena" },
        { "--kernels", CLI_FLAG, &o.kernels, NULL, "the kernel IR of the plan's groups" },
        { "--tokens", CLI_INT, &o.tokens, "N", "plan for steps of so many tokens; default 1" },
        { "--no-fuse", CLI_FLAG, &o.no_fuse, NULL, "plan without fusion" },
        { "--json", CLI_FLAG, &o.json, NULL, "the same as --format json" },
        { "-o|--output", CLI_STR, &o.out, "FILE", "where it goes; default: standard output" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_graph_options(&o.model, &all);
    cli_spec spec = { "oxigraph graph MODEL [--after PASS] [--format text|json|dot] [--plan]",
                      "MODEL is a GGUF file, or a graph in text form (docs/form.md).",
                      all.opt,
                      all.n,
                      1,
                      1 };
    og_model_options mo;
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0) status = cli_model_config(&o.model, &mo);
    o.path = args[0];
    if (status < 0) status = check(&o);
    if (status >= 0) return status;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    if (run(ctx, args[0], &o) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
