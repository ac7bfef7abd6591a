/* SPDX-License-Identifier: MIT
 *
 * `run` through a chat template: prompts as messages, constraints, --json, and the chat, piped. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"

static ogt_result run(const char *args)
{
    ogt_result r = ogt_run_command("'%s' run '%s' %s", OGT_PROGRAM, STORY, args);
    cr_assert_eq(r.status, 0, "%s: exit %d: %s", args, r.status, r.err);
    return r;
}

/* The object that `run --json` prints. */
static json_t *run_json(const char *args, int seed)
{
    json_error_t e;
    ogt_result r =
        ogt_run_command("'%s' run '%s' --json --seed %d %s", OGT_PROGRAM, STORY, seed, args);
    cr_assert_eq(r.status, 0, "%s: exit %d: %s", args, r.status, r.err);
    json_t *j = json_loads(r.out, 0, &e);
    cr_assert_not_null(j, "%s: %s: %s", args, e.text, r.out);
    ogt_result_free(&r);
    return j;
}

static const char *text_of(const json_t *result)
{
    return json_string_value(json_object_get(result, "text"));
}

static const char *stop_of(const json_t *result)
{
    return json_string_value(json_object_get(result, "stop"));
}

/* ---- one prompt ---------------------------------------------------------------------------- */

Test(run_message, is_rendered_through_the_template_and_not_echoed)
{
    ogt_result chat = run("'A fox' --system 'Be short' --temp 0 -n 12");
    ogt_result raw =
        run("--raw --no-echo --temp 0 -n 12 -p '<|im_start|>system\nBe short<|im_end|>\n"
            "<|im_start|>user\nA fox<|im_end|>\n<|im_start|>assistant\n'");
    ogt_result bare = run("--raw --no-echo --temp 0 -n 12 -p 'A fox'");
    cr_assert_str_eq(chat.out, raw.out);
    cr_assert_str_neq(chat.out, bare.out);
    ogt_result_free(&chat), ogt_result_free(&raw), ogt_result_free(&bare);
}

Test(run_message, takes_another_template_with_variables)
{
    ogt_result r = ogt_run_command(
        "printf '{{ word }} {{ messages[0].content }}' >t.$$; '%s' run '%s' --chat-template ./t.$$ "
        "--template-kwargs '{\"word\": \"Once\"}' --temp 0 -n 8 'upon a'; s=$?; rm t.$$; exit $s",
        OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 0, "%s", r.err);
    ogt_result raw = run("--raw --no-echo --temp 0 -n 8 -p 'Once upon a'");
    cr_assert_str_eq(r.out, raw.out);
    ogt_result_free(&r), ogt_result_free(&raw);
}

Test(run_json, tells_text_tokens_and_why_it_ended)
{
    json_t *j = run_json("'A fox' -n 7", 1);
    cr_assert_str_eq(stop_of(j), "length");
    cr_assert_eq(json_array_size(json_object_get(j, "ids")), 7);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(j, "tokens"), "generated")), 7);
    cr_assert_gt(json_real_value(json_object_get(json_object_get(j, "seconds"), "generate")), 0);
    cr_assert_gt(strlen(text_of(j)), 7);
    json_decref(j);
    j = run_json("'A fox' -n 40 --stop e", 1);
    cr_assert_str_eq(stop_of(j), "text");
    cr_assert_str_eq(json_string_value(json_object_get(j, "stop_text")), "e");
    cr_assert_null(strchr(text_of(j), 'e'));
    json_decref(j);
}

/* ---- constraints --------------------------------------------------------------------------- */

Test(run_constraint, text_matches_the_regular_expression)
{
    regex_t re;
    cr_assert_eq(regcomp(&re, "^[A-Z][a-z]{2,7}( [a-z]{2,5}){3}\\.$", REG_EXTENDED | REG_NOSUB), 0);
    for (int seed = 1; seed <= 5; seed++) {
        json_t *j = run_json("'A fox' --regex '[A-Z][a-z]{2,7}( [a-z]{2,5}){3}\\.'", seed);
        cr_assert_str_eq(stop_of(j), "end");
        cr_assert_eq(regexec(&re, text_of(j), 0, NULL, 0), 0, "seed %d: %s", seed, text_of(j));
        json_decref(j);
    }
    regfree(&re);
}

