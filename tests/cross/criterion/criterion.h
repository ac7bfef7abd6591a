/* SPDX-License-Identifier: MIT
 *
 * Stands in for Criterion where it is not available, in cross builds: Test and cr_assert, with one
 * process for all tests of a file. Found first through -I tests/cross. */
#ifndef OG_TESTS_CROSS_CRITERION_H
#define OG_TESTS_CROSS_CRITERION_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void ogt_fail(const char *file, int line, const char *what, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%s:%d: %s: ", file, line, what);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    exit(1);
}

#define cr_assert(cond, ...)                                                                       \
    ((cond) ? (void)0 : ogt_fail(__FILE__, __LINE__, #cond, " " __VA_ARGS__))

#define Test(suite, name)                                                                          \
    static void suite##_##name(void);                                                              \
    __attribute__((constructor)) static void run_##suite##_##name(void)                            \
    {                                                                                              \
        printf("%s: %s\n", #suite, #name);                                                         \
        fflush(stdout);                                                                            \
        suite##_##name();                                                                          \
    }                                                                                              \
    static void suite##_##name(void)

int main(void)
{
    return 0;
} /* the tests have run by now */

#endif
