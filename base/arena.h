/* SPDX-License-Identifier: MIT
 *
 * A growing arena: many small pieces that die together. Pieces never move. */
#ifndef OG_BASE_ARENA_H
#define OG_BASE_ARENA_H

#include "base/ctx.h"

typedef struct ogi_arena {
    og_ctx *ctx;
    struct ogi_arena_block *top;
} ogi_arena;

/* Zeroed, 16-byte aligned; NULL and an error in the context on failure. */
void *ogi_arena_alloc(ogi_arena *a, size_t n, size_t size);
char *ogi_arena_strndup(ogi_arena *a, const char *s, size_t n);
void ogi_arena_free(ogi_arena *a); /* frees everything; the arena may be used again */

#endif
