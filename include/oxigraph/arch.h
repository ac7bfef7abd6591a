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
 *         const og_layer *l = og_decoder_layer(d, il);
 *         og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
 *         x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
 *         h = og_decoder_norm(d, x, l->ffn_norm, NULL);
 *         return og_add(d->g, x, og_decoder_ffn(d, il, h, NULL));
 *     }
 *     const og_arch mine = { .name = "mine", OG_ARCH_TABLES, .rope = OG_ROPE_HALVES,
 *                            .block = block };
 *
 *     og_arch_register(ctx, &mine);      // then og_model_load() opens files of it
 *
 * The tables are also the checks: a key out of range, a weight that is missing, has another shape,
 * is not in the table or is read by no graph is an error that names it. Shapes, defaults and
 * conditions are expressions over the keys' fields, "n_head * head_k, n_embd" (base/expr.h). */
#ifndef OXIGRAPH_ARCH_H
#define OXIGRAPH_ARCH_H

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

typedef enum og_norm_kind { OG_NORM_DEFAULT, OG_NORM_RMS, OG_NORM_LAYER } og_norm_kind;

/* How rows of a sequence become one; numbered as in files. */
typedef enum og_pooling {
    OG_POOL_NONE, /* every row */
    OG_POOL_MEAN,
    OG_POOL_CLS, /* the first */
    OG_POOL_LAST,
    OG_POOL_RANK /* the classifier's outputs */
} og_pooling;

/* Numbers that may differ from layer to layer. */
typedef struct og_layer_hp {
    int n_head, n_head_kv;
    int head_k, head_v; /* values of one head of keys, of values */
    int n_ff, n_ff_exp;
    int window;    /* keys it sees; 0: all */
    int n_rot;     /* dimensions of a head that rope turns */
    bool is_local; /* of the kind that has the window */
    bool has_rope, has_scaling, has_factors;
    float rope_base, rope_factor;
} og_layer_hp;

/* An architecture's own numbers go into a struct that begins with this one (og_arch.hp_size). */
typedef struct og_hparams {
    int n_layer, n_embd, n_vocab, n_ctx_train;
    int n_ctx;            /* of this run */
    int n_block, n_nextn; /* n_layer and the layers behind it that predict further tokens */
    int n_own_layer;   /* with weights of their own; those behind take the same once more; 0: all */
    og_norm_kind norm; /* for derive to set where a file says it; default: the architecture's */
    float eps;
    bool is_causal;
    int pooling;      /* og_pooling, the file's; -1: it says none */
    int rank_pooling; /* what a classifier looks at: OG_POOL_NONE: the first row, or the last if
                         causal */
    float embd_scale, residual_scale, logit_scale; /* 0: 1 */

    float attn_scale;                  /* 0: 1 / sqrt(head_k) */
    float attn_softcap, final_softcap; /* 0: none */
    float attn_clamp;                  /* of q, k and v; 0: none */
    float alibi_bias;                  /* the largest; 0: no ALiBi */
    float temp_scale, temp_offset; /* q times 1 + scale * log(1 + floor((pos + offset) / length)) */
    int temp_length;
    int window, window_period; /* keys a local layer sees; every window_period-th layer is global */

    int n_expert, n_expert_used, n_expert_shared, n_ff_shexp;
    int n_group, n_group_used;
    int expert_score; /* og_score, 0: the architecture's */
    float expert_scale;
    bool expert_norm;
    int n_dense; /* leading layers without experts */

    int q_rank, kv_rank;        /* of latent attention; kv_rank 0: there is none */
    int head_k_mla, head_v_mla; /* its heads, those of keys and values as they are before */

    int rope_scaling;                 /* og_rope_scaling */
    float rope_base, rope_base_local; /* local: of layers with a window; 0: the same */
    float rope_factor, rope_factor_local;
    float rope_attn_factor, yarn_ext, yarn_beta_fast, yarn_beta_slow, yarn_log_mul;
    float yarn_mul;       /* cosines and sines grow as by this log multiplier over that one; 0: 1 */
    int rope_ctx_orig;    /* context before scaling; 0: n_ctx_train */
    int rope_sections[4]; /* pairs that turn by each of four positions; all 0: one position */
    bool rope_sections_interleaved;

    int ssm_conv, ssm_inner, ssm_state, ssm_rank, ssm_group;
    bool ssm_norm; /* dt, B and C are normalised */

    og_layer_hp layer[OG_MAX_LAYER];
} og_hparams;

