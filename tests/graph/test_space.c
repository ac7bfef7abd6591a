/* SPDX-License-Identifier: MIT
 *
 * Iteration spaces: how shapes map into one, and which nodes may share a program. */
#include "graph/layout.h"
#include "graph/op_def.h"
#include "graph/space.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX_MEMBER = 16 };

/* ---- maps ------------------------------------------------------------------------------------ */
static og_dim sym(int64_t factor)
{
    og_dim d = { .c = 1 };
    d.a[0] = (int32_t)factor;
    return d;
}

static void expect_map(og_shape space, og_shape shape, bool is_uniform, const char *first)
{
    ogi_axis_map m;
    cr_assert(ogi_space_map(&space, &shape, &m));
    cr_assert_eq(m.is_uniform, is_uniform);
    for (int j = 0; j <= shape.rank; j++) cr_assert_eq(m.first[j], first[j] - '0', "axis %d", j);
}

Test(space, equal_shapes_map_axis_by_axis)
{
    expect_map(OG_SHAPE(sym(1), OG_N(1), OG_N(8)), OG_SHAPE(sym(1), OG_N(1), OG_N(8)), false,
               "0123");
}

Test(space, axes_merge_what_the_space_splits)
{
    expect_map(OG_SHAPE(sym(1), OG_N(4), OG_N(8)), OG_SHAPE(sym(1), OG_N(32)), false, "013");
    expect_map(OG_SHAPE(sym(1), OG_N(4), OG_N(8)), OG_SHAPE(sym(4), OG_N(8)), false, "023");
    expect_map(OG_SHAPE(sym(1), OG_N(4), OG_N(8)), OG_SHAPE(sym(32)), false, "03");
}

Test(space, ones_map_anywhere)
{
    expect_map(OG_SHAPE(sym(1), OG_N(8)), OG_SHAPE(OG_N(1), sym(1), OG_N(8)), false, "0012");
    expect_map(OG_SHAPE(sym(1), OG_N(1), OG_N(8)), OG_SHAPE(sym(1), OG_N(8)), false, "013");
}

Test(space, a_last_one_stands_for_the_row)
{
    expect_map(OG_SHAPE(sym(1), OG_N(8)), OG_SHAPE(sym(1), OG_N(1)), true, "012");
    expect_map(OG_SHAPE(sym(1), OG_N(4), OG_N(8)), OG_SHAPE(sym(4), OG_N(1)), true, "023");
}

Test(space, other_shapes_do_not_map)
{
    ogi_axis_map m;
    og_shape space = OG_SHAPE(sym(1), OG_N(4), OG_N(8));
    const og_shape bad[] = { OG_SHAPE(sym(1), OG_N(8), OG_N(4)), OG_SHAPE(sym(1), OG_N(16)),
                             OG_SHAPE(sym(2), OG_N(16)),         OG_SHAPE(sym(1), OG_N(1)),
                             OG_SHAPE(sym(1), OG_N(4)),          OG_SHAPE(OG_N(32)) };
    for (int i = 0; i < OGI_LEN(bad); i++) {
        cr_assert(!ogi_space_map(&space, &bad[i], &m), "shape %d", i);
    }
}

/* ---- groups ---------------------------------------------------------------------------------- */
/* All nodes of a text graph that are no leaves, views or linears are members; linears are panels.
 */
static bool share_a_space(const char *body, int rank)
{
    og_ctx *ctx;
    og_graph *g;
    ogi_buf text = { 0 };
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    text.ctx = ctx;
    ogi_buf_printf(
        &text, "graph \"g\"\nsym T = 1..8\ninput $x : F32[T,64]\ninput $y : F32[T,64]\n%s", body);
    cr_assert_eq(og_graph_parse(ctx, ogi_buf_str(&text), text.n, &g), OG_OK, "%s", og_error(ctx));
    const og_tensor *member[MAX_MEMBER], *panel[MAX_MEMBER];
    ogi_lower_spec spec = { .g = g, .member = member, .panel = panel };
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *n = g->node[i];
        if (ogi_is_leaf(n) || ogi_is_view(n)) continue;
        if (ogi_op_def_of(n->op)->op_class == OGI_CLASS_LINEAR) {
            panel[spec.n_panel++] = n;
        } else {
            member[spec.n_member++] = n;
        }
    }
    og_shape space;
    bool found = ogi_space_find(&spec, &space);
    if (found) cr_assert_eq(space.rank, rank, "rank %d", space.rank);
    ogi_buf_free(&text);
    og_graph_free(g);
    og_ctx_free(ctx);
    return found;
}

