/* SPDX-License-Identifier: MIT
 *
 * Joining: short chunks by scanning all pairs, long ones with a heap of candidates; both take the
 * pair of lowest (rank, position) each time, so that they agree. */
#include "text/tokenizer/hf/hf.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FEW_SYMBOLS = 32,
    MANY_SYMBOLS = 2048,
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

static joined join(const ogi_merges *m, const char *text, const ogi_symbol *l, const ogi_symbol *r)
{
    if (m->by_score) {
        size_t n = (size_t)l->len + (size_t)r->len;
        if (n > m->max_token) return (joined){ 0, -1 };
        int32_t id = ogi_vocab_find(m->v, (ogi_sv){ text + l->start, n });
        if (id >= 0 && m->by_rank && m->v->token[id].attr != OG_TOKEN_NORMAL) id = -1;
        return (joined){ id < 0 ? 0 : rank_of_score(m->v->token[id].score), id };
    }
    if (l->id < 0 || r->id < 0 || !m->n_pair_slot) return (joined){ 0, -1 };
    uint64_t key = ((uint64_t)l->id << 32 | (uint32_t)r->id) + 1;
    for (uint64_t i = mix(key);; i++) {
        const ogi_pair *p = &m->pair[i & (uint64_t)(m->n_pair_slot - 1)];
        if (p->key == key) return (joined){ p->rank, p->result };
        if (!p->key) return (joined){ 0, -1 };
    }
}

static int join_few(const ogi_merges *m, const char *text, ogi_symbol *s, int n)
{
    joined with_next[FEW_SYMBOLS];
    for (int i = 0; i + 1 < n; i++) with_next[i] = join(m, text, &s[i], &s[i + 1]);
    for (;;) {
        int best = -1;
        for (int i = 0; i + 1 < n; i++)
            if (with_next[i].id >= 0 && (best < 0 || with_next[i].rank < with_next[best].rank))
                best = i;
        if (best < 0) return n;
        s[best].id = with_next[best].id;
        s[best].len += s[best + 1].len;
        n--;
        memmove(s + best + 1, s + best + 2, (size_t)(n - best - 1) * sizeof *s);
        if (n - best - 1 > 0)
            memmove(with_next + best + 1, with_next + best + 2,
                    (size_t)(n - best - 2) * sizeof *with_next);
        if (best > 0) with_next[best - 1] = join(m, text, &s[best - 1], &s[best]);
        if (best + 1 < n) with_next[best] = join(m, text, &s[best], &s[best + 1]);
    }
}

/* ---- a chunk of many symbols ---- */

/* A heap with four children a node, which lie in one cache line: the first is index 3. */
enum { HEAP_ROOT = 3 };

static og_status heap_push(ogi_merger *m, ogi_candidate c)
{
    OG_TRY(ogi_grow(m->ctx, &m->heap, &m->cap_heap, m->n_heap + HEAP_ROOT + 1, sizeof *m->heap));
    int64_t i = HEAP_ROOT + m->n_heap++;
    for (int64_t up; i > HEAP_ROOT && m->heap[up = i / 4 + 2].order > c.order; i = up)
        m->heap[i] = m->heap[up];
    m->heap[i] = c;
    return OG_OK;
}

static ogi_candidate heap_pop(ogi_merger *m)
{
    ogi_candidate *h = m->heap, top = h[HEAP_ROOT], last = h[HEAP_ROOT + --m->n_heap];
    int64_t i = HEAP_ROOT, end = HEAP_ROOT + m->n_heap;
    for (int64_t down; (down = 4 * (i - 2)) < end; i = down) {
        int64_t n = OGI_MIN(end - down, 4), best = down;
        for (int64_t k = down + 1; k < down + n; k++)
            if (h[k].order < h[best].order) best = k;
        down = best;
        if (h[down].order >= last.order) break;
        h[i] = h[down];
    }
    h[i] = last;
    return top;
}

/* Long chunks repeat themselves: most candidates of a rank come in the order in which they will be
 * taken. A few queues, of one rank each, take those; the heap gets what is out of order. */
static og_status queue_push(ogi_merger *m, ogi_candidate c)
{
    uint32_t rank = (uint32_t)(c.order >> 32);
    ogi_queue *free_one = NULL;
    for (int i = 0; i < OGI_LEN(m->queue); i++) {
        ogi_queue *q = &m->queue[i];
        if (q->at == q->n) {
            free_one = q;
            continue;
        }
        if (q->rank != rank) continue;
        if (q->c[q->n - 1].order > c.order) return heap_push(m, c);
        OG_TRY(ogi_grow(m->ctx, &q->c, &q->cap, q->n + 1, sizeof *q->c));
        q->c[q->n++] = c;
        return OG_OK;
    }
    if (!free_one) return heap_push(m, c);
    OG_TRY(ogi_grow(m->ctx, &free_one->c, &free_one->cap, 1, sizeof *free_one->c));
    free_one->rank = rank;
    free_one->at = 0;
    free_one->n = 1;
    free_one->c[0] = c;
    return OG_OK;
}

