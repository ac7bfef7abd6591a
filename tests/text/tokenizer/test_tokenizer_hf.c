/* SPDX-License-Identifier: MIT
 *
 * tokenizer.json: small files of each model, normalizer, pre-tokenizer, decoder and post-processor,
 * with the ids that Hugging Face's library gives; what is refused, by name. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "oxigraph/tokenizer.h"
#include "tests/support/golden.h"

static og_ctx *ctx;

static void setup(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void teardown(void)
{
    og_ctx_free(ctx);
}
TestSuite(tokenizer_hf, .init = setup, .fini = teardown);

static bool encodes_to(const og_tokenizer *t, const json_t *text, unsigned flags,
                       const json_t *want)
{
    og_tokens ids = { 0 };
    og_status s = og_tokenizer_encode(t, ctx, json_string_value(text), json_string_length(text),
                                      flags | OG_ENCODE_PARSE_SPECIAL, &ids);
    bool same = s == OG_OK && (size_t)ids.n == json_array_size(want);
    for (int64_t i = 0; i < ids.n && same; i++)
        same = json_integer_value(json_array_get(want, (size_t)i)) == ids.id[i];
    og_tokens_free(ctx, &ids);
    return same;
}

/* want: the text, or true: `same`. */
static bool decodes_to(const og_tokenizer *t, const json_t *ids, unsigned flags, const json_t *want,
                       const json_t *same)
{
    int32_t id[4096];
    size_t n = json_array_size(ids), n_text;
    char *text;
    if (!want) return true;
    if (json_is_true(want)) want = same;
    cr_assert(n <= 4096);
    for (size_t i = 0; i < n; i++) id[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    og_status s = og_tokenizer_decode(t, ctx, id, (int64_t)n, flags, &text, &n_text);
    bool good = s == OG_OK && n_text == json_string_length(want) &&
                !memcmp(text, json_string_value(want), n_text);
    if (s == OG_OK && !good) printf("decoded '%s'\n", text);
    og_text_free(ctx, text);
    return good;
}

static void check_file(const char *dir, const char *name, ogt_count *count)
{
    char path[4096];
    og_tokenizer *t;
    snprintf(path, sizeof path, "%s/%s.json", dir, name);
    cr_assert(og_tokenizer_open(ctx, path, NULL, 0, &t) == OG_OK, "%s", og_error(ctx));
    snprintf(path, sizeof path, "%s/%s.jsonl", dir, name);
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    cr_assert(f, "%s is missing", path);
    while (getline(&line, &cap, f) > 0) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        const json_t *text = json_object_get(c, "text"), *ids = json_object_get(c, "ids");
        const json_t *added = json_object_get(c, "a");
        const json_t *d = json_object_get(c, "d"), *all = json_object_get(c, "s");
        if (!added) added = ids;
        bool good =
            encodes_to(t, text, 0, ids) && encodes_to(t, text, OG_ENCODE_ADD_SPECIAL, added) &&
            decodes_to(t, added, 0, d, text) &&
            decodes_to(t, added, OG_DECODE_UNPARSE_SPECIAL, all, json_is_true(d) ? text : d);
        if (!good) printf("%s: %s", name, line);
        count->ran++;
        count->passed += good;
        json_decref(c);
    }
    free(line);
    fclose(f);
    og_tokenizer_free(t);
}

Test(tokenizer_hf, ids_are_the_librarys)
{
    char *dir = ogt_kind_dir("tokenizer_json");
    ogt_count count = { .kind = "tokenizer.json" };
    ogt_names names = ogt_list(dir, ".json");
    for (int i = 0; i < names.n; i++) check_file(dir, names.name[i], &count);
    bool good = ogt_count_report(&count);
    ogt_names_free(&names);
    free(dir);
    cr_assert(good && count.ran > 0);
}

