/* SPDX-License-Identifier: MIT
 *
 * Prompt caches: what is restored gives the same bits; what does not belong to the model, or is not
 * whole, is refused, whatever the file says, and the sequence stays usable. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "models/synth.h"
#include "oxigraph/prompt_cache.h"
#include "runtime/engine.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"
#include "tests/support/template_meter.h"

enum { N_TOKENS = 100, N_VOCAB = 96, HEADER = 48 };

static const char *cache_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ogt_cache_%d", (int)getpid());
    return path;
}

static const int32_t *tokens(void)
{
    static int32_t t[N_TOKENS];
    for (int i = 0; i < N_TOKENS; i++) t[i] = (i * 37 + i * i) % N_VOCAB;
    return t;
}

/* ---- models -------------------------------------------------------------------------------- */

/* A model of one layer, so that its cache is small. */
static const ogi_synth_shape tiny = {
    .name = "tiny",
    .arch = "llama",
    .n_layer = 1,
    .n_embd = 32,
    .n_ff = 32,
    .n_head = 1,
    .n_head_kv = 1,
    .head_dim = 16,
    .n_vocab = N_VOCAB,
    .n_ctx = 128,
    .rope_base = 10000,
    .rms_eps = 1e-5,
};

typedef struct bytes {
    unsigned char *p;
    int64_t n;
} bytes;

static bool append(void *user, const void *p, int64_t n)
{
    bytes *b = user;
    memcpy(b->p + b->n, p, (size_t)n);
    b->n += n;
    return true;
}

static bytes tiny_file(og_ctx *ctx, uint64_t seed)
{
    ogi_synth *s;
    bytes b = { 0 };
    ogi_synth_options o = { .shape = &tiny, .type = "F32", .seed = seed };
    cr_assert_eq(ogi_synth_new(ctx, &o, &s), OG_OK, "%s", og_error(ctx));
    b.p = malloc((size_t)ogi_synth_size(s));
    cr_assert_eq(ogi_synth_write(s, append, &b), OG_OK);
    ogi_synth_free(s);
    return b;
}

typedef struct rig {
    og_model *m;
    og_sequence *seq;
    og_tokens got;
} rig;

static rig open_rig(og_ctx *ctx, bytes file, const og_model_options *opt)
{
    og_model_options o = opt ? *opt : (og_model_options){ 0 };
    ogi_gguf *g;
    rig r = { 0 };
    o.device.n_thread = 1;
    if (!o.device.isa) o.device.isa = "scalar";
    cr_assert_eq(ogi_gguf_open_memory(ctx, "memory", file.p, file.n, o.override, o.n_override, &g),
                 OG_OK, "%s", og_error(ctx));
    cr_assert_eq(ogi_model_load_gguf(ctx, g, &o, &r.m), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(og_sequence_new(r.m, &r.seq), OG_OK);
    return r;
}

static void close_rig(rig *r)
{
    og_tokens_free(ogi_model_ctx(r->m), &r->got);
    og_model_free(r->m);
}

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    (void)f, (void)i;
    memcpy(user, logits, N_VOCAB * sizeof *logits);
    return true;
}

/* Feeds tokens [from, to) and keeps the last row. */
static void feed(rig *r, int from, int to, float *row)
{
    og_feed f = { .seq = r->seq, .token = tokens() + from, .n = to - from };
    cr_assert_eq(og_model_feed(r->m, &f, 1, OG_ROWS_LAST, keep_row, row), OG_OK, "%s",
                 og_error(ogi_model_ctx(r->m)));
}

static void save(rig *r, int n)
{
    cr_assert_eq(og_prompt_cache_save(r->seq, tokens(), n, cache_path(), NULL, NULL), OG_OK, "%s",
                 og_error(ogi_model_ctx(r->m)));
}

