/* SPDX-License-Identifier: MIT
 *
 * One thread pool: a job runs on all threads at once, phases inside a job are separated by
 * barriers that spin, then sleep. The calling thread is thread 0. */
#ifndef OG_BASE_POOL_H
#define OG_BASE_POOL_H

#include <stdatomic.h>

#include "base/ctx.h"

typedef struct ogi_pool ogi_pool;

/* n_thread <= 0: one for each core the process may use. */
og_status ogi_pool_new(og_ctx *ctx, int n_thread, ogi_pool **out);
void ogi_pool_free(ogi_pool *pool);
int ogi_pool_threads(const ogi_pool *pool);

/* Runs job(arg, thread) on every thread; returns when all are done. No allocation. The caller's
 * thread has the default floating-point environment (rounding, flushing, traps) as the workers
 * have, and its own again afterwards: what a job computes depends on no caller. */
void ogi_pool_run(ogi_pool *pool, void (*job)(void *arg, int thread), void *arg);
/* Inside a job: waits for all threads. */
void ogi_pool_barrier(ogi_pool *pool);
/* Barriers since the pool was made: what the plans' barrier counts are checked against. */
int64_t ogi_pool_barrier_count(const ogi_pool *pool);

#endif
