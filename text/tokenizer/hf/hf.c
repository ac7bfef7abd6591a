/* SPDX-License-Identifier: MIT
 *
 * Reads tokenizer.json: the parts in their order, the post-processor, and what
 * tokenizer_config.json beside it says about special tokens. */
#include "text/tokenizer/hf/hf.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"

enum { MAX_JSON = 512 << 20 };

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

og_status ogi_hf_unsupported(og_ctx *ctx, const ogi_vocab *v, const char *what, const char *name)
{
    OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: %s '%.60s' is not supported", v->source, what,
            name ? name : "without a type");
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
        ogi_sv body = ogi_sv_skip_bom((ogi_sv){ ogi_buf_str(&text), text.n });
        *out = json_loadb(body.p, body.n, JSON_ALLOW_NUL, &error);
        if (!*out)
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__, "%s: line %d: %s", path,
                              error.line, error.text);
    }
    ogi_buf_free(&text);
    return status;
}

/* ---- post-processor ---- */

/* Puts ids around what is there already: in a sequence, each processor wraps the one before it. */
static og_status add_around(og_ctx *ctx, const ogi_vocab *v, ogi_hf *hf, bool after, int at,
                            const json_t *json)
{
    int *n = after ? &hf->n_after : &hf->n_before;
    int32_t *list = after ? hf->after : hf->before;
    json_int_t id = json_is_integer(json) ? json_integer_value(json) : -1;
    if (id < 0 || id >= v->n) return fail_field(ctx, v, "the post-processor adds an unknown token");
    if (*n == OGI_HF_AROUND) return fail_field(ctx, v, "the post-processor adds too many tokens");
    if (after) at = *n;
    memmove(list + at + 1, list + at, (size_t)(*n - at) * sizeof *list);
    list[at] = (int32_t)id;
    ++*n;
    return OG_OK;
}

static og_status read_template(og_ctx *ctx, const json_t *p, const ogi_vocab *v, ogi_hf *hf)
{
    const json_t *part;
    size_t i, k;
    int n_text = 0, n_front = 0;
    json_array_foreach(json_object_get(p, "single"), i, part)
    {
        const json_t *text = json_object_get(part, "Sequence");
        if (text) {
            const char *id = json_string_value(json_object_get(text, "id"));
            if (n_text++ || (id && strcmp(id, "A")))
                return ogi_hf_unsupported(ctx, v, "post-processor TemplateProcessing with",
                                          "more than $A");
            continue;
        }
        const char *name =
            json_string_value(json_object_get(json_object_get(part, "SpecialToken"), "id"));
        const json_t *token =
            json_object_get(json_object_get(p, "special_tokens"), name ? name : "");
        const json_t *ids = json_object_get(token, "ids"), *id;
        if (!json_array_size(ids)) return fail_field(ctx, v, "the template names an unknown token");
        json_array_foreach(ids, k, id)
        {
            OG_TRY(add_around(ctx, v, hf, n_text, n_front, id));
            n_front += !n_text;
        }
    }
    if (!n_text)
        return ogi_hf_unsupported(ctx, v, "post-processor TemplateProcessing with", "no $A");
    return OG_OK;
}

static og_status read_one_post(og_ctx *ctx, const json_t *p, const ogi_vocab *v, ogi_hf *hf)
{
    const char *type = json_string_value(json_object_get(p, "type"));
    if (type && !strcmp(type, "ByteLevel")) return OG_OK; /* moves offsets, no ids */
    if (type && !strcmp(type, "TemplateProcessing")) return read_template(ctx, p, v, hf);
    if (!type || (strcmp(type, "BertProcessing") && strcmp(type, "RobertaProcessing")))
        return ogi_hf_unsupported(ctx, v, "post-processor", type);
    const json_t *cls = json_array_get(json_object_get(p, "cls"), 1);
    const json_t *sep = json_array_get(json_object_get(p, "sep"), 1);
    OG_TRY(add_around(ctx, v, hf, false, 0, cls));
    return add_around(ctx, v, hf, true, 0, sep);
}

og_status ogi_hf_read_post(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    ogi_hf_walk w;
    bool too_deep = false;
    ogi_hf_walk_start(&w, json, "processors");
    for (const json_t *p; (p = ogi_hf_walk_next(&w, &too_deep));)
        OG_TRY(read_one_post(ctx, p, v, hf));
    if (too_deep) return ogi_hf_unsupported(ctx, v, "post-processor", "Sequence, nested too deep");
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
    hf->clean_up = json_is_true(clean);
    v->flag[OG_TOKENIZER_CLEAN_SPACES] = hf->clean_up;
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

/* What cuts or fills up texts elsewhere is no part of a text's ids here. */
static void tell_ignored(og_ctx *ctx, const json_t *root, const ogi_vocab *v)
{
    static const char *const keys[] = { "truncation", "padding" };
    for (int i = 0; i < OGI_LEN(keys); i++)
        if (json_is_object(json_object_get(root, keys[i])))
            ogi_log(ctx, OG_LOG_INFO, "%s: \"%s\" is not applied: texts are encoded whole",
                    v->source, keys[i]);
}

static og_status load(og_ctx *ctx, const json_t *root, const json_t *config, ogi_vocab *v,
                      ogi_hf *hf)
{
    OG_TRY(ogi_hf_read_normalizer(ctx, json_object_get(root, "normalizer"), v, hf));
    OG_TRY(ogi_hf_read_pre_tokenizer(ctx, json_object_get(root, "pre_tokenizer"), v, hf));
    OG_TRY(ogi_hf_read_model(ctx, root, v, hf));
    OG_TRY(ogi_hf_read_decoder(ctx, json_object_get(root, "decoder"), v, hf));
    OG_TRY(ogi_hf_read_post(ctx, json_object_get(root, "post_processor"), v, hf));
    read_config(config, v, hf);
    tell_ignored(ctx, root, v);
    OG_TRY(ogi_vocab_find_special(ctx, v));
    OG_TRY(ogi_hf_build_added(ctx, v, hf));
    return ogi_hf_spell(ctx, v, hf);
}

og_status ogi_hf_load(og_ctx *ctx, const char *path, ogi_vocab *v, ogi_hf *hf)
{
    char file[4096];
    json_t *root = NULL, *config = NULL;
    *v = (ogi_vocab){ .ctx = ctx, .arena = { .ctx = ctx }, .by_text = { .ctx = ctx } };
    *hf = (ogi_hf){ .ctx = ctx };
    hf->continuation.ctx = hf->raw.ctx = hf->normalized.ctx = hf->spoken.ctx = ctx;
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
    for (int i = 0; i < hf->n_step; i++) ogi_hf_free_splitter(hf->ctx, hf->step[i].splitter);
    for (int i = 0; i < hf->n_decoder; i++) ogi_hf_free_splitter(hf->ctx, hf->decoder[i].splitter);
    ogi_trie_free(&hf->continuation);
    ogi_trie_free(&hf->raw);
    ogi_trie_free(&hf->normalized);
    ogi_trie_free(&hf->spoken);
    ogi_free(hf->ctx, hf->script);
}
