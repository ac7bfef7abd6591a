/* SPDX-License-Identifier: MIT
 *
 * Answers taken apart: reasoning as the golden templates' models mark it, stop texts, blanks. */
#include "oxigraph/answer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/template_meter.h"
#include "text/chat/model.h"

typedef struct heard {
    char text[512], reasoning[512], calls[512];
    size_t limit; /* text() says false when it has this many bytes; 0: never */
} heard;

static void append(char *to, const char *p, size_t n)
{
    size_t have = strlen(to);
    snprintf(to + have, 512 - have, "%.*s", (int)n, p);
}

static bool hear_text(void *user, const char *p, size_t n)
{
    heard *h = user;
    append(h->text, p, n);
    return !h->limit || strlen(h->text) < h->limit;
}

static bool hear_reasoning(void *user, const char *p, size_t n)
{
    append(((heard *)user)->reasoning, p, n);
    return true;
}

static bool hear_call(void *user, const og_tool_call *c)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s(%s)#%s;", c->name, c->arguments, c->id);
    append(((heard *)user)->calls, text, (size_t)n);
    return true;
}

typedef struct answer_case {
    ogt_meter meter;
    og_ctx *ctx;
    og_chat *chat; /* NULL: none */
    og_answer *a;
    heard h;
} answer_case;

#define TOOLS                                                                                      \
    "[{\"type\":\"function\",\"function\":{\"name\":\"calc\",\"description\":\"d\",\"parameters\"" \
    ":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"description\":\"d\"}}}}}" \
    "]"

/* name: a golden template, or NULL. */
static void open_answer(answer_case *c, const char *name, const char *tools)
{
    char path[512];
    *c = (answer_case){ 0 };
    c->ctx = ogt_meter_ctx(&c->meter);
    snprintf(path, sizeof path, "%s/tests/data/chat_template/templates/%s.jinja", OGT_SOURCE_DIR,
             name ? name : "");
    if (name)
        cr_assert(ogi_chat_open(c->ctx, NULL, path, false, &c->chat) == OG_OK, "%s",
                  og_error(c->ctx));
    og_answer_sink sink = { &c->h, hear_text, hear_reasoning, hear_call };
    cr_assert(og_answer_new(c->ctx, c->chat, tools, &sink, &c->a) == OG_OK, "%s", og_error(c->ctx));
}

static void close_answer(answer_case *c)
{
    og_answer_free(c->a);
    og_chat_free(c->chat);
    og_ctx_free(c->ctx);
    cr_expect(c->meter.live == 0, "%lld bytes are not freed", (long long)c->meter.live);
}

/* Begins at the end of the rendering of a question; kwargs may be NULL. */
static void begin(answer_case *c, const char *question, const char *kwargs)
{
    og_template_text prompt;
    char messages[512];
    snprintf(messages, sizeof messages, "[{\"role\":\"user\",\"content\":\"%s\"}]", question);
    og_chat_request req = { .messages = messages, .kwargs = kwargs };
    cr_assert(og_chat_render(c->ctx, c->chat, &req, &prompt) == OG_OK, "%s", og_error(c->ctx));
    og_answer_begin(c->a, &prompt);
    og_template_text_free(c->ctx, &prompt);
}

/* Feeds text in pieces of `step` bytes; what stands between \1 and \2 is a control token, fed
 * whole. */
static void say(answer_case *c, const char *text, size_t step)
{
    while (*text) {
        bool is_control = *text == 1;
        size_t n = is_control ? strcspn(++text, "\2") : strcspn(text, "\1");
        if (!is_control && n > step) n = step;
        cr_assert(og_answer_feed(c->a, text, n, is_control) == OG_OK, "%s", og_error(c->ctx));
        text += n + is_control;
    }
    cr_assert(og_answer_finish(c->a) == OG_OK);
}

typedef struct marked {
    const char *template, *kwargs, *said, *reasoning, *text, *calls;
} marked;

#define THINK "{\"enable_thinking\":true}"
#define HARMONY_CALL                                                                               \
    "\1<|channel|>\2analysis\1<|message|>\2Use calc.\1<|end|>\2\1<|start|>\2assistant\1<|channel|" \
    ">\2commentary to=functions.calc \1<|constrain|>\2json\1<|message|>\2{\"x\": 1}\1<|call|>\2"

