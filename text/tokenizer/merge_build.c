/* SPDX-License-Identifier: MIT
 *
 * The tables of merges: symbols for all texts that merges name, pairs with their ranks, and the
 * set of characters that may stand side by side inside a mergeable text. */
#include "text/tokenizer/hf/hf.h"
#include "text/unicode/utf8.h"

static uint64_t mix(uint64_t key)
{
    key ^= key >> 31;
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

/* ---- characters side by side ---- */

static uint64_t *adjacent_slot(const ogi_merges *m, uint64_t key)
{
    for (uint64_t i = mix(key);; i++) {
        uint64_t *slot = &m->adjacent[i & (uint64_t)(m->n_adjacent_slot - 1)];
        if (!*slot || *slot == key) return slot;
    }
}

static og_status grow_adjacent(ogi_merges *m)
{
    ogi_merges old = *m;
    m->n_adjacent_slot = OGI_MAX(1024, old.n_adjacent_slot * 2);
    m->adjacent = OGI_NEW_N(m->ctx, uint64_t, m->n_adjacent_slot);
    if (!m->adjacent) {
        *m = old;
        return OG_E_MEMORY;
    }
    for (int64_t i = 0; i < old.n_adjacent_slot; i++)
        if (old.adjacent[i]) *adjacent_slot(m, old.adjacent[i]) = old.adjacent[i];
    ogi_free(m->ctx, old.adjacent);
    return OG_OK;
}

static og_status add_adjacent(ogi_merges *m, uint32_t a, uint32_t b)
{
    uint64_t key = ((uint64_t)a << 32 | b) + 1;
    if (m->n_adjacent * 2 >= m->n_adjacent_slot) OG_TRY(grow_adjacent(m));
    uint64_t *slot = adjacent_slot(m, key);
    m->n_adjacent += !*slot;
    *slot = key;
    return OG_OK;
}

static og_status add_all_adjacent(ogi_merges *m, ogi_sv text)
{
    uint32_t before = 0;
    for (size_t i = 0, len; i < text.n; i += len) {
        uint32_t now = ogi_merge_character(text.p + i, text.n - i, &len);
        if (i) OG_TRY(add_adjacent(m, before, now));
        before = now;
    }
    return OG_OK;
}

/* ---- symbols and pairs ---- */

static og_status symbol_for(ogi_merges *m, ogi_sv text, bool make, int32_t *symbol)
{
    *symbol = ogi_vocab_find(m->v, text);
    if (*symbol < 0) *symbol = (int32_t)ogi_map_get(&m->extra, text, -1);
    if (*symbol >= 0 || !make) return OG_OK;
    char *copy = ogi_arena_strndup(&m->arena, text.p, text.n);
    if (!copy) return OG_E_MEMORY;
    *symbol = m->n_symbol++;
    return ogi_map_put(&m->extra, (ogi_sv){ copy, text.n }, *symbol);
}

/* The first merge of equal ones holds; in a tokenizer.json, the last. */
static void put_pair(ogi_merges *m, int32_t left, int32_t right, uint32_t rank, int32_t result)
{
    uint64_t key = ((uint64_t)left << 32 | (uint32_t)right) + 1;
    for (uint64_t i = mix(key);; i++) {
        ogi_pair *p = &m->pair[i & (uint64_t)(m->n_pair_slot - 1)];
        if (p->key == key && !m->hf) return;
        if (p->key && p->key != key) continue;
        *p = (ogi_pair){ key, rank, result };
        return;
    }
}

/* "left right": the first space that is not the first character parts them. */
static og_status add_merge(ogi_merges *m, ogi_sv merge, uint32_t rank, ogi_buf *whole)
{
    const char *space = merge.n > 1 ? memchr(merge.p + 1, ' ', merge.n - 1) : NULL;
    if (!space) return OG_OK; /* as in the reference: it can never apply */
    ogi_sv left = { merge.p, (size_t)(space - merge.p) };
    ogi_sv right = { space + 1, merge.n - left.n - 1 };
    if (!right.n) return OG_OK;
    int32_t l, r, result;
    whole->n = 0;
    ogi_buf_add(whole, left.p, left.n);
    ogi_buf_add(whole, right.p, right.n);
    if (whole->failed) return OG_E_MEMORY;
    ogi_sv both = { whole->p, whole->n };
    OG_TRY(symbol_for(m, left, true, &l));
    OG_TRY(symbol_for(m, right, true, &r));
    OG_TRY(symbol_for(m, both, true, &result));
    put_pair(m, l, r, rank, result);
    return m->cut ? add_all_adjacent(m, both) : OG_OK;
}

static og_status add_merges(ogi_merges *m)
{
    ogi_buf whole = { .ctx = m->ctx };
    og_status status = OG_OK;
    for (int64_t i = 0; i < m->v->n_merge && status == OG_OK; i++)
        status = add_merge(m, m->v->merge[i], (uint32_t)i, &whole);
    ogi_buf_free(&whole);
    return status;
}

/* Whole words by their bytes, for vocabularies that prefer them to merges. */
static og_status add_whole_words(ogi_merges *m)
{
    if (!m->v->flag[OG_TOKENIZER_IGNORE_MERGES]) return OG_OK;
    OG_TRY(ogi_map_reserve(&m->whole, m->v->n));
    for (int32_t i = 0; i < m->v->n; i++) {
        const ogi_token *t = &m->v->token[i];
        bool is_bytes = t->text.n > 0;
        size_t n = 0;
        for (size_t k = 0; k < t->text.n && is_bytes; n++) {
            int used;
            is_bytes = ogi_cp_to_byte(ogi_utf8_decode(t->text.p + k, t->text.n - k, &used)) >= 0;
            k += (size_t)used;
        }
        if (!is_bytes || ogi_vocab_find(m->v, t->text) != i) continue;
        char *copy = ogi_arena_alloc(&m->arena, n + 1, 1);
        if (!copy) return OG_E_MEMORY;
        n = 0;
        for (size_t k = 0; k < t->text.n;) {
            int used;
            copy[n++] = (char)ogi_cp_to_byte(ogi_utf8_decode(t->text.p + k, t->text.n - k, &used));
            k += (size_t)used;
        }
        OG_TRY(ogi_map_put(&m->whole, (ogi_sv){ copy, n }, i));
    }
    return OG_OK;
}

static void begin(og_ctx *ctx, const ogi_vocab *v, ogi_merges *m)
{
    *m = (ogi_merges){ .ctx = ctx, .v = v, .n_symbol = v->n };
    m->arena.ctx = m->extra.ctx = m->whole.ctx = ctx;
}

og_status ogi_merges_build_bpe(og_ctx *ctx, const ogi_vocab *v, bool by_byte, ogi_merges *m)
{
    begin(ctx, v, m);
    m->by_byte = by_byte;
    m->cut = !by_byte && !v->flag[OG_TOKENIZER_IGNORE_MERGES];
    if (v->n_merge > INT32_MAX / 4)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: %lld merges, at most %d can be held", v->source,
                (long long)v->n_merge, INT32_MAX / 4);
    for (m->n_pair_slot = 64; m->n_pair_slot < v->n_merge * 2;) m->n_pair_slot *= 2;
    m->pair = OGI_NEW_N(ctx, ogi_pair, m->n_pair_slot);
    if (!m->pair) return OG_E_MEMORY;
    OG_TRY(add_merges(m));
    for (int b = 0; b < 256; b++) {
        char text[4];
        size_t n = (size_t)ogi_utf8_encode(ogi_byte_to_cp((unsigned char)b), text);
        OG_TRY(symbol_for(m, (ogi_sv){ text, n }, false, &m->byte_symbol[b]));
    }
    return by_byte ? add_whole_words(m) : OG_OK;
}