typedef enum og_hp_kind {
    OG_HP_INT,    /* int */
    OG_HP_FLOAT,  /* float */
    OG_HP_BOOL,   /* bool */
    OG_HP_NAME,   /* int: which of the row's names a string is */
    OG_HP_PERIOD, /* int, or an array of booleans into is_local of the layers */
} og_hp_kind;

/* One key: read where it is in the file, checked against its range; else the default, or an error
 * if there is none. Alternatives are separated by |. Keys stand behind "<architecture>.", those
 * that begin with / do not. Rows are read in order: a default may use the fields of those before,
 * and of two rows for one field the later holds. */
typedef struct og_hp_key {
    const char *key;  /* NULL: no key, the default always */
    const char *name; /* of the field, in expressions */
    og_hp_kind kind;
    size_t offset; /* in the architecture's struct */
    size_t stride; /* from element to element; 0: one number for the model */
    int n;         /* elements at most; 0: exactly one a layer, or one number for all */
    double min, max;
    const char *dflt;  /* an expression; NULL: required */
    const char *names; /* "linear|none|yarn" */
} og_hp_key;

// clang-format off
/* Where a field lies; does not compile if the field is of another type than its row's kind reads:
 * int (or an enumeration), float, bool. */
#define OG_FIELD_INT    int: 0, unsigned: 0
#define OG_FIELD_FLOAT  float: 0
#define OG_FIELD_BOOL   bool: 0
#define OG_FIELD_NAME   OG_FIELD_INT
#define OG_FIELD_PERIOD OG_FIELD_INT
#define OG_FIELD(type, field, item, KIND)                                                          \
    offsetof(type, field) + _Generic(((type *)0)->item, OG_FIELD_##KIND)

#define OG_KEY(key, KIND, field, min, max, dflt)                                                   \
    { key, #field, OG_HP_##KIND, OG_FIELD(og_hparams, field, field, KIND), 0, 0, min, max, dflt,   \
      NULL }
#define OG_KEY_NAME(key, field, names, dflt)                                                       \
    { key, #field, OG_HP_NAME, OG_FIELD(og_hparams, field, field, NAME), 0, 0, 0, 0, dflt,         \
      names }
/* A field of og_layer_hp: one number or one for each layer. */
#define OG_KEY_LAYER(key, KIND, field, min, max, dflt)                                             \
    { key, #field, OG_HP_##KIND, OG_FIELD(og_hparams, layer[0].field, layer[0].field, KIND),       \
      sizeof(og_layer_hp), 0, min, max, dflt, NULL }
/* The same in a struct of the architecture's own, where layers' fields are arrays
 * [OG_MAX_LAYER]; and an array of another length, whose end may be missing. */
#define OG_KEY_OWN(type, key, KIND, field, min, max, dflt)                                         \
    { key, #field, OG_HP_##KIND, OG_FIELD(type, field, field, KIND), 0, 0, min, max, dflt, NULL }
#define OG_KEY_OWN_LAYER(type, key, KIND, field, min, max, dflt)                                   \
    { key, #field, OG_HP_##KIND, OG_FIELD(type, field, field[0], KIND),                            \
      sizeof ((type *)0)->field[0], 0, min, max, dflt, NULL }
#define OG_KEY_OWN_LIST(type, key, KIND, field, min, max, dflt)                                    \
    { key, #field, OG_HP_##KIND, OG_FIELD(type, field, field[0], KIND),                            \
      sizeof ((type *)0)->field[0],                                                                \
      (int)(sizeof ((type *)0)->field / sizeof ((type *)0)->field[0]), min, max, dflt, NULL }
#define OG_KEY_EPS(key) OG_KEY(key, FLOAT, eps, 1e-30, 1, NULL)

/* What every model has. */
#define OG_KEYS_MODEL                                                                              \
    OG_KEY("context_length", INT, n_ctx_train, 1, 1 << 30, NULL),                                  \
    OG_KEY("embedding_length", INT, n_embd, 1, 1 << 20, NULL),                                     \
    OG_KEY("block_count", INT, n_block, 1, OG_MAX_LAYER, NULL),                                    \
    OG_KEY("nextn_predict_layers", INT, n_nextn, 0, OG_MAX_LAYER, "0"),                            \
    OG_KEY(NULL, INT, n_layer, 1, OG_MAX_LAYER, "n_block - n_nextn"),                              \
    OG_KEY("vocab_size", INT, n_vocab, 1, 1 << 24, "0"),                                           \
    OG_KEY("attention.causal", BOOL, is_causal, 0, 1, "1"),                                        \
    OG_KEY("pooling_type", INT, pooling, 0, OG_POOL_RANK, "-1")
/* Heads; of models where some layers have none: least 0. */
#define OG_KEYS_HEADS(least)                                                                       \
    OG_KEY_LAYER("attention.head_count", INT, n_head, least, 1 << 14, NULL),                       \
    OG_KEY_LAYER("attention.head_count_kv", INT, n_head_kv, least, 1 << 14, "n_head"),             \
    OG_KEY_LAYER("attention.key_length", INT, head_k, 1, 1 << 14, "n_embd / most(n_head)"),        \
    OG_KEY_LAYER("attention.value_length", INT, head_v, 1, 1 << 14, "n_embd / most(n_head)")
#define OG_KEYS_DECODER                                                                            \
    OG_KEYS_MODEL,                                                                                 \
    OG_KEY_LAYER("feed_forward_length", INT, n_ff, 1, 1 << 22, NULL),                              \
    OG_KEYS_HEADS(1)
/* A decoder some of whose layers have no attention or no feed-forward. */
#define OG_KEYS_HYBRID                                                                             \
    OG_KEYS_MODEL,                                                                                 \
    OG_KEY_LAYER("feed_forward_length", INT, n_ff, 0, 1 << 22, "0"),                               \
    OG_KEYS_HEADS(0)
#define OG_KEYS_ROPE                                                                               \
    OG_KEY_LAYER("rope.dimension_count", INT, n_rot, 2, 1 << 14, "head_k"),                        \
    OG_KEY("rope.freq_base", FLOAT, rope_base, 1e-3, 1e12, "10000"),                               \
    OG_KEY("rope.freq_base_swa", FLOAT, rope_base_local, 1e-3, 1e12, "0"),                         \
    OG_KEY_NAME("rope.scaling.type", rope_scaling, "linear|none|yarn|longrope", "0"),              \
    OG_KEY("rope.scaling.factor|rope.scale_linear", FLOAT, rope_factor, 0, 1e6, "1"),              \
    OG_KEY("rope.scaling.attn_factor", FLOAT, rope_attn_factor, 1e-6, 1e6, "1"),                   \
    OG_KEY("rope.scaling.original_context_length", INT, rope_ctx_orig, 1, 1 << 30, "0"),           \
    OG_KEY("rope.scaling.yarn_ext_factor", FLOAT, yarn_ext, -1, 1e6, "-1"),                        \
    OG_KEY("rope.scaling.yarn_beta_fast", FLOAT, yarn_beta_fast, 1e-6, 1e6, "32"),                 \
    OG_KEY("rope.scaling.yarn_beta_slow", FLOAT, yarn_beta_slow, 1e-6, 1e6, "1"),                  \
    OG_KEY("rope.scaling.yarn_log_multiplier", FLOAT, yarn_log_mul, 0, 1e6, "0")
/* Latent attention: keys and values of all heads come from one row of low rank. */
#define OG_KEYS_MLA                                                                                \
    OG_KEY("attention.q_lora_rank", INT, q_rank, 0, 1 << 20, "0"),                                 \
    OG_KEY("attention.kv_lora_rank", INT, kv_rank, 1, 1 << 20, NULL),                              \
    OG_KEY("attention.key_length_mla", INT, head_k_mla, 1, 1 << 14, "most(head_k)"),               \
    OG_KEY("attention.value_length_mla", INT, head_v_mla, 1, 1 << 14, "most(head_v)")
#define OG_KEYS_EXPERTS                                                                            \
    OG_KEY("expert_count", INT, n_expert, 0, 1 << 12, "0"),                                        \
    OG_KEY("expert_used_count", INT, n_expert_used, 0, 1 << 12, "0"),                              \
    OG_KEY_LAYER("expert_feed_forward_length", INT, n_ff_exp, 0, 1 << 22, "n_ff")
/* What newer models with experts say as well. */
#define OG_KEYS_ROUTING                                                                            \
    OG_KEY("expert_shared_count", INT, n_expert_shared, 0, 1 << 10, "0"),                          \
    OG_KEY("expert_shared_feed_forward_length", INT, n_ff_shexp, 0, 1 << 22,                       \
           "most(n_ff_exp) * n_expert_shared"),                                                    \
    OG_KEY("expert_group_count", INT, n_group, 0, 1 << 10, "0"),                                   \
    OG_KEY("expert_group_used_count", INT, n_group_used, 0, 1 << 10, "0"),                         \
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "0"),                                    \
    OG_KEY("expert_weights_scale", FLOAT, expert_scale, 0, 1e6, "0"),                              \
    OG_KEY("expert_weights_norm", BOOL, expert_norm, 0, 1, "0"),                                   \
    OG_KEY("leading_dense_block_count", INT, n_dense, 0, OG_MAX_LAYER, "0")
/* Pairs that turn by each of several positions, of which text has one. */
#define OG_KEYS_SECTIONS                                                                           \
    OG_KEY_OWN_LIST(og_hparams, "rope.dimension_sections", INT, rope_sections, 0, 1 << 13, "0")
#define OG_KEYS_SCALES                                                                             \
    OG_KEY("embedding_scale", FLOAT, embd_scale, 1e-6, 1e6, "1"),                                  \
    OG_KEY("residual_scale", FLOAT, residual_scale, 1e-6, 1e6, "1"),                               \
    OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, "1"),                                     \
    OG_KEY("attention.scale", FLOAT, attn_scale, 0, 1e6, "0")
