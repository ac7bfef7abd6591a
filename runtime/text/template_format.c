/* SPDX-License-Identifier: MIT
 *
 * '%s' % x, '{}'.format(x) and strftime, in the C locale. */
#include "runtime/text/template_value.h"

#include <math.h>
#include <stdio.h>

enum { MAX_WIDTH = 100000 };

/* One conversion: [[fill]align][sign][#][0][width][,][.precision][type], or its % form. */
typedef struct spec {
    int32_t fill;
    char align; /* '<' '>' '^' '=' or 0 */
    char sign;  /* '+' ' ' or 0 */
    bool alternate, grouped;
    int width, precision; /* -1 = not given */
    char type;            /* 0 = by value */
} spec;

/* ---- numbers to text ---- */

/* "1234567" -> "1,234,567" in front of a point or an exponent. */
static void group_digits(char *text, size_t size)
{
    size_t n = strlen(text), digits = strspn(text, "0123456789"),
           commas = digits ? (digits - 1) / 3 : 0;
    if (n + commas >= size) return;
    memmove(text + digits + commas, text + digits, n - digits + 1);
    for (size_t i = digits, k = digits + commas; commas; commas--) {
        for (int c = 0; c < 3; c++) text[--k] = text[--i];
        text[--k] = ',';
    }
}

static void float_text(double d, const spec *s, char *out, size_t size)
{
    int precision = s->precision < 0 ? 6 : OGI_MIN(s->precision, 300);
    if (!isfinite(d)) {
        snprintf(out, size, "%s", isnan(d) ? "nan" : "inf");
        return;
    }
    switch (s->type) {
    case 'e': snprintf(out, size, "%.*e", precision, d); break;
    case 'E': snprintf(out, size, "%.*E", precision, d); break;
    case 'g': snprintf(out, size, "%.*g", precision, d); break;
    case 'G': snprintf(out, size, "%.*G", precision, d); break;
    case '%': snprintf(out, size, "%.*f%%", precision, d * 100); break;
    default: snprintf(out, size, "%.*f", precision, d); break;
    }
}

/* Digits of |v|; ok false (and an error) when v does not suit the type. */
static tmpl_val number_text(tmpl_heap *h, tmpl_val v, const spec *s)
{
    tmpl_sb b = { .h = h };
    bool is_float_type = s->type && strchr("eEfFgG%", s->type);
    if (!is_float_type && ogi_tv_is_int(v)) {
        int base = s->type == 'x' || s->type == 'X' ? 16
                   : s->type == 'o'                 ? 8
                   : s->type == 'b'                 ? 2
                                                    : 10;
        tmpl_val positive = ogi_tv_int_is_negative(v) ? ogi_tv_negate(h, v) : v;
        if (s->alternate && base != 10) {
            char prefix[3] = { '0', s->type };
            ogi_tv_sb_puts(&b, prefix, v.trusted);
        }
        if (!ogi_tv_failed(h)) ogi_tv_int_print(&b, positive, base, v.trusted);
        for (size_t i = 0; s->type == 'X' && i < b.n; i++)
            if (b.p[i] >= 'a' && b.p[i] <= 'z') b.p[i] -= 'a' - 'A';
        if (!s->grouped || b.n > 300) return ogi_tv_sb_done(&b);
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)b.n, b.p ? b.p : "");
        group_digits(text, sizeof text);
        b.n = 0;
        ogi_tv_sb_puts(&b, text, v.trusted);
        return ogi_tv_sb_done(&b);
    }
    double d = fabs(ogi_tv_double(h, v));
    char text[1024];
    if (!s->type && s->precision < 0)
        ogi_tv_float_repr(d, text);
    else if (!s->type)
        float_text(d, &(spec){ .type = 'g', .precision = s->precision }, text, sizeof text);
    else
        float_text(d, s, text, sizeof text);
    if (s->grouped) group_digits(text, sizeof text);
    ogi_tv_sb_puts(&b, text, v.trusted);
    return ogi_tv_sb_done(&b);
}

static bool is_negative(tmpl_val v)
{
    return v.tag == TV_FLOAT ? signbit(v.u.d) && !isnan(v.u.d) : ogi_tv_int_is_negative(v);
}

static void put_fill(tmpl_sb *b, int32_t fill, int64_t n, bool trusted)
{
    for (; n > 0 && !b->failed && ogi_tv_step(b->h, 1); n--) ogi_tv_sb_char(b, fill, trusted);
}

