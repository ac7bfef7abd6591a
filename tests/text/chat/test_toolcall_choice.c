/* SPDX-License-Identifier: MIT
 *
 * Where the constraint on tool calls begins and ends, and what it refuses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/template_meter.h"
#include "tests/support/toolcall_vocab.h"

static const ogi_toolcall_choice choose_auto = { .kind = OGI_TOOLCALL_AUTO };
static const ogi_toolcall_choice choose_required = { .kind = OGI_TOOLCALL_REQUIRED };

/* ---- where the constraint begins and ends ---- */

#define CALL "<tool_call>\n{\"name\": \"calc\", \"arguments\": {\"expr\": \"x\"}}\n</tool_call>"
#define CALM "<tool_call>{\"name\": \"calm\", \"arguments\": {}}</tool_call>"

static const uint32_t *mask_of(ogt_constrained *x)
{
    const uint32_t *bits;
    cr_assert(og_matcher_mask(x->m, &bits) == OG_OK, "%s", og_error(x->ctx));
    return bits;
}

/* Takes the text as tokens: single bytes but for the marks given by name. */
static og_status accept_text(ogt_constrained *x, const ogt_vocab *v, const char *text)
{
    while (*text) {
        int32_t token = OGT_FIRST_BYTE + (uint8_t)*text;
        for (int32_t i = OGT_FIRST_WORD; i < v->view.n_tokens; i++)
            if (v->is_control[i] && !strncmp(text, v->piece[i], v->n[i])) token = i;
        OG_TRY(og_matcher_accept(x->m, token));
        text += v->n[token];
    }
    return OG_OK;
}

static bool allows_all(const ogt_vocab *v, const uint32_t *bits)
{
    for (int32_t i = 0; i < v->view.n_tokens; i++)
        if (!ogt_has_bit(bits, i)) return false;
    return true;
}

Test(toolcall_choice, everything_is_allowed_until_a_call_opens_and_behind_it)
{
    for (int is_control = 0; is_control < 2; is_control++) {
        ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), is_control);
        ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, choose_auto, &v->view);
        for (int round = 0; round < 3; round++) {
            cr_assert(allows_all(v, mask_of(&x)));
            cr_assert(accept_text(&x, v, "Text <tool <|other|> \xff{\"a\":1,\"a\"") == OG_OK);
            cr_assert(allows_all(v, mask_of(&x)));
            cr_assert(accept_text(&x, v, "<tool_call>") == OG_OK);
            const uint32_t *bits = mask_of(&x);
            cr_assert(ogt_has_bit(bits, OGT_FIRST_BYTE + '{') &&
                      !ogt_has_bit(bits, OGT_FIRST_BYTE + 'a') &&
                      !ogt_has_bit(bits, OGT_END_TOKEN) &&
                      !ogt_has_bit(bits, ogt_vocab_find(v, "<|other|>")));
            cr_assert(og_matcher_accept(x.m, OGT_END_TOKEN) == OG_E_INVALID);
            og_error_clear(x.ctx);
            cr_assert(accept_text(&x, v, strchr(CALL, '{')) == OG_OK, "%s", og_error(x.ctx));
        }
        ogt_constrained_free(&x);
        free(v);
    }
}

Test(toolcall_choice, marks_that_are_tokens_come_as_tokens_and_in_texts_as_text)
{
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), true);
    ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, choose_auto, &v->view);
    int32_t open = ogt_vocab_find(v, "<tool_call>"), close = ogt_vocab_find(v, "</tool_call>");
    cr_assert(og_matcher_accept(x.m, open) == OG_OK);
    cr_assert(accept_text(&x, v, "{\"name\": \"calm\", \"arguments\": {}}") == OG_OK);
    const uint32_t *bits = mask_of(&x);
    cr_assert(ogt_has_bit(bits, close) && !ogt_has_bit(bits, OGT_FIRST_BYTE + '<') &&
              !ogt_has_bit(bits, ogt_vocab_find(v, "</")));
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + '<') == OG_E_INVALID);
    og_error_clear(x.ctx);
    cr_assert(og_matcher_accept(x.m, close) == OG_OK);
    cr_assert(allows_all(v, mask_of(&x)));
    /* spelled in several tokens, the mark opens a call, too: readers of text see no difference */
    cr_assert(og_matcher_accept(x.m, ogt_vocab_find(v, "<tool")) == OG_OK);
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + '_') == OG_OK);
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + 'c') == OG_OK);
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + 'a') == OG_OK);
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + 'l') == OG_OK);
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + 'l') == OG_OK);
    cr_assert(ogt_has_bit(mask_of(&x), ogt_vocab_find(v, ">\n")));
    cr_assert(og_matcher_accept(x.m, OGT_FIRST_BYTE + '>') == OG_OK);
    cr_assert(!ogt_has_bit(mask_of(&x), OGT_END_TOKEN));
    cr_assert(ogt_accepts(x.m, "One." CALL "\n" CALM " Two." CALL));
    cr_assert(!ogt_accepts(x.m, "One." CALL "<tool_call>{\"name\": \"cald\""));
    ogt_constrained_free(&x);
    free(v);
}

