/* SPDX-License-Identifier: MIT
 *
 * `oxigraph tokenize` as a user runs it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA  OGT_SOURCE_DIR "/tests/data/"
#define MODEL DATA "models/tales-1m-F16.gguf"

static char out[65536];

/* Runs the program with a shell line behind it; output of both streams in out; exit status. */
static int run(const char *line)
{
    char command[4096];
    snprintf(command, sizeof command, OGT_PROGRAM " tokenize 2>&1 %s", line);
    FILE *f = popen(command, "r");
    cr_assert(f != NULL);
    size_t n = fread(out, 1, sizeof out - 1, f);
    out[n] = 0;
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(cmd_tokenize, ids_of_stdin_and_of_an_argument_agree)
{
    char first[sizeof out];
    cr_assert(run(MODEL " --ids -p 'Once upon a time'") == 0);
    strcpy(first, out);
    cr_assert(strlen(first) > 4 && strspn(first, "0123456789 \n") == strlen(first), "%s", first);
    cr_assert(run(MODEL " --ids <<'E'\nOnce upon a time\nE") == 0);
    cr_assert(!strncmp(out, first, strlen(first) - 1), "'%s' and '%s'", out, first);
}

Test(cmd_tokenize, pieces_are_escaped_and_uncoloured_in_a_pipe)
{
    cr_assert(run(MODEL " -p \"$(printf 'a\\033[31mb')\"") == 0);
    cr_assert(strstr(out, "\\x1b") && !strchr(out, '\033'), "%s", out);
}

Test(cmd_tokenize, requests_are_answered_line_by_line)
{
    cr_assert(run(MODEL " --jsonl <<'E'\n"
                        "{\"text\": \"<|im_end|>\", \"parse_special\": true}\n"
                        "{\"ids\": [2], \"unparse_special\": true}\n"
                        "{\"b64\": \"YSBi\", \"split\": true}\n"
                        "{\"ids\": [99999999]}\n"
                        "nonsense\n"
                        "E") == 0);
    static const char want[] = "{\"ids\": [2]}\n{\"b64\": \"PHxpbV9lbmR8Pg==\"}\n"
                               "{\"len\": [1, 2]}\n{\"error\": ";
    cr_assert(!strncmp(out, want, sizeof want - 1), "%s", out);
    int n_line = 0;
    for (const char *p = out; *p; p++) n_line += *p == '\n';
    cr_assert(n_line == 5, "%s", out);
}

Test(cmd_tokenize, verify_names_the_first_difference)
{
    const char *golden = DATA "tokenizer/synth-rwkv.jsonl", *vocab = DATA "vocab/synth-rwkv.gguf";
    char line[1024], path[] = "/tmp/oxigraph-verify-XXXXXX";
    snprintf(line, sizeof line, "%s --verify %s", vocab, golden);
    cr_assert(run(line) == 0, "%s", out);
    cr_assert(strstr(out, "texts as expected"), "%s", out);
    int fd = mkstemp(path);
    static const char cases[] = "{\"text\": \"a\", \"ids\": []}\n";
    cr_assert(fd >= 0 && write(fd, cases, sizeof cases - 1) == (ssize_t)sizeof cases - 1);
    close(fd);
    snprintf(line, sizeof line, "%s --verify %s", vocab, path);
    int status = run(line);
    unlink(path);
    cr_assert(status == 1 && strstr(out, ":1: text \"a\"") && strstr(out, "expected []"), "%s",
              out);
}

Test(cmd_tokenize, info_has_ids_flags_and_eog)
{
    cr_assert(run(MODEL " --info --json") == 0);
    static const char *const parts[] = { "\"n_tokens\": 4096", "\"type\": \"BPE\"",
                                         "\"pre\": \"gpt-2\"", "\"bos\": 0",
                                         "\"add_bos\": ",      "\"eog\": [0, 2]" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert(strstr(out, parts[i]), "%s is not in %s", parts[i], out);
}

Test(cmd_tokenize, errors_exit_one_and_usage_errors_two)
{
    cr_assert(run(MODEL " --override-kv tokenizer.ggml.pre=str:nope --ids -p a") == 1);
    cr_assert(strstr(out, "'nope'") && strstr(out, "llama-bpe"), "%s", out);
    cr_assert(run("/no/such/file.gguf --ids -p a") == 1);
    cr_assert(strstr(out, "/no/such/file.gguf"), "%s", out);
    cr_assert(run(MODEL " --no-such-option") == 2);
    cr_assert(run("") == 2);
}

Test(cmd_tokenize, bench_times_every_kind_of_text)
{
    char command[4096];
    snprintf(command, sizeof command, OGT_PROGRAM " bench tokenize " MODEL " --mb 0.02 2>&1");
    FILE *f = popen(command, "r");
    cr_assert(f != NULL);
    out[fread(out, 1, sizeof out - 1, f)] = 0;
    cr_assert(pclose(f) == 0, "%s", out);
    static const char *const texts[] = { "text, once", "one letter",   "spaces",
                                         "one emoji",  "random words", "random Unicode" };
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++) {
        const char *line = strstr(out, texts[i]);
        cr_assert(line && strtod(line + 16, NULL) > 0, "%s in %s", texts[i], out);
    }
}
