/* SPDX-License-Identifier: MIT
 *
 * Each pattern is read twice by the same code: first to collect the predicates it uses (a property,
 * or the non-ASCII ranges of one class), then, with the table built, to print its byte form. */
#include "text/unicode/class.h"

#include <stdio.h>
#include <utf8proc.h>

#include "text/unicode/hf.h"
#include "text/unicode/script.h"
#include "text/unicode/utf8.h"

enum { MAX_PREDICATE = 64, MAX_SIGNATURE = 128, MAX_NEST = 8, MAX_GROUP = 64, MAX_SCRIPT = 8 };

/* ---- properties ---- */

#define CAT(c) (1u << UTF8PROC_CATEGORY_##c)
#define CAT_L  (CAT(LU) | CAT(LL) | CAT(LT) | CAT(LM) | CAT(LO))
#define CAT_M  (CAT(MN) | CAT(MC) | CAT(ME))
#define CAT_N  (CAT(ND) | CAT(NL) | CAT(NO))
#define CAT_P  (CAT(PC) | CAT(PD) | CAT(PS) | CAT(PE) | CAT(PI) | CAT(PF) | CAT(PO))
#define CAT_S  (CAT(SM) | CAT(SC) | CAT(SK) | CAT(SO))
#define CAT_Z  (CAT(ZS) | CAT(ZL) | CAT(ZP))
#define CAT_C  (CAT(CC) | CAT(CF) | CAT(CS) | CAT(CO) | CAT(CN))

typedef enum prop_extra {
    NO_EXTRA,
    SPACE,
    HAN,
    NOT_HAN,
    HEX,
    /* as Hugging Face's library sees them */
    WORD,
    REGEX_WORD,
    NUMERIC,
    PUNCTUATION,
    SCRIPT,
} prop_extra;

/* Characters of the categories, but without the ASCII characters in `but`. */
typedef struct property {
    const char *name;
    unsigned cats;
    const char *but;
    prop_extra extra;
    ogi_script_range *script; /* sorted */
    int64_t n_script;
} property;

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

#define P(name, cats, but, extra)                                                                  \
    {                                                                                              \
        name, cats, but, extra, NULL, 0                                                            \
    }
static const property properties[] = {
    P("L", CAT_L, "", NO_EXTRA),
    P("N", CAT_N, "", NO_EXTRA),
    P("M", CAT_M, "", NO_EXTRA),
    P("P", CAT_P, "", NO_EXTRA),
    P("S", CAT_S, "", NO_EXTRA),
    P("Z", CAT_Z, "", NO_EXTRA),
    P("C", CAT_C, "", NO_EXTRA),
    P("Lu", CAT(LU), "", NO_EXTRA),
    P("Ll", CAT(LL), "", NO_EXTRA),
    P("Lt", CAT(LT), "", NO_EXTRA),
    P("Lm", CAT(LM), "", NO_EXTRA),
    P("Lo", CAT(LO), "", NO_EXTRA),
    P("Mn", CAT(MN), "", NO_EXTRA),
    P("Mc", CAT(MC), "", NO_EXTRA),
    P("Me", CAT(ME), "", NO_EXTRA),
    P("Nd", CAT(ND), "", NO_EXTRA),
    P("Nl", CAT(NL), "", NO_EXTRA),
    P("No", CAT(NO), "", NO_EXTRA),
    P("Pc", CAT(PC), "", NO_EXTRA),
    P("Pd", CAT(PD), "", NO_EXTRA),
    P("Ps", CAT(PS), "", NO_EXTRA),
    P("Pe", CAT(PE), "", NO_EXTRA),
    P("Pi", CAT(PI), "", NO_EXTRA),
    P("Pf", CAT(PF), "", NO_EXTRA),
    P("Po", CAT(PO), "", NO_EXTRA),
    P("Sm", CAT(SM), "", NO_EXTRA),
    P("Sc", CAT(SC), "", NO_EXTRA),
    P("Sk", CAT(SK), "", NO_EXTRA),
    P("So", CAT(SO), "", NO_EXTRA),
    P("Zs", CAT(ZS), "", NO_EXTRA),
    P("Zl", CAT(ZL), "", NO_EXTRA),
    P("Zp", CAT(ZP), "", NO_EXTRA),
    P("Cc", CAT(CC), "", NO_EXTRA),
    P("Cf", CAT(CF), "", NO_EXTRA),
    P("Han", 0, "", HAN),
    P("space", 0, "", SPACE),
    P("hex", 0, "", HEX),
    P("word", 0, "", WORD),
    P("regex_word", 0, "", REGEX_WORD),
    P("numeric", 0, "", NUMERIC),
    P("punctuation", 0, "", PUNCTUATION),
    /* what the reference's expansions of the built-in patterns mean */
    P("L_no_Han", CAT_L, "", NOT_HAN),
    P("S_no_tilde", CAT_S, "~", NO_EXTRA),
    P("L_no_a-z", CAT_L, LOWER, NO_EXTRA),
    P("L_no_A-Z", CAT_L, UPPER, NO_EXTRA),
};
#undef P

