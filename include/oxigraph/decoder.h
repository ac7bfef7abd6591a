/* SPDX-License-Identifier: MIT
 *
 * Defining model architectures. An architecture is data, a table of hyperparameter keys and one of
 * weights, and a function that builds one layer from decoder blocks and ops:
 *
 *     static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
 *                                       OG_KEY_EPS("attention.layer_norm_rms_epsilon") };
 *     static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION,
 *                                              OG_WEIGHTS_FFN };
 *     static og_tensor *block(og_decoder *d, int il, og_tensor *x)
 *     {
 *         const og_layer *l = &d->layer[il];
 *         og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
 *         x = og_add(d->g, x, og_decoder_attention(d, il, h));
 *         h = og_decoder_norm(d, x, l->ffn_norm, NULL);
 *         return og_add(d->g, x, og_decoder_ffn(d, il, h, og_silu));
 *     }
 *     const og_arch mine = { .name = "mine", OG_ARCH_TABLES, .block = block, .rope = OG_ROPE_HALVES
 * };
 *
 *     og_arch_register(ctx, &mine);      // then og_model_load() opens files of it
 *
 * The tables are also the checks: a key out of range, a weight that is missing, has another shape
 * or is not in the table is an error that names it. */
#ifndef OXIGRAPH_DECODER_H
#define OXIGRAPH_DECODER_H

#include "oxigraph/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OG_MAX_LAYER = 1024 };

/* ---- hyperparameters ----------------------------------------------------------------------- */
typedef enum og_rope_scaling {
    OG_SCALING_LINEAR, /* the default, with factor 1 */
    OG_SCALING_NONE,
    OG_SCALING_YARN,
    OG_SCALING_LONGROPE
} og_rope_scaling;

typedef struct og_hparams {
    int n_layer, n_embd, n_vocab, n_ctx_train;
    int n_ctx; /* of this run */
    int n_head, n_head_kv;
    int head_k, head_v; /* values of one head of keys, of values */
    int n_ff, n_expert, n_expert_used, n_ff_exp;
    float eps;
    float embd_scale;                  /* of token embeddings; 0: 1 */
    float attn_scale;                  /* 0: 1 / sqrt(head_k) */
    float attn_softcap, final_softcap; /* 0: none */
    int window, window_period; /* keys a local layer sees; every window_period-th layer is global */
    uint8_t is_local[OG_MAX_LAYER];

    int n_rot;
    int rope_scaling;                 /* og_rope_scaling */
    float rope_base, rope_base_local; /* local: of layers with a window; 0: the same */
    float rope_factor, rope_factor_local;
    float rope_attn_factor, yarn_ext, yarn_beta_fast, yarn_beta_slow, yarn_log_mul;
    int rope_ctx_orig; /* context before scaling; 0: n_ctx_train */

    int ssm_conv, ssm_inner, ssm_state, ssm_rank;
    bool ssm_norm; /* dt, B and C are normalised */
} og_hparams;

typedef enum og_hp_kind {
    OG_HP_INT,     /* int */
    OG_HP_FLOAT,   /* float */
    OG_HP_BOOL,    /* bool */
    OG_HP_SCALING, /* int: a string, the name of an og_rope_scaling */
    OG_HP_PERIOD,  /* int, or an array of booleans into is_local */
} og_hp_kind;

/* One key: read where it is in the file, checked against its range; else the default, or an error
 * if there is none. Keys stand behind "<architecture>."; alternatives are separated by |. */
typedef struct og_hp_key {
    const char *key;
    og_hp_kind kind;
    size_t offset; /* in og_hparams */
    bool is_required;
    double min, max, dflt;
} og_hp_key;