static og_status load(rig *r)
{
    og_error_clear(ogi_model_ctx(r->m));
    og_status st = og_prompt_cache_load(r->seq, cache_path(), &r->got, NULL, NULL);
    cr_assert(st == OG_OK || (r->got.n == 0 && og_sequence_length(r->seq) == 0));
    cr_assert(st == OG_OK || *og_error(ogi_model_ctx(r->m)));
    return st;
}

/* The tiny model after 20 tokens, saved; the file's bytes. */
static bytes saved_tiny(og_ctx *ctx, bytes file)
{
    rig r = open_rig(ctx, file, NULL);
    float row[N_VOCAB];
    bytes b;
    feed(&r, 0, 20, row);
    save(&r, 20);
    close_rig(&r);
    b.p = ogt_read(cache_path(), &b.n);
    cr_assert_not_null(b.p);
    return b;
}

static void write_cache(const unsigned char *p, int64_t n)
{
    FILE *f = fopen(cache_path(), "wb");
    cr_assert(f && fwrite(p, 1, (size_t)n, f) == (size_t)n);
    fclose(f);
}

static og_ctx *new_ctx(void)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    return ctx;
}

/* ---- what is restored ---------------------------------------------------------------------- */

static void check_restored(const char *name)
{
    char *dir = ogt_kind_dir("arch"), error[200];
    ogt_spec spec;
    float want[3][N_VOCAB], got[3][N_VOCAB];
    og_ctx *ctx = new_ctx();
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    bytes file = { spec.gguf, spec.gguf_size };
    og_model_options o = { .n_ctx = spec.n_ctx };
    rig a = open_rig(ctx, file, &o);
    feed(&a, 0, 80, want[0]);
    save(&a, 80);
    feed(&a, 80, 81, want[0]);
    feed(&a, 81, 99, want[1]);
    feed(&a, 99, 100, want[2]);
    close_rig(&a);
    o.reverse_pages = true;
    o.n_ctx = spec.n_ctx - 1; /* the context's length changes no number */
    rig b = open_rig(ctx, file, &o);
    cr_assert_eq(load(&b), OG_OK, "%s: %s", name, og_error(ctx));
    cr_assert_eq(og_sequence_length(b.seq), 80);
    cr_assert(b.got.n == 80 && !memcmp(b.got.id, tokens(), 80 * sizeof(int32_t)));
    feed(&b, 80, 81, got[0]);
    feed(&b, 81, 99, got[1]);
    feed(&b, 99, 100, got[2]);
    cr_assert(!memcmp(got, want, sizeof got), "%s: other logits after loading", name);
    close_rig(&b);
    ogt_spec_free(&spec);
    og_ctx_free(ctx);
    free(dir);
    unlink(cache_path());
}

Test(restore, keys_and_values)
{
    check_restored("llama");
}
Test(restore, sliding_windows)
{
    check_restored("gemma2");
    check_restored("gemma2-tied-window");
}
Test(restore, recurrent_states)
{
    check_restored("mamba");
}

