/* SPDX-License-Identifier: MIT
 *
 * Sets of characters as ranges, sorted and disjoint after ogi_charset_sort; and such a set as the
 * ways in which JSON strings may spell its members. */
#include <stdlib.h>

#include "text/grammar/regex.h"

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

/* ---- characters of JSON strings ---- */

static ogi_expr *after_text(ogi_rules *r, const char *text, ogi_expr *e)
{
    return ogi_expr_add(r, ogi_expr_add(r, ogi_expr_seq(r), ogi_expr_text(r, text)), e);
}

static ogi_expr *any_of(ogi_rules *r, const char *chars)
{
    ogi_char_range range[32];
    int64_t n = 0;
    for (; chars[n]; n++) range[n] = (ogi_char_range){ (uint8_t)chars[n], (uint8_t)chars[n] };
    return ogi_expr_class(r, range, n, false);
}

/* Letters of short escapes, and last digits of \u000X and \u001X: beginnings are shared, which
 * keeps automata of many characters small. */
typedef struct escapes {
    char letter[8], digit[2][17];
    bool has_delete;
} escapes;

static void put_char(char *list, char c)
{
    size_t n = strlen(list);
    list[n] = c, list[n + 1] = 0;
}

/* The shortest escape of c, once. */
static void add_escape(escapes *e, uint32_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c ? strchr(from, (int)c) : NULL;
    if (at)
        put_char(e->letter, to[at - from]);
    else if (c < 0x20)
        put_char(e->digit[c >> 4], "0123456789abcdef"[c & 15]);
    else
        e->has_delete = true;
}

static ogi_expr *add_escapes(ogi_rules *r, ogi_expr *alt, const escapes *e)
{
    if (e->letter[0]) alt = ogi_expr_add(r, alt, after_text(r, "\\", any_of(r, e->letter)));
    for (int k = 0; k < 2; k++)
        if (e->digit[k][0])
            alt = ogi_expr_add(r, alt,
                               after_text(r, k ? "\\u001" : "\\u000", any_of(r, e->digit[k])));
    if (e->has_delete) alt = ogi_expr_add(r, alt, ogi_expr_text(r, "\\u007f"));
    return alt;
}

ogi_expr *ogi_expr_json_char(ogi_rules *r, const ogi_charset *s)
{
    ogi_charset plain = { .ctx = r->ctx };
    ogi_expr *alt = ogi_expr_alt(r);
    escapes e = { .has_delete = false };
    for (int64_t i = 0; i < s->n; i++) {
        uint32_t low = s->range[i].low, high = s->range[i].high;
        /* Controls, DEL, quote and backslash are escaped: all but the last below 0x80. */
        for (; low <= high && low < 0x80; low++) {
            if (low >= 0x20 && low != '"' && low != '\\' && low != 0x7f)
                ogi_charset_add(&plain, low, low);
            else
                add_escape(&e, low);
        }
        if (low <= high) ogi_charset_add(&plain, low, high);
    }
    alt = add_escapes(r, alt, &e);
    ogi_charset_sort(&plain);
    if (plain.n) alt = ogi_expr_add(r, alt, ogi_expr_class(r, plain.range, plain.n, false));
    r->failed = r->failed || plain.failed;
    ogi_charset_free(&plain);
    return alt;
}
