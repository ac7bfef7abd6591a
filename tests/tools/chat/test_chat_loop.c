/* SPDX-License-Identifier: MIT
 *
 * The chat's /commands, piped; and what it shows on narrow, dumb and stopped terminals. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/ctx.h"
#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"

TestSuite(loop, .timeout = 200);

/* What a chat says to lines; in an empty folder. */
static ogt_result chat(const char *options, const char *lines)
{
    ogt_result r = ogt_run_command("d=$(mktemp -d /tmp/ogt_loop_XXXXXX); cd $d; printf '%s' | "
                                   "'%s' run '%s' --temp 0 %s; s=$?; rm -rf $d; exit $s",
                                   lines, OGT_PROGRAM, STORY, options);
    cr_assert_eq(r.status, 0, "exit %d: %s", r.status, r.err);
    return r;
}

static void says(const char *options, const char *lines, const char *in_out, const char *in_err)
{
    ogt_result r = chat(options, lines);
    cr_expect(strstr(r.out, in_out), "%s: '%s' is not in: %s", lines, in_out, r.out);
    cr_expect(strstr(r.err, in_err), "%s: '%s' is not in: %s", lines, in_err, r.err);
    ogt_result_free(&r);
}

Test(loop, commands_have_the_names_of_others)
{
    says("", "/?\n", "/reset", "");
    says("-n 2", "A fox\n/clear\n/show\n/exit\nA hen\n", "", "");
    ogt_result r = chat("-n 2", "A fox\n/clear\n/show\n/quit\nA hen\n/show\n");
    cr_expect(!strstr(r.out, "user:"), "%s", r.out);
    ogt_result_free(&r);
    says("", "/sow\n", "", "did you mean /show?");
    says("", "/xyzzy\n", "", "/help lists");
}

Test(loop, set_takes_the_names_of_the_command_line_and_answers)
{
    says("", "/set --temp 0.5\n/set\n", "\"temp\": 0.5", "temp is 0.5");
    says("", "/set repeat-penalty 1.5\n/set\n", "\"penalty_repeat\": 1.5", "repeat-penalty is 1.5");
    says("", "/set top-k=7\n/set\n", "\"top_k\": 7", "top-k is 7");
    says("", "/set -n 5\n/set\n", "predict 5", "n is 5");
    says("", "/set parameter num_predict 6\n/set\n", "predict 6", "num_predict is 6");
    says("", "/set temperature 0.25\n/set\n", "\"temp\": 0.25", "temperature is 0.25");
    says("", "/set nonsense 1\n", "", "nonsense");
}

Test(loop, a_cut_by_n_is_told_and_what_was_read_is_counted)
{
    says("-n 3", "A fox\n/stats\n", "", "cut off after 3 tokens");
    says("-n 3", "A fox\n/stats\n", "", "3 written");
    says("-n 0", "A fox\n/stats\n", "", "0 tokens read");
}

/* The first message stays when the second is refused. */
Test(loop, a_message_too_long_drops_nothing)
{
    char lines[4096] = "A fox\n";
    for (int i = 0; i < 400; i++) strcat(lines, "fox ");
    strcat(lines, "\n/stats\n");
    ogt_result r = chat("-n 3 -c 128", lines);
    cr_expect(strstr(r.err, "leaves no place") && !strstr(r.err, "are dropped"), "%s", r.err);
    cr_expect(strstr(r.err, "2 messages, 0 dropped"), "%s", r.err);
    ogt_result_free(&r);
}

Test(loop, save_leaves_what_is_no_chat)
{
    says("", "/save chat.json\n/save chat.json\n/load chat.json\n", "", "0 messages loaded");
    ogt_result r = ogt_run_command("d=$(mktemp -d /tmp/ogt_loop_XXXXXX); cd $d; echo mine >f; "
                                   "printf '/save f\n/save -\n' | '%s' run '%s'; cat f; rm -rf $d",
                                   OGT_PROGRAM, STORY);
    cr_expect(strstr(r.err, "is no saved chat") && strstr(r.out, "mine\n"), "%s", r.err);
    cr_expect(strstr(r.out, "\"messages\""), "- is standard output: %s", r.out);
    ogt_result_free(&r);
}

/* ---- terminals ----------------------------------------------------------------------------- */

static ogt_terminal *open_chat(const char *option)
{
    const char *const argv[] = { OGT_PROGRAM, "run",    STORY,          "--temp", "0",
                                 "--isa",     "scalar", "--no-history", option,   NULL };
    ogt_terminal *t = malloc(sizeof *t);
    ogt_terminal_start(t, argv);
    ogt_terminal_await(t, "> ");
    return t;
}

