/* SPDX-License-Identifier: MIT
 *
 * `run` with reasoning, tools and programs that run them. The story model writes calls because a
 * constraint makes it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define STORY   OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"
#define CHAT    OGT_SOURCE_DIR "/tests/data/chat"
#define THINK   "--chat-template '" CHAT "/think.jinja' "
#define TOOLS   "--chat-template '" CHAT "/tools.jinja' --tools '" CHAT "/weather.json' "
/* a call, and then little more */
#define CALLING TOOLS "--tool-choice weather --temp 0.7 -n 120 -c 2000 --stop e --stop a --stop i "

static ogt_result run(const char *args)
{
    ogt_result r = ogt_run_command("'%s' run '%s' 'A fox' %s </dev/null", OGT_PROGRAM, STORY, args);
    cr_assert_eq(r.status, 0, "%s: exit %d: %s", args, r.status, r.err);
    return r;
}

static json_t *parse(const ogt_result *r)
{
    json_error_t e;
    json_t *j = json_loads(r->out, 0, &e);
    cr_assert_not_null(j, "%s: %s", e.text, r->out);
    return j;
}

static json_t *run_json(const char *args)
{
    ogt_result r = run(args);
    json_t *j = parse(&r);
    ogt_result_free(&r);
    return j;
}

static const char *str_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

/* ---- reasoning ----------------------------------------------------------------------------- */

#define REASONS                                                                                    \
    THINK "--grammar 'root ::= \"<think>\\n\" [a-z]{9} \"\\n</think>\\n\\n\" [A-Z]{5}' --seed 1 "

Test(run_think, reasoning_is_apart_from_the_text)
{
    json_t *j = run_json(REASONS "--json");
    const char *text = str_of(j, "text"), *reasoning = str_of(j, "reasoning");
    cr_assert_eq(strlen(text), 5, "'%s'", text);
    cr_assert_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 5, "'%s'", text);
    cr_assert(reasoning && strlen(reasoning) == 9, "'%s'", reasoning);
    json_decref(j);
}

Test(run_think, what_is_piped_is_the_answer_alone)
{
    json_t *j = run_json(REASONS "--json");
    ogt_result r = run(REASONS),
               on = run(REASONS "--think on --template-kwargs '{\"enable_thinking\": false}'"),
               hide = run(REASONS "--think hide");
    cr_assert(!strncmp(r.out, str_of(j, "text"), 5) && !strcmp(r.out + 5, "\n"), "'%s'", r.out);
    cr_assert_null(strstr(r.err, str_of(j, "reasoning")), "%s", r.err);
    cr_assert_null(strstr(hide.err, str_of(j, "reasoning")), "%s", hide.err);
    cr_assert_str_eq(hide.out, r.out);
    cr_assert_str_eq(on.out, r.out);
    cr_assert(strstr(on.err, str_of(j, "reasoning")), "%s", on.err);
    json_decref(j);
    ogt_result_free(&r), ogt_result_free(&on), ogt_result_free(&hide);
}

Test(run_think, an_answer_may_begin_inside_it)
{
    json_t *on = run_json(THINK "--think on --json -n 8 --temp 0");
    json_t *off = run_json(THINK "--think off --json -n 8 --temp 0");
    cr_assert_str_eq(str_of(on, "text"), "");
    cr_assert_gt(strlen(str_of(on, "reasoning")), 8);
    cr_assert_null(json_object_get(off, "reasoning"));
    cr_assert_gt(strlen(str_of(off, "text")), 8);
    json_decref(on), json_decref(off);
}

Test(run_think, a_constraint_waits_for_its_end)
{
    json_t *on = run_json(THINK "--think on --json -n 20 --regex X --seed 1");
    json_t *off = run_json(THINK "--think off --json -n 20 --regex X --seed 1");
    cr_assert_str_eq(str_of(off, "text"), "X");
    cr_assert_str_eq(str_of(on, "text"), "");
    cr_assert_gt(strlen(str_of(on, "reasoning")), 8);
    json_decref(on), json_decref(off);
}

Test(run_think, is_dim_on_a_terminal)
{
    static ogt_terminal t;
    static const char *const argv[] = {
        OGT_PROGRAM,
        "run",
        STORY,
        "A fox",
        "--chat-template",
        CHAT "/think.jinja",
        "--grammar",
        "root ::= \"<think>abc\x1b[7m</think>\" \"XYZ\"",
        NULL,
    };
    ogt_terminal_start(&t, argv);
    ogt_terminal_await(&t, "\x1b[2mabc\\x1b[7m\x1b[0m\r\n\r\nXYZ\r\n");
    cr_assert_eq(ogt_terminal_end(&t), 0);
}

