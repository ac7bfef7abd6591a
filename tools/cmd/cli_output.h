/* SPDX-License-Identifier: MIT
 *
 * The file of -o: written by base/file.h, never one that the command reads, and given up without a
 * trace when the program is told to end. */
#ifndef OG_TOOLS_CMD_CLI_OUTPUT_H
#define OG_TOOLS_CMD_CLI_OUTPUT_H

#include <signal.h>

#include "base/file.h"
#include "formats/gguf.h"

enum { CLI_ENDING_SIGNALS = 4 };

typedef struct cli_output {
    ogi_file_writer file;
    struct sigaction old[CLI_ENDING_SIGNALS];
} cli_output;

/* input: the model that the command reads, NULL: none. Every output that was begun is ended. */
og_status cli_output_begin(og_ctx *ctx, const char *path, const ogi_gguf *input, cli_output *out);
/* OG_E_CANCELLED: the program is to end. */
og_status cli_output_put(cli_output *o, const void *data, size_t n);
/* st: of what was written. OG_OK keeps the file, all else leaves what was there. Ends the program
 * if a signal has told it to. */
og_status cli_output_end(cli_output *o, og_status st);
/* All three at once. */
og_status cli_output_write(og_ctx *ctx, const char *path, const ogi_gguf *input, const ogi_buf *b);
/* Refuses to write onto a file that is read. */
og_status cli_output_check(og_ctx *ctx, const char *path, const char *input);

#endif
