/* SPDX-License-Identifier: MIT
 *
 * --tools and --tool-exec: what the model may call, and the programs that run it, each time after
 * asking. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "tools/chat/chat.h"
#include "tools/chat/tool_exec.h"

enum { MAX_TOOLS_FILE = 8 << 20 };

typedef struct run_program {
    run_session *s;
    tool_command command;
} run_program;

/* ---- options ------------------------------------------------------------------------------- */

void run_tool_options_list(run_tool_options *t, cli_options *to)
{
    const cli_opt all[] = {
        { "--tools", CLI_STR, &t->file, "FILE", "what the model may call: JSON array of tools" },
        { "--tool-choice", CLI_STR, &t->choice, "WHICH",
          "auto, none, required, or the name of the tool to call" },
        { "--tool-exec", CLI_LIST, &t->exec, "NAME=CMD",
          "run CMD for the calls of NAME, after asking; repeatable" },
        { "--tool-yes", CLI_FLAG, &t->yes, NULL, "run programs without asking" },
        { "--tool-timeout", CLI_FLOAT, &t->seconds, "SECONDS", "of a program; default 60" },
        { "--tool-output", CLI_INT, &t->bytes, "BYTES", "of a program; default 1048576" },
    };
    cli_add(to, "tools", all, OGI_LEN(all));
}

int run_tool_options_check(const run_options *o)
{
    const run_tool_options *t = &o->tool;
    const cli_grammar *g = &o->grammar;
    bool is_constrained =
        g->gbnf || g->gbnf_file || g->schema || g->schema_file || g->regex || g->format;
    if (!t->file && (t->choice || t->exec.n || t->yes))
        return cli_usage_error("--tool-choice, --tool-exec and --tool-yes want --tools FILE");
    if (t->file && o->raw) return cli_usage_error("--raw leaves no place for --tools");
    if (t->file && is_constrained)
        return cli_usage_error("--tools constrains calls by itself: no --grammar, --json-schema, "
                               "--regex, --format beside it");
    for (int i = 0; i < t->exec.n; i++) {
        const char *sep = strchr(t->exec.item[i], '=');
        if (!sep || sep == t->exec.item[i] || !sep[1])
            return cli_usage_error("--tool-exec wants NAME=CMD, not '%s'", t->exec.item[i]);
    }
    if (t->exec.n && !t->yes && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return cli_usage_error("--tool-exec asks before it runs a program, and there is no "
                               "terminal to ask on; --tool-yes runs them without asking");
    if (t->seconds <= 0 || t->bytes <= 0)
        return cli_usage_error("--tool-timeout and --tool-output want more than 0");
    return -1;
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool read_yes(void)
{
    char line[8] = "", c;
    size_t n = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR && !run_is_interrupted()) continue;
        if (got <= 0) {
            fputc('\n', stderr);
            return false;
        }
        if (c == '\n') break;
        if (n < sizeof line - 1) line[n++] = c;
    }
    line[n] = 0;
    return !strcmp(line, "y") || !strcmp(line, "Y") || !strcmp(line, "yes");
}

static void show_question(const run_program *p, const og_tool_call *call)
{
    fputs("run", stderr);
    for (char **word = p->command.argv; *word; word++) {
        fputs(" '", stderr);
        run_print_to(stderr, true, *word, strlen(*word));
        fputc('\'', stderr);
    }
    fputs(" with ", stderr);
    run_print_to(stderr, true, call->arguments, strlen(call->arguments));
    fputs("? [y/N] ", stderr);
}

/* y and Enter, typed after the question: what was typed before answers nothing. A chat leaves the
 * terminal in a mode that does not show what is typed. */
static bool confirm(const run_program *p, const og_tool_call *call)
{
    struct termios old, line;
    if (tcgetattr(STDIN_FILENO, &old)) return false;
    line = old;
    line.c_iflag |= ICRNL;
    line.c_lflag |= ICANON | ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &line);
    show_question(p, call);
    bool yes = read_yes();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
    return yes;
}

/* ---- running ------------------------------------------------------------------------------- */

static bool may_go_on(void)
{
    return !run_is_interrupted();
}

/* "oxigraph: tool NAME: WHAT" to the user. */
static void tell_user(const char *name, const char *what)
{
    fputs("oxigraph: tool ", stderr);
    run_print_to(stderr, true, name, strlen(name));
    fprintf(stderr, ": %s\n", what);
}

