/* SPDX-License-Identifier: MIT
 *
 * Upper, lower and title case as Python has them: Unicode's full mappings, where one character may
 * become several, and the final sigma. */
#include "text/template/case.h"

#include <utf8proc.h>

/* Characters whose upper case is more than one character (Unicode SpecialCasing), by code. */
// clang-format off
static const struct wide {
    int32_t from, to[3];
} wide_upper[] = {
    { 0x00df, { 0x0053, 0x0053, 0 } }, { 0x0149, { 0x02bc, 0x004e, 0 } },
    { 0x01f0, { 0x004a, 0x030c, 0 } }, { 0x0390, { 0x0399, 0x0308, 0x0301 } },
    { 0x03b0, { 0x03a5, 0x0308, 0x0301 } }, { 0x0587, { 0x0535, 0x0552, 0 } },
    { 0x1e96, { 0x0048, 0x0331, 0 } }, { 0x1e97, { 0x0054, 0x0308, 0 } },
    { 0x1e98, { 0x0057, 0x030a, 0 } }, { 0x1e99, { 0x0059, 0x030a, 0 } },
    { 0x1e9a, { 0x0041, 0x02be, 0 } }, { 0x1f50, { 0x03a5, 0x0313, 0 } },
    { 0x1f52, { 0x03a5, 0x0313, 0x0300 } }, { 0x1f54, { 0x03a5, 0x0313, 0x0301 } },
    { 0x1f56, { 0x03a5, 0x0313, 0x0342 } }, { 0x1f80, { 0x1f08, 0x0399, 0 } },
    { 0x1f81, { 0x1f09, 0x0399, 0 } }, { 0x1f82, { 0x1f0a, 0x0399, 0 } },
    { 0x1f83, { 0x1f0b, 0x0399, 0 } }, { 0x1f84, { 0x1f0c, 0x0399, 0 } },
    { 0x1f85, { 0x1f0d, 0x0399, 0 } }, { 0x1f86, { 0x1f0e, 0x0399, 0 } },
    { 0x1f87, { 0x1f0f, 0x0399, 0 } }, { 0x1f88, { 0x1f08, 0x0399, 0 } },
    { 0x1f89, { 0x1f09, 0x0399, 0 } }, { 0x1f8a, { 0x1f0a, 0x0399, 0 } },
    { 0x1f8b, { 0x1f0b, 0x0399, 0 } }, { 0x1f8c, { 0x1f0c, 0x0399, 0 } },
    { 0x1f8d, { 0x1f0d, 0x0399, 0 } }, { 0x1f8e, { 0x1f0e, 0x0399, 0 } },
    { 0x1f8f, { 0x1f0f, 0x0399, 0 } }, { 0x1f90, { 0x1f28, 0x0399, 0 } },
    { 0x1f91, { 0x1f29, 0x0399, 0 } }, { 0x1f92, { 0x1f2a, 0x0399, 0 } },
    { 0x1f93, { 0x1f2b, 0x0399, 0 } }, { 0x1f94, { 0x1f2c, 0x0399, 0 } },
    { 0x1f95, { 0x1f2d, 0x0399, 0 } }, { 0x1f96, { 0x1f2e, 0x0399, 0 } },
    { 0x1f97, { 0x1f2f, 0x0399, 0 } }, { 0x1f98, { 0x1f28, 0x0399, 0 } },
    { 0x1f99, { 0x1f29, 0x0399, 0 } }, { 0x1f9a, { 0x1f2a, 0x0399, 0 } },
    { 0x1f9b, { 0x1f2b, 0x0399, 0 } }, { 0x1f9c, { 0x1f2c, 0x0399, 0 } },
    { 0x1f9d, { 0x1f2d, 0x0399, 0 } }, { 0x1f9e, { 0x1f2e, 0x0399, 0 } },
    { 0x1f9f, { 0x1f2f, 0x0399, 0 } }, { 0x1fa0, { 0x1f68, 0x0399, 0 } },
    { 0x1fa1, { 0x1f69, 0x0399, 0 } }, { 0x1fa2, { 0x1f6a, 0x0399, 0 } },
    { 0x1fa3, { 0x1f6b, 0x0399, 0 } }, { 0x1fa4, { 0x1f6c, 0x0399, 0 } },
    { 0x1fa5, { 0x1f6d, 0x0399, 0 } }, { 0x1fa6, { 0x1f6e, 0x0399, 0 } },
    { 0x1fa7, { 0x1f6f, 0x0399, 0 } }, { 0x1fa8, { 0x1f68, 0x0399, 0 } },
    { 0x1fa9, { 0x1f69, 0x0399, 0 } }, { 0x1faa, { 0x1f6a, 0x0399, 0 } },
    { 0x1fab, { 0x1f6b, 0x0399, 0 } }, { 0x1fac, { 0x1f6c, 0x0399, 0 } },
    { 0x1fad, { 0x1f6d, 0x0399, 0 } }, { 0x1fae, { 0x1f6e, 0x0399, 0 } },
    { 0x1faf, { 0x1f6f, 0x0399, 0 } }, { 0x1fb2, { 0x1fba, 0x0399, 0 } },
    { 0x1fb3, { 0x0391, 0x0399, 0 } }, { 0x1fb4, { 0x0386, 0x0399, 0 } },
    { 0x1fb6, { 0x0391, 0x0342, 0 } }, { 0x1fb7, { 0x0391, 0x0342, 0x0399 } },
    { 0x1fbc, { 0x0391, 0x0399, 0 } }, { 0x1fc2, { 0x1fca, 0x0399, 0 } },
    { 0x1fc3, { 0x0397, 0x0399, 0 } }, { 0x1fc4, { 0x0389, 0x0399, 0 } },
    { 0x1fc6, { 0x0397, 0x0342, 0 } }, { 0x1fc7, { 0x0397, 0x0342, 0x0399 } },
    { 0x1fcc, { 0x0397, 0x0399, 0 } }, { 0x1fd2, { 0x0399, 0x0308, 0x0300 } },
    { 0x1fd3, { 0x0399, 0x0308, 0x0301 } }, { 0x1fd6, { 0x0399, 0x0342, 0 } },
    { 0x1fd7, { 0x0399, 0x0308, 0x0342 } }, { 0x1fe2, { 0x03a5, 0x0308, 0x0300 } },
    { 0x1fe3, { 0x03a5, 0x0308, 0x0301 } }, { 0x1fe4, { 0x03a1, 0x0313, 0 } },
    { 0x1fe6, { 0x03a5, 0x0342, 0 } }, { 0x1fe7, { 0x03a5, 0x0308, 0x0342 } },
    { 0x1ff2, { 0x1ffa, 0x0399, 0 } }, { 0x1ff3, { 0x03a9, 0x0399, 0 } },
    { 0x1ff4, { 0x038f, 0x0399, 0 } }, { 0x1ff6, { 0x03a9, 0x0342, 0 } },
    { 0x1ff7, { 0x03a9, 0x0342, 0x0399 } }, { 0x1ffc, { 0x03a9, 0x0399, 0 } },
    { 0xfb00, { 0x0046, 0x0046, 0 } }, { 0xfb01, { 0x0046, 0x0049, 0 } },
    { 0xfb02, { 0x0046, 0x004c, 0 } }, { 0xfb03, { 0x0046, 0x0046, 0x0049 } },
    { 0xfb04, { 0x0046, 0x0046, 0x004c } }, { 0xfb05, { 0x0053, 0x0054, 0 } },
    { 0xfb06, { 0x0053, 0x0054, 0 } }, { 0xfb13, { 0x0544, 0x0546, 0 } },
    { 0xfb14, { 0x0544, 0x0535, 0 } }, { 0xfb15, { 0x0544, 0x053b, 0 } },
    { 0xfb16, { 0x054e, 0x0546, 0 } }, { 0xfb17, { 0x0544, 0x053d, 0 } },
};
// clang-format on

