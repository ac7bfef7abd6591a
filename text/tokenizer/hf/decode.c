/* SPDX-License-Identifier: MIT
 *
 * "decoder" of tokenizer.json: a list of tokens goes through a chain of decoders, each of which
 * makes another list of it; what is left is joined. A stream prints pieces instead: each token as
 * the chain prints it in the middle of a text. */
#include <jansson.h>
#include <stdio.h>

#include "text/tokenizer/impl.h"
#include "text/unicode/utf8.h"

/* ---- reading ---- */

static og_status read_pattern(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf_decoder *d)
{
    const json_t *pattern = json_object_get(json, "pattern");
    const json_t *string = json_object_get(pattern, "String");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    OG_TRY(ogi_hf_copy(v, json_object_get(json, "content"), &d->to));
    if (json_string_length(string)) return ogi_hf_copy(v, string, &d->from);
    if (!regex) return ogi_hf_unsupported(ctx, v, "decoder Replace of", "");
    d->kind = OGI_HF_DECODE_REPLACE_REGEX;
    return ogi_hf_new_splitter(ctx, ogi_sv_of(regex), OGI_SPLIT_ISOLATE, &d->splitter);
}

static og_status read_strings(const json_t *json, const char *from, const char *from_default,
                              const char *to, const char *to_default, ogi_vocab *v,
                              ogi_hf_decoder *d)
{
    const json_t *a = json_object_get(json, from), *b = to ? json_object_get(json, to) : NULL;
    d->from = ogi_sv_of(from_default);
    if (json_is_string(a)) OG_TRY(ogi_hf_copy(v, a, &d->from));
    if (to) d->to = ogi_sv_of(to_default);
    if (json_is_string(b)) OG_TRY(ogi_hf_copy(v, b, &d->to));
    return OG_OK;
}

static og_status read_one(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf_decoder *d)
{
    // clang-format off
    static const struct { const char *name; ogi_hf_decoder_kind kind; } names[] = {
        { "BPEDecoder", OGI_HF_DECODE_BPE }, { "ByteLevel", OGI_HF_DECODE_BYTE_LEVEL },
        { "ByteFallback", OGI_HF_DECODE_BYTE_FALLBACK }, { "CTC", OGI_HF_DECODE_CTC },
        { "Fuse", OGI_HF_DECODE_FUSE }, { "Metaspace", OGI_HF_DECODE_METASPACE },
        { "Replace", OGI_HF_DECODE_REPLACE }, { "Strip", OGI_HF_DECODE_STRIP },
        { "WordPiece", OGI_HF_DECODE_WORD_PIECE },
    };
    // clang-format on
    const char *type = json_string_value(json_object_get(json, "type"));
    int k = 0;
    while (k < OGI_LEN(names) && (!type || strcmp(type, names[k].name))) k++;
    if (k == OGI_LEN(names)) return ogi_hf_unsupported(ctx, v, "decoder", type);
    d->kind = names[k].kind;
    if (d->kind == OGI_HF_DECODE_REPLACE) return read_pattern(ctx, json, v, d);
    if (d->kind == OGI_HF_DECODE_CTC) {
        d->a = !json_is_false(json_object_get(json, "cleanup"));
        return read_strings(json, "pad_token", "<pad>", "word_delimiter_token", "|", v, d);
    }
    if (d->kind == OGI_HF_DECODE_WORD_PIECE) {
        d->a = !json_is_false(json_object_get(json, "cleanup"));
        return read_strings(json, "prefix", "##", NULL, NULL, v, d);
    }
    if (d->kind == OGI_HF_DECODE_BPE) return read_strings(json, "suffix", "</w>", NULL, NULL, v, d);
    if (d->kind == OGI_HF_DECODE_METASPACE) {
        const char *scheme = json_string_value(json_object_get(json, "prepend_scheme"));
        bool old = json_is_false(json_object_get(json, "add_prefix_space"));
        d->a = scheme ? strcmp(scheme, "never") != 0 : !old;
        return read_strings(json, "replacement", OGI_SPACE_MARK, NULL, NULL, v, d);
    }
    if (d->kind == OGI_HF_DECODE_STRIP) {
        d->a = json_integer_value(json_object_get(json, "start"));
        d->b = json_integer_value(json_object_get(json, "stop"));
        if (d->a < 0 || d->b < 0)
            return ogi_hf_unsupported(ctx, v, "decoder Strip of", "a negative number");
        return read_strings(json, "content", " ", NULL, NULL, v, d);
    }
    return OG_OK;
}

