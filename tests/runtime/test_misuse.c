/* SPDX-License-Identifier: MIT
 *
 * Library misuse: every public function of graphs, devices, programs, models and generation is
 * called with each argument wrong, and says so or does nothing. Worth most under ASan. */
#include <criterion/criterion.h>
#include <stdlib.h>

#define OG_NO_SOURCE_LINES
#include "oxigraph/compile.h"
#include "oxigraph/decoder.h"
#include "oxigraph/generate.h"
#include "oxigraph/ops.h"
#include "oxigraph/prompt_cache.h"
#include "tests/support/misuse.h"

static const char model_path[] = OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf";

static og_ctx *ctx;

static void begin(void)
{
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
}

static void end(void)
{
    og_ctx_free(ctx);
}

TestSuite(misuse, .init = begin, .fini = end);

/* A call that must fail; if there is a context to tell it in, with a message. */
#define REFUSED(call)                                                                              \
    do {                                                                                           \
        og_error_clear(ctx);                                                                       \
        cr_expect((call) != OG_OK, "accepted: %s", #call);                                         \
    } while (0)
#define TOLD(call)                                                                                 \
    do {                                                                                           \
        REFUSED(call);                                                                             \
        cr_expect(og_error(ctx)[0], "nothing is told: %s", #call);                                 \
    } while (0)

static og_model *load(int64_t n_ctx)
{
    og_model *m;
    og_model_options o = { .device = { .n_thread = 2 }, .n_ctx = n_ctx, .n_sequence = 3 };
    cr_assert_eq(og_model_load(ctx, model_path, &o, &m), OG_OK, "%s", og_error(ctx));
    return m;
}

static bool ignore_row(void *user, int f, int64_t i, const float *row)
{
    (void)user, (void)f, (void)i, (void)row;
    return true;
}

Test(misuse, contexts)
{
    REFUSED(og_ctx_new(NULL, NULL));
    og_ctx_free(NULL);
    og_error_clear(NULL);
    og_text_free(NULL, NULL);
    og_text_free(ctx, NULL);
    cr_assert_str_empty(og_error(NULL));
    cr_assert_str_empty(og_error_where(NULL));
    TOLD(og_device_open(ctx, NULL, NULL));
    cr_assert(strstr(og_error_where(ctx), "runtime/program.c:") == og_error_where(ctx),
              "a path of the build: %s", og_error_where(ctx));
    cr_assert_not_null(og_status_text((og_status)-1));
    cr_assert_not_null(og_status_text((og_status)1000));
    cr_assert_not_null(og_dtype_name((og_dtype)-1));
    cr_assert_not_null(og_dtype_name((og_dtype)1000));
}

Test(misuse, devices_and_programs)
{
    og_device *d;
    og_program *p;
    og_program_info info;
    char *text;
    int64_t sym = 4, range[] = { 3, 2, 1 };
    float x[4] = { 1, 2, 3, 4 };
    REFUSED(og_device_open(NULL, NULL, &d));
    TOLD(og_device_open(ctx, NULL, NULL));
    TOLD(og_device_open(ctx, &(og_device_options){ .name = "no such" }, &d));
    TOLD(og_device_open(ctx, &(og_device_options){ .isa = "no such" }, &d));
    TOLD(og_device_open(ctx, &(og_device_options){ .n_thread = -1 }, &d));
    og_device_free(NULL);
    cr_assert_str_empty(og_device_name(NULL));
    cr_assert_str_empty(og_device_isa(NULL));
    cr_assert_eq(og_device_threads(NULL), 0);
    og_error_clear(ctx);
    cr_assert_eq(og_device_open(ctx, &(og_device_options){ .n_thread = 2 }, &d), OG_OK);
    og_graph *g = og_graph_new(ctx, "g");
    og_dim T = og_sym(g, "T", 1, 4);
    og_output(g, "y", og_sqr(g, og_input(g, "x", OG_F32, OG_SHAPE(T))));
    REFUSED(og_compile(NULL, g, NULL, &p));
    TOLD(og_compile(d, NULL, NULL, &p));
    TOLD(og_compile(d, g, NULL, NULL));
    TOLD(og_compile(d, g, &(og_compile_options){ .n_range = 2 }, &p));
    TOLD(og_compile(d, g, &(og_compile_options){ .n_range = -1, .range = range }, &p));
    TOLD(og_compile(d, g, &(og_compile_options){ .n_range = 3, .range = range }, &p));
    TOLD(og_compile(d, g, &(og_compile_options){ .skip = "no such" }, &p));
    og_error_clear(ctx);
    cr_assert_eq(og_compile(d, g, NULL, &p), OG_OK, "%s", og_error(ctx));
    og_graph_free(g);
    REFUSED(og_program_bind(NULL, "x", x, sizeof x));
    TOLD(og_program_bind(p, NULL, x, sizeof x));
    REFUSED(og_program_bind(p, "no such", x, sizeof x));
    TOLD(og_program_bind(p, "x", x, -1));
    REFUSED(og_program_run(NULL, &sym));
    TOLD(og_program_run(p, &sym)); /* nothing is bound */
    cr_assert_eq(og_program_bind(p, "x", x, 12), OG_OK);
    TOLD(og_program_run(p, &sym)); /* too little */
    cr_assert_eq(og_program_bind(p, "x", NULL, sizeof x), OG_OK);
    TOLD(og_program_run(p, &sym)); /* taken away again */
    cr_assert_eq(og_program_bind(p, "x", x, sizeof x), OG_OK);
    TOLD(og_program_run(p, NULL));
    TOLD(og_program_run(p, &(int64_t){ 0 }));
    TOLD(og_program_run(p, &(int64_t){ 5 }));
    og_error_clear(ctx);
    cr_assert_eq(og_program_run(p, &sym), OG_OK, "%s", og_error(ctx));
    cr_assert_null(og_program_output(NULL, "y"));
    cr_assert_null(og_program_output(p, NULL));
    cr_assert_null(og_program_output(p, "no such"));
    og_program_get_info(NULL, &info);
    og_program_get_info(p, NULL);
    REFUSED(og_program_print_plan(NULL, 1, OG_TEXT, &text));
    TOLD(og_program_print_plan(p, 1, OG_TEXT, NULL));
    TOLD(og_program_print_plan(p, 1, (og_format)77, &text));
    TOLD(og_program_print_plan(p, 1, OG_DOT, &text));
    og_program_free(NULL);
    og_program_free(p);
    og_device_free(d);
}

Test(misuse, graphs)
{
    char *text;
    og_graph *g = og_graph_new(ctx, NULL), *other;
    float data[4] = { 0 };
    cr_assert_null(og_graph_new(NULL, "g"));
    og_graph_free(NULL);
    cr_assert_neq(og_graph_status(NULL), OG_OK);
    og_sym(NULL, "T", 1, 2);
    cr_assert_null(og_input(NULL, "x", OG_F32, OG_SHAPE(OG_N(4))));
    cr_assert_null(og_weight(NULL, "x", OG_F32, OG_SHAPE(OG_N(4))));
    cr_assert_null(og_state(NULL, "x", OG_F32, OG_SHAPE(OG_N(4))));
    cr_assert_null(og_scalar(NULL, 1));
    cr_assert_null(og_table(NULL, OG_F32, OG_SHAPE(OG_N(4)), data));
    og_output(NULL, "y", NULL);
    og_graph_layer(NULL, 1);
    cr_assert_null(og_name(NULL, "n"));
    og_tensor_shape(NULL);
    og_tensor_dtype(NULL);
    cr_assert_null(og_at(NULL, "file", 1));
    og_dim_div(OG_N(4), 0);
    og_dim_mul(OG_N(INT64_MAX), INT64_MAX);
    og_dim_add(OG_N(INT64_MAX), OG_N(INT64_MAX));
    REFUSED(og_graph_print(NULL, OG_TEXT, &text));
    TOLD(og_graph_print(g, OG_TEXT, NULL));
    TOLD(og_graph_print(g, (og_format)77, &text));
    REFUSED(og_graph_parse(NULL, "", 0, &other));
    TOLD(og_graph_parse(ctx, NULL, 5, &other));
    TOLD(og_graph_parse(ctx, "graph", 5, NULL));
    TOLD(og_graph_parse(ctx, NULL, 0, &other));
    og_graph_free(g);
}

/* Every builder: a NULL graph gives NULL; a NULL operand NULL and a graph that has failed. */
#define BUILDER(...)                                                                               \
    do {                                                                                           \
        og_error_clear(ctx);                                                                       \
        og_graph *g = NULL;                                                                        \
        og_tensor *x = NULL;                                                                       \
        (void)x;                                                                                   \
        cr_expect(!(__VA_ARGS__), "without a graph: %s", #__VA_ARGS__);                            \
        g = og_graph_new(ctx, "g");                                                                \
        cr_expect(!(__VA_ARGS__), "without an operand: %s", #__VA_ARGS__);                         \
        cr_expect(og_graph_status(g) != OG_OK, "no error: %s", #__VA_ARGS__);                      \
        og_graph_free(g);                                                                          \
    } while (0)

Test(misuse, builders)
{
    og_shape s = OG_SHAPE(OG_N(4));
    og_rope_args rope = { .head_dim = 4, .n_rot = 4 };
    og_attention_args attention = { 0 };
    og_scan_args scan = { 0 };
    og_linear_scan_args linear_scan = { 0 };
    const int axes[OG_MAX_RANK] = { 0 };
    BUILDER(og_reshape(g, x, s));
    BUILDER(og_permute(g, x, axes));
    BUILDER(og_slice(g, x, 0, 0, 1));
    BUILDER(og_broadcast(g, x, s));
    BUILDER(og_add(g, x, x));
    BUILDER(og_sub(g, x, x));
    BUILDER(og_mul(g, x, x));
    BUILDER(og_div(g, x, x));
    BUILDER(og_minimum(g, x, x));
    BUILDER(og_maximum(g, x, x));
    BUILDER(og_less(g, x, x));
    BUILDER(og_select(g, x, x, x));
    BUILDER(og_neg(g, x));
    BUILDER(og_abs(g, x));
    BUILDER(og_sqr(g, x));
    BUILDER(og_sqrt(g, x));
    BUILDER(og_rsqrt(g, x));
    BUILDER(og_exp(g, x));
    BUILDER(og_log(g, x));
    BUILDER(og_sin(g, x));
    BUILDER(og_cos(g, x));
    BUILDER(og_tanh(g, x));
    BUILDER(og_relu(g, x));
    BUILDER(og_sigmoid(g, x));
    BUILDER(og_silu(g, x));
    BUILDER(og_softplus(g, x));
    BUILDER(og_gelu(g, x));
    BUILDER(og_gelu_erf(g, x));
    BUILDER(og_gelu_quick(g, x));
    BUILDER(og_scale(g, x, 1, 0));
    BUILDER(og_clamp(g, x, 0, 1));
    BUILDER(og_cast(g, x, OG_F16));
    BUILDER(og_sum(g, x));
    BUILDER(og_mean(g, x));
    BUILDER(og_max(g, x));
    BUILDER(og_softmax(g, x));
    BUILDER(og_rms_norm(g, x, 0));
    BUILDER(og_layer_norm(g, x, 0));
    BUILDER(og_concat(g, x, x, 0));
    BUILDER(og_take_rows(g, x, x));
    BUILDER(og_take_last(g, x, x));
    BUILDER(og_kv_store(g, x, x, x));
    BUILDER(og_quantize(g, x));
    BUILDER(og_linear(g, x, x));
    BUILDER(og_matmul(g, x, x));
    BUILDER(og_grouped_linear(g, x, x, x, x));
    BUILDER(og_rope_table(g, x, x, &rope));
    BUILDER(og_rope_table(g, x, x, NULL));
    BUILDER(og_rope(g, x, x, &rope));
    BUILDER(og_rope(g, x, x, NULL));
    BUILDER(og_attention(g, &attention));
    BUILDER(og_attention(g, NULL));
    BUILDER(og_top_k(g, x, 1));
    BUILDER(og_group_by_expert(g, x, 1));
    BUILDER(og_moe_combine(g, x, x));
    BUILDER(og_ssm_conv(g, x, x, &scan));
    BUILDER(og_ssm_conv(g, x, x, NULL));
    BUILDER(og_ssm_scan(g, x, x, x, x, x, &scan));
    BUILDER(og_ssm_scan(g, x, x, x, x, x, NULL));
    BUILDER(og_linear_scan(g, &linear_scan));
    BUILDER(og_linear_scan(g, NULL));
    BUILDER(og_head_linear(g, x, x));
    BUILDER(og_select_keys(g, NULL));
    BUILDER(og_block_pool(g, x, x, NULL, 4, false));
    BUILDER(og_kv_store_pooled(g, x, x, x, x, 4));
    BUILDER(og_sinkhorn(g, x, 1, 0));
    BUILDER(og_top_k_mask(g, x, 1));
    BUILDER(og_sequence_mean(g, x, NULL));
    BUILDER(og_unfold(g, x, x, 3));
    BUILDER(og_group_norm(g, x, x, 1, 0));
    BUILDER(og_attention_merge(g, x, x, x));
    BUILDER(og_conv1d(g, x, x, x));
}

static og_tensor *operand(og_graph *g)
{
    return og_input(g, "x", OG_F32, OG_SHAPE(OG_N(2), OG_N(4)));
}

#define BAD_PARAMETER(...)                                                                         \
    do {                                                                                           \
        og_error_clear(ctx);                                                                       \
        og_graph *g = og_graph_new(ctx, "g");                                                      \
        og_tensor *x = operand(g);                                                                 \
        cr_expect(!(__VA_ARGS__), "accepted: %s", #__VA_ARGS__);                                   \
        cr_expect(og_graph_status(g) != OG_OK && og_error(ctx)[0], "untold: %s", #__VA_ARGS__);    \
        og_graph_free(g);                                                                          \
    } while (0)

Test(misuse, parameters_of_builders)
{
    og_shape five = OG_SHAPE(OG_N(5)), deep = { .rank = 6 }, negative = { .rank = -1 };
    og_shape none = OG_SHAPE(OG_N(0));
    const int twice[OG_MAX_RANK] = { 1, 1 }, far[OG_MAX_RANK] = { 0, 7 };
    const int below[OG_MAX_RANK] = { -1, 0 };
    BAD_PARAMETER(og_reshape(g, x, five));
    BAD_PARAMETER(og_reshape(g, x, deep));
    BAD_PARAMETER(og_reshape(g, x, negative));
    BAD_PARAMETER(og_permute(g, x, NULL));
    BAD_PARAMETER(og_permute(g, x, twice));
    BAD_PARAMETER(og_permute(g, x, far));
    BAD_PARAMETER(og_permute(g, x, below));
    BAD_PARAMETER(og_slice(g, x, 2, 0, 1));
    BAD_PARAMETER(og_slice(g, x, -3, 0, 1));
    BAD_PARAMETER(og_slice(g, x, 0, -1, 1));
    BAD_PARAMETER(og_slice(g, x, 0, 0, 3));
    BAD_PARAMETER(og_slice(g, x, 0, INT64_MAX, INT64_MAX));
    BAD_PARAMETER(og_broadcast(g, x, five));
    BAD_PARAMETER(og_broadcast(g, x, deep));
    BAD_PARAMETER(og_cast(g, x, (og_dtype)-1));
    BAD_PARAMETER(og_cast(g, x, (og_dtype)1000));
    BAD_PARAMETER(og_concat(g, x, x, 7));
    BAD_PARAMETER(og_concat(g, x, x, -7));
    BAD_PARAMETER(og_top_k(g, x, 0));
    BAD_PARAMETER(og_top_k(g, x, 5));
    BAD_PARAMETER(og_top_k(g, x, -1));
    BAD_PARAMETER(og_group_by_expert(g, x, 0));
    BAD_PARAMETER(og_input(g, NULL, OG_F32, five));
    BAD_PARAMETER(og_input(g, "", OG_F32, five));
    BAD_PARAMETER(og_input(g, "x", OG_F32, five)); /* taken */
    BAD_PARAMETER(og_input(g, "z", (og_dtype)1000, five));
    BAD_PARAMETER(og_input(g, "z", OG_F32, deep));
    BAD_PARAMETER(og_input(g, "z", OG_F32, none));
    BAD_PARAMETER(og_weight(g, NULL, OG_F32, five));
    BAD_PARAMETER(og_state(g, NULL, OG_F32, five));
    BAD_PARAMETER(og_table(g, OG_F32, five, NULL));
    BAD_PARAMETER(og_table(g, OG_F32, deep, five.dim));
    BAD_PARAMETER((og_sym(g, NULL, 1, 2), x = NULL));
    BAD_PARAMETER((og_sym(g, "T", 0, 2), x = NULL));
    BAD_PARAMETER((og_sym(g, "T", 3, 2), x = NULL));
    BAD_PARAMETER((og_output(g, NULL, x), x = NULL));
    BAD_PARAMETER((og_output(g, "y", NULL), x = NULL));
}

Test(misuse, an_operand_of_another_graph)
{
    og_graph *g = og_graph_new(ctx, "g"), *h = og_graph_new(ctx, "h");
    cr_assert_null(og_sqr(g, operand(h)));
    cr_assert_neq(og_graph_status(g), OG_OK);
    og_error_clear(ctx);
    og_graph *k = og_graph_new(ctx, "k");
    og_output(k, "y", operand(k));
    og_output(k, "z", og_input(h, "z", OG_F32, OG_SHAPE(OG_N(4))));
    cr_assert_neq(og_graph_status(k), OG_OK);
    og_graph_free(g), og_graph_free(h), og_graph_free(k);
}

Test(misuse, models_and_sequences)
{
    og_model *m, *other;
    og_sequence *s, *foreign, *t;
    og_model_info info;
    REFUSED(og_model_load(NULL, model_path, NULL, &m));
    TOLD(og_model_load(ctx, NULL, NULL, &m));
    TOLD(og_model_load(ctx, model_path, NULL, NULL));
    TOLD(og_model_load(ctx, "no such file", NULL, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .n_ctx = -1 }, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .n_sequence = -1 }, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .n_sequence = 1 << 20 }, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .batch = -1 }, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .n_override = 1 }, &m));
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .n_override = -1 }, &m));
    const char *const nothing[] = { NULL };
    TOLD(og_model_load(ctx, model_path, &(og_model_options){ .override = nothing, .n_override = 1 },
                       &m));
    og_error_clear(ctx);
    m = load(64), other = load(128);
    og_model_free(NULL);
    og_model_get_info(NULL, &info);
    og_model_get_info(m, NULL);
    cr_assert_null(og_model_program(NULL, "step"));
    cr_assert_null(og_model_program(m, NULL));
    cr_assert_null(og_model_program(m, "no such"));
    REFUSED(og_sequence_new(NULL, &s));
    TOLD(og_sequence_new(m, NULL));
    og_sequence_free(NULL);
    cr_assert_eq(og_sequence_length(NULL), 0);
    og_error_clear(ctx);
    cr_assert_eq(og_sequence_new(m, &s), OG_OK);
    cr_assert_eq(og_sequence_new(m, &t), OG_OK);
    cr_assert_eq(og_sequence_new(other, &foreign), OG_OK);
    REFUSED(og_sequence_truncate(NULL, 0));
    TOLD(og_sequence_truncate(s, 1));
    TOLD(og_sequence_truncate(s, -1));
    REFUSED(og_sequence_copy(NULL, s, 0));
    TOLD(og_sequence_copy(s, NULL, 0));
    TOLD(og_sequence_copy(s, s, 0));
    TOLD(og_sequence_copy(s, foreign, 0));
    TOLD(og_sequence_copy(s, t, 1));
    TOLD(og_sequence_copy(s, t, -1));
    int32_t token[100] = { 1, 2, 3 };
    og_feed good = { s, token, 3 };
