/* SPDX-License-Identifier: MIT
 *
 * Drafts of several lines: kept whole, walked by line; completion. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

TestSuite(keys, .timeout = 200);

static ogt_terminal *open_chat(void)
{
    const char *const argv[] = { OGT_PROGRAM, "run", STORY,  "--temp", "0", "-n",
                                 "1",         "-c",  "4096", "-t",     "1", "--chat-template",
                                 "chatml",    NULL };
    ogt_terminal *t = malloc(sizeof *t);
    unsetenv("XDG_STATE_HOME");
    ogt_terminal_start(t, argv);
    ogt_terminal_await(t, "> ");
    return t;
}

static void close_chat(ogt_terminal *t)
{
    ogt_terminal_type(t, "/bye\r");
    cr_assert_eq(ogt_terminal_end(t), 0, "%s", t->seen);
    free(t);
}

/* Sends the draft, and shows what the model was given. */
static void expect_message(ogt_terminal *t, const char *text)
{
    ogt_terminal_type(t, "\r");
    ogt_terminal_await(t, "cut off");
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, "/show\r");
    ogt_terminal_await(t, text);
    ogt_terminal_await(t, "> ");
}

Test(keys, a_long_draft_comes_back_whole)
{
    enum { LINES = 30 };
    char paste[4096] = "\033[200~", want[4096] = "user: ";
    for (int i = 0; i < LINES; i++) {
        char line[80];
        snprintf(line, sizeof line, "%02d is a line of fifty characters, more or less, I", i);
        strcat(strcat(paste, line), i + 1 < LINES ? "\n" : "\033[201~");
        strcat(strcat(want, line), "\r\n");
    }
    cr_assert_gt(strlen(want), 1400);
    ogt_terminal *t = open_chat();
    ogt_terminal_type(t, "/set top_k 7\r");
    ogt_terminal_await(t, "top_k is 7");
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, paste);
    ogt_terminal_await(t, "29 is");
    for (int i = 0; i < LINES; i++) ogt_terminal_type(t, "\033[A"); /* to the entry before */
    ogt_terminal_await(t, "top_k 7");
    ogt_terminal_type(t, "\033[B"); /* and back */
    ogt_terminal_await(t, "29 is");
    expect_message(t, want);
    close_chat(t);
}

Test(keys, up_and_down_home_and_end_stay_in_the_draft)
{
    ogt_terminal *t = open_chat();
    ogt_terminal_type(t, "\033[200~one\ntwo\nthree\033[201~");
    ogt_terminal_await(t, "three");
    ogt_terminal_type(t, "\033[A\033[H2\033[A\033[F1"); /* before two, behind one */
    ogt_terminal_type(t, "\033[B\033[B3");              /* behind thre, not three */
    ogt_terminal_await(t, "3");
    expect_message(t, "user: one1\r\n2two\r\nthre3e\r\n");
    close_chat(t);
}

Test(keys, a_backslash_goes_on_with_the_next_line)
{
    ogt_terminal *t = open_chat();
    ogt_terminal_type(t, "one\\\r");
    ogt_terminal_await(t, ". ");
    ogt_terminal_type(t, "two");
    expect_message(t, "user: one\r\ntwo\r\n");
    close_chat(t);
    ogt_result r =
        ogt_run_command("printf 'one\\\\\ntwo\n/show\n' | '%s' run '%s' -n 1", OGT_PROGRAM, STORY);
    cr_assert(strstr(r.out, "user: one\ntwo\n"), "%s", r.out);
    ogt_result_free(&r);
}

Test(keys, tab_completes_commands_and_files)
{
    char folder[] = "/tmp/ogt_keys_XXXXXX", path[64], line[64];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/the_only_one.json", folder);
    snprintf(line, sizeof line, "%s/t\t\r", folder);
    ogt_terminal *t = open_chat();
    ogt_terminal_type(t, "/sa\t");
    ogt_terminal_await(t, "ve ");
    ogt_terminal_type(t, path);
    ogt_terminal_type(t, "\r");
    ogt_terminal_await(t, "0 messages saved");
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, "/loa\t");
    ogt_terminal_await(t, "d ");
    ogt_terminal_type(t, line);
    ogt_terminal_await(t, "0 messages loaded");
    ogt_terminal_await(t, "> ");
    close_chat(t);
    unlink(path), rmdir(folder);
}
