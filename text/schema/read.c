/* SPDX-License-Identifier: MIT
 *
 * The text of a schema as JSON values. The library that reads it holds integers of 64 bits and
 * names without U+0000, and tells the column of what it does not: a place in a text that its user
 * may never have seen. So one walk over the text comes first. It turns numbers that are too large
 * into doubles and remembers those that this rounds: bounds may be rounded, constants may not. What
 * cannot be held is refused by where in the schema it is. Whatever else is wrong with the text is
 * left to the library. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/schema/schema.h"

enum { MAX_NEST = 2048, MAX_SPELLED = 400 };

typedef struct level {
    bool is_object;
    size_t key, n_key; /* where in the text */
    size_t index;
} level;

typedef struct walk {
    ogi_schema *s;
    const char *text;
    size_t n, at;
    level *level; /* MAX_NEST */
    int depth;
    bool is_key; /* is the next string a name? */
    ogi_buf out;
} walk;

static og_status fail_at(walk *w, og_status code, const char *what)
{
    ogi_buf b = { .ctx = w->s->ctx };
    ogi_buf_printf(&b, "%s, at #", w->s->where);
    for (int i = 0; i < w->depth && !b.failed; i++) {
        const level *l = &w->level[i];
        if (l->is_object)
            ogi_buf_printf(&b, "/%.*s", (int)OGI_MIN(l->n_key, 100), w->text + l->key);
        else
            ogi_buf_printf(&b, "/%zu", l->index);
    }
    ogi_fail(w->s->ctx, code, __FILE__, __LINE__, "%.500s: %s", ogi_buf_str(&b), what);
    ogi_buf_free(&b);
    return code;
}

/* A string, copied; `at` moves behind it. */
static og_status walk_string(walk *w)
{
    size_t begin = w->at++;
    bool has_nul = false;
    while (w->at < w->n && w->text[w->at] != '"') {
        has_nul = has_nul || (w->n - w->at >= 6 && !memcmp(w->text + w->at, "\\u0000", 6));
        w->at += w->text[w->at] == '\\' ? 2 : 1;
    }
    w->at = OGI_MIN(w->at + 1, w->n);
    ogi_buf_add(&w->out, w->text + begin, w->at - begin);
    if (w->is_key && w->depth > 0) {
        level *l = &w->level[w->depth - 1];
        l->key = begin + 1;
        l->n_key = w->at - begin >= 2 ? w->at - begin - 2 : 0;
        if (has_nul) return fail_at(w, OG_E_UNSUPPORTED, "names with U+0000 are not supported");
    }
    w->is_key = false;
    return OG_OK;
}

/* Is it a number as JSON spells them? */
static bool is_number(const char *p)
{
    p += *p == '-';
    size_t whole = strspn(p, "0123456789");
    if (whole == 0 || (whole > 1 && *p == '0')) return false;
    p += whole;
    if (*p == '.') {
        size_t n = strspn(++p, "0123456789");
        if (n == 0) return false;
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        size_t n = strspn(p, "0123456789");
        if (n == 0) return false;
        p += n;
    }
    return *p == 0;
}

/* Those beyond 64 bits become doubles, those beyond doubles the last of them. */
static og_status walk_number(walk *w)
{
    char text[MAX_SPELLED], exact[MAX_SPELLED];
    size_t begin = w->at;
    while (w->at < w->n && w->text[w->at] && strchr("0123456789+-.eE", w->text[w->at])) w->at++;
    size_t n = w->at - begin;
    if (n >= sizeof text) return fail_at(w, OG_E_LIMIT, "the number has too many digits");
    memcpy(text, w->text + begin, n);
    text[n] = 0;
    bool is_integer = !strpbrk(text, ".eE");
    errno = 0;
    if (is_integer) strtoll(text, NULL, 10);
    double x = strtod(text, NULL);
    bool fits = is_integer ? errno != ERANGE : isfinite(x);
    if (fits || !is_number(text)) {
        ogi_buf_add(&w->out, text, n);
        return OG_OK;
    }
    if (isinf(x)) x = copysign(DBL_MAX, x);
    ogi_buf_printf(&w->out, "%.17g", x);
    snprintf(exact, sizeof exact, "%.0f", x);
    if (!strcmp(exact, text)) return OG_OK;
    return json_array_append_new(w->s->rounded, json_real(x)) == 0 ? OG_OK : OG_E_MEMORY;
}

static og_status walk_text(walk *w)
{
    while (w->at < w->n) {
        char c = w->text[w->at];
        level *top = w->depth > 0 ? &w->level[w->depth - 1] : NULL;
        if (c == '"') {
            OG_TRY(walk_string(w));
            continue;
        }
        if (c == '-' || (c >= '0' && c <= '9')) {
            OG_TRY(walk_number(w));
            continue;
        }
        if (c == '{' || c == '[') {
            if (w->depth == MAX_NEST) return fail_at(w, OG_E_LIMIT, "the text is nested too deep");
            w->level[w->depth++] = (level){ .is_object = c == '{' };
            w->is_key = c == '{';
        }
        if ((c == '}' || c == ']') && top) w->depth--, w->is_key = false;
        if (c == ',' && top) top->index++, w->is_key = top->is_object;
        ogi_buf_putc(&w->out, c);
        w->at++;
    }
    return w->out.failed ? OG_E_MEMORY : OG_OK;
}

og_status ogi_schema_read(ogi_schema *s, const char *text, size_t n, json_t **out)
{
    ogi_sv body = ogi_sv_skip_bom((ogi_sv){ text, n });
    walk w = { .s = s, .text = body.p, .n = body.n, .out = { .ctx = s->ctx } };
    json_error_t e;
    *out = NULL;
    w.level = OGI_NEW_N(s->ctx, level, MAX_NEST);
    og_status st = w.level && s->rounded ? walk_text(&w) : OG_E_MEMORY;
    ogi_free(s->ctx, w.level);
    if (st == OG_OK) {
        const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
        *out = json_loadb(ogi_buf_str(&w.out), w.out.n, flags, &e);
        if (!*out)
            st = ogi_fail(s->ctx, OG_E_FORMAT, __FILE__, __LINE__, "%s, line %d, column %d: %s",
                          s->where, e.line, e.column, e.text);
    }
    ogi_buf_free(&w.out);
    return st;
}

bool ogi_schema_is_rounded(const ogi_schema *s, const json_t *v)
{
    size_t i;
    const char *key;
    json_t *r;
    if (!json_array_size(s->rounded)) return false;
    json_array_foreach(v, i, r) if (ogi_schema_is_rounded(s, r)) return true;
    json_object_foreach((json_t *)(uintptr_t)v, key,
                        r) if (ogi_schema_is_rounded(s, r)) return true;
    json_array_foreach(s->rounded, i, r) if (json_equal(r, v)) return true;
    return false;
}

bool ogi_schema_has_nul(const json_t *v)
{
    size_t i;
    json_t *item;
    if (json_is_string(v)) return strlen(json_string_value(v)) < json_string_length(v);
    json_array_foreach(v, i,
                       item) if (json_is_string(item) && ogi_schema_has_nul(item)) return true;
    return false;
}
