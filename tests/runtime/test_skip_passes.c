/* SPDX-License-Identifier: MIT
 *
 * Every pass left out alone and all of them together gives the same result or is refused by name:
 * for every type of weights that random files can hold. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/dtype.h"
#include "graph/pass.h"
#include "models/synth_impl.h"
#include "runtime/engine.h"

enum { N_VOCAB = 64, N_TOKENS = 5, N_LOGIT = N_VOCAB * N_TOKENS };

static const ogi_synth_shape dense = {
    .name = "dense",
    .arch = "llama",
    .n_layer = 1,
    .n_embd = 256,
    .n_ff = 256,
    .n_head = 4,
    .n_head_kv = 2,
    .head_dim = 64,
    .n_vocab = N_VOCAB,
    .n_ctx = 64,
    .rope_base = 10000,
    .rms_eps = 1e-5,
};

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

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    (void)f;
    memcpy((float *)user + i * N_VOCAB, logits, N_VOCAB * sizeof *logits);
    return true;
}

static og_status logits(og_ctx *ctx, const file *f, const char *skip, float *out)
{
    ogi_gguf *g;
    og_model *m;
    og_model_options o = { .device = { .n_thread = 1 }, .compile = { .skip = skip } };
    og_feed feed = { .token = (int32_t[N_TOKENS]){ 3, 60, 7, 7, 1 }, .n = N_TOKENS };
    og_error_clear(ctx);
    cr_assert_eq(ogi_gguf_open_memory(ctx, "m.gguf", f->p, f->n, NULL, 0, &g), OG_OK);
    og_status st = ogi_model_load_gguf(ctx, g, &o, &m);
    if (st == OG_OK) st = og_sequence_new(m, &feed.seq);
    if (st == OG_OK) st = og_model_feed(m, &feed, 1, OG_ROWS_ALL, keep_row, out);
    og_model_free(m);
    return st;
}

static void check_skip(og_ctx *ctx, const file *f, const char *type, bool is_quantized,
                       const char *skip, const float *want)
{
    static float got[N_LOGIT];
    og_status st = logits(ctx, f, skip, got);
    if (is_quantized && strstr(skip, "quantize_activations")) {
        cr_assert_eq(st, OG_E_UNSUPPORTED, "%s without %s", type, skip);
        cr_assert(strstr(og_error(ctx), "quantize_activations"), "%s", og_error(ctx));
        return;
    }
    cr_assert_eq(st, OG_OK, "%s without %s: %s", type, skip, og_error(ctx));
    double error = 0, size = 0;
    for (int i = 0; i < N_LOGIT; i++) {
        double d = (double)got[i] - (double)want[i];
        error += d * d;
        size += (double)want[i] * (double)want[i];
    }
    cr_assert(error <= 1e-9 * size, "%s without %s: NMSE %g", type, skip, error / size);
}

static void check_type(og_ctx *ctx, const char *type, bool is_quantized)
{
    static float want[N_LOGIT];
    ogi_synth *s;
    file f = { 0 };
    char all[512] = "";
    ogi_synth_options o = { .shape = &dense, .type = type, .seed = 5 };
    cr_assert_eq(ogi_synth_new(ctx, &o, &s), OG_OK, "%s", og_error(ctx));
    f.p = malloc((size_t)ogi_synth_size(s));
    cr_assert_eq(ogi_synth_write(s, append, &f), OG_OK);
    ogi_synth_free(s);
    cr_assert_eq(logits(ctx, &f, NULL, want), OG_OK, "%s: %s", type, og_error(ctx));
    for (int i = 0; i < ogi_n_passes; i++) {
        check_skip(ctx, &f, type, is_quantized, ogi_passes[i].name, want);
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", n ? "," : "", ogi_passes[i].name);
    }
    check_skip(ctx, &f, type, is_quantized, all, want);
    free(f.p);
}

Test(passes, left_out_change_nothing_or_are_refused, .timeout = 300)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    int n = 0;
    for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++) {
        if (!ogi_synth_can_fill((og_dtype)id)) continue;
        const ogi_dtype *t = ogi_dtype_info(id);
        check_type(ctx, t->name, t->is_quantized);
        n++;
    }
    cr_assert_geq(n, 28);
    og_ctx_free(ctx);
}
