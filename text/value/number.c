/* SPDX-License-Identifier: MIT
 *
 * Numbers of the template language: Python's integers without limit of size (up to MAX_LIMBS, the
 * sandbox's limit) and floats. An integer is TV_INT if it fits int64_t and TV_BIG otherwise, so
 * that equal integers have one form. */
#include "text/value/value.h"

#include <math.h>
#include <xxhash.h>

enum { MAX_LIMBS = 2048 }; /* 65536 bits, 19729 digits */

/* Sign and magnitude, least significant limb first, no leading zero limbs. */
typedef struct tmpl_big {
    bool is_negative;
    int n;
    uint32_t limb[];
} big;

/* The same, borrowed: limbs of a big or of an int64_t held in `own`. */
typedef struct mag {
    bool is_negative;
    int n;
    const uint32_t *limb;
    uint32_t own[2];
} mag;

static int trim(const uint32_t *limb, int n)
{
    while (n > 0 && limb[n - 1] == 0) n--;
    return n;
}

static void view(tmpl_val v, mag *m)
{
    if (v.tag == TV_BIG) {
        *m = (mag){ v.u.big->is_negative, v.u.big->n, v.u.big->limb, { 0, 0 } };
        return;
    }
    int64_t i = v.tag == TV_BOOL ? v.u.b : v.u.i;
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    *m = (mag){ .is_negative = i < 0, .own = { (uint32_t)u, (uint32_t)(u >> 32) } };
    m->limb = m->own;
    m->n = trim(m->own, 2);
}

static big *new_big(tmpl_heap *h, int n)
{
    if (n > MAX_LIMBS + 1) {
        ogi_tv_fail_code(h, OG_E_LIMIT, "an integer is too large (more than %d bits)",
                         MAX_LIMBS * 32);
        return NULL;
    }
    big *b = ogi_tv_alloc(h, 1, sizeof *b + (size_t)OGI_MAX(n, 1) * sizeof b->limb[0]);
    if (b) b->n = n;
    return b;
}

/* The value of b, as TV_INT where it fits. */
static tmpl_val settle(tmpl_heap *h, big *b)
{
    if (!b) return ogi_tv_undef();
    b->n = trim(b->limb, b->n);
    if (b->n > MAX_LIMBS)
        return ogi_tv_fail_code(h, OG_E_LIMIT, "an integer is too large (more than %d bits)",
                                MAX_LIMBS * 32);
    if (b->n <= 2) {
        uint64_t u = (b->n > 0 ? b->limb[0] : 0) | (b->n > 1 ? (uint64_t)b->limb[1] << 32 : 0);
        if (!b->is_negative && u <= INT64_MAX) return ogi_tv_int((int64_t)u);
        if (b->is_negative && u <= (uint64_t)INT64_MAX + 1) return ogi_tv_int((int64_t)(0 - u));
    }
    return (tmpl_val){ .tag = TV_BIG, .trusted = true, .u.big = b };
}

static int compare_mag(const mag *a, const mag *b)
{
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static tmpl_val add_mag(tmpl_heap *h, const mag *a, const mag *b, bool is_negative)
{
    int n = OGI_MAX(a->n, b->n) + 1;
    big *r = new_big(h, n);
    if (!r) return ogi_tv_undef();
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)(i < a->n ? a->limb[i] : 0) + (i < b->n ? b->limb[i] : 0);
        r->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    r->is_negative = is_negative;
    return settle(h, r);
}

/* |a| - |b| where |a| >= |b|. */
static tmpl_val sub_mag(tmpl_heap *h, const mag *a, const mag *b, bool is_negative)
{
    big *r = new_big(h, a->n);
    if (!r) return ogi_tv_undef();
    int64_t borrow = 0;
    for (int i = 0; i < a->n; i++) {
        int64_t d = (int64_t)a->limb[i] - (i < b->n ? b->limb[i] : 0) - borrow;
        borrow = d < 0;
        r->limb[i] = (uint32_t)(uint64_t)d;
    }
    r->is_negative = is_negative;
    return settle(h, r);
}

static tmpl_val add(tmpl_heap *h, const mag *a, const mag *b, bool subtract)
{
    bool b_negative = b->is_negative != subtract;
    if (a->is_negative == b_negative) return add_mag(h, a, b, a->is_negative);
    if (compare_mag(a, b) >= 0) return sub_mag(h, a, b, a->is_negative);
    return sub_mag(h, b, a, b_negative);
}

