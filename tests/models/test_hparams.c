/* SPDX-License-Identifier: MIT
 *
 * Tables of keys: numbers of a model and of its layers, defaults that are expressions, structs of
 * an architecture's own, and what is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "models/arch_impl.h"
#include "tests/support/gguf_writer.h"

typedef struct own {
    og_hparams base;
    int width[OG_MAX_LAYER]; /* of each layer */
    int sections[4];
    int kind;
    float sum;
} own;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("2"),
    OG_KEY_OWN_LAYER(own, "width", INT, width, 1, 100, "n_head * 2 + il"),
    OG_KEY_OWN_LIST(own, "sections", INT, sections, 0, 100, "7"),
    { "kind", "kind", OG_HP_NAME, offsetof(own, kind), 0, 0, 0, 0, "1", "round|square" },
    OG_KEY_OWN(own, NULL, FLOAT, sum, 0, 1e9, "n_embd / 128 + most(width)"),
};
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES };
static const og_arch arch = {
    .name = "a", OG_ARCH_TABLES, .hp_size = sizeof(own), .rope = OG_ROPE_HALVES
};

static og_ctx *ctx;
static ogt_gguf w;
static own *hp;

static void setup(void)
{
    static const int64_t dim[] = { 64, 10 };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    hp = calloc(1, sizeof *hp);
    ogt_gguf_u32(&w, "a.context_length", 100);
    ogt_gguf_u32(&w, "a.embedding_length", 64);
    ogt_gguf_tensor(&w, "token_embd.weight", OG_F32, 2, dim, NULL, 64 * 10 * 4);
}
static void teardown(void)
{
    free(hp);
    og_ctx_free(ctx);
}
TestSuite(hparams, .init = setup, .fini = teardown);

static void ints(const char *key, int n, const int32_t *v)
{
    ogt_gguf_array(&w, key, OGI_GGUF_I32, (uint64_t)n, v, (size_t)n * 4);
}

static og_status read_file(void)
{
    int64_t size;
    ogi_gguf *f;
    unsigned char *bytes = ogt_gguf_finish(&w, &size);
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", bytes, size, NULL, 0, &f) == OG_OK, "%s",
              og_error(ctx));
    og_status s = ogi_hparams_read(ctx, f, &arch, 0, &hp->base);
    ogi_gguf_close(f);
    free(bytes);
    return s;
}

/* Three layers of 4 heads and 32 units. */
static void usual(void)
{
    ogt_gguf_u32(&w, "a.block_count", 3);
    ogt_gguf_u32(&w, "a.feed_forward_length", 32);
    ogt_gguf_u32(&w, "a.attention.head_count", 4);
}

static void refused(const char *key, const char *why)
{
    cr_assert(read_file() != OG_OK, "was accepted");
    const char *e = og_error(ctx);
    cr_assert(strstr(e, key) && strstr(e, why), "\"%s\" does not name %s and %s", e, key, why);
}

Test(hparams, one_number_is_for_all_layers)
{
    usual();
    cr_assert(read_file() == OG_OK, "%s", og_error(ctx));
    for (int i = 0; i < 3; i++) {
        const og_layer_hp *h = &hp->base.layer[i];
        cr_assert(h->n_head == 4 && h->n_head_kv == 4 && h->n_ff == 32);
        cr_assert(h->head_k == 16 && h->head_v == 16 && h->n_rot == 16 && h->has_rope);
        cr_assert(h->rope_base == 10000 && h->window == 0 && !h->is_local);
        cr_assert(hp->width[i] == 8 + i);
    }
    cr_assert(hp->kind == 1 && hp->sections[3] == 7 && hp->sum == 10.5f);
}

