/* SPDX-License-Identifier: MIT
 *
 * Opening models: what files must have and say, what a model declares, and an architecture that is
 * registered from outside. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/model.h"
#include "oxigraph/decoder.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

static og_ctx *ctx;
static ogt_spec spec;
static ogi_gguf *file;
static ogi_model *model;

static og_status open_for(const char *name, const char *override, int64_t n_ctx)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_status s = ogi_gguf_open_memory(ctx, "m.gguf", spec.gguf, spec.gguf_size, &override,
                                       override != NULL, &file);
    ogi_model_options opt = { .kv = { OG_F16, OG_F16 }, .n_ctx = n_ctx };
    return s == OG_OK ? ogi_model_open(ctx, file, &opt, &model) : s;
}

static og_status open_with(const char *name, const char *override)
{
    return open_for(name, override, 0);
}

static void close_all(void)
{
    ogi_model_close(model);
    ogi_gguf_close(file);
    og_ctx_free(ctx);
    ogt_spec_free(&spec);
    model = NULL;
    file = NULL;
}

/* Opening the case with one key changed fails with a line that has all three parts. */
static void refuse(const char *name, const char *override, const char *key, const char *why)
{
    cr_assert(open_with(name, override) != OG_OK, "%s was accepted", override);
    const char *e = og_error(ctx);
    cr_assert(strstr(e, "m.gguf") && strstr(e, key) && strstr(e, why),
              "\"%s\" does not name the file, %s and %s", e, key, why);
    close_all();
}

Test(model, keys_and_values_have_a_type_each)
{
    ogi_kv_types t;
    cr_assert(ogi_kv_types_parse(NULL, &t) && t.k == OG_F16 && t.v == OG_F16);
    cr_assert(ogi_kv_types_parse("bf16", &t) && t.k == OG_BF16 && t.v == OG_BF16);
    cr_assert(ogi_kv_types_parse("k=q8_0,v=q4_0", &t) && t.k == OG_Q8_0 && t.v == OG_Q4_0);
    cr_assert(ogi_kv_types_parse("v=f32", &t) && t.k == OG_F16 && t.v == OG_F32);
    static const char *const bad[] = { "",       "q6_k",        "f16,",        "k=",
                                       "k=f16,", "k=f16,k=f16", "k=f16;v=f16", "x=f16",
                                       "=f16",   "q8_0,q4_0" };
    for (int i = 0; i < OGI_LEN(bad); i++)
        cr_assert(!ogi_kv_types_parse(bad[i], &t), "'%s' was accepted", bad[i]);
}

Test(model, refuses_heads_that_are_no_whole_blocks)
{
    cr_assert(open_with("llama", NULL) == OG_OK);
    ogi_model_close(model);
    ogi_model_options opt = { .kv = { OG_F16, OG_Q8_0 } };
    cr_assert_eq(ogi_model_open(ctx, file, &opt, &model), OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "kv.v as Q8_0: a head of 16 values"), "%s", og_error(ctx));
    close_all();
}

Test(model, learned_positions_bound_the_context)
{
    cr_assert(open_for("gpt2", NULL, 64) == OG_OK, "%s", og_error(ctx));
    cr_assert(model->n_ctx == 64);
    close_all();
    cr_assert(open_for("gpt2", NULL, 256) == OG_OK, "%s", og_error(ctx));
    cr_assert(model->n_ctx == 64, "a 65th token would get the 64th position again");
    close_all();
    cr_assert(open_for("llama", NULL, 4096) == OG_OK, "%s", og_error(ctx));
    cr_assert(model->n_ctx == 4096, "computed positions go on");
    close_all();
}

Test(model, declares_inputs_weights_and_states)
{
    cr_assert(open_with("llama", NULL) == OG_OK, "%s", og_error(ctx));
    cr_assert(ogi_verify(ogi_model_graph(model, "step")) == OG_OK &&
                  ogi_verify(ogi_model_graph(model, "head")) == OG_OK,
              "%s", og_error(ctx));
    cr_assert(!strcmp(model->arch, "llama") && model->n_vocab == 128 && model->n_embd == 64);
    cr_assert(model->n_layer == 3 && model->n_ctx_train == 256 && model->n_ctx == 256);
    cr_assert(model->has_kv && !model->has_recurrent && model->n_state == 6);
    cr_assert(!strcmp(model->state[0].name, "kv.k.0") && model->state[0].is_paged);
    cr_assert(model->state[0].unit_size == 2 * 64 * 16 * 2); /* heads, rows, values, F16 */
    cr_assert(model->n_weight == ogi_gguf_tensor_count(file));
    for (int i = 0; i < model->n_weight; i++) { /* mapped, not copied */
        const unsigned char *p = model->weight[i].data;
        cr_assert(p >= spec.gguf && p + model->weight[i].size <= spec.gguf + spec.gguf_size);
    }
    close_all();
}

