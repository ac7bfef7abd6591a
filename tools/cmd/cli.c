/* SPDX-License-Identifier: MIT
 *
 * What every command begins and ends with: descriptors, contexts, errors, standard output. */
#include "tools/cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/chat/chat.h"

void cli_add(cli_options *o, const char *heading, const cli_opt *opt, int n)
{
    OGI_ASSERT(o->n + n + 1 <= CLI_MAX_OPTIONS);
    if (heading) o->opt[o->n++] = (cli_opt){ .name = heading, .kind = CLI_SECTION };
    memcpy(o->opt + o->n, opt, (size_t)n * sizeof *opt);
    o->n += n;
}

int cli_usage_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "oxigraph: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "; see --help\n");
    va_end(args);
    return 2;
}

/* A line on standard error. What it quotes from models and files must not drive the terminal. */
static void tell(const char *what, const char *line)
{
    fprintf(stderr, "oxigraph: %s", what);
    run_print_to(stderr, false, line, strlen(line));
    fputc('\n', stderr);
}

static void log_line(void *user, og_log_level level, const char *line)
{
    (void)user;
    if (level >= OG_LOG_WARN) tell(level == OG_LOG_WARN ? "warning: " : "", line);
}

/* A file opened later must not become standard output. What was closed is opened the wrong way
 * round, so that using it fails. */
void cli_begin(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0) return;
}

/* Why standard output has failed. stdio keeps no reason, so it is asked for again: whatever
 * refused the output refuses a line end too. */
static int stdout_error(void)
{
    int err = fflush(stdout) ? errno : 0;
    if (err || !ferror(stdout)) return err;
    return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : EIO;
}

int cli_end(int status)
{
    int err = stdout_error();
    if (fclose(stdout) && !err) err = errno;
    if (!err) return status;
    if (err == EPIPE) return CLI_NO_READER;
    fprintf(stderr, "oxigraph: standard output: cannot write: %s\n", strerror(err));
    return status ? status : 1;
}

bool cli_is_screen(FILE *f)
{
    const char *term = getenv("TERM");
    return isatty(fileno(f)) && term && *term && strcmp(term, "dumb") != 0;
}

bool cli_has_colour(FILE *f)
{
    const char *no = getenv("NO_COLOR");
    return cli_is_screen(f) && !(no && *no);
}

og_ctx *cli_ctx(void)
{
    og_ctx *ctx = NULL;
    if (og_ctx_new(&(og_ctx_options){ .log = log_line }, &ctx) != OG_OK)
        fprintf(stderr, "oxigraph: out of memory\n");
    return ctx;
}

static bool has_no_reader;

void cli_no_reader(void)
{
    has_no_reader = true;
}

int cli_fail(og_ctx *ctx)
{
    if (!has_no_reader) tell("", og_error(ctx)[0] ? og_error(ctx) : "failed without a reason");
    og_ctx_free(ctx);
    return has_no_reader ? CLI_NO_READER : 1;
}
