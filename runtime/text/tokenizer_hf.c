/* SPDX-License-Identifier: MIT
 *
 * Reads tokenizer.json: the vocabulary of its model, added tokens, decoder and post-processor; what
 * tokenizer_config.json beside it says about special tokens. */
#include "runtime/text/tokenizer_hf.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"

enum { MAX_JSON = 512 << 20 };

static const ogi_pre bytes_pre = { "tokenizer.json", NULL, 0, true, 0 };
static const ogi_pre characters_pre = { "tokenizer.json", NULL, 0, false, 0 };

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

bool ogi_hf_is_json(const char *path)
{
    struct stat st;
    return ends_in(path, ".json") || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static og_status fail_field(og_ctx *ctx, const ogi_vocab *v, const char *what)
{
    OG_FAIL(ctx, OG_E_FORMAT, "%s: %s", v->source, what);
}

static og_status unsupported(og_ctx *ctx, const ogi_vocab *v, const char *what, const char *name)
{
    OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: %s '%.60s' is not supported", v->source, what,
            name ? name : "without a type");
}

static const char *type_of(const json_t *json)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    return type ? type : "";
}

/* NAME beside or in path. */
static void beside(const char *path, const char *name, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    int n = ends_in(path, ".json") ? (slash ? (int)(slash + 1 - path) : 0) : (int)strlen(path);
    snprintf(out, size, "%.*s%s%s", n, path, n && path[n - 1] != '/' ? "/" : "", name);
}

static og_status read_json(og_ctx *ctx, const char *path, json_t **out)
{
    ogi_buf text = { .ctx = ctx };
    json_error_t error;
    *out = NULL;
    og_status status = ogi_file_read(ctx, path, MAX_JSON, &text);
    if (status == OG_OK) {
        *out = json_loadb(ogi_buf_str(&text), text.n, JSON_ALLOW_NUL, &error);
        if (!*out)
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__, "%s: line %d: %s", path,
                              error.line, error.text);
    }
    ogi_buf_free(&text);
    return status;
}

/* ---- vocabulary ---- */

static og_status set_token(og_ctx *ctx, ogi_vocab *v, json_int_t id, ogi_sv mark, const char *text,
                           size_t n, double score, unsigned attr)
{
    if (id < 0 || id >= v->n) return fail_field(ctx, v, "a token's id is out of range");
    ogi_token *t = &v->token[id];
    char *copy = ogi_arena_alloc(&v->arena, mark.n + n + 1, 1);
    if (!copy) return OG_E_MEMORY;
    memcpy(copy, mark.p, mark.n);
    memcpy(copy + mark.n, text, n);
    *t = (ogi_token){ .text = { copy, mark.n + n }, .score = (float)score, .attr = attr };
    return OG_OK;
}

/* WordPiece marks what continues a word; here, as in GGUF files, beginnings are marked. */
static og_status set_word(og_ctx *ctx, ogi_vocab *v, json_int_t id, const char *continuing,
                          const char *text, size_t n)
{
    size_t skip = continuing ? strlen(continuing) : 0;
    if (skip && n > skip && !memcmp(text, continuing, skip))
        return set_token(ctx, v, id, OGI_SV(""), text + skip, n - skip, 0, OG_TOKEN_NORMAL);
    return set_token(ctx, v, id, OGI_SV(OGI_SPACE_MARK), text, n, 0, OG_TOKEN_NORMAL);
}

/* Highest id + 1 over vocabulary and added tokens; ids may not be far apart. */
static og_status count_tokens(og_ctx *ctx, const json_t *root, const json_t *vocab, ogi_vocab *v)
{
    json_int_t most = -1;
    const json_t *added = json_object_get(root, "added_tokens"), *item;
    size_t i, n = json_is_array(vocab) ? json_array_size(vocab) : json_object_size(vocab);
    const char *key;
    if (json_is_array(vocab))
        most = (json_int_t)n - 1;
    else
        json_object_foreach((json_t *)(uintptr_t)vocab, key, item) most =
            OGI_MAX(most, json_integer_value(item));
    json_array_foreach(added, i, item) most =
        OGI_MAX(most, json_integer_value(json_object_get(item, "id")));
    if (most < 0) return fail_field(ctx, v, "the vocabulary (model.vocab) is missing or empty");
    if (most >= (json_int_t)(2 * (n + json_array_size(added)) + 65536))
        return fail_field(ctx, v, "ids of tokens are too far apart");
    v->n = (int32_t)most + 1;
    v->token = ogi_arena_alloc(&v->arena, (size_t)v->n, sizeof *v->token);
    return v->token ? OG_OK : OG_E_MEMORY;
}

