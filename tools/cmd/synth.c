/* SPDX-License-Identifier: MIT
 *
 * `oxigraph synth`: writes a model with random weights as a GGUF. */
#include <errno.h>
#include <stdio.h>

#include "tools/cmd/cli_progress.h"
#include "tools/cmd/cli_shape.h"

typedef struct output {
    FILE *file;
    int64_t done, size;
    cli_progress progress;
} output;

static bool write_piece(void *user, const void *p, int64_t n)
{
    output *o = user;
    if (fwrite(p, 1, (size_t)n, o->file) != (size_t)n) return false;
    o->done += n;
    cli_progress_update(&o->progress, (double)o->done / (double)o->size);
    return true;
}

/* Writes beside path and renames: path is whole or untouched. */
static og_status write_file(og_ctx *ctx, ogi_synth *s, const char *path)
{
    ogi_buf part = { .ctx = ctx };
    ogi_buf_printf(&part, "%s.part", path);
    if (part.failed) return OG_E_MEMORY;
    output o = { .file = fopen(part.p, "wb"), .size = ogi_synth_size(s) };
    og_status st = OG_OK;
    if (o.file) {
        cli_progress_begin(&o.progress, path);
        st = ogi_synth_write(s, write_piece, &o);
        cli_progress_end(&o.progress);
    }
    bool failed = !o.file || st == OG_E_CANCELLED; /* only a failed write stops it */
    int why = errno;
    if (o.file && fclose(o.file) && !failed) failed = true, why = errno;
    if (!failed && st == OG_OK && rename(part.p, path)) failed = true, why = errno;
    if (o.file && (failed || st != OG_OK)) remove(part.p);
    ogi_buf_free(&part);
    if (!failed) return st;
    og_error_clear(ctx);
    OG_FAIL(ctx, OG_E_IO, "%s: %s", path, strerror(why));
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
    if (st == OG_OK) st = write_file(ctx, s, path);
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
        { "-o|--output", CLI_STR, &path, "FILE", "where the model goes" },
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
