/* SPDX-License-Identifier: MIT
 *
 * The program on a pseudo-terminal of 80 by 24: what it prints is gathered, and awaited by its
 * text and never by time. */
#define _XOPEN_SOURCE 700
#include "tests/support/terminal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

void ogt_terminal_start(ogt_terminal *t, const char *const *argv)
{
    char *copy[64] = { NULL };
    for (int i = 0; argv[i] && i < 63; i++) copy[i] = strdup(argv[i]);
    *t = (ogt_terminal){ .fd = posix_openpt(O_RDWR | O_NOCTTY) };
    cr_assert(t->fd >= 0 && !grantpt(t->fd) && !unlockpt(t->fd));
    ioctl(t->fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = 80 });
    t->pid = fork();
    if (!t->pid) {
        setsid();
        int fd = open(ptsname(t->fd), O_RDWR);
        ioctl(fd, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++) dup2(fd, i);
        setenv("TERM", getenv("OGT_TERM") ? getenv("OGT_TERM") : "xterm", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        if (!getenv("XDG_STATE_HOME")) unsetenv("HOME");
        execv(copy[0], copy);
        _exit(127);
    }
    for (int i = 0; copy[i]; i++) free(copy[i]);
}

void ogt_terminal_type(ogt_terminal *t, const char *text)
{
    t->from = t->n;
    cr_assert_eq(write(t->fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* false when there is nothing more to come. */
static int take(ogt_terminal *t)
{
    struct pollfd p = { .fd = t->fd, .events = POLLIN };
    char got[1024];
    if (poll(&p, 1, 100) <= 0) return 1;
    ssize_t n = read(t->fd, got, sizeof got);
    for (ssize_t k = 0; k < n && t->n < sizeof t->seen - 1; k++) t->seen[t->n++] = got[k];
    return n > 0;
}

void ogt_terminal_await(ogt_terminal *t, const char *text)
{
    for (int i = 0; i < 600 && !strstr(t->seen + t->from, text) && take(t); i++) continue;
    cr_assert(strstr(t->seen + t->from, text), "'%s' did not show up in: %s", text, t->seen);
    t->from = (size_t)(strstr(t->seen + t->from, text) - t->seen) + strlen(text);
}

int ogt_terminal_end(ogt_terminal *t)
{
    int status;
    struct termios mode;
    for (int i = 0; i < 600 && take(t); i++) continue;
    cr_assert_eq(waitpid(t->pid, &status, 0), t->pid);
    t->shows_typing = !tcgetattr(t->fd, &mode) && mode.c_lflag & ECHO;
    close(t->fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
