/* SPDX-License-Identifier: MIT
 *
 * Joining: short chunks by scanning all pairs, long ones with a tree of ranks over their slots;
 * both take the pair of lowest (rank, position) each time, so that they agree. A long chunk
 * takes 12.3 bytes a slot: 8 for the symbol, 4.3 for the ranks. */
#include "text/tokenizer/hf/hf.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FEW_SYMBOLS = 32,
    CACHE_SLOTS = 1 << 14, /* 16384: half of it full covers the words of an English book */
    CACHE_TEXT = 64,       /* longest chunk that is remembered */
    MAX_CHUNK = 1 << 30,
};

/* ---- a chunk of few symbols ---- */

typedef struct joined {
    uint32_t rank;
    int32_t id; /* -1: the pair cannot be joined */
} joined;

/* Order of scores as an unsigned number: the higher the score, the lower. */
static uint32_t rank_of_score(float score)
{
    uint32_t u;
    if (score == 0) score = 0; /* -0 */
    memcpy(&u, &score, sizeof u);
    u ^= u >> 31 ? UINT32_MAX : 0x80000000u;
    return ~u;
}

static uint64_t mix(uint64_t key)
{
    key ^= key >> 31;
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

/* Two symbols side by side, whose text begins at `text` (by scores alone). */
static joined join(const ogi_merges *m, const char *text, ogi_symbol l, ogi_symbol r)
{
    if (m->by_score) {
        size_t n = (size_t)l.len + (size_t)r.len;
        if (n > m->max_token) return (joined){ 0, -1 };
        int32_t id = ogi_vocab_find(m->v, (ogi_sv){ text, n });
        if (id >= 0 && m->by_rank && m->v->token[id].attr != OG_TOKEN_NORMAL) id = -1;
        return (joined){ id < 0 ? 0 : rank_of_score(m->v->token[id].score), id };
    }
    if (l.id < 0 || r.id < 0 || !m->n_pair_slot) return (joined){ 0, -1 };
    uint64_t key = ((uint64_t)l.id << 32 | (uint32_t)r.id) + 1;
    for (uint64_t i = mix(key);; i++) {
        const ogi_pair *p = &m->pair[i & (uint64_t)(m->n_pair_slot - 1)];
        if (p->key == key) return (joined){ p->rank, p->result };
        if (!p->key) return (joined){ 0, -1 };
    }
}

/* The symbols of the slots, without those that are inside others; at most FEW_SYMBOLS. */
static void join_few(const ogi_merges *m, const char *text, ogi_symbol *slot, int64_t n_slot)
{
    ogi_symbol s[FEW_SYMBOLS];
    joined with_next[FEW_SYMBOLS];
    int start[FEW_SYMBOLS], n = 0;
    for (int64_t i = 0; i < n_slot; i += slot[i].len) {
        start[n] = (int)i;
        s[n++] = slot[i];
    }
    for (int i = 0; i + 1 < n; i++) with_next[i] = join(m, text + start[i], s[i], s[i + 1]);
    for (;;) {
        int best = -1;
        for (int i = 0; i + 1 < n; i++)
            if (with_next[i].id >= 0 && (best < 0 || with_next[i].rank < with_next[best].rank))
                best = i;
        if (best < 0) break;
        s[best].id = with_next[best].id;
        s[best].len += s[best + 1].len;
        n--;
        int behind = n - best - 1;
        memmove(s + best + 1, s + best + 2, (size_t)behind * sizeof *s);
        memmove(start + best + 1, start + best + 2, (size_t)behind * sizeof *start);
        if (behind > 0)
            memmove(with_next + best + 1, with_next + best + 2,
                    (size_t)(behind - 1) * sizeof *with_next);
        if (best > 0) with_next[best - 1] = join(m, text + start[best - 1], s[best - 1], s[best]);
        if (behind > 0) with_next[best] = join(m, text + start[best], s[best], s[best + 1]);
    }
    for (int i = 0; i < n; i++) slot[start[i]] = s[i];
}

/* ---- a chunk of many symbols ---- */

enum { FAN = 16 }; /* 32: a quarter slower, 64: half as fast */

static uint32_t least_of(const uint32_t *rank)
{
    uint32_t least = rank[0];
    for (int i = 1; i < FAN; i++) least = OGI_MIN(least, rank[i]);
    return least;
}

/* Levels over n slots, each a multiple of FAN long, without any rank. */
static og_status clear_ranks(og_ctx *ctx, ogi_ranks *r, int64_t n)
{
    int64_t size = 0;
    r->n_level = 0;
    do {
        n = (n + FAN - 1) / FAN;
        r->at[r->n_level++] = size;
        size += n * FAN;
    } while (n > 1);
    if (size > r->cap) { /* exactly so much: of a long text it is the most that is needed */
        ogi_free(ctx, r->rank);
        r->rank = OGI_NEW_N(ctx, uint32_t, size);
        r->cap = r->rank ? size : 0;
        if (!r->rank) return OG_E_MEMORY;
    }
    memset(r->rank, 0xff, (size_t)size * sizeof *r->rank);
    return OG_OK;
}

/* From the ranks of the n slots, all that is above them. */
static void sum_up(ogi_ranks *r, int64_t n)
{
    for (int level = 1; level < r->n_level; level++) {
        const uint32_t *below = r->rank + r->at[level - 1];
        n = (n + FAN - 1) / FAN;
        for (int64_t i = 0; i < n; i++) r->rank[r->at[level] + i] = least_of(below + i * FAN);
    }
}

static void set_rank(ogi_ranks *r, int64_t slot, uint32_t rank)
{
    for (int level = 0; level < r->n_level; level++) {
        uint32_t *here = r->rank + r->at[level];
        if (here[slot] == rank) return;
        here[slot] = rank;
        slot /= FAN;
        rank = least_of(here + slot * FAN);
    }
}

/* The first slot of the lowest rank; -1: there is none. */
static int64_t best_slot(const ogi_ranks *r)
{
    int64_t slot = 0;
    for (int level = r->n_level - 1; level >= 0; level--) {
        const uint32_t *here = r->rank + r->at[level] + slot * FAN;
        uint32_t least = least_of(here);
        if (least == (uint32_t)OGI_NO_RANK) return -1;
        int i = 0;
        while (here[i] != least) i++;
        slot = slot * FAN + i;
    }
    return slot;
}

/* Of the pair that begins at slot i of n. */
static uint32_t rank_at(const ogi_merger *m, const char *text, int64_t i, int64_t n)
{
    int64_t next = i + m->symbol[i].len;
    if (next >= n) return (uint32_t)OGI_NO_RANK;
    joined j = join(m->merges, text + i, m->symbol[i], m->symbol[next]);
    return j.id < 0 ? (uint32_t)OGI_NO_RANK : j.rank;
}

static og_status join_many(ogi_merger *m, const char *text, int64_t n)
{
    ogi_symbol *s = m->symbol;
    ogi_ranks *r = &m->ranks;
    OG_TRY(clear_ranks(m->ctx, r, n));
    for (int64_t i = 0; i < n; i += s[i].len) r->rank[i] = rank_at(m, text, i, n);
    sum_up(r, n);
    for (int64_t left; (left = best_slot(r)) >= 0;) {
        int64_t right = left + s[left].len, before = left - 1;
        s[left].id = join(m->merges, text + left, s[left], s[right]).id;
        s[left].len += s[right].len;
        s[left + s[left].len - 1].len = 1 - s[left].len;
        set_rank(r, right, (uint32_t)OGI_NO_RANK);
        set_rank(r, left, rank_at(m, text, left, n));
        if (before < 0) continue;
        if (s[before].len < 0) before += s[before].len;
        set_rank(r, before, rank_at(m, text, before, n));
    }
    return OG_OK;
}

/* ---- one chunk ---- */

static int32_t symbol_of_text(const ogi_merges *m, ogi_sv text)
{
    int32_t id = ogi_vocab_find(m->v, text);
    return id >= 0 ? id : (int32_t)ogi_map_get(&m->extra, text, -1);
}

/* Room for n slots; what is in them is lost. */
static og_status reserve_slots(ogi_merger *m, int64_t n)
{
    if (n <= m->cap_symbol) return OG_OK;
    ogi_free(m->ctx, m->symbol);
    m->symbol = OGI_NEW_N(m->ctx, ogi_symbol, n);
    m->cap_symbol = m->symbol ? n : 0;
    return m->symbol ? OG_OK : OG_E_MEMORY;
}

static void add_slot(ogi_merger *m, int32_t id, int64_t *n)
{
    m->symbol[(*n)++] = (ogi_symbol){ .id = id, .len = 1 };
}

/* What the model of a tokenizer.json makes of one character: adds symbols, keeps a run of unknown
 * characters in *unknown until something known ends it. text: as the vocabulary spells it. */
static og_status start_character(ogi_merger *m, ogi_sv text, int32_t id, bool *unknown, int64_t *n)
{
    const ogi_merges *t = m->merges;
    OG_TRY(
        ogi_grow(m->ctx, &m->symbol, &m->cap_symbol, *n + (int64_t)text.n + 2, sizeof *m->symbol));
    if (id >= 0) {
        if (*unknown) add_slot(m, t->hf->unknown, n);
        *unknown = false;
        add_slot(m, id, n);
        return OG_OK;
    }
    bool bytes = t->hf->byte_fallback;
    for (size_t i = 0; i < text.n && bytes; i++)
        bytes = t->v->byte_token[(unsigned char)text.p[i]] >= 0;
    if (bytes) { /* before the run, as the library has it */
        for (size_t i = 0; i < text.n; i++)
            add_slot(m, t->v->byte_token[(unsigned char)text.p[i]], n);
        return OG_OK;
    }
    if (t->hf->unknown == OGI_HF_NO_UNKNOWN)
        OG_FAIL(m->ctx, OG_E_INVALID,
                "%s: the text has characters that the model does not know, and its unk_token is no "
                "token",
                t->v->source);
    if (t->hf->unknown < 0) return OG_OK;
    if (*unknown && !t->hf->fuse_unknown) add_slot(m, t->hf->unknown, n);
    *unknown = true;
    return OG_OK;
}

/* As start_symbols(), for a tokenizer.json. */
static og_status start_hf_symbols(ogi_merger *m, ogi_sv chunk, int64_t *n)
{
    const ogi_merges *t = m->merges;
    const ogi_hf *hf = t->hf;
    bool affixes = hf->continuing.n || hf->ending.n, unknown = false;
    ogi_buf spelled = { .ctx = m->ctx };
    og_status status = OG_OK;
    for (size_t i = 0, len; i < chunk.n && status == OG_OK; i += len) {
        int32_t id;
        len = 1;
        if (!t->by_byte) ogi_merge_character(chunk.p + i, chunk.n - i, &len);
        ogi_sv text = { chunk.p + i, len };
        if (affixes) {
            spelled.n = 0;
            if (i) ogi_buf_add(&spelled, hf->continuing.p, hf->continuing.n);
            ogi_buf_add(&spelled, text.p, text.n);
            if (i + len == chunk.n) ogi_buf_add(&spelled, hf->ending.p, hf->ending.n);
            text = (ogi_sv){ ogi_buf_str(&spelled), spelled.n };
        }
        id = t->by_byte ? t->byte_symbol[(unsigned char)chunk.p[i]] : ogi_hf_find(t->v, hf, text);
        status = start_character(m, text, id, &unknown, n);
    }
    if (unknown && status == OG_OK) add_slot(m, hf->unknown, n);
    if (spelled.failed) status = OG_E_MEMORY;
    ogi_buf_free(&spelled);
    return status;
}

/* Fills slots, n_slot of them, with n symbols. */
static og_status start_symbols(ogi_merger *m, ogi_sv chunk, int64_t *n_slot, int64_t *n)
{
    const ogi_merges *t = m->merges;
    enum { ROOM = 64 };
    *n = *n_slot = 0;
    OG_TRY(reserve_slots(m, (int64_t)chunk.n + ROOM));
    if (t->hf) {
        OG_TRY(start_hf_symbols(m, chunk, n_slot));
        *n = *n_slot;
        return OG_OK;
    }
    for (size_t i = 0, len = 1; i < chunk.n; i += len, (*n)++) {
        if (!t->by_byte) ogi_merge_character(chunk.p + i, chunk.n - i, &len);
        m->symbol[i + len - 1].len = 1 - (int32_t)len;
        m->symbol[i] = (ogi_symbol){
            .id = t->by_byte ? t->byte_symbol[(unsigned char)chunk.p[i]]
                             : symbol_of_text(t, (ogi_sv){ chunk.p + i, len }),
            .len = (int32_t)len,
        };
    }
    *n_slot = (int64_t)chunk.n;
    return OG_OK;
}

/* The token of a byte of a symbol, -1: none. */
static int32_t token_of_byte(const ogi_merges *t, unsigned char c)
{
    int32_t id = t->by_byte ? t->byte_symbol[c] : t->v->byte_token[c];
    return id < t->v->n ? id : -1;
}

/* A symbol that is no token: byte by byte. Bytes without a token become the unknown one, if any;
 * with merges by rank of a GGUF file they vanish, as in the reference. */
static og_status emit_bytes(const ogi_merger *m, ogi_sv text, og_tokens *out)
{
    const ogi_merges *t = m->merges;
    for (size_t i = 0; i < text.n; i++) {
        int32_t id = token_of_byte(t, (unsigned char)text.p[i]);
        if (id < 0 && t->by_score) id = t->v->special[OG_SPECIAL_UNK];
        if (id >= 0) OG_TRY(ogi_tokens_add(m->ctx, out, id));
    }
    return OG_OK;
}

/* May a whole chunk become this token? */
static bool is_model_token(const ogi_merges *t, int32_t id)
{
    if (t->by_rank) return t->v->token[id].attr == OG_TOKEN_NORMAL;
    if (!t->hf) return true;
    return t->hf->in_model[id] && !(t->v->token[id].attr & OG_TOKEN_CONTROL);
}

/* Appends the ids of the chunk. */
static og_status merge_chunk(ogi_merger *m, ogi_sv chunk, og_tokens *out)
{
    int64_t n_slot, n;
    if (m->merges->v->flag[OG_TOKENIZER_IGNORE_MERGES]) {
        bool mapped = m->merges->by_byte && !m->merges->by_rank;
        int32_t whole = mapped ? (int32_t)ogi_map_get(&m->merges->whole, chunk, -1)
                               : ogi_vocab_find(m->merges->v, chunk);
        if (whole >= 0 && !is_model_token(m->merges, whole)) whole = -1;
        if (whole >= 0) return ogi_tokens_add(m->ctx, out, whole);
    }
    OG_TRY(start_symbols(m, chunk, &n_slot, &n));
    if (n <= FEW_SYMBOLS)
        join_few(m->merges, chunk.p, m->symbol, n_slot);
    else
        OG_TRY(join_many(m, chunk.p, n_slot));
    for (int64_t i = 0; i < n_slot; i += m->symbol[i].len) {
        ogi_symbol s = m->symbol[i];
        if (s.id >= 0 && s.id < m->merges->v->n)
            OG_TRY(ogi_tokens_add(m->ctx, out, s.id));
        else
            OG_TRY(emit_bytes(m, (ogi_sv){ chunk.p + i, (size_t)s.len }, out));
    }
    return OG_OK;
}

/* ---- remembering chunks ---- */

/* n of the tokens in from. */
static og_status copy_ids(og_ctx *ctx, og_tokens *out, const og_tokens *from, int64_t first,
                          int64_t n)
{
    if (!n) return OG_OK;
    OG_TRY(ogi_grow(ctx, &out->id, &out->cap, out->n + n, sizeof *out->id));
    memcpy(out->id + out->n, from->id + first, (size_t)n * sizeof *out->id);
    out->n += n;
    return OG_OK;
}

static og_status cached_chunk(ogi_merger *m, ogi_sv chunk, og_tokens *out)
{
    uint64_t hash = XXH3_64bits(chunk.p, chunk.n) | 1;
    uint64_t i = hash >> 20;
    if (!m->cached) m->cached = OGI_NEW_N(m->ctx, struct ogi_cached, CACHE_SLOTS);
    if (!m->cached) return OG_E_MEMORY;
    struct ogi_cached *c;
    for (; (c = &m->cached[i & (CACHE_SLOTS - 1)])->hash; i++)
        if (c->hash == hash && c->n_text == chunk.n &&
            !memcmp(m->cached_text.p + c->text, chunk.p, chunk.n))
            return copy_ids(m->ctx, out, &m->cached_id, c->first, c->n_id);
    m->result.n = 0;
    OG_TRY(merge_chunk(m, chunk, &m->result));
    if (m->n_cached >= CACHE_SLOTS / 2) {
        memset(m->cached, 0, CACHE_SLOTS * sizeof *m->cached);
        m->n_cached = 0;
        m->cached_text.n = 0;
        m->cached_id.n = 0;
        c = &m->cached[(hash >> 20) & (CACHE_SLOTS - 1)];
    }
    *c = (struct ogi_cached){ hash, (uint32_t)m->cached_text.n, (uint32_t)chunk.n,
                              (uint32_t)m->cached_id.n, (uint32_t)m->result.n };
    m->n_cached++;
    ogi_buf_add(&m->cached_text, chunk.p, chunk.n);
    OG_TRY(copy_ids(m->ctx, &m->cached_id, &m->result, 0, m->result.n));
    if (m->cached_text.failed) return OG_E_MEMORY;
    return copy_ids(m->ctx, out, &m->result, 0, m->result.n);
}

static og_status add_chunk(ogi_merger *m, ogi_sv chunk, og_tokens *out)
{
    m->cached_text.ctx = m->ctx;
    if (chunk.n == 0) return OG_OK;
    if (chunk.n <= CACHE_TEXT) return cached_chunk(m, chunk, out);
    if (chunk.n > MAX_CHUNK)
        OG_FAIL(m->ctx, OG_E_LIMIT, "text: a piece of %zu bytes, at most %d can be merged", chunk.n,
                MAX_CHUNK);
    return merge_chunk(m, chunk, out);
}

static bool is_adjacent(const ogi_merges *m, uint32_t a, uint32_t b)
{
    uint64_t key = ((uint64_t)a << 32 | b) + 1;
    for (uint64_t i = mix(key); m->n_adjacent_slot; i++) {
        uint64_t have = m->adjacent[i & (uint64_t)(m->n_adjacent_slot - 1)];
        if (have == key) return true;
        if (!have) return false;
    }
    return false;
}

og_status ogi_merge_text(ogi_merger *m, ogi_sv text, og_tokens *out)
{
    if (!m->merges->cut) return add_chunk(m, text, out);
    uint32_t before = 0;
    size_t start = 0;
    for (size_t i = 0, len; i < text.n; i += len) {
        uint32_t now = ogi_merge_character(text.p + i, text.n - i, &len);
        if (i > start && !is_adjacent(m->merges, before, now)) {
            OG_TRY(add_chunk(m, (ogi_sv){ text.p + start, i - start }, out));
            start = i;
        }
        before = now;
    }
    return add_chunk(m, (ogi_sv){ text.p + start, text.n - start }, out);
}

void ogi_merger_free(ogi_merger *m)
{
    ogi_free(m->ctx, m->symbol);
    ogi_free(m->ctx, m->ranks.rank);
    ogi_free(m->ctx, m->cached);
    ogi_free(m->ctx, m->result.id);
    ogi_free(m->ctx, m->cached_id.id);
    m->cached_text.ctx = m->ctx;
    ogi_buf_free(&m->cached_text);
    *m = (ogi_merger){ .ctx = m->ctx };
}
