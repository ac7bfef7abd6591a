/* SPDX-License-Identifier: MIT
 *
 * Two gates, one that starts a job and one that is the barrier. A gate is a counter: whoever waits
 * remembers its value, spins, then sleeps until it differs. The last thread at a barrier resets
 * the count of waiting ones before it opens the gate, so the next barrier may begin at once.
 *
 * Every field that a worker reads is written before gate_open(start) and read after gate_wait. */
#include "base/pool.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

/* About 20 us of pausing before a thread sleeps: longer than the gap between two groups of a
 * step, shorter than the gap between two tokens of a reader. */
enum { SPINS = 4000 };

/* A counter threads wait on: `seq` advances, sleepers are woken through the condition. */
typedef struct gate {
    atomic_uint seq;
    atomic_int n_sleeping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
} gate;

struct ogi_pool {
    og_ctx *ctx;
    int n_thread, n_started;
    int n_spin;
    pthread_t *thread;
    void (*job)(void *, int);
    void *arg;
    bool stop;
    gate start, barrier;
    atomic_int n_waiting;
    atomic_llong n_barrier;
};

typedef struct worker_arg {
    ogi_pool *pool;
    int index;
} worker_arg;

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void gate_wait(gate *g, unsigned seen, int spins)
{
    for (int i = 0; i < spins; i++) {
        if (atomic_load_explicit(&g->seq, memory_order_acquire) != seen) return;
        pause_cpu();
    }
    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->n_sleeping, 1);
    while (atomic_load(&g->seq) == seen) pthread_cond_wait(&g->wake, &g->lock);
    atomic_fetch_sub(&g->n_sleeping, 1);
    pthread_mutex_unlock(&g->lock);
}

static void gate_open(gate *g)
{
    atomic_fetch_add(&g->seq, 1);
    if (!atomic_load(&g->n_sleeping)) return;
    pthread_mutex_lock(&g->lock);
    pthread_cond_broadcast(&g->wake);
    pthread_mutex_unlock(&g->lock);
}

void ogi_pool_barrier(ogi_pool *pool)
{
    if (pool->n_thread == 1) {
        atomic_fetch_add_explicit(&pool->n_barrier, 1, memory_order_relaxed);
        return;
    }
    unsigned seen = atomic_load_explicit(&pool->barrier.seq, memory_order_acquire);
    if (atomic_fetch_add(&pool->n_waiting, 1) == pool->n_thread - 1) {
        atomic_store(&pool->n_waiting, 0);
        atomic_fetch_add_explicit(&pool->n_barrier, 1, memory_order_relaxed);
        gate_open(&pool->barrier);
        return;
    }
    gate_wait(&pool->barrier, seen, pool->n_spin);
}

static void *worker(void *p)
{
    worker_arg a = *(worker_arg *)p;
    ogi_pool *pool = a.pool;
    ogi_free(pool->ctx, p);
    fesetenv(FE_DFL_ENV);
    for (unsigned seen = 0;; seen++) {
        gate_wait(&pool->start, seen, pool->n_spin);
        if (pool->stop) return NULL;
        pool->job(pool->arg, a.index);
        ogi_pool_barrier(pool);
    }
}

void ogi_pool_run(ogi_pool *pool, void (*job)(void *arg, int thread), void *arg)
{
    fenv_t callers;
    fegetenv(&callers);
    fesetenv(FE_DFL_ENV);
    pool->job = job;
    pool->arg = arg;
    if (pool->n_thread > 1) gate_open(&pool->start);
    job(arg, 0);
    ogi_pool_barrier(pool);
    fesetenv(&callers);
}

static int usable_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 1024 ? 1024 : (int)n;
}

static void gate_init(gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->wake, NULL);
}

static void gate_destroy(gate *g)
{
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->wake);
}

/* Signals are the program's: its own threads get them, no worker. Only what a thread does wrong
 * itself stays with it. */
static int start_thread(pthread_t *thread, worker_arg *arg)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    sigset_t all, old;
    sigfillset(&all);
    for (int i = 0; i < OGI_LEN(own); i++) sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(thread, NULL, worker, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return err;
}

og_status ogi_pool_new(og_ctx *ctx, int n_thread, ogi_pool **out)
{
    *out = NULL;
    int n = n_thread > 0 ? OGI_MIN(n_thread, 1024) : usable_cores();
    ogi_pool *pool = OGI_NEW(ctx, ogi_pool);
    if (!pool) return OG_E_MEMORY;
    pool->ctx = ctx, pool->n_thread = n;
    /* More threads than cores must not spin: the one they wait for needs the core. */
    pool->n_spin = n > usable_cores() ? 0 : SPINS;
    gate_init(&pool->start), gate_init(&pool->barrier);
    pool->thread = OGI_NEW_N(ctx, pthread_t, n);
    for (int i = 1; pool->thread && i < n; i++, pool->n_started++) {
        worker_arg *a = OGI_NEW(ctx, worker_arg);
        if (a) *a = (worker_arg){ pool, i };
        if (!a || start_thread(&pool->thread[i], a) != 0) {
            ogi_free(ctx, a);
            ogi_pool_free(pool);
            OG_FAIL(ctx, OG_E_MEMORY, "cannot start thread %d of %d; try fewer with -t", i + 1, n);
        }
    }
    if (!pool->thread) {
        ogi_pool_free(pool);
        return OG_E_MEMORY;
    }
    *out = pool;
    return OG_OK;
}

void ogi_pool_free(ogi_pool *pool)
{
    if (!pool) return;
    pool->stop = true;
    gate_open(&pool->start);
    for (int i = 1; i <= pool->n_started; i++) pthread_join(pool->thread[i], NULL);
    gate_destroy(&pool->start), gate_destroy(&pool->barrier);
    ogi_free(pool->ctx, pool->thread);
    ogi_free(pool->ctx, pool);
}

int ogi_pool_threads(const ogi_pool *pool)
{
    return pool->n_thread;
}
int64_t ogi_pool_barrier_count(const ogi_pool *pool)
{
    return atomic_load(&pool->n_barrier);
}
