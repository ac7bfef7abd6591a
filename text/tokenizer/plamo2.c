/* SPDX-License-Identifier: MIT
 *
 * PLaMo 2: the cover of the text with the highest sum of scores, found from its end backwards;
 * scores are integers (1/10000), ties go to the longer token, and a character that no token covers
 * becomes byte tokens at a price that is paid only when there is no other way. */
#include <math.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

static const int64_t unknown_score = -10000000;

/* Of the text from a place to its end: the first token. */
typedef struct cover {
    int32_t id; /* -1: bytes of one character */
    uint32_t len;
} cover;

/* Scores are looked at no further ahead than the longest token reaches: a ring of them suffices. */
typedef struct scores {
    int64_t *ring;
    size_t mask;
} scores;

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

static void find_covers(const og_tokenizer *t, ogi_sv text, const scores *s, cover *best)
{
    s->ring[text.n & s->mask] = 0;
    for (size_t i = text.n; i-- > 0;) {
        if (((unsigned char)text.p[i] & 0xc0) == 0x80) continue; /* inside a character */
        uint32_t node = 0;
        uint32_t len = (uint32_t)ogi_utf8_length((unsigned char)text.p[i]);
        int64_t most = s->ring[(i + len) & s->mask] + unknown_score;
        best[i] = (cover){ -1, len };
        for (size_t k = i; k < text.n; k++) {
            node = ogi_trie_step(&t->tokens, node, (unsigned char)text.p[k]);
            if (!node) break;
            int32_t id = t->tokens.value[node];
            bool splits = k + 1 < text.n && ((unsigned char)text.p[k + 1] & 0xc0) == 0x80;
            if (id < 0 || splits) continue;
            int64_t score = s->ring[(k + 1) & s->mask] + score_of(t, id);
            if (score < most) continue;
            most = score;
            best[i] = (cover){ id, (uint32_t)(k + 1 - i) };
        }
        s->ring[i & s->mask] = most;
    }
}

og_status ogi_encode_plamo2(ogi_encoder *e, ogi_sv text)
{
    OG_TRY(ogi_clean_text(e, text, false, &text));
    if (ogi_sv_starts(text, OGI_SV("\xef\xbb\xbf"))) text.p += 3, text.n -= 3; /* byte order mark */
    enum { CHARACTER = 4 };
    size_t size = 1;
    while (size <= OGI_MAX(e->t->tokens.longest, (size_t)CHARACTER)) size *= 2;
    cover *best = OGI_NEW_N(e->ctx, cover, text.n + 1);
    scores kept = { OGI_NEW_N(e->ctx, int64_t, size), size - 1 };
    og_status status = best && kept.ring ? OG_OK : OG_E_MEMORY;
    if (status == OG_OK) find_covers(e->t, text, &kept, best);
    for (size_t i = 0; status == OG_OK && i < text.n; i += best[i].len) {
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
    ogi_free(e->ctx, kept.ring);
    return status;
}