static og_status read_vocab(og_ctx *ctx, const json_t *model, const json_t *vocab, ogi_vocab *v,
                            const ogi_hf *hf)
{
    const char *continuing = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    const json_t *item;
    const char *key;
    size_t i, n;
    bool words = hf->model == OGI_HF_WORDPIECE || hf->model == OGI_HF_WORDLEVEL;
    if (hf->model == OGI_HF_WORDLEVEL) continuing = NULL;
    if (hf->model == OGI_HF_WORDPIECE && !continuing) continuing = "##";
    if (hf->model == OGI_HF_UNIGRAM) {
        json_array_foreach(vocab, i, item)
        {
            const json_t *text = json_array_get(item, 0);
            if (!json_is_string(text))
                return fail_field(ctx, v, "model.vocab: [text, score] expected");
            OG_TRY(set_token(ctx, v, (json_int_t)i, OGI_SV(""), json_string_value(text),
                             json_string_length(text), json_number_value(json_array_get(item, 1)),
                             OG_TOKEN_NORMAL));
        }
        return OG_OK;
    }
    json_object_keylen_foreach((json_t *)(uintptr_t)vocab, key, n, item)
    {
        if (!json_is_integer(item)) return fail_field(ctx, v, "model.vocab: an id is no integer");
        if (words)
            OG_TRY(set_word(ctx, v, json_integer_value(item), continuing, key, n));
        else
            OG_TRY(set_token(ctx, v, json_integer_value(item), OGI_SV(""), key, n, 0,
                             OG_TOKEN_NORMAL));
    }
    return OG_OK;
}

static og_status read_added(og_ctx *ctx, const json_t *root, ogi_vocab *v)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(root, "added_tokens"), i, item)
    {
        const json_t *text = json_object_get(item, "content");
        if (!json_is_string(text)) return fail_field(ctx, v, "an added token has no content");
        if (json_is_true(json_object_get(item, "single_word")))
            return unsupported(ctx, v, "single_word of the added token", json_string_value(text));
        unsigned attr = json_is_true(json_object_get(item, "special")) ? OG_TOKEN_CONTROL
                                                                       : OG_TOKEN_USER_DEFINED;
        if (json_is_true(json_object_get(item, "lstrip"))) attr |= OG_TOKEN_LSTRIP;
        if (json_is_true(json_object_get(item, "rstrip"))) attr |= OG_TOKEN_RSTRIP;
        OG_TRY(set_token(ctx, v, json_integer_value(json_object_get(item, "id")), OGI_SV(""),
                         json_string_value(text), json_string_length(text), 0, attr));
    }
    return OG_OK;
}

/* Ids that nothing names get a text of their own, like empty ones. */
static og_status fill_gaps(og_ctx *ctx, ogi_vocab *v)
{
    char text[32];
    for (int32_t i = 0; i < v->n; i++) {
        if (v->token[i].text.n) continue;
        int n = snprintf(text, sizeof text, "[EMPTY_%d]", (int)i);
        OG_TRY(set_token(ctx, v, i, OGI_SV(""), text, (size_t)n, 0, OG_TOKEN_UNUSED));
    }
    return OG_OK;
}

/* "a b" or ["a", "b"]; a space inside a part cannot be written the first way. */
static og_status read_merges(og_ctx *ctx, const json_t *merges, ogi_vocab *v)
{
    const json_t *item;
    size_t i;
    v->merge = ogi_arena_alloc(&v->arena, json_array_size(merges) + 1, sizeof *v->merge);
    if (!v->merge) return OG_E_MEMORY;
    json_array_foreach(merges, i, item)
    {
        ogi_buf text = { .ctx = ctx };
        const json_t *parts[2] = { json_array_get(item, 0), json_array_get(item, 1) };
        if (json_is_string(item)) {
            ogi_buf_add(&text, json_string_value(item), json_string_length(item));
        } else if (json_is_string(parts[0]) && json_is_string(parts[1])) {
            if (memchr(json_string_value(parts[0]), ' ', json_string_length(parts[0])))
                return unsupported(ctx, v, "a merge with a space in", json_string_value(parts[0]));
            ogi_buf_add(&text, json_string_value(parts[0]), json_string_length(parts[0]));
            ogi_buf_putc(&text, ' ');
            ogi_buf_add(&text, json_string_value(parts[1]), json_string_length(parts[1]));
        } else {
            return fail_field(ctx, v, "model.merges: \"left right\" or [left, right] expected");
        }
        char *copy = ogi_arena_strndup(&v->arena, ogi_buf_str(&text), text.n);
        v->merge[v->n_merge++] = (ogi_sv){ copy, text.n };
        bool failed = text.failed || !copy;
        ogi_buf_free(&text);
        if (failed) return OG_E_MEMORY;
    }
    return OG_OK;
}