/* ---- log-probabilities --------------------------------------------------------------------- */

Test(run_logprobs, tell_each_token_and_the_likeliest)
{
    json_t *j = run_json("--json --temp 0 -n 6 --logprobs 3"), *list, *token;
    size_t i, k;
    list = json_object_get(j, "logprobs");
    cr_assert_eq(json_array_size(list), 6);
    json_array_foreach(list, i, token)
    {
        const json_t *top = json_object_get(token, "top");
        double p = json_real_value(json_object_get(token, "logprob")), last = 0;
        cr_assert_eq(json_array_size(top), 3);
        cr_assert_eq(json_integer_value(json_object_get(token, "id")),
                     json_integer_value(json_array_get(json_object_get(j, "ids"), i)));
        for (k = 0; k < 3; k++) {
            double q = json_real_value(json_object_get(json_array_get(top, k), "logprob"));
            cr_assert(q <= last && q <= p, "token %zu: %g behind %g", i, q, last);
            last = q;
        }
    }
    json_decref(j);
}

Test(run_logprobs, are_the_models_whatever_the_constraint)
{
    json_t *j = run_json("--json --temp 0 --logprobs 1 --regex XYZ");
    const json_t *first = json_array_get(json_object_get(j, "logprobs"), 0);
    const json_t *top = json_array_get(json_object_get(first, "top"), 0);
    cr_assert_lt(json_real_value(json_object_get(first, "logprob")),
                 json_real_value(json_object_get(top, "logprob")) - 1);
    json_decref(j);
}

/* ---- calls --------------------------------------------------------------------------------- */