#define FEED(...) og_model_feed(m, &(og_feed){ __VA_ARGS__ }, 1, OG_ROWS_LAST, ignore_row, NULL)
    REFUSED(og_model_feed(NULL, &good, 1, OG_ROWS_LAST, ignore_row, NULL));
    TOLD(og_model_feed(m, NULL, 1, OG_ROWS_LAST, ignore_row, NULL));
    TOLD(og_model_feed(m, &good, 0, OG_ROWS_LAST, ignore_row, NULL));
    TOLD(og_model_feed(m, &good, -1, OG_ROWS_LAST, ignore_row, NULL));
    TOLD(og_model_feed(m, &good, 65, OG_ROWS_LAST, ignore_row, NULL));
    TOLD(og_model_feed(m, &good, 1, (og_rows)7, ignore_row, NULL));
    TOLD(og_model_feed(m, &good, 1, OG_ROWS_LAST, NULL, NULL));
    TOLD(og_model_feed(m, &good, 1, OG_ROWS_ALL, NULL, NULL));
    TOLD(FEED(NULL, token, 3));
    TOLD(FEED(foreign, token, 3)); /* wrote outside of the KV memory */
    TOLD(FEED(s, NULL, 3));
    TOLD(FEED(s, token, 0));
    TOLD(FEED(s, token, -1));
    TOLD(FEED(s, token, 65));
    TOLD(FEED(s, (int32_t[]){ -1 }, 1));
    TOLD(FEED(s, (int32_t[]){ 1 << 30 }, 1));
    TOLD(og_model_feed(m, (og_feed[]){ good, good }, 2, OG_ROWS_NONE, NULL, NULL));
    og_error_clear(ctx);
    cr_assert_eq(og_sequence_length(s), 0, "a refused feed left something");
    cr_assert_eq(og_model_feed(m, &good, 1, OG_ROWS_NONE, NULL, NULL), OG_OK);
    float row[4096] = { 0 };
    REFUSED(og_model_check_logits(NULL, row));
    TOLD(og_model_check_logits(m, NULL));
    TOLD(og_model_embed(m, &good, 1, ignore_row, NULL)); /* loaded for logits */
    REFUSED(og_model_encode(NULL, s, token, 3));
    TOLD(og_model_encode(m, NULL, token, 3));
    TOLD(og_model_encode(m, s, NULL, 3));
    TOLD(og_model_encode(m, s, token, 3)); /* there is no encoder */
    og_model_free(m);
    og_model_free(other);
}