Test(restore, can_be_cut_to_a_prefix)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    float want[N_VOCAB], got[N_VOCAB];
    rig a = open_rig(ctx, file, NULL), b = open_rig(ctx, file, NULL);
    feed(&a, 0, 12, want);
    cr_assert_eq(load(&b), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(og_sequence_truncate(b.seq, 7), OG_OK);
    feed(&b, 7, 12, got);
    cr_assert(!memcmp(got, want, sizeof got));
    close_rig(&a), close_rig(&b);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

Test(restore, into_an_empty_sequence_only)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    float row[N_VOCAB];
    rig r = open_rig(ctx, file, NULL);
    feed(&r, 0, 3, row);
    cr_assert_eq(og_prompt_cache_load(r.seq, cache_path(), &r.got, NULL, NULL), OG_E_INVALID);
    cr_assert_eq(og_sequence_length(r.seq), 3);
    cr_assert_eq(og_prompt_cache_save(r.seq, tokens(), 2, cache_path(), NULL, NULL), OG_E_INVALID,
                 "tokens that are not the sequence's");
    close_rig(&r);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

/* ---- what does not belong ------------------------------------------------------------------ */

static void expect_refused(bytes file, og_model_options o, og_status want, const char *why)
{
    og_ctx *ctx = new_ctx();
    rig r = open_rig(ctx, file, &o);
    og_status st = load(&r);
    cr_assert_eq(st, want, "%s: %s, %s", why, og_status_text(st), og_error(ctx));
    close_rig(&r);
    og_ctx_free(ctx);
}

Test(refuse, another_model_or_setting)
{
    static const char *const epsilon[] = { "llama.attention.layer_norm_rms_epsilon=float:0.01" };
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), other = tiny_file(ctx, 2), cache = saved_tiny(ctx, file);
    expect_refused(other, (og_model_options){ 0 }, OG_E_INVALID, "other weights");
    expect_refused(file, (og_model_options){ .kv = "f32" }, OG_E_INVALID, "KV type");
    expect_refused(file, (og_model_options){ .kv = "v=bf16" }, OG_E_INVALID, "type of values");
    expect_refused(file, (og_model_options){ .override = epsilon, .n_override = 1 }, OG_E_INVALID,
                   "metadata");
    expect_refused(file, (og_model_options){ .compile.skip = "quantize_activations" }, OG_E_INVALID,
                   "passes");
    expect_refused(file, (og_model_options){ .n_ctx = 19 }, OG_E_LIMIT, "short context");
    expect_refused(file, (og_model_options){ .n_ctx = 20 }, OG_OK, "just fits");
    og_ctx *probe = new_ctx();
    og_device *d;
    if (og_device_open(probe, &(og_device_options){ .isa = "sse42" }, &d) == OG_OK) {
        og_device_free(d);
        expect_refused(file, (og_model_options){ .device.isa = "sse42" }, OG_E_INVALID, "ISA");
    }
    og_ctx_free(probe);
    free(cache.p), free(other.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

static og_status load_from(const char *model)
{
    og_ctx *ctx = new_ctx();
    rig r = { 0 };
    cr_assert_eq(og_model_load(ctx, model, &(og_model_options){ .device.isa = "scalar" }, &r.m),
                 OG_OK, "%s", og_error(ctx));
    cr_assert_eq(og_sequence_new(r.m, &r.seq), OG_OK);
    og_status st = load(&r);
    if (st == OG_E_NOT_FOUND) {
        float row[N_VOCAB];
        feed(&r, 0, 5, row);
        save(&r, 5);
    }
    close_rig(&r);
    og_ctx_free(ctx);
    return st;
}

Test(refuse, a_model_file_that_was_written_again)
{
    char model[80];
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1);
    snprintf(model, sizeof model, "%s.gguf", cache_path());
    cr_assert_eq(ogi_file_write(ctx, model, file.p, (size_t)file.n, 0600), OG_OK);
    unlink(cache_path());
    cr_assert_eq(load_from(model), OG_E_NOT_FOUND);
    cr_assert_eq(load_from(model), OG_OK);
    struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    cr_assert_eq(utimensat(AT_FDCWD, model, past, 0), 0);
    cr_assert_eq(load_from(model), OG_E_INVALID);
    unlink(model);
    unlink(cache_path());
    free(file.p);
    og_ctx_free(ctx);
}

/* ---- what is not whole --------------------------------------------------------------------- */

Test(refuse, any_byte_flipped_and_any_length, .timeout = 200)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    rig r = open_rig(ctx, file, NULL);
    for (int64_t i = 0; i < cache.n; i++) {
        cache.p[i] ^= (unsigned char)(1 << i % 8);
        write_cache(cache.p, cache.n);
        og_status st = load(&r);
        cr_assert_eq(st, i < 8 ? OG_E_FORMAT : OG_E_INVALID, "byte %lld: %s", (long long)i,
                     og_error(ctx));
        cache.p[i] ^= (unsigned char)(1 << i % 8);
    }
    for (int64_t n = 0; n < cache.n; n++) {
        write_cache(cache.p, n);
        cr_assert_eq(load(&r), OG_E_INVALID, "%lld bytes", (long long)n);
    }
    cache.p = realloc(cache.p, (size_t)cache.n + 1);
    cache.p[cache.n] = 0;
    write_cache(cache.p, cache.n + 1);
    cr_assert_eq(load(&r), OG_E_INVALID, "one byte more");
    write_cache(cache.p, cache.n);
    cr_assert_eq(load(&r), OG_OK, "the whole file: %s", og_error(ctx));
    printf("%lld bytes, each flipped, each length\n", (long long)cache.n);
    close_rig(&r);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

/* Recomputes both sums, as one would who means harm. */
static void sign(bytes *b)
{
    uint64_t sum = XXH3_64bits(b->p, 40);
    memcpy(b->p + 40, &sum, 8);
    sum = XXH3_64bits(b->p + HEADER, (size_t)(b->n - HEADER - 8));
    memcpy(b->p + b->n - 8, &sum, 8);
}

Test(refuse, sizes_and_tokens_that_cannot_be)
{
    static const uint64_t sizes[] = { 0,          19,         21,         64,         65,
                                      128,        129,        1u << 31,   UINT32_MAX, INT64_MAX,
                                      UINT64_MAX, 1ull << 62, 1ull << 61, 1ull << 40 };
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    rig r = open_rig(ctx, file, NULL);
    int64_t live = meter.live;
    meter.peak = live;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        unsigned char kept[HEADER];
        memcpy(kept, cache.p, HEADER);
        memcpy(cache.p + (i % 2 ? 24 : 32), &sizes[i / 2], 8);
        sign(&cache);
        write_cache(cache.p, cache.n);
        og_status st = load(&r);
        cr_assert(st == OG_E_INVALID || st == OG_E_LIMIT, "%s", og_status_text(st));
        memcpy(cache.p, kept, HEADER);
    }
    const int32_t bad[] = { N_VOCAB, -1, INT32_MAX, INT32_MIN };
    for (int i = 0; i < 4; i++) {
        memcpy(cache.p + HEADER + 4, &bad[i], 4);
        sign(&cache);
        write_cache(cache.p, cache.n);
        cr_assert_eq(load(&r), OG_E_INVALID, "token %d", bad[i]);
    }
    cr_assert_lt(meter.peak - live, 1 << 20, "%lld bytes", (long long)(meter.peak - live));
    close_rig(&r);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

Test(refuse, and_compute_anew)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    float want[N_VOCAB], got[N_VOCAB];
    rig a = open_rig(ctx, file, NULL), b = open_rig(ctx, file, NULL);
    cache.p[cache.n - 20] ^= 1; /* found only after all was taken */
    write_cache(cache.p, cache.n);
    cr_assert_eq(load(&b), OG_E_INVALID);
    feed(&a, 0, 100, want);
    feed(&b, 0, 100, got);
    cr_assert(!memcmp(got, want, sizeof got));
    close_rig(&a), close_rig(&b);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    unlink(cache_path());
}