static const marked answers[] = {
    { "Qwen-Qwen3-0.6B", NULL, "<think>\nHm.\n\n</think>\n\nYes.\n", "Hm.", "Yes.\n", "" },
    { "Qwen-Qwen3-0.6B", NULL, "Is <think> a tag?", "", "Is <think> a tag?", "" },
    { "Qwen-Qwen3-0.6B", "{\"enable_thinking\":false}", " Yes.", "", " Yes.", "" },
    { "Qwen-Qwen3-0.6B", NULL, "<think>\n\n</think>\n\nYes\1<|im_end|>\2", "", "Yes", "" },
    { "Qwen-Qwen3-0.6B", NULL,
      "<think>\nA <tool_call>?\n</think>\n\n<tool_call>\n{\"name\": \"calc\", \"arguments\": "
      "{\"x\": 1}}\n</tool_call>",
      "A <tool_call>?", "", "calc({\"x\": 1})#call00001;" },
    { "Qwen-QwQ-32B", THINK, "Hm.\n</think>\n\nYes", "Hm.", "Yes", "" },
    { "Qwen-QwQ-32B", THINK, "Hm, cut off", "Hm, cut off", "", "" },
    { "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", THINK, "Hm\1</think>\2\n\nYes", "Hm", "Yes", "" },
    { "ByteDance-Seed-OSS", NULL, "\1<seed:think>\2Hm\1</seed:think>\2Yes", "Hm", "Yes", "" },
    { "ByteDance-Seed-OSS", "{\"thinking_budget\":0}", "Yes", "", "Yes", "" },
    { "mistralai-Ministral-3-14B-Reasoning-2512", NULL, "\1[THINK]\2Hm\1[/THINK]\2Yes", "Hm", "Yes",
      "" },
    { "CohereForAI-c4ai-command-r7b-12-2024-tool_use", "{\"enable_thinking\":true}",
      "\1<|START_THINKING|>\2Hm\1<|END_THINKING|>\2\1<|START_RESPONSE|>\2Yes\1<|END_RESPONSE|>\2",
      "Hm", "Yes", "" },
    { "Cohere2MoE", NULL,
      "Hm\1<|END_THINKING|>\2\1<|START_ACTION|>\2[\n    {\"tool_call_id\": \"7\", \"tool_name\": "
      "\"calc\", \"parameters\": {\"x\": 1}}\n]\1<|END_ACTION|>\2",
      "Hm", "", "calc({\"x\": 1})#7;" },
    { "Apertus-8B-Instruct", NULL, "\1<|inner_prefix|>\2Hm\1<|inner_suffix|>\2Yes", "Hm", "Yes",
      "" },
    { "google-gemma-4-31B-it", "{\"enable_thinking\":true}",
      "\1<|channel>\2thought\nHm\n\1<channel|>\2Yes", "Hm", "Yes", "" },
    { "Apriel-1.6-15b-Thinker-fixed", NULL,
      "Hm\n[BEGIN FINAL RESPONSE]\nYes\n[END FINAL RESPONSE]\n", "Hm", "Yes\n\n", "" },
    { "unsloth-Apriel-1.5", NULL,
      "Here are my reasoning steps:\nHm\n[BEGIN FINAL RESPONSE]\nYes\n[END FINAL RESPONSE]", "Hm",
      "Yes\n", "" },
    { "ibm-granite-granite-3.3-2B-Instruct", "{\"thinking\":true}",
      "<think>Hm</think><response>Yes</response>", "Hm", "Yes", "" },
    { "openai-gpt-oss-120b", NULL,
      "\1<|channel|>\2analysis\1<|message|>\2Hm\1<|end|>\2\1<|start|>\2assistant\1<|channel|>\2"
      "final\1<|message|>\2Yes",
      "Hm", "Yes", "" },
    { "openai-gpt-oss-120b", NULL, HARMONY_CALL, "Use calc.", "", "calc({\"x\": 1})#call00001;" },
    { "openai-gpt-oss-120b", NULL,
      "\1<|channel|>\2commentary\1<|message|>\2First calc.\1<|end|>\2\1<|start|>\2assistant"
      " to=functions.calc\1<|channel|>\2commentary json\1<|message|>\2{\"x\": 1}\1<|call|>\2",
      "", "First calc.", "calc({\"x\": 1})#call00001;" },
    { "unsloth-MiniMax-M2", NULL,
      "Hm\n</think>\n\n<minimax:tool_call>\n<invoke name=\"calc\">\n<parameter name=\"x\">1"
      "</parameter>\n</invoke>\n</minimax:tool_call>",
      "Hm", "", "calc({\"x\": 1})#call00001;" },
};