static tmpl_val multiply(tmpl_heap *h, const mag *a, const mag *b)
{
    big *r = new_big(h, a->n + b->n);
    if (!r || !ogi_tv_step(h, (int64_t)a->n * b->n / 16)) return ogi_tv_undef();
    for (int i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (int k = 0; k < b->n; k++) {
            carry += (uint64_t)a->limb[i] * b->limb[k] + r->limb[i + k];
            r->limb[i + k] = (uint32_t)carry;
            carry >>= 32;
        }
        r->limb[i + b->n] = (uint32_t)carry;
    }
    r->is_negative = a->is_negative != b->is_negative;
    return settle(h, r);
}

/* limb[0..n) /= d, the remainder is returned. */
static uint32_t divide_small(uint32_t *limb, int n, uint32_t d)
{
    uint64_t rest = 0;
    for (int i = n - 1; i >= 0; i--) {
        rest = rest << 32 | limb[i];
        limb[i] = (uint32_t)(rest / d);
        rest %= d;
    }
    return (uint32_t)rest;
}

/* One digit of schoolbook division (Knuth, TAOCP 2, 4.3.1 D): u[0..n] -= q * v, q as large as
 * possible; v is normalised. */
static uint32_t divide_digit(uint32_t *u, const uint32_t *v, int n)
{
    uint64_t top = (uint64_t)u[n] << 32 | u[n - 1];
    uint64_t q = top / v[n - 1], rest = top % v[n - 1];
    while (q >> 32 || q * v[n - 2] > (rest << 32 | u[n - 2])) {
        q--, rest += v[n - 1];
        if (rest >> 32) break;
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += q * v[i];
        int64_t d = (int64_t)u[i] - (uint32_t)carry - borrow;
        u[i] = (uint32_t)(uint64_t)d;
        borrow = d < 0;
        carry >>= 32;
    }
    int64_t d = (int64_t)u[n] - (int64_t)carry - borrow;
    u[n] = (uint32_t)(uint64_t)d;
    if (d >= 0) return (uint32_t)q;
    carry = 0; /* q was one too large: add v back */
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)u[i] + v[i];
        u[i] = (uint32_t)carry;
        carry >>= 32;
    }
    u[n] += (uint32_t)carry;
    return (uint32_t)(q - 1);
}

static void shift_left(uint32_t *dst, const uint32_t *src, int n, int bits)
{
    uint32_t low = 0;
    for (int i = 0; i < n; i++) {
        uint32_t x = src[i];
        dst[i] = bits ? x << bits | low : x;
        low = bits ? x >> (32 - bits) : 0;
    }
    dst[n] = low;
}

/* Magnitudes: *quot = |a| / |b|, *rest = |a| % |b|, both non-negative and not settled. */
static bool divide_mag(tmpl_heap *h, const mag *a, const mag *b, big **quot, big **rest)
{
    *quot = new_big(h, OGI_MAX(a->n - b->n + 1, 1));
    *rest = new_big(h, a->n + 1);
    if (!*quot || !*rest || !ogi_tv_step(h, (int64_t)a->n * b->n / 16)) return false;
    if (b->n == 1) {
        big *q = new_big(h, a->n);
        if (!q) return false;
        if (a->n) memcpy(q->limb, a->limb, (size_t)a->n * 4);
        (*rest)->limb[0] = divide_small(q->limb, a->n, b->limb[0]);
        *quot = q;
        return true;
    }
    if (compare_mag(a, b) < 0) {
        if (a->n) memcpy((*rest)->limb, a->limb, (size_t)a->n * 4);
        return true;
    }
    int bits = __builtin_clz(b->limb[b->n - 1]);
    big *v = new_big(h, b->n + 1);
    if (!v) return false;
    uint32_t *u = (*rest)->limb;
    shift_left(v->limb, b->limb, b->n, bits);
    shift_left(u, a->limb, a->n, bits);
    for (int i = a->n - b->n; i >= 0; i--) (*quot)->limb[i] = divide_digit(u + i, v->limb, b->n);
    for (int i = 0; i < b->n && bits; i++) u[i] = u[i] >> bits | u[i + 1] << (32 - bits);
    (*rest)->n = b->n;
    return true;
}

