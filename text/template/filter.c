/* SPDX-License-Identifier: MIT
 *
 * Filters on text and numbers, and the list of all filters' names. */
#include "text/template/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/template/case.h"

tmpl_val ogi_tf_method(tmpl_heap *h, tmpl_val self, const char *name, const tmpl_val *arg, int n)
{
    tmpl_val s = ogi_tv_to_str(h, self);
    if (s.tag != TV_STR) return ogi_tv_undef();
    while (n > 0 && arg[n - 1].tag == TV_ABSENT) n--;
    const tmpl_builtin *fn = ogi_tv_str_method(ogi_sv_of(name));
    return ogi_tv_call_builtin(h, fn, s, &(tmpl_args){ .pos = arg, .n = n });
}

/* ---- text ---- */

FILTER(upper)
{
    return (void)all, ogi_tf_method(h, self, "upper", arg, 0);
}
FILTER(lower)
{
    return (void)all, ogi_tf_method(h, self, "lower", arg, 0);
}
FILTER(capitalize)
{
    return (void)all, ogi_tf_method(h, self, "capitalize", arg, 0);
}
FILTER(trim)
{
    return (void)all, ogi_tf_method(h, self, "strip", arg, 1);
}

FILTER(center)
{
    tmpl_val width = arg[0].tag == TV_ABSENT ? ogi_tv_int(80) : arg[0];
    return (void)all, ogi_tf_method(h, self, "center", &width, 1);
}

FILTER(replace)
{
    (void)all;
    tmpl_val to[3] = { ogi_tv_to_str(h, arg[0]), ogi_tv_to_str(h, arg[1]), arg[2] };
    return ogi_tf_method(h, self, "replace", to, 3);
}

FILTER(string)
{
    return (void)arg, (void)all, ogi_tv_to_str(h, self);
}

static bool splits_words(int32_t cp)
{
    return ogi_tv_is_space(cp) || cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<';
}

/* Unlike str.title(), a word begins only after a space, a hyphen or an opening bracket. */
FILTER(title)
{
    (void)arg, (void)all;
    tmpl_val v = ogi_tv_to_str(h, self);
    tmpl_sb b = { .h = h };
    for (size_t i = 0; v.tag == TV_STR && i < v.u.s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        size_t begin = i;
        i += (size_t)ogi_tv_decode(v.u.s->p + i, v.u.s->n - i, &cp);
        ogi_tc_put(&b, v.u.s, begin, i, TC_UPPER);
        size_t word = i;
        if (splits_words(cp)) continue;
        while (i < v.u.s->n) {
            int n = ogi_tv_decode(v.u.s->p + i, v.u.s->n - i, &cp);
            if (splits_words(cp)) break;
            i += (size_t)n;
        }
        ogi_tc_put(&b, v.u.s, word, i, TC_LOWER);
    }
    return ogi_tv_sb_done(&b);
}

FILTER(wordcount)
{
    (void)arg, (void)all;
    tmpl_val v = ogi_tv_to_str(h, self);
    int64_t n = 0;
    bool in_word = false;
    for (size_t i = 0; v.tag == TV_STR && i < v.u.s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        i += (size_t)ogi_tv_decode(v.u.s->p + i, v.u.s->n - i, &cp);
        bool is_word = cp == '_' || ogi_cp_is_alpha(cp) || ogi_cp_is_numeric(cp);
        n += is_word && !in_word;
        in_word = is_word;
    }
    return ogi_tv_int(n);
}

/* For filters that do not turn their value into text first. */
static tmpl_val text_only(tmpl_heap *h, tmpl_val v)
{
    if (v.tag == TV_STR) return v;
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(h, v);
    return ogi_tv_fail(h, "a str is wanted, not %s", ogi_tv_type_name(v));
}

