/* SPDX-License-Identifier: MIT
 *
 * The builder: sticky errors that name op, shapes and source line; names; limits. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "graph/dim.h"
#include "graph/pass.h"

static og_ctx *ctx;
static og_graph *g;
static og_dim T;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    g = og_graph_new(ctx, "builder");
    T = og_sym(g, "T", 1, 512);
}

static void tear_down(void)
{
    og_graph_free(g);
    og_ctx_free(ctx);
}

TestSuite(graph, .init = set_up, .fini = tear_down);

static void expect_error(const char *part)
{
    cr_assert(og_graph_status(g) != OG_OK, "no error, expected: %s", part);
    cr_assert(strstr(og_error(ctx), part), "\"%s\" lacks \"%s\"", og_error(ctx), part);
}

static og_tensor *rows(const char *name, int64_t n)
{
    return og_input(g, name, OG_F32, OG_SHAPE(T, OG_N(n)));
}

Test(graph, the_example_of_the_header)
{
    og_tensor *x = rows("x", 64), *w = og_weight(g, "w", OG_Q8_0, OG_SHAPE(OG_N(32), OG_N(64)));
    og_output(g, "y", og_add(g, og_linear(g, x, w), og_scalar(g, 1)));
    cr_assert(og_graph_status(g) == OG_OK, "%s", og_error(ctx));
    og_shape want = OG_SHAPE(T, OG_N(32)), is = og_tensor_shape(g->output[0].value);
    cr_assert(ogi_shape_eq(&is, &want));
    cr_assert(og_tensor_dtype(g->output[0].value) == OG_F32);
}

Test(graph, error_names_op_shapes_and_line)
{
    char line[64];
    og_tensor *a = rows("a", 64), *b = rows("b", 63);
    snprintf(line, sizeof line, "test_graph.c:%d", __LINE__ + 1);
    cr_assert(!og_add(g, a, b));
    expect_error("add(F32[T,64], F32[T,63]): ");
    expect_error(line);
}

Test(graph, first_error_sticks)
{
    og_tensor *bad = og_add(g, rows("a", 64), rows("b", 63));
    char first[256];
    snprintf(first, sizeof first, "%s", og_error(ctx));
    og_tensor *y = og_silu(g, og_mul(g, bad, bad));
    og_output(g, "y", y);
    cr_assert(!y && !rows("c", 3));
    cr_assert(!strcmp(first, og_error(ctx)), "%s", og_error(ctx));
    char *text = NULL;
    cr_assert(og_graph_print(g, OG_TEXT, &text) != OG_OK && !text);
}

Test(graph, a_null_operand_without_an_error_is_one)
{
    cr_assert(!og_add(g, rows("a", 64), NULL));
    expect_error("add: an operand is missing");
}

Test(graph, an_earlier_error_of_the_context_stays)
{
    og_graph *other = og_graph_new(ctx, "other");
    og_add(g, rows("a", 64), rows("b", 63));
    og_tensor *x = og_input(other, "x", OG_F32, OG_SHAPE(OG_N(4)));
    og_tensor *y = og_input(other, "y", OG_F32, OG_SHAPE(OG_N(5)));
    cr_assert(!og_sub(other, x, y));
    cr_assert(og_graph_status(other) == OG_E_INVALID);
    expect_error("add(F32[T,64]");
    og_graph_free(other);
}

Test(graph, values_of_another_graph_are_refused)
{
    og_graph *other = og_graph_new(ctx, "other");
    og_tensor *x = og_input(other, "x", OG_F32, OG_SHAPE(OG_N(4)));
    cr_assert(!og_neg(g, x));
    expect_error("another graph");
    og_graph_free(other);
}

Test(graph, names_are_unique_for_each_kind)
{
    cr_assert(rows("x", 4));
    cr_assert(og_weight(g, "x", OG_F32, OG_SHAPE(OG_N(4))), "%s", og_error(ctx));
    cr_assert(!rows("x", 4));
    expect_error("input \"x\": the name is taken");
}

Test(graph, output_names_are_unique)
{
    og_tensor *x = rows("x", 4);
    og_output(g, "y", x);
    og_output(g, "z", x);
    cr_assert(og_graph_status(g) == OG_OK);
    og_output(g, "y", x);
    expect_error("output \"y\": the name is taken");
}

Test(graph, empty_names_are_refused)
{
    cr_assert(!rows("", 4));
    expect_error("the name is empty");
}

Test(graph, symbols_have_a_range_and_keep_it)
{
    cr_assert(ogi_dim_eq(og_sym(g, "T", 1, 512), T));
    og_sym(g, "T", 1, 16);
    expect_error("symbol \"T\": declared before with another range");
}

Test(graph, symbols_start_at_one)
{
    cr_assert(og_sym(g, "N", 0, 4).c < 0);
    expect_error("1 <= min <= max");
}

Test(graph, no_ninth_symbol)
{
    char name[4] = "s0";
    for (int i = 1; i < OG_MAX_SYM; i++, name[1]++) og_sym(g, name, 1, 2);
    cr_assert(og_graph_status(g) == OG_OK);
    og_sym(g, "last", 1, 2);
    expect_error("at most 8 symbols");
}

Test(graph, divisions_must_be_exact)
{
    cr_assert(!og_input(g, "x", OG_F32, OG_SHAPE(og_dim_div(T, 2))));
    expect_error("input \"x\": dimension 0");
}

Test(graph, quantized_rows_are_whole_blocks)
{
    cr_assert(!og_weight(g, "w", OG_Q4_K, OG_SHAPE(OG_N(4), OG_N(128))));
    expect_error("rows of Q4_K must be multiples of 256");
}

Test(graph, inputs_are_not_quantized)
{
    cr_assert(!og_input(g, "x", OG_Q8_0, OG_SHAPE(OG_N(32))));
    expect_error("not an element type for this kind of leaf");
}

Test(graph, sizes_are_limited)
{
    og_dim big = OG_N((int64_t)1 << 40);
    cr_assert(!og_input(g, "x", OG_F32, OG_SHAPE(big, big)));
    expect_error("more than 2^44 elements");
}

Test(graph, a_reshape_keeps_the_elements)
{
    cr_assert(og_reshape(g, rows("x", 64), OG_SHAPE(og_dim_mul(T, 4), OG_N(16))));
    cr_assert(!og_reshape(g, rows("y", 64), OG_SHAPE(T, OG_N(63))));
    expect_error("no reshape to [T,63]");
}

Test(graph, views_leave_blocks_alone)
{
    og_tensor *w = og_weight(g, "w", OG_Q8_0, OG_SHAPE(OG_N(8), OG_N(64)));
    cr_assert(og_slice(g, w, 0, 2, 3), "%s", og_error(ctx));
    cr_assert(!og_slice(g, w, 1, 0, 32));
    expect_error("holds blocks");
}

Test(graph, a_slice_fits_the_smallest_axis)
{
    cr_assert(!og_slice(g, rows("x", 8), 0, 0, 2));
    expect_error("axis 0 may have only 1");
}

Test(graph, nodes_know_their_layer)
{
    og_graph_layer(g, 3);
    og_tensor *x = rows("x", 8);
    og_graph_layer(g, -1);
    cr_assert(x->layer == 3 && og_neg(g, x)->layer == -1);
}

Test(graph, a_table_is_copied)
{
    float v[3] = { 1, 2, 3 };
    og_tensor *t = og_table(g, OG_F32, OG_SHAPE(OG_N(3)), v);
    v[1] = 9;
    const ogi_data *d = t->params;
    cr_assert(d->size == 12 && !memcmp(d->data, (float[]){ 1, 2, 3 }, 12));
}

Test(graph, rewriting_keeps_a_copy_equal)
{
    og_tensor *x = rows("x", 64);
    og_graph_layer(g, 0);
    og_output(g, "y", og_name(og_scale(g, x, 2, 1), "twice"));
    og_graph *copy;
    char *a, *b;
    cr_assert(ogi_passes_run(g, "simplify_graph", "simplify_graph", &copy) == OG_OK);
    cr_assert(og_graph_print(g, OG_TEXT, &a) == OG_OK &&
              og_graph_print(copy, OG_TEXT, &b) == OG_OK);
    cr_assert(!strcmp(a, b), "%s\n%s", a, b);
    og_text_free(ctx, a);
    og_text_free(ctx, b);
    og_graph_free(copy);
}
