/* SPDX-License-Identifier: MIT
 *
 * Tool calls as the golden templates write them, found again in a stream. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/template_meter.h"
#include "text/chat/answer_split.h"

/* What a parser gave: texts joined, calls as "name(arguments)#id;". */
typedef struct heard {
    char text[4096], calls[4096];
} heard;

static og_status hear_text(void *user, ogi_sv text)
{
    heard *h = user;
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%.*s", (int)text.n, text.p);
    return OG_OK;
}

static og_status hear_call(void *user, const ogi_toolcall *c)
{
    heard *h = user;
    size_t n = strlen(h->calls);
    snprintf(h->calls + n, sizeof h->calls - n, "%.*s(%.*s)%s%.*s;", (int)c->name.n, c->name.p,
             (int)c->arguments.n, c->arguments.p, c->id.n ? "#" : "", (int)c->id.n, c->id.p);
    return OG_OK;
}

/* Feeds text in pieces of `step` bytes. */
static heard parse(const ogi_toolcall_format *f, const char *tools, const char *text, size_t step)
{
    heard h = { 0 };
    og_ctx *ctx = NULL;
    ogi_answer_split *p;
    ogi_answer_split_sink sink = { .user = &h, .text = hear_text, .call = hear_call };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_answer_split_new(ctx, f, NULL, tools, sink, &p) == OG_OK, "%s", og_error(ctx));
    for (size_t at = 0, n = strlen(text); at < n; at += step)
        cr_assert(ogi_answer_split_feed(p, (ogi_sv){ text + at, OGI_MIN(step, n - at) }, false) ==
                  OG_OK);
    cr_assert(ogi_answer_split_finish(p) == OG_OK);
    ogi_answer_split_free(p);
    og_ctx_free(ctx);
    return h;
}

static void expect_calls(const char *format, const char *text, const char *calls, const char *rest)
{
    for (size_t step = 1; step < 40; step += 7) {
        heard h = parse(ogi_toolcall_format_find(format), NULL, text, step);
        cr_expect(!strcmp(h.calls, calls) && !strcmp(h.text, rest),
                  "%s in steps of %zu\n  gives %s and '%s'\n  not %s and '%s'", format, step,
                  h.calls, h.text, calls, rest);
    }
}

/* ---- the templates ---- */

#define TOOLS                                                                                      \
    "[{\"type\":\"function\",\"function\":{\"name\":\"calc\",\"description\":\"d\","               \
    "\"parameters\":"                                                                              \
    "{\"type\":\"object\",\"properties\":{\"expr\":{\"type\":\"string\",\"description\":\"d\"},"   \
    "\"digits\":{\"type\":\"integer\",\"description\":\"d\"},\"opts\":{\"type\":\"object\","       \
    "\"additionalProperties\":{\"type\":\"boolean\"},\"description\":\"d\"},\"tags\":{\"type\":"   \
    "\"array\",\"items\":{\"type\":\"string\"},\"description\":\"d\"}},\"required\":[\"expr\"]}}}" \
    "]"
/* keys in the order of the alphabet, since one template sorts them */
#define ARGUMENTS                                                                                  \
    "{\"digits\": 2, \"expr\": \"{}</tool_call>[\", \"opts\": {\"strict\": true}, \"tags\": "      \
    "[\"a\", \"b\"]}"

static char *render_call(const char *path, const char *content, const char *arguments)
{
    int64_t size;
    char *raw = ogt_read(path, &size), *context = malloc(4096);
    cr_assert(raw, "%s", path);
    char *source = realloc(raw, (size_t)size + 1);
    source[size] = 0;
    snprintf(context, 4096,
             "{\"bos_token\":\"\",\"eos_token\":\"\",\"tools\":" TOOLS ",\"messages\":["
             "{\"role\":\"user\",\"content\":\"QUESTION\"},"
             "{\"role\":\"assistant\",\"content\":%s,\"tool_calls\":[{\"id\":\"c00000001\","
             "\"type\":\"function\",\"function\":{\"name\":\"calc\",\"arguments\":%s}}]}]}",
             content, arguments);
    char *text = ogt_render(source, context);
    free(source), free(context);
    return text;
}

/* The templates below show no calls at all, or only with variables of their own. */
static bool shows_no_calls(const char *name)
{
    static const char *const silent[] = {
        "HuggingFaceTB-SmolLM3-3B",
        "LFM2-8B-A1B",
        "LFM2.5-Instruct",
        "MiroThinker",
        "fireworks-ai-llama-3-firefunction-v2",
        "google-gemma-2-2b-it",
        "ibm-granite-granite-3.3-2B-Instruct",
        "llama-cpp-deepseek-r1",
        "llama-cpp-rwkv-world",
        "microsoft-Phi-3.5-mini-instruct",
    };
    for (int i = 0; i < OGI_LEN(silent); i++)
        if (!strcmp(silent[i], name)) return true;
    return false;
}

