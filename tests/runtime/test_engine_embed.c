/* SPDX-License-Identifier: MIT
 *
 * Embeddings through the engine: a pooled row depends on its own sequence alone, bit for bit, and
 * is what the rows of its tokens say; golden outputs of one row a token. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "models/arch_impl.h"
#include "runtime/engine.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

enum { N_TOK = 40, MAX_COLS = 64 };

static og_ctx *ctx;
static ogt_spec spec;
static float out[N_TOK][MAX_COLS];
static int64_t n_cols;
static int n_out;

static void setup(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void teardown(void)
{
    ogt_spec_free(&spec);
    og_ctx_free(ctx);
}
TestSuite(embed, .init = setup, .fini = teardown);

static bool keep(void *user, int f, int64_t i, const float *row)
{
    (void)i;
    if (f != *(int *)user) return true;
    cr_assert(n_out < N_TOK && n_cols <= MAX_COLS);
    memcpy(out[n_out++], row, (size_t)n_cols * sizeof *row);
    return true;
}

static og_model *load(const char *name, int pooling, int batch)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    ogt_spec_free(&spec);
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    ogi_gguf *file;
    og_model *m;
    og_model_options o = { .kv = "f32",
                           .n_ctx = spec.n_ctx,
                           .n_sequence = 3,
                           .batch = batch,
                           .has_pooling = true,
                           .pooling = pooling };
    cr_assert(!ogi_gguf_open_memory(ctx, name, spec.gguf, spec.gguf_size, NULL, 0, &file));
    cr_assert(!ogi_model_load_gguf(ctx, file, &o, &m), "%s", og_error(ctx));
    og_model_info info;
    og_model_get_info(m, &info);
    n_cols = info.n_pooled;
    return m;
}

/* Rows of a sequence of n tokens, with others beside it. */
static void embed(const char *name, int pooling, int batch, int n, int n_beside)
{
    og_model *m = load(name, pooling, batch);
    int32_t token[3][N_TOK];
    og_feed feed[3];
    int which = n_beside; /* the last of the feeds */
    for (int f = 0; f <= n_beside; f++) {
        for (int i = 0; i < N_TOK; i++) token[f][i] = (7 * i + 3 * (which - f) + 1) % 90;
        feed[f] = (og_feed){ .token = token[f], .n = f == which ? n : 9 + 8 * f };
        cr_assert(!og_sequence_new(m, &feed[f].seq));
    }
    n_out = 0;
    cr_assert(!og_model_embed(m, feed, n_beside + 1, keep, &which), "%s", og_error(ctx));
    og_model_free(m);
}

static void expect_same_bits(const char *name, int pooling)
{
    float alone[MAX_COLS];
    embed(name, pooling, 0, N_TOK, 0);
    cr_assert(n_out == 1);
    memcpy(alone, out[0], sizeof alone);
    embed(name, pooling, 5, N_TOK, 0);
    cr_assert(n_out == 1 && !memcmp(alone, out[0], (size_t)n_cols * 4), "%s in pieces", name);
    embed(name, pooling, 7, N_TOK, 2);
    cr_assert(n_out == 1 && !memcmp(alone, out[0], (size_t)n_cols * 4), "%s beside others", name);
}

Test(embed, a_pooled_row_is_the_same_alone)
{
    for (int p = OG_POOL_MEAN; p <= OG_POOL_LAST; p++) {
        expect_same_bits("bert", p);
        expect_same_bits("qwen2-embed", p);
    }
    expect_same_bits("bert-rank", OG_POOL_RANK);
}

Test(embed, pooling_is_of_the_rows_of_all_tokens)
{
    double mean[MAX_COLS] = { 0 };
    float first[MAX_COLS], last[MAX_COLS];
    embed("qwen2-embed", OG_POOL_NONE, 0, N_TOK, 0);
    cr_assert(n_out == N_TOK);
    memcpy(first, out[0], sizeof first);
    memcpy(last, out[N_TOK - 1], sizeof last);
    for (int t = 0; t < N_TOK; t++)
        for (int64_t k = 0; k < n_cols; k++) mean[k] += (double)out[t][k] / N_TOK;
    embed("qwen2-embed", OG_POOL_CLS, 5, N_TOK, 0);
    cr_assert(!memcmp(first, out[0], (size_t)n_cols * 4));
    embed("qwen2-embed", OG_POOL_LAST, 5, N_TOK, 0);
    cr_assert(!memcmp(last, out[0], (size_t)n_cols * 4));
    embed("qwen2-embed", OG_POOL_MEAN, 5, N_TOK, 0);
    for (int64_t k = 0; k < n_cols; k++)
        cr_assert_float_eq((double)out[0][k], mean[k], 1e-5, "%d", (int)k);
}

Test(embed, what_looks_at_all_tokens_takes_them_at_once)
{
    og_model *m = load("bert", OG_POOL_NONE, 5);
    og_feed feed = { .token = (int32_t[]){ 1, 2, 3 }, .n = 3 };
    int which = 0;
    n_out = 0;
    cr_assert(!og_sequence_new(m, &feed.seq) && !og_model_embed(m, &feed, 1, keep, &which));
    cr_assert(og_model_embed(m, &feed, 1, keep, &which) == OG_E_INVALID);
    cr_assert(og_model_feed(m, &feed, 1, OG_ROWS_NONE, NULL, NULL) == OG_E_UNSUPPORTED);
    og_model_free(m);
}

Test(embed, models_that_write_nothing_are_refused_for_logits)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, "bert", &spec, error), "%s", error);
    free(dir);
    ogi_gguf *file;
    og_model *m;
    cr_assert(!ogi_gguf_open_memory(ctx, "m", spec.gguf, spec.gguf_size, NULL, 0, &file));
    cr_assert(ogi_model_load_gguf(ctx, file, NULL, &m) == OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "writes no text"), "%s", og_error(ctx));
}
