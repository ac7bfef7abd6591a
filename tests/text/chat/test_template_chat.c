/* SPDX-License-Identifier: MIT
 *
 * Chats: which template is chosen, what it is found to take, how messages are adapted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/gguf_writer.h"
#include "tests/support/template_meter.h"
#include "text/chat/model.h"

typedef struct chat_case {
    ogt_meter meter;
    og_ctx *ctx;
    og_chat *chat;
} chat_case;

static void open_source(chat_case *c, const char *source)
{
    og_template *t;
    *c = (chat_case){ 0 };
    c->ctx = ogt_meter_ctx(&c->meter);
    cr_assert(og_template_parse(c->ctx, "t", source, strlen(source), &t) == OG_OK, "%s",
              og_error(c->ctx));
    cr_assert(og_chat_new(c->ctx, t, &(og_chat_options){ .bos_token = "<s>" }, &c->chat) == OG_OK);
}

/* One of the golden templates. */
static void open_file(chat_case *c, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/data/chat_template/templates/%s.jinja", OGT_SOURCE_DIR,
             name);
    *c = (chat_case){ 0 };
    c->ctx = ogt_meter_ctx(&c->meter);
    cr_assert(ogi_chat_open(c->ctx, NULL, path, false, &c->chat) == OG_OK, "%s", og_error(c->ctx));
}

static void close_chat(chat_case *c)
{
    og_chat_free(c->chat);
    og_ctx_free(c->ctx);
    cr_expect(c->meter.live == 0, "%lld bytes are not freed", (long long)c->meter.live);
}

/* The rendering of messages or "error: ..."; free with free(). */
static char *chat_text(chat_case *c, const char *messages, const char *tools)
{
    og_template_text text;
    og_chat_request req = { .messages = messages, .tools = tools };
    char *out;
    if (og_chat_render(c->ctx, c->chat, &req, &text) == OG_OK) {
        out = strdup(text.text);
        og_template_text_free(c->ctx, &text);
    } else {
        out = malloc(1200);
        snprintf(out, 1200, "error: %s", og_error(c->ctx));
        og_error_clear(c->ctx);
    }
    return out;
}

static void expect_chat(chat_case *c, const char *messages, const char *want)
{
    char *got = chat_text(c, messages, NULL);
    cr_expect(!strcmp(got, want), "%s\n  gives %s\n  not   %s", messages, got, want);
    free(got);
}

static void expect_part(chat_case *c, const char *messages, const char *part)
{
    char *got = chat_text(c, messages, NULL);
    cr_expect(strstr(got, part), "%s\n  gives %s\n  without %s", messages, got, part);
    free(got);
}

#define SYSTEM     "{\"role\": \"system\", \"content\": \"Be brief.\"}"
#define USER(text) "{\"role\": \"user\", \"content\": \"" text "\"}"
#define CALL(content, arguments)                                                                   \
    "{\"role\": \"assistant\", \"content\": " content                                              \
    ", \"tool_calls\": [{\"id\": \"c00000001\", "                                                  \
    "\"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": " arguments "}}]}"

/* ---- adaptation ---- */

Test(template_chat, system_message_goes_into_the_first_user_turn)
{
    chat_case c;
    open_file(&c, "google-gemma-2-2b-it");
    cr_expect(!og_chat_abilities_of(c.chat)->system_role);
    expect_chat(&c, "[" SYSTEM "," USER("Hi") "]",
                "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n");
    close_chat(&c);
}

Test(template_chat, adaptation_is_told_once)
{
    chat_case c;
    open_file(&c, "google-gemma-2-2b-it");
    expect_part(&c, "[" USER("Hi") "]", "user\nHi");
    cr_expect(c.meter.n_log == 0, "%s", c.meter.log);
    for (int i = 0; i < 3; i++) expect_part(&c, "[" SYSTEM "," USER("Hi") "]", "Be brief.");
    cr_expect(c.meter.n_log == 1);
    cr_expect(strstr(c.meter.log, "takes no system message"), "%s", c.meter.log);
    close_chat(&c);
}