static bool is_call(const char *calls, const char *name)
{
    /* this one writes objects as Python does, which a model would not: the rest is checked */
    bool is_python = !strcmp(name, "ByteDance-Seed-OSS");
    const char *whole = "calc(" ARGUMENTS ")", *text = "calc({\"digits\": 2, \"expr\": \"x\"})";
    size_t n = is_python ? (size_t)(strstr(whole, ", \"opts\"") - whole) : strlen(whole);
    return !strncmp(calls, whole, n) || !strncmp(calls, text, strlen(text));
}

static const ogi_toolcall_format *detect(const char *text)
{
    return text ? ogi_toolcall_detect(ogi_sv_of(text), OGI_SV("calc")) : NULL;
}

Test(toolcall, calls_of_every_template_are_found_again)
{
    char *dir = ogt_kind_dir("chat_template"), path[1024];
    snprintf(path, sizeof path, "%s/templates", dir);
    ogt_names names = ogt_list(path, ".jinja");
    ogt_count count = { .kind = "tool calls of chat templates" };
    for (int i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/templates/%s.jinja", dir, names.name[i]);
        char *text = render_call(path, "\"\"", ARGUMENTS);
        const char *call = strstr(text, "QUESTION");
        const ogi_toolcall_format *f = detect(call);
        if (!f) { /* some want arguments as text, and nothing beside calls */
            free(text);
            text = render_call(path, "null", "\"{\\\"digits\\\": 2, \\\"expr\\\": \\\"x\\\"}\"");
            call = strstr(text, "QUESTION");
            f = detect(call);
        }
        if (!f && shows_no_calls(names.name[i])) {
            count.skipped++;
            free(text);
            continue;
        }
        count.ran++;
        cr_expect(f, "%s: no format is known for %s", names.name[i], text);
        if (!f) {
            free(text);
            continue;
        }
        /* only what the assistant wrote; a raw object counts where the answer begins */
        const char *begin = call;
        if (!strcmp(ogi_toolcall_format_name(f), "llama")) begin = strstr(call, "{\"name\"");
        /* the prompt ends with this mark */
        if (!strcmp(ogi_toolcall_format_name(f), "functionary-v3.2"))
            begin = strstr(call, ">>>") + 3;
        bool ok = true;
        for (size_t step = 1; step < 60 && f; step += 19) {
            heard h = parse(f, TOOLS, begin, step);
            bool right = is_call(h.calls, names.name[i]);
            if (!right)
                fprintf(stderr, "%s (%s): %s | %s\n", names.name[i], ogi_toolcall_format_name(f),
                        h.calls, begin);
            ok = ok && right;
        }
        count.passed += ok;
        free(text);
    }
    ogt_names_free(&names);
    free(dir);
    cr_assert(ogt_count_report(&count));
}

/* ---- streams ---- */

Test(toolcall, text_around_calls_is_passed_on)
{
    expect_calls("hermes",
                 "One.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n"
                 "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>Two <tool",
                 "f({\"a\": 1});g({});", "One.\n\nTwo <tool");
}

Test(toolcall, closing_marks_in_strings_do_not_end_a_call)
{
    expect_calls("hermes",
                 "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"</tool_call>}\\\"]\"}}"
                 "</tool_call>.",
                 "f({\"a\": \"</tool_call>}\\\"]\"});", ".");
}

Test(toolcall, ids_are_kept)
{
    expect_calls("mistral", "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{\"a\": []}[TOOL_CALLS]g[ARGS]{}",
                 "f({\"a\": []})#abc;g({});", "");
    expect_calls("kimi",
                 "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:3"
                 "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>x",
                 "f({})#functions.f:3;", "x");
    expect_calls("mistral-list",
                 "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}, \"id\": \"i1\"}, "
                 "{\"name\": \"g\", \"arguments\": {\"b\": null}, \"id\": \"i2\"}]",
                 "f({})#i1;g({\"b\": null})#i2;", "");
}

Test(toolcall, arguments_as_text_are_read)
{
    expect_calls("hermes",
                 "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
                 "f({\"a\": 1});", "");
}

Test(toolcall, malformed_calls_come_out_as_text)
{
    expect_calls("hermes", "a<tool_call>{\"name\": 1}</tool_call>b", "",
                 "a<tool_call>{\"name\": 1}b");
    expect_calls("hermes", "a<tool_call>{\"name\": \"f\", \"argum", "",
                 "a<tool_call>{\"name\": \"f\", \"argum");
    expect_calls("qwen-xml", "<tool_call>\n<function=f>\n<parameter=a>1</function></tool_call>", "",
                 "<tool_call>\n<function=f>\n<parameter=a>1</function></tool_call>");
    expect_calls("gemma", "<|tool_call>call:f{a:[1,}<tool_call|>", "",
                 "<|tool_call>call:f{a:[1,}<tool_call|>");
}

