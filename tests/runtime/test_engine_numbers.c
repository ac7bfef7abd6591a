/* SPDX-License-Identifier: MIT
 *
 * Numbers that a caller or a file can spoil: another rounding mode changes no bit, a NaN has one
 * bit pattern, and logits that are no numbers are told with the layer and node they come from. */
#include <criterion/criterion.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/synth.h"
#include "oxigraph/generate.h"
#include "runtime/engine.h"

enum { N_TOKENS = 40, N_VOCAB = 320 };

static const ogi_synth_shape shape = {
    .name = "numbers",
    .arch = "llama",
    .n_layer = 3,
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

typedef struct rig {
    og_ctx *ctx;
    unsigned char *file;
    int64_t size;
} rig;

static bool append(void *user, const void *p, int64_t n)
{
    rig *r = user;
    memcpy(r->file + r->size, p, (size_t)n);
    r->size += n;
    return true;
}

static rig new_rig(const char *type)
{
    rig r = { 0 };
    ogi_synth *s;
    ogi_synth_options o = { .shape = &shape, .type = type, .seed = 3 };
    cr_assert_eq(og_ctx_new(NULL, &r.ctx), OG_OK);
    cr_assert_eq(ogi_synth_new(r.ctx, &o, &s), OG_OK, "%s", og_error(r.ctx));
    r.file = malloc((size_t)ogi_synth_size(s));
    cr_assert_eq(ogi_synth_write(s, append, &r), OG_OK);
    ogi_synth_free(s);
    return r;
}

static void free_rig(rig *r)
{
    free(r->file);
    og_ctx_free(r->ctx);
}

static og_model *load(const rig *r, const og_model_options *o)
{
    ogi_gguf *f;
    og_model *m;
    cr_assert_eq(ogi_gguf_open_memory(r->ctx, "m.gguf", r->file, r->size, NULL, 0, &f), OG_OK);
    cr_assert_eq(ogi_model_load_gguf(r->ctx, f, o, &m), OG_OK, "%s", og_error(r->ctx));
    return m;
}

/* Overwrites the F32 or F16 values of a tensor: those at a multiple of `each`. */
static void spoil(const rig *r, const char *name, float value, uint16_t half, int each)
{
    ogi_gguf *f;
    cr_assert_eq(ogi_gguf_open_memory(r->ctx, "m.gguf", r->file, r->size, NULL, 0, &f), OG_OK);
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, ogi_sv_of(name));
    cr_assert(t && (t->type == OG_F32 || t->type == OG_F16), "%s", name);
    unsigned char *p = r->file + (t->data - r->file);
    int64_t width = t->type == OG_F32 ? 4 : 2;
    for (int64_t i = 0; i < t->size / width; i += each)
        memcpy(p + i * width, width == 4 ? (void *)&value : (void *)&half, (size_t)width);
    ogi_gguf_close(f);
}

typedef struct rows {
    og_model *m;
    float *at;
    og_status checked;
} rows;

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    rows *r = user;
    if (f == 0) memcpy(r->at + i * N_VOCAB, logits, N_VOCAB * sizeof *logits);
    if (r->checked == OG_OK) r->checked = og_model_check_logits(r->m, logits);
    return true;
}

/* The logits of N_TOKENS tokens and what checking them says. */
static og_status compute(const rig *r, og_model_options o, int n_beside, float *out)
{
    int32_t token[3][N_TOKENS];
    og_feed feed[3];
    o.n_sequence = 3;
    og_model *m = load(r, &o);
    rows to = { .m = m, .at = out };
    for (int s = 0; s <= n_beside; s++) {
        for (int i = 0; i < N_TOKENS; i++) token[s][i] = (s * 71 + i * 37) % N_VOCAB;
        feed[s] = (og_feed){ .token = token[s], .n = N_TOKENS - 9 * s };
        cr_assert_eq(og_sequence_new(m, &feed[s].seq), OG_OK);
    }
    cr_assert_eq(og_model_feed(m, feed, n_beside + 1, OG_ROWS_ALL, keep_row, &to), OG_OK, "%s",
                 og_error(r->ctx));
    og_model_free(m);
    return to.checked;
}

