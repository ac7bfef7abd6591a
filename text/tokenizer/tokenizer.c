/* SPDX-License-Identifier: MIT
 *
 * Tokenizers as the API shows them: loading, encoding of whole texts, questions about tokens. */
#include "text/tokenizer/impl.h"
#include "text/tokenizer/tiktoken.h"

enum { MAX_TEXT = 1 << 30 };

typedef struct kind_info {
    const char *name;
    og_status (*build)(og_ctx *ctx, og_tokenizer *t);
} kind_info;

static const kind_info kinds[OGI_VOCAB_KIND_COUNT] = {
    [OGI_VOCAB_BPE] = { "BPE", ogi_build_bpe },
    [OGI_VOCAB_SPM] = { "SPM", ogi_build_spm },
    [OGI_VOCAB_WPM] = { "WPM", ogi_build_wpm },
    [OGI_VOCAB_UGM] = { "UGM", ogi_build_ugm },
    [OGI_VOCAB_RWKV] = { "RWKV", ogi_build_rwkv },
    [OGI_VOCAB_PLAMO2] = { "PLaMo2", ogi_build_plamo2 },
};

/* ---- loading ---- */

void og_tokenizer_free(og_tokenizer *t)
{
    if (!t) return;
    if (t->hf) ogi_hf_free(t->hf);
    ogi_free(t->ctx, t->hf);
    ogi_merges_free(&t->merges);
    ogi_splitter_free(&t->splitter);
    ogi_trie_free(&t->tokens);
    ogi_trie_free(&t->user_defined);
    ogi_trie_free(&t->special);
    ogi_free(t->ctx, t->special_length);
    ogi_vocab_free(&t->v);
    ogi_free(t->ctx, t);
}

/* The token that stands for a line feed: the byte's, else the first that "\n" becomes. */
static og_status find_newline(og_ctx *ctx, og_tokenizer *t)
{
    og_tokens ids = { 0 };
    int32_t *nl = &t->v.special[OG_SPECIAL_NL];
    *nl = t->v.special[OG_SPECIAL_PAD];
    if (t->v.kind == OGI_VOCAB_SPM) {
        if (t->v.byte_token['\n'] >= 0) *nl = t->v.byte_token['\n'];
        return OG_OK;
    }
    if (t->v.kind == OGI_VOCAB_WPM) return OG_OK;
    og_status status = og_tokenizer_encode(t, ctx, "\n", 1, 0, &ids);
    if (status == OG_OK && ids.n) *nl = ids.id[0];
    og_tokens_free(ctx, &ids);
    if (status != OG_E_INVALID) return status;
    og_error_clear(ctx); /* a model of a few characters, without an unknown token */
    return OG_OK;
}

/* Where a tokenizer comes from: an open file, or the path of a tokenizer.json or rank file. */
typedef struct source {
    const ogi_gguf *f;
    const char *json, *ranks;
    const char *const *override; /* ranks */
    int n_override;
} source;

static og_status build(og_ctx *ctx, const source *s, og_tokenizer *t)
{
    if (s->ranks) {
        OG_TRY(ogi_tiktoken_load(ctx, s->ranks, s->override, s->n_override, &t->v, &t->splitter));
        OG_TRY(ogi_merges_build_ranks(ctx, &t->v, &t->merges));
    } else if (s->json) {
        t->hf = OGI_NEW(ctx, ogi_hf);
        if (!t->hf) return OG_E_MEMORY;
        OG_TRY(ogi_hf_load(ctx, s->json, &t->v, t->hf));
        OG_TRY(ogi_build_hf(ctx, t));
    } else {
        OG_TRY(ogi_vocab_load(ctx, s->f, &t->v));
        OG_TRY(kinds[t->v.kind].build(ctx, t));
    }
    if (!s->json) OG_TRY(ogi_build_specials(ctx, t));
    return find_newline(ctx, t);
}