/* The CJK blocks that the KIMI_K2 splitter counts as Han. */
static bool is_han(uint32_t cp)
{
    return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x3400 && cp <= 0x4dbf) ||
           (cp >= 0x20000 && cp <= 0x2a6df) || (cp >= 0x2a700 && cp <= 0x2ebef) ||
           (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0x2f800 && cp <= 0x2fa1f);
}

static int category_of(bool wide, uint32_t cp)
{
    return wide ? ogi_hf_category(cp) : (int)utf8proc_category((utf8proc_int32_t)cp);
}

static bool is_in_ranges(const ogi_script_range *range, int64_t n, uint32_t cp)
{
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (range[mid].hi < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && range[lo].lo <= cp;
}

/* wide: with the categories of Hugging Face's library. */
static bool has_property(const property *p, bool wide, uint32_t cp)
{
    if (cp < 0x80 && cp && strchr(p->but, (int)cp)) return false;
    if (p->extra == SPACE) return ogi_cp_is_space(cp);
    if (p->extra == HAN) return is_han(cp);
    if (p->extra == SCRIPT) return is_in_ranges(p->script, p->n_script, cp);
    if (p->extra == HEX) return cp < 0x80 && cp && strchr("0123456789abcdefABCDEF", (int)cp);
    if (p->extra == WORD) return ogi_hf_is_word(cp);
    if (p->extra == REGEX_WORD) return ogi_hf_is_regex_word(cp);
    if (p->extra == NUMERIC) return ogi_hf_is_numeric(cp);
    if (p->extra == PUNCTUATION) return ogi_hf_is_punctuation(cp);
    if (p->extra == NOT_HAN && is_han(cp)) return false;
    return p->cats >> category_of(wide, cp) & 1;
}

/* ---- reader ---- */

typedef struct range {
    uint32_t lo, hi;
    int predicate;
} range;

typedef struct reader {
    og_ctx *ctx;
    const char *p, *end;
    ogi_sv whole;
    bool wide;
    ogi_buf *out;         /* NULL: collect */
    bool fold[MAX_GROUP]; /* of the open groups: are letters of both cases equal */
    int n_group;
    property script[MAX_SCRIPT]; /* scripts that the patterns name */
    int n_script;
    /* predicates of all patterns */
    const property *property[MAX_PREDICATE]; /* NULL: explicit ranges */
    int n_predicate, n_seen;                 /* n_seen: explicit ones met so far, in order */
    int explicit_at[MAX_PREDICATE];
    range *range;
    int64_t n_range, cap_range;
    /* what the table found: predicates that hold for class byte 128 + i */
    uint64_t signature[MAX_SIGNATURE];
    int n_signature;
} reader;

static og_status new_predicate(reader *r, const property *p, int *index)
{
    if (r->n_predicate == MAX_PREDICATE)
        OG_FAIL(r->ctx, OG_E_LIMIT, "pre-tokenizer: more than %d character classes", MAX_PREDICATE);
    r->property[ *index = r->n_predicate++] = p;
    return OG_OK;
}

/* The property of a script, looked up once; NULL: there is no such script, or are too many. */
static og_status script_property(reader *r, ogi_sv name, const property **out)
{
    char text[32];
    *out = NULL;
    for (int i = 0; i < r->n_script; i++)
        if (ogi_sv_eq(name, ogi_sv_of(r->script[i].name))) *out = &r->script[i];
    if (*out || r->n_script == MAX_SCRIPT || name.n >= sizeof text) return OG_OK;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned)((name.p[i] | 0x20) - 'a') > 25 && name.p[i] != '_') return OG_OK;
    snprintf(text, sizeof text, "%.*s", (int)name.n, name.p);
    property *p = &r->script[r->n_script];
    og_status status = ogi_script_ranges(r->ctx, text, &p->script, &p->n_script);
    if (status == OG_E_UNSUPPORTED) og_error_clear(r->ctx); /* the caller names the property */
    if (status != OG_OK) return status == OG_E_UNSUPPORTED ? OG_OK : status;
    p->name = ogi_strndup(r->ctx, name.p, name.n);
    p->but = "";
    p->extra = SCRIPT;
    r->n_script++;
    *out = p;
    return p->name ? OG_OK : OG_E_MEMORY;
}

