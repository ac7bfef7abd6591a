/* SPDX-License-Identifier: MIT
 *
 * A tokenizer behind the narrow view that samplers and grammars use. */
#include "oxigraph/vocab_view.h"

#include <string.h>

#include "base/ctx.h"

typedef struct tokenizer_view {
    og_vocab_view view; /* first, so that the view's pointer frees the whole */
    const og_tokenizer *t;
    og_ctx *ctx;
} tokenizer_view;

static const char *piece(void *user, int32_t token, size_t *n)
{
    return og_tokenizer_piece(((tokenizer_view *)user)->t, token, true, n);
}

static bool is_eog(void *user, int32_t token)
{
    return og_tokenizer_is_eog(((tokenizer_view *)user)->t, token);
}

static bool is_control(void *user, int32_t token)
{
    const unsigned no_text = OG_TOKEN_CONTROL | OG_TOKEN_UNUSED | OG_TOKEN_UNKNOWN;
    return og_tokenizer_attr(((tokenizer_view *)user)->t, token) & no_text;
}

static int32_t encode(tokenizer_view *v, const char *text, size_t n, unsigned flags, int32_t *out,
                      int32_t max)
{
    og_tokens ids = { 0 };
    int32_t count = -1;
    if (og_tokenizer_encode(v->t, v->ctx, text, n, flags, &ids) == OG_OK && ids.n <= INT32_MAX) {
        count = (int32_t)ids.n;
        if (count) memcpy(out, ids.id, (size_t)OGI_MIN(count, max) * sizeof *out);
    }
    og_tokens_free(v->ctx, &ids);
    return count;
}

static int32_t tokenize(void *user, const char *text, size_t n, int32_t *out, int32_t max)
{
    return encode(user, text, n, 0, out, max);
}

static int32_t token_of(void *user, const char *text, size_t n)
{
    int32_t id[1];
    return encode(user, text, n, OG_ENCODE_PARSE_SPECIAL, id, 1) == 1 ? id[0] : -1;
}

og_status og_vocab_view_new(og_ctx *ctx, const og_tokenizer *t, og_vocab_view **out)
{
    OGI_NEEDS(ctx, ctx && t && out);
    *out = NULL;
    tokenizer_view *v = OGI_NEW(ctx, tokenizer_view);
    if (!v) return OG_E_MEMORY;
    v->t = t, v->ctx = ctx;
    v->view = (og_vocab_view){
        .user = v,
        .n_tokens = og_tokenizer_size(t),
        .piece = piece,
        .is_eog = is_eog,
        .is_control = is_control,
        .tokenize = tokenize,
        .token_of = token_of,
        .eos = og_tokenizer_special(t, OG_SPECIAL_EOS),
        .eot = og_tokenizer_special(t, OG_SPECIAL_EOT),
        .newline = og_tokenizer_special(t, OG_SPECIAL_NL),
    };
    *out = &v->view;
    return OG_OK;
}

void og_vocab_view_free(og_vocab_view *v)
{
    if (v) ogi_free(((tokenizer_view *)v->user)->ctx, v->user);
}