// clang-format off
#define OG_KEY(key, KIND, field, min, max) \
    { key, OG_HP_##KIND, offsetof(og_hparams, field), true, min, max, 0 }
#define OG_KEY_OR(key, KIND, field, min, max, dflt) \
    { key, OG_HP_##KIND, offsetof(og_hparams, field), false, min, max, dflt }
#define OG_KEY_EPS(key) OG_KEY(key, FLOAT, eps, 1e-30, 1)

/* What every model has; what every transformer has. */
#define OG_KEYS_MODEL                                                                              \
    OG_KEY("context_length", INT, n_ctx_train, 1, 1 << 30),                                        \
    OG_KEY("embedding_length", INT, n_embd, 1, 1 << 20),                                           \
    OG_KEY("block_count", INT, n_layer, 1, OG_MAX_LAYER),                                          \
    OG_KEY_OR("vocab_size", INT, n_vocab, 1, 1 << 24, 0)
#define OG_KEYS_DECODER                                                                            \
    OG_KEYS_MODEL,                                                                                 \
    OG_KEY("feed_forward_length", INT, n_ff, 1, 1 << 22),                                          \
    OG_KEY("attention.head_count", INT, n_head, 1, 1 << 14),                                       \
    OG_KEY_OR("attention.head_count_kv", INT, n_head_kv, 1, 1 << 14, 0),                           \
    OG_KEY_OR("attention.key_length", INT, head_k, 1, 1 << 14, 0),                                 \
    OG_KEY_OR("attention.value_length", INT, head_v, 1, 1 << 14, 0)
#define OG_KEYS_ROPE                                                                               \
    OG_KEY_OR("rope.dimension_count", INT, n_rot, 2, 1 << 14, 0),                                  \
    OG_KEY_OR("rope.freq_base", FLOAT, rope_base, 1e-3, 1e12, 10000),                              \
    OG_KEY_OR("rope.scaling.type", SCALING, rope_scaling, 0, 0, OG_SCALING_LINEAR),                \
    OG_KEY_OR("rope.scaling.factor|rope.scale_linear", FLOAT, rope_factor, 0, 1e6, 1),             \
    OG_KEY_OR("rope.scaling.attn_factor", FLOAT, rope_attn_factor, 1e-6, 1e6, 1),                  \
    OG_KEY_OR("rope.scaling.original_context_length", INT, rope_ctx_orig, 1, 1 << 30, 0),          \
    OG_KEY_OR("rope.scaling.yarn_ext_factor", FLOAT, yarn_ext, -1, 1e6, -1),                       \
    OG_KEY_OR("rope.scaling.yarn_beta_fast", FLOAT, yarn_beta_fast, 1e-6, 1e6, 32),                \
    OG_KEY_OR("rope.scaling.yarn_beta_slow", FLOAT, yarn_beta_slow, 1e-6, 1e6, 1),                 \
    OG_KEY_OR("rope.scaling.yarn_log_multiplier", FLOAT, yarn_log_mul, 0, 1e6, 0)
#define OG_KEYS_EXPERTS                                                                            \
    OG_KEY_OR("expert_count", INT, n_expert, 0, 1 << 12, 0),                                       \
    OG_KEY_OR("expert_used_count", INT, n_expert_used, 0, 1 << 12, 0),                             \
    OG_KEY_OR("expert_feed_forward_length", INT, n_ff_exp, 0, 1 << 22, 0)
// clang-format on

/* ---- weights ------------------------------------------------------------------------------- */
/* A few numbers that are read when the graph is built. */
typedef struct og_floats {
    const void *data; /* F32, of any alignment; NULL if absent */
    int64_t n;
} og_floats;

typedef struct og_globals {
    og_tensor *tok_embd, *pos_embd;
    og_tensor *out_norm, *out_norm_b, *out, *out_b; /* in the head */
    og_floats rope_freqs, rope_long, rope_short;
} og_globals;

typedef struct og_layer {
    og_tensor *attn_norm, *attn_norm_b, *attn_post_norm;
    og_tensor *wqkv, *bqkv, *wq, *bq, *wk, *bk, *wv, *bv, *wo, *bo;
    og_tensor *q_norm, *k_norm;
    og_tensor *ffn_norm, *ffn_norm_b, *ffn_post_norm;
    og_tensor *gate_up, *gate, *gate_b, *up, *up_b, *down, *down_b;
    og_tensor *router, *gate_exps, *up_exps, *down_exps;
    og_tensor *ssm_in, *ssm_conv, *ssm_conv_b, *ssm_x, *ssm_dt, *ssm_dt_b, *ssm_a, *ssm_d, *ssm_out;
} og_layer;

/* Sizes that weight tables speak of. */
typedef enum og_dim_code {
    OG_D_END,
    OG_D_EMBD,
    OG_D_VOCAB,
    OG_D_CTX,
    OG_D_Q,
    OG_D_K,
    OG_D_V,
    OG_D_QKV,
    OG_D_ATTN,
    OG_D_HEAD,
    OG_D_FF,
    OG_D_FF_X2,
    OG_D_EXPERT,
    OG_D_FF_EXP,
    OG_D_PAIRS,
    OG_D_SSM_INNER,
    OG_D_SSM_INNER_X2,
    OG_D_SSM_CONV,
    OG_D_SSM_STATE,
    OG_D_SSM_RANK,
    OG_D_SSM_X
} og_dim_code;

enum {
    OG_W_OPTIONAL = 1,
    OG_W_HEAD = 2,   /* belongs to the head's graph */
    OG_W_DENSE = 4,  /* only in models without experts */
    OG_W_MOE = 8,    /* only in models with experts */
    OG_W_FLOATS = 16 /* into an og_floats */
};

/* One weight. "blk.%d." names are one for each layer, in og_layer; others are in og_globals.
 * Alternatives are separated by |: the first that the file has. Shapes are outermost first. */
typedef struct og_weight_row {
    const char *name;
    size_t offset;
    unsigned flags;
    size_t unless; /* 1 + offset of a weight of the same layer that makes this one needless */
    unsigned char dim[4];
} og_weight_row;

// clang-format off
#define OG_WG(name, field, flags, ...) { name, offsetof(og_globals, field), flags, 0, { __VA_ARGS__ } }
#define OG_WL(name, field, flags, ...) { name, offsetof(og_layer, field), flags, 0, { __VA_ARGS__ } }
#define OG_WL_UNLESS(other, name, field, flags, ...) \
    { name, offsetof(og_layer, field), flags, 1 + offsetof(og_layer, other), { __VA_ARGS__ } }

/* Embedding, final norm, output (tied to the embedding where absent). */
#define OG_WEIGHTS_EDGES                                                                           \
    OG_WG("token_embd.weight", tok_embd, 0, OG_D_VOCAB, OG_D_EMBD),                                \
    OG_WG("output_norm.weight", out_norm, OG_W_HEAD, OG_D_EMBD),                                   \
    OG_WG("output.weight|token_embd.weight", out, OG_W_HEAD, OG_D_VOCAB, OG_D_EMBD),               \
    OG_WG("output.bias", out_b, OG_W_HEAD | OG_W_OPTIONAL, OG_D_VOCAB)
#define OG_WEIGHTS_ROPE                                                                            \
    OG_WG("rope_freqs.weight", rope_freqs, OG_W_FLOATS | OG_W_OPTIONAL, OG_D_PAIRS),               \
    OG_WG("rope_factors_long.weight", rope_long, OG_W_FLOATS | OG_W_OPTIONAL, OG_D_PAIRS),         \
    OG_WG("rope_factors_short.weight", rope_short, OG_W_FLOATS | OG_W_OPTIONAL, OG_D_PAIRS)
#define OG_WEIGHTS_ATTENTION                                                                       \
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, OG_D_EMBD),                                     \
    OG_WL("blk.%d.attn_qkv.weight", wqkv, OG_W_OPTIONAL, OG_D_QKV, OG_D_EMBD),                     \
    OG_WL("blk.%d.attn_qkv.bias", bqkv, OG_W_OPTIONAL, OG_D_QKV),                                  \
    OG_WL_UNLESS(wqkv, "blk.%d.attn_q.weight", wq, 0, OG_D_Q, OG_D_EMBD),                          \
    OG_WL_UNLESS(wqkv, "blk.%d.attn_k.weight", wk, 0, OG_D_K, OG_D_EMBD),                          \
    OG_WL_UNLESS(wqkv, "blk.%d.attn_v.weight", wv, 0, OG_D_V, OG_D_EMBD),                          \
    OG_WL("blk.%d.attn_q.bias", bq, OG_W_OPTIONAL, OG_D_Q),                                        \
    OG_WL("blk.%d.attn_k.bias", bk, OG_W_OPTIONAL, OG_D_K),                                        \
    OG_WL("blk.%d.attn_v.bias", bv, OG_W_OPTIONAL, OG_D_V),                                        \
    OG_WL("blk.%d.attn_output.weight", wo, 0, OG_D_EMBD, OG_D_ATTN),                               \
    OG_WL("blk.%d.attn_output.bias", bo, OG_W_OPTIONAL, OG_D_EMBD)
#define OG_WEIGHTS_QK_NORM                                                                         \
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, OG_D_HEAD),                                      \
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, 0, OG_D_HEAD)
#define OG_WEIGHTS_FFN                                                                             \
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, OG_D_EMBD),                                       \
    OG_WL("blk.%d.ffn_gate.weight", gate, OG_W_DENSE, OG_D_FF, OG_D_EMBD),                         \
    OG_WL("blk.%d.ffn_gate.bias", gate_b, OG_W_DENSE | OG_W_OPTIONAL, OG_D_FF),                    \
    OG_WEIGHTS_UP_DOWN
