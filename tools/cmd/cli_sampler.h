/* SPDX-License-Identifier: MIT
 *
 * The sampling options of the command line, for every subcommand that samples. */
#ifndef OG_TOOLS_CMD_CLI_SAMPLER_H
#define OG_TOOLS_CMD_CLI_SAMPLER_H

#include "formats/gguf.h"
#include "oxigraph/sampler.h"
#include "tools/cmd/cli.h"

enum { CLI_SAMPLER_FIELDS = 40, CLI_SAMPLER_NAME = 80, CLI_SAMPLER_DOC = 120 };

/* Zero it before use; it must live as long as the option table. */
typedef struct cli_sampler {
    const char *value[CLI_SAMPLER_FIELDS]; /* as given; NULL: not given */
    char name[CLI_SAMPLER_FIELDS][CLI_SAMPLER_NAME];
    char doc[CLI_SAMPLER_FIELDS][CLI_SAMPLER_DOC];
    const char *samplers, *config;
    cli_list breaker, bias;
} cli_sampler;

void cli_sampler_options(cli_sampler *s, cli_options *to);

/* The key of an option, by any of its names without dashes: "repeat-penalty" is "penalty_repeat". A
 * name that is none stays. */
void cli_sampler_key(const char *name, char key[static CLI_SAMPLER_NAME]);

/* Defaults, then what the model's file recommends (may be NULL), then --config, then flags.
 * Returns -1 to go on, otherwise the exit status, told on stderr (2 for a bad flag). ctx stays. */
int cli_sampler_config(og_ctx *ctx, const cli_sampler *s, const ogi_gguf *model,
                       og_sampler_config *out);

#endif