FILTER(truncate)
{
    (void)all;
    tmpl_val v = self, end = ogi_tf_given(arg[2]) ? arg[2] : ogi_tv_lit(h, "...");
    int64_t length = ogi_tv_int_arg(h, arg[0], 255), leeway = ogi_tv_int_arg(h, arg[3], 5);
    if (end.tag != TV_STR) return text_only(h, end);
    int64_t keep = length - ogi_tv_chars(end.u.s);
    if (keep < 0 || leeway < 0)
        return ogi_tv_fail(h, "truncate: expected a length of at least %lld",
                           (long long)(length - keep));
    int64_t n = ogi_tv_length(h, v); /* of a list too: one that is short enough stays */
    if (n >= 0 && n <= length + leeway) return v;
    if (v.tag != TV_STR) return text_only(h, v);
    size_t to = ogi_tv_char_at(v.u.s, keep);
    if (!ogi_tf_flag(h, arg[1])) {
        size_t space = to;
        while (space > 0 && v.u.s->p[space - 1] != ' ') space--;
        if (space > 0) to = space - 1;
    }
    tmpl_sb b = { .h = h };
    ogi_tv_sb_part(&b, v.u.s, 0, to);
    ogi_tv_sb_str(&b, end.u.s);
    return ogi_tv_sb_done(&b);
}

/* width is a number of blanks or the text to put before each line. */
FILTER(indent)
{
    (void)all;
    tmpl_val text = text_only(h, self), pad = arg[0];
    bool first = ogi_tf_flag(h, arg[1]), blank = ogi_tf_flag(h, arg[2]);
    if (pad.tag != TV_STR) {
        tmpl_val by[1] = { pad.tag == TV_ABSENT ? ogi_tv_int(4) : pad };
        pad = ogi_tf_method(h, ogi_tv_lit(h, ""), "ljust", by, 1);
    }
    tmpl_val newline = ogi_tv_lit(h, "\n");
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    /* Jinja adds a newline before it splits, so that a last empty line counts */
    tmpl_val lines = ogi_tf_method(h, ogi_tv_add(h, text, newline), "splitlines", NULL, 0);
    tmpl_sb b = { .h = h };
    for (int64_t i = 0; lines.tag == TV_LIST && i < lines.u.l->n; i++) {
        const tmpl_str *line = lines.u.l->v[i].u.s;
        if (i) ogi_tv_sb_add(&b, "\n", 1, true);
        if (i ? blank || line->n : first) ogi_tv_sb_str(&b, pad.u.s);
        ogi_tv_sb_str(&b, line);
    }
    return ogi_tv_sb_done(&b);
}

FILTER(format)
{
    (void)arg;
    tmpl_val s = ogi_tv_to_str(h, self);
    if (all->n && all->n_kw) return ogi_tv_fail(h, "format: arguments by place or by name");
    tmpl_val args = all->n_kw ? ogi_tv_dict(h) : ogi_tv_list(h, TV_TUPLE, all->n);
    for (int i = 0; i < all->n; i++) ogi_tv_push(h, args, all->pos[i]);
    for (int i = 0; i < all->n_kw && !ogi_tv_failed(h); i++)
        ogi_tv_put_sv(h, args.u.m, all->kw[i].name, all->kw[i].value);
    return ogi_tv_failed(h) ? ogi_tv_undef() : ogi_tv_percent(h, s, args);
}

static tmpl_val mark(tmpl_heap *h, tmpl_val v)
{
    v = ogi_tv_to_str(h, v);
    if (v.tag != TV_STR) return v;
    v = ogi_tv_slice(h, v.u.s, 0, v.u.s->n); /* a string object of its own */
    if (v.tag == TV_STR) v.u.s->is_markup = true;
    return v;
}

FILTER(safe)
{
    return (void)arg, (void)all, mark(h, self);
}

tmpl_val ogi_tv_escape(tmpl_heap *h, tmpl_val v)
{
    static const char from[] = "&<>'\"";
    static const char *const to[] = { "&amp;", "&lt;", "&gt;", "&#39;", "&#34;" };
    v = ogi_tv_to_str(h, v);
    if (v.tag != TV_STR || v.u.s->is_markup) return v;
    const tmpl_str *s = v.u.s;
    tmpl_sb b = { .h = h };
    for (size_t i = 0; i < s->n && !b.failed; i++) {
        const char *known = s->p[i] ? strchr(from, s->p[i]) : NULL;
        if (known)
            ogi_tv_sb_puts(&b, to[known - from], s->mask ? s->mask[i] : s->trusted);
        else
            ogi_tv_sb_part(&b, s, i, i + 1);
    }
    v = ogi_tv_sb_done(&b);
    if (v.tag == TV_STR) v.u.s->is_markup = true;
    return v;
}