Test(model, recurrent_states_have_slots)
{
    cr_assert(open_with("mamba", NULL) == OG_OK, "%s", og_error(ctx));
    cr_assert(!model->has_kv && model->has_recurrent && model->n_state == 6);
    cr_assert(!strcmp(model->state[0].name, "ssm.conv.0") && !model->state[0].is_paged);
    cr_assert(model->state[0].unit_size == 3 * 128 * 4 &&
              model->state[1].unit_size == 128 * 16 * 4);
    close_all();
}

Test(model, tied_output_is_bound_once)
{
    cr_assert(open_with("llama-tied", NULL) == OG_OK, "%s", og_error(ctx));
    int n = 0;
    for (int i = 0; i < model->n_weight; i++)
        n += !strcmp(model->weight[i].name, "token_embd.weight");
    cr_assert(n == 1 && model->n_weight == ogi_gguf_tensor_count(file));
    close_all();
}

Test(model, absurd_numbers_are_refused)
{
    refuse("llama", "llama.block_count=int:0", "llama.block_count", "expected 1..1024");
    refuse("llama", "llama.block_count=int:-1", "llama.block_count", "expected 1..1024");
    refuse("llama", "llama.block_count=int:2147483648", "llama.block_count", "2147483648");
    refuse("llama", "llama.embedding_length=int:0", "llama.embedding_length", "expected");
    refuse("llama", "llama.attention.head_count=int:0", "attention.head_count", "expected");
    refuse("llama", "llama.attention.head_count_kv=int:3", "head_count_kv", "divisor");
    refuse("llama", "llama.context_length=int:2147483648", "context_length", "expected");
    refuse("llama", "llama.feed_forward_length=int:0", "feed_forward_length", "expected");
    refuse("llama", "llama.rope.freq_base=float:nan", "rope.freq_base", "nan");
    refuse("llama", "llama.rope.freq_base=float:inf", "rope.freq_base", "inf");
    refuse("llama", "llama.attention.layer_norm_rms_epsilon=float:-1", "epsilon", "expected");
    refuse("llama", "llama.rope.dimension_count=int:7", "rope.dimension_count", "even");
    refuse("llama", "llama.rope.scaling.type=str:cubic", "rope.scaling.type", "longrope");
    refuse("llama-moe", "llama.expert_used_count=int:7", "expert_used_count", "1..6");
    refuse("mamba", "mamba.ssm.conv_kernel=int:1", "ssm.conv_kernel", "expected 2..64");
}

Test(model, wrong_types_are_refused)
{
    refuse("llama", "llama.block_count=str:three", "llama.block_count", "integer");
    refuse("llama", "llama.rope.freq_base=str:big", "rope.freq_base", "number");
}

/* A norm's F32 values of another type of the same size, and of ids that are no type's. */
static void refuse_type(uint32_t id, const char *name_of_type)
{
    static const char name[] = "blk.0.attn_norm.weight";
    char error[200] = "", number[20];
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, "llama", &spec, error), "%s", error);
    free(dir);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    unsigned char *p = spec.gguf;
    while (memcmp(p, name, strlen(name))) p++;
    memcpy(p + strlen(name) + 4 + 8, &id, 4); /* behind the rank, 1, and the only dimension */
    og_status s = ogi_gguf_open_memory(ctx, "m.gguf", spec.gguf, spec.gguf_size, NULL, 0, &file);
    if (s == OG_OK)
        s = ogi_model_open(ctx, file, &(ogi_model_options){ .kv = { OG_F16, OG_F16 } }, &model);
    snprintf(number, sizeof number, "%u", id);
    const char *said = og_error(ctx);
    cr_assert(s == OG_E_UNSUPPORTED && strstr(said, name) && strstr(said, name_of_type) &&
                  strstr(said, number) && strstr(said, "convert the model"),
              "%s", said);
    close_all();
}

Test(model, weights_of_types_that_cannot_run_are_refused_by_name)
{
    refuse_type(OG_I32, "I32");
    refuse_type(OG_Q4_0_4_4, "Q4_0_4_4");
    refuse_type(43, "fork");
    refuse_type(150, "fork");
}