Test(tokenizer_hf, a_folder_gives_the_ids_of_the_gguf_file)
{
    int64_t n;
    og_tokenizer *a, *b;
    og_tokens ia = { 0 }, ib = { 0 };
    char *text = ogt_read(OGT_SOURCE_DIR "/tests/data/models/text/valid.txt", &n);
    cr_assert(text && n > 1000);
    cr_assert(og_tokenizer_open(ctx, OGT_SOURCE_DIR "/tests/data/tokenizer_json/tales", NULL, 0,
                                &a) == OG_OK,
              "%s", og_error(ctx));
    cr_assert(og_tokenizer_open(ctx, OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf", NULL, 0,
                                &b) == OG_OK);
    cr_assert(og_tokenizer_encode(a, ctx, text, (size_t)n, 0, &ia) == OG_OK);
    cr_assert(og_tokenizer_encode(b, ctx, text, (size_t)n, 0, &ib) == OG_OK);
    cr_assert(ia.n == ib.n && !memcmp(ia.id, ib.id, (size_t)ia.n * sizeof *ia.id));
    cr_assert(og_tokenizer_special(a, OG_SPECIAL_EOS) == og_tokenizer_special(b, OG_SPECIAL_EOS));
    for (int32_t i = 0; i < og_tokenizer_size(a); i++)
        cr_assert(og_tokenizer_is_eog(a, i) == og_tokenizer_is_eog(b, i));
    og_tokens_free(ctx, &ia);
    og_tokens_free(ctx, &ib);
    og_tokenizer_free(a);
    og_tokenizer_free(b);
    free(text);
}

/* Decoders: the text comes back as the library's decoder writes it. */
static void check_decoded(const char *name, const char *text, const char *want)
{
    char path[512], *back;
    size_t n;
    og_tokenizer *t;
    og_tokens ids = { 0 };
    snprintf(path, sizeof path, OGT_SOURCE_DIR "/tests/data/tokenizer_json/%s.json", name);
    cr_assert(og_tokenizer_open(ctx, path, NULL, 0, &t) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_tokenizer_encode(t, ctx, text, strlen(text), 0, &ids) == OG_OK);
    cr_assert(og_tokenizer_decode(t, ctx, ids.id, ids.n, 0, &back, &n) == OG_OK);
    cr_assert(!strcmp(back, want), "%s: '%s'", name, back);
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

Test(tokenizer_hf, decoders_give_the_text_back)
{
    check_decoded("bpe-bytes-split", "Don't stop, 你好 123", "Don't stop, 你好 123");
    check_decoded("bpe-llama", "Don't  stop, 你好 123", "Don't  stop, 你好 123");
    check_decoded("unigram", "the king  said", "the king said");
    check_decoded("wordpiece-uncased", "The king said.", "the king said.");
}

/* Opens a file with this content; the error must name `what`. */
static void check_refused(const char *json, const char *what)
{
    char path[] = "/tmp/oxigraph-test-XXXXXX.json";
    og_tokenizer *t;
    int fd = mkstemps(path, 5);
    cr_assert(fd >= 0 && write(fd, json, strlen(json)) == (ssize_t)strlen(json));
    close(fd);
    og_status status = og_tokenizer_open(ctx, path, NULL, 0, &t);
    unlink(path);
    cr_assert(status != OG_OK && !t, "%s was taken", json);
    cr_assert(strstr(og_error(ctx), what), "'%s' does not name '%s'", og_error(ctx), what);
    og_error_clear(ctx);
}

#define BPE "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}"

Test(tokenizer_hf, what_is_not_supported_is_refused_by_name)
{
    check_refused("{\"normalizer\": {\"type\": \"Shout\"}, " BPE "}", "normalizer 'Shout'");
    check_refused("{\"pre_tokenizer\": {\"type\": \"Guess\"}, " BPE "}", "pre-tokenizer 'Guess'");
    check_refused("{\"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 0}, " BPE "}",
                  "FixedLength");
    check_refused("{\"decoder\": {\"type\": \"Whisper\"}, " BPE "}", "decoder 'Whisper'");
    check_refused("{\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []}, " BPE
                  "}",
                  "no $A");
    check_refused("{\"model\": {\"type\": \"BPE\", \"dropout\": 0.1, \"vocab\": {\"a\": 0}, "
                  "\"merges\": []}}",
                  "dropout");
    check_refused("{\"post_processor\": {\"type\": \"Magic\"}, " BPE "}", "post-processor 'Magic'");
    check_refused("{\"model\": {\"type\": \"Guess\", \"vocab\": {\"a\": 0}}}", "model 'Guess'");
    check_refused(
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"behavior\": \"Isolated\", \"pattern\": "
        "{\"Regex\": \"\\\\p{Klingon}\"}}, " BPE "}",
        "\\p{Klingon}");
}

Test(tokenizer_hf, malformed_files_are_refused)
{
    check_refused("{", "line 1");
    check_refused("[]", "model");
    check_refused("{}", "model");
    check_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {}}}", "vocab");
    check_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 2147483648}}}",
                  "too far apart");
    check_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a a\"]}}",
                  "'a' + 'a' names or makes no token");
    check_refused("{\"model\": {\"type\": \"Unigram\", \"unk_id\": 7, \"vocab\": [[\"a\", 0.0]]}}",
                  "unk_id");
    check_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -5, \"b\": 0}}}",
                  "out of range");
    check_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [1]}}",
                  "merges");
    check_refused("{\"model\": {\"type\": \"Unigram\", \"vocab\": [1]}}", "vocab");
    check_refused(
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"behavior\": \"Isolated\", \"pattern\": "
        "{\"Regex\": \"(\"}}, " BPE "}",
        "compile");
}

