/* SPDX-License-Identifier: MIT
 *
 * JSON to values and back. Written here because values need what a general JSON library does not
 * keep: integers of any size, the order of keys, and the origin of every byte. Reading is bounded
 * in depth; what is read is untrusted. Writing follows Python's json.dumps. */
#include "text/value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- reading ---- */

enum { MAX_JSON_DEPTH = 500 };

typedef struct reader {
    tmpl_heap *h;
    const char *what;
    ogi_sv text;
    size_t at;
    int depth;
} reader;

static tmpl_val bad(reader *r, const char *expected)
{
    int line, column;
    ogi_tv_place(r->text.p, r->text.n, r->at, &line, &column);
    ogi_tv_fail_plain(r->h, OG_E_FORMAT, "%s:%d:%d: malformed JSON: %s", r->what, line, column,
                      expected);
    return ogi_tv_undef();
}

static int peek(reader *r)
{
    while (r->at < r->text.n && strchr(" \t\r\n", r->text.p[r->at]) && r->text.p[r->at]) r->at++;
    return r->at < r->text.n ? (unsigned char)r->text.p[r->at] : -1;
}

static bool take(reader *r, char c)
{
    if (peek(r) != c) return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    ogi_sv rest = { r->text.p + r->at, r->text.n - r->at };
    if (!ogi_sv_starts(rest, ogi_sv_of(word))) return false;
    r->at += strlen(word);
    return true;
}

static bool hex4(reader *r, int32_t *cp)
{
    *cp = 0;
    for (int i = 0; i < 4; i++) {
        int c = r->at < r->text.n ? r->text.p[r->at++] : 0;
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return false;
        *cp = *cp << 4 | d;
    }
    return true;
}

/* After the backslash. */
static bool read_escape(reader *r, tmpl_sb *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->text.n ? r->text.p[r->at++] : 0;
    const char *known = c ? strchr(from, c) : NULL;
    int32_t cp, low;
    if (known) {
        ogi_tv_sb_add(b, to + (known - from), 1, false);
        return true;
    }
    if (c != 'u' || !hex4(r, &cp)) return false;
    if (cp >= 0xdc00 && cp < 0xe000) return false;
    if (cp >= 0xd800 && cp < 0xdc00) {
        if (!take_word(r, "\\u") || !hex4(r, &low) || low < 0xdc00 || low > 0xdfff) return false;
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }
    ogi_tv_sb_char(b, cp, false);
    return true;
}

static tmpl_val read_string(reader *r)
{
    const char *p = r->text.p;
    size_t begin = ++r->at;
    while (r->at < r->text.n && p[r->at] != '"' && p[r->at] != '\\' &&
           (unsigned char)p[r->at] >= 0x20)
        r->at++;
    if (r->at < r->text.n && p[r->at] == '"')
        return ogi_tv_str(r->h, (ogi_sv){ p + begin, r->at++ - begin }, false);
    tmpl_sb b = { .h = r->h };
    ogi_tv_sb_add(&b, p + begin, r->at - begin, false);
    while (r->at < r->text.n && p[r->at] != '"') {
        size_t from = r->at;
        while (r->at < r->text.n && p[r->at] != '"' && p[r->at] != '\\' &&
               (unsigned char)p[r->at] >= 0x20)
            r->at++;
        ogi_tv_sb_add(&b, p + from, r->at - from, false);
        if (r->at < r->text.n && p[r->at] == '\\') {
            r->at++;
            if (!read_escape(r, &b)) return bad(r, "a valid escape is wanted in a string");
        } else if (r->at < r->text.n && p[r->at] != '"') {
            return bad(r, "a control character must be escaped in a string");
        }
        if (ogi_tv_failed(r->h)) return ogi_tv_undef();
    }
    if (r->at >= r->text.n) return bad(r, "a string does not end");
    r->at++;
    tmpl_val v = ogi_tv_sb_done(&b);
    if (v.tag == TV_STR && v.u.s->n == 0) v.u.s->trusted = false;
    return v;
}

static tmpl_val read_number(reader *r)
{
    const char *p = r->text.p;
    size_t begin = r->at, digits;
    bool is_float = false, is_negative = r->at < r->text.n && p[r->at] == '-';
    r->at += is_negative;
    for (digits = r->at; r->at < r->text.n && p[r->at] >= '0' && p[r->at] <= '9';) r->at++;
    size_t n_digit = r->at - digits;
    if (n_digit == 0) return bad(r, "a value is wanted");
    if (n_digit > 1 && p[digits] == '0') return bad(r, "a number begins with 0");
    if (r->at < r->text.n && p[r->at] == '.') is_float = true, r->at++;
    while (is_float && r->at < r->text.n && p[r->at] >= '0' && p[r->at] <= '9') r->at++;
    if (r->at < r->text.n && (p[r->at] == 'e' || p[r->at] == 'E')) {
        is_float = true, r->at++;
        if (r->at < r->text.n && (p[r->at] == '+' || p[r->at] == '-')) r->at++;
        while (r->at < r->text.n && p[r->at] >= '0' && p[r->at] <= '9') r->at++;
    }
    tmpl_val v;
    if (is_float) {
        char last = p[r->at - 1];
        if (last < '0' || last > '9') return bad(r, "a digit is wanted");
        tmpl_val copy = ogi_tv_str_copy(r->h, (ogi_sv){ p + begin, r->at - begin }, false);
        v = copy.tag == TV_STR ? ogi_tv_float(strtod(copy.u.s->p, NULL)) : copy;
    } else {
        v = ogi_tv_int_parse(r->h, (ogi_sv){ p + digits, n_digit }, 10);
        if (is_negative && !ogi_tv_failed(r->h)) v = ogi_tv_negate(r->h, v);
    }
    v.trusted = false;
    return v;
}