Test(misuse, embeddings)
{
    og_model *m;
    og_model_options o = { .device = { .n_thread = 2 }, .n_ctx = 64, .has_pooling = true };
    cr_assert_eq(og_model_load(ctx, model_path, &o, &m), OG_OK, "%s", og_error(ctx));
    og_feed feed = { .token = (int32_t[]){ 1, 2, 3 }, .n = 3 };
    float row[4096] = { 0 };
    cr_assert_eq(og_sequence_new(m, &feed.seq), OG_OK);
    REFUSED(og_model_embed(NULL, &feed, 1, ignore_row, NULL));
    TOLD(og_model_embed(m, NULL, 1, ignore_row, NULL));
    TOLD(og_model_embed(m, &feed, -1, ignore_row, NULL));
    TOLD(og_model_embed(m, &feed, 0, ignore_row, NULL));
    TOLD(og_model_embed(m, &feed, 65, ignore_row, NULL));
    TOLD(og_model_embed(m, &feed, 1, NULL, NULL));
    TOLD(og_model_embed(m, &(og_feed){ NULL, feed.token, 3 }, 1, ignore_row, NULL));
    TOLD(og_model_embed(m, &(og_feed){ feed.seq, NULL, 3 }, 1, ignore_row, NULL));
    TOLD(og_model_check_logits(m, row)); /* loaded for embeddings */
    og_error_clear(ctx);
    cr_assert_eq(og_model_embed(m, &feed, 1, ignore_row, NULL), OG_OK, "%s", og_error(ctx));
    TOLD(og_model_embed(m, &feed, 1, ignore_row, NULL)); /* it has tokens now */
    og_model_free(m);
}

