/* SPDX-License-Identifier: MIT
 *
 * Tokenizers against the reference: ids, texts, facts of vocabularies and pieces of pre-tokenizers.
 * Cases lie in the kind's folder, vocabularies in $OXIGRAPH_TEST_VOCAB or tests/data/vocab; cases
 * whose vocabulary is not there are skipped. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "oxigraph/tokenizer.h"
#include "tests/support/golden.h"
#include "text/tokenizer/pre.h"
#include "text/unicode/utf8.h"

static void unbase64(const char *s, ogi_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = 0;
    int bits = 0;
    out->n = 0;
    for (; *s && *s != '='; s++) {
        v = v << 6 | (uint32_t)(strchr(digits, *s) - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        ogi_buf_putc(out, (char)(v >> bits & 255));
    }
}

static json_t *load_lines(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    json_t *all = json_array();
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    while (f && getline(&line, &cap, f) > 0) {
        json_t *item = json_loads(line, 0, NULL);
        cr_assert(item, "%s: malformed line", path);
        json_array_append_new(all, item);
    }
    free(line);
    if (f) fclose(f);
    return all;
}

/* texts[i]: the base64 form of text i */
static const char *text_of(const json_t *texts, json_int_t i)
{
    return json_string_value(json_object_get(json_array_get(texts, (size_t)i), "b64"));
}

static const char *vocab_root(void)
{
    const char *root = getenv("OXIGRAPH_TEST_VOCAB");
    return root && *root ? root : OGT_SOURCE_DIR "/tests/data/vocab";
}

static og_tokenizer *open_vocab(og_ctx *ctx, const char *name)
{
    char path[4096], pre[128];
    const char *at = strchr(name, '@');
    int n = at ? (int)(at - name) : (int)strlen(name);
    snprintf(path, sizeof path, "%s/%s%.*s.gguf", vocab_root(),
             strncmp(name, "synth-", 6) ? "ggml-vocab-" : "", n, name);
    if (access(path, R_OK)) return NULL;
    snprintf(pre, sizeof pre, "tokenizer.ggml.pre=str:%s", at ? at + 1 : "");
    og_tokenizer *t;
    og_status status = og_tokenizer_open(ctx, path, (const char *const[]){ pre }, at != NULL, &t);
    cr_assert(status == OG_OK, "%s: %s", name, og_error(ctx));
    return t;
}

/* ---- ids and texts ---- */

static bool ids_equal(const og_tokens *got, const json_t *want)
{
    if ((size_t)got->n != json_array_size(want)) return false;
    for (int64_t i = 0; i < got->n; i++)
        if (json_integer_value(json_array_get(want, (size_t)i)) != got->id[i]) return false;
    return true;
}

static bool encodes_to(og_ctx *ctx, const og_tokenizer *t, const ogi_buf *text, unsigned flags,
                       const json_t *want)
{
    og_tokens ids = { 0 };
    og_status s = og_tokenizer_encode(t, ctx, ogi_buf_str(text), text->n, flags, &ids);
    bool same = s == OG_OK && ids_equal(&ids, want);
    og_error_clear(ctx);
    og_tokens_free(ctx, &ids);
    return same;
}

static bool decodes_to(og_ctx *ctx, const og_tokenizer *t, const json_t *ids, unsigned flags,
                       const char *b64)
{
    ogi_buf want = { .ctx = ctx };
    int32_t *id = malloc((json_array_size(ids) + 1) * sizeof *id);
    char *text = NULL;
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(ids); i++)
        id[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    unbase64(b64, &want);
    og_status s = og_tokenizer_decode(t, ctx, id, (int64_t)json_array_size(ids), flags, &text, &n);
    bool same = s == OG_OK && n == want.n && (!n || !memcmp(text, want.p, n));
    og_text_free(ctx, text);
    ogi_buf_free(&want);
    free(id);
    return same;
}

static const json_t *or_else(const json_t *c, const char *key, const json_t *other)
{
    const json_t *v = json_object_get(c, key);
    return v ? v : other;
}

