/* SPDX-License-Identifier: MIT
 *
 * What every backend must do, on every backend there is (docs/port.md). A device that is not here
 * is skipped with its reason; so is running where a backend only compiles. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "graph/layout.h"
#include "graph/pass.h"
#include "graph/ref.h"
#include "runtime/program.h"
#include "tests/support/random_graph.h"

enum { MAX_BACKEND = 8, RANDOM_GRAPHS = 60 };

static og_ctx *ctx;
static og_device *dev;
static const ogi_backend *backend;
static ogi_device *inner;

#define ON_EACH_BACKEND(name)                                                                      \
    ParameterizedTestParameters(backend, name)                                                     \
    {                                                                                              \
        static int index[MAX_BACKEND];                                                             \
        size_t n = 0;                                                                              \
        for (; n < MAX_BACKEND && ogi_backend_at((int)n); n++) index[n] = (int)n;                  \
        return cr_make_param_array(int, index, n);                                                 \
    }                                                                                              \
    ParameterizedTest(const int *index, backend, name)

static void open_backend(int index)
{
    const char *only = getenv("OXIGRAPH_TEST_BACKEND");
    backend = ogi_backend_at(index);
    if (only && strcmp(only, backend->name)) cr_skip_test("only %s is asked for", only);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    ogi_buf why = { .ctx = ctx };
    bool found = backend->describe(ctx, &why);
    cr_assert(why.n > 0, "%s says nothing of itself", backend->name);
    if (!found) cr_skip_test("%s: %s", backend->name, ogi_buf_str(&why));
    ogi_buf_free(&why);
    og_device_options o = { .name = backend->name, .n_thread = 2 };
    cr_assert(og_device_open(ctx, &o, &dev) == OG_OK, "%s", og_error(ctx));
    inner = ogi_device_inner(dev);
}

static void close_backend(void)
{
    og_device_free(dev);
    og_ctx_free(ctx);
}

/* ---- devices and memory ---------------------------------------------------------------------- */

ON_EACH_BACKEND(names_what_it_is)
{
    open_backend(*index);
    cr_assert(ogi_backend_find(backend->name) == backend && strlen(backend->doc) > 5);
    cr_assert(strlen(backend->isa(inner)) && backend->threads(inner) >= 1);
    og_device *other = NULL;
    og_device_options o = { .name = backend->name, .isa = "no such set" };
    cr_assert(og_device_open(ctx, &o, &other) == OG_E_UNSUPPORTED && !other);
    cr_assert(strstr(og_error(ctx), "no such set"), "%s", og_error(ctx));
    close_backend();
}

ON_EACH_BACKEND(memory_is_zeroed_aligned_and_copied_whole)
{
    static unsigned char in[3 << 20], out[3 << 20];
    open_backend(*index);
    for (int64_t size = 0; size <= (int64_t)sizeof in; size = size * 3 + 1) {
        void *p;
        cr_assert(backend->alloc(inner, size, &p) == OG_OK, "%s", og_error(ctx));
        cr_assert((uintptr_t)p % 64 == 0);
        memset(out, 1, sizeof out);
        backend->copy_out(inner, out, p, size);
        for (int64_t i = 0; i < size; i++)
            cr_assert(out[i] == 0, "byte %d of %d", (int)i, (int)size);
        for (int64_t i = 0; i < size; i++) in[i] = (unsigned char)(i * 7 + size);
        backend->copy_in(inner, p, in, size);
        backend->copy_out(inner, out, p, size);
        cr_assert(!memcmp(in, out, (size_t)size));
        backend->free(inner, p);
    }
    backend->free(inner, NULL);
    void *p;
    cr_assert(backend->alloc(inner, -1, &p) == OG_E_MEMORY && !p);
    og_error_clear(ctx);
    cr_assert(backend->alloc(inner, INT64_MAX - 63, &p) == OG_E_MEMORY && !p);
    close_backend();
}

/* ---- programs -------------------------------------------------------------------------------- */

typedef struct check {
    const og_graph *g;
    const og_program *p;
    ogt_data *data;
    const int64_t *sym;
    int n_compared;
} check;

static ogi_ref_tensor *bind_reference(void *user, const og_tensor *leaf, const int64_t *dim)
{
    return ogt_data_bind(((check *)user)->data, leaf, dim);
}