FILTER(escape)
{
    return (void)arg, (void)all, ogi_tv_escape(h, self);
}

FILTER(forceescape)
{
    (void)arg, (void)all;
    tmpl_val v = ogi_tv_to_str(h, self);
    if (v.tag != TV_STR) return v;
    v = ogi_tv_slice(h, v.u.s, 0, v.u.s->n);
    if (v.tag == TV_STR) v.u.s->is_markup = false;
    return ogi_tv_escape(h, v);
}

/* ---- numbers ---- */

FILTER(absolute)
{
    (void)arg, (void)all;
    if (self.tag == TV_UNDEF) return ogi_tv_fail_undef(h, self);
    if (!ogi_tv_is_number(self))
        return ogi_tv_fail(h, "bad operand type for abs(): '%s'", ogi_tv_type_name(self));
    bool negative = self.tag == TV_FLOAT ? signbit(self.u.d) : ogi_tv_int_is_negative(self);
    if (negative) return ogi_tv_negate(h, self);
    return self.tag == TV_BOOL ? ogi_tv_int(self.u.b) : self;
}

/* What int() and float() read, in ASCII: digits of any script become 0 to 9, whitespace around it
 * goes. Undefined if it holds anything else. */
static tmpl_val ascii_number(tmpl_heap *h, tmpl_val v)
{
    tmpl_sb b = { .h = h };
    tmpl_val s = ogi_tf_method(h, v, "strip", NULL, 0);
    if (s.tag != TV_STR) return ogi_tv_undef();
    for (size_t i = 0; i < s.u.s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        i += (size_t)ogi_tv_decode(s.u.s->p + i, s.u.s->n - i, &cp);
        int digit = cp < 0x80 ? -1 : ogi_cp_digit(cp);
        if (cp == 0 || (cp >= 0x80 && digit < 0)) return ogi_tv_undef();
        ogi_tv_sb_char(&b, digit < 0 ? cp : '0' + digit, true);
    }
    ogi_tv_sb_add(&b, "", 1, true); /* for strtod; not counted */
    if (!b.failed) b.n--;
    return ogi_tv_sb_done(&b);
}

static bool read_float(tmpl_heap *h, tmpl_val v, double *out)
{
    tmpl_val text = ascii_number(h, v);
    if (text.tag != TV_STR || text.u.s->n == 0) return false;
    tmpl_sb b = { .h = h };
    ogi_sv s = ogi_tv_sv(text);
    for (size_t i = 0; i < s.n; i++) {
        bool in_digits = i > 0 && i + 1 < s.n && s.p[i - 1] >= '0' && s.p[i - 1] <= '9' &&
                         s.p[i + 1] >= '0' && s.p[i + 1] <= '9';
        if (strchr("xXpP()", s.p[i]) || (s.p[i] == '_' && !in_digits)) return false;
        if (s.p[i] != '_') ogi_tv_sb_add(&b, s.p + i, 1, true);
    }
    ogi_tv_sb_add(&b, "", 1, true);
    text = ogi_tv_sb_done(&b);
    char *end = NULL;
    if (text.tag == TV_STR) *out = strtod(text.u.s->p, &end);
    return end && !*end;
}

static bool read_int(tmpl_heap *h, tmpl_val v, int base, tmpl_val *out)
{
    tmpl_val text = ascii_number(h, v);
    if (text.tag != TV_STR) return false;
    ogi_sv s = ogi_tv_sv(text);
    bool negative = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s.p++, s.n--;
    int prefix = s.n > 2 && s.p[0] == '0' ? s.p[1] | 0x20 : 0;
    int implied = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
    if (implied && (base == implied || base == 0)) {
        s.p += 2, s.n -= 2;
        if (s.n > 1 && s.p[0] == '_') s.p++, s.n--;
        base = implied;
    }
    *out = ogi_tv_int_parse(h, s, base ? base : 10);
    if (out->tag == TV_UNDEF) return false;
    bool led = base == 0 && s.n > 1 && s.p[0] == '0' && !(out->tag == TV_INT && out->u.i == 0);
    if (led) return false; /* "012" has no base of its own */
    if (negative) *out = ogi_tv_negate(h, *out);
    out->trusted = ogi_tv_wholly_trusted(v.u.s);
    return true;
}