Test(tokenizer_hf, hostile_files_are_refused)
{
    ogi_buf deep = { .ctx = ctx };
    for (int i = 0; i < 60000; i++) ogi_buf_puts(&deep, "{\"normalizer\":");
    check_refused(ogi_buf_str(&deep), "depth");
    ogi_buf_free(&deep);
    for (int i = 0; i < 20; i++) ogi_buf_puts(&deep, "{\"type\": \"Sequence\", \"decoders\": [");
    for (int i = 0; i < 20; i++) ogi_buf_puts(&deep, "]}");
    ogi_buf all = { .ctx = ctx };
    ogi_buf_printf(&all, "{\"decoder\": %s, " BPE "}", ogi_buf_str(&deep));
    check_refused(ogi_buf_str(&all), "nested too deep");
    ogi_buf_free(&all);
    ogi_buf_free(&deep);
    check_refused("{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": "
                  "\"/////////w==\"}, " BPE "}",
                  "precompiled_charsmap");
    check_refused(
        "{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 4294967296], "
        "\"sep\": [\"a\", 0]}, " BPE "}",
        "unknown token");
    check_refused("{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"abcdef\"}, " BPE
                  "}",
                  "Metaspace");
}

Test(tokenizer_hf, normalizers_that_make_too_much_of_a_text_are_stopped)
{
    static const char json[] =
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [%s]}, " BPE "}";
    static const char step[] = "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, "
                               "\"content\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}";
    char path[] = "/tmp/oxigraph-test-XXXXXX.json";
    og_tokenizer *t;
    og_tokens ids = { 0 };
    ogi_buf steps = { .ctx = ctx };
    for (int i = 0; i < 10; i++) ogi_buf_printf(&steps, "%s%s", i ? ", " : "", step);
    int fd = mkstemps(path, 5);
    FILE *f = fdopen(fd, "w");
    cr_assert(f && fprintf(f, json, ogi_buf_str(&steps)) > 0 && !fclose(f));
    og_status status = og_tokenizer_open(ctx, path, NULL, 0, &t);
    unlink(path);
    cr_assert(status == OG_OK, "%s", og_error(ctx));
    cr_assert(og_tokenizer_encode(t, ctx, "aaaa", 4, 0, &ids) == OG_E_LIMIT);
    cr_assert(strstr(og_error(ctx), "normalizers"), "%s", og_error(ctx));
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
    ogi_buf_free(&steps);
}
