/* SPDX-License-Identifier: MIT
 *
 * Misuse of the text side: every public function of tokenizers, templates, chats, answers, tools,
 * grammars and samplers is called with each argument wrong, and says so or does nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/answer.h"
#include "oxigraph/grammar.h"
#include "oxigraph/sampler.h"
#include "oxigraph/template.h"
#include "oxigraph/tokenizer.h"
#include "oxigraph/vocab_view.h"
#include "tests/support/misuse.h"

static const char model_path[] = OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf";

static og_ctx *ctx;
static og_tokenizer *tok;
static og_vocab_view *view;

static void begin(void)
{
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(og_tokenizer_open(ctx, model_path, NULL, 0, &tok), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(og_vocab_view_new(ctx, tok, &view), OG_OK);
}

static void end(void)
{
    og_vocab_view_free(view);
    og_tokenizer_free(tok);
    og_ctx_free(ctx);
}

TestSuite(misuse_text, .init = begin, .fini = end);

/* A call that must fail; if there is a context to tell it in, with a message. */
#define REFUSED(call)                                                                              \
    do {                                                                                           \
        og_error_clear(ctx);                                                                       \
        cr_expect((call) != OG_OK, "accepted: %s", #call);                                         \
    } while (0)
#define TOLD(call)                                                                                 \
    do {                                                                                           \
        REFUSED(call);                                                                             \
        cr_expect(og_error(ctx)[0], "nothing is told: %s", #call);                                 \
    } while (0)

Test(misuse_text, tokenizers)
{
    og_tokenizer *t;
    og_tokens ids = { 0 };
    const og_span span = { "a", 1, false };
    char *text;
    size_t n;
    REFUSED(og_tokenizer_open(NULL, model_path, NULL, 0, &t));
    TOLD(og_tokenizer_open(ctx, NULL, NULL, 0, &t));
    TOLD(og_tokenizer_open(ctx, "/no/such/file", NULL, 0, &t));
    TOLD(og_tokenizer_open(ctx, model_path, NULL, 1, &t));
    TOLD(og_tokenizer_open(ctx, model_path, NULL, -1, &t));
    TOLD(og_tokenizer_open(ctx, model_path, NULL, 0, NULL));
    og_tokenizer_free(NULL);
    og_tokens_free(NULL, &ids);
    og_tokens_free(ctx, NULL);
    TOLD(og_tokenizer_encode(NULL, ctx, "a", 1, 0, &ids));
    REFUSED(og_tokenizer_encode(tok, NULL, "a", 1, 0, &ids));
    TOLD(og_tokenizer_encode(tok, ctx, NULL, 1, 0, &ids));
    TOLD(og_tokenizer_encode(tok, ctx, "a", 1, 0, NULL));
    TOLD(og_tokenizer_encode_spans(NULL, ctx, &span, 1, 0, &ids));
    REFUSED(og_tokenizer_encode_spans(tok, NULL, &span, 1, 0, &ids));
    TOLD(og_tokenizer_encode_spans(tok, ctx, NULL, 1, 0, &ids));
    TOLD(og_tokenizer_encode_spans(tok, ctx, &span, -1, 0, &ids));
    TOLD(og_tokenizer_encode_spans(tok, ctx, &span, 1, 0, NULL));
    TOLD(og_tokenizer_split(NULL, ctx, "a", 1, &ids));
    REFUSED(og_tokenizer_split(tok, NULL, "a", 1, &ids));
    TOLD(og_tokenizer_split(tok, ctx, NULL, 1, &ids));
    TOLD(og_tokenizer_split(tok, ctx, "a", 1, NULL));
    TOLD(og_tokenizer_heal(NULL, ctx, &ids, 0, 1, &text, &n));
    REFUSED(og_tokenizer_heal(tok, NULL, &ids, 0, 1, &text, &n));
    TOLD(og_tokenizer_heal(tok, ctx, NULL, 0, 1, &text, &n));
    TOLD(og_tokenizer_heal(tok, ctx, &ids, -1, 1, &text, &n));
    TOLD(og_tokenizer_heal(tok, ctx, &ids, 0, 1, NULL, &n));
    TOLD(og_tokenizer_heal(tok, ctx, &ids, 0, 1, &text, NULL));
    TOLD(og_tokenizer_decode(NULL, ctx, ids.id, 0, 0, &text, &n));
    REFUSED(og_tokenizer_decode(tok, NULL, ids.id, 0, 0, &text, &n));
    TOLD(og_tokenizer_decode(tok, ctx, NULL, 1, 0, &text, &n));
    TOLD(og_tokenizer_decode(tok, ctx, (int32_t[]){ 1 << 30 }, 1, 0, &text, &n));
    TOLD(og_tokenizer_decode(tok, ctx, (int32_t[]){ 1 }, -1, 0, &text, &n));
    TOLD(og_tokenizer_decode(tok, ctx, (int32_t[]){ 1 }, 1, 0, NULL, &n));
    TOLD(og_tokenizer_decode(tok, ctx, (int32_t[]){ 1 }, 1, 0, &text, NULL));
    cr_assert_str_empty(og_tokenizer_piece(NULL, 1, true, &n));
    cr_assert_str_empty(og_tokenizer_piece(tok, -1, true, &n));
    cr_assert_str_empty(og_tokenizer_piece(tok, 1 << 30, true, NULL));
    cr_assert_str_empty(og_tokenizer_text(NULL, 1, &n));
    cr_assert_str_empty(og_tokenizer_text(tok, 1 << 30, NULL));
    cr_assert_eq(og_tokenizer_size(NULL), 0);
    cr_assert_str_empty(og_tokenizer_kind(NULL));
    cr_assert_str_empty(og_tokenizer_pre(NULL));
    cr_assert_eq(og_tokenizer_special(NULL, OG_SPECIAL_BOS), -1);
    cr_assert_eq(og_tokenizer_special(tok, (og_special)1000), -1);
    cr_assert_eq(og_tokenizer_special(tok, (og_special)-1), -1);
    cr_assert(!og_tokenizer_flag_get(NULL, OG_TOKENIZER_ADD_BOS));
    cr_assert(!og_tokenizer_flag_get(tok, (og_tokenizer_flag)1000));
    cr_assert(!og_tokenizer_is_eog(NULL, 1) && !og_tokenizer_is_eog(tok, -1));
    cr_assert(!og_tokenizer_attr(NULL, 1) && !og_tokenizer_attr(tok, 1 << 30));
    cr_assert_eq(og_tokenizer_find(NULL, "a", 1), -1);
    cr_assert_eq(og_tokenizer_find(tok, NULL, 1), -1);
    og_tokens_free(ctx, &ids);
}

Test(misuse_text, detokenizers_and_views)
{
    og_detokenizer *d;
    og_vocab_view *v;
    const char *piece;
    size_t n;
    TOLD(og_detokenizer_new(NULL, ctx, 0, &d));
    REFUSED(og_detokenizer_new(tok, NULL, 0, &d));
    TOLD(og_detokenizer_new(tok, ctx, 0, NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_detokenizer_new(tok, ctx, 0, &d), OG_OK);
    REFUSED(og_detokenizer_push(NULL, 1, &piece, &n));
    TOLD(og_detokenizer_push(d, -1, &piece, &n));
    TOLD(og_detokenizer_push(d, 1, NULL, &n));
    TOLD(og_detokenizer_push(d, 1, &piece, NULL));
    REFUSED(og_detokenizer_flush(NULL, &piece, &n));
    TOLD(og_detokenizer_flush(d, NULL, &n));
    TOLD(og_detokenizer_flush(d, &piece, NULL));
    og_detokenizer_free(NULL);
    og_detokenizer_free(d);
    REFUSED(og_vocab_view_new(NULL, tok, &v));
    TOLD(og_vocab_view_new(ctx, NULL, &v));
    TOLD(og_vocab_view_new(ctx, tok, NULL));
    og_vocab_view_free(NULL);
}

Test(misuse_text, templates_and_chats)
{
    og_template *t, *u;
    og_template_text out = { 0 };
    og_template_time time;
    og_tokens ids = { 0 };
    og_chat *chat;
    static const char source[] = "{{ messages[0].content }}";
    REFUSED(og_template_parse(NULL, "t", source, 5, &t));
    TOLD(og_template_parse(ctx, NULL, source, 5, &t));
    TOLD(og_template_parse(ctx, "t", NULL, 5, &t));
    TOLD(og_template_parse(ctx, "t", source, 5, NULL));
    TOLD(og_template_parse(ctx, "t", "{{", 2, &t));
    og_error_clear(ctx);
    cr_assert_eq(og_template_parse(ctx, "t", source, strlen(source), &t), OG_OK);
    REFUSED(og_template_render(NULL, t, "{}", 2, NULL, &out));
    TOLD(og_template_render(ctx, NULL, "{}", 2, NULL, &out));
    TOLD(og_template_render(ctx, t, NULL, 2, NULL, &out));
    TOLD(og_template_render(ctx, t, "{", 1, NULL, &out));
    TOLD(og_template_render(ctx, t, "{}", 2, NULL, NULL));
    og_template_text_free(NULL, &out);
    og_template_text_free(ctx, NULL);
    REFUSED(og_template_time_parse(NULL, "2024-01-01", &time));
    TOLD(og_template_time_parse(ctx, NULL, &time));
    TOLD(og_template_time_parse(ctx, "never", &time));
    TOLD(og_template_time_parse(ctx, "2024-01-01", NULL));
    TOLD(og_template_encode(NULL, ctx, &out, &ids));
    REFUSED(og_template_encode(tok, NULL, &out, &ids));
    TOLD(og_template_encode(tok, ctx, NULL, &ids));
    TOLD(og_template_encode(tok, ctx, &out, NULL));
    REFUSED(og_chat_new(NULL, t, NULL, &chat));
    TOLD(og_chat_new(ctx, NULL, NULL, &chat));
    TOLD(og_chat_new(ctx, t, NULL, NULL));
    og_template_free(NULL);
    og_template_free(t);
    og_error_clear(ctx);
    static const char chatml[] = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
                                 "<|im_end|>\n{% endfor %}<|im_start|>assistant\n";
    cr_assert_eq(og_template_parse(ctx, "t", chatml, strlen(chatml), &u), OG_OK);
    cr_assert_eq(og_chat_new(ctx, u, NULL, &chat), OG_OK, "%s", og_error(ctx));
    og_chat_request req = { .messages = "[{\"role\":\"user\",\"content\":\"x\"}]" };
    REFUSED(og_chat_render(NULL, chat, &req, &out));
    TOLD(og_chat_render(ctx, NULL, &req, &out));
    TOLD(og_chat_render(ctx, chat, NULL, &out));
    TOLD(og_chat_render(ctx, chat, &req, NULL));
    TOLD(og_chat_render(ctx, chat, &(og_chat_request){ .messages = NULL }, &out));
    TOLD(og_chat_render(ctx, chat, &(og_chat_request){ .messages = "{" }, &out));
    cr_assert_null(og_chat_abilities_of(NULL));
    cr_assert(!og_chat_has_tool_calls(NULL));
    cr_assert_null(og_chat_reasoning_end(NULL));
    og_chat_free(NULL);
    og_chat_free(chat);
}

static bool take(void *user, const char *bytes, size_t n)
{
    (void)user, (void)bytes, (void)n;
    return true;
}

Test(misuse_text, answers_and_tools)
{
    og_answer *a;
    og_answer_sink sink = { .text = take };
    og_tools *t;
    og_tool_result r = { 0 };
    og_tool_call call = { .name = "f", .arguments = "{}" };
    og_grammar *g;
    int stop;
    static const char json[] = "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]";
    REFUSED(og_answer_new(NULL, NULL, NULL, &sink, &a));
    TOLD(og_answer_new(ctx, NULL, NULL, NULL, &a));
    TOLD(og_answer_new(ctx, NULL, NULL, &sink, NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_answer_new(ctx, NULL, NULL, &sink, &a), OG_OK);
    og_answer_begin(NULL, NULL);
    og_answer_begin(a, NULL);
    og_answer_set_stop(NULL, NULL, 0);
    og_answer_set_stop(a, (const char *const[]){ "x" }, -1);
    og_answer_set_stop(a, NULL, 3);
    REFUSED(og_answer_feed(NULL, "x", 1, false));
    TOLD(og_answer_feed(a, NULL, 1, false));
    og_error_clear(ctx);
    cr_assert_eq(og_answer_feed(a, "some text", 9, false), OG_OK);
    REFUSED(og_answer_finish(NULL));
    cr_assert(og_answer_is_over(NULL, &stop));
    cr_assert(!og_answer_is_over(a, NULL));
    cr_assert(!og_answer_in_reasoning(NULL));
    og_answer_free(NULL);
    og_answer_free(a);
    REFUSED(og_tools_new(NULL, "t", json, strlen(json), &t));
    TOLD(og_tools_new(ctx, NULL, json, strlen(json), &t));
    TOLD(og_tools_new(ctx, "t", NULL, 5, &t));
    TOLD(og_tools_new(ctx, "t", "[", 1, &t));
    TOLD(og_tools_new(ctx, "t", json, strlen(json), NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_tools_new(ctx, "t", json, strlen(json), &t), OG_OK, "%s", og_error(ctx));
    cr_assert_str_empty(og_tools_json(NULL));
    REFUSED(og_tools_bind(NULL, "f", NULL, NULL));
    TOLD(og_tools_bind(t, NULL, NULL, NULL));
    TOLD(og_tools_bind(t, "no such", NULL, NULL));
    cr_assert(!og_tools_is_bound(NULL, "f") && !og_tools_is_bound(t, NULL));
    TOLD(og_tools_call(NULL, ctx, &call, &r));
    REFUSED(og_tools_call(t, NULL, &call, &r));
    TOLD(og_tools_call(t, ctx, NULL, &r));
    TOLD(og_tools_call(t, ctx, &call, NULL));
    TOLD(og_tools_call(t, ctx, &(og_tool_call){ 0 }, &r));
    REFUSED(og_tool_grammar(NULL, NULL, json, "auto", OG_THINK_OFF, view, &g));
    TOLD(og_tool_grammar(ctx, NULL, json, "auto", OG_THINK_OFF, view, &g));
    REFUSED(og_tool_result_set(NULL, "x", 1, false));
    REFUSED(og_tool_result_set(&(og_tool_result){ 0 }, "x", 1, false));
    og_tool_result_free(NULL);
    og_tool_result_free(&(og_tool_result){ 0 });
    og_tools_free(NULL);
    og_tools_free(t);
}

Test(misuse_text, grammars_and_matchers)
{
    og_grammar *g;
    og_matcher *m, *c;
    const uint32_t *bits;
    float logits[8] = { 0 };
    bool complete;
    size_t taken;
    static const char gbnf[] = "root ::= \"a\" | \"b\"";
    REFUSED(og_grammar_gbnf(NULL, gbnf, strlen(gbnf), "root", view, &g));
    TOLD(og_grammar_gbnf(ctx, NULL, 5, "root", view, &g));
    TOLD(og_grammar_gbnf(ctx, gbnf, strlen(gbnf), "no-such", view, &g));
    TOLD(og_grammar_gbnf(ctx, gbnf, strlen(gbnf), "root", view, NULL));
    REFUSED(og_grammar_schema(NULL, "{}", 2, view, &g));
    TOLD(og_grammar_schema(ctx, NULL, 2, view, &g));
    TOLD(og_grammar_schema(ctx, "{", 1, view, &g));
    TOLD(og_grammar_schema(ctx, "{}", 2, view, NULL));
    REFUSED(og_grammar_regex(NULL, "a", 1, view, &g));
    TOLD(og_grammar_regex(ctx, NULL, 1, view, &g));
    TOLD(og_grammar_regex(ctx, "(", 1, view, &g));
    TOLD(og_grammar_regex(ctx, "a", 1, view, NULL));
    og_grammar_free(NULL);
    cr_assert_eq(og_grammar_size(NULL), 0);
    og_error_clear(ctx);
    cr_assert_eq(og_grammar_gbnf(ctx, gbnf, strlen(gbnf), "root", view, &g), OG_OK);
    TOLD(og_matcher_new(NULL, ctx, &m));
    REFUSED(og_matcher_new(g, NULL, &m));
    TOLD(og_matcher_new(g, ctx, NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_matcher_new(g, ctx, &m), OG_OK);
    og_matcher_free(NULL);
    og_matcher_reset(NULL);
    REFUSED(og_matcher_clone(NULL, &c));
    TOLD(og_matcher_clone(m, NULL));
    REFUSED(og_matcher_wait(NULL, "x", 1));
    TOLD(og_matcher_wait(m, NULL, 1));
    REFUSED(og_matcher_await(NULL, "x", 1));
    TOLD(og_matcher_await(m, NULL, 1));
    REFUSED(og_matcher_text(NULL, "a", 1, &taken));
    TOLD(og_matcher_text(m, NULL, 1, &taken));
    TOLD(og_matcher_text(m, "a", 1, NULL));
    REFUSED(og_matcher_is_complete(NULL, &complete));
    TOLD(og_matcher_is_complete(m, NULL));
    REFUSED(og_matcher_accept(NULL, 1));
    TOLD(og_matcher_accept(m, -1));
    TOLD(og_matcher_accept(m, 1 << 30));
    REFUSED(og_matcher_mask(NULL, &bits));
    TOLD(og_matcher_mask(m, NULL));
    REFUSED(og_matcher_mask_logits(NULL, logits, 8));
    TOLD(og_matcher_mask_logits(m, NULL, 8));
    TOLD(og_matcher_mask_logits(m, logits, -1));
    og_matcher_free(m);
    og_grammar_free(g);
}

Test(misuse_text, sampler_configs)
{
    og_sampler_config c;
    char *text;
    og_sampler_config_init(NULL);
    og_sampler_config_init(&c);
    cr_assert(!og_sampler_config_equal(NULL, &c) && !og_sampler_config_equal(&c, NULL));
    REFUSED(og_sampler_config_set(NULL, &c, "temp", "1"));
    TOLD(og_sampler_config_set(ctx, NULL, "temp", "1"));
    TOLD(og_sampler_config_set(ctx, &c, NULL, "1"));
    TOLD(og_sampler_config_set(ctx, &c, "temp", NULL));
    TOLD(og_sampler_config_set(ctx, &c, "no such", "1"));
    REFUSED(og_sampler_config_json(NULL, &c, "f", "{}", 2));
    TOLD(og_sampler_config_json(ctx, NULL, "f", "{}", 2));
    TOLD(og_sampler_config_json(ctx, &c, NULL, "{}", 2));
    TOLD(og_sampler_config_json(ctx, &c, "f", NULL, 2));
    REFUSED(og_sampler_config_toml(NULL, &c, "f", "", 0));
    TOLD(og_sampler_config_toml(ctx, NULL, "f", "", 0));
    TOLD(og_sampler_config_toml(ctx, &c, NULL, "", 0));
    TOLD(og_sampler_config_toml(ctx, &c, "f", NULL, 2));
    REFUSED(og_sampler_config_file(NULL, &c, "/no/such"));
    TOLD(og_sampler_config_file(ctx, NULL, "/no/such"));
    TOLD(og_sampler_config_file(ctx, &c, NULL));
    TOLD(og_sampler_config_file(ctx, &c, "/no/such"));
    REFUSED(og_sampler_config_print(NULL, &c, OG_SAMPLER_JSON, &text));
    TOLD(og_sampler_config_print(ctx, NULL, OG_SAMPLER_JSON, &text));
    TOLD(og_sampler_config_print(ctx, &c, OG_SAMPLER_JSON, NULL));
    og_sampler_text_free(NULL, NULL);
    og_sampler_text_free(ctx, NULL);
    cr_assert_not_null(og_sampler_kind_name((og_sampler_kind)1000));
    cr_assert_not_null(og_sampler_kind_name((og_sampler_kind)-1));
    cr_assert_eq(og_sampler_kind_find(NULL, 3), OG_SAMPLER_COUNT);
}

static og_status no_step(void *user, const og_beam *beam, int32_t n, float *logits)
{
    (void)user, (void)beam, (void)n, (void)logits;
    return OG_E_CANCELLED;
}

Test(misuse_text, samplers)
{
    og_sampler *s, *c;
    const float logits[4] = { 0 };
    const og_candidate cand = { 0, 0, 0 };
    og_candidate out[2];
    const og_sampler_stage stage = { .kind = (og_sampler_kind)1000 };
    int32_t token, n;
    float logprob;
    og_beam *beams;
    REFUSED(og_sampler_new(NULL, NULL, view, &s));
    TOLD(og_sampler_new(ctx, NULL, view, NULL));
    REFUSED(og_sampler_new_chain(NULL, &stage, 1, view, &s));
    TOLD(og_sampler_new_chain(ctx, NULL, 1, view, &s));
    TOLD(og_sampler_new_chain(ctx, &stage, 1, view, &s));
    TOLD(og_sampler_new_chain(ctx, &stage, -1, view, &s));
    TOLD(og_sampler_new_chain(ctx, &stage, 0, view, NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_sampler_new(ctx, NULL, view, &s), OG_OK);
    REFUSED(og_sampler_clone(NULL, &c));
    TOLD(og_sampler_clone(s, NULL));
    og_sampler_free(NULL);
    og_sampler_reset(NULL);
    og_sampler_forget(NULL);
    cr_assert_eq(og_sampler_seed(NULL), 0);
    REFUSED(og_sampler_sample(NULL, logits, 4, &token));
    TOLD(og_sampler_sample(s, NULL, 4, &token));
    TOLD(og_sampler_sample(s, logits, 0, &token));
    TOLD(og_sampler_sample(s, logits, -1, &token));
    TOLD(og_sampler_sample(s, logits, 4, NULL));
    REFUSED(og_sampler_apply(NULL, &cand, 1, &token));
    TOLD(og_sampler_apply(s, NULL, 1, &token));
    TOLD(og_sampler_apply(s, &cand, -1, &token));
    TOLD(og_sampler_apply(s, &cand, 1, NULL));
    og_sampler_accept(NULL, 1);
    og_sampler_accept(s, -1);
    cr_assert_null(og_sampler_candidates(NULL, &n));
    og_sampler_candidates(s, NULL);
    cr_assert_eq(og_logprobs(NULL, 4, out, 2, 0, &logprob), 0);
    cr_assert_eq(og_logprobs(logits, 0, out, 2, 0, &logprob), 0);
    cr_assert_eq(og_logprobs(logits, 4, NULL, 2, 0, &logprob), 0);
    og_logprobs(logits, 4, out, 2, 99, &logprob);
    og_logprobs(logits, 4, out, 2, -1, NULL);
    og_beam_options b = { .step = no_step, .width = 2, .max_tokens = 4 };
    REFUSED(og_beam_search(NULL, &b, 4, &beams, &n));
    TOLD(og_beam_search(ctx, NULL, 4, &beams, &n));
    TOLD(og_beam_search(ctx, &(og_beam_options){ .width = 2 }, 4, &beams, &n));
    TOLD(og_beam_search(ctx, &b, 0, &beams, &n));
    TOLD(og_beam_search(ctx, &b, 4, NULL, &n));
    TOLD(og_beam_search(ctx, &b, 4, &beams, NULL));
    b.width = -1;
    TOLD(og_beam_search(ctx, &b, 4, &beams, &n));
    b.width = 2, b.n_end = 1;
    TOLD(og_beam_search(ctx, &b, 4, &beams, &n));
    og_beams_free(NULL, NULL);
    og_beams_free(ctx, NULL);
    og_sampler_free(s);
}

Test(misuse_text, no_public_function_is_left_out)
{
    static const char *const headers[] = { "tokenizer.h", "template.h", "answer.h",
                                           "grammar.h",   "sampler.h",  "vocab_view.h" };
    ogt_expect_all_called(OGT_SOURCE_DIR, headers, 6, "tests/text/test_misuse_text.c");
}