/* sign + text, filled up to the width. */
static void put_padded(tmpl_sb *b, const char *sign, tmpl_val text, const spec *s, char align)
{
    if (text.tag != TV_STR) return;
    int64_t pad = s->width - ogi_tv_chars(text.u.s) - (int64_t)strlen(sign);
    int64_t left = align == '>' ? pad : align == '^' ? pad / 2 : 0;
    bool trusted = text.u.s->trusted;
    put_fill(b, s->fill, left, true);
    ogi_tv_sb_puts(b, sign, trusted);
    if (align == '=') put_fill(b, s->fill, pad, true);
    ogi_tv_sb_str(b, text.u.s);
    if (align == '<' || align == '^') put_fill(b, s->fill, pad - left, true);
}

static void put_number(tmpl_sb *b, tmpl_val v, const spec *s)
{
    char sign[2] = { is_negative(v) ? '-' : s->sign };
    put_padded(b, sign, number_text(b->h, v, s), s, s->align ? s->align : '>');
}

static void put_text(tmpl_sb *b, tmpl_val text, const spec *s, char align)
{
    if (text.tag != TV_STR) return;
    int64_t n = ogi_tv_chars(text.u.s);
    if (s->precision >= 0 && s->precision < n)
        text = ogi_tv_slice(b->h, text.u.s, 0, ogi_tv_char_at(text.u.s, s->precision));
    put_padded(b, "", text, s, s->align ? s->align : align);
}

/* ---- percent ---- */

typedef struct percent {
    tmpl_heap *h;
    tmpl_val args;
    int64_t next; /* element of a tuple */
} percent;

static tmpl_val next_value(percent *p)
{
    const tmpl_list *l = p->args.tag == TV_TUPLE ? p->args.u.l : NULL;
    int64_t n = l ? l->n : 1;
    if (p->next >= n) return ogi_tv_fail(p->h, "not enough arguments for format string");
    return l ? l->v[p->next++] : (p->next++, p->args);
}

static int read_count(percent *p, ogi_sv f, size_t *i)
{
    int64_t n = 0;
    if (*i < f.n && f.p[*i] == '*') {
        ++*i;
        n = ogi_tv_int_arg(p->h, next_value(p), 0);
    } else {
        for (; *i < f.n && f.p[*i] >= '0' && f.p[*i] <= '9'; ++*i)
            n = OGI_MIN(n * 10 + (f.p[*i] - '0'), MAX_WIDTH + 1);
    }
    if (n < 0 || n > MAX_WIDTH) ogi_tv_fail(p->h, "a width or precision is out of range");
    return (int)n;
}

static void put_percent(percent *p, tmpl_sb *b, tmpl_val v, spec *s)
{
    tmpl_heap *h = p->h;
    if (s->type == 's') {
        put_text(b, ogi_tv_to_str(h, v), s, '>');
    } else if (s->type == 'r' || s->type == 'a') {
        tmpl_sb text = { .h = h };
        ogi_tv_repr(&text, v);
        put_text(b, ogi_tv_sb_done(&text), s, '>');
    } else if (s->type == 'c') {
        tmpl_sb text = { .h = h };
        if (v.tag == TV_STR && ogi_tv_chars(v.u.s) == 1)
            ogi_tv_sb_str(&text, v.u.s);
        else if (v.tag == TV_INT && v.u.i >= 0 && v.u.i <= 0x10ffff && (v.u.i & ~0x7ff) != 0xd800)
            ogi_tv_sb_char(&text, (int32_t)v.u.i, v.trusted);
        else
            ogi_tv_fail(h, "%%c requires int or char");
        put_text(b, ogi_tv_sb_done(&text), s, '>');
    } else if (s->type && strchr("diuoxXeEfFgG", s->type)) {
        bool is_int = strchr("diuoxX", s->type) != NULL;
        if (!ogi_tv_is_number(v)) {
            ogi_tv_fail(h, "%%%c format: a number is required, not %s", s->type,
                        ogi_tv_type_name(v));
            return;
        }
        if (is_int && v.tag == TV_FLOAT) v = ogi_tv_int_of_double(h, v.u.d);
        if (strchr("diu", s->type)) s->type = 'd';
        put_number(b, v, s);
    } else {
        ogi_tv_fail(h, "unsupported format character '%c'", s->type);
    }
}

