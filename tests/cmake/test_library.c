/* SPDX-License-Identifier: MIT
 *
 * What is installed: the symbols that docs/abi.txt promises, and no path of the machine that built
 * it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/base.h"
#include "oxigraph/graph.h"
#include "tests/support/golden.h"
#include "tests/support/program.h"

Test(library, exports_what_the_list_says)
{
    ogt_result have = ogt_run_command("'%s/tools/abi' '%s'", OGT_SOURCE_DIR, OGT_LIBRARY);
    cr_assert(have.status == 0 && have.n_out, "%s", have.err);
    int64_t n;
    char *want = ogt_read(OGT_SOURCE_DIR "/docs/abi.txt", &n);
    cr_assert(want, "no docs/abi.txt");
    cr_assert(!strcmp(have.out, want),
              "docs/abi.txt is stale; see docs/abi.md, then: tools/abi >docs/abi.txt");
    free(want);
    ogt_result_free(&have);
}

/* "which file": does it hold the path of the sources? */
static void holds_no_path(const char *path)
{
    int64_t n;
    char *p = ogt_read(path, &n);
    const size_t want = strlen(OGT_SOURCE_DIR);
    cr_assert(p, "%s", path);
    for (int64_t i = 0; i + (int64_t)want <= n; i++)
        cr_assert(memcmp(p + i, OGT_SOURCE_DIR, want) != 0, "%s holds %.60s", path, p + i);
    free(p);
}

Test(library, holds_no_path_of_the_build)
{
    if (!strstr(OGT_BUILD_FLAGS, "Release") || strstr(OGT_BUILD_FLAGS, "--coverage"))
        cr_skip("only releases go to other machines");
    holds_no_path(OGT_LIBRARY);
    holds_no_path(OGT_PROGRAM);
}

Test(library, errors_name_the_source_as_the_tree_does)
{
    og_ctx *ctx;
    og_graph *g;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_graph_parse(ctx, "no graph", 8, &g) != OG_OK);
    cr_assert(!strncmp(og_error_where(ctx), "graph/form_", 11), "%s", og_error_where(ctx));
    og_ctx_free(ctx);
}

Test(library, has_one_version)
{
    ogt_result r = ogt_run_command("'%s' --version", OGT_PROGRAM);
    cr_assert(r.status == 0 && strstr(r.out, OG_VERSION), "%s", r.out);
    cr_assert(strstr(OGT_LIBRARY, ".so." OG_VERSION), "%s", OGT_LIBRARY);
    ogt_result_free(&r);
}