Test(space, maps_and_rows_share_one)
{
    cr_assert(share_a_space("%0 = add($x, $y)\n%1 = rms_norm(%0) eps=1e-5\n%2 = mul(%1, $y)\n"
                            "%3 = quantize(%2)\noutput \"o\" = %3\n",
                            2));
}

Test(space, uniform_values_are_broadcast_along_the_row)
{
    cr_assert(
        share_a_space("%0 = sum($x)\n%1 = sqrt(%0)\n%2 = div($x, %1)\noutput \"o\" = %2\n", 2));
}

Test(space, the_space_is_the_finest)
{
    cr_assert(share_a_space("%0 = add($x, $y)\n%1 = reshape(%0) shape=[T,4,16]\n"
                            "%2 = rms_norm(%1) eps=1e-5\noutput \"o\" = %2\n",
                            3));
}

Test(space, a_row_is_not_split)
{
    cr_assert(!share_a_space("%0 = rms_norm($x) eps=1e-5\n%1 = reshape(%0) shape=[T,4,16]\n"
                             "%2 = rms_norm(%1) eps=1e-5\noutput \"o\" = %2\n",
                             0));
}

Test(space, members_are_not_read_elsewhere)
{
    static const char *const body[] = {
        "%0 = neg($x)\n%1 = slice(%0) axis=1 begin=0 size=32\n%2 = abs(%1)\noutput \"o\" = %2\n",
        "%0 = neg($x)\n%1 = permute(%0) axes=[1,0]\n%2 = abs(%1)\noutput \"o\" = %2\n",
        "%0 = concat($x, $y) axis=1\n%1 = slice(%0) axis=1 begin=0 size=64\n%2 = add(%1, $x)\n"
        "output \"o\" = %2\n",
        "input $i : I32[T]\n%0 = neg($x)\n%1 = take_rows(%0, $i)\noutput \"o\" = %1\n",
    };
    for (int i = 0; i < OGI_LEN(body); i++) {
        cr_assert(!share_a_space(body[i], 0), "%s", body[i]);
    }
}

Test(space, rows_of_members_are_indexed)
{
    const char *body = "input $t : F32[T,2,16]\n%0 = add($x, $y)\n"
                       "%1 = reshape(%0) shape=[T,4,16]\n%2 = rope(%1, $t) n_rot=16\n"
                       "output \"o\" = %2\n";
    cr_assert(share_a_space(body, 3));
}

Test(space, a_shorter_row_is_not_indexed)
{
    cr_assert(!share_a_space("input $i : I32[T,4]\n%0 = neg($x)\n%1 = take_last(%0, $i)\n"
                             "output \"o\" = %1\n",
                             0));
}

Test(space, panels_count_as_their_results)
{
    cr_assert(share_a_space("weight @w : F32[96,64]\n%0 = linear($x, @w)\n%1 = silu(%0)\n"
                            "output \"o\" = %1\n",
                            2));
}

Test(space, a_state_is_not_written_twice)
{
    const char *twice = "input $i : I32[T]\nstate &k : F32[4,4,64,16]\n"
                        "%0 = reshape($x) shape=[T,4,16]\n%1 = reshape($y) shape=[T,4,16]\n"
                        "%2 = kv_store(&k, %0, $i)\n%3 = kv_store(%2, %1, $i)\noutput \"o\" = %3\n";
    const char *apart = "input $i : I32[T]\nstate &k : F32[4,4,64,16]\nstate &v : F32[4,4,64,16]\n"
                        "%0 = reshape($x) shape=[T,4,16]\n%1 = reshape($y) shape=[T,4,16]\n"
                        "%2 = kv_store(&k, %0, $i)\n%3 = kv_store(&v, %1, $i)\noutput \"a\" = %2\n"
                        "output \"b\" = %3\n";
    cr_assert(!share_a_space(twice, 0));
    cr_assert(share_a_space(apart, 3));
}

Test(space, kernels_are_no_members)
{
    cr_assert(!share_a_space("%0 = top_k($x) k=4\noutput \"o\" = %0\n", 0));
}
