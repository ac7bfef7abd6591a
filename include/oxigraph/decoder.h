/* SPDX-License-Identifier: MIT
 *
 * What the graphs of an architecture (arch.h) are built with: the step's inputs, states, and
 * decoder blocks that follow the hyperparameters and the weights that there are. */
#ifndef OXIGRAPH_DECODER_H
#define OXIGRAPH_DECODER_H

#include "oxigraph/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what graphs are built with ------------------------------------------------------------ */
/* Integers that every step gets. */
typedef enum og_step_input {
    OG_STEP_TOKEN,      /* [T] */
    OG_STEP_POS,        /* [T] */
    OG_STEP_SEQ_START,  /* [S + 1] */
    OG_STEP_PAGE_TABLE, /* [S, P] */
    OG_STEP_KV_SLOT,    /* [T] */
    OG_STEP_KV_LEN,     /* [S] */
    OG_STEP_STATE_SLOT, /* [S] */
    /* of models with an encoder, where its tokens lie: */
    OG_STEP_ENC_PAGE_TABLE, /* [S, P] */
    OG_STEP_ENC_LEN,        /* [S] */
    OG_STEP_INPUT_COUNT
} og_step_input;

struct og_decoder {
    og_graph *g;
    const og_arch *arch;
    const og_hparams *hp;        /* cast it to the architecture's own */
    const og_globals *w;         /* likewise */
    og_pooling pooling;          /* that the pool entry is for */
    struct ogi_decoder_own *own; /* what is shared between layers: inputs, rope tables */
};

/* Begins layer il: what is built from here on belongs to it. Gives its weights, the architecture's
 * own struct or og_layer; those that the file lacks are NULL. */
OG_API const void *og_decoder_layer(og_decoder *d, int il);
/* Ends it: what is built from here on belongs to none. */
OG_API void og_decoder_layers_end(og_decoder *d);
OG_API og_tensor *og_decoder_input(og_decoder *d, og_step_input which);
/* Rows [O, W] of the step's output: those whose logits or pooling is wanted. */
OG_API og_tensor *og_decoder_rows(og_decoder *d);
/* Rows [O, W] of sequences, after pooling. */
OG_API og_tensor *og_decoder_pooled(og_decoder *d);
/* The default builders, for entries of an architecture's own. */
OG_API og_tensor *og_decoder_embed(og_decoder *d);
OG_API og_tensor *og_decoder_logits(og_decoder *d, og_tensor *x);
OG_API og_tensor *og_decoder_pool(og_decoder *d);
/* A dimension of T tokens or of n * T. */
OG_API og_dim og_decoder_tokens(const og_decoder *d, int64_t n);

/* A recurrent state, F32, one slot a sequence: [slots, per_slot..]. */
OG_API og_tensor *og_decoder_state(og_decoder *d, const char *name, int il, og_shape per_slot);
/* A paged state in the type of keys, [pages, n_head, n_row, dim]; n_row 64: a row for
 * each token. */
OG_API og_tensor *og_decoder_pages(og_decoder *d, const char *name, int il, int64_t n_head,
                                   int64_t n_row, int64_t dim);

/* Stores rows x [T, n_head * dim] of the step's tokens in such pages; the state after it. */
OG_API og_tensor *og_decoder_store(og_decoder *d, const char *name, int il, og_tensor *x,
                                   int64_t n_head);

/* ---- blocks -------------------------------------------------------------------------------- */
/* Zero means default in every spec, and NULL is a spec of zeros. */
typedef og_tensor *(*og_act)(og_graph *g, og_tensor *x);
/* What stands for act(gate) * up in gated feed-forwards. */
typedef og_tensor *(*og_glu)(og_decoder *d, int il, og_tensor *gate, og_tensor *up);

/* The architecture's norm, times w, plus b; either may be NULL. */
OG_API og_tensor *og_decoder_norm(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b);
OG_API og_tensor *og_decoder_norm_as(og_decoder *d, og_norm_kind kind, og_tensor *x, og_tensor *w,
                                     og_tensor *b);
/* x times w, plus b, which may be NULL. */
OG_API og_tensor *og_decoder_linear(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b);
/* c * tanh(x / c); x if c is 0. */
OG_API og_tensor *og_decoder_softcap(og_decoder *d, og_tensor *x, float c);
/* x times s; x if s is 0 or 1. */
OG_API og_tensor *og_decoder_scale(og_decoder *d, og_tensor *x, float s);
/* max(x, 0) squared */
OG_API og_tensor *og_relu2(og_graph *g, og_tensor *x);

typedef struct og_turn {
    og_rope_kind kind; /* default: the architecture's */
    bool is_back;      /* by the opposite angles */
    og_tensor *pos;    /* I32 [T] positions; default: the tokens' */
} og_turn;

/* Turns the first n_rot dimensions of heads x [T, H, D] by the layer's rule; x if it has none. */
OG_API og_tensor *og_decoder_turn(og_decoder *d, int il, og_tensor *x, const og_turn *spec);

