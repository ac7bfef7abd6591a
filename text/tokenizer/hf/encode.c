/* SPDX-License-Identifier: MIT
 *
 * Running the chain of a tokenizer.json: added tokens are cut out, what is between them goes
 * through the normalizers, then through the pre-tokenizers depth first, each piece down to the
 * model before the next one is cut. */
#include "text/tokenizer/impl.h"
#include "text/unicode/hf.h"
#include "text/unicode/utf8.h"

/* ---- building ---- */

static og_status build_unigram(og_ctx *ctx, og_tokenizer *t)
{
    const ogi_hf *hf = t->hf;
    double worst = 0;
    bool any = false;
    t->tokens.ctx = ctx;
    for (int32_t i = 0; i < t->v.n; i++) {
        if (!hf->in_model[i]) continue;
        worst = any ? OGI_MIN(worst, hf->score[i]) : hf->score[i];
        any = true;
        if (!(t->v.token[i].attr & OG_TOKEN_CONTROL))
            OG_TRY(ogi_trie_put(&t->tokens, t->v.token[i].text, i));
    }
    t->score = hf->score;
    t->unknown_score = worst - OGI_UGM_UNKNOWN_PENALTY;
    return OG_OK;
}

og_status ogi_build_hf(og_ctx *ctx, og_tokenizer *t)
{
    const ogi_hf *hf = t->hf;
    switch (hf->model) {
    case OGI_HF_BPE: return ogi_merges_build_hf(ctx, &t->v, hf, &t->merges);
    case OGI_HF_UNIGRAM: return build_unigram(ctx, t);
    case OGI_HF_WORDPIECE:
        t->tokens.ctx = ctx;
        for (int32_t i = 0; i < t->v.n; i++)
            if (hf->in_model[i]) OG_TRY(ogi_trie_put(&t->tokens, t->v.token[i].text, i));
        return OG_OK;
    case OGI_HF_WORDLEVEL: return OG_OK;
    }
    return OG_E_INVALID;
}

/* ---- models ---- */

og_status ogi_hf_add_unknown(ogi_encoder *e)
{
    int32_t id = e->t->hf->unknown;
    if (id == OGI_HF_NO_UNKNOWN)
        OG_FAIL(e->ctx, OG_E_INVALID,
                "%s: the text has characters that the model does not know, and it has no unknown "
                "token (unk_token, unk_id)",
                e->t->v.source);
    return id < 0 ? OG_OK : ogi_tokens_add(e->ctx, e->out, id);
}