#define OG_WEIGHTS_UP_DOWN                                                                         \
    OG_WL("blk.%d.ffn_up.weight", up, OG_W_DENSE, OG_D_FF, OG_D_EMBD),                             \
    OG_WL("blk.%d.ffn_up.bias", up_b, OG_W_DENSE | OG_W_OPTIONAL, OG_D_FF),                        \
    OG_WL("blk.%d.ffn_down.weight", down, OG_W_DENSE, OG_D_EMBD, OG_D_FF),                         \
    OG_WL("blk.%d.ffn_down.bias", down_b, OG_W_DENSE | OG_W_OPTIONAL, OG_D_EMBD)
#define OG_WEIGHTS_EXPERTS                                                                         \
    OG_WL("blk.%d.ffn_gate_inp.weight", router, OG_W_MOE, OG_D_EXPERT, OG_D_EMBD),                 \
    OG_WL("blk.%d.ffn_gate_exps.weight", gate_exps, OG_W_MOE, OG_D_EXPERT, OG_D_FF_EXP, OG_D_EMBD),\
    OG_WL("blk.%d.ffn_up_exps.weight", up_exps, OG_W_MOE, OG_D_EXPERT, OG_D_FF_EXP, OG_D_EMBD),    \
    OG_WL("blk.%d.ffn_down_exps.weight", down_exps, OG_W_MOE, OG_D_EXPERT, OG_D_EMBD, OG_D_FF_EXP)
