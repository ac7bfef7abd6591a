/* SPDX-License-Identifier: MIT
 *
 * Symbolic dimensions: lowest terms, arithmetic without overflow, ranges, text. */
#include <criterion/criterion.h>

#include "graph/dim.h"
#include "graph/graph.h"

static og_ctx *ctx;
static og_graph *g;
static og_dim T, S;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    g = og_graph_new(ctx, "dims");
    T = og_sym(g, "T", 1, 512);
    S = og_sym(g, "S", 2, 16);
}

static void tear_down(void)
{
    og_graph_free(g);
    og_ctx_free(ctx);
}

TestSuite(dim, .init = set_up, .fini = tear_down);

static void expect_text(og_dim d, const char *want)
{
    ogi_buf b = { .ctx = ctx };
    ogi_dim_print(g, d, &b);
    cr_assert(!strcmp(ogi_buf_str(&b), want), "%s, expected %s", ogi_buf_str(&b), want);
    ogi_buf_free(&b);
}

Test(dim, prints_terms_in_order)
{
    expect_text(OG_N(64), "64");
    expect_text(og_dim_add(og_dim_mul(T, 2), OG_N(1)), "2*T+1");
    expect_text(og_dim_add(S, og_dim_mul(T, -1)), "-T+S");
    expect_text(og_dim_add(T, OG_N(-1)), "T-1");
    expect_text(og_dim_div(og_dim_add(T, og_dim_mul(S, 3)), 2), "(T+3*S)/2");
    expect_text(og_dim_div(T, 2), "T/2");
}

Test(dim, equal_values_are_equal)
{
    og_dim a = og_dim_div(og_dim_mul(T, 6), 4), b = og_dim_div(og_dim_mul(T, 3), 2);
    cr_assert(ogi_dim_eq(a, b));
    cr_assert(ogi_dim_eq((og_dim){ .b = 5 }, OG_N(5)), "c = 0 reads as 1");
    cr_assert(!ogi_dim_eq(T, S));
}

Test(dim, values_and_extremes)
{
    int64_t sym[OG_MAX_SYM] = { 10, 4 };
    og_dim d = og_dim_div(og_dim_add(og_dim_mul(T, 2), og_dim_mul(S, -2)), 2);
    cr_assert(ogi_dim_value(d, sym) == 6);
    cr_assert(ogi_dim_max(g, d) == 510);
    cr_assert(ogi_dim_min(g, d) == -15);
}

Test(dim, valid_means_exact_and_positive)
{
    cr_assert(ogi_dim_is_valid(g, og_dim_add(T, S)));
    cr_assert(!ogi_dim_is_valid(g, og_dim_div(T, 2)), "T may be odd");
    cr_assert(ogi_dim_is_valid(g, og_dim_div(og_dim_mul(T, 4), 2)));
    cr_assert(!ogi_dim_is_valid(g, og_dim_add(T, OG_N(-1))), "T - 1 may be 0");
    cr_assert(!ogi_dim_is_valid(g, OG_N(0)));
    og_dim undeclared = { .c = 1 };
    undeclared.a[5] = 1;
    cr_assert(!ogi_dim_is_valid(g, undeclared));
}

Test(dim, overflow_is_invalid_for_good)
{
    og_dim d = og_dim_mul(og_dim_mul(OG_N(INT64_MAX), 2), 0);
    cr_assert(d.c < 0);
    cr_assert(og_dim_add(d, OG_N(1)).c < 0);
    cr_assert(og_dim_mul(og_dim_mul(T, INT32_MAX), 2).c < 0);
    cr_assert(og_dim_div(T, 0).c < 0);
    expect_text(d, "invalid");
}

Test(dim, products_have_one_symbolic_factor)
{
    og_dim d;
    cr_assert(ogi_dim_product(T, OG_N(64), &d) && ogi_dim_eq(d, og_dim_mul(T, 64)));
    cr_assert(ogi_dim_product(OG_N(3), OG_N(4), &d) && ogi_dim_eq(d, OG_N(12)));
    cr_assert(!ogi_dim_product(T, S, &d));
}

Test(dim, quotients)
{
    og_dim d;
    cr_assert(ogi_dim_quotient(og_dim_mul(T, 6), OG_N(3), &d) && ogi_dim_eq(d, og_dim_mul(T, 2)));
    cr_assert(ogi_dim_quotient(og_dim_mul(T, 6), og_dim_mul(T, 2), &d) && ogi_dim_eq(d, OG_N(3)));
    cr_assert(!ogi_dim_quotient(T, S, &d));
    cr_assert(!ogi_dim_quotient(T, OG_N(0), &d));
}

Test(dim, shapes_broadcast_as_in_numpy)
{
    og_shape a = OG_SHAPE(T, OG_N(1), OG_N(8)), b = OG_SHAPE(OG_N(3), OG_N(1)), out;
    og_shape want = OG_SHAPE(T, OG_N(3), OG_N(8)), other = OG_SHAPE(S, OG_N(3), OG_N(8));
    cr_assert(ogi_shape_broadcast(&a, &b, &out) && ogi_shape_eq(&out, &want));
    cr_assert(!ogi_shape_broadcast(&want, &other, &out));
}

Test(dim, numel_of_two_symbols_is_no_dim)
{
    og_dim d;
    og_shape a = OG_SHAPE(T, OG_N(3), OG_N(8)), b = OG_SHAPE(T, S);
    cr_assert(ogi_shape_numel(&a, &d) && ogi_dim_eq(d, og_dim_mul(T, 24)));
    cr_assert(!ogi_shape_numel(&b, &d));
}
