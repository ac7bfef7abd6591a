/* SPDX-License-Identifier: MIT
 *
 * The strongest test a fusing compiler can have: random graphs over all ops, compiled with and
 * without fusion for every instruction set, must agree bit for bit, whatever the threads, and both
 * with the scalar reference. OXIGRAPH_TEST_CASES sets how many graphs. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/cpu/isa/kernels.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "graph/pass.h"
#include "graph/ref.h"
#include "runtime/program.h"
#include "tests/support/random_graph.h"

enum { MAX_OUT = 64, DEFAULT_CASES = 1500 };

/* NMSE of a result against the reference: F32 sums in another order, and int8 codes that fall on
 * the other side of a rounding boundary now and then. */
static const double tolerance = 1e-6;

/* Copies of a program's outputs, then of its states. */
typedef struct results {
    void *data[MAX_OUT];
    int64_t size[MAX_OUT];
    int n;
} results;

static void free_results(results *r)
{
    for (int i = 0; i < r->n; i++) free(r->data[i]);
    r->n = 0;
}

static void keep(results *r, const void *data, int64_t size)
{
    cr_assert_lt(r->n, MAX_OUT);
    r->data[r->n] = malloc((size_t)size + 1);
    memcpy(r->data[r->n], data, (size_t)size);
    r->size[r->n++] = size;
}

/* Rows of A8 are padded: only whole values of other types are compared. */
static int64_t output_size(const og_tensor *x, const int64_t *sym)
{
    return x->dtype == OG_A8 ? 0 : ogi_value_size(x, sym);
}

static og_status run_program(og_device *dev, const og_graph *g, uint64_t seed, const int64_t *sym,
                             bool no_fuse, results *out)
{
    og_program *p = NULL;
    og_status st = og_compile(dev, g, &(og_compile_options){ .no_fuse = no_fuse }, &p);
    if (st != OG_OK) return st;
    ogt_data *d = ogt_data_new(g, seed, sym);
    for (int i = 0; i < d->n_leaf; i++)
        og_program_bind(p, d->leaf[i].name, d->leaf[i].bytes, d->leaf[i].size);
    st = og_program_run(p, sym);
    for (int64_t i = 0; st == OG_OK && i < g->n_output; i++) {
        const og_tensor *x = g->output[i].value;
        if (ogi_is_leaf(ogi_root(x))) continue;
        keep(out, og_program_output(p, g->output[i].name), output_size(x, sym));
    }
    for (int i = 0; st == OG_OK && i < d->n_leaf; i++)
        if (d->leaf[i].op == OG_OP_STATE) keep(out, d->leaf[i].bytes, d->leaf[i].size);
    ogt_data_free(d);
    og_program_free(p);
    return st;
}

/* The reference's F32 outputs, in the order emitted. */
typedef struct reference {
    const og_graph *g;
    ogt_data *data;
    results out;
} reference;

static ogi_ref_tensor *bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    return ogt_data_bind(((reference *)user)->data, leaf, dim);
}

static void emit(void *user, const char *name, const ogi_ref_tensor *t)
{
    reference *r = user;
    for (int64_t i = 0; i < r->g->n_output; i++) {
        const og_tensor *x = r->g->output[i].value;
        if (strcmp(r->g->output[i].name, name) || ogi_is_leaf(ogi_root(x))) continue;
        if (t->f)
            keep(&r->out, t->f, t->n * 4);
        else
            keep(&r->out, t->i, t->n * 4);
    }
}

static double nmse(const float *x, const float *ref, int64_t n)
{
    double e = 0, s = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)ref[i];
        e += d * d;
        s += (double)ref[i] * (double)ref[i];
    }
    return s > 0 ? e / s : e;
}

static void print_graph(og_ctx *ctx, const og_graph *g)
{
    char *text = NULL;
    if (og_graph_print(g, OG_TEXT, &text) == OG_OK) fprintf(stderr, "%s\n", text);
    og_text_free(ctx, text);
}

static void compare_reference(og_ctx *ctx, const og_graph *g, uint64_t seed, const char *isa,
                              const results *got, const results *want)
{
    int at = 0;
    for (int64_t i = 0; i < g->n_output; i++) {
        const og_tensor *x = g->output[i].value;
        if (ogi_is_leaf(ogi_root(x))) continue;
        int k = at++;
        if (x->dtype == OG_I32) {
            bool same = !memcmp(got->data[k], want->data[k], (size_t)got->size[k]);
            if (!same) print_graph(ctx, g);
            cr_assert(same, "seed %llu, %s: output %s differs from the reference",
                      (unsigned long long)seed, isa, g->output[i].name);
        }
        if (x->dtype != OG_F32) continue;
        double e = nmse(got->data[k], want->data[k], got->size[k] / 4);
        if (!(e <= tolerance)) print_graph(ctx, g);
        cr_assert(e <= tolerance, "seed %llu, %s: output %s: NMSE %g", (unsigned long long)seed,
                  isa, g->output[i].name, e);
    }
}

