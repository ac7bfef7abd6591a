/* SPDX-License-Identifier: MIT
 *
 * The references of the ops against values worked out by hand, what their shape rules refuse, and
 * the printed manual. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/op_def.h"
#include "graph/pass.h"
#include "graph/ref.h"
#include "tests/support/op_values.h"

/* ---- maps ---------------------------------------------------------------------------------- */

Test(ops, binary_maps_broadcast)
{
    expect(G("input $a : F32[T,1]\ninput $b : F32[3]\n%y = add($a, $b)"), 2,
           LEAVES(V("a", 1, 10), V("b", 1, 2, 3)), WANT(2, 3, 4, 11, 12, 13));
    expect(G("input $a : F32[T]\ninput $b : F32[T]\n%y = div($a, $b)"), 2,
           LEAVES(V("a", 1, -3), V("b", 4, 2)), WANT(0.25, -1.5));
    expect(G("input $a : I32[T]\ninput $b : I32[T]\n%y = div($a, $b)"), 3,
           LEAVES(V("a", 7, -7, 5), V("b", 2, 2, 0)), WANT(3, -3, 0));
    expect(G("input $a : F32[T]\ninput $b : F32[T]\n%y = less($a, $b)"), 2,
           LEAVES(V("a", 1, 2), V("b", 2, 2)), WANT(1, 0));
}

Test(ops, select_takes_a_where_the_condition_is_not_zero)
{
    expect(G("input $c : F32[T]\ninput $a : F32[T]\ninput $b : F32[T]\n%y = select($c, $a, $b)"), 3,
           LEAVES(V("c", 0, -0.5, 2), V("a", 1, 2, 3), V("b", 4, 5, 6)), WANT(4, 2, 3));
}

Test(ops, activations_at_known_points)
{
#define AT(op, ...) expect(G("input $x : F32[T]\n%y = " op "($x)"), 3, __VA_ARGS__)
    AT("silu", LEAVES(V("x", 0, 1, -2)), WANT(0, 0.731058579, -0.238405844));
    AT("sigmoid", LEAVES(V("x", 0, 1, -2)), WANT(0.5, 0.731058579, 0.119202922));
    AT("gelu", LEAVES(V("x", 0, 1, -2)), WANT(0, 0.841191991, -0.0454023059));
    AT("gelu_erf", LEAVES(V("x", 0, 1, -2)), WANT(0, 0.841344746, -0.0455002639));
    AT("gelu_quick", LEAVES(V("x", 0, 1, -2)), WANT(0, 0.845795766, -0.0643416));
    AT("softplus", LEAVES(V("x", 0, 1, 30)), WANT(0.693147181, 1.31326169, 30));
    AT("relu", LEAVES(V("x", 0, 1, -2)), WANT(0, 1, 0));
    AT("rsqrt", LEAVES(V("x", 1, 4, 0.25)), WANT(1, 0.5, 2));
    expect(G("input $x : F32[T]\n%y = scale($x) a=2 b=-1"), 2, LEAVES(V("x", 3, 0)), WANT(5, -1));
    expect(G("input $x : F32[T]\n%y = clamp($x) lo=-1 hi=2"), 3, LEAVES(V("x", -3, 0.5, 9)),
           WANT(-1, 0.5, 2));
}

Test(ops, cast_rounds_to_nearest_even_and_toward_zero)
{
    expect(G("input $x : F32[T]\n%y = cast($x) dtype=F16"), 3, LEAVES(V("x", 2049, 2051, 0.1)),
           WANT(2048, 2052, 0.0999755859));
    expect(G("input $x : F32[T]\n%y = cast($x) dtype=I32"), 4, LEAVES(V("x", 1.9, -1.9, 3e9, -7)),
           WANT(1, -1, -2147483648.0, -7));
}

/* ---- rows ---------------------------------------------------------------------------------- */