Test(hparams, an_array_has_a_number_for_each_layer)
{
    ogt_gguf_u32(&w, "a.block_count", 3);
    ints("a.feed_forward_length", 3, (int32_t[]){ 32, 16, 8 });
    ints("a.attention.head_count", 3, (int32_t[]){ 4, 8, 2 });
    ints("a.attention.head_count_kv", 3, (int32_t[]){ 2, 2, 1 });
    ints("a.sections", 3, (int32_t[]){ 1, 2, 3 });
    ogt_gguf_str(&w, "a.kind", "round");
    cr_assert(read_file() == OG_OK, "%s", og_error(ctx));
    const og_layer_hp *h = hp->base.layer;
    cr_assert(h[0].n_head == 4 && h[1].n_head == 8 && h[2].n_head == 2);
    cr_assert(h[0].n_head_kv == 2 && h[2].n_head_kv == 1 && h[1].n_ff == 16 && h[2].n_ff == 8);
    cr_assert(h[0].head_k == 8 && h[2].head_k == 8);
    cr_assert(hp->width[1] == 17 && hp->width[2] == 6);
    cr_assert(hp->sections[2] == 3 && hp->sections[3] == 7 && hp->kind == 0);
}

Test(hparams, arrays_of_another_length_are_refused)
{
    usual();
    ints("a.attention.head_count_kv", 2, (int32_t[]){ 2, 2 });
    refused("a.attention.head_count_kv", "has 2 entries, expected 3");
}

Test(hparams, each_element_is_checked)
{
    usual();
    ints("a.width", 3, (int32_t[]){ 1, 101, 2 });
    refused("a.width", "is 101, expected 1..100");
}

Test(hparams, longer_lists_are_refused)
{
    usual();
    ints("a.sections", 5, (int32_t[]){ 1, 2, 3, 4, 5 });
    refused("a.sections", "has 5 entries, expected at most 4");
}

Test(hparams, a_number_of_the_model_does_not_differ)
{
    usual();
    ints("a.attention.sliding_window", 3, (int32_t[]){ 1, 2, 1 });
    refused("a.attention.sliding_window", "differs from layer to layer");
}

Test(hparams, unknown_names_are_refused)
{
    usual();
    ogt_gguf_str(&w, "a.kind", "oval");
    refused("a.kind", "is 'oval', expected one of round|square");
}

Test(hparams, a_default_must_be_whole)
{
    ogt_gguf_u32(&w, "a.block_count", 3);
    ogt_gguf_u32(&w, "a.feed_forward_length", 32);
    ogt_gguf_u32(&w, "a.attention.head_count", 5);
    refused("a.attention.key_length", "n_embd / most(n_head) is 12.8");
}

Test(hparams, windows_follow_the_period)
{
    usual();
    ogt_gguf_u32(&w, "a.attention.sliding_window", 5);
    ogt_gguf_f32(&w, "a.rope.freq_base_swa", 100);
    cr_assert(read_file() == OG_OK, "%s", og_error(ctx));
    const og_layer_hp *h = hp->base.layer;
    cr_assert(h[0].window == 5 && h[1].window == 0 && h[2].window == 5);
    cr_assert(h[0].rope_base == 100 && h[1].rope_base == 10000);
}

Test(hparams, or_an_array_says_which_layers_are_local)
{
    usual();
    ogt_gguf_u32(&w, "a.attention.sliding_window", 5);
    ogt_gguf_array(&w, "a.attention.sliding_window_pattern", OGI_GGUF_BOOL, 3, "\1\1\0", 3);
    cr_assert(read_file() == OG_OK, "%s", og_error(ctx));
    const og_layer_hp *h = hp->base.layer;
    cr_assert(h[0].window == 5 && h[1].window == 5 && h[2].window == 0);
}

Test(hparams, layers_that_predict_further_tokens_do_not_count)
{
    usual();
    ogt_gguf_u32(&w, "a.nextn_predict_layers", 1);
    ints("a.width", 3, (int32_t[]){ 1, 2, 3 });
    cr_assert(read_file() == OG_OK, "%s", og_error(ctx));
    cr_assert(hp->base.n_layer == 2 && hp->base.n_block == 3 && hp->width[1] == 2);
}

Test(hparams, some_layer_must_be_left)
{
    usual();
    ogt_gguf_u32(&w, "a.nextn_predict_layers", 3);
    refused("n_layer", "expected 1..1024");
}
