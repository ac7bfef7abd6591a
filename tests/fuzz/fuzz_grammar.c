/* SPDX-License-Identifier: MIT
 *
 * GBNF and regular expressions: any bytes give a grammar or one line that says why not; a grammar
 * matches the bytes themselves without harm. */
#include <stdlib.h>
#include <string.h>

#include "oxigraph/grammar.h"

static void match(og_ctx *ctx, og_grammar *g, const char *text, size_t n)
{
    og_matcher *m;
    size_t taken = 0;
    bool complete;
    if (og_matcher_new(g, ctx, &m) != OG_OK) return;
    if (og_matcher_text(m, text, n, &taken) == OG_OK) {
        if (taken > n) abort();
        og_matcher_is_complete(m, &complete);
    }
    og_matcher_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    for (int kind = 0; kind < 2; kind++) {
        og_ctx *ctx;
        og_grammar *g;
        if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
        og_status s = kind ? og_grammar_regex(ctx, text, size, NULL, &g)
                           : og_grammar_gbnf(ctx, text, size, "root", NULL, &g);
        /* A failure has a reason, and only a failure has. */
        if ((s == OG_OK) != (og_error(ctx)[0] == 0) || (s == OG_OK) != (g != NULL)) abort();
        if (g) match(ctx, g, text, size);
        og_grammar_free(g);
        og_ctx_free(ctx);
    }
    return 0;
}
