/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out anywhere between opening a model and its first logits is a clean error:
 * nothing leaks, nothing crashes. The allocator fails at the n-th call, for n over the whole run.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ctx.h"
#include "runtime/engine.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

typedef struct budget {
    atomic_long left; /* calls until the failure */
    atomic_long live; /* blocks */
} budget;

static void *limited(void *user, void *p, size_t size)
{
    budget *b = user;
    if (size == 0) {
        if (p) atomic_fetch_sub(&b->live, 1);
        free(p);
        return NULL;
    }
    if (atomic_fetch_sub(&b->left, 1) <= 0) return NULL;
    if (!p) atomic_fetch_add(&b->live, 1);
    return realloc(p, size);
}

static bool ignore_row(void *user, int f, int64_t i, const float *row)
{
    (void)f, (void)i, (void)row;
    ++*(int *)user;
    return true;
}

static og_status load_and_run(og_ctx *ctx, const ogt_spec *spec)
{
    ogi_gguf *file;
    og_model *m = NULL;
    og_feed feed = { .token = (int32_t[]){ 1, 2, 3, 4, 5, 6, 7 }, .n = 7 };
    og_model_options o = { .device = { .n_thread = 2 }, .n_ctx = 64 };
    int rows = 0;
    og_status st = ogi_gguf_open_memory(ctx, "m", spec->gguf, spec->gguf_size, NULL, 0, &file);
    if (st == OG_OK) st = ogi_model_load_gguf(ctx, file, &o, &m);
    if (st == OG_OK) st = og_sequence_new(m, &feed.seq);
    if (st == OG_OK) st = og_model_feed(m, &feed, 1, OG_ROWS_ALL, ignore_row, &rows);
    cr_assert(st != OG_OK || rows == 7);
    og_model_free(m);
    return st;
}

/* The first failures one by one, then with growing gaps: the run makes thousands of calls. */
static void check(const char *name)
{
    char *dir = ogt_kind_dir("arch"), error[200];
    ogt_spec spec;
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    int n_failed = 0;
    for (long n = 0;; n += 1 + n / 150) {
        budget b = { n, 0 };
        og_ctx *ctx = NULL;
        og_ctx_options o = { .realloc = limited, .user = &b };
        og_status st = og_ctx_new(&o, &ctx);
        if (st == OG_OK) st = load_and_run(ctx, &spec);
        if (st != OG_OK && ctx)
            cr_assert(og_error(ctx)[0], "%s: call %ld failed without a message", name, n);
        og_ctx_free(ctx);
        cr_assert_eq(atomic_load(&b.live), 0, "%s: %ld blocks leak when call %ld fails", name,
                     atomic_load(&b.live), n);
        if (st == OG_OK) break;
        cr_assert_eq(st, OG_E_MEMORY, "%s: call %ld gave %s", name, n, og_status_text(st));
        n_failed++;
    }
    printf("%s: %d failing allocations, each a clean error\n", name, n_failed);
    cr_assert_gt(n_failed, 50);
    ogt_spec_free(&spec);
    free(dir);
}

Test(alloc, failures_of_a_llama_are_clean, .timeout = 300)
{
    check("llama");
}
Test(alloc, failures_of_experts_are_clean, .timeout = 300)
{
    check("llama-moe");
}
Test(alloc, failures_of_a_recurrent_model_are_clean, .timeout = 300)
{
    check("mamba");
}
