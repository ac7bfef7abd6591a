/* SPDX-License-Identifier: MIT
 *
 * --arch FILE.so: architectures from outside, for every command. */
#ifndef OG_TOOLS_CLI_PLUGIN_H
#define OG_TOOLS_CLI_PLUGIN_H

#include "oxigraph/arch.h"

/* Takes every `--arch FILE` out of the command line and opens the files. An exit status, with the
 * reason told, or -1: all are open. */
int cli_plugins_open(int *argc, char **argv);
/* Makes them known to a context of the program. */
og_status cli_plugins_register(og_ctx *ctx);

#endif
