/* SPDX-License-Identifier: MIT
 *
 * Methods of strings. What they give keeps the origin of the bytes it is made of. */
#include "text/template/builtin.h"
#include "text/template/case.h"

#define METHOD(name)                                                                               \
    static tmpl_val name(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all)

typedef struct bounds {
    size_t begin, end;
} bounds;

static bool want_str(tmpl_heap *h, tmpl_val v)
{
    if (v.tag == TV_STR) return true;
    if (v.tag == TV_UNDEF)
        ogi_tv_fail_undef(h, v);
    else
        ogi_tv_fail(h, "a str is wanted, not %s", ogi_tv_type_name(v));
    return false;
}

static bool given(tmpl_val v)
{
    return v.tag != TV_ABSENT && v.tag != TV_NONE;
}

/* ---- case ---- */

METHOD(upper)
{
    return (void)arg, (void)all, ogi_tc_map(h, self, TC_UPPER);
}
METHOD(lower)
{
    return (void)arg, (void)all, ogi_tc_map(h, self, TC_LOWER);
}
METHOD(capitalize)
{
    return (void)arg, (void)all, ogi_tc_map(h, self, TC_CAPITAL);
}
METHOD(title)
{
    return (void)arg, (void)all, ogi_tc_map(h, self, TC_TITLE);
}
METHOD(casefold)
{
    return (void)arg, (void)all, ogi_tc_fold(h, self);
}
METHOD(swapcase)
{
    return (void)arg, (void)all, ogi_tc_map(h, self, TC_SWAP);
}

/* ---- stripping and splitting ---- */

static bool in_set(const tmpl_str *set, int32_t cp)
{
    if (!set) return ogi_tv_is_space(cp);
    for (size_t i = 0; i < set->n;) {
        int32_t c;
        i += (size_t)ogi_tv_decode(set->p + i, set->n - i, &c);
        if (c == cp) return true;
    }
    return false;
}

/* s without leading and trailing characters of set (whitespace if NULL). */
static bounds stripped(tmpl_heap *h, const tmpl_str *s, const tmpl_str *set, bool left, bool right)
{
    bounds b = { 0, s->n };
    int64_t cost = 1 + (set ? (int64_t)set->n / 16 : 0);
    int32_t cp;
    while (left && b.begin < b.end && ogi_tv_step(h, cost)) {
        int n = ogi_tv_decode(s->p + b.begin, s->n - b.begin, &cp);
        if (!in_set(set, cp)) break;
        b.begin += (size_t)n;
    }
    while (right && b.end > b.begin && ogi_tv_step(h, cost)) {
        size_t at = b.end - 1;
        while (at > b.begin && ((unsigned char)s->p[at] & 0xc0) == 0x80) at--;
        ogi_tv_decode(s->p + at, b.end - at, &cp);
        if (!in_set(set, cp)) break;
        b.end = at;
    }
    return b;
}

static tmpl_val strip_with(tmpl_heap *h, tmpl_val self, tmpl_val chars, bool left, bool right)
{
    if (given(chars) && !want_str(h, chars)) return ogi_tv_undef();
    const tmpl_str *set = given(chars) ? chars.u.s : NULL;
    bounds b = stripped(h, self.u.s, set, left, right);
    return ogi_tv_slice(h, self.u.s, b.begin, b.end);
}

METHOD(strip)
{
    return (void)all, strip_with(h, self, arg[0], true, true);
}
METHOD(lstrip)
{
    return (void)all, strip_with(h, self, arg[0], true, false);
}
METHOD(rstrip)
{
    return (void)all, strip_with(h, self, arg[0], false, true);
}

