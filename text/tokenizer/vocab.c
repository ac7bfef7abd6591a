/* SPDX-License-Identifier: MIT
 *
 * A vocabulary from a model file: texts, scores and kinds of tokens are checked against each other
 * here, so that encoders may index them; what a token prints is spelled out once. */
#include "text/tokenizer/vocab.h"

#include <math.h>
#include <stdio.h>

#include "text/tokenizer/pre.h"
#include "text/unicode/utf8.h"

/* A model name of the files with what it stands for; keys in the file override all of it. */
typedef struct model_defaults {
    const char *model;
    ogi_vocab_kind kind;
    int32_t bos, eos, unk, sep, pad, mask;
    bool add_bos, add_eos, add_sep, space_prefix, clean_spaces, escape;
} model_defaults;

// clang-format off
static const model_defaults models[] = {
    /* model, kind, bos eos unk sep pad mask; add bos eos sep, space prefix, clean, escape */
    { "llama", OGI_VOCAB_SPM, 1, 2, 0, -1, -1, -1, 1, 0, 0, 1, 0, 1 },
    { "bert", OGI_VOCAB_WPM, 101, -1, 100, 102, 0, 103, 1, 0, 1, 0, 1, 1 },
    { "gpt2", OGI_VOCAB_BPE, 11, 11, -1, -1, -1, -1, 0, 0, 0, 0, 1, 0 },
    { "gemma4", OGI_VOCAB_BPE, 2, 1, 3, -1, 0, -1, 1, 0, 0, 0, 1, 1 },
    { "t5", OGI_VOCAB_UGM, -1, 1, 2, -1, 0, -1, 0, 1, 0, 1, 0, 1 },
    { "rwkv", OGI_VOCAB_RWKV, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 1 },
    { "plamo2", OGI_VOCAB_PLAMO2, 1, 2, 0, -1, 3, -1, 0, 0, 0, 0, 0, 1 },
};
// clang-format on

int32_t ogi_vocab_find(const ogi_vocab *v, ogi_sv text)
{
    return (int32_t)ogi_map_get(&v->by_text, text, -1);
}

og_status ogi_vocab_index(og_ctx *ctx, ogi_vocab *v)
{
    v->by_text.ctx = ctx;
    OG_TRY(ogi_map_reserve(&v->by_text, v->n));
    for (int32_t i = 0; i < v->n; i++) OG_TRY(ogi_map_put(&v->by_text, v->token[i].text, i));
    return OG_OK;
}

void ogi_vocab_free(ogi_vocab *v)
{
    ogi_map_free(&v->by_text);
    ogi_arena_free(&v->arena);
}

/* ---- spelling ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "<0xHH>", -1 for any other text. */
static int byte_of_text(ogi_sv s)
{
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>') return -1;
    int hi = hex_digit(s.p[3]), lo = hex_digit(s.p[4]);
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

void ogi_rwkv_unescape(ogi_sv s, ogi_buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\' || i + 1 == s.n) {
            ogi_buf_putc(out, s.p[i]);
            continue;
        }
        char c = s.p[++i];
        int hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int lo = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (c == 'x' && hi >= 0 && lo >= 0) {
            ogi_buf_putc(out, (char)(hi * 16 + lo));
            i += 2;
            continue;
        }
        ogi_buf_putc(out, c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c);
    }
}

static void unescape_spaces(ogi_sv s, ogi_buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (i + 3 <= s.n && !memcmp(s.p + i, OGI_SPACE_MARK, 3)) {
            ogi_buf_putc(out, ' ');
            i += 2;
        } else {
            ogi_buf_putc(out, s.p[i]);
        }
    }
}

/* Characters outside the byte alphabet are kept as they are. */
static void decode_bytes(ogi_sv s, ogi_buf *out)
{
    for (size_t i = 0; i < s.n;) {
        int used, byte = ogi_cp_to_byte(ogi_utf8_decode(s.p + i, s.n - i, &used));
        if (byte >= 0)
            ogi_buf_putc(out, (char)byte);
        else
            ogi_buf_add(out, s.p + i, (size_t)used);
        i += (size_t)used;
    }
}