/* Layers of two kinds; period: of the global ones, where the file does not say it. */
#define OG_KEYS_WINDOW(period)                                                                     \
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "0"),                              \
    OG_KEY("attention.sliding_window_pattern", PERIOD, window_period, 0, OG_MAX_LAYER, period)
// clang-format on

/* ---- weights ------------------------------------------------------------------------------- */
/* A few numbers that are read when the graph is built. */
typedef struct og_floats {
    const void *data; /* F32, of any alignment; NULL if absent */
    int64_t n;
} og_floats;

/* Structs of an architecture's own begin with these (og_arch.globals_size, .layer_size). */
typedef struct og_globals {
    og_tensor *tok_embd, *pos_embd, *type_embd, *embd_norm, *embd_norm_b;
    og_tensor *out_norm, *out_norm_b, *out, *out_b;
    og_floats rope_freqs, rope_long, rope_short;
    og_tensor *cls, *cls_b, *cls_norm, *cls_norm_b, *cls_out, *cls_out_b; /* of pooling */
    og_tensor *dense2, *dense2_b, *dense3, *dense3_b;
} og_globals;

typedef struct og_layer {
    og_tensor *attn_norm, *attn_norm_b, *attn_norm2, *attn_norm2_b;
    og_tensor *attn_post_norm, *attn_post_norm_b;
    og_tensor *wqkv, *bqkv, *wq, *bq, *wk, *bk, *wv, *bv, *wo, *bo;
    og_tensor *q_norm, *q_norm_b, *k_norm, *k_norm_b;
    og_tensor *wq_a, *q_a_norm, *wq_b, *wkv_a, *kv_a_norm, *wkv_b, *wk_b, *wv_b;
    og_tensor *sinks, *attn_gate, *attn_sub_norm;
    og_tensor *ffn_norm, *ffn_norm_b, *ffn_post_norm, *ffn_post_norm_b, *ffn_sub_norm;
    og_tensor *layer_out_norm, *layer_out_norm_b;
    og_tensor *gate_up, *gate_up_b, *gate, *gate_b, *up, *up_b, *down, *down_b;
    og_tensor *router, *router_b, *expert_bias; /* bias: of the choice alone */
    og_tensor *gate_up_exps, *gate_exps, *gate_exps_b, *up_exps, *up_exps_b;
    og_tensor *down_exps, *down_exps_b;
    og_tensor *router_shexp, *gate_shexp, *up_shexp, *down_shexp;
    og_tensor *ssm_in, *ssm_conv, *ssm_conv_b, *ssm_x, *ssm_dt, *ssm_dt_b, *ssm_a, *ssm_d, *ssm_out;
    og_tensor *ssm_norm, *ssm_dt_norm, *ssm_b_norm, *ssm_c_norm;
} og_layer;

