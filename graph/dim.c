/* SPDX-License-Identifier: MIT
 *
 * Symbolic dimensions and shapes. A dimension is (sum of a[i] * symbol i + b) / c; one with c < 0
 * is invalid (an overflow, a division by zero) and stays so through all arithmetic. */
#include "graph/dim.h"
#include "graph/graph.h"

#include <inttypes.h>

__extension__ typedef __int128 i128;

static const og_dim invalid_dim = { .c = -1 };

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? -(uint64_t)x : (uint64_t)x;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t r = a % b;
        a = b, b = r;
    }
    return a;
}

/* A dimension being computed, wide enough that no step overflows. */
typedef struct wide {
    i128 a[OG_MAX_SYM], b, c;
} wide;

static og_dim narrow(const wide *w)
{
    if (w->c <= 0) return invalid_dim;
    i128 div = w->c;
    for (int i = 0; i <= OG_MAX_SYM; i++) {
        i128 y = i < OG_MAX_SYM ? w->a[i] : w->b;
        while (y) {
            i128 r = div % y;
            div = y, y = r;
        }
    }
    if (div < 0) div = -div;
    og_dim d = { 0 };
    if (w->b / div > INT64_MAX || w->b / div < INT64_MIN || w->c / div > INT32_MAX)
        return invalid_dim;
    d.b = (int64_t)(w->b / div), d.c = (int32_t)(w->c / div);
    for (int i = 0; i < OG_MAX_SYM; i++) {
        if (w->a[i] / div > INT32_MAX || w->a[i] / div < -INT32_MAX) return invalid_dim;
        d.a[i] = (int32_t)(w->a[i] / div);
    }
    return d;
}

/* 1 for c = 0, which reads as 1. */
static int32_t divisor(og_dim d)
{
    return d.c ? d.c : 1;
}

og_dim og_dim_mul(og_dim a, int64_t k)
{
    if (divisor(a) < 0) return invalid_dim;
    wide w = { .c = divisor(a) };
    for (int i = 0; i < OG_MAX_SYM; i++) w.a[i] = (i128)a.a[i] * k;
    w.b = (i128)a.b * k;
    return narrow(&w);
}

og_dim og_dim_add(og_dim a, og_dim b)
{
    int64_t ac = divisor(a), bc = divisor(b);
    if (ac < 0 || bc < 0) return invalid_dim;
    wide w = { .c = ac * bc };
    for (int i = 0; i < OG_MAX_SYM; i++) w.a[i] = a.a[i] * bc + b.a[i] * ac;
    w.b = (i128)a.b * bc + (i128)b.b * ac;
    return narrow(&w);
}

og_dim og_dim_div(og_dim a, int64_t c)
{
    if (divisor(a) < 0 || c <= 0) return invalid_dim;
    wide w = { .b = a.b, .c = (i128)divisor(a) * c };
    for (int i = 0; i < OG_MAX_SYM; i++) w.a[i] = a.a[i];
    return narrow(&w);
}

og_dim ogi_dim_normalize(og_dim d)
{
    return og_dim_mul(d, 1);
}

bool ogi_dim_is_const(og_dim d)
{
    for (int i = 0; i < OG_MAX_SYM; i++)
        if (d.a[i]) return false;
    return d.c >= 0;
}

int64_t ogi_dim_value(og_dim d, const int64_t *sym)
{
    int64_t sum = d.b;
    for (int i = 0; i < OG_MAX_SYM; i++)
        if (d.a[i]) sum += d.a[i] * sym[i];
    return sum / divisor(d);
}

/* The smallest or largest value over the symbols' ranges, saturated. */
static int64_t extreme(const og_graph *g, og_dim d, bool is_max)
{
    i128 sum = d.b;
    for (int i = 0; i < g->n_sym; i++)
        sum += (i128)d.a[i] * ((d.a[i] > 0) == is_max ? g->sym[i].max : g->sym[i].min);
    sum /= divisor(d);
    return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (int64_t)sum;
}

int64_t ogi_dim_max(const og_graph *g, og_dim d)
{
    return extreme(g, d, true);
}
int64_t ogi_dim_min(const og_graph *g, og_dim d)
{
    return extreme(g, d, false);
}

bool ogi_dim_is_valid(const og_graph *g, og_dim d)
{
    d = ogi_dim_normalize(d);
    if (d.c < 1) return false;
    i128 fixed = d.b; /* what the divisor must divide besides the coefficients */
    for (int i = 0; i < OG_MAX_SYM; i++) {
        if (!d.a[i]) continue;
        if (i >= g->n_sym) return false;
        bool varies = g->sym[i].min < g->sym[i].max;
        if (varies && d.a[i] % d.c) return false;
        fixed += (i128)d.a[i] * g->sym[i].min;
    }
    return fixed % d.c == 0 && ogi_dim_min(g, d) >= 1 && ogi_dim_max(g, d) < INT64_MAX;
}