Test(toolcall, raw_objects_count_only_where_the_answer_begins)
{
    expect_calls("llama", "\n{\"name\": \"f\", \"parameters\": {\"a\": 1}}", "f({\"a\": 1});",
                 "\n");
    expect_calls("llama", "See {\"name\": \"f\", \"parameters\": {}}", "",
                 "See {\"name\": \"f\", \"parameters\": {}}");
}

Test(toolcall, harmony_names_stand_in_the_header)
{
    expect_calls(
        "harmony",
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>",
        "f({\"a\": 1});", "<|channel|>commentary");
}

Test(toolcall, recipients_are_tools_or_the_user)
{
    expect_calls("functionary-v3.2", "all\nHello.>>>f\n{\"a\": 1}>>>g\n{}", "f({\"a\": 1});g({});",
                 "Hello.");
    expect_calls("functionary-v3.2", "f\n{}>>>all\nDone.", "f({});", "Done.");
    expect_calls("functionary-v3.2", "Hello.", "", ">>>Hello.");
}

Test(toolcall, calls_as_python_writes_them_are_read)
{
    expect_calls("lfm2",
                 "A <|tool_call_start|>[f(a=\"x)]\", b=-2.5, c=[True, None, (1, 2)]), g( )]"
                 "<|tool_call_end|> B",
                 "f({\"a\": \"x)]\", \"b\": -2.5, \"c\": [true, null, [1, 2]]});g({});", "A  B");
    expect_calls("lfm2",
                 "<|tool_call_start|>[f(a='it\\'s \"<|tool_call_end|>\"\\x41\\q', b={'k': False})]"
                 "<|tool_call_end|>",
                 "f({\"a\": \"it's \\\"<|tool_call_end|>\\\"A\\\\q\", \"b\": {\"k\": false}});",
                 "");
    static const char *const malformed[] = { "f(1)", "f(a=)",      "f(a=1", "f(a=x)",
                                             "f",    "f(a=1 b=2)", "(a=1)", "f(a=[1)" };
    for (int i = 0; i < OGI_LEN(malformed); i++) {
        char text[100];
        snprintf(text, sizeof text, "<|tool_call_start|>[%s]<|tool_call_end|>", malformed[i]);
        expect_calls("lfm2", text, "", text);
    }
}

Test(toolcall, listings_of_tools_tell_where_calls_are_not_shown)
{
    const ogi_toolcall_format *f =
        ogi_toolcall_detect_listing(OGI_SV("system\nList of tools: <|tool_list_start|>[{}]"));
    cr_assert(f && !strcmp(ogi_toolcall_format_name(f), "lfm2"));
    cr_assert(!ogi_toolcall_detect_listing(OGI_SV("# Tools\n[{}]")));
}

Test(toolcall, schemas_decide_what_untyped_text_means)
{
    const char *tools = "[{\"function\": {\"name\": \"f\", \"parameters\": {\"properties\": "
                        "{\"zip\": {\"type\": \"string\"}, \"n\": {\"type\": \"integer\"}}}}}]";
    const char *text = "<tool_call>\n<function=f>\n<parameter=zip>\n01234\n</parameter>\n"
                       "<parameter=n>\n7\n</parameter>\n<parameter=x>\n[1]\n</parameter>\n"
                       "<parameter=y>\ntwo\nlines\n</parameter>\n</function>\n</tool_call>";
    heard h = parse(ogi_toolcall_format_find("qwen-xml"), tools, text, 3);
    cr_expect(
        !strcmp(h.calls, "f({\"zip\": \"01234\", \"n\": 7, \"x\": [1], \"y\": \"two\\nlines\"});"),
        "%s", h.calls);
    h = parse(ogi_toolcall_format_find("glm"), tools,
              "<tool_call>f\n<arg_key>zip</arg_key>\n<arg_value>5</arg_value></tool_call>", 3);
    cr_expect(!strcmp(h.calls, "f({\"zip\": \"5\"});"), "%s", h.calls);
}

Test(toolcall, text_is_not_held_longer_than_needed)
{
    heard h = { 0 };
    og_ctx *ctx = NULL;
    ogi_answer_split *p;
    ogi_answer_split_sink sink = { .user = &h, .text = hear_text, .call = hear_call };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_answer_split_new(ctx, ogi_toolcall_format_find("hermes"), NULL, NULL, sink, &p) ==
              OG_OK);
    ogi_answer_split_feed(p, OGI_SV("abc <"), false);
    cr_expect(!strcmp(h.text, "abc "), "%s", h.text);
    ogi_answer_split_feed(p, OGI_SV("b>"), false);
    cr_expect(!strcmp(h.text, "abc <b>"), "%s", h.text);
    cr_expect(!ogi_answer_split_in_call(p));
    ogi_answer_split_feed(p, OGI_SV("<tool_call>{"), false);
    cr_expect(ogi_answer_split_in_call(p));
    ogi_answer_split_free(p);
    og_ctx_free(ctx);
}
