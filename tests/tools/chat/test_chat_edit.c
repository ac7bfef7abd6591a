/* SPDX-License-Identifier: MIT
 *
 * The chat on a pseudo-terminal: editing, pastes, history, Ctrl-C and Ctrl-D. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"

static char folder[64], history[128];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/ogt_chat_edit_%d", (int)getpid());
    snprintf(history, sizeof history, "%s/oxigraph/history", folder);
    cr_assert_eq(mkdir(folder, 0700), 0);
    setenv("XDG_STATE_HOME", folder, 1);
}

static void tear_down(void)
{
    ogt_result r = ogt_run_command("chmod -R u+w '%s'; rm -r '%s'", folder, folder);
    ogt_result_free(&r);
}

TestSuite(terminal, .init = set_up, .fini = tear_down, .timeout = 200);

/* ---- a terminal ---------------------------------------------------------------------------- */

typedef ogt_terminal terminal;

static void type(terminal *t, const char *text)
{
    ogt_terminal_type(t, text);
}

static void await(terminal *t, const char *text)
{
    ogt_terminal_await(t, text);
}

/* Types a line and waits for the prompt behind its effect. */
static void enter(terminal *t, const char *line)
{
    type(t, line);
    type(t, "\r");
    await(t, "\n");
    await(t, "> ");
}

/* The program ends by itself, with status 0, and leaves the terminal as it was. */
static void await_end(terminal *t)
{
    int status = ogt_terminal_end(t);
    cr_assert_eq(status, 0, "status %d after: %s", status, t->seen);
    cr_assert(t->shows_typing, "the terminal shows no typing");
}

static void bye(terminal *t)
{
    type(t, "/bye\r");
    await_end(t);
}

static terminal *open_chat(const char *option)
{
    /* a tale that never ends: 0 and 2 are its end tokens */
    const char *const argv[] = { OGT_PROGRAM, "run",          STORY,   "--temp", "0",
                                 "--isa",     "scalar",       "-c",    "100000", "--logit-bias",
                                 "0-100",     "--logit-bias", "2-100", option,   NULL };
    terminal *t = malloc(sizeof *t);
    ogt_terminal_start(t, argv);
    await(t, "> ");
    return t;
}

/* ---- editing ------------------------------------------------------------------------------- */

Test(terminal, edits_and_interrupts)
{
    terminal *t = open_chat(NULL);
    enter(t, "/set predict 3x\b\b 4"); /* edited to "/set predict  4" */
    type(t, "/set\r");
    await(t, "predict 4");
    await(t, "> ");
    type(t, "half a line\003"); /* Ctrl-C gives up a line */
    await(t, "Ctrl-D ends");
    await(t, "> ");
    enter(t, "/set predict -1");
    type(t, "A fox\r");
    await(t, " a "); /* some of an answer that would not end */
    type(t, "\003");
    await(t, "> ");
    type(t, "/stats\r");
    await(t, "(interrupted)");
    await(t, "> ");
    type(t, "\"\"\"one\r");
    await(t, ". ");
    type(t, "two\"\"\"\r");
    await(t, " a ");
    type(t, "\003");
    await(t, "> ");
    type(t, "/show\r");
    await(t, "user: one");
    await(t, "two");
    await(t, "> ");
    bye(t);
    free(t);
}

Test(terminal, ctrl_d_ends_at_an_empty_prompt_only)
{
    terminal *t = open_chat(NULL);
    type(t, "/set predict 75\002\004\r"); /* one back, delete it */
    await(t, "\n");
    await(t, "> ");
    type(t, "/set\004\r"); /* at the end of a line: nothing */
    await(t, "predict 7\r\n");
    await(t, "> ");
    type(t, "\004");
    await_end(t);
    free(t);
}

Test(terminal, what_is_typed_during_an_answer_is_for_the_prompt)
{
    terminal *t = open_chat(NULL);
    enter(t, "/set predict 60");
    type(t, "A fox\r");
    await(t, " a ");
    type(t, "/stats\r");
    await(t, "> /stats");
    await(t, "-n reached");
    await(t, "> ");
    type(t, "A fox\r");
    await(t, " a ");
    type(t, "\004");
    await_end(t);
    free(t);
}

Test(terminal, wide_characters_are_one_step)
{
    terminal *t = open_chat(NULL);
    enter(t, "/set predict 1");
    enter(t,
          "x\xc3\xb6\xe6\x97\xa5\xe6\x9c\xac\b\002\002y\001z"); /* xö日, y before ö, z in front */
    type(t, "/show\r");
    await(t, "user: zxy\xc3\xb6\xe6\x97\xa5\r\n");
    await(t, "> ");
    bye(t);
    free(t);
}

Test(terminal, windows_change_their_size)
{
    terminal *t = open_chat(NULL);
    type(t, "/set predict");
    await(t, "predict");
    ioctl(t->fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 10, .ws_col = 8 });
    await(t, "> /set"); /* drawn again */
    enter(t, " 9");
    ioctl(t->fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = 80 });
    await(t, "> ");
    type(t, "/set\r");
    await(t, "predict 9");
    await(t, "> ");
    bye(t);
    free(t);
}

/* As Ctrl-Z and fg do, with the shell's own mode between them. */
Test(terminal, goes_on_after_it_was_stopped)
{
    struct termios mode;
    terminal *t = open_chat(NULL);
    type(t, "/set predict");
    await(t, "predict");
    kill(t->pid, SIGSTOP);
    cr_assert_eq(tcgetattr(t->fd, &mode), 0);
    mode.c_lflag |= ICANON | ECHO;
    cr_assert_eq(tcsetattr(t->fd, TCSANOW, &mode), 0);
    kill(t->pid, SIGCONT);
    await(t, "> /set predict"); /* drawn again */
    enter(t, " 9");
    type(t, "/set\r");
    await(t, "predict 9\r\n");
    await(t, "> ");
    bye(t);
    free(t);
}

