/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as a model's graphs, over a small Llama. What is taken prints to a text
 * that opens as the same model, and each of its graphs compiles, or is refused with a reason. */
#include <stdlib.h>

#include "models/model_text.h"
#include "oxigraph/compile.h"

#define MODEL OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ogi_model_options options = { .kv = { OG_F16, OG_F16 },
                                           .has_pooling = true,
                                           .pooling = -1 };

static ogi_model *parse(og_ctx *ctx, const ogi_gguf *file, ogi_sv text)
{
    ogi_model *m = OGI_NEW(ctx, ogi_model);
    if (!m) abort();
    m->ctx = m->mem.ctx = ctx;
    m->file = file;
    if (ogi_model_parse(m, &options, text) == OG_OK) return m;
    if (!og_error(ctx)[0]) abort();
    ogi_model_close(m);
    return NULL;
}

static void check_round_trip(og_ctx *ctx, const ogi_gguf *file, const ogi_model *m)
{
    ogi_buf once = { .ctx = ctx }, twice = { .ctx = ctx };
    if (ogi_model_print(m, &once) != OG_OK) abort();
    ogi_model *again = parse(ctx, file, (ogi_sv){ once.p, once.n });
    if (!again || ogi_model_print(again, &twice) != OG_OK) abort();
    if (strcmp(ogi_buf_str(&once), ogi_buf_str(&twice)) != 0) abort();
    ogi_model_close(again);
    ogi_buf_free(&once);
    ogi_buf_free(&twice);
}

static void check_compiles(og_ctx *ctx, const ogi_model *m)
{
    og_device *dev;
    if (og_device_open(ctx, &(og_device_options){ .n_thread = 1 }, &dev) != OG_OK) abort();
    for (int i = 0; i < m->n_entry; i++) {
        og_program *p = NULL;
        og_error_clear(ctx);
        og_status st = og_compile(dev, m->entry[i].graph, NULL, &p);
        if ((st == OG_OK) != (p != NULL) || (!p && !og_error(ctx)[0])) abort();
        og_program_free(p);
    }
    og_device_free(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    ogi_gguf *file;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    if (ogi_gguf_open(ctx, MODEL, NULL, 0, &file) != OG_OK) abort();
    ogi_model *m = parse(ctx, file, (ogi_sv){ (const char *)data, size });
    if (m) {
        check_round_trip(ctx, file, m);
        check_compiles(ctx, m);
    }
    ogi_model_close(m);
    ogi_gguf_close(file);
    og_ctx_free(ctx);
    return 0;
}