/* Pieces between runs of whitespace. */
static tmpl_val split_spaces(tmpl_heap *h, const tmpl_str *s, int64_t max)
{
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    size_t i = 0;
    int32_t cp;
    while (ogi_tv_step(h, 1)) {
        for (int n; i < s->n && (n = ogi_tv_decode(s->p + i, s->n - i, &cp)) &&
                    ogi_tv_is_space(cp) && ogi_tv_step(h, 1);)
            i += (size_t)n;
        if (i >= s->n) break;
        size_t begin = i;
        if (max == 0) {
            bounds rest = stripped(h, s, NULL, false, true);
            ogi_tv_push(h, out, ogi_tv_slice(h, s, begin, rest.end));
            break;
        }
        for (int n; i < s->n && (n = ogi_tv_decode(s->p + i, s->n - i, &cp)) &&
                    !ogi_tv_is_space(cp) && ogi_tv_step(h, 1);)
            i += (size_t)n;
        ogi_tv_push(h, out, ogi_tv_slice(h, s, begin, i));
        max--;
    }
    return out;
}

static void reverse(tmpl_list *l)
{
    for (int64_t i = 0; i < l->n / 2; i++) {
        tmpl_val v = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = v;
    }
}

/* Last occurrence that ends at or before `end`. */
static size_t search_back(tmpl_heap *h, ogi_sv hay, ogi_sv needle, size_t end)
{
    for (size_t at = end; at >= needle.n; at--) {
        if (!ogi_tv_step(h, 1 + (int64_t)needle.n / 64)) return SIZE_MAX;
        if (!memcmp(hay.p + at - needle.n, needle.p, needle.n)) return at - needle.n;
        if (at == 0) break;
    }
    return SIZE_MAX;
}

static tmpl_val rsplit_spaces(tmpl_heap *h, const tmpl_str *s, int64_t max)
{
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    size_t end = s->n;
    while (ogi_tv_step(h, 1)) {
        tmpl_str head = *s;
        head.n = end;
        end = stripped(h, &head, NULL, false, true).end;
        if (end == 0) break;
        if (max == 0) {
            ogi_tv_push(h, out, ogi_tv_slice(h, s, 0, end)); /* blanks in front stay */
            break;
        }
        size_t begin = end;
        while (begin > 0 && ogi_tv_step(h, 1)) {
            size_t at = begin - 1;
            int32_t cp;
            while (at > 0 && ((unsigned char)s->p[at] & 0xc0) == 0x80) at--;
            ogi_tv_decode(s->p + at, s->n - at, &cp);
            if (ogi_tv_is_space(cp)) break;
            begin = at;
        }
        ogi_tv_push(h, out, ogi_tv_slice(h, s, begin, end));
        end = begin, max--;
    }
    if (out.tag == TV_LIST) reverse(out.u.l);
    return out;
}

METHOD(split)
{
    (void)all;
    int64_t max = ogi_tv_int_arg(h, arg[1], -1);
    if (!given(arg[0])) return split_spaces(h, self.u.s, max);
    if (!want_str(h, arg[0])) return ogi_tv_undef();
    ogi_sv s = ogi_tv_sv(self), sep = ogi_tv_sv(arg[0]);
    if (sep.n == 0) return ogi_tv_fail(h, "empty separator");
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    size_t begin = 0, at;
    while (max-- != 0 && (at = ogi_tv_search(h, s, sep, begin)) != SIZE_MAX) {
        ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, begin, at));
        begin = at + sep.n;
    }
    ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, begin, s.n));
    return out;
}

METHOD(rsplit)
{
    (void)all;
    int64_t max = ogi_tv_int_arg(h, arg[1], -1);
    if (!given(arg[0])) return rsplit_spaces(h, self.u.s, max);
    if (!want_str(h, arg[0])) return ogi_tv_undef();
    ogi_sv s = ogi_tv_sv(self), sep = ogi_tv_sv(arg[0]);
    if (sep.n == 0) return ogi_tv_fail(h, "empty separator");
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    size_t end = s.n, at;
    while (max-- != 0 && (at = search_back(h, s, sep, end)) != SIZE_MAX) {
        ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, at + sep.n, end));
        end = at;
    }
    ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, 0, end));
    if (out.tag == TV_LIST) reverse(out.u.l);
    return out;
}

