/* SPDX-License-Identifier: MIT
 *
 * One thread pool. A job is a row of phases that begin one after another; threads join a phase when
 * they get to it. The calling thread is thread 0. */
#ifndef OG_BASE_POOL_H
#define OG_BASE_POOL_H

#include <stdatomic.h>

#include "base/ctx.h"

typedef struct ogi_pool ogi_pool;

/* n_thread <= 0: one for each core the process may use. */
og_status ogi_pool_new(og_ctx *ctx, int n_thread, ogi_pool **out);
void ogi_pool_free(ogi_pool *pool);
int ogi_pool_threads(const ogi_pool *pool);

/* Part of phase `phase`: takes pieces of its work from a counter until none is left. */
typedef void ogi_pool_fn(void *arg, int phase, int thread);

/* Runs phases 0 .. n_phase - 1. A phase is done when one thread at least has called fn, and all
 * that have called it have returned: nobody waits for a thread that the system keeps from its core,
 * unless it holds a piece of work. Returns when all phases are done. No allocation. The
 * caller's thread has the default floating-point environment (rounding, flushing, traps) as the
 * workers have, and its own again afterwards: what a job computes depends on no caller. */
void ogi_pool_run(ogi_pool *pool, ogi_pool_fn *fn, void *arg, int n_phase);

#endif
