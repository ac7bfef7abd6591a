/* SPDX-License-Identifier: MIT
 *
 * The thread pool: every piece of every phase is done once, a phase sees what those before it
 * wrote, with fewer and with more threads than cores, and a pool that had nothing to do ends. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/pool.h"

enum { N_PHASE = 200, N_PIECE = 7 };

typedef struct job {
    atomic_int next[N_PHASE];
    int value[N_PHASE][N_PIECE]; /* 1 + the largest of the phase before */
    atomic_int n_wrong;
} job;

static void run_phase(void *arg, int phase, int thread)
{
    job *j = arg;
    (void)thread;
    for (int i; (i = atomic_fetch_add(&j->next[phase], 1)) < N_PIECE;) {
        int want = phase;
        for (int k = 0; phase > 0 && k < N_PIECE; k++)
            if (j->value[phase - 1][k] != want) atomic_fetch_add(&j->n_wrong, 1);
        j->value[phase][i] += want + 1;
    }
}

static void check(int n_thread)
{
    og_ctx *ctx;
    ogi_pool *pool;
    job *j = calloc(1, sizeof *j);
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(ogi_pool_new(ctx, n_thread, &pool), OG_OK);
    cr_assert_eq(ogi_pool_threads(pool), n_thread);
    int64_t allocs = ogi_alloc_count(ctx);
    for (int round = 0; round < 50; round++) {
        memset(j, 0, sizeof *j);
        ogi_pool_run(pool, run_phase, j, round % 3 ? N_PHASE : round % N_PHASE);
        int n = round % 3 ? N_PHASE : round % N_PHASE;
        cr_assert_eq(j->n_wrong, 0, "a phase began before the one before it was done");
        for (int p = 0; p < N_PHASE; p++)
            for (int i = 0; i < N_PIECE; i++)
                cr_assert_eq(j->value[p][i], p < n ? p + 1 : 0, "phase %d, piece %d", p, i);
    }
    cr_assert_eq(ogi_alloc_count(ctx), allocs, "a job allocates nothing");
    ogi_pool_free(pool);
    og_ctx_free(ctx);
    free(j);
}

Test(pool, phases_follow_each_other)
{
    check(1);
    check(2);
    check(3);
    check(16);
}

Test(pool, ends_without_a_job)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    for (int i = 0; i < 100; i++) {
        ogi_pool *pool;
        cr_assert_eq(ogi_pool_new(ctx, 1 + i % 5, &pool), OG_OK);
        ogi_pool_free(pool);
    }
    og_ctx_free(ctx);
}

static void count(void *arg, int phase, int thread)
{
    (void)phase, (void)thread;
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* One thread at least calls each phase; a job of one phase is over before the pool is freed. */
Test(pool, ends_behind_its_last_job)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    for (int i = 0; i < 200; i++) {
        ogi_pool *pool;
        atomic_int n = 0;
        cr_assert_eq(ogi_pool_new(ctx, 4, &pool), OG_OK);
        ogi_pool_run(pool, count, &n, 1);
        cr_assert(n >= 1 && n <= 4);
        ogi_pool_free(pool);
    }
    og_ctx_free(ctx);
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
