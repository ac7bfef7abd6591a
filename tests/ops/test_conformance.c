/* SPDX-License-Identifier: MIT
 *
 * Every case of every op, with values of its symbols and leaves drawn at random, on every
 * instruction set: the compiled program must give what the reference gives, to the op's tolerance;
 * one thread and three the same bytes, in the states too. OXIGRAPH_TEST_CASES sets how many draws
 * of each case (default 12). */
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

enum { DEFAULT_DRAWS = 12, MAX_RESULT = 8 };

/* Outputs, then states, of one run. */
typedef struct results {
    void *data[MAX_RESULT];
    int64_t size[MAX_RESULT];
    og_dtype dtype[MAX_RESULT];
    int n;
} results;

static void keep(results *r, const void *data, int64_t size, og_dtype dtype)
{
    cr_assert_lt(r->n, MAX_RESULT);
    r->data[r->n] = malloc((size_t)size + 1);
    memcpy(r->data[r->n], data, (size_t)size);
    r->size[r->n] = size;
    r->dtype[r->n++] = dtype;
}

static void drop(results *r)
{
    for (int i = 0; i < r->n; i++) free(r->data[i]);
    r->n = 0;
}

static void run_compiled(og_device *dev, const og_graph *g, uint64_t seed, const int64_t *sym,
                         const char *what, results *out)
{
    og_program *p = NULL;
    cr_assert(og_compile(dev, g, &(og_compile_options){ 0 }, &p) == OG_OK, "%s: %s", what,
              og_error(g->ctx));
    ogt_data *d = ogt_data_new(g, seed, sym);
    for (int i = 0; i < d->n_leaf; i++)
        og_program_bind(p, d->leaf[i].name, d->leaf[i].bytes, d->leaf[i].size);
    cr_assert(og_program_run(p, sym) == OG_OK, "%s: %s", what, og_error(g->ctx));
    for (int64_t i = 0; i < g->n_output; i++) {
        const og_tensor *x = g->output[i].value;
        if (x->dtype == OG_A8 || ogi_is_leaf(ogi_root(x))) continue;
        keep(out, og_program_output(p, g->output[i].name), ogi_value_size(x, sym), x->dtype);
    }
    for (int i = 0; i < d->n_leaf; i++)
        if (d->leaf[i].op == OG_OP_STATE)
            keep(out, d->leaf[i].bytes, d->leaf[i].size, d->leaf[i].ref.dtype);
    ogt_data_free(d);
    og_program_free(p);
}

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
        if (strcmp(r->g->output[i].name, name) || x->dtype == OG_A8) continue;
        if (ogi_is_leaf(ogi_root(x))) continue;
        keep(&r->out, t->i ? (const void *)t->i : (const void *)t->f, t->n * 4, t->dtype);
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

/* With decomposed composites and int8 activations, as the program reads quantized weights. */
static void run_reference(const og_graph *g, uint64_t seed, const int64_t *sym, const char *what,
                          results *out)
{
    og_graph *simple = after_pass(g, "decompose_composites");
    og_graph *q = after_pass(simple, "quantize_activations");
    reference r = { .g = g, .data = ogt_data_new(g, seed, sym) };
    bool is_quantized = q->n_node != simple->n_node; /* else the composites' own references */
    cr_assert(ogi_ref_run(is_quantized ? q : g, sym, &(ogi_ref_io){ &r, bind, emit }) == OG_OK,
              "%s: reference: %s", what, og_error(g->ctx));
    *out = r.out;
    for (int i = 0; i < r.data->n_leaf; i++) {
        const ogi_ref_tensor *t = &r.data->leaf[i].ref;
        if (r.data->leaf[i].op == OG_OP_STATE) keep(out, t->f, t->n * 4, t->dtype);
    }
    ogt_data_free(r.data);
    og_graph_free(q);
    og_graph_free(simple);
}

static double nmse(const float *x, const float *ref, int64_t n)
{
    double e = 0, s = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(ref[i]) && (x[i] == ref[i] || (isnan(x[i]) && isnan(ref[i])))) continue;
        double d = (double)x[i] - (double)ref[i];
        e += d * d;
        s += (double)ref[i] * (double)ref[i];
    }
    return s > 0 ? e / s : e;
}