static const struct wide *find_wide(int32_t cp)
{
    int lo = 0, hi = OGI_LEN(wide_upper);
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (wide_upper[mid].from < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < OGI_LEN(wide_upper) && wide_upper[lo].from == cp ? &wide_upper[lo] : NULL;
}

static void put_upper(tmpl_sb *b, int32_t cp, bool trusted)
{
    const struct wide *w = cp >= 0x80 ? find_wide(cp) : NULL;
    if (!w) {
        ogi_tv_sb_char(b, utf8proc_toupper(cp), trusted);
        return;
    }
    for (int i = 0; i < 3 && w->to[i]; i++) ogi_tv_sb_char(b, w->to[i], trusted);
}

static void put_title(tmpl_sb *b, int32_t cp, bool trusted)
{
    int32_t title = utf8proc_totitle(cp);
    const struct wide *w = cp >= 0x80 && title == cp ? find_wide(cp) : NULL;
    if (!w) {
        ogi_tv_sb_char(b, title, trusted);
        return;
    }
    for (int i = 0; i < 3 && w->to[i]; i++)
        ogi_tv_sb_char(b, i && cp != 0x149 ? utf8proc_tolower(w->to[i]) : w->to[i], trusted);
}

bool ogi_tc_is_lower(int32_t cp)
{
    return cp < 0x80 ? cp >= 'a' && cp <= 'z' : utf8proc_islower(cp) != 0;
}

bool ogi_tc_is_upper(int32_t cp)
{
    return cp < 0x80 ? cp >= 'A' && cp <= 'Z' : utf8proc_isupper(cp) != 0;
}

bool ogi_tc_is_cased(int32_t cp)
{
    return ogi_tc_is_lower(cp) || ogi_tc_is_upper(cp) ||
           (cp >= 0x80 && utf8proc_category(cp) == UTF8PROC_CATEGORY_LT);
}

bool ogi_tc_is_alpha(int32_t cp)
{
    utf8proc_category_t c = utf8proc_category(cp);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL || c == UTF8PROC_CATEGORY_LT ||
           c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_LO;
}

bool ogi_tc_is_decimal(int32_t cp)
{
    return utf8proc_category(cp) == UTF8PROC_CATEGORY_ND;
}

/* Unicode keeps the ten digits of a script together, in order, and begins blocks with a zero. */
int ogi_tc_digit(int32_t cp)
{
    int n = 0;
    if (!ogi_tc_is_decimal(cp)) return -1;
    while (n < 64 && ogi_tc_is_decimal(cp - n - 1)) n++;
    return n % 10;
}

bool ogi_tc_is_numeric(int32_t cp)
{
    utf8proc_category_t c = utf8proc_category(cp);
    return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO;
}

bool ogi_tc_is_identifier(int32_t cp, bool first)
{
    if (cp == '_' || ogi_tc_is_alpha(cp)) return true;
    utf8proc_category_t c = utf8proc_category(cp);
    if (c == UTF8PROC_CATEGORY_NL) return true;
    return !first && (c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_MN ||
                      c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_PC || cp == 0xb7);
}

/* Sigma at the end of a word: a letter before it, none behind, seen within the whole of s. */
static bool is_final_sigma(const tmpl_str *s, size_t at, size_t end)
{
    int32_t cp;
    size_t i = at;
    while (i > 0 && ((unsigned char)s->p[--i] & 0xc0) == 0x80) {
    }
    if (at == 0) return false;
    ogi_tv_decode(s->p + i, s->n - i, &cp);
    if (!ogi_tc_is_cased(cp)) return false;
    if (end >= s->n) return true;
    ogi_tv_decode(s->p + end, s->n - end, &cp);
    return !ogi_tc_is_cased(cp);
}

static void put_lower(tmpl_sb *b, const tmpl_str *s, size_t at, size_t end, int32_t cp,
                      bool trusted)
{
    if (cp == 0x130) { /* I with dot above */
        ogi_tv_sb_char(b, 'i', trusted);
        ogi_tv_sb_char(b, 0x307, trusted);
    } else if (cp == 0x3a3) {
        ogi_tv_sb_char(b, is_final_sigma(s, at, end) ? 0x3c2 : 0x3c3, trusted);
    } else {
        ogi_tv_sb_char(b, utf8proc_tolower(cp), trusted);
    }
}

void ogi_tc_put(tmpl_sb *b, const tmpl_str *s, size_t begin, size_t end, tmpl_case how)
{
    bool in_word = false;
    const tmpl_str whole = { .p = s->p + begin, .n = end - begin };
    for (size_t i = begin; i < end && !b->failed && ogi_tv_step(b->h, 1);) {
        int32_t cp;
        size_t at = i;
        i += (size_t)ogi_tv_decode(s->p + i, end - i, &cp);
        bool trusted = s->mask ? s->mask[at] : s->trusted;
        bool to_upper = how == TC_UPPER || (how == TC_SWAP && ogi_tc_is_lower(cp));
        bool to_title = (how == TC_CAPITAL && at == begin) || (how == TC_TITLE && !in_word);
        bool keeps = how == TC_SWAP && !ogi_tc_is_upper(cp);
        in_word = ogi_tc_is_cased(cp);
        if (to_upper)
            put_upper(b, cp, trusted);
        else if (to_title)
            put_title(b, cp, trusted);
        else if (keeps)
            ogi_tv_sb_part(b, s, at, i);
        else
            put_lower(b, &whole, at - begin, i - begin, cp, trusted);
    }
}

tmpl_val ogi_tc_map(tmpl_heap *h, tmpl_val v, tmpl_case how)
{
    tmpl_sb b = { .h = h };
    ogi_tc_put(&b, v.u.s, 0, v.u.s->n, how);
    tmpl_val r = ogi_tv_sb_done(&b);
    if (r.tag == TV_STR) r.u.s->is_markup = v.u.s->is_markup;
    return r;
}

tmpl_val ogi_tc_fold(tmpl_heap *h, tmpl_val v)
{
    tmpl_sb b = { .h = h };
    const tmpl_str *s = v.u.s;
    for (size_t i = 0; i < s->n && !b.failed && ogi_tv_step(h, 1);) {
        int32_t cp, folded[8];
        int bound;
        bool trusted = s->mask ? s->mask[i] : s->trusted;
        i += (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        utf8proc_ssize_t n =
            utf8proc_decompose_char(cp, folded, OGI_LEN(folded), UTF8PROC_CASEFOLD, &bound);
        if (n < 1 || n > OGI_LEN(folded)) n = 1, folded[0] = cp;
        for (utf8proc_ssize_t k = 0; k < n; k++) ogi_tv_sb_char(&b, folded[k], trusted);
    }
    tmpl_val r = ogi_tv_sb_done(&b);
    if (r.tag == TV_STR) r.u.s->is_markup = s->is_markup;
    return r;
}