/* Python's floor division and modulo: the remainder has the divisor's sign. */
static tmpl_val divide(tmpl_heap *h, const mag *a, const mag *b, bool want_rest)
{
    big *quot, *rest;
    if (!divide_mag(h, a, b, &quot, &rest)) return ogi_tv_undef();
    bool is_exact = trim(rest->limb, rest->n) == 0;
    bool differ = a->is_negative != b->is_negative;
    if (want_rest) {
        rest->is_negative = a->is_negative;
        tmpl_val r = settle(h, rest);
        if (is_exact || !differ || ogi_tv_failed(h)) return r;
        mag m;
        view(r, &m);
        return add(h, &m, b, false);
    }
    quot->is_negative = differ;
    tmpl_val q = settle(h, quot);
    if (is_exact || !differ || ogi_tv_failed(h)) return q;
    return ogi_tv_number_op(h, TO_SUB, q, ogi_tv_int(1));
}

/* |m| rounded once: the top 64 bits, the last of them set if a bit below is. */
static double mag_to_double(const mag *m)
{
    if (m->n == 0) return 0;
    uint32_t top[3] = { m->limb[m->n - 1], m->n > 1 ? m->limb[m->n - 2] : 0,
                        m->n > 2 ? m->limb[m->n - 3] : 0 };
    int shift = __builtin_clz(top[0]);
    uint64_t u = ((uint64_t)top[0] << 32 | top[1]) << shift;
    if (shift) u |= top[2] >> (32 - shift);
    bool rest = shift ? (uint32_t)(top[2] << shift) != 0 : top[2] != 0;
    for (int i = m->n - 4; i >= 0 && !rest; i--) rest = m->limb[i] != 0;
    return ldexp((double)(u | rest), (m->n - 2) * 32 - shift);
}

static double to_double(tmpl_val v)
{
    if (v.tag == TV_FLOAT) return v.u.d;
    if (v.tag == TV_INT) return (double)v.u.i;
    if (v.tag == TV_BOOL) return v.u.b;
    mag m;
    view(v, &m);
    return m.is_negative ? -mag_to_double(&m) : mag_to_double(&m);
}

static int bit_count(const mag *m)
{
    return m->n ? m->n * 32 - __builtin_clz(m->limb[m->n - 1]) : 0;
}

/* a << bits, for bits >= 0. */
static bool shifted(tmpl_heap *h, const mag *a, int bits, mag *out)
{
    int limbs = bits / 32;
    big *b = new_big(h, a->n + limbs + 1);
    if (!b) return false;
    shift_left(b->limb + limbs, a->limb, a->n, bits % 32);
    *out = (mag){ .n = trim(b->limb, b->n), .limb = b->limb };
    return true;
}

/* a / b as a float, rounded once: the quotient is taken to at least 64 bits, the last of them set
 * if there is a remainder. */
static tmpl_val true_divide(tmpl_heap *h, const mag *a, const mag *b)
{
    big *quot, *rest;
    mag x, y, q;
    int scale = 66 - bit_count(a) + bit_count(b);
    if (a->n == 0) return ogi_tv_float(b->is_negative ? -0.0 : 0.0);
    if (!shifted(h, a, OGI_MAX(scale, 0), &x) || !shifted(h, b, OGI_MAX(-scale, 0), &y) ||
        !divide_mag(h, &x, &y, &quot, &rest))
        return ogi_tv_undef();
    if (trim(rest->limb, rest->n)) quot->limb[0] |= 1;
    q = (mag){ .n = trim(quot->limb, quot->n), .limb = quot->limb };
    double d = ldexp(mag_to_double(&q), -scale);
    if (isinf(d)) return ogi_tv_fail(h, "integer division result too large for a float");
    return ogi_tv_float(a->is_negative != b->is_negative ? -d : d);
}

double ogi_tv_double(tmpl_heap *h, tmpl_val v)
{
    double d = ogi_tv_is_number(v) ? to_double(v) : 0;
    if (!ogi_tv_is_number(v)) ogi_tv_fail(h, "a number is wanted, not %s", ogi_tv_type_name(v));
    if (v.tag == TV_BIG && isinf(d)) ogi_tv_fail(h, "int too large to convert to float");
    return d;
}

