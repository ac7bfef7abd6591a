/* SPDX-License-Identifier: MIT
 *
 * Synthetic models: readable, of the right types and spread, the same every time. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "graph/kx.h"
#include "models/synth_impl.h"
#include "tests/support/program.h"

typedef struct bytes {
    unsigned char *p;
    int64_t n, size, stop_at;
} bytes;

static bool keep(void *user, const void *p, int64_t n)
{
    bytes *b = user;
    cr_assert_leq(b->n + n, b->size);
    if (b->stop_at && b->n >= b->stop_at) return false;
    memcpy(b->p + b->n, p, (size_t)n);
    b->n += n;
    return true;
}

static og_ctx *new_ctx(void)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    return ctx;
}

static bytes make(og_ctx *ctx, const ogi_synth_options *opt)
{
    ogi_synth *s;
    cr_assert_eq(ogi_synth_new(ctx, opt, &s), OG_OK, "%s", og_error(ctx));
    bytes b = { .size = ogi_synth_size(s) };
    b.p = malloc((size_t)b.size);
    cr_assert_eq(ogi_synth_write(s, keep, &b), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(b.n, b.size, "%lld of %lld bytes", (long long)b.n, (long long)b.size);
    ogi_synth_free(s);
    return b;
}

static ogi_gguf *open_bytes(og_ctx *ctx, bytes b)
{
    ogi_gguf *f;
    cr_assert_eq(ogi_gguf_open_memory(ctx, "synth", b.p, b.n, NULL, 0, &f), OG_OK, "%s",
                 og_error(ctx));
    return f;
}

static const ogi_synth_shape *tiny(void)
{
    return ogi_synth_shape_find("tiny");
}

static const ogi_gguf_tensor *find(const ogi_gguf *f, const char *name)
{
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, ogi_sv_of(name));
    cr_assert(t, "no tensor %s", name);
    return t;
}

/* ---- every type ---- */

static void check_spread(og_ctx *ctx, const ogi_gguf_tensor *t, double want, double tolerance)
{
    int64_t n = t->dim[0] * t->dim[1];
    float *x = malloc((size_t)n * sizeof *x);
    cr_assert_eq(ogi_dequantize(ctx, (og_dtype)t->type, t->data, n, x), OG_OK);
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        cr_assert(isfinite(x[i]), "%s %.*s", og_dtype_name((og_dtype)t->type), (int)t->name.n,
                  t->name.p);
        mean += (double)x[i] / (double)n;
        square += (double)x[i] * (double)x[i] / (double)n;
    }
    const char *type = og_dtype_name((og_dtype)t->type);
    cr_expect_float_eq(sqrt(square) / want, 1, tolerance, "%s: spread %g, wanted %g", type,
                       sqrt(square), want);
    cr_expect_lt(fabs(mean), 0.12 * want, "%s: mean %g", type, mean);
    free(x);
}

Test(synth, every_type_has_the_right_spread)
{
    og_ctx *ctx = new_ctx();
    int n = 0;
    for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++) {
        if (!ogi_synth_can_fill((og_dtype)id)) continue;
        ogi_synth_options opt = { .shape = tiny(), .type = og_dtype_name((og_dtype)id) };
        bytes b = make(ctx, &opt);
        ogi_gguf *f = open_bytes(ctx, b);
        const ogi_gguf_tensor *down = find(f, "blk.1.ffn_down.weight");
        cr_assert_eq(down->type, id);
        cr_assert_eq(find(f, "token_embd.weight")->type, id);
        cr_assert_eq(find(f, "output.weight")->type, id);
        /* Exponent-only and 8-bit scales hit it roughly. */
        double tolerance = id == OG_MXFP4 ? 0.45 : 0.1;
        check_spread(ctx, down, 1 / sqrt(512), tolerance);
        check_spread(ctx, find(f, "token_embd.weight"), 1, tolerance);
        ogi_gguf_close(f);
        free(b.p);
        n++;
    }
    cr_assert_geq(n, 28);
    og_ctx_free(ctx);
}