Test(misuse, prompt_caches)
{
    og_model *m = load(64);
    og_sequence *s;
    og_tokens tokens = { 0 };
    int32_t token[3] = { 1, 2, 3 };
    cr_assert_eq(og_sequence_new(m, &s), OG_OK);
    REFUSED(og_prompt_cache_save(NULL, token, 3, "/tmp/none", NULL, NULL));
    TOLD(og_prompt_cache_save(s, NULL, 3, "/tmp/none", NULL, NULL));
    TOLD(og_prompt_cache_save(s, token, 3, NULL, NULL, NULL));
    TOLD(og_prompt_cache_save(s, token, 3, "/tmp/none", NULL, NULL)); /* the sequence is empty */
    TOLD(og_prompt_cache_save(s, token, -1, "/tmp/none", NULL, NULL));
    REFUSED(og_prompt_cache_load(NULL, "/tmp/none", &tokens, NULL, NULL));
    TOLD(og_prompt_cache_load(s, NULL, &tokens, NULL, NULL));
    TOLD(og_prompt_cache_load(s, "/tmp/none", NULL, NULL, NULL));
    TOLD(og_prompt_cache_load(s, "/no/such/file", &tokens, NULL, NULL));
    og_model_free(m);
}

Test(misuse, generation)
{
    og_model *m = load(64), *other = load(64);
    og_sequence *s, *foreign;
    og_tokenizer *t;
    og_sampler *p;
    og_chat *chat;
    og_generate_result out;
    const int32_t token[3] = { 1, 2, 3 };
    og_beams_options b = { .width = 2 };
    og_generate_options o = { .prompt = token, .n_prompt = 3, .max_tokens = 1 }, bad;
    cr_assert_eq(og_tokenizer_open(ctx, model_path, NULL, 0, &t), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(og_sampler_new(ctx, NULL, NULL, &p), OG_OK);
    cr_assert_eq(og_sequence_new(m, &s), OG_OK);
    cr_assert_eq(og_sequence_new(other, &foreign), OG_OK);
    REFUSED(og_generate(NULL, s, t, p, &o, &out));
    TOLD(og_generate(m, NULL, t, p, &o, &out));
    TOLD(og_generate(m, foreign, t, p, &o, &out));
    TOLD(og_generate(m, s, NULL, p, &o, &out));
    TOLD(og_generate(m, s, t, NULL, &o, &out));
    TOLD(og_generate(m, s, t, p, NULL, &out));
    TOLD(og_generate(m, s, t, p, &o, NULL));
    REFUSED(og_generate_beams(NULL, s, t, p, &b, &o, &out));
    TOLD(og_generate_beams(m, NULL, t, p, &b, &o, &out));
    TOLD(og_generate_beams(m, foreign, t, p, &b, &o, &out));
    TOLD(og_generate_beams(m, s, NULL, p, &b, &o, &out));
    TOLD(og_generate_beams(m, s, t, NULL, &b, &o, &out));
    TOLD(og_generate_beams(m, s, t, p, NULL, &o, &out));
    TOLD(og_generate_beams(m, s, t, p, &b, NULL, &out));
    TOLD(og_generate_beams(m, s, t, p, &b, &o, NULL));
    TOLD(og_generate_beams(m, s, t, p, &(og_beams_options){ .width = 0 }, &o, &out));
    TOLD(og_generate_beams(m, s, t, p, &(og_beams_options){ .width = 64 }, &o, &out));
#define WITH(...)                                                                                  \
    do {                                                                                           \
        bad = o;                                                                                   \
        __VA_ARGS__;                                                                               \
        TOLD(og_generate(m, s, t, p, &bad, &out));                                                 \
        TOLD(og_generate_beams(m, s, t, p, &b, &bad, &out));                                       \
    } while (0)
    WITH(bad.prompt = NULL);
    WITH(bad.n_prompt = 0);
    WITH(bad.n_prompt = -1);
    WITH(bad.n_prompt = 65);
    WITH(bad.max_tokens = -1);
    WITH(bad.n_stop = 1);
    WITH(bad.n_stop = -1);
    WITH(bad.n_prefix = 1);
    WITH(bad.n_top = -1);
    bad = o, bad.given = token;
    TOLD(og_generate(m, s, t, p, &bad, &out));
    REFUSED(og_chat_open(NULL, m, NULL, false, &chat));
    TOLD(og_chat_open(ctx, NULL, NULL, false, &chat));
    TOLD(og_chat_open(ctx, m, NULL, false, NULL));
    TOLD(og_chat_open(ctx, m, "no such template", false, &chat));
    og_sampler_free(p);
    og_tokenizer_free(t);
    og_model_free(m);
    og_model_free(other);
}

/* ---- architectures ------------------------------------------------------------------------- */

static int wrong_call; /* which one the block below makes */

/* The decoder's blocks with a wrong argument; NULL: there is no such call. */
static og_tensor *call_wrongly(og_decoder *d, int il, og_tensor *x, bool *is_over)
{
    const og_shape deep = { .rank = OG_MAX_RANK }, one = OG_SHAPE(OG_N(1));
    switch (wrong_call) {
    case 0:
        return og_decoder_norm(d, ((const og_layer *)og_decoder_layer(d, 999))->attn_norm, x, x);
    case 1: return og_decoder_norm(d, ((const og_layer *)og_decoder_layer(d, -1))->attn_norm, x, x);
    case 2: return og_decoder_attend(d, 999, x, NULL);
    case 3: return og_decoder_attend(d, il, NULL, NULL);
    case 4: return og_decoder_ffn(d, -1, x, NULL);
    case 5: return og_decoder_ffn(d, il, NULL, NULL);
    case 6: return og_decoder_shared(d, 999, x, og_silu);
    case 7: return og_decoder_experts(d, 999, x, NULL);
    case 8: return og_decoder_turn(d, 999, x, NULL);
    case 9: return og_decoder_state(d, "s", il, deep);
    case 10: return og_decoder_state(d, NULL, il, one);
    case 11: return og_decoder_state(d, "s", 999, one);
    case 12: return og_decoder_pages(d, NULL, il, 1, 64, 16);
    case 13: return og_decoder_pages(d, "p", 999, 1, 64, 16);
    case 14: return og_decoder_input(d, (og_step_input)999);
    case 15: return og_decoder_linear(d, x, NULL, NULL);
    case 16: return og_decoder_norm_as(d, OG_NORM_DEFAULT, NULL, NULL, NULL);
    case 17: return og_decoder_store(d, NULL, il, x, 1);
    case 18: return og_decoder_store(d, "s", 999, x, 1);
    case 19: return og_decoder_store(d, "s", il, x, 0);
    case 20: return og_decoder_store(d, "s", il, NULL, 1);
    case 21: return og_decoder_block(d, 999, x, NULL);
    case 22: return og_decoder_block(d, il, NULL, NULL);
    case 23: return og_decoder_plain_block(d, -1, x);
    case 24: return og_decoder_mla(d, 999, x, NULL);
    case 25: return og_decoder_mla(d, il, x, NULL); /* a layer without its weights */
    case 26: return og_decoder_mla_low(d, il, x);
    case 27: return og_decoder_attention(d, 999).sink;
    default: *is_over = true; return x;
    }
}

static bool is_over;

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return call_wrongly(d, il, x, &is_over);
}