static bool is_line_end(int32_t cp)
{
    return (cp >= 10 && cp <= 13) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

METHOD(splitlines)
{
    (void)all;
    bool keep = given(arg[0]) && ogi_tv_truth(h, arg[0]);
    const tmpl_str *s = self.u.s;
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    size_t begin = 0;
    for (size_t i = 0; i < s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        size_t end = i;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        if (!is_line_end(cp)) continue;
        if (cp == '\r' && i < s->n && s->p[i] == '\n') i++;
        ogi_tv_push(h, out, ogi_tv_slice(h, s, begin, keep ? i : end));
        begin = i;
    }
    if (begin < s->n) ogi_tv_push(h, out, ogi_tv_slice(h, s, begin, s->n));
    return out;
}

static tmpl_val partition_at(tmpl_heap *h, tmpl_val self, tmpl_val sep, bool from_right)
{
    if (!want_str(h, sep)) return ogi_tv_undef();
    ogi_sv s = ogi_tv_sv(self), mark = ogi_tv_sv(sep);
    if (mark.n == 0) return ogi_tv_fail(h, "empty separator");
    size_t at = from_right ? search_back(h, s, mark, s.n) : ogi_tv_search(h, s, mark, 0);
    tmpl_val out = ogi_tv_list(h, TV_TUPLE, 3);
    bool found = at != SIZE_MAX;
    size_t begin = found ? at : from_right ? 0 : s.n, end = found ? at + mark.n : begin;
    ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, 0, begin));
    ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, begin, end));
    ogi_tv_push(h, out, ogi_tv_slice(h, self.u.s, end, s.n));
    return out;
}

METHOD(partition)
{
    return (void)all, partition_at(h, self, arg[0], false);
}
METHOD(rpartition)
{
    return (void)all, partition_at(h, self, arg[0], true);
}

/* ---- finding ---- */

/* Bytes that the optional start and end arguments (in characters) select. */
static bounds selected(tmpl_heap *h, tmpl_str *s, tmpl_val start, tmpl_val stop)
{
    int64_t n = ogi_tv_chars(s), from = ogi_tv_int_arg(h, start, 0),
            to = ogi_tv_int_arg(h, stop, n);
    if (from < 0) from = OGI_MAX(from + n, 0);
    if (to < 0) to = OGI_MAX(to + n, 0);
    if (from > n) return (bounds){ 1, 0 }; /* nothing, not even the empty string */
    to = OGI_MIN(to, n);
    if (from > to) return (bounds){ 1, 0 };
    return (bounds){ ogi_tv_char_at(s, from), ogi_tv_char_at(s, to) };
}

static int64_t find_in(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, bool from_right)
{
    if (!want_str(h, arg[0])) return -1;
    bounds b = selected(h, self.u.s, arg[1], arg[2]);
    if (b.begin > b.end) return -1;
    ogi_sv hay = { self.u.s->p, b.end }, needle = ogi_tv_sv(arg[0]);
    size_t at =
        from_right ? search_back(h, hay, needle, b.end) : ogi_tv_search(h, hay, needle, b.begin);
    if (at == SIZE_MAX || at < b.begin) return -1;
    tmpl_str head = { .p = self.u.s->p, .n = at, .n_char = -1 };
    return ogi_tv_chars(&head);
}

METHOD(find)
{
    return (void)all, ogi_tv_int(find_in(h, self, arg, false));
}
METHOD(rfind)
{
    return (void)all, ogi_tv_int(find_in(h, self, arg, true));
}

static tmpl_val index_of(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, bool from_right)
{
    int64_t i = find_in(h, self, arg, from_right);
    return i < 0 ? ogi_tv_fail(h, "substring not found") : ogi_tv_int(i);
}

METHOD(index_left)
{
    return (void)all, index_of(h, self, arg, false);
}
METHOD(index_right)
{
    return (void)all, index_of(h, self, arg, true);
}

METHOD(count)
{
    (void)all;
    if (!want_str(h, arg[0])) return ogi_tv_undef();
    bounds b = selected(h, self.u.s, arg[1], arg[2]);
    if (b.begin > b.end) return ogi_tv_int(0);
    ogi_sv hay = { self.u.s->p, b.end }, needle = ogi_tv_sv(arg[0]);
    if (needle.n == 0) {
        tmpl_str part = { .p = hay.p + b.begin, .n = b.end - b.begin, .n_char = -1 };
        return ogi_tv_int(ogi_tv_chars(&part) + 1);
    }
    int64_t n = 0;
    for (size_t at = b.begin; (at = ogi_tv_search(h, hay, needle, at)) != SIZE_MAX; at += needle.n)
        n++;
    return ogi_tv_int(n);
}