/* F32 rounds what a chain of ops before the one tested hands on: 1e-9 is always granted. */
static void compare(const results *got, const results *want, double tol, const char *what)
{
    cr_assert_eq(got->n, want->n, "%s: %d results, expected %d", what, got->n, want->n);
    for (int i = 0; i < want->n; i++) {
        if (got->dtype[i] == OG_I32)
            cr_assert(!memcmp(got->data[i], want->data[i], (size_t)got->size[i]),
                      "%s: result %d differs", what, i);
        if (got->dtype[i] != OG_F32) continue;
        cr_assert_eq(got->size[i], want->size[i]);
        double e = nmse(got->data[i], want->data[i], got->size[i] / 4);
        cr_assert(e <= OGI_MAX(tol, 1e-9), "%s: result %d: NMSE %g", what, i, e);
    }
}

static void compare_bits(const results *a, const results *b, const char *what)
{
    cr_assert_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++)
        cr_assert(a->size[i] == b->size[i] && !memcmp(a->data[i], b->data[i], (size_t)a->size[i]),
                  "%s: result %d: other bits with other threads or steps", what, i);
}

static void check_case(og_device *one, og_device *three, const og_graph *g, int n_draw, double tol,
                       const char *name)
{
    for (uint64_t seed = 1; seed <= (uint64_t)n_draw; seed++) {
        char what[128];
        int64_t sym[OG_MAX_SYM] = { 0 };
        snprintf(what, sizeof what, "%s, draw %d", name, (int)seed);
        ogt_random_syms(g, seed, sym);
        results want = { 0 }, a = { 0 }, b = { 0 };
        run_reference(g, seed, sym, what, &want);
        run_compiled(one, g, seed, sym, what, &a);
        run_compiled(three, g, seed, sym, what, &b);
        compare(&a, &want, tol, what);
        compare_bits(&a, &b, what);
        drop(&want), drop(&a), drop(&b);
    }
}

/* ---- in pieces ----------------------------------------------------------------------------- */

/* One sequence from its beginning, run as a whole or token after token in pieces. */
typedef struct pieces {
    const og_graph *g;
    ogt_data *data;
    int32_t *pos, *slot;      /* of the whole */
    int32_t length, start[2]; /* of the step */
    int64_t n_tok;
} pieces;

/* Tokens from `from` on of a leaf, where its first axis is T. */
static void bind_piece(og_program *p, pieces *x, const og_tensor *leaf, int64_t from)
{
    const ogt_leaf *l = ogt_data_find(x->data, leaf);
    bool by_token = leaf->shape.rank > 0 && leaf->shape.dim[0].a[0] != 0;
    int64_t skip = by_token ? from * (l->size / x->n_tok) : 0;
    char *bytes = (char *)l->bytes + skip;
    if (!strcmp(leaf->name, "pos")) bytes = (char *)(x->pos + from);
    if (!strcmp(leaf->name, "kv_slot")) bytes = (char *)(x->slot + from);
    if (!strcmp(leaf->name, "kv_len")) bytes = (char *)&x->length;
    if (!strcmp(leaf->name, "seq_start")) bytes = (char *)x->start;
    og_program_bind(p, leaf->name, bytes, l->size - skip);
}

/* Runs in steps of up to `step` tokens; rows of the first output follow each other, or, if it has
 * one for each sequence, the last step's. States are kept, too. */