static tmpl_val power(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    if (b.tag == TV_BIG || b.u.i > MAX_LIMBS * 32) {
        mag m;
        view(a, &m);
        bool is_small = m.n == 0 || (m.n == 1 && m.limb[0] == 1);
        if (is_small) {
            bool flips = m.is_negative && ogi_tv_int_is_odd(b);
            return m.n == 0 ? ogi_tv_int(0) : ogi_tv_int(flips ? -1 : 1);
        }
        return ogi_tv_fail_code(h, OG_E_LIMIT, "an integer is too large (more than %d bits)",
                                MAX_LIMBS * 32);
    }
    tmpl_val r = ogi_tv_int(1);
    for (int64_t e = b.u.i; e > 0 && ogi_tv_step(h, 1); e >>= 1) {
        if (e & 1) r = ogi_tv_number_op(h, TO_MUL, r, a);
        if (e > 1) a = ogi_tv_number_op(h, TO_MUL, a, a);
    }
    return r;
}

static tmpl_val float_op(tmpl_heap *h, tmpl_op op, double a, double b)
{
    switch (op) {
    case TO_ADD: return ogi_tv_float(a + b);
    case TO_SUB: return ogi_tv_float(a - b);
    case TO_MUL: return ogi_tv_float(a * b);
    case TO_POW:
        if (a == 0 && b < 0) return ogi_tv_fail(h, "zero cannot be raised to a negative power");
        if (a < 0 && b != floor(b)) return ogi_tv_fail(h, "the power would be complex");
        if (isfinite(a) && isfinite(b) && isinf(pow(a, b)))
            return ogi_tv_fail(h, "the power is too large for a float");
        return ogi_tv_float(pow(a, b));
    case TO_DIV:
    case TO_FLOORDIV:
    case TO_MOD: break;
    }
    if (b == 0) return ogi_tv_fail(h, op == TO_DIV ? "division by zero" : "modulo by zero");
    if (op == TO_DIV) return ogi_tv_float(a / b);
    double rest = fmod(a, b), quot = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b, quot -= 1;
    if (op == TO_MOD) return ogi_tv_float(rest == 0 ? copysign(0, b) : rest);
    if (quot == 0) return ogi_tv_float(copysign(0, a / b));
    return ogi_tv_float(floor(quot) + (quot - floor(quot) > 0.5));
}

tmpl_val ogi_tv_number_op(tmpl_heap *h, tmpl_op op, tmpl_val a, tmpl_val b)
{
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    bool trusted = a.trusted && b.trusted;
    tmpl_val r;
    mag x, y;
    if (a.tag == TV_BOOL) a = ogi_tv_int(a.u.b);
    if (b.tag == TV_BOOL) b = ogi_tv_int(b.u.b);
    bool is_float =
        a.tag == TV_FLOAT || b.tag == TV_FLOAT || (op == TO_POW && ogi_tv_int_is_negative(b));
    if (is_float) {
        double da = ogi_tv_double(h, a), db = ogi_tv_double(h, b);
        r = ogi_tv_failed(h) ? ogi_tv_undef() : float_op(h, op, da, db);
        r.trusted = trusted;
        return r;
    }
    view(a, &x);
    view(b, &y);
    if (y.n == 0 && (op == TO_FLOORDIV || op == TO_MOD || op == TO_DIV))
        return ogi_tv_fail(h, op == TO_DIV ? "division by zero"
                                           : "integer division or modulo by zero");
    switch (op) {
    case TO_ADD: r = add(h, &x, &y, false); break;
    case TO_SUB: r = add(h, &x, &y, true); break;
    case TO_MUL: r = multiply(h, &x, &y); break;
    case TO_POW: r = power(h, a, b); break;
    case TO_FLOORDIV: r = divide(h, &x, &y, false); break;
    case TO_MOD: r = divide(h, &x, &y, true); break;
    case TO_DIV: r = true_divide(h, &x, &y); break;
    }
    r.trusted = trusted;
    return r;
}

tmpl_val ogi_tv_negate(tmpl_heap *h, tmpl_val v)
{
    tmpl_val r;
    if (v.tag == TV_FLOAT)
        r = ogi_tv_float(-v.u.d);
    else
        r = ogi_tv_number_op(h, TO_SUB, ogi_tv_int(0), v);
    r.trusted = v.trusted;
    return r;
}

int ogi_tv_number_compare(tmpl_val a, tmpl_val b, bool *unordered)
{
    *unordered = false;
    if (a.tag == TV_FLOAT || b.tag == TV_FLOAT) {
        double x = to_double(a), y = to_double(b);
        *unordered = isnan(x) || isnan(y);
        return x < y ? -1 : x > y;
    }
    mag x, y;
    view(a, &x);
    view(b, &y);
    if (x.is_negative != y.is_negative) return x.is_negative ? -1 : 1;
    return x.is_negative ? compare_mag(&y, &x) : compare_mag(&x, &y);
}

