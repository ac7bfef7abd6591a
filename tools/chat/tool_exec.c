/* SPDX-License-Identifier: MIT
 *
 * One loop feeds and drains the pipes and watches the clock. The process group is killed before
 * its leader is waited for, so that its number cannot have become another's. */
#include "tools/chat/tool_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

enum { TICK_MS = 50, CHUNK = 65536 };

/* ---- command lines ------------------------------------------------------------------------- */

/* One word at *p to *to; false: a quote is not closed. */
static bool take_word(const char **p, char **to)
{
    char quote = 0;
    for (; **p && (quote || !strchr(" \t\n", **p)); ++*p) {
        if (**p == quote) {
            quote = 0;
        } else if (!quote && (**p == '\'' || **p == '"')) {
            quote = **p;
        } else {
            if (**p == '\\' && quote != '\'' && (*p)[1]) ++*p;
            *(*to)++ = **p;
        }
    }
    *(*to)++ = 0;
    return !quote;
}

og_status tool_command_parse(og_ctx *ctx, const char *line, tool_command *out)
{
    size_t n = strlen(line), n_word = 0;
    *out = (tool_command){ OGI_NEW_N(ctx, char *, n / 2 + 2), OGI_NEW_N(ctx, char, n + 2) };
    bool ok = out->argv && out->text;
    char *to = out->text;
    for (const char *p = line; ok; n_word++) {
        p += strspn(p, " \t\n");
        if (!*p) break;
        out->argv[n_word] = to;
        ok = take_word(&p, &to);
    }
    if (ok && n_word) return OG_OK;
    bool is_memory = !out->argv || !out->text;
    tool_command_free(ctx, out);
    if (is_memory) return OG_E_MEMORY;
    OG_FAIL(ctx, OG_E_INVALID, "'%s': %s", line, ok ? "no command" : "a quote is not closed");
}

void tool_command_free(og_ctx *ctx, tool_command *c)
{
    ogi_free(ctx, c->argv);
    ogi_free(ctx, c->text);
    *c = (tool_command){ 0 };
}

/* ---- starting ------------------------------------------------------------------------------ */

typedef struct child {
    pid_t pid;
    int in, out, err; /* our ends; -1: closed */
    const char *input;
    size_t n_input;
    double deadline;
} child;

static void close_end(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* fd[0] is read from, fd[1] written to; neither is passed on. */
static bool open_pipe(int fd[2])
{
    if (pipe(fd) != 0) return false;
    for (int i = 0; i < 2; i++) fcntl(fd[i], F_SETFD, FD_CLOEXEC);
    return true;
}

/* 0, or an errno. pair: in, out, err. */
static int spawn(const tool_command *c, int pair[3][2], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t usual, none;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attr);
    if (!error) {
        sigemptyset(&none);
        sigemptyset(&usual);
        sigaddset(&usual, SIGINT);
        sigaddset(&usual, SIGPIPE);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setsigdefault(&attr, &usual);
        posix_spawnattr_setsigmask(&attr, &none);
        for (int i = 0; i < 3 && !error; i++)
            error = posix_spawn_file_actions_adddup2(&actions, pair[i][i != 0], i);
        if (!error) error = posix_spawnp(pid, c->argv[0], &actions, &attr, c->argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static og_status start(og_ctx *ctx, const tool_command *c, child *k)
{
    int pair[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    int error = 0;
    for (int i = 0; i < 3 && !error; i++)
        if (!open_pipe(pair[i])) error = errno;
    if (!error) error = spawn(c, pair, &k->pid);
    for (int i = 0; i < 3; i++) close_end(&pair[i][i != 0]);
    k->in = pair[0][1];
    k->out = pair[1][0];
    k->err = pair[2][0];
    if (!error) {
        fcntl(k->in, F_SETFL, O_NONBLOCK);
        return OG_OK;
    }
    close_end(&k->in), close_end(&k->out), close_end(&k->err);
    OG_FAIL(ctx, OG_E_IO, "%s: %s", c->argv[0], strerror(error));
}

/* ---- running ------------------------------------------------------------------------------- */

static void feed(child *k)
{
    ssize_t n = write(k->in, k->input, k->n_input);
    if (n > 0) {
        k->input += n;
        k->n_input -= (size_t)n;
    }
    bool is_lost = n < 0 && errno != EAGAIN && errno != EINTR; /* it reads no more: EPIPE */
    if (is_lost || !k->n_input) close_end(&k->in);
}

/* Keeps at most limit bytes; *over: there was more. */
static void drain(int *fd, ogi_buf *to, size_t limit, bool *over)
{
    char chunk[CHUNK / 16];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
        close_end(fd);
        return;
    }
    size_t room = limit - OGI_MIN(to->n, limit);
    *over |= (size_t)n > room;
    ogi_buf_add(to, chunk, OGI_MIN((size_t)n, room));
}

static bool has_exited(pid_t pid)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* One round; false when there is nothing more to come. */
static bool pump(child *k, const tool_limits *limits, tool_outcome *o)
{
    struct pollfd p[] = { { .fd = k->in, .events = POLLOUT },
                          { .fd = k->out, .events = POLLIN },
                          { .fd = k->err, .events = POLLIN } };
    bool exited = has_exited(k->pid), over = false, ignored = false;
    bool is_silent = k->out < 0 && k->err < 0; /* it will exit now */
    int n = poll(p, 3, exited ? 0 : is_silent ? 1 : TICK_MS);
    if (n > 0 && p[0].revents) feed(k);
    if (n > 0 && p[1].revents) drain(&k->out, &o->out, limits->bytes, &over);
    if (n > 0 && p[2].revents) drain(&k->err, &o->err, limits->bytes, &ignored);
    if (over) o->end = TOOL_LONG;
    /* what runs on in the background may hold the pipes open: it is not waited for */
    return !over && !(exited && (n <= 0 || is_silent));
}

static void run(child *k, const tool_limits *limits, bool (*go_on)(void), tool_outcome *o)
{
    o->end = TOOL_EXITED;
    if (!k->n_input) close_end(&k->in);
    while (o->end == TOOL_EXITED && pump(k, limits, o)) {
        if (!go_on())
            o->end = TOOL_INTERRUPTED;
        else if (ogi_seconds() > k->deadline)
            o->end = TOOL_LATE;
    }
}

static void finish(child *k, tool_outcome *o)
{
    int status = 0;
    if (o->end != TOOL_EXITED) {
        kill(-k->pid, SIGKILL);
        kill(k->pid, SIGKILL); /* it may have left its group */
    }
    close_end(&k->in), close_end(&k->out), close_end(&k->err);
    while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR) continue;
    if (o->end == TOOL_EXITED && WIFSIGNALED(status)) o->end = TOOL_KILLED;
    o->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

og_status tool_exec(og_ctx *ctx, const tool_command *c, const char *input, size_t n_input,
                    const tool_limits *limits, bool (*go_on)(void), tool_outcome *o)
{
    child k = { .input = input, .n_input = n_input, .deadline = ogi_seconds() + limits->seconds };
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    o->out.n = o->err.n = 0;
    sigaction(SIGPIPE, &ignore, &old); /* a program that does not read its input */
    og_status st = start(ctx, c, &k);
    if (st == OG_OK) {
        run(&k, limits, go_on, o);
        finish(&k, o);
    }
    sigaction(SIGPIPE, &old, NULL);
    if (st == OG_OK && (o->out.failed || o->err.failed)) st = OG_E_MEMORY;
    return st;
}