static og_status spell_token(og_ctx *ctx, const ogi_vocab *v, int32_t id, ogi_buf *out)
{
    const ogi_token *t = &v->token[id];
    bool has_byte_tokens = v->kind != OGI_VOCAB_RWKV && v->kind != OGI_VOCAB_WPM;
    if (v->kind == OGI_VOCAB_RWKV) {
        ogi_rwkv_unescape(t->text, out);
    } else if (t->attr & (OG_TOKEN_CONTROL | OG_TOKEN_UNKNOWN | OG_TOKEN_USER_DEFINED)) {
        ogi_buf_add(out, t->text.p, t->text.n);
    } else if ((t->attr & OG_TOKEN_BYTE) && has_byte_tokens) {
        int byte = byte_of_text(t->text);
        if (byte < 0)
            OG_FAIL(ctx, OG_E_FORMAT, "%s: token %d '%.40s' is marked as a byte but is not <0xHH>",
                    v->source, (int)id, t->text.p);
        ogi_buf_putc(out, (char)byte);
    } else if (v->kind == OGI_VOCAB_PLAMO2) {
        ogi_buf_add(out, t->text.p, t->text.n);
    } else if (t->attr & OG_TOKEN_NORMAL) {
        if (v->kind == OGI_VOCAB_BPE && v->pre->byte_encode)
            decode_bytes(t->text, out);
        else
            unescape_spaces(t->text, out);
    }
    return OG_OK;
}

og_status ogi_vocab_spell(og_ctx *ctx, ogi_vocab *v)
{
    ogi_buf buf = { .ctx = ctx };
    og_status status = OG_OK;
    for (int32_t i = 0; i < v->n && status == OG_OK; i++) {
        ogi_token *t = &v->token[i];
        buf.n = 0;
        status = spell_token(ctx, v, i, &buf);
        if (status != OG_OK) break;
        /* most tokens print as they are spelled: share the text */
        if (buf.n == t->text.n && (!buf.n || !memcmp(buf.p, t->text.p, buf.n)))
            t->piece = t->text;
        else
            t->piece = (ogi_sv){ ogi_arena_strndup(&v->arena, ogi_buf_str(&buf), buf.n), buf.n };
        if (buf.failed || !t->piece.p) status = OG_E_MEMORY;
    }
    ogi_buf_free(&buf);
    for (int b = 0; b < 256; b++) {
        char hex[8], own = (char)b;
        snprintf(hex, sizeof hex, "<0x%02X>", (unsigned)b);
        v->byte_token[b] = ogi_vocab_find(v, ogi_sv_of(hex));
        if (v->byte_token[b] < 0) v->byte_token[b] = ogi_vocab_find(v, (ogi_sv){ &own, 1 });
    }
    return status;
}

/* ---- loading ---- */

enum { OGI_TYPE_NORMAL = 1 }; /* in files, as the next: 0 is "undefined" */
static const unsigned attr_of_type[] = { 0,
                                         OG_TOKEN_NORMAL,
                                         OG_TOKEN_UNKNOWN,
                                         OG_TOKEN_CONTROL,
                                         OG_TOKEN_USER_DEFINED,
                                         OG_TOKEN_UNUSED,
                                         OG_TOKEN_BYTE };

/* The array of a number for each token under key; absent is fine (NULL). Integers are no scores, a
 * bool is no type. */
static og_status token_array(og_ctx *ctx, const ogi_gguf *f, const char *key, ogi_gguf_type elem,
                             const ogi_vocab *v, const ogi_gguf_kv **out)
{
    OG_TRY(ogi_gguf_array(f, key, elem, out));
    if (!*out) return OG_OK;
    ogi_gguf_type is = (*out)->elem;
    bool is_real = is == OGI_GGUF_F32 || is == OGI_GGUF_F64;
    if (is_real != (elem == OGI_GGUF_F32) || is == OGI_GGUF_BOOL)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: key '%s' is an array of %s values, expected %s", v->source,
                key, ogi_gguf_type_name(is), ogi_gguf_type_name(elem));
    if ((*out)->n != v->n)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: key '%s' has %lld elements, but there are %d tokens",
                v->source, key, (long long)(*out)->n, (int)v->n);
    return OG_OK;
}

