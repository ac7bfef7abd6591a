/* SPDX-License-Identifier: MIT
 *
 * Every number is finite, and inside the range of its line if it has one; so is what expressions
 * make of them, or the text is refused. */
#include "models/model_keys.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_LIST = 4096, KEY_MAX = 256 };

typedef struct key {
    ogi_number *number;
    double lo, hi;
    ogi_sv names; /* "{none,linear}", or empty: a number */
} key;

bool ogi_number_find(const ogi_numbers *s, ogi_sv name, int64_t index, bool is_indexed, double *out)
{
    for (int i = 0; i < s->n; i++) {
        const ogi_number *x = &s->number[i];
        if (!ogi_sv_eq(x->name, name)) continue;
        if (x->n == 0) return *out = x->value[0], !is_indexed;
        if (index >= 0 && index < x->n) return *out = x->value[index], true;
        for (int64_t k = 1; !is_indexed && k < x->n; k++) /* one for all */
            if (x->value[k] != x->value[0]) return false;
        return *out = x->value[0], !is_indexed;
    }
    return false;
}

/* "N" or "N[count]" as a new number, which others see once it is complete. */
static og_status begin_number(ogi_numbers *s, ogi_lex *x, ogi_number **out)
{
    ogi_sv name;
    double old;
    int64_t n = 0;
    OG_TRY(ogi_lex_word(x, "the name of a number", &name));
    bool is_taken = ogi_sv_eq(name, OGI_SV("L")) || ogi_sv_eq(name, OGI_SV("i")) ||
                    ogi_number_find(s, name, -1, false, &old);
    for (const char *sym = "TSPNMO"; *sym; sym++) is_taken |= ogi_sv_eq(name, (ogi_sv){ sym, 1 });
    if (is_taken || isdigit((unsigned char)*name.p)) {
        x->p = name.p;
        return ogi_lex_fail(x, "a new name, which is no symbol (T S P N M O), L or i");
    }
    if (s->n == OGI_MAX_NUMBER) return ogi_lex_fail(x, "at most 256 numbers");
    if (ogi_lex_accept(x, "[")) {
        OG_TRY(ogi_lex_expr_int(x, "]", 1, MAX_LIST, &n));
        OG_TRY(ogi_lex_expect(x, "]"));
    }
    ogi_number *number = *out = &s->number[s->n];
    *number = (ogi_number){ .name = name, .n = n };
    number->value = ogi_arena_alloc(&s->m->mem, (size_t)OGI_MAX(n, 1), sizeof *number->value);
    return number->value ? OG_OK : OG_E_MEMORY;
}

/* The expression that stands here, for each element; leaves x behind it. */
static og_status fill(ogi_lex *x, int64_t from, const ogi_number *number)
{
    const ogi_lex begin = *x;
    for (int64_t i = from; i < OGI_MAX(number->n, 1); i++) {
        *x = begin;
        x->loop = number->n ? (int)i : -1;
        OG_TRY(ogi_lex_expr(x, "", NULL, &number->value[i]));
    }
    x->loop = -1;
    return OG_OK;
}

/* "1e-3" or "2^20", up to end, which x is then at. */
static og_status range_end(ogi_lex *x, const char *end, double *out)
{
    char text[40], *rest;
    ogi_lex_blank(x);
    size_t n = end > x->p ? (size_t)(end - x->p) : 0;
    while (n > 0 && x->p[n - 1] == ' ') n--;
    if (n == 0 || n >= sizeof text) return ogi_lex_fail(x, "a range lo..hi");
    memcpy(text, x->p, n);
    text[n] = 0;
    *out = strtod(text, &rest);
    if (*rest == '^') *out = pow(*out, strtod(rest + 1, &rest));
    if (*rest || !isfinite(*out)) return ogi_lex_fail(x, "a number, or 2^20");
    x->p = end;
    return OG_OK;
}

static const char *find(const ogi_lex *x, const char *token)
{
    size_t n = strlen(token);
    for (const char *p = x->p; p + n <= x->end && *p != '\n'; p++)
        if (!memcmp(p, token, n)) return p;
    return NULL;
}

/* "lo..hi" or "{none,linear}" */
static og_status range(ogi_lex *x, key *k)
{
    if (ogi_lex_is(x, "{")) {
        const char *close = find(x, "}");
        if (!close) return ogi_lex_fail(x, "names in braces");
        k->names = (ogi_sv){ x->p + 1, (size_t)(close - x->p - 1) };
        x->p = close + 1;
        return OG_OK;
    }
    OG_TRY(range_end(x, find(x, ".."), &k->lo));
    OG_TRY(ogi_lex_expect(x, ".."));
    OG_TRY(range_end(x, find(x, "="), &k->hi));
    return k->lo <= k->hi ? OG_OK : ogi_lex_fail(x, "a range that is not empty, ahead of here");
}

static bool is_key(char c)
{
    return isalnum((unsigned char)c) || strchr("_.-/", c);
}