Test(answer, parts_come_out_however_it_is_cut)
{
    for (int i = 0; i < OGI_LEN(answers); i++) {
        const marked *m = &answers[i];
        for (size_t step = 1; step < 600; step = step * 5 + 2) {
            answer_case c;
            open_answer(&c, m->template, TOOLS);
            begin(&c, "Is it?", m->kwargs);
            say(&c, m->said, step);
            cr_expect(!strcmp(c.h.reasoning, m->reasoning) && !strcmp(c.h.text, m->text) &&
                          !strcmp(c.h.calls, m->calls),
                      "%s, '%s' in steps of %zu:\n  '%s' + '%s' + '%s'", m->template, m->said, step,
                      c.h.reasoning, c.h.text, c.h.calls);
            close_answer(&c);
        }
    }
}

/* Asked as by default, nine of the templates end in <think>, two in other marks. */
Test(answer, may_begin_inside_reasoning)
{
    ogt_names names = ogt_list(OGT_SOURCE_DIR "/tests/data/chat_template/templates", ".jinja");
    int n = 0;
    for (int i = 0; i < names.n; i++) {
        answer_case c;
        open_answer(&c, names.name[i], NULL);
        begin(&c, "Is it?", "{\"functions\":\"\",\"datetime\":\"\"}");
        n += og_answer_in_reasoning(c.a);
        close_answer(&c);
    }
    cr_assert_eq(names.n, 59);
    cr_assert_eq(n, 11, "%d begin inside reasoning", n);
    ogt_names_free(&names);
}

#define QUESTION "{\"role\":\"user\",\"content\":\"Q\"}"
#define PAST(arguments)                                                                            \
    "[" QUESTION ",{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"THOUGHT\","    \
    "\"tool_calls\":[{\"id\":\"call00001\",\"type\":\"function\",\"function\":{\"name\":\"calc\"," \
    "\"arguments\":" arguments "}}]},{\"role\":\"tool\",\"name\":\"calc\",\"tool_call_id\":"       \
    "\"call00001\",\"content\":\"1\"}]"

static bool render(answer_case *c, const char *messages, bool is_prompt, og_template_text *out)
{
    og_chat_request req = { .messages = messages,
                            .tools = TOOLS,
                            .kwargs = "{\"functions\":\"\",\"datetime\":\"\"}",
                            .think = OG_THINK_ON,
                            .no_generation_prompt = !is_prompt };
    if (og_chat_render(c->ctx, c->chat, &req, out) == OG_OK) return true;
    og_error_clear(c->ctx);
    return false;
}

/* text with what stands between <| and |> as control tokens, for say(); free with free(). */
static char *with_control(const char *text)
{
    char *out = malloc(2 * strlen(text) + 1), *to = out;
    while (*text) {
        size_t n = strncmp(text, "<|", 2) ? 0 : strcspn(text, ">");
        n = n > 2 && text[n] && text[n - 1] == '|' ? n + 1 : 1;
        if (n > 1) *to++ = 1;
        memcpy(to, text, n);
        to += n;
        text += n;
        if (n > 1) *to++ = 2;
    }
    *to = 0;
    return out;
}

/* An answer of the past, as the template writes it behind the prompt; false if it does not. */
static bool hear_past(answer_case *c)
{
    og_template_text prompt, past;
    if (!render(c, "[" QUESTION "]", true, &prompt)) return false;
    bool shown = render(c, PAST("{\"x\":1}"), false, &past);
    if (shown) {
        shown = !strncmp(past.text, prompt.text, prompt.size) && strstr(past.text, "THOUGHT");
        og_answer_begin(c->a, &prompt);
        char *said = with_control(past.text + (shown ? prompt.size : 0));
        if (shown) say(c, said, 3);
        free(said);
        og_template_text_free(c->ctx, &past);
    }
    og_template_text_free(c->ctx, &prompt);
    return shown;
}

