/* SPDX-License-Identifier: MIT
 *
 * The references of the ops over sequences, heads and lists against values worked out by hand. */
#include "graph/ref.h"
#include "tests/support/op_values.h"

/* One sequence that continues at position 5, or begins. */
#define SEQUENCE "sym S = 1..1\ninput $p : I32[T]\ninput $b : I32[S+1]\ninput $i : I32[S]\n"

Test(sequence_ops, head_linear_has_a_weight_for_each_head)
{
    expect(G("input $x : F32[T,2,2]\nweight @w : F32[2,1,2]\n%y = head_linear($x, @w)"), 2,
           LEAVES(V("x", 1, 2, 3, 4, 5, 6, 7, 8), V("w", 1, 10, 100, 1)), WANT(21, 304, 65, 708));
}

Test(sequence_ops, top_k_mask_marks_the_first_of_equals)
{
    expect(G("input $x : F32[T,4]\n%y = top_k_mask($x) k=2"), 2,
           LEAVES(V("x", 3, 5, 5, 5, -1, -2, 0, -9)), WANT(0, 1, 1, 0, 1, 0, 1, 0));
}

Test(sequence_ops, sinkhorn_balances)
{
    /* Rows of softmax (1/4, 3/4) and (1/2, 1/2); columns sum to 3/4 and 5/4. */
    expect(G("input $x : F32[T,2,2]\n%y = sinkhorn($x) iterations=1"), 1,
           LEAVES(V("x", 0, log(3), 7, 7)), WANT(1.0 / 3, 0.6, 2.0 / 3, 0.4));
    /* Then rows sum to 14/15 and 16/15, columns of the quotients to 55/56 and 57/56. */
    expect(G("input $x : F32[T,2,2]\n%y = sinkhorn($x) iterations=2"), 1,
           LEAVES(V("x", 0, log(3), 7, 7)),
           WANT((5.0 / 14) / (55.0 / 56), (9.0 / 14) / (57.0 / 56), (5.0 / 8) / (55.0 / 56),
                (3.0 / 8) / (57.0 / 56)));
}

Test(sequence_ops, sequence_mean_counts_what_came_before)
{
    const char *text = G(SEQUENCE "state &s : F32[2,1]\ninput $x : F32[T,1]\n"
                                  "%y = sequence_mean($x, &s, $p, $b, $i)");
    expect(text, 2, LEAVES(V("s", 9, 14), V("x", 3, 4), V("p", 5, 6), V("b", 0, 2), V("i", 1)),
           WANT(3));
    expect(text, 2, LEAVES(V("s", 9, 14), V("x", 3, 4), V("p", 0, 1), V("b", 0, 2), V("i", 1)),
           WANT(3.5));
}

Test(sequence_ops, unfold_and_conv_end_with_their_sequence)
{
    expect(G("input $x : F32[T,1]\ninput $b : I32[3]\n%y = unfold($x, $b) taps=3"), 3,
           LEAVES(V("x", 1, 2, 3), V("b", 0, 2, 3)), WANT(0, 1, 2, 1, 2, 0, 0, 3, 0));
    expect(G("sym S = 1..1\ninput $x : F32[T,1]\ninput $b : I32[S+1]\n"
             "%y = unfold($x, $b) taps=2"),
           2, LEAVES(V("x", 1, 2), V("b", 0, 2)), WANT(1, 2, 2, 0));
}

Test(sequence_ops, group_norm_spans_tokens)
{
    /* Group 0 holds 1, 3, 5, 7: mean 4, variance 5; group 1 is constant. */
    double a = 3 / sqrt(5.25), b = 1 / sqrt(5.25);
    expect(G("sym S = 1..1\ninput $x : F32[T,4]\ninput $b : I32[S+1]\n"
             "%y = group_norm($x, $b) groups=2 eps=0.25"),
           2, LEAVES(V("x", 1, 3, 9, 9, 5, 7, 9, 9), V("b", 0, 2)), WANT(-a, -b, 0, 0, b, a, 0, 0));
}