/* Behind '%'; gives the offset behind the conversion. */
static size_t convert_percent(percent *p, tmpl_sb *b, const tmpl_str *format, size_t i)
{
    ogi_sv f = { format->p, format->n };
    spec s = { .fill = ' ', .precision = -1 };
    tmpl_val v = { .tag = TV_ABSENT };
    if (i < f.n && f.p[i] == '(') {
        const char *close = memchr(f.p + i, ')', f.n - i);
        size_t end = close ? (size_t)(close - f.p) : f.n;
        const tmpl_val *item = NULL;
        if (p->args.tag != TV_DICT)
            ogi_tv_fail(p->h, "format requires a mapping");
        else if (close)
            item = ogi_tv_get_sv(p->h, p->args.u.m, (ogi_sv){ f.p + i + 1, end - i - 1 });
        if (!item) ogi_tv_fail(p->h, "the format names a key that is not there");
        if (item) v = *item;
        i = OGI_MIN(end + 1, f.n);
    }
    for (; i < f.n && strchr("-+ #0", f.p[i]) && f.p[i]; i++) {
        if (f.p[i] == '-') s.align = '<';
        if (f.p[i] == '+' || (f.p[i] == ' ' && !s.sign)) s.sign = f.p[i];
        if (f.p[i] == '#') s.alternate = true;
        if (f.p[i] == '0' && s.align != '<') s.fill = '0', s.align = '=';
    }
    s.width = read_count(p, f, &i);
    if (i < f.n && f.p[i] == '.') i++, s.precision = read_count(p, f, &i);
    if (i >= f.n) {
        ogi_tv_fail(p->h, "incomplete format");
        return f.n;
    }
    s.type = f.p[i];
    bool is_text = strchr("srac", s.type) != NULL;
    if (is_text && s.align == '=') s.align = '>', s.fill = ' ';
    if (s.align == '<') s.fill = ' ';
    if (s.type == '%') {
        ogi_tv_sb_part(b, format, i, i + 1);
        return i + 1;
    }
    if (v.tag == TV_ABSENT) v = next_value(p);
    if (!ogi_tv_failed(p->h)) put_percent(p, b, v, &s);
    return i + 1;
}

tmpl_val ogi_tv_percent(tmpl_heap *h, tmpl_val format, tmpl_val args)
{
    const tmpl_str *f = format.u.s;
    percent p = { .h = h, .args = args };
    tmpl_sb b = { .h = h };
    if (format.tag != TV_STR) return ogi_tv_undef();
    for (size_t i = 0; i < f->n && !ogi_tv_failed(h);) {
        const char *mark = memchr(f->p + i, '%', f->n - i);
        size_t end = mark ? (size_t)(mark - f->p) : f->n;
        ogi_tv_sb_part(&b, f, i, end);
        i = mark ? convert_percent(&p, &b, f, end + 1) : end;
    }
    bool has_items = args.tag == TV_DICT || args.tag == TV_LIST || args.tag == TV_RANGE;
    int64_t given = args.tag == TV_TUPLE ? args.u.l->n : !has_items;
    if (p.next < given) ogi_tv_fail(h, "not all arguments converted during string formatting");
    return ogi_tv_sb_done(&b);
}

/* ---- str.format ---- */

typedef struct braces {
    tmpl_heap *h;
    const tmpl_args *args;
    int next;
} braces;

/* A field name: "", "0", "name", then .attr and [key] parts. */
static tmpl_val field_value(braces *x, ogi_sv name)
{
    tmpl_heap *h = x->h;
    size_t n = 0;
    while (n < name.n && name.p[n] != '.' && name.p[n] != '[') n++;
    ogi_sv first = { name.p, n };
    tmpl_val v = { .tag = TV_ABSENT };
    bool is_number = n > 0 && n < 6 && strspn(name.p, "0123456789") >= n;
    if (n == 0 || is_number) {
        int64_t i = n ? ogi_tv_int_parse(h, first, 10).u.i : x->next++;
        if (i < x->args->n) v = x->args->pos[i];
    }
    for (int i = 0; i < x->args->n_kw && n && !is_number; i++)
        if (ogi_sv_eq(x->args->kw[i].name, first)) v = x->args->kw[i].value;
    if (v.tag == TV_ABSENT) return ogi_tv_fail(h, "format: no argument for a field");
    while (n < name.n && !ogi_tv_failed(h)) {
        bool is_item = name.p[n] == '[';
        size_t begin = ++n;
        while (n < name.n && (is_item ? name.p[n] != ']' : name.p[n] != '.' && name.p[n] != '['))
            n++;
        ogi_sv part = { name.p + begin, n - begin };
        if (is_item && n < name.n) n++;
        tmpl_val index = is_item ? ogi_tv_int_parse(h, part, 10) : ogi_tv_undef();
        if (index.tag == TV_UNDEF) index = ogi_tv_str(h, part, true);
        v = is_item ? ogi_tv_getitem(h, v, index) : ogi_tv_getattr(h, v, part);
    }
    return v;
}

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '^' || c == '=';
}

