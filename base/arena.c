/* SPDX-License-Identifier: MIT
 *
 * Blocks from the context, filled from the bottom, each at least twice as large as the one before
 * up to 1 MiB:
 *
 *   top -> [used | free]   next -> [full]   next -> [full]
 *
 * What a block has left when a piece does not fit stays unused: pieces never move. */
#include "base/arena.h"

#include <string.h>

typedef struct ogi_arena_block {
    struct ogi_arena_block *next;
    size_t used, size;
    _Alignas(16) unsigned char data[];
} block;

void *ogi_arena_alloc(ogi_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2) bytes = SIZE_MAX / 2;
    bytes = OGI_ALIGN(bytes, 16);
    block *b = a->top;
    if (!b || b->size - b->used < bytes) {
        size_t room = OGI_MAX(bytes, b ? OGI_MIN(b->size * 2, (size_t)1 << 20) : 4096);
        b = ogi_realloc(a->ctx, NULL, 1, sizeof *b + room);
        if (!b) return NULL;
        *b = (block){ .next = a->top, .size = room };
        a->top = b;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    return memset(p, 0, bytes);
}

char *ogi_arena_strndup(ogi_arena *a, const char *s, size_t n)
{
    char *p = ogi_arena_alloc(a, n + 1, 1);
    if (p && n) memcpy(p, s, n);
    return p;
}

void ogi_arena_free(ogi_arena *a)
{
    for (block *b = a->top, *next; b; b = next) {
        next = b->next;
        ogi_free(a->ctx, b);
    }
    a->top = NULL;
}