Test(sequence_ops, block_pool_weighs_a_block)
{
    const char *text = G(SEQUENCE "state &s : F32[1,2,2,1]\ninput $x : F32[T,1]\n"
                                  "input $w : F32[T,1]\n"
                                  "%y = block_pool($x, $w, &s, $p, $b, $i) ratio=2");
    /* Position 5 ends a block that began with x = 8, weight 0 in the state's row 0. */
    expect(text, 2,
           LEAVES(V("s", 8, 0, 0, 0), V("x", 4, 1), V("w", log(3), 0), V("p", 5, 6), V("b", 0, 2)),
           WANT(5, 0));
}

Test(sequence_ops, overlapping_blocks_take_half_of_each)
{
    const char *text = G(SEQUENCE "state &s : F32[1,2,2,2]\ninput $x : F32[T,2]\n"
                                  "input $w : F32[T,2]\n"
                                  "%y = block_pool($x, $w, &s, $p, $b, $i) ratio=1 "
                                  "overlapping=true");
    /* The first block has its own last channel alone, the next also the one before's first. */
    expect(text, 2, LEAVES(V("x", 1, 2, 3, 4), V("p", 0, 1), V("b", 0, 2)), WANT(2, 2.5));
}

Test(sequence_ops, kv_store_pooled_keeps_ends_of_blocks)
{
    double want[2 * 16] = { [16 + 1] = 7 };
    expect(G("state &s : F32[2,1,16,1]\ninput $x : F32[T,1,1]\ninput $i : I32[T]\n"
             "input $p : I32[T]\n%y = kv_store_pooled(&s, $x, $i, $p) ratio=4"),
           3, LEAVES(V("x", 5, 7, 9), V("i", 70, 71, 72), V("p", 6, 7, 8)), want, OGI_LEN(want));
}

#define SELECT(more, sources, attrs)                                                               \
    G("sym S = 1..1\nstate &k : F32[1,1,64,1]\ninput $q : F32[T,2,1]\ninput $p : I32[T]\n"         \
      "input $b : I32[S+1]\ninput $n : I32[S]\ninput $page : I32[S,1]\n" more                      \
      "%y = select_keys($q, &k, $p, $b, $n, $page" sources ") " attrs)

Test(sequence_ops, select_keys_takes_the_best_that_are_seen)
{
    double k[64] = { 1, 5, -7, 2, 9 };
    const bound leaf[] = { { "k", k, 64 }, V("q", 1, 1, 1, -1), V("p", 3, 4),
                           V("b", 0, 2),   V("n", 5),           V("w", 1, 0, 1, 0.5) };
    /* Token 0 sums both heads: 2, 10, -14, 4; token 1 finds nothing but zeros. */
    expect(SELECT("", "", "k=3"), 2, leaf, OGI_LEN(leaf), WANT(0, 1, 3, 0, 1, 2));
    /* Weighed, with relu: 1, 5, 0, 2 and 1, 5, 3.5, 2, 9. */
    expect(SELECT("input $w : F32[T,2]\n", ", $w", "k=2 relu=true"), 2, leaf, OGI_LEN(leaf),
           WANT(1, 3, 1, 4));
    /* A list a head: falling keys for the head of -1. */
    expect(SELECT("", "", "k=2 lists=2"), 2, leaf, OGI_LEN(leaf), WANT(1, 3, 1, 3, 1, 4, 0, 2));
    /* Blocks of two: 0..1 with 5, 2..3 with 2, 4 with 9; the own one always. */
    expect(SELECT("", "", "k=2 lists=2 block=2 local=1"), 2, leaf, OGI_LEN(leaf),
           WANT(0, 1, 0, 1, 0, 2, 1, 2));
    /* Of equal ones at the edge, what a heap of the best so far keeps: the first goes for the last.
     */
    const double edge[64] = { 1, 1, 1, 2, 2 };
    const bound equal[] = { { "k", edge, 64 }, V("q", 1, 0), V("p", 4), V("b", 0, 1), V("n", 5) };
    expect(SELECT("", "", "k=3"), 1, equal, OGI_LEN(equal), WANT(1, 3, 4));
    /* More than there are: none of them. */
    expect(SELECT("", "", "k=2 lists=2"), 1, LEAVES(V("b", 0, 1)), WANT(-1, -1, -1, -1));
}

