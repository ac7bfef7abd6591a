/* SPDX-License-Identifier: MIT
 *
 * Letter case of single characters: utf8proc's simple mappings, widened by Unicode's full ones,
 * where one character becomes several. */
#include "text/unicode/case.h"

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

static int widen(const struct wide *w, int32_t to[3])
{
    int n = 0;
    for (; n < 3 && w->to[n]; n++) to[n] = w->to[n];
    return n;
}

int ogi_cp_upper(int32_t cp, int32_t to[3])
{
    const struct wide *w = cp >= 0x80 ? find_wide(cp) : NULL;
    if (w) return widen(w, to);
    to[0] = utf8proc_toupper(cp);
    return 1;
}

int ogi_cp_title(int32_t cp, int32_t to[3])
{
    int32_t title = utf8proc_totitle(cp);
    const struct wide *w = cp >= 0x80 && title == cp ? find_wide(cp) : NULL;
    if (!w) {
        to[0] = title;
        return 1;
    }
    int n = widen(w, to);
    for (int i = 1; i < n && cp != 0x149; i++) to[i] = utf8proc_tolower(to[i]);
    return n;
}

bool ogi_cp_is_lower(int32_t cp)
{
    return cp < 0x80 ? cp >= 'a' && cp <= 'z' : utf8proc_islower(cp) != 0;
}

bool ogi_cp_is_upper(int32_t cp)
{
    return cp < 0x80 ? cp >= 'A' && cp <= 'Z' : utf8proc_isupper(cp) != 0;
}

bool ogi_cp_is_cased(int32_t cp)
{
    return ogi_cp_is_lower(cp) || ogi_cp_is_upper(cp) ||
           (cp >= 0x80 && utf8proc_category(cp) == UTF8PROC_CATEGORY_LT);
}

bool ogi_cp_is_alpha(int32_t cp)
{
    utf8proc_category_t c = utf8proc_category(cp);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL || c == UTF8PROC_CATEGORY_LT ||
           c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_LO;
}

bool ogi_cp_is_decimal(int32_t cp)
{
    return utf8proc_category(cp) == UTF8PROC_CATEGORY_ND;
}

/* Unicode keeps the ten digits of a script together, in order, and begins blocks with a zero. */
int ogi_cp_digit(int32_t cp)
{
    int n = 0;
    if (!ogi_cp_is_decimal(cp)) return -1;
    while (n < 64 && ogi_cp_is_decimal(cp - n - 1)) n++;
    return n % 10;
}

bool ogi_cp_is_numeric(int32_t cp)
{
    utf8proc_category_t c = utf8proc_category(cp);
    return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO;
}

bool ogi_cp_is_identifier(int32_t cp, bool first)
{
    if (cp == '_' || ogi_cp_is_alpha(cp)) return true;
    utf8proc_category_t c = utf8proc_category(cp);
    if (c == UTF8PROC_CATEGORY_NL) return true;
    return !first && (c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_MN ||
                      c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_PC || cp == 0xb7);
}
