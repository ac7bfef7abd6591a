/* SPDX-License-Identifier: MIT
 *
 * str() and repr() as Python writes them. */
#include "text/value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

/* The shortest digits that read back as d, laid out as Python's repr does. */
int ogi_tv_float_repr(double d, char out[40])
{
    if (isnan(d)) return snprintf(out, 40, "nan");
    if (isinf(d)) return snprintf(out, 40, d < 0 ? "-inf" : "inf");
    char e[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(e, sizeof e, "%.*e", digits - 1, d);
        if (strtod(e, NULL) == d) break;
    }
    /* e is [-]D[.DDDD]e+XX: collect the digits and the exponent */
    char digit[24];
    int n = 0, exp = (int)strtol(strchr(e, 'e') + 1, NULL, 10);
    for (const char *p = e; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digit[n++] = *p;
    digit[n] = 0;
    const char *sign = signbit(d) ? "-" : "";
    if (exp < -4 || exp >= 16) {
        const char *dot = n > 1 ? "." : "";
        return snprintf(out, 40, "%s%c%s%se%c%02d", sign, digit[0], dot, digit + 1,
                        exp < 0 ? '-' : '+', abs(exp));
    }
    if (exp < 0) return snprintf(out, 40, "%s0.%.*s%s", sign, -exp - 1, "0000", digit);
    if (n <= exp + 1)
        return snprintf(out, 40, "%s%s%.*s.0", sign, digit, exp + 1 - n, "0000000000000000");
    return snprintf(out, 40, "%s%.*s.%s", sign, exp + 1, digit, digit + exp + 1);
}

static bool is_printable(int32_t cp)
{
    if (cp < 0x7f) return cp >= 0x20;
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true; /* not our enum: every other category prints */
    }
}