og_status ogi_hf_read_decoder(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    ogi_hf_walk w;
    bool too_deep = false;
    hf->has_decoder = json_is_object(json);
    ogi_hf_walk_start(&w, json, "decoders");
    for (const json_t *d; (d = ogi_hf_walk_next(&w, &too_deep));) {
        if (hf->n_decoder == OGI_HF_STEPS)
            OG_FAIL(ctx, OG_E_LIMIT, "%s: more than %d decoders", v->source, OGI_HF_STEPS);
        og_status status = read_one(ctx, d, v, &hf->decoder[hf->n_decoder++]);
        if (status != OG_OK) return status;
    }
    if (too_deep) return ogi_hf_unsupported(ctx, v, "decoder", "Sequence, nested too deep");
    return OG_OK;
}

/* ---- lists of tokens ---- */

/* Texts one behind the other; end[i] is where text i ends. */
typedef struct list {
    ogi_buf text;
    int64_t *end;
    int64_t n, cap;
} list;

static ogi_sv item(const list *l, int64_t i)
{
    int64_t start = i ? l->end[i - 1] : 0;
    return (ogi_sv){ ogi_buf_str(&l->text) + start, (size_t)(l->end[i] - start) };
}

/* What was added to the text since the last call is an item. */
static og_status close_item(list *l)
{
    OG_TRY(ogi_grow(l->text.ctx, &l->end, &l->cap, l->n + 1, sizeof *l->end));
    l->end[l->n++] = (int64_t)l->text.n;
    return l->text.failed ? OG_E_MEMORY : OG_OK;
}

/* ---- changes of one text ---- */

/* `times`: the first ones only. Stops beyond `most` bytes. */
static void replace(ogi_sv s, ogi_sv from, ogi_sv to, size_t times, size_t most, ogi_buf *out)
{
    for (size_t i = 0; i < s.n && out->n <= most;) {
        bool here = times && from.n && ogi_sv_starts((ogi_sv){ s.p + i, s.n - i }, from);
        if (here)
            ogi_buf_add(out, to.p, to.n);
        else
            ogi_buf_putc(out, s.p[i]);
        i += here ? from.n : 1;
        times -= here;
    }
}

/* Spaces before punctuation and contractions, as English tokenizers make them. */
static void clean_spaces(ogi_buf *s, size_t from, bool do_not, ogi_buf *work)
{
    static const char *const rules[][2] = {
        { " .", "." },   { " ?", "?" },     { " !", "!" },     { " ,", "," },
        { " ' ", "'" },  { " n't", "n't" }, { " 'm", "'m" },   { " do not", " don't" },
        { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
    };
    for (int i = 0; i < OGI_LEN(rules); i++) {
        if (!do_not && rules[i][0][1] == 'd') continue;
        ogi_sv old = { ogi_buf_str(s) + from, s->n - from };
        if (!old.n || !memchr(old.p, ' ', old.n)) return;
        work->n = 0;
        replace(old, ogi_sv_of(rules[i][0]), ogi_sv_of(rules[i][1]), SIZE_MAX, SIZE_MAX, work);
        s->n = from;
        ogi_buf_add(s, work->p, work->n);
    }
}

/* Bytes as text: what is no UTF-8 becomes U+FFFD, once for each longest beginning of a character.
 */
static void add_lossy(ogi_sv s, ogi_buf *out)
{
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
        unsigned lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        unsigned hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        size_t good = 1;
        for (; good < len && i + good < s.n; good++, lo = 0x80, hi = 0xbf) {
            unsigned char next = (unsigned char)s.p[i + good];
            if (next < lo || next > hi) break;
        }
        if (good == len)
            ogi_buf_add(out, s.p + i, len);
        else
            ogi_buf_puts(out, "\xef\xbf\xbd");
        i += good;
    }
}

/* The bytes that a token of the byte alphabet stands for; a token with any other character stands
 * for itself. */
