/* SPDX-License-Identifier: MIT
 *
 * Generation where model and vocabulary differ: rows of the embedding behind the last token are
 * padding, and no sampler and no beam ever chooses one. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "models/synth.h"
#include "oxigraph/generate.h"
#include "runtime/engine.h"
#include "tests/support/gguf_writer.h"
#include "text/tokenizer/load.h"

enum { N_TOKEN = 4, N_ROW = 320, N_CHOSEN = 60 };

static const ogi_synth_shape shape = {
    .name = "padded",
    .arch = "llama",
    .n_layer = 1,
    .n_embd = 256,
    .n_ff = 256,
    .n_head = 4,
    .n_head_kv = 4,
    .head_dim = 64,
    .n_vocab = N_ROW,
    .n_ctx = 256,
    .rope_base = 10000,
    .rms_eps = 1e-5,
};

typedef struct rig {
    og_ctx *ctx;
    unsigned char *file;
    int64_t size;
    og_model *m;
    og_tokenizer *t;
    og_sampler *s;
    og_sequence *seq;
} rig;

static bool append(void *user, const void *p, int64_t n)
{
    rig *r = user;
    memcpy(r->file + r->size, p, (size_t)n);
    r->size += n;
    return true;
}

static void open_model(rig *r)
{
    ogi_synth *s;
    ogi_gguf *f;
    og_model_options o = { .device = { .n_thread = 1 }, .n_sequence = 4 };
    cr_assert_eq(ogi_synth_new(r->ctx, &(ogi_synth_options){ .shape = &shape, .type = "F16" }, &s),
                 OG_OK, "%s", og_error(r->ctx));
    r->file = malloc((size_t)ogi_synth_size(s));
    cr_assert_eq(ogi_synth_write(s, append, r), OG_OK);
    ogi_synth_free(s);
    cr_assert_eq(ogi_gguf_open_memory(r->ctx, "m.gguf", r->file, r->size, NULL, 0, &f), OG_OK);
    cr_assert_eq(ogi_model_load_gguf(r->ctx, f, &o, &r->m), OG_OK, "%s", og_error(r->ctx));
    cr_assert_eq(og_sequence_new(r->m, &r->seq), OG_OK);
}

static void open_tokenizer(rig *r)
{
    ogt_gguf w = { 0 };
    ogt_bytes texts = { 0 };
    ogi_gguf *f;
    int64_t size;
    static const char *const text[N_TOKEN] = { "<unk>", "a", "b", "c" };
    for (int i = 0; i < N_TOKEN; i++) ogt_bytes_str(&texts, text[i], strlen(text[i]));
    ogt_gguf_str(&w, "tokenizer.ggml.model", "llama");
    ogt_gguf_array(&w, "tokenizer.ggml.tokens", OGI_GGUF_STR, N_TOKEN, texts.p, texts.n);
    unsigned char *file = ogt_gguf_finish(&w, &size);
    cr_assert_eq(ogi_gguf_open_memory(r->ctx, "t.gguf", file, size, NULL, 0, &f), OG_OK);
    cr_assert_eq(ogi_tokenizer_load(r->ctx, f, &r->t), OG_OK, "%s", og_error(r->ctx));
    ogi_gguf_close(f);
    free(file);
    free(texts.p);
}

static rig open_rig(void)
{
    rig r = { 0 };
    cr_assert_eq(og_ctx_new(NULL, &r.ctx), OG_OK);
    open_model(&r);
    open_tokenizer(&r);
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.temp = 5, c.top_k = 0, c.top_p = 1, c.min_p = 0, c.seed = 3;
    cr_assert_eq(og_sampler_new(r.ctx, &c, NULL, &r.s), OG_OK);
    return r;
}

static void close_rig(rig *r)
{
    og_sampler_free(r->s);
    og_tokenizer_free(r->t);
    og_model_free(r->m);
    free(r->file);
    og_ctx_free(r->ctx);
}

static void expect_tokens(const og_tokens *chosen)
{
    cr_assert_gt(chosen->n, 0);
    for (int64_t i = 0; i < chosen->n; i++)
        cr_assert_lt(chosen->id[i], N_TOKEN, "choice %d is token %d", (int)i, chosen->id[i]);
}

Test(generate, padding_is_never_sampled)
{
    rig r = open_rig();
    og_tokens chosen = { 0 };
    og_generate_result out;
    og_generate_options o = {
        .prompt = (int32_t[]){ 1 }, .n_prompt = 1, .max_tokens = N_CHOSEN, .chosen = &chosen
    };
    cr_assert_eq(og_generate(r.m, r.seq, r.t, r.s, &o, &out), OG_OK, "%s", og_error(r.ctx));
    expect_tokens(&chosen);
    og_tokens_free(r.ctx, &chosen);
    close_rig(&r);
}

Test(generate, padding_is_in_no_beam)
{
    rig r = open_rig();
    og_tokens chosen = { 0 };
    og_generate_result out;
    og_generate_options o = {
        .prompt = (int32_t[]){ 1 }, .n_prompt = 1, .max_tokens = 12, .chosen = &chosen
    };
    og_beams_options b = { .width = 3 };
    cr_assert_eq(og_generate_beams(r.m, r.seq, r.t, r.s, &b, &o, &out), OG_OK, "%s",
                 og_error(r.ctx));
    expect_tokens(&chosen);
    og_tokens_free(r.ctx, &chosen);
    close_rig(&r);
}

Test(generate, a_vocabulary_beyond_the_embedding_is_refused)
{
    rig r = open_rig();
    og_tokenizer *t;
    og_generate_result out;
    og_generate_options o = { .prompt = (int32_t[]){ 1 }, .n_prompt = 1, .max_tokens = 1 };
    const char *path = OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"; /* 4096 tokens */
    cr_assert_eq(og_tokenizer_open(r.ctx, path, NULL, 0, &t), OG_OK, "%s", og_error(r.ctx));
    cr_assert_eq(og_generate(r.m, r.seq, t, r.s, &o, &out), OG_E_INVALID);
    cr_assert(strstr(og_error(r.ctx), "4096 tokens"), "%s", og_error(r.ctx));
    og_tokenizer_free(t);
    close_rig(&r);
}
