/* SPDX-License-Identifier: MIT
 *
 * What a file says of its vocabulary beside the texts: a number for each token, and which tokens
 * end a text. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/support/gguf_writer.h"
#include "text/tokenizer/load.h"

static og_ctx *ctx;

static void begin(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}

static void end(void)
{
    og_ctx_free(ctx);
}

TestSuite(vocab, .init = begin, .fini = end);

/* A vocabulary of four tokens and one more array. */
static og_status open_with(const char *key, ogi_gguf_type elem, uint64_t n, const void *items,
                           size_t size, og_tokenizer **out)
{
    ogt_gguf w = { 0 };
    ogt_bytes texts = { 0 };
    ogi_gguf *f;
    int64_t n_file;
    static const char *const text[] = { "<unk>", "a", "b", "c" };
    for (int i = 0; i < 4; i++) ogt_bytes_str(&texts, text[i], strlen(text[i]));
    ogt_gguf_str(&w, "tokenizer.ggml.model", "llama");
    ogt_gguf_array(&w, "tokenizer.ggml.tokens", OGI_GGUF_STR, 4, texts.p, texts.n);
    ogt_gguf_array(&w, key, elem, n, items, size);
    unsigned char *file = ogt_gguf_finish(&w, &n_file);
    *out = NULL;
    og_error_clear(ctx);
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", file, n_file, NULL, 0, &f) == OG_OK);
    og_status st = ogi_tokenizer_load(ctx, f, out);
    ogi_gguf_close(f);
    free(file);
    free(texts.p);
    return st;
}

static const int64_t zeros[8];

static void refused(const char *key, ogi_gguf_type elem, uint64_t n, size_t size, const char *says)
{
    og_tokenizer *t;
    cr_assert(open_with(key, elem, n, zeros, size, &t) == OG_E_FORMAT, "%s: taken", says);
    cr_assert(strstr(og_error(ctx), key) && strstr(og_error(ctx), says), "%s", og_error(ctx));
}

static void taken(const char *key, ogi_gguf_type elem, size_t size)
{
    og_tokenizer *t;
    cr_assert(open_with(key, elem, 4, zeros, size, &t) == OG_OK, "%s", og_error(ctx));
    og_tokenizer_free(t);
}

Test(vocab, scores_are_a_real_number_for_each_token)
{
    static const char key[] = "tokenizer.ggml.scores";
    taken(key, OGI_GGUF_F32, 16);
    taken(key, OGI_GGUF_F64, 32);
    refused(key, OGI_GGUF_I32, 4, 16, "i32");
    refused(key, OGI_GGUF_BOOL, 4, 4, "bool");
    refused(key, OGI_GGUF_STR, 4, 32, "str");
    refused(key, OGI_GGUF_F32, 3, 12, "3 elements");
    refused(key, OGI_GGUF_F32, 5, 20, "5 elements");
    refused(key, OGI_GGUF_F32, 0, 0, "0 elements");
}

Test(vocab, types_are_an_integer_for_each_token)
{
    static const char key[] = "tokenizer.ggml.token_type";
    taken(key, OGI_GGUF_I32, 16);
    taken(key, OGI_GGUF_U8, 4);
    refused(key, OGI_GGUF_F32, 4, 16, "f32");
    refused(key, OGI_GGUF_BOOL, 4, 4, "bool");
    refused(key, OGI_GGUF_STR, 4, 32, "str");
    refused(key, OGI_GGUF_I32, 3, 12, "3 elements");
    refused(key, OGI_GGUF_I32, 5, 20, "5 elements");
}

Test(vocab, a_list_of_end_tokens_is_heeded)
{
    static const char key[] = "tokenizer.ggml.eos_token_ids";
    const int32_t ids[] = { 3, 1, 99, -1 };
    og_tokenizer *t;
    cr_assert(open_with(key, OGI_GGUF_I32, 4, ids, sizeof ids, &t) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_tokenizer_is_eog(t, 1) && og_tokenizer_is_eog(t, 3));
    cr_assert(!og_tokenizer_is_eog(t, 0));
    cr_assert_eq(og_tokenizer_special(t, OG_SPECIAL_EOS), 3);
    og_tokenizer_free(t);
    refused(key, OGI_GGUF_F32, 4, 16, "f32");
}
