/* SPDX-License-Identifier: MIT
 *
 * Numbers: bounds and multiples as digits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/schema/schema.h"

enum { MAX_DIGITS = 16 };
#define TEN_TO_16 10000000000000000.0

/* Decimal numbers low..high of n digits each, leading zeros included. */
static ogi_expr *digit_range(ogi_rules *r, const char *low, const char *high, int n)
{
    if (n == 0) return ogi_expr_empty(r);
    bool is_low = strspn(low, "0") >= (size_t)n, is_high = strspn(high, "9") >= (size_t)n;
    if (is_low && is_high) return ogi_expr_digits(r, '0', n, n);
    ogi_char_range one = { (uint32_t)low[0], (uint32_t)low[0] };
    if (low[0] == high[0])
        return ogi_expr_join(r, ogi_expr_class(r, &one, 1, false),
                             digit_range(r, low + 1, high + 1, n - 1), NULL);
    static const char nines[] = "9999999999999999", zeros[] = "0000000000000000";
    ogi_expr *alt = ogi_expr_alt(r);
    ogi_char_range middle = { (uint32_t)low[0], (uint32_t)high[0] };
    if (strspn(low + 1, "0") < (size_t)n - 1) {
        alt = ogi_expr_add(r, alt,
                           ogi_expr_join(r, ogi_expr_class(r, &one, 1, false),
                                         digit_range(r, low + 1, nines, n - 1), NULL));
        middle.low++;
    }
    if (strspn(high + 1, "9") < (size_t)n - 1) {
        one.low = one.high = (uint32_t)high[0];
        alt = ogi_expr_add(r, alt,
                           ogi_expr_join(r, ogi_expr_class(r, &one, 1, false),
                                         digit_range(r, zeros, high + 1, n - 1), NULL));
        middle.high--;
    }
    if (middle.low <= middle.high)
        alt = ogi_expr_add(r, alt,
                           ogi_expr_join(r, ogi_expr_class(r, &middle, 1, false),
                                         ogi_expr_digits(r, '0', n - 1, n - 1), NULL));
    return alt;
}

/* Integers low..high of at most 16 digits, without leading zeros; 0 <= low <= high, low < 10^16. */
static ogi_expr *natural_range(ogi_rules *r, int64_t low, int64_t high)
{
    ogi_expr *alt = ogi_expr_alt(r);
    int64_t first = 0, last = 9;
    for (int n = 1; n <= MAX_DIGITS; n++, first = last + 1, last = last * 10 + 9) {
        char a[24], b[24];
        int64_t from = OGI_MAX(low, first), to = OGI_MIN(high, last);
        if (from > to) continue;
        snprintf(a, sizeof a, "%lld", (long long)from);
        snprintf(b, sizeof b, "%lld", (long long)to);
        alt = ogi_expr_add(r, alt, digit_range(r, a, b, n));
    }
    return alt;
}

typedef struct bounds {
    double low, high;
    bool is_low_open, is_high_open;
} bounds;

/* v as a double; an integer beyond 2^53 that is none, as the next one towards `inside`. Numbers are
 * written with 16 digits at most, so it leaves out two numbers of ten quadrillion. */
static double inner_bound(const json_t *v, double inside)
{
    double x = json_number_value(v);
    json_t *back = json_real(x);
    int order = back ? ogi_json_compare(back, v) : 0;
    json_decref(back);
    bool is_outside = inside > 0.0 ? order < 0 : order > 0;
    return is_outside ? nextafter(x, inside) : x;
}