/* ---- to and from text ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

tmpl_val ogi_tv_int_parse(tmpl_heap *h, ogi_sv digits, int base)
{
    int n_limb = (int)OGI_MIN(digits.n * 6 / 32 + 2, (size_t)MAX_LIMBS + 2);
    big *b = new_big(h, n_limb);
    if (!b || digits.n == 0) return ogi_tv_undef();
    int used = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] == '_' && i > 0 && i + 1 < digits.n && digits.p[i - 1] != '_') continue;
        int d = digit_of(digits.p[i]);
        if (d >= base || !ogi_tv_step(h, used / 16)) return ogi_tv_undef();
        uint64_t carry = (uint64_t)d;
        for (int k = 0; k < used; k++) {
            carry += (uint64_t)b->limb[k] * (uint32_t)base;
            b->limb[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry && used == n_limb)
            return ogi_tv_fail_code(h, OG_E_LIMIT, "an integer is too large (more than %d bits)",
                                    MAX_LIMBS * 32);
        if (carry) b->limb[used++] = (uint32_t)carry;
    }
    return settle(h, b);
}

tmpl_val ogi_tv_int_of_double(tmpl_heap *h, double d)
{
    if (!isfinite(d))
        return ogi_tv_fail(h, "cannot convert float %s to integer", isnan(d) ? "NaN" : "infinity");
    d = trunc(d);
    if (fabs(d) < 9.2e18) return ogi_tv_int((int64_t)d);
    int exp;
    double m = frexp(fabs(d), &exp); /* d = m * 2^exp, m in [0.5, 1) */
    uint64_t bits = (uint64_t)ldexp(m, 64);
    tmpl_val r = ogi_tv_int((int64_t)(bits >> 1));
    r = ogi_tv_number_op(h, TO_MUL, r,
                         ogi_tv_number_op(h, TO_POW, ogi_tv_int(2), ogi_tv_int(exp - 63)));
    return d < 0 ? ogi_tv_negate(h, r) : r;
}

void ogi_tv_int_print(tmpl_sb *b, tmpl_val v, int base, bool trusted)
{
    mag m;
    view(v, &m);
    uint32_t chunk = (uint32_t)base; /* the largest power of base below 2^32 */
    int per_chunk = 1;
    while ((uint64_t)chunk * (uint32_t)base <= UINT32_MAX) chunk *= (uint32_t)base, per_chunk++;
    int64_t room = (int64_t)m.n * 32 + 2;
    char *text = ogi_tv_alloc(b->h, room, 1);
    uint32_t *limb = ogi_tv_alloc(b->h, m.n + 1, sizeof *limb);
    if (!text || !limb || !ogi_tv_step(b->h, (int64_t)m.n * m.n / 16)) {
        b->failed = true;
        return;
    }
    if (m.n) memcpy(limb, m.limb, (size_t)m.n * 4);
    int64_t at = room;
    for (int n = m.n; n > 0; n = trim(limb, n)) {
        uint32_t rest = divide_small(limb, n, chunk);
        bool is_last = trim(limb, n) == 0;
        for (int i = 0; i < per_chunk && (!is_last || rest); i++, rest /= (uint32_t)base)
            text[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % (uint32_t)base];
    }
    if (at == room) text[--at] = '0';
    if (m.is_negative) text[--at] = '-';
    ogi_tv_sb_add(b, text + at, (size_t)(room - at), trusted);
}

uint64_t ogi_tv_int_hash(tmpl_val v)
{
    if (v.tag == TV_BIG) return XXH3_64bits(v.u.big->limb, (size_t)v.u.big->n * 4);
    uint64_t i = v.tag == TV_BOOL ? v.u.b : (uint64_t)v.u.i;
    return (i + 1) * 0x9e3779b97f4a7c15u;
}

bool ogi_tv_int_is_odd(tmpl_val v)
{
    mag m;
    view(v, &m);
    return m.n > 0 && (m.limb[0] & 1);
}

bool ogi_tv_int_is_negative(tmpl_val v)
{
    if (v.tag == TV_BIG) return v.u.big->is_negative;
    return v.tag == TV_INT && v.u.i < 0;
}