static og_status property_predicate(reader *r, const char *name, size_t n, int *index)
{
    const property *p = NULL;
    for (int i = 0; i < OGI_LEN(properties) && !p; i++)
        if (ogi_sv_eq((ogi_sv){ name, n }, ogi_sv_of(properties[i].name))) p = &properties[i];
    if (r->wide && (!p || p->extra == HAN)) OG_TRY(script_property(r, (ogi_sv){ name, n }, &p));
    if (!p)
        OG_FAIL(r->ctx, OG_E_UNSUPPORTED, "pre-tokenizer: no property '%.*s' in the pattern '%.*s'",
                (int)OGI_MIN(n, 40), name, (int)OGI_MIN(r->whole.n, 200), r->whole.p);
    for (int i = 0; i < r->n_predicate; i++)
        if (r->property[i] == p) {
            *index = i;
            return OG_OK;
        }
    return new_predicate(r, p, index);
}

/* The predicate of the next group of explicit characters; the same one in both readings. */
static og_status explicit_predicate(reader *r, int *index)
{
    if (r->out) {
        *index = r->explicit_at[r->n_seen++];
        return OG_OK;
    }
    OG_TRY(new_predicate(r, NULL, index));
    r->explicit_at[r->n_seen++] = *index;
    return OG_OK;
}

static void set_add(ogi_byte_set *s, unsigned b)
{
    s->bit[b >> 6] |= (uint64_t)1 << (b & 63);
}

static void add_predicate(const reader *r, int index, bool negated, ogi_byte_set *set)
{
    for (unsigned b = 0; b < 128; b++)
        if (r->property[index] && has_property(r->property[index], r->wide, b) != negated)
            set_add(set, b);
    for (int i = 0; i < r->n_signature; i++)
        if ((r->signature[i] >> index & 1) != negated) set_add(set, 128u + (unsigned)i);
}

static og_status malformed(reader *r, const char *what)
{
    OG_FAIL(r->ctx, OG_E_FORMAT, "pre-tokenizer: %s in the pattern '%.*s'", what,
            (int)OGI_MIN(r->whole.n, 200), r->whole.p);
}

/* [:name:] inside a class, from its colon; sets *index. */
static og_status read_posix(reader *r, int *index, bool *negated)
{
    static const char *const names[][2] = { { "space", "space" }, { "digit", "Nd" },
                                            { "upper", "Lu" },    { "lower", "Ll" },
                                            { "alpha", "L" },     { "word", "regex_word" },
                                            { "xdigit", "hex" } };
    const char *start = ++r->p;
    while (r->p < r->end && *r->p != ':') r->p++;
    size_t n = (size_t)(r->p - start);
    if (r->end - r->p < 2 || r->p[1] != ']') return malformed(r, "[: without :]");
    r->p += 2;
    *negated = n && *start == '^';
    if (*negated) start++, n--;
    for (int i = 0; i < OGI_LEN(names); i++)
        if (ogi_sv_eq((ogi_sv){ start, n }, ogi_sv_of(names[i][0])))
            return property_predicate(r, names[i][1], strlen(names[i][1]), index);
    return malformed(r, "a [:class:] that is not supported");
}