Test(model, tensors_that_do_not_fit_are_refused)
{
    refuse("llama", "llama.block_count=int:4", "blk.3.attn_norm.weight", "missing");
    refuse("llama", "llama.block_count=int:2", "blk.2.", "none that architecture llama has");
    refuse("llama", "llama.feed_forward_length=int:161", "blk.0.ffn_gate.weight", "[161,64]");
    refuse("llama", "llama.attention.key_length=int:32", "blk.0.attn_q.weight", "[128,64]");
}

Test(model, unknown_architecture_is_refused)
{
    refuse("llama", "general.architecture=str:lama", "lama", "oxigraph archs");
    refuse("llama", "general.architecture=str:qwen2", "qwen2.context_length", "missing");
}

/* ---- an architecture from outside ---------------------------------------------------------- */

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN };

/* Attention and feed-forward side by side. */
static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    og_tensor *f = og_decoder_norm(d, x, l->ffn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    return og_add(d->g, x, og_decoder_ffn(d, il, f, &(og_ffn){ .act = og_relu }));
}

static const og_arch parallel = { .name = "llama",
                                  .doc = "takes the place of the built-in one",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_HALVES,
                                  .block = block };

static int count_op(const og_graph *g, og_op op)
{
    int n = 0;
    for (int64_t i = 0; i < g->n_node; i++) n += g->node[i]->op == op;
    return n;
}

Test(model, registered_architectures_go_first)
{
    cr_assert(open_with("llama", NULL) == OG_OK, "%s", og_error(ctx));
    cr_assert(count_op(ogi_model_graph(model, "step"), OG_OP_SILU) == 3 &&
              count_op(ogi_model_graph(model, "step"), OG_OP_RELU) == 0);
    cr_assert(og_arch_register(ctx, &parallel) == OG_OK);
    ogi_model *other = NULL;
    ogi_model_options opt = { .kv = { OG_F32, OG_F32 } };
    cr_assert(ogi_model_open(ctx, file, &opt, &other) == OG_OK, "%s", og_error(ctx));
    cr_assert(count_op(ogi_model_graph(other, "step"), OG_OP_RELU) == 3 &&
              count_op(ogi_model_graph(other, "step"), OG_OP_SILU) == 0);
    cr_assert(other->state[0].unit_size == 2 * 64 * 16 * 4);
    ogi_model_close(other);
    close_all();
}

Test(model, an_architecture_without_a_block_is_refused)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    const og_arch none = { .name = "none", OG_ARCH_TABLES };
    cr_assert(og_arch_register(ctx, &none) == OG_E_INVALID);
    og_ctx_free(ctx);
}

static og_tensor *block_of_nothing(og_decoder *d, int il, og_tensor *x)
{
    return il == 1 ? NULL : block(d, il, x);
}

static og_tensor *block_too_narrow(og_decoder *d, int il, og_tensor *x)
{
    x = block(d, il, x);
    return il == 2 ? og_slice(d->g, x, 1, 0, 32) : x;
}

static void refused_block(og_tensor *(*make)(og_decoder *d, int il, og_tensor *x), const char *says)
{
    og_arch bad = parallel;
    ogi_model *m = NULL;
    ogi_model_options opt = { .kv = { OG_F32, OG_F32 } };
    bad.block = make;
    cr_assert(open_with("llama", NULL) == OG_OK, "%s", og_error(ctx));
    cr_assert(og_arch_register(ctx, &bad) == OG_OK);
    cr_assert(ogi_model_open(ctx, file, &opt, &m) == OG_E_INVALID, "%s", says);
    cr_assert(strstr(og_error(ctx), says), "%s", og_error(ctx));
    close_all();
}

Test(model, what_a_block_must_not_give_is_named_with_its_layer)
{
    refused_block(block_of_nothing, "the block of layer 1 gives nothing");
    refused_block(block_too_narrow, "the block of layer 2 gives [T,32], expected [T,64]");
}

/* ---- which weights are read ---------------------------------------------------------------- */

typedef struct own_layer {
    og_layer base;
    og_tensor *extra;
} own_layer;

