/* SPDX-License-Identifier: MIT
 *
 * Programs: a plan for each range, all giving the same values; leaves are checked before a run; a
 * run allocates nothing. */
#include <criterion/criterion.h>
#include <string.h>

#include "oxigraph/ops.h"
#include "runtime/program.h"

static og_ctx *ctx;
static og_device *dev;
static og_graph *g;
static float x[64 * 8], w[16 * 8];

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_device_open(ctx, &(og_device_options){ .n_thread = 2 }, &dev) == OG_OK);
    g = og_graph_new(ctx, "program");
    og_dim T = og_sym(g, "T", 1, 64);
    og_tensor *in = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(8)));
    og_tensor *weight = og_weight(g, "w", OG_F32, OG_SHAPE(OG_N(16), OG_N(8)));
    og_output(g, "y", og_relu(g, og_linear(g, in, weight)));
    for (int i = 0; i < 64 * 8; i++) x[i] = (float)(i % 13) - 6;
    for (int i = 0; i < 16 * 8; i++) w[i] = (float)(i % 7) - 3;
}

static void tear_down(void)
{
    og_graph_free(g);
    og_device_free(dev);
    og_ctx_free(ctx);
}

TestSuite(program, .init = set_up, .fini = tear_down);

static og_program *compile(const og_compile_options *opt)
{
    og_program *p;
    cr_assert(og_compile(dev, g, opt, &p) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_program_bind(p, "x", x, sizeof x) == OG_OK);
    cr_assert(og_program_bind(p, "w", w, sizeof w) == OG_OK);
    return p;
}

static void check_rows(const og_program *p, int64_t n)
{
    const float *y = og_program_output(p, "y");
    cr_assert(y);
    for (int64_t t = 0; t < n; t++)
        for (int f = 0; f < 16; f++) {
            float sum = 0; /* small integers: exact in any order */
            for (int e = 0; e < 8; e++) sum += x[t * 8 + e] * w[f * 8 + e];
            cr_assert(y[t * 16 + f] == (sum > 0 ? sum : 0), "row %d of %d", (int)t, (int)n);
        }
}

Test(program, has_a_plan_for_each_range_and_they_agree)
{
    og_program *p = compile(NULL);
    og_program_info info;
    og_program_get_info(p, &info);
    cr_assert(info.n_plan == 3, "1, 2-16, 17-64");
    cr_assert(!ogi_program_plan(p, 3) && ogi_program_plan(p, 2)->sym_max[0] == 64);
    for (int64_t n = 1; n <= 64; n = n < 18 ? n + 1 : n + 23) {
        cr_assert(og_program_run(p, &n) == OG_OK, "%s", og_error(ctx));
        check_rows(p, n);
    }
    og_program_free(p);
}

Test(program, ranges_are_the_caller_s)
{
    og_program *p = compile(&(og_compile_options){ .range = (int64_t[]){ 5, 64 }, .n_range = 2 });
    cr_assert(ogi_program_plan(p, 0)->sym_max[0] == 5 && ogi_program_plan(p, 1)->sym_min[0] == 6);
    cr_assert(og_program_run(p, &(int64_t){ 6 }) == OG_OK);
    check_rows(p, 6);
    og_program_free(p);
}

Test(program, refuses_symbols_out_of_range)
{
    og_program *p = compile(NULL);
    cr_assert(og_program_run(p, &(int64_t){ 0 }) == OG_E_INVALID);
    og_error_clear(ctx);
    cr_assert(og_program_run(p, &(int64_t){ 65 }) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "T"), "%s", og_error(ctx));
    og_program_free(p);
}

Test(program, refuses_leaves_that_are_missing_or_too_small)
{
    og_program *p;
    cr_assert(og_compile(dev, g, NULL, &p) == OG_OK);
    cr_assert(og_program_bind(p, "x", x, sizeof x) == OG_OK);
    cr_assert(og_program_run(p, &(int64_t){ 1 }) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "w"), "%s", og_error(ctx));
    og_error_clear(ctx);
    cr_assert(og_program_bind(p, "w", w, sizeof w) == OG_OK);
    cr_assert(og_program_bind(p, "x", x, 3 * 8 * sizeof(float)) == OG_OK);
    cr_assert(og_program_run(p, &(int64_t){ 3 }) == OG_OK);
    cr_assert(og_program_run(p, &(int64_t){ 4 }) == OG_E_INVALID, "x has three rows");
    og_error_clear(ctx);
    cr_assert(og_program_bind(p, "z", x, sizeof x) == OG_E_NOT_FOUND);
    og_program_free(p);
}

Test(program, a_run_allocates_nothing)
{
    og_program *p = compile(NULL);
    cr_assert(og_program_run(p, &(int64_t){ 1 }) == OG_OK);
    int64_t before = ogi_alloc_count(ctx);
    for (int64_t n = 1; n <= 64; n++) cr_assert(og_program_run(p, &n) == OG_OK);
    cr_assert(ogi_alloc_count(ctx) == before);
    og_program_free(p);
}

Test(program, outlives_its_graph)
{
    og_program *p = compile(NULL);
    og_graph_free(g);
    g = og_graph_new(ctx, "another");
    cr_assert(og_program_run(p, &(int64_t){ 20 }) == OG_OK);
    check_rows(p, 20);
    cr_assert(!og_program_output(p, "none"));
    og_program_free(p);
}