/* One element after a backslash: either a class (*index >= 0, *negated) or a character (*cp). */
static og_status read_escape(reader *r, int *index, bool *negated, uint32_t *cp)
{
    *index = -1;
    if (r->p == r->end) return malformed(r, "a lone backslash");
    char c = *r->p++;
    *negated = c == 'P' || c == 'S' || c == 'D' || c == 'W' || c == 'H';
    if (c == 'p' || c == 'P') {
        const char *start = r->p + 1, *close = start;
        while (close < r->end && *close != '}') close++;
        if (r->p == r->end || *r->p != '{' || close >= r->end)
            return malformed(r, "\\p without {...}");
        if (*start == '^') *negated = !*negated, start++;
        r->p = close + 1;
        return property_predicate(r, start, (size_t)(close - start), index);
    }
    if (c == 's' || c == 'S') return property_predicate(r, "space", 5, index);
    if (r->wide && (c == 'd' || c == 'D')) return property_predicate(r, "Nd", 2, index);
    if (r->wide && (c == 'w' || c == 'W')) return property_predicate(r, "regex_word", 10, index);
    if (r->wide && (c == 'h' || c == 'H')) return property_predicate(r, "hex", 3, index);
    if (r->wide && c && strchr("RXKGNO", c)) return malformed(r, "an escape that is not supported");
    static const char from[] = "rntfv", to[] = "\r\n\t\f\v";
    const char *control = c ? strchr(from, c) : NULL;
    *cp = control ? (unsigned char)to[control - from] : (unsigned char)c;
    if (c != 'x' && c != 'u') return OG_OK;
    bool braces = r->p < r->end && *r->p == '{';
    int most = braces ? 8 : c == 'x' ? 2 : 4, n = 0;
    r->p += braces;
    for (*cp = 0; n < most && r->p < r->end && *r->p != '}'; n++, r->p++) {
        int digit = *r->p >= '0' && *r->p <= '9' ? *r->p - '0' : ((*r->p | 0x20) - 'a') + 10;
        if (digit < 0 || digit > 15) return malformed(r, "a bad \\x");
        *cp = *cp * 16 + (uint32_t)digit;
    }
    if (!n || (braces && (r->p == r->end || *r->p++ != '}')) || *cp > OGI_CP_MAX)
        return malformed(r, "a bad \\x");
    return OG_OK;
}

static og_status read_character(reader *r, uint32_t *cp)
{
    int used;
    *cp = ogi_utf8_decode(r->p, (size_t)(r->end - r->p), &used);
    if (*cp > OGI_CP_MAX) return malformed(r, "a character above U+10FFFF");
    r->p += used;
    return OG_OK;
}

static og_status add_range(reader *r, uint32_t lo, uint32_t hi, int *explicit, ogi_byte_set *set)
{
    if (hi < lo) return malformed(r, "a range that runs backwards");
    for (uint32_t b = lo; b < 128 && b <= hi; b++) set_add(set, b);
    if (hi < 128) return OG_OK;
    if (*explicit < 0) OG_TRY(explicit_predicate(r, explicit));
    if (r->out) return OG_OK;
    OG_TRY(ogi_grow(r->ctx, &r->range, &r->cap_range, r->n_range + 1, sizeof *r->range));
    r->range[r->n_range++] = (range){ OGI_MAX(lo, 128u), hi, *explicit };
    return OG_OK;
}

static void set_invert(ogi_byte_set *s)
{
    for (int i = 0; i < 4; i++) s->bit[i] = ~s->bit[i];
}

/* An open class: what is in it so far; `keep` holds the left sides of && already met. */
typedef struct open_class {
    ogi_byte_set set, keep;
    int explicit;
    bool negated, has_keep;
} open_class;

static void close_operand(const reader *r, open_class *c)
{
    if (r->out && c->explicit >= 0) add_predicate(r, c->explicit, false, &c->set);
    for (int i = 0; i < 4 && c->has_keep; i++) c->set.bit[i] &= c->keep.bit[i];
}

static og_status read_item(reader *r, open_class *c)
{
    int index = -1;
    bool negated = false;
    uint32_t lo, hi;
    if (*r->p == '\\') {
        r->p++;
        OG_TRY(read_escape(r, &index, &negated, &lo));
    } else {
        OG_TRY(read_character(r, &lo));
    }
    if (index >= 0) {
        add_predicate(r, index, negated, &c->set);
        return OG_OK;
    }
    hi = lo;
    if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']') {
        r->p++;
        if (*r->p == '\\') {
            r->p++;
            OG_TRY(read_escape(r, &index, &negated, &hi));
            if (index >= 0) return malformed(r, "a class as the end of a range");
        } else {
            OG_TRY(read_character(r, &hi));
        }
    }
    return add_range(r, lo, hi, &c->explicit, &c->set);
}

