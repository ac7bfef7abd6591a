/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench tokenize`: how fast texts become tokens. */
#ifndef OG_TOOLS_BENCH_TOKENIZE_H
#define OG_TOOLS_BENCH_TOKENIZE_H

#include "tools/cmd/cli.h"

/* argv[0] is the subcommand's name; returns the exit status. */
int bench_tokenize(int argc, char **argv);

#endif
