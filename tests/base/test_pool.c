/* SPDX-License-Identifier: MIT
 *
 * The thread pool: every thread does its part of every job, and no thread passes a barrier before
 * all have come to it. */
#include <criterion/criterion.h>

#include "base/pool.h"

enum { MAX_THREAD = 7, PHASES = 200 };

typedef struct work {
    ogi_pool *pool;
    int n_thread;
    atomic_int done[PHASES];
    atomic_int n_early, seen[MAX_THREAD];
} work;

/* Counts itself in each phase, and whom it overtook. */
static void phases(void *arg, int thread)
{
    work *w = arg;
    atomic_fetch_add(&w->seen[thread], 1);
    for (int i = 0; i < PHASES; i++) {
        atomic_fetch_add(&w->done[i], 1);
        ogi_pool_barrier(w->pool);
        if (atomic_load(&w->done[i]) != w->n_thread) atomic_fetch_add(&w->n_early, 1);
    }
}

static void check(int n_thread)
{
    og_ctx *ctx;
    work w = { .n_thread = n_thread };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_pool_new(ctx, n_thread, &w.pool) == OG_OK, "%s", og_error(ctx));
    cr_assert(ogi_pool_threads(w.pool) == n_thread);
    int64_t allocs = ogi_alloc_count(ctx), barriers = ogi_pool_barrier_count(w.pool);
    for (int job = 1; job <= 5; job++) {
        for (int i = 0; i < PHASES; i++) atomic_store(&w.done[i], 0);
        ogi_pool_run(w.pool, phases, &w);
        for (int t = 0; t < n_thread; t++) cr_assert(w.seen[t] == job, "thread %d", t);
        for (int i = 0; i < PHASES; i++) cr_assert(w.done[i] == n_thread, "phase %d", i);
    }
    cr_assert(w.n_early == 0, "%d times a thread passed a barrier early", w.n_early);
    cr_assert(ogi_pool_barrier_count(w.pool) - barriers == 5 * (PHASES + 1));
    cr_assert(ogi_alloc_count(ctx) == allocs, "a job allocates nothing");
    ogi_pool_free(w.pool);
    og_ctx_free(ctx);
}

Test(pool, one_thread_is_the_caller)
{
    check(1);
}

Test(pool, barriers_hold_every_thread)
{
    check(2);
    check(MAX_THREAD); /* more than there are cores: sleepers are woken */
}

Test(pool, by_default_there_is_a_thread_for_each_core)
{
    og_ctx *ctx;
    ogi_pool *pool;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_pool_new(ctx, 0, &pool) == OG_OK && ogi_pool_threads(pool) >= 1);
    ogi_pool_free(pool);
    og_ctx_free(ctx);
}
