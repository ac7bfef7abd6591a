/* SPDX-License-Identifier: MIT
 *
 * Bitwise invariance: the logits of a token are the same bytes however the prompt is cut into
 * steps, whoever is in the batch, with any number of threads, wherever the pages lie; for every
 * weight type, type of keys and values, and instruction set. And what a step costs: allocations,
 * barriers, groups. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/cpu/isa/kernels.h"
#include "base/ctx.h"
#include "models/synth.h"
#include "runtime/engine.h"
#include "runtime/program.h"

enum { N_TOKENS = 70, N_VOCAB = 320, MAX_GROUPS_A_LAYER = 7 };

/* Widths that are multiples of 256, so that every type has whole blocks. */
static const ogi_synth_shape dense = {
    .name = "dense",
    .arch = "llama",
    .n_layer = 2,
    .n_embd = 256,
    .n_ff = 512,
    .n_head = 4,
    .n_head_kv = 2,
    .head_dim = 64,
    .n_vocab = N_VOCAB,
    .n_ctx = 512,
    .rope_base = 10000,
    .rms_eps = 1e-5,
};
static const ogi_synth_shape experts = {
    .name = "experts",
    .arch = "llama",
    .n_layer = 2,
    .n_embd = 256,
    .n_ff = 256,
    .n_head = 4,
    .n_head_kv = 2,
    .head_dim = 64,
    .n_vocab = N_VOCAB,
    .n_ctx = 512,
    .n_expert = 4,
    .n_expert_used = 2,
    .rope_base = 10000,
    .rms_eps = 1e-5,
};
static const char *const types[] = { "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K" };

static const char *const kv_types[] = { "f16", "bf16", "q8_0", "q4_0", "k=q4_0,v=bf16" };

typedef struct file {
    unsigned char *p;
    int64_t n;
} file;

static bool append(void *user, const void *p, int64_t n)
{
    file *f = user;
    memcpy(f->p + f->n, p, (size_t)n);
    f->n += n;
    return true;
}

static file synthesize(og_ctx *ctx, const ogi_synth_shape *shape, const char *type)
{
    ogi_synth *s;
    file f = { 0 };
    ogi_synth_options o = { .shape = shape, .type = type, .seed = 5 };
    cr_assert_eq(ogi_synth_new(ctx, &o, &s), OG_OK, "%s", og_error(ctx));
    f.p = malloc((size_t)ogi_synth_size(s));
    cr_assert_eq(ogi_synth_write(s, append, &f), OG_OK);
    ogi_synth_free(s);
    return f;
}

static og_model *load(og_ctx *ctx, const file *f, const og_model_options *o)
{
    ogi_gguf *g;
    og_model *m;
    cr_assert_eq(ogi_gguf_open_memory(ctx, "synth", f->p, f->n, NULL, 0, &g), OG_OK, "%s",
                 og_error(ctx));
    cr_assert_eq(ogi_model_load_gguf(ctx, g, o, &m), OG_OK, "%s", og_error(ctx));
    return m;
}

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    if (f == 0) memcpy((float *)user + i * N_VOCAB, logits, N_VOCAB * sizeof *logits);
    return true;
}

static int32_t token_at(int seq, int i)
{
    return (seq * 101 + i * 37 + i * i) % N_VOCAB;
}

/* Logits of the first sequence's 70 tokens, with n_beside others of other lengths. */
static float *logits(og_ctx *ctx, const file *f, const og_model_options *o, int n_beside)
{
    static const int length[] = { N_TOKENS, 9, 41 };
    int32_t token[3][N_TOKENS];
    og_feed feed[3];
    og_model_options opt = *o;
    opt.n_sequence = 3;
    og_model *m = load(ctx, f, &opt);
    float *out = calloc(N_TOKENS * N_VOCAB, sizeof *out);
    for (int s = n_beside; s >= 0; s--) { /* the first sequence gets the last pages */
        for (int i = 0; i < length[s]; i++) token[s][i] = token_at(s, i);
        feed[s] = (og_feed){ .token = token[s], .n = length[s] };
        cr_assert_eq(og_sequence_new(m, &feed[s].seq), OG_OK);
    }
    cr_assert_eq(og_model_feed(m, feed, n_beside + 1, OG_ROWS_ALL, keep_row, out), OG_OK, "%s",
                 og_error(ctx));
    og_model_free(m);
    return out;
}

static void expect_same(og_ctx *ctx, const file *f, const float *want, og_model_options o,
                        int n_beside, const char *type)
{
    float *got = logits(ctx, f, &o, n_beside);
    for (int t = 0; t < N_TOKENS; t++)
        cr_assert(!memcmp(got + t * N_VOCAB, want + t * N_VOCAB, N_VOCAB * sizeof *got),
                  "%s, %s: row %d differs: steps of %d, %d beside, %d threads, pages %d",
                  o.device.isa, type, t, o.batch, n_beside, o.device.n_thread, o.reverse_pages);
    free(got);
}

