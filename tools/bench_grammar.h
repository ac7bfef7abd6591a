/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench grammar`: what constraints cost. */
#ifndef OG_TOOLS_BENCH_GRAMMAR_H
#define OG_TOOLS_BENCH_GRAMMAR_H

#include "tools/cli.h"

/* argv[0] is the subcommand's name; returns the exit status. */
int bench_grammar(int argc, char **argv);

#endif