Test(ops, rows)
{
    expect(G("input $x : F32[T,4]\n%y = mean($x)"), 2, LEAVES(V("x", 1, 2, 3, 6, 0, 0, 0, -4)),
           WANT(3, -1));
    expect(G("input $x : F32[T,2]\n%y = max($x)"), 2, LEAVES(V("x", 1, 2, -3, -6)), WANT(2, -3));
    expect(G("input $x : F32[T,2]\n%y = softmax($x)"), 2, LEAVES(V("x", 1, 1, 1000, 999)),
           WANT(0.5, 0.5, 0.731058579, 0.268941421));
    expect(G("input $x : F32[T,2]\n%y = rms_norm($x) eps=0.5"), 1, LEAVES(V("x", 3, 4)),
           WANT(3 / sqrt(13), 4 / sqrt(13)));
    expect(G("input $x : F32[T,2]\n%y = layer_norm($x) eps=0.75"), 1, LEAVES(V("x", 3, 4)),
           WANT(-0.5, 0.5));
}

/* ---- moves --------------------------------------------------------------------------------- */

Test(ops, concat_along_an_inner_axis)
{
    expect(G("input $a : F32[T,1,2]\ninput $b : F32[T,2,2]\n%y = concat($a, $b) axis=1"), 2,
           LEAVES(V("a", 1, 2, 7, 8), V("b", 3, 4, 5, 6, 9, 10, 11, 12)),
           WANT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

Test(ops, take_rows_and_take_last)
{
    expect(G("weight @w : F32[3,2]\ninput $i : I32[T]\n%y = take_rows(@w, $i)"), 2,
           LEAVES(V("w", 1, 2, 3, 4, 5, 6), V("i", 2, 0)), WANT(5, 6, 1, 2));
    expect(G("input $x : F32[T,3]\ninput $i : I32[T,2]\n%y = take_last($x, $i)"), 2,
           LEAVES(V("x", 1, 2, 3, 4, 5, 6), V("i", 2, 0, 1, 1)), WANT(3, 1, 5, 5));
}

Test(ops, kv_store_writes_page_and_row_of_a_slot)
{
    double want[2 * 64] = { 0 };
    want[64 + 3] = 5;
    want[2] = 7;
    expect(G("state &s : F32[2,1,64,1]\ninput $x : F32[T,1,1]\ninput $i : I32[T]\n"
             "%y = kv_store(&s, $x, $i)"),
           2, LEAVES(V("x", 5, 7), V("i", 67, 2)), want, OGI_LEN(want));
}

/* ---- contractions -------------------------------------------------------------------------- */

Test(ops, linear_and_matmul)
{
    expect(G("input $x : F32[T,2]\nweight @w : F32[3,2]\n%y = linear($x, @w)"), 1,
           LEAVES(V("x", 1, 2), V("w", 1, 0, 0, 1, 3, 4)), WANT(1, 2, 11));
    expect(G("input $a : F32[2,T,2]\ninput $b : F32[1,1,2]\n%y = matmul($a, $b)"), 1,
           LEAVES(V("a", 1, 2, 3, 4), V("b", 10, 1)), WANT(12, 34));
}

Test(ops, grouped_linear_uses_each_tokens_experts)
{
    expect(G("input $x : F32[T,1,1]\nweight @w : F32[3,1,1]\ninput $i : I32[T,2]\n"
             "%g = group_by_expert($i) n_expert=3\n%y = grouped_linear($x, @w, $i, %g)"),
           2, LEAVES(V("x", 1, 10), V("w", 2, 3, 5), V("i", 2, 0, 1, 2)), WANT(5, 2, 30, 50));
}

/* ---- attention ----------------------------------------------------------------------------- */

Test(ops, rope_turns_pairs)
{
    double c = cos(3 * 0.5), s = sin(3 * 0.5);
    expect(G("input $x : F32[T,1,3]\ninput $p : I32[T]\nweight @f : F32[1]\n"
             "%t = rope_table($p, @f) head_dim=3 n_rot=2\n%y = rope($x, %t) n_rot=2"),
           1, LEAVES(V("x", 1, 2, 9), V("p", 3), V("f", 0.5)), WANT(c - 2 * s, 2 * c + s, 9));
    double a = cos(2), b = sin(2), d = cos(1), e = sin(1);
    expect(G("input $x : F32[T,1,4]\ninput $p : I32[T]\nweight @f : F32[2]\n"
             "%t = rope_table($p, @f) head_dim=4 n_rot=4 interleaved=true\n"
             "%y = rope($x, %t) n_rot=4 interleaved=true"),
           1, LEAVES(V("x", 1, 2, 3, 4), V("p", 2), V("f", 1, 0.5)),
           WANT(a - 2 * b, 2 * a + b, 3 * d - 4 * e, 4 * d + 3 * e));
}

Test(ops, rope_table_mixes_by_yarn)
{
    /* Pair 0 extrapolates, pair 1 lies halfway, pair 2 interpolates. */
    expect(G("input $p : I32[T]\nweight @f : F32[3]\n"
             "%t = rope_table($p, @f) head_dim=6 n_rot=6 freq_scale=0.5 mscale=2 ext_factor=1 "
             "yarn_low=0 yarn_high=2\n%y = slice(%t) axis=1 begin=0 size=1"),
           1, LEAVES(V("p", 1), V("f", 1, 1, 1)),
           WANT(2 * cos(1), 2 * cos(0.75), 2 * cos(0.5), 2 * cos(1), 2 * cos(0.75), 2 * cos(0.5)));
}

#define ATTENTION(attrs)                                                                           \
    G("sym S = 1..1\nstate &k : F32[2,1,64,1]\nstate &v : F32[2,1,64,1]\ninput $q : F32[T,2,1]\n"  \
      "input $x : F32[T,1,1]\ninput $slot : I32[T]\ninput $pos : I32[T]\ninput $start : "          \
      "I32[S+1]\n"                                                                                 \
      "input $len : I32[S]\ninput $page : I32[S,1]\n%k = kv_store(&k, $x, $slot)\n"                \
      "%v = kv_store(&v, $x, $slot)\n"                                                             \
      "%y = attention($q, %k, %v, $pos, $start, $len, $page, _, _) " attrs)

Test(ops, attention_sees_what_it_may)
{
    /* Keys 0, 1, 2 with equal values; query 0 weighs all alike, query log 2 doubles a step. */
    double z = log(2);
    const bound leaf[] = {
        V("q", 0, z, 0, z, 0, z), V("x", 0, 1, 2), V("slot", 64, 65, 66), V("pos", 0, 1, 2),
        V("start", 0, 3),         V("len", 3),     V("page", 1)
    };
    expect(ATTENTION("scale=1"), 3, leaf, OGI_LEN(leaf), WANT(0, 0, 0.5, 2.0 / 3, 1, 10.0 / 7));
    expect(ATTENTION("scale=1 window=1"), 3, leaf, OGI_LEN(leaf), WANT(0, 0, 1, 1, 2, 2));
    expect(ATTENTION("scale=1 bidirectional=true"), 3, leaf, OGI_LEN(leaf),
           WANT(1, 10.0 / 7, 1, 10.0 / 7, 1, 10.0 / 7));
    double s = exp(0.5 * tanh(2 * z)), t = exp(0.5 * tanh(z));
    expect(ATTENTION("scale=0.5 softcap=0.5"), 3, leaf, OGI_LEN(leaf),
           WANT(0, 0, 0.5, t / (1 + t), 1, (t + 2 * s) / (1 + t + s)));
}

Test(ops, attention_sees_windows_chunks_and_lists)
{
    /* As above, without causality where it says so; head 0 weighs all keys alike. */
    double z = log(2);
    const bound leaf[] = {
        V("q", 0, z, 0, z, 0, z), V("x", 0, 1, 2), V("slot", 64, 65, 66), V("pos", 0, 1, 2),
        V("start", 0, 3),         V("len", 3),     V("page", 1)
    };
    expect(ATTENTION("scale=1 window=2 bidirectional=true"), 3, leaf, OGI_LEN(leaf),
           WANT(0.5, 2.0 / 3, 1, 10.0 / 7, 1.5, 5.0 / 3));
    expect(ATTENTION("scale=1 chunk=2"), 3, leaf, OGI_LEN(leaf), WANT(0, 0, 0.5, 2.0 / 3, 2, 2));
    expect(ATTENTION("scale=1 chunk=2 bidirectional=true"), 3, leaf, OGI_LEN(leaf),
           WANT(0.5, 2.0 / 3, 0.5, 2.0 / 3, 2, 2));
    expect(ATTENTION("scale=1 dim_v=1 partial=true"), 3, leaf, OGI_LEN(leaf),
           WANT(0, 0, 1, 0, 0, 1, 1, 0, 2, 1, z, 1.5, 3, 0, 3, 2.5, 2 * z, 1.75));
}

#define ATTENTION_WITH(more, sources, attrs)                                                       \
    G("sym S = 1..1\nstate &k : F32[2,1,64,1]\ninput $q : F32[T,1,1]\ninput $pos : I32[T]\n"       \
      "input $start : I32[S+1]\ninput $len : I32[S]\ninput $page : I32[S,1]\n" more "\n"           \
      "%y = attention($q, &k, &k, $pos, $start, $len, $page, " sources ") scale=1 " attrs)

Test(ops, attention_adds_slopes_and_biases_by_distance)
{
    /* Keys 0 and values 0 but for rank 3, which is 1 and whose weight is seen. */
    double k[2 * 64] = { [3] = 1 }, near = exp(-1.0), far = exp(-3.0);
    const bound leaf[] = { { "k", k, 128 },  V("slope", 1),
                           V("q", 0, 0),     V("pos", 0, 4),
                           V("start", 0, 2), V("len", 5),
                           V("page", 0),     V("bias", 0, 1, 2, 3, 10, 11, 12, 13) };
    const double end = 1 + near + exp(-2.0) + far + exp(-4.0); /* all five keys from one end */
    expect(ATTENTION_WITH("weight @slope : F32[1]", "@slope", "bidirectional=true"), 2, leaf,
           OGI_LEN(leaf), WANT(far / end, near / end));
    /* Eight buckets, four a side, two of these exact: 0, 1, 2..2, 3.. up to bucket_max 5: the third
     * grows by sqrt(5 / 2) from 2 on. Rank 3 lies three ahead of query 0, one behind query 4. */
    const double behind[] = { 0, 1, 2, 2, 3 }, ahead[] = { 0, 11, 12, 12, 13 };
    double z0 = 0, z4 = 0;
    for (int d = 0; d < 5; d++) z0 += exp(ahead[d]), z4 += exp(behind[d]);
    expect(
        ATTENTION_WITH("weight @bias : F32[8,1]", "_, _, @bias", "bidirectional=true bucket_max=8"),
        2, leaf, OGI_LEN(leaf), WANT(exp(ahead[3]) / z0, exp(behind[1]) / z4));
}

Test(ops, attention_reads_selected_and_pooled_keys)
{
    double k[2 * 64] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    const bound leaf[] = { { "k", k, 128 },  V("list", 1, -1, 3, 0, 5, 9),
                           V("q", 0, 0),     V("pos", 2, 5),
                           V("start", 0, 2), V("len", 6),
                           V("page", 0) };
    /* Rank 3 lies beyond position 2, 9 beyond the sequence. */
    expect(ATTENTION_WITH("input $list : I32[T,1,3]", "_, _, _, $list", ""), 2, leaf, OGI_LEN(leaf),
           WANT(1, 2.5));
    /* Blocks of two: 2..3, none, 6..7; 0..1, 10..11, none. */
    expect(ATTENTION_WITH("input $list : I32[T,1,3]", "_, _, _, $list", "select_block=2"), 2, leaf,
           OGI_LEN(leaf), WANT(2, 0.5));
    /* One key for four tokens: none up to position 2, one up to position 5. */
    const char *pooled =
        G("sym S = 1..1\nstate &k : F32[8,1,16,1]\ninput $q : F32[T,1,1]\ninput $pos : I32[T]\n"
          "input $start : I32[S+1]\ninput $len : I32[S]\ninput $page : I32[S,1]\n"
          "%y = attention($q, &k, &k, $pos, $start, $len, $page) scale=1 ratio=4");
    k[0] = 7;
    expect(pooled, 2, leaf, OGI_LEN(leaf), WANT(0, 7));
}

/* ---- experts ------------------------------------------------------------------------------- */

Test(ops, top_k_falls_and_breaks_ties_by_index)
{
    expect(G("input $x : F32[T,5]\n%y = top_k($x) k=3"), 2,
           LEAVES(V("x", 1, 5, 5, 0, 7, 2, 2, 2, 2, 2)), WANT(4, 1, 2, 0, 1, 2));
}

Test(ops, group_by_expert_is_stable)
{
    expect(G("input $i : I32[T,2]\n%y = group_by_expert($i) n_expert=3"), 2,
           LEAVES(V("i", 2, 0, 2, 1)), WANT(1, 3, 0, 2, 0, 1, 2, 4));
}

Test(ops, moe_combine_weighs)
{
    expect(G("input $x : F32[T,2,2]\ninput $w : F32[T,2]\n%y = moe_combine($x, $w)"), 1,
           LEAVES(V("x", 1, 2, 3, 4), V("w", 10, 0.5)), WANT(11.5, 22));
}

/* ---- recurrences --------------------------------------------------------------------------- */

Test(ops, ssm_conv_continues_from_its_state)
{
    const char *text = G("sym S = 1..1\nstate &s : F32[2,1,1]\ninput $x : F32[T,1]\n"
                         "weight @w : F32[1,2]\ninput $p : I32[T]\ninput $b : I32[S+1]\n"
                         "input $i : I32[S]\n%y = ssm_conv($x, @w, &s, $p, $b, $i)");
    /* y = 10 * before + x; a first token at position 0 forgets what the slot held. */
    expect(text, 2,
           LEAVES(V("s", 7, 4), V("x", 1, 2), V("w", 10, 1), V("p", 5, 6), V("b", 0, 2), V("i", 1)),
           WANT(41, 12));
    expect(text, 2,
           LEAVES(V("s", 7, 4), V("x", 1, 2), V("w", 10, 1), V("p", 0, 1), V("b", 0, 2), V("i", 1)),
           WANT(1, 12));
}

Test(ops, ssm_scan_decays_and_adds)
{
    double decay = log(0.5);
    expect(G("sym S = 1..1\nstate &s : F32[1,1,1]\ninput $x : F32[T,1]\ninput $dt : F32[T,1]\n"
             "weight @a : F32[1,1]\ninput $b : F32[T,1]\ninput $c : F32[T,1]\ninput $p : I32[T]\n"
             "input $q : I32[S+1]\ninput $i : I32[S]\n"
             "%y = ssm_scan($x, $dt, @a, $b, $c, &s, $p, $q, $i)"),
           2,
           LEAVES(V("s", 8), V("x", 3, 1), V("dt", 1, 2), V("a", decay), V("b", 2, 1),
                  V("c", 1, 10), V("p", 4, 5), V("q", 0, 2), V("i", 0)),
           WANT(10, 45));
}

Test(ops, linear_scan_updates_and_reads)
{
#define LINEAR_SCAN(more, attrs)                                                                   \
    G("sym S = 1..1\nstate &s : F32[1,1,2,1]\ninput $r : F32[T,1,2]\ninput $w : F32[T,1,2]\n"      \
      "input $k : F32[T,1,2]\ninput $v : F32[T,1,1]\ninput $a : F32[T,1,2]\n"                      \
      "input $b : F32[T,1,2]\ninput $p : I32[T]\ninput $q : I32[S+1]\ninput $i : I32[S]\n"         \
      "%y = linear_scan($r, $w, $k, $v, &s, $p, $q, $i" more ") " attrs)
    const bound leaf[] = { V("s", 8, 4), V("r", 1, 10), V("w", 0.5, 1), V("k", 1, 2), V("v", 3),
                           V("a", 1, 0), V("b", 0, 1),  V("p", 7),      V("q", 0, 1), V("i", 0) };
    /* S = (8, 4): decayed (4, 4), k v adds (3, 6), b (S'a) adds (0, 8). */
    expect(LINEAR_SCAN("", ""), 1, leaf, OGI_LEN(leaf), WANT(7 + 100));
    expect(LINEAR_SCAN(", $a, $b", ""), 1, leaf, OGI_LEN(leaf), WANT(7 + 180));
    expect(LINEAR_SCAN(", $a, $b", "reads_before=true"), 1, leaf, OGI_LEN(leaf), WANT(8 + 40));
}

Test(ops, linear_scan_shares_heads_in_runs_or_tiles)
{
#define SHARED(attrs)                                                                              \
    G("sym S = 1..1\nstate &s : F32[1,4,1,1]\ninput $r : F32[T,2,1]\ninput $w : F32[T,1,1]\n"      \
      "input $k : F32[T,4,1]\ninput $v : F32[T,4,1]\ninput $p : I32[T]\ninput $q : I32[S+1]\n"     \
      "input $i : I32[S]\n%y = linear_scan($r, $w, $k, $v, &s, $p, $q, $i) " attrs)
    const bound leaf[] = { V("r", 1, 10), V("k", 1, 1, 1, 1), V("v", 1, 2, 3, 4), V("q", 0, 1) };
    expect(SHARED(""), 1, leaf, OGI_LEN(leaf), WANT(1, 2, 30, 40));
    expect(SHARED("tiled=true"), 1, leaf, OGI_LEN(leaf), WANT(1, 20, 3, 40));
}

/* ---- shape rules --------------------------------------------------------------------------- */

Test(ops, infer_says_what_does_not_fit)
{
    refuse(G("input $x : F32[T,4]\nweight @w : F32[3,5]\n%y = linear($x, @w)"), "expected 4");
    refuse(G("input $a : F32[T,4]\ninput $b : F32[T,3]\n%y = add($a, $b)"), "broadcast");
    refuse(G("input $a : F32[T]\ninput $b : I32[T]\n%y = add($a, $b)"), "mix");
    refuse(G("input $x : F32[T,40]\n%y = quantize($x)"), "multiple of 32");
    refuse(G("input $x : F32[T,4]\n%y = top_k($x) k=5"), "1..4");
    refuse(G("input $x : F32[T,4]\n%y = rms_norm($x) eps=-1"), "eps");
    refuse(G("input $x : F32[T,2,4]\ninput $i : I32[T]\n%y = kv_store($x, $x, $i)"), "a state");
    refuse(G("state &s : Q8_0[2,1,64,40]\ninput $x : F32[T,1,40]\ninput $i : I32[T]\n"
             "%y = kv_store(&s, $x, $i)"),
           "multiples of 32");
    refuse(G("state &s : Q6_K[2,1,64,256]\ninput $x : F32[T,1,256]\ninput $i : I32[T]\n"
             "%y = kv_store(&s, $x, $i)"),
           "Q8_0 or Q4_0");
    refuse(G("input $x : F32[T,4]\ninput $i : F32[T]\n%y = take_rows($x, $i)"), "expected I32");
    refuse(G("input $a : F32[T,4]\ninput $b : F32[T,4]\n%y = concat($a, $b) axis=2"), "0..1");
}

/* ---- addresses ----------------------------------------------------------------------------- */

Test(ops, references_follow_no_address_outside)
{
    const char *store = G("state &s : F32[2,1,64,1]\ninput $x : F32[T,1,1]\ninput $i : I32[T]\n"
                          "%y = kv_store(&s, $x, $i)");
    const char *group = G("input $i : I32[T,1]\n%y = group_by_expert($i) n_expert=3");
    const char *rows = G("weight @w : F32[3,2]\ninput $i : I32[T]\n%y = take_rows(@w, $i)");
    cr_assert_eq(evaluate_text(store, 1, LEAVES(V("i", 127))), OG_OK);
    cr_assert_eq(evaluate_text(store, 1, LEAVES(V("i", 128))), OG_E_INVALID);
    cr_assert_eq(evaluate_text(store, 1, LEAVES(V("i", -1))), OG_E_INVALID);
    cr_assert_eq(evaluate_text(group, 1, LEAVES(V("i", 2))), OG_OK);
    cr_assert_eq(evaluate_text(group, 1, LEAVES(V("i", 3))), OG_E_INVALID);
    cr_assert_eq(evaluate_text(rows, 1, LEAVES(V("i", 3))), OG_E_INVALID);
}

Test(ops, marks_of_addresses_name_one_source_once)
{
    int n_mark = 0;
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        for (int i = 0; i < d->n_address; i++, n_mark++) {
            const ogi_address *a = &d->address[i];
            cr_assert(a->src >= 0 && a->src < d->n_src_max, "%s", ogi_op_name((og_op)op));
            cr_assert((a->input || a->limit) != (a->made_by >= 0), "%s", ogi_op_name((og_op)op));
            for (int j = 0; j < i; j++) cr_assert(d->address[j].src != a->src);
        }
    }
    cr_assert(n_mark >= 14, "%d marks", n_mark);
}

/* The range of the last node of a text, from those of its sources. */
static ogi_range range_of(const char *text)
{
    static ogi_range r[64];
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = parse(ctx, text);
    cr_assert(g->n_node <= 64);
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *n = g->node[i];
        const ogi_op_def *d = ogi_op_def_of(n->op);
        ogi_range src[OGI_MAX_SRC];
        for (int k = 0; k < n->n_src; k++) src[k] = r[n->src[k]->id];
        r[i] = d->range ? d->range(n, src) : (ogi_range){ INT32_MIN, INT32_MAX };
    }
    ogi_range last = r[g->output[0].value->id];
    og_graph_free(g);
    og_ctx_free(ctx);
    return last;
}

