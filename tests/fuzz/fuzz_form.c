/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as a graph in text form. What parses keeps the rules of graphs, prints to
 * a text that parses to the same text again, and goes through all passes. */
#include <stdlib.h>

#include "graph/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(og_ctx *ctx, const og_graph *g)
{
    char *text, *again;
    og_graph *h;
    if (og_graph_print(g, OG_TEXT, &text) != OG_OK) abort();
    if (og_graph_parse(ctx, text, strlen(text), &h) != OG_OK) abort();
    if (og_graph_print(h, OG_TEXT, &again) != OG_OK || strcmp(text, again) != 0) abort();
    og_graph_free(h);
    og_text_free(ctx, text);
    og_text_free(ctx, again);
}

static void check_prints(og_ctx *ctx, const og_graph *g, og_format format)
{
    char *text;
    if (og_graph_print(g, format, &text) != OG_OK) abort();
    og_text_free(ctx, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    og_graph *g, *simple;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    og_status status = og_graph_parse(ctx, (const char *)data, size, &g);
    if ((status == OG_OK) != (g != NULL) || (!g && !og_error(ctx)[0])) abort();
    if (g && ogi_verify(g) == OG_OK) { /* a text may read a state that it has overwritten */
        check_round_trip(ctx, g);
        check_prints(ctx, g, OG_JSON);
        check_prints(ctx, g, OG_DOT);
        if (ogi_passes_run(g, NULL, NULL, &simple) != OG_OK || ogi_verify(simple) != OG_OK) abort();
        og_graph_free(simple);
    }
    og_graph_free(g);
    og_ctx_free(ctx);
    return 0;
}