Test(run_tools, mistakes_in_options_are_told)
{
    static const char *const cases[][2] = {
        { "--raw --think on", "--raw leaves no place" },
        { "--raw " TOOLS, "--raw leaves no place" },
        { "--think maybe", "on, off or hide" },
        { "--logprobs 2", "--logprobs wants --json" },
        { TOOLS "--regex a", "--tools constrains calls by itself" },
        { "--tool-yes", "want --tools FILE" },
        { TOOLS "--tool-exec weather", "wants NAME=CMD" },
        { TOOLS "--tool-exec weather=cat", "no terminal to ask on" },
        { TOOLS "--tool-timeout 0", "more than 0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ogt_result r =
            ogt_run_command("'%s' run '%s' x %s </dev/null", OGT_PROGRAM, STORY, cases[i][0]);
        cr_expect_eq(r.status, 2, "%s: exit %d: %s", cases[i][0], r.status, r.err);
        cr_expect(strstr(r.err, cases[i][1]), "%s: %s", cases[i][0], r.err);
        ogt_result_free(&r);
    }
}

Test(run_tools, that_cannot_be_used_are_refused)
{
    static const char *const cases[][2] = {
        { "--tools '" CHAT "/weather.json'", "shows no tool calls" },
        { TOOLS "--tool-yes --tool-exec wether=cat", "the tools are: weather, now" },
        { TOOLS "--tool-yes --tool-exec 'weather=a \"b'", "a quote is not closed" },
        { TOOLS "--tool-choice wether", "wether" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ogt_result r =
            ogt_run_command("'%s' run '%s' x %s </dev/null", OGT_PROGRAM, STORY, cases[i][0]);
        cr_expect_eq(r.status, 1, "%s: exit %d: %s", cases[i][0], r.status, r.err);
        cr_expect(strstr(r.err, cases[i][1]), "%s: %s", cases[i][0], r.err);
        ogt_result_free(&r);
    }
}

Test(run_tools, a_call_that_must_come_is_valid)
{
    for (int seed = 1; seed <= 3; seed++) {
        char args[1024];
        snprintf(args, sizeof args, CALLING "--json --seed %d", seed);
        json_t *j = run_json(args), *calls = json_object_get(j, "tool_calls");
        cr_assert_geq(json_array_size(calls), 1, "seed %d: %s", seed, str_of(j, "text"));
        const json_t *call = json_array_get(calls, 0), *arguments;
        arguments = json_object_get(call, "arguments");
        cr_expect_str_eq(str_of(call, "name"), "weather");
        cr_expect_eq(strlen(str_of(call, "id")), 9);
        cr_expect_eq(json_object_size(arguments), 1);
        cr_expect_not_null(str_of(arguments, "city"));
        cr_expect_null(strstr(str_of(j, "text"), "<tool_call>"));
        json_decref(j);
    }
}

Test(run_tools, none_leaves_them_out)
{
    json_t *j = run_json(TOOLS "--tool-choice none --json -n 8 --temp 0"), *with;
    cr_assert_null(json_object_get(j, "tool_calls"));
    with = run_json(TOOLS "--json -n 8 --temp 0");
    cr_assert_lt(json_integer_value(json_object_get(json_object_get(j, "tokens"), "prompt")),
                 json_integer_value(json_object_get(json_object_get(with, "tokens"), "prompt")));
    json_decref(j), json_decref(with);
}

Test(run_tools, calls_are_shown_on_a_line_of_their_own)
{
    ogt_result r = run(CALLING "--seed 1");
    cr_assert(strstr(r.out, "-> weather {\"city\": \""), "%s", r.out);
    ogt_result_free(&r);
}

/* ---- programs ------------------------------------------------------------------------------ */

/* The first call's result of a run with a program; *r what the run printed. */
static char *result_of(const char *program, const char *options, ogt_result *r)
{
    char args[2048], quoted[1024];
    size_t n = 0;
    for (const char *p = program; *p && n < sizeof quoted - 2; p++) { /* for the shell, in "" */
        if (strchr("$\"\\", *p)) quoted[n++] = '\\';
        quoted[n++] = *p;
    }
    quoted[n] = 0;
    snprintf(args, sizeof args, CALLING "--json --seed 1 --tool-yes --tool-exec \"weather=%s\" %s",
             quoted, options);
    *r = run(args);
    json_t *j = parse(r);
    const json_t *call = json_array_get(json_object_get(j, "tool_calls"), 0);
    cr_assert(str_of(call, "result"), "%s: %s", program, r->out);
    char *result = strdup(str_of(call, "result"));
    json_decref(j);
    return result;
}

Test(run_tools, a_program_gets_the_arguments_and_gives_the_result)
{
    ogt_result r;
    char *result = result_of("sh -c 'cat; echo \"-$0-\"' 'a  b'", "", &r);
    json_t *j = parse(&r);
    const json_t *call = json_array_get(json_object_get(j, "tool_calls"), 0);
    char *arguments = json_dumps(json_object_get(call, "arguments"), JSON_COMPACT), want[256];
    snprintf(want, sizeof want, "%s-a  b-\n", arguments);
    cr_assert_str_eq(result, want);
    /* and the model goes on after it */
    cr_assert_null(strstr(str_of(j, "text"), "tool_call"));
    json_decref(j);
    free(arguments), free(result);
    ogt_result_free(&r);
}

Test(run_tools, numbers_in_arguments_are_kept)
{
    ogt_result r = ogt_run_command(
        "printf "
        "'[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"enum\":"
        "[3.1]},\"y\":{\"enum\":[0.12345678901234566]}},\"required\":[\"x\",\"y\"]}}]' >t.$$; '%s' "
        "run "
        "'%s' x --json --chat-template '" CHAT "/tools.jinja' --tools t.$$ --tool-choice f --seed "
        "1 -n 160 -c 999 --stop e --stop a --stop i "
        "--tool-yes --tool-exec f=cat </dev/null; s=$?; rm t.$$; exit $s",
        OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 0, "%s", r.err);
    json_t *j = parse(&r);
    const json_t *call = json_array_get(json_object_get(j, "tool_calls"), 0);
    cr_assert(strstr(r.out, "0.12345678901234566"), "%s", r.out);
    cr_assert(str_of(call, "result") && strstr(str_of(call, "result"), "0.12345678901234566"), "%s",
              r.out);
    json_decref(j);
    ogt_result_free(&r);
}

/* But those that the program was started with. */
Test(run_tools, a_program_inherits_no_files)
{
    ogt_result r, direct = ogt_run_command("ls /proc/self/fd | tr '\\n' ' '");
    char *result = result_of("sh -c 'ls /proc/self/fd | tr \"\\n\" \" \"'", "", &r);
    cr_assert_str_eq(result, direct.out);
    free(result);
    ogt_result_free(&r), ogt_result_free(&direct);
}

Test(run_tools, how_a_program_fails_is_told_to_model_and_user)
{
    static const char *const cases[][4] = {
        { "sh -c 'echo half; exit 3'", "", "error: exit status 3\nhalf\n", "exit status 3" },
        { "sh -c 'kill -11 $$'", "", "error: killed by signal 11\n", "killed by signal 11" },
        { "no-such-program x", "", "error: the program cannot be started", "no-such-program" },
        { "yes", "--tool-output 5", "y\ny\ny\n[cut off after 5 bytes]", "cut off after 5 bytes" },
        { "true", "", "", "" },
        { "sh -c 'echo hint >&2'", "", "", "hint" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ogt_result r;
        char *result = result_of(cases[i][0], cases[i][1], &r);
        cr_expect_str_eq(result, cases[i][2]);
        cr_expect(strstr(r.err, cases[i][3]), "%s: %s", cases[i][0], r.err);
        free(result);
        ogt_result_free(&r);
    }
}

Test(run_tools, a_result_takes_half_of_the_context_at_most)
{
    ogt_result r;
    char *result = result_of("yes the quick brown fox", "--tool-output 100000 -c 1000", &r);
    size_t n = strlen(result);
    cr_assert(n > 500 && n < 5000, "%zu bytes", n);
    cr_assert(strstr(result, "\n[cut off after "), "%s", result);
    cr_assert(strstr(r.err, "half of the context"), "%s", r.err);
    free(result);
    ogt_result_free(&r);
}

/* Has the process ended, though nobody may have taken its status yet? A kill takes its time. */
static bool is_gone(int pid)
{
    char path[64], stat[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int i = 0; i < 2000; i++) {
        FILE *f = fopen(path, "r");
        if (!f) return true;
        bool is_zombie = fgets(stat, sizeof stat, f) && strstr(stat, ") Z ");
        fclose(f);
        if (is_zombie) return true;
        usleep(10000);
    }
    return false;
}

Test(run_tools, a_program_that_takes_too_long_is_killed_with_its_children)
{
    ogt_result r;
    char program[256], path[64];
    int64_t size;
    time_t start = time(NULL);
    snprintf(path, sizeof path, "/tmp/ogt_child_%d", (int)getpid());
    snprintf(program, sizeof program, "sh -c 'sleep 100 & echo $! >%s; wait'", path);
    char *result = result_of(program, "--tool-timeout 2", &r);
    cr_assert_str_eq(result, "error: not done within 2 s\n");
    cr_assert_lt(time(NULL) - start, 90);
    char *pid = ogt_read(path, &size), line[32];
    cr_assert(pid && size > 0 && size < 20);
    snprintf(line, sizeof line, "%.*s", (int)size, pid);
    cr_assert(is_gone(atoi(line)));
    unlink(path);
    free(pid), free(result);
    ogt_result_free(&r);
}

Test(run_tools, what_runs_on_in_the_background_is_not_waited_for)
{
    ogt_result r;
    time_t start = time(NULL);
    char *result = result_of("sh -c 'sleep 40 & echo done'", "", &r);
    cr_assert_str_eq(result, "done\n");
    cr_assert_lt(time(NULL) - start, 30);
    free(result);
    ogt_result_free(&r);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* lines: what is typed at the chat; tool: NAME=CMD. */
static void ask(ogt_terminal *t, const char *lines, const char *tool)
{
    const char *const argv[] = { OGT_PROGRAM,
                                 "run",
                                 STORY,
                                 "--chat-template",
                                 CHAT "/tools.jinja",
                                 "--tools",
                                 CHAT "/weather.json",
                                 "--tool-choice=weather",
                                 "--temp=0.7",
                                 "--seed=1",
                                 "--predict=120",
                                 "--ctx=2000",
                                 "--stop=e",
                                 "--stop=a",
                                 "--stop=i",
                                 "--tool-exec",
                                 tool,
                                 NULL };
    ogt_terminal_start(t, argv);
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, lines);
    ogt_terminal_await(t, "-> weather {\"city\": ");
    ogt_terminal_await(t, "with {\"city\":");
    ogt_terminal_await(t, "[y/N] ");
}

static void end(ogt_terminal *t)
{
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, "/bye\r");
    cr_assert_eq(ogt_terminal_end(t), 0);
}

Test(run_tools, runs_a_program_after_yes, .timeout = 200)
{
    static ogt_terminal t;
    ask(&t, "A fox\r", "weather=echo 'It rains' \"a\033b\"");
    cr_assert(strstr(t.seen, "run 'echo' 'It rains' 'a\\x1bb' with"), "%s", t.seen);
    ogt_terminal_type(&t, "y\r");
    ogt_terminal_await(&t, "<- It rains a\\x1bb");
    end(&t);
}

Test(run_tools, and_not_after_anything_else, .timeout = 200)
{
    static ogt_terminal t;
    ask(&t, "A fox\ry\r", "weather=echo 'It rains'"); /* typed ahead: it answers nothing */
    ogt_terminal_type(&t, "\r");
    ogt_terminal_await(&t, "<- error: the user does not allow this call");
    cr_assert_null(strstr(t.seen, "<- It rains"));
    end(&t);
}

Test(run_tools, an_interrupt_ends_the_program_and_the_turn, .timeout = 200)
{
    static ogt_terminal t;
    ask(&t, "A fox\r", "weather=sh -c 'echo begun >&2; sleep 100'");
    ogt_terminal_type(&t, "y\r");
    ogt_terminal_await(&t, "y");
    usleep(300000);
    ogt_terminal_type(&t, "\003");
    ogt_terminal_await(&t, "<- error: interrupted by the user");
    end(&t);
}

/* ---- in a chat ----------------------------------------------------------------------------- */

static ogt_result chat(const char *lines)
{
    ogt_result r = ogt_run_command("printf '%s' | '%s' run '%s' " CALLING
                                   "--seed 1 --tool-yes --tool-exec 'weather=echo rain'",
                                   lines, OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 0, "exit %d: %s", r.status, r.err);
    return r;
}

Test(run_tools, a_chat_keeps_calls_and_results)
{
    char path[64], lines[256];
    json_error_t e;
    snprintf(path, sizeof path, "/tmp/ogt_calls_%d.json", (int)getpid());
    snprintf(lines, sizeof lines, "A fox\\n/save %s\\n/show\\n", path);
    ogt_result a = chat(lines);
    json_t *j = json_load_file(path, 0, &e), *m = json_object_get(j, "messages");
    cr_assert(j, "%s", e.text);
    cr_assert_geq(json_array_size(m), 4);
    static const char *const roles[] = { "user", "assistant", "tool", "assistant" };
    for (size_t i = 0; i < 4; i++) cr_expect_str_eq(str_of(json_array_get(m, i), "role"), roles[i]);
    const json_t *call = json_array_get(json_object_get(json_array_get(m, 1), "tool_calls"), 0);
    cr_expect_str_eq(str_of(call, "id"), str_of(json_array_get(m, 2), "tool_call_id"));
    cr_expect_str_eq(str_of(json_array_get(m, 2), "content"), "rain\n");
    json_decref(j);
    snprintf(lines, sizeof lines, "/load %s\\n/show\\n/undo\\n/show\\n", path);
    ogt_result b = chat(lines);
    const char *want = strstr(a.out, "user: A fox");
    cr_assert(want && strstr(want, "-> weather {") && strstr(want, "tool: rain"), "%s", a.out);
    cr_assert_str_eq(b.out, want);
    unlink(path);
    ogt_result_free(&a), ogt_result_free(&b);
}

Test(run_tools, a_malformed_chat_is_refused_by_message)
{
    static const char *const cases[][2] = {
        { "{\"role\":\"tool\",\"content\":\"\",\"tool_call_id\":\"a\"}", "message 1 is a tool's" },
        { "{\"role\":\"user\",\"content\":\"\"}", "message 1 is a user's" },
        { "{\"role\":\"assistant\",\"content\":null}", "message 1 has no text" },
        { "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":1}]}",
          "message 1 has a malformed tool call" },
        { "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":1}",
          "message 1 has no text as reasoning_content" },
        { "{\"role\":\"assistant\",\"content\":\"\"},{\"role\":\"assistant\",\"content\":\"\"}",
          "message 2 is an assistant's" },
        { "{\"role\":\"robot\",\"content\":\"\"}", "message 1 has no role" },
    };
    char path[64], lines[128];
    snprintf(path, sizeof path, "/tmp/ogt_bad_%d.json", (int)getpid());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = fopen(path, "w");
        fprintf(f, "{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"},%s]}", cases[i][0]);
        fclose(f);
        snprintf(lines, sizeof lines, "/load %s\\n", path);
        ogt_result r = chat(lines);
        cr_expect(strstr(r.err, cases[i][1]), "%s: %s", cases[i][0], r.err);
        ogt_result_free(&r);
    }
    unlink(path);
}
