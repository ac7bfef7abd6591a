/* SPDX-License-Identifier: MIT
 *
 * The loop of a chat, and its /commands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/chat/history.h"
#include "tools/chat/line.h"
#include "tools/chat/read.h"
#include "tools/cmd/cli_others.h"

typedef struct chat {
    chat_history history;
    chat_line *line;
    ogi_buf read; /* files, for the next message to begin with */
    bool is_done;
} chat;

typedef struct command {
    const char *name, *arg, *doc; /* name: and what others call it, separated by | */
    og_status (*run)(chat *c, const char *arg);
} command;

static og_status do_help(chat *c, const char *arg);

static og_status do_reset(chat *c, const char *arg)
{
    (void)arg;
    chat_history_clear(&c->history);
    c->read.n = 0;
    return OG_OK;
}

static og_status do_undo(chat *c, const char *arg)
{
    (void)arg;
    bool had_read = c->read.n > 0;
    c->read.n = 0;
    if (!had_read && !chat_history_undo(&c->history))
        fprintf(stderr, "there is nothing to take back\n");
    return OG_OK;
}

static og_status do_regen(chat *c, const char *arg)
{
    (void)arg;
    return chat_history_again(&c->history);
}

static og_status do_system(chat *c, const char *arg)
{
    return chat_history_system(&c->history, arg, strlen(arg));
}

static og_status do_show(chat *c, const char *arg)
{
    (void)arg;
    chat_history_show(&c->history);
    return OG_OK;
}

static og_status do_read(chat *c, const char *arg)
{
    size_t before = c->read.n;
    OG_TRY(chat_read_file(c->history.s->ctx, arg, CHAT_MAX_MESSAGE, &c->read));
    fprintf(stderr, "%zu bytes for the next message to begin with; Enter sends them alone\n",
            c->read.n - before);
    return OG_OK;
}

/* May a file that is no chat be written over? Without a terminal nobody can say so. */
static og_status ask_to_replace(chat *c, const char *path, bool *yes)
{
    og_ctx *ctx = c->history.s->ctx;
    chat_got got = CHAT_END;
    ogi_buf text = { .ctx = ctx };
    *yes = true;
    if (!chat_history_is_other(ctx, path)) return OG_OK;
    if (!chat_line_is_terminal(c->line))
        OG_FAIL(ctx, OG_E_INVALID, "%s: is no saved chat, and nobody can be asked; it is left",
                path);
    fprintf(stderr, "%s is no saved chat. Write over it? y or n\n", path);
    og_status st = chat_line_read(c->line, &text, &got);
    *yes = got == CHAT_TEXT && cli_has_name("y|Y|yes", ogi_buf_str(&text), text.n);
    ogi_buf_free(&text);
    return st;
}

static og_status do_save(chat *c, const char *arg)
{
    bool yes;
    OG_TRY(ask_to_replace(c, arg, &yes));
    if (!yes) {
        fprintf(stderr, "nothing is saved\n");
        return OG_OK;
    }
    OG_TRY(chat_history_save(&c->history, arg));
    fprintf(stderr, "%zu messages saved\n", chat_history_size(&c->history));
    return OG_OK;
}

static og_status do_load(chat *c, const char *arg)
{
    OG_TRY(chat_history_load(&c->history, arg));
    fprintf(stderr, "%zu messages loaded\n", chat_history_size(&c->history));
    return OG_OK;
}

static og_status show_settings(const run_session *s)
{
    char *text;
    OG_TRY(og_sampler_config_print(s->ctx, &s->config, OG_SAMPLER_JSON, &text));
    printf("predict %lld\n%s\n", (long long)s->n_predict, text);
    fflush(stdout);
    og_sampler_text_free(s->ctx, text);
    return OG_OK;
}

static og_status set_option(run_session *s, const char *key, const char *value)
{
    og_sampler_config config = s->config;
    og_sampler *sampler;
    OG_TRY(og_sampler_config_set(s->ctx, &config, key, value));
    OG_TRY(og_sampler_new(s->ctx, &config, s->view, &sampler));
    og_sampler_free(s->sampler);
    s->sampler = sampler;
    s->config = config;
    return OG_OK;
}