/* startswith and endswith take a string or a tuple of them. */
static tmpl_val has_affix(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, bool at_end)
{
    const tmpl_list one = { .v = (tmpl_val *)(uintptr_t)&arg[0], .n = 1 };
    const tmpl_list *l = arg[0].tag == TV_TUPLE ? arg[0].u.l : &one;
    bounds b = selected(h, self.u.s, arg[1], arg[2]);
    for (int64_t i = 0; i < l->n && b.begin <= b.end; i++) {
        if (!want_str(h, l->v[i]) || !ogi_tv_step(h, 1)) return ogi_tv_undef();
        ogi_sv x = ogi_tv_sv(l->v[i]);
        if (x.n > b.end - b.begin) continue;
        if (!memcmp(self.u.s->p + (at_end ? b.end - x.n : b.begin), x.p, x.n))
            return ogi_tv_bool(true);
    }
    return ogi_tv_bool(false);
}

METHOD(startswith)
{
    return (void)all, has_affix(h, self, arg, false);
}
METHOD(endswith)
{
    return (void)all, has_affix(h, self, arg, true);
}

METHOD(removeprefix)
{
    (void)all;
    if (!want_str(h, arg[0])) return ogi_tv_undef();
    ogi_sv s = ogi_tv_sv(self), x = ogi_tv_sv(arg[0]);
    return ogi_tv_slice(h, self.u.s, ogi_sv_starts(s, x) ? x.n : 0, s.n);
}

METHOD(removesuffix)
{
    (void)all;
    if (!want_str(h, arg[0])) return ogi_tv_undef();
    ogi_sv s = ogi_tv_sv(self), x = ogi_tv_sv(arg[0]);
    bool has = x.n <= s.n && !memcmp(s.p + s.n - x.n, x.p, x.n);
    return ogi_tv_slice(h, self.u.s, 0, has ? s.n - x.n : s.n);
}

/* ---- building ---- */

METHOD(replace)
{
    (void)all;
    if (!want_str(h, arg[0]) || !want_str(h, arg[1])) return ogi_tv_undef();
    int64_t max = ogi_tv_int_arg(h, arg[2], -1);
    const tmpl_str *s = self.u.s, *to = arg[1].u.s;
    ogi_sv text = ogi_tv_sv(self), from = ogi_tv_sv(arg[0]);
    tmpl_sb b = { .h = h };
    size_t begin = 0, at = 0;
    while (max-- != 0 && (at = ogi_tv_search(h, text, from, at)) != SIZE_MAX && !b.failed) {
        size_t next = at + from.n;
        int32_t cp;
        ogi_tv_sb_part(&b, s, begin, at);
        ogi_tv_sb_str(&b, to);
        begin = next;
        /* the empty string stands before each character and at the end */
        at = from.n ? next : at + (size_t)ogi_tv_decode(s->p + at, s->n - at, &cp);
        if (from.n == 0 && begin == s->n) break;
    }
    ogi_tv_sb_part(&b, s, begin, s->n);
    tmpl_val r = ogi_tv_sb_done(&b);
    if (r.tag == TV_STR) r.u.s->is_markup = s->is_markup;
    return r;
}

METHOD(join)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, arg[0]);
    tmpl_sb b = { .h = h };
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        if (l->v[i].tag != TV_STR)
            return ogi_tv_fail(h, "sequence item %lld: expected str instance, %s found",
                               (long long)i, ogi_tv_type_name(l->v[i]));
        if (i) ogi_tv_sb_str(&b, self.u.s);
        ogi_tv_sb_str(&b, l->v[i].u.s);
    }
    return ogi_tv_sb_done(&b);
}