static void check_model(const char *isa, const ogi_synth_shape *shape, const char *type,
                        const char *kv)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    file f = synthesize(ctx, shape, type);
    og_model_options o = { .device = { .isa = isa, .n_thread = 1 }, .kv = kv };
    float *want = logits(ctx, &f, &o, 0);
    double sum = 0;
    for (int i = 0; i < N_TOKENS * N_VOCAB; i++) sum += (double)(want[i] * want[i]);
    cr_assert(sum > 0 && sum < 1e9, "%s, %s: logits are zero or not finite", isa, type);
    static const int step[] = { 1, 3, 8, 512 };
    static const int threads[] = { 1, 2, 5 };
    for (int i = 0; i < 4; i++)
        for (int b = 0; b <= 2; b += 2) {
            o.batch = step[i];
            o.device.n_thread = threads[(i + b) % 3];
            o.reverse_pages = i & 1;
            expect_same(ctx, &f, want, o, b, type);
        }
    free(want);
    free(f.p);
    og_ctx_free(ctx);
}

static void check_isa(const char *isa)
{
    if (!ogi_cpu_kernels_find(isa)) cr_skip_test("this processor has no %s", isa);
    for (int t = 0; t < OGI_LEN(types); t++) check_model(isa, &dense, types[t], "f32");
    for (int t = 0; t < OGI_LEN(kv_types); t++) check_model(isa, &dense, "Q8_0", kv_types[t]);
    check_model(isa, &experts, "F32", "f32");
    check_model(isa, &experts, "Q4_0", "f32");
    check_model(isa, &experts, "Q6_K", "f32");
}

Test(bits, invariant_scalar, .timeout = 300)
{
    check_isa("scalar");
}
Test(bits, invariant_sse42, .timeout = 300)
{
    check_isa("sse42");
}
Test(bits, invariant_avx2, .timeout = 300)
{
    check_isa("avx2");
}
Test(bits, invariant_avx512, .timeout = 300)
{
    check_isa("avx512");
}
Test(bits, invariant_neon, .timeout = 300)
{
    check_isa("neon");
}

static bool ignore_row(void *user, int f, int64_t i, const float *row)
{
    (void)user, (void)f, (void)i, (void)row;
    return true;
}

Test(step, allocates_nothing)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    file f = synthesize(ctx, &dense, "Q4_K");
    og_model *m = load(ctx, &f, &(og_model_options){ .device = { .n_thread = 2 } });
    og_feed feed = { .token = (int32_t[N_TOKENS]){ 1, 2, 3 }, .n = N_TOKENS };
    cr_assert_eq(og_sequence_new(m, &feed.seq), OG_OK);
    cr_assert_eq(og_model_feed(m, &feed, 1, OG_ROWS_LAST, ignore_row, NULL), OG_OK);
    int64_t before = ogi_alloc_count(ctx);
    for (feed.n = 1; feed.n <= 40; feed.n += 13)
        for (int i = 0; i < 4; i++)
            cr_assert_eq(og_model_feed(m, &feed, 1, OG_ROWS_LAST, ignore_row, NULL), OG_OK);
    cr_assert_eq(ogi_alloc_count(ctx), before, "steps allocate");
    og_model_free(m);
    free(f.p);
    og_ctx_free(ctx);
}

Test(step, decode_plan_of_a_llama_layer_has_few_groups)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    file f = synthesize(ctx, &dense, "Q4_0");
    og_model *m = load(ctx, &f, &(og_model_options){ .device = { .n_thread = 2 } });
    const ogi_plan *p = ogi_program_plan(og_model_program(m, "step"), 0);
    int most = 0;
    for (int layer = 0; layer < dense.n_layer; layer++) {
        int n = 0;
        for (int b = 0; b < p->n_group; b++) n += p->group[b].layer == layer;
        most = OGI_MAX(most, n);
    }
    printf("groups of a Llama layer in the decode plan: at most %d\n", most);
    cr_assert_leq(most, MAX_GROUPS_A_LAYER);
    /* Embedding and rope table come before, nothing else is outside the layers. */
    cr_assert_leq(p->n_group, 5 * dense.n_layer + 3);
    og_model_free(m);
    free(f.p);
    og_ctx_free(ctx);
}

Test(step, arenas_of_llama_1b_reach_the_lower_bound)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_synth_shape shape = *ogi_synth_shape_find("llama-1b");
    shape.n_vocab = 64; /* the vocabulary only matters to the head's one buffer */
    shape.n_layer = 2;  /* all layers are alike: the peak is in any of them */
    file f = synthesize(ctx, &shape, "Q4_0");
    og_model *m = load(ctx, &f, &(og_model_options){ .device = { .n_thread = 2 }, .n_ctx = 512 });
    og_program_info info;
    og_program_get_info(og_model_program(m, "step"), &info);
    printf("llama-1b: arena %lld bytes, lower bound %lld, worst plan %.3f\n",
           (long long)info.arena_size, (long long)info.lower_bound, info.worst_ratio);
    cr_assert_leq(info.worst_ratio, 1.10);
    og_model_free(m);
    free(f.p);
    og_ctx_free(ctx);
}
