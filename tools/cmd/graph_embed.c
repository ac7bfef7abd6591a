/* SPDX-License-Identifier: MIT
 *
 * A GGUF file written again with one more key. Keys, tensors and their bytes stay as they are, in
 * their order; parts become one file. */
#include "tools/cmd/graph_embed.h"

#include "models/model_text.h"
#include "tools/cmd/cli_output.h"

enum { VERSION = 3, DEFAULT_ALIGNMENT = 32 };

static void put_u32(ogi_buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++) ogi_buf_putc(b, (char)(v >> 8 * i));
}

static void put_u64(ogi_buf *b, uint64_t v)
{
    for (int i = 0; i < 8; i++) ogi_buf_putc(b, (char)(v >> 8 * i));
}

static void put_text(ogi_buf *b, ogi_sv s)
{
    put_u64(b, s.n);
    ogi_buf_add(b, s.p, s.n);
}

static void put_kv(ogi_buf *b, const ogi_gguf_kv *kv)
{
    put_text(b, kv->key);
    put_u32(b, (uint32_t)kv->type);
    if (kv->type == OGI_GGUF_ARRAY) {
        put_u32(b, (uint32_t)kv->elem);
        put_u64(b, (uint64_t)kv->n);
    }
    ogi_buf_add(b, (const char *)kv->data, (size_t)kv->size);
}

/* What speaks of the parts of a file, and an older graph. */
static bool is_dropped(const ogi_gguf_kv *kv)
{
    return ogi_sv_starts(kv->key, OGI_SV("split.")) ||
           ogi_sv_eq(kv->key, OGI_SV(OGI_MODEL_TEXT_KEY));
}

static void put_keys(ogi_buf *b, const ogi_gguf *f, ogi_sv text)
{
    uint64_t n = 1;
    for (int64_t i = 0; i < ogi_gguf_kv_count(f); i++) n += !is_dropped(ogi_gguf_kv_at(f, i));
    put_u64(b, n);
    for (int64_t i = 0; i < ogi_gguf_kv_count(f); i++)
        if (!is_dropped(ogi_gguf_kv_at(f, i))) put_kv(b, ogi_gguf_kv_at(f, i));
    put_text(b, OGI_SV(OGI_MODEL_TEXT_KEY));
    put_u32(b, OGI_GGUF_STR);
    put_text(b, text);
}

static void put_tensors(ogi_buf *b, const ogi_gguf *f, int64_t alignment)
{
    int64_t at = 0;
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        put_text(b, t->name);
        put_u32(b, (uint32_t)t->rank);
        for (int d = 0; d < t->rank; d++) put_u64(b, (uint64_t)t->dim[d]);
        put_u32(b, (uint32_t)t->type);
        put_u64(b, (uint64_t)at);
        at = OGI_ALIGN(at + t->size, alignment);
    }
}

static og_status put_padding(cli_output *o, int64_t size, int64_t alignment)
{
    static const char zeros[4096];
    int64_t rest = OGI_ALIGN(size, alignment) - size;
    for (; rest > 0; rest -= (int64_t)sizeof zeros)
        OG_TRY(cli_output_put(o, zeros, (size_t)OGI_MIN(rest, (int64_t)sizeof zeros)));
    return OG_OK;
}

static og_status write_all(cli_output *o, const ogi_gguf *f, const ogi_buf *head, int64_t alignment)
{
    OG_TRY(cli_output_put(o, head->p, head->n));
    OG_TRY(put_padding(o, (int64_t)head->n, alignment));
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        OG_TRY(cli_output_put(o, t->data, (size_t)t->size));
        OG_TRY(put_padding(o, t->size, alignment));
    }
    return OG_OK;
}

og_status graph_embed(og_ctx *ctx, const ogi_gguf *f, ogi_sv text, const char *out)
{
    cli_output o;
    ogi_buf head = { .ctx = ctx };
    int64_t alignment = DEFAULT_ALIGNMENT;
    OG_TRY(ogi_gguf_int(f, "general.alignment", &alignment)); /* checked when it was opened */
    ogi_buf_puts(&head, "GGUF");
    put_u32(&head, VERSION);
    put_u64(&head, (uint64_t)ogi_gguf_tensor_count(f));
    put_keys(&head, f, text);
    put_tensors(&head, f, alignment);
    og_status st = head.failed ? OG_E_MEMORY : cli_output_begin(ctx, out, f, &o);
    if (st == OG_OK) st = cli_output_end(&o, write_all(&o, f, &head, alignment));
    ogi_buf_free(&head);
    return st;
}