/* What ops before x may have added to the error of x itself, by their tolerances. */
static double tolerance_of(const og_graph *g)
{
    double sum = 1e-11;
    for (int64_t i = 0; i < g->n_node; i++) sum += ogi_op_def_of(g->node[i]->op)->tol;
    return sum;
}

static void compare(void *user, const char *name, const ogi_ref_tensor *t)
{
    check *c = user;
    const og_tensor *x = NULL;
    for (int64_t i = 0; i < c->g->n_output; i++)
        if (!strcmp(c->g->output[i].name, name)) x = c->g->output[i].value;
    cr_assert_not_null(x);
    if (ogi_is_leaf(ogi_root(x)) || (x->dtype != OG_F32 && x->dtype != OG_I32)) return;
    const void *got = og_program_output(c->p, name);
    cr_assert_not_null(got, "output %s", name);
    double err = 0, power = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double want = t->i ? t->i[i] : (double)t->f[i];
        double d = (t->i ? ((const int32_t *)got)[i] : (double)((const float *)got)[i]) - want;
        err += d * d;
        power += want * want;
    }
    double e = power > 0 ? err / power : err, most = t->i ? 0 : tolerance_of(c->g);
    if (!(e <= most)) {
        char *text = NULL;
        og_graph_print(c->g, OG_TEXT, &text);
        cr_assert_fail("%s: output %s: NMSE %g, allowed %g\n%s", backend->name, name, e, most,
                       text);
    }
    c->n_compared++;
}

/* The reference reads quantized weights with the same int8 activations. */
static og_graph *with_int8_activations(const og_graph *g)
{
    og_graph *out = NULL;
    cr_assert(ogi_pass_quantize_activations(g, &out) == OG_OK);
    return out;
}

/* Compiles, runs and compares; false where the backend does not run. */
static bool check_graph(const og_graph *g, uint64_t seed, const int64_t *sym, int *n_compared)
{
    og_program *p = NULL;
    og_status st = og_compile(dev, g, NULL, &p);
    cr_assert(st == OG_OK, "%s: %s", backend->name, og_error(ctx));
    ogt_data *d = ogt_data_new(g, seed, sym);
    for (int i = 0; i < d->n_leaf; i++)
        og_program_bind(p, d->leaf[i].name, d->leaf[i].bytes, d->leaf[i].size);
    st = og_program_run(p, sym);
    if (st == OG_OK) {
        og_graph *q = with_int8_activations(g);
        check c = { .g = g, .p = p, .data = d, .sym = sym };
        ogi_ref_io io = { .user = &c, .bind = bind_reference, .emit = compare };
        cr_assert(ogi_ref_run(q, sym, &io) == OG_OK, "%s", og_error(ctx));
        *n_compared += c.n_compared;
        og_graph_free(q);
    }
    cr_assert(st == OG_OK || st == OG_E_UNSUPPORTED, "%s: %s", backend->name, og_error(ctx));
    og_error_clear(ctx);
    ogt_data_free(d);
    og_program_free(p);
    return st == OG_OK;
}

ON_EACH_BACKEND(compiles_and_runs_random_graphs)
{
    open_backend(*index);
    int n_run = 0, n_compared = 0;
    for (uint64_t seed = 1; seed <= RANDOM_GRAPHS; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        int64_t sym[OG_MAX_SYM] = { 0 };
        ogt_random_syms(g, seed, sym);
        n_run += check_graph(g, seed, sym, &n_compared);
        og_graph_free(g);
    }
    cr_assert(n_run == 0 || n_run == RANDOM_GRAPHS, "it runs all, or says that it runs none");
    cr_assert(!n_run || n_compared >= RANDOM_GRAPHS);
    close_backend();
    if (!n_run) cr_skip_test("%s compiles and does not run", backend->name);
}

/* y = relu(x w) with small integers: exact in any order of additions. */
typedef struct small {
    og_graph *g;
    og_program *p;
    float x[40 * 32], w[24 * 32];
} small;