/* How it ended, in words; empty where all went well. */
static void tell_end(const run_tool_options *t, const tool_outcome *o, ogi_buf *out)
{
    switch (o->end) {
    case TOOL_EXITED:
        if (o->status) ogi_buf_printf(out, "exit status %d", o->status);
        break;
    case TOOL_KILLED: ogi_buf_printf(out, "killed by signal %d", o->status); break;
    case TOOL_LATE: ogi_buf_printf(out, "not done within %g s", t->seconds); break;
    case TOOL_LONG: ogi_buf_printf(out, "cut off after %lld bytes", (long long)t->bytes); break;
    case TOOL_INTERRUPTED: ogi_buf_puts(out, "interrupted by the user"); break;
    }
}

/* The output, and how it ended: in front of it, or behind where it is cut. */
static og_status set_result(const run_program *p, const char *name, const tool_outcome *o,
                            og_tool_result *out)
{
    ogi_buf end = { .ctx = p->s->ctx }, b = { .ctx = p->s->ctx };
    bool is_cut = o->end == TOOL_LONG;
    tell_end(&p->s->opt->tool, o, &end);
    if (end.n && !is_cut) ogi_buf_printf(&b, "error: %s\n", end.p);
    ogi_buf_add(&b, o->out.p, o->out.n);
    if (is_cut) ogi_buf_printf(&b, "\n[%s]", ogi_buf_str(&end));
    if (end.n) tell_user(name, end.p);
    og_status st = end.failed || b.failed
                       ? OG_E_MEMORY
                       : og_tool_result_set(out, ogi_buf_str(&b), b.n, end.n && !is_cut);
    ogi_buf_free(&end);
    ogi_buf_free(&b);
    return st;
}

static og_status run_program_for(void *user, const og_tool_call *call, og_tool_result *out)
{
    static const char refused[] = "error: the user does not allow this call";
    static const char unstarted[] = "error: the program cannot be started";
    const run_program *p = user;
    const run_tool_options *t = &p->s->opt->tool;
    og_ctx *ctx = p->s->ctx;
    if (!t->yes && !confirm(p, call))
        return og_tool_result_set(out, refused, sizeof refused - 1, true);
    tool_outcome o = { .out = { .ctx = ctx }, .err = { .ctx = ctx } };
    tool_limits limits = { t->seconds, (size_t)t->bytes };
    og_status st = tool_exec(ctx, &p->command, call->arguments, strlen(call->arguments), &limits,
                             may_go_on, &o);
    if (st == OG_OK) {
        run_print_to(stderr, false, ogi_buf_str(&o.err), o.err.n);
        st = set_result(p, call->name, &o, out);
    } else if (st == OG_E_IO) {
        tell_user(call->name, og_error(ctx));
        st = og_tool_result_set(out, unstarted, sizeof unstarted - 1, true);
        og_error_clear(ctx);
    }
    ogi_buf_free(&o.out);
    ogi_buf_free(&o.err);
    return st;
}

/* A result may take half of the context, divided by the calls of the answer: cut to that. */
static og_status fit_context(run_session *s, const char *name, size_t n_call, og_tool_result *r)
{
    og_model_info info;
    og_tokens t = { 0 };
    og_model_get_info(s->model, &info);
    int64_t most = info.n_ctx / 2 / (int64_t)n_call, n = 0;
    if ((int64_t)r->n <= most) return OG_OK; /* a token has at least a byte, nearly always */
    og_status st = og_tokenizer_encode(s->tok, s->ctx, r->text, r->n, 0, &t);
    n = t.n;
    og_tokens_free(s->ctx, &t);
    if (st != OG_OK || n <= most) return st;
    size_t keep = (size_t)((double)r->n * (double)most / (double)n);
    while (keep && ((unsigned char)r->text[keep] & 0xc0) == 0x80) keep--;
    ogi_buf b = { .ctx = s->ctx };
    char note[80];
    snprintf(note, sizeof note, "cut off after %zu bytes, at half of the context", keep);
    ogi_buf_add(&b, r->text, keep);
    ogi_buf_printf(&b, "\n[%s]", note);
    tell_user(name, note);
    st = b.failed ? OG_E_MEMORY : og_tool_result_set(r, b.p, b.n, r->is_error);
    ogi_buf_free(&b);
    return st;
}

