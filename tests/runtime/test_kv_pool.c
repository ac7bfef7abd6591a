/* SPDX-License-Identifier: MIT
 *
 * The pool of pages: every id has one owner, and there is an end. */
#include <criterion/criterion.h>

#include "base/random.h"
#include "runtime/kv_pool.h"

enum { N = 50 };

Test(kv_pool, hands_out_rising_or_falling)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    for (int reversed = 0; reversed < 2; reversed++) {
        ogi_id_pool p;
        cr_assert(ogi_id_pool_init(ctx, N, reversed, &p) == OG_OK);
        for (int i = 0; i < N; i++) cr_assert(ogi_id_take(&p) == (reversed ? N - 1 - i : i));
        cr_assert(ogi_id_take(&p) == -1 && ogi_id_take(&p) == -1);
        ogi_id_pool_free(&p);
    }
    og_ctx_free(ctx);
}

Test(kv_pool, an_id_has_one_owner)
{
    og_ctx *ctx;
    ogi_id_pool p;
    int32_t owned[N];
    bool is_owned[N] = { false };
    uint64_t state = 3;
    int n = 0;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_id_pool_init(ctx, N, false, &p) == OG_OK);
    for (int i = 0; i < 10000; i++) {
        if (ogi_random(&state) % 100 < 55) {
            int32_t id = ogi_id_take(&p);
            cr_assert((id < 0) == (n == N));
            if (id < 0) continue;
            cr_assert(id < N && !is_owned[id], "%d twice", id);
            is_owned[id] = true;
            owned[n++] = id;
        } else if (n) {
            int k = (int)(ogi_random(&state) % (uint64_t)n);
            is_owned[owned[k]] = false;
            ogi_id_give(&p, owned[k]);
            owned[k] = owned[--n];
        }
    }
    ogi_id_pool_free(&p);
    og_ctx_free(ctx);
}

Test(kv_pool, the_system_tells_how_much_memory_there_is)
{
    int64_t n = ogi_memory_available();
    cr_assert(n > 1 << 20, "%lld bytes", (long long)n);
}