Test(toolcall_choice, clones_and_resets_keep_their_place)
{
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), true);
    ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, choose_auto, &v->view);
    static const char text[] = "a" CALL "b" CALM "c";
    for (size_t n = 0; n < sizeof text; n++) {
        og_matcher *c;
        size_t taken;
        bool complete;
        og_matcher_reset(x.m);
        cr_assert(og_matcher_text(x.m, text, n, &taken) == OG_OK && taken == n);
        cr_assert(og_matcher_clone(x.m, &c) == OG_OK);
        cr_assert(og_matcher_text(c, text + n, sizeof text - 1 - n, &taken) == OG_OK);
        og_matcher_is_complete(c, &complete);
        cr_assert(taken == sizeof text - 1 - n && complete, "behind %zu bytes", n);
        og_matcher_free(c);
    }
    ogt_constrained_free(&x);
    free(v);
}

Test(toolcall_choice, a_required_call_comes_first)
{
    for (int is_control = 0; is_control < 2; is_control++) {
        ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("kimi"), is_control);
        ogt_constrained x = ogt_constrain("kimi", OGT_TOOLS, choose_required, &v->view);
        const uint32_t *bits = mask_of(&x);
        cr_assert(!ogt_has_bit(bits, OGT_END_TOKEN) && !ogt_has_bit(bits, OGT_FIRST_BYTE + 'a') &&
                  !ogt_has_bit(bits, ogt_vocab_find(v, "<|other|>")) &&
                  ogt_has_bit(bits, OGT_FIRST_BYTE + ' '));
        cr_assert(ogt_has_bit(bits, OGT_FIRST_BYTE + '<') == !is_control);
        cr_assert(ogt_has_bit(bits, ogt_vocab_find(v, "<|tool_calls_section_begin|>")) &&
                  ogt_has_bit(bits, ogt_vocab_find(v, "<|tool_call_begin|>")));
        cr_assert(accept_text(&x, v, "<|tool_calls_section_begin|><|tool_call_begin|>functions.") ==
                  OG_OK);
        cr_assert(accept_text(&x, v, "calm:0<|tool_call_argument_begin|>{}") == OG_OK);
        cr_assert(!ogt_has_bit(mask_of(&x), OGT_END_TOKEN));
        cr_assert(accept_text(&x, v, "<|tool_call_end|>") == OG_OK);
        cr_assert(allows_all(v, mask_of(&x)));
        cr_assert(accept_text(&x, v, "<|tool_calls_section_end|> Text.<|tool_call_begin|>") ==
                  OG_OK);
        cr_assert(!ogt_has_bit(mask_of(&x), OGT_END_TOKEN));
        ogt_constrained_free(&x);
        free(v);
    }
}

Test(toolcall_choice, a_named_tool_is_the_only_one)
{
    ogi_toolcall_choice named = { .kind = OGI_TOOLCALL_NAMED, .name = "calm" };
    ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, named, NULL);
    cr_assert(ogt_accepts(x.m, CALM));
    cr_assert(ogt_accepts(x.m, "\n" CALM "\n" CALM " Text."));
    cr_assert(!ogt_accepts(x.m, CALL));
    cr_assert(!ogt_accepts(x.m, CALM CALL));
    cr_assert(!ogt_accepts(x.m, "Text." CALM));
    og_grammar *g;
    named.name = "cald";
    cr_assert(ogi_toolcall_grammar(x.ctx, ogi_toolcall_format_find("hermes"), OGT_TOOLS, &named,
                                   NULL, &g) == OG_E_NOT_FOUND);
    cr_assert(strstr(og_error(x.ctx), "'cald'"), "%s", og_error(x.ctx));
    ogt_constrained_free(&x);
}