Test(synth, norms_are_f32_around_one)
{
    og_ctx *ctx = new_ctx();
    bytes b = make(ctx, &(ogi_synth_options){ .shape = tiny(), .type = "Q8_0" });
    ogi_gguf *f = open_bytes(ctx, b);
    const ogi_gguf_tensor *t = find(f, "blk.0.attn_norm.weight");
    cr_assert_eq(t->type, OG_F32);
    cr_assert_eq(t->rank, 1);
    float x[256];
    memcpy(x, t->data, sizeof x);
    for (int i = 0; i < 256; i++) cr_assert(x[i] > 0.8f && x[i] < 1.2f, "%g", (double)x[i]);
    ogi_gguf_close(f);
    free(b.p);
    og_ctx_free(ctx);
}

Test(synth, same_options_same_bytes)
{
    og_ctx *ctx = new_ctx();
    ogi_synth_options opt = { .shape = tiny(), .type = "Q4_K_M" };
    bytes a = make(ctx, &opt), b = make(ctx, &opt);
    opt.seed = 1;
    bytes c = make(ctx, &opt);
    cr_assert_eq(a.n, b.n);
    cr_assert_eq(a.n, c.n);
    cr_assert_eq(memcmp(a.p, b.p, (size_t)a.n), 0);
    cr_assert_neq(memcmp(a.p, c.p, (size_t)a.n), 0);
    free(a.p);
    free(b.p);
    free(c.p);
    og_ctx_free(ctx);
}

Test(synth, a_sink_can_stop)
{
    og_ctx *ctx = new_ctx();
    ogi_synth *s;
    ogi_synth_options opt = { .shape = tiny(), .type = "Q8_0" };
    cr_assert_eq(ogi_synth_new(ctx, &opt, &s), OG_OK);
    bytes b = { .size = ogi_synth_size(s), .stop_at = 100000 };
    b.p = malloc((size_t)b.size);
    cr_assert_eq(ogi_synth_write(s, keep, &b), OG_E_CANCELLED);
    cr_assert_lt(b.n, b.size);
    ogi_synth_free(s);
    free(b.p);
    og_ctx_free(ctx);
}

/* ---- shapes ---- */

Test(synth, sizes_of_the_shapes)
{
    /* Parameters: 2 V E + E, and for each layer E (H + 2 K) D + H D E + 3 E F (X) + norms. */
    static const struct {
        const char *shape;
        double parameters;
    } want[] = {
        { "llama-1b", 1.179e9 },
        { "llama-8b", 8.030e9 },
        { "qwen3-0.6b", 0.7516e9 },
        { "moe-8x1b", 6.816e9 },
    };
    og_ctx *ctx = new_ctx();
    for (int i = 0; i < OGI_LEN(want); i++) {
        ogi_synth *s;
        ogi_synth_options opt = { .shape = ogi_synth_shape_find(want[i].shape), .type = "Q8_0" };
        cr_assert(opt.shape, "%s", want[i].shape);
        cr_assert_eq(ogi_synth_new(ctx, &opt, &s), OG_OK, "%s", og_error(ctx));
        double parameters = (double)ogi_synth_size(s) * 32 / 34;
        cr_assert_float_eq(parameters / want[i].parameters, 1, 0.002, "%s has %g parameters",
                           want[i].shape, parameters);
        ogi_synth_free(s);
    }
    og_ctx_free(ctx);
}

static void expect_int(const ogi_gguf *f, const char *key, int64_t want)
{
    int64_t v = -1;
    cr_assert_eq(ogi_gguf_int(f, key, &v), OG_OK);
    cr_assert_eq(v, want, "%s is %lld, expected %lld", key, (long long)v, (long long)want);
}

Test(synth, keys_of_a_model_with_experts)
{
    og_ctx *ctx = new_ctx();
    ogi_synth_shape shape = *ogi_synth_shape_find("moe-8x1b");
    shape.n_layer = 1, shape.n_embd = 256, shape.n_ff = 512, shape.n_vocab = 100;
    bytes b = make(ctx, &(ogi_synth_options){ .shape = &shape, .type = "Q4_0" });
    ogi_gguf *f = open_bytes(ctx, b);
    expect_int(f, "llama.block_count", 1);
    expect_int(f, "llama.expert_count", 8);
    expect_int(f, "llama.expert_used_count", 2);
    expect_int(f, "llama.vocab_size", 100);
    expect_int(f, "general.file_type", 2);
    const ogi_gguf_tensor *t = find(f, "blk.0.ffn_down_exps.weight");
    cr_assert_eq(t->rank, 3);
    cr_assert(t->dim[0] == 512 && t->dim[1] == 256 && t->dim[2] == 8);
    cr_assert_eq(find(f, "blk.0.ffn_gate_inp.weight")->type, OG_F32);
    cr_assert(!ogi_gguf_tensor_find(f, OGI_SV("blk.0.ffn_down.weight")));
    ogi_sv model = { 0 };
    cr_assert_eq(ogi_gguf_str(f, "tokenizer.ggml.model", &model), OG_OK);
    cr_assert(ogi_sv_eq(model, OGI_SV("no_vocab")));
    ogi_gguf_close(f);
    free(b.p);
    og_ctx_free(ctx);
}

