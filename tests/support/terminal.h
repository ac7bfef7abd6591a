/* SPDX-License-Identifier: MIT
 *
 * A program on a pseudo-terminal: what is typed at it, what it shows. */
#ifndef OGT_TERMINAL_H
#define OGT_TERMINAL_H

#include <stddef.h>
#include <sys/types.h>

typedef struct ogt_terminal {
    int fd;
    pid_t pid;
    char seen[1 << 16];
    size_t n, from;   /* from: where the next wait begins */
    int shows_typing; /* after the end */
} ogt_terminal;

/* argv: NULL-terminated, with the program's path in front. 80 x 24; $OGT_TERM is its kind (xterm);
 * without $XDG_STATE_HOME the program finds no place for a history. */
void ogt_terminal_start(ogt_terminal *t, const char *const *argv);
void ogt_terminal_type(ogt_terminal *t, const char *text);
/* Reads until text shows up after what was typed last, at most 60 s. */
void ogt_terminal_await(ogt_terminal *t, const char *text);
/* Waits for its end, and takes what is still shown; its exit status, -1 if a signal killed it. */
int ogt_terminal_end(ogt_terminal *t);

#endif
