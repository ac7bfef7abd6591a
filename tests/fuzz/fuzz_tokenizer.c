/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: a GGUF file and, behind its last "TEXT", a text: the vocabulary is loaded if it can
 * be, and the text encoded and decoded. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer/load.h"

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
        if (og_tokenizer_decode(t, ctx, ids.id, ids.n, OG_DECODE_UNPARSE_SPECIAL, &back, &n_back) !=
            OG_OK)
            abort();
    }
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    ogi_gguf *f;
    size_t cut = size;
    for (size_t i = size; i >= 4 && cut == size; i--)
        if (!memcmp(data + i - 4, "TEXT", 4)) cut = i;
    const char *text = (const char *)data + cut;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    if (ogi_gguf_open_memory(ctx, "fuzz", data, (int64_t)size, NULL, 0, &f) == OG_OK) {
        og_tokenizer *t;
        og_status status = ogi_tokenizer_load(ctx, f, &t);
        if ((status == OG_OK) != (t != NULL) || (!t && !og_error(ctx)[0])) abort();
        og_error_clear(ctx);
        if (t) use(ctx, t, text, size - cut);
        og_tokenizer_free(t);
        ogi_gguf_close(f);
    }
    og_ctx_free(ctx);
    return 0;
}
