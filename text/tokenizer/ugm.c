/* SPDX-License-Identifier: MIT
 *
 * SentencePiece Unigram (T5): text is normalized by the table in the file, then covered by tokens
 * with the highest sum of scores. Runs of characters that no token covers are one unknown token. */
#include <float.h>
#include <utf8proc.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

/* ---- the normalization table: an XOR-compressed double array and its replacements ---- */

typedef struct charsmap {
    const unsigned char *unit; /* n_unit little-endian u32 */
    uint32_t n_unit;
    const char *text; /* zero-terminated strings */
    size_t n_text;
} charsmap;

static uint32_t unit_at(const charsmap *m, uint32_t i)
{
    const unsigned char *p = m->unit + (size_t)i * 4;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t base_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

static charsmap open_charsmap(const ogi_vocab *v)
{
    charsmap m = { 0 };
    if (v->charsmap_size < 4) return m;
    m.unit = v->charsmap;
    m.n_unit = 1;
    uint32_t size = unit_at(&m, 0);
    m.unit += 4;
    m.n_unit = size / 4;
    m.text = (const char *)m.unit + size;
    m.n_text = (size_t)v->charsmap_size - 4 - size;
    return m;
}

og_status ogi_check_charsmap(og_ctx *ctx, const ogi_vocab *v)
{
    if (!v->charsmap) return OG_OK;
    charsmap head = { .unit = v->charsmap, .n_unit = 1 };
    int64_t size = v->charsmap_size >= 4 ? (int64_t)unit_at(&head, 0) : -1;
    if (size < 4 || size % 4 || size > v->charsmap_size - 4)
        OG_FAIL(
            ctx, OG_E_FORMAT,
            "%s: tokenizer.ggml.precompiled_charsmap: its array of %lld bytes does not fit %lld",
            v->source, (long long)size, (long long)v->charsmap_size);
    return OG_OK;
}

enum { MAX_PART = 256 }; /* of what a table may put for a character; SentencePiece's: 66 */

/* Longest (or shortest) prefix of text that the table replaces: its length, *out the replacement;
 * 0: none. */
static size_t match_charsmap(const charsmap *m, ogi_sv text, bool shortest, ogi_sv *out)
{
    size_t longest = 0;
    if (!m->n_unit) return 0;
    uint32_t node = base_of(unit_at(m, 0));
    for (size_t i = 0; i < text.n && text.p[i]; i++) {
        unsigned char c = (unsigned char)text.p[i];
        node ^= c;
        if (node >= m->n_unit) break;
        uint32_t unit = unit_at(m, node);
        if ((unit & 0x800000ffu) != c) break;
        node ^= base_of(unit);
        if (!(unit & 0x100)) continue;
        if (node >= m->n_unit) break;
        uint32_t at = unit_at(m, node) & 0x7fffffff;
        if (at >= m->n_text) continue;
        longest = i + 1;
        *out = (ogi_sv){ m->text + at, strnlen(m->text + at, OGI_MIN(m->n_text - at, MAX_PART)) };
        if (shortest) break;
    }
    return longest;
}

/* Bytes of the first grapheme of text. */
static size_t grapheme_length(ogi_sv text)
{
    utf8proc_int32_t state = 0, before = 0;
    for (size_t i = 0; i < text.n;) {
        int used;
        utf8proc_int32_t cp = (utf8proc_int32_t)ogi_utf8_decode(text.p + i, text.n - i, &used);
        if (i && utf8proc_grapheme_break_stateful(before, cp, &state)) return i;
        before = cp;
        i += (size_t)used;
    }
    return text.n;
}

/* As the `tokenizers` library does, not as SentencePiece: a short grapheme is replaced as a whole
 * by what its shortest known beginning stands for; else each character by itself. */
void ogi_apply_charsmap(const ogi_vocab *v, ogi_sv text, ogi_buf *out)
{
    const charsmap map = open_charsmap(v);
    enum { SHORT = 6 };
    for (size_t i = 0; i < text.n;) {
        ogi_sv grapheme = { text.p + i, 0 }, part;
        grapheme.n = grapheme_length((ogi_sv){ text.p + i, text.n - i });
        i += grapheme.n;
        if (grapheme.n < SHORT && match_charsmap(&map, grapheme, true, &part)) {
            ogi_buf_add(out, part.p, part.n);
            continue;
        }
        for (size_t k = 0; k < grapheme.n;) {
            int used;
            ogi_utf8_decode(grapheme.p + k, grapheme.n - k, &used);
            ogi_sv one = { grapheme.p + k, (size_t)used };
            if (!match_charsmap(&map, one, true, &part)) part = one;
            ogi_buf_add(out, part.p, part.n);
            k += (size_t)used;
        }
    }
}

/* ---- normalization ---- */

/* What the text at p becomes: the bytes it stands for in *out; returns how many it takes. */
static size_t normalize_prefix(const og_tokenizer *t, const charsmap *map, ogi_sv text, ogi_sv *out)
{
    uint32_t node = 0;
    size_t longest = 0;
    for (size_t i = 0; i < text.n; i++) {
        node = ogi_trie_step(&t->user_defined, node, (unsigned char)text.p[i]);
        if (!node) break;
        if (t->user_defined.value[node] >= 0) longest = i + 1;
    }
    *out = (ogi_sv){ text.p, longest };
    if (longest) return longest;
    longest = match_charsmap(map, text, false, out);
    if (longest) return longest;
    int used;
    uint32_t cp = ogi_utf8_decode(text.p, text.n, &used);
    bool invalid = cp == OGI_CP_REPLACEMENT && used == 1;
    *out = invalid ? OGI_SV("\xef\xbf\xbd") : (ogi_sv){ text.p, (size_t)used };
    return (size_t)used;
}

static og_status normalize(ogi_encoder *e, ogi_sv text, ogi_buf *out)
{
    const bool *flag = e->t->v.flag;
    const charsmap map = open_charsmap(&e->t->v);
    const char *space = flag[OG_TOKENIZER_ESCAPE_WHITESPACES] ? OGI_SPACE_MARK : " ";
    bool prefix = flag[OG_TOKENIZER_ADD_SPACE_PREFIX];
    bool as_suffix = flag[OG_TOKENIZER_TREAT_WHITESPACE_AS_SUFFIX];
    bool squeeze = flag[OG_TOKENIZER_REMOVE_EXTRA_WHITESPACES];
    bool prepended = !prefix || as_suffix, in_word = false;
    out->n = 0;
    for (size_t i = 0; i < text.n;) {
        ogi_sv part;
        i += normalize_prefix(e->t, &map, (ogi_sv){ text.p + i, text.n - i }, &part);
        for (size_t k = 0; k < part.n; k++) {
            if (part.p[k] == ' ') {
                in_word = false;
                if (!squeeze) ogi_buf_puts(out, space);
                continue;
            }
            if (!in_word && (!prepended || squeeze)) {
                ogi_buf_puts(out, space);
                prepended = true;
            }
            in_word = true;
            ogi_buf_putc(out, part.p[k]);
        }
    }
    if (prefix && as_suffix) ogi_buf_puts(out, space);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* ---- the best cover ---- */

/* Of the text up to a place: the last token, and where it begins. */
typedef struct cover {
    int32_t id;
    uint32_t from;
} cover;

/* Scores are looked at no further ahead than the longest token reaches: a ring of them suffices. */
typedef struct scores {
    double *ring;
    size_t mask;
} scores;

og_status ogi_build_ugm(og_ctx *ctx, og_tokenizer *t)
{
    double worst = DBL_MAX;
    double *score = ogi_arena_alloc(&t->v.arena, (size_t)t->v.n, sizeof *score);
    if (!score) return OG_E_MEMORY;
    t->score = score;
    t->tokens.ctx = t->user_defined.ctx = ctx;
    OG_TRY(ogi_check_charsmap(ctx, &t->v));
    for (int32_t i = 0; i < t->v.n; i++) {
        const ogi_token *token = &t->v.token[i];
        if (!(token->attr & OG_TOKEN_USER_DEFINED)) score[i] = (double)token->score;
        if (token->attr & OG_TOKEN_NORMAL) worst = OGI_MIN(worst, (double)token->score);
        if (token->attr & (OG_TOKEN_NORMAL | OG_TOKEN_USER_DEFINED | OG_TOKEN_UNUSED))
            OG_TRY(ogi_trie_put(&t->tokens, token->text, i));
        if (token->attr & OG_TOKEN_USER_DEFINED)
            OG_TRY(ogi_trie_put(&t->user_defined, token->text, i));
    }
    t->unknown_score = (worst == DBL_MAX ? 0 : worst) - OGI_UGM_UNKNOWN_PENALTY;
    return OG_OK;
}

static void propose(const scores *s, cover *best, size_t at, double score, cover c)
{
    if (score <= s->ring[at & s->mask]) return;
    s->ring[at & s->mask] = score;
    best[at] = c;
}

static void find_covers(const og_tokenizer *t, ogi_sv text, const scores *s, cover *best)
{
    int32_t unknown = t->v.special[OG_SPECIAL_UNK];
    for (size_t i = 0; i <= text.n; i++) best[i] = (cover){ unknown, 0 };
    for (size_t i = 0; i <= s->mask; i++) s->ring[i] = i ? -DBL_MAX : 0;
    for (size_t i = 0, len; i < text.n; i += len) {
        double here = s->ring[i & s->mask];
        uint32_t node = 0;
        bool whole_character = false;
        ogi_merge_character(text.p + i, text.n - i, &len);
        for (size_t k = i; k < text.n; k++) {
            node = ogi_trie_step(&t->tokens, node, (unsigned char)text.p[k]);
            if (!node) break;
            int32_t id = t->tokens.value[node];
            if (id < 0) continue;
            whole_character |= k + 1 - i == len;
            propose(s, best, k + 1, here + t->score[id], (cover){ id, (uint32_t)i });
        }
        if (!whole_character)
            propose(s, best, i + len, here + t->unknown_score, (cover){ unknown, (uint32_t)i });
        for (size_t k = i; k < i + len; k++) s->ring[k & s->mask] = -DBL_MAX; /* for further on */
    }
}

/* A run that no token covers, of a tokenizer.json: its bytes, if all have tokens. */
static og_status add_unknown(ogi_encoder *e, ogi_sv run)
{
    const og_tokenizer *t = e->t;
    bool bytes = t->hf->byte_fallback && ogi_hf_find(&t->v, t->hf, run) < 0;
    for (size_t i = 0; i < run.n && bytes; i++)
        bytes = t->v.byte_token[(unsigned char)run.p[i]] >= 0;
    if (!bytes) return ogi_hf_add_unknown(e);
    for (size_t i = run.n; i > 0; i--) /* the list is turned round at the end */
        OG_TRY(ogi_tokens_add(e->ctx, e->out, t->v.byte_token[(unsigned char)run.p[i - 1]]));
    return OG_OK;
}

/* Walks the best cover from its end; runs of unknown characters are one. */
static og_status add_cover(ogi_encoder *e, ogi_sv s, const cover *best)
{
    int32_t unknown = e->t->v.special[OG_SPECIAL_UNK];
    for (size_t i = s.n, from; i > 0; i = from) {
        from = best[i].from;
        if (best[i].id != unknown) {
            OG_TRY(ogi_tokens_add(e->ctx, e->out, best[i].id));
            continue;
        }
        while (from > 0 && best[from].id == unknown) from = best[from].from;
        if (e->t->hf)
            OG_TRY(add_unknown(e, (ogi_sv){ s.p + from, i - from }));
        else if (unknown >= 0)
            OG_TRY(ogi_tokens_add(e->ctx, e->out, unknown));
    }
    return OG_OK;
}

og_status ogi_ugm_cover(ogi_encoder *e, ogi_sv s)
{
    if (!s.n) return OG_OK;
    enum { CHARACTER = 4 };
    size_t ahead = OGI_MIN(OGI_MAX(e->t->tokens.longest, (size_t)CHARACTER), s.n), size = 1;
    while (size <= ahead) size *= 2;
    cover *best = OGI_NEW_N(e->ctx, cover, s.n + 1);
    scores kept = { OGI_NEW_N(e->ctx, double, size), size - 1 };
    int64_t first = e->out->n;
    og_status status = OG_E_MEMORY;
    if (best && kept.ring) {
        find_covers(e->t, s, &kept, best);
        status = add_cover(e, s, best);
    }
    ogi_free(e->ctx, best);
    ogi_free(e->ctx, kept.ring);
    for (int64_t a = first, b = e->out->n - 1; a < b; a++, b--) {
        int32_t id = e->out->id[a];
        e->out->id[a] = e->out->id[b];
        e->out->id[b] = id;
    }
    return status;
}

og_status ogi_encode_ugm(ogi_encoder *e, ogi_sv text)
{
    OG_TRY(normalize(e, text, &e->work));
    return ogi_ugm_cover(e, (ogi_sv){ ogi_buf_str(&e->work), e->work.n });
}