/* ---- mixtures ---- */

static og_dtype type_in(og_ctx *ctx, const ogi_synth_shape *shape, const char *mixture,
                        ogi_synth_role role, int layer)
{
    ogi_synth_type type;
    cr_assert_eq(ogi_synth_type_parse(ctx, mixture, &type), OG_OK);
    for (int64_t i = 0; i < ogi_synth_tensor_count(shape); i++) {
        ogi_synth_tensor t;
        ogi_synth_tensor_at(shape, shape->n_vocab, i, &t);
        if (t.role == role && t.layer == layer) return ogi_synth_type_of(&type, shape, &t);
    }
    cr_assert_fail("no such tensor");
    return OG_F32;
}

/* Layers of llama-1b (16) that the mixture gives `high`; all others must have `low`. */
static void expect_layers(og_ctx *ctx, const char *mixture, ogi_synth_role role,
                          const char *is_high, og_dtype high, og_dtype low)
{
    const ogi_synth_shape *shape = ogi_synth_shape_find("llama-1b");
    for (int il = 0; il < 16; il++) {
        og_dtype got = type_in(ctx, shape, mixture, role, il);
        og_dtype want = is_high[il] == '1' ? high : low;
        cr_expect_eq(got, want, "%s, layer %d, role %d: %s, expected %s", mixture, il, (int)role,
                     og_dtype_name(got), og_dtype_name(want));
    }
}

Test(synth, mixtures_raise_some_layers)
{
    og_ctx *ctx = new_ctx();
    const char *more = "1100100100100111", *none = "0000000000000000";
    expect_layers(ctx, "Q4_K_M", OGI_SYNTH_V, more, OG_Q6_K, OG_Q4_K);
    expect_layers(ctx, "Q4_K_M", OGI_SYNTH_DOWN, more, OG_Q6_K, OG_Q4_K);
    expect_layers(ctx, "Q4_K_M", OGI_SYNTH_Q, none, OG_Q6_K, OG_Q4_K);
    expect_layers(ctx, "Q5_K_M", OGI_SYNTH_DOWN, more, OG_Q6_K, OG_Q5_K);
    expect_layers(ctx, "Q4_K_S", OGI_SYNTH_V, "1111000000000000", OG_Q5_K, OG_Q4_K);
    expect_layers(ctx, "Q4_K_S", OGI_SYNTH_DOWN, "1100000000000000", OG_Q5_K, OG_Q4_K);
    expect_layers(ctx, "Q3_K_M", OGI_SYNTH_V, "1100000000000000", OG_Q5_K, OG_Q4_K);
    expect_layers(ctx, "Q3_K_M", OGI_SYNTH_DOWN, "1000000000000000", OG_Q5_K, OG_Q4_K);
    const ogi_synth_shape *llama = ogi_synth_shape_find("llama-1b");
    cr_expect_eq(type_in(ctx, llama, "Q4_K_M", OGI_SYNTH_OUTPUT, -1), OG_Q6_K);
    cr_expect_eq(type_in(ctx, llama, "Q4_K_M", OGI_SYNTH_EMBD, -1), OG_Q4_K);
    cr_expect_eq(type_in(ctx, llama, "q4_k", OGI_SYNTH_OUTPUT, -1), OG_Q4_K);
    const ogi_synth_shape *moe = ogi_synth_shape_find("moe-8x1b");
    cr_expect_eq(type_in(ctx, moe, "Q4_K_M", OGI_SYNTH_K, 3), OG_Q8_0);
    cr_expect_eq(type_in(ctx, moe, "Q4_K_M", OGI_SYNTH_V, 0), OG_Q8_0);
    cr_expect_eq(type_in(ctx, moe, "Q4_K_M", OGI_SYNTH_O, 3), OG_Q5_K);
    og_ctx_free(ctx);
}

