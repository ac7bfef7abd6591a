/* SPDX-License-Identifier: MIT
 *
 * Hands that know other programs: every row of the table of their flags and commands, mistyped
 * names, the help. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "tests/support/program.h"

#define MODELS OGT_SOURCE_DIR "/tests/data/models"
#define STORY  MODELS "/tales-1m-F16.gguf"

/* A command line that each command accepts; M is the model, T a short text. Commands that are not
 * here are not tried with what all take. */
static const struct {
    const char *name, *model, *rest;
} command[] = {
    { "run", STORY, "hello --temp 0 -n 3 </dev/null" },
    { "perplexity", STORY, "text.txt --chunk 32" },
    { "tokenize", STORY, "-p hi </dev/null" },
    { "bench", STORY, "--prefill 2 --decode 2 --reps 1 >/dev/null" },
    { "logits", STORY, "--tokens 1,2 -o - | md5sum" },
    { "graph", STORY, "| md5sum" },
    { "inspect", STORY, "" },
    { "embed", STORY, "--text hi" },
    { "template", MODELS, "" }, /* the model alone */
};

/* What our options want; those that are not here want nothing. */
static const struct {
    const char *ours, *value;
} value[] = {
    { "--ctx", " 64" },
    { "--predict", " 2" },
    { "--system", " x --chat-template chatml" },
    { "--json-schema", " '{\"enum\": [1]}'" },
    { "--json-schema-file", " schema.json" },
    { "--stop", " e" },
    { "--chat-template", " chatml" },
    { "--template-kwargs", " '{\"a\": 1}' --chat-template chatml" },
    { "--logit-bias", " 5-1" },
    { "--samplers", " 'top_k;temperature'" },
    { "--prefill", " 3" },
    { "--decode", " 3" },
    { "--reps", " 2" },
    { "--context", " 3" },
    { "--text", " hi" },
};

typedef struct row {
    const char *kind, *takes, *commands, *flags, *text;
} row;

// clang-format off
static const row rows[] = {
#define SAME(commands, flags, ours) { "same", "", commands, flags, ours },
#define NEEDLESS(commands, flags, takes, note) { "needless", #takes, commands, flags, note },
#define HINT(commands, flags, hint) { "hint", "", commands, flags, hint },
#define COMMAND_HINT(names, hint) { "command", "", "", names, hint },
#include "tools/cmd/cli_others.def"
};
// clang-format on

static const char *value_of(const char *ours)
{
    for (int i = 0; i < OGI_LEN(value); i++)
        if (!strcmp(value[i].ours, ours)) return value[i].value;
    return "";
}

static ogt_result run(const char *line)
{
    return ogt_run_command("cd '%s/..'; %s", getenv("OGT_WORK"), line);
}

/* The command with an option behind the model; NULL: the command is not known here. */
static const char *line_with(char *line, size_t n, const char *name, const char *option,
                             bool without_text)
{
    for (int i = 0; i < OGI_LEN(command); i++) {
        if (strcmp(command[i].name, name) != 0) continue;
        const char *rest = command[i].rest;
        if (without_text && !strncmp(rest, "-p hi", 5)) rest += 5;
        snprintf(line, n, "%s %s %s %s %s", OGT_PROGRAM, name, command[i].model, option, rest);
        return line;
    }
    return NULL;
}

static void check_same(const row *r, const char *name, const char *flag)
{
    char ours[512], theirs[512], option[256];
    const char *v = value_of(r->text);
    bool is_text = !strcmp(r->text, "--text");
    snprintf(option, sizeof option, "%s%s", r->text, v);
    if (!line_with(ours, sizeof ours, name, option, is_text)) return;
    snprintf(option, sizeof option, "%s%s", flag, v);
    line_with(theirs, sizeof theirs, name, option, is_text);
    ogt_result a = run(ours), b = run(theirs);
    cr_expect(a.status == 0 && b.status == 0, "%s\n%s%s", theirs, a.err, b.err);
    cr_expect_str_eq(a.out, b.out, "%s", theirs);
    ogt_result_free(&a), ogt_result_free(&b);
}

/* "1", "2": the argument of that place. */
static void check_argument(const row *r, const char *name, const char *flag)
{
    for (int i = 0; i < OGI_LEN(command); i++) {
        char a[512], b[512];
        const char *rest = command[i].rest;
        if (strcmp(command[i].name, name) != 0) continue;
        if (r->text[0] == '1') {
            snprintf(a, sizeof a, "%s %s %s %s", OGT_PROGRAM, name, command[i].model, rest);
            snprintf(b, sizeof b, "%s %s %s %s %s", OGT_PROGRAM, name, flag, command[i].model,
                     rest);
        } else {
            snprintf(a, sizeof a, "%s %s %s %s", OGT_PROGRAM, name, command[i].model, rest);
            snprintf(b, sizeof b, "%s %s %s %s %s", OGT_PROGRAM, name, flag, rest,
                     command[i].model);
        }
        if (!strcmp(name, "template")) continue; /* wants a template in the model */
        ogt_result x = run(a), y = run(b);
        cr_expect(x.status == 0 && y.status == 0, "%s\n%s%s", b, x.err, y.err);
        cr_expect_str_eq(x.out, y.out, "%s", b);
        ogt_result_free(&x), ogt_result_free(&y);
    }
}

