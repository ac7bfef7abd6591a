/* SPDX-License-Identifier: MIT
 *
 * The conversation as a JSON array of messages, and its file. A turn that fails is taken off the
 * array again. */
#include "tools/chat/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"

enum { MAX_SAVED = 256 << 20 };

og_status chat_history_new(run_session *s, chat_history *h)
{
    const char *system = s->opt->system;
    *h = (chat_history){ .s = s, .system.ctx = s->ctx };
    OG_TRY(run_answer_init(s->ctx, &h->answer));
    h->message = json_array();
    if (!h->message) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the chat");
    return system ? chat_history_system(h, system, strlen(system)) : OG_OK;
}

void chat_history_free(chat_history *h)
{
    json_decref(h->message);
    ogi_buf_free(&h->system);
    run_answer_free(h->s->ctx, &h->answer);
}

void chat_history_clear(chat_history *h)
{
    json_array_clear(h->message);
    h->n_dropped = 0;
}

og_status chat_history_system(chat_history *h, const char *text, size_t n)
{
    h->system.n = 0;
    ogi_buf_add(&h->system, text, n);
    if (h->system.failed) OG_FAIL(h->s->ctx, OG_E_MEMORY, "out of memory for the system prompt");
    return OG_OK;
}

size_t chat_history_size(const chat_history *h)
{
    return json_array_size(h->message);
}

static const char *role(const chat_history *h, size_t i)
{
    return json_string_value(json_object_get(json_array_get(h->message, i), "role"));
}

static bool is_user(const chat_history *h, size_t i)
{
    return !strcmp(role(h, i), "user");
}

static og_status add(chat_history *h, const char *who, const char *p, size_t n)
{
    if (json_array_append_new(h->message, run_json_message(h->s->ctx, who, p, n)) != 0)
        OG_FAIL(h->s->ctx, OG_E_MEMORY, "out of memory for a message");
    return OG_OK;
}

/* ---- answers ------------------------------------------------------------------------------- */

static og_status encode(chat_history *h)
{
    og_ctx *ctx = h->s->ctx;
    json_t *list = json_array();
    int failed = list ? 0 : 1;
    if (h->system.n)
        failed |=
            json_array_append_new(list, run_json_message(ctx, "system", h->system.p, h->system.n));
    for (size_t i = h->n_dropped; i < chat_history_size(h); i++)
        failed |= json_array_append(list, json_array_get(h->message, i));
    og_status st = failed ? ogi_fail(ctx, OG_E_MEMORY, __FILE__, __LINE__, "out of memory")
                          : run_encode_messages(h->s, list);
    json_decref(list);
    return st;
}

/* Drops the oldest exchanges until a quarter of the context is free for the answer. */
static og_status encode_fitting(void *user)
{
    chat_history *h = user;
    og_model_info info;
    og_model_get_info(h->s->model, &info);
    size_t before = h->n_dropped, size = chat_history_size(h), last = size - 1;
    while (last && !is_user(h, last)) last--;
    OG_TRY(encode(h));
    while (h->s->ids.n > info.n_ctx - info.n_ctx / 4 && h->n_dropped < last) {
        do h->n_dropped++;
        while (h->n_dropped < last && !is_user(h, h->n_dropped));
        OG_TRY(encode(h));
    }
    if (h->s->ids.n >= info.n_ctx) {
        h->n_dropped = before; /* for nothing */
        OG_FAIL(h->s->ctx, OG_E_LIMIT,
                "the message and its system prompt are %lld tokens; the context of %lld leaves no "
                "place for an answer",
                (long long)h->s->ids.n, (long long)info.n_ctx);
    }
    if (h->n_dropped > before)
        fprintf(stderr,
                "oxigraph: the context of %lld tokens is full: the oldest %zu of %zu messages are "
                "dropped\n",
                (long long)info.n_ctx, h->n_dropped, size);
    return OG_OK;
}

