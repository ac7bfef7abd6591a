/* SPDX-License-Identifier: MIT
 *
 * Templates and contexts from nowhere: "TEMPLATE\0CONTEXT", the context {} if there is none. What
 * must hold: no crash, and spans that cover the text. */
#include <stdint.h>
#include <string.h>

#include "oxigraph/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_spans(const og_template_text *text)
{
    size_t at = 0;
    for (size_t i = 0; i < text->n_span; i++) {
        if (text->span[i].begin != at || text->span[i].end <= at) __builtin_trap();
        if (i && text->span[i].is_trusted == text->span[i - 1].is_trusted) __builtin_trap();
        at = text->span[i].end;
    }
    if (at != text->size) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *source = (const char *)data;
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t source_size = zero ? (size_t)(zero - data) : size;
    const char *context = zero ? (const char *)zero + 1 : "{}";
    size_t context_size = zero ? size - source_size - 1 : 2;
    og_ctx *ctx;
    og_template *t;
    og_template_text text;
    og_template_options opt = { .max_steps = 200000, .max_memory = 8 << 20 };
    og_template_time now = { 2026, 3, 7, 9, 5, 4 };
    opt.now = &now;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    if (og_template_parse(ctx, "fuzz", source, source_size, &t) == OG_OK) {
        if (og_template_render(ctx, t, context, context_size, &opt, &text) == OG_OK) {
            check_spans(&text);
            og_template_text_free(ctx, &text);
        }
        og_template_free(t);
    }
    og_ctx_free(ctx);
    return 0;
}