/* "a.b|c.d": the first that the model's file has; name is of the first where it has none. */
static og_status find_key(ogi_numbers *s, ogi_lex *x, char name[KEY_MAX], const ogi_gguf_kv **out)
{
    char first[KEY_MAX] = "";
    *out = NULL;
    do {
        ogi_lex_blank(x);
        const char *begin = x->p;
        while (x->p < x->end && *x->p && is_key(*x->p)) x->p++;
        int n = (int)OGI_MIN(x->p - begin, KEY_MAX / 2);
        if (n == 0 || n == KEY_MAX / 2) return ogi_lex_fail(x, "a key of the model's file");
        if (*out) continue;
        if (*begin == '/')
            snprintf(name, KEY_MAX, "%.*s", n - 1, begin + 1);
        else
            snprintf(name, KEY_MAX, "%.64s.%.*s", s->m->arch, n, begin);
        *out = ogi_gguf_find(s->m->file, name);
        if (!first[0]) memcpy(first, name, sizeof first);
    } while (ogi_lex_accept(x, "|"));
    if (!*out) memcpy(name, first, sizeof first);
    return OG_OK;
}

#define KEY_FAIL(s, name, ...)                                                                     \
    do {                                                                                           \
        char text_[160];                                                                           \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                                \
        OG_FAIL((s)->m->ctx, OG_E_FORMAT, "%s: key '%s' %s", ogi_gguf_path((s)->m->file), name,    \
                text_);                                                                            \
    } while (0)

static og_status read_name(const ogi_numbers *s, const key *k, const char *name,
                           const ogi_gguf_kv *kv)
{
    int64_t at = 0;
    if (kv->type != OGI_GGUF_STR) KEY_FAIL(s, name, "is no text");
    ogi_sv text = ogi_gguf_str_next(kv, &at);
    const char *p = k->names.p, *end = p + k->names.n;
    for (int i = 0; p < end; i++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        ogi_sv one = { p, (size_t)((comma ? comma : end) - p) };
        if (ogi_sv_eq(one, text)) {
            for (int64_t e = 0; e < OGI_MAX(k->number->n, 1); e++) k->number->value[e] = i;
            return OG_OK;
        }
        p += one.n + 1;
    }
    KEY_FAIL(s, name, "is '%.*s', expected one of %.*s", (int)OGI_MIN(text.n, 40), text.p,
             (int)OGI_MIN(k->names.n, 80), k->names.p);
}

/* One number for all elements, or one for each (more, where further layers predict tokens). */
static og_status read_numbers(const ogi_numbers *s, const key *k, const char *name,
                              const ogi_gguf_kv *kv)
{
    const ogi_number *x = k->number;
    const ogi_gguf_kv *array;
    bool is_array = kv->type == OGI_GGUF_ARRAY, flag = false;
    double v = 0;
    if (is_array)
        OG_TRY(ogi_gguf_array(s->m->file, name, OGI_GGUF_F64, &array));
    else if (kv->type == OGI_GGUF_BOOL)
        OG_TRY(ogi_gguf_bool(s->m->file, name, &flag));
    else
        OG_TRY(ogi_gguf_float(s->m->file, name, &v));
    if (kv->type == OGI_GGUF_BOOL) v = flag;
    if (is_array && kv->n < OGI_MAX(x->n, 1))
        KEY_FAIL(s, name, "has %lld entries, expected %lld", (long long)kv->n,
                 (long long)OGI_MAX(x->n, 1));
    for (int64_t i = 0; i < OGI_MAX(x->n, 1); i++) {
        x->value[i] = is_array ? ogi_gguf_float_at(kv, i) : v;
        if (!(x->value[i] >= k->lo && x->value[i] <= k->hi))
            KEY_FAIL(s, name, "is %.10g, expected %.10g..%.10g", x->value[i], k->lo, k->hi);
    }
    return OG_OK;
}

og_status ogi_number_key(ogi_numbers *s, ogi_lex *x)
{
    key k = { .lo = 0 };
    char name[KEY_MAX];
    const ogi_gguf_kv *kv;
    OG_TRY(begin_number(s, x, &k.number));
    OG_TRY(ogi_lex_expect(x, ":"));
    OG_TRY(range(x, &k));
    OG_TRY(ogi_lex_expect(x, "="));
    OG_TRY(find_key(s, x, name, &kv));
    bool has_default = ogi_lex_accept(x, "else");
    if (!kv && !has_default) KEY_FAIL(s, name, "is missing");
    if (has_default) OG_TRY(fill(x, 0, k.number));
    if (kv && k.names.p) OG_TRY(read_name(s, &k, name, kv));
    if (kv && !k.names.p) OG_TRY(read_numbers(s, &k, name, kv));
    for (int64_t i = 0; !kv && !k.names.p && i < OGI_MAX(k.number->n, 1); i++)
        if (!(k.number->value[i] >= k.lo && k.number->value[i] <= k.hi))
            KEY_FAIL(s, name, "is missing, and its default %.10g is not in %.10g..%.10g",
                     k.number->value[i], k.lo, k.hi);
    s->n++;
    return OG_OK;
}

og_status ogi_number_let(ogi_numbers *s, ogi_lex *x)
{
    ogi_number *number;
    OG_TRY(begin_number(s, x, &number));
    OG_TRY(ogi_lex_expect(x, "="));
    OG_TRY(fill(x, 0, number));
    s->n++;
    return OG_OK;
}