Test(toolcall_choice, reasoning_may_come_before_calls)
{
    ogi_toolcall_choice choice = { .kind = OGI_TOOLCALL_REQUIRED,
                                   .think_open = "<think>",
                                   .think_close = "</think>" };
    for (int is_control = 0; is_control < 2; is_control++) {
        ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), is_control);
        ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, choice, &v->view);
        cr_assert(ogt_accepts(x.m, "<think>\nShould I <tool_call>?\n</think>\n\n" CALL));
        cr_assert(ogt_accepts(x.m, CALL));
        cr_assert(!ogt_accepts(x.m, "<think>\n</think>\n\nNo."));
        cr_assert(!ogt_accepts(x.m, "<think>\nNo."));
        og_matcher_reset(x.m);
        cr_assert(accept_text(&x, v, "<think>a<tool_call>b") == OG_OK);
        const uint32_t *bits = mask_of(&x);
        for (int32_t i = 0; i < v->view.n_tokens; i++)
            cr_assert(ogt_has_bit(bits, i) == (i != OGT_END_TOKEN), "%s", v->piece[i]);
        ogt_constrained_free(&x);
        choice.kind = OGI_TOOLCALL_AUTO;
        x = ogt_constrain("hermes", OGT_TOOLS, choice, &v->view);
        cr_assert(ogt_accepts(x.m, "<think>\nShould I <tool_call>?\n</think>\n\n" CALL "x" CALM));
        cr_assert(ogt_accepts(x.m, "<think>\n<tool_call>\n</think> No."));
        cr_assert(ogt_accepts(x.m, "No."));
        cr_assert(!ogt_accepts(x.m, "<think>\n\n</think>\n<tool_call>?"));
        ogt_constrained_free(&x);
        choice.kind = OGI_TOOLCALL_REQUIRED;
        free(v);
    }
}

Test(toolcall_choice, an_answer_that_begins_inside_reasoning_waits)
{
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), true);
    ogt_constrained x = ogt_constrain("hermes", OGT_TOOLS, choose_required, &v->view);
    cr_assert(og_matcher_wait(x.m, "</think>", 8) == OG_OK);
    for (int round = 0; round < 2; round++) {
        cr_assert(accept_text(&x, v, "Should I <tool_call>? </think>") == OG_OK);
        cr_assert(!ogt_has_bit(mask_of(&x), OGT_END_TOKEN) &&
                  !ogt_has_bit(mask_of(&x), OGT_FIRST_BYTE + 'a'));
        cr_assert(accept_text(&x, v, "\n\n" CALL) == OG_OK, "%s", og_error(x.ctx));
        cr_assert(allows_all(v, mask_of(&x)));
        og_matcher_reset(x.m);
    }
    cr_assert(ogt_accepts(x.m, "Hm.</think>\n" CALL " Text. " CALM));
    cr_assert(!ogt_accepts(x.m, "Hm.</think>\nText."));
    ogt_constrained_free(&x);
    free(v);
}

Test(toolcall_choice, a_raw_object_counts_only_first)
{
    ogt_constrained x = ogt_constrain("llama", OGT_TOOLS, choose_auto, NULL);
    cr_assert(ogt_accepts(x.m, "Hello. {\"name\": 1}"));
    cr_assert(ogt_accepts(x.m, ""));
    cr_assert(ogt_accepts(x.m, "{\"na"));
    cr_assert(ogt_accepts(x.m, "\n{\"name\": \"calm\", \"parameters\": {}} Done. {\"name\": 1}"));
    cr_assert(!ogt_accepts(x.m, "\n{\"name\": \"cald\", \"parameters\": {}}"));
    cr_assert(!ogt_accepts(x.m, "{\"name\": \"calm\""));
    ogt_constrained_free(&x);
    /* control tokens are no text: it still is the beginning behind them */
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("llama"), true);
    x = ogt_constrain("llama", OGT_TOOLS, choose_auto, &v->view);
    cr_assert(accept_text(&x, v, "<|other|> {\"name\": \"") == OG_OK);
    cr_assert(!ogt_has_bit(mask_of(&x), OGT_FIRST_BYTE + 'x'));
    og_matcher_reset(x.m);
    cr_assert(accept_text(&x, v, "a<|other|> {\"name\": \"") == OG_OK);
    cr_assert(allows_all(v, mask_of(&x)));
    ogt_constrained_free(&x);
    free(v);
    x = ogt_constrain("llama", OGT_TOOLS, choose_required, NULL);
    cr_assert(ogt_accepts(x.m, "{\"name\": \"calm\", \"parameters\": {}}"));
    cr_assert(!ogt_accepts(x.m, "Hello."));
    ogt_constrained_free(&x);
}

