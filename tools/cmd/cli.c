/* SPDX-License-Identifier: MIT
 *
 * Options as tables: one reader, one printer of help and one wording of errors for all
 * subcommands. */
#include "tools/cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/chat/chat.h"

/* "  -s,--seed X" and what it is for, on a line of its own where the names are long. */
static void help_option(const cli_opt *o)
{
    enum { WIDTH = 28 };
    int n = printf("  ") - 2;
    for (const char *p = o->name; *p; p++, n++) putchar(*p == '|' ? ',' : *p);
    if (o->arg) n += printf(" %s", o->arg);
    if (n > WIDTH) n = printf("\n  ") - 3;
    printf("%*s %s\n", WIDTH - n, "", o->doc);
}

static void help(const cli_spec *s)
{
    static const cli_opt help_itself = { "--help", CLI_FLAG, NULL, NULL, "this text" };
    printf("usage: %s\n", s->usage);
    if (s->doc) printf("\n%s\n", s->doc);
    printf("\noptions:\n");
    help_option(&help_itself);
    for (int i = 0; i < s->n_opt; i++) {
        if (s->opt[i].kind == CLI_SECTION)
            printf("\n%s:\n", s->opt[i].name);
        else
            help_option(&s->opt[i]);
    }
}

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

/* Does one of the |-separated names equal the n bytes at arg? */
static bool has_name(const char *names, const char *arg, size_t n)
{
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, "|");
        if (len == n && !memcmp(p, arg, n)) return true;
        p += len + (p[len] == '|');
    }
    return false;
}

static int store(const cli_opt *o, const char *value)
{
    char *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_SECTION: break;
    case CLI_FLAG: *(bool *)o->into = true; return -1;
    case CLI_NOFLAG: *(bool *)o->into = false; return -1;
    case CLI_STR: *(const char **)o->into = value; return -1;
    case CLI_INT: {
        long long v = strtoll(value, &end, 10);
        if (end == value || *end || errno)
            return cli_usage_error("%s wants an integer, not '%s'", o->name, value);
        *(int64_t *)o->into = v;
        return -1;
    }
    case CLI_FLOAT: {
        double v = strtod(value, &end);
        if (end == value || *end || isnan(v))
            return cli_usage_error("%s wants a number, not '%s'", o->name, value);
        *(double *)o->into = v;
        return -1;
    }
    case CLI_LIST: {
        cli_list *l = o->into;
        if (l->n == OGI_LEN(l->item))
            return cli_usage_error("%s is given more than %d times", o->name, l->n);
        l->item[l->n++] = value;
        return -1;
    }
    }
    return 2;
}

int cli_parse(const cli_spec *s, int argc, char **argv, const char **args, int *n_args)
{
    bool only_args = false;
    *n_args = 0;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (only_args || a[0] != '-' || !a[1]) {
            if (*n_args == s->max_args) return cli_usage_error("one argument too many: '%s'", a);
            args[(*n_args)++] = a;
            continue;
        }
        if (!strcmp(a, "--")) {
            only_args = true;
            continue;
        }
        if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
            help(s);
            return 0;
        }
        size_t n = !strncmp(a, "--", 2) ? strcspn(a, "=") : strlen(a);
        const cli_opt *o = NULL;
        for (int k = 0; k < s->n_opt && !o; k++)
            if (has_name(s->opt[k].name, a, n)) o = &s->opt[k];
        if (!o) return cli_usage_error("no option '%.*s'", (int)n, a);
        bool is_flag = o->kind == CLI_FLAG || o->kind == CLI_NOFLAG;
        const char *value = a[n] == '=' ? a + n + 1 : NULL;
        if (is_flag && value) return cli_usage_error("%.*s takes no value", (int)n, a);
        if (!is_flag && !value) {
            if (i + 1 == argc) return cli_usage_error("%s wants a value", a);
            value = argv[++i];
        }
        int status = store(o, value);
        if (status >= 0) return status;
    }
    if (*n_args < s->min_args)
        return cli_usage_error("an argument is missing; usage: %s", s->usage);
    return -1;
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
