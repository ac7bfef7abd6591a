/* SPDX-License-Identifier: MIT
 *
 * The vocabulary as a tree. Tokens that are no text (control, end, empty) are not in it. */
#include <stdlib.h>

#include "text/grammar/grammar.h"

typedef struct piece {
    const uint8_t *p;
    int32_t n, token;
} piece;

static int by_bytes(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    int order = memcmp(x->p, y->p, (size_t)OGI_MIN(x->n, y->n));
    if (order) return order;
    if (x->n != y->n) return x->n < y->n ? -1 : 1;
    return x->token < y->token ? -1 : x->token > y->token;
}

static int32_t common_prefix(const piece *a, const piece *b)
{
    int32_t n = OGI_MIN(a->n, b->n), i = 0;
    while (i < n && a->p[i] == b->p[i]) i++;
    return i;
}

/* Do the bytes begin with a whole character and go on with characters, of which the last may be
 * unfinished? Only such tokens are taken as "any other token". */
static bool is_whole_text(const piece *x)
{
    int32_t i = 0, whole = 0;
    while (i < x->n) {
        uint8_t c = x->p[i];
        int32_t len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (!len) return false;
        for (int32_t k = 1; k < len && i + k < x->n; k++)
            if ((x->p[i + k] & 0xc0) != 0x80) return false;
        whole += i + len <= x->n;
        i += len;
    }
    return whole > 0;
}

static bool is_broken(const piece *x)
{
    for (int32_t i = 0; i < x->n; i++)
        if (x->p[i] >= 0xf5 || x->p[i] == 0xc0 || x->p[i] == 0xc1) return true;
    return false;
}

static void note_quotes(ogi_token_trie *t, const piece *x)
{
    int32_t n_quote = 0, n_escape = 0;
    for (int32_t i = 0; i < x->n; i++) n_quote += x->p[i] == '"', n_escape += x->p[i] == '\\';
    if (n_quote == 1 && !n_escape) t->quoted[t->n_quoted++] = x->token;
    if (n_quote && n_quote + n_escape > 1) t->tricky[t->n_tricky++] = x->token;
}

/* The pieces of text tokens, sorted, in *out; sets the end bits. */
static og_status collect(ogi_token_trie *t, const og_vocab_view *v, piece **out, int32_t *n_out)
{
    piece *x = OGI_NEW_N(t->ctx, piece, v->n_tokens + 1);
    if (!x) return OG_E_MEMORY;
    *out = x;
    int32_t n = 0;
    for (int32_t id = 0; id < v->n_tokens; id++) {
        size_t size = 0;
        if (v->is_eog(v->user, id)) {
            t->end_bits[id >> 5] |= 1u << (id & 31);
            continue;
        }
        t->other_bits[id >> 5] |= 1u << (id & 31);
        if (v->is_control && v->is_control(v->user, id)) continue;
        const char *p = v->piece(v->user, id, &size);
        if (!size || !p[0]) continue; /* nothing, or NUL, which no text should hold */
        piece one = { (const uint8_t *)p, (int32_t)OGI_MIN(size, (size_t)1 << 20), id };
        if (is_broken(&one)) t->broken_bits[id >> 5] |= 1u << (id & 31);
        if (is_whole_text(&one)) t->text_bits[id >> 5] |= 1u << (id & 31);
        note_quotes(t, &one);
        if (size > OGI_TRIE_MAX_DEPTH) continue;
        t->other_bits[id >> 5] &= ~(1u << (id & 31));
        x[n++] = one;
    }
    qsort(x, (size_t)n, sizeof *x, by_bytes);
    *n_out = n;
    return OG_OK;
}

static og_status reserve(ogi_token_trie *t, int64_t n_node, int32_t n_piece)
{
    t->byte = OGI_NEW_N(t->ctx, uint8_t, n_node);
    t->depth = OGI_NEW_N(t->ctx, uint8_t, n_node);
    t->height = OGI_NEW_N(t->ctx, uint8_t, n_node);
    t->skip = OGI_NEW_N(t->ctx, int32_t, n_node);
    t->token_at = OGI_NEW_N(t->ctx, int32_t, n_node + 1);
    t->token = OGI_NEW_N(t->ctx, int32_t, n_piece + 1);
    bool ok = t->byte && t->depth && t->height && t->skip && t->token_at && t->token;
    return ok ? OG_OK : OG_E_MEMORY;
}

