/* SPDX-License-Identifier: MIT
 *
 * The text form: what is printed parses to the same text; equal layers are printed once; errors say
 * where and what was expected; hostile text costs little. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "graph/form.h"
#include "graph/pass.h"
#include "tests/support/random_graph.h"

static og_ctx *ctx;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void tear_down(void)
{
    og_ctx_free(ctx);
}

TestSuite(text, .init = set_up, .fini = tear_down);

static og_graph *parse(const char *text)
{
    og_graph *g;
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) == OG_OK, "%s\n%s", og_error(ctx), text);
    return g;
}

static char *print(const og_graph *g, og_format format)
{
    char *text;
    cr_assert(og_graph_print(g, format, &text) == OG_OK, "%s", og_error(ctx));
    return text;
}

/* Parses `from`; the graph prints as `want`. */
static void expect_print(const char *from, const char *want)
{
    og_graph *g = parse(from);
    char *is = print(g, OG_TEXT);
    cr_assert(!strcmp(is, want), "%s\nexpected\n%s", is, want);
    og_text_free(ctx, is);
    og_graph_free(g);
}

static void expect_fixed(const char *text)
{
    expect_print(text, text);
}

static void expect_error(const char *text, const char *want)
{
    og_graph *g;
    og_error_clear(ctx);
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) != OG_OK && !g, "parsed: %s", text);
    cr_assert(strstr(og_error(ctx), want), "\"%s\" lacks \"%s\"", og_error(ctx), want);
}

/* ---- round trips --------------------------------------------------------------------------- */

#define HEAD "graph \"t\"\nsym T = 1..512\n"

Test(text, a_small_graph_is_fixed)
{
    expect_fixed(HEAD "sym S = 2..2\n"
                      "input $x : F32[T,64]\n"
                      "weight @blk.0.w : Q8_0[32,64]\n"
                      "state &kv : F16[4,2,64,16]\n"
                      "%3 = linear($x, @blk.0.w) : F32[T,32]\n"
                      "layer 2\n"
                      "%4 = scale(%3) a=2 b=0.25 : F32[T,32] as \"twice\"\n"
                      "layer -\n"
                      "%5 = permute(%4) axes=[1,0] : F32[32,T]\n"
                      "%6 = reshape(%4) shape=[2*T,16] : F32[2*T,16]\n"
                      "%7 = cast(%6) dtype=F16 : F16[2*T,16]\n"
                      "output \"y\" = %5\n"
                      "output \"z\" = %7\n");
}

Test(text, byte_order_mark_before_a_graph_is_skipped)
{
    const char *text = HEAD "input $x : F32[T,64]\noutput \"y\" = $x\n";
    char marked[256];
    snprintf(marked, sizeof marked, "\xef\xbb\xbf%s", text);
    expect_print(marked, text);
}

Test(text, absent_operands_stay_in_place)
{
    expect_fixed("graph \"t\"\nsym T = 1..8\nsym S = 1..2\n"
                 "input $q : F32[T,2,16]\n"
                 "state &k : F32[4,1,64,16]\n"
                 "state &v : F32[4,1,64,16]\n"
                 "input $pos : I32[T]\n"
                 "input $start : I32[S+1]\n"
                 "input $len : I32[S]\n"
                 "input $page : I32[S,2]\n"
                 "weight @sink : F32[2]\n"
                 "%8 = attention($q, &k, &v, $pos, $start, $len, $page, _, @sink) "
                 "scale=0.25 window=8 : F32[T,2,16]\n"
                 "output \"y\" = %8\n");
}

Test(text, hand_written_text_is_brought_into_form)
{
    expect_print("\n# a comment\ngraph  \"t\"   # here too\nsym T=1..512\r\n\n"
                 "input $x:F32[ T , 64 ]\n  %h = scale( $x ) b=1 a=0.1\noutput \"y\"=%h\n",
                 HEAD "input $x : F32[T,64]\n"
                      "%1 = scale($x) a=0.100000001 b=1 : F32[T,64]\n"
                      "output \"y\" = %1\n");
}

