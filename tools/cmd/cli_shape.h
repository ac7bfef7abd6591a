/* SPDX-License-Identifier: MIT
 *
 * The --shape option of synth and bench. */
#ifndef OG_TOOLS_CMD_CLI_SHAPE_H
#define OG_TOOLS_CMD_CLI_SHAPE_H

#include "models/synth.h"
#include "tools/cmd/cli.h"

/* Finds a built-in shape. Returns -1 to go on, otherwise the exit status: 0 after listing them for
 * "help", 2 if there is none of that name (told on stderr) or name is NULL. */
int cli_shape(const char *name, const ogi_synth_shape **out);

#endif