/* If that fails, nothing is added. */
static og_status answer(chat_history *h)
{
    const og_generate_result *r = &h->answer.result;
    size_t size = chat_history_size(h);
    og_status st = run_turn(h->s, h->message, encode_fitting, h, true, &h->answer);
    while (st != OG_OK && chat_history_size(h) > size) json_array_remove(h->message, size);
    OG_TRY(st);
    if (r->stop == OG_STOP_CONTEXT)
        fprintf(stderr, "oxigraph: the context is full: the answer is cut off; -c N makes it "
                        "larger\n");
    if (r->stop == OG_STOP_LENGTH && h->s->n_predict)
        fprintf(stderr, "oxigraph: the answer is cut off after %lld tokens, as -n says\n",
                (long long)h->s->n_predict);
    h->n_answer++;
    h->n_token += r->n_generated;
    h->n_read += r->n_prompt;
    h->seconds += r->generate_s;
    return OG_OK;
}

og_status chat_history_say(chat_history *h, const char *text, size_t n)
{
    size_t size = chat_history_size(h), dropped = h->n_dropped;
    OG_TRY(add(h, "user", text, n));
    og_status st = answer(h);
    if (st == OG_OK) return OG_OK;
    while (chat_history_size(h) > size) json_array_remove(h->message, size);
    h->n_dropped = dropped;
    return st;
}

bool chat_history_undo(chat_history *h)
{
    size_t n = chat_history_size(h);
    if (!n) return false;
    while (n && !is_user(h, n - 1)) json_array_remove(h->message, --n);
    if (n) json_array_remove(h->message, --n);
    if (h->n_dropped > n) h->n_dropped = 0;
    return true;
}

og_status chat_history_again(chat_history *h)
{
    size_t n = chat_history_size(h);
    if (!n) OG_FAIL(h->s->ctx, OG_E_INVALID, "there is no answer yet");
    while (n > 1 && !is_user(h, n - 1)) json_array_remove(h->message, --n);
    return answer(h);
}

/* ---- showing, saving, loading -------------------------------------------------------------- */

static void show(const chat_history *h, const char *who, const char *p, size_t n)
{
    printf("%s: ", who);
    run_print(h->s, p, n);
    putchar('\n');
}

/* As an answer shows it: dim, or not at all. */
static void show_reasoning(const chat_history *h, const json_t *text)
{
    run_view v = { .s = h->s, .is_shown = true };
    if (!text || !h->s->is_terminal) return;
    run_view_reasoning(&v, json_string_value(text), json_string_length(text));
    if (v.part == RUN_PART_REASONING) run_view_end(&v);
}

static void show_calls(const json_t *calls)
{
    size_t i;
    json_t *call;
    json_array_foreach(calls, i, call)
    {
        const json_t *f = json_object_get(call, "function"), *name = json_object_get(f, "name");
        char *arguments = run_json_dump(json_object_get(f, "arguments"), 0);
        printf("-> ");
        run_print_to(stdout, true, json_string_value(name), json_string_length(name));
        putchar(' ');
        if (arguments) run_print_to(stdout, true, arguments, strlen(arguments));
        putchar('\n');
        free(arguments);
    }
}

void chat_history_show(const chat_history *h)
{
    if (h->system.n) show(h, "system", h->system.p, h->system.n);
    for (size_t i = 0; i < chat_history_size(h); i++) {
        const json_t *m = json_array_get(h->message, i), *text = json_object_get(m, "content");
        if (i && i == h->n_dropped) printf("-- above: dropped, the context was full --\n");
        show_reasoning(h, json_object_get(m, "reasoning_content"));
        show(h, role(h, i), json_string_value(text), json_string_length(text));
        show_calls(json_object_get(m, "tool_calls"));
    }
    fflush(stdout);
}

bool chat_history_is_other(og_ctx *ctx, const char *path)
{
    struct stat st;
    ogi_buf file = { .ctx = ctx };
    if (stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size) return false;
    json_t *j = NULL;
    if (ogi_file_read(ctx, path, MAX_SAVED, &file) == OG_OK)
        j = json_loadb(ogi_buf_str(&file), file.n, JSON_ALLOW_NUL, NULL);
    bool is_chat = json_is_array(json_object_get(j, "messages"));
    og_error_clear(ctx);
    json_decref(j);
    ogi_buf_free(&file);
    return !is_chat;
}