Test(template_chat, system_message_alone_becomes_a_user_message)
{
    chat_case c;
    open_source(&c, "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
                    "{% endif %}[{{ m.role }}:{{ m.content }}]{% endfor %}");
    expect_chat(&c, "[" SYSTEM "]", "[user:Be brief.]");
    close_chat(&c);
}

Test(template_chat, templates_that_take_a_system_message_get_it)
{
    chat_case c;
    open_file(&c, "Qwen-Qwen3-0.6B");
    cr_expect(og_chat_abilities_of(c.chat)->system_role);
    expect_part(&c, "[" SYSTEM "," USER("Hi") "]", "<|im_start|>system\nBe brief.<|im_end|>");
    cr_expect(c.meter.n_log == 0, "%s", c.meter.log);
    close_chat(&c);
}

Test(template_chat, parts_are_joined_for_templates_that_take_text)
{
    const char *parts =
        "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a \"},"
        "{\"type\": \"text\", \"text\": \"b\"}]}]";
    chat_case c;
    open_file(&c, "Qwen-Qwen2.5-7B-Instruct");
    cr_expect(!og_chat_abilities_of(c.chat)->part_content);
    expect_part(&c, parts, "user\na b<|im_end|>");
    expect_part(&c, "[{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]",
                "error: messages[0].content[0]: the template takes only text");
    close_chat(&c);
    open_file(&c, "Qwen3.5-4B");
    cr_expect(og_chat_abilities_of(c.chat)->part_content);
    expect_part(&c, parts, "user\na b<|im_end|>");
    cr_expect(c.meter.n_log == 0, "%s", c.meter.log);
    close_chat(&c);
}

Test(template_chat, text_becomes_parts_for_templates_that_take_parts)
{
    chat_case c;
    open_source(&c, "{% for m in messages %}{% for p in m.content %}({{ p.text }}){% endfor %}"
                    "{% endfor %}");
    cr_expect(!og_chat_abilities_of(c.chat)->text_content);
    expect_chat(&c, "[" USER("Hi") "]", "(Hi)");
    cr_expect(c.meter.n_log == 1);
    close_chat(&c);
}

Test(template_chat, arguments_become_what_the_template_takes)
{
    chat_case c;
    open_file(&c, "Qwen3-Coder");
    cr_expect(og_chat_abilities_of(c.chat)->object_arguments);
    cr_expect(!og_chat_abilities_of(c.chat)->text_arguments);
    expect_part(&c, "[" USER("q") "," CALL("\"\"", "\"{\\\"x\\\": 7}\"") "]",
                "<parameter=x>\n7\n</parameter>");
    close_chat(&c);
    open_file(&c, "meetkai-functionary-medium-v3.2");
    cr_expect(!og_chat_abilities_of(c.chat)->object_arguments);
    cr_expect(og_chat_abilities_of(c.chat)->text_arguments);
    expect_part(&c, "[" USER("q") "," CALL("null", "{\"x\": 7}") "]", "{\"x\": 7}");
    close_chat(&c);
}

Test(template_chat, null_content_beside_calls_becomes_empty)
{
    chat_case c;
    open_file(&c, "Qwen-Qwen3-0.6B");
    cr_expect(!og_chat_abilities_of(c.chat)->null_content);
    expect_part(&c, "[" USER("q") "," CALL("null", "{\"x\": 7}") "]", "<tool_call>");
    close_chat(&c);
}

Test(template_chat, tools_that_are_not_shown_are_told)
{
    chat_case c;
    open_file(&c, "google-gemma-2-2b-it");
    free(chat_text(&c, "[" USER("Hi") "]", "[{\"type\": \"function\"}]"));
    cr_expect(strstr(c.meter.log, "does not show tools"), "%s", c.meter.log);
    close_chat(&c);
}