Test(ops, ranges_bound_what_may_index)
{
    ogi_range r = range_of(G("input $x : F32[T,8]\n%y = top_k($x) k=3"));
    cr_assert(r.lo == 0 && r.hi == 7);
    r = range_of(G("input $x : F32[T,8]\n%k = top_k($x) k=4\n"
                   "%y = reshape(%k) shape=[2*T,2] : I32[2*T,2]"));
    cr_assert(r.lo == 0 && r.hi == 7);
    r = range_of(G("input $x : I32[T]\ninput $z : I32[T]\n%a = less($x, $z)\n"
                   "%y = maximum($x, %a)"));
    cr_assert(r.lo == 0 && r.hi == INT32_MAX);
    r = range_of(G("input $x : F32[T,8]\n%i = cast($x) dtype=I32\n%k = top_k($x) k=8\n"
                   "%y = minimum(%i, %k)"));
    cr_assert(r.lo == INT32_MIN && r.hi == 7);
}

/* ---- definitions --------------------------------------------------------------------------- */

Test(ops, each_op_is_defined_whole)
{
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        const char *name = ogi_op_name((og_op)op);
        cr_assert(ogi_op_find(ogi_sv_of(name)) == op, "%s", name);
        cr_assert(d->infer || d->op_class == OGI_CLASS_LEAF, "%s has no infer", name);
        if (d->op_class == OGI_CLASS_LEAF) continue;
        cr_assert(d->ref, "%s has no reference", name);
        cr_assert(d->n_cases > 0, "%s has no cases", name);
        bool lowers = d->op_class >= OGI_CLASS_MAP && d->op_class <= OGI_CLASS_STORE;
        cr_assert(!lowers || d->lower, "%s has no formula", name);
        cr_assert(!d->is_composite || d->decompose, "%s has no decomposition", name);
    }
}

