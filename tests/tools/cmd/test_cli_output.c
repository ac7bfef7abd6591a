/* SPDX-License-Identifier: MIT
 *
 * What commands write: to the file of -o, never onto what they read; to standard output, and not
 * unsaid when that fails. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/program.h"

#define MODELS OGT_SOURCE_DIR "/tests/data/models"
#define STORY  MODELS "/tales-1m-F16.gguf"

static char folder[] = "/tmp/ogt_output_XXXXXX";

static void set_up(void)
{
    cr_assert(mkdtemp(folder) && !chdir(folder));
    setenv("P", OGT_PROGRAM, 1);
    setenv("M", STORY, 1);
    setenv("S", OGT_SOURCE_DIR, 1);
}

static void tear_down(void)
{
    ogt_result r = ogt_run_command("rm -rf '%s'", folder);
    ogt_result_free(&r);
}

TestSuite(output, .init = set_up, .fini = tear_down, .timeout = 300);

/* A script that prints "ok" and nothing else. */
static void check(const char *script)
{
    ogt_result r = ogt_run_command("%s", script);
    cr_assert_str_eq(r.out, "ok\n", "%s\nprinted: %s%s", script, r.out, r.err);
    ogt_result_free(&r);
}

/* ---- -o ------------------------------------------------------------------------------------ */

/* Every command that has -o; it writes to $O. */
static const char *const writers[] = {
    "$P graph m.gguf -o $O",
    "$P graph m.gguf --plan -o $O",
    "$P logits m.gguf --tokens 1,2 -o $O",
    "$P inspect m.gguf --tensor output_norm.weight -o $O",
    "$P synth --shape tiny --type Q8_0 --vocab m.gguf -o $O",
    "$P embed m.gguf --text hi -o $O",
};
enum { N_WRITERS = sizeof writers / sizeof *writers };

/* run: %s is the command. */
static void check_writers(const char *run)
{
    for (int i = 0; i < N_WRITERS; i++) {
        char script[2048];
        snprintf(script, sizeof script, "cp $M m.gguf; w() { %s; }; %s", writers[i], run);
        check(script);
    }
}

Test(output, is_never_an_input)
{
    check_writers("ln -f m.gguf hard; ln -sf m.gguf soft; "
                  "for O in m.gguf ./m.gguf hard soft; do w 2>err && echo accepted $O; "
                  "grep -q 'read by this command' err || cat err; done; "
                  "cmp m.gguf $M && [ $(ls | wc -l) = 4 ] && echo ok");
}

Test(output, goes_through_links_and_into_pipes_and_leaves_devices)
{
    check_writers("rm -f real l p; echo old >real; ln -s real l; O=l w && [ -L l ] && "
                  "[ $(wc -c <real) -gt 4 ] && mkfifo p && { cat p >got & c=$!; } && O=p w && "
                  "wait $c && cmp got real && [ -p p ] && ln -sf /dev/full l && "
                  "! O=l w 2>err && grep -q 'No space' err && [ -L l ] && [ -c /dev/full ] && "
                  "echo ok");
}

Test(output, dash_and_dev_stdout_are_standard_output)
{
    check_writers("rm -f f a b; O=f w && O=- w >a && O=/dev/stdout w | cat >b && cmp a f && "
                  "cmp b f && [ ! -e ./- ] && echo ok");
}

Test(output, a_failure_leaves_what_was_there)
{
    check("echo old >f; $P logits $M --tokens 1,99999 -o f 2>e && echo accepted; "
          "$P inspect $M --tensor none -o f 2>>e && echo accepted; "
          "$P graph $M --after none -o f 2>>e && echo accepted; "
          "$P synth --shape tiny --type none -o f 2>>e && echo accepted; "
          "[ \"$(cat f)\" = old ] && [ \"$(ls)\" = \"$(printf 'e\\nf')\" ] && echo ok");
}

Test(output, a_signal_leaves_what_was_there)
{
    check("echo old >f; for s in INT TERM HUP QUIT; do "
          "timeout --preserve-status -s $s 1 $P synth --shape llama-8b --type F32 -o f 2>/dev/null;"
          " [ $? -gt 128 ] || echo status; done; "
          "[ \"$(cat f)\" = old ] && [ \"$(ls)\" = f ] && echo ok");
}

/* ---- standard output ----------------------------------------------------------------------- */

