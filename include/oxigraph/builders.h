/* SPDX-License-Identifier: MIT
 *
 * The builders of ops, printed by `oxigraph ops --header` from ops.def, which says what each
 * means. Included by oxigraph/ops.h. */
#ifndef OXIGRAPH_BUILDERS_H
#define OXIGRAPH_BUILDERS_H

#include "oxigraph/ops.h"

// clang-format off
#ifdef __cplusplus
extern "C" {
#endif

OG_API og_tensor *og_reshape(og_graph *g, og_tensor *x, og_shape shape);
OG_API og_tensor *og_permute(og_graph *g, og_tensor *x, const int *axes);
OG_API og_tensor *og_slice(og_graph *g, og_tensor *x, int axis, int64_t begin, int64_t size);
OG_API og_tensor *og_broadcast(og_graph *g, og_tensor *x, og_shape shape);
OG_API og_tensor *og_add(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_sub(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_mul(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_div(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_minimum(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_maximum(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_less(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_select(og_graph *g, og_tensor *c, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_neg(og_graph *g, og_tensor *x);
OG_API og_tensor *og_abs(og_graph *g, og_tensor *x);
OG_API og_tensor *og_sqr(og_graph *g, og_tensor *x);
OG_API og_tensor *og_sqrt(og_graph *g, og_tensor *x);
OG_API og_tensor *og_rsqrt(og_graph *g, og_tensor *x);
OG_API og_tensor *og_exp(og_graph *g, og_tensor *x);
OG_API og_tensor *og_log(og_graph *g, og_tensor *x);
OG_API og_tensor *og_sin(og_graph *g, og_tensor *x);
OG_API og_tensor *og_cos(og_graph *g, og_tensor *x);
OG_API og_tensor *og_tanh(og_graph *g, og_tensor *x);
OG_API og_tensor *og_relu(og_graph *g, og_tensor *x);
OG_API og_tensor *og_sigmoid(og_graph *g, og_tensor *x);
OG_API og_tensor *og_silu(og_graph *g, og_tensor *x);
OG_API og_tensor *og_softplus(og_graph *g, og_tensor *x);
OG_API og_tensor *og_gelu(og_graph *g, og_tensor *x);
OG_API og_tensor *og_gelu_erf(og_graph *g, og_tensor *x);
OG_API og_tensor *og_gelu_quick(og_graph *g, og_tensor *x);
OG_API og_tensor *og_scale(og_graph *g, og_tensor *x, float a, float b);
OG_API og_tensor *og_clamp(og_graph *g, og_tensor *x, float lo, float hi);
OG_API og_tensor *og_cast(og_graph *g, og_tensor *x, og_dtype dtype);
OG_API og_tensor *og_sum(og_graph *g, og_tensor *x);
OG_API og_tensor *og_mean(og_graph *g, og_tensor *x);
OG_API og_tensor *og_max(og_graph *g, og_tensor *x);
OG_API og_tensor *og_softmax(og_graph *g, og_tensor *x);
OG_API og_tensor *og_rms_norm(og_graph *g, og_tensor *x, float eps);
OG_API og_tensor *og_layer_norm(og_graph *g, og_tensor *x, float eps);
OG_API og_tensor *og_concat(og_graph *g, og_tensor *a, og_tensor *b, int axis);
OG_API og_tensor *og_take_rows(og_graph *g, og_tensor *table, og_tensor *index);
OG_API og_tensor *og_take_last(og_graph *g, og_tensor *x, og_tensor *index);
OG_API og_tensor *og_kv_store(og_graph *g, og_tensor *state, og_tensor *x, og_tensor *slot);
OG_API og_tensor *og_quantize(og_graph *g, og_tensor *x);
OG_API og_tensor *og_linear(og_graph *g, og_tensor *x, og_tensor *w);
OG_API og_tensor *og_matmul(og_graph *g, og_tensor *a, og_tensor *b);
OG_API og_tensor *og_grouped_linear(og_graph *g, og_tensor *x, og_tensor *w, og_tensor *ids, og_tensor *groups);
OG_API og_tensor *og_rope_table(og_graph *g, og_tensor *pos, og_tensor *freq, const og_rope_args *rope);
OG_API og_tensor *og_rope(og_graph *g, og_tensor *x, og_tensor *table, const og_rope_args *rope);
OG_API og_tensor *og_attention(og_graph *g, const og_attention_args *a);
OG_API og_tensor *og_top_k(og_graph *g, og_tensor *x, int k);
OG_API og_tensor *og_group_by_expert(og_graph *g, og_tensor *ids, int n_expert);
OG_API og_tensor *og_moe_combine(og_graph *g, og_tensor *y, og_tensor *w);
OG_API og_tensor *og_ssm_conv(og_graph *g, og_tensor *x, og_tensor *w, const og_scan_args *a);
OG_API og_tensor *og_ssm_scan(og_graph *g, og_tensor *x, og_tensor *dt, og_tensor *A, og_tensor *B, og_tensor *C, const og_scan_args *a);
OG_API og_tensor *og_linear_scan(og_graph *g, const og_linear_scan_args *a);
OG_API og_tensor *og_head_linear(og_graph *g, og_tensor *x, og_tensor *w);
OG_API og_tensor *og_select_keys(og_graph *g, const og_select_keys_args *a);
OG_API og_tensor *og_block_pool(og_graph *g, og_tensor *x, og_tensor *score, const og_scan_args *a, int ratio, bool is_overlapping);
OG_API og_tensor *og_kv_store_pooled(og_graph *g, og_tensor *state, og_tensor *x, og_tensor *slot, og_tensor *pos, int ratio);
OG_API og_tensor *og_sinkhorn(og_graph *g, og_tensor *x, int iterations, float eps);
OG_API og_tensor *og_top_k_mask(og_graph *g, og_tensor *x, int k);
OG_API og_tensor *og_sequence_mean(og_graph *g, og_tensor *x, const og_scan_args *a);
OG_API og_tensor *og_unfold(og_graph *g, og_tensor *x, og_tensor *seq_start, int taps);
OG_API og_tensor *og_group_norm(og_graph *g, og_tensor *x, og_tensor *seq_start, int groups, float eps);

#ifdef __cplusplus
}
#endif

/* Errors name the line that built the op: inside an expansion a macro's own name is left alone. */
#ifndef OG_NO_SOURCE_LINES
#define OG_AT(g) og_at((g), __FILE__, __LINE__)
#define og_reshape(g, ...) og_reshape(OG_AT(g), __VA_ARGS__)
#define og_permute(g, ...) og_permute(OG_AT(g), __VA_ARGS__)
#define og_slice(g, ...) og_slice(OG_AT(g), __VA_ARGS__)
#define og_broadcast(g, ...) og_broadcast(OG_AT(g), __VA_ARGS__)
#define og_add(g, ...) og_add(OG_AT(g), __VA_ARGS__)
#define og_sub(g, ...) og_sub(OG_AT(g), __VA_ARGS__)
#define og_mul(g, ...) og_mul(OG_AT(g), __VA_ARGS__)
#define og_div(g, ...) og_div(OG_AT(g), __VA_ARGS__)
#define og_minimum(g, ...) og_minimum(OG_AT(g), __VA_ARGS__)
#define og_maximum(g, ...) og_maximum(OG_AT(g), __VA_ARGS__)
#define og_less(g, ...) og_less(OG_AT(g), __VA_ARGS__)
#define og_select(g, ...) og_select(OG_AT(g), __VA_ARGS__)
#define og_neg(g, ...) og_neg(OG_AT(g), __VA_ARGS__)
#define og_abs(g, ...) og_abs(OG_AT(g), __VA_ARGS__)
#define og_sqr(g, ...) og_sqr(OG_AT(g), __VA_ARGS__)
#define og_sqrt(g, ...) og_sqrt(OG_AT(g), __VA_ARGS__)
#define og_rsqrt(g, ...) og_rsqrt(OG_AT(g), __VA_ARGS__)
#define og_exp(g, ...) og_exp(OG_AT(g), __VA_ARGS__)
#define og_log(g, ...) og_log(OG_AT(g), __VA_ARGS__)
#define og_sin(g, ...) og_sin(OG_AT(g), __VA_ARGS__)
#define og_cos(g, ...) og_cos(OG_AT(g), __VA_ARGS__)
#define og_tanh(g, ...) og_tanh(OG_AT(g), __VA_ARGS__)
#define og_relu(g, ...) og_relu(OG_AT(g), __VA_ARGS__)
#define og_sigmoid(g, ...) og_sigmoid(OG_AT(g), __VA_ARGS__)
#define og_silu(g, ...) og_silu(OG_AT(g), __VA_ARGS__)
#define og_softplus(g, ...) og_softplus(OG_AT(g), __VA_ARGS__)
#define og_gelu(g, ...) og_gelu(OG_AT(g), __VA_ARGS__)
#define og_gelu_erf(g, ...) og_gelu_erf(OG_AT(g), __VA_ARGS__)
#define og_gelu_quick(g, ...) og_gelu_quick(OG_AT(g), __VA_ARGS__)
#define og_scale(g, ...) og_scale(OG_AT(g), __VA_ARGS__)
#define og_clamp(g, ...) og_clamp(OG_AT(g), __VA_ARGS__)
#define og_cast(g, ...) og_cast(OG_AT(g), __VA_ARGS__)
#define og_sum(g, ...) og_sum(OG_AT(g), __VA_ARGS__)
#define og_mean(g, ...) og_mean(OG_AT(g), __VA_ARGS__)
#define og_max(g, ...) og_max(OG_AT(g), __VA_ARGS__)
#define og_softmax(g, ...) og_softmax(OG_AT(g), __VA_ARGS__)
#define og_rms_norm(g, ...) og_rms_norm(OG_AT(g), __VA_ARGS__)
#define og_layer_norm(g, ...) og_layer_norm(OG_AT(g), __VA_ARGS__)
#define og_concat(g, ...) og_concat(OG_AT(g), __VA_ARGS__)
#define og_take_rows(g, ...) og_take_rows(OG_AT(g), __VA_ARGS__)
#define og_take_last(g, ...) og_take_last(OG_AT(g), __VA_ARGS__)
#define og_kv_store(g, ...) og_kv_store(OG_AT(g), __VA_ARGS__)
#define og_quantize(g, ...) og_quantize(OG_AT(g), __VA_ARGS__)
#define og_linear(g, ...) og_linear(OG_AT(g), __VA_ARGS__)
#define og_matmul(g, ...) og_matmul(OG_AT(g), __VA_ARGS__)
#define og_grouped_linear(g, ...) og_grouped_linear(OG_AT(g), __VA_ARGS__)
#define og_rope_table(g, ...) og_rope_table(OG_AT(g), __VA_ARGS__)
#define og_rope(g, ...) og_rope(OG_AT(g), __VA_ARGS__)
#define og_attention(g, ...) og_attention(OG_AT(g), __VA_ARGS__)
#define og_top_k(g, ...) og_top_k(OG_AT(g), __VA_ARGS__)
#define og_group_by_expert(g, ...) og_group_by_expert(OG_AT(g), __VA_ARGS__)
#define og_moe_combine(g, ...) og_moe_combine(OG_AT(g), __VA_ARGS__)
#define og_ssm_conv(g, ...) og_ssm_conv(OG_AT(g), __VA_ARGS__)
#define og_ssm_scan(g, ...) og_ssm_scan(OG_AT(g), __VA_ARGS__)
#define og_linear_scan(g, ...) og_linear_scan(OG_AT(g), __VA_ARGS__)
#define og_head_linear(g, ...) og_head_linear(OG_AT(g), __VA_ARGS__)
#define og_select_keys(g, ...) og_select_keys(OG_AT(g), __VA_ARGS__)
#define og_block_pool(g, ...) og_block_pool(OG_AT(g), __VA_ARGS__)
#define og_kv_store_pooled(g, ...) og_kv_store_pooled(OG_AT(g), __VA_ARGS__)
#define og_sinkhorn(g, ...) og_sinkhorn(OG_AT(g), __VA_ARGS__)
#define og_top_k_mask(g, ...) og_top_k_mask(OG_AT(g), __VA_ARGS__)
#define og_sequence_mean(g, ...) og_sequence_mean(OG_AT(g), __VA_ARGS__)
#define og_unfold(g, ...) og_unfold(OG_AT(g), __VA_ARGS__)
#define og_group_norm(g, ...) og_group_norm(OG_AT(g), __VA_ARGS__)
#endif
// clang-format on

#endif
