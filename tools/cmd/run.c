/* SPDX-License-Identifier: MIT
 *
 * `oxigraph run`: answers or completes one prompt, streaming text to standard output; without a
 * prompt, a chat. */
#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "tools/chat/chat.h"

enum { MAX_PROMPT = 64 << 20, MAX_LOGPROBS = 1000, MAX_BEAMS = 63 };

/* The prompt from -p, -f, the argument, or "-" for standard input. */
static og_status read_prompt(og_ctx *ctx, const run_options *o, const char *arg, ogi_buf *out)
{
    const char *text = o->prompt ? o->prompt : arg;
    if (o->file) return ogi_file_read(ctx, o->file, MAX_PROMPT, out);
    if (!o->prompt && text && !strcmp(text, "-")) return ogi_file_read(ctx, "-", MAX_PROMPT, out);
    ogi_buf_puts(out, text);
    return out->failed ? OG_E_MEMORY : OG_OK;
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
    bool has_prompt = arg || o->prompt || o->file;
    int status = run_answer_init(s.ctx, &a) == OG_OK ? -1 : 1;
    if (status < 0 && has_prompt && read_prompt(s.ctx, o, arg, &prompt) != OG_OK) status = 1;
    if (status < 0) status = run_open(&s, path, mo, !has_prompt);
    if (status < 0 && o->heal && s.chat)
        status = cli_usage_error("--heal is for prompts that are completed as they are: --raw");
    if (status < 0 && !has_prompt)
        status = chat_loop(&s) == OG_OK ? 0 : 1;
    else if (status < 0)
        status = answer(&s, &prompt, &a) == OG_OK ? 0 : 1;
    if (has_prompt && status == 0 && a.result.stop == OG_STOP_CANCELLED && run_is_interrupted())
        status = 130;
    ogi_buf_free(&prompt);
    run_answer_free(s.ctx, &a);
    run_close(&s);
    if (status == 1) return cli_fail(s.ctx);
    og_ctx_free(s.ctx);
    return status;
}

/* -1 to go on, or the exit status 2 (told). */
static int check_options(const run_options *o, bool has_prompt)
{
    if (o->raw && (o->system || o->chat_template || o->kwargs || o->think))
        return cli_usage_error("--raw leaves no place for --system, --chat-template, "
                               "--template-kwargs and --think");
    if (o->think && strcmp(o->think, "on") && strcmp(o->think, "off") && strcmp(o->think, "hide"))
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
        { "-p|--prompt", CLI_STR, &o.prompt, "TEXT", "the prompt" },
        { "-f|--file", CLI_STR, &o.file, "FILE", "read the prompt from a file" },
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
    if (status < 0) status = check_options(&o, n_args > 1 || o.prompt || o.file);
    return status >= 0 ? status : run(&o, args[0], args[1], &mo);
}