/* A class from behind its '[' to behind its ']'; nesting without recursion. */
static og_status read_class(reader *r, ogi_byte_set *out)
{
    open_class stack[MAX_NEST];
    int depth = 0;
    bool first = true;
    stack[0] = (open_class){ .explicit = -1 };
    if (r->p < r->end && *r->p == '^') stack[0].negated = true, r->p++;
    for (;; first = false) {
        open_class *c = &stack[depth];
        if (r->p >= r->end) return malformed(r, "a class without ]");
        if (*r->p == '[' && r->wide && r->end - r->p >= 2 && r->p[1] == ':') {
            int index = -1;
            bool negated = false;
            r->p++;
            OG_TRY(read_posix(r, &index, &negated));
            add_predicate(r, index, negated, &c->set);
            continue;
        }
        if (*r->p == '[' && r->wide && !first) {
            if (++depth == MAX_NEST) return malformed(r, "a class nested too deep");
            r->p++;
            stack[depth] = (open_class){ .explicit = -1 };
            if (r->p < r->end && *r->p == '^') stack[depth].negated = true, r->p++;
            continue;
        }
        if (*r->p == '&' && r->end - r->p >= 2 && r->p[1] == '&' && r->wide) {
            r->p += 2;
            close_operand(r, c);
            c->keep = c->set, c->has_keep = true;
            c->set = (ogi_byte_set){ { 0 } }, c->explicit = -1;
            continue;
        }
        if (*r->p != ']' || (first && depth == 0)) {
            OG_TRY(read_item(r, c));
            continue;
        }
        r->p++;
        close_operand(r, c);
        if (c->negated) set_invert(&c->set);
        if (depth == 0) {
            *out = c->set;
            return OG_OK;
        }
        depth--;
        for (int i = 0; i < 4; i++) stack[depth].set.bit[i] |= c->set.bit[i];
    }
}

static void print_set(reader *r, const ogi_byte_set *set)
{
    if (!r->out) return;
    ogi_buf_putc(r->out, '[');
    bool any = false;
    for (unsigned b = 0; b < 256; b++) {
        if (!ogi_byte_set_has(set, (unsigned char)b)) continue;
        unsigned last = b;
        while (last < 255 && ogi_byte_set_has(set, (unsigned char)(last + 1))) last++;
        ogi_buf_printf(r->out, last > b ? "\\x%02x-\\x%02x" : "\\x%02x", b, last);
        any = true;
        b = last;
    }
    if (!any) ogi_buf_puts(r->out, "^\\x00-\\xff"); /* the empty class matches nothing */
    ogi_buf_putc(r->out, ']');
}

/* \b and \B, whose words are not PCRE2's. */
static og_status read_boundary(reader *r, bool inside)
{
    int index;
    ogi_byte_set word = { { 0 } };
    OG_TRY(property_predicate(r, "regex_word", 10, &index));
    if (!r->out) return OG_OK;
    add_predicate(r, index, false, &word);
    static const char *const parts[2][2] = { { "(?:(?<=", ")(?!" }, { "(?:(?<=", ")(?=" } };
    ogi_buf_puts(r->out, parts[inside][0]);
    print_set(r, &word);
    ogi_buf_puts(r->out, parts[inside][1]);
    print_set(r, &word);
    ogi_buf_puts(r->out, ")|(?<!");
    print_set(r, &word);
    ogi_buf_puts(r->out, inside ? ")(?!" : ")(?=");
    print_set(r, &word);
    ogi_buf_puts(r->out, "))");
    return OG_OK;
}

/* k and s have a third form outside ASCII: the Kelvin sign and the long s. */
static og_status read_folded(reader *r, char c)
{
    int explicit = -1;
    uint32_t third = (c | 0x20) == 'k' ? 0x212a : 0x17f;
    ogi_byte_set set = { { 0 } };
    OG_TRY(add_range(r, third, third, &explicit, &set));
    if (r->out && explicit >= 0) add_predicate(r, explicit, false, &set);
    set_add(&set, (unsigned char)c & ~0x20u);
    set_add(&set, (unsigned char)c | 0x20u);
    print_set(r, &set);
    return OG_OK;
}

