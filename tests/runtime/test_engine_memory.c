/* SPDX-License-Identifier: MIT
 *
 * Memory by metadata: what grows with a number of the file or of the options is counted before it
 * is allocated, and lists of pages grow with their sequences. The allocator counts. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/ctx.h"
#include "runtime/engine.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

enum { MB = 1 << 20 };

/* Sizes are kept in front of each block. */
typedef struct meter {
    int64_t live, peak;
} meter;

static void *metered(void *user, void *p, size_t size)
{
    meter *m = user;
    unsigned char *base = p ? (unsigned char *)p - 64 : NULL;
    size_t was = 0;
    if (base) memcpy(&was, base, sizeof was);
    m->live -= (int64_t)was;
    if (!size) return free(base), NULL;
    base = realloc(base, size + 64);
    memcpy(base, &size, sizeof size);
    m->live += (int64_t)size;
    m->peak = OGI_MAX(m->peak, m->live);
    return base + 64;
}

static meter memory;
static og_ctx *ctx;
static ogt_spec spec;

static void begin(void)
{
    memory = (meter){ 0 };
    cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = metered, .user = &memory }, &ctx) == OG_OK);
}

static void end(void)
{
    ogt_spec_free(&spec);
    og_ctx_free(ctx);
    cr_assert_eq(memory.live, 0, "%lld bytes leak", (long long)memory.live);
}

TestSuite(memory, .init = begin, .fini = end);

static og_status load(const char *name, int64_t n_ctx, int n_sequence, og_model **out)
{
    char error[200], *dir = ogt_kind_dir("arch");
    ogi_gguf *f;
    og_model_options o = { .device = { .n_thread = 1 }, .n_ctx = n_ctx, .n_sequence = n_sequence };
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", spec.gguf, spec.gguf_size, NULL, 0, &f) == OG_OK);
    return ogi_model_load_gguf(ctx, f, &o, out);
}

Test(memory, a_recurrent_model_has_no_pages)
{
    og_model *m;
    cr_assert(load("mamba", 1 << 30, 4, &m) == OG_OK, "%s", og_error(ctx));
    cr_assert_lt(memory.peak, 32 * MB, "%lld bytes", (long long)memory.peak);
    og_feed feed = { .token = (int32_t[]){ 1, 2, 3 }, .n = 3 };
    cr_assert(og_sequence_new(m, &feed.seq) == OG_OK);
    cr_assert(og_model_feed(m, &feed, 1, OG_ROWS_NONE, NULL, NULL) == OG_OK);
    cr_assert_eq(og_sequence_length(feed.seq), 3);
    og_model_free(m);
}

Test(memory, a_context_that_does_not_fit_is_refused_before_it_is_allocated)
{
    og_model *m;
    cr_assert_eq(load("llama", 1 << 30, 1, &m), OG_E_LIMIT);
    cr_assert(strstr(og_error(ctx), "-c "), "%s", og_error(ctx));
    cr_assert_lt(memory.peak, 32 * MB, "%lld bytes", (long long)memory.peak);
}

Test(memory, lists_of_pages_grow_with_their_sequences)
{
    og_model *m;
    og_sequence *s[3];
    int32_t token[200] = { 0 };
    cr_assert(load("llama", 1 << 20, 3, &m) == OG_OK, "%s", og_error(ctx));
    int64_t before = memory.live;
    for (int i = 0; i < 3; i++) cr_assert(og_sequence_new(m, &s[i]) == OG_OK);
    cr_assert_lt(memory.live - before, 4096, "%lld bytes", (long long)(memory.live - before));
    og_feed feed = { s[1], token, 200 };
    cr_assert(og_model_feed(m, &feed, 1, OG_ROWS_NONE, NULL, NULL) == OG_OK);
    cr_assert_lt(memory.live - before, 4096, "%lld bytes", (long long)(memory.live - before));
    og_model_free(m);
}

/* The model "llama", whose embedding has 128 rows, with n texts of tokens. */
static og_status load_with_tokens(int n)
{
    char error[200], *dir = ogt_kind_dir("arch");
    ogt_bytes pairs = { 0 }, file = { 0 };
    ogi_gguf *f;
    og_model *m;
    uint64_t n_kv;
    cr_assert(ogt_spec_open(dir, "llama", &spec, error), "%s", error);
    free(dir);
    ogt_bytes_str(&pairs, "tokenizer.ggml.tokens", 21);
    ogt_bytes_uint(&pairs, OGI_GGUF_ARRAY, 4);
    ogt_bytes_uint(&pairs, OGI_GGUF_STR, 4);
    ogt_bytes_uint(&pairs, (uint64_t)n, 8);
    for (int i = 0; i < n; i++) ogt_bytes_str(&pairs, "t", 1);
    ogt_bytes_str(&pairs, "pad", 3); /* keeps what follows aligned */
    ogt_bytes_uint(&pairs, OGI_GGUF_STR, 4);
    ogt_bytes_uint(&pairs, (32 - (pairs.n + 8) % 32) % 32, 8);
    while (pairs.n % 32) ogt_bytes_add(&pairs, "", 1);
    ogt_bytes_add(&file, spec.gguf, 24); /* magic, version, counts */
    memcpy(&n_kv, file.p + 16, sizeof n_kv);
    n_kv += 2;
    memcpy(file.p + 16, &n_kv, sizeof n_kv);
    ogt_bytes_add(&file, pairs.p, pairs.n);
    ogt_bytes_add(&file, spec.gguf + 24, (size_t)spec.gguf_size - 24);
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", file.p, (int64_t)file.n, NULL, 0, &f) == OG_OK,
              "%s", og_error(ctx));
    og_status st = ogi_model_load_gguf(ctx, f, NULL, &m);
    og_model_free(m);
    free(pairs.p);
    free(file.p);
    return st;
}

Test(memory, the_embedding_has_a_row_for_each_token)
{
    cr_assert_eq(load_with_tokens(128), OG_OK, "%s", og_error(ctx));
    ogt_spec_free(&spec);
    cr_assert_eq(load_with_tokens(100), OG_OK, "padding is allowed: %s", og_error(ctx));
    ogt_spec_free(&spec);
    cr_assert_eq(load_with_tokens(129), OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "tokenizer.ggml.tokens") && strstr(og_error(ctx), "128 rows"),
              "%s", og_error(ctx));
}