Test(text, names_of_any_bytes)
{
    expect_fixed("graph \"a \\\"b\\\" \\\\ \\{L\\} \\x01 \xc3\xa4\"\n"
                 "input $\"odd name\" : F32[4]\n"
                 "input $a-b/c.d_1 : F32[4]\n"
                 "%2 = add($\"odd name\", $a-b/c.d_1) : F32[4] as \"\\{L\\}\"\n"
                 "output \"\\x7f\" = %2\n");
}

Test(text, floats_keep_every_bit)
{
    float v[7] = { 0.1f, -0.0f, 1e-45f, 3.4028235e38f, 1.0f / 3, 16777217.0f, 1e10f };
    og_graph *g = og_graph_new(ctx, "t");
    og_output(g, "y", og_table(g, OG_F32, OG_SHAPE(OG_N(7)), v));
    char *text = print(g, OG_TEXT);
    og_graph *h = parse(text);
    const ogi_data *d = h->node[0]->params;
    cr_assert(!memcmp(d->data, v, sizeof v), "%s", text);
    og_text_free(ctx, text);
    og_graph_free(g);
    og_graph_free(h);
}

Test(text, special_floats_and_integers_in_tables)
{
    expect_fixed("graph \"t\"\n"
                 "%0 = table data=[inf,-inf,nan,-0] : F32[2,2]\n"
                 "%1 = table data=[-2147483648,0,2147483647] : I32[3]\n"
                 "%2 = table data=[3] : F32[]\n"
                 "output \"y\" = %0\n");
}

Test(text, random_graphs_are_fixed)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        char *a = print(g, OG_TEXT), *b;
        og_graph *h = parse(a);
        b = print(h, OG_TEXT);
        cr_assert(!strcmp(a, b), "seed %d\n%s\n%s", (int)seed, a, b);
        cr_assert(g->n_node == h->n_node && ogi_verify(g) == OG_OK, "seed %d", (int)seed);
        og_text_free(ctx, a);
        og_text_free(ctx, b);
        og_graph_free(g);
        og_graph_free(h);
    }
}

Test(text, conformance_cases_are_fixed_once_printed)
{
    for (int op = 0; op < OG_OP_COUNT; op++)
        for (int i = 0; i < ogi_op_def_of((og_op)op)->n_cases; i++) {
            og_graph *g = parse(ogi_op_def_of((og_op)op)->cases[i]);
            char *a = print(g, OG_TEXT);
            expect_fixed(a);
            og_text_free(ctx, a);
            og_graph_free(g);
        }
}

/* ---- repetition ---------------------------------------------------------------------------- */

/* Layers h = h + silu(w h), each with its own weight. */
static og_graph *stack(int n_layer, int odd_layer)
{
    char name[32];
    og_graph *g = og_graph_new(ctx, "stack");
    og_dim T = og_sym(g, "T", 1, 512);
    og_tensor *h = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(64)));
    for (int i = 0; i < n_layer; i++) {
        og_graph_layer(g, i);
        snprintf(name, sizeof name, "blk.%d.w", i);
        og_tensor *w = og_weight(g, name, OG_F16, OG_SHAPE(OG_N(64), OG_N(64)));
        og_tensor *y = og_linear(g, h, w);
        y = i == odd_layer ? og_gelu(g, y) : og_silu(g, y);
        h = og_name(og_add(g, h, y), "out-%d", i);
    }
    og_graph_layer(g, -1);
    og_output(g, "y", og_rms_norm(g, h, 1e-5f));
    return g;
}