static int64_t count_characters(ogi_sv s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* The longest tokens from the left, or the unknown one for all. */
static og_status encode_word_piece(ogi_encoder *e, ogi_sv word)
{
    int64_t first = e->out->n;
    if (count_characters(word) > e->t->hf->max_word) return ogi_hf_add_unknown(e);
    for (size_t i = 0, longest; i < word.n; i += longest) {
        const ogi_trie *trie = i ? &e->t->hf->continuation : &e->t->tokens;
        uint32_t node = 0;
        int32_t id = -1;
        longest = 0;
        for (size_t k = i; k < word.n; k++) {
            node = ogi_trie_step(trie, node, (unsigned char)word.p[k]);
            if (!node) break;
            if (trie->value[node] < 0) continue;
            id = trie->value[node];
            longest = k + 1 - i;
        }
        if (!longest) {
            e->out->n = first;
            return ogi_hf_add_unknown(e);
        }
        OG_TRY(ogi_tokens_add(e->ctx, e->out, id));
    }
    return OG_OK;
}

static og_status encode_piece(ogi_encoder *e, ogi_sv piece)
{
    int32_t id;
    switch (e->t->hf->model) {
    case OGI_HF_BPE: return ogi_merge_text(&e->merger, piece, e->out);
    case OGI_HF_UNIGRAM: return ogi_ugm_cover(e, piece);
    case OGI_HF_WORDPIECE: return encode_word_piece(e, piece);
    case OGI_HF_WORDLEVEL:
        id = ogi_hf_find(&e->t->v, e->t->hf, piece);
        return id < 0 ? ogi_hf_add_unknown(e) : ogi_tokens_add(e->ctx, e->out, id);
    }
    return OG_E_INVALID;
}

/* ---- pre-tokenizers ---- */

static og_status run_step(ogi_encoder *e, int k, ogi_sv piece, bool at_start);

static og_status run_metaspace(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    const ogi_hf_step *s = &e->t->hf->step[k];
    ogi_buf *buf = &e->hf_buf[k];
    int scheme = s->option & 3;
    buf->n = 0;
    if ((scheme == 1 || (scheme == 2 && at_start)) && piece.p[0] != ' ' &&
        !ogi_sv_starts(piece, s->to))
        ogi_buf_add(buf, s->to.p, s->to.n);
    for (size_t i = 0; i < piece.n; i++) {
        if (piece.p[i] == ' ')
            ogi_buf_add(buf, s->to.p, s->to.n);
        else
            ogi_buf_putc(buf, piece.p[i]);
    }
    if (buf->failed) return OG_E_MEMORY;
    size_t start = 0;
    for (size_t i = 1; i < buf->n && (s->option & 4); i++) {
        if (!ogi_sv_starts((ogi_sv){ buf->p + i, buf->n - i }, s->to)) continue;
        OG_TRY(run_step(e, k + 1, (ogi_sv){ buf->p + start, i - start }, at_start && !start));
        start = i;
    }
    return run_step(e, k + 1, (ogi_sv){ buf->p + start, buf->n - start }, at_start && !start);
}

static int script_of(const ogi_hf *hf, uint32_t cp)
{
    int64_t lo = 0, hi = hf->n_script;
    if (cp == 0x30fc) return OGI_SCRIPT_HAN; /* the mark of long vowels */
    if (!ogi_hf_has_script(cp)) return -1;
    if (cp == 0x589 || cp == 0x61c) return OGI_SCRIPT_COMMON; /* until Unicode 10 */
    if (cp == 0x953 || cp == 0x954) return OGI_SCRIPT_DEVANAGARI;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (hf->script[mid].hi < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < hf->n_script && hf->script[lo].lo <= cp ? hf->script[lo].script : -1;
}

/* Spaces and characters without a script go with what is before them; at the start, they go. */
static og_status run_scripts(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    int last = -1;
    size_t start = 0;
    for (size_t i = 0; i < piece.n;) {
        int used, script = script_of(e->t->hf, ogi_utf8_decode(piece.p + i, piece.n - i, &used));
        if (script >= 0 && last >= 0 && script != last)
            OG_TRY(run_step(e, k + 1, (ogi_sv){ piece.p + start, i - start }, at_start && !start));
        if (script >= 0 && script != last) start = i;
        if (script >= 0) last = script;
        i += (size_t)used;
    }
    if (last < 0) return OG_OK;
    return run_step(e, k + 1, (ogi_sv){ piece.p + start, piece.n - start }, at_start && !start);
}

static og_status run_length(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    size_t start = 0;
    int n = 0;
    for (size_t i = 0; i < piece.n;) {
        if (n++ == e->t->hf->step[k].option) {
            OG_TRY(run_step(e, k + 1, (ogi_sv){ piece.p + start, i - start }, at_start && !start));
            start = i;
            n = 1;
        }
        int used;
        ogi_utf8_decode(piece.p + i, piece.n - i, &used);
        i += (size_t)used;
    }
    return run_step(e, k + 1, (ogi_sv){ piece.p + start, piece.n - start }, at_start && !start);
}

static og_status run_split(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    ogi_split *split = &e->hf_split[k];
    ogi_sv part;
    bool more;
    split->ctx = e->ctx;
    split->splitter = e->t->hf->step[k].splitter;
    OG_TRY(ogi_split_begin(split, piece));
    OG_TRY(ogi_split_next(split, &part, &more));
    while (more) {
        OG_TRY(run_step(e, k + 1, part, at_start && part.p == piece.p));
        OG_TRY(ogi_split_next(split, &part, &more));
    }
    return OG_OK;
}

/* Do all bytes stand for themselves in the alphabet of bytes? */
static bool is_mapped(ogi_sv piece)
{
    for (size_t i = 0; i < piece.n; i++)
        if (piece.p[i] < '!' || piece.p[i] > '~') return false;
    return true;
}

/* A space in front, or bytes as characters: another text for the next step. */
static og_status run_rewrite(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    ogi_buf *buf = &e->hf_buf[k];
    bool bytes = e->t->hf->step[k].kind == OGI_HF_BYTES;
    if (bytes ? is_mapped(piece) : piece.p[0] == ' ') return run_step(e, k + 1, piece, at_start);
    buf->n = 0;
    if (bytes) {
        ogi_hf_map_bytes(piece, buf);
    } else {
        ogi_buf_putc(buf, ' ');
        ogi_buf_add(buf, piece.p, piece.n);
    }
    if (buf->failed) return OG_E_MEMORY;
    return run_step(e, k + 1, (ogi_sv){ buf->p, buf->n }, at_start);
}

/* One step over one piece: recursion is as deep as the chain, at most OGI_HF_STEPS. at_start: the
 * piece begins where the whole text began. */
static og_status run_step(ogi_encoder *e, int k, ogi_sv piece, bool at_start)
{
    const ogi_hf *hf = e->t->hf;
    if (!piece.n) return OG_OK;
    if (k == hf->n_step) return encode_piece(e, piece);
    e->hf_buf[k].ctx = e->ctx;
    switch ((int)hf->step[k].kind) {
    case OGI_HF_METASPACE: return run_metaspace(e, k, piece, at_start);
    case OGI_HF_SCRIPTS: return run_scripts(e, k, piece, at_start);
    case OGI_HF_LENGTH: return run_length(e, k, piece, at_start);
    case OGI_HF_SPLIT: return run_split(e, k, piece, at_start);
    default: return run_rewrite(e, k, piece, at_start);
    }
}

/* ---- all of a text ---- */

static og_status encode_fragment(ogi_encoder *e, ogi_sv text, bool parse, bool at_start)
{
    const og_tokenizer *t = e->t;
    ogi_sv piece;
    int32_t id;
    if (!text.n) return OG_OK;
    OG_TRY(ogi_clean_text(e, text, false, &text));
    OG_TRY(ogi_hf_normalize(e->ctx, &t->v, t->hf, e->hf_split, e->hf_buf, text, &text, &at_start));
    ogi_hf_cut cut = { .trie = &t->hf->normalized, .v = &t->v, .text = text, .parse = parse };
    do {
        id = ogi_hf_cut_next(&cut, &piece);
        OG_TRY(run_step(e, t->hf->n_normalizer, piece, at_start && piece.p == text.p));
        if (id >= 0) OG_TRY(ogi_tokens_add(e->ctx, e->out, id));
    } while (id >= 0);
    return OG_OK;
}

og_status ogi_encode_hf(ogi_encoder *e, ogi_sv text, bool parse, const unsigned char *trusted)
{
    const ogi_hf *hf = e->t->hf;
    ogi_sv piece;
    int32_t id;
    ogi_hf_cut cut = { .trie = trusted ? &hf->spoken : &hf->raw,
                       .v = &e->t->v,
                       .text = text,
                       .parse = parse,
                       .trusted = trusted };
    do {
        id = ogi_hf_cut_next(&cut, &piece);
        OG_TRY(encode_fragment(e, piece, parse && !trusted, piece.p == text.p));
        if (id >= 0) OG_TRY(ogi_tokens_add(e->ctx, e->out, id));
    } while (id >= 0);
    return OG_OK;
}
