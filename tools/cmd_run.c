/* SPDX-License-Identifier: MIT
 *
 * `oxigraph run`: completes a prompt, streaming text to standard output. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "oxigraph/generate.h"
#include "runtime/engine.h"
#include "tools/cli_grammar.h"
#include "tools/cli_model.h"
#include "tools/cli_sampler.h"

enum { MAX_PROMPT = 64 << 20 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

typedef struct options {
    cli_model model;
    cli_sampler sampler;
    cli_grammar grammar;
    const char *prompt, *file;
    int64_t n;
    bool raw, no_echo, special;
    cli_list stop;
} options;

/* Writes text; on a terminal control characters are shown escaped. */
static bool print_text(void *user, const char *p, size_t n)
{
    bool tty = *(bool *)user;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)p[i + 1] < 0xa0;
        if (tty && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f))
            printf("\\x%02x", c);
        else if (tty && c1)
            printf("\\x%02x", (unsigned char)p[++i]);
        else
            putchar(c);
    }
    return fflush(stdout) == 0;
}

static bool go_on(void *user)
{
    (void)user;
    return !interrupted;
}

static const char *why(const og_generate_result *r, const options *o)
{
    switch (r->stop) {
    case OG_STOP_EOG: return "end of text";
    case OG_STOP_LENGTH: return "-n reached";
    case OG_STOP_TEXT: return o->stop.item[r->stop_index];
    case OG_STOP_CONTEXT: return "context full";
    case OG_STOP_CANCELLED: return "interrupted";
    }
    return "";
}

static void show_statistics(const og_generate_result *r, const options *o, og_sequence *seq)
{
    if (r->stop == OG_STOP_CONTEXT)
        fprintf(stderr, "\noxigraph: the context of %lld tokens is full; -c N makes it larger\n",
                (long long)og_sequence_length(seq));
    fprintf(stderr,
            "\nprompt %lld tokens, %.1f tokens/s; generated %lld tokens, %.1f tokens/s (%s)\n",
            (long long)r->n_prompt, (double)r->n_prompt / OGI_MAX(r->prompt_s, 1e-9),
            (long long)r->n_generated, (double)r->n_generated / OGI_MAX(r->generate_s, 1e-9),
            why(r, o));
}