Test(text, equal_layers_are_printed_once)
{
    og_graph *g = stack(12, -1);
    char *text = print(g, OG_TEXT);
    const char *want = "graph \"stack\"\nsym T = 1..512\n"
                       "input $x : F32[T,64]\n"
                       "repeat L = 0..11 (%50 <- $x) {\n"
                       "weight @blk.{L}.w : F16[64,64]\n"
                       "%2 = linear(%50, @blk.{L}.w) : F32[T,64]\n"
                       "%3 = silu(%2) : F32[T,64]\n"
                       "%4 = add(%50, %3) : F32[T,64] as \"out-{L}\"\n"
                       "next %4\n"
                       "}\n"
                       "layer -\n"
                       "%49 = rms_norm(%4) eps=9.99999975e-06 : F32[T,64]\n"
                       "output \"y\" = %49\n";
    cr_assert(!strcmp(text, want), "%s", text);
    og_graph *h = parse(text);
    cr_assert(h->n_node == g->n_node);
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *a = g->node[i], *b = h->node[i];
        cr_assert(a->op == b->op && a->layer == b->layer && ogi_params_eq(a, b));
        cr_assert(!a->name == !b->name && (!a->name || !strcmp(a->name, b->name)));
        for (int k = 0; k < a->n_src; k++) cr_assert(a->src[k]->id == b->src[k]->id);
    }
    og_text_free(ctx, text);
    og_graph_free(g);
    og_graph_free(h);
}

Test(text, a_different_layer_splits_the_repetition)
{
    og_graph *g = stack(9, 4);
    char *text = print(g, OG_TEXT);
    cr_assert(strstr(text, "repeat L = 0..3 ") && strstr(text, "repeat L = 5..8 "), "%s", text);
    cr_assert(strstr(text, "layer 4\n"), "%s", text);
    expect_fixed(text);
    og_text_free(ctx, text);
    og_graph_free(g);
}

Test(text, a_layer_read_from_outside_ends_the_repetition)
{
    og_graph *g = stack(8, -1);
    og_output(g, "middle", g->node[1 + 4 * 3 + 3]); /* result of layer 3 */
    char *text = print(g, OG_TEXT);
    cr_assert(strstr(text, "repeat L = 0..3 ") && strstr(text, "repeat L = 4..7 "), "%s", text);
    expect_fixed(text);
    og_text_free(ctx, text);
    og_graph_free(g);
}

Test(text, weights_made_ahead_repeat_too)
{
    char name[32];
    og_tensor *w[6];
    og_graph *g = og_graph_new(ctx, "ahead");
    og_tensor *h = og_input(g, "x", OG_F32, OG_SHAPE(OG_N(8)));
    for (int i = 0; i < 6; i++) {
        og_graph_layer(g, i + 7);
        snprintf(name, sizeof name, "w%d", i + 7);
        w[i] = og_weight(g, name, OG_F32, OG_SHAPE(OG_N(8)));
    }
    for (int i = 0; i < 6; i++) {
        og_graph_layer(g, i + 7);
        h = og_mul(g, og_mul(g, h, w[i]), g->node[0]);
    }
    og_output(g, "y", h);
    char *text = print(g, OG_TEXT);
    cr_assert(strstr(text, "repeat L = 7..12 {\nweight @w{L} : F32[8]\n}\n"), "%s", text);
    cr_assert(strstr(text, "repeat L = 7..12 (%19 <- $x) {\n%7 = mul(%19, @w{L})"), "%s", text);
    expect_fixed(text);
    og_text_free(ctx, text);
    og_graph_free(g);
}

Test(text, constants_in_layers_repeat)
{
    og_graph *g = og_graph_new(ctx, "t");
    og_tensor *h = og_input(g, "x", OG_F32, OG_SHAPE(OG_N(8)));
    for (int i = 0; i < 4; i++) {
        og_graph_layer(g, i);
        h = og_add(g, h, og_scalar(g, 1.5f));
    }
    og_output(g, "y", h);
    char *text = print(g, OG_TEXT);
    cr_assert(strstr(text, "repeat L = 0..3 (%9 <- $x) {\n%1 = table data=[1.5]"), "%s", text);
    expect_fixed(text);
    og_text_free(ctx, text);
    og_graph_free(g);
}

/* ---- errors -------------------------------------------------------------------------------- */

