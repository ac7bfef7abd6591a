/* SPDX-License-Identifier: MIT
 *
 * `oxigraph template` and `oxigraph sample` as a user runs them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/program.h"
#include "tests/support/terminal.h"

#define TEMPLATES OGT_SOURCE_DIR "/tests/data/chat_template/templates/"
#define MODEL     OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

/* Writes text to a new file, whose name is in path. */
static void write_file(char *path, const char *text)
{
    strcpy(path, "/tmp/og_template_XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void expect(const char *want, int status, const char *line)
{
    ogt_result r = ogt_run_command(OGT_PROGRAM " %s", line);
    cr_expect(r.status == status, "%s: status %d, not %d\n%s", line, r.status, status, r.err);
    cr_expect(strstr(status ? r.err : r.out, want), "%s\n gives %s%s\n not %s", line, r.out, r.err,
              want);
    ogt_result_free(&r);
}

Test(cmd_template, renders_a_model_with_its_own_template_or_another)
{
    char path[64], line[512];
    write_file(path, "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ x }}");
    expect("<|im_start|>user\nHello<|im_end|>", 0, "template " MODEL);
    snprintf(line, sizeof line, "template " MODEL " --chat-template %s", path);
    expect("<user>Hello", 0, line);
    snprintf(line, sizeof line, "template %s --template-kwargs '{\"x\": 7}'", path);
    expect("<user>Hello7", 0, line);
    snprintf(line, sizeof line, "template %s --messages - <<'E'\n%s\nE", path,
             "[{\"role\": \"user\", \"content\": \"a\"}]");
    expect("<user>a", 0, line);
    unlink(path);
}

Test(cmd_template, errors_name_what_is_wrong)
{
    char path[64], line[512];
    write_file(path, "ab\n  {{ raise_exception('no ' ~ messages[0].role) }}");
    snprintf(line, sizeof line, "template %s", path);
    expect(":2:21: no user", 1, line);
    snprintf(line, sizeof line, "template %s --now yesterday", path);
    expect("'yesterday' is not a time", 1, line);
    snprintf(line, sizeof line, "template %s --template-kwargs '[]'", path);
    expect("a JSON object is wanted", 1, line);
    expect("neither a name in the model (default)", 1, "template " MODEL " --chat-template nope");
    expect("an argument is missing", 2, "template");
    unlink(path);
}

Test(cmd_template, every_line_gets_an_answer)
{
    char path[64], line[512];
    write_file(path, "{{ a + 1 }}");
    snprintf(line, sizeof line, "template %s --jsonl <<'E'\n{\"a\": 1}\n{\"a\": \"\"}\nnone\nE",
             path);
    ogt_result r = ogt_run_command(OGT_PROGRAM " %s", line);
    cr_assert(r.status == 0);
    cr_expect(!strncmp(r.out, "{\"text\": \"2\"}\n{\"error\": ", 24), "%s", r.out);
    int n = 0;
    for (const char *p = r.out; (p = strchr(p, '\n')); p++) n++;
    cr_expect(n == 3, "%s", r.out);
    ogt_result_free(&r);
    unlink(path);
}

Test(cmd_template, nothing_drives_the_terminal)
{
    char path[64];
    static ogt_terminal t;
    write_file(path, "a\033[31mb{% if x %}{{ raise_exception('c\033[32md') }}{% endif %}\n\nz");
    ogt_terminal_start(&t, (const char *const[]){ OGT_PROGRAM, "template", path, NULL });
    ogt_terminal_await(&t, "a\\x1b[31mb\r\nz");
    cr_assert_eq(ogt_terminal_end(&t), 0);
    static ogt_terminal failing;
    ogt_terminal_start(&failing, (const char *const[]){ OGT_PROGRAM, "template", path,
                                                        "--template-kwargs", "{\"x\": 1}", NULL });
    ogt_terminal_await(&failing, "c\\x1b[32md");
    cr_assert_eq(ogt_terminal_end(&failing), 1);
    unlink(path);
}

Test(cmd_sample, prints_options_that_read_back)
{
    char path[64], line[512];
    ogt_result first = ogt_run_command(OGT_PROGRAM " sample --temp 0.3 --samplers 'top_k;xtc'");
    cr_assert(first.status == 0 && strstr(first.out, "\"temp\": 0.3"), "%s", first.err);
    write_file(path, first.out);
    snprintf(line, sizeof line, "sample --config %s", path);
    ogt_result again = ogt_run_command(OGT_PROGRAM " %s", line);
    cr_assert(again.status == 0 && !strcmp(first.out, again.out), "%s", again.err);
    ogt_result_free(&first), ogt_result_free(&again);
    unlink(path);
}

Test(cmd_sample, bounds_what_a_request_may_ask)
{
    expect("at most 100000 steps", 1,
           "sample --jsonl <<'E'\n{\"logits\": [1], \"chain\": [], \"steps\": 2147483647}\nE");
    expect("\"selected\":1", 0,
           "sample --jsonl <<'E'\n{\"logits\": [1, 2], \"chain\": [{\"type\": \"greedy\"}], "
           "\"steps\": 1}\nE");
}
