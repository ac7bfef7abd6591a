/* SPDX-License-Identifier: MIT
 * Tells a story: cc generate.c $(pkg-config --cflags --libs oxigraph) && ./a.out MODEL.gguf */
#include <oxigraph/generate.h>
#include <stdio.h>
#include <string.h>
static bool print(void *user, const char *bytes, size_t n)
{
    return fwrite(bytes, 1, n, user) == n;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "model.gguf", *prompt = "Once upon a time";
    og_ctx *ctx;
    og_model *m;
    og_sequence *seq;
    og_tokenizer *t;
    og_sampler *s;
    og_tokens ids = { 0 };
    og_generate_result r;
    if (og_ctx_new(NULL, &ctx) || og_tokenizer_open(ctx, path, NULL, 0, &t) ||
        og_tokenizer_encode(t, ctx, prompt, strlen(prompt), OG_ENCODE_ADD_SPECIAL, &ids) ||
        og_model_load(ctx, path, NULL, &m) || og_sequence_new(m, &seq) ||
        og_sampler_new(ctx, NULL, NULL, &s))
        return fprintf(stderr, "%s\n", og_error(ctx)), 1;
    og_generate_options o = { ids.id, ids.n, 100, .text = print, .user = stdout };
    og_status st = og_generate(m, seq, t, s, &o, &r);
    og_model_free(m), og_sampler_free(s), og_tokenizer_free(t), og_tokens_free(ctx, &ids);
    return og_ctx_free(ctx), st != OG_OK;
}