static og_status read_bound(ogi_schema *s, const json_t *schema, const char *keyword, double inside,
                            const ogi_path *path, double *value, bool *found)
{
    const json_t *v = json_object_get(schema, keyword);
    *found = v != NULL;
    if (!v) return OG_OK;
    const ogi_path here = { path, keyword, 0 };
    if (!json_is_number(v)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a number");
    *value = inner_bound(v, inside);
    return OG_OK;
}

static og_status read_bounds(ogi_schema *s, const json_t *schema, const ogi_path *path, bounds *b)
{
    double v = 0.0;
    bool found;
    *b = (bounds){ -INFINITY, INFINITY, false, false };
    OG_TRY(read_bound(s, schema, "minimum", INFINITY, path, &v, &found));
    if (found) b->low = v;
    OG_TRY(read_bound(s, schema, "exclusiveMinimum", INFINITY, path, &v, &found));
    if (found && v >= b->low) b->low = v, b->is_low_open = true;
    OG_TRY(read_bound(s, schema, "maximum", -INFINITY, path, &v, &found));
    if (found) b->high = v;
    OG_TRY(read_bound(s, schema, "exclusiveMaximum", -INFINITY, path, &v, &found));
    if (found && v <= b->high) b->high = v, b->is_high_open = true;
    return OG_OK;
}

/* The integer above x, one itself; beyond 2^53 the next that a double is. */
static double next_integer(double x)
{
    return fmax(x + 1.0, nextafter(x, INFINITY));
}

/* ---- fractions ---- */

/* Digits behind the point, at most `most`, that come to low or more and high or less; NULL: no
 * bound. Both end where their zeros begin. */
typedef struct fraction {
    ogi_rules *r;
    const char *low, *high;
    bool is_low_open, is_high_open;
    int most;
} fraction;

static char digit_at(const char *digits, int i)
{
    return (size_t)i < strlen(digits) ? digits[i] : '0';
}

static bool is_used_up(const char *digits, int i)
{
    return (size_t)i >= strlen(digits);
}

static ogi_expr *fraction_from(const fraction *f, int at, bool is_low, bool is_high);

/* One digit and what may follow it; some of the digits so far decide already. */
static ogi_expr *fraction_digits(const fraction *f, int at, bool is_low, bool is_high)
{
    ogi_rules *r = f->r;
    ogi_expr *alt = ogi_expr_alt(r);
    char low = is_low ? digit_at(f->low, at) : '0', high = is_high ? digit_at(f->high, at) : '9';
    ogi_char_range free = { (uint32_t)low + is_low, (uint32_t)high - is_high };
    if (free.low <= free.high)
        alt = ogi_expr_add(r, alt,
                           ogi_expr_join(r, ogi_expr_class(r, &free, 1, false),
                                         ogi_expr_digits(r, '0', 0, f->most - at - 1), NULL));
    for (int side = 0; side < 2; side++) {
        char c = side ? high : low;
        bool is_edge = side ? is_high && !(is_low && low == high) : is_low && low <= high;
        if (!is_edge || low > high) continue;
        ogi_char_range one = { (uint32_t)c, (uint32_t)c };
        ogi_expr *rest = fraction_from(f, at + 1, is_low && c == low, is_high && c == high);
        if (rest)
            alt = ogi_expr_add(r, alt,
                               ogi_expr_join(r, ogi_expr_class(r, &one, 1, false), rest, NULL));
    }
    return alt;
}

/* What may follow `at` digits; is_low, is_high: they are those of the bound so far. NULL: nothing,
 * not even the end. At most 17 levels deep. */
static ogi_expr *fraction_from(const fraction *f, int at, bool is_low, bool is_high)
{
    bool is_low_met = is_low && is_used_up(f->low, at);
    bool is_high_met = is_high && is_used_up(f->high, at);
    bool may_end = at > 0 && (!is_low || (is_low_met && !f->is_low_open)) &&
                   (!is_high_met || !f->is_high_open);
    if (is_low_met && !f->is_low_open) is_low = false;
    if (!is_low && !is_high) return ogi_expr_digits(f->r, '0', at == 0, f->most - at);
    if (at >= f->most || is_high_met) return may_end ? ogi_expr_empty(f->r) : NULL;
    ogi_expr *more = fraction_digits(f, at, is_low, is_high);
    bool is_any = more && more->child;
    if (!is_any) return may_end ? ogi_expr_empty(f->r) : NULL;
    return may_end ? ogi_expr_repeat(f->r, more, 0, 1) : more;
}

/* The digits behind x's point, as few as read back; false if they are too many. */
static bool fraction_text(double x, char *out, size_t size)
{
    char text[64];
    for (int n = 1; n <= MAX_DIGITS; n++) {
        snprintf(text, sizeof text, "%.*f", n, x);
        if (strtod(text, NULL) != x) continue;
        snprintf(out, size, "%s", strchr(text, '.') + 1);
        for (size_t k = strlen(out); k > 0 && out[k - 1] == '0';) out[--k] = 0;
        return true;
    }
    return false;
}

/* Adds whole.fraction within the bounds. Few enough digits that none is rounded to a bound. */
static ogi_expr *add_edge(ogi_rules *r, ogi_expr *alt, const char *minus, double whole, bounds b)
{
    enum { EXACT_DIGITS = 15 };
    char low[MAX_DIGITS + 1], high[MAX_DIGITS + 1], text[32];
    fraction f = { .r = r, .is_low_open = b.is_low_open, .is_high_open = b.is_high_open };
    if (whole == floor(b.low)) f.low = low;
    if (whole == floor(b.high)) f.high = high;
    if ((f.low && !fraction_text(b.low, low, sizeof low)) ||
        (f.high && !fraction_text(b.high, high, sizeof high)))
        return alt;
    int n = snprintf(text, sizeof text, "%.0f", whole);
    f.most = EXACT_DIGITS - (whole > 0.0 ? n : 0);
    ogi_expr *e = f.most > 0 ? fraction_from(&f, 0, f.low != NULL, f.high != NULL) : NULL;
    if (!e) return alt;
    return ogi_expr_add(r, alt,
                        ogi_expr_join(r, ogi_expr_text(r, minus), ogi_expr_text(r, text),
                                      ogi_expr_text(r, "."), e, NULL));
}

/* Numbers with a fraction. Where whole lies inside the bounds, any; at their edges, by digits. */
static ogi_expr *add_fractions(ogi_rules *r, ogi_expr *alt, const char *minus, bounds b)
{
    double first = floor(b.low), last = fmin(floor(b.high), TEN_TO_16);
    if (b.low > b.high) return alt;
    /* i.999 with many digits is rounded to i + 1. */
    if (b.is_high_open && last == b.high) {
        if (last - 1.0 > first) alt = add_edge(r, alt, minus, last - 1.0, b);
        last -= 1.0;
    }
    alt = add_edge(r, alt, minus, first, b);
    if (last > first && floor(b.high) == last) alt = add_edge(r, alt, minus, last, b);
    if (first + 1.0 > last - 1.0) return alt;
    ogi_expr *any = ogi_expr_join(r, ogi_expr_text(r, "."), ogi_expr_digits(r, '0', 1, 16), NULL);
    return ogi_expr_add(r, alt,
                        ogi_expr_join(r, ogi_expr_text(r, minus),
                                      natural_range(r, (int64_t)first + 1, (int64_t)last - 1), any,
                                      NULL));
}

/* Adds the numbers of one sign with low <= x <= high, 0 <= low; minus stands before them. */
static ogi_expr *add_sign(ogi_rules *r, ogi_expr *alt, const char *minus, bounds b, bool is_integer)
{
    double low = ceil(b.low), high = floor(b.high);
    if (b.is_low_open && low == b.low) low = next_integer(low);
    if (b.is_high_open && high == b.high) high = -next_integer(-high);
    high = fmin(high, TEN_TO_16);
    if (low <= high && low < TEN_TO_16)
        alt = ogi_expr_add(r, alt,
                           ogi_expr_join(r, ogi_expr_text(r, minus),
                                         natural_range(r, (int64_t)low, (int64_t)high), NULL));
    return is_integer ? alt : add_fractions(r, alt, minus, b);
}

/* ---- multiples ---- */

/* Multiples of m, digit by digit: a rule for so many more digits and what the digits so far come
 * to, modulo m, once they are moved up by as many places. */
enum { MAX_MULTIPLE = 100000, MAX_RULES = 4000 };

typedef struct multiples {
    ogi_schema *s;
    const ogi_path *path;
    int64_t m;
    int64_t power[MAX_DIGITS + 1]; /* of ten, modulo m */
    ogi_map by_key;                /* -1: no digits fit */
    int n_rule;
    og_status status;
} multiples;

static ogi_expr *one_digit(ogi_rules *r, int64_t d)
{
    ogi_char_range c = { (uint32_t)('0' + d), (uint32_t)('0' + d) };
    return ogi_expr_class(r, &c, 1, false);
}

static ogi_expr *append(ogi_rules *r, ogi_expr *alt, int64_t digit, ogi_expr *rest)
{
    return rest ? ogi_expr_add(r, alt, ogi_expr_join(r, one_digit(r, digit), rest, NULL)) : alt;
}

/* n digits after others that come to `rest` modulo m; NULL if none fit. */
static ogi_expr *free_digits(multiples *x, int n, int64_t rest)
{
    ogi_rules *r = &x->s->rules;
    if (n == 0) return rest == 0 ? ogi_expr_empty(r) : NULL;
    int64_t id[2] = { n, rest * x->power[n] % x->m };
    ogi_sv key = { (const char *)id, sizeof id };
    int64_t known = ogi_map_get(&x->by_key, key, -2);
    if (known != -2) return known < 0 ? NULL : ogi_expr_rule(r, (int32_t)known);
    if (++x->n_rule > MAX_RULES) {
        x->status = ogi_schema_fail(x->s, OG_E_LIMIT, __FILE__, __LINE__, x->path,
                                    "this divisor takes too many states");
        return NULL;
    }
    ogi_expr *alt = ogi_expr_alt(r);
    for (int64_t d = 0; d < 10 && x->status == OG_OK; d++)
        alt = append(r, alt, d, free_digits(x, n - 1, (rest * 10 + d) % x->m));
    bool is_any = alt && alt->child;
    int32_t rule = is_any ? ogi_rules_new(r) : -1;
    if (rule >= 0) r->rule[rule].body = alt;
    const char *copy = ogi_arena_strndup(&r->arena, key.p, key.n);
    if (!copy || ogi_map_put(&x->by_key, (ogi_sv){ copy, key.n }, rule) != OG_OK)
        x->status = OG_E_MEMORY;
    return is_any ? ogi_expr_rule(r, rule) : NULL;
}

/* The n digits that are left of numbers from low to high (NULL: any). */
static ogi_expr *bounded_digits(multiples *x, const char *low, const char *high, int n,
                                int64_t rest)
{
    if (n == 0 || (!low && !high)) return free_digits(x, n, rest);
    ogi_rules *r = &x->s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    int64_t from = low ? *low - '0' : 0, to = high ? *high - '0' : 9;
    for (int64_t d = from; d <= to && x->status == OG_OK; d++)
        alt = append(r, alt, d,
                     bounded_digits(x, low && d == from ? low + 1 : NULL,
                                    high && d == to ? high + 1 : NULL, n - 1,
                                    (rest * 10 + d) % x->m));
    return alt && alt->child ? alt : NULL;
}

/* Adds the multiples from low to high behind a sign. */
static ogi_expr *add_multiples(multiples *x, ogi_expr *alt, const char *minus, double low,
                               double high)
{
    ogi_rules *r = &x->s->rules;
    int64_t first = 0, last = 9, min = (int64_t)fmin(low, TEN_TO_16);
    int64_t max = (int64_t)fmin(high, TEN_TO_16 - 1.0);
    for (int n = 1; n <= MAX_DIGITS && x->status == OG_OK;
         n++, first = last + 1, last = last * 10 + 9) {
        char a[24], b[24];
        int64_t from = OGI_MAX(min, first), to = OGI_MIN(max, last);
        if (from > to) continue;
        snprintf(a, sizeof a, "%lld", (long long)from);
        snprintf(b, sizeof b, "%lld", (long long)to);
        ogi_expr *e = bounded_digits(x, a, b, n, 0);
        if (e) alt = ogi_expr_add(r, alt, ogi_expr_join(r, ogi_expr_text(r, minus), e, NULL));
    }
    return alt;
}

static og_status multiples_of(ogi_schema *s, int64_t m, bounds b, const ogi_path *path,
                              ogi_expr **out)
{
    multiples x = { .s = s, .path = path, .m = m, .by_key = { .ctx = s->ctx } };
    x.power[0] = 1 % m;
    for (int i = 1; i <= MAX_DIGITS; i++) x.power[i] = x.power[i - 1] * 10 % m;
    double low = ceil(b.low), high = floor(b.high);
    if (b.is_low_open && low == b.low) low = next_integer(low);
    if (b.is_high_open && high == b.high) high = -next_integer(-high);
    ogi_expr *alt = ogi_expr_alt(&s->rules);
    if (high >= 0.0) alt = add_multiples(&x, alt, "", fmax(low, 0.0), high);
    if (low < 0.0) alt = add_multiples(&x, alt, "-", fmax(-high, 1.0), fmin(-low, TEN_TO_16));
    ogi_map_free(&x.by_key);
    OG_TRY(x.status);
    SCHEMA_NEED(alt);
    if (!alt->child) SCHEMA_FAIL(s, OG_E_INVALID, path, "no multiple lies in the bounds");
    *out = alt;
    return OG_OK;
}

/* The divisor of multipleOf; 0 if there is none. */
static og_status read_multiple(ogi_schema *s, const json_t *schema, const ogi_path *path,
                               int64_t *m)
{
    const json_t *v = json_object_get(schema, "multipleOf");
    const ogi_path here = { path, "multipleOf", 0 };
    double x = json_number_value(v);
    *m = 0;
    if (!v) return OG_OK;
    if (!json_is_number(v) || x <= 0.0)
        SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a positive number");
    if (x != floor(x) || x > MAX_MULTIPLE)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "only multiples of integers up to %d are supported",
                    MAX_MULTIPLE);
    *m = (int64_t)x;
    return OG_OK;
}

