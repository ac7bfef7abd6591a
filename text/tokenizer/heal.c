/* SPDX-License-Identifier: MIT
 *
 * Token healing: a prompt that ends inside a word ends in tokens that training never saw there.
 * They are taken back, and generation must begin with their text instead. */
#include "text/tokenizer/impl.h"

/* Is text a beginning of some longer token? */
static bool goes_on(const ogi_vocab *v, ogi_sv text)
{
    for (int32_t i = 0; i < v->n; i++) {
        const ogi_token *t = &v->token[i];
        bool is_text = t->attr & (OG_TOKEN_NORMAL | OG_TOKEN_USER_DEFINED);
        if (is_text && t->piece.n > text.n && ogi_sv_starts(t->piece, text)) return true;
    }
    return false;
}

og_status og_tokenizer_heal(const og_tokenizer *t, og_ctx *ctx, og_tokens *ids, int64_t keep,
                            int max_cut, char **prefix, size_t *n)
{
    OGI_NEEDS(ctx, ctx && t && ids && keep >= 0 && prefix && n);
    ogi_buf tail = { .ctx = ctx }, best = { .ctx = ctx };
    int64_t n_best = ids->n;
    *prefix = NULL;
    *n = 0;
    for (int64_t i = ids->n - 1; i >= keep && ids->n - i <= max_cut; i--) {
        size_t len;
        if (!(og_tokenizer_attr(t, ids->id[i]) & (OG_TOKEN_NORMAL | OG_TOKEN_BYTE))) break;
        const char *piece = og_tokenizer_piece(t, ids->id[i], false, &len);
        tail.n = 0;
        ogi_buf_add(&tail, piece, len);
        ogi_buf_add(&tail, best.p, best.n); /* best holds the text of all tokens behind i */
        best.n = 0;
        ogi_buf_add(&best, tail.p, tail.n);
        if (tail.n && goes_on(&t->v, (ogi_sv){ tail.p, tail.n })) {
            n_best = i;
            *n = tail.n;
        }
    }
    /* the text of the tokens from n_best on is the end of all that was read */
    bool failed = tail.failed || best.failed;
    if (!failed) *prefix = ogi_strndup(ctx, *n ? best.p + best.n - *n : "", *n);
    failed |= !*prefix;
    ogi_buf_free(&tail);
    ogi_buf_free(&best);
    if (failed) return OG_E_MEMORY;
    ids->n = n_best;
    return OG_OK;
}