FILTER(to_int)
{
    (void)all;
    tmpl_val r = arg[0].tag == TV_ABSENT ? ogi_tv_int(0) : arg[0];
    int64_t base = ogi_tv_int_arg(h, arg[1], 10);
    double d = NAN;
    if (base != 0 && (base < 2 || base > 36)) return ogi_tv_fail(h, "int: base must be 2 to 36");
    if (self.tag == TV_UNDEF) return ogi_tv_fail_undef(h, self);
    if (self.tag == TV_BOOL) return ogi_tv_int(self.u.b);
    if (ogi_tv_is_int(self)) return self;
    if (self.tag == TV_STR && read_int(h, self, (int)base, &r)) return r;
    if (self.tag == TV_FLOAT) d = self.u.d;
    if (self.tag == TV_STR && !read_float(h, self, &d)) d = NAN;
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    if (!isnan(d)) return ogi_tv_int_of_double(h, d); /* an error for infinity, as in Jinja */
    return arg[0].tag == TV_ABSENT ? ogi_tv_int(0) : arg[0];
}

FILTER(to_float)
{
    (void)all;
    double d;
    if (self.tag == TV_UNDEF) return ogi_tv_fail_undef(h, self);
    if (ogi_tv_is_number(self)) return ogi_tv_float(ogi_tv_double(h, self));
    if (self.tag == TV_STR && read_float(h, self, &d)) return ogi_tv_float(d);
    return arg[0].tag == TV_ABSENT ? ogi_tv_float(0) : arg[0];
}

/* An integer to a multiple of 10 ** digits, halves to the even one. */
static tmpl_val round_int(tmpl_heap *h, tmpl_val v, int64_t digits)
{
    tmpl_val unit = ogi_tv_number_op(h, TO_POW, ogi_tv_int(10), ogi_tv_int(digits));
    tmpl_val times = ogi_tv_number_op(h, TO_FLOORDIV, v, unit);
    tmpl_val twice =
        ogi_tv_number_op(h, TO_MUL, ogi_tv_number_op(h, TO_MOD, v, unit), ogi_tv_int(2));
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    bool unordered;
    int order = ogi_tv_number_compare(twice, unit, &unordered);
    if (order > 0 || (order == 0 && ogi_tv_int_is_odd(times)))
        times = ogi_tv_number_op(h, TO_ADD, times, ogi_tv_int(1));
    tmpl_val r = ogi_tv_number_op(h, TO_MUL, times, unit);
    r.trusted = v.trusted;
    return r;
}

FILTER(round_to)
{
    (void)all;
    int64_t digits = ogi_tv_int_arg(h, arg[0], 0);
    if (digits < -300 || digits > 300) return ogi_tv_fail(h, "round: precision out of range");
    bool ceil_it = ogi_tv_is(arg[1], "ceil"), floor_it = ogi_tv_is(arg[1], "floor");
    if (arg[1].tag != TV_ABSENT && !ceil_it && !floor_it && !ogi_tv_is(arg[1], "common"))
        return ogi_tv_fail(h, "round: method must be common, ceil or floor");
    if (self.tag == TV_UNDEF) return ogi_tv_fail_undef(h, self);
    double d = ogi_tv_double(h, self);
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    if (ceil_it || floor_it) {
        double scale = pow(10, (double)digits);
        if (!isfinite(d * scale)) return ogi_tv_fail(h, "round: %g has no integer near it", d);
        return ogi_tv_float(((ceil_it ? ceil(d * scale) : floor(d * scale)) + 0.0) / scale);
    }
    if (self.tag == TV_BOOL) self = ogi_tv_int(self.u.b);
    if (ogi_tv_is_int(self) && digits >= 0) return self;
    if (digits < 0 && self.tag != TV_FLOAT) return round_int(h, self, -digits);
    if (digits < 0) {
        double scale = pow(10, (double)-digits);
        return ogi_tv_float(nearbyint(d / scale) * scale);
    }
    char text[700];
    if (!isfinite(d)) return self;
    snprintf(text, sizeof text, "%.*f", (int)digits, d); /* exact: halves go to even */
    return ogi_tv_float(strtod(text, NULL));
}