enum {
    OG_W_OPTIONAL = 1,
    OG_W_FLOATS = 2, /* into an og_floats */
    OG_W_INTS = 4,   /* a table of I32 */
    OG_W_MAYBE = 8,  /* need not be read: only some layers, or ways of pooling, do */
    OG_W_UNUSED = 16 /* known, and left out: name is a pattern with * */
};

/* One weight. Names with %d are in the layers' struct, others in the globals'. Alternatives are
 * separated by |: the first that the file has. Shapes are outermost first. */
typedef struct og_weight_row {
    const char *name;
    const char *field; /* for has(field) in conditions */
    size_t offset;
    unsigned flags;
    const char *shape; /* expressions, separated by commas */
    const char *when;  /* an expression: rows that count only where it holds; NULL: always */
    const char *count; /* of copies, an expression; NULL: n_layer */
} og_weight_row;

// clang-format off
#define OG_WG(name, field, flags, shape) OG_WG_OWN(og_globals, NULL, name, field, flags, shape)
#define OG_WL(name, field, flags, shape) OG_WL_OWN(og_layer, NULL, name, field, flags, shape)
#define OG_WL_IF(when, name, field, flags, shape) \
    OG_WL_OWN(og_layer, when, name, field, flags, shape)
#define OG_WG_OWN(type, when, name, field, flags, shape)                                           \
    { name, #field, offsetof(type, field), flags, shape, when, NULL }
#define OG_WL_OWN(type, when, name, field, flags, shape)                                           \
    { name, #field, offsetof(type, field), flags, shape, when, NULL }
/* count copies, as of an encoder's layers: "enc.blk.%d.attn_q.weight". */
#define OG_WN_OWN(type, count, when, name, field, flags, shape)                                    \
    { name, #field, offsetof(type, field), flags, shape, when, count }
#define OG_W_LEFT_OUT(pattern) { pattern, "", 0, OG_W_UNUSED, NULL, NULL, NULL }

/* Embedding, final norm, output (tied to the embedding where absent). */
#define OG_WEIGHTS_EDGES                                                                           \
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),                                    \
    OG_WG("output_norm.weight", out_norm, 0, "n_embd"),                                            \
    OG_WG("output.weight|token_embd.weight", out, 0, "n_vocab, n_embd"),                           \
    OG_WG("output.bias", out_b, OG_W_OPTIONAL, "n_vocab")
/* Behind pooling: dense layers, a classifier. */
#define OG_WEIGHTS_POOL                                                                            \
    OG_WG("dense_2.weight", dense2, OG_W_OPTIONAL | OG_W_MAYBE, "rows(dense2), n_embd"),            \
    OG_WG("dense_2.bias", dense2_b, OG_W_OPTIONAL | OG_W_MAYBE, "rows(dense2)"),                    \
    OG_WG("dense_3.weight", dense3, OG_W_OPTIONAL | OG_W_MAYBE, "rows(dense3), rows(dense2)"),      \
    OG_WG("dense_3.bias", dense3_b, OG_W_OPTIONAL | OG_W_MAYBE, "rows(dense3)"),                    \
    OG_WG("cls.weight", cls, OG_W_OPTIONAL | OG_W_MAYBE, "rows(cls), n_embd"),                      \
    OG_WG("cls.bias", cls_b, OG_W_OPTIONAL | OG_W_MAYBE, "rows(cls)"),                              \
    OG_WG("cls.norm.weight", cls_norm, OG_W_OPTIONAL | OG_W_MAYBE, "rows(cls)"),                    \
    OG_WG("cls.norm.bias", cls_norm_b, OG_W_OPTIONAL | OG_W_MAYBE, "rows(cls)"),                    \
    OG_WG("cls.output.weight", cls_out, OG_W_OPTIONAL | OG_W_MAYBE,                                 \
          "rows(cls_out), max(rows(cls), n_embd * !has(cls))"),                                    \
    OG_WG("cls.output.bias", cls_out_b, OG_W_OPTIONAL | OG_W_MAYBE, "rows(cls_out)")
#define OG_WEIGHTS_ROPE                                                                            \
    OG_WG("rope_freqs.weight", rope_freqs, OG_W_FLOATS | OG_W_OPTIONAL, "most(n_rot) / 2"),        \
    OG_WG("rope_factors_long.weight", rope_long, OG_W_FLOATS | OG_W_OPTIONAL, "most(n_rot) / 2"),  \
    OG_WG("rope_factors_short.weight", rope_short, OG_W_FLOATS | OG_W_OPTIONAL, "most(n_rot) / 2")
#define OG_WEIGHTS_ATTENTION OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"), OG_WEIGHTS_QKVO
#define OG_WEIGHTS_QKVO /* of layers that have heads of keys */                                     \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_qkv.weight", wqkv, OG_W_OPTIONAL,                       \
             "n_head * head_k + n_head_kv * (head_k + head_v), n_embd"),                           \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_qkv.bias", bqkv, OG_W_OPTIONAL,                         \
             "n_head * head_k + n_head_kv * (head_k + head_v)"),                                   \
    OG_WL_IF("n_head_kv > 0 && !has(wqkv)", "blk.%d.attn_q.weight", wq, 0,                         \
             "n_head * head_k, n_embd"),                                                           \
    OG_WEIGHTS_KV, OG_WEIGHTS_QKV_BIAS, OG_WEIGHTS_O
#define OG_WEIGHTS_KV                                                                              \
    OG_WL_IF("n_head_kv > 0 && !has(wqkv)", "blk.%d.attn_k.weight", wk, 0,                         \
             "n_head_kv * head_k, n_embd"),                                                        \
    OG_WL_IF("n_head_kv > 0 && !has(wqkv)", "blk.%d.attn_v.weight", wv, 0,                         \
             "n_head_kv * head_v, n_embd")
#define OG_WEIGHTS_QKV_BIAS                                                                        \
    OG_WL("blk.%d.attn_q.bias", bq, OG_W_OPTIONAL, "n_head * head_k"),                             \
    OG_WL("blk.%d.attn_k.bias", bk, OG_W_OPTIONAL, "n_head_kv * head_k"),                          \
    OG_WL("blk.%d.attn_v.bias", bv, OG_W_OPTIONAL, "n_head_kv * head_v")
#define OG_WEIGHTS_O                                                                               \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v"),      \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_output.bias", bo, OG_W_OPTIONAL, "n_embd")
/* Latent attention, its queries of low rank or not; in layers with heads of keys. wk_b and wv_b
 * [heads, ..] are the halves of wkv_b, that of keys transposed. */
#define OG_WEIGHTS_MLA                                                                             \
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),                                      \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_q_a.weight", wq_a, OG_W_OPTIONAL, "q_rank, n_embd"),    \
    OG_WL_IF("has(wq_a)", "blk.%d.attn_q_a_norm.weight", q_a_norm, 0, "q_rank"),                   \
    OG_WL_IF("has(wq_a)", "blk.%d.attn_q_b.weight", wq_b, 0, "n_head * head_k_mla, q_rank"),       \
    OG_WL_IF("n_head_kv > 0 && !has(wq_a)", "blk.%d.attn_q.weight", wq, 0,                         \
             "n_head * head_k_mla, n_embd"),                                                       \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_kv_a_mqa.weight", wkv_a, 0, "kv_rank + n_rot, n_embd"), \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_kv_a_norm.weight", kv_a_norm, 0, "kv_rank"),            \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_k_b.weight", wk_b, OG_W_OPTIONAL,                       \
             "n_head, kv_rank, head_k_mla - n_rot"),                                               \
    OG_WL_IF("has(wk_b)", "blk.%d.attn_v_b.weight", wv_b, 0, "n_head, head_v_mla, kv_rank"),       \
    OG_WL_IF("n_head_kv > 0 && !has(wk_b)", "blk.%d.attn_kv_b.weight", wkv_b, 0,                   \
             "n_head * (head_k_mla - n_rot + head_v_mla), kv_rank"),                               \
    OG_WL_IF("has(wk_b)", "blk.%d.attn_kv_b.weight", wkv_b, OG_W_OPTIONAL | OG_W_MAYBE,            \
             "n_head * (head_k_mla - n_rot + head_v_mla), kv_rank"),                               \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v_mla")
