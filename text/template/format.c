/* SPDX-License-Identifier: MIT
 *
 * '%s' % x and '{}'.format(x), as Python writes them. */
#include "text/template/builtin.h"

#include <math.h>
#include <stdio.h>

enum { MAX_WIDTH = 100000 };

/* One conversion: [[fill]align][sign][#][0][width][,][.precision][type], or its % form. */
typedef struct spec {
    int32_t fill;
    char align;   /* '<' '>' '^' '=' or 0 */
    char sign;    /* '+' ' ' or 0; '-' while a specification is read */
    bool is_zero; /* aligned by 0 before the width: for text it only fills */
    bool alternate;
    char group;           /* ',' '_' or 0 */
    int width, precision; /* -1 = not given */
    char type;            /* 0 = by value */
} spec;

/* ---- numbers to text ---- */

/* The digits of b in front of a point or an exponent, in groups: 1,234,567 or dead_beef; zeros
 * that fill up to the width are grouped too. */
static void group_digits(tmpl_sb *b, const spec *s, int every, int64_t width)
{
    char mark = s->group;
    if (s->align != '=' || s->fill != '0') width = 0;
    size_t n = 0;
    tmpl_val all = ogi_tv_sb_done(b);
    if (all.tag != TV_STR) return;
    const tmpl_str *t = all.u.s;
    while (n < t->n && strchr("0123456789abcdefABCDEF", t->p[n]) && (every == 4 || t->p[n] != 'e'))
        n++;
    int64_t zeros = 0, digits = (int64_t)n;
    while ((int64_t)t->n + zeros + (digits + zeros - 1) / every < width) zeros++;
    *b = (tmpl_sb){ .h = b->h };
    for (int64_t i = -zeros; i < digits && ogi_tv_step(b->h, 1); i++) {
        if (i > -zeros && (digits - i) % every == 0) ogi_tv_sb_add(b, &mark, 1, t->trusted);
        ogi_tv_sb_add(b, i < 0 ? "0" : t->p + i, 1, t->trusted);
    }
    ogi_tv_sb_part(b, t, n, t->n);
}

static void float_text(double d, const spec *s, char *out, size_t size)
{
    int precision = s->precision < 0 ? 6 : OGI_MIN(s->precision, 300);
    if (!isfinite(d)) {
        bool capital = s->type && strchr("EFG", s->type);
        snprintf(out, size, "%s", isnan(d) ? (capital ? "NAN" : "nan") : capital ? "INF" : "inf");
        return;
    }
    bool alt = s->alternate; /* keeps the point, and the zeros of g */
    switch (s->type) {
    case 'e': snprintf(out, size, alt ? "%#.*e" : "%.*e", precision, d); break;
    case 'E': snprintf(out, size, alt ? "%#.*E" : "%.*E", precision, d); break;
    case 'g': snprintf(out, size, alt ? "%#.*g" : "%.*g", precision, d); break;
    case 'G': snprintf(out, size, alt ? "%#.*G" : "%.*G", precision, d); break;
    case '%': snprintf(out, size, alt ? "%#.*f%%" : "%.*f%%", precision, d * 100); break;
    default: snprintf(out, size, alt ? "%#.*f" : "%.*f", precision, d); break;
    }
}

static bool is_negative(tmpl_val v)
{
    return v.tag == TV_FLOAT ? signbit(v.u.d) && !isnan(v.u.d) : ogi_tv_int_is_negative(v);
}

static int base_of(char type)
{
    return type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
}

/* What stands before the digits: "-", "+0x", ""; its size is returned. */
static int sign_text(tmpl_val v, const spec *s, char out[4])
{
    int n = 0;
    bool has_prefix = s->alternate && base_of(s->type) != 10 && v.tag != TV_FLOAT;
    if (is_negative(v) || s->sign) out[n++] = is_negative(v) ? '-' : s->sign;
    if (has_prefix) out[n++] = '0', out[n++] = s->type;
    out[n] = 0;
    return n;
}

static int sign_size(tmpl_val v, const spec *s)
{
    char text[4];
    return sign_text(v, s, text);
}

