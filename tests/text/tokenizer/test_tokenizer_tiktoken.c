/* SPDX-License-Identifier: MIT
 *
 * Rank files: the ids that the tiktoken library gives with each pattern, texts that come back, and
 * what is refused. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "oxigraph/tokenizer.h"
#include "tests/support/golden.h"

#define DATA OGT_SOURCE_DIR "/tests/data/tokenizer_tiktoken/"

static og_ctx *ctx;

static void setup(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void teardown(void)
{
    og_ctx_free(ctx);
}
TestSuite(tokenizer_tiktoken, .init = setup, .fini = teardown);

static og_tokenizer *open_ranks(const char *pattern)
{
    og_tokenizer *t;
    char override[64];
    snprintf(override, sizeof override, "tokenizer.ggml.pre=str:%s", pattern);
    og_status s =
        og_tokenizer_open(ctx, DATA "ranks.tiktoken", (const char *const[]){ override }, 1, &t);
    cr_assert(s == OG_OK, "%s", og_error(ctx));
    cr_assert(!strcmp(og_tokenizer_pre(t), pattern));
    return t;
}

static bool case_holds(const og_tokenizer *t, const json_t *c)
{
    const json_t *text = json_object_get(c, "text"), *want = json_object_get(c, "ids");
    og_tokens ids = { 0 };
    char *back;
    size_t n;
    cr_assert(og_tokenizer_encode(t, ctx, json_string_value(text), json_string_length(text),
                                  OG_ENCODE_PARSE_SPECIAL, &ids) == OG_OK);
    bool same = (size_t)ids.n == json_array_size(want);
    for (int64_t i = 0; i < ids.n && same; i++)
        same = json_integer_value(json_array_get(want, (size_t)i)) == ids.id[i];
    cr_assert(og_tokenizer_decode(t, ctx, ids.id, ids.n, 0, &back, &n) == OG_OK);
    same = same && n == json_string_length(text) && !memcmp(back, json_string_value(text), n);
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
    return same;
}

Test(tokenizer_tiktoken, ids_are_the_librarys_and_texts_come_back)
{
    ogt_count count = { .kind = "tiktoken" };
    ogt_names names = ogt_list(DATA, ".jsonl");
    for (int i = 0; i < names.n; i++) {
        og_tokenizer *t = open_ranks(names.name[i]);
        char path[512], *line = NULL;
        size_t cap = 0;
        snprintf(path, sizeof path, DATA "%s.jsonl", names.name[i]);
        FILE *f = fopen(path, "r");
        while (f && getline(&line, &cap, f) > 0) {
            json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
            bool good = case_holds(t, c);
            if (!good) printf("%s: %s", names.name[i], line);
            count.ran++;
            count.passed += good;
            json_decref(c);
        }
        if (f) fclose(f);
        free(line);
        og_tokenizer_free(t);
    }
    bool good = ogt_count_report(&count);
    ogt_names_free(&names);
    cr_assert(good && count.ran > 20);
}

/* Opens a file of this name and content; the error must name `what` (NULL: it must open). */
static void check_file(const char *name, const char *content, const char *what)
{
    char dir[] = "/tmp/oxigraph-test-XXXXXX", path[128];
    og_tokenizer *t;
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(content, f) >= 0 && !fclose(f));
    og_status status = og_tokenizer_open(ctx, path, NULL, 0, &t);
    unlink(path);
    rmdir(dir);
    cr_assert((status == OG_OK) == !what, "%s: %s", content, og_error(ctx));
    cr_assert(!what || strstr(og_error(ctx), what), "'%s' does not name '%s'", og_error(ctx), what);
    og_error_clear(ctx);
    og_tokenizer_free(t);
}

Test(tokenizer_tiktoken, the_pattern_follows_from_the_name)
{
    int64_t n;
    char *ranks = ogt_read(DATA "ranks.tiktoken", &n);
    cr_assert(ranks);
    check_file("my_cl100k_base.tiktoken", ranks, NULL);
    check_file("qwen.tiktoken", ranks, NULL);
    check_file("mine.tiktoken", ranks, "cl100k_base o200k_base r50k_base");
    free(ranks);
}

Test(tokenizer_tiktoken, malformed_files_are_refused_by_line)
{
    check_file("gpt2.tiktoken", "", "empty");
    check_file("gpt2.tiktoken", "YQ== 0\nYg==\n", "line 2");
    check_file("gpt2.tiktoken", "YQ== 0\nYg== 0\n", "rank 0 is given twice");
    check_file("gpt2.tiktoken", "YQ== -1\n", "line 1");
    check_file("gpt2.tiktoken", "YQ== 2147483648\n", "line 1");
    check_file("gpt2.tiktoken", "YQ== 99999999999999999999\n", "line 1");
    check_file("gpt2.tiktoken", "YQ== 500000\n", "too far apart");
    check_file("gpt2.tiktoken", "*** 1\n", "line 1");
    check_file("gpt2.tiktoken", "YQ== 0\n", "byte 0x00 has no rank");
}
