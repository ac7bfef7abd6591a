/* SPDX-License-Identifier: MIT
 *
 * Every type that a weight may have in every op that takes one, on every instruction set: as the
 * scalar reference has it, and for one token bit for bit as for many. What cannot be is refused
 * with the type's name; nothing is read as what it is not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/cpu/isa/kernels.h"
#include "graph/dtype.h"
#include "graph/kx.h"
#include "graph/pass.h"
#include "graph/ref.h"
#include "runtime/program.h"
#include "tests/support/golden.h"
#include "tests/support/random_graph.h"

/* ? is the type, # a row's length, whole blocks of it, ~ one less. Tokens are the first
 * axis of y. */
static const char *const templates[] = {
    "input $x : F32[T,#]\n"
    "weight @w : ?[19,#]\n"
    "%0 = linear($x, @w)\n"
    "output \"y\" = %0\n",
    "input $x : F32[T,#]\n"
    "weight @gate : ?[48,#]\n"
    "weight @up : ?[48,#]\n"
    "%0 = linear($x, @gate)\n"
    "%1 = linear($x, @up)\n"
    "%2 = silu(%0)\n"
    "%3 = mul(%2, %1)\n"
    "output \"y\" = %3\n",
    "input $x : F32[T,1,#]\n"
    "weight @w : ?[4,21,#]\n"
    "input $score : F32[T,4]\n"
    "%0 = top_k($score) k=2\n"
    "%1 = group_by_expert(%0) n_expert=4\n"
    "%2 = grouped_linear($x, @w, %0, %1)\n"
    "output \"y\" = %2\n",
    "weight @w : ?[33,#]\n"
    "input $index.0.33 : I32[T]\n"
    "%0 = take_rows(@w, $index.0.33)\n"
    "output \"y\" = %0\n",
    "input $x : F32[T,#]\n"
    "weight @w : ?[#]\n"
    "%0 = mul($x, @w)\n"
    "output \"y\" = %0\n",
    "input $x : F32[T,#]\n"
    "weight @w : ?[#]\n"
    "%0 = rms_norm($x)\n"
    "%1 = mul(%0, @w)\n"
    "%2 = add(%1, @w)\n"
    "output \"y\" = %2\n",
    "input $x : F32[T,6]\n"
    "weight @w : ?[6,#]\n"
    "state &s : F32[8,~,6]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = ssm_conv($x, @w, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
    "input $x : F32[T,6]\n"
    "input $dt : F32[T,6]\n"
    "weight @a : ?[6,#]\n"
    "input $b : F32[T,#]\n"
    "input $c : F32[T,#]\n"
    "state &s : F32[8,6,#]\n"
    "input $pos : I32[T]\n"
    "input $seq_start : I32[S+1]\n"
    "input $state_slot : I32[S]\n"
    "%0 = ssm_scan($x, $dt, @a, $b, $c, &s, $pos, $seq_start, $state_slot)\n"
    "output \"y\" = %0\n",
    "input $x : F32[T,#]\n"
    "weight @w : ?[5,#]\n"
    "%0 = matmul($x, @w)\n"
    "output \"y\" = %0\n",
};
static const int tokens[] = { 40, 1, 2, 3, 7, 17 };

static og_graph *parse(og_ctx *ctx, const char *form, og_dtype type, int len)
{
    ogi_buf text = { .ctx = ctx };
    og_graph *g = NULL;
    ogi_buf_printf(&text, "graph \"t\"\nsym T = 1..40\nsym S = 1..1\n");
    for (; *form; form++) {
        if (*form == '?')
            ogi_buf_printf(&text, "%s", og_dtype_name(type));
        else if (*form == '#' || *form == '~')
            ogi_buf_printf(&text, "%d", len - (*form == '~'));
        else
            ogi_buf_putc(&text, *form);
    }
    og_status st = og_graph_parse(ctx, ogi_buf_str(&text), strlen(ogi_buf_str(&text)), &g);
    ogi_buf_free(&text);
    return st == OG_OK ? g : NULL;
}

/* A row's length: whole blocks, of 32 at least one chunk and a bit, odd for plain types. */
static int row_length(og_dtype type, const char *form)
{
    const ogi_dtype *t = ogi_dtype_info((int64_t)type);
    if (strstr(form, "$pos")) return OGI_MAX(t->block, 4); /* taps, states */
    return t->block == 1 ? 67 : t->block <= 128 ? 544 / t->block * t->block + t->block : 1280;
}

/* What a program must be equal to: the reference with the activations that kernels have. */
typedef struct expected {
    ogt_data *data;
    float *y;
    int64_t n;
} expected;

static ogi_ref_tensor *bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    return ogt_data_bind(((expected *)user)->data, leaf, dim);
}

static void emit(void *user, const char *name, const ogi_ref_tensor *t)
{
    expected *e = user;
    (void)name;
    e->n = t->n;
    e->y = malloc((size_t)t->n * sizeof *e->y);
    memcpy(e->y, t->f ? (void *)t->f : t->i, (size_t)t->n * sizeof *e->y);
}

static expected reference(const og_graph *g, const int64_t *sym)
{
    og_graph *q = NULL;
    expected e = { .data = ogt_data_new(g, 7, sym) };
    for (int i = 0; i < ogi_n_passes; i++)
        if (!strcmp(ogi_passes[i].name, "quantize_activations"))
            cr_assert(ogi_passes[i].run(g, &q) == OG_OK, "%s", og_error(g->ctx));
    cr_assert(q && ogi_ref_run(q, sym, &(ogi_ref_io){ &e, bind, emit }) == OG_OK, "%s",
              og_error(g->ctx));
    og_graph_free(q);
    ogt_data_free(e.data);
    return e;
}

