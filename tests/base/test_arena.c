/* SPDX-License-Identifier: MIT
 *
 * Arenas: pieces are zeroed, aligned, stay where they are, and die together. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"

static int64_t live;

/* Blocks alive, and fresh memory that is not zero by chance. */
static void *counted(void *user, void *p, size_t size)
{
    (void)user;
    live += p ? (size ? 0 : -1) : (size ? 1 : 0);
    if (!size) {
        free(p);
        return NULL;
    }
    if (size > SIZE_MAX / 4) return NULL; /* what sanitizers would stop at */
    void *q = realloc(p, size);
    if (q && !p) memset(q, 0xa5, size);
    return q;
}

static og_ctx *new_ctx(void)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = counted }, &ctx) == OG_OK);
    return ctx;
}

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    og_ctx *ctx = new_ctx();
    ogi_arena a = { .ctx = ctx };
    unsigned char *piece[500];
    for (int i = 0; i < OGI_LEN(piece); i++) {
        size_t n = (size_t)(i * 37 % 301 + 1);
        piece[i] = ogi_arena_alloc(&a, n, 1);
        cr_assert(piece[i] && (uintptr_t)piece[i] % 16 == 0);
        for (size_t k = 0; k < n; k++) cr_assert(piece[i][k] == 0);
        memset(piece[i], i, n);
    }
    for (int i = 0; i < OGI_LEN(piece); i++)
        for (int k = 0; k < i * 37 % 301 + 1; k++)
            cr_assert(piece[i][k] == (unsigned char)i, "piece %d was written over", i);
    ogi_arena_free(&a);
    og_ctx_free(ctx);
    cr_assert(live == 0);
}

Test(arena, takes_pieces_larger_than_its_blocks)
{
    og_ctx *ctx = new_ctx();
    ogi_arena a = { .ctx = ctx };
    char *large = ogi_arena_alloc(&a, 3 << 20, 1);
    cr_assert(large);
    large[(3 << 20) - 1] = 1;
    cr_assert_str_eq(ogi_arena_strndup(&a, "piece of text", 5), "piece");
    ogi_arena_free(&a);
    cr_assert(ogi_arena_alloc(&a, 8, 8), "it may be used again");
    ogi_arena_free(&a);
    og_ctx_free(ctx);
    cr_assert(live == 0);
}

Test(arena, sizes_that_overflow_are_refused)
{
    og_ctx *ctx = new_ctx();
    ogi_arena a = { .ctx = ctx };
    cr_assert(!ogi_arena_alloc(&a, SIZE_MAX / 2, 4));
    cr_assert(!ogi_arena_alloc(&a, SIZE_MAX, 1));
    cr_assert(strlen(og_error(ctx)));
    ogi_arena_free(&a);
    og_ctx_free(ctx);
}
