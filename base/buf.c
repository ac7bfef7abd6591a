/* SPDX-License-Identifier: MIT
 *
 * One invariant: p[n] is NUL whenever p is not NULL. A buffer that failed takes nothing more. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void ogi_buf_add(ogi_buf *b, const void *p, size_t n)
{
    if (b->failed) return;
    if (ogi_grow(b->ctx, &b->p, &b->cap, (int64_t)(b->n + n + 1), 1) != OG_OK) {
        b->failed = true;
        return;
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
}

void ogi_buf_puts(ogi_buf *b, const char *s)
{
    ogi_buf_add(b, s, strlen(s));
}
void ogi_buf_putc(ogi_buf *b, char c)
{
    ogi_buf_add(b, &c, 1);
}

void ogi_buf_printf(ogi_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (n < (int)sizeof small) {
        ogi_buf_add(b, small, (size_t)OGI_MAX(n, 0));
        return;
    }
    if (b->failed || ogi_grow(b->ctx, &b->p, &b->cap, (int64_t)b->n + n + 1, 1) != OG_OK) {
        b->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, args);
    va_end(args);
    b->n += (size_t)n;
}

void ogi_buf_free(ogi_buf *b)
{
    ogi_free(b->ctx, b->p);
    *b = (ogi_buf){ .ctx = b->ctx };
}

const char *ogi_buf_str(const ogi_buf *b)
{
    return b->p ? b->p : "";
}
