/* SPDX-License-Identifier: MIT
 *
 * Layouts of views, and that they address what the reference of the views moves. */
#include <criterion/criterion.h>

#include "graph/dim.h"
#include "graph/layout.h"

static og_ctx *ctx;
static og_graph *g;
static og_dim T;
static og_tensor *x; /* [T, 4, 6] */

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    g = og_graph_new(ctx, "layout");
    T = og_sym(g, "T", 1, 8);
    x = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(4), OG_N(6)));
}

static void tear_down(void)
{
    og_graph_free(g);
    og_ctx_free(ctx);
}

TestSuite(layout, .init = set_up, .fini = tear_down);

/* "offset [strides]" of t, or "none". */
static void expect(const og_tensor *t, const char *want)
{
    ogi_layout l;
    ogi_buf b = { .ctx = ctx };
    cr_assert(t, "%s", og_error(ctx));
    if (!ogi_layout_of(t, &l)) {
        ogi_buf_puts(&b, "none");
    } else {
        cr_assert(l.root == x && ogi_shape_eq(&l.shape, &t->shape));
        og_shape s = { .rank = t->shape.rank };
        memcpy(s.dim, l.stride, sizeof s.dim);
        ogi_dim_print(g, l.offset, &b);
        ogi_buf_putc(&b, ' ');
        ogi_shape_print(g, &s, &b);
    }
    cr_assert(!strcmp(ogi_buf_str(&b), want), "%s, expected %s", ogi_buf_str(&b), want);
    ogi_buf_free(&b);
}

Test(layout, of_each_view)
{
    expect(x, "0 [24,6,1]");
    expect(og_permute(g, x, (int[]){ 1, 0, 2 }), "0 [6,24,1]");
    expect(og_slice(g, x, 1, 2, 2), "12 [24,6,1]");
    expect(og_broadcast(g, og_slice(g, x, 1, 3, 1), OG_SHAPE(OG_N(5), T, OG_N(4), OG_N(6))),
           "18 [0,24,0,1]");
}

Test(layout, reshapes_merge_and_split)
{
    expect(og_reshape(g, x, OG_SHAPE(T, OG_N(24))), "0 [24,1]");
    expect(og_reshape(g, x, OG_SHAPE(og_dim_mul(T, 2), OG_N(3), OG_N(4))), "0 [12,4,1]");
    expect(og_reshape(g, x, OG_SHAPE(og_dim_mul(T, 24))), "0 [1]");
    expect(og_reshape(g, x, OG_SHAPE(T, OG_N(1), OG_N(4), OG_N(6), OG_N(1))), "0 [24,24,6,1,1]");
}

Test(layout, reshapes_go_through_strides_where_they_can)
{
    og_tensor *half = og_slice(g, x, 2, 0, 3);
    expect(og_reshape(g, half, OG_SHAPE(T, OG_N(2), OG_N(2), OG_N(3))), "0 [24,12,6,1]");
    expect(og_reshape(g, half, OG_SHAPE(og_dim_mul(T, 4), OG_N(3))), "0 [6,1]");
    expect(og_reshape(g, half, OG_SHAPE(T, OG_N(12))), "none");
    og_tensor *turned = og_permute(g, x, (int[]){ 1, 0, 2 });
    expect(og_reshape(g, turned, OG_SHAPE(OG_N(2), OG_N(2), T, OG_N(6))), "0 [12,6,24,1]");
    expect(og_reshape(g, turned, OG_SHAPE(og_dim_mul(T, 4), OG_N(6))), "none");
}

Test(layout, axes_of_one_entry_do_not_hinder)
{
    og_tensor *row = og_slice(g, x, 1, 2, 1); /* [T, 1, 6] */
    expect(og_reshape(g, row, OG_SHAPE(T, OG_N(6))), "12 [24,1]");
    expect(og_reshape(g, row, OG_SHAPE(T, OG_N(3), OG_N(2))), "12 [24,2,1]");
}

/* The reference of a chain of views must give the elements that its layout addresses. */
Test(layout, addresses_what_the_reference_moves)
{
    og_tensor *v = og_permute(g, og_slice(g, x, 2, 1, 4), (int[]){ 2, 0, 1 });
    v = og_reshape(g, v, OG_SHAPE(OG_N(2), OG_N(2), T, OG_N(4)));
    v = og_broadcast(g, v, OG_SHAPE(OG_N(2), OG_N(2), OG_N(2), T, OG_N(4)));
    ogi_layout l;
    cr_assert(ogi_layout_of(v, &l), "%s", og_error(ctx));
    int64_t sym[OG_MAX_SYM] = { 3 };
    for (int64_t e = 0; e < 2 * 2 * 2 * 3 * 4; e++) {
        int64_t c[5] = { e / 48, e / 24 % 2, e / 12 % 2, e / 4 % 3, e % 4 };
        int64_t at = ogi_dim_value(l.offset, sym);
        for (int i = 0; i < 5; i++) at += ogi_dim_value(l.stride[i], sym) * c[i];
        /* by hand: x[t, h, 1 + 2 a + b] at [_, a, b, t, h] */
        cr_assert(at == c[3] * 24 + c[4] * 6 + 1 + c[1] * 2 + c[2], "element %d", (int)e);
    }
}

Test(layout, sizes_of_values)
{
    int64_t sym[OG_MAX_SYM] = { 5 };
    cr_assert(ogi_value_size(x, sym) == 5 * 24 * 4);
    og_tensor *w = og_weight(g, "w", OG_Q4_0, OG_SHAPE(OG_N(3), OG_N(64)));
    cr_assert(ogi_value_size(w, sym) == 3 * 2 * 18);
    og_tensor *a8 = og_quantize(g, og_input(g, "r", OG_F32, OG_SHAPE(T, OG_N(96))));
    cr_assert(ogi_value_size(a8, sym) == 5 * 128, "rows of 120 bytes, padded to 64");
    cr_assert(ogi_value_size(og_scalar(g, 1), sym) == 4);
}