static og_program *compile(og_device *dev, const og_graph *g, const char *what)
{
    og_program *p = NULL;
    cr_assert(og_compile(dev, g, NULL, &p) == OG_OK, "%s: %s", what, og_error(g->ctx));
    return p;
}

static float *run(og_program *p, const og_graph *g, const int64_t *sym, int64_t n)
{
    ogt_data *d = ogt_data_new(g, 7, sym);
    for (int i = 0; i < d->n_leaf; i++)
        og_program_bind(p, d->leaf[i].name, d->leaf[i].bytes, d->leaf[i].size);
    cr_assert(og_program_run(p, sym) == OG_OK);
    float *y = malloc((size_t)n * sizeof *y);
    memcpy(y, og_program_output(p, "y"), (size_t)n * sizeof *y);
    ogt_data_free(d);
    return y;
}

/* All numbers of tokens; the first is the largest, whose beginning the others must be. */
static void check_isa(og_ctx *ctx, const char *isa, const og_graph *g, const expected *want,
                      const char *form, const char *what)
{
    og_device *dev = NULL;
    cr_assert(og_device_open(ctx, &(og_device_options){ .isa = isa, .n_thread = 2 }, &dev) ==
              OG_OK);
    og_program *p = compile(dev, g, what);
    float *most = NULL;
    for (int i = 0; i < OGI_LEN(tokens); i++) {
        int64_t sym[OG_MAX_SYM] = { tokens[i], 1 };
        float *y = run(p, g, sym, want[i].n);
        bool is_exact = !memcmp(y, want[i].y, (size_t)want[i].n * sizeof *y); /* I32, too */
        double error = is_exact ? 0 : ogt_nmse(y, want[i].y, want[i].n);
        double allowed = strstr(form, "take_rows") ? 0 : 1e-6; /* decoding is exact */
        cr_assert(error <= allowed, "%s %s, %d tokens: NMSE %g", isa, what, tokens[i], error);
        bool same =
            !most || strstr(form, "$pos") || !memcmp(y, most, (size_t)want[i].n * sizeof *y);
        cr_assert(same, "%s %s: %d tokens give other bits than 40", isa, what, tokens[i]);
        if (most)
            free(y);
        else
            most = y;
    }
    free(most);
    og_program_free(p);
    og_device_free(dev);
}

/* False: refused when the graph is built, by the type's name. */
static bool check_type(og_dtype type, const char *form)
{
    og_ctx *ctx;
    char what[200];
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = parse(ctx, form, type, row_length(type, form));
    snprintf(what, sizeof what, "%s in %.40s", og_dtype_name(type), strchr(form, '%'));
    if (!g) cr_assert(strstr(og_error(ctx), og_dtype_name(type)), "%s: %s", what, og_error(ctx));
    expected want[OGI_LEN(tokens)];
    for (int i = 0; g && i < OGI_LEN(tokens); i++)
        want[i] = reference(g, (int64_t[OG_MAX_SYM]){ tokens[i], 1 });
    for (int i = 0; g && ogi_cpu_kernels_at(i); i++)
        check_isa(ctx, ogi_cpu_kernels_at(i)->name, g, want, form, what);
    for (int i = 0; g && i < OGI_LEN(tokens); i++) free(want[i].y);
    og_graph_free(g);
    og_ctx_free(ctx);
    return g != NULL;
}

Test(weight_types, each_computes_as_the_reference_wherever_it_is_read)
{
    int n_type = 0, n_linear = 0;
    for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++) {
        if (!ogi_type_def_of((og_dtype)id)) continue;
        n_type++;
        for (int k = 0; k < OGI_LEN(templates); k++)
            n_linear += check_type((og_dtype)id, templates[k]) && k == 0;
    }
    /* All but the integers. */
    cr_assert(n_linear == n_type - 3, "%d of %d types are multiplied", n_linear, n_type);
}

/* Types whose activations are int8 have kernels for them; the others are decoded. */
Test(weight_types, kernels_exist_where_types_ask_for_them)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++) {
            bool is_a8 = ogi_type_activation((og_dtype)id) == OG_A8;
            bool is_float = id == OG_F32 || id == OG_F16 || id == OG_BF16;
            cr_assert(isa->has_matmul((og_dtype)id) == (is_a8 || is_float), "%s: %s", isa->name,
                      og_dtype_name((og_dtype)id));
        }
}

static void expect_refused(const char *form, og_dtype type)
{
    og_ctx *ctx;
    og_device *dev = NULL;
    og_program *p = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = parse(ctx, form, type, 256);
    cr_assert(g, "%s", og_error(ctx));
    cr_assert(og_device_open(ctx, NULL, &dev) == OG_OK);
    cr_assert(og_compile(dev, g, NULL, &p) == OG_E_UNSUPPORTED && !p);
    cr_assert(strstr(og_error(ctx), og_dtype_name(type)) && strstr(og_error(ctx), "'w'"), "%s",
              og_error(ctx));
    og_graph_free(g);
    og_device_free(dev);
    og_ctx_free(ctx);
}

Test(weight_types, int8_activations_meet_no_weight_without_a_kernel)
{
    static const char form[] = "input $x : F32[T,#]\n"
                               "weight @w : ?[19,#]\n"
                               "%0 = quantize($x)\n"
                               "%1 = linear(%0, @w)\n"
                               "output \"y\" = %1\n";
    expect_refused(form, OG_F16);
    expect_refused(form, OG_F32);
    expect_refused(form, OG_Q8_K);
}
