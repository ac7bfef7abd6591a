/* SPDX-License-Identifier: MIT
 *
 * --arch: an architecture from a shared object, built against the public headers, for every command
 * that reads a model. And rows of keys whose field has another type do not compile. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

#define MODEL OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

Test(plugin, takes_the_place_of_a_built_in_architecture)
{
    static const char *const command[] = {
        "graph " MODEL " --after simplify_graph",
        "run " MODEL " --raw -n 4 --temp 0 Once </dev/null",
        "logits " MODEL " --tokens 1,2,3 -o -",
    };
    for (int i = 0; i < 3; i++) {
        ogt_result a = ogt_run_command("%s %s", OGT_PROGRAM, command[i]);
        ogt_result b = ogt_run_command("%s %s --arch %s", OGT_PROGRAM, command[i], OGT_PLUGIN);
        ogt_result c = ogt_run_command("%s --arch=%s %s", OGT_PROGRAM, OGT_PLUGIN, command[i]);
        cr_assert(a.status == 0 && b.status == 0 && c.status == 0, "%s %s", b.err, c.err);
        cr_assert(a.n_out != b.n_out || memcmp(a.out, b.out, a.n_out) != 0, "%s", command[i]);
        cr_assert(c.n_out == b.n_out && !memcmp(c.out, b.out, c.n_out), "%s", command[i]);
        ogt_result_free(&a), ogt_result_free(&b), ogt_result_free(&c);
    }
}

static void refused(const char *arguments, const char *says)
{
    ogt_result r = ogt_run_command("%s %s", OGT_PROGRAM, arguments);
    cr_assert_neq(r.status, 0, "%s", arguments);
    cr_assert(strstr(r.err, says), "%s: %s", arguments, r.err);
    ogt_result_free(&r);
}

Test(plugin, that_is_none_is_told)
{
    refused("archs --arch /no/such.so", "/no/such.so");
    refused("archs --arch " MODEL, MODEL);
    refused("archs --arch", "wants a file");
    refused("archs --arch libm.so.6", "libm.so.6"); /* the one here, not the system's */
}

Test(plugin, keys_of_another_type_than_their_field_do_not_compile)
{
    static const struct {
        const char *row;
        int is_right;
    } rows[] = {
        { "OG_KEY(\"k\", INT, n_embd, 0, 1, NULL)", 1 },
        { "OG_KEY(\"k\", FLOAT, n_embd, 0, 1, NULL)", 0 },
        { "OG_KEY(\"k\", INT, eps, 0, 1, NULL)", 0 },
        { "OG_KEY(\"k\", FLOAT, eps, 0, 1, NULL)", 1 },
        { "OG_KEY(\"k\", INT, is_causal, 0, 1, NULL)", 0 },
        { "OG_KEY(\"k\", BOOL, is_causal, 0, 1, NULL)", 1 },
        { "OG_KEY_LAYER(\"k\", INT, n_head, 0, 1, NULL)", 1 },
        { "OG_KEY_LAYER(\"k\", FLOAT, n_head, 0, 1, NULL)", 0 },
        { "OG_KEY_NAME(\"k\", eps, \"a|b\", NULL)", 0 },
    };
    ogt_result cc = ogt_run_command("cc --version");
    if (cc.status != 0) cr_skip_test("there is no compiler here");
    ogt_result_free(&cc);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ogt_result r = ogt_run_command(
            "printf '%%s\\n' '#include <oxigraph/arch.h>' 'const og_hp_key k[] = { %s };' | "
            "cc -std=c17 -fsyntax-only -I%s/include -x c -",
            rows[i].row, OGT_SOURCE_DIR);
        cr_assert_eq(r.status == 0, rows[i].is_right, "%s: %s", rows[i].row, r.err);
        ogt_result_free(&r);
    }
}
