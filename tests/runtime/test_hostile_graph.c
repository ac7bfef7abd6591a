/* SPDX-License-Identifier: MIT
 *
 * Graphs from anywhere, as text: what addresses memory comes from the step's inputs or from ops
 * that bound it, or the graph is refused when it is compiled, in every build. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "oxigraph/compile.h"

static og_ctx *ctx;
static og_device *dev;

static void begin(void)
{
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .n_thread = 2 }, &dev), OG_OK);
}

static void end(void)
{
    og_device_free(dev);
    og_ctx_free(ctx);
}

TestSuite(hostile, .init = begin, .fini = end);

static og_status compile(const char *body)
{
    char text[4096];
    og_graph *g = NULL;
    og_program *p = NULL;
    snprintf(text, sizeof text, "graph \"g\"\nsym T = 1..16\nsym S = 1..4\nsym P = 1..64\n%s",
             body);
    og_error_clear(ctx);
    cr_assert_eq(og_graph_parse(ctx, text, strlen(text), &g), OG_OK, "%s\n%s", og_error(ctx), text);
    og_status st = og_compile(dev, g, NULL, &p);
    og_program_free(p);
    og_graph_free(g);
    return st;
}

static void refused(const char *body)
{
    cr_assert_eq(compile(body), OG_E_INVALID, "compiled:\n%s", body);
    cr_assert(strstr(og_error(ctx), "addresses memory"), "%s", og_error(ctx));
}

static void taken(const char *body)
{
    cr_assert_eq(compile(body), OG_OK, "%s\n%s", og_error(ctx), body);
}

#define EXPERTS(ids)                                                                               \
    "input $x : F32[T,8]\n" ids "%g = group_by_expert(%i) n_expert=8\noutput \"y\" = %g\n"

Test(hostile, ids_of_experts_are_bounded)
{
    taken(EXPERTS("%i = top_k($x) k=2\n"));
    refused(EXPERTS("%i = cast($x) dtype=I32\n"));
    refused("input $x : F32[T,9]\n%i = top_k($x) k=2\n%g = group_by_expert(%i) n_expert=8\n"
            "output \"y\" = %g\n");
    refused("input $i : I32[T,2]\n%g = group_by_expert($i) n_expert=8\noutput \"y\" = %g\n");
    refused(EXPERTS("%k = top_k($x) k=2\n%i = add(%k, %k)\n"));
    refused(EXPERTS("%k = top_k($x) k=2\n%i = neg(%k)\n"));
    taken(EXPERTS("%k = top_k($x) k=2\n%i = minimum(%k, %k)\n"));
}

#define GROUPED(ids, groups)                                                                       \
    "input $x : F32[T,8]\ninput $z : F32[T,1,4]\nweight @w : F32[8,6,4]\n"                         \
    "%a = top_k($x) k=2\n%n = neg($x)\n%b = top_k(%n) k=2\n%c = cast($x) dtype=I32\n"              \
    "%g = group_by_expert(%a) n_expert=8\n"                                                        \
    "%y = grouped_linear($z, @w, " ids ", " groups ")\noutput \"y\" = %y\n"

Test(hostile, groups_are_of_the_ids_they_sort)
{
    taken(GROUPED("%a", "%g"));
    refused(GROUPED("%b", "%g"));
}

#define STORE(slot)                                                                                \
    "input $x : F32[T,2,8]\ninput $kv_slot : I32[T]\ninput $other : I32[T]\ninput $f : F32[T]\n"   \
    "state &k : F16[P,2,64,8]\n" slot "%y = kv_store(&k, $x, %s)\n"

Test(hostile, slots_are_the_steps_input)
{
    taken("input $x : F32[T,2,8]\ninput $kv_slot : I32[T]\nstate &k : F16[P,2,64,8]\n"
          "%y = kv_store(&k, $x, $kv_slot)\n");
    refused(STORE("%s = cast($f) dtype=I32\n"));
    refused(STORE("%s = add($kv_slot, $kv_slot)\n"));
    refused(STORE("%s = maximum($other, $kv_slot)\n"));
    refused("input $x : F32[T,2,8]\ninput $other : I32[T]\nstate &k : F16[P,2,64,8]\n"
            "%y = kv_store(&k, $x, $other)\n");
}

/* Attention over inputs, one of which is %o instead. */
static void attend(const char *pos, const char *start, const char *len, const char *table,
                   bool is_taken)
{
    char body[2048];
    snprintf(body, sizeof body,
             "input $q : F32[T,2,8]\ninput $pos : I32[T]\ninput $seq_start : I32[S+1]\n"
             "input $kv_len : I32[S]\ninput $page_table : I32[S,P]\ninput $a : F32[T]\n"
             "input $b : F32[S+1]\ninput $c : F32[S]\ninput $d : F32[S,P]\n"
             "%%a = cast($a) dtype=I32\n%%b = cast($b) dtype=I32\n%%c = cast($c) dtype=I32\n"
             "%%d = cast($d) dtype=I32\nstate &k : F16[P,2,64,8]\nstate &v : F16[P,2,64,8]\n"
             "%%y = attention($q, &k, &v, %s, %s, %s, %s) scale=1\noutput \"y\" = %%y\n",
             pos, start, len, table);
    if (is_taken)
        taken(body);
    else
        refused(body);
}

Test(hostile, attention_follows_the_steps_inputs)
{
    attend("$pos", "$seq_start", "$kv_len", "$page_table", true);
    attend("%a", "$seq_start", "$kv_len", "$page_table", false);
    attend("$pos", "%b", "$kv_len", "$page_table", false);
    attend("$pos", "$seq_start", "%c", "$page_table", false);
    attend("$pos", "$seq_start", "$kv_len", "%d", false);
}

Test(hostile, rows_of_a_steps_values_are_wanted_by_out_row)
{
    taken("input $x : F32[T,8]\ninput $out_row : I32[S]\n%y = take_rows($x, $out_row)\n"
          "output \"y\" = %y\n");
    taken("weight @w : F32[5,8]\ninput $any : I32[T]\n%y = take_rows(@w, $any)\n"
          "output \"y\" = %y\n"); /* held inside by the op itself */
    refused("input $x : F32[T,8]\ninput $any : I32[S]\n%y = take_rows($x, $any)\n"
            "output \"y\" = %y\n");
}

Test(hostile, what_breaks_the_rules_of_graphs_is_refused_in_every_build)
{
    og_graph *g = og_graph_new(ctx, "g");
    og_program *p;
    og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(OG_N(4)));
    og_output(g, "y", og_sqr(g, x));
    g->node[1]->shape.dim[0] = OG_N(400); /* as no builder makes it */
    cr_assert_eq(og_compile(dev, g, NULL, &p), OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "infers"), "%s", og_error(ctx));
    og_graph_free(g);
}
