/* SPDX-License-Identifier: MIT
 *
 * Runs a program for a tool call: no shell, limits on time and output, nothing left behind. */
#ifndef OG_TOOLS_CHAT_TOOL_EXEC_H
#define OG_TOOLS_CHAT_TOOL_EXEC_H

#include "base/buf.h"

/* A command line in words: split at blanks; '...' is taken as it is, in "..." a backslash frees
 * the byte behind it, as outside quotes. */
typedef struct tool_command {
    char **argv; /* NULL-terminated */
    char *text;  /* what argv points into */
} tool_command;

og_status tool_command_parse(og_ctx *ctx, const char *line, tool_command *out);
void tool_command_free(og_ctx *ctx, tool_command *c);

typedef struct tool_limits {
    double seconds;
    size_t bytes; /* of standard output; also of what is kept of standard error */
} tool_limits;

typedef enum tool_end {
    TOOL_EXITED,
    TOOL_KILLED,      /* by a signal that was not ours */
    TOOL_LATE,        /* over the time limit: killed */
    TOOL_LONG,        /* over the output limit: killed */
    TOOL_INTERRUPTED, /* go_on said so: killed */
} tool_end;

typedef struct tool_outcome {
    ogi_buf out, err;
    tool_end end;
    int status; /* exit status, or signal of TOOL_KILLED */
} tool_outcome;

/* Runs argv[0] (found in PATH) in a process group of its own with input on standard input; go_on
 * is asked every now and then. Start with an outcome with out.ctx and err.ctx. Errors: OG_E_IO (it
 * cannot be started). */
og_status tool_exec(og_ctx *ctx, const tool_command *c, const char *input, size_t n_input,
                    const tool_limits *limits, bool (*go_on)(void), tool_outcome *o);

#endif