/* What the arrays say of token i; score, type: NULL if absent. */
static og_status read_token(og_ctx *ctx, const ogi_vocab *v, const ogi_gguf_kv *score,
                            const ogi_gguf_kv *type, int32_t i)
{
    ogi_token *t = &v->token[i];
    int64_t number = type ? ogi_gguf_int_at(type, i) : OGI_TYPE_NORMAL;
    t->score = score ? (float)ogi_gguf_float_at(score, i) : 0;
    if (!isfinite(t->score))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: tokenizer.ggml.scores: that of token %d is no finite number",
                v->source, (int)i);
    if (number < 0 || number >= OGI_LEN(attr_of_type))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: tokenizer.ggml.token_type: %lld, of token %d, is no type",
                v->source, (long long)number, (int)i);
    t->attr = attr_of_type[number];
    return OG_OK;
}

static og_status load_tokens(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    const ogi_gguf_kv *text, *score, *type;
    OG_TRY(ogi_gguf_array(f, "tokenizer.ggml.tokens", OGI_GGUF_STR, &text));
    if (!text || text->n < 1)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: tokenizer.ggml.tokens is missing or empty", v->source);
    if (text->n > INT32_MAX / 4)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: %lld tokens, at most %d can be held", v->source,
                (long long)text->n, INT32_MAX / 4);
    v->n = (int32_t)text->n;
    OG_TRY(token_array(ctx, f, "tokenizer.ggml.scores", OGI_GGUF_F32, v, &score));
    OG_TRY(token_array(ctx, f, "tokenizer.ggml.token_type", OGI_GGUF_I32, v, &type));
    v->token = ogi_arena_alloc(&v->arena, (size_t)v->n, sizeof *v->token);
    if (!v->token) return OG_E_MEMORY;
    int64_t at = 0;
    for (int32_t i = 0; i < v->n; i++) {
        ogi_token *t = &v->token[i];
        ogi_sv s = ogi_gguf_str_next(text, &at);
        char empty[32];
        if (s.n > OGI_TOKEN_TEXT_MAX)
            OG_FAIL(ctx, OG_E_LIMIT, "%s: the text of token %d has %zu bytes, at most %d can be",
                    v->source, (int)i, s.n, OGI_TOKEN_TEXT_MAX);
        if (!s.n) { /* two empty texts must differ, or the first could not be found */
            snprintf(empty, sizeof empty, "[EMPTY_%d]", (int)i);
            s = ogi_sv_of(empty);
        }
        t->text = (ogi_sv){ ogi_arena_strndup(&v->arena, s.p, s.n), s.n };
        if (!t->text.p) return OG_E_MEMORY;
        OG_TRY(read_token(ctx, v, score, type, i));
    }
    return ogi_vocab_index(ctx, v);
}

/* ARCH.vocab_size may say another number than there are tokens: the tokens count. */
static og_status check_size(og_ctx *ctx, const ogi_gguf *f, ogi_sv arch, const ogi_vocab *v)
{
    char key[128];
    int64_t size = v->n;
    if (snprintf(key, sizeof key, "%.*s.vocab_size", (int)OGI_MIN(arch.n, sizeof key), arch.p) >=
        (int)sizeof key)
        return OG_OK;
    OG_TRY(ogi_gguf_int(f, key, &size));
    if (size != v->n)
        ogi_log(ctx, OG_LOG_WARN, "%s: %s is %lld, but there are %d tokens; these count", v->source,
                key, (long long)size, (int)v->n);
    return OG_OK;
}

