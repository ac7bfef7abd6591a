/* SPDX-License-Identifier: MIT
 *
 * Added tokens: cut out of the text, most of them before it is normalized, the others after. Of
 * those that begin at the first place, the longest is taken; one that may not stand there is passed
 * over whole. */
#include "text/tokenizer/hf/hf.h"
#include "text/unicode/hf.h"
#include "text/unicode/utf8.h"

enum {
    PARSED = OG_TOKEN_CONTROL | OG_TOKEN_UNKNOWN, /* only where control tokens are parsed */
};

typedef struct workspace {
    ogi_split split[OGI_HF_STEPS];
    ogi_buf buf[OGI_HF_STEPS];
} workspace;

static og_status put_normalized(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf, int32_t id, workspace *w)
{
    ogi_sv text;
    bool at_start = true;
    OG_TRY(ogi_hf_normalize(ctx, v, hf, w->split, w->buf, v->token[id].text, &text, &at_start));
    hf->coded[id] = (ogi_sv){ ogi_arena_strndup(&v->arena, text.p, text.n), text.n };
    if (!hf->coded[id].p) return OG_E_MEMORY;
    return ogi_trie_put(&hf->normalized, text, id);
}

static og_status put_all(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf, workspace *w)
{
    for (int32_t i = 0; i < v->n; i++) {
        unsigned attr = v->token[i].attr;
        hf->coded[i] = v->token[i].text;
        if (!hf->is_added[i]) continue;
        if (attr & OG_TOKEN_NORMALIZED)
            OG_TRY(put_normalized(ctx, v, hf, i, w));
        else
            OG_TRY(ogi_trie_put(&hf->raw, v->token[i].text, i));
        if ((attr & PARSED) || !(attr & OG_TOKEN_NORMALIZED))
            OG_TRY(ogi_trie_put(&hf->spoken, v->token[i].text, i));
    }
    return OG_OK;
}

og_status ogi_hf_build_added(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf)
{
    hf->coded = ogi_arena_alloc(&v->arena, (size_t)v->n, sizeof *hf->coded);
    workspace *w = hf->coded ? OGI_NEW(ctx, workspace) : NULL;
    if (!w) return OG_E_MEMORY;
    og_status status = put_all(ctx, v, hf, w);
    for (int k = 0; k < OGI_HF_STEPS; k++) {
        w->split[k].ctx = w->split[k].classes.ctx = w->buf[k].ctx = ctx;
        ogi_split_end(&w->split[k]);
        ogi_buf_free(&w->buf[k]);
    }
    ogi_free(ctx, w);
    return status;
}

static int32_t longest_at(const ogi_hf_cut *c, size_t at, size_t *n)
{
    uint32_t node = 0;
    int32_t id = -1;
    for (size_t i = at; i < c->text.n; i++) {
        node = ogi_trie_step(c->trie, node, (unsigned char)c->text.p[i]);
        if (!node) break;
        if (c->trie->value[node] < 0) continue;
        id = c->trie->value[node];
        *n = i + 1 - at;
    }
    return id;
}

/* The character that ends before `at`; 0 at the start. */
static uint32_t character_before(ogi_sv text, size_t at, size_t *start)
{
    int used;
    *start = at;
    if (!at) return 0;
    while (*start > 0 && at - *start < 4 && ((unsigned char)text.p[--*start] & 0xc0) == 0x80) {
    }
    return ogi_utf8_decode(text.p + *start, at - *start, &used);
}

static bool may_stand(const ogi_hf_cut *c, int32_t id, size_t at, size_t n)
{
    unsigned attr = c->v->token[id].attr;
    int used;
    size_t start, end = at + n;
    if (attr & PARSED) {
        if (!c->trusted && !c->parse) return false;
        if (c->trusted && memchr(c->trusted + at, 0, n)) return false;
    }
    if (!(attr & OG_TOKEN_SINGLE_WORD)) return true;
    if (at && ogi_hf_is_word(character_before(c->text, at, &start))) return false;
    return end == c->text.n ||
           !ogi_hf_is_word(ogi_utf8_decode(c->text.p + end, c->text.n - end, &used));
}

int32_t ogi_hf_cut_next(ogi_hf_cut *c, ogi_sv *before)
{
    while (c->trie->n_edge && c->at < c->text.n) {
        size_t at = c->at, n = 0, start = at;
        int32_t id = longest_at(c, at, &n);
        c->at += id < 0 ? 1 : n;
        if (id < 0 || !may_stand(c, id, at, n)) continue;
        size_t end = c->at;
        unsigned attr = c->v->token[id].attr;
        for (size_t one; (attr & OG_TOKEN_LSTRIP) && start > c->kept; start = one)
            if (!ogi_cp_is_space(character_before(c->text, start, &one))) break;
        for (int used; (attr & OG_TOKEN_RSTRIP) && end < c->text.n; end += (size_t)used)
            if (!ogi_cp_is_space(ogi_utf8_decode(c->text.p + end, c->text.n - end, &used))) break;
        start = OGI_MAX(start, c->kept);
        *before = (ogi_sv){ c->text.p + c->kept, start - c->kept };
        c->kept = end;
        return id;
    }
    *before = (ogi_sv){ c->text.p + c->kept, c->text.n - c->kept };
    c->kept = c->at = c->text.n;
    return -1;
}
