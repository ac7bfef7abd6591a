/* SPDX-License-Identifier: MIT
 *
 * A rendered text to tokens: spans become what may be parsed, BOS is there once. */
#include "base/ctx.h"
#include "oxigraph/template.h"

static og_status add_bos(const og_tokenizer *t, og_ctx *ctx, og_tokens *out)
{
    int32_t bos = og_tokenizer_special(t, OG_SPECIAL_BOS);
    if (bos < 0 || !og_tokenizer_flag_get(t, OG_TOKENIZER_ADD_BOS)) return OG_OK;
    OG_TRY(ogi_grow(ctx, &out->id, &out->cap, out->n + 1, sizeof *out->id));
    out->id[out->n++] = bos;
    return OG_OK;
}

og_status og_template_encode(const og_tokenizer *t, og_ctx *ctx, const og_template_text *text,
                             og_tokens *out)
{
    OGI_NEEDS(ctx, ctx && t && text && out);
    if (!text->has_bos) OG_TRY(add_bos(t, ctx, out));
    if (text->n_span == 0) return OG_OK;
    og_span *span = OGI_NEW_N(ctx, og_span, text->n_span);
    if (!span) return OG_E_MEMORY;
    for (size_t i = 0; i < text->n_span; i++) {
        const og_template_span *s = &text->span[i];
        span[i] = (og_span){ text->text + s->begin, s->end - s->begin, s->is_trusted };
    }
    og_status status = og_tokenizer_encode_spans(t, ctx, span, (int64_t)text->n_span, 0, out);
    ogi_free(ctx, span);
    return status;
}