/* Digits of |v|, at least as many as the precision asks for. */
static tmpl_val int_text(tmpl_heap *h, tmpl_val v, const spec *s)
{
    tmpl_sb b = { .h = h }, digits = { .h = h };
    int base = base_of(s->type);
    tmpl_val positive = ogi_tv_int_is_negative(v) ? ogi_tv_negate(h, v) : v;
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    ogi_tv_int_print(&digits, positive, base, v.trusted);
    for (size_t i = 0; s->type == 'X' && i < digits.n; i++)
        if (digits.p[i] >= 'a' && digits.p[i] <= 'z') digits.p[i] -= 'a' - 'A';
    if (s->group) group_digits(&digits, s, base == 10 ? 3 : 4, s->width - sign_size(v, s));
    for (int64_t i = (int64_t)digits.n; i < s->precision && ogi_tv_step(h, 1); i++)
        ogi_tv_sb_add(&b, "0", 1, v.trusted);
    tmpl_val text = ogi_tv_sb_done(&digits);
    if (text.tag == TV_STR) ogi_tv_sb_str(&b, text.u.s);
    return ogi_tv_sb_done(&b);
}

/* As 'g', but a number without a point gets one: 2.0, or 1e+01 if there is no digit left for it. */
static void untyped_text(double d, int precision, char *out, size_t size)
{
    float_text(d, &(spec){ .type = 'g', .precision = precision }, out, size);
    if (!isfinite(d) || strpbrk(out, ".e")) return;
    size_t n = strlen(out);
    if (n < (size_t)precision) {
        snprintf(out + n, size - n, ".0");
        return;
    }
    float_text(d, &(spec){ .type = 'e', .precision = (int)n - 1 }, out, size);
    char *e = strchr(out, 'e'), *end = e; /* 1.20e+01 -> 1.2e+01 */
    while (end > out + 1 && end[-1] == '0') end--;
    if (end > out && end[-1] == '.') end--;
    memmove(end, e, strlen(e) + 1);
}