og_status run_tools_call(run_session *s, json_t *call, size_t n_call)
{
    json_t *arguments = json_object_get(call, "arguments");
    char *text = json_is_string(arguments) ? strdup(json_string_value(arguments))
                                           : run_json_dump(arguments, JSON_COMPACT);
    if (!text) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for a tool call");
    og_tool_call c = { .name = json_string_value(json_object_get(call, "name")),
                       .arguments = text,
                       .id = json_string_value(json_object_get(call, "id")) };
    og_tool_result r;
    og_status st = og_tools_call(s->tools.list, s->ctx, &c, &r);
    if (st == OG_OK) st = fit_context(s, c.name, n_call, &r);
    if (st == OG_OK) {
        run_view_result(s, &r);
        if (json_object_set_new(call, "result", run_json_text(s->ctx, r.text, r.n)) != 0)
            st = ogi_fail(s->ctx, OG_E_MEMORY, __FILE__, __LINE__, "out of memory for a result");
    }
    og_tool_result_free(&r);
    free(text);
    return st;
}

/* ---- opening ------------------------------------------------------------------------------- */

static og_status bind_program(run_session *s, const char *item, run_program *p)
{
    const char *sep = strchr(item, '=');
    char *name = ogi_strndup(s->ctx, item, (size_t)(sep - item));
    if (!name) return OG_E_MEMORY;
    p->s = s;
    og_status st = tool_command_parse(s->ctx, sep + 1, &p->command);
    if (st == OG_OK) st = og_tools_bind(s->tools.list, name, run_program_for, p);
    ogi_free(s->ctx, name);
    return st;
}

static og_status read_tools(run_session *s)
{
    ogi_buf file = { .ctx = s->ctx };
    const char *path = s->opt->tool.file;
    og_status st = ogi_file_read(s->ctx, path, MAX_TOOLS_FILE, &file);
    if (st == OG_OK) st = og_tools_new(s->ctx, path, ogi_buf_str(&file), file.n, &s->tools.list);
    ogi_buf_free(&file);
    return st;
}

og_status run_tools_open(run_session *s)
{
    const cli_list *exec = &s->opt->tool.exec;
    const char *choice = s->opt->tool.choice;
    if (!s->opt->tool.file || (choice && !strcmp(choice, "none"))) return OG_OK;
    if (!og_chat_has_tool_calls(s->chat))
        OG_FAIL(s->ctx, OG_E_UNSUPPORTED,
                "--tools: the chat template shows no tool calls in a form that is known; see "
                "--chat-template");
    OG_TRY(read_tools(s));
    s->tools.program = OGI_NEW_N(s->ctx, run_program, exec->n + 1);
    if (!s->tools.program) return OG_E_MEMORY;
    for (; s->tools.n_program < exec->n; s->tools.n_program++)
        OG_TRY(
            bind_program(s, exec->item[s->tools.n_program], &s->tools.program[s->tools.n_program]));
    return OG_OK;
}

static void free_grammars(run_session *s)
{
    og_matcher_free(s->matcher); /* it is of one of them */
    s->matcher = NULL;
    og_grammar_free(s->tools.first);
    og_grammar_free(s->tools.others);
    s->tools.first = s->tools.others = NULL;
}

og_status run_tools_constrain(run_session *s)
{
    const char *choice = s->opt->tool.choice, *json;
    bool is_free = !choice || !strcmp(choice, "auto");
    if (!s->tools.list) return OG_OK;
    json = og_tools_json(s->tools.list);
    free_grammars(s);
    OG_TRY(
        og_tool_grammar(s->ctx, s->chat, json, choice, run_think_of(s), s->view, &s->tools.first));
    return is_free ? OG_OK
                   : og_tool_grammar(s->ctx, s->chat, json, NULL, run_think_of(s), s->view,
                                     &s->tools.others);
}

void run_tools_close(run_session *s)
{
    for (int i = 0; i <= s->tools.n_program && s->tools.program; i++)
        tool_command_free(s->ctx, &s->tools.program[i].command);
    ogi_free(s->ctx, s->tools.program);
    free_grammars(s);
    og_tools_free(s->tools.list);
}
