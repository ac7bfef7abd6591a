/* SPDX-License-Identifier: MIT
 *
 * Scripts of characters. PCRE2 knows them: its patterns are run once over a text that holds all
 * characters in order, so that a script costs a few runs and no table here. */
#include "text/unicode/script.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "text/unicode/hf.h"
#include "text/unicode/utf8.h"

/* Unicode's long names; Hiragana and Katakana follow Han, so that they can be counted as Han. */
static const char *const scripts[] = {
    "Han",
    "Hiragana",
    "Katakana",
    "Common",
    "Devanagari",
    "Inherited",
    "Adlam",
    "Ahom",
    "Anatolian_Hieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassa_Vah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadian_Aboriginal",
    "Carian",
    "Caucasian_Albanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cypro_Minoan",
    "Cyrillic",
    "Deseret",
    "Dives_Akuru",
    "Dogra",
    "Duployan",
    "Egyptian_Hieroglyphs",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gunjala_Gondi",
    "Gurmukhi",
    "Hangul",
    "Hanifi_Rohingya",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Imperial_Aramaic",
    "Inscriptional_Pahlavi",
    "Inscriptional_Parthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Kayah_Li",
    "Kharoshthi",
    "Khitan_Small_Script",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Linear_A",
    "Linear_B",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Masaram_Gondi",
    "Medefaidrin",
    "Meetei_Mayek",
    "Mende_Kikakui",
    "Meroitic_Cursive",
    "Meroitic_Hieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nandinagari",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Nushu",
    "Nyiakeng_Puachue_Hmong",
    "Ogham",
    "Ol_Chiki",
    "Old_Hungarian",
    "Old_Italic",
    "Old_North_Arabian",
    "Old_Permic",
    "Old_Persian",
    "Old_Sogdian",
    "Old_South_Arabian",
    "Old_Turkic",
    "Old_Uyghur",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawh_Hmong",
    "Palmyrene",
    "Pau_Cin_Hau",
    "Phags_Pa",
    "Phoenician",
    "Psalter_Pahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "SignWriting",
    "Sinhala",
    "Sogdian",
    "Sora_Sompeng",
    "Soyombo",
    "Sundanese",
    "Syloti_Nagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Warang_Citi",
    "Yezidi",
    "Yi",
    "Zanabazar_Square",
};

enum { HAN, HIRAGANA, KATAKANA, UNASSIGNED = 0x378 };

/* What Unicode 15 added to scripts that patterns name often: PCRE2 10.42 has 14. */
static const char *newer(const char *name)
{
    if (!strcmp(name, "Han")) return "\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}";
    if (!strcmp(name, "Hiragana")) return "\\x{1b132}";
    return !strcmp(name, "Katakana") ? "\\x{1b155}" : "";
}

/* All characters in order; one that has no script stands for each gap between them. */
static og_status all_characters(ogi_buf *out)
{
    char utf8[4];
    bool gap = false;
    for (uint32_t cp = 0; cp <= OGI_CP_MAX; cp++) {
        int c = ogi_hf_category(cp);
        bool none =
            c == UTF8PROC_CATEGORY_CN || c == UTF8PROC_CATEGORY_CO || c == UTF8PROC_CATEGORY_CS;
        if (!none || !gap)
            ogi_buf_add(out, utf8, (size_t)ogi_utf8_encode(none ? UNASSIGNED : cp, utf8));
        gap = none;
    }
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* One alternative a script, marked with its number. */
static og_status compile(og_ctx *ctx, const char *name, pcre2_code **out)
{
    ogi_buf pattern = { .ctx = ctx };
    int error, n = name ? 1 : OGI_LEN(scripts);
    PCRE2_SIZE at;
    for (int i = 0; i < n; i++)
        ogi_buf_printf(&pattern, "%s[\\p{sc:%s}%s]++(*:%d)", i ? "|" : "", name ? name : scripts[i],
                       newer(name ? name : scripts[i]), i);
    *out = NULL;
    if (!pattern.failed)
        *out = pcre2_compile((PCRE2_SPTR)ogi_buf_str(&pattern), pattern.n,
                             PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &at, NULL);
    bool failed = pattern.failed;
    ogi_buf_free(&pattern);
    if (failed) return OG_E_MEMORY;
    if (!*out) OG_FAIL(ctx, OG_E_UNSUPPORTED, "no script '%s' is known", name ? name : "*");
    pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
    return OG_OK;
}

static og_status collect(og_ctx *ctx, const pcre2_code *code, pcre2_match_data *data, ogi_sv text,
                         bool kana_is_han, ogi_script_range **range, int64_t *n)
{
    int64_t cap = 0;
    PCRE2_SIZE from = 0;
    while (pcre2_match(code, (PCRE2_SPTR)text.p, text.n, from, PCRE2_NO_UTF_CHECK, data, NULL) >=
           0) {
        const PCRE2_SIZE *where = pcre2_get_ovector_pointer(data);
        const char *mark = (const char *)pcre2_get_mark(data);
        int used, script = mark ? atoi(mark) : 0;
        size_t last = where[1] - 1;
        while (((unsigned char)text.p[last] & 0xc0) == 0x80) last--;
        if (kana_is_han && script <= KATAKANA) script = HAN;
        OG_TRY(ogi_grow(ctx, range, &cap, *n + 1, sizeof **range));
        (*range)[(*n)++] =
            (ogi_script_range){ ogi_utf8_decode(text.p + where[0], text.n - where[0], &used),
                                ogi_utf8_decode(text.p + last, text.n - last, &used), script };
        from = where[1];
    }
    return OG_OK;
}

og_status ogi_script_ranges(og_ctx *ctx, const char *name, ogi_script_range **out, int64_t *n)
{
    ogi_buf text = { .ctx = ctx };
    pcre2_code *code = NULL;
    *out = NULL;
    *n = 0;
    OG_TRY(compile(ctx, name, &code));
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    og_status status = data ? all_characters(&text) : OG_E_MEMORY;
    if (status == OG_OK)
        status = collect(ctx, code, data, (ogi_sv){ text.p, text.n }, !name, out, n);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    ogi_buf_free(&text);
    if (status == OG_OK) return OG_OK;
    ogi_free(ctx, *out);
    *out = NULL;
    return status;
}