static void compare_bits(og_ctx *ctx, const og_graph *g, uint64_t seed, const char *what,
                         const results *a, const results *b)
{
    cr_assert_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        bool same = a->size[i] == b->size[i] && !memcmp(a->data[i], b->data[i], (size_t)a->size[i]);
        if (!same) print_graph(ctx, g);
        cr_assert(same, "seed %llu: %s: result %d differs in its bits", (unsigned long long)seed,
                  what, i);
    }
}

static og_graph *after_pass(const og_graph *g, const char *name)
{
    og_graph *out = NULL;
    for (int i = 0; i < ogi_n_passes; i++)
        if (!strcmp(ogi_passes[i].name, name)) cr_assert_eq(ogi_passes[i].run(g, &out), OG_OK);
    cr_assert_not_null(out);
    return out;
}

/* The reference reads quantized weights with the same int8 activations: the graph after that pass,
 * and the one before it, which brings linears to light. */
static og_graph *with_int8_activations(const og_graph *g)
{
    og_graph *simple = after_pass(g, "decompose_composites");
    og_graph *out = after_pass(simple, "quantize_activations");
    og_graph_free(simple);
    return out;
}

static void check_seed(og_ctx *ctx, og_device *one, og_device *five, uint64_t seed)
{
    og_graph *g = ogt_random_graph(ctx, seed);
    int64_t sym[OG_MAX_SYM] = { 0 };
    ogt_random_syms(g, seed, sym);
    og_graph *q = with_int8_activations(g);
    reference ref = { .g = g, .data = ogt_data_new(g, seed, sym) };
    cr_assert_eq(ogi_ref_run(q, sym, &(ogi_ref_io){ .user = &ref, .bind = bind, .emit = emit }),
                 OG_OK, "seed %llu: reference: %s", (unsigned long long)seed, og_error(ctx));
    results fused = { 0 }, single = { 0 };
    og_status a = run_program(five, g, seed, sym, false, &fused);
    if (a != OG_OK) print_graph(ctx, g);
    cr_assert_eq(a, OG_OK, "seed %llu, fused: %s", (unsigned long long)seed, og_error(ctx));
    a = run_program(one, g, seed, sym, true, &single);
    if (a != OG_OK) print_graph(ctx, g);
    cr_assert_eq(a, OG_OK, "seed %llu, unfused: %s", (unsigned long long)seed, og_error(ctx));
    compare_reference(ctx, g, seed, "unfused", &single, &ref.out);
    compare_reference(ctx, g, seed, "fused", &fused, &ref.out);
    compare_bits(ctx, g, seed, "fused against unfused", &fused, &single);
    free_results(&fused), free_results(&single), free_results(&ref.out);
    ogt_data_free(ref.data);
    og_graph_free(q);
    og_graph_free(g);
}

static void check_isa(const char *isa)
{
    if (!ogi_cpu_kernels_find(isa)) cr_skip_test("this processor has no %s", isa);
    const char *cases = getenv("OXIGRAPH_TEST_CASES");
    uint64_t n = cases ? strtoull(cases, NULL, 10) : DEFAULT_CASES;
    og_ctx *ctx;
    og_device *one, *five;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 1 }, &one),
                 OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 5 }, &five),
                 OG_OK);
    for (uint64_t seed = 0; seed < n; seed++) check_seed(ctx, one, five, seed);
    printf("%s: %llu random graphs fused = unfused, both as the reference\n", isa,
           (unsigned long long)n);
    og_device_free(one), og_device_free(five);
    og_ctx_free(ctx);
}

Test(fusion, random_graphs_scalar, .timeout = 600)
{
    check_isa("scalar");
}
Test(fusion, random_graphs_sse42, .timeout = 600)
{
    check_isa("sse42");
}
Test(fusion, random_graphs_avx2, .timeout = 600)
{
    check_isa("avx2");
}
Test(fusion, random_graphs_avx512, .timeout = 600)
{
    check_isa("avx512");
}
Test(fusion, random_graphs_neon, .timeout = 600)
{
    check_isa("neon");
}
