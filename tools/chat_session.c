/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/engine.h"
#include "runtime/text/template_model.h"
#include "tools/chat.h"

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
    if (status >= 0 || !s->grammar) return status;
    if (og_matcher_new(s->grammar, s->ctx, &s->matcher) != OG_OK) return 1;
    if (g->after && og_matcher_wait(s->matcher, g->after, strlen(g->after)) != OG_OK) return 1;
    return -1;
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
    wants_chat = wants_chat || o->chat_template || o->system || o->kwargs ||
                 ogi_gguf_find(file, "tokenizer.chat_template");
    if (wants_chat && !o->raw &&
        ogi_chat_open(ctx, file, o->chat_template, false, &s->chat) != OG_OK)
        return 1;
    int status = cli_sampler_config(ctx, &o->sampler, file, &s->config);
    if (status >= 0) return status;
    if (og_vocab_view_new(ctx, s->tok, &s->view) != OG_OK) return 1;
    if (og_sampler_new(ctx, &s->config, s->view, &s->sampler) != OG_OK) return 1;
    status = open_grammar(s);
    if (status >= 0) return status;
    if (og_sequence_new(s->model, &s->seq) != OG_OK) return 1;
    return run_cache_load(s) == OG_OK ? -1 : 1;
}

void run_close(run_session *s)
{
    og_chat_free(s->chat);
    og_sampler_free(s->sampler);
    og_matcher_free(s->matcher);
    og_grammar_free(s->grammar);
    og_vocab_view_free(s->view);
    og_tokens_free(s->ctx, &s->ids);
    og_tokens_free(s->ctx, &s->fed);
    og_model_free(s->model);
    og_tokenizer_free(s->tok);
}

og_status run_encode_messages(run_session *s, const json_t *messages)
{
    og_template_text text;
    char *json = json_dumps(messages, JSON_COMPACT);
    if (!json) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the messages");
    og_chat_request req = { .messages = json, .kwargs = s->opt->kwargs };
    og_status st = og_chat_render(s->ctx, s->chat, &req, &text);
    free(json);
    OG_TRY(st);
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
    OG_TRY(og_tokenizer_encode(s->tok, s->ctx, text, n,
                               OG_ENCODE_ADD_SPECIAL | OG_ENCODE_PARSE_SPECIAL, &s->ids));
    if (s->ids.n) return OG_OK;
    /* an empty prompt: begin with BOS if there is one */
    int32_t bos = og_tokenizer_special(s->tok, OG_SPECIAL_BOS);
    if (bos < 0) OG_FAIL(s->ctx, OG_E_INVALID, "the prompt is empty and the model has no BOS");
    OG_TRY(ogi_grow(s->ctx, &s->ids.id, &s->ids.cap, 1, sizeof *s->ids.id));
    s->ids.id[s->ids.n++] = bos;
    return OG_OK;
}

/* Keeps what the sequence and ids begin with alike; *n tokens of ids are then in the sequence, and
 * known to the sampler. One is always fed anew: its logits are needed. */
static og_status keep_prefix(run_session *s, int64_t *n)
{
    int64_t most = OGI_MIN(s->fed.n, s->ids.n - 1);
    *n = 0;
    while (*n < most && s->fed.id[*n] == s->ids.id[*n]) ++*n;
    if (og_sequence_truncate(s->seq, *n) == OG_E_UNSUPPORTED) {
        og_error_clear(s->ctx); /* recurrent states: begin again */
        *n = 0;
        OG_TRY(og_sequence_truncate(s->seq, 0));
    }
    og_sampler_forget(s->sampler);
    for (int64_t i = 0; i < *n; i++) og_sampler_accept(s->sampler, s->ids.id[i]);
    run_cache_tell(s, *n);
    return OG_OK;
}

/* The sequence holds ids and the tokens chosen, as far as they were fed. */
static og_status note_fed(run_session *s, const og_tokens *chosen)
{
    og_tokens *t = &s->ids, old = s->fed;
    OG_TRY(ogi_grow(s->ctx, &t->id, &t->cap, t->n + chosen->n, sizeof *t->id));
    if (chosen->n) memcpy(t->id + t->n, chosen->id, (size_t)chosen->n * sizeof *t->id);
    t->n = og_sequence_length(s->seq);
    s->fed = *t;
    s->ids = old;
    s->ids.n = 0;
    s->cache.is_stale = true;
    return OG_OK;
}

typedef struct sink {
    run_session *s;
    ogi_buf *text;
    bool is_printed;
} sink;

static bool take_text(void *user, const char *p, size_t n)
{
    sink *k = user;
    ogi_buf_add(k->text, p, n);
    return !k->text->failed && (!k->is_printed || run_print(k->s, p, n));
}

/* One prompt: its state without the last token is what the same prompt can begin with again, also
 * where recurrent states cannot be cut back. */
static og_status save_prompt(void *user)
{
    const sink *k = user;
    run_cache_save(k->s, &k->s->ids);
    return OG_OK;
}

static bool go_on(void *user)
{
    (void)user;
    return !interrupted;
}

og_status run_answer_ids(run_session *s, bool is_printed, run_answer *a)
{
    const run_options *o = s->opt;
    struct sigaction old;
    int64_t kept;
    sink k = { s, &a->text, is_printed };
    a->text.n = 0;
    a->chosen.n = 0;
    a->result = (og_generate_result){ .stop = OG_STOP_LENGTH, .stop_index = -1 };
    if (s->n_predict == 0) return OG_OK;
    OG_TRY(keep_prefix(s, &kept));
    if (s->matcher) og_matcher_reset(s->matcher);
    og_generate_options go = {
        .prompt = s->ids.id + kept,
        .n_prompt = s->ids.n - kept,
        .max_tokens = s->n_predict > 0 ? s->n_predict : 0,
        .stop = o->stop.item,
        .n_stop = o->stop.n,
        .show_special = o->special,
        .matcher = s->matcher,
        .chosen = &a->chosen,
        .text = take_text,
        .before_last = o->prompt_cache && !s->is_chat && kept < s->ids.n - 1 ? save_prompt : NULL,
        .go_on = go_on,
        .user = &k,
    };
    run_catch_interrupt(&old);
    og_status st = og_generate(s->model, s->seq, s->tok, s->sampler, &go, &a->result);
    sigaction(SIGINT, &old, NULL);
    a->result.prompt_s -= s->cache.seconds;
    s->cache.seconds = 0;
    og_status noted = note_fed(s, &a->chosen);
    OG_TRY(st);
    OG_TRY(noted);
    if (a->text.failed) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the answer");
    return OG_OK;
}

void run_answer_free(og_ctx *ctx, run_answer *a)
{
    ogi_buf_free(&a->text);
    og_tokens_free(ctx, &a->chosen);
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
