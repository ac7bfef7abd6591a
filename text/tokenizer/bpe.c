/* SPDX-License-Identifier: MIT
 *
 * BPE with a pre-tokenizer (GPT-2 and all that followed): pieces of the text are merged each for
 * itself, as bytes in the byte-level alphabet or, with U+2581 for spaces, as characters. */
#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

og_status ogi_build_bpe(og_ctx *ctx, og_tokenizer *t)
{
    OG_TRY(ogi_splitter_build_pre(ctx, t->v.pre, &t->splitter));
    return ogi_merges_build_bpe(ctx, &t->v, t->v.pre->byte_encode, &t->merges);
}

og_status ogi_clean_text(ogi_encoder *e, ogi_sv text, bool escape, ogi_sv *out)
{
    bool same = false;
    e->clean.n = e->work.n = 0;
    uint32_t most = e->t->v.kind == OGI_VOCAB_PLAMO2 ? OGI_CP_ANY : OGI_CP_MAX;
    if (!ogi_utf8_clean(text, most, &e->clean, &same))
        OG_FAIL(e->ctx, OG_E_INVALID, "text: a UTF-8 sequence lies above U+10FFFF");
    *out = same ? text : (ogi_sv){ ogi_buf_str(&e->clean), e->clean.n };
    if (escape && out->n && memchr(out->p, ' ', out->n)) {
        for (const char *p = out->p, *end = p + out->n, *space; p < end; p = space + 1) {
            space = memchr(p, ' ', (size_t)(end - p));
            ogi_buf_add(&e->work, p, (size_t)((space ? space : end) - p));
            if (!space) break;
            ogi_buf_add(&e->work, OGI_SPACE_MARK, 3);
        }
        *out = (ogi_sv){ ogi_buf_str(&e->work), e->work.n };
    }
    return e->clean.failed || e->work.failed ? OG_E_MEMORY : OG_OK;
}

og_status ogi_encode_bpe(ogi_encoder *e, ogi_sv text)
{
    ogi_sv piece;
    bool more;
    OG_TRY(ogi_clean_text(e, text, e->t->v.flag[OG_TOKENIZER_ESCAPE_WHITESPACES], &text));
    OG_TRY(ogi_split_begin(&e->split, text));
    OG_TRY(ogi_split_next(&e->split, &piece, &more));
    while (more) {
        OG_TRY(ogi_merge_text(&e->merger, piece, e->out));
        OG_TRY(ogi_split_next(&e->split, &piece, &more));
    }
    return OG_OK;
}