/* The best candidate of queues and heap; false: there is none. */
static bool take_best(ogi_merger *m, ogi_candidate *best)
{
    ogi_queue *from = NULL;
    uint64_t order = m->n_heap ? m->heap[HEAP_ROOT].order : UINT64_MAX;
    for (int i = 0; i < OGI_LEN(m->queue) && m->queued; i++) {
        ogi_queue *q = &m->queue[i];
        if (q->at == q->n || q->c[q->at].order >= order) continue;
        order = q->c[q->at].order;
        from = q;
    }
    if (from)
        *best = from->c[from->at++];
    else if (m->n_heap)
        *best = heap_pop(m);
    return from || order < UINT64_MAX;
}

static og_status push_pair(ogi_merger *m, const char *text, int32_t left, int32_t right)
{
    if (left < 0 || right < 0) return OG_OK;
    const ogi_symbol *l = &m->symbol[left], *r = &m->symbol[right];
    joined j = join(m->merges, text, l, r);
    if (j.id < 0) return OG_OK;
    ogi_candidate c = { (uint64_t)j.rank << 32 | (uint32_t)left, l->len + r->len, j.id };
    return m->queued ? queue_push(m, c) : heap_push(m, c);
}

static og_status join_many(ogi_merger *m, const char *text, int64_t n)
{
    ogi_symbol *s = m->symbol;
    ogi_candidate c = { 0 };
    m->n_heap = 0;
    for (int i = 0; i < OGI_LEN(m->queue); i++) m->queue[i].at = m->queue[i].n = 0;
    m->queued = n >= MANY_SYMBOLS;
    for (int64_t i = 0; i < n; i++) {
        s[i].prev = (int32_t)i - 1;
        s[i].next = i + 1 < n ? (int32_t)i + 1 : -1;
    }
    for (int64_t i = 0; i + 1 < n; i++) OG_TRY(push_pair(m, text, (int32_t)i, (int32_t)i + 1));
    while (take_best(m, &c)) {
        int32_t left = (int32_t)(uint32_t)c.order;
        ogi_symbol *l = &s[left];
        if (!l->len || l->next < 0 || l->len + s[l->next].len != c.len) continue; /* outdated */
        ogi_symbol *r = &s[l->next];
        l->id = c.result;
        l->len = c.len;
        l->next = r->next;
        r->len = 0;
        if (r->next >= 0) s[r->next].prev = left;
        OG_TRY(push_pair(m, text, l->prev, left));
        OG_TRY(push_pair(m, text, left, l->next));
    }
    return OG_OK;
}

/* ---- one chunk ---- */

static int32_t symbol_of_text(const ogi_merges *m, ogi_sv text)
{
    int32_t id = ogi_vocab_find(m->v, text);
    return id >= 0 ? id : (int32_t)ogi_map_get(&m->extra, text, -1);
}

/* What the model of a tokenizer.json makes of one character: adds symbols, keeps a run of unknown
 * characters in *unknown until something known ends it. text: as the vocabulary spells it. */
static og_status start_character(ogi_merger *m, ogi_sv text, int32_t id, int32_t start, int32_t len,
                                 ogi_symbol *unknown, int64_t *n)
{
    const ogi_merges *t = m->merges;
    OG_TRY(
        ogi_grow(m->ctx, &m->symbol, &m->cap_symbol, *n + (int64_t)text.n + 2, sizeof *m->symbol));
    if (id >= 0) {
        if (unknown->len) m->symbol[(*n)++] = *unknown;
        unknown->len = 0;
        m->symbol[(*n)++] = (ogi_symbol){ .id = id, .start = start, .len = len };
        return OG_OK;
    }
    bool bytes = t->hf->byte_fallback;
    for (size_t i = 0; i < text.n && bytes; i++)
        bytes = t->v->byte_token[(unsigned char)text.p[i]] >= 0;
    if (bytes) { /* before the run, as the library has it */
        for (size_t i = 0; i < text.n; i++)
            m->symbol[(*n)++] = (ogi_symbol){ .id = t->v->byte_token[(unsigned char)text.p[i]],
                                              .start = start,
                                              .len = 1 };
        return OG_OK;
    }
    if (t->hf->unknown == OGI_HF_NO_UNKNOWN)
        OG_FAIL(m->ctx, OG_E_INVALID,
                "%s: the text has characters that the model does not know, and its unk_token is no "
                "token",
                t->v->source);
    if (t->hf->unknown < 0) return OG_OK;
    if (unknown->len && t->hf->fuse_unknown) {
        unknown->len += len;
        return OG_OK;
    }
    if (unknown->len) m->symbol[(*n)++] = *unknown;
    *unknown = (ogi_symbol){ .id = t->hf->unknown, .start = start, .len = len };
    return OG_OK;
}

