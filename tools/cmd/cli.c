/* SPDX-License-Identifier: MIT
 *
 * What every command begins and ends with: descriptors, contexts, errors, standard output. */
#include "tools/cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/chat/chat.h"
#include "tools/cmd/cli_plugin.h"

#define LOG_HEAD "oxigraph "

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

/* ---- the log ------------------------------------------------------------------------------- */

static bool is_verbose;
static FILE *log_file;

void cli_be_verbose(void)
{
    is_verbose = true;
}

bool cli_is_verbose(void)
{
    return is_verbose || log_file;
}

/* A log begins with the program's name; what is no regular file holds nothing that could be lost.
 */
static bool may_log_to(const char *path)
{
    char head[sizeof LOG_HEAD] = LOG_HEAD;
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size) return true;
    FILE *f = fopen(path, "r");
    if (!f || fread(head, 1, sizeof head - 1, f) < sizeof head - 1) head[0] = 0;
    if (f) fclose(f);
    return !memcmp(head, LOG_HEAD, sizeof head - 1);
}

int cli_log_to(const char *path)
{
    char now[32] = "";
    time_t t = time(NULL);
    struct tm tm;
    if (log_file) return cli_usage_error("--log-file is given twice");
    if (!may_log_to(path)) {
        fprintf(stderr, "oxigraph: %s: is no log; it is left as it is\n", path);
        return 1;
    }
    log_file = !strcmp(path, "-") ? stdout : fopen(path, "a");
    if (!log_file) {
        fprintf(stderr, "oxigraph: %s: cannot write: %s\n", path, strerror(errno));
        return 1;
    }
    if (localtime_r(&t, &tm)) strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(log_file, LOG_HEAD "%s, %s\n", OG_VERSION, now);
    fflush(log_file);
    return -1;
}

static void log_line(void *user, og_log_level level, const char *line)
{
    static const char *const name[] = { "", "", "warning: ", "" };
    (void)user;
    if (level >= OG_LOG_WARN || is_verbose) tell(name[level], line);
    if (!log_file) return;
    fputs(name[level], log_file);
    run_print_to(log_file, true, line, strlen(line));
    fputc('\n', log_file);
    fflush(log_file);
}

/* ---- standard output ----------------------------------------------------------------------- */

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
    if (log_file && log_file != stdout && (ferror(log_file) | fclose(log_file))) {
        fprintf(stderr, "oxigraph: --log-file: cannot write\n");
        if (!status) status = 1;
    }
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
    if (!ctx || cli_plugins_register(ctx) == OG_OK) return ctx;
    cli_fail(ctx);
    return NULL;
}

static bool has_no_reader;

void cli_no_reader(void)
{
    has_no_reader = true;
}

int cli_fail(og_ctx *ctx)
{
    if (log_file && og_error(ctx)[0]) fprintf(log_file, "%s\n", og_error(ctx));
    if (!has_no_reader) tell("", og_error(ctx)[0] ? og_error(ctx) : "failed without a reason");
    og_ctx_free(ctx);
    return has_no_reader ? CLI_NO_READER : 1;
}