Test(loop, save_asks_on_a_terminal)
{
    char path[] = "/tmp/ogt_save_XXXXXX", line[64], text[8] = "";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "mine\n", 5), 5);
    ogt_terminal *t = open_chat(NULL);
    snprintf(line, sizeof line, "/save %s\r", path);
    ogt_terminal_type(t, line);
    ogt_terminal_await(t, "y or n");
    ogt_terminal_type(t, "n\r");
    ogt_terminal_await(t, "nothing is saved");
    ogt_terminal_type(t, line);
    ogt_terminal_await(t, "y or n");
    ogt_terminal_type(t, "y\r");
    ogt_terminal_await(t, "0 messages saved");
    ogt_terminal_type(t, "/bye\r");
    cr_assert_eq(ogt_terminal_end(t), 0);
    cr_assert_eq(pread(fd, text, 5, 0), 5); /* what was there; the chat has its name now */
    cr_assert_str_eq(text, "mine\n");
    close(fd), unlink(path);
    free(t);
}

/* Control sequences are for terminals that know them. */
Test(loop, a_dumb_terminal_gets_no_control_sequences)
{
    setenv("OGT_TERM", "dumb", 1);
    ogt_terminal *t = open_chat("-n3");
    ogt_terminal_type(t, "A fox\n");
    ogt_terminal_await(t, "cut off");
    ogt_terminal_await(t, "> ");
    ogt_terminal_type(t, "/bye\n");
    cr_assert_eq(ogt_terminal_end(t), 0);
    cr_assert_null(strchr(t->seen, '\033'), "%s", t->seen);
    free(t);
}

Test(loop, colours_are_left_out_where_they_are_not_wanted)
{
    const char *const argv[] = { OGT_PROGRAM, "tokenize", STORY, "-p", "A fox", NULL };
    ogt_terminal *t = malloc(sizeof *t);
    for (int i = 0; i < 3; i++) {
        setenv("NO_COLOR", i == 1 ? "1" : "", 1);
        setenv("OGT_TERM", i == 2 ? "dumb" : "xterm", 1);
        ogt_terminal_start(t, argv);
        cr_assert_eq(ogt_terminal_end(t), 0);
        cr_expect_eq(strchr(t->seen, '\033') != NULL, i == 0, "%d: %s", i, t->seen);
    }
    free(t);
}

/* Ctrl-S stops the output; a deadly signal has to end the program all the same. */
Test(loop, a_stopped_terminal_holds_nobody)
{
    static const int deadly[] = { SIGTERM, SIGHUP, SIGQUIT };
    for (int i = 0; i < OGI_LEN(deadly); i++) {
        ogt_terminal *t = open_chat(NULL);
        ogt_terminal_type(t, "\023"); /* Ctrl-S */
        usleep(200000);
        kill(t->pid, deadly[i]);
        cr_expect_eq(ogt_terminal_end(t), -1, "signal %d", deadly[i]);
        cr_expect(t->shows_typing);
        free(t);
    }
}

/* Nothing that is drawn over again may wrap. */
Test(loop, bars_fit_24_columns)
{
    const char *const argv[] = { OGT_PROGRAM, "synth",
                                 "--shape",   "llama-8b",
                                 "--type",    "F32",
                                 "-o",        "/tmp/ogt_a_name_that_is_longer_than_the_window",
                                 NULL };
    ogt_terminal *t = malloc(sizeof *t);
    ogt_terminal_start(t, argv);
    ioctl(t->fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = 24 });
    ogt_terminal_await(t, " %");
    kill(t->pid, SIGTERM);
    cr_expect_eq(ogt_terminal_end(t), -1);
    char *keep = NULL;
    for (char *line = strtok_r(t->seen, "\r\n", &keep); line; line = strtok_r(NULL, "\r\n", &keep))
        cr_expect_lt(strcspn(line, "\033"), 24, "%s", line);
    free(t);
}

Test(loop, a_home_that_is_not_there_is_not_made)
{
    ogt_result r = ogt_run_command("d=$(mktemp -d /tmp/ogt_loop_XXXXXX); HOME=$d/none; "
                                   "export HOME; unset XDG_STATE_HOME; "
                                   "printf '/stats\n/bye\n' | script -qec \"'%s' run '%s'\" "
                                   "/dev/null; ls -A $d; rm -rf $d",
                                   OGT_PROGRAM, STORY);
    cr_expect(strstr(r.out, "0 answers"), "%s", r.out);
    cr_expect(!strstr(r.out, "none\r\n") || strstr(r.out, "no history is kept"), "%s", r.out);
    cr_expect_neq(strcmp(r.out + strlen(r.out) - 5, "none\n"), 0, "%s", r.out);
    ogt_result_free(&r);
}
