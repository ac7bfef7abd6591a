/* SPDX-License-Identifier: MIT
 *
 * Strings of the template language: UTF-8, and building with the origin of every byte. */
#include "text/value/value.h"

int ogi_tv_decode(const char *p, size_t n, int32_t *cp)
{
    const unsigned char *s = (const unsigned char *)p;
    if (n == 0) {
        *cp = 0;
        return 0;
    }
    int len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if ((size_t)len > n) len = 1; /* not in valid text */
    *cp = len == 1 ? s[0] : s[0] & (0x7f >> len);
    for (int i = 1; i < len; i++) *cp = *cp << 6 | (s[i] & 0x3f);
    return len;
}

bool ogi_tv_utf8_valid(const char *p, size_t n, size_t *bad)
{
    const unsigned char *s = (const unsigned char *)p;
    for (size_t i = 0; i < n;) {
        *bad = i;
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        int len = s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : 2;
        if (s[i] < 0xc2 || s[i] > 0xf4 || n - i < (size_t)len) return false;
        for (int k = 1; k < len; k++)
            if ((s[i + (size_t)k] & 0xc0) != 0x80) return false;
        int32_t cp;
        ogi_tv_decode(p + i, n - i, &cp);
        if ((len == 3 && cp < 0x800) || (len == 4 && (cp < 0x10000 || cp > 0x10ffff)) ||
            (cp >= 0xd800 && cp < 0xe000))
            return false;
        i += (size_t)len;
    }
    return true;
}

int64_t ogi_tv_chars(tmpl_str *s)
{
    if (s->n_char >= 0) return s->n_char;
    int64_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += ((unsigned char)s->p[i] & 0xc0) != 0x80;
    return s->n_char = n;
}

size_t ogi_tv_char_at(tmpl_str *s, int64_t index)
{
    if (ogi_tv_chars(s) == (int64_t)s->n) return (size_t)index;
    if (index >= s->n_char) return s->n;
    size_t at = 0;
    for (; index > 0; index--)
        for (at++; at < s->n && ((unsigned char)s->p[at] & 0xc0) == 0x80;) at++;
    return at;
}

bool ogi_tv_wholly_trusted(const tmpl_str *s)
{
    return s->mask ? !memchr(s->mask, 0, s->n) : s->trusted;
}

size_t ogi_tv_search(tmpl_heap *h, ogi_sv hay, ogi_sv needle, size_t from)
{
    if (from > hay.n) return SIZE_MAX;
    if (needle.n == 0) return from;
    while (hay.n - from >= needle.n) {
        const char *p = memchr(hay.p + from, needle.p[0], hay.n - from - needle.n + 1);
        size_t skipped = p ? (size_t)(p - hay.p) - from : hay.n - from;
        /* comparing is what a hostile text makes slow: it pays by the length of the needle */
        if (!p || !ogi_tv_step(h, 1 + (int64_t)(skipped + needle.n) / 64)) return SIZE_MAX;
        from = (size_t)(p - hay.p);
        if (!memcmp(p, needle.p, needle.n)) return from;
        from++;
    }
    return SIZE_MAX;
}

bool ogi_tv_is_space(int32_t cp)
{
    return (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

/* ---- building ---- */

static bool make_room(tmpl_sb *b, size_t n)
{
    if (b->failed || ogi_tv_failed(b->h)) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n + 1;
    if (b->limit && need > b->limit) {
        ogi_tv_fail_code(b->h, OG_E_LIMIT, "the text is too long (more than %zu bytes)", b->limit);
        b->failed = true;
        return false;
    }
    if (need <= b->cap) return true;
    size_t cap = OGI_MAX(need, OGI_MAX(32, b->cap * 2));
    char *p = ogi_tv_alloc(b->h, (int64_t)cap, 1);
    unsigned char *mask = b->mask && p ? ogi_tv_alloc(b->h, (int64_t)cap, 1) : NULL;
    if (!p || (b->mask && !mask)) {
        b->failed = true;
        return false;
    }
    if (b->n) memcpy(p, b->p, b->n);
    if (mask) memcpy(mask, b->mask, b->n);
    b->p = p, b->mask = mask, b->cap = cap, b->tail = NULL;
    return true;
}

/* From here on the bytes differ in origin. */
static bool make_mask(tmpl_sb *b)
{
    if (b->mask) return true;
    b->mask = ogi_tv_alloc(b->h, (int64_t)b->cap, 1);
    if (!b->mask) b->failed = true;
    if (b->mask) memset(b->mask, b->trusted, b->n);
    return b->mask != NULL;
}

void ogi_tv_sb_add(tmpl_sb *b, const char *p, size_t n, bool trusted)
{
    if (n == 0 || !make_room(b, n)) return;
    if (b->n == 0 && !b->mask) b->trusted = trusted;
    if (!b->mask && b->trusted != trusted && !make_mask(b)) return;
    memcpy(b->p + b->n, p, n);
    if (b->mask) memset(b->mask + b->n, trusted, n);
    b->n += n;
}

void ogi_tv_sb_part(tmpl_sb *b, const tmpl_str *s, size_t begin, size_t end)
{
    if (begin >= end) return;
    if (!s->mask) {
        ogi_tv_sb_add(b, s->p + begin, end - begin, s->trusted);
        return;
    }
    size_t n = end - begin;
    if (!make_room(b, n) || !make_mask(b)) return;
    memcpy(b->p + b->n, s->p + begin, n);
    memcpy(b->mask + b->n, s->mask + begin, n);
    b->n += n;
}

void ogi_tv_sb_char(tmpl_sb *b, int32_t cp, bool trusted)
{
    char c[4];
    size_t n = 0;
    if (cp < 0x80) {
        c[n++] = (char)cp;
    } else if (cp < 0x800) {
        c[n++] = (char)(0xc0 | cp >> 6);
        c[n++] = (char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        c[n++] = (char)(0xe0 | cp >> 12);
        c[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        c[n++] = (char)(0x80 | (cp & 0x3f));
    } else {
        c[n++] = (char)(0xf0 | cp >> 18);
        c[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
        c[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        c[n++] = (char)(0x80 | (cp & 0x3f));
    }
    ogi_tv_sb_add(b, c, n, trusted);
}

enum { MIN_TAIL = 256 };

void ogi_tv_sb_begin(tmpl_sb *b, const tmpl_str *s)
{
    tmpl_tail *t = s->tail;
    if (!t || t->p != s->p || t->used != s->n) {
        ogi_tv_sb_str(b, s);
        return;
    }
    t->used = SIZE_MAX; /* taken: whoever else appends meanwhile makes a copy */
    b->p = t->p, b->n = s->n, b->cap = t->cap, b->tail = t;
    b->mask = (unsigned char *)(uintptr_t)s->mask; /* grows with p */
    b->trusted = s->trusted;
}

tmpl_val ogi_tv_sb_done(tmpl_sb *b)
{
    if (b->failed) return ogi_tv_undef();
    tmpl_val v = ogi_tv_str(b->h, (ogi_sv){ b->p, b->n }, b->n ? b->trusted : true);
    if (v.tag != TV_STR || b->n == 0) return v;
    v.u.s->mask = b->mask;
    if (b->n < MIN_TAIL) return v;
    if (!b->tail) b->tail = ogi_tv_alloc(b->h, 1, sizeof *b->tail);
    if (b->tail) *b->tail = (tmpl_tail){ .p = b->p, .used = b->n, .cap = b->cap };
    v.u.s->tail = b->tail;
    return v;
}