Test(toolcall_choice, recipients_are_tools_or_the_user)
{
    ogt_constrained x = ogt_constrain("functionary-v3.2", OGT_TOOLS, choose_auto, NULL);
    cr_assert(ogt_accepts(x.m, "all\nHello.>>>calm\n{}>>>all\nDone."));
    cr_assert(ogt_accepts(x.m, "calc\n{\"expr\": \"x\"}>>>calm\n{}"));
    cr_assert(!ogt_accepts(x.m, "Hello."));
    cr_assert(!ogt_accepts(x.m, "all\nHello.>>>cald\n{}"));
    ogt_constrained_free(&x);
    x = ogt_constrain("functionary-v3.2", OGT_TOOLS, choose_required, NULL);
    cr_assert(ogt_accepts(x.m, "calm\n{}>>>all\nDone."));
    cr_assert(!ogt_accepts(x.m, "all\nHello."));
    cr_assert(!ogt_accepts(x.m, ">>>all\ncalm\n{}"));
    ogt_constrained_free(&x);
}

Test(toolcall_choice, calls_as_python_writes_them)
{
    static const char tools[] =
        "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
        "\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"},\"c\":{\"enum\":[true,\"t\"]},"
        "\"d\":{\"type\":\"object\",\"additionalProperties\":true}},\"required\":[\"b\"]}},"
        "{\"name\":\"g\"}]";
    static const char *const yes[] = { "[f(b=\"x\")]", "[f(a=1, b=\"\", c=True), g()]", "[g()]",
                                       "[f(b=\"'\", d={\"a\": [None, False], \"b\": 2})]" };
    static const char *const no[] = { "[f()",
                                      "[f(a=1)",
                                      "[f(a=1, )",
                                      "[f(b=x)",
                                      "[f(b=\"x\", a=1)",
                                      "[f(, b=\"x\")",
                                      "[f(b=\"x\", c=true)",
                                      "[h()",
                                      "[g(a=1)",
                                      "[f(b=\"x\", d={\"a\": 1, \"a\": 2})" };
    ogt_constrained x = ogt_constrain("lfm2", tools, choose_auto, NULL);
    char text[200];
    bool complete;
    for (int i = 0; i < OGI_LEN(yes); i++) {
        snprintf(text, sizeof text, "A <|tool_call_start|>%s<|tool_call_end|> B", yes[i]);
        cr_expect(ogt_accepts(x.m, text), "%s", text);
    }
    for (int i = 0; i < OGI_LEN(no); i++) {
        snprintf(text, sizeof text, "<|tool_call_start|>%s", no[i]);
        cr_expect(ogt_feed_text(x.m, text, &complete) < strlen(text), "%s", text);
    }
    ogt_constrained_free(&x);
}