static og_status load_merges(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    const ogi_gguf_kv *merges;
    OG_TRY(ogi_gguf_array(f, "tokenizer.ggml.merges", OGI_GGUF_STR, &merges));
    if (!merges)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: tokenizer.ggml.merges is missing (strings expected)",
                v->source);
    v->merge = ogi_arena_alloc(&v->arena, (size_t)merges->n, sizeof *v->merge);
    if (!v->merge) return OG_E_MEMORY;
    int64_t at = 0;
    for (v->n_merge = 0; v->n_merge < merges->n; v->n_merge++) {
        ogi_sv s = ogi_gguf_str_next(merges, &at);
        char *copy = ogi_arena_strndup(&v->arena, s.p, s.n);
        if (!copy) return OG_E_MEMORY;
        v->merge[v->n_merge] = (ogi_sv){ copy, s.n };
    }
    return OG_OK;
}

static og_status load_charsmap(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    const ogi_gguf_kv *map = ogi_gguf_find(f, "tokenizer.ggml.precompiled_charsmap");
    if (!map) return OG_OK;
    if (map->type != OGI_GGUF_ARRAY || (map->elem != OGI_GGUF_U8 && map->elem != OGI_GGUF_I8))
        OG_FAIL(ctx, OG_E_FORMAT,
                "%s: tokenizer.ggml.precompiled_charsmap is not an array of bytes", v->source);
    unsigned char *copy = ogi_arena_alloc(&v->arena, (size_t)map->n, 1);
    if (!copy) return OG_E_MEMORY;
    memcpy(copy, map->data, (size_t)map->n);
    v->charsmap = copy;
    v->charsmap_size = map->n;
    return OG_OK;
}

static og_status load_special_ids(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    // clang-format off
    static const struct { const char *key; og_special id; } keys[] = {
        { "tokenizer.ggml.bos_token_id", OG_SPECIAL_BOS },
        { "tokenizer.ggml.eos_token_id", OG_SPECIAL_EOS },
        { "tokenizer.ggml.eot_token_id", OG_SPECIAL_EOT },
        { "tokenizer.ggml.eom_token_id", OG_SPECIAL_EOM },
        { "tokenizer.ggml.unknown_token_id", OG_SPECIAL_UNK },
        { "tokenizer.ggml.seperator_token_id", OG_SPECIAL_SEP },
        { "tokenizer.ggml.padding_token_id", OG_SPECIAL_PAD },
        { "tokenizer.ggml.mask_token_id", OG_SPECIAL_MASK },
        { "tokenizer.ggml.prefix_token_id", OG_SPECIAL_FIM_PRE },
        { "tokenizer.ggml.suffix_token_id", OG_SPECIAL_FIM_SUF },
        { "tokenizer.ggml.middle_token_id", OG_SPECIAL_FIM_MID },
        { "tokenizer.ggml.fim_pre_token_id", OG_SPECIAL_FIM_PRE },
        { "tokenizer.ggml.fim_suf_token_id", OG_SPECIAL_FIM_SUF },
        { "tokenizer.ggml.fim_mid_token_id", OG_SPECIAL_FIM_MID },
        { "tokenizer.ggml.fim_pad_token_id", OG_SPECIAL_FIM_PAD },
        { "tokenizer.ggml.fim_rep_token_id", OG_SPECIAL_FIM_REP },
        { "tokenizer.ggml.fim_sep_token_id", OG_SPECIAL_FIM_SEP },
    };
    // clang-format on
    for (int i = 0; i < OG_SPECIAL_COUNT; i++)
        if (v->special[i] >= v->n) v->special[i] = -1;
    for (int i = 0; i < OGI_LEN(keys); i++) {
        int64_t id = -1;
        OG_TRY(ogi_gguf_int(f, keys[i].key, &id));
        if (id >= 0 && id < v->n)
            v->special[keys[i].id] = (int32_t)id;
        else if (ogi_gguf_find(f, keys[i].key))
            ogi_log(ctx, OG_LOG_WARN, "%s: %s = %lld is no token of %d; ignored", v->source,
                    keys[i].key, (long long)id, (int)v->n);
    }
    return OG_OK;
}