Test(answer, what_templates_write_of_answers_is_taken_apart_again)
{
    ogt_names names = ogt_list(OGT_SOURCE_DIR "/tests/data/chat_template/templates", ".jinja");
    ogt_count count = { .kind = "answers that templates write" };
    for (int i = 0; i < names.n; i++) {
        answer_case c;
        open_answer(&c, names.name[i], TOOLS);
        bool shown = hear_past(&c);
        bool same = !strcmp(c.h.reasoning, "THOUGHT") && strstr(c.h.calls, "calc({\"x\": 1})");
        count.skipped += !shown, count.ran += shown, count.passed += shown && same;
        if (shown && !same)
            printf("%s: '%s' + '%s' + '%s'\n", names.name[i], c.h.reasoning, c.h.text, c.h.calls);
        close_answer(&c);
    }
    cr_assert(ogt_count_report(&count));
    ogt_names_free(&names);
}

Test(answer, a_question_that_ends_in_the_mark_opens_nothing)
{
    answer_case c;
    open_answer(&c, "Qwen-Qwen3-0.6B", NULL);
    begin(&c, "What is <think>", NULL);
    cr_assert(!og_answer_in_reasoning(c.a));
    close_answer(&c);
}

Test(answer, without_tools_calls_are_text)
{
    answer_case c;
    open_answer(&c, "meta-llama-Llama-3.1-8B-Instruct", NULL);
    say(&c, "{\"name\": \"calc\", \"parameters\": {}}", 3);
    cr_assert_str_eq(c.h.text, "{\"name\": \"calc\", \"parameters\": {}}");
    cr_assert_str_eq(c.h.calls, "");
    close_answer(&c);
}

Test(answer, a_mark_that_the_prompt_opens_is_no_text)
{
    answer_case c;
    open_answer(&c, "meetkai-functionary-medium-v3.2", NULL);
    begin(&c, "Is it?", NULL);
    say(&c, "all\nYes", 2);
    cr_assert_str_eq(c.h.text, "Yes");
    close_answer(&c);
}

Test(answer, stop_texts_count_in_the_text_alone)
{
    static const char *const stop[] = { "END", "two" };
    int which;
    answer_case c;
    open_answer(&c, "Qwen-Qwen3-0.6B", NULL);
    og_answer_set_stop(c.a, stop, 2);
    say(&c, "<think>one two</think>E N one EN two three", 1);
    cr_assert(og_answer_is_over(c.a, &which));
    cr_assert_eq(which, 1);
    cr_assert_str_eq(c.h.reasoning, "one two");
    cr_assert_str_eq(c.h.text, "E N one EN");
    close_answer(&c);
}

Test(answer, ends_when_the_sink_says_so)
{
    int which;
    answer_case c;
    open_answer(&c, NULL, NULL);
    c.h.limit = 3;
    say(&c, "abcdef", 1);
    cr_assert(og_answer_is_over(c.a, &which));
    cr_assert_eq(which, -1);
    cr_assert_str_eq(c.h.text, "abc");
    close_answer(&c);
}

Test(answer, plain_text_is_passed_on_as_it_is)
{
    answer_case c;
    open_answer(&c, NULL, NULL);
    say(&c, " \1<s>\2a <think> b\n\n", 4);
    cr_assert_str_eq(c.h.text, " a <think> b\n\n");
    close_answer(&c);
}

Test(answer, memory_that_runs_out_is_told)
{
    for (int64_t n = 1;; n++) {
        answer_case c = { 0 };
        og_answer_sink sink = { &c.h, hear_text, hear_reasoning, hear_call };
        open_answer(&c, "Qwen-Qwen3-0.6B", TOOLS);
        og_answer_free(c.a);
        c.a = NULL;
        c.meter.fail_at = c.meter.n_alloc + n;
        og_status st = og_answer_new(c.ctx, c.chat, TOOLS, &sink, &c.a);
        const char *text = "<think>a</think><tool_call>{\"name\":\"calc\",\"arguments\":{}}"
                           "</tool_call>b ";
        if (st == OG_OK) st = og_answer_feed(c.a, text, strlen(text), false);
        if (st == OG_OK) st = og_answer_finish(c.a);
        close_answer(&c);
        if (st == OG_OK) return;
        cr_assert(st == OG_E_MEMORY, "allocation %d: %s", (int)n, og_status_text(st));
    }
}

