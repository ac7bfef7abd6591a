/* SPDX-License-Identifier: MIT
 *
 * The options that constrain output, for every subcommand that generates. */
#ifndef OG_TOOLS_CMD_CLI_GRAMMAR_H
#define OG_TOOLS_CMD_CLI_GRAMMAR_H

#include "oxigraph/grammar.h"
#include "tools/cmd/cli.h"

/* Zero it before use. */
typedef struct cli_grammar {
    const char *gbnf, *gbnf_file, *schema, *schema_file, *regex, *format, *after;
} cli_grammar;

void cli_grammar_options(cli_grammar *g, cli_options *to);
/* *out is NULL where no constraint is asked for. Returns -1 to go on; 2 for a usage error (told);
 * 1 for an error that is left in ctx. */
int cli_grammar_compile(og_ctx *ctx, const cli_grammar *g, const og_vocab_view *vocab,
                        og_grammar **out);

#endif