/* ---- model ---- */

static bool is_set(const json_t *model, const char *key)
{
    const char *s = json_string_value(json_object_get(model, key));
    return s && *s;
}

static og_status read_bpe(og_ctx *ctx, const json_t *model, ogi_vocab *v, ogi_hf *hf)
{
    v->kind = OGI_VOCAB_BPE;
    v->pre = hf->by_byte ? &bytes_pre : &characters_pre;
    if (is_set(model, "continuing_subword_prefix"))
        return unsupported(ctx, v, "model BPE with", "continuing_subword_prefix");
    if (is_set(model, "end_of_word_suffix"))
        return unsupported(ctx, v, "model BPE with", "end_of_word_suffix");
    hf->fuse_unknown = json_is_true(json_object_get(model, "fuse_unk"));
    v->flag[OG_TOKENIZER_IGNORE_MERGES] = json_is_true(json_object_get(model, "ignore_merges"));
    return read_merges(ctx, json_object_get(model, "merges"), v);
}

static og_status read_model(og_ctx *ctx, const json_t *root, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *model = json_object_get(root, "model");
    const json_t *vocab = json_object_get(model, "vocab");
    const char *type = type_of(model);
    hf->max_word = 100;
    if (!*type) /* old files leave it out */
        type = json_object_get(model, "merges") ? "BPE" : json_is_array(vocab) ? "Unigram" : "";
    if (!strcmp(type, "BPE"))
        hf->model = OGI_HF_BPE;
    else if (!strcmp(type, "Unigram"))
        hf->model = OGI_HF_UNIGRAM;
    else if (!strcmp(type, "WordPiece"))
        hf->model = OGI_HF_WORDPIECE;
    else if (!strcmp(type, "WordLevel"))
        hf->model = OGI_HF_WORDLEVEL;
    else
        return unsupported(ctx, v, "model", *type ? type : NULL);
    OG_TRY(count_tokens(ctx, root, vocab, v));
    OG_TRY(read_vocab(ctx, model, vocab, v, hf));
    OG_TRY(read_added(ctx, root, v));
    OG_TRY(fill_gaps(ctx, v));
    OG_TRY(ogi_vocab_index(ctx, v));
    if (hf->model == OGI_HF_BPE) OG_TRY(read_bpe(ctx, model, v, hf));
    if (hf->model == OGI_HF_UNIGRAM) {
        v->kind = OGI_VOCAB_UGM;
        if (json_is_true(json_object_get(model, "byte_fallback")))
            return unsupported(ctx, v, "model Unigram with", "byte_fallback");
    }
    if (hf->model == OGI_HF_WORDPIECE || hf->model == OGI_HF_WORDLEVEL) v->kind = OGI_VOCAB_WPM;
    const json_t *max = json_object_get(model, "max_input_chars_per_word");
    if (json_is_integer(max)) hf->max_word = (int)OGI_MIN(json_integer_value(max), 1 << 20);
    const json_t *unk = json_object_get(model, "unk_token"), *id = json_object_get(model, "unk_id");
    int32_t unknown = -1;
    if (json_is_string(unk)) {
        ogi_sv text = { json_string_value(unk), json_string_length(unk) };
        unknown = ogi_vocab_find(v, text);
        if (unknown < 0 && v->kind == OGI_VOCAB_WPM) { /* no added token: it got a mark */
            char marked[256];
            snprintf(marked, sizeof marked, OGI_SPACE_MARK "%.200s", text.p);
            unknown = ogi_vocab_find(v, ogi_sv_of(marked));
        }
    }
    if (json_is_integer(id) && json_integer_value(id) < v->n)
        unknown = (int32_t)json_integer_value(id);
    v->special[OG_SPECIAL_UNK] = unknown;
    return OG_OK;
}

/* ---- decoder and post-processor ---- */