Test(text, errors_say_where_and_what)
{
    expect_error("", "line 1, column 1: expected \"graph\", found the end of the text");
    expect_error(HEAD "nonsense\n", "line 3, column 1: expected a statement");
    expect_error(HEAD "input $x : F33[T]\n", "line 3, column 12: expected an element type");
    expect_error(HEAD "input $x : F32[T,U]\n", "line 3, column 18: expected a number or a symbol");
    expect_error(HEAD "%0 = neg($x)\n", "line 3, column 10: expected a leaf declared above");
    expect_error(HEAD "%0 = neg(%1)\n", "column 10: expected a value defined above, found \"%1\"");
    expect_error(HEAD "%0 = nag(%1)\n", "line 3, column 6: expected an op, found \"nag\"");
    expect_error(HEAD "input $x : F32[T] junk\n", "expected the end of the line, found \"junk\"");
    expect_error(HEAD "input $x : F32[1,1,1,1,1,1]\n", "at most 5 dimensions");
    expect_error(HEAD "sym T = 1..4\n", "expected a new symbol");
}

Test(text, errors_of_attributes)
{
#define X HEAD "input $x : F32[T,8]\n"
    expect_error(X "%0 = scale($x) c=1\n", "column 16: expected an attribute of this op");
    expect_error(X "%0 = scale($x) a=1 a=2\n", "expected each attribute once");
    expect_error(X "%0 = scale($x) a=x\n", "expected a number");
    expect_error(X "%0 = reshape($x)\n", "expected the attribute shape");
    expect_error(X "%0 = permute($x) axes=[1,0,2]\n", "as many axes as the result");
    expect_error(X "%0 = slice($x) axis=1 begin=99999999999999999999 size=1\n", "a whole number");
    expect_error(X "%0 = table data=[1,2] : F32[3]\n", "as many data as the type");
    expect_error(X "%0 = table data=[1.5] : I32[1]\n", "whole numbers of 32 bits");
}

Test(text, errors_of_the_builder_name_the_line)
{
    expect_error(X "weight @w : F32[3,9]\n%0 = linear($x, @w)\n", "at graph text:5");
    expect_error(X "%0 = neg($x) : F32[T,9]\n", "line 4: the result of neg is F32[T,8]");
    expect_error(X "%0 = neg($x)\n%0 = neg($x)\n", "line 5, column 2: expected a new name");
    expect_error(X "input $x : F32[T]\n", "input \"x\": the name is taken - at graph text:4");
}

Test(text, errors_of_repetitions)
{
    expect_error(X "repeat L = 0..3 (%h <- $x) {\n%1 = neg(%h)\n}\n", "expected \"next\"");
    expect_error(X "repeat L = 0..3 {\n%1 = neg($x)\n", "expected \"}\"");
    expect_error(X "repeat L = 3..0 {\n}\n", "a whole number from 3");
    expect_error(X "repeat L = 0..3 {\nrepeat L = 0..3 {\n}\n}\n", "expected a value, a leaf");
    expect_error(X "repeat L = 0..3 {\nweight @w : F32[4]\n}\n", "the name is taken");
    expect_error(X "weight @w{L} : F32[4]\n", "no {L} outside of a repetition");
    expect_error(X "repeat L = 0..3 (%h <- $x) {\n%1 = neg(%2)\n%2 = neg(%h)\nnext %2\n}\n",
                 "a value defined above");
}