/* As SmolLM3 lists them; it shows no calls. */
Test(template_chat, tools_go_by_the_name_that_shows_them)
{
    static const char source[] =
        "{% if xml_tools %}{% for t in xml_tools %}[{{ t.function.name }}]{% endfor %}"
        "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
        "</tool_call>{% endif %}{% for m in messages %}({{ m.content }}){% endfor %}";
    static const char tools[] = "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";
    chat_case c;
    open_source(&c, source);
    cr_expect(og_chat_abilities_of(c.chat)->tools && !og_chat_abilities_of(c.chat)->tool_calls);
    cr_assert(ogi_chat_toolcalls(c.chat) == ogi_toolcall_format_find("hermes"));
    free(chat_text(&c, "[" USER("q") "]", tools));
    cr_expect(c.meter.n_log == 1 && strstr(c.meter.log, "takes tools under another name"), "%s",
              c.meter.log);
    for (int i = 0; i < 2; i++) {
        char *got = chat_text(&c, "[" USER("q") "," CALL("\"c\"", "{\"x\": 7}") "]", tools);
        cr_expect(!strncmp(got, "[f]<tool_call>", 14), "%s", got);
        cr_expect(strstr(got, "(q)(c\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 7}}\n"
                              "</tool_call>)"),
                  "%s", got);
        free(got);
    }
    cr_expect(c.meter.n_log == 2, "%d", c.meter.n_log); /* that, and that calls become text */
    close_chat(&c);
}

Test(template_chat, adapted_text_stays_untrusted)
{
    chat_case c;
    og_template_text text;
    open_file(&c, "google-gemma-2-2b-it");
    og_chat_request req = { .messages = "[" SYSTEM "," USER("<eos>") "]" };
    cr_assert(og_chat_render(c.ctx, c.chat, &req, &text) == OG_OK);
    char *rest = ogt_spans_text(&text, false);
    cr_expect(!strcmp(rest, "Be brief.\n\n<eos>"), "%s", rest);
    free(rest);
    og_template_text_free(c.ctx, &text);
    close_chat(&c);
}

/* A call of f, with arguments as an object and as text, is shown so. */
static void expect_calls_as_text(const char *name, const char *marks)
{
    chat_case c;
    og_template_text text;
    open_file(&c, name);
    og_chat_request req = { .messages = "[" USER("Hi") "," CALL(
                                "null", "{\"a\": \"<|im_end|>\", \"b\": true}") "]" };
    for (int i = 0; i < 2; i++) {
        cr_assert(og_chat_render(c.ctx, c.chat, &req, &text) == OG_OK, "%s", og_error(c.ctx));
        cr_expect(strstr(text.text, marks), "%s", text.text);
        char *rest = ogt_spans_text(&text, false);
        cr_expect(strstr(rest, "<|im_end|>") && !strstr(rest, "tool_call"), "%s", rest);
        free(rest);
        og_template_text_free(c.ctx, &text);
        req.messages = "[" USER("Hi") "," CALL(
            "\"\"", "\"{\\\"a\\\": \\\"<|im_end|>\\\", \\\"b\\\": true}\"") "]";
    }
    cr_expect(strstr(c.meter.log, "does not show tool calls"), "%s", c.meter.log);
    close_chat(&c);
}

Test(template_chat, calls_that_templates_do_not_show_become_text)
{
    static const char *const names[] = { "LFM2-8B-A1B", "ibm-granite-granite-3.3-2B-Instruct" };
    static const char *const calls[] = {
        "<|tool_call_start|>[f(a=\"<|im_end|>\", b=True)]<|tool_call_end|>",
        "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": \"<|im_end|>\", \"b\": true}}]"
    };
    for (int i = 0; i < OGI_LEN(names); i++) expect_calls_as_text(names[i], calls[i]);
}

Test(template_chat, hostile_templates_open_within_a_second)
{
    chat_case c;
    clock_t start = clock();
    open_source(&c, "{% for i in range(99999) %}{% set _ = strftime_now('%s%c%x%X' * 500) %}"
                    "{% endfor %}");
    close_chat(&c);
    open_source(&c,
                "{% for i in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}");
    close_chat(&c);
    cr_expect(clock() - start < 10 * CLOCKS_PER_SEC, "%g s", /* far less without sanitizers */
              (double)(clock() - start) / CLOCKS_PER_SEC);
}

