/* SPDX-License-Identifier: MIT
 *
 * One answer: fed, heard in parts, kept and shown. */
#include <signal.h>
#include <stdlib.h>

#include "tools/chat/chat.h"
#include "tools/cmd/cli_progress.h"

/* ---- hearing ------------------------------------------------------------------------------- */

typedef struct run_hearing {
    run_session *s;
    run_answer *a;
    run_view view;
    int64_t n_prompt;
    cli_progress progress; /* of feeding the prompt */
} run_hearing;

static void echo(run_hearing *k)
{
    if (k->s->echo.n) run_print(k->s, k->s->echo.p, k->s->echo.n);
    k->s->echo.n = 0;
}

static void hear_fed(void *user, int64_t n)
{
    run_hearing *k = user;
    cli_progress_update(&k->progress, (double)n / (double)k->n_prompt);
    if (n < k->n_prompt) return;
    cli_progress_end(&k->progress);
    echo(k);
}

static bool hear_text(void *user, const char *p, size_t n)
{
    run_hearing *k = ((run_session *)user)->hearing;
    ogi_buf_add(&k->a->text, p, n);
    return !k->a->text.failed && run_view_text(&k->view, p, n);
}

static bool hear_reasoning(void *user, const char *p, size_t n)
{
    run_hearing *k = ((run_session *)user)->hearing;
    ogi_buf_add(&k->a->reasoning, p, n);
    return !k->a->reasoning.failed && run_view_reasoning(&k->view, p, n);
}

/* Arguments that are too large a number for us stay text. */
static json_t *json_call(og_ctx *ctx, const og_tool_call *c)
{
    json_t *arguments = json_loads(c->arguments, JSON_ALLOW_NUL, NULL);
    if (!arguments) arguments = run_json_text(ctx, c->arguments, strlen(c->arguments));
    return json_pack("{s:o, s:o, s:o}", "id", run_json_text(ctx, c->id, strlen(c->id)), "name",
                     run_json_text(ctx, c->name, strlen(c->name)), "arguments", arguments);
}

static bool hear_call(void *user, const og_tool_call *c)
{
    run_session *s = user;
    run_hearing *k = s->hearing;
    if (json_array_append_new(k->a->calls, json_call(s->ctx, c)) != 0)
        k->a->is_out_of_memory = true;
    run_view_call(&k->view, c);
    return !k->a->is_out_of_memory;
}

/* -inf is no JSON: -9999 stands for it. */
static json_t *json_logprob(const run_session *s, int32_t token, float logprob)
{
    size_t n;
    const char *text = og_tokenizer_piece(s->tok, token, true, &n);
    return json_pack("{s:i, s:o, s:o}", "id", (int)token, "text", run_json_text(s->ctx, text, n),
                     "logprob", run_json_real((double)OGI_MAX(logprob, -9999.0f)));
}

static bool hear_token(void *user, int32_t token, float logprob, const og_candidate *top,
                       int32_t n_top)
{
    run_hearing *k = user;
    json_t *entry = json_logprob(k->s, token, logprob), *list = json_array();
    int failed = json_object_set_new(entry, "top", list);
    for (int32_t i = 0; i < n_top && !failed; i++)
        failed = json_array_append_new(list, json_logprob(k->s, top[i].id, top[i].p));
    failed |= json_array_append_new(k->a->logprobs, entry);
    k->a->is_out_of_memory |= failed != 0;
    return !failed;
}

og_status run_parser_new(run_session *s, og_answer **out)
{
    og_answer_sink sink = { s, hear_text, hear_reasoning, hear_call };
    const char *tools = s->tools.list ? og_tools_json(s->tools.list) : NULL;
    return og_answer_new(s->ctx, s->chat, tools, &sink, out);
}

/* ---- answering ----------------------------------------------------------------------------- */

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

/* One prompt: its state without the last token is what the same prompt can begin with again, also
 * where recurrent states cannot be cut back. */
static og_status save_prompt(void *user)
{
    const run_hearing *k = user;
    run_cache_save(k->s, &k->s->ids);
    return OG_OK;
}

/* The state of the first prompt, not that behind calls; and not what the file holds already. */
static bool wants_save(const run_session *s, int64_t kept)
{
    return s->opt->prompt_cache && !s->is_chat && !s->cache.is_stale && kept < s->ids.n - 1;
}

static bool go_on(void *user)
{
    (void)user;
    return !run_is_interrupted();
}

og_status run_answer_init(og_ctx *ctx, run_answer *a)
{
    *a = (run_answer){ .text.ctx = ctx, .reasoning.ctx = ctx, .calls = json_array() };
    if (!a->calls) OG_FAIL(ctx, OG_E_MEMORY, "out of memory for an answer");
    return OG_OK;
}