static void run_pieces(og_device *dev, const og_graph *g, int64_t n_tok, int64_t step,
                       const char *what, results *out)
{
    int64_t sym[OG_MAX_SYM] = { n_tok, 1 };
    pieces x = { .g = g, .data = ogt_data_new(g, 5, sym), .n_tok = n_tok };
    const og_tensor *y = g->output[0].value;
    bool by_token = y->shape.dim[0].a[0] != 0;
    int64_t size = ogi_value_size(y, sym), row = by_token ? size / n_tok : 0;
    char *all = calloc((size_t)size + 1, 1);
    x.pos = calloc((size_t)n_tok, 4), x.slot = calloc((size_t)n_tok, 4);
    cr_assert(all && x.pos && x.slot);
    for (int32_t t = 0; t < n_tok; t++)
        x.pos[t] = t, x.slot[t] = ogt_page_of(g, t / 64) * 64 + t % 64;
    og_program *p = NULL;
    cr_assert(og_compile(dev, g, &(og_compile_options){ 0 }, &p) == OG_OK, "%s: %s", what,
              og_error(g->ctx));
    for (int64_t t = 0; t < n_tok; t += sym[0]) {
        sym[0] = OGI_MIN(step, n_tok - t);
        x.length = (int32_t)(t + sym[0]), x.start[1] = (int32_t)sym[0];
        for (int64_t i = 0; i < g->n_node; i++)
            if (ogi_is_leaf(g->node[i]) && g->node[i]->op != OG_OP_TABLE)
                bind_piece(p, &x, g->node[i], t);
        cr_assert(og_program_run(p, sym) == OG_OK, "%s: %s", what, og_error(g->ctx));
        memcpy(all + t * row, og_program_output(p, g->output[0].name),
               (size_t)(by_token ? row * sym[0] : size));
    }
    keep(out, all, size, y->dtype);
    for (int i = 0; i < x.data->n_leaf; i++)
        if (x.data->leaf[i].op == OG_OP_STATE)
            keep(out, x.data->leaf[i].bytes, x.data->leaf[i].size, x.data->leaf[i].ref.dtype);
    og_program_free(p);
    ogt_data_free(x.data);
    free(all), free(x.pos), free(x.slot);
}

/* Ops that see a sequence's past through states, pages and positions. What looks ahead has its
 * sequence whole, by its definition. */
static bool goes_in_pieces(og_op op, const char *text)
{
    const ogi_op_def *d = ogi_op_def_of(op);
    bool has_past = false;
    for (int i = 0; i < d->n_address; i++)
        has_past |= d->address[i].input && !strcmp(d->address[i].input, "pos");
    return has_past && !strstr(text, "bidirectional=true") && d->op_class == OGI_CLASS_KERNEL;
}

static void check_pieces(const char *isa)
{
    if (!ogi_cpu_kernels_find(isa)) cr_skip_test("this processor has no %s", isa);
    og_ctx *ctx;
    og_device *dev;
    int n_checked = 0;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 2 }, &dev),
                 OG_OK);
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        for (int i = 0; i < d->n_cases; i++) {
            char what[64];
            og_graph *g = NULL;
            if (!goes_in_pieces((og_op)op, d->cases[i])) continue;
            snprintf(what, sizeof what, "%s: %s case %d", isa, ogi_op_name((og_op)op), i);
            cr_assert_eq(og_graph_parse(ctx, d->cases[i], strlen(d->cases[i]), &g), OG_OK);
            results whole = { 0 }, some = { 0 }, one = { 0 };
            run_pieces(dev, g, 40, 40, what, &whole);
            run_pieces(dev, g, 40, 7, what, &some);
            run_pieces(dev, g, 40, 1, what, &one);
            compare_bits(&whole, &some, what);
            compare_bits(&whole, &one, what);
            drop(&whole), drop(&some), drop(&one);
            og_graph_free(g);
            n_checked++;
        }
    }
    cr_assert(n_checked >= 19, "%d cases", n_checked);
    og_device_free(dev);
    og_ctx_free(ctx);
}

Test(conformance, pieces_scalar, .timeout = 600)
{
    check_pieces("scalar");
}
Test(conformance, pieces_sse42, .timeout = 600)
{
    check_pieces("sse42");
}
Test(conformance, pieces_avx2, .timeout = 600)
{
    check_pieces("avx2");
}
Test(conformance, pieces_avx512, .timeout = 600)
{
    check_pieces("avx512");
}
Test(conformance, pieces_neon, .timeout = 600)
{
    check_pieces("neon");
}

/* Attention where windows, chunks and lists end within and beyond its chunks of 256 keys. */
#define FAR_STEP(pages)                                                                            \
    "input $pos : I32[T]\ninput $seq_start : I32[S+1]\ninput $kv_len : I32[S]\n"                   \
    "input $page_table : I32[S," pages "]\n"
