/* SPDX-License-Identifier: MIT
 *
 * What all commands have: --version, --verbose, --log-file; and that each works in poor
 * surroundings: no home, one that cannot be written, a narrow or dumb terminal, closed descriptors.
 * Full disks and closed pipes: test_cli_output.c. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/ctx.h"
#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

static char folder[] = "/tmp/ogt_program_XXXXXX";

static void set_up(void)
{
    cr_assert(mkdtemp(folder) && !chdir(folder));
    setenv("P", OGT_PROGRAM, 1);
    setenv("M", STORY, 1);
    ogt_result r = ogt_run_command("printf '[{\"role\":\"user\",\"content\":\"x\"}]' >m.json; "
                                   "printf 'root ::= \"a\"' >g; head -c 1000 "
                                   "%s/tests/data/models/text/valid.txt >in.txt",
                                   OGT_SOURCE_DIR);
    ogt_result_free(&r);
}

static void tear_down(void)
{
    ogt_result r = ogt_run_command("chmod -R u+w '%s'; rm -rf '%s'", folder, folder);
    ogt_result_free(&r);
}

TestSuite(program, .init = set_up, .fini = tear_down, .timeout = 300);

static void expect(const char *script, int status, const char *in_out, const char *in_err)
{
    ogt_result r = ogt_run_command("%s", script);
    cr_expect_eq(r.status, status, "%s: exit %d: %s", script, r.status, r.err);
    cr_expect(strstr(r.out, in_out), "%s: '%s' is not in: %s", script, in_out, r.out);
    cr_expect(strstr(r.err, in_err), "%s: '%s' is not in: %s", script, in_err, r.err);
    ogt_result_free(&r);
}

/* ---- what all commands have ---------------------------------------------------------------- */

Test(program, version_tells_the_build_also_as_json)
{
    ogt_result text = ogt_run_command("$P --version"), r = ogt_run_command("$P --version --json");
    json_t *j = json_loads(r.out, 0, NULL), *device, *devices = json_object_get(j, "devices");
    const char *build = json_string_value(json_object_get(j, "build"));
    size_t i;
    cr_assert(j && r.status == 0 && json_string_value(json_object_get(j, "version")));
    cr_assert(build && strstr(text.out, *build ? build : "unknown"), "%s", text.out);
    cr_assert(json_array_size(devices) > 0);
    json_array_foreach(devices, i, device)
        cr_assert(strstr(text.out, json_string_value(json_object_get(device, "what"))));
    json_decref(j);
    ogt_result_free(&text), ogt_result_free(&r);
    expect("$P --version --nonsense", 2, "", "--nonsense");
}

Test(program, verbose_tells_what_was_loaded)
{
    expect("$P run $M --raw -n 1 x --verbose", 0, "", "kernels for");
    expect("$P perplexity $M in.txt -c 64 -v", 0, "", "keys and values");
    expect("$P logits $M --tokens 1 -o f -v; rm f", 0, "", "llama, 3 layers");
    expect("$P run $M --raw -n 1 x 2>&1 | grep -c 'kernels for'", 1, "0", "");
}

Test(program, a_log_is_written_on_and_nothing_else_is)
{
    expect("for i in 1 2; do $P run $M --raw -n 1 x --log-file log; done; grep -c 'kernels for' "
           "log",
           0, "2", "tokens/s");
    expect("$P run none.gguf x --log-file log; grep none.gguf log", 0, "No such file", "none.gguf");
    expect("cp $M m.gguf; $P run m.gguf --raw -n 1 x --log-file m.gguf; cmp m.gguf $M", 0, "",
           "is no log");
    expect("$P archs --log-file /nonexistent/x", 1, "", "/nonexistent/x: cannot write");
    expect("$P run $M --raw -n 1 x --log-file /dev/full", 1, "", "--log-file: cannot write");
}

Test(program, files_without_weights_or_words_say_what_they_are_for)
{
    expect("$P synth --shape tiny --type Q8_0 -o t.gguf && $P run t.gguf x", 1, "",
           "synth --vocab");
    expect("$P perplexity t.gguf in.txt", 1, "", "synth --vocab");
    expect("$P logits t.gguf --tokens 1 -o - | wc -c", 0, "", "");
}

/* ---- poor surroundings --------------------------------------------------------------------- */

