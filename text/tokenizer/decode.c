/* SPDX-License-Identifier: MIT
 *
 * Tokens back to text: whole lists, and streams that end on character boundaries. */
#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

/* ---- clean-up of spaces: three filters over the text, each in place ---- */

static size_t drop_before_punctuation(char *s, size_t n)
{
    size_t out = n ? 1 : 0;
    char before = n ? s[0] : 0;
    for (size_t i = 1; i < n; i++) {
        char c = s[i];
        if (before == ' ' && (c == '?' || c == '!' || c == '.' || c == ',')) out--;
        s[out++] = before = c;
    }
    return out;
}

/* " ' " loses both spaces; what follows counts as if nothing stood before it. */
static size_t close_apostrophes(char *s, size_t n)
{
    size_t out = n ? 1 : 0;
    char before = n ? s[0] : 0;
    for (size_t i = 1; i < n; i++) {
        char c = s[i];
        bool lone = c == '\'' && before == ' ' && i + 1 < n && s[i + 1] == ' ';
        if (lone) out--, i++;
        s[out++] = c;
        before = lone ? 0 : c;
    }
    return out;
}

/* " 's", " 'm", " 're" and " 've" lose their space. */
static size_t join_contractions(char *s, size_t n)
{
    size_t out = n ? 1 : 0;
    char before = n ? s[0] : 0;
    for (size_t i = 1; i < n; i++) {
        char c = s[i], c1 = i + 1 < n ? s[i + 1] : 0, c2 = i + 2 < n ? s[i + 2] : 0;
        bool short_one = c1 == 's' || c1 == 'm';
        bool long_one = (c1 == 'r' || c1 == 'v') && c2 == 'e';
        if (before == ' ' && c == '\'' && (short_one || long_one)) out--;
        s[out++] = before = c;
    }
    return out;
}

/* ---- whole lists ---- */

static void trim_special(const og_tokenizer *t, const int32_t **id, int64_t *n, bool *strip)
{
    if (t->v.flag[OG_TOKENIZER_ADD_BOS] && *n && (*id)[0] == t->v.special[OG_SPECIAL_BOS]) {
        ++*id, --*n;
        *strip = false;
    }
    if (t->v.flag[OG_TOKENIZER_ADD_EOS] && *n && (*id)[*n - 1] == t->v.special[OG_SPECIAL_EOS])
        --*n;
}

og_status og_tokenizer_decode(const og_tokenizer *t, og_ctx *ctx, const int32_t *id, int64_t n_id,
                              unsigned flags, char **text, size_t *n)
{
    OGI_NEEDS(ctx, ctx && t && text && n && n_id >= 0 && (id || !n_id));
    ogi_buf buf = { .ctx = ctx };
    *text = NULL;
    *n = 0;
    for (int64_t i = 0; i < n_id; i++)
        if (id[i] < 0 || id[i] >= t->v.n)
            OG_FAIL(ctx, OG_E_INVALID, "token %d is outside the vocabulary of %d", (int)id[i],
                    (int)t->v.n);
    bool strip = t->v.flag[OG_TOKENIZER_ADD_SPACE_PREFIX];
    if (flags & OG_DECODE_REMOVE_SPECIAL) trim_special(t, &id, &n_id, &strip);
    og_status status = OG_OK;
    if (t->hf)
        status = ogi_hf_decode(ctx, &t->v, t->hf, id, n_id, flags & OG_DECODE_UNPARSE_SPECIAL,
                               !(flags & OG_DECODE_RAW_SPACES), &buf);
    for (int64_t i = 0; i < n_id && !t->hf; i++) {
        size_t len;
        const char *piece = og_tokenizer_piece(t, id[i], flags & OG_DECODE_UNPARSE_SPECIAL, &len);
        bool skip = strip && i == 0 && len && piece[0] == ' ';
        ogi_buf_add(&buf, piece + skip, len - skip);
    }
    ogi_buf_add(&buf, "", 0);
    if (buf.failed) status = OG_E_MEMORY;
    if (status != OG_OK) {
        ogi_buf_free(&buf);
        return status;
    }
    if (t->v.flag[OG_TOKENIZER_CLEAN_SPACES] && !t->hf && !(flags & OG_DECODE_RAW_SPACES)) {
        buf.n = drop_before_punctuation(buf.p, buf.n);
        buf.n = close_apostrophes(buf.p, buf.n);
        buf.n = join_contractions(buf.p, buf.n);
        buf.p[buf.n] = 0;
    }
    *text = buf.p;
    *n = buf.n;
    return OG_OK;
}

/* ---- streams ---- */

struct og_detokenizer {
    const og_tokenizer *t;
    og_ctx *ctx;
    bool show_special;
    ogi_buf buf;    /* bytes not yet given, then those given last */
    size_t n_given; /* at the front of buf, given by the last call */
};

og_status og_detokenizer_new(const og_tokenizer *t, og_ctx *ctx, unsigned flags,
                             og_detokenizer **out)
{
    OGI_NEEDS(ctx, ctx && t && out);
    og_detokenizer *d = *out = OGI_NEW(ctx, og_detokenizer);
    if (!d) return OG_E_MEMORY;
    *d = (og_detokenizer){ .t = t, .ctx = ctx, .buf = { .ctx = ctx } };
    d->show_special = flags & OG_DECODE_UNPARSE_SPECIAL;
    return OG_OK;
}

void og_detokenizer_free(og_detokenizer *d)
{
    if (!d) return;
    ogi_buf_free(&d->buf);
    ogi_free(d->ctx, d);
}

static void drop_given(og_detokenizer *d)
{
    if (d->n_given) memmove(d->buf.p, d->buf.p + d->n_given, d->buf.n - d->n_given);
    d->buf.n -= d->n_given;
    d->n_given = 0;
}

og_status og_detokenizer_push(og_detokenizer *d, int32_t id, const char **text, size_t *n)
{
    OGI_NEEDS(d ? d->ctx : NULL, d && text && n);
    size_t len;
    *text = "";
    *n = 0;
    if (id < 0 || id >= d->t->v.n)
        OG_FAIL(d->ctx, OG_E_INVALID, "token %d is outside the vocabulary of %d", (int)id,
                (int)d->t->v.n);
    drop_given(d);
    const char *piece = og_tokenizer_piece(d->t, id, d->show_special, &len);
    ogi_buf_add(&d->buf, piece, len);
    if (d->buf.failed) return OG_E_MEMORY;
    d->n_given = d->buf.n - ogi_utf8_unfinished(ogi_buf_str(&d->buf), d->buf.n);
    *text = ogi_buf_str(&d->buf);
    *n = d->n_given;
    return OG_OK;
}

og_status og_detokenizer_flush(og_detokenizer *d, const char **text, size_t *n)
{
    OGI_NEEDS(d ? d->ctx : NULL, d && text && n);
    drop_given(d);
    *text = ogi_buf_str(&d->buf);
    *n = d->n_given = d->buf.n;
    return OG_OK;
}
