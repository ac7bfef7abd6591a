/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as a GGUF file. What opens is read to the last value. */
#include <stdlib.h>

#include "formats/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte, so that a sanitizer sees a wrong pointer. */
static void touch(const unsigned char *p, int64_t n)
{
    volatile unsigned char sum = 0;
    for (int64_t i = 0; i < n; i++) sum = (unsigned char)(sum + p[i]);
}

static void walk_value(const ogi_gguf_kv *kv)
{
    int64_t at = 0;
    touch(kv->data, kv->size);
    for (int64_t i = 0; i < kv->n; i++) {
        if (kv->elem == OGI_GGUF_STR) {
            ogi_sv s = ogi_gguf_str_next(kv, &at);
            touch((const unsigned char *)s.p, (int64_t)s.n);
        } else {
            (void)ogi_gguf_float_at(kv, i);
        }
    }
}

static void walk(og_ctx *ctx, const ogi_gguf *f)
{
    for (int64_t i = 0; i < ogi_gguf_kv_count(f); i++) {
        const ogi_gguf_kv *kv = ogi_gguf_kv_at(f, i);
        int64_t n = 0;
        double x = 0;
        bool b = false;
        ogi_sv s = { 0 };
        walk_value(kv);
        char *key = ogi_strndup(ctx, kv->key.p, kv->key.n);
        if (!key) return;
        (void)ogi_gguf_int(f, key, &n);
        (void)ogi_gguf_float(f, key, &x);
        (void)ogi_gguf_bool(f, key, &b);
        (void)ogi_gguf_str(f, key, &s);
        ogi_free(ctx, key);
    }
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        touch(t->data, t->size);
        if (ogi_gguf_tensor_find(f, t->name) != t) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    ogi_gguf *f;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    og_status status = ogi_gguf_open_memory(ctx, "fuzz", data, (int64_t)size, NULL, 0, &f);
    if ((status == OG_OK) != (f != NULL) || (!f && !og_error(ctx)[0])) abort();
    if (f) walk(ctx, f);
    ogi_gguf_close(f);
    og_ctx_free(ctx);
    return 0;
}
