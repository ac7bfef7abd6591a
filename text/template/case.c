/* SPDX-License-Identifier: MIT
 *
 * Upper, lower and title case of strings as Python has them: text/unicode/case.h for each
 * character, the final sigma, and the origin of every byte kept. */
#include "text/template/case.h"

#include <utf8proc.h>

static void put_all(tmpl_sb *b, const int32_t *cp, int n, bool trusted)
{
    for (int i = 0; i < n; i++) ogi_tv_sb_char(b, cp[i], trusted);
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
    if (!ogi_cp_is_cased(cp)) return false;
    if (end >= s->n) return true;
    ogi_tv_decode(s->p + end, s->n - end, &cp);
    return !ogi_cp_is_cased(cp);
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
    int32_t to[3];
    const tmpl_str whole = { .p = s->p + begin, .n = end - begin };
    for (size_t i = begin; i < end && !b->failed && ogi_tv_step(b->h, 1);) {
        int32_t cp;
        size_t at = i;
        i += (size_t)ogi_tv_decode(s->p + i, end - i, &cp);
        bool trusted = s->mask ? s->mask[at] : s->trusted;
        bool to_upper = how == TC_UPPER || (how == TC_SWAP && ogi_cp_is_lower(cp));
        bool to_title = (how == TC_CAPITAL && at == begin) || (how == TC_TITLE && !in_word);
        bool keeps = how == TC_SWAP && !ogi_cp_is_upper(cp);
        in_word = ogi_cp_is_cased(cp);
        if (to_upper)
            put_all(b, to, ogi_cp_upper(cp, to), trusted);
        else if (to_title)
            put_all(b, to, ogi_cp_title(cp, to), trusted);
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
        put_all(&b, folded, (int)n, trusted);
    }
    tmpl_val r = ogi_tv_sb_done(&b);
    if (r.tag == TV_STR) r.u.s->is_markup = s->is_markup;
    return r;
}
