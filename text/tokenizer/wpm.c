/* SPDX-License-Identifier: MIT
 *
 * WordPiece (BERT): text is stripped of accents and lower-cased (unless the vocabulary keeps case),
 * and cut into words, punctuation and ideographs; a word is covered by the longest tokens from the
 * left, or is unknown as a whole. The vocabulary marks beginnings of words with U+2581. */
#include <utf8proc.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

enum { MAX_PARTS = 32 }; /* of a decomposition; Unicode's longest has 4 */

og_status ogi_build_wpm(og_ctx *ctx, og_tokenizer *t)
{
    t->tokens.ctx = ctx;
    for (int32_t i = 0; i < t->v.n; i++) OG_TRY(ogi_trie_put(&t->tokens, t->v.token[i].text, i));
    return OG_OK;
}

static og_status add_word(ogi_encoder *e)
{
    const ogi_trie *trie = &e->t->tokens;
    int64_t first = e->out->n;
    if (e->work.failed) return OG_E_MEMORY;
    for (size_t i = 0, longest; i < e->work.n; i += longest) {
        uint32_t node = 0;
        int32_t id = -1;
        longest = 0;
        for (size_t k = i; k < e->work.n; k++) {
            node = ogi_trie_step(trie, node, (unsigned char)e->work.p[k]);
            if (!node) break;
            if (trie->value[node] < 0) continue;
            id = trie->value[node];
            longest = k + 1 - i;
        }
        if (!longest) {
            e->out->n = first;
            break;
        }
        OG_TRY(ogi_tokens_add(e->ctx, e->out, id));
    }
    if (e->out->n > first || e->t->v.special[OG_SPECIAL_UNK] < 0) return OG_OK;
    return ogi_tokens_add(e->ctx, e->out, e->t->v.special[OG_SPECIAL_UNK]);
}

static og_status end_word(ogi_encoder *e)
{
    if (e->work.n > 3) OG_TRY(add_word(e));
    e->work.n = 0;
    ogi_buf_add(&e->work, OGI_SPACE_MARK, 3);
    return e->work.failed ? OG_E_MEMORY : OG_OK;
}

/* The first character of the canonical decomposition: accents go with the rest of it. */
static uint32_t base_character(uint32_t cp)
{
    utf8proc_int32_t parts[MAX_PARTS];
    int boundary = 0;
    if (cp < 0x80 || (cp >= 0xd800 && cp <= 0xdfff)) return cp;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, parts, MAX_PARTS,
                                                 UTF8PROC_DECOMPOSE, &boundary);
    return n > 0 ? (uint32_t)parts[0] : cp;
}

static bool is_control(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_CS ||
           c == UTF8PROC_CATEGORY_CO;
}

static bool stands_alone(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    if (c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO) return true;
    if (cp < 0x7f && c >= UTF8PROC_CATEGORY_SM && c <= UTF8PROC_CATEGORY_SO) return true;
    return ogi_cp_is_cjk(cp);
}

static og_status add_character(ogi_encoder *e, uint32_t cp, bool lower)
{
    char utf8[4];
    if (ogi_cp_is_space(cp)) return end_word(e);
    if (cp == 0 || cp == OGI_CP_REPLACEMENT || is_control(cp)) return OG_OK;
    bool alone = stands_alone(cp);
    if (lower) cp = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    if (alone) OG_TRY(end_word(e));
    ogi_buf_add(&e->work, utf8, (size_t)ogi_utf8_encode(cp, utf8));
    return alone ? end_word(e) : OG_OK;
}

og_status ogi_encode_wpm(ogi_encoder *e, ogi_sv text)
{
    bool lower = e->t->v.flag[OG_TOKENIZER_LOWERCASE];
    OG_TRY(ogi_clean_text(e, text, false, &text));
    OG_TRY(end_word(e));
    for (size_t i = 0; i < text.n;) {
        int used;
        uint32_t cp = ogi_utf8_decode(text.p + i, text.n - i, &used);
        i += (size_t)used;
        if (lower) cp = base_character(cp);
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        bool is_mark = c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
        if (!lower || !is_mark) OG_TRY(add_character(e, cp, lower));
    }
    return end_word(e);
}
