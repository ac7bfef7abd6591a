/* SPDX-License-Identifier: MIT
 *
 * SentencePiece BPE (Llama 1 and 2, Phi-3, Gemma): characters are joined by the scores of tokens;
 * what is no token falls back to byte tokens. Spaces are written as U+2581. */
#include "text/tokenizer/impl.h"

og_status ogi_build_spm(og_ctx *ctx, og_tokenizer *t)
{
    return ogi_merges_build_spm(ctx, &t->v, &t->merges);
}

og_status ogi_encode_spm(ogi_encoder *e, ogi_sv text, bool at_start)
{
    bool prefix = at_start && e->t->v.flag[OG_TOKENIZER_ADD_SPACE_PREFIX];
    bool escape = e->t->v.flag[OG_TOKENIZER_ESCAPE_WHITESPACES];
    e->work.n = 0;
    if (prefix) ogi_buf_puts(&e->work, escape ? OGI_SPACE_MARK : " ");
    for (const char *p = text.p, *end = p + text.n; p < end;) {
        const char *space = escape ? memchr(p, ' ', (size_t)(end - p)) : NULL;
        ogi_buf_add(&e->work, p, (size_t)((space ? space : end) - p));
        if (!space) break;
        ogi_buf_add(&e->work, OGI_SPACE_MARK, 3);
        p = space + 1;
    }
    if (e->work.failed) return OG_E_MEMORY;
    return ogi_merge_text(&e->merger, (ogi_sv){ ogi_buf_str(&e->work), e->work.n }, e->out);
}
