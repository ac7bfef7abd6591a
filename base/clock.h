/* SPDX-License-Identifier: MIT
 *
 * Seconds, from an arbitrary beginning. */
#ifndef OG_BASE_CLOCK_H
#define OG_BASE_CLOCK_H

#include <time.h>

static inline double ogi_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline double ogi_seconds(void)
{
    return ogi_clock(CLOCK_MONOTONIC);
}

/* Of this thread's work: what else the machine does is not in it. */
static inline double ogi_thread_seconds(void)
{
    return ogi_clock(CLOCK_THREAD_CPUTIME_ID);
}

#endif
