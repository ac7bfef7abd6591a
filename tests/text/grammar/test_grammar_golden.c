/* SPDX-License-Identifier: MIT
 *
 * Grammars and schemas against reference verdicts and masks. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "oxigraph/grammar.h"
#include "tests/support/golden.h"

typedef struct bench {
    og_ctx *ctx;
    og_tokenizer *tokenizer;
    og_vocab_view *vocab; /* NULL: no vocabulary here, masks are skipped */
    og_matcher *m;
    ogt_count count;
    const char *name;
} bench;

static void note(bench *b, bool ok, const char *what, const char *detail)
{
    b->count.ran++;
    b->count.passed += ok;
    if (!ok) printf("grammar: %s: %s: %s\n", b->name, what, detail);
}

static void open_vocab(bench *b)
{
    const char *dir = getenv("OXIGRAPH_TEST_VOCAB");
    char path[4096];
    snprintf(path, sizeof path, "%s/ggml-vocab-gpt-2.gguf",
             dir && *dir ? dir : OGT_SOURCE_DIR "/tests/data/vocab");
    cr_assert(og_ctx_new(NULL, &b->ctx) == OG_OK);
    if (access(path, R_OK) != 0) return;
    cr_assert(og_tokenizer_open(b->ctx, path, NULL, 0, &b->tokenizer) == OG_OK, "%s",
              og_error(b->ctx));
    cr_assert(og_vocab_view_new(b->ctx, b->tokenizer, &b->vocab) == OG_OK);
}

static json_t *load(const char *name)
{
    char *dir = ogt_kind_dir("grammar"), path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    free(dir);
    json_t *v = json_load_file(path, JSON_ALLOW_NUL, NULL);
    cr_assert(json_is_array(v), "no reference data in %s", path);
    return v;
}

static void check_text(bench *b, const json_t *test, bool is_schema)
{
    const json_t *text = json_object_get(test, "text"), *want = json_object_get(test, "accept");
    const json_t *prefix = json_object_get(test, "viable_prefix_bytes");
    const char *p = json_string_value(text);
    size_t n = json_string_length(text), taken;
    bool complete = false;
    if (is_schema) {
        want = json_object_get(test, "grammar");
        if (!json_is_boolean(want)) want = json_object_get(test, "schema_valid");
    }
    og_matcher_reset(b->m);
    cr_assert(og_matcher_text(b->m, p, n, &taken) == OG_OK, "%s", og_error(b->ctx));
    if (taken == n) cr_assert(og_matcher_is_complete(b->m, &complete) == OG_OK);
    while (taken > 0 && taken < n && ((unsigned char)p[taken] & 0xc0) == 0x80) taken--;
    bool ok = complete == json_is_true(want);
    if (!is_schema && prefix) ok = ok && (json_int_t)taken == json_integer_value(prefix);
    note(b, ok, "text", p);
}

static bool mask_matches(bench *b, const json_t *want)
{
    const uint32_t *bits;
    uint64_t hash = 0xcbf29ce484222325u;
    json_int_t n = 0;
    const json_t *first = json_object_get(want, "first");
    cr_assert(og_matcher_mask(b->m, &bits) == OG_OK, "%s", og_error(b->ctx));
    for (int32_t i = 0; i < b->vocab->n_tokens; i++) {
        if (!(bits[i >> 5] >> (i & 31) & 1)) continue;
        if ((size_t)n < json_array_size(first) &&
            json_integer_value(json_array_get(first, (size_t)n)) != i)
            return false;
        n++;
        for (int k = 0; k < 4; k++) hash = (hash ^ ((uint32_t)i >> (8 * k) & 255)) * 0x100000001b3u;
    }
    const char *hex = json_string_value(json_object_get(want, "fnv1a64"));
    return n == json_integer_value(json_object_get(want, "count")) &&
           strtoull(hex, NULL, 16) == hash;
}