/* Tokens that end a text beside the one that eos_token_id names; the first is that one where the
 * file does not name it. */
static og_status load_end_ids(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    static const char key[] = "tokenizer.ggml.eos_token_ids";
    const ogi_gguf_kv *list;
    OG_TRY(ogi_gguf_array(f, key, OGI_GGUF_I32, &list));
    for (int64_t i = 0; list && i < list->n; i++) {
        int64_t id = ogi_gguf_int_at(list, i);
        if (id < 0 || id >= v->n) {
            ogi_log(ctx, OG_LOG_WARN, "%s: %s: %lld is no token of %d; ignored", v->source, key,
                    (long long)id, (int)v->n);
            continue;
        }
        v->is_eog[id] = 1;
        if (!ogi_gguf_find(f, "tokenizer.ggml.eos_token_id") && i == 0)
            v->special[OG_SPECIAL_EOS] = (int32_t)id;
    }
    return OG_OK;
}

static og_status load_flags(const ogi_gguf *f, ogi_vocab *v)
{
    // clang-format off
    static const struct { const char *key; og_tokenizer_flag flag; } keys[] = {
        { "tokenizer.ggml.add_bos_token", OG_TOKENIZER_ADD_BOS },
        { "tokenizer.ggml.add_eos_token", OG_TOKENIZER_ADD_EOS },
        { "tokenizer.ggml.add_sep_token", OG_TOKENIZER_ADD_SEP },
        { "tokenizer.ggml.add_space_prefix", OG_TOKENIZER_ADD_SPACE_PREFIX },
        { "tokenizer.ggml.remove_extra_whitespaces", OG_TOKENIZER_REMOVE_EXTRA_WHITESPACES },
        { "tokenizer.ggml.escape_whitespaces", OG_TOKENIZER_ESCAPE_WHITESPACES },
        { "tokenizer.ggml.treat_whitespace_as_suffix", OG_TOKENIZER_TREAT_WHITESPACE_AS_SUFFIX },
        { "tokenizer.ggml.normalizer.lowercase", OG_TOKENIZER_LOWERCASE },
    };
    // clang-format on
    for (int i = 0; i < OGI_LEN(keys); i++)
        OG_TRY(ogi_gguf_bool(f, keys[i].key, &v->flag[keys[i].flag]));
    return OG_OK;
}

static void take_defaults(const model_defaults *m, ogi_vocab *v)
{
    v->kind = m->kind;
    for (int i = 0; i < OG_SPECIAL_COUNT; i++) v->special[i] = -1;
    v->special[OG_SPECIAL_BOS] = m->bos;
    v->special[OG_SPECIAL_EOS] = m->eos;
    v->special[OG_SPECIAL_UNK] = m->unk;
    v->special[OG_SPECIAL_SEP] = m->sep;
    v->special[OG_SPECIAL_PAD] = m->pad;
    v->special[OG_SPECIAL_MASK] = m->mask;
    v->flag[OG_TOKENIZER_ADD_BOS] = m->add_bos;
    v->flag[OG_TOKENIZER_ADD_EOS] = m->add_eos;
    v->flag[OG_TOKENIZER_ADD_SEP] = m->add_sep;
    v->flag[OG_TOKENIZER_ADD_SPACE_PREFIX] = m->space_prefix;
    v->flag[OG_TOKENIZER_CLEAN_SPACES] = m->clean_spaces;
    v->flag[OG_TOKENIZER_ESCAPE_WHITESPACES] = m->escape;
    v->flag[OG_TOKENIZER_LOWERCASE] = true;
}

