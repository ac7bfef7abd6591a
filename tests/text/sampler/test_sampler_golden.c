/* SPDX-License-Identifier: MIT
 *
 * The sampler against reference results, through `oxigraph sample --jsonl`. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/golden.h"

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-4 * fabs(b) + 1e-7;
}

static bool all_near(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b)) return false;
    for (size_t i = 0; i < json_array_size(b); i++)
        if (!is_near(json_number_value(json_array_get(a, i)),
                     json_number_value(json_array_get(b, i))))
            return false;
    return true;
}

/* Each id has the logit it should have; candidates with equal logits may change places. */
static bool ids_match(const json_t *got, const json_t *want)
{
    const json_t *gi = json_object_get(got, "ids"), *gl = json_object_get(got, "logits");
    const json_t *wi = json_object_get(want, "ids"), *wl = json_object_get(want, "logits");
    size_t n = json_array_size(wi);
    if (json_array_size(gi) != n || json_array_size(gl) != n) return false;
    for (size_t i = 0; i < n; i++) {
        json_int_t id = json_integer_value(json_array_get(wi, i));
        size_t k = 0;
        while (k < n && json_integer_value(json_array_get(gi, k)) != id) k++;
        if (k == n || !is_near(json_number_value(json_array_get(gl, k)),
                               json_number_value(json_array_get(wl, i))))
            return false;
    }
    return true;
}

static bool step_matches(const json_t *got, const json_t *want, bool is_tie)
{
    is_tie = is_tie || json_is_true(json_object_get(want, "tie_at_cut"));
    if (!json_equal(json_object_get(got, "n"), json_object_get(want, "n"))) return false;
    if (json_object_get(want, "p") &&
        !all_near(json_object_get(got, "p"), json_object_get(want, "p")))
        return false;
    if (is_tie) return true;
    if (json_object_get(want, "ids") && !ids_match(got, want)) return false;
    const json_t *a = json_object_get(got, "selected"), *b = json_object_get(want, "selected");
    return a == b || json_equal(a, b);
}

static bool test_matches(const json_t *answer, const json_t *test)
{
    const json_t *got = json_object_get(answer, "steps"), *want = json_object_get(test, "steps");
    bool is_tie = json_is_true(json_object_get(test, "tie_at_cut"));
    if (json_array_size(got) != json_array_size(want)) return false;
    for (size_t i = 0; i < json_array_size(want); i++)
        if (!step_matches(json_array_get(got, i), json_array_get(want, i), is_tie)) return false;
    return true;
}

static bool needs_vocab(const json_t *test)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(test, "chain"), i, stage)
    {
        const char *type = json_string_value(json_object_get(stage, "type"));
        if (!strcmp(type, "dry_text") || !strcmp(type, "infill")) return true;
    }
    return false;
}

static void write_request(FILE *f, json_t *test, json_t *rows)
{
    json_t *r = json_object();
    const char *const keys[] = { "chain", "history", "candidates" };
    for (int i = 0; i < 3; i++)
        if (json_object_get(test, keys[i]))
            json_object_set(r, keys[i], json_object_get(test, keys[i]));
    const char *row = json_string_value(json_object_get(test, "logits"));
    json_object_set(r, "logits", json_object_get(rows, row));
    json_object_set_new(r, "steps",
                        json_integer((json_int_t)json_array_size(json_object_get(test, "steps"))));
    json_dumpf(r, f, JSON_COMPACT);
    fputc('\n', f);
    json_decref(r);
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, "r");
}

static void vocab_path(char *out, size_t size)
{
    const char *dir = getenv("OXIGRAPH_TEST_VOCAB");
    snprintf(out, size, "%s/ggml-vocab-gpt-2.gguf",
             dir && *dir ? dir : OGT_SOURCE_DIR "/tests/data/vocab");
}

Test(sampler, equals_the_reference)
{
    char *dir = ogt_kind_dir("sampler");
    FILE *f = open_in(dir, "logits.json"), *lines = open_in(dir, "tests.jsonl");
    cr_assert(f && lines, "no reference data in %s", dir);
    json_t *rows = json_loadf(f, 0, NULL), *tests = json_array();
    fclose(f);
    char vocab[4096], request[] = "/tmp/og_sampler_XXXXXX", command[9000];
    vocab_path(vocab, sizeof vocab);
    bool has_vocab = access(vocab, R_OK) == 0;
    ogt_count count = { "sampler", 0, 0, 0 };
    f = fdopen(mkstemp(request), "w");
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, lines) > 0) {
        json_t *t = json_loads(line, 0, NULL);
        cr_assert(t, "a test is no JSON");
        if (needs_vocab(t) && !has_vocab) {
            count.skipped++;
        } else {
            write_request(f, t, rows);
            json_array_append(tests, t);
        }
        json_decref(t);
    }
    fclose(f);
    fclose(lines);
    snprintf(command, sizeof command, "'%s' sample --jsonl %s%s%s < %s", OGT_PROGRAM,
             has_vocab ? "--vocab '" : "", has_vocab ? vocab : "", has_vocab ? "'" : "", request);
    FILE *answers = popen(command, "r");
    for (; getline(&line, &cap, answers) > 0; count.ran++) {
        json_t *a = json_loads(line, 0, NULL), *t = json_array_get(tests, (size_t)count.ran);
        bool is_right = a && t && test_matches(a, t);
        count.passed += is_right;
        if (!is_right) {
            char *chain = json_dumps(json_object_get(t, "chain"), JSON_COMPACT);
            printf("sampler: wrong: %s\n", chain);
            free(chain);
        }
        json_decref(a);
    }
    cr_assert(pclose(answers) == 0, "the program failed");
    cr_assert(count.ran == (int)json_array_size(tests), "%d answers", count.ran);
    cr_assert(ogt_count_report(&count), "some cases failed");
    unlink(request);
    free(line);
    free(dir);
    json_decref(rows);
    json_decref(tests);
}