static bool case_holds(og_ctx *ctx, const og_tokenizer *t, const json_t *c, const char *b64)
{
    ogi_buf text = { .ctx = ctx };
    unbase64(b64, &text);
    const json_t *ids = json_object_get(c, "ids"), *p = or_else(c, "p", ids);
    const json_t *ap = or_else(c, "ap", p);
    bool good = encodes_to(ctx, t, &text, 0, ids) &&
                encodes_to(ctx, t, &text, OG_ENCODE_ADD_SPECIAL, or_else(c, "a", ids)) &&
                encodes_to(ctx, t, &text, OG_ENCODE_PARSE_SPECIAL, p) &&
                encodes_to(ctx, t, &text, OG_ENCODE_ADD_SPECIAL | OG_ENCODE_PARSE_SPECIAL, ap);
    const json_t *d = json_object_get(c, "d"), *ds = json_object_get(c, "ds"),
                 *dr = json_object_get(c, "dr");
    const char *plain = json_is_true(d) ? b64 : json_string_value(d);
    good = good && decodes_to(ctx, t, ids, 0, plain) &&
           decodes_to(ctx, t, ap, OG_DECODE_UNPARSE_SPECIAL,
                      json_is_true(ds) ? plain : json_string_value(ds)) &&
           decodes_to(ctx, t, ap, OG_DECODE_REMOVE_SPECIAL,
                      json_is_true(dr) ? plain : json_string_value(dr));
    ogi_buf_free(&text);
    return good;
}

static void check_vocab(const char *dir, const char *name, const json_t *texts, ogt_count *count)
{
    char file[512];
    og_ctx *ctx;
    const char *base = strrchr(name, '/');
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    snprintf(file, sizeof file, "%s.jsonl", name);
    json_t *cases = load_lines(dir, file), *c;
    og_tokenizer *t = open_vocab(ctx, base ? base + 1 : name);
    size_t i;
    json_array_foreach(cases, i, c)
    {
        json_int_t number = json_integer_value(json_object_get(c, "i"));
        if (!t || json_is_true(json_object_get(c, "error"))) {
            count->skipped++;
            continue;
        }
        bool good = case_holds(ctx, t, c, text_of(texts, number));
        if (!good) printf("%s: text %d differs\n", name, (int)number);
        count->ran++;
        count->passed += good;
    }
    og_tokenizer_free(t);
    og_ctx_free(ctx);
    json_decref(cases);
}

Test(tokenizer_golden, ids_and_texts_are_the_references)
{
    char *dir = ogt_kind_dir("tokenizer"), override[4096];
    json_t *texts = load_lines(dir, "texts.jsonl");
    ogt_count count = { .kind = "tokenizer ids" };
    snprintf(override, sizeof override, "%s/override", dir);
    ogt_names names = ogt_list(dir, ".jsonl"), more = ogt_list(override, ".jsonl");
    for (int i = 0; i < names.n; i++)
        if (strcmp(names.name[i], "texts") && strcmp(names.name[i], "splits"))
            check_vocab(dir, names.name[i], texts, &count);
    for (int i = 0; i < more.n; i++) {
        char name[512];
        snprintf(name, sizeof name, "override/%s", more.name[i]);
        check_vocab(dir, name, texts, &count);
    }
    bool good = ogt_count_report(&count);
    ogt_names_free(&names);
    ogt_names_free(&more);
    json_decref(texts);
    free(dir);
    cr_assert(good && count.ran > 0);
}

/* ---- the classic vectors beside the vocabularies ---- */

/* Are the ids of text the numbers of this line? */
static bool line_holds(og_ctx *ctx, const og_tokenizer *t, const char *text, size_t n,
                       const char *line)
{
    og_tokens ids = { 0 };
    bool same = og_tokenizer_encode(t, ctx, text, n, 0, &ids) == OG_OK;
    char *end;
    for (int64_t i = 0; i < ids.n && same; i++, line = end)
        same = strtol(line, &end, 10) == ids.id[i] && end != line;
    same = same && line[strspn(line, " ")] == '\n';
    og_tokens_free(ctx, &ids);
    return same;
}

/* NAME.gguf.inp: texts, each with a separator behind it; NAME.gguf.out: a line of ids for each. */
static void check_vectors(const char *name, ogt_count *count)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char path[4096];
    int64_t n_in, n_out;
    og_ctx *ctx;
    og_tokenizer *t;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    snprintf(path, sizeof path, "%s/%s", vocab_root(), name);
    cr_assert(og_tokenizer_open(ctx, path, NULL, 0, &t) == OG_OK, "%s", og_error(ctx));
    snprintf(path, sizeof path, "%s/%s.inp", vocab_root(), name);
    char *in = ogt_read(path, &n_in);
    snprintf(path, sizeof path, "%s/%s.out", vocab_root(), name);
    char *out = ogt_read(path, &n_out), *line = out;
    cr_assert(in && out, "%s: .inp without .out", name);
    for (char *text = in, *end; (end = strstr(text, separator)) && line < out + n_out;
         text = end + sizeof separator - 1) {
        bool good = line_holds(ctx, t, text, (size_t)(end - text), line);
        if (!good) printf("%s: text %d differs\n", name, count->ran);
        count->ran++;
        count->passed += good;
        line += strcspn(line, "\n") + 1;
    }
    free(in);
    free(out);
    og_tokenizer_free(t);
    og_ctx_free(ctx);
}