/* ---- writing ------------------------------------------------------------------------------- */

static void expect_left_alone(rig *r, const char *text)
{
    int64_t n;
    write_cache((const unsigned char *)text, (int64_t)strlen(text));
    cr_assert_eq(load(r), OG_E_FORMAT, "%s", text);
    float row[N_VOCAB];
    feed(r, 0, 4, row);
    cr_assert_eq(og_prompt_cache_save(r->seq, tokens(), 4, cache_path(), NULL, NULL), OG_E_FORMAT);
    char *now = ogt_read(cache_path(), &n);
    cr_assert(now && n == (int64_t)strlen(text) && !memcmp(now, text, (size_t)n));
    cr_assert_eq(og_sequence_truncate(r->seq, 0), OG_OK);
    free(now);
}

Test(save, never_replaces_another_file)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1);
    rig r = open_rig(ctx, file, NULL);
    expect_left_alone(&r, "x");
    expect_left_alone(&r, "my only copy");
    expect_left_alone(&r, "OGPROMPs, a poem that begins like a cache and is none");
    unlink(cache_path());
    cr_assert_eq(mkdir(cache_path(), 0700), 0);
    cr_assert_eq(load(&r), OG_E_FORMAT, "a folder");
    rmdir(cache_path());
    cr_assert_eq(mkfifo(cache_path(), 0600), 0);
    cr_assert_eq(load(&r), OG_E_FORMAT, "a pipe, without waiting for it");
    unlink(cache_path());
    close_rig(&r);
    free(file.p);
    og_ctx_free(ctx);
}