Test(ops, each_case_parses_and_uses_its_op)
{
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        for (int i = 0; i < d->n_cases; i++) {
            og_ctx *ctx = NULL;
            cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
            og_graph *g = parse(ctx, d->cases[i]);
            bool found = false;
            for (int64_t k = 0; k < g->n_node; k++) found |= g->node[k]->op == (og_op)op;
            cr_assert(found, "case %d of %s", i, ogi_op_name((og_op)op));
            og_graph_free(g);
            og_ctx_free(ctx);
        }
    }
}

/* ---- decompositions ------------------------------------------------------------------------ */

static og_tensor *decompose_node(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const ogi_op_def *d = ogi_op_def_of(n->op);
    if (!d->decompose) return ogi_node_copy(g, n, src);
    ++*(int *)user;
    return d->decompose(g, n, src);
}

static ogi_ref_tensor *bind_noise(void *user, const og_tensor *leaf, const int64_t *dim)
{
    ogi_ref_tensor *t = bind(user, leaf, dim);
    for (int64_t i = 0; i < t->n; i++) t->f[i] = (float)((i * 2654435761u >> 8) % 1000) / 250 - 2;
    return t;
}

static int evaluate(const og_graph *g, double *out)
{
    static run r;
    memset(&r, 0, sizeof r);
    const int64_t sym[OG_MAX_SYM] = { 5, 1 };
    ogi_ref_io io = { &r, bind_noise, emit };
    cr_assert(ogi_ref_run(g, sym, &io) == OG_OK, "%s", og_error(g->ctx));
    for (int i = 0; i < r.n_tensor; i++) free(r.tensor[i].f), free(r.tensor[i].i);
    memcpy(out, r.out, sizeof r.out);
    return r.n_out;
}

