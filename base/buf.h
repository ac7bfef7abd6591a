/* SPDX-License-Identifier: MIT
 *
 * String views and a growing byte buffer. A view borrows; a buffer owns. A buffer that ran out of
 * memory stays empty-handed (`failed`), so that writers check once at the end. */
#ifndef OG_BASE_BUF_H
#define OG_BASE_BUF_H

#include <string.h>

#include "base/ctx.h"

typedef struct ogi_sv {
    const char *p;
    size_t n;
} ogi_sv;

#define OGI_SV(literal) ((ogi_sv){ (literal), sizeof(literal) - 1 })

static inline ogi_sv ogi_sv_of(const char *s)
{
    return (ogi_sv){ s, strlen(s) };
}
static inline bool ogi_sv_eq(ogi_sv a, ogi_sv b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool ogi_sv_starts(ogi_sv s, ogi_sv prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* A text without the byte order mark that editors may put before it. */
static inline ogi_sv ogi_sv_skip_bom(ogi_sv s)
{
    return ogi_sv_starts(s, OGI_SV("\xef\xbb\xbf")) ? (ogi_sv){ s.p + 3, s.n - 3 } : s;
}

/* White space as JSON has it. */
static inline bool ogi_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

typedef struct ogi_buf {
    og_ctx *ctx;
    char *p; /* NUL-terminated whenever not NULL */
    size_t n;
    int64_t cap;
    bool failed;
} ogi_buf;

void ogi_buf_add(ogi_buf *b, const void *p, size_t n);
void ogi_buf_puts(ogi_buf *b, const char *s);
void ogi_buf_putc(ogi_buf *b, char c);
void ogi_buf_printf(ogi_buf *b, const char *fmt, ...) OG_PRINTF(2, 3);
void ogi_buf_free(ogi_buf *b);             /* may be used again */
const char *ogi_buf_str(const ogi_buf *b); /* "" when empty; borrowed until the next change */

#endif
