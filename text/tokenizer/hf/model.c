/* SPDX-License-Identifier: MIT
 *
 * "model" and "added_tokens" of tokenizer.json: texts, ids, scores and merges. Ids of added tokens
 * are counted as the library counts them, whatever the file says: the model's, or the next. */
#include <jansson.h>
#include <stdio.h>

#include "text/tokenizer/hf/hf.h"

static const ogi_pre bytes_pre = { "tokenizer.json", NULL, 0, true, 0 };
static const ogi_pre characters_pre = { "tokenizer.json", NULL, 0, false, 0 };

static og_status fail_field(og_ctx *ctx, const ogi_vocab *v, const char *what)
{
    OG_FAIL(ctx, OG_E_FORMAT, "%s: %s", v->source, what);
}

static bool is_true(const json_t *json, const char *key)
{
    return json_is_true(json_object_get(json, key));
}

/* ---- vocabulary ---- */

static og_status set_token(og_ctx *ctx, ogi_vocab *v, json_int_t id, const char *text, size_t n,
                           unsigned attr)
{
    if (id < 0 || id >= v->n) return fail_field(ctx, v, "a token's id is out of range");
    if (n > OGI_TOKEN_TEXT_MAX)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: the text of token %lld has %zu bytes, at most %d can be",
                v->source, (long long)id, n, OGI_TOKEN_TEXT_MAX);
    char *copy = ogi_arena_strndup(&v->arena, text, n);
    if (!copy) return OG_E_MEMORY;
    v->token[id] = (ogi_token){ .text = { copy, n }, .attr = attr };
    return OG_OK;
}

/* Room for the model's ids, which may not be far apart, and for all added tokens behind them. */
static og_status make_room(og_ctx *ctx, const json_t *root, const json_t *vocab, ogi_vocab *v,
                           ogi_hf *hf)
{
    json_int_t most = -1;
    const json_t *item;
    const char *key;
    size_t n = json_is_array(vocab) ? json_array_size(vocab) : json_object_size(vocab);
    size_t n_added = json_array_size(json_object_get(root, "added_tokens"));
    if (json_is_array(vocab))
        most = (json_int_t)n - 1;
    else
        json_object_foreach((json_t *)(uintptr_t)vocab, key, item) most =
            OGI_MAX(most, json_integer_value(item));
    if (!n && !n_added)
        return fail_field(ctx, v, "the vocabulary (model.vocab) is missing or empty");
    if (most >= (json_int_t)(2 * n + 65536) || n_added > INT32_MAX / 4 || n > INT32_MAX / 4)
        return fail_field(ctx, v, "ids of tokens are too far apart");
    v->n = (int32_t)(most + 1 + (json_int_t)n_added);
    v->n = OGI_MAX(v->n, (int32_t)(n + n_added));
    v->token = ogi_arena_alloc(&v->arena, (size_t)v->n, sizeof *v->token);
    hf->in_model = ogi_arena_alloc(&v->arena, (size_t)v->n, 1);
    hf->is_added = ogi_arena_alloc(&v->arena, (size_t)v->n, 1);
    if (hf->model == OGI_HF_UNIGRAM)
        hf->score = ogi_arena_alloc(&v->arena, (size_t)v->n, sizeof *hf->score);
    bool scored = hf->score || hf->model != OGI_HF_UNIGRAM;
    return v->token && hf->in_model && hf->is_added && scored ? OG_OK : OG_E_MEMORY;
}

static og_status add_to_model(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf, const json_t *id,
                              const char *text, size_t n)
{
    if (!json_is_integer(id)) return fail_field(ctx, v, "model.vocab: an id is no integer");
    OG_TRY(set_token(ctx, v, json_integer_value(id), text, n, OG_TOKEN_NORMAL));
    hf->in_model[json_integer_value(id)] = 1;
    return OG_OK;
}