Test(ops, decompositions_give_the_same_values)
{
    static double whole[MAX_VALUES], parts[MAX_VALUES];
    int n_decomposed = 0;
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        for (int i = 0; d->decompose && i < d->n_cases; i++) {
            og_ctx *ctx = NULL;
            og_graph *simple = NULL;
            cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
            og_graph *g = parse(ctx, d->cases[i]);
            cr_assert(ogi_graph_rewrite(g, decompose_node, &n_decomposed, &simple) == OG_OK, "%s",
                      og_error(ctx));
            int n = evaluate(g, whole);
            cr_assert(evaluate(simple, parts) == n && n > 0);
            double error = 0, norm = 0;
            for (int k = 0; k < n; k++) {
                error += (whole[k] - parts[k]) * (whole[k] - parts[k]);
                norm += whole[k] * whole[k];
            }
            cr_assert(error <= d->tol * norm, "%s: NMSE %g", ogi_op_name((og_op)op), error / norm);
            og_graph_free(simple);
            og_graph_free(g);
            og_ctx_free(ctx);
        }
    }
    cr_assert(n_decomposed >= 4);
}

#ifdef OGT_PROGRAM
static void expect_same(const char *command, const char *path, const char *advice)
{
    FILE *now = popen(command, "r"), *kept = fopen(path, "r");
    cr_assert(now && kept);
    int a, b;
    do {
        a = getc(now);
        b = getc(kept);
    } while (a == b && a != EOF);
    cr_assert(a == b, "stale: %s", advice);
    fclose(kept);
    pclose(now);
}

Test(ops, the_manual_is_up_to_date)
{
    expect_same(OGT_PROGRAM " ops --markdown", OGT_SOURCE_DIR "/docs/ops.md",
                "oxigraph ops --markdown > docs/ops.md");
}

Test(ops, the_printed_header_is_up_to_date)
{
    expect_same(OGT_PROGRAM " ops --header", OGT_SOURCE_DIR "/include/oxigraph/builders.h",
                "oxigraph ops --header > include/oxigraph/builders.h");
}
#endif