static og_status set_predict(run_session *s, const char *value)
{
    char *end;
    long long v = strtoll(value, &end, 10);
    if (*end || v < -1)
        OG_FAIL(s->ctx, OG_E_INVALID, "/set predict wants a number of tokens or -1, not '%s'",
                value);
    s->n_predict = v;
    return OG_OK;
}

/* The names of the command line, with or without dashes, and "parameter" before them, as ollama
 * has it. What was set is told. */
static og_status do_set(chat *c, const char *arg)
{
    static const char parameter[] = "parameter ", predict[] = "predict|n|n-predict|num_predict";
    run_session *s = c->history.s;
    char name[64];
    if (!strncmp(arg, parameter, sizeof parameter - 1)) arg += sizeof parameter - 1;
    if (!*arg) return show_settings(s);
    arg += strspn(arg, "-");
    size_t n = strcspn(arg, " =");
    const char *value = arg + n + strspn(arg + n, " =");
    if (!n || n >= sizeof name || !*value)
        OG_FAIL(s->ctx, OG_E_INVALID, "/set wants a name and a value, as in /set temp 0.5");
    snprintf(name, sizeof name, "%.*s", (int)n, arg);
    if (!strcmp(name, "system")) return do_system(c, value);
    og_status st;
    if (!strcmp(name, "think")) {
        st = run_set_think(s, value);
        if (st == OG_OK) st = run_tools_constrain(s);
    } else if (cli_has_name(predict, name, n)) {
        st = set_predict(s, value);
    } else {
        char key[CLI_SAMPLER_NAME];
        cli_sampler_key(name, key);
        st = set_option(s, key, value);
    }
    if (st == OG_OK) fprintf(stderr, "%s is %s\n", name, value);
    return st;
}

static og_status do_stats(chat *c, const char *arg)
{
    const chat_history *h = &c->history;
    og_model_info info;
    (void)arg;
    og_model_get_info(h->s->model, &info);
    if (h->n_answer) run_print_statistics(h->s, &h->answer.result);
    fprintf(stderr,
            "%lld answers; %lld tokens read, %lld written, %.1f tokens/s; %lld of %lld tokens of "
            "context; %zu "
            "messages, %zu dropped\n",
            (long long)h->n_answer, (long long)h->n_read, (long long)h->n_token,
            (double)h->n_token / OGI_MAX(h->seconds, 1e-9),
            (long long)og_sequence_length(h->s->seq), (long long)info.n_ctx, chat_history_size(h),
            h->n_dropped);
    return OG_OK;
}

static og_status do_bye(chat *c, const char *arg)
{
    (void)arg;
    c->is_done = true;
    return OG_OK;
}

static const command commands[] = {
    { "help|?", NULL, "this text", do_help },
    { "reset|clear", NULL, "forget the conversation; the system prompt stays", do_reset },
    { "undo", NULL, "take the last message and its answer back, or a file read", do_undo },
    { "regen", NULL, "answer the last message again", do_regen },
    { "system", "[TEXT]", "what the model is told first; without TEXT: nothing", do_system },
    { "set", "[NAME VALUE]", "set think, predict (tokens) or a sampling option; or show all",
      do_set },
    { "show", NULL, "the conversation", do_show },
    { "stats", NULL, "tokens and speed", do_stats },
    { "read", "FILE", "put a file's text in front of the next message", do_read },
    { "save", "FILE", "write the conversation to a file", do_save },
    { "load", "FILE", "go on from a saved one", do_load },
    { "bye|exit|quit", NULL, "end; so does Ctrl-D", do_bye },
};

static og_status do_help(chat *c, const char *arg)
{
    (void)c, (void)arg;
    for (int i = 0; i < OGI_LEN(commands); i++) {
        const char *a = commands[i].arg, *name = commands[i].name;
        int n = (int)strcspn(name, "|");
        printf("/%.*s%s%-*s %s\n", n, name, a ? " " : "", 20 - n - (a ? 1 : 0), a ? a : "",
               commands[i].doc);
    }
    printf(
        "\"\"\" begins and ends a message of several lines; a \\ at the end of a line goes on with "
        "the next. Ctrl-C stops an answer.\n");
    fflush(stdout);
    return OG_OK;
}