static og_status read_vocab(og_ctx *ctx, const json_t *vocab, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *item;
    const char *key;
    size_t i, n;
    if (hf->model == OGI_HF_UNIGRAM) {
        json_array_foreach(vocab, i, item)
        {
            const json_t *text = json_array_get(item, 0), *score = json_array_get(item, 1);
            if (!json_is_string(text) || !json_is_number(score))
                return fail_field(ctx, v, "model.vocab: [text, score] expected");
            OG_TRY(set_token(ctx, v, (json_int_t)i, json_string_value(text),
                             json_string_length(text), OG_TOKEN_NORMAL));
            hf->score[i] = json_number_value(score);
            v->token[i].score = (float)hf->score[i];
            hf->in_model[i] = 1;
        }
    } else {
        json_object_keylen_foreach((json_t *)(uintptr_t)vocab, key, n, item)
            OG_TRY(add_to_model(ctx, v, hf, item, key, n));
    }
    OG_TRY(ogi_map_reserve(&v->by_text, v->n));
    for (int32_t id = 0; id < v->n; id++)
        if (hf->in_model[id]) OG_TRY(ogi_map_put(&v->by_text, v->token[id].text, id));
    return OG_OK;
}

static unsigned added_attr(const json_t *item)
{
    // clang-format off
    static const struct { const char *key; unsigned bit; } bits[] = {
        { "lstrip", OG_TOKEN_LSTRIP }, { "rstrip", OG_TOKEN_RSTRIP },
        { "single_word", OG_TOKEN_SINGLE_WORD }, { "normalized", OG_TOKEN_NORMALIZED },
    };
    // clang-format on
    unsigned attr = is_true(item, "special") ? OG_TOKEN_CONTROL : OG_TOKEN_USER_DEFINED;
    for (int i = 0; i < OGI_LEN(bits); i++)
        if (is_true(item, bits[i].key)) attr |= bits[i].bit;
    return attr;
}

static og_status read_added(og_ctx *ctx, const json_t *root, size_t n_model, ogi_vocab *v,
                            ogi_hf *hf)
{
    const json_t *item;
    size_t i;
    int32_t most = -1, end = v->n;
    while (end > 0 && !v->token[end - 1].text.p) end--;
    json_array_foreach(json_object_get(root, "added_tokens"), i, item)
    {
        const json_t *text = json_object_get(item, "content");
        if (!json_is_string(text)) return fail_field(ctx, v, "an added token has no content");
        ogi_sv s = { json_string_value(text), json_string_length(text) };
        if (!s.n) continue;
        int32_t id = ogi_vocab_find(v, s);
        if (id < 0) { /* a new one */
            id = most >= (int32_t)n_model || (most >= 0 && !n_model) ? most + 1 : (int32_t)n_model;
            OG_TRY(set_token(ctx, v, id, s.p, s.n, 0));
            OG_TRY(ogi_map_put(&v->by_text, v->token[id].text, id));
        }
        v->token[id].attr = added_attr(item);
        hf->is_added[id] = 1;
        most = OGI_MAX(most, id);
        end = OGI_MAX(end, id + 1);
    }
    v->n = end;
    return OG_OK;
}

/* Ids that nothing names get a text of their own. */
static og_status fill_gaps(og_ctx *ctx, ogi_vocab *v)
{
    char text[32];
    for (int32_t i = 0; i < v->n; i++) {
        if (v->token[i].text.p) continue;
        int n = snprintf(text, sizeof text, "[EMPTY_%d]", (int)i);
        OG_TRY(set_token(ctx, v, i, text, (size_t)n, OG_TOKEN_UNUSED));
        if (ogi_vocab_find(v, v->token[i].text) < 0)
            OG_TRY(ogi_map_put(&v->by_text, v->token[i].text, i));
    }
    return OG_OK;
}

/* ---- BPE ---- */