/* align: '<' text left, '>' right, '^' in the middle as str.center does. */
static tmpl_val justify(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, char align)
{
    int64_t width = ogi_tv_int_arg(h, arg[0], 0), n = ogi_tv_chars(self.u.s);
    if (given(arg[1]) && !want_str(h, arg[1])) return ogi_tv_undef();
    tmpl_val fill = given(arg[1]) ? arg[1] : ogi_tv_lit(h, " ");
    if (fill.tag != TV_STR || ogi_tv_chars(fill.u.s) != 1)
        return ogi_tv_fail(h, "the fill character must be exactly one character long");
    int64_t pad = OGI_MAX(width - n, 0);
    int64_t left = align == '<' ? 0 : align == '>' ? pad : pad / 2 + (pad & width & 1);
    tmpl_sb b = { .h = h };
    for (int64_t i = 0; i < left && ogi_tv_step(h, 1); i++) ogi_tv_sb_str(&b, fill.u.s);
    ogi_tv_sb_str(&b, self.u.s);
    for (int64_t i = left; i < pad && ogi_tv_step(h, 1); i++) ogi_tv_sb_str(&b, fill.u.s);
    return ogi_tv_sb_done(&b);
}

METHOD(ljust)
{
    return (void)all, justify(h, self, arg, '<');
}
METHOD(rjust)
{
    return (void)all, justify(h, self, arg, '>');
}
METHOD(center)
{
    return (void)all, justify(h, self, arg, '^');
}

METHOD(zfill)
{
    (void)all;
    const tmpl_str *s = self.u.s;
    int64_t pad = ogi_tv_int_arg(h, arg[0], 0) - ogi_tv_chars(self.u.s);
    size_t sign = s->n && (s->p[0] == '+' || s->p[0] == '-');
    tmpl_sb b = { .h = h };
    ogi_tv_sb_part(&b, s, 0, sign);
    for (int64_t i = 0; i < pad && ogi_tv_step(h, 1); i++) ogi_tv_sb_add(&b, "0", 1, true);
    ogi_tv_sb_part(&b, s, sign, s->n);
    return ogi_tv_sb_done(&b);
}

METHOD(expandtabs)
{
    (void)all;
    const tmpl_str *s = self.u.s;
    int64_t size = ogi_tv_int_arg(h, arg[0], 8), column = 0;
    tmpl_sb b = { .h = h };
    for (size_t i = 0; i < s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        size_t at = i;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        if (cp != '\t') {
            ogi_tv_sb_part(&b, s, at, i);
            column = cp == '\n' || cp == '\r' ? 0 : column + 1;
            continue;
        }
        int64_t pad = size > 0 ? size - column % size : 0;
        column += pad;
        for (; pad > 0 && ogi_tv_step(h, 1); pad--)
            ogi_tv_sb_add(&b, " ", 1, s->mask ? s->mask[at] : s->trusted);
    }
    return ogi_tv_sb_done(&b);
}

METHOD(format)
{
    return (void)arg, ogi_tv_format(h, self, all);
}

/* ---- asking ---- */

static bool all_chars(tmpl_heap *h, const tmpl_str *s, bool (*is)(int32_t))
{
    for (size_t i = 0; i < s->n;) {
        int32_t cp;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        if (!is(cp) || !ogi_tv_step(h, 1)) return false;
    }
    return s->n > 0;
}

static bool is_alnum(int32_t cp)
{
    return ogi_cp_is_alpha(cp) || ogi_cp_is_numeric(cp);
}
static bool is_ascii(int32_t cp)
{
    return cp < 0x80;
}
static bool is_digit(int32_t cp)
{
    return ogi_cp_is_decimal(cp) || cp == 0xb2 || cp == 0xb3 || cp == 0xb9 ||
           (cp >= 0x2070 && cp <= 0x2089 && cp != 0x2071);
}

#define ASK(name, is)                                                                              \
    METHOD(name)                                                                                   \
    {                                                                                              \
        return (void)arg, (void)all, ogi_tv_bool(all_chars(h, self.u.s, is));                      \
    }