/* Keeps track of (?i:...); the library's m, a dot that matches line feeds, is PCRE2's s. */
static og_status read_group(reader *r)
{
    bool fold = r->fold[r->n_group];
    const char *start = r->p++, *flags = start + 2, *p = flags;
    if (r->out) ogi_buf_putc(r->out, '(');
    if (r->p < r->end && *r->p == '?') {
        bool on = true;
        while (p < r->end && strchr("imx-", *p)) {
            if (*p == '-') on = false;
            if (*p == 'i') fold = on;
            p++;
        }
        bool is_flags = p > flags && p < r->end && (*p == ':' || *p == ')');
        if (is_flags) {
            r->p = p;
            if (r->out) ogi_buf_putc(r->out, '?');
            for (; r->out && flags < p; flags++) ogi_buf_putc(r->out, *flags == 'm' ? 's' : *flags);
            if (*p == ')') { /* for the rest of the group around it */
                r->fold[r->n_group] = fold;
                r->p++;
                if (r->out) ogi_buf_putc(r->out, ')');
                return OG_OK;
            }
        } else {
            fold = r->fold[r->n_group];
        }
    }
    if (r->n_group + 1 == MAX_GROUP) return malformed(r, "groups nested too deep");
    r->fold[++r->n_group] = fold;
    return OG_OK;
}

static og_status read_outside_escape(reader *r)
{
    const char *start = r->p++;
    int index, explicit = -1;
    bool negated;
    uint32_t cp;
    ogi_byte_set set = { { 0 } };
    if (r->wide && r->p < r->end && (*r->p == 'b' || *r->p == 'B'))
        return read_boundary(r, *r->p++ == 'B');
    OG_TRY(read_escape(r, &index, &negated, &cp));
    if (index < 0 && cp < 128) { /* \r, \b, \A, ...: as it stands */
        if (r->out) ogi_buf_add(r->out, start, (size_t)(r->p - start));
        return OG_OK;
    }
    if (index < 0) {
        OG_TRY(add_range(r, cp, cp, &explicit, &set));
        index = explicit, negated = false;
    }
    if (r->out) add_predicate(r, index, negated, &set);
    print_set(r, &set);
    return OG_OK;
}

static og_status read_pattern(reader *r, ogi_sv pattern)
{
    r->p = pattern.p, r->end = pattern.p + pattern.n, r->whole = pattern;
    r->n_group = 0, r->fold[0] = false;
    while (r->p < r->end) {
        ogi_byte_set set = { { 0 } };
        if (*r->p == '\\') {
            OG_TRY(read_outside_escape(r));
        } else if (r->wide && *r->p == '(') {
            OG_TRY(read_group(r));
        } else if (r->wide && *r->p && strchr("kKsS", *r->p) && r->fold[r->n_group]) {
            OG_TRY(read_folded(r, *r->p++));
        } else if (*r->p == '[') {
            r->p++;
            OG_TRY(read_class(r, &set));
            print_set(r, &set);
        } else if ((unsigned char)*r->p < 128) {
            if (r->wide && *r->p == ')' && r->n_group) r->n_group--;
            if (r->out) ogi_buf_putc(r->out, *r->p);
            r->p++;
        } else {
            int explicit = -1;
            uint32_t cp;
            OG_TRY(read_character(r, &cp));
            OG_TRY(add_range(r, cp, cp, &explicit, &set));
            if (r->out && explicit >= 0) add_predicate(r, explicit, false, &set);
            print_set(r, &set);
        }
    }
    return OG_OK;
}

/* ---- table ---- */

static og_status class_byte(reader *r, uint64_t signature, unsigned char *byte)
{
    int i = 0;
    while (i < r->n_signature && r->signature[i] != signature) i++;
    if (i == MAX_SIGNATURE)
        OG_FAIL(r->ctx, OG_E_LIMIT,
                "pre-tokenizer: the patterns tell more than %d kinds of characters apart",
                MAX_SIGNATURE);
    if (i == r->n_signature) r->signature[r->n_signature++] = signature;
    *byte = (unsigned char)(128 + i);
    return OG_OK;
}

/* Predicates that hold for all characters of a category. */
static uint64_t category_signature(const reader *r, unsigned category)
{
    uint64_t s = 0;
    for (int i = 0; i < r->n_predicate; i++)
        if (r->property[i] && r->property[i]->extra == NO_EXTRA &&
            (r->property[i]->cats >> category & 1))
            s |= (uint64_t)1 << i;
    return s;
}

