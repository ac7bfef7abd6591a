/* SPDX-License-Identifier: MIT
 *
 * Passes: text in, text out (tests/golden), and that no pass changes a bit of what the reference
 * computes. OG_UPDATE=1 in the environment writes the expected texts anew. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "graph/dtype.h"
#include "graph/pass.h"
#include "graph/ref.h"
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

TestSuite(passes, .init = set_up, .fini = tear_down);

static og_graph *parse(const char *text, const char *what)
{
    og_graph *g;
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) == OG_OK, "%s: %s", what, og_error(ctx));
    return g;
}

static og_graph *run_alone(const og_graph *g, const char *pass)
{
    og_graph *out = NULL;
    for (int i = 0; i < ogi_n_passes; i++)
        if (!strcmp(ogi_passes[i].name, pass))
            cr_assert(ogi_passes[i].run(g, &out) == OG_OK, "%s: %s", pass, og_error(ctx));
    cr_assert(out, "no pass %s", pass);
    cr_assert(ogi_verify(out) == OG_OK, "%s: %s", pass, og_error(ctx));
    return out;
}

/* ---- text in, text out --------------------------------------------------------------------- */

static void check_golden(const char *path)
{
    ogi_buf in = { .ctx = ctx }, want = { .ctx = ctx };
    char pass[64], *text, out_path[512];
    snprintf(out_path, sizeof out_path, "%.*s.out.og", (int)strlen(path) - 3, path);
    cr_assert(ogi_file_read(ctx, path, 1 << 20, &in) == OG_OK, "%s", og_error(ctx));
    cr_assert(sscanf(ogi_buf_str(&in), "# pass %63s", pass) == 1, "%s names no pass", path);
    og_graph *g = parse(ogi_buf_str(&in), path), *out = run_alone(g, pass);
    cr_assert(og_graph_print(out, OG_TEXT, &text) == OG_OK);
    if (getenv("OG_UPDATE"))
        cr_assert(ogi_file_write(ctx, out_path, text, strlen(text), 0644) == OG_OK);
    cr_assert(ogi_file_read(ctx, out_path, 1 << 20, &want) == OG_OK, "%s", og_error(ctx));
    cr_assert(!strcmp(text, ogi_buf_str(&want)), "%s gives\n%s", path, text);
    og_text_free(ctx, text);
    og_graph_free(g);
    og_graph_free(out);
    ogi_buf_free(&in);
    ogi_buf_free(&want);
}

Test(passes, text_in_text_out)
{
    glob_t files;
    int n = 0;
    cr_assert(glob(OGT_SOURCE_DIR "/tests/golden/*.og", 0, NULL, &files) == 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        if (strstr(files.gl_pathv[i], ".out.og")) continue;
        check_golden(files.gl_pathv[i]);
        n++;
    }
    globfree(&files);
    cr_assert(n >= 8, "only %d texts", n);
}

/* ---- the same results ---------------------------------------------------------------------- */

/* Outputs of a run, one after the other. */
typedef struct results {
    float *v;
    int64_t n, cap;
    ogt_data *data;
} results;

static void keep(void *user, const char *name, const ogi_ref_tensor *t)
{
    results *r = user;
    (void)name;
    cr_assert(ogi_grow(ctx, &r->v, &r->cap, r->n + t->n, sizeof *r->v) == OG_OK);
    memcpy(r->v + r->n, t->i ? (const void *)t->i : (const void *)t->f, (size_t)t->n * 4);
    r->n += t->n;
}

static ogi_ref_tensor *bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    return ogt_data_bind(((results *)user)->data, leaf, dim);
}

static results run(const og_graph *g, uint64_t seed, const int64_t *sym)
{
    results r = { .data = ogt_data_new(g, seed, sym) };
    ogi_ref_io io = { &r, bind, keep };
    cr_assert(ogi_ref_run(g, sym, &io) == OG_OK, "seed %d: %s", (int)seed, og_error(ctx));
    ogt_data_free(r.data);
    return r;
}

/* Runs graphs through one pass; the reference must give the same bits. */
static void expect_same_bits(const char *pass, uint64_t n_seed)
{
    for (uint64_t seed = 0; seed < n_seed; seed++) {
        int64_t sym[OG_MAX_SYM];
        og_graph *g = ogt_random_graph(ctx, seed), *out = run_alone(g, pass);
        ogt_random_syms(g, seed, sym);
        results a = run(g, seed, sym), b = run(out, seed, sym);
        cr_assert(a.n == b.n && !memcmp(a.v, b.v, (size_t)a.n * 4), "%s, seed %d", pass, (int)seed);
        ogi_free(ctx, a.v);
        ogi_free(ctx, b.v);
        og_graph_free(g);
        og_graph_free(out);
    }
}

Test(passes, simplify_changes_no_bit)
{
    expect_same_bits("simplify_graph", 150);
}
Test(passes, materialize_changes_no_bit)
{
    expect_same_bits("materialize_views", 150);
}

Test(passes, quantize_reaches_every_quantized_linear)
{
    int n_linear = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed), *out = run_alone(g, "quantize_activations");
        for (int64_t i = 0; i < out->n_node; i++) {
            const og_tensor *n = out->node[i];
            if (ogi_op_def_of(n->op)->op_class != OGI_CLASS_LINEAR) continue;
            bool is_quantized = ogi_dtype_info((int64_t)n->src[1]->dtype)->is_quantized;
            cr_assert((n->src[0]->dtype == OG_A8) == is_quantized, "seed %d", (int)seed);
            n_linear += is_quantized;
        }
        og_graph_free(g);
        og_graph_free(out);
    }
    cr_assert(n_linear > 100, "%d", n_linear);
}

