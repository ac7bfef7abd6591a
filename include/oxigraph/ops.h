/* SPDX-License-Identifier: MIT
 *
 * The op builders: one function for each line of ops.def, and short compositions of them. Every
 * builder returns NULL on invalid operands, without a new message if an operand is NULL already. */
#ifndef OXIGRAPH_OPS_H
#define OXIGRAPH_OPS_H

#include "oxigraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rotary embedding. Pairs are (i, i + n_rot / 2), or (2i, 2i + 1) if is_interleaved; dimensions
 * from n_rot on are left alone. theta = pos * freq[i] * freq_scale, mixed by YaRN when ext_factor
 * is not 0 (Peng et al., 2023): for pair i, ramp = 1 - clamp((i - yarn_low) / max(0.001, yarn_high
 * - yarn_low), 0, 1) * ...; see ops/rope_table.c. mscale multiplies cosines and sines. */
typedef struct og_rope {
    int head_dim, n_rot;
    bool is_interleaved;
    float freq_scale; /* 0 reads as 1 */
    float mscale;     /* 0 reads as 1 */
    float ext_factor; /* YaRN mix, 0: off */
    float yarn_low, yarn_high;
} og_rope;

/* Operands and rules of attention. KV pages hold the keys of 64 tokens: [page, n_kv_head, 64, dim].
 * A key's rank in its sequence is its position. A query at position p sees the ranks up to p, or
 * all kv_len[s] if is_bidirectional, and of these
 *     window: p - window + 1 .. p; is_bidirectional: |p - rank| <= window / 2
 *     chunk:  those with rank / chunk == p / chunk
 *     select: ranks of the list of its token (and KV head), of blocks of select_block ranks; what
 *             lies outside of the above, and anything negative, is passed over
 * To a score are added -slope |p - rank|, and bias[bucket] by the sign (is_bidirectional) and size
 * of the distance (Raffel et al., 2020): half of the buckets are exact, the others grow by a
 * constant factor up to bucket_max.
 * ratio: a key stands for that many tokens (a power of two), is seen when its last token is, and
 * lies in that token's page, which has max(1, 64 / ratio) rows.
 * is_partial: the result is [T, H, Dv + 2], the weighted sum of values before the division, then
 * the largest score and the sum of weights, for og_attention_merge. */
typedef struct og_attention_args {
    og_tensor *q;            /* [T, H, Dk] */
    og_tensor *k, *v;        /* states after their stores; the same one with dim_v: Dv = dim_v */
    og_tensor *pos;          /* I32 [T] */
    og_tensor *seq_start;    /* I32 [S + 1] first token of each sequence in this step, end */
    og_tensor *kv_len;       /* I32 [S] keys of each sequence, this step's included */
    og_tensor *page_table;   /* I32 [S, P] */
    og_tensor *slope, *sink; /* F32 [H] or NULL: ALiBi slopes, attention sinks */
    og_tensor *bias;         /* F32 [n_bucket, H] or NULL */
    og_tensor *select;       /* I32 [T, 1 or Hkv, n] or NULL */
    float scale;             /* 0: 1 / sqrt(Dk) */
    float softcap;           /* 0: none */
    int window, chunk;       /* 0: none */
    int ratio;               /* 0 reads as 1 */
    int dim_v;               /* values are the first dim_v of a row of v; 0: the whole row */
    int bucket_max;          /* 0 reads as 128 */
    int select_block;        /* 0 reads as 1 */
    bool is_bidirectional, is_partial;
} og_attention_args;

/* What recurrences share: their state and the sequences of the step. A sequence whose first token
 * has position 0 starts from zeros. */
typedef struct og_scan_args {
    og_tensor *state;
    og_tensor *pos;        /* I32 [T] */
    og_tensor *seq_start;  /* I32 [S + 1] */
    og_tensor *state_slot; /* I32 [S] */
} og_scan_args;