Test(synth, rows_of_odd_length_fall_back)
{
    og_ctx *ctx = new_ctx();
    ogi_synth_shape shape = *tiny();
    shape.n_embd = 288; /* 9 blocks of 32, not a multiple of 256 */
    bytes b = make(ctx, &(ogi_synth_options){ .shape = &shape, .type = "Q4_K_M" });
    ogi_gguf *f = open_bytes(ctx, b);
    cr_expect_eq(find(f, "blk.0.attn_q.weight")->type, OG_Q5_0);
    cr_expect_eq(find(f, "output.weight")->type, OG_Q8_0);
    cr_expect_eq(find(f, "blk.0.attn_output.weight")->type, OG_Q4_K);
    ogi_gguf_close(f);
    free(b.p);
    shape.n_embd = 250;
    b = make(ctx, &(ogi_synth_options){ .shape = &shape, .type = "Q4_0" });
    f = open_bytes(ctx, b);
    cr_expect_eq(find(f, "blk.0.attn_q.weight")->type, OG_F16);
    ogi_gguf_close(f);
    free(b.p);
    og_ctx_free(ctx);
}

Test(synth, unknown_type_is_named)
{
    og_ctx *ctx = new_ctx();
    ogi_synth *s;
    ogi_synth_options opt = { .shape = tiny(), .type = "Q4_Q" };
    cr_assert_eq(ogi_synth_new(ctx, &opt, &s), OG_E_NOT_FOUND);
    cr_assert(strstr(og_error(ctx), "'Q4_Q'") && strstr(og_error(ctx), "Q4_K_M"), "%s",
              og_error(ctx));
    og_ctx_free(ctx);
}

/* ---- the program ---- */

Test(synth, program_writes_a_model_with_a_vocabulary)
{
    const char *vocab = OGT_SOURCE_DIR "/tests/data/vocab/synth-spm-flags.gguf";
    char path[] = "/tmp/og_synth_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    ogt_result r = ogt_run_command(
        OGT_PROGRAM " synth --shape tiny --type Q4_0 --vocab '%s' -o '%s'", vocab, path);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert_str_empty(r.err);
    ogt_result_free(&r);
    og_ctx *ctx = new_ctx();
    ogi_gguf *f, *v;
    cr_assert_eq(ogi_gguf_open(ctx, path, NULL, 0, &f), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(ogi_gguf_open(ctx, vocab, NULL, 0, &v), OG_OK, "%s", og_error(ctx));
    const ogi_gguf_kv *a = ogi_gguf_find(f, "tokenizer.ggml.tokens");
    const ogi_gguf_kv *b = ogi_gguf_find(v, "tokenizer.ggml.tokens");
    cr_assert(a && b && a->n == b->n && a->size == b->size);
    cr_assert_eq(memcmp(a->data, b->data, (size_t)a->size), 0);
    cr_assert_eq(find(f, "token_embd.weight")->dim[1], b->n);
    ogi_gguf_close(f);
    ogi_gguf_close(v);
    og_ctx_free(ctx);
    remove(path);
}

Test(synth, program_tells_wrong_options)
{
    static const struct {
        const char *args, *says;
        int status;
    } wrong[] = {
        { "--shape nothing --type Q4_0 -o /tmp/x", "no shape 'nothing'", 2 },
        { "--type Q4_0 -o /tmp/x", "--shape", 2 },
        { "--shape tiny -o /tmp/x", "--type", 2 },
        { "--shape tiny --type Q4_Q -o /tmp/x", "no type 'Q4_Q'", 1 },
        { "--shape tiny --type Q4_0 -o /nowhere/x", "/nowhere/x: cannot write: No such file", 1 },
    };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_result r = ogt_run_command(OGT_PROGRAM " synth %s", wrong[i].args);
        cr_expect_eq(r.status, wrong[i].status, "%s: status %d", wrong[i].args, r.status);
        cr_expect(strstr(r.err, wrong[i].says), "%s: %s", wrong[i].args, r.err);
        ogt_result_free(&r);
    }
}