/* Byte tokens are printed as bytes where the decoder says so. */
static og_status read_decoder(og_ctx *ctx, const json_t *decoder, ogi_vocab *v, const ogi_hf *hf)
{
    static const char *const known[] = { "ByteLevel", "WordPiece",    "Metaspace", "Replace",
                                         "Fuse",      "ByteFallback", "Strip",     "" };
    const json_t *list = json_object_get(decoder, "decoders");
    size_t n = json_is_array(list) ? json_array_size(list) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *d = json_is_array(list) ? json_array_get(list, i) : decoder;
        const char *type = type_of(d);
        int k = 0;
        while (k < OGI_LEN(known) && strcmp(type, known[k])) k++;
        if (k == OGI_LEN(known)) return unsupported(ctx, v, "decoder", type);
        if (!strcmp(type, "Strip") || !strcmp(type, "Metaspace"))
            v->flag[OG_TOKENIZER_ADD_SPACE_PREFIX] = true;
        if (!strcmp(type, "WordPiece")) v->flag[OG_TOKENIZER_ADD_SPACE_PREFIX] = true;
        if (!strcmp(type, "WordPiece") && !json_is_false(json_object_get(d, "cleanup")))
            v->flag[OG_TOKENIZER_CLEAN_SPACES] = true;
        for (int32_t t = 0; t < v->n && !strcmp(type, "ByteFallback"); t++) {
            ogi_sv s = v->token[t].text;
            bool is_byte = s.n == 6 && !memcmp(s.p, "<0x", 3) && s.p[5] == '>' &&
                           strspn(s.p + 3, "0123456789ABCDEF") == 2;
            if (is_byte && v->token[t].attr == OG_TOKEN_NORMAL) v->token[t].attr = OG_TOKEN_BYTE;
        }
    }
    if (hf->model == OGI_HF_WORDLEVEL) v->flag[OG_TOKENIZER_ADD_SPACE_PREFIX] = true;
    return OG_OK;
}

static og_status add_around(og_ctx *ctx, const ogi_vocab *v, ogi_hf *hf, bool after, int32_t id)
{
    int *n = after ? &hf->n_after : &hf->n_before;
    if (id < 0 || id >= v->n) return fail_field(ctx, v, "the post-processor adds an unknown token");
    if (*n == OGI_HF_AROUND) return fail_field(ctx, v, "the post-processor adds too many tokens");
    (after ? hf->after : hf->before)[(*n)++] = id;
    return OG_OK;
}

static og_status read_template(og_ctx *ctx, const json_t *p, const ogi_vocab *v, ogi_hf *hf)
{
    const json_t *part;
    size_t i, k;
    bool after = false;
    json_array_foreach(json_object_get(p, "single"), i, part)
    {
        if (json_object_get(part, "Sequence")) {
            after = true;
            continue;
        }
        const char *name =
            json_string_value(json_object_get(json_object_get(part, "SpecialToken"), "id"));
        const json_t *token =
            json_object_get(json_object_get(p, "special_tokens"), name ? name : "");
        const json_t *ids = json_object_get(token, "ids"), *id;
        if (!json_array_size(ids)) return fail_field(ctx, v, "the template names an unknown token");
        json_array_foreach(ids, k, id)
            OG_TRY(add_around(ctx, v, hf, after, (int32_t)json_integer_value(id)));
    }
    return OG_OK;
}

static og_status read_one_post(og_ctx *ctx, const json_t *p, const ogi_vocab *v, ogi_hf *hf)
{
    const char *type = type_of(p);
    if (!strcmp(type, "ByteLevel")) return OG_OK;
    if (!strcmp(type, "TemplateProcessing")) return read_template(ctx, p, v, hf);
    if (strcmp(type, "BertProcessing") && strcmp(type, "RobertaProcessing"))
        return unsupported(ctx, v, "post-processor", type);
    const json_t *cls = json_array_get(json_object_get(p, "cls"), 1);
    const json_t *sep = json_array_get(json_object_get(p, "sep"), 1);
    OG_TRY(add_around(ctx, v, hf, false, cls ? (int32_t)json_integer_value(cls) : -1));
    return add_around(ctx, v, hf, true, sep ? (int32_t)json_integer_value(sep) : -1);
}

static og_status read_post(og_ctx *ctx, const json_t *post, const ogi_vocab *v, ogi_hf *hf)
{
    const json_t *list = json_object_get(post, "processors"), *item;
    size_t i;
    if (!json_is_object(post)) return OG_OK;
    if (strcmp(type_of(post), "Sequence")) return read_one_post(ctx, post, v, hf);
    json_array_foreach(list, i, item) OG_TRY(read_one_post(ctx, item, v, hf));
    return OG_OK;
}

/* ---- tokenizer_config.json ---- */

