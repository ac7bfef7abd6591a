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
#include <signal.h>

#include "base/cpus.h"

/* state: number of the phase, IDLE while none is open, and how many threads are in it. Whoever
 * leaves last opens the next one with the same step, so that a phase ends when all who came have
 * left, whoever else is still asleep, or waits for a core. Numbers never come again: a thread that
 * was away cannot take an old phase for a new one. */
enum { ACTIVE = 0xffff, IDLE = 0x10000, PHASE_SHIFT = 17 };

/* Pauses before a thread sleeps: longer than most waits for the rest of a group. Who sleeps soon
 * gets its core back at once when it is woken on a busy machine; who yields waits for a time slice
 * (2 threads beside 2 busy processes, against 1 thread: 1.5 times as fast, 0.9 with yielding). */
enum { SPINS = 1000 };

struct ogi_pool {
    og_ctx *ctx;
    int n_thread, n_started;
    int n_spin;
    pthread_t *thread;
    ogi_cpus cpus;
    int *place; /* of each thread in cpus; the caller's stays where it is */
    /* The job; written while no phase is open. */
    ogi_pool_fn *fn;
    void *arg;
    uint64_t first; /* number of its first phase */
    int n_phase;
    atomic_bool is_ending;
    char apart[64]; /* what all write lies on lines of its own, wherever the pool lies */
    atomic_uint_least64_t state;
    char apart2[64];
    atomic_int n_sleeping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
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

static inline uint64_t phase_of(uint64_t state)
{
    return state & ~(uint64_t)ACTIVE;
}

/* The state once it is another phase than `seen`. */
static uint64_t wait_change(ogi_pool *pool, uint64_t seen)
{
    uint64_t s;
    for (int i = 0; i < pool->n_spin; i++) {
        s = atomic_load_explicit(&pool->state, memory_order_acquire);
        if (phase_of(s) != phase_of(seen)) return s;
        pause_cpu();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_sleeping, 1);
    while (phase_of(s = atomic_load(&pool->state)) == phase_of(seen))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->n_sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
    return s;
}

static void wake_all(ogi_pool *pool)
{
    if (!atomic_load(&pool->n_sleeping)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* The state behind phase s, as its last thread leaves it. */
static uint64_t next_phase(const ogi_pool *pool, uint64_t s)
{
    uint64_t next = (s >> PHASE_SHIFT) + 1;
    return next << PHASE_SHIFT | (next == pool->first + (uint64_t)pool->n_phase ? IDLE : 0);
}

/* Leaves the phase, and waits for its end. */
static uint64_t leave(ogi_pool *pool)
{
    uint64_t s = atomic_load_explicit(&pool->state, memory_order_relaxed), next;
    do {
        next = (s & ACTIVE) > 1 ? s - 1 : next_phase(pool, s);
    } while (!atomic_compare_exchange_weak(&pool->state, &s, next));
    if (phase_of(next) == phase_of(s)) return wait_change(pool, next);
    wake_all(pool);
    return next;
}

/* Joins the open phase and those after it, until none is open; the state then. */
static uint64_t take_part(ogi_pool *pool, int thread)
{
    uint64_t s = atomic_load_explicit(&pool->state, memory_order_acquire);
    while (!(s & IDLE)) {
        if (!atomic_compare_exchange_weak(&pool->state, &s, s + 1)) continue;
        pool->fn(pool->arg, (int)((s >> PHASE_SHIFT) - pool->first), thread);
        s = leave(pool);
    }
    return s;
}

static void *worker(void *p)
{
    worker_arg a = *(worker_arg *)p;
    ogi_pool *pool = a.pool;
    ogi_free(pool->ctx, p);
    fesetenv(FE_DFL_ENV);
    if (pool->cpus.n) ogi_cpus_stay_near(&pool->cpus, pool->place[a.index]);
    for (;;) {
        uint64_t s = take_part(pool, a.index);
        if (atomic_load(&pool->is_ending)) return NULL;
        wait_change(pool, s);
    }
}

static void run_job(ogi_pool *pool, ogi_pool_fn *fn, void *arg, int n_phase)
{
    if (pool->n_thread == 1 || n_phase == 0) {
        for (int i = 0; i < n_phase; i++) fn(arg, i, 0);
        return;
    }
    uint64_t s = atomic_load_explicit(&pool->state, memory_order_relaxed);
    pool->fn = fn, pool->arg = arg;
    pool->n_phase = n_phase, pool->first = s >> PHASE_SHIFT;
    atomic_store(&pool->state, s & ~(uint64_t)IDLE);
    wake_all(pool);
    take_part(pool, 0);
}

void ogi_pool_run(ogi_pool *pool, ogi_pool_fn *fn, void *arg, int n_phase)
{
    fenv_t callers;
    fegetenv(&callers);
    fesetenv(FE_DFL_ENV);
    run_job(pool, fn, arg, n_phase);
    fesetenv(&callers);
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

/* How many threads, where they go, and whether they may spin: who has more threads than cores waits
 * for one that needs the core. */
static og_status choose_threads(ogi_pool *pool, int n_thread)
{
    ogi_cpus *c = &pool->cpus;
    ogi_cpus_read("/sys", "/proc/self/cgroup", false, c);
    int n_core = ogi_cpus_cores(c);
    int n = n_thread > 0 ? OGI_MIN(n_thread, OGI_MAX_CPU) : ogi_cpus_default_threads(c);
    if (n > n_core)
        ogi_log(pool->ctx, OG_LOG_WARN,
                "%d threads, but this process may use %d cores: more are slower", n, n_core);
    pool->n_thread = n;
    pool->n_spin = n > n_core ? 0 : SPINS;
    pool->thread = OGI_NEW_N(pool->ctx, pthread_t, n);
    pool->place = OGI_NEW_N(pool->ctx, int, n);
    if (!pool->thread || !pool->place) return OG_E_MEMORY;
    ogi_cpus_place(c, n, pool->place);
    return OG_OK;
}

static og_status start_threads(ogi_pool *pool)
{
    for (int i = 1; i < pool->n_thread; i++, pool->n_started++) {
        worker_arg *a = OGI_NEW(pool->ctx, worker_arg);
        if (a) *a = (worker_arg){ pool, i };
        if (a && start_thread(&pool->thread[i], a) == 0) continue;
        ogi_free(pool->ctx, a);
        OG_FAIL(pool->ctx, OG_E_MEMORY, "cannot start thread %d of %d; try fewer with -t", i + 1,
                pool->n_thread);
    }
    return OG_OK;
}

og_status ogi_pool_new(og_ctx *ctx, int n_thread, ogi_pool **out)
{
    *out = NULL;
    ogi_pool *pool = OGI_NEW(ctx, ogi_pool);
    if (!pool) return OG_E_MEMORY;
    pool->ctx = ctx;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    atomic_store(&pool->state, IDLE);
    og_status s = choose_threads(pool, n_thread);
    if (s == OG_OK) s = start_threads(pool);
    if (s != OG_OK) {
        ogi_pool_free(pool);
        return s;
    }
    *out = pool;
    return OG_OK;
}

void ogi_pool_free(ogi_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->is_ending, true);
    atomic_fetch_add(&pool->state, UINT64_C(1) << PHASE_SHIFT);
    wake_all(pool);
    for (int i = 1; i <= pool->n_started; i++) pthread_join(pool->thread[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    ogi_free(pool->ctx, pool->thread);
    ogi_free(pool->ctx, pool->place);
    ogi_free(pool->ctx, pool);
}

int ogi_pool_threads(const ogi_pool *pool)
{
    return pool->n_thread;
}
