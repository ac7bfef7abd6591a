/* SPDX-License-Identifier: MIT
 *
 * The heap (budgets, sticky errors) and the containers. */
#include "text/value/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <xxhash.h>

/* ---- errors and budgets ---- */

void ogi_tv_place(const char *text, size_t size, size_t at, int *line, int *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at && i < size; i++) {
        if (text[i] == '\n') {
            ++*line, *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static void fail_text(tmpl_heap *h, og_status code, bool with_place, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));

static void fail_text(tmpl_heap *h, og_status code, bool with_place, const char *fmt, va_list args)
{
    if (h->status != OG_OK) return;
    h->status = code;
    int n = 0;
    if (with_place) {
        int line, column;
        ogi_tv_place(h->source, h->source_size, h->at, &line, &column);
        n = snprintf(h->error, sizeof h->error, "%.200s:%d:%d: ", h->name, line, column);
    }
    vsnprintf(h->error + n, sizeof h->error - (size_t)n, fmt, args);
}

tmpl_val ogi_tv_fail(tmpl_heap *h, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail_text(h, OG_E_FORMAT, true, fmt, args);
    va_end(args);
    return ogi_tv_undef();
}

tmpl_val ogi_tv_fail_code(tmpl_heap *h, og_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail_text(h, code, true, fmt, args);
    va_end(args);
    return ogi_tv_undef();
}

void ogi_tv_fail_plain(tmpl_heap *h, og_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail_text(h, code, false, fmt, args);
    va_end(args);
}

bool ogi_tv_step(tmpl_heap *h, int64_t n)
{
    if (h->status != OG_OK) return false;
    if (h->step_left >= n) {
        h->step_left -= n;
        return true;
    }
    h->step_left = 0;
    ogi_tv_fail_code(h, OG_E_LIMIT, "the template takes too many steps");
    return false;
}

bool ogi_tv_enter(tmpl_heap *h)
{
    /* Left again also after a failure, so that enter and leave always pair up. */
    if (++h->depth <= h->max_depth) return !ogi_tv_failed(h);
    ogi_tv_fail_code(h, OG_E_LIMIT, "nested too deeply (more than %d levels)", h->max_depth);
    return false;
}

void *ogi_tv_alloc(tmpl_heap *h, int64_t n, size_t size)
{
    int64_t bytes;
    if (h->status != OG_OK) return NULL;
    if (n < 0 || !ogi_mul_size(n, (int64_t)size, &bytes) || bytes > h->mem_left - 16) {
        ogi_tv_fail_code(h, OG_E_LIMIT, "the template takes too much memory");
        return NULL;
    }
    if (!ogi_tv_step(h, bytes / 256)) return NULL;
    h->mem_left -= bytes + 16;
    void *p = ogi_arena_alloc(&h->arena, (size_t)n, size);
    if (!p) ogi_tv_fail_plain(h, OG_E_MEMORY, "out of memory (%lld bytes)", (long long)bytes);
    return p;
}

/* ---- making ---- */

tmpl_val ogi_tv_missing(tmpl_heap *h, char kind, tmpl_tag of, ogi_sv name)
{
    tmpl_missing *m = ogi_tv_alloc(h, 1, sizeof *m);
    if (m) *m = (tmpl_missing){ .kind = kind, .of = of, .name = name };
    return (tmpl_val){ .tag = TV_UNDEF, .u.missing = m };
}

tmpl_val ogi_tv_fail_undef(tmpl_heap *h, tmpl_val v)
{
    const tmpl_missing *m = v.u.missing;
    int n = m ? (int)OGI_MIN(m->name.n, 200) : 0;
    if (!m) return ogi_tv_fail(h, "a value is undefined");
    const char *owner = ogi_tv_type_name((tmpl_val){ .tag = (unsigned char)m->of });
    switch (m->kind) {
    case 'n': return ogi_tv_fail(h, "'%.*s' is undefined", n, m->name.p);
    case 'p': return ogi_tv_fail(h, "parameter '%.*s' was not provided", n, m->name.p);
    case 'm': return ogi_tv_fail(h, "%.*s", n, m->name.p);
    case 'e': return ogi_tv_fail(h, "'%s object' has no element %.*s", owner, n, m->name.p);
    case 'a': break;
    }
    return ogi_tv_fail(h, "'%s object' has no attribute '%.*s'", owner, n, m->name.p);
}

tmpl_val ogi_tv_str(tmpl_heap *h, ogi_sv text, bool trusted)
{
    tmpl_str *s = ogi_tv_alloc(h, 1, sizeof *s);
    if (!s) return ogi_tv_undef();
    *s = (tmpl_str){ .p = text.n ? text.p : "", .n = text.n, .n_char = -1, .trusted = trusted };
    return (tmpl_val){ .tag = TV_STR, .trusted = trusted, .u.s = s };
}

tmpl_val ogi_tv_str_copy(tmpl_heap *h, ogi_sv text, bool trusted)
{
    char *p = ogi_tv_alloc(h, (int64_t)text.n + 1, 1);
    if (!p) return ogi_tv_undef();
    if (text.n) memcpy(p, text.p, text.n);
    return ogi_tv_str(h, (ogi_sv){ p, text.n }, trusted);
}

tmpl_val ogi_tv_lit(tmpl_heap *h, const char *literal)
{
    return ogi_tv_str(h, ogi_sv_of(literal), true);
}

tmpl_val ogi_tv_slice(tmpl_heap *h, const tmpl_str *s, size_t begin, size_t end)
{
    if (begin > end) begin = end;
    tmpl_val v = ogi_tv_str(h, (ogi_sv){ s->p + begin, end - begin }, s->trusted);
    if (v.tag != TV_STR) return v;
    v.u.s->is_markup = s->is_markup;
    if (s->mask) v.u.s->mask = s->mask + begin;
    if (s->n_char == (int64_t)s->n) v.u.s->n_char = (int64_t)(end - begin); /* ASCII */
    return v;
}

tmpl_val ogi_tv_list(tmpl_heap *h, tmpl_tag tag, int64_t room)
{
    tmpl_list *l = ogi_tv_alloc(h, 1, sizeof *l);
    if (!l) return ogi_tv_undef();
    if (room > 0) l->v = ogi_tv_alloc(h, room, sizeof *l->v);
    l->cap = l->v ? room : 0;
    return (tmpl_val){ .tag = (unsigned char)tag, .trusted = true, .u.l = l };
}

void ogi_tv_push(tmpl_heap *h, tmpl_val list, tmpl_val v)
{
    if (list.tag != TV_LIST && list.tag != TV_TUPLE && list.tag != TV_ITER) return;
    tmpl_list *l = list.u.l;
    if (l->n == l->cap) {
        int64_t cap = OGI_MAX(4, l->cap * 2);
        tmpl_val *p = ogi_tv_alloc(h, cap, sizeof *p);
        if (!p) return;
        if (l->n) memcpy(p, l->v, (size_t)l->n * sizeof *p);
        l->v = p, l->cap = cap;
    }
    l->v[l->n++] = v;
}

tmpl_val ogi_tv_pair(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    tmpl_val t = ogi_tv_list(h, TV_TUPLE, 2);
    ogi_tv_push(h, t, a);
    ogi_tv_push(h, t, b);
    return t;
}

/* ---- dictionaries ---- */

enum { SMALL_DICT = 8 };

tmpl_val ogi_tv_dict(tmpl_heap *h)
{
    tmpl_dict *m = ogi_tv_alloc(h, 1, sizeof *m);
    if (!m) return ogi_tv_undef();
    return (tmpl_val){ .tag = TV_DICT, .trusted = true, .u.m = m };
}

static uint64_t hash_of(tmpl_heap *h, tmpl_val v)
{
    uint64_t hash = 0;
    switch ((tmpl_tag)v.tag) {
    case TV_STR: return XXH3_64bits(v.u.s->p, v.u.s->n);
    case TV_BOOL:
    case TV_INT:
    case TV_BIG: return ogi_tv_int_hash(v);
    case TV_FLOAT: /* equal numbers hash alike */
        if (isfinite(v.u.d) && v.u.d == floor(v.u.d))
            return ogi_tv_int_hash(ogi_tv_int_of_double(h, v.u.d));
        return XXH3_64bits(&v.u.d, sizeof v.u.d);
    case TV_TUPLE:
        if (ogi_tv_enter(h))
            for (int64_t i = 0; i < v.u.l->n && ogi_tv_step(h, 1); i++)
                hash = hash * 1000003 + hash_of(h, v.u.l->v[i]) + 1;
        ogi_tv_leave(h);
        return hash;
    case TV_NONE: return 7;
    case TV_LIST:
    case TV_DICT: ogi_tv_fail(h, "unhashable type: '%s'", ogi_tv_type_name(v)); return 0;
    case TV_ABSENT:
    case TV_UNDEF:
    case TV_ITER:
    case TV_RANGE:
    case TV_VIEW:
    case TV_SPACE:
    case TV_MACRO:
    case TV_FUNC:
    case TV_METHOD:
    case TV_LOOP: break;
    }
    return 11 + (uint64_t)v.tag;
}

static bool same_key(tmpl_heap *h, const tmpl_entry *e, uint64_t hash, tmpl_val key)
{
    if (e->hash != hash) return false;
    if (e->key.tag == TV_STR && key.tag == TV_STR)
        return ogi_sv_eq(ogi_tv_sv(e->key), ogi_tv_sv(key));
    return ogi_tv_equal(h, e->key, key);
}

static int64_t find_entry(tmpl_heap *h, const tmpl_dict *m, uint64_t hash, tmpl_val key)
{
    if (!m->slot) {
        for (int64_t i = 0; i < m->n; i++)
            if (same_key(h, &m->e[i], hash, key)) return i;
        return -1;
    }
    for (uint64_t at = hash;; at++) {
        int32_t i = m->slot[at & (uint64_t)(m->n_slot - 1)];
        if (i < 0 || !ogi_tv_step(h, 1)) return -1;
        if (same_key(h, &m->e[i], hash, key)) return i;
    }
}

static void put_slot(tmpl_heap *h, tmpl_dict *m, int64_t i)
{
    uint64_t at = m->e[i].hash;
    while (m->slot[at & (uint64_t)(m->n_slot - 1)] >= 0 && ogi_tv_step(h, 1)) at++;
    m->slot[at & (uint64_t)(m->n_slot - 1)] = (int32_t)i;
}

/* A fresh slot table of at least twice the entries; none while the dictionary is small. */
static void index_dict(tmpl_heap *h, tmpl_dict *m)
{
    if (m->n <= SMALL_DICT) {
        m->slot = NULL;
        return;
    }
    int64_t n = OGI_MAX(32, m->n_slot);
    while (n < m->n * 2) n *= 2;
    if (n != m->n_slot || !m->slot) m->slot = ogi_tv_alloc(h, n, sizeof *m->slot);
    if (!m->slot) return;
    m->n_slot = n;
    memset(m->slot, 0xff, (size_t)n * sizeof *m->slot);
    for (int64_t i = 0; i < m->n && ogi_tv_step(h, 1); i++) put_slot(h, m, i);
}

void ogi_tv_put(tmpl_heap *h, tmpl_dict *m, tmpl_val key, tmpl_val v)
{
    uint64_t hash = hash_of(h, key);
    if (ogi_tv_failed(h)) return;
    int64_t i = find_entry(h, m, hash, key);
    if (i >= 0) {
        m->e[i].value = v;
        return;
    }
    if (m->n >= INT32_MAX / 4) {
        ogi_tv_fail_code(h, OG_E_LIMIT, "too many keys in a dictionary");
        return;
    }
    if (m->n == m->cap) {
        int64_t cap = OGI_MAX(4, m->cap * 2);
        tmpl_entry *e = ogi_tv_alloc(h, cap, sizeof *e);
        if (!e) return;
        if (m->n) memcpy(e, m->e, (size_t)m->n * sizeof *e);
        m->e = e, m->cap = cap;
    }
    m->e[m->n++] = (tmpl_entry){ .key = key, .value = v, .hash = hash };
    if (m->n > SMALL_DICT && (!m->slot || m->n * 2 > m->n_slot))
        index_dict(h, m);
    else if (m->slot)
        put_slot(h, m, m->n - 1);
}

void ogi_tv_put_sv(tmpl_heap *h, tmpl_dict *m, ogi_sv key, tmpl_val v)
{
    tmpl_val k = ogi_tv_str(h, key, true);
    if (k.tag == TV_STR) ogi_tv_put(h, m, k, v);
}

tmpl_val *ogi_tv_get(tmpl_heap *h, const tmpl_dict *m, tmpl_val key)
{
    uint64_t hash = hash_of(h, key);
    if (ogi_tv_failed(h)) return NULL;
    int64_t i = find_entry(h, m, hash, key);
    return i < 0 ? NULL : &m->e[i].value;
}

tmpl_val *ogi_tv_get_sv(tmpl_heap *h, const tmpl_dict *m, ogi_sv key)
{
    tmpl_str s = { .p = key.p, .n = key.n, .n_char = -1 };
    return ogi_tv_get(h, m, (tmpl_val){ .tag = TV_STR, .u.s = &s });
}

void ogi_tv_remove(tmpl_heap *h, tmpl_dict *m, const tmpl_val *value)
{
    for (int64_t i = 0; i < m->n && ogi_tv_step(h, 1); i++) {
        if (&m->e[i].value != value) continue;
        memmove(m->e + i, m->e + i + 1, (size_t)(m->n - i - 1) * sizeof *m->e);
        m->n--;
        index_dict(h, m);
        return;
    }
}