Test(passes, no_composite_is_left)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed), *out = run_alone(g, "decompose_composites");
        for (int64_t i = 0; i < out->n_node; i++)
            cr_assert(!ogi_op_def_of(out->node[i]->op)->is_composite, "seed %d", (int)seed);
        og_graph_free(g);
        og_graph_free(out);
    }
}

Test(passes, simplify_twice_is_simplify)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        char *a, *b;
        og_graph *g = ogt_random_graph(ctx, seed), *once = run_alone(g, "simplify_graph");
        og_graph *twice = run_alone(once, "simplify_graph");
        cr_assert(og_graph_print(once, OG_TEXT, &a) == OG_OK);
        cr_assert(og_graph_print(twice, OG_TEXT, &b) == OG_OK);
        cr_assert(!strcmp(a, b), "seed %d\n%s\n%s", (int)seed, a, b);
        og_text_free(ctx, a);
        og_text_free(ctx, b);
        og_graph_free(g);
        og_graph_free(once);
        og_graph_free(twice);
    }
}

/* ---- running them -------------------------------------------------------------------------- */

Test(passes, last_and_skip)
{
    const char *text = "graph \"t\"\ninput $x : F32[2,64]\nweight @w : Q8_0[4,64]\n"
                       "%0 = neg($x)\n%1 = neg(%0)\n%2 = linear(%1, @w)\noutput \"y\" = %2\n";
    og_graph *g = parse(text, "text"), *out;
    cr_assert(ogi_passes_run(g, "simplify_graph", NULL, &out) == OG_OK);
    cr_assert(out->n_node == 3);
    og_graph_free(out);
    cr_assert(ogi_passes_run(g, NULL, "quantize_activations,materialize_views", &out) == OG_OK);
    cr_assert(out->n_node == 3);
    og_graph_free(out);
    cr_assert(ogi_passes_run(g, NULL, "simplify_graph,simplify_pieces", &out) == OG_OK);
    cr_assert(out->n_node == 6);
    og_graph_free(out);
    cr_assert(g->n_node == 5, "the input is left alone");
    og_graph_free(g);
}

Test(passes, unknown_names_are_told)
{
    og_graph *g = parse("graph \"t\"\n", "text"), *out;
    cr_assert(ogi_passes_run(g, "simplify", NULL, &out) == OG_E_NOT_FOUND && !out);
    cr_assert(strstr(og_error(ctx), "no pass \"simplify\"; there are simplify_graph, "), "%s",
              og_error(ctx));
    og_error_clear(ctx);
    cr_assert(ogi_passes_run(g, NULL, "simplify_graph,fuse", &out) == OG_E_NOT_FOUND);
    cr_assert(strstr(og_error(ctx), "no pass \"fuse\""), "%s", og_error(ctx));
    og_graph_free(g);
}

/* ---- the verifier -------------------------------------------------------------------------- */

static void expect_broken(og_graph *g, const char *want)
{
    og_error_clear(ctx);
    cr_assert(ogi_verify(g) == OG_E_INVALID, "expected: %s", want);
    cr_assert(strstr(og_error(ctx), want), "\"%s\" lacks \"%s\"", og_error(ctx), want);
    og_graph_free(g);
}

static const char stores[] = "graph \"t\"\nstate &s : F32[2,1,64,4]\ninput $x : F32[3,1,4]\n"
                             "input $i : I32[3]\n%0 = kv_store(&s, $x, $i)\n";

Test(passes, verifier_wants_stores_in_one_chain)
{
    char text[512];
    snprintf(text, sizeof text, "%s%%1 = kv_store(%%0, $x, $i)\n", stores);
    og_graph *g = parse(text, "chain");
    cr_assert(ogi_verify(g) == OG_OK, "%s", og_error(ctx));
    og_graph_free(g);
    snprintf(text, sizeof text, "%s%%1 = kv_store(&s, $x, $i)\n", stores);
    expect_broken(parse(text, "fork"), "reads a state that was overwritten before: node 4: %4 = "
                                       "kv_store(&s, $x, $i)");
}

Test(passes, verifier_wants_old_states_unread)
{
    char text[512];
    snprintf(text, sizeof text, "%s%%1 = slice(&s) axis=0 begin=0 size=1\n", stores);
    expect_broken(parse(text, "late read"), "overwritten before");
}

Test(passes, verifier_wants_inferred_types)
{
    og_graph *g = parse("graph \"t\"\ninput $x : F32[4]\n%0 = neg($x)\n", "text");
    g->node[1]->shape.dim[0] = OG_N(5);
    expect_broken(g, "not the type that the op infers: node 1: %1 = neg($x) : F32[5]");
}

Test(passes, verifier_wants_sources_first)
{
    og_graph *g = parse("graph \"t\"\ninput $x : F32[4]\n%0 = neg($x)\n%1 = neg(%0)\n", "text");
    g->node[1]->src[0] = g->node[2];
    expect_broken(g, "source 0 is no earlier node: node 1 (neg)");
}

Test(passes, verifier_wants_unique_names)
{
    og_graph *g = parse("graph \"t\"\ninput $x : F32[4]\ninput $y : F32[4]\n", "text");
    g->node[1]->name = "x";
    expect_broken(g, "a name is used twice: \"x\"");
}