/* Operands of linear_scan: S = diag(w) S + b (S'a)' + k v', y = S'r for each head. r, w, k, a and b
 * may have fewer heads than v, each its own divisor G of H: head h reads h / (H / G), or h % G if
 * is_tiled. */
typedef struct og_linear_scan_args {
    og_tensor *r, *k;  /* [T, G, K] */
    og_tensor *w;      /* [T, G, K], or [T, G, 1] for all rows alike */
    og_tensor *v;      /* [T, H, V] */
    og_tensor *a, *b;  /* [T, G, K], or both NULL */
    og_scan_args scan; /* state [slot, H, K, V] */
    bool reads_before; /* y before the token's update, not after */
    bool is_tiled;
} og_linear_scan_args;

// clang-format off
#define OG_OP(ENUM, name, args, doc) OG_OP_##ENUM,
typedef enum og_op {
#include "oxigraph/ops.def"
    OG_OP_COUNT
} og_op;
#undef OG_OP
// clang-format on

/* Prototypes; the four leaves are built by graph.h and have none. */
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
OG_API og_tensor *og_grouped_linear(og_graph *g, og_tensor *x, og_tensor *w, og_tensor *ids,
                                    og_tensor *groups);
OG_API og_tensor *og_rope_table(og_graph *g, og_tensor *pos, og_tensor *freq, const og_rope *rope);
OG_API og_tensor *og_rope_apply(og_graph *g, og_tensor *x, og_tensor *table, const og_rope *rope);
OG_API og_tensor *og_attention(og_graph *g, const og_attention_args *a);
OG_API og_tensor *og_top_k(og_graph *g, og_tensor *x, int k);
OG_API og_tensor *og_group_by_expert(og_graph *g, og_tensor *ids, int n_expert);
OG_API og_tensor *og_moe_combine(og_graph *g, og_tensor *y, og_tensor *w);
OG_API og_tensor *og_ssm_conv(og_graph *g, og_tensor *x, og_tensor *w, const og_scan_args *a);
OG_API og_tensor *og_ssm_scan(og_graph *g, og_tensor *x, og_tensor *dt, og_tensor *A, og_tensor *B,
                              og_tensor *C, const og_scan_args *a);

OG_API og_tensor *og_linear_scan(og_graph *g, const og_linear_scan_args *a);

#ifdef __cplusplus
}
#endif