static og_status set_merge(og_ctx *ctx, const ogi_vocab *v, ogi_hf *hf, ogi_sv left, ogi_sv right,
                           ogi_buf *whole)
{
    ogi_hf_merge *m = &hf->merge[hf->n_merge++];
    size_t skip = hf->continuing.n;
    m->left = ogi_hf_find(v, hf, left);
    m->right = ogi_hf_find(v, hf, right);
    whole->n = 0;
    ogi_buf_add(whole, left.p, left.n);
    if (right.n >= skip) ogi_buf_add(whole, right.p + skip, right.n - skip);
    if (whole->failed) return OG_E_MEMORY;
    m->result = right.n < skip ? -1 : ogi_hf_find(v, hf, (ogi_sv){ ogi_buf_str(whole), whole->n });
    if (m->left < 0 || m->right < 0 || m->result < 0)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: model.merges: '%.*s' + '%.*s' names or makes no token",
                v->source, (int)OGI_MIN(left.n, 60), left.p, (int)OGI_MIN(right.n, 60), right.p);
    return OG_OK;
}

/* "a b" or ["a", "b"]. */
static og_status read_merges(og_ctx *ctx, const json_t *merges, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *item;
    size_t i;
    ogi_buf whole = { .ctx = ctx };
    og_status status = OG_OK;
    hf->merge = ogi_arena_alloc(&v->arena, json_array_size(merges) + 1, sizeof *hf->merge);
    if (!hf->merge) return OG_E_MEMORY;
    json_array_foreach(merges, i, item)
    {
        const json_t *a = json_array_get(item, 0), *b = json_array_get(item, 1);
        ogi_sv left = { json_string_value(a), json_string_length(a) };
        ogi_sv right = { json_string_value(b), json_string_length(b) };
        if (json_is_string(item)) {
            ogi_sv both = { json_string_value(item), json_string_length(item) };
            if (ogi_sv_starts(both, OGI_SV("#version"))) continue;
            const char *space = memchr(both.p, ' ', both.n);
            if (space) left = (ogi_sv){ both.p, (size_t)(space - both.p) };
            if (space) right = (ogi_sv){ space + 1, both.n - left.n - 1 };
            if (space && memchr(right.p, ' ', right.n)) left.p = NULL;
        }
        if (!left.p || !right.p)
            status = fail_field(ctx, v, "model.merges: \"left right\" or [left, right] expected");
        else
            status = set_merge(ctx, v, hf, left, right, &whole);
        if (status != OG_OK) break;
    }
    ogi_buf_free(&whole);
    return status;
}

/* Bytes need not be written as characters where the model takes them one by one. */
static void leave_bytes(ogi_hf *hf)
{
    bool last = hf->n_step && hf->step[hf->n_step - 1].kind == OGI_HF_BYTES;
    if (!last || hf->byte_fallback || hf->continuing.n || hf->ending.n) return;
    hf->by_byte = true;
    hf->n_step--;
    hf->n_normalizer = OGI_MIN(hf->n_normalizer, hf->n_step);
}

static og_status read_bpe(og_ctx *ctx, const json_t *model, ogi_vocab *v, ogi_hf *hf)
{
    v->kind = OGI_VOCAB_BPE;
    if (json_number_value(json_object_get(model, "dropout")) > 0)
        return ogi_hf_unsupported(ctx, v, "model BPE with", "dropout");
    if (json_is_string(json_object_get(model, "continuing_subword_prefix")))
        OG_TRY(
            ogi_hf_copy(v, json_object_get(model, "continuing_subword_prefix"), &hf->continuing));
    if (json_is_string(json_object_get(model, "end_of_word_suffix")))
        OG_TRY(ogi_hf_copy(v, json_object_get(model, "end_of_word_suffix"), &hf->ending));
    hf->fuse_unknown = is_true(model, "fuse_unk");
    hf->byte_fallback = is_true(model, "byte_fallback");
    v->flag[OG_TOKENIZER_IGNORE_MERGES] = is_true(model, "ignore_merges");
    leave_bytes(hf);
    v->pre = hf->by_byte ? &bytes_pre : &characters_pre;
    return read_merges(ctx, json_object_get(model, "merges"), v, hf);
}

/* ---- the others ---- */