static int spec_number(tmpl_heap *h, ogi_sv t, size_t *i)
{
    int n = 0;
    for (; *i < t.n && t.p[*i] >= '0' && t.p[*i] <= '9'; ++*i)
        n = OGI_MIN(n * 10 + (t.p[*i] - '0'), MAX_WIDTH + 1);
    if (n > MAX_WIDTH) ogi_tv_fail(h, "a width or precision is out of range");
    return n;
}

static spec read_spec(tmpl_heap *h, ogi_sv t)
{
    spec s = { .fill = ' ', .precision = -1 };
    int32_t cp;
    size_t i = 0, n = (size_t)ogi_tv_decode(t.p, t.n, &cp);
    if (n < t.n && n && is_align(t.p[n])) {
        s.fill = cp, s.align = t.p[n];
        i = n + 1;
    } else if (t.n && is_align(t.p[0])) {
        s.align = t.p[i++];
    }
    if (i < t.n && (t.p[i] == '+' || t.p[i] == ' ' || t.p[i] == '-')) {
        s.sign = t.p[i] == '-' ? 0 : t.p[i];
        i++;
    }
    if (i < t.n && t.p[i] == '#') s.alternate = true, i++;
    if (i < t.n && t.p[i] == '0') {
        if (!s.align) s.align = '=', s.fill = '0';
        i++;
    }
    s.width = spec_number(h, t, &i);
    if (i < t.n && t.p[i] == ',') s.grouped = true, i++;
    if (i < t.n && t.p[i] == '.') i++, s.precision = spec_number(h, t, &i);
    if (i < t.n) s.type = t.p[i++];
    if (i < t.n || (s.type && !strchr("sdnbcoxXeEfFgG%", s.type)))
        ogi_tv_fail(h, "format: a malformed specification");
    if (s.type == 'n') s.type = 'd';
    return s;
}

static void put_field(braces *x, tmpl_sb *b, ogi_sv field)
{
    tmpl_heap *h = x->h;
    const char *colon = field.n ? memchr(field.p, ':', field.n) : NULL;
    size_t n = colon ? (size_t)(colon - field.p) : field.n;
    char conversion = 0;
    spec s = read_spec(h, colon ? (ogi_sv){ colon + 1, field.n - n - 1 } : OGI_SV(""));
    if (n >= 2 && field.p[n - 2] == '!') conversion = field.p[n - 1], n -= 2;
    tmpl_val v = field_value(x, (ogi_sv){ field.p, n });
    if (ogi_tv_failed(h)) return;
    if (conversion == 's') v = ogi_tv_to_str(h, v);
    if (conversion == 'r') {
        tmpl_sb text = { .h = h };
        ogi_tv_repr(&text, v);
        v = ogi_tv_sb_done(&text);
    }
    bool plain = v.tag == TV_BOOL && !s.type;
    if (ogi_tv_is_number(v) && !plain) {
        if (s.type == 's') ogi_tv_fail(h, "format: 's' does not suit a number");
        if (s.type == 'd' && v.tag == TV_FLOAT) ogi_tv_fail(h, "format: 'd' does not suit a float");
        if (!ogi_tv_failed(h)) put_number(b, v, &s);
        return;
    }
    if (s.type && s.type != 's') {
        ogi_tv_fail(h, "format: '%c' does not suit %s", s.type, ogi_tv_type_name(v));
        return;
    }
    put_text(b, ogi_tv_to_str(h, v), &s, '<');
}

tmpl_val ogi_tv_format(tmpl_heap *h, tmpl_val format, const tmpl_args *args)
{
    const tmpl_str *f = format.u.s;
    braces x = { .h = h, .args = args };
    tmpl_sb b = { .h = h };
    for (size_t i = 0; i < f->n && !ogi_tv_failed(h);) {
        char c = f->p[i];
        if ((c == '{' || c == '}') && i + 1 < f->n && f->p[i + 1] == c) {
            ogi_tv_sb_part(&b, f, i, i + 1);
            i += 2;
        } else if (c == '{') {
            const char *close = memchr(f->p + i, '}', f->n - i);
            if (!close) return ogi_tv_fail(h, "format: expected '}' before end of string");
            size_t end = (size_t)(close - f->p);
            put_field(&x, &b, (ogi_sv){ f->p + i + 1, end - i - 1 });
            i = end + 1;
        } else if (c == '}') {
            return ogi_tv_fail(h, "format: single '}' in a format string");
        } else {
            size_t begin = i;
            while (i < f->n && f->p[i] != '{' && f->p[i] != '}') i++;
            ogi_tv_sb_part(&b, f, begin, i);
        }
    }
    return ogi_tv_sb_done(&b);
}