static og_status load(og_ctx *ctx, const source *s, og_tokenizer **out)
{
    *out = NULL;
    og_tokenizer *t = OGI_NEW(ctx, og_tokenizer);
    if (!t) return OG_E_MEMORY;
    t->ctx = t->tokens.ctx = t->user_defined.ctx = t->special.ctx = ctx;
    og_status status = build(ctx, s, t);
    if (status != OG_OK) {
        og_tokenizer_free(t);
        return status;
    }
    *out = t;
    return OG_OK;
}

og_status ogi_tokenizer_load(og_ctx *ctx, const ogi_gguf *f, og_tokenizer **out)
{
    return load(ctx, &(source){ .f = f }, out);
}

og_status og_tokenizer_open(og_ctx *ctx, const char *path, const char *const *override,
                            int n_override, og_tokenizer **out)
{
    OGI_NEEDS(ctx, ctx && path && out && n_override >= 0 && (override || !n_override));
    ogi_gguf *f = NULL;
    *out = NULL;
    if (ogi_hf_is_json(path)) {
        if (n_override)
            OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: only metadata of GGUF files can be overridden",
                    path);
        return load(ctx, &(source){ .json = path }, out);
    }
    if (ogi_is_tiktoken(path))
        return load(ctx, &(source){ NULL, NULL, path, override, n_override }, out);
    OG_TRY(ogi_gguf_open(ctx, path, override, n_override, &f));
    og_status status = load(ctx, &(source){ .f = f }, out);
    ogi_gguf_close(f);
    return status;
}

/* ---- encoding ---- */

void og_tokens_free(og_ctx *ctx, og_tokens *tokens)
{
    if (!ctx || !tokens) return;
    ogi_free(ctx, tokens->id);
    *tokens = (og_tokens){ 0 };
}

static void begin_encoder(ogi_encoder *e, const og_tokenizer *t, og_ctx *ctx, og_tokens *out)
{
    *e = (ogi_encoder){ .t = t, .ctx = ctx, .out = out };
    e->merger = (ogi_merger){ .ctx = ctx, .merges = &t->merges };
    e->split = (ogi_split){ .ctx = ctx, .splitter = &t->splitter };
    e->clean.ctx = e->work.ctx = ctx;
}

static void end_encoder(ogi_encoder *e)
{
    for (int i = 0; e->t->hf && i < e->t->hf->n_step; i++) {
        e->hf_split[i].ctx = e->hf_split[i].classes.ctx = e->hf_buf[i].ctx = e->ctx;
        ogi_split_end(&e->hf_split[i]);
        ogi_buf_free(&e->hf_buf[i]);
    }
    ogi_merger_free(&e->merger);
    ogi_split_end(&e->split);
    ogi_buf_free(&e->clean);
    ogi_buf_free(&e->work);
}

static og_status encode_raw(ogi_encoder *e, ogi_sv text, bool at_start)
{
    switch (e->t->v.kind) {
    case OGI_VOCAB_BPE: return ogi_encode_bpe(e, text);
    case OGI_VOCAB_SPM: return ogi_encode_spm(e, text, at_start);
    case OGI_VOCAB_WPM: return ogi_encode_wpm(e, text);
    case OGI_VOCAB_UGM: return ogi_encode_ugm(e, text);
    case OGI_VOCAB_RWKV: return ogi_encode_rwkv(e, text);
    case OGI_VOCAB_PLAMO2: return ogi_encode_plamo2(e, text);
    case OGI_VOCAB_KIND_COUNT: break;
    }
    return OG_E_INVALID;
}

static og_status add_special(ogi_encoder *e, og_tokenizer_flag flag, og_special which)
{
    int32_t id = e->t->v.special[which];
    if (!e->t->v.flag[flag] || id < 0) return OG_OK;
    return ogi_tokens_add(e->ctx, e->out, id);
}

