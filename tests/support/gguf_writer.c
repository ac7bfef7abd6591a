/* SPDX-License-Identifier: MIT
 *
 * Writes GGUF bytes exactly as told, right or wrong: nothing is checked here. */
#include "tests/support/gguf_writer.h"

#include <stdlib.h>

void ogt_bytes_add(ogt_bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = realloc(b->p, b->cap);
        if (!b->p) abort(); /* a test without memory cannot go on */
    }
    if (p && n)
        memcpy(b->p + b->n, p, n);
    else if (n)
        memset(b->p + b->n, 0, n);
    b->n += n;
}

void ogt_bytes_uint(ogt_bytes *b, uint64_t v, int n)
{
    ogt_bytes_add(b, &v, (size_t)n);
}

void ogt_bytes_str(ogt_bytes *b, const char *s, size_t n)
{
    ogt_bytes_uint(b, n, 8);
    ogt_bytes_add(b, s, n);
}

void ogt_gguf_kv(ogt_gguf *w, const char *key, uint32_t type, const void *value, size_t n)
{
    ogt_bytes_str(&w->kv, key, strlen(key));
    ogt_bytes_uint(&w->kv, type, 4);
    ogt_bytes_add(&w->kv, value, n);
    w->n_kv++;
}

void ogt_gguf_u32(ogt_gguf *w, const char *key, uint32_t v)
{
    ogt_gguf_kv(w, key, OGI_GGUF_U32, &v, sizeof v);
}

void ogt_gguf_f32(ogt_gguf *w, const char *key, float v)
{
    ogt_gguf_kv(w, key, OGI_GGUF_F32, &v, sizeof v);
}

void ogt_gguf_bool(ogt_gguf *w, const char *key, bool v)
{
    ogt_gguf_kv(w, key, OGI_GGUF_BOOL, &(unsigned char){ v }, 1);
}

void ogt_gguf_str(ogt_gguf *w, const char *key, const char *v)
{
    ogt_bytes value = { 0 };
    ogt_bytes_str(&value, v, strlen(v));
    ogt_gguf_kv(w, key, OGI_GGUF_STR, value.p, value.n);
    free(value.p);
}

void ogt_gguf_array(ogt_gguf *w, const char *key, uint32_t elem, uint64_t n, const void *items,
                    size_t n_byte)
{
    ogt_bytes value = { 0 };
    ogt_bytes_uint(&value, elem, 4);
    ogt_bytes_uint(&value, n, 8);
    ogt_bytes_add(&value, items, n_byte);
    ogt_gguf_kv(w, key, OGI_GGUF_ARRAY, value.p, value.n);
    free(value.p);
}

void ogt_gguf_tensor_info(ogt_gguf *w, const char *name, uint32_t type, uint32_t rank,
                          const int64_t *dim, uint64_t offset)
{
    ogt_bytes_str(&w->info, name, strlen(name));
    ogt_bytes_uint(&w->info, rank, 4);
    for (uint32_t i = 0; i < rank; i++) ogt_bytes_uint(&w->info, (uint64_t)dim[i], 8);
    ogt_bytes_uint(&w->info, type, 4);
    ogt_bytes_uint(&w->info, offset, 8);
    w->n_tensor++;
}

static void pad(ogt_bytes *b, const ogt_gguf *w)
{
    size_t a = w->alignment ? w->alignment : 32;
    ogt_bytes_add(b, NULL, (a - b->n % a) % a);
}

void ogt_gguf_tensor(ogt_gguf *w, const char *name, uint32_t type, int rank, const int64_t *dim,
                     const void *data, size_t size)
{
    pad(&w->data, w);
    ogt_gguf_tensor_info(w, name, type, (uint32_t)rank, dim, w->data.n);
    ogt_bytes_add(&w->data, data, size);
}

unsigned char *ogt_gguf_finish(ogt_gguf *w, int64_t *size)
{
    ogt_bytes out = { 0 };
    ogt_bytes_add(&out, "GGUF", 4);
    ogt_bytes_uint(&out, w->version ? w->version : 3, 4);
    ogt_bytes_uint(&out, w->n_tensor, 8);
    ogt_bytes_uint(&out, w->n_kv, 8);
    ogt_bytes_add(&out, w->kv.p, w->kv.n);
    ogt_bytes_add(&out, w->info.p, w->info.n);
    if (w->data.n) {
        pad(&out, w);
        ogt_bytes_add(&out, w->data.p, w->data.n);
    }
    free(w->kv.p), free(w->info.p), free(w->data.p);
    *w = (ogt_gguf){ 0 };
    *size = (int64_t)out.n;
    return out.p;
}