/* ---- tools --------------------------------------------------------------------------------- */

static og_status read_tools(og_ctx *ctx, const char *json, og_tools **t)
{
    return og_tools_new(ctx, "tools.json", json, strlen(json), t);
}

static og_status echo(void *user, const og_tool_call *call, og_tool_result *out)
{
    ++*(int *)user;
    return og_tool_result_set(out, call->arguments, strlen(call->arguments), false);
}

#define ADD                                                                                        \
    "{\"name\":\"add\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{}},"             \
    "\"required\":["                                                                               \
    "\"a\",\"b\"]}}"

Test(tools, are_read_in_both_forms)
{
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    og_tools *t;
    cr_assert(read_tools(ctx, "[{\"type\":\"function\",\"function\":" ADD "},{\"name\":\"b\"}]",
                         &t) == OG_OK,
              "%s", og_error(ctx));
    cr_assert_str_eq(
        og_tools_json(t),
        "[{\"type\": \"function\", \"function\": {\"name\": \"add\", \"parameters\": {\"type\": "
        "\"object\", \"properties\": {\"a\": {}}, \"required\": [\"a\", \"b\"]}, \"description\": "
        "\"\"}}, {\"type\": \"function\", \"function\": {\"name\": \"b\", \"description\": \"\", "
        "\"parameters\": {\"type\": \"object\", \"properties\": {}}}}]");
    og_tools_free(t);
    og_ctx_free(ctx);
    cr_assert(meter.live == 0);
}

Test(tools, that_are_malformed_are_refused)
{
    static const char *const bad[][2] = {
        { "{}", "an array of tools is wanted" },
        { "[]", "an array of tools is wanted" },
        { "[{\"name\":\"a\"},{\"nam\":\"b\"}]", "tool 1 has no \"name\"" },
        { "[{\"name\":\"a\\u0000\"}]", "tool 0 has no \"name\"" },
        { "[{\"name\":\"a\"},{\"name\":\"a\"}]", "tool 1: the name 'a' is taken" },
        { "[{\"name\":\"a\",\"parameters\":[]}]", "tool 0: \"parameters\" is not an object" },
        { "[", "tools.json" },
    };
    for (int i = 0; i < OGI_LEN(bad); i++) {
        ogt_meter meter = { 0 };
        og_ctx *ctx = ogt_meter_ctx(&meter);
        og_tools *t;
        cr_expect(read_tools(ctx, bad[i][0], &t) == OG_E_FORMAT, "%s", bad[i][0]);
        cr_expect(strstr(og_error(ctx), bad[i][1]), "%s: %s", bad[i][0], og_error(ctx));
        og_ctx_free(ctx);
        cr_expect(meter.live == 0);
    }
}

Test(tools, calls_run_or_come_back_as_errors)
{
    static const struct {
        og_tool_call call;
        const char *text;
        bool is_error;
    } cases[] = {
        { { "add", "{\"a\":1,\"b\":2}", "1" }, "{\"a\":1,\"b\":2}", false },
        { { "add", "{\"a\":1}", "1" }, "error: required arguments are missing: \"b\"", true },
        { { "add", "{}", "1" }, "error: required arguments are missing: \"a\", \"b\"", true },
        { { "add", "[1]", "1" }, "error: the arguments are not a JSON object", true },
        { { "add", "{", "1" }, "error: the arguments are not a JSON object", true },
        { { "b", "{}", "1" }, "error: the tool \"b\" cannot be run here", true },
        { { "c", "{}", "1" }, "error: there is no tool \"c\"; the tools are: add, b", true },
    };
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    og_tools *t;
    int n_run = 0;
    cr_assert(read_tools(ctx, "[" ADD ",{\"name\":\"b\"}]", &t) == OG_OK);
    cr_assert(og_tools_bind(t, "add", echo, &n_run) == OG_OK);
    cr_assert(og_tools_is_bound(t, "add") && !og_tools_is_bound(t, "b"));
    for (int i = 0; i < OGI_LEN(cases); i++) {
        og_tool_result r;
        cr_assert(og_tools_call(t, ctx, &cases[i].call, &r) == OG_OK);
        cr_expect_str_eq(r.text, cases[i].text);
        cr_expect_eq(r.is_error, cases[i].is_error);
        og_tool_result_free(&r);
    }
    cr_assert_eq(n_run, 1);
    cr_assert(og_tools_bind(t, "c", echo, &n_run) == OG_E_NOT_FOUND);
    cr_assert(strstr(og_error(ctx), "the tools are: add, b"), "%s", og_error(ctx));
    og_tools_free(t);
    og_ctx_free(ctx);
    cr_assert(meter.live == 0);
}

