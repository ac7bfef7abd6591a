/* SPDX-License-Identifier: MIT
 *
 * Recursive descent by precedence; evaluated while it is read. Nesting is bounded, so that no text
 * exhausts the stack. */
#include "base/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DEPTH = 64, N_LEVEL = 5 };

typedef struct expr {
    og_ctx *ctx;
    const ogi_expr_env *env;
    const char *text, *p;
    int depth;
} expr;

static og_status parse_binary(expr *e, int level, double *out);
static og_status parse_unary(expr *e, double *out);

static og_status wrong(const expr *e, const char *what)
{
    OG_FAIL(e->ctx, OG_E_INVALID, "expression '%.100s': %s at '%.40s'", e->text, what,
            *e->p ? e->p : "the end");
}

static void skip_space(expr *e)
{
    while (*e->p == ' ') e->p++;
}

static bool eat(expr *e, const char *token)
{
    skip_space(e);
    size_t n = strlen(token);
    if (strncmp(e->p, token, n) != 0) return false;
    e->p += n;
    return true;
}

static og_status want(expr *e, const char *token)
{
    char what[32];
    if (eat(e, token)) return OG_OK;
    snprintf(what, sizeof what, "'%s' is missing", token);
    return wrong(e, what);
}

/* ---- operators ----------------------------------------------------------------------------- */

/* Longer tokens first where one begins another. */
static const char *const op_token[N_LEVEL][5] = {
    { "||" }, { "&&" }, { "<=", ">=", "==", "!=", NULL }, { "+", "-" }, { "*", "/", "%" },
};

/* The operator of this level that stands here, or NULL. */
static const char *eat_operator(expr *e, int level)
{
    for (int i = 0; i < 5 && op_token[level][i]; i++)
        if (eat(e, op_token[level][i])) return op_token[level][i];
    if (level == 2 && eat(e, "<")) return "<";
    if (level == 2 && eat(e, ">")) return ">";
    return NULL;
}

static double apply(const char *op, double a, double b)
{
    switch (op[0]) {
    case '|': return a != 0 || b != 0;
    case '&': return a != 0 && b != 0;
    case '<': return op[1] ? a <= b : a < b;
    case '>': return op[1] ? a >= b : a > b;
    case '=': return a == b;
    case '!': return a != b;
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    case '%': return fmod(a, b);
    }
    return NAN; /* every token of the table is above */
}

/* ---- names and functions ------------------------------------------------------------------- */

static double natural_log(double x)
{
    return log(x);
}

static const struct {
    const char *name;
    int n_arg;
    double (*one)(double);
    double (*two)(double, double);
} function[] = {
    { "min", 2, NULL, fmin },        { "max", 2, NULL, fmax }, { "pow", 2, NULL, pow },
    { "sqrt", 1, sqrt, NULL },       { "exp", 1, exp, NULL },  { "floor", 1, floor, NULL },
    { "log", 1, natural_log, NULL },
};

static og_status parse_name(expr *e, ogi_sv *out)
{
    skip_space(e);
    const char *begin = e->p;
    if (isalpha((unsigned char)*e->p) || *e->p == '_')
        while (isalnum((unsigned char)*e->p) || *e->p == '_') e->p++;
    *out = (ogi_sv){ begin, (size_t)(e->p - begin) };
    return out->n ? OG_OK : wrong(e, "a number or a name is missing");
}

/* most(name), has(name), rows(name) */
static og_status parse_query(expr *e, bool (*query)(void *, ogi_sv, double *), double *out)
{
    ogi_sv name;
    skip_space(e);
    if (*e->p == '@') { /* a name that is not ours to read */
        name = (ogi_sv){ e->p, strcspn(e->p, ")") };
        e->p += name.n;
    } else {
        OG_TRY(parse_name(e, &name));
    }
    if (!query || !query(e->env->user, name, out)) {
        e->p = name.p;
        return wrong(e, "there is no such name");
    }
    return want(e, ")");
}

static og_status parse_call(expr *e, ogi_sv name, double *out)
{
    if (ogi_sv_eq(name, OGI_SV("has"))) return parse_query(e, e->env->has, out);
    if (ogi_sv_eq(name, OGI_SV("rows"))) return parse_query(e, e->env->rows, out);
    if (ogi_sv_eq(name, OGI_SV("most"))) return parse_query(e, e->env->most, out);
    for (size_t i = 0; i < sizeof function / sizeof *function; i++) {
        if (!ogi_sv_eq(name, ogi_sv_of(function[i].name))) continue;
        double a, b = 0;
        OG_TRY(parse_binary(e, 0, &a));
        if (function[i].n_arg == 2) {
            OG_TRY(want(e, ","));
            OG_TRY(parse_binary(e, 0, &b));
        }
        *out = function[i].n_arg == 2 ? function[i].two(a, b) : function[i].one(a);
        return want(e, ")");
    }
    e->p = name.p;
    return wrong(e, "there is no such function");
}

static og_status parse_value(expr *e, double *out)
{
    ogi_sv name;
    OG_TRY(parse_name(e, &name));
    if (eat(e, "(")) return parse_call(e, name, out);
    double index = -1;
    if (eat(e, "[")) {
        OG_TRY(parse_binary(e, 0, &index));
        OG_TRY(want(e, "]"));
        if (!(index >= 0 && index < (1 << 30)) || index != floor(index))
            return wrong(e, "an index is not a whole number before here");
    }
    if (e->env->value && e->env->value(e->env->user, name, (int64_t)index, out)) return OG_OK;
    e->p = name.p;
    return wrong(e, "there is no such number (or it differs from layer to layer)");
}

static og_status parse_operand(expr *e, double *out)
{
    skip_space(e);
    if (e->p[0] == '!' && e->p[1] != '=') {
        e->p++;
        OG_TRY(parse_unary(e, out));
        *out = *out == 0;
        return OG_OK;
    }
    if (eat(e, "-")) {
        OG_TRY(parse_unary(e, out));
        *out = -*out;
        return OG_OK;
    }
    if (eat(e, "(")) {
        OG_TRY(parse_binary(e, 0, out));
        return want(e, ")");
    }
    if (isdigit((unsigned char)*e->p) || *e->p == '.') {
        char *end;
        *out = strtod(e->p, &end);
        if (end == e->p) return wrong(e, "not a number");
        e->p = end;
        return OG_OK;
    }
    return parse_value(e, out);
}

/* Everything that nests comes through here. */
static og_status parse_unary(expr *e, double *out)
{
    if (++e->depth > MAX_DEPTH) return wrong(e, "nested too deeply");
    OG_TRY(parse_operand(e, out));
    e->depth--;
    return OG_OK;
}

static og_status parse_binary(expr *e, int level, double *out)
{
    if (level == N_LEVEL) return parse_unary(e, out);
    OG_TRY(parse_binary(e, level + 1, out));
    for (const char *op; (op = eat_operator(e, level)) != NULL;) {
        double right;
        OG_TRY(parse_binary(e, level + 1, &right));
        *out = apply(op, *out, right);
    }
    return OG_OK;
}

og_status ogi_expr_eval(og_ctx *ctx, const ogi_expr_env *env, const char **at, double *out)
{
    expr e = { .ctx = ctx, .env = env, .text = *at, .p = *at };
    *out = 0;
    OG_TRY(parse_binary(&e, 0, out));
    skip_space(&e);
    if (*e.p && *e.p != ',') return wrong(&e, "an operator is missing");
    *at = e.p;
    return OG_OK;
}
