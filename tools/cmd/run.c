/* SPDX-License-Identifier: MIT
 *
 * `oxigraph run`: answers or completes one prompt, streaming text to standard output; without a
 * prompt, a chat. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tools/chat/chat.h"
#include "tools/cmd/cli_others.h"

enum { MAX_PROMPT = 64 << 20, MAX_LOGPROBS = 1000, MAX_BEAMS = 63 };

/* Appends a text without the newline that editors and echo put at its end. */
static og_status read_text(og_ctx *ctx, const char *path, ogi_buf *out)
{
    size_t before = out->n;
    OG_TRY(ogi_file_read(ctx, path, MAX_PROMPT, out));
    if (out->n > before && out->p[out->n - 1] == '\n') out->p[--out->n] = 0;
    return OG_OK;
}

/* Is something to be read that stands for itself? A terminal is for typing, /dev/null for nothing.
 */
static bool has_stdin(void)
{
    struct stat st;
    return !fstat(STDIN_FILENO, &st) && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode));
}

/* What standard input holds goes behind the prompt, on a line of its own. A writer that takes its
 * time looks like one that was forgotten: that we wait is told. */
static og_status append_stdin(og_ctx *ctx, ogi_buf *out)
{
    enum { PATIENCE = 2000 /* ms */ };
    size_t before = out->n;
    if (before) ogi_buf_putc(out, '\n');
    size_t start = out->n;
    if (!poll(&(struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN }, 1, PATIENCE))
        fprintf(stderr, "oxigraph: waiting for standard input, which follows the prompt; "
                        "--no-stdin leaves it\n");
    OG_TRY(read_text(ctx, "-", out));
    if (out->n == start) out->n = before;
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* Where the prompt is read from: a file, "-" for standard input; NULL: it is given. */
static const char *prompt_file(const run_options *o, const char *arg)
{
    return o->file.n ? o->file.item[0] : arg && !strcmp(arg, "-") ? arg : NULL;
}

/* The prompt from -p, -f or the argument. */
static og_status read_prompt(og_ctx *ctx, const run_options *o, const char *arg, ogi_buf *out)
{
    const char *file = prompt_file(o, arg);
    if (file) return read_text(ctx, file, out);
    ogi_buf_puts(out, o->prompt.n ? o->prompt.item[0] : arg);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* What is piped in beside it, when all else is known to be right. */
static og_status read_beside(og_ctx *ctx, const run_options *o, const char *arg, ogi_buf *out)
{
    const char *file = prompt_file(o, arg);
    bool is_read = file && !strcmp(file, "-");
    return is_read || o->no_stdin || !has_stdin() ? OG_OK : append_stdin(ctx, out);
}

typedef struct request {
    run_session *s;
    json_t *messages;
} request;

static og_status encode(void *user)
{
    const request *r = user;
    return run_encode_messages(r->s, r->messages);
}

/* The prompt as a user's message, after --system. */
static og_status answer_message(run_session *s, const ogi_buf *prompt, run_answer *a)
{
    const char *system = s->opt->system;
    request r = { s, json_array() };
    if (system)
        json_array_append_new(r.messages,
                              run_json_message(s->ctx, "system", system, strlen(system)));
    json_array_append_new(r.messages,
                          run_json_message(s->ctx, "user", ogi_buf_str(prompt), prompt->n));
    og_status st = OG_E_MEMORY;
    if (json_array_size(r.messages) == (system ? 2 : 1))
        st = run_turn(s, r.messages, encode, &r, !s->opt->json, a);
    json_decref(r.messages);
    return st;
}

static og_status complete(run_session *s, const ogi_buf *prompt, run_answer *a)
{
    const run_options *o = s->opt;
    OG_TRY(run_encode_text(s, ogi_buf_str(prompt), prompt->n));
    if (!o->no_echo && !o->json) s->echo = (ogi_sv){ ogi_buf_str(prompt), prompt->n };
    return run_answer_ids(s, !o->json, a);
}

static og_status answer(run_session *s, const ogi_buf *prompt, run_answer *a)
{
    OG_TRY(s->chat ? answer_message(s, prompt, a) : complete(s, prompt, a));
    if (s->opt->json) return run_print_json(s, a);
    if (ferror(stdout)) return OG_OK; /* told by cli_end() */
    run_print_statistics(s, &a->result);
    return OG_OK;
}

static int run(const run_options *o, const char *path, const char *arg, const og_model_options *mo)
{
    run_session s = { .ctx = cli_ctx(), .opt = o };
    if (!s.ctx) return 1;
    run_answer a;
    ogi_buf prompt = { .ctx = s.ctx };
    bool has_prompt = arg || o->prompt.n || o->file.n, is_chat = o->is_chat || !has_prompt;
    int status = run_answer_init(s.ctx, &a) == OG_OK ? -1 : 1;
    if (status < 0 && has_prompt && read_prompt(s.ctx, o, arg, &prompt) != OG_OK) status = 1;
    if (status < 0) status = run_open(&s, path, mo, is_chat);
    if (status < 0 && o->heal && s.chat)
        status = cli_usage_error("--heal is for prompts that are completed as they are: --raw");
    if (status < 0 && is_chat)
        status = chat_loop(&s, &prompt) == OG_OK ? 0 : 1;
    else if (status < 0 && read_beside(s.ctx, o, arg, &prompt) != OG_OK)
        status = 1;
    else if (status < 0)
        status = answer(&s, &prompt, &a) == OG_OK ? 0 : 1;
    if (!is_chat && status == 0 && a.result.stop == OG_STOP_CANCELLED && run_is_interrupted())
        status = 130;
    ogi_buf_free(&prompt);
    run_answer_free(s.ctx, &a);
    run_close(&s);
    if (status == 1) return cli_fail(s.ctx);
    og_ctx_free(s.ctx);
    return status;
}

/* -1 to go on, or the exit status 2 (told). */
static int check_options(const run_options *o, const char *arg)
{
    int n_prompt = (arg != NULL) + o->prompt.n + o->file.n;
    bool has_prompt = n_prompt && !o->is_chat;
    if (n_prompt > 1)
        return cli_usage_error("%d prompts: one alone is answered; the argument, -p TEXT or -f "
                               "FILE",
                               n_prompt);
    if (o->n < -1) return cli_usage_error("-n wants a number of tokens, or -1: until the end");
    if (o->is_chat && (o->raw || o->json))
        return cli_usage_error("--conversation is a chat: no %s", o->raw ? "--raw" : "--json");
    if (o->prompt_cache && !strcmp(o->prompt_cache, "-"))
        return cli_usage_error("--prompt-cache wants a file: it is read and written");
    if (o->raw && (o->system || o->chat_template || o->kwargs || o->think))
        return cli_usage_error("--raw leaves no place for --system, --chat-template, "
                               "--template-kwargs and --think");
    if (o->think && !cli_has_name("on|off|hide|true|false", o->think, strlen(o->think)))
        return cli_usage_error("--think is on, off or hide, not '%s'", o->think);
    if (o->logprobs >= 0 && !o->json) return cli_usage_error("--logprobs wants --json");
    if (o->logprobs > MAX_LOGPROBS)
        return cli_usage_error("--logprobs gives at most %d", (int)MAX_LOGPROBS);
    if (!has_prompt && (o->raw || o->json))
        return cli_usage_error("no prompt: %s wants one, as an argument, with -p, -f, or - for "
                               "stdin",
                               o->raw ? "--raw" : "--json");
    if (o->beams < 0 || o->beams > MAX_BEAMS)
        return cli_usage_error("--beams is 1 to %d", (int)MAX_BEAMS);
    if (o->beams && (!has_prompt || o->heal || o->tool.file))
        return cli_usage_error("--beams wants a prompt, and neither --heal nor --tools");
    return run_tool_options_check(o);
}

int cmd_run(int argc, char **argv)
{
    run_options o = { .model.kv = "f16", .n = -1, .logprobs = -1, .length_penalty = 1 };
    o.tool = (run_tool_options){ .seconds = 60, .bytes = 1 << 20 };
    const char *args[2] = { NULL, NULL };
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "-p|--prompt", CLI_LIST, &o.prompt, "TEXT", "the prompt" },
        { "-f|--file", CLI_LIST, &o.file, "FILE",
          "read the prompt from a file, without the newline at its end" },
        { "--no-stdin", CLI_FLAG, &o.no_stdin, NULL,
          "do not append what is piped into the program to the prompt" },
        { "-cnv|--conversation", CLI_FLAG, &o.is_chat, NULL,
          "a chat also with a prompt, which is its first message" },
        { "-st|--single-turn", CLI_FLAG, &o.is_single_turn, NULL, "end the chat after one answer" },
        { "-n|--predict", CLI_INT, &o.n, "N", "tokens to generate; default: until the end" },
        { "--system", CLI_STR, &o.system, "TEXT", "what the model is told first" },
        { "--chat-template", CLI_STR, &o.chat_template, "NAME|FILE",
          "a template of the model, a built-in one (chatml), or a file" },
        { "--template-kwargs", CLI_STR, &o.kwargs, "JSON", "object of further variables" },
        { "--raw", CLI_FLAG, &o.raw, NULL, "complete the prompt as it is, without a template" },
        { "--heal", CLI_FLAG, &o.heal, NULL,
          "with --raw: choose the prompt's last tokens anew, it may end inside a word" },
        { "--beams", CLI_INT, &o.beams, "N",
          "beam search: the likeliest of N texts followed at once; nothing is sampled" },
        { "--length-penalty", CLI_FLOAT, &o.length_penalty, "X",
          "beams are ranked by log-probability / tokens ^ X; default 1" },
        { "--no-echo", CLI_FLAG, &o.no_echo, NULL, "do not print the prompt that is completed" },
        { "--stop", CLI_LIST, &o.stop, "TEXT", "end before this text; repeatable" },
        { "--special", CLI_FLAG, &o.special, NULL, "print control tokens" },
        { "--prompt-cache", CLI_STR, &o.prompt_cache, "FILE",
          "begin with the state that is saved there, if it fits, and save it" },
        { "--think", CLI_STR, &o.think, "on|off|hide",
          "reason and show it (on stderr when piped); do not; do not show it" },
        { "--json", CLI_FLAG, &o.json, NULL,
          "print one object: text, reasoning, tool_calls, ids, stop, ..." },
        { "--logprobs", CLI_INT, &o.logprobs, "N",
          "in --json: log-probabilities of each token and the N likeliest" },
        { "--no-history", CLI_FLAG, &o.no_history, NULL,
          "do not keep what is typed in the chat for later chats" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&o.model, &all);
    cli_sampler_options(&o.sampler, &all);
    cli_grammar_options(&o.grammar, &all);
    run_tool_options_list(&o.tool, &all);
    cli_spec spec = {
        "oxigraph run MODEL [PROMPT] [options]",
        "Answers a prompt from the argument, -p, -f, or - for standard input, through\n"
        "the model's chat template; a model without one completes it, as --raw does.\n"
        "What a pipe or a file gives to standard input beside a prompt follows it on a new line.\n"
        "Without a prompt: a chat; /help lists its commands.\n"
        "Text goes to standard output, statistics to standard error; reasoning is shown dim\n"
        "on a terminal, and left out when piped.",
        all.opt,
        all.n,
        1,
        2
    };
    og_model_options mo;
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0) status = cli_model_config(&o.model, &mo);
    mo.n_sequence = o.beams ? (int)o.beams + 1 : 1;
    if (status < 0) status = check_options(&o, args[1]);
    return status >= 0 ? status : run(&o, args[0], args[1], &mo);
}
