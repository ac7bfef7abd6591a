/* SPDX-License-Identifier: MIT
 *
 * What the subcommands share: their entry points and the option parser. */
#ifndef OG_TOOLS_CMD_CLI_H
#define OG_TOOLS_CMD_CLI_H

#include <stdio.h>

#include "base/buf.h"

#define COMMAND(name, doc) int cmd_##name(int argc, char **argv);
#include "tools/cmd/commands.def"
#undef COMMAND

/* One option of a subcommand. `into` is written by kind:
 *   FLAG bool*, NOFLAG bool* (set false), INT int64_t*, FLOAT double*, STR const char**,
 *   LIST cli_list* (repeatable; strings borrowed from argv).
 * SECTION is no option: its name is the heading of those that follow. */
typedef enum cli_kind {
    CLI_FLAG,
    CLI_NOFLAG,
    CLI_INT,
    CLI_FLOAT,
    CLI_STR,
    CLI_LIST,
    CLI_SECTION,
} cli_kind;

typedef struct cli_list {
    const char *item[256];
    int n;
} cli_list;

typedef struct cli_opt {
    const char *name; /* "--ids" or "-n|--predict": names separated by | */
    cli_kind kind;
    void *into;
    const char *arg; /* what the help calls the value; NULL for flags */
    const char *doc;
} cli_opt;

enum { CLI_MAX_OPTIONS = 128, CLI_NO_READER = 141 /* as shells count SIGPIPE */ };

/* A command's options: its own, and those it shares with others. */
typedef struct cli_options {
    cli_opt opt[CLI_MAX_OPTIONS];
    int n;
} cli_options;

/* Appends n options, under a heading in the help unless that is NULL. */
void cli_add(cli_options *o, const char *heading, const cli_opt *opt, int n);

typedef struct cli_spec {
    const char *usage; /* "oxigraph tokenize MODEL [options] < text" */
    const char *doc;   /* one paragraph; may be NULL */
    const cli_opt *opt;
    int n_opt;
    int min_args, max_args; /* positional arguments */
} cli_spec;

/* Parses argv[1..] of the command argv[0]: options anywhere, `--name=value`, `--name value` and
 * `-n8`, `--` ends options, a lone "-" is positional; what others call an option is taken as
 * cli_others.def says. Positional arguments end up in args, *n_args. Returns -1 to go on; otherwise
 * the exit status at once: 0 after --help, 2 after a usage error (told on stderr). */
int cli_parse(const cli_spec *spec, int argc, char **argv, const char **args, int *n_args);

enum { CLI_MAX_DEFAULT = 80 };
/* What holds without the option, "" if its text says that or nothing does. */
const char *cli_default(const cli_opt *o, char out[CLI_MAX_DEFAULT]);
/* What --help tells, as JSON on standard output (cli_describe.c); an exit status. */
int cli_describe(const cli_spec *spec);
/* Prints a json_t, which it frees; an exit status. */
int cli_print_json(void *json);

/* Before anything else: descriptors 0 to 2 are open. */
void cli_begin(void);
/* Behind everything else: what was printed has arrived, or status is not 0 and a line on stderr
 * says why. 141, quietly, if nobody reads it any more. Returns the exit status. */
int cli_end(int status);

/* Does the file show control sequences: a terminal that is not dumb? Colours too: unless NO_COLOR.
 */
bool cli_is_screen(FILE *f);
bool cli_has_colour(FILE *f);

/* --verbose: what the library tells goes to stderr, not warnings alone. */
void cli_be_verbose(void);
/* --log-file: all of it goes there too; -1, or exit status 1 (told). Only what is a log already is
 * written on. */
int cli_log_to(const char *path);
/* Is anybody told? */
bool cli_is_verbose(void);

/* A context whose warnings and errors go to stderr. NULL when memory is out (told). */
og_ctx *cli_ctx(void);
/* Prints "oxigraph: <og_error>" on stderr, frees ctx, returns exit status 1; after
 * cli_no_reader(): nothing, and 141. */
int cli_fail(og_ctx *ctx);
/* What failed is a write to a pipe that nobody reads any more. */
void cli_no_reader(void);
/* "oxigraph COMMAND: text" and where to look, on stderr; returns 2. */
int cli_usage_error(const char *fmt, ...) OG_PRINTF(1, 2);

#endif