static og_status add_around(ogi_encoder *e, bool after)
{
    const ogi_hf *hf = e->t->hf;
    ogi_vocab_kind kind = e->t->v.kind;
    if (hf) {
        for (int i = 0; i < (after ? hf->n_after : hf->n_before); i++)
            OG_TRY(ogi_tokens_add(e->ctx, e->out, (after ? hf->after : hf->before)[i]));
        return OG_OK;
    }
    /* these two never add any, whatever their flags say */
    if (kind == OGI_VOCAB_RWKV || kind == OGI_VOCAB_PLAMO2) return OG_OK;
    if (!after) return add_special(e, OG_TOKENIZER_ADD_BOS, OG_SPECIAL_BOS);
    if (kind == OGI_VOCAB_WPM) OG_TRY(add_special(e, OG_TOKENIZER_ADD_SEP, OG_SPECIAL_SEP));
    return add_special(e, OG_TOKENIZER_ADD_EOS, OG_SPECIAL_EOS);
}

static og_status encode_parts(ogi_encoder *e, ogi_sv text, const ogi_fragments *parts, bool special)
{
    bool at_start = true;
    if (special) OG_TRY(add_around(e, false));
    for (int64_t i = 0; i < parts->n; i++) {
        const ogi_fragment *f = &parts->part[i];
        ogi_sv raw = { text.p + f->at, (size_t)f->n };
        if (f->token >= 0)
            OG_TRY(ogi_tokens_add(e->ctx, e->out, f->token));
        else
            OG_TRY(encode_raw(e, raw, at_start));
        at_start = f->token >= 0;
    }
    return special ? add_around(e, true) : OG_OK;
}

static og_status encode_hf(ogi_encoder *e, ogi_sv text, bool parse, const unsigned char *trusted,
                           bool special)
{
    if (special) OG_TRY(add_around(e, false));
    OG_TRY(ogi_encode_hf(e, text, parse, trusted));
    return special ? add_around(e, true) : OG_OK;
}

static og_status encode(const og_tokenizer *t, og_ctx *ctx, ogi_sv text, unsigned flags,
                        const unsigned char *trusted, og_tokens *out)
{
    ogi_fragments parts = { 0 };
    int64_t n_before = out->n;
    if (text.n > MAX_TEXT)
        OG_FAIL(ctx, OG_E_LIMIT, "text: %zu bytes, at most %d can be encoded at once", text.n,
                MAX_TEXT);
    bool parse = flags & OG_ENCODE_PARSE_SPECIAL, special = flags & OG_ENCODE_ADD_SPECIAL;
    og_status status = t->hf ? OG_OK : ogi_cut_specials(ctx, t, text, parse, trusted, &parts);
    if (status == OG_OK) {
        ogi_encoder e;
        begin_encoder(&e, t, ctx, out);
        if (t->hf)
            status = encode_hf(&e, text, parse, trusted, special);
        else
            status = encode_parts(&e, text, &parts, special);
        end_encoder(&e);
    }
    ogi_free(ctx, parts.part);
    if (status != OG_OK) out->n = n_before;
    return status;
}

og_status og_tokenizer_encode(const og_tokenizer *t, og_ctx *ctx, const char *text, size_t n,
                              unsigned flags, og_tokens *out)
{
    OGI_NEEDS(ctx, ctx && t && out && (text || !n));
    return encode(t, ctx, (ogi_sv){ text, n }, flags, NULL, out);
}

