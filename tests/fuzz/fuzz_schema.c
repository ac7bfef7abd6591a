/* SPDX-License-Identifier: MIT
 *
 * JSON Schemas: any bytes give a grammar or one line that says why not. What a grammar then spells
 * out, following its first open byte, is JSON as far as it goes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/grammar.h"

enum { MAX_TEXT = 200 };

/* A text that the grammar accepts, found by trying bytes from one that the input chooses. */
static void spell(og_ctx *ctx, og_grammar *g, uint8_t seed)
{
    char text[MAX_TEXT];
    size_t n = 0, taken;
    og_matcher *m;
    bool complete = false;
    if (og_matcher_new(g, ctx, &m) != OG_OK) return;
    while (n < MAX_TEXT) {
        if (og_matcher_is_complete(m, &complete) != OG_OK || complete) break;
        int tried = 0;
        for (; tried < 95; tried++) {
            text[n] = (char)(32 + (tried + seed * 7 + (int)n * 31) % 95);
            if (og_matcher_text(m, text + n, 1, &taken) != OG_OK || taken) break;
        }
        if (tried == 95) break;
        n++;
    }
    if (complete) {
        json_t *v = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        /* Jansson refuses lone surrogates and numbers too large, which JSON allows. */
        if (!v && !memchr(text, '\\', n) && !memchr(text, 'e', n) && !memchr(text, 'E', n)) abort();
        json_decref(v);
    }
    og_matcher_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    og_grammar *g;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    og_status s = og_grammar_schema(ctx, (const char *)data, size, NULL, &g);
    if ((s == OG_OK) != (og_error(ctx)[0] == 0) || (s == OG_OK) != (g != NULL)) abort();
    if (g) spell(ctx, g, size ? data[size - 1] : 0);
    og_grammar_free(g);
    og_ctx_free(ctx);
    return 0;
}