/* The deepest open node has no more children. */
static void close_node(ogi_token_trie *t, const int32_t *open, int32_t *deepest, int32_t *depth,
                       int32_t last)
{
    int32_t d = (*depth)--;
    t->skip[open[d]] = last + 1;
    t->height[open[d]] = (uint8_t)(deepest[d] - d);
    deepest[d - 1] = OGI_MAX(deepest[d - 1], deepest[d]);
}

static og_status fill(ogi_token_trie *t, const piece *x, int32_t n)
{
    int64_t n_node = 1;
    for (int32_t i = 0; i < n; i++) n_node += x[i].n - (i ? common_prefix(&x[i - 1], &x[i]) : 0);
    if (n_node > INT32_MAX - 1) OG_FAIL(t->ctx, OG_E_LIMIT, "the vocabulary's text is too long");
    OG_TRY(reserve(t, n_node, n));
    int32_t open[OGI_TRIE_MAX_DEPTH + 1] = { 0 }, depth = 0; /* nodes from the root down */
    int32_t deepest[OGI_TRIE_MAX_DEPTH + 1] = { 0 };         /* below each of them */
    int32_t node = 0, n_token = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t common = i ? common_prefix(&x[i - 1], &x[i]) : 0;
        while (depth > common) close_node(t, open, deepest, &depth, node);
        while (depth < x[i].n) {
            t->token_at[++node] = n_token;
            t->byte[node] = x[i].p[depth];
            open[++depth] = node;
            deepest[depth] = depth;
            t->depth[node] = (uint8_t)depth;
        }
        t->token[n_token++] = x[i].token;
    }
    while (depth > 0) close_node(t, open, deepest, &depth, node);
    t->skip[0] = node + 1;
    t->height[0] = (uint8_t)deepest[0];
    t->n = node + 1;
    t->token_at[t->n] = n_token;
    return OG_OK;
}

og_status ogi_token_trie_build(og_ctx *ctx, const og_vocab_view *vocab, ogi_token_trie **out)
{
    *out = NULL;
    ogi_token_trie *t = OGI_NEW(ctx, ogi_token_trie);
    if (!t) return OG_E_MEMORY;
    *out = t; /* freed with the grammar even after a failure */
    t->ctx = ctx;
    t->n_vocab = vocab->n_tokens;
    t->n_word = (vocab->n_tokens + 31) / 32;
    t->end_bits = OGI_NEW_N(ctx, uint32_t, t->n_word + 1);
    t->text_bits = OGI_NEW_N(ctx, uint32_t, t->n_word + 1);
    t->broken_bits = OGI_NEW_N(ctx, uint32_t, t->n_word + 1);
    t->other_bits = OGI_NEW_N(ctx, uint32_t, t->n_word + 1);
    t->quoted = OGI_NEW_N(ctx, int32_t, vocab->n_tokens + 1);
    t->tricky = OGI_NEW_N(ctx, int32_t, vocab->n_tokens + 1);
    if (!t->end_bits || !t->text_bits || !t->broken_bits || !t->other_bits || !t->quoted ||
        !t->tricky)
        return OG_E_MEMORY;
    piece *x = NULL;
    int32_t n = 0;
    og_status s = collect(t, vocab, &x, &n);
    if (s == OG_OK) s = fill(t, x, n);
    ogi_free(ctx, x);
    return s;
}

void ogi_token_trie_free(ogi_token_trie *t)
{
    if (!t) return;
    void *const owned[] = { t->byte,        t->depth,      t->height,   t->skip,
                            t->token_at,    t->token,      t->end_bits, t->text_bits,
                            t->broken_bits, t->other_bits, t->quoted,   t->tricky };
    for (int i = 0; i < OGI_LEN(owned); i++) ogi_free(t->ctx, owned[i]);
    ogi_free(t->ctx, t);
}