/* What the command says without the flag; the same for the rows that follow each other. */
static const ogt_result *run_plain(const char *name)
{
    static char last[512];
    static ogt_result r;
    char line[512];
    if (!line_with(line, sizeof line, name, "", false)) return NULL;
    if (!strcmp(line, last)) return &r;
    ogt_result_free(&r);
    r = run(line);
    snprintf(last, sizeof last, "%s", line);
    return &r;
}

static void check_needless(const row *r, const char *name, const char *flag)
{
    static const char *const values[] = { "", " 7", " on", " off", " auto" };
    bool is_switch = !strcmp(r->takes, "SWITCH"), is_value = !strcmp(r->takes, "VALUE");
    for (int i = is_value; i < (is_switch ? 5 : is_value ? 2 : 1); i += is_switch && !i ? 2 : 1) {
        char line[512], option[256];
        const ogt_result *a = run_plain(name);
        snprintf(option, sizeof option, "%s%s", flag, values[i]);
        if (!a) return;
        line_with(line, sizeof line, name, option, false);
        ogt_result b = run(line);
        cr_expect(a->status == 0 && b.status == 0, "%s\n%s%s", line, a->err, b.err);
        cr_expect_str_eq(a->out, b.out, "%s", line);
        cr_expect(strstr(b.err, r->text), "%s: no note: %s", line, b.err);
        ogt_result_free(&b);
    }
}

static void check_hint(const row *r, const char *name, const char *flag)
{
    char line[512];
    if (!line_with(line, sizeof line, name, flag, false)) return;
    ogt_result x = run(line);
    cr_expect(x.status == 2 && strstr(x.err, r->text), "%s: exit %d: %s", line, x.status, x.err);
    ogt_result_free(&x);
}

static void check_row(const row *r)
{
    char commands[256], flags[256], *keep_c = NULL, *keep_f;
    snprintf(commands, sizeof commands, "%s",
             strcmp(r->commands, "*") ? r->commands : "run perplexity tokenize");
    for (char *c = strtok_r(commands, " ", &keep_c); c; c = strtok_r(NULL, " ", &keep_c)) {
        snprintf(flags, sizeof flags, "%s", r->flags);
        keep_f = NULL;
        for (char *f = strtok_r(flags, "|", &keep_f); f; f = strtok_r(NULL, "|", &keep_f)) {
            /* a command's own option comes first, and what it has not is no option of it */
            if (!strcmp(r->text, "--ctx") && !strcmp(c, "tokenize")) continue;
            if (!strcmp(r->kind, "same"))
                (r->text[0] == '-' ? check_same : check_argument)(r, c, f);
            else if (!strcmp(r->kind, "needless"))
                check_needless(r, c, f);
            else
                check_hint(r, c, f);
        }
    }
}

static char folder[] = "/tmp/ogt_others_XXXXXX/w";

static void set_up(void)
{
    folder[strlen(folder) - 2] = 0;
    cr_assert(mkdtemp(folder));
    folder[strlen(folder)] = '/';
    setenv("OGT_WORK", folder, 1);
    ogt_result r = ogt_run_command("mkdir '%s'; cd '%s/..'; echo '{\"enum\": [1]}' >schema.json; "
                                   "head -c 2000 %s/text/valid.txt >text.txt",
                                   folder, folder, MODELS);
    ogt_result_free(&r);
}

static void tear_down(void)
{
    ogt_result r = ogt_run_command("cd '%s/..' && rm -r \"$PWD\"", folder);
    ogt_result_free(&r);
}

TestSuite(others, .init = set_up, .fini = tear_down, .timeout = 600);

Test(others, every_row_of_the_table)
{
    for (int i = 0; i < OGI_LEN(rows); i++)
        if (strcmp(rows[i].kind, "command") != 0) check_row(&rows[i]);
}

Test(others, commands_have_hints)
{
    char names[256];
    for (int i = 0; i < OGI_LEN(rows); i++) {
        if (strcmp(rows[i].kind, "command") != 0) continue;
        snprintf(names, sizeof names, "%s", rows[i].flags);
        for (char *n = strtok(names, "|"); n; n = strtok(NULL, "|")) {
            ogt_result r = ogt_run_command("%s %s x", OGT_PROGRAM, n);
            cr_expect(r.status == 2 && strstr(r.err, rows[i].text), "%s: %s", n, r.err);
            ogt_result_free(&r);
        }
    }
}

static void expect(const char *args, int status, const char *in_out, const char *in_err)
{
    char line[1024];
    snprintf(line, sizeof line, "P='%s'; M='%s'; %s", OGT_PROGRAM, STORY, args);
    ogt_result r = run(line);
    cr_expect_eq(r.status, status, "%s: exit %d: %s", args, r.status, r.err);
    cr_expect(strstr(r.out, in_out), "%s: '%s' is not in: %s", args, in_out, r.out);
    cr_expect(strstr(r.err, in_err), "%s: '%s' is not in: %s", args, in_err, r.err);
    ogt_result_free(&r);
}