static og_status clear(run_session *s, run_answer *a)
{
    a->text.n = a->reasoning.n = 0;
    a->chosen.n = 0;
    a->first_call = json_array_size(a->calls);
    a->result = (og_generate_result){ .stop = OG_STOP_LENGTH, .stop_index = -1 };
    json_decref(a->logprobs);
    a->logprobs = s->opt->logprobs < 0 ? NULL : json_array();
    if (s->opt->logprobs >= 0 && !a->logprobs) return OG_E_MEMORY;
    return OG_OK;
}

static const og_grammar *grammar_of(const run_session *s)
{
    if (s->tools.list)
        return s->is_first_answer || !s->tools.others ? s->tools.first : s->tools.others;
    return s->grammar;
}

/* The constraint begins after --constrain-after, or behind reasoning that the prompt opens, which
 * then has to end. */
static og_status begin_constraint(run_session *s)
{
    const og_grammar *g = grammar_of(s);
    const char *after = s->opt->grammar.after;
    const char *end = og_answer_in_reasoning(s->parser) ? og_chat_reasoning_end(s->chat) : NULL;
    og_matcher_free(s->matcher);
    s->matcher = NULL;
    if (!g) return OG_OK;
    OG_TRY(og_matcher_new(g, s->ctx, &s->matcher));
    if (after) return og_matcher_wait(s->matcher, after, strlen(after));
    return end ? og_matcher_await(s->matcher, end, strlen(end)) : OG_OK;
}

static og_status generate(run_session *s, run_hearing *k, int64_t kept)
{
    const run_options *o = s->opt;
    run_answer *a = k->a;
    struct sigaction old;
    og_generate_options go = {
        .prompt = s->ids.id + kept,
        .n_prompt = s->ids.n - kept,
        .prefix = s->healed,
        .n_prefix = s->n_healed,
        .max_tokens = s->n_predict > 0 ? s->n_predict : 0,
        .stop = o->stop.item,
        .n_stop = o->stop.n,
        .show_special = o->special,
        .matcher = s->matcher,
        .chosen = &a->chosen,
        .answer = s->parser,
        .chose = o->logprobs < 0 ? NULL : hear_token,
        .n_top = (int32_t)OGI_MAX(o->logprobs, 0),
        .fed = hear_fed,
        .before_last = wants_save(s, kept) ? save_prompt : NULL,
        .go_on = go_on,
        .user = k,
    };
    s->hearing = k;
    k->n_prompt = go.n_prompt;
    cli_progress_begin(&k->progress, "reading the prompt");
    run_catch_interrupt(&old);
    og_beams_options beams = { (int)o->beams, o->length_penalty };
    og_status st =
        o->beams ? og_generate_beams(s->model, s->seq, s->tok, s->sampler, &beams, &go, &a->result)
                 : og_generate(s->model, s->seq, s->tok, s->sampler, &go, &a->result);
    sigaction(SIGINT, &old, NULL);
    s->hearing = NULL;
    cli_progress_end(&k->progress);
    return st;
}

/* -n 0: the prompt is read if its state is to be kept. */
static og_status answer_nothing(run_session *s)
{
    int64_t kept;
    if (!s->opt->prompt_cache || s->is_chat) return OG_OK;
    OG_TRY(keep_prefix(s, &kept));
    if (!wants_save(s, kept)) return OG_OK;
    og_feed feed = { .seq = s->seq, .token = s->ids.id + kept, .n = s->ids.n - 1 - kept };
    OG_TRY(og_model_feed(s->model, &feed, 1, OG_ROWS_NONE, NULL, NULL));
    run_cache_save(s, &s->ids);
    return note_fed(s, &(og_tokens){ 0 });
}

og_status run_answer_ids(run_session *s, bool is_printed, run_answer *a)
{
    int64_t kept;
    run_hearing k = { .s = s, .a = a, .view = { .s = s, .is_shown = is_printed } };
    OG_TRY(clear(s, a));
    if (s->n_predict == 0) {
        echo(&k);
        run_view_end(&k.view);
        return answer_nothing(s);
    }
    OG_TRY(keep_prefix(s, &kept));
    OG_TRY(begin_constraint(s));
    og_status st = generate(s, &k, kept);
    run_view_end(&k.view);
    a->result.prompt_s -= s->cache.seconds;
    s->cache.seconds = 0;
    og_status noted = note_fed(s, &a->chosen);
    OG_TRY(st);
    OG_TRY(noted);
    if (a->text.failed || a->reasoning.failed || a->is_out_of_memory)
        OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the answer");
    return OG_OK;
}

void run_answer_free(og_ctx *ctx, run_answer *a)
{
    ogi_buf_free(&a->text);
    ogi_buf_free(&a->reasoning);
    og_tokens_free(ctx, &a->chosen);
    json_decref(a->calls);
    json_decref(a->logprobs);
}
