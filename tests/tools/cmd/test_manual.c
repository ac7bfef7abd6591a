/* SPDX-License-Identifier: MIT
 *
 * What documents say of the program and the library is what they do. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

Test(manual, is_not_stale)
{
    ogt_result r = ogt_run_command("'%s/tools/manual' --check '%s'", OGT_SOURCE_DIR, OGT_PROGRAM);
    cr_assert(r.status == 0, "run tools/manual: %s%s", r.out, r.err);
    ogt_result_free(&r);
}

static void completes(const char *words, int at, const char *want)
{
    ogt_result r = ogt_run_command(
        "bash -c \". '%s/docs/completions/oxigraph.bash'; COMP_WORDS=(%s); COMP_CWORD=%d; "
        "_oxigraph; echo \\${COMPREPLY[*]}\"",
        OGT_SOURCE_DIR, words, at);
    cr_assert(r.status == 0 && !strcmp(r.out, want), "%s: %s%s", words, r.out, r.err);
    ogt_result_free(&r);
}

Test(manual, bash_completes_commands_and_options)
{
    completes("oxigraph perp", 1, "perplexity\n");
    completes("oxigraph inspect m.gguf --tens", 3, "--tensors --tensor\n");
    completes("oxigraph run mod", 2, "\n"); /* a file: bash's own completion */
}

Test(manual, describes_every_command_as_its_help_does)
{
    ogt_result r = ogt_run_command("'%s' run --help-json", OGT_PROGRAM);
    cr_assert(r.status == 0 && strstr(r.out, "\"--seed\"") && strstr(r.out, "\"usage\""), "%s",
              r.out);
    ogt_result_free(&r);
    r = ogt_run_command("'%s' --help-json", OGT_PROGRAM);
    cr_assert(r.status == 0 && strstr(r.out, "\"perplexity\""), "%s", r.out);
    ogt_result_free(&r);
}
