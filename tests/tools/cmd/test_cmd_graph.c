/* SPDX-License-Identifier: MIT
 *
 * `oxigraph graph` refuses options that contradict each other or do nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "tests/support/program.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

TestSuite(graph_options, .timeout = 200);

Test(graph_options, that_contradict_or_do_nothing_are_refused)
{
    static const char *const wrong[] = {
        "--kernels --json",
        "--kernels --format json",
        "--kernels --format dot",
        "--kernels --plan",
        "--plan --format dot",
        "--json --format dot",
        "--json --format text",
        "--after simplify_graph --plan",
        "--tokens 0 --plan",
        "--tokens -3 --plan",
        "--tokens 4",
        "--no-fuse",
        "--skip simplify_graph",
        "--skip nope",
        "--format nope",
        "--isa scalar",
        "-t 2",
        "--kv nope",
    };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_result r = ogt_run_command("'%s' graph '%s' %s", OGT_PROGRAM, STORY, wrong[i]);
        cr_expect(r.status == 2 && !r.n_out && *r.err, "%s: exit %d", wrong[i], r.status);
        ogt_result_free(&r);
    }
    static const char *const unknown[] = { "--after nope", "--skip nope --plan", "--entry nope",
                                           "--tokens 100000 --plan" };
    for (int i = 0; i < OGI_LEN(unknown); i++) {
        ogt_result r = ogt_run_command("'%s' graph '%s' %s", OGT_PROGRAM, STORY, unknown[i]);
        cr_expect(r.status == 1 && !r.n_out && *r.err, "%s: exit %d", unknown[i], r.status);
        ogt_result_free(&r);
    }
}

Test(graph_options, of_models_say_nothing_about_a_graph_in_text_form)
{
    static const char *const wrong[] = { "--entry head", "--kv f32", "-c 64",
                                         "--override-kv a=int:1" };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_result r = ogt_run_command("'%s' graph '%s' >g.$$.og; '%s' graph g.$$.og %s; s=$?; "
                                       "rm g.$$.og; exit $s",
                                       OGT_PROGRAM, STORY, OGT_PROGRAM, wrong[i]);
        cr_expect(r.status == 2 && strstr(r.err, "text form"), "%s: exit %d: %s", wrong[i],
                  r.status, r.err);
        ogt_result_free(&r);
    }
}

Test(graph_options, that_agree_work)
{
    static const char *const right[] = {
        "--json --format json",
        "--plan --json",
        "--plan --format json",
        "--plan --tokens 512",
        "--kernels --format text",
        "--after simplify_graph --format dot",
        "--plan --no-fuse",
        "--plan --skip simplify_graph",
        "--entry head --json",
        "-ctk f32 --plan",
        "--kv q8_0",
    };
    for (int i = 0; i < OGI_LEN(right); i++) {
        ogt_result r = ogt_run_command("'%s' graph '%s' %s", OGT_PROGRAM, STORY, right[i]);
        cr_expect(r.status == 0 && r.n_out && !*r.err, "%s: exit %d: %s", right[i], r.status,
                  r.err);
        ogt_result_free(&r);
    }
}

/* "9 take_rows" of every form: what the first layer's nodes are called. */
Test(graph_options, every_form_has_the_same_numbers)
{
    static const char *const forms[] = {
        "| sed -n 's/^%\\([0-9]*\\) = \\([a-z_]*\\).*/\\1 \\2/p' | grep -v table",
        "--json | sed -n 's/.*\"id\": \\([0-9]*\\), \"op\": \"\\([a-z_]*\\)\".*/\\1 \\2/p'",
        "--format dot | sed -n 's/^ *n\\([0-9]*\\) \\[label=\"\\([a-z_]*\\).*/\\1 \\2/p'",
    };
    ogt_result text = ogt_run_command("'%s' graph '%s' %s", OGT_PROGRAM, STORY, forms[0]);
    cr_assert(strstr(text.out, " take_rows\n") && strstr(text.out, " rms_norm\n"));
    for (int i = 1; i < OGI_LEN(forms); i++) {
        ogt_result r = ogt_run_command("'%s' graph '%s' %s", OGT_PROGRAM, STORY, forms[i]);
        char lines[1 << 16], *keep = NULL, row[128], all[1 << 17];
        snprintf(all, sizeof all, "\n%s", r.out);
        snprintf(lines, sizeof lines, "%s", text.out);
        for (char *l = strtok_r(lines, "\n", &keep); l; l = strtok_r(NULL, "\n", &keep)) {
            snprintf(row, sizeof row, "\n%s\n", l);
            cr_expect(strstr(all, row), "%s: no '%s' in: %s", forms[i], l, r.out);
        }
        ogt_result_free(&r);
    }
    ogt_result_free(&text);
}