Test(tools, memory_that_runs_out_is_told)
{
    for (int64_t n = 1;; n++) {
        ogt_meter meter = { .fail_at = 0 };
        og_ctx *ctx = ogt_meter_ctx(&meter);
        og_tools *t = NULL;
        og_tool_result r = { .ctx = ctx };
        const og_tool_call call = { "add", "{\"a\":1,\"b\":2}", "1" }, wrong = { "x", "{}", "1" };
        int n_run = 0;
        meter.fail_at = meter.n_alloc + n;
        og_status st = read_tools(ctx, "[" ADD "]", &t);
        if (st == OG_OK) st = og_tools_bind(t, "add", echo, &n_run);
        if (st == OG_OK) st = og_tools_call(t, ctx, &call, &r);
        og_tool_result_free(&r);
        if (st == OG_OK) st = og_tools_call(t, ctx, &wrong, &r);
        og_tool_result_free(&r);
        og_tools_free(t);
        og_ctx_free(ctx);
        cr_assert(meter.live == 0, "allocation %d", (int)n);
        if (st == OG_OK) return;
        cr_assert(st == OG_E_MEMORY, "allocation %d: %s", (int)n, og_status_text(st));
    }
}

/* Is text a whole answer under the choice? */
static bool is_answer(answer_case *c, const char *choice, og_think think, const char *text)
{
    og_grammar *g;
    og_matcher *m;
    size_t taken;
    bool complete = false;
    cr_assert(og_tool_grammar(c->ctx, c->chat, TOOLS, choice, think, NULL, &g) == OG_OK, "%s",
              og_error(c->ctx));
    cr_assert(og_matcher_new(g, c->ctx, &m) == OG_OK);
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    if (taken == strlen(text)) cr_assert(og_matcher_is_complete(m, &complete) == OG_OK);
    og_matcher_free(m);
    og_grammar_free(g);
    return complete;
}

Test(tools, choices_become_constraints)
{
#define CALC(x) "<tool_call>\n{\"name\": \"calc\", \"arguments\": {\"x\": " x "}}\n</tool_call>"
    static const struct {
        const char *choice, *text;
        bool is_answer;
    } cases[] = {
        { NULL, "Yes.", true },        { NULL, "<think>\nHm\n</think>\n\nYes.", true },
        { "auto", CALC("1"), true },   { "auto", CALC("\"one\""), false },
        { "required", "Yes.", false }, { "required", "<think>\nHm\n</think>\n\n" CALC("1"), true },
        { "calc", CALC("1"), true },   { "calc", "Yes.", false },
    };
    answer_case c;
    open_answer(&c, "Qwen-Qwen3-0.6B", TOOLS);
    for (int i = 0; i < OGI_LEN(cases); i++)
        cr_expect_eq(is_answer(&c, cases[i].choice, OG_THINK_DEFAULT, cases[i].text),
                     cases[i].is_answer, "%s: %s", cases[i].choice, cases[i].text);
    cr_expect(!is_answer(&c, "required", OG_THINK_OFF, "<think>Hm</think>" CALC("1")));
    cr_expect(is_answer(&c, "required", OG_THINK_OFF, CALC("1")));
    og_grammar *g;
    cr_assert(og_tool_grammar(c.ctx, c.chat, TOOLS, "sum", OG_THINK_DEFAULT, NULL, &g) != OG_OK);
    cr_assert(strstr(og_error(c.ctx), "sum"), "%s", og_error(c.ctx));
    close_answer(&c);
}

Test(tools, want_a_model_that_calls)
{
    answer_case c;
    og_grammar *g;
    open_answer(&c, "google-gemma-2-2b-it", NULL);
    cr_assert(!og_chat_has_tool_calls(c.chat));
    cr_assert(og_tool_grammar(c.ctx, c.chat, TOOLS, NULL, OG_THINK_DEFAULT, NULL, &g) ==
              OG_E_UNSUPPORTED);
    close_answer(&c);
}