static og_status pick_model(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    ogi_sv model = { 0 };
    OG_TRY(ogi_gguf_str(f, "tokenizer.ggml.model", &model));
    for (int i = 0; i < OGI_LEN(models); i++)
        if (ogi_sv_eq(model, ogi_sv_of(models[i].model))) {
            take_defaults(&models[i], v);
            return OG_OK;
        }
    if (!model.n)
        OG_FAIL(ctx, OG_E_NOT_FOUND, "%s: the file has no tokenizer (tokenizer.ggml.model)",
                v->source);
    if (ogi_sv_eq(model, OGI_SV("no_vocab")))
        OG_FAIL(ctx, OG_E_UNSUPPORTED,
                "%s: the model has no vocabulary; it is for bench, logits and graph, or made again "
                "with one: `oxigraph synth --vocab FILE`",
                v->source);
    char known[128] = "";
    for (int i = 0; i < OGI_LEN(models); i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", models[i].model);
    }
    OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: tokenizer.ggml.model '%.*s' is not known; known are %s",
            v->source, (int)OGI_MIN(model.n, 64), model.p, known);
}

static og_status pick_pre(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v, ogi_sv model, ogi_sv *name)
{
    OG_TRY(ogi_gguf_str(f, "tokenizer.ggml.pre", name));
    if (v->kind != OGI_VOCAB_BPE) return OG_OK;
    ogi_sv pre = *name;
    if (!pre.n && ogi_sv_eq(model, OGI_SV("gemma4"))) pre = OGI_SV("gemma4");
    if (!pre.n) {
        ogi_log(ctx, OG_LOG_WARN,
                "%s: the pre-tokenizer is missing (tokenizer.ggml.pre): 'default' is used, and the "
                "output may be WORSE for it; name the right one with "
                "--override-kv tokenizer.ggml.pre=str:NAME",
                v->source);
        pre = OGI_SV("default");
    }
    v->pre = ogi_pre_find(pre);
    if (!v->pre) return ogi_pre_unknown(ctx, v->source, pre);
    unsigned flags = v->pre->flags;
    if (flags & OGI_PRE_BOS) v->flag[OG_TOKENIZER_ADD_BOS] = true;
    if (flags & OGI_PRE_SEP) v->flag[OG_TOKENIZER_ADD_SEP] = true;
    v->flag[OG_TOKENIZER_IGNORE_MERGES] = flags & OGI_PRE_IGNORE_MERGES;
    v->flag[OG_TOKENIZER_CLEAN_SPACES] = flags & OGI_PRE_CLEAN_SPACES;
    v->flag[OG_TOKENIZER_ESCAPE_WHITESPACES] = flags & OGI_PRE_ESCAPE_SPACES;
    v->flag[OG_TOKENIZER_LOWERCASE] = !(flags & OGI_PRE_KEEP_CASE);
    if (flags & OGI_PRE_NO_DEFAULT_BOS) v->special[OG_SPECIAL_BOS] = -1;
    return OG_OK;
}

og_status ogi_vocab_load(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v)
{
    ogi_sv model = { 0 }, pre = { 0 }, arch = { 0 }, name = { 0 };
    *v = (ogi_vocab){ .ctx = ctx, .arena = { .ctx = ctx } };
    v->source = ogi_arena_strndup(&v->arena, ogi_gguf_path(f), strlen(ogi_gguf_path(f)));
    if (!v->source) return OG_E_MEMORY;
    OG_TRY(pick_model(ctx, f, v));
    OG_TRY(ogi_gguf_str(f, "tokenizer.ggml.model", &model));
    OG_TRY(ogi_gguf_str(f, "general.architecture", &arch));
    OG_TRY(ogi_gguf_str(f, "general.name", &name));
    OG_TRY(pick_pre(ctx, f, v, model, &pre));
    OG_TRY(load_tokens(ctx, f, v));
    OG_TRY(check_size(ctx, f, arch, v));
    if (v->kind == OGI_VOCAB_BPE) OG_TRY(load_merges(ctx, f, v));
    if (v->kind == OGI_VOCAB_UGM) OG_TRY(load_charsmap(ctx, f, v));
    OG_TRY(load_special_ids(ctx, f, v));
    OG_TRY(load_flags(f, v));
    OG_TRY(ogi_vocab_find_special(ctx, v));
    OG_TRY(load_end_ids(ctx, f, v));
    OG_TRY(ogi_vocab_fix_attr(ctx, v, arch, name, pre));
    return ogi_vocab_spell(ctx, v);
}
