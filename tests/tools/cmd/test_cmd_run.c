/* SPDX-License-Identifier: MIT
 *
 * The main job as a user sees it: `run` on real models, its ways to end, its exit statuses; the
 * other commands that run a model. References were computed in float32 by an independent
 * implementation. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"

#define MODELS OGT_SOURCE_DIR "/tests/data/models"
#define STORY  MODELS "/tales-6m-Q8_0.gguf"

static void expect(const char *what, ogt_result r, int status, const char *in_err)
{
    cr_assert_eq(r.status, status, "%s: exit %d, expected %d: %s", what, r.status, status, r.err);
    cr_assert(!in_err || strstr(r.err, in_err), "%s: '%s' is not in: %s", what, in_err, r.err);
    ogt_result_free(&r);
}

static json_t *reference(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, MODELS "/%s.reference.json", name);
    json_t *j = json_load_file(path, 0, NULL);
    cr_assert_not_null(j, "%s", path);
    return j;
}

static void check_greedy(const char *name, const char *isa)
{
    json_t *ref = reference(name), *g;
    size_t i;
    json_array_foreach(json_object_get(ref, "greedy"), i, g)
    {
        const char *want = json_string_value(json_object_get(g, "text"));
        ogt_result r = ogt_run_command(
            "%s run %s/%s.gguf --raw --no-echo --temp 0 --isa %s -n %d -p \"%s\"", OGT_PROGRAM,
            MODELS, name, isa, (int)json_integer_value(json_object_get(g, "n")),
            json_string_value(json_object_get(g, "prompt")));
        cr_assert_eq(r.status, 0, "%s", r.err);
        cr_assert(r.n_out == strlen(want) + 1 && !memcmp(r.out, want, strlen(want)),
                  "%s, %s: \"%s\", expected \"%s\"", name, isa, r.out, want);
        ogt_result_free(&r);
    }
    cr_assert_gt(i, 3);
    json_decref(ref);
}

Test(run, greedy_texts_of_the_references)
{
    check_greedy("tales-6m-Q8_0", "scalar");
    check_greedy("tales-1m-F16", "scalar");
    ogt_result r = ogt_run_command("%s --version", OGT_PROGRAM);
    const char *best = strstr(r.out, "avx512") ? "avx512"
                       : strstr(r.out, "avx2") ? "avx2"
                                               : "scalar";
    check_greedy("tales-6m-Q8_0", best);
    check_greedy("tales-1m-F16", best);
    ogt_result_free(&r);
}

static void check_perplexity(const char *name)
{
    json_t *ref = json_object_get(reference(name), "perplexity");
    double want = json_number_value(json_object_get(ref, "value"));
    ogt_result r =
        ogt_run_command("%s perplexity %s/%s.gguf %s/text/valid.txt --chunk 256 --all --json",
                        OGT_PROGRAM, MODELS, name, MODELS);
    cr_assert_eq(r.status, 0, "%s", r.err);
    json_t *got = json_loads(r.out, 0, NULL);
    double p = json_number_value(json_object_get(got, "perplexity"));
    printf("%s: perplexity %.4f, reference %.4f\n", name, p, want);
    cr_assert(fabs(p / want - 1) < 0.005, "%s: %g, expected %g", name, p, want);
    cr_assert_eq(json_integer_value(json_object_get(got, "tokens")),
                 json_integer_value(json_object_get(ref, "tokens")));
    json_decref(got);
    ogt_result_free(&r);
}

Test(perplexity, within_half_a_percent_of_the_references, .timeout = 600)
{
    check_perplexity("tales-1m-F16");
    /* The larger model takes minutes under sanitizers: OXIGRAPH_TEST_QUICK leaves it out. */
    if (!getenv("OXIGRAPH_TEST_QUICK")) check_perplexity("tales-6m-Q8_0");
}

Test(run, seeds_reproduce)
{
    ogt_result a =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 30 --seed 5 -t 1", OGT_PROGRAM, STORY);
    ogt_result b =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 30 --seed 5 -t 2", OGT_PROGRAM, STORY);
    ogt_result c =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 30 --seed 6 -t 2", OGT_PROGRAM, STORY);
    cr_assert_eq(a.status, 0);
    cr_assert_str_eq(a.out, b.out);
    cr_assert_str_neq(a.out, c.out);
    ogt_result_free(&a), ogt_result_free(&b), ogt_result_free(&c);
}

