/* SPDX-License-Identifier: MIT
 *
 * Runs a shell command and keeps what it said. */
#ifndef OGT_PROGRAM_H
#define OGT_PROGRAM_H

#include <stddef.h>

typedef struct ogt_result {
    int status;      /* exit status; -1: killed by a signal or not started */
    char *out, *err; /* NUL-terminated */
    size_t n_out;
} ogt_result;

/* command: a printf format of a shell command line. */
ogt_result ogt_run_command(const char *command, ...) __attribute__((format(printf, 1, 2)));
void ogt_result_free(ogt_result *r);

#endif