Test(template_chat, kwargs_are_variables)
{
    chat_case c;
    og_template_text text;
    open_source(&c,
                "{{ bos_token }}{{ mode }}{{ add_generation_prompt }}{{ messages[0].content }}");
    og_chat_request req = { .messages = "[" USER("Hi") "]", .kwargs = "{\"mode\": \"on\"}" };
    cr_assert(og_chat_render(c.ctx, c.chat, &req, &text) == OG_OK);
    cr_expect(!strcmp(text.text, "<s>onTrueHi") && text.has_bos, "%s", text.text);
    og_template_text_free(c.ctx, &text);
    req.kwargs = "[1]";
    cr_expect(og_chat_render(c.ctx, c.chat, &req, &text) == OG_E_FORMAT);
    cr_expect(strstr(og_error(c.ctx), "template kwargs: a JSON object"), "%s", og_error(c.ctx));
    close_chat(&c);
}

/* ---- choosing ---- */

static ogi_gguf *model_with(og_ctx *ctx, bool with_template, void **bytes)
{
    ogt_gguf w = { 0 };
    int64_t size;
    ogi_gguf *model;
    ogt_bytes tokens = { 0 };
    const char *names[] = { "<unk>", "<s>", "</s>" };
    for (int i = 0; i < OGI_LEN(names); i++) ogt_bytes_str(&tokens, names[i], strlen(names[i]));
    ogt_gguf_str(&w, "general.architecture", "none");
    ogt_gguf_array(&w, "tokenizer.ggml.tokens", 8, 3, tokens.p, tokens.n);
    ogt_gguf_u32(&w, "tokenizer.ggml.bos_token_id", 1);
    ogt_gguf_u32(&w, "tokenizer.ggml.eos_token_id", 2);
    if (with_template) {
        ogt_gguf_str(&w, "tokenizer.chat_template", "{{ bos_token }}plain{{ eos_token }}");
        ogt_gguf_str(&w, "tokenizer.chat_template.tool_use", "tools");
        ogt_gguf_str(&w, "tokenizer.chat_template.rag", "rag");
    }
    *bytes = ogt_gguf_finish(&w, &size);
    free(tokens.p);
    cr_assert(ogi_gguf_open_memory(ctx, "model", *bytes, size, NULL, 0, &model) == OG_OK, "%s",
              og_error(ctx));
    return model;
}

/* What the chosen template renders of one message. */
static void expect_choice(bool with_template, const char *choice, bool tools, const char *want)
{
    chat_case c = { 0 };
    void *bytes;
    c.ctx = ogt_meter_ctx(&c.meter);
    ogi_gguf *model = model_with(c.ctx, with_template, &bytes);
    if (ogi_chat_open(c.ctx, model, choice, tools, &c.chat) == OG_OK) {
        char *got = chat_text(&c, "[" USER("Hi") "]", NULL);
        cr_expect(!strcmp(got, want), "%s gives %s", choice ? choice : "no choice", got);
        free(got);
    } else {
        cr_expect(strstr(og_error(c.ctx), want), "%s: %s", choice, og_error(c.ctx));
    }
    ogi_gguf_close(model);
    free(bytes);
    if (!with_template && !choice)
        cr_expect(strstr(c.meter.log, "chatml is used"), "%s", c.meter.log);
    close_chat(&c);
}

Test(template_choice, a_model_brings_its_templates)
{
    expect_choice(true, NULL, false, "<s>plain</s>");
    expect_choice(true, "default", false, "<s>plain</s>");
    expect_choice(true, "rag", false, "rag");
    expect_choice(true, NULL, true, "tools");
}

Test(template_choice, chatml_stands_in_and_is_told)
{
    const char *chatml = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect_choice(false, NULL, false, chatml);
    expect_choice(true, "chatml", false, chatml);
}

Test(template_choice, unknown_names_are_errors_that_list_the_known)
{
    expect_choice(true, "nope", false,
                  "no chat template 'nope': it is neither a name in the model (default, tool_use, "
                  "rag), nor built in (chatml), nor a file");
    expect_choice(true, "./nope.jinja", false, "nope.jinja");
}