typedef struct og_attend {
    /* Given instead of projected from x: [T, heads * size] or [T, heads, size]. */
    og_tensor *q, *k, *v;
    og_norm_kind qk_norm;    /* default: the architecture's */
    float qk_eps;            /* 0: hp->eps */
    bool is_norm_after_rope; /* default: before */
    bool is_norm_plain;      /* q and k are normalised without weights too */
    bool is_v_normed;        /* v, by its mean square, without weights */
    bool has_no_rope;
    float scale;           /* 0: hp->attn_scale, else 1 / sqrt(head_k) */
    float v_scale;         /* 0: 1 */
    og_tensor *bias;       /* [buckets, heads]: by the distance of query and key (T5) */
    bool is_bidirectional; /* sees all tokens, whatever hp->is_causal says */
    int kv_of;             /* 1 + the layer whose keys and values it reads; it stores none */
    og_tensor *gate;       /* [T, H] or [T, H * head_v]: times the heads' output */
    bool is_raw;           /* gives [T, H * head_v], without sub-norm and output projection */
    og_act gate_act;  /* without a gate given: of x times the layer's attn_gate; default: sigmoid */
    int chunk;        /* sees keys of its own chunk of so many positions alone; 0: of all */
    bool has_no_temp; /* no temperature by position */
    og_tensor *select; /* I32 [T, 1 or n_head_kv, n]: the keys that a token sees, or blocks */
    int select_block;  /* keys of one; 0: 1 */
} og_attend;

/* Self-attention of a layer: q k v (separate or fused, with biases where there are any), clamped by
 * hp->attn_clamp, q and k norms by their weights (of a head, [heads, size], or of the whole width),
 * rope, KV pages, window, soft-cap, ALiBi, sinks, temperature, all by the hyperparameters and the
 * weights that there are; sub-norm, output projection. */
OG_API og_tensor *og_decoder_attend(og_decoder *d, int il, og_tensor *x, const og_attend *spec);

/* What attention of the layer has of inputs and rules; q, k and v are the caller's. */
OG_API og_attention_args og_decoder_attention(og_decoder *d, int il);

typedef struct og_mla {
    og_tensor *q_low;  /* [T, q_rank] given: og_decoder_mla_low */
    og_tensor *select; /* I32 [T, 1, n]: ranks of the keys that a token sees; default: all */
} og_mla;

/* Latent attention of a layer (DeepSeek-AI, 2024): queries of low rank or not; keys and values from
 * one row of low rank and the part that turns, which all heads share. Where the weights are split
 * (wk_b, wv_b) that row is what is stored, and heads meet it; else keys and values are. YaRN's
 * factor is squared into the scale; temperature by position; output projection. */
OG_API og_tensor *og_decoder_mla(og_decoder *d, int il, og_tensor *x, const og_mla *spec);
/* Its normalised queries of low rank [T, q_rank]. */
OG_API og_tensor *og_decoder_mla_low(og_decoder *d, int il, og_tensor *x);

typedef struct og_ffn {
    og_act act; /* default: og_silu */
    og_glu glu;
    og_tensor *gate, *up, *down; /* default: the layer's */
    og_tensor *gate_b, *up_b, *down_b;
} og_ffn;

/* down(act(gate(x)) * up(x)), or down(act(up(x))) in layers without a gate; gate and up separate or
 * fused; with biases and sub-norm where there are any. */
OG_API og_tensor *og_decoder_ffn(og_decoder *d, int il, og_tensor *x, const og_ffn *spec);

/* Numbered as expert_gating_func in files. */
typedef enum og_score {
    OG_SCORE_DEFAULT, /* softmax */
    OG_SCORE_SOFTMAX,
    OG_SCORE_SIGMOID,
    OG_SCORE_SOFTMAX_CHOSEN, /* of the chosen ones' logits */
    OG_SCORE_SQRT_SOFTPLUS
} og_score;

typedef struct og_experts {
    og_act act; /* default: og_silu */
    og_glu glu;
    og_score score;              /* default: hp->expert_score, else softmax */
    og_tensor *logits;           /* [T, n_expert] given, instead of x times the router */
    og_tensor *gate, *up, *down; /* other experts than the layer's, of which ids speak */
    og_tensor *ids;              /* I32 [T, k] given, instead of the k largest */
    bool is_normalized;          /* weights of a token add up to 1; or hp->expert_norm */
    float scale;                 /* of the weights; 0: hp->expert_scale, else 1 */
    bool is_weight_first;        /* weights multiply the experts' input */
    bool has_no_shared;          /* leaves shared experts to the caller */
} og_experts;

/* The n_expert_used best experts of each token, of the best groups where there are groups, plus
 * shared experts (gated where there is router_shexp); fused or not, with biases where there are
 * any. The selection bias (expert_bias) takes part in the choice alone. */
OG_API og_tensor *og_decoder_experts(og_decoder *d, int il, og_tensor *x, const og_experts *spec);
/* The shared experts alone. */
OG_API og_tensor *og_decoder_shared(og_decoder *d, int il, og_tensor *x, og_act act);

typedef struct og_block {
    const og_attend *attend;
    const og_ffn *ffn;
    const og_experts *experts;
    bool is_parallel;   /* attention and feed-forward read one input */
    bool is_norm_plain; /* normalises before both without weights too */
    /* What stands for attention, where it says so by the layer: a recurrence, or both. */
    og_tensor *(*mixer)(og_decoder *d, int il, og_tensor *x);
} og_block;

/* One layer: x + attention(norm(x)), latent where there is wkv_a, then x + feed-forward(norm(x)),
 * or experts where there is a router; norms before and behind either by the weights that there are,
 * what they add times hp->residual_scale. Parallel: x + attention + feed-forward, which has
 * attention's input unless there is ffn_norm. */
OG_API og_tensor *og_decoder_block(og_decoder *d, int il, og_tensor *x, const og_block *spec);
/* The same without a spec, for og_arch.block. */
OG_API og_tensor *og_decoder_plain_block(og_decoder *d, int il, og_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