/* ---- time ---- */

static int weekday(int y, int m, int d) /* 0 = Sunday (Sakamoto) */
{
    static const int shift[] = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 };
    y -= m < 3;
    return (y + y / 4 - y / 100 + y / 400 + shift[m - 1] + d) % 7;
}

static int yearday(int y, int m, int d) /* 1 = January 1st */
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return before[m - 1] + d + (leap && m > 2);
}

static void put_time(tmpl_sb *b, char c, char flag, tmpl_time t)
{
    static const char *const day[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday" };
    static const char *const month[] = { "January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December" };
    int hour12 = t.hour % 12 ? t.hour % 12 : 12, wday = weekday(t.year, t.month, t.day);
    int yday = yearday(t.year, t.month, t.day);
    int value = -1, width = 2;
    char pad = '0';
    const char *text = NULL;
    switch (c) {
    case 'Y': value = t.year, width = 4; break;
    case 'm': value = t.month; break;
    case 'd': value = t.day; break;
    case 'e': value = t.day, pad = ' '; break;
    case 'H': value = t.hour; break;
    case 'I': value = hour12; break;
    case 'k': value = t.hour, pad = ' '; break;
    case 'l': value = hour12, pad = ' '; break;
    case 'M': value = t.minute; break;
    case 'S': value = t.second; break;
    case 'y': value = t.year % 100; break;
    case 'C': value = t.year / 100; break;
    case 'j': value = yday, width = 3; break;
    case 'f': value = 0, width = 6; break;
    case 'w': value = wday, width = 1; break;
    case 'u': value = wday ? wday : 7, width = 1; break;
    case 'U': value = (yday + 6 - wday) / 7; break;
    case 'W': value = (yday + 6 - (wday + 6) % 7) / 7; break;
    case 'p': text = t.hour < 12 ? "AM" : "PM"; break;
    case 'A': text = day[wday]; break;
    case 'B': text = month[t.month - 1]; break;
    case 'a': ogi_tv_sb_add(b, day[wday], 3, true); return;
    case 'b':
    case 'h': ogi_tv_sb_add(b, month[t.month - 1], 3, true); return;
    case 'n': text = "\n"; break;
    case 't': text = "\t"; break;
    case 'z':
    case 'Z': text = ""; break; /* local time without a zone, as datetime.now() */
    case '%': text = "%"; break;
    default: ogi_tv_fail(b->h, "strftime_now: no conversion %%%c", c); return;
    }
    char number[16];
    if (flag == '-') width = 1;
    if (flag == '_') pad = ' ';
    if (flag == '0') pad = '0';
    if (!text) snprintf(number, sizeof number, pad == ' ' ? "%*d" : "%0*d", width, value);
    ogi_tv_sb_puts(b, text ? text : number, true);
}

static void put_times(tmpl_sb *b, ogi_sv f, tmpl_time t, int level)
{
    static const char *const composed[] = { "D%m/%d/%y",    "x%m/%d/%y",
                                            "F%Y-%m-%d",    "T%H:%M:%S",
                                            "X%H:%M:%S",    "R%H:%M",
                                            "r%I:%M:%S %p", "c%a %b %e %H:%M:%S %Y" };
    for (size_t i = 0; i < f.n && !b->failed && ogi_tv_step(b->h, 1); i++) {
        if (f.p[i] != '%' || i + 1 == f.n) {
            ogi_tv_sb_add(b, f.p + i, 1, true);
            continue;
        }
        char c = f.p[++i], flag = 0;
        if ((c == '-' || c == '_' || c == '0') && i + 1 < f.n) flag = c, c = f.p[++i];
        const char *parts = NULL;
        for (int k = 0; k < OGI_LEN(composed) && level == 0; k++)
            if (composed[k][0] == c) parts = composed[k] + 1;
        if (parts)
            put_times(b, ogi_sv_of(parts), t, 1);
        else
            put_time(b, c, flag, t);
    }
}

tmpl_val ogi_tv_strftime(tmpl_heap *h, ogi_sv format, tmpl_time t)
{
    tmpl_sb b = { .h = h };
    put_times(&b, format, t, 0);
    return ogi_tv_sb_done(&b);
}