static og_tensor *block_without_k_bias(og_decoder *d, int il, og_tensor *x)
{
    const own_layer *l = og_decoder_layer(d, il);
    og_tensor *k = og_linear(d->g, x, l->base.wk);
    x = og_add(d->g, x, og_decoder_attend(d, il, x, &(og_attend){ .k = k }));
    x = og_mul(d->g, x, l->base.attn_norm);
    x = og_decoder_norm(d, x, l->base.ffn_norm, NULL);
    x = og_add(d->g, x, og_decoder_ffn(d, il, x, NULL));
    return l->extra ? og_add(d->g, x, l->extra) : x;
}

/* Opens a case as an architecture "llama" whose table has one row more. */
static og_status open_as(const char *name, og_weight_row row)
{
    og_weight_row rows[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN, row };
    og_arch a = { .name = "llama",
                  OG_ARCH_TABLES_OF(keys, rows),
                  .layer_size = sizeof(own_layer),
                  .rope = OG_ROPE_PAIRS,
                  .block = block_without_k_bias };
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK && og_arch_register(ctx, &a) == OG_OK);
    og_status s = ogi_gguf_open_memory(ctx, "m.gguf", spec.gguf, spec.gguf_size, NULL, 0, &file);
    ogi_model_options opt = { .kv = { OG_F16, OG_F16 } };
    return s == OG_OK ? ogi_model_open(ctx, file, &opt, &model) : s;
}

Test(model, a_weight_that_no_graph_reads_is_refused)
{
    cr_assert(open_as("llama-bias", (og_weight_row)OG_W_LEFT_OUT("none")) == OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "'blk.0.attn_k.bias' is read by no graph"), "%s",
              og_error(ctx));
    close_all();
}

Test(model, unless_its_row_says_that_it_is_left_out)
{
    const og_weight_row row = OG_W_LEFT_OUT("blk.*.attn_k.bias");
    cr_assert(open_as("llama-bias", row) == OG_OK, "%s", og_error(ctx));
    close_all();
}

Test(model, rows_with_a_condition_count_where_it_holds)
{
    cr_assert(open_as("llama", (og_weight_row)OG_WL_OWN(own_layer, "il == 3", "blk.%d.extra", extra,
                                                        0, "n_embd")) == OG_OK,
              "%s", og_error(ctx));
    close_all();
    cr_assert(open_as("llama", (og_weight_row)OG_WL_OWN(own_layer, "il == 2 && has(wq)",
                                                        "blk.%d.extra", extra, 0, "n_embd")) !=
              OG_OK);
    cr_assert(strstr(og_error(ctx), "'blk.2.extra' is missing"), "%s", og_error(ctx));
    close_all();
}

Test(model, further_fields_are_of_the_architectures_own_struct)
{
    cr_assert(open_as("llama", (og_weight_row)OG_WL_OWN(own_layer, NULL, "blk.%d.attn_norm.weight",
                                                        extra, 0, "n_embd")) == OG_OK,
              "%s", og_error(ctx));
    close_all();
}

/* ---- memory -------------------------------------------------------------------------------- */

typedef struct budget {
    int left;
    int64_t live;
} budget;

static void *limited(void *user, void *p, size_t size)
{
    budget *b = user;
    if (size == 0) {
        b->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (b->left-- <= 0) return NULL;
    b->live += p == NULL;
    return realloc(p, size);
}

/* Fails the n-th allocation for every n: an error each time, and nothing is left behind. */
Test(model, runs_out_of_memory_cleanly, .timeout = 120)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, "llama-mqa", &spec, error), "%s", error);
    free(dir);
    og_status s = OG_E_MEMORY;
    int n = 1;
    for (; s != OG_OK && n < 20000; n += n < 64 ? 1 : n / 16) {
        budget b = { .left = n };
        og_ctx_options opt = { .realloc = limited, .user = &b };
        if (og_ctx_new(&opt, &ctx) != OG_OK) continue;
        ogi_model_options mo = { .kv = { OG_F32, OG_F32 } };
        s = ogi_gguf_open_memory(ctx, "m", spec.gguf, spec.gguf_size, NULL, 0, &file);
        if (s == OG_OK) s = ogi_model_open(ctx, file, &mo, &model);
        cr_assert(s == OG_OK || s == OG_E_MEMORY, "%d: %s", n, og_error(ctx));
        ogi_model_close(model);
        ogi_gguf_close(file);
        og_ctx_free(ctx);
        model = NULL;
        file = NULL;
        cr_assert(b.live == 0, "%d blocks are left after allocation %d failed", (int)b.live, n);
    }
    cr_assert(s == OG_OK);
    ogt_spec_free(&spec);
}