og_status ogi_schema_takes_number(ogi_schema *s, const json_t *schema, const json_t *v,
                                  const ogi_path *path, bool *ok)
{
    static const struct {
        const char *keyword;
        int side; /* of the bound on which the number must not lie */
        bool is_open;
    } each[] = { { "minimum", -1, false },
                 { "exclusiveMinimum", -1, true },
                 { "maximum", 1, false },
                 { "exclusiveMaximum", 1, true } };
    int64_t m;
    *ok = true;
    for (int i = 0; i < OGI_LEN(each); i++) {
        const json_t *bound = json_object_get(schema, each[i].keyword);
        const ogi_path here = { path, each[i].keyword, 0 };
        if (!bound) continue;
        if (!json_is_number(bound)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a number");
        int order = ogi_json_compare(v, bound);
        *ok = *ok && order != each[i].side && !(order == 0 && each[i].is_open);
    }
    OG_TRY(read_multiple(s, schema, path, &m));
    if (m && json_is_integer(v)) *ok = *ok && json_integer_value(v) % m == 0;
    if (m && json_is_real(v)) *ok = *ok && fmod(json_real_value(v), (double)m) == 0.0;
    return OG_OK;
}

og_status ogi_schema_number(ogi_schema *s, json_t *schema, bool is_integer, const ogi_path *path,
                            ogi_expr **out)
{
    bounds b;
    int64_t m;
    const ogi_path here = { path, "multipleOf", 0 };
    OG_TRY(read_multiple(s, schema, path, &m));
    OG_TRY(read_bounds(s, schema, path, &b));
    if (m > 1) return multiples_of(s, m, b, &here, out);
    is_integer = is_integer || m == 1;
    ogi_rules *r = &s->rules;
    if (b.low == -INFINITY && b.high == INFINITY) {
        *out = ogi_schema_rule(s, is_integer ? OGI_RULE_INTEGER : OGI_RULE_NUMBER);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    ogi_expr *alt = ogi_expr_alt(r);
    if (b.high > 0.0 || (b.high == 0.0 && !b.is_high_open)) {
        bounds up = { fmax(b.low, 0.0), b.high, b.low >= 0.0 && b.is_low_open, b.is_high_open };
        alt = add_sign(r, alt, "", up, is_integer);
    }
    if (b.low < 0.0) {
        /* -0 is 0: left out where 0 is out of bounds. */
        bool has_zero = b.high > 0.0 || (b.high == 0.0 && !b.is_high_open);
        bounds down = { fmax(-b.high, 0.0), -b.low, b.high < 0.0 ? b.is_high_open : !has_zero,
                        b.is_low_open };
        if (is_integer && b.low == -INFINITY) down.low = fmax(down.low, 1.0);
        alt = add_sign(r, alt, "-", down, is_integer);
    }
    SCHEMA_NEED(alt);
    if (!alt->child)
        SCHEMA_FAIL(s, is_integer ? OG_E_INVALID : OG_E_UNSUPPORTED, path,
                    "no number that can be written lies in the bounds");
    *out = alt;
    return OG_OK;
}
