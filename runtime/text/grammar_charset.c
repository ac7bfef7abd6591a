/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/text/grammar_regex.h"

void ogi_charset_add(ogi_charset *s, uint32_t low, uint32_t high)
{
    if (s->failed || low > high) return;
    if (ogi_grow(s->ctx, &s->range, &s->cap, s->n + 1, sizeof *s->range) != OG_OK) {
        s->failed = true;
        return;
    }
    s->range[s->n++] = (ogi_char_range){ low, high };
}

static int by_low(const void *a, const void *b)
{
    const ogi_char_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

void ogi_charset_sort(ogi_charset *s)
{
    int64_t n = 0;
    if (s->n) qsort(s->range, (size_t)s->n, sizeof *s->range, by_low);
    for (int64_t i = 0; i < s->n; i++) {
        ogi_char_range c = s->range[i];
        if (n && c.low <= s->range[n - 1].high + 1)
            s->range[n - 1].high = OGI_MAX(s->range[n - 1].high, c.high);
        else
            s->range[n++] = c;
    }
    s->n = n;
}

void ogi_charset_invert(ogi_charset *s)
{
    ogi_charset_sort(s);
    uint32_t next = 0;
    int64_t n = s->n;
    s->n = 0;
    for (int64_t i = 0; i < n; i++) {
        /* Writing entry i or earlier: each old range gives at most one new one before it. */
        ogi_char_range c = s->range[i];
        if (c.low > next) s->range[s->n++] = (ogi_char_range){ next, c.low - 1 };
        next = c.high + 1;
    }
    if (next <= OGI_CHAR_MAX) ogi_charset_add(s, next, OGI_CHAR_MAX);
}

bool ogi_charset_has(const ogi_charset *s, uint32_t c)
{
    for (int64_t i = 0; i < s->n; i++)
        if (s->range[i].low <= c && c <= s->range[i].high) return true;
    return false;
}

void ogi_charset_free(ogi_charset *s)
{
    ogi_free(s->ctx, s->range);
    *s = (ogi_charset){ .ctx = s->ctx };
}

/* The shortest escape of c in a JSON string. */
static void json_escape(uint32_t c, char *out, size_t size)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c ? strchr(from, (int)c) : NULL;
    if (at)
        snprintf(out, size, "\\%c", to[at - from]);
    else
        snprintf(out, size, "\\u%04x", (unsigned)c);
}

ogi_expr *ogi_expr_json_char(ogi_rules *r, const ogi_charset *s)
{
    ogi_charset plain = { .ctx = r->ctx };
    ogi_expr *alt = ogi_expr_alt(r);
    for (int64_t i = 0; i < s->n; i++) {
        uint32_t low = s->range[i].low, high = s->range[i].high;
        /* Controls, DEL, quote and backslash are escaped: all but the last below 0x80. */
        for (; low <= high && low < 0x80; low++) {
            char text[8];
            if (low >= 0x20 && low != '"' && low != '\\' && low != 0x7f) {
                ogi_charset_add(&plain, low, low);
                continue;
            }
            json_escape(low, text, sizeof text);
            alt = ogi_expr_add(r, alt, ogi_expr_text(r, text));
        }
        if (low <= high) ogi_charset_add(&plain, low, high);
    }
    if (plain.n) alt = ogi_expr_add(r, alt, ogi_expr_class(r, plain.range, plain.n, false));
    r->failed = r->failed || plain.failed;
    ogi_charset_free(&plain);
    return alt;
}