Test(run_constraint, text_validates_against_the_schema)
{
    int n_end = 0;
    for (int seed = 1; seed <= 5; seed++) {
        json_t *j = run_json("'A fox' -n 150 --json-schema '{\"type\": \"object\", \"properties\": "
                             "{\"name\": {\"type\": \"string\", \"maxLength\": 8}, \"age\": "
                             "{\"type\": \"integer\", \"minimum\": 3, \"maximum\": 99}}, "
                             "\"required\": [\"name\", \"age\"], "
                             "\"additionalProperties\": false}'",
                             seed);
        if (!strcmp(stop_of(j), "end")) {
            json_t *o = json_loads(text_of(j), 0, NULL), *age = json_object_get(o, "age");
            cr_assert(json_is_string(json_object_get(o, "name")), "%s", text_of(j));
            cr_assert(json_is_integer(age), "%s", text_of(j));
            cr_assert(json_integer_value(age) >= 3 && json_integer_value(age) <= 99);
            cr_assert_eq(json_object_size(o), 2, "%s", text_of(j));
            json_decref(o);
            n_end++;
        }
        json_decref(j);
    }
    printf("schema: %d of 5 ended within 150 tokens\n", n_end);
    cr_assert_gt(n_end, 2);
}

Test(run_constraint, only_one_at_a_time)
{
    ogt_result r = ogt_run_command("'%s' run '%s' x --regex a --format json", OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 2, "exit %d: %s", r.status, r.err);
    cr_assert(strstr(r.err, "only one of"), "%s", r.err);
    ogt_result_free(&r);
}

/* ---- chat, piped --------------------------------------------------------------------------- */

/* lines: for printf(1). */
static ogt_result chat(const char *lines, const char *options)
{
    ogt_result r = ogt_run_command("printf '%s' | '%s' run '%s' --temp 0 %s", lines, OGT_PROGRAM,
                                   STORY, options);
    cr_assert_eq(r.status, 0, "exit %d: %s", r.status, r.err);
    return r;
}

Test(chat, answers_with_what_was_said_before)
{
    ogt_result one = chat("A fox", "-n 8");
    ogt_result two = chat("A fox\\nAnd then\\n/show\\n", "-n 8");
    cr_assert(!strncmp(two.out, one.out, one.n_out), "'%s', '%s'", two.out, one.out);
    /* the second answer is that to the whole conversation */
    ogt_result raw = ogt_run_command(
        "'%s' run '%s' --raw --no-echo --temp 0 -n 8 -p '<|im_start|>user\nA fox<|im_end|>\n"
        "<|im_start|>assistant\n%.*s<|im_end|>\n<|im_start|>user\nAnd then<|im_end|>\n"
        "<|im_start|>assistant\n'",
        OGT_PROGRAM, STORY, (int)one.n_out - 1, one.out);
    cr_assert_eq(raw.status, 0, "%s", raw.err);
    cr_assert(!strncmp(two.out + one.n_out, raw.out, raw.n_out), "'%s', expected '%s'",
              two.out + one.n_out, raw.out);
    cr_assert(strstr(two.out, "\nuser: And then\nassistant: "), "%s", two.out);
    ogt_result_free(&one), ogt_result_free(&two), ogt_result_free(&raw);
}

