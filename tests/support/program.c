/* SPDX-License-Identifier: MIT
 *
 * Runs the program with its streams in files, so that no pipe can fill up and no test waits for
 * another. */
#include "tests/support/program.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/golden.h"

static char *take(const char *path, size_t *n)
{
    int64_t size;
    char *p = ogt_read(path, &size);
    unlink(path);
    *n = (size_t)size;
    return p ? p : calloc(1, 1);
}

ogt_result ogt_run_command(const char *command, ...)
{
    char out[] = "/tmp/ogt_out_XXXXXX", err[] = "/tmp/ogt_err_XXXXXX", line[8192];
    int fd_out = mkstemp(out), fd_err = mkstemp(err);
    va_list args;
    va_start(args, command);
    int n = vsnprintf(line, sizeof line, command, args);
    va_end(args);
    /* Redirect first, so that every part of a longer command line is kept. The test's own input
     * is a pipe that never ends. */
    char all[sizeof line + 128];
    snprintf(all, sizeof all, "exec >%s 2>%s </dev/null; %.*s", out, err, n, line);
    int status = system(all);
    if (fd_out >= 0) close(fd_out);
    if (fd_err >= 0) close(fd_err);
    ogt_result r = { .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1 };
    size_t n_err;
    r.out = take(out, &r.n_out);
    r.err = take(err, &n_err);
    return r;
}

void ogt_result_free(ogt_result *r)
{
    free(r->out);
    free(r->err);
    *r = (ogt_result){ 0 };
}
