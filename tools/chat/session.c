/* SPDX-License-Identifier: MIT
 *
 * A session: model, sequence, sampler, template, and the tokens that the sequence holds. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/engine.h"
#include "tools/chat/chat.h"
#include "tools/cmd/cli_others.h"

enum { MAX_HEALED = 8 /* tokens */ };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

void run_catch_interrupt(struct sigaction *old)
{
    struct sigaction act = { .sa_handler = on_interrupt };
    interrupted = 0;
    sigaction(SIGINT, &act, old);
}

bool run_is_interrupted(void)
{
    return interrupted;
}

static int open_grammar(run_session *s)
{
    const cli_grammar *g = &s->opt->grammar;
    int status = cli_grammar_compile(s->ctx, g, s->view, &s->grammar);
    return status >= 0 ? status : run_tools_constrain(s) == OG_OK ? -1 : 1;
}

static og_status open_parser(run_session *s)
{
    OG_TRY(run_tools_open(s));
    if (s->opt->think) OG_TRY(run_set_think(s, s->opt->think));
    return run_parser_new(s, &s->parser);
}

og_think run_think_of(const run_session *s)
{
    return s->think == RUN_THINK_ON    ? OG_THINK_ON
           : s->think == RUN_THINK_OFF ? OG_THINK_OFF
                                       : OG_THINK_DEFAULT;
}

og_status run_set_think(run_session *s, const char *value)
{
    static const struct {
        const char *name;
        run_think think;
    } names[] = { { "on|true", RUN_THINK_ON },
                  { "off|false", RUN_THINK_OFF },
                  { "hide", RUN_THINK_HIDE } }; /* true, false: as ollama has it */
    for (int i = 0; i < OGI_LEN(names); i++) {
        if (!cli_has_name(names[i].name, value, strlen(value))) continue;
        s->think = names[i].think;
        return OG_OK;
    }
    OG_FAIL(s->ctx, OG_E_INVALID, "think is on, off or hide, not '%s'", value);
}

int run_open(run_session *s, const char *path, const og_model_options *mo, bool wants_chat)
{
    const run_options *o = s->opt;
    og_ctx *ctx = s->ctx;
    s->is_terminal = isatty(STDOUT_FILENO);
    s->is_chat = wants_chat;
    s->n_predict = o->n;
    if (og_tokenizer_open(ctx, path, mo->override, mo->n_override, &s->tok) != OG_OK) return 1;
    if (cli_model_load(ctx, path, mo, &s->model) != OG_OK) return 1;
    const ogi_gguf *file = ogi_model_file(s->model);
    wants_chat = wants_chat || o->chat_template || o->system || o->kwargs || o->tool.file ||
                 ogi_gguf_find(file, "tokenizer.chat_template");
    if (wants_chat && !o->raw &&
        og_chat_open(ctx, s->model, o->chat_template, o->tool.file, &s->chat) != OG_OK)
        return 1;
    int status = cli_sampler_config(ctx, &o->sampler, file, &s->config);
    if (status >= 0) return status;
    og_model_info info;
    og_model_get_info(s->model, &info);
    s->config.n_ctx = (int32_t)info.n_ctx;
    if (og_vocab_view_new(ctx, s->tok, &s->view) != OG_OK) return 1;
    if (og_sampler_new(ctx, &s->config, s->view, &s->sampler) != OG_OK) return 1;
    if (open_parser(s) != OG_OK) return 1;
    status = open_grammar(s);
    if (status >= 0) return status;
    if (og_sequence_new(s->model, &s->seq) != OG_OK) return 1;
    return run_cache_load(s) == OG_OK ? -1 : 1;
}

void run_close(run_session *s)
{
    og_answer_free(s->parser);
    run_tools_close(s);
    og_chat_free(s->chat);
    og_sampler_free(s->sampler);
    og_matcher_free(s->matcher);
    og_grammar_free(s->grammar);
    og_vocab_view_free(s->view);
    og_text_free(s->ctx, s->healed);
    og_tokens_free(s->ctx, &s->ids);
    og_tokens_free(s->ctx, &s->fed);
    og_model_free(s->model);
    og_tokenizer_free(s->tok);
}

og_status run_encode_messages(run_session *s, const json_t *messages)
{
    og_template_text text;
    char *json = run_json_dump(messages, JSON_COMPACT);
    if (!json) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the messages");
    og_chat_request req = { .messages = json,
                            .tools = s->tools.list ? og_tools_json(s->tools.list) : NULL,
                            .kwargs = s->opt->kwargs,
                            .think = run_think_of(s) };
    og_status st = og_chat_render(s->ctx, s->chat, &req, &text);
    free(json);
    OG_TRY(st);
    og_answer_begin(s->parser, &text);
    s->ids.n = 0;
    st = og_template_encode(s->tok, s->ctx, &text, &s->ids);
    og_template_text_free(s->ctx, &text);
    OG_TRY(st);
    if (!s->ids.n) OG_FAIL(s->ctx, OG_E_INVALID, "the chat template writes nothing");
    return OG_OK;
}

og_status run_encode_text(run_session *s, const char *text, size_t n)
{
    s->ids.n = 0;
    og_answer_begin(s->parser, NULL);
    OG_TRY(og_tokenizer_encode(s->tok, s->ctx, text, n,
                               OG_ENCODE_ADD_SPECIAL | OG_ENCODE_PARSE_SPECIAL, &s->ids));
    if (s->ids.n && s->opt->heal)
        return og_tokenizer_heal(s->tok, s->ctx, &s->ids, 1, MAX_HEALED, &s->healed, &s->n_healed);
    if (s->ids.n) return OG_OK;
    /* an empty prompt: begin with BOS if there is one */
    int32_t bos = og_tokenizer_special(s->tok, OG_SPECIAL_BOS);
    if (bos < 0) OG_FAIL(s->ctx, OG_E_INVALID, "the prompt is empty and the model has no BOS");
    OG_TRY(ogi_grow(s->ctx, &s->ids.id, &s->ids.cap, 1, sizeof *s->ids.id));
    s->ids.id[s->ids.n++] = bos;
    return OG_OK;
}

const char *run_why(const run_session *s, const og_generate_result *r)
{
    switch (r->stop) {
    case OG_STOP_EOG: return "end of text";
    case OG_STOP_LENGTH: return "-n reached";
    case OG_STOP_TEXT: return s->opt->stop.item[r->stop_index];
    case OG_STOP_CONTEXT: return "context full";
    case OG_STOP_CANCELLED: return "interrupted";
    }
    return "";
}
