/* SPDX-License-Identifier: MIT
 *
 * Expressions of architecture tables: values, precedence, names, lists, and what is refused. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/expr.h"

static og_ctx *ctx;

/* a is 6; each is 10, 11, 12 in layers 0, 1, 2; layer 1 is at hand. */
static bool value(void *user, ogi_sv name, int64_t index, double *out)
{
    (void)user;
    bool each = ogi_sv_eq(name, OGI_SV("each"));
    if (index >= 3 || (!each && (index >= 0 || !ogi_sv_eq(name, OGI_SV("a"))))) return false;
    *out = each ? 10 + (double)(index < 0 ? 1 : index) : 6;
    return true;
}

static bool most(void *user, ogi_sv name, double *out)
{
    (void)user;
    *out = 12;
    return ogi_sv_eq(name, OGI_SV("each"));
}

static bool has(void *user, ogi_sv name, double *out)
{
    (void)user;
    *out = ogi_sv_eq(name, OGI_SV("router"));
    return *out != 0 || ogi_sv_eq(name, OGI_SV("gate"));
}

static const ogi_expr_env env = { NULL, value, most, has, has };

static void setup(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void teardown(void)
{
    og_ctx_free(ctx);
}
TestSuite(expr, .init = setup, .fini = teardown);

static void gives(const char *text, double want)
{
    double got;
    const char *at = text;
    cr_assert(ogi_expr_eval(ctx, &env, &at, &got) == OG_OK, "%s: %s", text, og_error(ctx));
    cr_assert(got == want && !*at, "%s is %g, expected %g", text, got, want);
}

static void refused(const char *text, const char *why)
{
    double got;
    const char *at = text;
    cr_assert(ogi_expr_eval(ctx, &env, &at, &got) == OG_E_INVALID, "'%s' was accepted", text);
    cr_assert(strstr(og_error(ctx), why), "'%s' lacks '%s'", og_error(ctx), why);
    og_error_clear(ctx);
}

Test(expr, operators_bind_as_in_c)
{
    gives("1 + 2 * 3 - 4 / 2", 5);
    gives("(1 + 2) * 3", 9);
    gives("10 - 4 - 3", 3);
    gives("7 % 4 * 2", 6);
    gives("-2 + 1", -1);
    gives("1 + 1 == 2 && 3 > 2", 1);
    gives("1 < 2 == 0 || 0", 0);
    gives("!0 + 1", 2);
    gives("3 != 3", 0);
    gives("2 <= 2 && 2 >= 2 && !(2 < 2) && !(2 > 2)", 1);
    gives("1 || 0 && 0", 1);
    gives("2.5e1 * .5", 12.5);
}

Test(expr, functions)
{
    gives("min(2, a) + max(2, a)", 8);
    gives("sqrt(16) + pow(2, 10)", 1028);
    gives("floor(7 / 2)", 3);
    gives("log(exp(2))", log(exp(2)));
}

Test(expr, names_are_of_the_layer_at_hand_or_of_one)
{
    gives("a * each", 66);
    gives("each[0] + each[1 + 1]", 22);
    gives("most(each)", 12);
    gives("has(router) && !has(gate)", 1);
}

Test(expr, lists_go_on_behind_a_comma)
{
    const char *at = "a * 2, min(1, 3)";
    double x;
    cr_assert(ogi_expr_eval(ctx, &env, &at, &x) == OG_OK && x == 12 && *at == ',');
    at++;
    cr_assert(ogi_expr_eval(ctx, &env, &at, &x) == OG_OK && x == 1 && *at == '\0');
}

Test(expr, what_is_wrong_is_told)
{
    refused("", "the end");
    refused("1 +", "the end");
    refused("(1", "')' is missing");
    refused("1 2", "operator is missing at '2'");
    refused("b", "no such number");
    refused("each[3]", "no such number");
    refused("each[-1]", "index");
    refused("each[1 / 2]", "index");
    refused("sin(1)", "no such function");
    refused("min(1)", "',' is missing");
    refused("has(b)", "no such name");
    refused("1 = 2", "operator is missing");
}

Test(expr, nesting_is_bounded)
{
    char deep[400];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refused(deep, "nested too deeply");
    memset(deep, '-', sizeof deep - 1);
    refused(deep, "nested too deeply");
}