static void check_mask(bench *b, const json_t *test)
{
    const json_t *prefix = json_object_get(test, "prefix"),
                 *want = json_object_get(test, "allowed");
    size_t n = json_string_length(prefix), taken;
    if (!b->vocab) {
        b->count.skipped++;
        return;
    }
    og_matcher_reset(b->m);
    cr_assert(og_matcher_text(b->m, json_string_value(prefix), n, &taken) == OG_OK);
    bool ok = taken < n ? json_is_null(want) : json_is_object(want) && mask_matches(b, want);
    note(b, ok, "mask after", json_string_value(prefix));
}

static void check_path(bench *b, const json_t *test)
{
    const json_t *tokens = json_object_get(test, "tokens"),
                 *masks = json_object_get(test, "allowed");
    og_matcher_reset(b->m);
    for (size_t i = 0; i < json_array_size(masks); i++) {
        const json_t *want = json_array_get(masks, i);
        bool is_taken = true;
        if (i) {
            int32_t id = (int32_t)json_integer_value(json_array_get(tokens, i - 1));
            is_taken = og_matcher_accept(b->m, id) == OG_OK;
            og_error_clear(b->ctx);
        }
        note(b, is_taken ? json_is_object(want) && mask_matches(b, want) : json_is_string(want),
             "token path", "");
        if (!is_taken) return;
    }
}

static og_status compile(bench *b, const json_t *g, bool is_schema, og_grammar **out)
{
    if (!is_schema) {
        const json_t *text = json_object_get(g, "gbnf");
        return og_grammar_gbnf(b->ctx, json_string_value(text), json_string_length(text),
                               json_string_value(json_object_get(g, "root")), b->vocab, out);
    }
    json_t *schema = json_object_get(g, "schema");
    char *text = json_is_string(schema) ? strdup(json_string_value(schema))
                                        : json_dumps(schema, JSON_ENCODE_ANY);
    og_status s = og_grammar_schema(b->ctx, text, strlen(text), b->vocab, out);
    free(text);
    return s;
}

static bool needs_vocab(const json_t *g)
{
    const char *text = json_string_value(json_object_get(g, "gbnf"));
    return text && strchr(text, '<') && json_array_size(json_object_get(g, "token_paths"));
}

static void check_grammar(bench *b, const json_t *g, bool is_schema)
{
    og_grammar *c = NULL;
    size_t i;
    json_t *t;
    b->name = json_string_value(json_object_get(g, "name"));
    bool is_valid = json_is_true(json_object_get(g, "valid"));
    if (needs_vocab(g) && !b->vocab) {
        b->count.skipped++;
        return;
    }
    og_error_clear(b->ctx);
    og_status s = compile(b, g, is_schema, &c);
    /* A schema that the reference cannot use may work here; then its texts count. */
    if (s != OG_OK || (!is_valid && !is_schema)) {
        note(b, s != OG_OK && !is_valid && og_error(b->ctx)[0], "compilation", og_error(b->ctx));
        og_grammar_free(c);
        return;
    }
    cr_assert(og_matcher_new(c, b->ctx, &b->m) == OG_OK, "%s", og_error(b->ctx));
    json_array_foreach(json_object_get(g, "tests"), i, t) check_text(b, t, is_schema);
    json_array_foreach(json_object_get(g, "masks"), i, t) check_mask(b, t);
    json_array_foreach(json_object_get(g, "token_paths"), i, t) check_path(b, t);
    og_matcher_free(b->m);
    og_grammar_free(c);
}

static void check_file(const char *file, bool is_schema)
{
    bench b = { .count = { .kind = "grammar" } };
    json_t *list = load(file), *g;
    size_t i;
    open_vocab(&b);
    json_array_foreach(list, i, g) check_grammar(&b, g, is_schema);
    json_decref(list);
    og_vocab_view_free(b.vocab);
    og_tokenizer_free(b.tokenizer);
    og_ctx_free(b.ctx);
    cr_assert(ogt_count_report(&b.count), "some cases failed");
}

Test(grammar, gbnf_equals_the_reference)
{
    check_file("gbnf.json", false);
}
Test(grammar, schemas_equal_the_reference)
{
    check_file("schemas.json", true);
}
