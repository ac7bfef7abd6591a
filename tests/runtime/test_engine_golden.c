/* SPDX-License-Identifier: MIT
 *
 * Golden outputs of the architectures through the engine, for every instruction set, with pages in
 * either order; and the counts that plans promise. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/cpu/isa/kernels.h"
#include "models/model.h"
#include "runtime/engine.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

/* Mean squared errors of the reference itself are below this. */
static const double floor_nmse = 1e-6;
static const double most_arena = 1.10;

typedef struct rows {
    float *at;
    int64_t n, skip; /* written; rows to leave out first */
    int64_t n_vocab;
} rows;

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    rows *r = user;
    (void)f;
    if (i < r->skip) return true;
    memcpy(r->at + r->n * r->n_vocab, logits, (size_t)r->n_vocab * sizeof *logits);
    r->n++;
    return true;
}

static og_status run_case(og_model *m, const ogt_run *run, float *out)
{
    og_sequence *s;
    og_model_info info;
    og_model_get_info(m, &info);
    rows r = { .at = out, .n_vocab = info.n_vocab };
    og_status st = og_sequence_new(m, &s);
    if (st != OG_OK) return st;
    r.skip = run->n_then ? run->n_tokens - 1 : 0; /* a prefix gives its last row */
    og_feed feed = { .seq = s, .token = run->tokens, .n = run->n_tokens };
    if (run->n_encode) st = og_model_encode(m, feed.seq, run->encode, run->n_encode);
    if (st == OG_OK) st = og_model_feed(m, &feed, 1, OG_ROWS_ALL, keep_row, &r);
    r.skip = 0;
    for (int i = 0; i < run->n_then && st == OG_OK; i++) {
        og_feed one = { .seq = s, .token = run->then + i, .n = 1 };
        st = og_model_feed(m, &one, 1, OG_ROWS_ALL, keep_row, &r);
    }
    og_sequence_free(s);
    return st;
}

/* Every plan of both entries stays near its lower bound. */
static double worst_arena(const og_model *m)
{
    og_program_info a, b;
    og_program_get_info(og_model_program(m, "step"), &a);
    og_program_get_info(og_model_program(m, "head"), &b);
    return fmax(a.worst_ratio, b.worst_ratio);
}

typedef struct how {
    const char *isa;   /* NULL: the best */
    const char *graph; /* NULL: the architecture's own */
    bool via_text;
} how;

static og_model *load_spec(og_ctx *ctx, const ogt_spec *spec, const how *h)
{
    ogi_gguf *file;
    og_model *m = NULL;
    og_model_options o = {
        .device = { .isa = h->isa, .n_thread = 2 },
        .graph = h->graph,
        .via_text = h->via_text,
        .n_ctx = spec->n_ctx,
        .kv = "f32",
        .reverse_pages = true,
    };
    if (ogi_gguf_open_memory(ctx, spec->name, spec->gguf, spec->gguf_size, NULL, 0, &file) == OG_OK)
        ogi_model_load_gguf(ctx, file, &o, &m);
    return m;
}

static bool is_supported(const ogt_spec *spec)
{
    if (!spec->is_logits) return false;
    for (int i = 0; i < spec->n_run; i++)
        if (spec->run[i].n_encode) return false;
    for (int i = 0; ogi_arch_name(i); i++)
        if (!strcmp(ogi_arch_name(i), spec->arch)) return true;
    return false;
}

static bool check_case(const ogt_spec *spec, const how *h)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    og_model *m = load_spec(ctx, spec, h);
    float *got = calloc((size_t)spec->n_want + 1, sizeof *got);
    int64_t at = 0;
    og_status st = m ? OG_OK : OG_E_INVALID;
    for (int i = 0; i < spec->n_run && st == OG_OK; i++) {
        st = run_case(m, &spec->run[i], got + at);
        at += spec->run[i].rows * spec->run[i].cols;
    }
    double e = st == OG_OK ? ogt_nmse(got, spec->want, spec->n_want) : INFINITY;
    bool ok = e <= fmax(floor_nmse, spec->tolerance);
    if (!ok)
        fprintf(stderr, "%s, %s: NMSE %g %s\n", spec->name, h->isa ? h->isa : "", e, og_error(ctx));
    if (m && worst_arena(m) > most_arena) {
        fprintf(stderr, "%s: an arena is %.3f of its lower bound\n", spec->name, worst_arena(m));
        ok = false;
    }
    free(got);
    og_model_free(m);
    og_ctx_free(ctx);
    return ok;
}

static void check_isa(const char *isa)
{
    if (!ogi_cpu_kernels_find(isa)) cr_skip_test("this processor has no %s", isa);
    char *dir = ogt_kind_dir("arch"), error[200];
    ogt_names names = ogt_list(dir, ".json");
    ogt_count count = { .kind = "arch" };
    for (int i = 0; i < names.n; i++) {
        ogt_spec spec;
        cr_assert(ogt_spec_open(dir, names.name[i], &spec, error), "%s: %s", names.name[i], error);
        if (is_supported(&spec)) {
            count.ran++;
            count.passed += check_case(&spec, &(how){ .isa = isa });
        } else {
            count.skipped++;
        }
        ogt_spec_free(&spec);
    }
    ogt_names_free(&names);
    free(dir);
    printf("%s: ", isa);
    cr_assert(ogt_count_report(&count), "%s", isa);
}

Test(engine, golden_architectures_scalar, .timeout = 300)
{
    check_isa("scalar");
}
Test(engine, golden_architectures_sse42, .timeout = 300)
{
    check_isa("sse42");
}
Test(engine, golden_architectures_avx2, .timeout = 300)
{
    check_isa("avx2");
}
Test(engine, golden_architectures_avx512, .timeout = 300)
{
    check_isa("avx512");
}
Test(engine, golden_architectures_neon, .timeout = 300)
{
    check_isa("neon");
}

/* Cases of an example of docs/examples, which is written over keys. */
static void check_example(const char *graph, const char *const *name, int n)
{
    char *dir = ogt_kind_dir("arch"), error[200], path[1024];
    snprintf(path, sizeof path, "%s/docs/examples/%s", OGT_SOURCE_DIR, graph);
    for (int i = 0; i < n; i++) {
        ogt_spec spec;
        cr_assert(ogt_spec_open(dir, name[i], &spec, error), "%s: %s", name[i], error);
        cr_expect(check_case(&spec, &(how){ .graph = path }), "%s", name[i]);
        ogt_spec_free(&spec);
    }
    free(dir);
}

Test(engine, llama_by_hand, .timeout = 60)
{
    static const char *const name[] = { "llama",     "llama-tied", "llama-bias",      "llama-mha",
                                        "llama-mqa", "llama-moe",  "llama-rope-freqs" };
    check_example("llama.og", name, OGI_LEN(name));
}

Test(engine, jamba_by_hand, .timeout = 60)
{
    static const char *const name[] = { "jamba-moe" };
    check_example("jamba.og", name, OGI_LEN(name));
}

Test(engine, graphs_through_text, .timeout = 120)
{
    static const char *const name[] = { "llama", "gemma2",         "mamba",  "qwen35moe",
                                        "rwkv7", "glm-dsa-shared", "lfm2moe" };
    char *dir = ogt_kind_dir("arch"), error[200];
    for (int i = 0; i < OGI_LEN(name); i++) {
        ogt_spec spec;
        cr_assert(ogt_spec_open(dir, name[i], &spec, error), "%s: %s", name[i], error);
        cr_expect(check_case(&spec, &(how){ .via_text = true }), "%s", name[i]);
        ogt_spec_free(&spec);
    }
    free(dir);
}