static void add_token_bytes(ogi_sv s, ogi_buf *out)
{
    size_t start = out->n;
    for (size_t i = 0; i < s.n;) {
        int used, byte = ogi_cp_to_byte(ogi_utf8_decode(s.p + i, s.n - i, &used));
        if (byte < 0) {
            out->n = start;
            ogi_buf_add(out, s.p, s.n);
            return;
        }
        ogi_buf_putc(out, (char)byte);
        i += (size_t)used;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "<0xHH>" ("+" may stand for the first digit), -1 for any other text. */
static int byte_of(ogi_sv s)
{
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>') return -1;
    int hi = s.p[3] == '+' ? 0 : hex_digit(s.p[3]), lo = hex_digit(s.p[4]);
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

static void strip(ogi_sv s, const ogi_hf_decoder *d, ogi_buf *out)
{
    for (int64_t i = 0; i < d->a && d->from.n && ogi_sv_starts(s, d->from); i++)
        s.p += d->from.n, s.n -= d->from.n;
    for (int64_t i = 0; i < d->b && d->from.n && s.n >= d->from.n; i++) {
        if (memcmp(s.p + s.n - d->from.n, d->from.p, d->from.n) != 0) break;
        s.n -= d->from.n;
    }
    ogi_buf_add(out, s.p, s.n);
}

/* ---- decoders ---- */

typedef struct decoding {
    og_ctx *ctx;
    list a, b; /* in, out */
    ogi_buf work;
    ogi_split split;
    size_t most; /* bytes of a text on its way */
} decoding;

static bool has_failed(const decoding *c)
{
    return c->a.text.failed || c->b.text.failed || c->work.failed;
}

static og_status decode_bytes(decoding *c)
{
    c->work.n = 0;
    for (int64_t i = 0; i < c->a.n; i++) add_token_bytes(item(&c->a, i), &c->work);
    if (c->work.failed) return OG_E_MEMORY;
    add_lossy((ogi_sv){ ogi_buf_str(&c->work), c->work.n }, &c->b.text);
    return close_item(&c->b);
}

/* The byte tokens in c->work: one text, or U+FFFD for each. */
static og_status flush_bytes(decoding *c)
{
    size_t n = c->work.n, start = c->b.text.n;
    if (!n) return OG_OK;
    add_lossy((ogi_sv){ c->work.p, n }, &c->b.text);
    bool valid = c->b.text.n - start == n && !memcmp(c->b.text.p + start, c->work.p, n);
    c->work.n = 0;
    if (valid) return close_item(&c->b);
    c->b.text.n = start;
    for (size_t i = 0; i < n; i++) {
        ogi_buf_puts(&c->b.text, "\xef\xbf\xbd");
        OG_TRY(close_item(&c->b));
    }
    return OG_OK;
}

static og_status decode_fallback(decoding *c)
{
    c->work.n = 0;
    for (int64_t i = 0; i < c->a.n; i++) {
        ogi_sv s = item(&c->a, i);
        int byte = byte_of(s);
        if (byte >= 0) {
            ogi_buf_putc(&c->work, (char)byte);
            continue;
        }
        OG_TRY(flush_bytes(c));
        ogi_buf_add(&c->b.text, s.p, s.n);
        OG_TRY(close_item(&c->b));
    }
    return flush_bytes(c);
}

static og_status decode_ctc(decoding *c, const ogi_hf_decoder *d)
{
    ogi_buf text = { .ctx = c->ctx };
    og_status status = OG_OK;
    for (int64_t i = 0; i < c->a.n && status == OG_OK; i++) {
        ogi_sv s = item(&c->a, i);
        if (i && ogi_sv_eq(s, item(&c->a, i - 1))) continue;
        text.n = 0;
        replace(s, d->from, OGI_SV(""), SIZE_MAX, c->most, &text);
        size_t start = c->b.text.n;
        if (d->a) {
            clean_spaces(&text, 0, true, &c->work);
            replace((ogi_sv){ ogi_buf_str(&text), text.n }, d->to, OGI_SV(" "), SIZE_MAX, c->most,
                    &c->b.text);
        } else {
            ogi_buf_add(&c->b.text, text.p, text.n);
        }
        if (c->b.text.n > start) status = close_item(&c->b);
    }
    if (text.failed) status = OG_E_MEMORY;
    ogi_buf_free(&text);
    return status;
}

/* One token on its own: i of n. */
static og_status decode_token(decoding *c, const ogi_hf_decoder *d, ogi_sv s, bool first, bool last)
{
    ogi_buf *out = &c->b.text;
    size_t start = out->n;
    switch (d->kind) {
    case OGI_HF_DECODE_BPE:
        replace(s, d->from, last ? OGI_SV("") : OGI_SV(" "), SIZE_MAX, c->most, out);
        break;
    case OGI_HF_DECODE_METASPACE:
        replace(s, d->from, first && d->a ? OGI_SV("") : OGI_SV(" "), SIZE_MAX, c->most, out);
        break;
    case OGI_HF_DECODE_REPLACE: replace(s, d->from, d->to, SIZE_MAX, c->most, out); break;
    case OGI_HF_DECODE_REPLACE_REGEX:
        c->split.splitter = d->splitter;
        OG_TRY(ogi_hf_replace_matches(&c->split, s, d->to, c->most, out));
        break;
    case OGI_HF_DECODE_STRIP: strip(s, d, out); break;
    case OGI_HF_DECODE_WORD_PIECE:
        if (!first && !ogi_sv_starts(s, d->from)) ogi_buf_putc(out, ' ');
        replace(s, first || !ogi_sv_starts(s, d->from) ? OGI_SV("") : d->from, OGI_SV(""), 1,
                c->most, out);
        if (d->a) clean_spaces(out, start, true, &c->work);
        break;
    case OGI_HF_DECODE_BYTE_LEVEL:
    case OGI_HF_DECODE_BYTE_FALLBACK:
    case OGI_HF_DECODE_CTC:
    case OGI_HF_DECODE_FUSE: ogi_buf_add(out, s.p, s.n); break;
    }
    return out->failed ? OG_E_MEMORY : OG_OK;
}

static og_status run_decoder(decoding *c, const ogi_hf_decoder *d)
{
    if (d->kind == OGI_HF_DECODE_BYTE_LEVEL) return decode_bytes(c);
    if (d->kind == OGI_HF_DECODE_BYTE_FALLBACK) return decode_fallback(c);
    if (d->kind == OGI_HF_DECODE_CTC) return decode_ctc(c, d);
    for (int64_t i = 0; i < c->a.n && c->b.text.n <= c->most; i++) {
        OG_TRY(decode_token(c, d, item(&c->a, i), i == 0, i == c->a.n - 1));
        if (d->kind != OGI_HF_DECODE_FUSE) OG_TRY(close_item(&c->b));
    }
    return d->kind == OGI_HF_DECODE_FUSE ? close_item(&c->b) : OG_OK;
}

static og_status run_chain(decoding *c, const ogi_hf *hf)
{
    for (int k = 0; k < hf->n_decoder; k++) {
        c->b.n = 0;
        c->b.text.n = 0;
        OG_TRY(run_decoder(c, &hf->decoder[k]));
        if (c->b.text.n > c->most)
            OG_FAIL(c->ctx, OG_E_LIMIT, "the decoders make more than %zu bytes of a text", c->most);
        list in = c->a;
        c->a = c->b;
        c->b = in;
    }
    return OG_OK;
}

static og_status decode(decoding *c, const ogi_vocab *v, const ogi_hf *hf, const int32_t *id,
                        int64_t n, bool show, bool clean_up, ogi_buf *out)
{
    for (int64_t i = 0; i < n; i++) {
        ogi_sv s = hf->coded[id[i]];
        bool special = hf->is_added[id[i]] && (v->token[id[i]].attr & OG_TOKEN_CONTROL);
        if (special && !show) continue;
        if (!hf->has_decoder && c->a.n) ogi_buf_putc(&c->a.text, ' ');
        ogi_buf_add(&c->a.text, s.p, s.n);
        OG_TRY(close_item(&c->a));
    }
    c->most = ogi_hf_most(c->a.text.n);
    if (c->a.n) OG_TRY(run_chain(c, hf));
    ogi_buf_add(out, c->a.text.p, c->a.text.n);
    if (hf->clean_up && clean_up) clean_spaces(out, 0, false, &c->work);
    return out->failed || has_failed(c) ? OG_E_MEMORY : OG_OK;
}

static void begin(decoding *c, og_ctx *ctx)
{
    *c = (decoding){ .ctx = ctx, .work = { .ctx = ctx }, .split = { .ctx = ctx }, .most = 1 << 16 };
    c->a.text.ctx = c->b.text.ctx = c->split.classes.ctx = ctx;
}

static void end(decoding *c)
{
    ogi_buf_free(&c->a.text);
    ogi_buf_free(&c->b.text);
    ogi_free(c->ctx, c->a.end);
    ogi_free(c->ctx, c->b.end);
    ogi_buf_free(&c->work);
    ogi_split_end(&c->split);
}

og_status ogi_hf_decode(og_ctx *ctx, const ogi_vocab *v, const ogi_hf *hf, const int32_t *id,
                        int64_t n, bool show, bool clean_up, ogi_buf *out)
{
    decoding c;
    begin(&c, ctx);
    og_status status = decode(&c, v, hf, id, n, show, clean_up, out);
    end(&c);
    return status;
}

/* ---- pieces ---- */

/* What stands for itself in a stream, whatever the chain makes of it. */
static bool is_plain(const ogi_vocab *v, int32_t id)
{
    const unsigned added = OG_TOKEN_CONTROL | OG_TOKEN_UNKNOWN | OG_TOKEN_USER_DEFINED;
    return (v->token[id].attr & added) && !(v->token[id].attr & OG_TOKEN_NORMALIZED);
}

static og_status spell(decoding *c, const ogi_vocab *v, const ogi_hf *hf, int32_t id)
{
    ogi_sv s = hf->coded[id];
    bool fused = false;
    c->a.text.n = 0;
    if (v->token[id].attr & OG_TOKEN_UNUSED) return OG_OK;
    if (!hf->has_decoder && !hf->by_byte && !is_plain(v, id)) ogi_buf_putc(&c->a.text, ' ');
    ogi_buf_add(&c->a.text, s.p, s.n);
    if (!hf->has_decoder && hf->by_byte && !is_plain(v, id)) {
        c->a.text.n = 0;
        add_token_bytes(s, &c->a.text);
    }
    for (int k = 0; k < hf->n_decoder && !is_plain(v, id); k++) {
        const ogi_hf_decoder *d = &hf->decoder[k];
        s = (ogi_sv){ ogi_buf_str(&c->a.text), c->a.text.n };
        c->b.text.n = 0;
        fused |= d->kind == OGI_HF_DECODE_FUSE;
        if (d->kind == OGI_HF_DECODE_STRIP && fused) continue; /* at the ends of a text only */
        if (d->kind == OGI_HF_DECODE_BYTE_LEVEL)
            add_token_bytes(s, &c->b.text);
        else if (d->kind == OGI_HF_DECODE_BYTE_FALLBACK && byte_of(s) >= 0)
            ogi_buf_putc(&c->b.text, (char)byte_of(s));
        else if (d->kind == OGI_HF_DECODE_CTC) {
            replace(s, d->from, OGI_SV(""), SIZE_MAX, c->most, &c->b.text);
            c->work.n = 0;
            replace((ogi_sv){ ogi_buf_str(&c->b.text), c->b.text.n }, d->to,
                    d->a ? OGI_SV(" ") : d->to, SIZE_MAX, c->most, &c->work);
            c->b.text.n = 0;
            ogi_buf_add(&c->b.text, c->work.p, c->work.n);
        } else
            OG_TRY(decode_token(c, d, s, false, false));
        list in = c->a;
        c->a = c->b;
        c->b = in;
    }
    return has_failed(c) ? OG_E_MEMORY : OG_OK;
}

/* Does the chain take a space off the beginning of a text? */
static bool drops_first_space(const ogi_hf *hf)
{
    bool drops = !hf->has_decoder;
    for (int k = 0; k < hf->n_decoder; k++) {
        const ogi_hf_decoder *d = &hf->decoder[k];
        drops |= d->kind == OGI_HF_DECODE_WORD_PIECE ||
                 (d->kind == OGI_HF_DECODE_METASPACE && d->a) ||
                 (d->kind == OGI_HF_DECODE_STRIP && d->a > 0 && ogi_sv_eq(d->from, OGI_SV(" ")));
    }
    return drops;
}

og_status ogi_hf_spell(og_ctx *ctx, ogi_vocab *v, const ogi_hf *hf)
{
    decoding c;
    og_status status = OG_OK;
    begin(&c, ctx);
    v->flag[OG_TOKENIZER_ADD_SPACE_PREFIX] = drops_first_space(hf);
    for (int32_t i = 0; i < v->n && status == OG_OK; i++) {
        ogi_token *t = &v->token[i];
        status = spell(&c, v, hf, i);
        ogi_sv s = { ogi_buf_str(&c.a.text), c.a.text.n };
        if (byte_of(t->text) >= 0 && s.n == 1 && t->attr == OG_TOKEN_NORMAL)
            t->attr = OG_TOKEN_BYTE;
        bool same = ogi_sv_eq(s, t->text);
        t->piece = same ? t->text : (ogi_sv){ ogi_arena_strndup(&v->arena, s.p, s.n), s.n };
        if (!t->piece.p) status = OG_E_MEMORY;
    }
    end(&c);
    for (int b = 0; b < 256; b++) {
        char hex[8];
        snprintf(hex, sizeof hex, "<0x%02X>", (unsigned)b);
        v->byte_token[b] = ogi_hf_find(v, hf, ogi_sv_of(hex));
    }
    return status;
}