bool ogi_dim_eq(og_dim a, og_dim b)
{
    a = ogi_dim_normalize(a), b = ogi_dim_normalize(b);
    return a.b == b.b && a.c == b.c && !memcmp(a.a, b.a, sizeof a.a);
}

bool ogi_dim_product(og_dim a, og_dim b, og_dim *out)
{
    if (ogi_dim_is_const(a)) {
        og_dim t = a;
        a = b, b = t;
    }
    if (!ogi_dim_is_const(b)) return false;
    *out = og_dim_div(og_dim_mul(a, b.b), divisor(b));
    return out->c > 0;
}

bool ogi_dim_quotient(og_dim a, og_dim b, og_dim *out)
{
    a = ogi_dim_normalize(a), b = ogi_dim_normalize(b);
    if (a.c < 1 || b.c < 1) return false;
    if (ogi_dim_is_const(b)) {
        *out = b.b > 0 ? og_dim_div(og_dim_mul(a, b.c), b.b) : invalid_dim;
        return out->c > 0;
    }
    /* A symbolic divisor: only a constant multiple of it divides. */
    uint64_t ga = magnitude(a.b), gb = magnitude(b.b);
    for (int i = 0; i < OG_MAX_SYM; i++) {
        ga = gcd(ga, magnitude(a.a[i]));
        gb = gcd(gb, magnitude(b.a[i]));
    }
    if (ga > INT64_MAX || gb > INT64_MAX || !ga) return false;
    *out = og_dim_div(og_dim_mul(OG_N((int64_t)ga), b.c), (int64_t)gb);
    *out = og_dim_div(*out, a.c);
    og_dim back;
    return out->c > 0 && ogi_dim_product(b, *out, &back) && ogi_dim_eq(back, a);
}

static void print_term(ogi_buf *out, int64_t k, const char *sym, bool is_first)
{
    if (k > 0 && !is_first) ogi_buf_putc(out, '+');
    if (k == -1)
        ogi_buf_putc(out, '-');
    else if (k != 1)
        ogi_buf_printf(out, "%" PRId64 "*", k);
    ogi_buf_puts(out, sym);
}

void ogi_dim_print(const og_graph *g, og_dim d, ogi_buf *out)
{
    d = ogi_dim_normalize(d);
    if (d.c < 1) {
        ogi_buf_puts(out, "invalid");
        return;
    }
    int n = 0;
    for (int i = 0; i < OG_MAX_SYM; i++) n += d.a[i] != 0;
    bool in_parens = d.c > 1 && n + (d.b != 0) > 1;
    if (in_parens) ogi_buf_putc(out, '(');
    bool is_first = true;
    for (int i = 0; i < OG_MAX_SYM; i++) {
        if (!d.a[i]) continue;
        print_term(out, d.a[i], i < g->n_sym ? g->sym[i].name : "?", is_first);
        is_first = false;
    }
    if (is_first)
        ogi_buf_printf(out, "%" PRId64, d.b);
    else if (d.b)
        ogi_buf_printf(out, "%+" PRId64, d.b);
    if (in_parens) ogi_buf_putc(out, ')');
    if (d.c > 1) ogi_buf_printf(out, "/%" PRId32, d.c);
}

bool ogi_shape_eq(const og_shape *a, const og_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (!ogi_dim_eq(a->dim[i], b->dim[i])) return false;
    return true;
}

bool ogi_shape_numel(const og_shape *s, og_dim *out)
{
    *out = OG_N(1);
    for (int i = 0; i < s->rank; i++)
        if (!ogi_dim_product(*out, s->dim[i], out)) return false;
    return true;
}

void ogi_shape_print(const og_graph *g, const og_shape *s, ogi_buf *out)
{
    ogi_buf_putc(out, '[');
    for (int i = 0; i < s->rank; i++) {
        if (i) ogi_buf_putc(out, ',');
        ogi_dim_print(g, s->dim[i], out);
    }
    ogi_buf_putc(out, ']');
}

bool ogi_shape_broadcast(const og_shape *a, const og_shape *b, og_shape *out)
{
    og_shape r = { .rank = OGI_MAX(a->rank, b->rank) };
    for (int i = 1; i <= r.rank; i++) { /* counted from the last dimension */
        og_dim x = i <= a->rank ? a->dim[a->rank - i] : OG_N(1);
        og_dim y = i <= b->rank ? b->dim[b->rank - i] : OG_N(1);
        if (!ogi_dim_eq(x, y) && !ogi_dim_eq(x, OG_N(1)) && !ogi_dim_eq(y, OG_N(1))) return false;
        r.dim[r.rank - i] = ogi_dim_eq(x, OG_N(1)) ? y : x;
    }
    *out = r;
    return true;
}
