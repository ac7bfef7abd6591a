/* SPDX-License-Identifier: MIT
 *
 * The context from inside: raising errors, logging, allocating. All memory of the library goes
 * through here, so that tests can count it and make it fail. */
#ifndef OG_BASE_CTX_H
#define OG_BASE_CTX_H

#include "oxigraph/base.h"

/* Keeps the first error; without a context nothing is told. Control characters and invalid UTF-8 in
 * the text come out escaped. Returns code, for `return ogi_fail(...)`. */
og_status ogi_fail(og_ctx *ctx, og_status code, const char *file, int line, const char *fmt, ...)
    OG_PRINTF(5, 6);

/* What a caller may not hand in: OG_E_INVALID, told as "function: wrong argument, must hold: ...".
 * Every public function looks at its arguments so; ctx is NULL where there is none to tell. */
og_status ogi_misuse(og_ctx *ctx, const char *file, int line, const char *function,
                     const char *must_hold);
#define OGI_NEEDS(ctx, cond)                                                                       \
    do {                                                                                           \
        if (!(cond)) return ogi_misuse((ctx), __FILE__, __LINE__, __func__, #cond);                \
    } while (0)

#define OG_FAIL(ctx, code, ...) return ogi_fail((ctx), (code), __FILE__, __LINE__, __VA_ARGS__)
#define OG_TRY(expr)                                                                               \
    do {                                                                                           \
        og_status s_ = (expr);                                                                     \
        if (s_ != OG_OK) return s_;                                                                \
    } while (0)

/* A bug of ours, never input: stops in debug builds, compiled out in release. */
#ifdef OG_DEBUG
#define OGI_ASSERT(c) ((c) ? (void)0 : __builtin_trap())
#else
#define OGI_ASSERT(c) ((void)0)
#endif

void ogi_log(og_ctx *ctx, og_log_level level, const char *fmt, ...) OG_PRINTF(3, 4);

/* Zeroed memory, aligned for any type; NULL and an error set on failure. n * size is checked. */
void *ogi_alloc(og_ctx *ctx, size_t n, size_t size);
/* Grows or shrinks; new bytes are not zeroed; on failure p stays valid and NULL is returned. */
void *ogi_realloc(og_ctx *ctx, void *p, size_t n, size_t size);
void ogi_free(og_ctx *ctx, void *p); /* NULL is fine */
char *ogi_strndup(og_ctx *ctx, const char *s, size_t n);

/* Things known to a context, borrowed: registered architectures. Newest first; NULL behind the
 * last. */
og_status ogi_ctx_attach(og_ctx *ctx, const void *thing);
const void *ogi_ctx_attached(const og_ctx *ctx, int i);

/* Allocations made through ctx so far: what "0 allocations a step" is counted with. */
int64_t ogi_alloc_count(const og_ctx *ctx);

#define OGI_NEW(ctx, type)      ((type *)ogi_alloc((ctx), 1, sizeof(type)))
#define OGI_NEW_N(ctx, type, n) ((type *)ogi_alloc((ctx), (size_t)(n), sizeof(type)))

/* Makes room for need elements in a growing array (*p, *cap): doubles. */
og_status ogi_grow(og_ctx *ctx, void *p_ptr, int64_t *cap, int64_t need, size_t size);

#define OGI_LEN(a)      ((int)(sizeof(a) / sizeof((a)[0])))
#define OGI_MIN(a, b)   ((a) < (b) ? (a) : (b))
#define OGI_MAX(a, b)   ((a) > (b) ? (a) : (b))
#define OGI_ALIGN(x, a) (((x) + (a)-1) / (a) * (a))

/* Checked arithmetic on sizes from files: false on overflow. */
static inline bool ogi_mul_size(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool ogi_add_size(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
