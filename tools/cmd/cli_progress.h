/* SPDX-License-Identifier: MIT
 *
 * A progress bar on stderr: only on a terminal, and only for what takes longer than a second. */
#ifndef OG_TOOLS_CMD_CLI_PROGRESS_H
#define OG_TOOLS_CMD_CLI_PROGRESS_H

#include "tools/cmd/cli.h"

typedef struct cli_progress {
    const char *what; /* "writing model.gguf" */
    bool is_terminal, is_shown;
    double start; /* seconds */
    int percent;
} cli_progress;

void cli_progress_begin(cli_progress *p, const char *what);
void cli_progress_update(cli_progress *p, double done); /* 0..1 */
void cli_progress_end(cli_progress *p);                 /* wipes the line */

#endif
