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
 * - yarn_low), 0, 1) * ...; see ops/rope_table.c. mscale multiplies cosines and sines.
 *
 * Positions may be a grid [4, T] (time, height, width, one more): pair i, modulo the sum of the
 * sections, is turned by the row in whose section it lies, these in order; with has_mixed_sections
 * by row i % 3 as long as that has pairs left (i < 3 section[i % 3]), else by row 3. */
typedef struct og_rope_args {
    int head_dim, n_rot;
    bool is_interleaved;
    float freq_scale; /* 0 reads as 1 */
    float mscale;     /* 0 reads as 1 */
    float ext_factor; /* YaRN mix, 0: off */
    float yarn_low, yarn_high;
    int section[4]; /* of a grid of positions: pairs that each row of it turns */
    bool has_mixed_sections;
} og_rope_args;

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

/* Operands and rules of select_keys: an indexer's choice of keys for attention's select. */
typedef struct og_select_keys_args {
    og_tensor *q;          /* [T, H, D]: list l has heads l H / lists .. */
    og_tensor *k_state;    /* after its store: [page, 1 or lists, max(1, 64 / ratio), D] */
    og_tensor *pos;        /* I32 [T] */
    og_tensor *seq_start;  /* I32 [S + 1] */
    og_tensor *kv_len;     /* I32 [S] */
    og_tensor *page_table; /* I32 [S, P] */
    og_tensor *weight;     /* F32 [T, H] or NULL: 1 */
    int k;                 /* how many */
    int lists;             /* 0 reads as 1 */
    int block;             /* keys of a block that are selected together; 0 reads as 1 */
    int ratio;             /* tokens a key stands for, as attention has it; 0 reads as 1 */
    int local;             /* blocks up to the query's own that are always selected */
    bool is_relu;          /* max(dot, 0) */
} og_select_keys_args;

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

/* ---- compositions: ops/compose.c ------------------------------------------------------------ */

/* One softmax over the keys of two partial results of attention [T, H, Dv + 2], and of sink [H]
 * (NULL: none): [T, H, Dv]. */
OG_API og_tensor *og_attention_merge(og_graph *g, og_tensor *a, og_tensor *b, og_tensor *sink);

/* Convolution along tokens that looks both ways, zeros beyond the ends of a sequence: x [T, C], w
 * [F, C, K] -> [T, F], or one filter a channel, w [C, K] -> [T, C]. */
OG_API og_tensor *og_conv1d(og_graph *g, og_tensor *x, og_tensor *w, og_tensor *seq_start);

#ifdef __cplusplus
}
#endif

#include "oxigraph/builders.h"

#endif