#define OG_WEIGHTS_QK_NORM                                                                         \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_q_norm.weight", q_norm, 0, "head_k"),                   \
    OG_WL_IF("n_head_kv > 0", "blk.%d.attn_k_norm.weight", k_norm, 0, "head_k")
/* What layer norms have: a norm before feed-forward, biases. */
#define OG_WEIGHTS_BIASED_NORMS                                                                    \
    OG_WG("output_norm.bias", out_norm_b, OG_W_OPTIONAL, "n_embd"),                                \
    OG_WL("blk.%d.attn_norm.bias", attn_norm_b, OG_W_OPTIONAL, "n_embd"),                          \
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),                                        \
    OG_WL("blk.%d.ffn_norm.bias", ffn_norm_b, OG_W_OPTIONAL, "n_embd")
/* Norms behind attention and feed-forward. */
#define OG_WEIGHTS_POST_NORMS                                                                      \
    OG_WL("blk.%d.post_attention_norm.weight|blk.%d.post_attention_norm", attn_post_norm, 0,       \
          "n_embd"),                                                                               \
    OG_WL("blk.%d.post_ffw_norm.weight|blk.%d.post_ffw_norm", ffn_post_norm, 0, "n_embd")
/* Feed-forward; in layers that have no router. */
#define OG_WEIGHTS_FFN                                                                             \
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),                                        \
    OG_WEIGHTS_GATE,                                                                               \
    OG_WEIGHTS_UP_DOWN