Test(run, one_beam_is_greedy_and_beams_have_bounds)
{
    ogt_result greedy =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 20 --temp 0", OGT_PROGRAM, STORY);
    ogt_result beam =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 20 --beams 1", OGT_PROGRAM, STORY);
    cr_assert(beam.status == 0 && !strcmp(greedy.out, beam.out), "%s%s", beam.out, beam.err);
    ogt_result_free(&greedy), ogt_result_free(&beam);
    ogt_result five =
        ogt_run_command("%s run %s --raw -p 'A fox' -n 20 --beams 5 --stop n", OGT_PROGRAM, STORY);
    cr_assert(five.status == 0 && strlen(five.out) > 5 && !strchr(five.out + 5, 'n'), "%s%s",
              five.out, five.err);
    ogt_result_free(&five);
    static const char *const wrong[] = { "--beams 64 x", "--beams 2", "--beams 2 --heal x" };
    for (int i = 0; i < 3; i++) {
        ogt_result r = ogt_run_command("%s run %s %s", OGT_PROGRAM, STORY, wrong[i]);
        cr_assert(r.status == 2 && strstr(r.err, "--beams"), "%s", r.err);
        ogt_result_free(&r);
    }
}

Test(run, stop_strings_span_tokens_and_are_not_printed)
{
    ogt_result all =
        ogt_run_command("%s run %s --raw --no-echo --temp 0 -n 30 -p 'A poor man had three sons'",
                        OGT_PROGRAM, STORY);
    const char *stop = "daughter, who was";
    char *at = strstr(all.out, stop);
    cr_assert_not_null(at, "%s", all.out);
    ogt_result r =
        ogt_run_command("%s run %s --raw --no-echo --temp 0 -n 30 --stop nothing --stop '%s' "
                        "-p 'A poor man had three sons'",
                        OGT_PROGRAM, STORY, stop);
    cr_assert_eq(r.status, 0);
    cr_assert_eq(r.n_out, (size_t)(at - all.out) + 1, "'%s'", r.out);
    cr_assert(!memcmp(r.out, all.out, r.n_out - 1));
    ogt_result_free(&all), ogt_result_free(&r);
}

Test(run, prompts_come_from_argument_option_file_and_stdin)
{
    static const char *const forms[] = {
        "$P run $M 'A poor man' $O",
        "$P run $M -p 'A poor man' $O",
        "printf 'A poor man' | $P run $M - $O",
        "printf 'A poor man' >p.$$ && $P run $M -f p.$$ $O; s=$?; rm p.$$; exit $s",
        "$P run $O -- $M 'A poor man'",
    };
    char *first = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        ogt_result r = ogt_run_command("P='%s' M='%s' O='--raw --temp 0 -n 8'; %s", OGT_PROGRAM,
                                       STORY, forms[i]);
        cr_assert_eq(r.status, 0, "%s: %s", forms[i], r.err);
        cr_assert(!strncmp(r.out, "A poor man", 10), "the prompt is not echoed: %s", r.out);
        cr_assert(strstr(r.err, "tokens/s"), "no statistics: %s", r.err);
        if (!first) first = strdup(r.out);
        cr_assert_str_eq(first, r.out, "%s", forms[i]);
        ogt_result_free(&r);
    }
    free(first);
}

Test(run, ends_say_why)
{
    expect(
        "full context",
        ogt_run_command("%s run %s --raw -c 16 -p 'Once upon a time' --temp 0", OGT_PROGRAM, STORY),
        0, "context of 16 tokens is full; -c");
    expect("prompt too long",
           ogt_run_command("%s run %s --raw -c 4 -p 'Once upon a time there was' -n 2", OGT_PROGRAM,
                           STORY),
           1, "the context of 4 holds");
    expect("KV too large", ogt_run_command("%s run %s -c 1000000000 -p x -n 2", OGT_PROGRAM, STORY),
           1, "fits");
}

Test(run, interrupt_ends_after_the_token_with_status_130)
{
    /* The model tells without end here: its end token is biased away. */
    ogt_result r =
        ogt_run_command("( sleep 3; kill -INT $$ ) & exec %s run %s --raw -c 200000 -p 'Once upon' "
                        "--isa scalar --seed 1 --logit-bias 0-1000 --logit-bias 2-1000",
                        OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 130, "exit %d: %s", r.status, r.err);
    cr_assert(strstr(r.err, "tokens/s (interrupted)"), "%s", r.err);
    ogt_result_free(&r);
}

Test(run, usage_errors_exit_2_and_failures_1)
{
    expect("no model", ogt_run_command("%s run", OGT_PROGRAM), 2, "argument is missing");
    expect("no prompt", ogt_run_command("%s run %s --raw", OGT_PROGRAM, STORY), 2, "no prompt");
    expect("two modes", ogt_run_command("%s run %s -p x --raw --system y", OGT_PROGRAM, STORY), 2,
           "--system");
    expect("option", ogt_run_command("%s run %s -p x --no-such", OGT_PROGRAM, STORY), 2,
           "--no-such");
    expect("number", ogt_run_command("%s run %s -p x -n five", OGT_PROGRAM, STORY), 2, "five");
    expect("command", ogt_run_command("%s walk", OGT_PROGRAM), 2, "walk");
    expect("file", ogt_run_command("%s run nothing.gguf -p x", OGT_PROGRAM), 1, "nothing.gguf");
    expect("folder", ogt_run_command("%s run /tmp -p x", OGT_PROGRAM), 1, "/tmp");
    expect("isa", ogt_run_command("%s run %s -p x --isa z80", OGT_PROGRAM, STORY), 1, "z80");
    expect("device", ogt_run_command("%s run %s -p x --device tpu", OGT_PROGRAM, STORY), 1, "tpu");
    expect("tokens", ogt_run_command("%s logits %s --tokens 1,b -o x", OGT_PROGRAM, STORY), 2,
           "1,b");
    expect("vocabulary", ogt_run_command("%s logits %s --tokens 4096 -o x", OGT_PROGRAM, STORY), 1,
           "4096");
}