/* ---- values ---- */

FILTER(default_to)
{
    (void)all;
    bool use = self.tag == TV_UNDEF || (ogi_tf_flag(h, arg[1]) && !ogi_tv_truth(h, self));
    if (!use) return self;
    return arg[0].tag == TV_ABSENT ? ogi_tv_lit(h, "") : arg[0];
}

static void read_separators(tmpl_heap *h, tmpl_val v, tmpl_json_style *style)
{
    const tmpl_list *l = ogi_tv_elements(h, v);
    if (!l || l->n != 2 || l->v[0].tag != TV_STR || l->v[1].tag != TV_STR) {
        ogi_tv_fail(h, "tojson: separators are two strings");
        return;
    }
    style->item_sep = ogi_tv_sv(l->v[0]);
    style->key_sep = ogi_tv_sv(l->v[1]);
}

FILTER(tojson)
{
    (void)all;
    tmpl_json_style style = { .item_sep = OGI_SV(", "), .key_sep = OGI_SV(": ") };
    style.ensure_ascii = ogi_tf_flag(h, arg[0]);
    style.sort_keys = ogi_tf_flag(h, arg[3]);
    if (ogi_tf_given(arg[1])) {
        style.has_indent = true;
        style.item_sep = OGI_SV(",");
        tmpl_val pad = arg[1];
        if (pad.tag != TV_STR) pad = ogi_tf_method(h, ogi_tv_lit(h, ""), "ljust", &pad, 1);
        style.indent = pad.tag == TV_STR ? ogi_tv_sv(pad) : OGI_SV("");
    }
    if (ogi_tf_given(arg[2])) read_separators(h, arg[2], &style);
    tmpl_sb b = { .h = h };
    if (!ogi_tv_failed(h)) ogi_tv_json_dump(&b, self, &style);
    return ogi_tv_sb_done(&b);
}

static bool changes_its_object(ogi_sv name)
{
    static const char *const names[] = { "append", "extend", "insert",    "pop",
                                         "clear",  "update", "setdefault" };
    for (int i = 0; i < OGI_LEN(names); i++)
        if (ogi_sv_eq(name, ogi_sv_of(names[i]))) return true;
    return false;
}

/* Attributes only, no items; what would change the object is hidden, as in Jinja's sandbox. */
FILTER(attr)
{
    (void)all;
    if (arg[0].tag != TV_STR) return ogi_tv_fail(h, "attr: a name is wanted");
    ogi_sv name = ogi_tv_sv(arg[0]);
    bool has_items = self.tag == TV_DICT || self.tag == TV_LIST;
    bool known = ogi_tv_method(self, name) != NULL;
    if (has_items && (!known || changes_its_object(name)))
        return ogi_tv_missing(h, 'a', (tmpl_tag)self.tag, name);
    return ogi_tv_getattr(h, self, name);
}

// clang-format off
static const tmpl_builtin filters[] = {
    { "abs", "", absolute },          { "attr", "name", attr },
    { "capitalize", "", capitalize }, { "center", "width?", center },
    { "d", "default_value?,boolean?", default_to },
    { "default", "default_value?,boolean?", default_to },
    { "e", "", escape },              { "escape", "", escape },
    { "float", "default?", to_float }, { "forceescape", "", forceescape },
    { "format", "*", format },        { "indent", "width?,first?,blank?", indent },
    { "int", "default?,base?", to_int }, { "lower", "", lower },
    { "replace", "old,new,count?", replace },
    { "round", "precision?,method?", round_to }, { "safe", "", safe },
    { "string", "", string },         { "title", "", title },
    { "tojson", "ensure_ascii?,indent?,separators?,sort_keys?", tojson },
    { "trim", "chars?", trim },       { "truncate", "length?,killwords?,end?,leeway?", truncate },
    { "upper", "", upper },           { "wordcount", "", wordcount },
};
// clang-format on

const tmpl_builtin *ogi_tv_filter(ogi_sv name)
{
    const tmpl_builtin *fn = ogi_tv_find(filters, OGI_LEN(filters), name);
    return fn ? fn : ogi_tf_seq_filter(name);
}