static int32_t named_token(const json_t *config, const char *key, const ogi_vocab *v)
{
    const json_t *t = json_object_get(config, key);
    if (json_is_object(t)) t = json_object_get(t, "content");
    if (!json_is_string(t)) return -1;
    return ogi_vocab_find(v, (ogi_sv){ json_string_value(t), json_string_length(t) });
}

static void read_config(const json_t *config, ogi_vocab *v, ogi_hf *hf)
{
    v->special[OG_SPECIAL_BOS] = named_token(config, "bos_token", v);
    v->special[OG_SPECIAL_EOS] = named_token(config, "eos_token", v);
    v->special[OG_SPECIAL_PAD] = named_token(config, "pad_token", v);
    v->special[OG_SPECIAL_SEP] = named_token(config, "sep_token", v);
    v->special[OG_SPECIAL_MASK] = named_token(config, "mask_token", v);
    if (v->special[OG_SPECIAL_BOS] < 0)
        v->special[OG_SPECIAL_BOS] = named_token(config, "cls_token", v);
    const json_t *clean = json_object_get(config, "clean_up_tokenization_spaces");
    if (json_is_boolean(clean)) v->flag[OG_TOKENIZER_CLEAN_SPACES] = json_is_true(clean);
    int32_t bos = v->special[OG_SPECIAL_BOS], eos = v->special[OG_SPECIAL_EOS];
    /* without a template, the flags of the configuration speak */
    if (!hf->n_before && bos >= 0 && json_is_true(json_object_get(config, "add_bos_token")))
        hf->before[hf->n_before++] = bos;
    if (!hf->n_after && eos >= 0 && json_is_true(json_object_get(config, "add_eos_token")))
        hf->after[hf->n_after++] = eos;
    v->flag[OG_TOKENIZER_ADD_BOS] = hf->n_before && hf->before[0] == bos;
    v->flag[OG_TOKENIZER_ADD_EOS] = hf->n_after && hf->after[hf->n_after - 1] == eos;
    v->flag[OG_TOKENIZER_ADD_SEP] =
        hf->n_after && hf->after[hf->n_after - 1] == v->special[OG_SPECIAL_SEP];
}

/* ---- all of it ---- */

static og_status load(og_ctx *ctx, const json_t *root, const json_t *config, ogi_vocab *v,
                      ogi_hf *hf)
{
    OG_TRY(ogi_hf_read_normalizer(ctx, json_object_get(root, "normalizer"), v, hf));
    OG_TRY(ogi_hf_read_pre_tokenizer(ctx, json_object_get(root, "pre_tokenizer"), v, hf));
    OG_TRY(read_model(ctx, root, v, hf));
    OG_TRY(read_decoder(ctx, json_object_get(root, "decoder"), v, hf));
    OG_TRY(read_post(ctx, json_object_get(root, "post_processor"), v, hf));
    read_config(config, v, hf);
    OG_TRY(ogi_vocab_find_special(ctx, v));
    return ogi_vocab_spell(ctx, v);
}

og_status ogi_hf_load(og_ctx *ctx, const char *path, ogi_vocab *v, ogi_hf *hf)
{
    char file[4096];
    json_t *root = NULL, *config = NULL;
    *v = (ogi_vocab){ .ctx = ctx, .arena = { .ctx = ctx }, .by_text = { .ctx = ctx } };
    *hf = (ogi_hf){ .ctx = ctx };
    for (int i = 0; i < OG_SPECIAL_COUNT; i++) v->special[i] = -1;
    beside(path,
           ends_in(path, ".json") ? strrchr(path, '/') ? strrchr(path, '/') + 1 : path
                                  : "tokenizer.json",
           file, sizeof file);
    v->source = ogi_arena_strndup(&v->arena, file, strlen(file));
    if (!v->source) return OG_E_MEMORY;
    og_status status = read_json(ctx, file, &root);
    beside(path, "tokenizer_config.json", file, sizeof file);
    struct stat st;
    if (status == OG_OK && stat(file, &st) == 0) status = read_json(ctx, file, &config);
    if (status == OG_OK) status = load(ctx, root, config, v, hf);
    json_decref(root);
    json_decref(config);
    return status;
}

void ogi_hf_free(ogi_hf *hf)
{
    for (int i = 0; i < hf->n_step; i++) {
        if (!hf->step[i].splitter) continue;
        ogi_splitter_free(hf->step[i].splitter);
        ogi_free(hf->ctx, hf->step[i].splitter);
    }
}