Test(logits, steps_and_neighbours_do_not_matter)
{
    const char *more[] = { "", "--batch 1", "--batch 3 -t 5", "--beside 7,8,9 --beside 5 -t 1",
                           "--reverse-pages --batch 8" };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        ogt_result r =
            ogt_run_command("%s logits %s --tokens 34,261,804,47,272,262,645 --then 381,683 "
                            "%s -o logits.$$ && md5sum <logits.$$; rm -f logits.$$",
                            OGT_PROGRAM, STORY, more[i]);
        static char first[64]; /* the sum of the first form */
        cr_assert_eq(r.status, 0, "%s: %s", more[i], r.err);
        if (!i) snprintf(first, sizeof first, "%s", r.out);
        cr_assert(r.n_out > 32 && !strncmp(first, r.out, 32), "%s: other bytes", more[i]);
        ogt_result_free(&r);
    }
}

Test(graph, dumps_parse_again_and_plans_are_json)
{
    ogt_result a = ogt_run_command("%s graph %s >g.$$.og && %s graph g.$$.og >h.$$.og && "
                                   "cmp g.$$.og h.$$.og; s=$?; rm -f g.$$.og h.$$.og; exit $s",
                                   OGT_PROGRAM, STORY, OGT_PROGRAM);
    expect("round trip", a, 0, NULL);
    ogt_result r = ogt_run_command("%s graph %s --plan --json", OGT_PROGRAM, STORY);
    json_t *j = json_loads(r.out, 0, NULL);
    cr_assert_not_null(j);
    cr_assert_gt(json_array_size(json_object_get(j, "groups")), 10);
    json_decref(j);
    ogt_result_free(&r);
    expect("dot", ogt_run_command("%s graph %s --format dot | grep -q digraph", OGT_PROGRAM, STORY),
           0, NULL);
    expect("kernels",
           ogt_run_command("%s graph %s --kernels | grep -q row_sum", OGT_PROGRAM, STORY), 0, NULL);
}

/* ---- healing ------------------------------------------------------------------------------- */

static char *completion(const char *args)
{
    ogt_result r =
        ogt_run_command("'%s' run '%s' --raw --temp 0 --isa scalar %s", OGT_PROGRAM, STORY, args);
    cr_assert_eq(r.status, 0, "%s: exit %d: %s", args, r.status, r.err);
    free(r.err);
    return r.out;
}

Test(run_heal, a_prompt_that_ends_inside_a_word_goes_on_as_the_whole_one)
{
    char *whole = completion("-n 8 -p 'Once upon a'"); /* " time" is one token */
    static const char *const broken[] = { "Once upon a ", "Once upon a t", "Once upon a ti",
                                          "Once upon a tim", "Once upon a time" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char args[80];
        snprintf(args, sizeof args, "-n 8 --heal -p '%s'", broken[i]);
        char *healed = completion(args);
        cr_assert_str_eq(healed, whole, "'%s'", broken[i]);
        free(healed);
    }
    char *unhealed = completion("-n 8 -p 'Once upon a ti'");
    cr_assert_str_neq(unhealed, whole, "there was nothing to heal");
    free(unhealed), free(whole);
}

Test(run_heal, gives_out_what_is_behind_the_prompt)
{
    char *text = completion("-n 1 --heal --no-echo -p 'Once upon a ti'");
    cr_assert_str_eq(text, "me\n");
    free(text);
    text =
        completion("--heal --no-echo -p 'Once upon a ti' --regex 'me there [a-z]{3} a [a-z]+\\.'");
    cr_assert(!strncmp(text, "me there ", 9) && strchr(text, '.'), "%s", text);
    free(text);
    text = completion("--heal --no-echo -p 'Once upon a ti' --regex 'n[a-z]+'");
    cr_assert_eq(*text, 'n', "the constraint holds from the prompt's end: %s", text);
    free(text);
    text = completion("-n 20 --heal --no-echo --stop there -p 'Once upon a ti'");
    cr_assert_str_eq(text, "me \n", "'%s'", text);
    free(text);
}

Test(run_heal, wants_a_prompt_to_complete)
{
    expect("message", ogt_run_command("'%s' run '%s' --heal x", OGT_PROGRAM, STORY), 2, "--raw");
    expect("chat", ogt_run_command("'%s' run '%s' --heal </dev/null", OGT_PROGRAM, STORY), 2,
           "--raw");
}
