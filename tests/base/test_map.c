/* SPDX-License-Identifier: MIT
 *
 * The hash map against a plain array. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/map.h"

static og_ctx *ctx;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}

static void tear_down(void)
{
    og_ctx_free(ctx);
}

TestSuite(map, .init = set_up, .fini = tear_down);

Test(map, holds_what_was_put_last)
{
    static char key[5000][16];
    ogi_map m = { .ctx = ctx };
    for (int i = 0; i < OGI_LEN(key); i++) {
        snprintf(key[i], sizeof key[i], "key %d", i);
        cr_assert(ogi_map_put(&m, ogi_sv_of(key[i]), i) == OG_OK);
    }
    for (int i = 0; i < OGI_LEN(key); i += 3)
        cr_assert(ogi_map_put(&m, ogi_sv_of(key[i]), -i) == OG_OK);
    cr_assert(m.n == OGI_LEN(key), "an existing key is no new one");
    for (int i = 0; i < OGI_LEN(key); i++)
        cr_assert(ogi_map_get(&m, ogi_sv_of(key[i]), 1 << 20) == (i % 3 ? i : -i));
    cr_assert(ogi_map_get(&m, OGI_SV("key"), 77) == 77 &&
              ogi_map_get(&m, OGI_SV("key 5000"), 78) == 78);
    ogi_map_free(&m);
}

Test(map, keys_are_bytes_of_any_length)
{
    ogi_map m = { .ctx = ctx };
    cr_assert(ogi_map_get(&m, OGI_SV("a"), -5) == -5, "an empty map has nothing");
    cr_assert(ogi_map_put(&m, OGI_SV(""), 1) == OG_OK &&
              ogi_map_put(&m, OGI_SV("a\0b"), 2) == OG_OK);
    cr_assert(ogi_map_put(&m, OGI_SV("a"), 3) == OG_OK);
    cr_assert(ogi_map_get(&m, (ogi_sv){ NULL, 0 }, -1) == 1);
    cr_assert(ogi_map_get(&m, OGI_SV("a\0b"), -1) == 2 &&
              ogi_map_get(&m, OGI_SV("a\0c"), -1) == -1);
    ogi_map_free(&m);
}

Test(map, a_reserved_map_does_not_allocate)
{
    static char key[1000][8];
    ogi_map m = { .ctx = ctx };
    cr_assert(ogi_map_reserve(&m, OGI_LEN(key)) == OG_OK);
    int64_t before = ogi_alloc_count(ctx);
    for (int i = 0; i < OGI_LEN(key); i++) {
        snprintf(key[i], sizeof key[i], "%d", i);
        cr_assert(ogi_map_put(&m, ogi_sv_of(key[i]), i) == OG_OK);
    }
    cr_assert(ogi_alloc_count(ctx) == before);
    ogi_map_free(&m);
}