Test(sequence_ops, rope_takes_each_section_from_its_row_of_the_grid)
{
    const bound leaf[] = { V("g", 1, 10, 100, 1000), V("f", 0.001, 0.001, 0.001, 0.001) };
#define GRID(attrs)                                                                                \
    G("input $g : I32[4,T]\nweight @f : F32[4]\n"                                                  \
      "%t = rope_table($g, @f) head_dim=8 n_rot=8 " attrs "\n"                                     \
      "%s = slice(%t) axis=1 begin=1 size=1\n%y = slice(%s) axis=2 begin=4 size=4")
    double t = sin(0.001), h = sin(0.01), w = sin(0.1), e = sin(1);
    expect(GRID("section_0=1 section_1=1 section_2=1 section_3=1"), 1, leaf, 2, WANT(t, h, w, e));
    expect(GRID("section_0=2 section_1=1"), 1, leaf, 2, WANT(t, t, h, t));
    expect(GRID("section_0=1 section_1=1 section_2=1 section_3=1 mixed_sections=true"), 1, leaf, 2,
           WANT(t, h, w, e));
    expect(GRID("section_0=2 section_1=1 section_2=1 mixed_sections=true"), 1, leaf, 2,
           WANT(t, h, w, t));
}

/* ---- compositions -------------------------------------------------------------------------- */

/* Builds with the C interface, then evaluates the graph's text. */
static void expect_built(og_ctx *ctx, og_graph *g, og_tensor *y, int64_t n, const bound *leaf,
                         int n_leaf, const double *want, int n_want)
{
    char *text = NULL;
    og_output(g, "y", y);
    cr_assert(og_graph_print(g, OG_TEXT, &text) == OG_OK, "%s", og_error(ctx));
    expect(text, n, leaf, n_leaf, want, n_want);
    og_text_free(ctx, text);
    og_graph_free(g);
    og_ctx_free(ctx);
}

Test(sequence_ops, partial_attentions_merge_to_one_softmax)
{
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = og_graph_new(ctx, "t");
    og_dim t = og_sym(g, "T", 1, 64);
    og_tensor *a = og_input(g, "a", OG_F32, OG_SHAPE(t, OG_N(1), OG_N(3)));
    og_tensor *b = og_input(g, "b", OG_F32, OG_SHAPE(t, OG_N(1), OG_N(3)));
    og_tensor *sink = og_weight(g, "s", OG_F32, OG_SHAPE(OG_N(1)));
    og_tensor *y = og_attention_merge(g, a, b, sink);
    /* Weights 2 of value 5 and 1 of value 8, at e^log 2 and 1, and a sink of 1. */
    expect_built(ctx, g, y, 1, LEAVES(V("a", 10, log(2), 2), V("b", 8, 0, 1), V("s", 0)),
                 WANT((2 * 10 + 8) / (2 * 2 + 1 + 1.0)));
}

Test(sequence_ops, conv1d_looks_both_ways)
{
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = og_graph_new(ctx, "t");
    og_dim t = og_sym(g, "T", 1, 64);
    og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(t, OG_N(2)));
    og_tensor *b = og_input(g, "b", OG_I32, OG_SHAPE(OG_N(2)));
    og_tensor *w = og_weight(g, "w", OG_F32, OG_SHAPE(OG_N(1), OG_N(2), OG_N(3)));
    og_tensor *d = og_weight(g, "d", OG_F32, OG_SHAPE(OG_N(2), OG_N(3)));
    og_tensor *y = og_concat(g, og_conv1d(g, x, w, b), og_conv1d(g, x, d, b), 1);
    /* Channel 0 is 1, 2, channel 1 is 3, 4. */
    expect_built(ctx, g, y, 2,
                 LEAVES(V("x", 1, 3, 2, 4), V("b", 0, 2), V("w", 1, 10, 100, 0, 0, 1000),
                        V("d", 1, 10, 100, 0, 1, 0)),
                 WANT(210 + 4000, 210, 3, 21, 21, 4));
}