og_status chat_history_save(const chat_history *h, const char *path)
{
    og_ctx *ctx = h->s->ctx;
    json_t *j =
        json_pack("{s:o, s:O}", "system", run_json_text(ctx, ogi_buf_str(&h->system), h->system.n),
                  "messages", h->message);
    char *text = j ? run_json_dump(j, JSON_INDENT(1)) : NULL;
    json_decref(j);
    if (!text) OG_FAIL(ctx, OG_E_MEMORY, "out of memory for saving the chat");
    og_status st = ogi_file_write(ctx, path, text, strlen(text), 0600);
    free(text);
    return st;
}

static bool is_call(const json_t *call)
{
    const json_t *f = json_object_get(call, "function"), *arguments;
    arguments = json_object_get(f, "arguments");
    return json_is_string(json_object_get(call, "id")) &&
           json_is_string(json_object_get(f, "name")) &&
           (json_is_object(arguments) || json_is_string(arguments));
}

/* What is wrong with a message behind another (NULL: the first); NULL if nothing is. */
static const char *wrong_message(const json_t *m, const json_t *before)
{
    const char *who = json_string_value(json_object_get(m, "role"));
    const char *last = json_string_value(json_object_get(before, "role"));
    const json_t *calls = json_object_get(m, "tool_calls");
    const json_t *reasoning = json_object_get(m, "reasoning_content");
    bool asks = last && (!strcmp(last, "tool") || json_object_get(before, "tool_calls"));
    size_t i;
    json_t *call;
    if (!who || (strcmp(who, "user") && strcmp(who, "assistant") && strcmp(who, "tool")))
        return "has no role \"user\", \"assistant\" or \"tool\"";
    if (!json_is_string(json_object_get(m, "content"))) return "has no text as content";
    if (!strcmp(who, "tool"))
        return !asks ? "is a tool's and answers no call"
               : !json_is_string(json_object_get(m, "tool_call_id")) ? "has no tool_call_id"
                                                                     : NULL;
    if (!strcmp(who, "user"))
        return last && !strcmp(last, "user") ? "is a user's behind a user's" : NULL;
    if (!last || !strcmp(last, "assistant")) return "is an assistant's and answers nothing";
    if (reasoning && !json_is_string(reasoning)) return "has no text as reasoning_content";
    if (calls && !json_array_size(calls)) return "has no calls as tool_calls";
    json_array_foreach(calls, i, call) if (!is_call(call)) return "has a malformed tool call";
    return NULL;
}

static og_status check_messages(og_ctx *ctx, const char *path, const json_t *list)
{
    size_t i;
    json_t *m;
    if (!json_is_array(list))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: \"messages\" is not a list: not a saved chat", path);
    json_array_foreach(list, i, m)
    {
        const char *wrong = wrong_message(m, i ? json_array_get(list, i - 1) : NULL);
        if (wrong) OG_FAIL(ctx, OG_E_FORMAT, "%s: message %zu %s", path, i, wrong);
    }
    return OG_OK;
}

og_status chat_history_load(chat_history *h, const char *path)
{
    og_ctx *ctx = h->s->ctx;
    ogi_buf file = { .ctx = ctx };
    json_error_t e;
    json_t *j = NULL;
    og_status st = ogi_file_read(ctx, path, MAX_SAVED, &file);
    if (st == OG_OK) {
        j = json_loadb(ogi_buf_str(&file), file.n, JSON_ALLOW_NUL, &e);
        st = j ? check_messages(ctx, path, json_object_get(j, "messages"))
               : ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__, "%s:%d: %s", path, e.line, e.text);
    }
    if (st == OG_OK) {
        const json_t *system = json_object_get(j, "system");
        const char *text = json_string_value(system);
        st = chat_history_system(h, text ? text : "", text ? json_string_length(system) : 0);
        json_decref(h->message);
        h->message = json_incref(json_object_get(j, "messages"));
        h->n_dropped = 0;
    }
    json_decref(j);
    ogi_buf_free(&file);
    return st;
}