/* Errors name the line that built the op: inside an expansion a macro's own name is left alone. */
#ifndef OG_NO_SOURCE_LINES
// clang-format off
#define OG_AT(g) og_at((g), __FILE__, __LINE__)
#define og_reshape(g, ...)        og_reshape(OG_AT(g), __VA_ARGS__)
#define og_permute(g, ...)        og_permute(OG_AT(g), __VA_ARGS__)
#define og_slice(g, ...)          og_slice(OG_AT(g), __VA_ARGS__)
#define og_broadcast(g, ...)      og_broadcast(OG_AT(g), __VA_ARGS__)
#define og_add(g, ...)            og_add(OG_AT(g), __VA_ARGS__)
#define og_sub(g, ...)            og_sub(OG_AT(g), __VA_ARGS__)
#define og_mul(g, ...)            og_mul(OG_AT(g), __VA_ARGS__)
#define og_div(g, ...)            og_div(OG_AT(g), __VA_ARGS__)
#define og_concat(g, ...)         og_concat(OG_AT(g), __VA_ARGS__)
#define og_take_rows(g, ...)      og_take_rows(OG_AT(g), __VA_ARGS__)
#define og_kv_store(g, ...)       og_kv_store(OG_AT(g), __VA_ARGS__)
#define og_linear(g, ...)         og_linear(OG_AT(g), __VA_ARGS__)
#define og_matmul(g, ...)         og_matmul(OG_AT(g), __VA_ARGS__)
#define og_grouped_linear(g, ...) og_grouped_linear(OG_AT(g), __VA_ARGS__)
#define og_rope_table(g, ...)     og_rope_table(OG_AT(g), __VA_ARGS__)
#define og_rope_apply(g, ...)     og_rope_apply(OG_AT(g), __VA_ARGS__)
#define og_attention(g, ...)      og_attention(OG_AT(g), __VA_ARGS__)
#define og_minimum(g, ...)       og_minimum(OG_AT(g), __VA_ARGS__)
#define og_maximum(g, ...)       og_maximum(OG_AT(g), __VA_ARGS__)
#define og_less(g, ...)          og_less(OG_AT(g), __VA_ARGS__)
#define og_select(g, ...)        og_select(OG_AT(g), __VA_ARGS__)
#define og_neg(g, ...)           og_neg(OG_AT(g), __VA_ARGS__)
#define og_abs(g, ...)           og_abs(OG_AT(g), __VA_ARGS__)
#define og_sqr(g, ...)           og_sqr(OG_AT(g), __VA_ARGS__)
#define og_sqrt(g, ...)          og_sqrt(OG_AT(g), __VA_ARGS__)
#define og_rsqrt(g, ...)         og_rsqrt(OG_AT(g), __VA_ARGS__)
#define og_exp(g, ...)           og_exp(OG_AT(g), __VA_ARGS__)
#define og_log(g, ...)           og_log(OG_AT(g), __VA_ARGS__)
#define og_sin(g, ...)           og_sin(OG_AT(g), __VA_ARGS__)
#define og_cos(g, ...)           og_cos(OG_AT(g), __VA_ARGS__)
#define og_tanh(g, ...)          og_tanh(OG_AT(g), __VA_ARGS__)
#define og_relu(g, ...)          og_relu(OG_AT(g), __VA_ARGS__)
#define og_sigmoid(g, ...)       og_sigmoid(OG_AT(g), __VA_ARGS__)
#define og_silu(g, ...)          og_silu(OG_AT(g), __VA_ARGS__)
#define og_softplus(g, ...)      og_softplus(OG_AT(g), __VA_ARGS__)
#define og_gelu(g, ...)          og_gelu(OG_AT(g), __VA_ARGS__)
#define og_gelu_erf(g, ...)      og_gelu_erf(OG_AT(g), __VA_ARGS__)
#define og_gelu_quick(g, ...)    og_gelu_quick(OG_AT(g), __VA_ARGS__)
#define og_scale(g, ...)         og_scale(OG_AT(g), __VA_ARGS__)
#define og_clamp(g, ...)         og_clamp(OG_AT(g), __VA_ARGS__)
#define og_cast(g, ...)          og_cast(OG_AT(g), __VA_ARGS__)
#define og_sum(g, ...)           og_sum(OG_AT(g), __VA_ARGS__)
#define og_mean(g, ...)          og_mean(OG_AT(g), __VA_ARGS__)
#define og_max(g, ...)           og_max(OG_AT(g), __VA_ARGS__)
#define og_softmax(g, ...)       og_softmax(OG_AT(g), __VA_ARGS__)
#define og_rms_norm(g, ...)      og_rms_norm(OG_AT(g), __VA_ARGS__)
#define og_layer_norm(g, ...)    og_layer_norm(OG_AT(g), __VA_ARGS__)
#define og_take_last(g, ...)     og_take_last(OG_AT(g), __VA_ARGS__)
#define og_quantize(g, ...)      og_quantize(OG_AT(g), __VA_ARGS__)
#define og_top_k(g, ...)         og_top_k(OG_AT(g), __VA_ARGS__)
#define og_group_by_expert(g, ...) og_group_by_expert(OG_AT(g), __VA_ARGS__)
#define og_moe_combine(g, ...)   og_moe_combine(OG_AT(g), __VA_ARGS__)
#define og_ssm_conv(g, ...)      og_ssm_conv(OG_AT(g), __VA_ARGS__)
#define og_linear_scan(g, ...)    og_linear_scan(OG_AT(g), __VA_ARGS__)
#define og_ssm_scan(g, ...)      og_ssm_scan(OG_AT(g), __VA_ARGS__)
// clang-format on
#endif
#endif