/* The prompt from -p, -f, the argument, or "-" for standard input. */
static og_status read_prompt(og_ctx *ctx, const options *o, const char *arg, ogi_buf *out)
{
    const char *text = o->prompt ? o->prompt : arg;
    if (o->file) return ogi_file_read(ctx, o->file, MAX_PROMPT, out);
    if (!o->prompt && text && !strcmp(text, "-")) return ogi_file_read(ctx, "-", MAX_PROMPT, out);
    ogi_buf_puts(out, text);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* What a run holds while it lasts. */
typedef struct session {
    og_ctx *ctx;
    og_model *model;
    og_sequence *seq;
    og_tokenizer *tok;
    og_vocab_view *view;
    og_sampler *sampler;
    og_grammar *grammar; /* NULL: no constraint */
    og_matcher *matcher;
    og_tokens ids;
    ogi_buf prompt;
} session;

static void close_session(session *s)
{
    og_sampler_free(s->sampler);
    og_matcher_free(s->matcher);
    og_grammar_free(s->grammar);
    og_vocab_view_free(s->view);
    og_tokens_free(s->ctx, &s->ids);
    og_model_free(s->model);
    og_tokenizer_free(s->tok);
    ogi_buf_free(&s->prompt);
}

static og_status encode_prompt(session *s, const options *o, const char *arg)
{
    OG_TRY(read_prompt(s->ctx, o, arg, &s->prompt));
    OG_TRY(og_tokenizer_encode(s->tok, s->ctx, ogi_buf_str(&s->prompt), s->prompt.n,
                               OG_ENCODE_ADD_SPECIAL | OG_ENCODE_PARSE_SPECIAL, &s->ids));
    if (!s->ids.n) { /* an empty prompt: begin with BOS if there is one */
        int32_t bos = og_tokenizer_special(s->tok, OG_SPECIAL_BOS);
        if (bos < 0) OG_FAIL(s->ctx, OG_E_INVALID, "the prompt is empty and the model has no BOS");
        OG_TRY(ogi_grow(s->ctx, &s->ids.id, &s->ids.cap, 1, sizeof *s->ids.id));
        s->ids.id[s->ids.n++] = bos;
    }
    return OG_OK;
}

static og_status generate(session *s, const options *o, og_generate_result *r)
{
    bool tty = isatty(STDOUT_FILENO);
    if (!o->no_echo) print_text(&tty, ogi_buf_str(&s->prompt), s->prompt.n);
    og_generate_options go = {
        .prompt = s->ids.id,
        .n_prompt = s->ids.n,
        .max_tokens = o->n > 0 ? o->n : 0,
        .stop = o->stop.item,
        .n_stop = o->stop.n,
        .show_special = o->special,
        .matcher = s->matcher,
        .text = print_text,
        .go_on = go_on,
        .user = &tty,
    };
    struct sigaction act = { .sa_handler = on_interrupt }, old;
    sigaction(SIGINT, &act, &old);
    og_status st = o->n == 0 ? OG_OK : og_generate(s->model, s->seq, s->tok, s->sampler, &go, r);
    sigaction(SIGINT, &old, NULL);
    return st;
}

/* -1 to go on, or an exit status. */
static int open_session(session *s, const options *o, const char *path, const char *arg,
                        const og_model_options *mo)
{
    og_sampler_config sc;
    og_ctx *ctx = s->ctx;
    if (og_tokenizer_open(ctx, path, mo->override, mo->n_override, &s->tok) != OG_OK) return 1;
    if (encode_prompt(s, o, arg) != OG_OK) return 1;
    if (cli_model_load(ctx, path, mo, &s->model) != OG_OK) return 1;
    int status = cli_sampler_config(ctx, &o->sampler, ogi_model_file(s->model), &sc);
    if (status >= 0) return status;
    if (og_vocab_view_new(ctx, s->tok, &s->view) != OG_OK) return 1;
    if (og_sampler_new(ctx, &sc, s->view, &s->sampler) != OG_OK) return 1;
    status = cli_grammar_compile(ctx, &o->grammar, s->view, &s->grammar);
    if (status >= 0) return status;
    if (s->grammar && og_matcher_new(s->grammar, ctx, &s->matcher) != OG_OK) return 1;
    const char *after = o->grammar.after;
    if (after && og_matcher_wait(s->matcher, after, strlen(after)) != OG_OK) return 1;
    return og_sequence_new(s->model, &s->seq) == OG_OK ? -1 : 1;
}

static int run(const options *o, const char *path, const char *arg, const og_model_options *mo)
{
    session s = { .ctx = cli_ctx() };
    og_generate_result r = { .stop_index = -1 };
    if (!s.ctx) return 1;
    s.prompt.ctx = s.ctx;
    int status = open_session(&s, o, path, arg, mo);
    if (status < 0) {
        status = generate(&s, o, &r) == OG_OK ? 0 : 1;
        if (status == 0) {
            putchar('\n');
            show_statistics(&r, o, s.seq);
            if (r.stop == OG_STOP_CANCELLED && interrupted) status = 130;
        }
    }
    close_session(&s);
    if (status == 1) return cli_fail(s.ctx);
    og_ctx_free(s.ctx);
    return status;
}

int cmd_run(int argc, char **argv)
{
    options o = { .model.kv = "f16", .n = -1 };
    const char *args[2] = { NULL, NULL };
    int n_args, n = 0;
    cli_opt opt[CLI_MODEL_OPTIONS + CLI_SAMPLER_OPTIONS + CLI_GRAMMAR_OPTIONS + 7] = {
        { "-p|--prompt", CLI_STR, &o.prompt, "TEXT", "the prompt" },
        { "-f|--file", CLI_STR, &o.file, "FILE", "read the prompt from a file" },
        { "-n|--predict", CLI_INT, &o.n, "N", "tokens to generate; default: until the end" },
        { "--raw", CLI_FLAG, &o.raw, NULL, "complete the text as it is" },
        { "--no-echo", CLI_FLAG, &o.no_echo, NULL, "do not print the prompt" },
        { "--stop", CLI_LIST, &o.stop, "TEXT", "end before this text; repeatable" },
        { "--special", CLI_FLAG, &o.special, NULL, "print control tokens" },
    };
    n = 7 + cli_model_options(&o.model, opt + 7);
    n += cli_sampler_options(&o.sampler, opt + n, CLI_SAMPLER_OPTIONS);
    n += cli_grammar_options(&o.grammar, opt + n);
    cli_spec spec = { "oxigraph run MODEL [PROMPT] [options]",
                      "Completes a prompt, from the argument, -p, -f, or - for standard input.\n"
                      "Text goes to standard output, statistics to standard error.",
                      opt,
                      n,
                      1,
                      2 };
    og_model_options mo;
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0) status = cli_model_config(&o.model, &mo);
    if (status >= 0) return status;
    if (n_args < 2 && !o.prompt && !o.file)
        return cli_usage_error("no prompt: give it as an argument, with -p, -f, or - for stdin");
    return run(&o, args[0], args[1], &mo);
}