static og_status read_word_piece(og_ctx *ctx, const json_t *model, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix");
    const json_t *max = json_object_get(model, "max_input_chars_per_word");
    v->kind = OGI_VOCAB_WPM;
    hf->continuing = OGI_SV("##");
    hf->max_word = json_is_integer(max) ? json_integer_value(max) : 100;
    if (json_is_string(prefix)) OG_TRY(ogi_hf_copy(v, prefix, &hf->continuing));
    for (int32_t i = 0; i < v->n; i++) {
        ogi_sv s = v->token[i].text;
        if (!hf->in_model[i] || !ogi_sv_starts(s, hf->continuing)) continue;
        s.p += hf->continuing.n, s.n -= hf->continuing.n;
        if (s.n) OG_TRY(ogi_trie_put(&hf->continuation, s, i));
    }
    (void)ctx;
    return OG_OK;
}

/* unk_token by its text, Unigram's unk_id; a named one that is not there fails once it is needed.
 */
static og_status find_unknown(og_ctx *ctx, const json_t *model, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *token = json_object_get(model, "unk_token");
    const json_t *id = json_object_get(model, "unk_id");
    hf->unknown = hf->model == OGI_HF_BPE ? OGI_HF_DROP_UNKNOWN : OGI_HF_NO_UNKNOWN;
    if (json_is_string(token) && hf->model != OGI_HF_UNIGRAM) {
        ogi_sv text = { json_string_value(token), json_string_length(token) };
        hf->unknown = ogi_hf_find(v, hf, text);
        if (hf->unknown < 0) hf->unknown = OGI_HF_NO_UNKNOWN;
    }
    if (json_is_integer(id) && hf->model == OGI_HF_UNIGRAM) {
        if (json_integer_value(id) < 0 || json_integer_value(id) >= v->n ||
            !hf->in_model[json_integer_value(id)])
            return fail_field(ctx, v, "model.unk_id is no token");
        hf->unknown = (int32_t)json_integer_value(id);
    }
    v->special[OG_SPECIAL_UNK] = OGI_MAX(hf->unknown, -1);
    return OG_OK;
}

static og_status pick_model(og_ctx *ctx, const json_t *model, const ogi_vocab *v, ogi_hf *hf)
{
    static const char *const names[] = { [OGI_HF_BPE] = "BPE",
                                         [OGI_HF_UNIGRAM] = "Unigram",
                                         [OGI_HF_WORDPIECE] = "WordPiece",
                                         [OGI_HF_WORDLEVEL] = "WordLevel" };
    const char *type = json_string_value(json_object_get(model, "type"));
    if (!type) { /* old files leave it out */
        bool list = json_is_array(json_object_get(model, "vocab"));
        type = json_object_get(model, "merges") ? "BPE" : list ? "Unigram" : "";
    }
    for (int i = 0; i < OGI_LEN(names); i++) {
        if (strcmp(type, names[i])) continue;
        hf->model = (ogi_hf_model)i;
        return OG_OK;
    }
    return ogi_hf_unsupported(ctx, v, "model", *type ? type : NULL);
}

og_status ogi_hf_read_model(og_ctx *ctx, const json_t *root, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *model = json_object_get(root, "model");
    const json_t *vocab = json_object_get(model, "vocab");
    OG_TRY(pick_model(ctx, model, v, hf));
    OG_TRY(make_room(ctx, root, vocab, v, hf));
    OG_TRY(read_vocab(ctx, vocab, v, hf));
    OG_TRY(read_added(
        ctx, root, json_is_array(vocab) ? json_array_size(vocab) : json_object_size(vocab), v, hf));
    OG_TRY(fill_gaps(ctx, v));
    if (hf->model == OGI_HF_BPE) OG_TRY(read_bpe(ctx, model, v, hf));
    if (hf->model == OGI_HF_UNIGRAM) {
        v->kind = OGI_VOCAB_UGM;
        hf->byte_fallback = is_true(model, "byte_fallback");
    }
    if (hf->model == OGI_HF_WORDPIECE) OG_TRY(read_word_piece(ctx, model, v, hf));
    if (hf->model == OGI_HF_WORDLEVEL) v->kind = OGI_VOCAB_WPM;
    return find_unknown(ctx, model, v, hf);
}