Test(tokenizer_golden, vectors_beside_the_vocabularies_hold)
{
    ogt_count count = { .kind = "vocabulary vectors" };
    ogt_names names = ogt_list(vocab_root(), ".inp");
    for (int i = 0; i < names.n; i++) check_vectors(names.name[i], &count);
    bool good = ogt_count_report(&count);
    ogt_names_free(&names);
    cr_assert(good && (count.ran > 0 || getenv("OXIGRAPH_TEST_VOCAB")));
}

/* ---- facts ---- */

static int wrong_facts(const og_tokenizer *t, const json_t *meta)
{
    int wrong = json_integer_value(json_object_get(meta, "n_tokens")) != og_tokenizer_size(t);
    wrong += strcmp(json_string_value(json_object_get(meta, "type")), og_tokenizer_kind(t)) != 0;
#define S(name, key)                                                                               \
    wrong += json_integer_value(json_object_get(meta, #key)) !=                                    \
             og_tokenizer_special(t, OG_SPECIAL_##name);
    OG_SPECIAL_LIST(S)
#undef S
#define S(name, key)                                                                               \
    if (json_object_get(meta, #key))                                                               \
        wrong += json_is_true(json_object_get(meta, #key)) !=                                      \
                 og_tokenizer_flag_get(t, OG_TOKENIZER_##name);
    OG_TOKENIZER_FLAG_LIST(S)
#undef S
    int n_eog = 0;
    for (int32_t i = 0; i < og_tokenizer_size(t); i++) n_eog += og_tokenizer_is_eog(t, i);
    const json_t *eog = json_object_get(meta, "eog"), *item;
    size_t i;
    wrong += (size_t)n_eog != json_array_size(eog);
    json_array_foreach(eog, i, item) wrong +=
        !og_tokenizer_is_eog(t, (int32_t)json_integer_value(item));
    json_array_foreach(json_object_get(meta, "attr_not_normal"), i, item)
    {
        int32_t id = (int32_t)json_integer_value(json_array_get(item, 0));
        wrong += json_integer_value(json_array_get(item, 1)) != og_tokenizer_attr(t, id);
    }
    return wrong;
}

static int wrong_pieces(og_ctx *ctx, const og_tokenizer *t, const json_t *pieces)
{
    ogi_buf want = { .ctx = ctx };
    const json_t *item;
    size_t i, n;
    int wrong = 0;
    json_array_foreach(pieces, i, item)
    {
        int32_t id = (int32_t)json_integer_value(json_array_get(item, 0));
        const json_t *plain = json_array_get(item, 1), *shown = json_array_get(item, 2);
        for (int show = 0; show < 2; show++) {
            const char *piece = og_tokenizer_piece(t, id, show, &n);
            unbase64(json_string_value(show && shown ? shown : plain), &want);
            bool same = n == want.n && (!n || !memcmp(piece, want.p, n));
            if (!same) printf("piece %d differs: '%.*s'\n", (int)id, (int)n, piece);
            wrong += !same;
        }
    }
    ogi_buf_free(&want);
    return wrong;
}

Test(tokenizer_golden, facts_and_pieces_are_the_references)
{
    char *dir = ogt_kind_dir("tokenizer");
    ogt_count count = { .kind = "tokenizer facts" };
    ogt_names names = ogt_list(dir, ".meta.json");
    for (int i = 0; i < names.n; i++) {
        char path[4096];
        og_ctx *ctx;
        cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
        snprintf(path, sizeof path, "%s/%s.meta.json", dir, names.name[i]);
        json_t *meta = json_load_file(path, 0, NULL);
        og_tokenizer *t = open_vocab(ctx, names.name[i]);
        count.skipped += !t;
        count.ran += t != NULL;
        if (t) {
            int facts = wrong_facts(t, meta);
            int pieces = wrong_pieces(ctx, t, json_object_get(meta, "pieces"));
            if (facts || pieces)
                printf("%s: %d facts, %d pieces differ\n", names.name[i], facts, pieces);
            count.passed += !facts && !pieces;
        }
        json_decref(meta);
        og_tokenizer_free(t);
        og_ctx_free(ctx);
    }
    bool good = ogt_count_report(&count);
    ogt_names_free(&names);
    free(dir);
    cr_assert(good && count.ran > 0);
}

/* ---- pre-tokenizers ---- */

static bool splits_to(ogi_split *split, ogi_sv text, const json_t *want)
{
    ogi_sv piece;
    bool more = true;
    size_t n = 0;
    if (ogi_split_begin(split, text) != OG_OK) return false;
    while (ogi_split_next(split, &piece, &more) == OG_OK && more)
        if (json_integer_value(json_array_get(want, n++)) != (json_int_t)piece.n) return false;
    return n == json_array_size(want);
}

/* All cases of one key with one pre-tokenizer. */
static void check_splits(const char *key, const ogi_pre *pre, const json_t *cases,
                         const json_t *texts, ogt_count *count)
{
    og_ctx *ctx;
    ogi_splitter splitter;
    size_t i;
    const json_t *c;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_splitter_build_pre(ctx, pre, &splitter) == OG_OK, "%s", og_error(ctx));
    ogi_split split = { .ctx = ctx, .splitter = &splitter };
    ogi_buf text = { .ctx = ctx }, clean = { .ctx = ctx };
    json_array_foreach(cases, i, c)
    {
        bool same;
        if (strcmp(json_string_value(json_object_get(c, "pre")), key)) continue;
        clean.n = 0;
        unbase64(text_of(texts, json_integer_value(json_object_get(c, "i"))), &text);
        ogi_sv s = { ogi_buf_str(&text), text.n };
        bool readable = ogi_utf8_clean(s, OGI_CP_MAX, &clean, &same);
        if (readable && !same) s = (ogi_sv){ clean.p, clean.n };
        const json_t *error = json_object_get(c, "error");
        bool good = error ? !readable : readable && splits_to(&split, s, json_object_get(c, "len"));
        if (!good)
            printf("%s: text %d differs\n", key, (int)json_integer_value(json_object_get(c, "i")));
        count->ran++;
        count->passed += good;
    }
    ogi_buf_free(&text);
    ogi_buf_free(&clean);
    ogi_split_end(&split);
    ogi_splitter_free(&splitter);
    og_ctx_free(ctx);
}

static bool flag_of(const json_t *entry, const char *key)
{
    return json_is_true(json_object_get(entry, key));
}

Test(tokenizer_golden, every_named_pre_tokenizer_is_known_with_its_flags)
{
    char *dir = ogt_kind_dir("tokenizer"), path[4096];
    snprintf(path, sizeof path, "%s/pretokenizers.json", dir);
    json_t *all = json_load_file(path, 0, NULL);
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(all, "names"), name, entry)
    {
        const ogi_pre *pre = ogi_pre_find(ogi_sv_of(name));
        cr_assert(pre, "%s is not known", name);
        unsigned want = (flag_of(entry, "add_bos") ? OGI_PRE_BOS : 0) |
                        (flag_of(entry, "add_sep") ? OGI_PRE_SEP : 0) |
                        (flag_of(entry, "ignore_merges") ? OGI_PRE_IGNORE_MERGES : 0) |
                        (flag_of(entry, "clean_spaces") ? OGI_PRE_CLEAN_SPACES : 0) |
                        (flag_of(entry, "escape_whitespaces") ? OGI_PRE_ESCAPE_SPACES : 0) |
                        (flag_of(entry, "lowercase") ? 0 : OGI_PRE_KEEP_CASE) |
                        (flag_of(entry, "clears_default_bos") ? OGI_PRE_NO_DEFAULT_BOS : 0);
        cr_assert(pre->flags == want, "%s: flags %#x, expected %#x", name, pre->flags, want);
        const char *type = json_string_value(json_object_get(entry, "type"));
        const json_t *rules = json_object_get(json_object_get(all, "types"), type);
        cr_assert(pre->byte_encode == flag_of(rules, "byte_encode"), "%s: byte_encode", name);
    }
    json_decref(all);
    free(dir);
}

Test(tokenizer_golden, pieces_of_pre_tokenizers_are_the_references)
{
    char *dir = ogt_kind_dir("tokenizer"), path[4096];
    json_t *texts = load_lines(dir, "texts.jsonl"), *cases = load_lines(dir, "splits.jsonl");
    ogt_count count = { .kind = "pre-tokenizer pieces" };
    snprintf(path, sizeof path, "%s/pretokenizers.json", dir);
    json_t *all = json_load_file(path, 0, NULL), *seen = json_object(), *entry;
    const char *name;
    json_object_foreach(json_object_get(all, "names"), name, entry)
    {
        const char *key = json_string_value(json_object_get(entry, "split_key"));
        if (json_object_get(seen, key)) continue;
        json_object_set_new(seen, key, json_true());
        const ogi_pre *pre = ogi_pre_find(ogi_sv_of(name));
        if (pre) check_splits(key, pre, cases, texts, &count);
    }
    bool good = ogt_count_report(&count);
    json_decref(all);
    json_decref(seen);
    json_decref(cases);
    json_decref(texts);
    free(dir);
    cr_assert(good && count.ran > 0);
}
