/* SPDX-License-Identifier: MIT
 *
 * `oxigraph synth`: writes a model with random weights as a GGUF. */
#include "tools/cmd/cli_output.h"
#include "tools/cmd/cli_progress.h"
#include "tools/cmd/cli_shape.h"

typedef struct writer {
    cli_output out;
    og_status status;
    int64_t done, size;
    cli_progress progress;
} writer;

static bool write_piece(void *user, const void *p, int64_t n)
{
    writer *w = user;
    w->status = cli_output_put(&w->out, p, (size_t)n);
    w->done += n;
    cli_progress_update(&w->progress, (double)w->done / (double)w->size);
    return w->status == OG_OK;
}

static og_status write_file(og_ctx *ctx, ogi_synth *s, const ogi_gguf *vocab, const char *path)
{
    writer w = { .size = ogi_synth_size(s) };
    OG_TRY(cli_output_begin(ctx, path, vocab, &w.out));
    cli_progress_begin(&w.progress, path);
    og_status st = ogi_synth_write(s, write_piece, &w);
    cli_progress_end(&w.progress);
    return cli_output_end(&w.out, w.status != OG_OK ? w.status : st);
}

static og_status synth(og_ctx *ctx, const ogi_synth_shape *shape, const char *type,
                       const char *vocab, int64_t seed, const char *path)
{
    ogi_synth_options opt = { .shape = shape, .type = type, .seed = (uint64_t)seed };
    ogi_gguf *v = NULL;
    ogi_synth *s = NULL;
    if (vocab) OG_TRY(ogi_gguf_open(ctx, vocab, NULL, 0, &v));
    opt.vocab = v;
    og_status st = ogi_synth_new(ctx, &opt, &s);
    if (st == OG_OK) st = write_file(ctx, s, v, path);
    ogi_synth_free(s);
    ogi_gguf_close(v);
    return st;
}

int cmd_synth(int argc, char **argv)
{
    const char *name = NULL, *type = NULL, *vocab = NULL, *path = NULL;
    int64_t seed = 0;
    const cli_opt opt[] = {
        { "--shape", CLI_STR, &name, "NAME", "which model; --shape help lists them" },
        { "--type", CLI_STR, &type, "TYPE", "of all matrices (Q4_0), or a mixture (Q4_K_M)" },
        { "--vocab", CLI_STR, &vocab, "GGUF", "copy the tokenizer of this file" },
        { "--seed", CLI_INT, &seed, "N", "of the random weights; default 0" },
        { "-o|--output", CLI_STR, &path, "FILE", "where the model goes; - is standard output" },
    };
    const cli_spec spec = {
        "oxigraph synth --shape NAME --type TYPE [--vocab GGUF] -o FILE",
        "Writes a model of a built-in shape with random weights, for benchmarks and tests.",
        opt,
        OGI_LEN(opt),
        0,
        0,
    };
    const char *args[1];
    int n_args, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    const ogi_synth_shape *shape = NULL;
    status = cli_shape(name, &shape);
    if (status >= 0) return status;
    if (!type || !path) return cli_usage_error("synth wants --shape, --type and -o");
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    if (synth(ctx, shape, type, vocab, seed, path) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