/* A model whose only template is this text. */
static void expect_of_model(const char *source, const char *want, bool is_told)
{
    chat_case c = { 0 };
    ogi_gguf *model;
    ogt_gguf w = { 0 };
    int64_t size;
    c.ctx = ogt_meter_ctx(&c.meter);
    ogt_gguf_str(&w, "tokenizer.chat_template", source);
    unsigned char *bytes = ogt_gguf_finish(&w, &size);
    cr_assert(ogi_gguf_open_memory(c.ctx, "m", bytes, size, NULL, 0, &model) == OG_OK);
    cr_assert(ogi_chat_open(c.ctx, model, NULL, false, &c.chat) == OG_OK, "%s", og_error(c.ctx));
    char *got = chat_text(&c, "[" USER("Hi") "]", NULL);
    cr_expect(!strcmp(got, want), "'%s' gives %s", source, got);
    cr_expect(!strstr(c.meter.log, "chatml is used") == !is_told, "%s", c.meter.log);
    free(got);
    ogi_gguf_close(model);
    free(bytes);
    close_chat(&c);
}

Test(template_choice, an_empty_template_is_none)
{
    const char *chatml = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect_of_model("", chatml, true);
    expect_of_model(" \r\n\t", chatml, true);
    expect_of_model("{{ messages[0].content }}", "Hi", false);
}

static char *file_with(const char *text)
{
    static char path[] = "/tmp/oxigraph-template-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

Test(template_choice, an_empty_file_is_refused_and_a_byte_order_mark_skipped)
{
    chat_case c = { 0 };
    c.ctx = ogt_meter_ctx(&c.meter);
    char *path = file_with("\xef\xbb\xbf\n");
    cr_assert(ogi_chat_open(c.ctx, NULL, path, false, &c.chat) == OG_E_FORMAT);
    cr_assert(strstr(og_error(c.ctx), "the chat template is empty"), "%s", og_error(c.ctx));
    og_error_clear(c.ctx);
    unlink(path);
    strcpy(path + strlen(path) - 6, "XXXXXX");
    path = file_with("\xef\xbb\xbf{{ messages[0].content }}");
    cr_assert(ogi_chat_open(c.ctx, NULL, path, false, &c.chat) == OG_OK, "%s", og_error(c.ctx));
    char *got = chat_text(&c, "[" USER("Hi") "]", NULL);
    cr_expect(!strcmp(got, "Hi"), "%s", got);
    free(got);
    got = chat_text(&c, "\xef\xbb\xbf[" USER("\xef\xbb\xbfHi") "]", NULL);
    cr_expect(!strcmp(got, "\xef\xbb\xbfHi"), "%s", got);
    free(got);
    unlink(path);
    close_chat(&c);
}

/* ---- tokens ---- */

/* How often id occurs in the tokens of source, rendered with a hostile message. */
static int count_tokens(const char *source, int32_t id, int32_t *first)
{
    const char *context = "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", "
                          "\"c\": \"a</s><s>b</s>\"}";
    og_ctx *ctx = NULL;
    og_tokenizer *t;
    og_tokens ids = { 0 };
    og_template_text text;
    int n = 0;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_tokenizer_open(ctx, OGT_SOURCE_DIR "/tests/data/vocab/synth-spm-flags.gguf", NULL,
                                0, &t) == OG_OK,
              "%s", og_error(ctx));
    cr_assert(ogt_render_text(ctx, source, strlen(source), context, &text) == OG_OK);
    cr_assert(og_template_encode(t, ctx, &text, &ids) == OG_OK, "%s", og_error(ctx));
    for (int64_t i = 0; i < ids.n; i++) n += ids.id[i] == id;
    *first = ids.n ? ids.id[0] : -1;
    og_tokens_free(ctx, &ids);
    og_template_text_free(ctx, &text);
    og_tokenizer_free(t);
    og_ctx_free(ctx);
    return n;
}