/* As start_symbols(), for a tokenizer.json. */
static og_status start_hf_symbols(ogi_merger *m, ogi_sv chunk, int64_t *n)
{
    const ogi_merges *t = m->merges;
    const ogi_hf *hf = t->hf;
    bool affixes = hf->continuing.n || hf->ending.n;
    ogi_symbol unknown = { .len = 0 };
    ogi_buf spelled = { .ctx = m->ctx };
    og_status status = OG_OK;
    *n = 0;
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
        status = start_character(m, text, id, (int32_t)i, (int32_t)len, &unknown, n);
    }
    if (unknown.len && status == OG_OK) m->symbol[(*n)++] = unknown;
    if (spelled.failed) status = OG_E_MEMORY;
    ogi_buf_free(&spelled);
    return status;
}

static og_status start_symbols(ogi_merger *m, ogi_sv chunk, int64_t *n)
{
    const ogi_merges *t = m->merges;
    OG_TRY(ogi_grow(m->ctx, &m->symbol, &m->cap_symbol, (int64_t)chunk.n + 1, sizeof *m->symbol));
    if (t->hf) return start_hf_symbols(m, chunk, n);
    *n = 0;
    for (size_t i = 0, len; i < chunk.n; i += len) {
        int32_t id;
        if (t->by_byte) {
            len = 1;
            id = t->byte_symbol[(unsigned char)chunk.p[i]];
        } else {
            ogi_merge_character(chunk.p + i, chunk.n - i, &len);
            id = symbol_of_text(t, (ogi_sv){ chunk.p + i, len });
        }
        m->symbol[(*n)++] = (ogi_symbol){ .id = id, .start = (int32_t)i, .len = (int32_t)len };
    }
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
static og_status emit_bytes(ogi_merger *m, const char *text, const ogi_symbol *s)
{
    const ogi_merges *t = m->merges;
    for (int32_t i = 0; i < s->len; i++) {
        int32_t id = token_of_byte(t, (unsigned char)text[s->start + i]);
        if (id < 0 && t->by_score) id = t->v->special[OG_SPECIAL_UNK];
        if (id >= 0) OG_TRY(ogi_tokens_add(m->ctx, &m->result, id));
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

static og_status merge_chunk(ogi_merger *m, ogi_sv chunk)
{
    int64_t n;
    m->result.n = 0;
    if (m->merges->v->flag[OG_TOKENIZER_IGNORE_MERGES]) {
        bool mapped = m->merges->by_byte && !m->merges->by_rank;
        int32_t whole = mapped ? (int32_t)ogi_map_get(&m->merges->whole, chunk, -1)
                               : ogi_vocab_find(m->merges->v, chunk);
        if (whole >= 0 && !is_model_token(m->merges, whole)) whole = -1;
        if (whole >= 0) return ogi_tokens_add(m->ctx, &m->result, whole);
    }
    OG_TRY(start_symbols(m, chunk, &n));
    if (n <= FEW_SYMBOLS)
        n = join_few(m->merges, chunk.p, m->symbol, (int)n);
    else
        OG_TRY(join_many(m, chunk.p, n));
    for (int64_t i = 0; i < n; i++) {
        const ogi_symbol *s = &m->symbol[i];
        if (!s->len) continue;
        if (s->id >= 0 && s->id < m->merges->v->n)
            OG_TRY(ogi_tokens_add(m->ctx, &m->result, s->id));
        else
            OG_TRY(emit_bytes(m, chunk.p, s));
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
    OG_TRY(merge_chunk(m, chunk));
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
    OG_TRY(merge_chunk(m, chunk));
    return copy_ids(m->ctx, out, &m->result, 0, m->result.n);
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
    ogi_free(m->ctx, m->heap);
    for (int i = 0; i < OGI_LEN(m->queue); i++) ogi_free(m->ctx, m->queue[i].c);
    ogi_free(m->ctx, m->cached);
    ogi_free(m->ctx, m->result.id);
    ogi_free(m->ctx, m->cached_id.id);
    m->cached_text.ctx = m->ctx;
    ogi_buf_free(&m->cached_text);
    *m = (ogi_merger){ .ctx = m->ctx };
}