static tmpl_val read_value(reader *r);

static tmpl_val read_array(reader *r)
{
    tmpl_val l = ogi_tv_list(r->h, TV_LIST, 0);
    l.trusted = false;
    r->at++;
    if (take(r, ']')) return l;
    do {
        tmpl_val v = read_value(r);
        if (ogi_tv_failed(r->h)) return ogi_tv_undef();
        ogi_tv_push(r->h, l, v);
    } while (take(r, ','));
    return take(r, ']') ? l : bad(r, "',' or ']' is wanted");
}

static tmpl_val read_object(reader *r)
{
    tmpl_val m = ogi_tv_dict(r->h);
    m.trusted = false;
    r->at++;
    if (take(r, '}')) return m;
    do {
        if (peek(r) != '"') return bad(r, "a key in quotes is wanted");
        tmpl_val key = read_string(r);
        if (!ogi_tv_failed(r->h) && !take(r, ':')) return bad(r, "':' is wanted");
        tmpl_val v = ogi_tv_failed(r->h) ? ogi_tv_undef() : read_value(r);
        if (ogi_tv_failed(r->h)) return ogi_tv_undef();
        ogi_tv_put(r->h, m.u.m, key, v);
    } while (take(r, ','));
    return take(r, '}') ? m : bad(r, "',' or '}' is wanted");
}

static tmpl_val untrusted(tmpl_val v)
{
    v.trusted = false;
    return v;
}

static tmpl_val read_value(reader *r)
{
    int c = peek(r);
    tmpl_val v;
    if (!ogi_tv_step(r->h, 1)) return ogi_tv_undef();
    switch (c) {
    case '"': return read_string(r);
    case '[':
    case '{':
        if (++r->depth > MAX_JSON_DEPTH) return bad(r, "nested too deeply (more than 500 levels)");
        v = c == '[' ? read_array(r) : read_object(r);
        r->depth--;
        return v;
    case 't':
        if (take_word(r, "true")) return untrusted(ogi_tv_bool(true));
        break;
    case 'f':
        if (take_word(r, "false")) return untrusted(ogi_tv_bool(false));
        break;
    case 'n':
        if (take_word(r, "null")) return untrusted(ogi_tv_none());
        break;
    default: return read_number(r);
    }
    return bad(r, "a value is wanted");
}

tmpl_val ogi_tv_json_parse(tmpl_heap *h, const char *what, ogi_sv text)
{
    text = ogi_sv_skip_bom(text);
    reader r = { .h = h, .what = what, .text = text };
    if (text.n && !ogi_tv_utf8_valid(text.p, text.n, &r.at)) return bad(&r, "not valid UTF-8");
    r.at = 0;
    tmpl_val v = read_value(&r);
    if (!ogi_tv_failed(h) && peek(&r) >= 0) return bad(&r, "text follows the value");
    return v;
}

/* ---- writing ---- */

typedef struct writer {
    tmpl_sb *b;
    const tmpl_json_style *style;
    int level;
} writer;

static void dump_value(writer *w, tmpl_val v);

static void dump_str(writer *w, const tmpl_str *s)
{
    tmpl_sb *b = w->b;
    bool outer = ogi_tv_wholly_trusted(s);
    ogi_tv_sb_add(b, "\"", 1, outer);
    for (size_t i = 0; i < s->n && !b->failed;) {
        size_t from = i;
        while (i < s->n && (unsigned char)s->p[i] >= 0x20 && s->p[i] != '"' && s->p[i] != '\\' &&
               (!w->style->ensure_ascii || (unsigned char)s->p[i] < 0x7f))
            i++;
        ogi_tv_sb_part(b, s, from, i);
        if (i == s->n) break;
        static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
        bool trusted = s->mask ? s->mask[i] : s->trusted;
        char text[16];
        int32_t cp;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        const char *known = cp && cp < 0x80 ? strchr(plain, cp) : NULL;
        if (known) {
            text[0] = '\\', text[1] = letter[known - plain], text[2] = 0;
        } else if (cp < 0x10000) {
            snprintf(text, sizeof text, "\\u%04x", (unsigned)cp);
        } else {
            unsigned pair = (unsigned)cp - 0x10000;
            snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd800 | pair >> 10,
                     0xdc00 | (pair & 0x3ff));
        }
        ogi_tv_sb_puts(b, text, trusted);
    }
    ogi_tv_sb_add(b, "\"", 1, outer);
}