static void make_small(small *s)
{
    s->g = og_graph_new(ctx, "small");
    og_dim T = og_sym(s->g, "T", 1, 40);
    og_tensor *x = og_input(s->g, "x", OG_F32, OG_SHAPE(T, OG_N(32)));
    og_tensor *w = og_weight(s->g, "w", OG_F32, OG_SHAPE(OG_N(24), OG_N(32)));
    og_output(s->g, "y", og_relu(s->g, og_linear(s->g, x, w)));
    for (int i = 0; i < OGI_LEN(s->x); i++) s->x[i] = (float)(i * 5 % 17 - 8);
    for (int i = 0; i < OGI_LEN(s->w); i++) s->w[i] = (float)(i * 3 % 11 - 5);
    cr_assert(og_compile(dev, s->g, NULL, &s->p) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_program_bind(s->p, "x", s->x, sizeof s->x) == OG_OK);
    cr_assert(og_program_bind(s->p, "w", s->w, sizeof s->w) == OG_OK);
}

static void free_small(small *s)
{
    og_program_free(s->p);
    og_graph_free(s->g);
}

/* Skips the rest where nothing runs, after the run was refused cleanly. */
static void skip_unless_it_runs(small *s)
{
    if (og_program_run(s->p, &(int64_t){ 1 }) == OG_OK) return;
    cr_assert(strstr(og_error(ctx), backend->name), "%s", og_error(ctx));
    free_small(s);
    close_backend();
    cr_skip_test("%s compiles and does not run", backend->name);
}

ON_EACH_BACKEND(runs_every_length_of_every_range)
{
    small s;
    open_backend(*index);
    make_small(&s);
    skip_unless_it_runs(&s);
    for (int64_t n = 40; n >= 1; n--) {
        cr_assert(og_program_run(s.p, &n) == OG_OK, "%s", og_error(ctx));
        const float *y = og_program_output(s.p, "y");
        for (int64_t i = 0; i < n * 24; i++) {
            float sum = 0;
            for (int k = 0; k < 32; k++) sum += s.x[i / 24 * 32 + k] * s.w[i % 24 * 32 + k];
            cr_assert(y[i] == fmaxf(sum, 0), "T = %d, element %d", (int)n, (int)i);
        }
    }
    free_small(&s);
    close_backend();
}

ON_EACH_BACKEND(a_run_allocates_nothing_and_times_every_group)
{
    small s;
    double seconds[16] = { 0 };
    open_backend(*index);
    make_small(&s);
    skip_unless_it_runs(&s);
    ogi_profile time = { .group = seconds };
    cr_assert(ogi_program_profile(s.p, 0, &time) == OG_OK);
    int64_t before = ogi_alloc_count(ctx);
    for (int i = 0; i < 50; i++) cr_assert(og_program_run(s.p, &(int64_t){ 1 }) == OG_OK);
    cr_assert(ogi_alloc_count(ctx) == before);
    cr_assert(ogi_program_profile(s.p, 0, NULL) == OG_OK);
    const ogi_plan *plan = ogi_program_plan(s.p, 0);
    for (int b = 0; b < plan->n_group; b++) cr_assert(seconds[b] > 0, "group %d", b);
    cr_assert(time.total >= seconds[0]);
    free_small(&s);
    close_backend();
}

/* Memory that fails at the n-th call, for every n: a status, and nothing left. */
static int64_t left, live;

static void *limited(void *user, void *p, size_t size)
{
    (void)user;
    if (!size) {
        live -= p != NULL;
        free(p);
        return NULL;
    }
    if (left-- <= 0) return NULL;
    live += p == NULL;
    return realloc(p, size);
}

ON_EACH_BACKEND(compiling_without_memory_leaves_nothing)
{
    open_backend(*index);
    close_backend();
    og_status st = OG_E_MEMORY;
    for (int64_t n = 1; st != OG_OK && n < 3000; n++) {
        og_ctx *c = NULL;
        og_device *d = NULL;
        og_program *p = NULL;
        left = INT64_MAX, live = 0;
        cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = limited }, &c) == OG_OK);
        og_graph *g = ogt_random_graph(c, 11);
        left = n;
        st = og_device_open(c, &(og_device_options){ .name = backend->name, .n_thread = 1 }, &d);
        if (st == OG_OK) st = og_compile(d, g, NULL, &p);
        cr_assert(st == OG_OK || st == OG_E_MEMORY, "call %d: %s", (int)n, og_error(c));
        left = INT64_MAX;
        og_program_free(p);
        og_device_free(d);
        og_graph_free(g);
        og_ctx_free(c);
        cr_assert(live == 0, "call %d leaves %d blocks", (int)n, (int)live);
    }
    cr_assert(st == OG_OK);
}