#define FAR(tokens, rows, attrs)                                                                   \
    "graph \"far\"\nsym T = " tokens "\nsym S = 1..2\nstate &k : F16[143,1," rows ",16]\n"         \
    "input $q : F32[T,2,16]\n" FAR_STEP(                                                           \
        "18") "%0 = attention($q, &k, &k, $pos, $seq_start, $kv_len, $page_table) scale=1 " attrs  \
              "\n"                                                                                 \
              "output \"y\" = %0\n"
#define FAR_LIST(lists, attrs)                                                                     \
    "graph \"far\"\nsym T = 1..300\nsym S = 1..2\nstate &k : F32[143,2,64,16]\n"                   \
    "input $q : F32[T,4,16]\n" FAR_STEP("18") "input $" lists "\n"                                 \
                                              "%0 = attention($q, &k, &k, $pos, $seq_start, "      \
                                              "$kv_len, $page_table, _, _, _, $index.0.1100) "     \
                                              "scale=1 " attrs "\noutput \"y\" = %0\n"
// clang-format off
static const char *const far_cases[] = {
    FAR("1..1100", "64", "window=300"),
    FAR("1..1100", "64", "window=513 bidirectional=true"),
    FAR("1..1100", "64", "chunk=256"),
    FAR("1..1100", "64", "chunk=300 window=290"),
    FAR("1..1100", "16", "ratio=4"),
    FAR("1..1100", "4", "ratio=16 partial=true"),
    FAR("1..1100", "1", "ratio=64"),
    FAR_LIST("index.0.1100 : I32[T,1,600]", ""),
    FAR_LIST("index.0.1100 : I32[T,2,600]", "select_block=2"),
    "graph \"far\"\nsym T = 1480..1500\nsym S = 1..1\nstate &k : F32[191,1,64,16]\n"
    "input $q : F32[T,2,16]\nweight @bias : F32[32,2]\n" FAR_STEP("24")
    "%0 = attention($q, &k, &k, $pos, $seq_start, $kv_len, $page_table, _, _, @bias) scale=1 "
    "bidirectional=true\noutput \"y\" = %0\n",
};
// clang-format on

static void check_text(og_ctx *ctx, og_device *one, og_device *three, const char *text, int n_draw,
                       double tol, const char *name)
{
    og_graph *g = NULL;
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) == OG_OK, "%s: %s", name, og_error(ctx));
    check_case(one, three, g, n_draw, tol, name);
    og_graph_free(g);
}

static void check_isa(const char *isa)
{
    if (!ogi_cpu_kernels_find(isa)) cr_skip_test("this processor has no %s", isa);
    const char *draws = getenv("OXIGRAPH_TEST_CASES"), *only = getenv("OXIGRAPH_TEST_OP");
    og_ctx *ctx;
    og_device *one, *three;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 1 }, &one),
                 OG_OK);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 3 }, &three),
                 OG_OK);
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        if (only && strcmp(only, ogi_op_name((og_op)op))) continue;
        for (int i = 0; i < d->n_cases; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s: %s case %d", isa, ogi_op_name((og_op)op), i);
            check_text(ctx, one, three, d->cases[i], draws ? atoi(draws) : DEFAULT_DRAWS, d->tol,
                       name);
        }
    }
    for (int i = 0; i < OGI_LEN(far_cases); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s: far case %d", isa, i);
        check_text(ctx, one, three, far_cases[i], 2, 1e-8, name);
    }
    og_device_free(one), og_device_free(three);
    og_ctx_free(ctx);
}

Test(conformance, scalar, .timeout = 600)
{
    check_isa("scalar");
}
Test(conformance, sse42, .timeout = 600)
{
    check_isa("sse42");
}
Test(conformance, avx2, .timeout = 600)
{
    check_isa("avx2");
}
Test(conformance, avx512, .timeout = 600)
{
    check_isa("avx512");
}
Test(conformance, neon, .timeout = 600)
{
    check_isa("neon");
}