Test(toolcall_choice, a_closing_mark_may_end_generation)
{
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("harmony"), true);
    ogt_constrained x = ogt_constrain("harmony", OGT_TOOLS, choose_auto, &v->view);
    int32_t call = ogt_vocab_find(v, "<|call|>");
    cr_assert(accept_text(&x, v, "<|channel|>commentary to=functions.calm <|constrain|>json") ==
              OG_OK);
    cr_assert(!ogt_has_bit(mask_of(&x), call));
    cr_assert(accept_text(&x, v, "<|message|>{}") == OG_OK, "%s", og_error(x.ctx));
    const uint32_t *bits = mask_of(&x);
    cr_assert(ogt_has_bit(bits, call) && !ogt_has_bit(bits, OGT_FIRST_BYTE + 'a'));
    cr_assert(og_matcher_accept(x.m, call) == OG_OK);
    cr_assert(ogt_accepts(x.m, " to=functions.calm json<|message|>{}<|call|><|start|>assistant"));
    cr_assert(!ogt_accepts(x.m, " to=functions.calm json<|message|>{}<|end|>"));
    ogt_constrained_free(&x);
    ogi_toolcall_choice choice = { .kind = OGI_TOOLCALL_REQUIRED,
                                   .think_open = "<|channel|>analysis",
                                   .think_close = "<|end|>" };
    x = ogt_constrain("harmony", OGT_TOOLS, choice, &v->view);
    cr_assert(ogt_accepts(x.m,
                          "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
                          "<|channel|>commentary to=functions.calm <|constrain|>json<|message|>"
                          "{}<|call|>"));
    ogt_constrained_free(&x);
    free(v);
}

/* ---- names in objects ---- */

Test(toolcall_choice, names_repeat_in_text_and_across_calls_but_not_in_an_object)
{
    static const char tools[] = "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
                                "\"additionalProperties\":{\"type\":\"integer\"}}}]";
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("hermes"), false);
    ogt_constrained x = ogt_constrain("hermes", tools, choose_auto, &v->view);
#define F "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1, \"b\": 2}}</tool_call>"
    cr_assert(ogt_accepts(x.m, "{\"a\": 1, \"a\": 2, \"" F "{\"a\": \"a\", \"a\"" F));
    cr_assert(
        !ogt_accepts(x.m, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1, \"a\": 2}}"));
    og_matcher_reset(x.m);
    cr_assert(accept_text(&x, v, "{\"size\": 1, \"size\": {\"" F "[{\"a\"") == OG_OK);
    cr_assert(accept_text(&x, v, "<tool_call>{\"name\": \"f\", \"arguments\": {\"size\": 1, \"") ==
              OG_OK);
    cr_assert(og_matcher_accept(x.m, ogt_vocab_find(v, "size")) == OG_OK);
    const uint32_t *bits = mask_of(&x);
    cr_assert(!ogt_has_bit(bits, OGT_FIRST_BYTE + '"') && ogt_has_bit(bits, OGT_FIRST_BYTE + 'd'));
    ogt_constrained_free(&x);
    free(v);
}

Test(toolcall_choice, values_can_be_read_back)
{
    static const char tools[] = "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
                                "\"additionalProperties\":true}}]";
    ogt_constrained x = ogt_constrain("hermes", tools, choose_auto, NULL);
#define G(value) "<tool_call>{\"name\": \"f\", \"arguments\": {" value "}}</tool_call>"
    cr_assert(ogt_accepts(x.m, G("\"a\": \"\\ud83d\\ude00\", \"\\u00e9\": 1e99")));
    cr_assert(!ogt_accepts(x.m, G("\"a\": \"\\ud83d\"")));
    cr_assert(!ogt_accepts(x.m, G("\"\\ude00\": 1")));
    cr_assert(!ogt_accepts(x.m, G("\"a\": 1e400")));
    ogt_constrained_free(&x);
}

/* ---- a real tokenizer ---- */

Test(toolcall_choice, tokens_of_a_tokenizer_take_the_same_calls)
{
    og_ctx *ctx;
    og_tokenizer *t;
    og_vocab_view *view;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_tokenizer_open(ctx, OGT_SOURCE_DIR "/tests/data/vocab/synth-rwkv.gguf", NULL, 0,
                                &t) == OG_OK);
    cr_assert(og_vocab_view_new(ctx, t, &view) == OG_OK);
    ogt_constrained x = ogt_constrain("qwen-xml", OGT_TOOLS, choose_required, view);
    static const char text[] =
        "<tool_call>\n<function=calc>\n<parameter=expr>\n1 < 2 </tool_call>\n</parameter>\n"
        "<parameter=size>\n3\n</parameter>\n<parameter=unit>\nkm\n</parameter>\n</function>\n"
        "</tool_call>";
    og_tokens ids = { 0 };
    cr_assert(og_tokenizer_encode(t, ctx, text, sizeof text - 1, 0, &ids) == OG_OK);
    for (int64_t i = 0; i < ids.n; i++) {
        const uint32_t *bits = mask_of(&x);
        cr_assert(ogt_has_bit(bits, ids.id[i]) && !ogt_has_bit(bits, view->eos), "token %d",
                  (int)i);
        cr_assert(og_matcher_accept(x.m, ids.id[i]) == OG_OK);
    }
    cr_assert(ogt_has_bit(mask_of(&x), view->eos));
    ogt_constrained_free(&x);
    og_tokens_free(ctx, &ids);
    og_vocab_view_free(view);
    og_tokenizer_free(t);
    og_ctx_free(ctx);
}

