/* SPDX-License-Identifier: MIT
 *
 * Cuts special tokens out of a text: the longest ones first, each from the left, as the reference
 * does. One walk finds which lengths occur at all; only those are looked for. */
#include <stdlib.h>

#include "text/tokenizer/impl.h"

enum { PARSED = OG_TOKEN_CONTROL | OG_TOKEN_UNKNOWN }; /* only when control tokens are parsed */

static int compare_length(const void *a, const void *b)
{
    return *(const int32_t *)b - *(const int32_t *)a;
}

og_status ogi_build_specials(og_ctx *ctx, og_tokenizer *t)
{
    const unsigned cut = OG_TOKEN_CONTROL | OG_TOKEN_USER_DEFINED | OG_TOKEN_UNKNOWN;
    t->special.ctx = ctx;
    int64_t cap = 0;
    for (int32_t i = 0; i < t->v.n; i++) {
        const ogi_token *token = &t->v.token[i];
        if (!(token->attr & cut) || token->text.n > INT32_MAX) continue;
        OG_TRY(ogi_trie_put(&t->special, token->text, i));
        int32_t n = (int32_t)token->text.n;
        int k = 0;
        while (k < t->n_special_length && t->special_length[k] != n) k++;
        if (k < t->n_special_length) continue;
        OG_TRY(ogi_grow(ctx, &t->special_length, &cap, k + 1, sizeof *t->special_length));
        t->special_length[t->n_special_length++] = n;
    }
    if (t->n_special_length)
        qsort(t->special_length, (size_t)t->n_special_length, sizeof *t->special_length,
              compare_length);
    return OG_OK;
}

static og_status add_fragment(og_ctx *ctx, ogi_fragments *f, int64_t at, int64_t n, int32_t token)
{
    if (token < 0 && n <= 0) return OG_OK;
    OG_TRY(ogi_grow(ctx, &f->part, &f->cap, f->n + 1, sizeof *f->part));
    f->part[f->n++] = (ogi_fragment){ at, n, token };
    return OG_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

typedef struct search {
    og_ctx *ctx;
    const og_tokenizer *t;
    ogi_sv text;
    bool parse;
    const unsigned char *trusted;
} search;

static bool may_be(const search *s, int32_t id, int64_t at, int64_t n)
{
    if (!(s->t->v.token[id].attr & PARSED)) return true;
    if (!s->trusted) return s->parse;
    return !memchr(s->trusted + at, 0, (size_t)n);
}

/* The special token of exactly n bytes at this place, -1: none. */
static int32_t token_at(const search *s, int64_t at, int64_t n)
{
    uint32_t node = 0;
    for (int64_t i = 0; i < n; i++) {
        node = ogi_trie_step(&s->t->special, node, (unsigned char)s->text.p[at + i]);
        if (!node) return -1;
    }
    int32_t id = s->t->special.value[node];
    return id >= 0 && may_be(s, id, at, n) ? id : -1;
}

/* Marks the lengths of all special tokens that occur anywhere. */
static void note_lengths(const search *s, const bool first[256], bool *present)
{
    const ogi_trie *trie = &s->t->special;
    int n_absent = s->t->n_special_length;
    for (size_t i = 0; i < s->text.n && n_absent; i++) {
        if (!first[(unsigned char)s->text.p[i]]) continue;
        uint32_t node = 0;
        for (size_t k = i; k < s->text.n; k++) {
            node = ogi_trie_step(trie, node, (unsigned char)s->text.p[k]);
            if (!node) break;
            int32_t id = trie->value[node];
            if (id < 0) continue;
            int32_t len = (int32_t)(k + 1 - i), j = 0;
            while (s->t->special_length[j] != len) j++;
            if (present[j] || !may_be(s, id, (int64_t)i, len)) continue;
            present[j] = true;
            n_absent--;
        }
    }
}

/* Splits one raw part at its tokens of length n. */
static og_status cut_part(const search *s, const bool first[256], ogi_fragment raw, int32_t n,
                          ogi_fragments *out)
{
    int64_t start = raw.at, end = raw.at + raw.n;
    for (int64_t i = start; i + n <= end;) {
        int32_t id = first[(unsigned char)s->text.p[i]] ? token_at(s, i, n) : -1;
        if (id < 0) {
            i++;
            continue;
        }
        unsigned attr = s->t->v.token[id].attr;
        int64_t left = i;
        while ((attr & OG_TOKEN_LSTRIP) && left > start && is_blank(s->text.p[left - 1])) left--;
        OG_TRY(add_fragment(s->ctx, out, start, left - start, -1));
        OG_TRY(add_fragment(s->ctx, out, i, n, id));
        i += n;
        while ((attr & OG_TOKEN_RSTRIP) && i < end && is_blank(s->text.p[i])) i++;
        start = i;
    }
    return add_fragment(s->ctx, out, start, end - start, -1);
}

static og_status cut_lengths(const search *s, const bool *present, const bool first[256],
                             ogi_fragments *out)
{
    for (int k = 0; k < s->t->n_special_length; k++) {
        if (!present[k]) continue;
        ogi_fragments next = { 0 };
        og_status status = OG_OK;
        for (int64_t i = 0; i < out->n && status == OG_OK; i++) {
            ogi_fragment f = out->part[i];
            status = f.token >= 0 ? add_fragment(s->ctx, &next, f.at, f.n, f.token)
                                  : cut_part(s, first, f, s->t->special_length[k], &next);
        }
        ogi_free(s->ctx, out->part);
        *out = next;
        OG_TRY(status);
    }
    return OG_OK;
}

og_status ogi_cut_specials(og_ctx *ctx, const og_tokenizer *t, ogi_sv text, bool parse,
                           const unsigned char *trusted, ogi_fragments *out)
{
    search s = { ctx, t, text, parse, trusted };
    out->n = 0;
    OG_TRY(add_fragment(ctx, out, 0, (int64_t)text.n, -1));
    if (!t->n_special_length) return OG_OK;
    bool first[256];
    for (int b = 0; b < 256; b++) first[b] = ogi_trie_step(&t->special, 0, (unsigned char)b) != 0;
    bool *present = OGI_NEW_N(ctx, bool, t->n_special_length);
    if (!present) return OG_E_MEMORY;
    note_lengths(&s, first, present);
    og_status status = cut_lengths(&s, present, first, out);
    ogi_free(ctx, present);
    return status;
}