Test(chat, keeps_what_was_fed)
{
    ogt_result r = chat("A fox\\n/stats\\nAnd then\\n/stats\\n", "-n 8");
    int first = 0, second = 0;
    const char *p = strstr(r.err, "prompt ");
    cr_assert(p && sscanf(p, "prompt %d", &first) == 1, "%s", r.err);
    p = strstr(p + 1, "prompt ");
    cr_assert(p && sscanf(p, "prompt %d", &second) == 1, "%s", r.err);
    p = strstr(r.err, "2 answers; ");
    cr_assert(p, "%s", r.err);
    int held = 0, n_read = 0, n_written = 0;
    cr_assert(sscanf(p, "2 answers; %d tokens read, %d written", &n_read, &n_written) == 2);
    cr_assert(n_read == first + second && n_written == 16, "%s", p);
    cr_assert(sscanf(strstr(p, "tokens/s; "), "tokens/s; %d of", &held) == 1, "%s", r.err);
    cr_assert(first > 0 && second > 0 && first + second + 8 <= held, "%s", r.err);
    ogt_result_free(&r);
}

Test(chat, takes_back_regenerates_and_forgets)
{
    ogt_result once = chat("A fox\\n/show\\n", "-n 8");
    static const char *const same[] = {
        "A fox\\nA dog\\n/undo\\n/show\\n",
        "A dog\\n/reset\\nA fox\\n/show\\n",
        "A fox\\n/regen\\n/show\\n",
        "/set predict 1\\nA dog\\n/undo\\n/set predict 8\\nA fox\\n/show\\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ogt_result r = chat(same[i], "-n 8");
        const char *want = strstr(once.out, "user: "), *got = strstr(r.out, "user: ");
        cr_assert(want && got && !strcmp(want, got), "%s: '%s', expected '%s'", same[i], r.out,
                  once.out);
        ogt_result_free(&r);
    }
    ogt_result_free(&once);
}

Test(chat, blocks_are_messages_of_several_lines)
{
    ogt_result r = chat("\"\"\"\\n/bye\\nA fox\\n\"\"\"\\n\"\"\"x\\ny\"\"\"\\n/show\\n", "-n 2");
    cr_assert(strstr(r.out, "user: /bye\nA fox\nassistant: "), "%s", r.out);
    cr_assert(strstr(r.out, "user: x\ny\nassistant: "), "%s", r.out);
    ogt_result_free(&r);
}

Test(chat, says_what_a_full_context_dropped)
{
    ogt_result r =
        chat("A fox and a hen\\nA hen and a dog\\nA dog and a cow\\nA cow\\n", "-n 12 -c 80");
    cr_assert(strstr(r.err, "the context of 80 tokens is full: the oldest 2 of 5 messages"), "%s",
              r.err);
    ogt_result_free(&r);
    r = chat("A fox and a hen and a dog and a cow and a king and a queen\\n/show\\nA\\n/show\\n",
             "-n 2 -c 24");
    cr_assert(strstr(r.err, "leaves no place for an answer"), "%s", r.err);
    cr_assert_null(strstr(r.out, "A fox"), "%s", r.out);
    cr_assert(strstr(r.out, "user: A\n"), "the chat goes on: %s", r.out);
    ogt_result_free(&r);
}

Test(chat, saves_and_loads)
{
    char path[64], line[256];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/ogt_chat_%d.json", (int)getpid());
    snprintf(line, sizeof line, "/system Be kind\\nA fox\\n/save %s\\n/show\\n", path);
    ogt_result a = chat(line, "-n 8");
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600, "mode %o", st.st_mode & 0777);
    snprintf(line, sizeof line, "/load %s\\n/show\\n/load /nonexistent/x\\n/load %s\\n/show\\n",
             path, STORY);
    ogt_result b = chat(line, "-n 8");
    const char *want = strstr(a.out, "system: Be kind");
    cr_assert_not_null(want, "%s", a.out);
    cr_assert(!strncmp(b.out, want, strlen(want)), "'%s', expected '%s'", b.out, want);
    cr_assert_str_eq(b.out + strlen(want), want, "a failed load changes nothing");
    cr_assert(strstr(b.err, "/nonexistent/x"), "%s", b.err);
    unlink(path);
    ogt_result_free(&a), ogt_result_free(&b);
}

Test(chat, tells_mistakes_and_goes_on)
{
    ogt_result r =
        chat("/walk\\n/save\\n/regen\\n/undo\\n/set temp hot\\n/set nothing 1\\nA fox\\n", "-n 4");
    static const char *const told[] = { "no command /walk",     "/save wants", "no answer yet",
                                        "nothing to take back", "temp",        "nothing" };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        cr_assert(strstr(r.err, told[i]), "'%s' is not in: %s", told[i], r.err);
    cr_assert_gt(r.n_out, 4);
    ogt_result_free(&r);
}