/* |v| as text. */
static tmpl_val number_text(tmpl_heap *h, tmpl_val v, const spec *s)
{
    tmpl_sb b = { .h = h };
    bool is_float_type = s->type && strchr("eEfFgG%", s->type);
    if (!is_float_type && ogi_tv_is_int(v)) return int_text(h, v, s);
    double d = fabs(ogi_tv_double(h, v));
    char text[1024];
    if (!s->type && s->precision < 0)
        ogi_tv_float_repr(d, text);
    else if (!s->type)
        untyped_text(d, OGI_MAX(s->precision, 1), text, sizeof text);
    else
        float_text(d, s, text, sizeof text);
    ogi_tv_sb_puts(&b, text, v.trusted);
    if (s->group) group_digits(&b, s, 3, s->width - sign_size(v, s));
    return ogi_tv_sb_done(&b);
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
    char sign[4];
    sign_text(v, s, sign);
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

/* str(), repr() or ascii() of v, as !s, !r and !a ask for. */
static tmpl_val converted(tmpl_heap *h, tmpl_val v, char how)
{
    tmpl_sb text = { .h = h }, plain = { .h = h };
    if (how == 's') return ogi_tv_to_str(h, v);
    ogi_tv_repr(&text, v);
    v = ogi_tv_sb_done(&text);
    if (how == 'r' || v.tag != TV_STR) return v;
    for (size_t i = 0; i < v.u.s->n && !plain.failed && ogi_tv_step(h, 1);) {
        int32_t cp;
        char code[16];
        size_t begin = i;
        i += (size_t)ogi_tv_decode(v.u.s->p + i, v.u.s->n - i, &cp);
        snprintf(code, sizeof code,
                 cp < 0x100     ? "\\x%02x"
                 : cp < 0x10000 ? "\\u%04x"
                                : "\\U%08x",
                 (unsigned)cp);
        if (cp < 0x80)
            ogi_tv_sb_part(&plain, v.u.s, begin, i);
        else
            ogi_tv_sb_puts(&plain, code, v.u.s->mask ? v.u.s->mask[begin] : v.u.s->trusted);
    }
    return ogi_tv_sb_done(&plain);
}

/* The character with code v. */
static void put_code(tmpl_sb *b, tmpl_val v)
{
    int64_t cp = v.tag == TV_BOOL ? v.u.b : v.tag == TV_INT ? v.u.i : -1;
    if (cp >= 0 && cp <= 0x10ffff && (cp & ~0x7ff) != 0xd800)
        ogi_tv_sb_char(b, (int32_t)cp, v.trusted);
    else
        ogi_tv_fail(b->h, "%%c requires a character or its code");
}

static void put_percent(percent *p, tmpl_sb *b, tmpl_val v, spec *s)
{
    tmpl_heap *h = p->h;
    if (s->type == 's') {
        put_text(b, ogi_tv_to_str(h, v), s, '>');
    } else if (s->type == 'r' || s->type == 'a') {
        put_text(b, converted(h, v, s->type), s, '>');
    } else if (s->type == 'c') {
        tmpl_sb text = { .h = h };
        s->precision = -1;
        if (v.tag == TV_STR && ogi_tv_chars(v.u.s) == 1)
            ogi_tv_sb_str(&text, v.u.s);
        else
            put_code(&text, v);
        put_text(b, ogi_tv_sb_done(&text), s, '>');
    } else if (s->type && strchr("diuoxXeEfFgG", s->type)) {
        bool is_int = strchr("diuoxX", s->type) != NULL;
        if (!ogi_tv_is_number(v)) {
            ogi_tv_fail(h, "%%%c format: a number is required, not %s", s->type,
                        ogi_tv_type_name(v));
            return;
        }
        if (is_int && v.tag == TV_FLOAT && base_of(s->type) != 10) {
            ogi_tv_fail(h, "%%%c format: an integer is required, not float", s->type);
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
    if (i < f.n && f.p[i] == '%') {
        ogi_tv_sb_part(b, format, i, i + 1);
        return i + 1;
    }
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
    if (i < f.n && strchr("hlL", f.p[i]) && f.p[i]) i++; /* of C, without a meaning */
    if (i >= f.n) {
        ogi_tv_fail(p->h, "incomplete format");
        return f.n;
    }
    s.type = f.p[i];
    bool is_text = strchr("srac", s.type) != NULL;
    if (is_text && s.align == '=') s.align = '>', s.fill = ' ';
    if (s.align == '<') s.fill = ' ';
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
    bool has_items =
        args.tag == TV_DICT || args.tag == TV_LIST || args.tag == TV_RANGE || args.tag == TV_UNDEF;
    int64_t given = args.tag == TV_TUPLE ? args.u.l->n : !has_items;
    if (p.next < given) ogi_tv_fail(h, "not all arguments converted during string formatting");
    return ogi_tv_sb_done(&b);
}

/* ---- str.format ---- */

typedef struct braces {
    tmpl_heap *h;
    const tmpl_args *args;
    int next;                  /* of {} */
    bool by_itself, by_number; /* {} and {0} do not mix */
    int level;                 /* 1 inside a specification: {:{width}} */
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
    if (n == 0 && name.n) return ogi_tv_fail(h, "format: a field begins with its argument");
    if (n == 0 || is_number) {
        if (n == name.n) x->by_itself |= n == 0, x->by_number |= n > 0;
        if (x->by_itself && x->by_number)
            return ogi_tv_fail(h, "format: {} and {0} cannot be mixed");
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
    bool has_fill = n < t.n && n && is_align(t.p[n]);
    if (has_fill) {
        s.fill = cp, s.align = t.p[n];
        i = n + 1;
    } else if (t.n && is_align(t.p[0])) {
        s.align = t.p[i++];
    }
    if (i < t.n && (t.p[i] == '+' || t.p[i] == ' ' || t.p[i] == '-')) s.sign = t.p[i++];
    if (i < t.n && t.p[i] == '#') s.alternate = true, i++;
    if (i < t.n && t.p[i] == '0') {
        if (!has_fill) s.fill = '0';
        if (!s.align) s.align = '=', s.is_zero = true;
        i++;
    }
    s.width = spec_number(h, t, &i);
    if (i < t.n && (t.p[i] == ',' || t.p[i] == '_')) s.group = t.p[i++];
    if (i < t.n && t.p[i] == '.') {
        size_t digits = ++i;
        s.precision = spec_number(h, t, &i);
        if (i == digits) ogi_tv_fail(h, "format: the precision is missing");
    }
    if (i < t.n) s.type = t.p[i++];
    if (i < t.n || (s.type && !strchr("sdnbcoxXeEfFgG%", s.type)))
        ogi_tv_fail(h, "format: a malformed specification");
    return s;
}

/* What the specification asks for and a number of this kind has not. */
static const char *misfit(tmpl_val v, const spec *s)
{
    bool is_int_type = s->type && strchr("bcdoxXn", s->type);
    if (s->type == 's') return "'s'";
    if (v.tag == TV_FLOAT && is_int_type && s->type != 'n') return "a type of integers";
    if (s->group && s->type == 'n') return "a separator beside 'n'";
    if (v.tag == TV_FLOAT) return NULL;
    if ((is_int_type || !s->type) && s->precision >= 0) return "a precision";
    if (s->group == ',' && is_int_type && s->type != 'd') return "','";
    if (s->group == '_' && s->type == 'c') return "'_'";
    if (s->type == 'c' && (s->sign || s->alternate)) return "a sign or '#'";
    return NULL;
}

static void format_number(tmpl_sb *b, tmpl_val v, spec *s)
{
    const char *what = misfit(v, s);
    if (what) {
        ogi_tv_fail(b->h, "format: %s does not suit %s", what, ogi_tv_type_name(v));
    } else if (s->type == 'c') {
        tmpl_sb text = { .h = b->h };
        put_code(&text, v);
        put_padded(b, "", ogi_tv_sb_done(&text), s, s->align ? s->align : '>');
    } else {
        if (s->type == 'n') s->type = v.tag == TV_FLOAT ? 'g' : 'd';
        if (s->sign == '-') s->sign = 0;
        put_number(b, v, s);
    }
}

static void format_text(tmpl_sb *b, tmpl_val v, spec *s)
{
    if (v.tag != TV_STR)
        ogi_tv_fail(b->h, "format: %s takes no specification", ogi_tv_type_name(v));
    else if (s->type && s->type != 's')
        ogi_tv_fail(b->h, "format: '%c' does not suit str", s->type);
    else if (s->sign || s->alternate || s->group || (s->align == '=' && !s->is_zero))
        ogi_tv_fail(b->h, "format: a sign, '#', ',' or '=' does not suit str");
    else {
        if (s->is_zero) s->align = '<';
        put_text(b, v, s, '<');
    }
}

static tmpl_val format_all(braces *x, const tmpl_str *f);

static void put_field(braces *x, tmpl_sb *b, const tmpl_str *f, size_t begin, size_t end)
{
    tmpl_heap *h = x->h;
    ogi_sv field = { f->p + begin, end - begin };
    const char *open = field.n ? memchr(field.p, '[', field.n) : NULL;
    const char *colon = field.n ? memchr(field.p, ':', field.n) : NULL;
    if (open && colon && open < colon) { /* a key may hold a colon */
        const char *close = memchr(open, ']', field.n - (size_t)(open - field.p));
        size_t from = close ? (size_t)(close - field.p) : field.n;
        colon = from < field.n ? memchr(field.p + from, ':', field.n - from) : NULL;
    }
    size_t n = colon ? (size_t)(colon - field.p) : field.n;
    char conversion = 0;
    if (n >= 2 && field.p[n - 2] == '!') conversion = field.p[n - 1], n -= 2;
    tmpl_val v = field_value(x, (ogi_sv){ field.p, n });
    if (conversion && !strchr("sra", conversion))
        ogi_tv_fail(h, "format: unknown conversion '!%c'", conversion);
    if (ogi_tv_failed(h)) return;
    if (conversion) v = converted(h, v, conversion);
    size_t at = colon ? (size_t)(colon + 1 - f->p) : end;
    tmpl_val text = ogi_tv_slice(h, f, at, end);
    if (text.tag == TV_STR && memchr(text.u.s->p, '{', text.u.s->n)) {
        if (x->level++ > 0) ogi_tv_fail(h, "format: fields are nested too deeply");
        text = ogi_tv_failed(h) ? text : format_all(x, text.u.s);
        x->level--;
    }
    if (ogi_tv_failed(h) || text.tag != TV_STR) return;
    spec s = read_spec(h, ogi_tv_sv(text));
    if (ogi_tv_failed(h)) return;
    if (text.u.s->n == 0) /* str(), whatever it is */
        put_text(b, ogi_tv_to_str(h, v), &s, '<');
    else if (ogi_tv_is_number(v))
        format_number(b, v, &s);
    else
        format_text(b, v, &s);
}

/* Offset of the '}' that ends the field whose '{' is at i; n if there is none. */
static size_t field_end(const tmpl_str *f, size_t i)
{
    int depth = 0;
    bool in_key = false;
    for (; i < f->n; i++) {
        if (f->p[i] == '[') in_key = true;
        if (f->p[i] == ']') in_key = false;
        if (in_key) continue;
        if (f->p[i] == '{') depth++;
        if (f->p[i] == '}' && --depth == 0) break;
    }
    return i;
}

static tmpl_val format_all(braces *x, const tmpl_str *f)
{
    tmpl_heap *h = x->h;
    tmpl_sb b = { .h = h };
    for (size_t i = 0; i < f->n && !ogi_tv_failed(h);) {
        char c = f->p[i];
        if ((c == '{' || c == '}') && i + 1 < f->n && f->p[i + 1] == c && x->level == 0) {
            ogi_tv_sb_part(&b, f, i, i + 1);
            i += 2;
        } else if (c == '{') {
            size_t end = field_end(f, i);
            if (end >= f->n) return ogi_tv_fail(h, "format: expected '}' before end of string");
            put_field(x, &b, f, i + 1, end);
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

tmpl_val ogi_tv_format(tmpl_heap *h, tmpl_val format, const tmpl_args *args)
{
    braces x = { .h = h, .args = args };
    return format_all(&x, format.u.s);
}