static og_status fill_block(reader *r, const uint64_t *by_category, uint32_t block,
                            unsigned char *out)
{
    uint64_t signature[256], last = ~(uint64_t)0;
    unsigned char last_byte = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t cp = block * 256 + i;
        signature[i] = by_category[category_of(r->wide, cp)];
        for (int k = 0; k < r->n_predicate; k++)
            if (r->property[k] && r->property[k]->extra != NO_EXTRA &&
                has_property(r->property[k], r->wide, cp))
                signature[i] |= (uint64_t)1 << k;
    }
    for (int64_t k = 0; k < r->n_range; k++) {
        range g = r->range[k];
        if (g.hi < block * 256 || g.lo > block * 256 + 255) continue;
        uint32_t lo = OGI_MAX(g.lo, block * 256), hi = OGI_MIN(g.hi, block * 256 + 255);
        for (uint32_t cp = lo; cp <= hi; cp++) /* the reference's ranges never hold white space */
            if (r->wide || !ogi_cp_is_space(cp)) signature[cp & 255] |= (uint64_t)1 << g.predicate;
    }
    for (uint32_t i = 0; i < 256; i++) {
        if (block == 0 && i < 128) {
            out[i] = (unsigned char)i;
            continue;
        }
        if (signature[i] != last || !last_byte) OG_TRY(class_byte(r, signature[i], &last_byte));
        last = signature[i];
        out[i] = last_byte;
    }
    return OG_OK;
}

/* Planes 4 to 13 hold no characters, 15 and 16 private ones: each of their blocks is like the one
 * before it, save the planes' first and last. */
static bool is_like_before(uint32_t block, bool ranges_reach)
{
    uint32_t plane = block >> 8, last = plane >= 15 ? 0xfe : 0xff;
    bool uniform = (plane >= 4 && plane <= 13) || plane >= 15;
    return uniform && !ranges_reach && (block & 0xff) > 0 && (block & 0xff) <= last;
}

static og_status build_table(reader *r, ogi_classes *c)
{
    bool ranges_reach = false;
    for (int64_t i = 0; i < r->n_range; i++) ranges_reach |= r->range[i].hi >= 0x40000;
    uint64_t by_category[32] = { 0 };
    for (unsigned k = 0; k <= UTF8PROC_CATEGORY_CO; k++) by_category[k] = category_signature(r, k);
    for (uint32_t b = 0; b < OGI_CLASS_BLOCKS; b++) {
        unsigned char block[256];
        if (is_like_before(b, ranges_reach)) {
            c->block_of[b] = (uint16_t)(c->n_block - 1);
            continue;
        }
        OG_TRY(fill_block(r, by_category, b, block));
        bool again = c->n_block && !memcmp(block, c->block + (c->n_block - 1) * 256, 256);
        if (!again) {
            OG_TRY(ogi_grow(r->ctx, &c->block, &c->cap_block, (c->n_block + 1) * 256, 1));
            memcpy(c->block + c->n_block++ * 256, block, 256);
        }
        c->block_of[b] = (uint16_t)(c->n_block - 1);
    }
    return OG_OK;
}

static og_status read_all(reader *r, const ogi_sv *pattern, int n, ogi_buf *byte_pattern,
                          ogi_byte_set *set)
{
    r->n_seen = 0;
    for (int i = 0; i < n; i++) {
        r->out = byte_pattern ? &byte_pattern[i] : NULL;
        if (r->wide || !pattern[i].n || !strchr("@#", pattern[i].p[0])) {
            OG_TRY(read_pattern(r, pattern[i]));
            continue;
        }
        int index;
        OG_TRY(property_predicate(r, pattern[i].p + 1, pattern[i].n - 1, &index));
        if (r->out) add_predicate(r, index, false, &set[i]);
    }
    return OG_OK;
}

og_status ogi_classes_build(og_ctx *ctx, const ogi_sv *pattern, int n, bool wide, ogi_classes *out,
                            ogi_buf *byte_pattern, ogi_byte_set *set)
{
    reader *r = OGI_NEW(ctx, reader);
    if (!r) return OG_E_MEMORY;
    r->ctx = out->ctx = ctx;
    r->wide = wide;
    og_status status = read_all(r, pattern, n, NULL, set);
    if (status == OG_OK) status = build_table(r, out);
    if (status == OG_OK) status = read_all(r, pattern, n, byte_pattern, set);
    for (int i = 0; i < r->n_script; i++) {
        ogi_free(ctx, r->script[i].script);
        ogi_free(ctx, (void *)(uintptr_t)r->script[i].name);
    }
    ogi_free(ctx, r->range);
    ogi_free(ctx, r);
    return status;
}

void ogi_classes_free(ogi_classes *c)
{
    ogi_free(c->ctx, c->block);
    *c = (ogi_classes){ .ctx = c->ctx };
}