static og_status run_command(chat *c, const char *text)
{
    size_t n = strcspn(text, " ");
    const char *arg = text + n + strspn(text + n, " ");
    og_ctx *ctx = c->history.s->ctx;
    for (int i = 0; i < OGI_LEN(commands); i++) {
        const command *k = &commands[i];
        if (!cli_has_name(k->name, text, n)) continue;
        if (!k->arg && *arg)
            OG_FAIL(ctx, OG_E_INVALID, "/%.*s takes nothing after it", (int)n, text);
        if (k->arg && k->arg[0] != '[' && !*arg)
            OG_FAIL(ctx, OG_E_INVALID, "/%.*s wants: %s", (int)n, text, k->arg);
        return k->run(c, arg);
    }
    char best[CLI_MAX_NAME] = "";
    int distance = CLI_FAR;
    for (int i = 0; i < OGI_LEN(commands); i++)
        cli_nearest(commands[i].name, text, n, best, &distance);
    if (*best)
        OG_FAIL(ctx, OG_E_INVALID, "no command /%.*s; did you mean /%s?", (int)n, text, best);
    OG_FAIL(ctx, OG_E_INVALID, "no command /%.*s; /help lists them", (int)n, text);
}

static bool is_blank(const ogi_buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!strchr(" \t\r", b->p[i])) return false;
    return true;
}

/* A message: the files read, then text. */
static og_status say(chat *c, const ogi_buf *text)
{
    if (!c->read.n) return chat_history_say(&c->history, text->p, text->n);
    ogi_buf_add(&c->read, text->p, text->n);
    if (c->read.failed) return OG_E_MEMORY;
    og_status st = chat_history_say(&c->history, c->read.p, c->read.n);
    c->read.n = 0;
    return st;
}

/* What is told and not fatal: the chat goes on after it. */
static void take(chat *c, const ogi_buf *text, bool may_command)
{
    og_ctx *ctx = c->history.s->ctx;
    bool is_command = may_command && text->n && text->p[0] == '/';
    if (is_blank(text) && !c->read.n) return;
    og_status st = is_command ? run_command(c, text->p + 1) : say(c, text);
    if (st == OG_OK) return;
    fprintf(stderr, "oxigraph: %s\n", og_error(ctx));
    og_error_clear(ctx);
}

static og_status talk(chat *c, const ogi_buf *first)
{
    og_ctx *ctx = c->history.s->ctx;
    bool is_single = c->history.s->opt->is_single_turn;
    ogi_buf text = { .ctx = ctx };
    og_status st = OG_OK;
    if (first->n) take(c, first, false);
    if (is_single && c->history.n_answer) c->is_done = true;
    while (st == OG_OK && !c->is_done && !ferror(stdout)) {
        chat_got got = CHAT_END;
        st = chat_line_read(c->line, &text, &got);
        if (st != OG_OK || got == CHAT_END) break;
        if (got == CHAT_INTERRUPT)
            fprintf(stderr, "/bye or Ctrl-D ends the chat\n");
        else
            take(c, &text, got == CHAT_TEXT);
        if (is_single && c->history.n_answer) c->is_done = true;
    }
    if (st == OG_OK && c->read.n && !chat_line_is_terminal(c->line)) take(c, &text, false);
    ogi_buf_free(&text);
    return st;
}

og_status chat_loop(run_session *s, const ogi_buf *first)
{
    chat c = { .read.ctx = s->ctx };
    const char *names[OGI_LEN(commands) + 1] = { NULL };
    for (int i = 0; i < OGI_LEN(commands); i++) names[i] = commands[i].name;
    struct sigaction old;
    run_catch_interrupt(&old); /* also between answers and lines, where it has nothing to stop */
    og_status st = chat_history_new(s, &c.history);
    if (st == OG_OK) st = chat_line_new(s->ctx, !s->opt->no_history, names, &c.line);
    if (st == OG_OK && chat_line_is_terminal(c.line))
        fprintf(stderr, "/help lists commands, /bye ends, Ctrl-C stops an answer\n");
    if (st == OG_OK) st = talk(&c, first);
    if (st == OG_OK && s->cache.is_stale) run_cache_save(s, &s->fed);
    chat_line_free(c.line);
    ogi_buf_free(&c.read);
    chat_history_free(&c.history);
    sigaction(SIGINT, &old, NULL);
    return st;
}