/* Every command, as a script would call it; each ends with status 0. */
static const char *const commands[] = {
    "$P run $M --raw -n 2 --temp 0 Once",
    "$P run $M -n 2 --temp 0 --json hello",
    "printf 'hello\\n/stats\\n' | $P run $M -n 2 --temp 0",
    "$P inspect $M",
    "$P sample",
    "$P tokenize $M -p hi",
    "$P template $M --chat-template chatml --messages m.json",
    "$P ops",
    "$P archs",
    "echo a | $P grammar g",
    "$P logits $M --tokens 1 -o - | wc -c",
    "$P perplexity $M in.txt --chunk 32",
    "$P graph $M --plan",
    "$P bench --shape tiny --type Q8_0 --prefill 2 --decode 2 --reps 1 >/dev/null",
    "$P synth --shape tiny --type Q8_0 -o - | wc -c",
    "$P embed $M --text hi",
    "$P rerank --help", /* no model here has a classifier */
    "$P help",
    "$P --version",
};

Test(program, every_command_is_tried)
{
    static const char *const all[] = {
#define COMMAND(name, doc) "$P " #name " ",
#include "tools/cmd/commands.def"
#undef COMMAND
    };
    for (int i = 0; i < OGI_LEN(all); i++) {
        bool is_tried = false;
        for (int k = 0; k < OGI_LEN(commands); k++) {
            char padded[512];
            snprintf(padded, sizeof padded, "%s ", commands[k]);
            is_tried |= strstr(padded, all[i]) != NULL;
        }
        cr_expect(is_tried, "%s", all[i]);
    }
}

/* The output is the same as at home, and nothing is left behind. before: sets the surroundings. */
static void check_in(const char *before)
{
    for (int i = 0; i < OGI_LEN(commands); i++) {
        /* speeds and times differ */
        ogt_result a = ogt_run_command("{ %s; } | sed 's/[0-9.]* tokens.s//; s/[0-9.]*e-[0-9]*//; "
                                       "s/seconds.*//; s/\"seed\".*//'",
                                       commands[i]);
        ogt_result b = ogt_run_command("%s; { %s || echo status $?; } | sed 's/[0-9.]* tokens.s//; "
                                       "s/[0-9.]*e-[0-9]*//; s/seconds.*//; s/\"seed\".*//'",
                                       before, commands[i]);
        bool is_alike = a.n_out == b.n_out && !memcmp(a.out, b.out, a.n_out);
        cr_expect(is_alike, "%s; %s: %s%s", before, commands[i], b.out, b.err);
        ogt_result_free(&a), ogt_result_free(&b);
    }
}

Test(program, needs_no_home)
{
    check_in("unset HOME XDG_STATE_HOME XDG_CACHE_HOME");
    check_in("HOME=/nonexistent XDG_STATE_HOME=/nonexistent/state; export HOME XDG_STATE_HOME");
    cr_expect_neq(access("/nonexistent", F_OK), 0, "a home was made");
}

Test(program, needs_no_home_that_can_be_written)
{
    ogt_result r = ogt_run_command("mkdir home; chmod 500 home");
    ogt_result_free(&r);
    check_in("HOME=$PWD/home; export HOME");
    r = ogt_run_command("ls -A home");
    cr_expect_eq(r.n_out, 0, "%s", r.out);
    ogt_result_free(&r);
}

Test(program, needs_no_environment_and_no_input)
{
    check_in("unset LANG LC_ALL TERM PATH_INFO; LC_ALL=C; export LC_ALL");
    check_in("exec <&-");
}

/* On a terminal of 24 columns, dumb or not, every command ends well. */
Test(program, works_on_narrow_and_dumb_terminals)
{
    ogt_terminal *t = malloc(sizeof *t);
    for (int i = 0; i < 2 * OGI_LEN(commands); i++) {
        const char *const argv[] = { "/bin/sh", "-c", commands[i / 2], NULL };
        setenv("OGT_TERM", i % 2 ? "dumb" : "xterm", 1);
        ogt_terminal_start(t, argv);
        ioctl(t->fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = 24 });
        cr_expect_eq(ogt_terminal_end(t), 0, "%s: %s", commands[i / 2], t->seen);
        if (i % 2)
            cr_expect_null(memchr(t->seen, '\033', t->n), "%s: %s", commands[i / 2], t->seen);
    }
    free(t);
}