/* Every command and way of printing; in.txt, m.json and g are small inputs. */
static const char *const printers[] = {
    "$P --help",
    "$P --version",
    "$P run --help",
    "$P run $M --raw -n 3 --temp 0 Once",
    "$P run $M --raw -n 3 --temp 0 --beams 2 Once",
    "$P run $M --raw -n 3 --json Once",
    "$P run $M -n 3 hello",
    "printf 'hello\\n/show\\n/set\\n/help\\n' | $P run $M -n 3",
    "$P graph $M",
    "$P graph $M --plan",
    "$P graph $M --kernels",
    "$P graph $M --format dot",
    "$P graph $M --json",
    "$P inspect $M",
    "$P inspect $M --tensors",
    "$P inspect $M --json",
    "$P inspect $M --tensor output_norm.weight -o -",
    "$P logits $M --tokens 1 -o -",
    "$P synth --shape tiny --type Q8_0 -o -",
    "$P tokenize $M -p hi",
    "$P tokenize $M -p hi --ids",
    "$P tokenize $M -p hi --json",
    "$P tokenize $M -p hi --count",
    "$P tokenize $M --info",
    "$P tokenize $M --info --json",
    "echo '{\"text\": \"hi\"}' | $P tokenize $M --jsonl",
    "$P template $M --chat-template chatml --messages m.json",
    "$P template $M --chat-template chatml --messages m.json --spans",
    "$P template $M --chat-template chatml --abilities",
    "echo '{\"messages\": []}' | $P template $M --chat-template chatml --jsonl",
    "echo a | $P grammar g",
    "echo '{\"text\": \"a\"}' | $P grammar g --jsonl",
    "$P perplexity $M in.txt --chunk 32",
    "$P perplexity $M in.txt --chunk 32 --json",
    "$P sample",
    "$P sample --toml",
    "echo '{\"chain\": [], \"logits\": [1, 2], \"steps\": 1}' | $P sample --jsonl",
    "$P ops",
    "$P ops add",
    "$P ops --json",
    "$P ops --markdown",
    "$P archs",
    "$P archs --json",
    "$P embed $M --text hi",
    "$P embed $M --text hi --json",
    "$P embed $M --text hi -o -",
    "$P rerank --help", /* no model here has a classifier */
    "$P bench --shape tiny --type Q8_0 --prefill 2 --decode 2 --reps 1",
    "$P bench --shape tiny --type Q8_0 --prefill 2 --decode 2 --reps 1 --json",
};
enum { N_PRINTERS = sizeof printers / sizeof *printers };

/* run: a script around w, the command. */
static void check_printers(const char *run)
{
    char script[4096];
    for (int i = 0; i < N_PRINTERS; i++) {
        snprintf(script, sizeof script,
                 "printf '[{\"role\":\"user\",\"content\":\"x\"}]' >m.json; "
                 "printf 'root ::= \"a\"' >g; head -c 1000 $S/tests/data/models/text/valid.txt "
                 ">in.txt; w() { %s; }; %s",
                 printers[i], run);
        check(script);
    }
}

Test(output, of_every_command_is_tried)
{
    static const char *const all[] = {
#define COMMAND(name, doc) "$P " #name " ",
#include "tools/cmd/commands.def"
#undef COMMAND
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool is_tried = false;
        for (int k = 0; k < N_PRINTERS; k++) {
            char padded[512];
            snprintf(padded, sizeof padded, "%s ", printers[k]);
            is_tried |= strstr(padded, all[i]) != NULL;
        }
        cr_expect(is_tried, "%s", all[i]);
    }
}

Test(output, a_full_disk_is_told)
{
    check_printers("w >/dev/full 2>err </dev/null; s=$?; [ $s = 1 ] || echo status $s; "
                   "[ $(grep -c 'No space left' err) = 1 ] || cat err; "
                   "grep -q interrupted err && cat err; echo ok");
}

/* The reader is gone before the first byte. */
Test(output, a_closed_pipe_ends_quietly_with_141)
{
    check_printers("mkfifo p 2>/dev/null; for trap in - ''; do trap \"$trap\" PIPE; "
                   "{ sleep 0.02; w 2>err </dev/null; echo $? >s; } | :; s=$(cat s); "
                   "[ $s = 141 ] || echo \"status $s\"; grep oxigraph err; done; echo ok");
}

Test(output, a_closed_standard_output_is_told_and_no_file_takes_its_place)
{
    check("$P archs >&- 2>err && echo accepted; grep -q 'Bad file descriptor' err && "
          "$P logits $M --tokens 1 -o f >&- 2>err </dev/null; $P logits $M --tokens 1 -o g && "
          "cmp f g && echo ok");
}
