/* SPDX-License-Identifier: MIT
 *
 * Running the chain of a tokenizer.json: normalizers one after the other over the fragment, then
 * pre-tokenizers depth first, each piece down to the model before the next one is cut. */
#include <utf8proc.h>

#include "runtime/text/tokenizer_impl.h"
#include "runtime/text/tokenizer_unicode.h"

/* ---- normalizers ---- */

static void add_cp(ogi_buf *out, uint32_t cp)
{
    char utf8[4];
    ogi_buf_add(out, utf8, (size_t)ogi_utf8_encode(cp, utf8));
}

static og_status to_form(ogi_sv text, int option, ogi_buf *out)
{
    const utf8proc_option_t opt = (utf8proc_option_t)(option | UTF8PROC_STABLE);
    const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)text.p;
    utf8proc_ssize_t n = utf8proc_decompose(s, (utf8proc_ssize_t)text.n, NULL, 0, opt);
    if (n < 0) { /* surrogates: they have no form */
        ogi_buf_add(out, text.p, text.n);
        return OG_OK;
    }
    utf8proc_int32_t *cp = OGI_NEW_N(out->ctx, utf8proc_int32_t, n + 1);
    if (!cp) return OG_E_MEMORY;
    utf8proc_decompose(s, (utf8proc_ssize_t)text.n, cp, n + 1, opt);
    n = utf8proc_normalize_utf32(cp, n, opt);
    for (utf8proc_ssize_t i = 0; i < n; i++) add_cp(out, (uint32_t)cp[i]);
    ogi_free(out->ctx, cp);
    return OG_OK;
}

static void change_character(ogi_hf_step_kind kind, uint32_t cp, ogi_buf *out)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    switch (kind) {
    case OGI_HF_LOWERCASE:
        add_cp(out, cp == 0x130 ? 'i' : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp));
        if (cp == 0x130) add_cp(out, 0x307); /* the one letter whose lower case is two */
        return;
    case OGI_HF_NO_ACCENTS:
        if (c != UTF8PROC_CATEGORY_MN) add_cp(out, cp);
        return;
    case OGI_HF_CLEAN:
        if (cp == '\t' || cp == '\n' || cp == '\r')
            add_cp(out, ' ');
        else if (cp && cp != OGI_CP_REPLACEMENT && c != UTF8PROC_CATEGORY_CC &&
                 c != UTF8PROC_CATEGORY_CF && c != UTF8PROC_CATEGORY_CO)
            add_cp(out, ogi_cp_is_space(cp) ? ' ' : cp);
        return;
    default:
        if (ogi_cp_is_cjk(cp)) add_cp(out, ' ');
        add_cp(out, cp);
        if (ogi_cp_is_cjk(cp)) add_cp(out, ' ');
    }
}

static void replace_all(const ogi_hf_step *s, ogi_sv text, ogi_buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t n = 0;
        while (ogi_sv_starts((ogi_sv){ text.p + i + n * s->from.n, text.n - i - n * s->from.n },
                             s->from)) {
            n++;
            if (!s->option) break;
        }
        if (n > (size_t)s->option) { /* option: a run of at least two */
            ogi_buf_add(out, s->to.p, s->to.n);
            i += n * s->from.n;
        } else {
            ogi_buf_putc(out, text.p[i++]);
        }
    }
}

static void strip(ogi_sv text, int sides, ogi_buf *out)
{
    size_t from = 0, to = text.n, kept = 0;
    for (size_t i = 0; i < text.n;) {
        int used;
        bool space = ogi_cp_is_space(ogi_utf8_decode(text.p + i, text.n - i, &used));
        if (space && from == i && (sides & 1)) from = i + (size_t)used;
        i += (size_t)used;
        if (!space) kept = i;
    }
    if (sides & 2) to = OGI_MAX(from, kept);
    ogi_buf_add(out, text.p + from, to - from);
}