Test(others, mistyped_names_get_the_nearest)
{
    expect("$P rnu $M", 2, "", "did you mean run?");
    expect("$P inspct $M", 2, "", "did you mean inspect?");
    expect("$P hlep", 2, "", "did you mean help?");
    expect("$P xyzzy", 2, "", "--help");
    expect("$P run $M x --tmep 1", 2, "", "did you mean --temp?");
    expect("$P run $M x --top_k 1", 2, "", "did you mean --top-k?");
    expect("$P run $M x --chat-templat 1", 2, "", "did you mean --chat-template?");
    expect("$P run $M x --n-predct 1", 2, "", "did you mean --n-predict?");
    expect("$P run $M x --xyzzy 1", 2, "", "no option '--xyzzy'; see --help");
    expect("$P help rnu", 2, "", "did you mean run?");
}

Test(others, models_that_are_no_files_here)
{
    expect("$P run https://example.org/a.gguf x", 1, "", "curl -LO");
    expect("$P run llama3.2 x", 1, "", "path of a GGUF file");
    expect("$P run library/llama3.2:1b x", 1, "", "path of a GGUF file");
    expect("$P run none.gguf x", 1, "", "none.gguf: No such file");
    expect("mkdir -p hf; echo '{}' >hf/config.json; $P run hf x", 1, "", "Hugging Face");
}

Test(others, numbers_may_follow_their_letter)
{
    expect("$P run $M Once --raw --temp 0 -n2 -c64 -t1 </dev/null", 0, "Once", "-n reached");
    expect("$P run $M Once --raw -nx", 2, "", "no option '-nx'");
    expect("$P run $M Once --raw -n2x", 2, "", "-n wants an integer, not '2x'");
}

Test(others, help_of_a_command_shows_defaults)
{
    expect("$P help run", 0, "default 0.95", "");
    expect("$P help run", 0, "default f16", "");
    expect("$P help graph", 0, "default step", "");
    expect("$P help help >/dev/null; $P help", 0, "commands:", "");
}

/* ---- prompts ------------------------------------------------------------------------------- */

Test(others, one_prompt_alone_is_answered)
{
    static const char *const two[] = { "-p A B",    "-p A -f text.txt",        "-f text.txt B",
                                       "-p A -p B", "-f text.txt -f text.txt", "-p A -" };
    char line[256];
    for (int i = 0; i < OGI_LEN(two); i++) {
        snprintf(line, sizeof line, "$P run $M --raw -n 1 %s </dev/null", two[i]);
        expect(line, 2, "", "prompts: one alone");
    }
    expect("$P tokenize $M hi -p ho", 2, "", "two texts");
    expect("$P tokenize $M hi -f text.txt", 2, "", "two texts");
}

#define GO "$P run $M --raw --temp 0 -n 4"

Test(others, standard_input_follows_the_prompt)
{
    expect("printf 'The king\\n' | " GO " Once", 0, "Once\nThe king ", "");
    expect("printf 'The king' >in; " GO " -p Once <in", 0, "Once\nThe king ", "");
    expect("printf 'Once\\n' >p; printf 'The king' | " GO " -f p", 0, "Once\nThe king ", "");
    expect(GO " Once </dev/null", 0, "Once upon", "");
    expect(": | " GO " Once", 0, "Once upon", "");
    expect("echo | " GO " Once", 0, "Once upon", "");
    expect("printf 'The king\\n' | " GO " Once --no-stdin", 0, "Once upon", "");
    expect("{ sleep 3; echo The king; } | " GO " Once", 0, "Once\nThe king ",
           "--no-stdin leaves it");
    expect("mkfifo q; sleep 9 >q & $P run none.gguf x <q", 1, "", "none.gguf");
    expect("printf 'Once\\n' | " GO " -", 0, "Once upon", "");
    expect("printf 'Once\\n' | " GO " -f -", 0, "Once upon", "");
    expect("printf 'Once\\n\\n' >p; " GO " -f p </dev/null", 0, "Once\n", "");
}

Test(others, a_chat_may_begin_with_a_prompt_and_end_after_one_turn)
{
    expect("printf '/show\\n' | $P run $M -cnv -p hello -n 1", 0, "user: hello\n", "");
    expect("printf 'one\\ntwo\\n' | $P run $M -st -n 1 --chat-template chatml --prompt-cache c; "
           "rm c",
           0, "", "");
    expect("$P run $M -cnv -p hello --json", 2, "", "--conversation");
}

Test(others, no_tokens_still_save_the_prompt)
{
    expect("rm -f c; " GO " -n 0 --prompt-cache c 'Once upon a time there' </dev/null && " GO
           " --prompt-cache c 'Once upon a time there' </dev/null; rm c",
           0, "Once upon a time there", "prompt cache: 0 of 5 tokens reused");
    expect("rm -f c; " GO " -n 0 --prompt-cache c 'Once upon a time there' </dev/null 2>&1 && " GO
           " --prompt-cache c 'Once upon a time there' </dev/null; rm c",
           0, "", "prompt cache: 4 of 5 tokens reused");
}
