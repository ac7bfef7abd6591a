/* SPDX-License-Identifier: MIT
 *
 * Options of every command that runs a model: device, instruction set, threads, context, metadata
 * overrides; and loading with a progress line. */
#ifndef OG_TOOLS_CLI_MODEL_H
#define OG_TOOLS_CLI_MODEL_H

#include "oxigraph/model.h"
#include "tools/cli.h"

enum { CLI_MODEL_OPTIONS = 8 };

/* Zero it before use; kv may be preset to the command's default ("f16", "f32"). */
typedef struct cli_model {
    const char *device, *isa, *kv, *skip;
    int64_t n_thread, n_ctx;
    cli_list override;
} cli_model;

/* Writes the options to opt; returns how many (CLI_MODEL_OPTIONS). */
int cli_model_options(cli_model *m, cli_opt *opt);

/* Fills what the options say; -1, or the exit status 2 (told) for a bad value. */
int cli_model_config(const cli_model *m, og_model_options *out);

/* A progress line on stderr while loading takes longer than half a second on a terminal. */
og_status cli_model_load(og_ctx *ctx, const char *path, const og_model_options *opt,
                         og_model **out);

/* "1,2,3" to ids; -1, or exit status 2 (told). Free *out with free(). */
int cli_tokens(const char *option, const char *text, int32_t **out, int64_t *n);

#endif