Test(numbers, a_callers_rounding_mode_changes_no_bit)
{
    static float want[N_TOKENS * N_VOCAB], got[N_TOKENS * N_VOCAB];
    static const int mode[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    rig r = new_rig("Q4_0");
    og_model_options o = { .device = { .n_thread = 1 } };
    cr_assert_eq(compute(&r, o, 0, want), OG_OK);
    for (int i = 0; i < OGI_LEN(mode); i++) {
        o.device.n_thread = 1 + i;
        cr_assert_eq(fesetround(mode[i]), 0);
        og_status st = compute(&r, o, 0, got);
        cr_assert_eq(fegetround(), mode[i], "the caller's rounding mode is not restored");
        fesetround(FE_TONEAREST);
        cr_assert_eq(st, OG_OK);
        cr_assert(!memcmp(got, want, sizeof got), "mode %d, %d threads: other bits", i, 1 + i);
    }
    free_rig(&r);
}

Test(numbers, a_caller_has_its_traps_and_flags_again)
{
    static float out[N_TOKENS * N_VOCAB];
    rig r = new_rig("F16");
    spoil(&r, "output_norm.weight", NAN, 0, 1); /* raises what can be raised */
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    cr_assert_eq(compute(&r, (og_model_options){ .device = { .n_thread = 2 } }, 0, out),
                 OG_E_INVALID);
    cr_assert_eq(fetestexcept(FE_DIVBYZERO), FE_DIVBYZERO);
    free_rig(&r);
}

Test(numbers, a_nan_has_one_bit_pattern)
{
    static float a[N_TOKENS * N_VOCAB], b[N_TOKENS * N_VOCAB];
    static const char *const types[] = { "F32", "F16", "Q8_0", "Q4_K" };
    const float canonical = NAN;
    for (int t = 0; t < OGI_LEN(types); t++) {
        rig r = new_rig(types[t]);
        spoil(&r, "blk.1.ffn_norm.weight", -NAN, 0, 50);
        og_model_options o = { .device = { .n_thread = 1 } };
        cr_assert_eq(compute(&r, o, 0, a), OG_E_INVALID, "%s: NaN is lost", types[t]);
        o.batch = 3;
        o.device.n_thread = 3;
        og_error_clear(r.ctx);
        cr_assert_eq(compute(&r, o, 2, b), OG_E_INVALID);
        cr_assert(!memcmp(a, b, sizeof a), "%s: another batch, other bits", types[t]);
        for (int i = 0; i < N_TOKENS * N_VOCAB; i++)
            cr_assert(a[i] == a[i] || !memcmp(&a[i], &canonical, sizeof canonical));
        free_rig(&r);
    }
}

static void expect_place(const char *type, const char *tensor, float value, uint16_t half,
                         const char *kv, const char *words)
{
    static float out[N_TOKENS * N_VOCAB];
    rig r = new_rig(type);
    spoil(&r, tensor, value, half, 1);
    og_model_options o = { .device = { .n_thread = 2 }, .kv = kv };
    cr_assert_eq(compute(&r, o, 0, out), OG_E_INVALID, "%s in %s is not seen", tensor, type);
    char *copy = strdup(words), *rest = NULL;
    for (char *w = strtok_r(copy, "|", &rest); w; w = strtok_r(NULL, "|", &rest))
        cr_assert(strstr(og_error(r.ctx), w), "'%s' lacks '%s'", og_error(r.ctx), w);
    printf("%s\n", og_error(r.ctx));
    free(copy);
    free_rig(&r);
}

Test(numbers, the_layer_and_node_of_the_first_nan_are_named)
{
    expect_place("F32", "token_embd.weight", NAN, 0, "f32", "not finite (NaN)|take_rows");
    expect_place("F32", "blk.2.ffn_norm.weight", NAN, 0, "f32", "not finite (NaN)|layer 2, ");
    expect_place("Q4_0", "blk.1.attn_norm.weight", NAN, 0, "f32", "not finite (NaN)|layer 1, ");
    expect_place("F16", "blk.0.ffn_down.weight", NAN, 0x7e00, "f32", "layer 0, |add");
    expect_place("F32", "output_norm.weight", INFINITY, 0, "f32", "not finite|of the head");
    expect_place("Q8_0", "output_norm.weight", NAN, 0, "f32", "not finite|of the head");
}

Test(numbers, keys_beyond_f16_are_told_with_a_way_out)
{
    static float out[N_TOKENS * N_VOCAB];
    expect_place("F32", "blk.1.attn_k.weight", 5e5f, 0, "f16", "layer 1, |kv_store|try --kv f32");
    expect_place("F32", "blk.1.attn_v.weight", 5e5f, 0, "k=f32,v=q8_0",
                 "layer 1, |kv_store|try --kv f32");
    rig r = new_rig("F32");
    spoil(&r, "blk.1.attn_k.weight", 5e5f, 0, 1);
    og_model_options o = { .device = { .n_thread = 2 }, .kv = "f32" };
    cr_assert_eq(compute(&r, o, 0, out), OG_OK, "F32 holds them: %s", og_error(r.ctx));
    free_rig(&r);
}

Test(numbers, all_minus_infinity_is_told)
{
    rig r = new_rig("F32");
    og_model *m = load(&r, NULL);
    float row[N_VOCAB];
    for (int i = 0; i < N_VOCAB; i++) row[i] = -INFINITY;
    cr_assert_eq(og_model_check_logits(m, row), OG_E_INVALID);
    cr_assert(strstr(og_error(r.ctx), "all are -inf"), "%s", og_error(r.ctx));
    og_error_clear(r.ctx);
    row[5] = 0;
    cr_assert_eq(og_model_check_logits(m, row), OG_OK, "a forbidden token is none of its business");
    row[6] = INFINITY;
    cr_assert_eq(og_model_check_logits(m, row), OG_E_INVALID);
    cr_assert(strstr(og_error(r.ctx), "+inf"), "%s", og_error(r.ctx));
    og_model_free(m);
    free_rig(&r);
}