// clang-format on

/* ---- architectures ------------------------------------------------------------------------- */
typedef struct og_decoder og_decoder;

typedef enum og_norm_kind { OG_NORM_RMS, OG_NORM_LAYER } og_norm_kind;
typedef enum og_rope_kind {
    OG_ROPE_NONE,
    OG_ROPE_PAIRS, /* (2i, 2i + 1) turn together */
    OG_ROPE_HALVES /* (i, i + n_rot / 2) */
} og_rope_kind;

typedef struct og_arch {
    const char *name; /* general.architecture */
    const char *doc;
    const og_hp_key *key;
    int n_key;
    const og_weight_row *weight;
    int n_weight;
    og_norm_kind norm;
    og_rope_kind rope;
    /* Optional: sets what follows from other values, after defaults. */
    void (*derive)(og_hparams *hp);
    /* Optional, instead of rows of token_embd times embd_scale: token [T] -> [T, E]. */
    og_tensor *(*embed)(og_decoder *d, og_tensor *token);
    /* One layer: x [T, E] -> [T, E]. */
    og_tensor *(*block)(og_decoder *d, int il, og_tensor *x);
    /* Optional, instead of norm, output and final soft-cap: x [O, E] -> [O, V]. */
    og_tensor *(*head)(og_decoder *d, og_tensor *x);
} og_arch;

/* .key .n_key .weight .n_weight of tables named keys and weights. */
#define OG_ARCH_TABLES                                                                             \
    .key = keys, .n_key = (int)(sizeof keys / sizeof *keys), .weight = weights,                    \
    .n_weight = (int)(sizeof weights / sizeof *weights)

/* Makes arch known to ctx; it must outlive ctx and goes before a built-in one of its name. */
OG_API og_status og_arch_register(og_ctx *ctx, const og_arch *arch);

/* ---- blocks -------------------------------------------------------------------------------- */
/* Integers that every step gets. */
typedef enum og_step_input {
    OG_STEP_POS,        /* [T] */
    OG_STEP_SEQ_START,  /* [S + 1] */
    OG_STEP_PAGE_TABLE, /* [S, P] */
    OG_STEP_KV_SLOT,    /* [T] */
    OG_STEP_KV_LEN,     /* [S] */
    OG_STEP_STATE_SLOT, /* [S] */
    OG_STEP_INPUT_COUNT
} og_step_input;

/* What a block function builds with. */
struct og_decoder {
    og_graph *g;
    const og_arch *arch;
    const og_hparams *hp;
    const og_globals *w;
    const og_layer *layer;
    struct ogi_decoder_own *own; /* what is shared between layers: inputs, rope tables */
};

/* The step's input, declared at its first use. */
OG_API og_tensor *og_decoder_input(og_decoder *d, og_step_input which);
/* A recurrent state [slots, rows, cols] of a layer, F32, one slot a sequence. */
OG_API og_tensor *og_decoder_state(og_decoder *d, const char *name, int il, int64_t rows,
                                   int64_t cols);
/* The architecture's norm, times w, plus b; either may be NULL. */
OG_API og_tensor *og_decoder_norm(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b);
/* x times w, plus b, which may be NULL. */
OG_API og_tensor *og_decoder_linear(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b);
/* Self-attention of a layer: q k v (separate or fused), q and k norms if there are any, rope, KV
 * pages, window and soft-cap by the hyperparameters, output projection. */
OG_API og_tensor *og_decoder_attention(og_decoder *d, int il, og_tensor *x);
/* down(act(gate(x)) * up(x)), or down(act(up(x))) in layers without a gate. */
OG_API og_tensor *og_decoder_ffn(og_decoder *d, int il, og_tensor *x,
                                 og_tensor *(*act)(og_graph *g, og_tensor *x));
/* The same through the n_expert_used likeliest experts, weighted by their softmax, which is scaled
 * to a sum of 1 if is_normalized. */
OG_API og_tensor *og_decoder_moe(og_decoder *d, int il, og_tensor *x,
                                 og_tensor *(*act)(og_graph *g, og_tensor *x), bool is_normalized);
/* c * tanh(x / c); x if c is 0. */
OG_API og_tensor *og_decoder_softcap(og_decoder *d, og_tensor *x, float c);

#ifdef __cplusplus
}
#endif
#endif