/* ---- what is refused ---- */

static void expect_refused(const char *format, const char *tools, og_status status,
                           const char *const *words)
{
    og_ctx *ctx;
    og_grammar *g;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_status s = ogi_toolcall_grammar(ctx, ogi_toolcall_format_find(format), tools,
                                       &choose_required, NULL, &g);
    cr_expect(s == status && !g, "%s: %.200s gives %d: %s", format, tools, s, og_error(ctx));
    for (; *words; words++)
        cr_expect(strstr(og_error(ctx), *words), "'%s' is not in %s", *words, og_error(ctx));
    og_grammar_free(g);
    og_ctx_free(ctx);
}

#define TOOL(property)                                                                             \
    "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":" property "}}}]"

Test(toolcall_choice, what_cannot_be_enforced_is_refused_by_name)
{
    static const struct {
        const char *format, *tools;
        og_status status;
        const char *words[4];
    } cases[] = {
        { "hermes", TOOL("{\"contains\":{}}"), OG_E_UNSUPPORTED, { "'f'", "a/contains" } },
        { "qwen-xml",
          TOOL("{\"type\":\"string\",\"pattern\":\"(?=x)\"}"),
          OG_E_UNSUPPORTED,
          { "'f'", "parameters/properties/a/pattern" } },
        { "qwen-xml",
          TOOL("{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"string\",\"maxLength\":3}]}"),
          OG_E_UNSUPPORTED,
          { "'f'", "a/oneOf" } },
        { "glm",
          TOOL("{\"type\":\"string\",\"maxLength\":30000}"),
          OG_E_LIMIT,
          { "'f'", "properties/a", "1500" } },
        { "gemma",
          TOOL("{\"type\":\"string\",\"minLength\":4,\"maxLength\":3}"),
          OG_E_INVALID,
          { "'f'", "minLength" } },
        { "glm",
          TOOL("{\"type\":\"string\",\"not\":{\"const\":\"x\"}}"),
          OG_E_UNSUPPORTED,
          { "'f'", "a/not" } },
        { "seed",
          TOOL("{\"enum\":[\"a\",\"b\"],\"pattern\":\"c\"}"),
          OG_E_INVALID,
          { "'f'", "none of the constants" } },
        { "minimax",
          TOOL("{\"type\":\"object\",\"$dynamicRef\":\"#x\"}"),
          OG_E_UNSUPPORTED,
          { "'f'", "a/$dynamicRef" } },
        { "glm",
          "[{\"name\":\"f\",\"parameters\":{\"anyOf\":[{}]}}]",
          OG_E_UNSUPPORTED,
          { "'f'", "parameters/anyOf" } },
        { "seed",
          TOOL("{\"enum\":[\"</parameter>\"]}"),
          OG_E_UNSUPPORTED,
          { "'f'", "properties/a" } },
        { "qwen-xml", "[{\"name\":\"a b\"}]", OG_E_UNSUPPORTED, { "'a b'", "name" } },
        { "kimi", "[{\"name\":\"a:b\"}]", OG_E_UNSUPPORTED, { "'a:b'", "name" } },
        { "functionary", "[{\"name\":\"a>b\"}]", OG_E_UNSUPPORTED, { "'a>b'" } },
        { "hermes",
          "[{\"name\":\"f\",\"parameters\":{\"type\":\"string\"}}]",
          OG_E_FORMAT,
          { "'f'", "parameters" } },
        { "hermes", "[{\"name\":\"f\",\"parameters\":3}]", OG_E_FORMAT, { "'f'" } },
        { "hermes", "[{\"name\":\"f\"},{\"name\":\"f\"}]", OG_E_FORMAT, { "two", "'f'" } },
        { "hermes", "[{\"name\":\"\"}]", OG_E_FORMAT, { "tool 0" } },
        { "hermes", "[3]", OG_E_FORMAT, { "tool 0" } },
        { "hermes", "[]", OG_E_FORMAT, { "empty" } },
        { "hermes", "{\"name\":\"f\"}", OG_E_FORMAT, { "list" } },
        { "hermes", "[", OG_E_FORMAT, { "line 1" } },
    };
    for (int i = 0; i < OGI_LEN(cases); i++)
        expect_refused(cases[i].format, cases[i].tools, cases[i].status, cases[i].words);
}