og_status ogi_hf_normalize(const ogi_vocab *v, const ogi_hf_step *s, ogi_sv text, ogi_buf *out)
{
    out->n = 0;
    if (s->kind == OGI_HF_FORM) {
        OG_TRY(to_form(text, s->option, out));
    } else if (s->kind == OGI_HF_STRIP) {
        strip(text, s->option, out);
    } else if (s->kind == OGI_HF_REPLACE) {
        replace_all(s, text, out);
    } else if (s->kind == OGI_HF_PREPEND) {
        if (text.n) ogi_buf_add(out, s->to.p, s->to.n);
        ogi_buf_add(out, text.p, text.n);
    } else if (s->kind == OGI_HF_CHARSMAP) {
        ogi_apply_charsmap(v, text, out);
    } else {
        for (size_t i = 0; i < text.n;) {
            int used;
            change_character(s->kind, ogi_utf8_decode(text.p + i, text.n - i, &used), out);
            i += (size_t)used;
        }
    }
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* ---- models ---- */

static og_status encode_word(ogi_encoder *e, ogi_sv piece)
{
    const ogi_hf *hf = e->t->hf;
    int n_character = 0;
    e->work.n = 0;
    ogi_buf_add(&e->work, OGI_SPACE_MARK, 3);
    ogi_buf_add(&e->work, piece.p, piece.n);
    for (size_t i = 0; i < piece.n; i++) n_character += ((unsigned char)piece.p[i] & 0xc0) != 0x80;
    int32_t id = -1;
    if (hf->model == OGI_HF_WORDPIECE && n_character <= hf->max_word) return ogi_wpm_word(e);
    if (hf->model == OGI_HF_WORDLEVEL)
        id = ogi_vocab_find(&e->t->v, (ogi_sv){ ogi_buf_str(&e->work), e->work.n });
    if (id < 0) id = e->t->v.special[OG_SPECIAL_UNK];
    return id >= 0 ? ogi_tokens_add(e->ctx, e->out, id) : OG_OK;
}

static og_status encode_piece(ogi_encoder *e, ogi_sv piece)
{
    if (!piece.n) return OG_OK;
    switch (e->t->hf->model) {
    case OGI_HF_BPE: return ogi_merge_text(&e->merger, piece, e->out);
    case OGI_HF_UNIGRAM: return ogi_ugm_cover(e, piece);
    case OGI_HF_WORDPIECE:
    case OGI_HF_WORDLEVEL: return encode_word(e, piece);
    }
    return OG_E_INVALID;
}

/* ---- pre-tokenizers ---- */

static og_status run_step(ogi_encoder *e, int k, ogi_sv piece);

static og_status run_metaspace(ogi_encoder *e, int k, ogi_sv piece)
{
    const ogi_hf_step *s = &e->t->hf->step[k];
    ogi_buf *buf = &e->hf_buf[k];
    int scheme = s->option & 3;
    bool first = e->hf_at_start;
    e->hf_at_start = false;
    buf->n = 0;
    if ((scheme == 1 || (scheme == 2 && first)) && piece.p[0] != ' ' &&
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
        OG_TRY(run_step(e, k + 1, (ogi_sv){ buf->p + start, i - start }));
        start = i;
    }
    return run_step(e, k + 1, (ogi_sv){ buf->p + start, buf->n - start });
}

/* One step over one piece: recursion is as deep as the chain, at most OGI_HF_STEPS. */
static og_status run_step(ogi_encoder *e, int k, ogi_sv piece)
{
    const ogi_hf *hf = e->t->hf;
    if (!piece.n) return OG_OK;
    if (k == hf->n_step) return encode_piece(e, piece);
    if (hf->step[k].kind == OGI_HF_METASPACE) return run_metaspace(e, k, piece);
    if (hf->step[k].kind == OGI_HF_SPACE_FIRST) {
        ogi_buf *buf = &e->hf_buf[k];
        if (piece.p[0] == ' ') return run_step(e, k + 1, piece);
        buf->n = 0;
        ogi_buf_putc(buf, ' ');
        ogi_buf_add(buf, piece.p, piece.n);
        if (buf->failed) return OG_E_MEMORY;
        return run_step(e, k + 1, (ogi_sv){ buf->p, buf->n });
    }
    ogi_split *split = &e->hf_split[k];
    ogi_sv part;
    bool more;
    split->ctx = e->ctx;
    split->splitter = hf->step[k].splitter;
    OG_TRY(ogi_split_begin(split, piece));
    OG_TRY(ogi_split_next(split, &part, &more));
    while (more) {
        OG_TRY(run_step(e, k + 1, part));
        OG_TRY(ogi_split_next(split, &part, &more));
    }
    return OG_OK;
}

og_status ogi_encode_hf(ogi_encoder *e, ogi_sv text, bool at_start)
{
    const ogi_hf *hf = e->t->hf;
    OG_TRY(ogi_clean_text(e, text, false, &text));
    e->hf_at_start = at_start;
    for (int k = 0; k < hf->n_step; k++) e->hf_buf[k].ctx = e->ctx;
    for (int k = 0; k < hf->n_normalizer; k++) {
        OG_TRY(ogi_hf_normalize(&e->t->v, &hf->step[k], text, &e->hf_buf[k]));
        text = (ogi_sv){ ogi_buf_str(&e->hf_buf[k]), e->hf_buf[k].n };
    }
    return run_step(e, hf->n_normalizer, text);
}
