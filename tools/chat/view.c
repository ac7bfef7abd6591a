/* SPDX-License-Identifier: MIT
 *
 * An answer on the screen: reasoning, text, calls and results are parts, told apart by blank lines
 * and, on a terminal, by their style. */
#include "tools/chat/chat.h"

/* Where reasoning is shown; NULL: nowhere. */
static FILE *reasoning_file(const run_session *s)
{
    if (s->think == RUN_THINK_OFF || s->think == RUN_THINK_HIDE) return NULL;
    if (s->is_terminal) return stdout;
    return s->think == RUN_THINK_ON ? stderr : NULL;
}

static void style(FILE *f, const char *sgr)
{
    if (cli_has_colour(f)) fputs(sgr, f);
}

/* Ends the part before, if another follows. */
static void turn_to(run_view *v, run_part part)
{
    FILE *f = reasoning_file(v->s);
    if (v->part == part) return;
    if (v->part == RUN_PART_REASONING && f) {
        style(f, "\x1b[0m");
        fputs(part == RUN_PART_NONE ? "\n" : "\n\n", f);
        fflush(f);
    }
    if (v->part == RUN_PART_TEXT && part == RUN_PART_CALL) putchar('\n');
    if (part == RUN_PART_REASONING && f) style(f, "\x1b[2m");
    v->part = part;
}

bool run_view_reasoning(run_view *v, const char *p, size_t n)
{
    FILE *f = reasoning_file(v->s);
    if (!v->is_shown || !f) return true;
    turn_to(v, RUN_PART_REASONING);
    return run_print_to(f, false, p, n);
}

bool run_view_text(run_view *v, const char *p, size_t n)
{
    if (!v->is_shown) return true;
    turn_to(v, RUN_PART_TEXT);
    return run_print(v->s, p, n);
}

/* To standard output, unless the call is run and the output is read by another program: that
 * wants the answer. */
void run_view_call(run_view *v, const og_tool_call *call)
{
    if (!v->is_shown) return;
    bool runs = og_tools_is_bound(v->s->tools.list, call->name);
    FILE *f = v->s->is_terminal || !runs ? stdout : stderr;
    turn_to(v, RUN_PART_CALL);
    fputs("-> ", f);
    run_print_to(f, true, call->name, strlen(call->name));
    fputc(' ', f);
    run_print_to(f, true, call->arguments, strlen(call->arguments));
    fputc('\n', f);
    fflush(f);
}

/* Its first lines. */
void run_view_result(const run_session *s, const og_tool_result *r)
{
    enum { MOST = 400 };
    if (s->opt->json || !s->is_terminal) return;
    size_t n = OGI_MIN(r->n, (size_t)MOST);
    while (n && n < r->n && ((unsigned char)r->text[n] & 0xc0) == 0x80) n--;
    while (n == r->n && n && r->text[n - 1] == '\n') n--;
    style(stdout, "\x1b[2m");
    fputs("<- ", stdout);
    run_print(s, r->text, n);
    if (n < r->n && n >= MOST - 3) fputs(" ...", stdout);
    style(stdout, "\x1b[0m");
    putchar('\n');
    fflush(stdout);
}

void run_view_end(run_view *v)
{
    if (!v->is_shown) return;
    if (v->part == RUN_PART_TEXT || v->part == RUN_PART_NONE) putchar('\n');
    turn_to(v, RUN_PART_NONE);
    fflush(stdout);
}