#define OG_WEIGHTS_GATE                                                                            \
    OG_WL_IF("!has(router)", "blk.%d.ffn_gate.weight", gate, 0, "n_ff, n_embd"),                   \
    OG_WL_IF("!has(router)", "blk.%d.ffn_gate.bias", gate_b, OG_W_OPTIONAL, "n_ff")
#define OG_WEIGHTS_GATE_UP /* both in one */                                                       \
    OG_WL("blk.%d.ffn_up.weight", gate_up, 0, "2 * n_ff, n_embd"),                                 \
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff")
#define OG_WEIGHTS_UP_DOWN                                                                         \
    OG_WL_IF("!has(router)", "blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),                       \
    OG_WL_IF("!has(router)", "blk.%d.ffn_up.bias", up_b, OG_W_OPTIONAL, "n_ff"),                   \
    OG_WL_IF("!has(router)", "blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),                   \
    OG_WL_IF("!has(router)", "blk.%d.ffn_down.bias", down_b, OG_W_OPTIONAL, "n_embd")
/* In layers that have a router. */
#define OG_WEIGHTS_EXPERTS                                                                         \
    OG_WL_IF("n_expert > 0", "blk.%d.ffn_gate_inp.weight", router, OG_W_OPTIONAL,                  \
             "n_expert, n_embd"),                                                                  \
    OG_WL_IF("has(router)", "blk.%d.ffn_gate_up_exps.weight", gate_up_exps, OG_W_OPTIONAL,         \
             "n_expert, 2 * n_ff_exp, n_embd"),                                                    \
    OG_WL_IF("has(router) && !has(gate_up_exps)", "blk.%d.ffn_gate_exps.weight", gate_exps, 0,     \
             "n_expert, n_ff_exp, n_embd"),                                                        \
    OG_WL_IF("has(router) && !has(gate_up_exps)", "blk.%d.ffn_up_exps.weight", up_exps, 0,         \
             "n_expert, n_ff_exp, n_embd"),                                                        \
    OG_WL_IF("has(router)", "blk.%d.ffn_down_exps.weight", down_exps, 0,                           \
             "n_expert, n_embd, n_ff_exp")
