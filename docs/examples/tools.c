/* SPDX-License-Identifier: MIT
 * Lets a model call a function of ours and answer with what it returned:
 * cc tools.c $(pkg-config --cflags --libs oxigraph) && ./a.out MODEL.gguf [TEMPLATE] */
#include <oxigraph/generate.h>
#include <stdio.h>
#include <string.h>

static const char tools[] =
    "[{\"name\": \"weather\", \"description\": \"The weather in a city\", \"parameters\": "
    "{\"type\": "
    "\"object\", \"properties\": {\"city\": {\"type\": \"string\", \"maxLength\": 20}}, "
    "\"required\": [\"city\"]}}]";

static og_status weather(void *user, const og_tool_call *call, og_tool_result *out)
{
    (void)user, (void)call; /* call->arguments: {"city": "Oslo"} */
    return og_tool_result_set(out, "rain", 4, false);
}

typedef struct turn {
    og_ctx *ctx;
    og_tools *tools;
    char messages[4096]; /* all but the closing bracket */
    bool called;
} turn;

static bool on_text(void *user, const char *p, size_t n)
{
    (void)user;
    return fwrite(p, 1, n, stdout) == n;
}

/* Runs the call; both become messages. What a call holds is JSON text, but for its name and id. */
static bool on_call(void *user, const og_tool_call *call)
{
    turn *t = user;
    og_tool_result r;
    size_t n = strlen(t->messages);
    printf("-> %s %s\n", call->name, call->arguments);
    t->called = og_tools_call(t->tools, t->ctx, call, &r) == OG_OK;
    if (t->called)
        snprintf(t->messages + n, sizeof t->messages - n,
                 ", {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"id\": \"%s\", "
                 "\"type\": \"function\", \"function\": {\"name\": \"%s\", \"arguments\": %s}}]}, "
                 "{\"role\": \"tool\", \"tool_call_id\": \"%s\", \"content\": \"%s\"}",
                 call->id, call->name, call->arguments, call->id, r.text);
    og_tool_result_free(&r);
    return false; /* one call is enough: the answer ends here */
}

typedef struct engine {
    og_ctx *ctx;
    og_model *m;
    og_sequence *seq;
    og_tokenizer *t;
    og_vocab_view *view;
    og_sampler *s;
    og_chat *chat;
} engine;

static og_status answer(engine *e, turn *t, og_answer *a, og_matcher *matcher)
{
    char messages[sizeof t->messages + 2];
    og_template_text prompt;
    og_tokens ids = { 0 };
    og_generate_result r;
    snprintf(messages, sizeof messages, "%s]", t->messages);
    og_chat_request req = { .messages = messages,
                            .tools = og_tools_json(t->tools),
                            .think = OG_THINK_OFF };
    og_status st = og_chat_render(e->ctx, e->chat, &req, &prompt);
    if (st == OG_OK) st = og_template_encode(e->t, e->ctx, &prompt, &ids);
    og_answer_begin(a, &prompt);
    og_template_text_free(e->ctx, &prompt);
    og_generate_options o = {
        .prompt = ids.id, .n_prompt = ids.n, .max_tokens = 150, .answer = a, .matcher = matcher
    };
    if (st == OG_OK) st = og_sequence_truncate(e->seq, 0);
    if (st == OG_OK) st = og_generate(e->m, e->seq, e->t, e->s, &o, &r);
    og_tokens_free(e->ctx, &ids);
    return st;
}

static og_status talk(engine *e, turn *t)
{
    og_answer *a = NULL;
    og_grammar *g = NULL;
    og_matcher *matcher = NULL;
    og_answer_sink sink = { .user = t, .text = on_text, .call = on_call };
    og_status st = og_tools_bind(t->tools, "weather", weather, NULL);
    if (st == OG_OK) st = og_answer_new(e->ctx, e->chat, og_tools_json(t->tools), &sink, &a);
    if (st == OG_OK) /* the first answer must be a call */
        st = og_tool_grammar(e->ctx, e->chat, og_tools_json(t->tools), "required", OG_THINK_OFF,
                             e->view, &g);
    if (st == OG_OK) st = og_matcher_new(g, e->ctx, &matcher);
    if (st == OG_OK) st = answer(e, t, a, matcher);
    if (st == OG_OK && t->called) st = answer(e, t, a, NULL);
    og_matcher_free(matcher), og_grammar_free(g), og_answer_free(a);
    return st;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "model.gguf";
    og_model_options mo = { .n_ctx = 1024 };
    engine e = { 0 };
    turn t = { .messages = "[{\"role\": \"user\", \"content\": \"Does it rain in Oslo?\"}" };
    if (og_ctx_new(NULL, &e.ctx)) return 1;
    og_status st = og_tokenizer_open(e.ctx, path, NULL, 0, &e.t);
    if (st == OG_OK) st = og_vocab_view_new(e.ctx, e.t, &e.view);
    if (st == OG_OK) st = og_model_load(e.ctx, path, &mo, &e.m);
    if (st == OG_OK) st = og_sequence_new(e.m, &e.seq);
    if (st == OG_OK) st = og_sampler_new(e.ctx, NULL, NULL, &e.s);
    if (st == OG_OK) st = og_chat_open(e.ctx, e.m, argc > 2 ? argv[2] : NULL, true, &e.chat);
    if (st == OG_OK) st = og_tools_new(e.ctx, "tools", tools, sizeof tools - 1, &t.tools);
    t.ctx = e.ctx;
    if (st == OG_OK) st = talk(&e, &t);
    if (st != OG_OK) fprintf(stderr, "%s\n", og_error(e.ctx));
    og_tools_free(t.tools), og_chat_free(e.chat), og_sampler_free(e.s), og_model_free(e.m);
    og_vocab_view_free(e.view), og_tokenizer_free(e.t);
    og_ctx_free(e.ctx);
    return st != OG_OK;
}