static void new_line(writer *w, bool trusted)
{
    if (!w->style->has_indent) return;
    ogi_tv_sb_add(w->b, "\n", 1, trusted);
    for (int i = 0; i < w->level && !w->b->failed; i++)
        ogi_tv_sb_add(w->b, w->style->indent.p, w->style->indent.n, trusted);
}

static void dump_list(writer *w, tmpl_val v)
{
    const tmpl_list *l = v.u.l;
    ogi_tv_sb_add(w->b, "[", 1, v.trusted);
    w->level++;
    for (int64_t i = 0; i < l->n && ogi_tv_step(w->b->h, 1); i++) {
        if (i) ogi_tv_sb_add(w->b, w->style->item_sep.p, w->style->item_sep.n, v.trusted);
        new_line(w, v.trusted);
        dump_value(w, l->v[i]);
    }
    w->level--;
    if (l->n) new_line(w, v.trusted);
    ogi_tv_sb_add(w->b, "]", 1, v.trusted);
}

static void dump_key(writer *w, tmpl_val key)
{
    tmpl_heap *h = w->b->h;
    if (key.tag == TV_STR) {
        dump_str(w, key.u.s);
    } else if (ogi_tv_is_number(key) || key.tag == TV_NONE) {
        ogi_tv_sb_add(w->b, "\"", 1, key.trusted);
        dump_value(w, key);
        ogi_tv_sb_add(w->b, "\"", 1, key.trusted);
    } else {
        ogi_tv_fail(h, "keys must be str, int, float, bool or None, not %s", ogi_tv_type_name(key));
    }
}

/* Indexes of the entries in the order of their keys: insertion sort by halves. */
static int32_t *sorted_keys(tmpl_heap *h, const tmpl_dict *m)
{
    int32_t *order = ogi_tv_alloc(h, m->n, sizeof *order);
    for (int64_t i = 0; order && i < m->n; i++) {
        int64_t lo = 0, hi = i;
        while (lo < hi && ogi_tv_step(h, 1)) {
            int64_t mid = (lo + hi) / 2;
            if (ogi_tv_compare(h, m->e[i].key, m->e[order[mid]].key, "<") < 0)
                hi = mid;
            else
                lo = mid + 1;
        }
        if (!ogi_tv_step(h, 1 + (i - lo) / 64)) return NULL;
        memmove(order + lo + 1, order + lo, (size_t)(i - lo) * sizeof *order);
        order[lo] = (int32_t)i;
    }
    return order;
}

static void dump_dict(writer *w, tmpl_val v)
{
    const tmpl_dict *m = v.u.m;
    int32_t *order = w->style->sort_keys ? sorted_keys(w->b->h, m) : NULL;
    ogi_tv_sb_add(w->b, "{", 1, v.trusted);
    w->level++;
    for (int64_t i = 0; i < m->n && ogi_tv_step(w->b->h, 1); i++) {
        const tmpl_entry *e = &m->e[order ? order[i] : i];
        if (i) ogi_tv_sb_add(w->b, w->style->item_sep.p, w->style->item_sep.n, v.trusted);
        new_line(w, v.trusted);
        dump_key(w, e->key);
        ogi_tv_sb_add(w->b, w->style->key_sep.p, w->style->key_sep.n, v.trusted);
        dump_value(w, e->value);
    }
    w->level--;
    if (m->n) new_line(w, v.trusted);
    ogi_tv_sb_add(w->b, "}", 1, v.trusted);
}

static void dump_value(writer *w, tmpl_val v)
{
    tmpl_heap *h = w->b->h;
    if (ogi_tv_enter(h)) {
        if (v.tag == TV_STR) {
            dump_str(w, v.u.s);
        } else if (v.tag == TV_LIST || v.tag == TV_TUPLE) {
            dump_list(w, v);
        } else if (v.tag == TV_DICT) {
            dump_dict(w, v);
        } else if (v.tag == TV_NONE) {
            ogi_tv_sb_puts(w->b, "null", v.trusted);
        } else if (v.tag == TV_BOOL) {
            ogi_tv_sb_puts(w->b, v.u.b ? "true" : "false", v.trusted);
        } else if (v.tag == TV_FLOAT && !isfinite(v.u.d)) {
            const char *name = isnan(v.u.d) ? "NaN" : v.u.d < 0 ? "-Infinity" : "Infinity";
            ogi_tv_sb_puts(w->b, name, v.trusted);
        } else if (ogi_tv_is_number(v)) {
            ogi_tv_repr(w->b, v);
        } else {
            ogi_tv_fail(h, "Object of type %s is not JSON serializable", ogi_tv_type_name(v));
        }
    }
    ogi_tv_leave(h);
}

void ogi_tv_json_dump(tmpl_sb *b, tmpl_val v, const tmpl_json_style *style)
{
    writer w = { .b = b, .style = style };
    dump_value(&w, v);
}