Test(misuse, blocks_of_architectures)
{
    static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                      OG_KEY_EPS("attention.layer_norm_rms_epsilon") };
    static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION,
                                             OG_WEIGHTS_FFN };
    const og_arch arch = { .name = "llama", OG_ARCH_TABLES, .block = block };
    og_model *m;
    REFUSED(og_arch_register(NULL, &arch));
    TOLD(og_arch_register(ctx, NULL));
    TOLD(og_arch_register(ctx, &(og_arch){ .name = "no tables" }));
    og_error_clear(ctx);
    cr_assert_eq(og_arch_register(ctx, &arch), OG_OK);
    for (wrong_call = 0; !is_over; wrong_call++) {
        TOLD(og_model_load(ctx, model_path, NULL, &m));
    }
    cr_assert_eq(wrong_call, 29);
}

Test(misuse, decoders_that_are_none)
{
    og_tensor *x = NULL;
    const og_shape one = OG_SHAPE(OG_N(1));
    cr_assert(!og_decoder_layer(NULL, 0) && !og_decoder_input(NULL, OG_STEP_POS));
    og_decoder_layers_end(NULL);
    og_hparams_pattern(NULL, 2, false);
    cr_assert(!og_decoder_rows(NULL) && !og_decoder_pooled(NULL) && !og_decoder_pool(NULL));
    cr_assert(!og_decoder_embed(NULL) && !og_decoder_logits(NULL, x));
    og_decoder_tokens(NULL, 1);
    cr_assert(!og_decoder_state(NULL, "s", 0, one) && !og_decoder_pages(NULL, "p", 0, 1, 64, 16));
    cr_assert(!og_decoder_block(NULL, 0, x, NULL) && !og_decoder_plain_block(NULL, 0, x));
    cr_assert(!og_decoder_store(NULL, "s", 0, x, 1));
    cr_assert(!og_decoder_norm(NULL, x, x, x) && !og_decoder_linear(NULL, x, x, x));
    cr_assert(!og_decoder_norm_as(NULL, OG_NORM_DEFAULT, x, x, x));
    cr_assert(!og_decoder_softcap(NULL, x, 1) && !og_decoder_scale(NULL, x, 2));
    cr_assert(!og_relu2(NULL, x) && !og_decoder_turn(NULL, 0, x, NULL));
    cr_assert(!og_decoder_attend(NULL, 0, x, NULL) && !og_decoder_ffn(NULL, 0, x, NULL));
    cr_assert(!og_decoder_mla(NULL, 0, x, NULL) && !og_decoder_mla_low(NULL, 0, x));
    cr_assert(!og_decoder_attention(NULL, 0).pos);
    cr_assert(!og_decoder_shared(NULL, 0, x, og_silu) && !og_decoder_experts(NULL, 0, x, NULL));
}

/* ---- nothing is left out ------------------------------------------------------------------- */

Test(misuse, no_public_function_is_left_out)
{
    static const char *const headers[] = { "base.h",     "dtype.h", "graph.h",    "ops.h",
                                           "builders.h", "model.h", "generate.h", "prompt_cache.h",
                                           "compile.h",  "arch.h",  "decoder.h" };
    ogt_expect_all_called(OGT_SOURCE_DIR, headers, 11, "tests/runtime/test_misuse.c");
}
