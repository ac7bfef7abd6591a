/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: a tokenizer.json and, behind its last "TEXT", a text that is encoded and decoded.
 * Good seeds are tests/data/tokenizer_json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oxigraph/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(og_ctx *ctx, const og_tokenizer *t, const char *text, size_t n)
{
    og_tokens ids = { 0 };
    char *back = NULL;
    size_t n_back;
    if (og_tokenizer_encode(t, ctx, text, n, OG_ENCODE_ADD_SPECIAL | OG_ENCODE_PARSE_SPECIAL,
                            &ids) == OG_OK) {
        for (int64_t i = 0; i < ids.n; i++)
            if (ids.id[i] < 0 || ids.id[i] >= og_tokenizer_size(t)) abort();
        og_status s = og_tokenizer_decode(t, ctx, ids.id, ids.n, 0, &back, &n_back);
        if (s != OG_OK && !og_error(ctx)[0]) abort();
    }
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char some_text[] = "It's  \xc3\xa9 12 <s> ab\n\xe6\xbc\xa2";
    og_ctx *ctx;
    og_tokenizer *t;
    char path[64];
    size_t cut = size;
    for (size_t i = size; i >= 4 && cut == size; i--)
        if (!memcmp(data + i - 4, "TEXT", 4)) cut = i - 4;
    snprintf(path, sizeof path, "/tmp/oxigraph-fuzz-%ld.json", (long)getpid());
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, cut, f) != cut || fclose(f)) abort();
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    og_status status = og_tokenizer_open(ctx, path, NULL, 0, &t);
    if ((status == OG_OK) != (t != NULL) || (!t && !og_error(ctx)[0])) abort();
    og_error_clear(ctx);
    if (t) use(ctx, t, some_text, sizeof some_text - 1);
    if (t && cut < size) use(ctx, t, (const char *)data + cut + 4, size - cut - 4);
    og_tokenizer_free(t);
    og_ctx_free(ctx);
    unlink(path);
    return 0;
}
