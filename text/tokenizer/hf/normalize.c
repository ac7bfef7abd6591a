/* SPDX-License-Identifier: MIT
 *
 * The normalizers of a tokenizer.json: each makes one text of another. */
#include <utf8proc.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/hf.h"
#include "text/unicode/utf8.h"

static void add_cp(ogi_buf *out, uint32_t cp)
{
    char utf8[4];
    ogi_buf_add(out, utf8, (size_t)ogi_utf8_encode(cp, utf8));
}

/* A part of a text in a normal form. */
static og_status part_to_form(ogi_sv text, int option, ogi_buf *out)
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

/* Characters that the library's tables do not know yet stay, and part what is around them. */
static og_status to_form(ogi_sv text, int option, ogi_buf *out)
{
    size_t start = 0;
    for (size_t i = 0; i < text.n;) {
        int used = 1;
        bool inert = (unsigned char)text.p[i] >= 0xc0 &&
                     ogi_hf_is_inert(ogi_utf8_decode(text.p + i, text.n - i, &used));
        if (inert) {
            if (i > start) OG_TRY(part_to_form((ogi_sv){ text.p + start, i - start }, option, out));
            ogi_buf_add(out, text.p + i, (size_t)used);
            start = i + (size_t)used;
        }
        i += (size_t)used;
    }
    if (start == text.n) return OG_OK;
    return part_to_form((ogi_sv){ text.p + start, text.n - start }, option, out);
}

static void change_character(ogi_hf_step_kind kind, uint32_t cp, ogi_buf *out)
{
    switch ((int)kind) {
    case OGI_HF_LOWERCASE:
        add_cp(out, cp == 0x130 ? 'i' : ogi_hf_lower(cp));
        if (cp == 0x130) add_cp(out, 0x307); /* the one letter whose lower case is two */
        return;
    case OGI_HF_NO_ACCENTS:
        if (!ogi_hf_is_bert_accent(cp)) add_cp(out, cp);
        return;
    case OGI_HF_NO_MARKS:
        if (!ogi_hf_is_mark(cp)) add_cp(out, cp);
        return;
    case OGI_HF_CLEAN:
        if (!ogi_hf_is_control(cp)) add_cp(out, ogi_cp_is_space(cp) ? ' ' : cp);
        return;
    case OGI_HF_NMT:
        if (!ogi_hf_is_nmt_control(cp)) add_cp(out, ogi_hf_is_nmt_space(cp) ? ' ' : cp);
        return;
    default: /* OGI_HF_SPACE_CJK */
        if (ogi_hf_is_ideograph(cp)) add_cp(out, ' ');
        add_cp(out, cp);
        if (ogi_hf_is_ideograph(cp)) add_cp(out, ' ');
    }
}

static void replace_all(const ogi_hf_step *s, ogi_sv text, size_t most, ogi_buf *out)
{
    for (const char *p = text.p, *end = p + text.n, *hit; p < end && out->n <= most;) {
        size_t left = (size_t)(end - p);
        hit = memchr(p, s->from.p[0], left);
        ogi_buf_add(out, p, hit ? (size_t)(hit - p) : left);
        if (!hit) return;
        bool same = ogi_sv_starts((ogi_sv){ hit, (size_t)(end - hit) }, s->from);
        if (same)
            ogi_buf_add(out, s->to.p, s->to.n);
        else
            ogi_buf_putc(out, *hit);
        p = hit + (same ? s->from.n : 1);
    }
}

og_status ogi_hf_replace_matches(ogi_split *split, ogi_sv text, ogi_sv by, size_t most,
                                 ogi_buf *out)
{
    ogi_sv part;
    bool more = true;
    OG_TRY(ogi_split_begin(split, text));
    OG_TRY(ogi_split_next(split, &part, &more));
    while (more && out->n <= most) {
        if (split->is_match) part = by;
        ogi_buf_add(out, part.p, part.n);
        OG_TRY(ogi_split_next(split, &part, &more));
    }
    return OG_OK;
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

void ogi_hf_map_bytes(ogi_sv text, ogi_buf *out)
{
    for (size_t i = 0; i < text.n; i++) add_cp(out, ogi_byte_to_cp((unsigned char)text.p[i]));
}

/* Is what the first character becomes gone? Only removals matter: what a character turns into
 * counts as standing in its place. */
static bool drops_first(const ogi_hf_step *s, ogi_sv text)
{
    int used;
    uint32_t cp = ogi_utf8_decode(text.p, text.n, &used);
    switch ((int)s->kind) {
    case OGI_HF_STRIP: return (s->option & 1) && ogi_cp_is_space(cp);
    case OGI_HF_NO_ACCENTS: return ogi_hf_is_bert_accent(cp);
    case OGI_HF_NO_MARKS: return ogi_hf_is_mark(cp);
    case OGI_HF_CLEAN: return ogi_hf_is_control(cp);
    case OGI_HF_NMT: return ogi_hf_is_nmt_control(cp);
    case OGI_HF_REPLACE: return !s->to.n && ogi_sv_starts(text, s->from);
    default: return false;
    }
}

static og_status normalize(const ogi_vocab *v, const ogi_hf_step *s, ogi_split *split, ogi_sv text,
                           size_t most, ogi_buf *out)
{
    switch (s->kind) {
    case OGI_HF_FORM: OG_TRY(to_form(text, s->option, out)); break;
    case OGI_HF_STRIP: strip(text, s->option, out); break;
    case OGI_HF_REPLACE: replace_all(s, text, most, out); break;
    case OGI_HF_REPLACE_REGEX:
        split->splitter = s->splitter;
        OG_TRY(ogi_hf_replace_matches(split, text, s->to, most, out));
        break;
    case OGI_HF_PREPEND:
        if (text.n) ogi_buf_add(out, s->to.p, s->to.n);
        ogi_buf_add(out, text.p, text.n);
        break;
    case OGI_HF_CHARSMAP: ogi_apply_charsmap(v, text, out); break;
    case OGI_HF_BYTES: ogi_hf_map_bytes(text, out); break;
    default:
        for (size_t i = 0; i < text.n;) {
            int used;
            change_character(s->kind, ogi_utf8_decode(text.p + i, text.n - i, &used), out);
            i += (size_t)used;
        }
    }
    return out->failed ? OG_E_MEMORY : OG_OK;
}

og_status ogi_hf_normalize(og_ctx *ctx, const ogi_vocab *v, const ogi_hf *hf, ogi_split *split,
                           ogi_buf *buf, ogi_sv text, ogi_sv *out, bool *at_start)
{
    const size_t most = ogi_hf_most(text.n);
    for (int k = 0; k < hf->n_normalizer && text.n; k++) {
        if (drops_first(&hf->step[k], text)) *at_start = false;
        buf[k].ctx = split[k].ctx = ctx;
        buf[k].n = 0;
        OG_TRY(normalize(v, &hf->step[k], &split[k], text, most, &buf[k]));
        if (buf[k].n > most)
            OG_FAIL(ctx, OG_E_LIMIT, "%s: the normalizers make more than %zu bytes of a text",
                    v->source, most);
        text = (ogi_sv){ ogi_buf_str(&buf[k]), buf[k].n };
    }
    *out = text;
    return OG_OK;
}