static bool stop_midway(void *user, double done)
{
    *(int *)user += 1;
    return done < 0.5;
}

Test(save, is_whole_or_not_at_all_and_private)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    rig r = open_rig(ctx, file, NULL);
    float row[N_VOCAB];
    struct stat st;
    int n_called = 0;
    int64_t n;
    char tmp[128];
    cr_assert_eq(stat(cache_path(), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600, "mode %o", st.st_mode & 0777);
    feed(&r, 0, 90, row);
    cr_assert_eq(og_prompt_cache_save(r.seq, tokens(), 90, cache_path(), stop_midway, &n_called),
                 OG_E_CANCELLED);
    cr_assert_gt(n_called, 0);
    unsigned char *now = ogt_read(cache_path(), &n);
    cr_assert(n == cache.n && !memcmp(now, cache.p, (size_t)n), "the old one stays");
    snprintf(tmp, sizeof tmp, "%s.%d.0.tmp", cache_path(), (int)getpid());
    cr_assert_neq(stat(tmp, &st), 0, "nothing is left beside it");
    free(now), free(cache.p), free(file.p);
    close_rig(&r);
    og_ctx_free(ctx);
    unlink(cache_path());
}

Test(save, tells_what_cannot_be_written)
{
    og_ctx *ctx = new_ctx();
    bytes file = tiny_file(ctx, 1);
    rig r = open_rig(ctx, file, NULL);
    float row[N_VOCAB];
    feed(&r, 0, 4, row);
    cr_assert_eq(og_prompt_cache_save(r.seq, tokens(), 4, "/nonexistent/x", NULL, NULL), OG_E_IO);
    cr_assert(strstr(og_error(ctx), "/nonexistent/x"), "%s", og_error(ctx));
    close_rig(&r);
    free(file.p);
    og_ctx_free(ctx);
}

Test(memory, that_runs_out_is_a_status)
{
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    bytes file = tiny_file(ctx, 1), cache = saved_tiny(ctx, file);
    rig r = open_rig(ctx, file, NULL);
    og_status st = OG_E_MEMORY;
    int n_failed = 0;
    for (int i = 1; st == OG_E_MEMORY; i++) { /* load, until nothing fails */
        meter.n_alloc = 0, meter.fail_at = i;
        st = load(&r);
        n_failed += st == OG_E_MEMORY;
    }
    cr_assert_eq(st, OG_OK, "%s", og_error(ctx));
    st = OG_E_MEMORY;
    for (int i = 1; st == OG_E_MEMORY; i++) {
        meter.n_alloc = 0, meter.fail_at = i;
        st = og_prompt_cache_save(r.seq, tokens(), 20, cache_path(), NULL, NULL);
        n_failed += st == OG_E_MEMORY;
    }
    meter.fail_at = 0;
    cr_assert_eq(st, OG_OK, "%s", og_error(ctx));
    cr_assert_gt(n_failed, 4);
    close_rig(&r);
    free(cache.p), free(file.p);
    og_ctx_free(ctx);
    cr_assert_eq(meter.live, 0, "%lld bytes are left", (long long)meter.live);
    unlink(cache_path());
}
