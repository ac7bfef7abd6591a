/* SPDX-License-Identifier: MIT
 *
 * Options of every command that runs a model: device, instruction set, threads, context, metadata
 * overrides; and loading with a progress line. */
#ifndef OG_TOOLS_CMD_CLI_MODEL_H
#define OG_TOOLS_CMD_CLI_MODEL_H

#include "oxigraph/model.h"
#include "tools/cmd/cli.h"

/* Zero it before use; kv may be preset to the command's default ("f16", "f32"). */
typedef struct cli_model {
    const char *device, *isa, *kv, *skip, *graph;
    const char *kv_k, *kv_v;  /* as others give them, one by one */
    char kv_both[64];         /* that as kv */
    const char **thread_list; /* where -t goes if the command takes a list; else NULL */
    int64_t n_thread, n_ctx;
    bool no_mmap, mlock;
    cli_list override;
} cli_model;

void cli_model_options(cli_model *m, cli_options *to);
/* Those alone that a model's graphs depend on. */
void cli_model_graph_options(cli_model *m, cli_options *to);

/* Fills what the options say; -1, or the exit status 2 (told) for a bad value. */
int cli_model_config(cli_model *m, og_model_options *out);

/* With a progress bar on stderr. */
og_status cli_model_load(og_ctx *ctx, const char *path, const og_model_options *opt,
                         og_model **out);

/* "1,2,3" to ids; -1, or exit status 2 (told). Free *out with free(). */
int cli_tokens(const char *option, const char *text, int32_t **out, int64_t *n);

#endif