og_status og_tokenizer_encode_spans(const og_tokenizer *t, og_ctx *ctx, const og_span *span,
                                    int64_t n_span, unsigned flags, og_tokens *out)
{
    OGI_NEEDS(ctx, ctx && t && out && n_span >= 0 && (span || !n_span));
    ogi_buf text = { .ctx = ctx }, trusted = { .ctx = ctx };
    for (int64_t i = 0; i < n_span; i++) {
        ogi_buf_add(&text, span[i].text, span[i].n);
        for (size_t k = 0; k < span[i].n; k++) ogi_buf_putc(&trusted, (char)span[i].parse_special);
    }
    og_status status = OG_E_MEMORY;
    if (!text.failed && !trusted.failed)
        status = encode(t, ctx, (ogi_sv){ ogi_buf_str(&text), text.n }, flags,
                        (const unsigned char *)ogi_buf_str(&trusted), out);
    ogi_buf_free(&text);
    ogi_buf_free(&trusted);
    return status;
}

og_status og_tokenizer_split(const og_tokenizer *t, og_ctx *ctx, const char *text, size_t n,
                             og_tokens *out)
{
    OGI_NEEDS(ctx, ctx && t && out && (text || !n));
    ogi_encoder e;
    ogi_sv clean, piece;
    bool more = true;
    if (t->v.kind != OGI_VOCAB_BPE || t->hf)
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: no pre-tokenizer that a GGUF file names", t->v.source);
    begin_encoder(&e, t, ctx, out);
    og_status status = ogi_clean_text(&e, (ogi_sv){ text, n }, false, &clean);
    if (status == OG_OK) status = ogi_split_begin(&e.split, clean);
    while (status == OG_OK && more) {
        status = ogi_split_next(&e.split, &piece, &more);
        if (status == OG_OK && more) status = ogi_tokens_add(ctx, out, (int32_t)piece.n);
    }
    end_encoder(&e);
    return status;
}

/* ---- questions ---- */

static bool is_token(const og_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->v.n;
}

int32_t og_tokenizer_size(const og_tokenizer *t)
{
    if (!t) return 0;
    return t->v.n;
}
const char *og_tokenizer_kind(const og_tokenizer *t)
{
    if (!t) return "";
    return kinds[t->v.kind].name;
}
const char *og_tokenizer_pre(const og_tokenizer *t)
{
    if (!t) return "";
    return t->v.pre ? t->v.pre->name : "";
}
int32_t og_tokenizer_special(const og_tokenizer *t, og_special which)
{
    if (!t || (unsigned)which >= OG_SPECIAL_COUNT) return -1;
    return t->v.special[which];
}

bool og_tokenizer_flag_get(const og_tokenizer *t, og_tokenizer_flag which)
{
    if (!t || (unsigned)which >= OG_TOKENIZER_FLAG_COUNT) return false;
    return t->v.flag[which];
}

bool og_tokenizer_is_eog(const og_tokenizer *t, int32_t id)
{
    if (!t) return false;
    return is_token(t, id) && t->v.is_eog[id];
}

unsigned og_tokenizer_attr(const og_tokenizer *t, int32_t id)
{
    if (!t) return 0;
    return is_token(t, id) ? t->v.token[id].attr : 0;
}

const char *og_tokenizer_text(const og_tokenizer *t, int32_t id, size_t *n)
{
    size_t ignored;
    if (!n) n = &ignored;
    *n = 0;
    if (!t) return "";
    *n = is_token(t, id) ? t->v.token[id].text.n : 0;
    return is_token(t, id) ? t->v.token[id].text.p : "";
}

int32_t og_tokenizer_find(const og_tokenizer *t, const char *text, size_t n)
{
    if (!t || !text) return -1;
    return ogi_vocab_find(&t->v, (ogi_sv){ text, n });
}

const char *og_tokenizer_piece(const og_tokenizer *t, int32_t id, bool show_special, size_t *n)
{
    size_t ignored;
    if (!n) n = &ignored;
    *n = 0;
    if (!t) return "";
    const unsigned hidden = OG_TOKEN_CONTROL | OG_TOKEN_UNKNOWN;
    *n = 0;
    if (!is_token(t, id) || (!show_special && (t->v.token[id].attr & hidden))) return "";
    *n = t->v.token[id].piece.n;
    return t->v.token[id].piece.p;
}