ASK(str_isalpha, ogi_cp_is_alpha)
ASK(str_isalnum, is_alnum)
ASK(str_isdecimal, ogi_cp_is_decimal)
ASK(str_isdigit, is_digit)
ASK(str_isnumeric, ogi_cp_is_numeric)
ASK(str_isspace, ogi_tv_is_space)

METHOD(str_isascii)
{
    (void)arg, (void)all;
    return ogi_tv_bool(self.u.s->n == 0 || all_chars(h, self.u.s, is_ascii));
}

/* At least one letter with case, and none of the other case. */
static bool one_case(tmpl_heap *h, const tmpl_str *s, bool upper_case)
{
    bool any = false;
    for (size_t i = 0; i < s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        bool cased = ogi_cp_is_cased(cp);
        if (cased && !(upper_case ? ogi_cp_is_upper(cp) : ogi_cp_is_lower(cp))) return false;
        any |= cased;
    }
    return any;
}

METHOD(str_islower)
{
    return (void)arg, (void)all, ogi_tv_bool(one_case(h, self.u.s, false));
}
METHOD(str_isupper)
{
    return (void)arg, (void)all, ogi_tv_bool(one_case(h, self.u.s, true));
}

METHOD(str_istitle)
{
    (void)arg, (void)all;
    bool in_word = false, any = false;
    for (size_t i = 0; i < self.u.s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        i += (size_t)ogi_tv_decode(self.u.s->p + i, self.u.s->n - i, &cp);
        if (in_word ? ogi_cp_is_upper(cp) : ogi_cp_is_lower(cp)) return ogi_tv_bool(false);
        in_word = ogi_cp_is_cased(cp);
        any |= in_word;
    }
    return ogi_tv_bool(any);
}

METHOD(str_isidentifier)
{
    (void)arg, (void)all;
    const tmpl_str *s = self.u.s;
    for (size_t i = 0; i < s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        bool first = i == 0;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        if (!ogi_cp_is_identifier(cp, first)) return ogi_tv_bool(false);
    }
    return ogi_tv_bool(s->n > 0);
}

// clang-format off
static const tmpl_builtin str_methods[] = {
    { "capitalize", "", capitalize },       { "casefold", "", casefold },
    { "center", "width,fillchar?", center }, { "count", "sub,start?,end?", count },
    { "endswith", "suffix,start?,end?", endswith }, { "expandtabs", "tabsize?", expandtabs },
    { "find", "sub,start?,end?", find },    { "format", "*", format },
    { "index", "sub,start?,end?", index_left }, { "isalnum", "", str_isalnum },
    { "isalpha", "", str_isalpha },             { "isascii", "", str_isascii },
    { "isdecimal", "", str_isdecimal },         { "isdigit", "", str_isdigit },
    { "isidentifier", "", str_isidentifier },   { "islower", "", str_islower },
    { "isnumeric", "", str_isnumeric },         { "isspace", "", str_isspace },
    { "istitle", "", str_istitle },             { "isupper", "", str_isupper },
    { "join", "iterable", join },           { "ljust", "width,fillchar?", ljust },
    { "lower", "", lower },                 { "lstrip", "chars?", lstrip },
    { "partition", "sep", partition },      { "removeprefix", "prefix", removeprefix },
    { "removesuffix", "suffix", removesuffix }, { "replace", "old,new,count?", replace },
    { "rfind", "sub,start?,end?", rfind },  { "rindex", "sub,start?,end?", index_right },
    { "rjust", "width,fillchar?", rjust },  { "rpartition", "sep", rpartition },
    { "rsplit", "sep?,maxsplit?", rsplit }, { "rstrip", "chars?", rstrip },
    { "split", "sep?,maxsplit?", split },   { "splitlines", "keepends?", splitlines },
    { "startswith", "prefix,start?,end?", startswith }, { "strip", "chars?", strip },
    { "swapcase", "", swapcase },           { "title", "", title },
    { "upper", "", upper },                 { "zfill", "width", zfill },
};
// clang-format on

const tmpl_builtin *ogi_tv_str_method(ogi_sv name)
{
    return ogi_tv_find(str_methods, OGI_LEN(str_methods), name);
}