#define OG_WEIGHTS_EXPERT_BIAS /* of the choice; the name ends in .bias or not */                  \
    OG_WL_IF("has(router)", "blk.%d.exp_probs_b.bias|blk.%d.exp_probs_b", expert_bias,             \
             OG_W_OPTIONAL, "n_expert")
#define OG_WEIGHTS_SINKS OG_WL("blk.%d.attn_sinks.weight", sinks, OG_W_OPTIONAL, "n_head")
#define OG_WEIGHTS_SHARED(flags)                                                                   \
    OG_WL_IF("has(router)", "blk.%d.ffn_gate_shexp.weight", gate_shexp, flags,                     \
             "n_ff_shexp, n_embd"),                                                                \
    OG_WL_IF("has(router)", "blk.%d.ffn_up_shexp.weight", up_shexp, flags, "n_ff_shexp, n_embd"),  \
    OG_WL_IF("has(router)", "blk.%d.ffn_down_shexp.weight", down_shexp, flags,                     \
             "n_embd, n_ff_shexp")
// clang-format on

/* ---- architectures ------------------------------------------------------------------------- */
typedef struct og_decoder og_decoder;

typedef enum og_rope_kind {
    OG_ROPE_NONE,
    OG_ROPE_PAIRS, /* (2i, 2i + 1) turn together */
    OG_ROPE_HALVES /* (i, i + n_rot / 2) */
} og_rope_kind;