/* Does no merge depend on more than the two characters where its parts meet? Then a chunk may be
 * cut wherever two characters meet in no token. */
static bool can_cut(const ogi_vocab *v, const ogi_hf *hf)
{
    bool all_bytes = hf->byte_fallback;
    for (int b = 0; b < 256; b++) all_bytes = all_bytes && v->byte_token[b] >= 0;
    if (hf->by_byte || hf->continuing.n || hf->ending.n || v->flag[OG_TOKENIZER_IGNORE_MERGES])
        return false;
    if (hf->byte_fallback ? !all_bytes : hf->unknown < 0 || hf->fuse_unknown) return false;
    for (int64_t i = 0; i < hf->n_merge; i++) {
        const ogi_hf_merge *g = &hf->merge[i];
        if (g->left == hf->unknown || g->right == hf->unknown) return false;
        if (v->token[g->left].attr & OG_TOKEN_BYTE || v->token[g->right].attr & OG_TOKEN_BYTE)
            return false;
    }
    return true;
}

og_status ogi_merges_build_hf(og_ctx *ctx, const ogi_vocab *v, const ogi_hf *hf, ogi_merges *m)
{
    begin(ctx, v, m);
    m->hf = hf;
    m->by_byte = hf->by_byte;
    m->cut = can_cut(v, hf);
    for (m->n_pair_slot = 64; m->n_pair_slot < hf->n_merge * 2;) m->n_pair_slot *= 2;
    m->pair = OGI_NEW_N(ctx, ogi_pair, m->n_pair_slot);
    if (!m->pair) return OG_E_MEMORY;
    for (int64_t i = 0; i < hf->n_merge; i++) {
        const ogi_hf_merge *g = &hf->merge[i];
        put_pair(m, g->left, g->right, (uint32_t)i, g->result);
        if (m->cut) OG_TRY(add_all_adjacent(m, v->token[g->result].text));
    }
    for (int b = 0; b < 256; b++) {
        char text[4];
        size_t n = (size_t)ogi_utf8_encode(ogi_byte_to_cp((unsigned char)b), text);
        m->byte_symbol[b] = ogi_hf_find(v, hf, (ogi_sv){ text, n });
    }
    return m->by_byte ? add_whole_words(m) : OG_OK;
}

og_status ogi_merges_build_spm(og_ctx *ctx, const ogi_vocab *v, ogi_merges *m)
{
    begin(ctx, v, m);
    m->by_score = m->cut = true;
    for (int32_t i = 0; i < v->n; i++) {
        m->max_token = OGI_MAX(m->max_token, v->token[i].text.n);
        OG_TRY(add_all_adjacent(m, v->token[i].text));
    }
    return OG_OK;
}

og_status ogi_merges_build_ranks(og_ctx *ctx, const ogi_vocab *v, ogi_merges *m)
{
    begin(ctx, v, m);
    m->by_score = m->by_rank = m->by_byte = true;
    for (int32_t i = 0; i < v->n; i++) m->max_token = OGI_MAX(m->max_token, v->token[i].text.n);
    memcpy(m->byte_symbol, v->byte_token, sizeof m->byte_symbol);
    return OG_OK;
}

void ogi_merges_free(ogi_merges *m)
{
    if (!m->ctx) return;
    ogi_map_free(&m->extra);
    ogi_map_free(&m->whole);
    ogi_arena_free(&m->arena);
    ogi_free(m->ctx, m->pair);
    ogi_free(m->ctx, m->adjacent);
}