Test(chat, reads_files_into_the_next_message)
{
    char dir[64], line[512];
    snprintf(dir, sizeof dir, "/tmp/ogt_chat_%d", (int)getpid());
    ogt_result r = ogt_run_command("mkdir %s && cd %s && printf '\\357\\273\\277one\\ntwo' >a && "
                                   "printf 'x\\033[1m' >b && printf 'x\\0y' >nul && "
                                   "printf 'ab\\377' >latin && : >empty && "
                                   "head -c 17000000 /dev/zero | tr '\\0' x >long",
                                   dir, dir);
    cr_assert_eq(r.status, 0, "%s", r.err);
    ogt_result_free(&r);
    snprintf(line, sizeof line,
             "/read %s/a\\n/read %s/b\\nwhat\\n/read %s/a\\n/undo\\n/read %s/a\\n\\n/show\\n/read "
             "%s/nul\\n/read %s/latin\\n/read %s/empty\\n/read %s/long\\n/read %s\\n/read "
             "/dev/zero\\n",
             dir, dir, dir, dir, dir, dir, dir, dir, dir);
    r = chat(line, "-n 2");
    cr_assert(strstr(r.out, "user: one\ntwo\nx\033[1m\nwhat\nassistant: "), "%s", r.out);
    cr_assert(strstr(r.out, "user: one\ntwo\n\nassistant: "), "alone: %s", r.out);
    static const char *const told[] = {
        "nul: is not text: a NUL at byte 1",
        "latin: is not text: no UTF-8 at byte 2",
        "empty: is empty",
        "long: 17000000 bytes make a message longer than",
        "Is a directory",
        "/dev/zero: not a regular file",
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        cr_assert(strstr(r.err, told[i]), "'%s' is not in: %s", told[i], r.err);
    ogt_result_free(&r);
    r = ogt_run_command("rm -r %s", dir);
    ogt_result_free(&r);
}

Test(chat, configuration_files_are_what_set_shows)
{
    static const char *const file[][2] = {
        { "json", "{\"top_k\": 7, \"temp\": 0.25, \"samplers\": [\"top_k\", \"temperature\"]}" },
        { "toml", "top_k = 7\ntemp = 0.25\nsamplers = [\"top_k\", \"temperature\"]\n" },
    };
    char *shown[2];
    for (int i = 0; i < 2; i++) {
        char path[64];
        snprintf(path, sizeof path, "/tmp/ogt_config_%d.%s", (int)getpid(), file[i][0]);
        FILE *f = fopen(path, "w");
        cr_assert(f && fputs(file[i][1], f) >= 0);
        fclose(f);
        ogt_result r = ogt_run_command("printf '/set\\n/set top_k 9\\n/set\\n' | '%s' run '%s' "
                                       "--seed 3 --top-p 0.5 --config %s",
                                       OGT_PROGRAM, STORY, path);
        cr_assert_eq(r.status, 0, "%s: %s", path, r.err);
        static const char *const want[] = { "\"top_k\": 7", "\"temp\": 0.25", "\"top_p\": 0.5",
                                            "\"top_k\": 9" };
        for (size_t k = 0; k < sizeof want / sizeof *want; k++)
            cr_assert(strstr(r.out, want[k]), "%s: '%s' is not in: %s", path, want[k], r.out);
        shown[i] = r.out;
        free(r.err);
        unlink(path);
    }
    cr_assert_str_eq(shown[0], shown[1]);
    free(shown[0]), free(shown[1]);
    ogt_result r =
        ogt_run_command("'%s' run '%s' x --config /nonexistent.toml", OGT_PROGRAM, STORY);
    cr_assert(r.status == 1 && strstr(r.err, "/nonexistent.toml"), "%d %s", r.status, r.err);
    ogt_result_free(&r);
}