Test(toolcall_choice, names_are_escaped_where_json_holds_them)
{
    ogt_constrained x =
        ogt_constrain("hermes",
                      "[{\"name\":\"a\\\"\\n</tool_call>\\u00e9\",\"parameters\":{"
                      "\"properties\":{\"</tool_call>\\\"\":{\"type\":\"integer\"}}}}]",
                      choose_auto, NULL);
    static const char text[] = "<tool_call>{\"name\": \"a\\\"\\n</tool_call>\xc3\xa9\", "
                               "\"arguments\": {\"</tool_call>\\\"\": 3}}</tool_call>";
    cr_assert(ogt_accepts(x.m, text));
    ogt_heard h = ogt_read_calls(ogi_toolcall_format_find("hermes"), text, sizeof text - 1);
    cr_assert(h.n_call == 1 && !strcmp(h.name, "a\"\n</tool_call>\xc3\xa9"), "%s", h.name);
    ogt_constrained_free(&x);
}

Test(toolcall_choice, plain_strings_keep_constants_and_formats)
{
    static const char tools[] = TOOL("{\"type\":\"string\",\"format\":\"date\"},"
                                     "\"b\":{\"enum\":[\"x\",\"y z\"]},\"c\":{\"const\":5}");
    static const char *const formats[] = { "qwen-xml", "glm" };
    static const char *const yes[] = {
        "<tool_call>\n<function=f>\n<parameter=a>\n2024-02-03\n</parameter>\n<parameter=b>y z"
        "</parameter><parameter=c>5</parameter></function></tool_call>",
        "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>2024-02-03</arg_value>\n<arg_key>b"
        "</arg_key><arg_value>x</arg_value><arg_key>c</arg_key><arg_value>5</arg_value>"
        "</tool_call>"
    };
    static const char *const no[] = { "<tool_call>\n<function=f>\n<parameter=a>\n2024-22-03\n<",
                                      "<tool_call>f<arg_key>b</arg_key><arg_value>z</arg_value>" };
    for (int i = 0; i < OGI_LEN(formats); i++) {
        ogt_constrained x = ogt_constrain(formats[i], tools, choose_auto, NULL);
        cr_expect(ogt_accepts(x.m, yes[i]), "%s", yes[i]);
        bool complete;
        cr_expect(ogt_feed_text(x.m, no[i], &complete) < strlen(no[i]), "%s", no[i]);
        ogt_constrained_free(&x);
    }
}

/* ---- hostile tools ---- */

/* prefix, n times the middle, then suffix. */
static char *repeated(const char *prefix, const char *middle, int n, const char *suffix)
{
    size_t size = strlen(middle);
    char *text = malloc(strlen(prefix) + size * (size_t)n + strlen(suffix) + 1), *p = text;
    p += sprintf(p, "%s", prefix);
    for (int i = 0; i < n; i++, p += size) memcpy(p, middle, size);
    strcpy(p, suffix);
    return text;
}