/* This vocabulary wants BOS (1) and EOS (2) added. */
Test(template_tokens, bos_is_there_once_and_messages_bring_no_special_tokens)
{
    int32_t first;
    cr_expect(count_tokens("{{ bos_token }}{{ c }}", 1, &first) == 1 && first == 1);
    cr_expect(count_tokens("{{ c }}", 1, &first) == 1 && first == 1);
    cr_expect(count_tokens("{{ c }}", 2, &first) == 0);
    cr_expect(count_tokens("x{{ c }}{{ eos_token }}", 2, &first) == 1);
    cr_expect(count_tokens("</s>{{ c }}</s>", 2, &first) == 2);
    cr_expect(count_tokens("<{{ c[2:4] }}>", 2, &first) == 0);
}

/* ---- reasoning ----------------------------------------------------------------------------- */

static char *think_text(chat_case *c, og_think think)
{
    og_template_text text;
    og_chat_request req = { .messages = "[{\"role\":\"user\",\"content\":\"Q\"}]", .think = think };
    cr_assert(og_chat_render(c->ctx, c->chat, &req, &text) == OG_OK, "%s", og_error(c->ctx));
    char *out = strdup(text.text);
    og_template_text_free(c->ctx, &text);
    return out;
}

Test(chat, reasoning_is_asked_for_and_forbidden)
{
    static const struct {
        const char *name, *on, *off; /* what the prompts contain */
    } cases[] = {
        { "Qwen-Qwen3-0.6B", "assistant\n", "<think>\n\n</think>" },
        { "google-gemma-4-31B-it", "<|think|>", "<|channel>thought\n<channel|>" },
        { "deepseek-ai-DeepSeek-V3.1", "<think>", "<think></think>" },
        { "ByteDance-Seed-OSS", "assistant\n", "</seed:think>" },
        { "ibm-granite-granite-3.3-2B-Instruct", "<think></think>", "assistant" },
        { "Cohere2MoE", "<|START_THINKING|>", "<|START_THINKING|><|END_THINKING|>" },
        { "openai-gpt-oss-120b", "Reasoning: medium", "Reasoning: low" },
        { "Qwen3.5-4B", "<think>\n", "</think>" },
    };
    for (int i = 0; i < OGI_LEN(cases); i++) {
        chat_case c;
        open_file(&c, cases[i].name);
        cr_expect(og_chat_abilities_of(c.chat)->reasoning, "%s", cases[i].name);
        cr_expect(og_chat_abilities_of(c.chat)->think_switch, "%s", cases[i].name);
        char *on = think_text(&c, OG_THINK_ON), *off = think_text(&c, OG_THINK_OFF);
        cr_expect(strstr(on, cases[i].on), "%s: %s", cases[i].name, on);
        cr_expect(strstr(off, cases[i].off), "%s: %s", cases[i].name, off);
        cr_expect(strcmp(on, off) != 0, "%s", cases[i].name);
        free(on), free(off);
        close_chat(&c);
    }
}

Test(chat, a_template_without_a_switch_is_told)
{
    chat_case c;
    open_file(&c, "deepseek-ai-DeepSeek-R1-Distill-Llama-8B");
    cr_assert(!og_chat_abilities_of(c.chat)->think_switch);
    free(think_text(&c, OG_THINK_OFF));
    cr_assert(strstr(c.meter.log, "no switch for reasoning"), "%s", c.meter.log);
    close_chat(&c);
}

Test(chat, reasoning_goes_under_the_name_the_template_has)
{
    static const char messages[] =
        "[{\"role\":\"user\",\"content\":\"Q\"},{\"role\":\"assistant\",\"content\":\"\","
        "\"reasoning_content\":\"THOUGHT\",\"tool_calls\":[{\"id\":\"call00001\",\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]},{\"role\":\"tool\","
        "\"name\":\"f\",\"tool_call_id\":\"call00001\",\"content\":\"1\"}]";
    static const char *const names[] = { "openai-gpt-oss-120b", "old-command-r7b-12-2024-tool_use",
                                         "Qwen-Qwen3-0.6B", "unsloth-MiniMax-M2" };
    for (int i = 0; i < OGI_LEN(names); i++) {
        chat_case c;
        open_file(&c, names[i]);
        char *text = chat_text(&c, messages, NULL);
        cr_expect(strstr(text, "THOUGHT"), "%s: %s", names[i], text);
        free(text);
        close_chat(&c);
    }
}
