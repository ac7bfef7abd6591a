/* SPDX-License-Identifier: MIT
 *
 * The context: the one allocator, the first error (later ones are consequences of it) and where it
 * was raised. Errors are escaped here, so that no message can drive a terminal. */
#include "base/ctx.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct og_ctx {
    og_ctx_options opt;
    atomic_llong n_alloc;
    og_status status;
    char text[1024];
    char where[96];
    const void **thing; /* in the order attached */
    int64_t n_thing, thing_cap;
};

static const char *const status_text[] = {
#define S(code, text) text,
    OG_STATUS_LIST(S)
#undef S
};

const char *og_status_text(og_status status)
{
    return (unsigned)status < (unsigned)OGI_LEN(status_text) ? status_text[status] : "unknown";
}

static void *libc_realloc(void *user, void *p, size_t size)
{
    (void)user;
    if (size) return realloc(p, size);
    free(p);
    return NULL;
}

og_status og_ctx_new(const og_ctx_options *opt, og_ctx **out)
{
    og_ctx_options o = opt ? *opt : (og_ctx_options){ 0 };
    OGI_NEEDS(NULL, out);
    if (!o.realloc) o.realloc = libc_realloc;
    og_ctx *ctx = o.realloc(o.user, NULL, sizeof *ctx);
    *out = ctx;
    if (!ctx) return OG_E_MEMORY;
    memset(ctx, 0, sizeof *ctx);
    ctx->opt = o;
    return OG_OK;
}

void og_ctx_free(og_ctx *ctx)
{
    if (!ctx) return;
    ogi_free(ctx, ctx->thing);
    ctx->opt.realloc(ctx->opt.user, ctx, 0);
}

const char *og_error(const og_ctx *ctx)
{
    return ctx ? ctx->text : "";
}
const char *og_error_where(const og_ctx *ctx)
{
    return ctx ? ctx->where : "";
}

void og_error_clear(og_ctx *ctx)
{
    if (!ctx) return;
    ctx->status = OG_OK;
    ctx->text[0] = ctx->where[0] = 0;
}

/* Length of the valid, printable UTF-8 sequence at s, 0 if the byte must be escaped. */
static int printable_length(const unsigned char *s)
{
    if (s[0] < 0x80) return s[0] >= 0x20 && s[0] != 0x7f;
    int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0) return 0; /* C1 control characters */
    return n;
}

static void escape_into(char *dst, size_t size, const char *src)
{
    size_t n = 0;
    for (const unsigned char *s = (const unsigned char *)src; *s && n + 5 < size;) {
        int len = printable_length(s);
        if (!len) {
            n += (size_t)snprintf(dst + n, size - n, "\\x%02x", *s++);
            continue;
        }
        memcpy(dst + n, s, (size_t)len);
        n += (size_t)len, s += len;
    }
    dst[n] = 0;
}

og_status ogi_fail(og_ctx *ctx, og_status code, const char *file, int line, const char *fmt, ...)
{
    if (!ctx) return code;
    /* What follows from memory running out is not a failure of its own kind. */
    if (ctx->status != OG_OK) return ctx->status == OG_E_MEMORY ? OG_E_MEMORY : code;
    char raw[sizeof ctx->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    escape_into(ctx->text, sizeof ctx->text, raw);
    snprintf(ctx->where, sizeof ctx->where, "%s:%d", file, line);
    ctx->status = code;
    return code;
}

og_status ogi_misuse(og_ctx *ctx, const char *file, int line, const char *function,
                     const char *must_hold)
{
    return ogi_fail(ctx, OG_E_INVALID, file, line, "%s: wrong argument, must hold: %s", function,
                    must_hold);
}

void ogi_log(og_ctx *ctx, og_log_level level, const char *fmt, ...)
{
    if (!ctx->opt.log) return;
    char raw[sizeof ctx->text], text[sizeof ctx->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    escape_into(text, sizeof text, raw);
    ctx->opt.log(ctx->opt.user, level, text);
}

void *ogi_realloc(og_ctx *ctx, void *p, size_t n, size_t size)
{
    size_t bytes;
    void *q = NULL;
    atomic_fetch_add_explicit(&ctx->n_alloc, 1, memory_order_relaxed);
    if (!__builtin_mul_overflow(n, size, &bytes))
        q = ctx->opt.realloc(ctx->opt.user, p, bytes ? bytes : 1);
    if (!q)
        ogi_fail(ctx, OG_E_MEMORY, __FILE__, __LINE__, "out of memory (%zu x %zu bytes)", n, size);
    return q;
}

void *ogi_alloc(og_ctx *ctx, size_t n, size_t size)
{
    void *p = ogi_realloc(ctx, NULL, n, size);
    if (p) memset(p, 0, n * size);
    return p;
}

void ogi_free(og_ctx *ctx, void *p)
{
    if (p) ctx->opt.realloc(ctx->opt.user, p, 0);
}

void og_text_free(og_ctx *ctx, char *text)
{
    if (ctx) ogi_free(ctx, text);
}

char *ogi_strndup(og_ctx *ctx, const char *s, size_t n)
{
    char *p = ogi_alloc(ctx, n + 1, 1);
    if (p && n) memcpy(p, s, n);
    return p;
}

int64_t ogi_alloc_count(const og_ctx *ctx)
{
    return atomic_load(&ctx->n_alloc);
}

og_status ogi_grow(og_ctx *ctx, void *p_ptr, int64_t *cap, int64_t need, size_t size)
{
    if (need <= *cap) return OG_OK;
    int64_t n = OGI_MAX(need, OGI_MAX(16, *cap * 2));
    void *old, *p;
    memcpy(&old, p_ptr, sizeof old);
    p = ogi_realloc(ctx, old, (size_t)n, size);
    if (!p) return OG_E_MEMORY;
    memcpy(p_ptr, &p, sizeof p);
    *cap = n;
    return OG_OK;
}

/* ---- attached things ----------------------------------------------------------------------- */

og_status ogi_ctx_attach(og_ctx *ctx, const void *thing)
{
    OG_TRY(ogi_grow(ctx, &ctx->thing, &ctx->thing_cap, ctx->n_thing + 1, sizeof *ctx->thing));
    ctx->thing[ctx->n_thing++] = thing;
    return OG_OK;
}

const void *ogi_ctx_attached(const og_ctx *ctx, int i)
{
    return i < ctx->n_thing ? ctx->thing[ctx->n_thing - 1 - i] : NULL;
}