/* A graph of the model, over the same weights and states as the others. The engine binds them by
 * name:
 *   step    tokens of the step                     -> "hidden" [T, any width]
 *   head    rows of hidden (og_decoder_rows)      -> "logits" [O, n_vocab]
 *   embed   rows of hidden (og_decoder_rows)      -> "row" [O, any width], what pooling is of
 *   pool    pooled rows (og_decoder_pooled)       -> "pooled" [O, any width]
 *   encode  tokens of the encoder                 -> "hidden"; its use is what it stores in states
 * All but encode have default builders: layers; norm and output; norm; dense layers or, for
 * OG_POOL_RANK, the classifier. */
typedef struct og_entry {
    const char *name;
    og_tensor *(*build)(og_decoder *d);
} og_entry;

typedef struct og_arch {
    const char *name; /* general.architecture */
    const char *doc;
    const og_hp_key *key;
    int n_key;
    const og_weight_row *weight;
    int n_weight;
    size_t hp_size, globals_size, layer_size; /* of own structs; 0: the common ones */
    og_norm_kind norm;                        /* default: rms */
    og_rope_kind rope;
    /* Optional: sets what follows from other values, after defaults. What it leaves unset of a
     * layer (window < 0, rope_base and rope_factor 0) is then set by is_local. */
    void (*derive)(og_hparams *hp);
    /* Optional, instead of rows of token_embd times embd_scale: token [T] -> [T, E]. */
    og_tensor *(*embed)(og_decoder *d, og_tensor *token);
    /* One layer: x [T, E] -> [T, E]. Not needed by an architecture with a step of its own. */
    og_tensor *(*block)(og_decoder *d, int il, og_tensor *x);
    /* Optional, instead of norm, output, scale and final soft-cap: x [O, E] -> [O, V]. */
    og_tensor *(*head)(og_decoder *d, og_tensor *x);
    const og_entry *entry; /* further graphs, or in place of the default ones */
    int n_entry;
} og_arch;

/* .key .n_key .weight .n_weight of tables named keys and weights; of other tables. */
#define OG_ARCH_TABLES OG_ARCH_TABLES_OF(keys, weights)
#define OG_ARCH_TABLES_OF(keys, weights)                                                           \
    .key = keys, .n_key = (int)(sizeof keys / sizeof *keys), .weight = weights,                    \
    .n_weight = (int)(sizeof weights / sizeof *weights)
#define OG_ARCH_ENTRIES .entry = entries, .n_entry = (int)(sizeof entries / sizeof *entries)

/* Makes arch known to ctx; it must outlive ctx and goes before a built-in one of its name. */
OG_API og_status og_arch_register(og_ctx *ctx, const og_arch *arch);

/* Makes layers local but for every period-th (the last of each period, or the first); period 0:
 * all are local, 1: none is. For derive functions. */
OG_API void og_hparams_pattern(og_hparams *hp, int period, bool is_first_global);

/* In a shared object: the architecture that `oxigraph COMMAND --arch FILE.so` registers. */
#define OG_ARCH_PLUGIN(arch)                                                                       \
    OG_API const og_arch *og_arch_plugin(void);                                                    \
    const og_arch *og_arch_plugin(void)                                                            \
    {                                                                                              \
        return &(arch);                                                                            \
    }

#ifdef __cplusplus
}
#endif
#endif