Test(toolcall_choice, hostile_tools_end_soon_and_small)
{
    char *texts[] = {
        repeated("", "[", 60000, ""),
        repeated("[{\"name\":\"f\",\"parameters\":", "{\"properties\":{\"a\":", 2000, ""),
        repeated("[{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":",
                 "{\"type\":\"array\",\"items\":", 90, "{\"type\":\"string\",\"maxLength\":90000}"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"$ref\":\"#\",\"x\":\"", "a", 600000, "\"}}]"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"$ref\":\"#\"", "", 0, "}}]"),
        repeated("[{\"name\":\"f\"}", ",{\"name\":\"f\"}", 5000, "]"),
        repeated("[{\"name\":\"", "a", 100000, "\"}]"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":"
                 "{\"enum\":[1",
                 ",{\"a\":[1,2,3]}", 15000, "]}}}}]"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
                 "\"a\":{\"type\":\"string\",\"maxLength\":1500},\"b\":{\"type\":\"string\","
                 "\"pattern\":\"",
                 "(a|b|c|[^d]*)", 300, "\"}}}}]"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
                 "\"a\":{\"type\":\"string\",\"minLength\":700,\"pattern\":\"",
                 "a.{9}", 20, "\"}}}}]"),
        repeated("[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":",
                 "{\"anyOf\":[{\"type\":\"null\"},", 90, "{\"type\":\"string\"}"),
    };
    static const char *const formats[] = { "hermes", "qwen-xml", "gemma", "kimi" };
    for (int i = 0; i < OGI_LEN(texts); i++) {
        for (int k = 0; k < OGI_LEN(formats); k++) {
            ogt_meter meter = { 0 };
            og_ctx *ctx = ogt_meter_ctx(&meter);
            og_grammar *g;
            ogi_toolcall_grammar(ctx, ogi_toolcall_format_find(formats[k]), texts[i], &choose_auto,
                                 NULL, &g);
            cr_expect(meter.peak < 100 << 20, "%d MB", (int)(meter.peak >> 20));
            og_grammar_free(g);
            og_ctx_free(ctx);
            cr_expect(meter.live == 0);
        }
        free(texts[i]);
    }
}

/* A vocabulary of control tokens that are all alike. */
static const char *same_piece(void *user, int32_t token, size_t *n)
{
    (void)token;
    *n = strlen(user);
    return user;
}

static bool yes(void *user, int32_t token)
{
    (void)user, (void)token;
    return true;
}

static bool no(void *user, int32_t token)
{
    (void)user, (void)token;
    return false;
}

Test(toolcall_choice, hostile_vocabularies_end_soon_and_small)
{
    static char pieces[][300] = { "<tool_call>", "<tool", "<tool_call><tool", ">>>", "x>>", "" };
    static const char *const formats[] = { "hermes", "qwen-xml", "functionary-v3.2", "gemma" };
    memset(pieces[OGI_LEN(pieces) - 1], '<', 60);
    for (int i = 0; i < OGI_LEN(pieces); i++) {
        for (int k = 0; k < OGI_LEN(formats); k++) {
            ogt_meter meter = { 0 };
            og_ctx *ctx = ogt_meter_ctx(&meter);
            og_grammar *g;
            og_vocab_view view = { .user = pieces[i],
                                   .n_tokens = 260000,
                                   .piece = same_piece,
                                   .is_eog = no,
                                   .is_control = yes };
            ogi_toolcall_grammar(ctx, ogi_toolcall_format_find(formats[k]), OGT_TOOLS, &choose_auto,
                                 &view, &g);
            cr_expect(meter.peak < 100 << 20, "%d MB", (int)(meter.peak >> 20));
            og_grammar_free(g);
            og_ctx_free(ctx);
        }
    }
}

static void check_memory(const char *tools)
{
    ogt_vocab *v = ogt_vocab_new(ogi_toolcall_format_find("glm"), true);
    og_status status = OG_E_MEMORY;
    for (int64_t n = 1; status != OG_OK; n += 7) {
        ogt_meter meter = { .fail_at = n };
        og_ctx *ctx = ogt_meter_ctx(&meter);
        og_grammar *g = NULL;
        if (ctx) {
            status = ogi_toolcall_grammar(ctx, ogi_toolcall_format_find("glm"), tools, &choose_auto,
                                          &v->view, &g);
            cr_assert((status == OG_OK) == (g != NULL));
            og_grammar_free(g);
            og_ctx_free(ctx);
        }
        cr_assert(meter.live == 0, "allocation %d", (int)n);
    }
    free(v);
}

Test(toolcall_choice, nothing_leaks_when_memory_runs_out)
{
    check_memory(OGT_TOOLS);
    check_memory(TOOL("{\"type\":[\"string\",\"null\"],\"pattern\":\"^a*$\",\"maxLength\":4}"));
}
