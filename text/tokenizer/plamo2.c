/* SPDX-License-Identifier: MIT
 *
 * PLaMo 2: the cover of the text with the highest sum of scores, found from its end backwards;
 * scores are integers (1/10000), ties go to the longer token, and a character that no token covers
 * becomes byte tokens at a price that is paid only when there is no other way. */
#include <math.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

static const int64_t unknown_score = -10000000;

typedef struct cover {
    int64_t score; /* of the text from here to the end */
    int32_t id;    /* -1: bytes of one character */
    uint32_t len;
} cover;

og_status ogi_build_plamo2(og_ctx *ctx, og_tokenizer *t)
{
    t->tokens.ctx = ctx;
    for (int32_t i = 0; i < t->v.n; i++)
        if (!(t->v.token[i].attr & OG_TOKEN_BYTE))
            OG_TRY(ogi_trie_put(&t->tokens, t->v.token[i].text, i));
    return OG_OK;
}

static int64_t score_of(const og_tokenizer *t, int32_t id)
{
    double s = round((double)t->v.token[id].score * 10000);
    return s > -1e9 && s < 1e9 ? (int64_t)s : unknown_score;
}

static void find_covers(const og_tokenizer *t, ogi_sv text, cover *best)
{
    best[text.n].score = 0;
    for (size_t i = text.n; i-- > 0;) {
        if (((unsigned char)text.p[i] & 0xc0) == 0x80) continue; /* inside a character */
        uint32_t node = 0;
        uint32_t len = (uint32_t)ogi_utf8_length((unsigned char)text.p[i]);
        best[i] = (cover){ best[i + len].score + unknown_score, -1, len };
        for (size_t k = i; k < text.n; k++) {
            node = ogi_trie_step(&t->tokens, node, (unsigned char)text.p[k]);
            if (!node) break;
            int32_t id = t->tokens.value[node];
            if (id < 0) continue;
            int64_t score = best[k + 1].score + score_of(t, id);
            if (score >= best[i].score) best[i] = (cover){ score, id, (uint32_t)(k + 1 - i) };
        }
    }
}

og_status ogi_encode_plamo2(ogi_encoder *e, ogi_sv text)
{
    OG_TRY(ogi_clean_text(e, text, false, &text));
    if (ogi_sv_starts(text, OGI_SV("\xef\xbb\xbf"))) text.p += 3, text.n -= 3; /* byte order mark */
    cover *best = OGI_NEW_N(e->ctx, cover, text.n + 1);
    if (!best) return OG_E_MEMORY;
    find_covers(e->t, text, best);
    og_status status = OG_OK;
    for (size_t i = 0; i < text.n && status == OG_OK; i += best[i].len) {
        if (best[i].id >= 0) {
            status = ogi_tokens_add(e->ctx, e->out, best[i].id);
            continue;
        }
        for (uint32_t k = 0; k < best[i].len && status == OG_OK; k++) {
            int32_t id = e->t->v.byte_token[(unsigned char)text.p[i + k]];
            if (id < 0) id = e->t->v.special[OG_SPECIAL_UNK];
            if (id >= 0) status = ogi_tokens_add(e->ctx, e->out, id);
        }
    }
    ogi_free(e->ctx, best);
    return status;
}
