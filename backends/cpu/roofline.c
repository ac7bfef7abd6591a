/* SPDX-License-Identifier: MIT
 *
 * Measures the machine's limits with the probes of an instruction set on every thread. */
#include "backends/cpu/roofline.h"

#include <sched.h>
#include <sys/mman.h>

#include "base/clock.h"

enum { ROUNDS = 3 };

static const int64_t memory_size = INT64_C(512) << 20; /* beyond what a cache may hold */

typedef struct probe_job {
    const ogi_cpu_kernels *isa;
    ogi_pool *pool;
    ogi_probe_kind kind;
    char *memory;
    int64_t n; /* rounds of the arithmetic loops */
    double best;
    _Atomic int64_t work;
    _Atomic uint64_t sink;
    atomic_int arrived; /* at meetings, all together */
} probe_job;

/* Waits for all threads: they measure at the same time. */
static void meet(probe_job *j)
{
    int n = ogi_pool_threads(j->pool), mine = atomic_fetch_add(&j->arrived, 1);
    while (atomic_load(&j->arrived) < mine / n * n + n) sched_yield();
}

/* Each thread first writes its share, so that the pages exist, near it. */
static void run_probe(void *arg, int phase, int thread)
{
    (void)phase;
    probe_job *j = arg;
    int64_t share = memory_size / ogi_pool_threads(j->pool) / 4096 * 4096;
    char *p = j->memory ? j->memory + thread * share : NULL;
    for (int64_t i = 0; p && i < share; i += 64) p[i] = (char)(i >> 6);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t sink = 0;
        meet(j);
        double start = ogi_seconds();
        int64_t work = j->isa->probe(j->kind, p, p ? share : j->n, &sink);
        j->work += work;
        j->sink ^= sink;
        meet(j);
        if (thread == 0) {
            double rate = (double)j->work / (ogi_seconds() - start);
            j->best = rate > j->best ? rate : j->best;
            j->work = 0;
        }
    }
}

/* Operations or bytes a second. */
static double measure(probe_job *j, ogi_probe_kind kind, char *memory)
{
    j->kind = kind;
    j->memory = memory;
    j->best = 0;
    j->n = 1000;
    if (!memory) { /* as many as take about 20 ms */
        uint64_t sink = 0;
        double start = ogi_seconds(), t;
        do {
            j->n *= 2;
            j->isa->probe(kind, NULL, j->n, &sink);
            t = ogi_seconds() - start;
        } while (t < 0.02);
        j->sink ^= sink;
    }
    j->arrived = 0;
    ogi_pool_run(j->pool, run_probe, j, 1);
    return j->best;
}

og_status ogi_roofline_measure(og_ctx *ctx, ogi_pool *pool, const ogi_cpu_kernels *isa,
                               ogi_roofline *out)
{
    probe_job j = { .isa = isa, .pool = pool };
    *out = (ogi_roofline){ 0 };
    char *memory =
        mmap(NULL, (size_t)memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        OG_FAIL(ctx, OG_E_MEMORY, "roofline: no %d MB of memory to read", (int)(memory_size >> 20));
    madvise(memory, (size_t)memory_size, MADV_NOHUGEPAGE);
    out->read_gb_s = measure(&j, OGI_PROBE_READ, memory) / 1e9;
    munmap(memory, (size_t)memory_size);
    out->f32_gflop_s = measure(&j, OGI_PROBE_F32, NULL) / 1e9;
    out->bf16_gflop_s = measure(&j, OGI_PROBE_BF16, NULL) / 1e9;
    out->int8_gop_s = measure(&j, OGI_PROBE_INT8, NULL) / 1e9;
    return OG_OK;
}
