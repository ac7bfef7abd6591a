/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: a prompt cache of a tiny model with bytes changed. The first byte says whether its
 * sums are made right again, so that what lies behind them is reached; then come edits of three
 * bytes: offset (two), value; offset 0xffff cuts the file to value * 17 bytes. What loads must run.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "models/synth.h"
#include "oxigraph/prompt_cache.h"
#include "runtime/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_TOKENS = 20, HEADER = 48, MAX_CACHE = 1 << 16 };

typedef struct bytes {
    unsigned char p[1 << 18];
    size_t n;
} bytes;

typedef struct target {
    og_ctx *ctx;
    og_model *model;
    og_sequence *seq;
    bytes file, cache;
    char path[32]; /* of a file in memory */
    int fd;
} target;

static void need(bool ok)
{
    if (!ok) abort();
}

static bool append(void *user, const void *p, int64_t n)
{
    bytes *b = user;
    need((size_t)n <= sizeof b->p - b->n);
    memcpy(b->p + b->n, p, (size_t)n);
    b->n += (size_t)n;
    return true;
}

static void load_model(target *t)
{
    static const ogi_synth_shape shape = {
        .name = "tiny",
        .arch = "llama",
        .n_layer = 1,
        .n_embd = 32,
        .n_ff = 32,
        .n_head = 1,
        .n_head_kv = 1,
        .head_dim = 16,
        .n_vocab = 96,
        .n_ctx = 128,
        .rope_base = 10000,
        .rms_eps = 1e-5,
    };
    ogi_synth_options so = { .shape = &shape, .type = "F32" };
    og_model_options mo = { .device = { .isa = "scalar", .n_thread = 1 } };
    ogi_synth *s;
    ogi_gguf *g;
    need(ogi_synth_new(t->ctx, &so, &s) == OG_OK);
    need(ogi_synth_write(s, append, &t->file) == OG_OK);
    ogi_synth_free(s);
    need(ogi_gguf_open_memory(t->ctx, "tiny", t->file.p, (int64_t)t->file.n, NULL, 0, &g) == OG_OK);
    need(ogi_model_load_gguf(t->ctx, g, &mo, &t->model) == OG_OK);
    need(og_sequence_new(t->model, &t->seq) == OG_OK);
}

/* The cache as it should be. */
static void make_cache(target *t)
{
    char path[64];
    static const int32_t token[N_TOKENS] = { 1, 2, 3 };
    og_feed f = { .seq = t->seq, .token = token, .n = N_TOKENS };
    snprintf(path, sizeof path, "/tmp/fuzz_prompt_cache_%ld", (long)getpid());
    need(og_model_feed(t->model, &f, 1, OG_ROWS_NONE, NULL, NULL) == OG_OK);
    need(og_prompt_cache_save(t->seq, token, N_TOKENS, path, NULL, NULL) == OG_OK);
    FILE *file = fopen(path, "rb");
    need(file != NULL);
    t->cache.n = fread(t->cache.p, 1, MAX_CACHE, file);
    fclose(file);
    unlink(path);
    need(og_sequence_truncate(t->seq, 0) == OG_OK);
    t->fd = memfd_create("cache", MFD_CLOEXEC);
    need(t->fd >= 0);
    snprintf(t->path, sizeof t->path, "/proc/self/fd/%d", t->fd);
}

static void sign(unsigned char *p, size_t n)
{
    if (n < HEADER + 8) return;
    uint64_t sum = XXH3_64bits(p, 40);
    memcpy(p + 40, &sum, 8);
    sum = XXH3_64bits(p + HEADER, n - HEADER - 8);
    memcpy(p + n - 8, &sum, 8);
}

static void write_edited(target *t, const uint8_t *data, size_t size)
{
    static unsigned char copy[MAX_CACHE];
    size_t n = t->cache.n;
    memcpy(copy, t->cache.p, n);
    for (size_t i = 1; i + 3 <= size; i += 3) {
        size_t at = data[i] | (size_t)data[i + 1] << 8;
        if (at == 0xffff && (size_t)data[i + 2] * 17 < n) n = (size_t)data[i + 2] * 17;
        if (at < n) copy[at] = data[i + 2];
    }
    if (size && data[0] & 1) sign(copy, n);
    need(ftruncate(t->fd, (off_t)n) == 0);
    need(pwrite(t->fd, copy, n, 0) == (ssize_t)n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static target *t;
    og_tokens tokens = { 0 };
    if (!t) {
        need((t = calloc(1, sizeof *t)) != NULL);
        need(og_ctx_new(NULL, &t->ctx) == OG_OK);
        load_model(t);
        make_cache(t);
    }
    write_edited(t, data, size);
    og_error_clear(t->ctx);
    og_status st = og_prompt_cache_load(t->seq, t->path, &tokens, NULL, NULL);
    need(og_sequence_length(t->seq) == tokens.n);
    need(st == OG_OK || (tokens.n == 0 && og_error(t->ctx)[0]));
    og_feed f = { .seq = t->seq, .token = (const int32_t[]){ 5 }, .n = 1 };
    if (tokens.n < 128) need(og_model_feed(t->model, &f, 1, OG_ROWS_NONE, NULL, NULL) == OG_OK);
    need(og_sequence_truncate(t->seq, 0) == OG_OK);
    og_tokens_free(t->ctx, &tokens);
    return 0;
}
