/* SPDX-License-Identifier: MIT
 *
 * Expressions in the text form of a model's file (docs/form.md): over the header's numbers, the
 * layer L, and, in dimensions, the graph's symbols, in which they are linear. */
#include <ctype.h>
#include <math.h>

#include "base/expr.h"
#include "graph/dim.h"
#include "graph/form_lex.h"

enum { EXPR_MAX = 400 /* characters of one */ };

typedef struct scope {
    ogi_lex *x;
    const og_graph *g;  /* NULL: symbols have no place here */
    const double *sym;  /* their values */
    const double *item; /* of `i` in a table; or NULL */
} scope;

static bool value_of(void *user, ogi_sv name, int64_t index, double *out)
{
    const scope *s = user;
    const ogi_form_contract *c = s->x->contract;
    if (index < 0 && ogi_sv_eq(name, OGI_SV("L")) && s->x->loop >= 0)
        return *out = s->x->loop, true;
    if (index < 0 && s->item && ogi_sv_eq(name, OGI_SV("i"))) return *out = *s->item, true;
    for (int i = 0; s->g && s->sym && index < 0 && i < s->g->n_sym; i++)
        if (ogi_sv_eq(name, ogi_sv_of(s->g->sym[i].name))) return *out = s->sym[i], true;
    return c->number && c->number(c->user, name, index >= 0 ? index : s->x->loop, index >= 0, out);
}

/* "@blk.{L}.x", as has() and rows() have it, to its outermost size; 0: it is not in the file. */
static bool weight_rows(const scope *s, ogi_sv name, double *out)
{
    char full[OGI_FORM_NAME_MAX + 1];
    og_dtype type;
    int64_t rows;
    if (name.n < 2 || name.p[0] != '@') return false;
    ogi_lex at = { .ctx = s->x->ctx, .p = name.p + 1, .end = name.p + name.n, .loop = s->x->loop };
    at.line_start = at.p;
    at.line = s->x->line;
    if (ogi_lex_name(&at, true, full) != OG_OK || at.p != at.end) return false;
    const ogi_form_contract *c = s->x->contract;
    *out = c->weight && c->weight(c->user, full, &type, &rows) ? (double)rows : 0;
    return true;
}

static bool has_weight(void *user, ogi_sv name, double *out)
{
    bool is_name = weight_rows(user, name, out);
    *out = *out > 0;
    return is_name;
}

static bool rows_of(void *user, ogi_sv name, double *out)
{
    return weight_rows(user, name, out);
}

static bool most_of(void *user, ogi_sv name, double *out)
{
    const ogi_form_contract *c = ((const scope *)user)->x->contract;
    double v;
    int64_t i = 0;
    for (; c->number && c->number(c->user, name, i, true, &v); i++)
        if (i == 0 || v > *out) *out = v;
    return i > 0;
}

static bool is_else(const char *p, const char *end)
{
    return end - p >= 6 && !memcmp(p, " else ", 6);
}

/* What stands here up to one of the stops outside of brackets, or the end of the line. */
static ogi_sv span_of(const ogi_lex *x, const char *stops)
{
    const char *p = x->p;
    for (int depth = 0; p < x->end && *p != '\n' && *p != '#'; p++) {
        if (depth == 0 && (strchr(stops, *p) || is_else(p, x->end))) break;
        depth += (*p == '(' || *p == '[') - (*p == ')' || *p == ']');
    }
    while (p > x->p && (p[-1] == ' ' || p[-1] == '\r')) p--;
    return (ogi_sv){ x->p, (size_t)(p - x->p) };
}

static og_status eval(scope *s, ogi_sv text, double *out)
{
    char copy[EXPR_MAX + 1];
    const char *at = copy;
    const ogi_expr_env env = { s, value_of, most_of, has_weight, rows_of };
    if (text.n == 0) return ogi_lex_fail(s->x, "an expression");
    if (text.n > EXPR_MAX || memchr(text.p, 0, text.n))
        return ogi_lex_fail(s->x, "an expression of at most 400 characters");
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    og_status st = ogi_expr_eval(s->x->ctx, &env, &at, out);
    if (st == OG_OK && *at) return ogi_lex_fail(s->x, "an expression without a comma");
    if (st == OG_OK && !isfinite(*out)) return ogi_lex_fail(s->x, "an expression that is finite");
    return st;
}

og_status ogi_lex_expr(ogi_lex *x, const char *stops, const double *item, double *out)
{
    scope s = { .x = x, .item = item };
    ogi_lex_blank(x);
    ogi_sv text = span_of(x, stops);
    OG_TRY(eval(&s, text, out));
    x->p += text.n;
    return OG_OK;
}

og_status ogi_lex_expr_int(ogi_lex *x, const char *stops, int64_t min, int64_t max, int64_t *out)
{
    double v;
    const char *begin = x->p;
    OG_TRY(ogi_lex_expr(x, stops, NULL, &v));
    if (v == floor(v) && v >= (double)min && v <= (double)max) return *out = (int64_t)v, OG_OK;
    x->p = begin;
    return ogi_lex_fail(x, "an expression that is a whole number in range");
}

/* Has the text a name that is no symbol? Then it is more than the plain form can say. */
static bool is_plain(const og_graph *g, ogi_sv text)
{
    for (const char *p = text.p, *end = text.p + text.n; p < end;) {
        const char *begin = p;
        while (p < end && (isalnum((unsigned char)*p) || *p == '_')) p++;
        ogi_sv word = { begin, (size_t)(p - begin) };
        bool is_known = !word.n || isdigit((unsigned char)*begin);
        for (int i = 0; !is_known && i < g->n_sym; i++)
            is_known = ogi_sv_eq(word, ogi_sv_of(g->sym[i].name));
        if (!is_known) return false;
        p += p == begin;
    }
    return true;
}

static bool whole(double v, double most)
{
    return v == floor(v) && fabs(v) <= most;
}

/* The linear form that the expression is, from its values at zero and one of each symbol. */
static og_status dim_of(scope *s, ogi_sv text, og_dim *out)
{
    double sym[OG_MAX_SYM] = { 0 }, at_zero, v, expected;
    s->sym = sym;
    OG_TRY(eval(s, text, &at_zero));
    if (!whole(at_zero, 0x1p53)) return ogi_lex_fail(s->x, "a dimension that is a whole number");
    *out = OG_N((int64_t)at_zero);
    expected = at_zero;
    for (int i = 0; i < s->g->n_sym; i++) {
        sym[i] = 1;
        OG_TRY(eval(s, text, &v));
        sym[i] = 0;
        if (!whole(v - at_zero, INT32_MAX)) return ogi_lex_fail(s->x, "whole multiples of symbols");
        out->a[i] = (int32_t)(v - at_zero);
        expected += (2 + i) * (v - at_zero);
    }
    for (int i = 0; i < s->g->n_sym; i++) sym[i] = 2 + i;
    OG_TRY(eval(s, text, &v));
    if (v != expected) return ogi_lex_fail(s->x, "a dimension that is linear in its symbols");
    return OG_OK;
}

og_status ogi_lex_dim_expr(ogi_lex *x, const og_graph *g, bool *is_expr, og_dim *out)
{
    scope s = { .x = x, .g = g };
    ogi_lex_blank(x);
    ogi_sv text = span_of(x, ",]");
    *is_expr = !is_plain(g, text);
    if (!*is_expr) return OG_OK;
    OG_TRY(dim_of(&s, text, out));
    x->p += text.n;
    return OG_OK;
}