static void repr_str(tmpl_sb *b, const tmpl_str *s)
{
    bool single = s->n && memchr(s->p, '\'', s->n), dbl = s->n && memchr(s->p, '"', s->n);
    char quote = single && !dbl ? '"' : '\'';
    bool outer = ogi_tv_wholly_trusted(s);
    ogi_tv_sb_add(b, &quote, 1, outer);
    for (size_t i = 0; i < s->n && !b->failed;) {
        int32_t cp;
        size_t len = (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        bool trusted = s->mask ? s->mask[i] : s->trusted;
        char text[16] = { '\\', 0 };
        int n = 0;
        if (cp == '\n' || cp == '\r' || cp == '\t') {
            text[1] = cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't', n = 2;
        } else if (cp == quote || cp == '\\') {
            text[1] = (char)cp, n = 2;
        } else if (!is_printable(cp)) {
            if (cp < 0x100)
                n = snprintf(text, sizeof text, "\\x%02x", (unsigned)cp);
            else if (cp < 0x10000)
                n = snprintf(text, sizeof text, "\\u%04x", (unsigned)cp);
            else
                n = snprintf(text, sizeof text, "\\U%08x", (unsigned)cp);
        }
        if (n)
            ogi_tv_sb_add(b, text, (size_t)n, trusted);
        else
            ogi_tv_sb_part(b, s, i, i + len);
        i += len;
    }
    ogi_tv_sb_add(b, &quote, 1, outer);
}

static void repr_list(tmpl_sb *b, tmpl_val v, const char *open, const char *close)
{
    const tmpl_list *l = v.u.l;
    ogi_tv_sb_puts(b, open, v.trusted);
    for (int64_t i = 0; i < l->n && ogi_tv_step(b->h, 1); i++) {
        if (i) ogi_tv_sb_puts(b, ", ", v.trusted);
        ogi_tv_repr(b, l->v[i]);
    }
    if (v.tag == TV_TUPLE && l->n == 1) ogi_tv_sb_puts(b, ",", v.trusted);
    ogi_tv_sb_puts(b, close, v.trusted);
}

static void repr_dict(tmpl_sb *b, tmpl_val v)
{
    const tmpl_dict *m = v.u.m;
    ogi_tv_sb_puts(b, v.tag == TV_SPACE ? "<Namespace {" : "{", v.trusted);
    for (int64_t i = 0; i < m->n && ogi_tv_step(b->h, 1); i++) {
        if (i) ogi_tv_sb_puts(b, ", ", v.trusted);
        ogi_tv_repr(b, m->e[i].key);
        ogi_tv_sb_puts(b, ": ", v.trusted);
        ogi_tv_repr(b, m->e[i].value);
    }
    ogi_tv_sb_puts(b, v.tag == TV_SPACE ? "}>" : "}", v.trusted);
}

static void repr_view(tmpl_sb *b, const tmpl_view *view)
{
    tmpl_val l = { .tag = TV_LIST, .trusted = view->trusted };
    tmpl_val v = { .tag = TV_VIEW, .u.view = (tmpl_view *)(uintptr_t)view };
    l.u.l = ogi_tv_elements(b->h, v);
    if (!l.u.l) return;
    const char *open = view->kind == 'k'   ? "dict_keys(["
                       : view->kind == 'v' ? "dict_values(["
                                           : "dict_items([";
    repr_list(b, l, open, "])");
}

static void print_range(const tmpl_range *r, char *out, size_t size)
{
    int n = snprintf(out, size, "range(%lld, %lld", (long long)r->start, (long long)r->stop);
    if (r->step == 1)
        snprintf(out + n, size - (size_t)n, ")");
    else
        snprintf(out + n, size - (size_t)n, ", %lld)", (long long)r->step);
}

void ogi_tv_repr(tmpl_sb *b, tmpl_val v)
{
    tmpl_heap *h = b->h;
    char text[96];
    bool deeper = ogi_tv_enter(h);
    if (deeper) switch ((tmpl_tag)v.tag) {
        case TV_ABSENT:
        case TV_UNDEF: ogi_tv_sb_puts(b, "Undefined", true); break;
        case TV_NONE: ogi_tv_sb_puts(b, "None", v.trusted); break;
        case TV_BOOL: ogi_tv_sb_puts(b, v.u.b ? "True" : "False", v.trusted); break;
        case TV_INT:
        case TV_BIG: ogi_tv_int_print(b, v, 10, v.trusted); break;
        case TV_FLOAT:
            ogi_tv_float_repr(v.u.d, text);
            ogi_tv_sb_puts(b, text, v.trusted);
            break;
        case TV_STR:
            if (v.u.s->is_markup) ogi_tv_sb_puts(b, "Markup(", true);
            repr_str(b, v.u.s);
            if (v.u.s->is_markup) ogi_tv_sb_puts(b, ")", true);
            break;
        case TV_LIST: repr_list(b, v, "[", "]"); break;
        case TV_TUPLE: repr_list(b, v, "(", ")"); break;
        case TV_DICT:
        case TV_SPACE: repr_dict(b, v); break;
        case TV_VIEW: repr_view(b, v.u.view); break;
        case TV_RANGE:
            print_range(v.u.range, text, sizeof text);
            ogi_tv_sb_puts(b, text, true);
            break;
        case TV_ITER:
        case TV_MACRO:
        case TV_FUNC:
        case TV_METHOD:
        case TV_LOOP:
            snprintf(text, sizeof text, "<%s>", ogi_tv_type_name(v));
            ogi_tv_sb_puts(b, text, true);
            break;
        }
    ogi_tv_leave(h);
}

void ogi_tv_print(tmpl_sb *b, tmpl_val v)
{
    if (v.tag == TV_STR)
        ogi_tv_sb_str(b, v.u.s);
    else if (v.tag != TV_UNDEF)
        ogi_tv_repr(b, v);
}

tmpl_val ogi_tv_to_str(tmpl_heap *h, tmpl_val v)
{
    if (v.tag == TV_STR) return v;
    tmpl_sb b = { .h = h };
    ogi_tv_print(&b, v);
    return ogi_tv_sb_done(&b);
}
