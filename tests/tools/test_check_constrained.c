/* SPDX-License-Identifier: MIT
 *
 * Constrained generations by a real model over the reference schemas: they end, and what ends
 * validates. A small part of what tools/check_constrained runs by default. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"

Test(check_constrained, texts_end_and_validate, .timeout = 300)
{
    ogt_result r = ogt_run_command("python3 -c 'import jsonschema'");
    if (r.status != 0) cr_skip_test("python3-jsonschema is not installed");
    ogt_result_free(&r);
    /* As many as there are schemas, and more where time allows. */
    int n = getenv("OXIGRAPH_TEST_QUICK") ? 61 : 244;
    char *dir = ogt_kind_dir("grammar");
    r = ogt_run_command(OGT_SOURCE_DIR "/tools/check_constrained --program '%s' --jobs 2 "
                                       "--schemas '%s/schemas.json' -n %d --show 3",
                        OGT_PROGRAM, dir, n);
    printf("%s", r.out);
    cr_assert_eq(r.status, 0, "%s%s", r.out, r.err);
    char begin[32];
    snprintf(begin, sizeof begin, "%d generations", n);
    cr_assert(strstr(r.out, begin), "%s", r.out);
    ogt_result_free(&r);
    free(dir);
}