Test(terminal, a_kill_leaves_it_as_it_was)
{
    terminal *t = open_chat(NULL);
    struct termios mode;
    cr_assert(!tcgetattr(t->fd, &mode) && !(mode.c_lflag & ECHO));
    kill(t->pid, SIGTERM);
    cr_assert_eq(ogt_terminal_end(t), -1, "killed");
    cr_assert(t->shows_typing);
    cr_assert(strstr(t->seen, "\033[?2004l"));
    free(t);
}

/* ---- pastes -------------------------------------------------------------------------------- */

Test(terminal, a_paste_of_several_lines_is_one_message)
{
    terminal *t = open_chat(NULL);
    await(t, "");
    cr_assert(strstr(t->seen, "\033[?2004h"), "pastes are not asked for: %s", t->seen);
    enter(t, "/set predict 1");
    type(t, "\033[200~/bye\rtwo\r\n\tthree\004\n\n\033[201~");
    await(t, "three");
    enter(t, " four");
    type(t, "/show\r");
    await(t, "user: /bye\r\ntwo\r\n\tthree\\x04 four\r\nassistant: ");
    await(t, "> ");
    bye(t);
    free(t);
}

Test(terminal, a_paste_of_one_line_is_part_of_the_line)
{
    terminal *t = open_chat(NULL);
    enter(t, "/set predict 1");
    type(t, "a ");
    type(t, "\033[200~fox and\n\033[201~");
    enter(t, " hen");
    type(t, "\"\"\"\033[200~one\ntwo\n\033[201~\r"); /* in a block */
    await(t, ". ");
    enter(t, "three\"\"\"");
    type(t, "/show\r");
    await(t, "user: a fox and hen\r\n");
    await(t, "user: one\r\ntwo\r\nthree\r\n");
    await(t, "> ");
    bye(t);
    free(t);
}

/* ---- history ------------------------------------------------------------------------------- */

static char *read_history(void)
{
    int64_t n = 0;
    char *bytes = ogt_read(history, &n), *text = calloc((size_t)n + 1, 1);
    if (bytes) memcpy(text, bytes, (size_t)n);
    free(bytes);
    return text;
}

static void expect_history(const char *want)
{
    char *got = read_history();
    cr_assert_str_eq(got, want);
    free(got);
}

Test(terminal, keeps_history_between_chats)
{
    struct stat st;
    terminal *t = open_chat(NULL);
    enter(t, "/set predict 7");
    enter(t, "/set top_k 5");
    type(t, "\033[200~/undo\n\"both\"\033[201~\003"); /* given up: not kept */
    await(t, "> ");
    bye(t);
    free(t);
    expect_history("\"/set predict 7\"\n\"/set top_k 5\"\n\"/bye\"\n");
    cr_assert_eq(stat(history, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600, "mode %o", st.st_mode & 0777);
    t = open_chat(NULL);
    type(t, "\033[A\033[A\033[A\r"); /* three up */
    await(t, "predict 7");           /* where the lines differ */
    await(t, "> ");
    type(t, "\022top_k"); /* Ctrl-R */
    await(t, "5");
    type(t, "\r");
    await(t, "> ");
    type(t, "/set\r");
    await(t, "predict 7");
    await(t, "\"top_k\": 5");
    await(t, "> ");
    bye(t);
    free(t);
}

Test(terminal, history_of_chats_at_once_is_all_kept)
{
    terminal *a = open_chat(NULL), *b = open_chat(NULL);
    enter(a, "/set predict 1");
    enter(b, "/set predict 2");
    enter(a, "/set predict 3");
    bye(b);
    bye(a);
    expect_history("\"/set predict 1\"\n\"/set predict 2\"\n\"/set predict 3\"\n\"/bye\"\n");
    free(a), free(b);
}

Test(terminal, history_is_limited_and_keeps_what_it_does_not_know)
{
    ogt_result r = ogt_run_command("mkdir -p '%s/oxigraph'; for i in $(seq 1200); do echo "
                                   "\"\\\"line $i\\\"\"; done >'%s'; echo not JSON >>'%s'",
                                   folder, history, history);
    ogt_result_free(&r);
    terminal *t = open_chat(NULL);
    bye(t);
    free(t);
    char *got = read_history();
    int n = 0;
    for (const char *p = got; *p; p++) n += *p == '\n';
    cr_assert_eq(n, 1000, "%d lines", n);
    cr_assert(!strncmp(got, "\"line 203\"\n", 11), "%.40s", got);
    cr_assert(strstr(got, "\"line 1200\"\nnot JSON\n\"/bye\"\n"));
    free(got);
}

Test(terminal, works_without_a_place_for_history)
{
    struct stat st;
    terminal *t = open_chat("--no-history");
    bye(t);
    free(t);
    cr_assert_neq(stat(history, &st), 0, "--no-history keeps none");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    t = open_chat(NULL);
    bye(t);
    cr_assert_null(strstr(t->seen, "history"), "%s", t->seen);
    free(t);
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
    t = open_chat(NULL);
    type(t, "/set predict 1\r");
    await(t, "no history is kept: /proc/nowhere");
    await(t, "> ");
    enter(t, "/set predict 2");
    cr_assert_null(strstr(t->seen + t->from, "no history"), "told once");
    bye(t);
    free(t);
}