/* ---- hostile text -------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Test(text, huge_repetitions_are_refused_quickly)
{
    double start = seconds();
    expect_error(X "repeat L = 0..2000000000 {\n}\n", "a whole number from 0 to 65535");
    expect_error(X "repeat L = 0..65535 (%h <- $x) {\n%1 = neg(%h)\n%2 = neg(%1)\n%3 = neg(%2)\n"
                   "next %3\n}\n",
                 "more than 131072 values");
    char *text = malloc(1 << 20);
    int n = sprintf(text, X "repeat L = 0..65535 {\n");
    memset(text + n, '\n', 1 << 16);
    strcpy(text + n + (1 << 16), "}\n");
    expect_error(text, "repetitions of more than 64 MB");
    free(text);
    cr_assert(seconds() - start < 5, "%.1f s", seconds() - start);
}

Test(text, long_chains_of_views_and_names)
{
    ogi_buf b = { .ctx = ctx };
    ogi_buf_puts(&b, X "%0 = reshape($x) shape=[T,8]\n");
    for (int i = 1; i < 20000; i++)
        ogi_buf_printf(&b, "%%%d = reshape(%%%d) shape=[T,%s]\n", i, i - 1, i % 2 ? "2,4" : "8");
    ogi_buf_puts(&b, "output \"y\" = %19999\n");
    double start = seconds();
    og_graph *g = parse(ogi_buf_str(&b)), *simple;
    cr_assert(ogi_passes_run(g, NULL, NULL, &simple) == OG_OK, "%s", og_error(ctx));
    cr_assert(simple->n_node == 2, "%d nodes", (int)simple->n_node);
    cr_assert(seconds() - start < 5, "%.1f s", seconds() - start);
    og_graph_free(simple);
    og_graph_free(g);
    ogi_buf_free(&b);
    char name[600];
    memset(name, 'n', sizeof name);
    snprintf(name, sizeof name, HEAD "input $%.*s : F32[1]\n", 300, "");
    memset(name + strlen(HEAD "input $"), 'n', 300);
    name[sizeof name - 1] = 0;
    expect_error(name, "a name of at most 255 characters");
}

Test(text, truncation_at_every_byte_is_an_error_or_a_graph)
{
    og_graph *g = ogt_random_graph(ctx, 42), *h;
    char *text = print(g, OG_TEXT);
    for (size_t n = 0; n < strlen(text); n++) {
        og_error_clear(ctx);
        og_status s = og_graph_parse(ctx, text, n, &h);
        cr_assert(s == OG_OK ? h != NULL : !h && *og_error(ctx), "%d bytes", (int)n);
        og_graph_free(h);
    }
    og_text_free(ctx, text);
    og_graph_free(g);
}

/* An allocator that fails at the n-th call and counts what lives. */
typedef struct failing {
    int64_t left, live;
} failing;

static void *fail_at(void *user, void *p, size_t size)
{
    failing *f = user;
    if (!size) {
        f->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (f->left-- <= 0) return NULL;
    f->live += p == NULL;
    return realloc(p, size);
}

Test(text, every_failing_allocation_ends_cleanly)
{
    og_graph *g = stack(3, -1), *h, *simple;
    char *text = print(g, OG_TEXT), *again;
    og_status s = OG_E_MEMORY;
    int64_t n = 2;
    for (; s != OG_OK && n < 5000; n++) {
        failing f = { n, 0 };
        og_ctx *c;
        cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = fail_at, .user = &f }, &c) == OG_OK);
        s = og_graph_parse(c, text, strlen(text), &h);
        if (s == OG_OK) s = ogi_passes_run(h, NULL, NULL, &simple);
        if (s == OG_OK) {
            s = og_graph_print(simple, OG_TEXT, &again);
            if (s == OG_OK) og_text_free(c, again);
            og_graph_free(simple);
        }
        og_graph_free(h);
        cr_assert(s == OG_OK || s == OG_E_MEMORY, "call %d: %s", (int)n, og_error(c));
        og_ctx_free(c);
        cr_assert(f.live == 0, "call %d: %d pieces live", (int)n, (int)f.live);
    }
    cr_assert(s == OG_OK && n > 20, "%d calls", (int)n);
    og_text_free(ctx, text);
    og_graph_free(g);
}

/* ---- JSON and DOT -------------------------------------------------------------------------- */

Test(text, json_parses_and_counts_nodes)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        char *text = print(g, OG_JSON);
        json_t *j = json_loads(text, 0, NULL);
        cr_assert(j, "seed %d: %s", (int)seed, text);
        cr_assert((int64_t)json_array_size(json_object_get(j, "nodes")) == g->n_node);
        cr_assert((int64_t)json_array_size(json_object_get(j, "outputs")) == g->n_output);
        json_decref(j);
        og_text_free(ctx, text);
        og_graph_free(g);
    }
}

Test(text, dot_groups_layers)
{
    og_graph *g = stack(3, -1);
    char *text = print(g, OG_DOT);
    cr_assert(strstr(text, "label=\"layer 2\";"), "%s", text);
    int depth = 0;
    for (const char *p = text; *p; p++) depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
    cr_assert(depth == 0, "%s", text);
    og_text_free(ctx, text);
    og_graph_free(g);
}
