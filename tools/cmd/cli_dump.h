/* SPDX-License-Identifier: MIT
 *
 * Values inside a model (og_trace), collected over all steps and written as NumPy files. */
#ifndef OG_TOOLS_CMD_CLI_DUMP_H
#define OG_TOOLS_CMD_CLI_DUMP_H

#include "oxigraph/model.h"

typedef struct cli_dump {
    og_ctx *ctx;
    const char *dir;
    struct cli_dumped *value; /* in the order met */
    int64_t n, cap;
    bool failed; /* memory ran out */
} cli_dump;

/* An og_trace function: appends the rows of a step. */
bool cli_dump_take(void *dump, const og_traced *value);
/* DIR/NAME.npy for each; makes DIR. */
og_status cli_dump_write(cli_dump *d);
void cli_dump_free(cli_dump *d);

#endif
