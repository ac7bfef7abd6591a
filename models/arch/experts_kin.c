/* SPDX-License-Identifier: MIT
 *
 * Llama blocks with experts: they differ in what their tables say, in how experts are scored and in
 * a line of code at most. */
#include "models/arch/arch.h"

#define RMS         OG_KEY_EPS("attention.layer_norm_rms_epsilon")
#define COMMON      OG_KEYS_DECODER, OG_KEYS_ROPE, RMS, OG_KEYS_EXPERTS, OG_KEYS_ROUTING
#define SCORE(dflt) OG_KEY("expert_gating_func", INT, expert_score, 0, 4, dflt)
#define SOFTMAX     SCORE("1")
#define SIGMOID     SCORE("2")
#define CHOSEN      SCORE("3")
#define NORMED      OG_KEY("expert_weights_norm", BOOL, expert_norm, 0, 1, "1")
#define SHARED_AS(dflt)                                                                            \
    OG_KEY("expert_shared_feed_forward_length", INT, n_ff_shexp, 0, 1 << 22, dflt)
static const og_hp_key softmax_keys[] = { COMMON, SOFTMAX };
static const og_hp_key softmax_normed_keys[] = { COMMON, SOFTMAX, NORMED };
static const og_hp_key sigmoid_keys[] = { COMMON, SIGMOID };
static const og_hp_key sigmoid_normed_keys[] = { COMMON, SIGMOID, NORMED };
static const og_hp_key qwen2moe_keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    RMS,
    OG_KEYS_EXPERTS,
    OG_KEY_LAYER("expert_feed_forward_length", INT, n_ff_exp, 1, 1 << 22, "n_ff / n_expert_used"),
    SHARED_AS("most(n_ff)"),
};
static const og_hp_key hy_v3_keys[] = { COMMON, SIGMOID, SHARED_AS("most(n_ff_exp)") };
static const og_hp_key window_keys[] = { COMMON, SOFTMAX, NORMED, OG_KEYS_WINDOW("4") };
static const og_hp_key exaone_keys[] = { COMMON, SIGMOID, OG_KEYS_WINDOW("4") };
/* The size of a head is the number of its dimensions that turn. */
#define HEADS_BY_ROPE                                                                              \
    OG_KEY_LAYER("rope.dimension_count", INT, n_rot, 2, 1 << 14, "n_embd / most(n_head)"),         \
        OG_KEY_LAYER("attention.key_length", INT, head_k, 1, 1 << 14, "n_rot"),                    \
        OG_KEY_LAYER("attention.value_length", INT, head_v, 1, 1 << 14, "n_rot")
static const og_hp_key bailing_keys[] = { COMMON, SOFTMAX, HEADS_BY_ROPE };
static const og_hp_key gpt_oss_keys[] = { COMMON, CHOSEN, HEADS_BY_ROPE, OG_KEYS_WINDOW("2") };

#define WEIGHTS OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION
#define EXPERTS OG_WEIGHTS_EXPERTS, OG_WEIGHTS_EXPERT_BIAS, OG_WEIGHTS_SHARED(OG_W_OPTIONAL)
static const og_weight_row weights[] = { WEIGHTS, OG_WEIGHTS_FFN, EXPERTS };
static const og_weight_row norm_weights[] = { WEIGHTS, OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN,
                                              EXPERTS };
#define WHOLE_NORM                                                                                 \
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "n_head * head_k"),                              \
        OG_WL("blk.%d.attn_k_norm.weight", k_norm, 0, "n_head_kv * head_k")
static const og_weight_row whole_norm_weights[] = { WEIGHTS, WHOLE_NORM, OG_WEIGHTS_FFN, EXPERTS };
static const og_weight_row qwen2moe_weights[] = { WEIGHTS, OG_WEIGHTS_FFN, EXPERTS,
                                                  OG_WL("blk.%d.ffn_gate_inp_shexp.weight",
                                                        router_shexp, OG_W_OPTIONAL, "n_embd") };
/* glm4moe: norms of heads in the large model; the norm before feed-forward has another's name. */
#define NORM_BEHIND OG_WL("blk.%d.post_attention_norm.weight", ffn_norm, 0, "n_embd")
static const og_weight_row glm4moe_weights[] = {
    WEIGHTS,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "head_k"),
    NORM_BEHIND,
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
    EXPERTS,
};
static const og_weight_row gpt_oss_weights[] = {
    WEIGHTS,
    OG_WEIGHTS_SINKS,
    NORM_BEHIND,
    OG_WEIGHTS_EXPERTS,
    OG_WL("blk.%d.ffn_gate_inp.bias", router_b, 0, "n_expert"),
    OG_WL("blk.%d.ffn_gate_exps.bias", gate_exps_b, 0, "n_expert, n_ff_exp"),
    OG_WL("blk.%d.ffn_up_exps.bias", up_exps_b, 0, "n_expert, n_ff_exp"),
    OG_WL("blk.%d.ffn_down_exps.bias", down_exps_b, 0, "n_expert, n_embd"),
};

/* gpt-oss: min(gate, 7) sigmoid(1.702 gate) (clamp(up) + 1) */
static og_tensor *clamped_glu(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    enum { LIMIT = 7 };
    og_graph *g = d->g;
    (void)il;
    gate = og_clamp(g, gate, -3.4e38f, LIMIT);
    up = og_scale(g, og_clamp(g, up, -LIMIT, LIMIT), 1, 1);
    return og_mul(g, og_gelu_quick(g, gate), up);
}
static og_tensor *gpt_oss_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .glu = clamped_glu } });
}

/* hunyuan-moe: queries and keys are normalised behind rope. */
static og_tensor *after_rope_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .attend = &(og_attend){ .is_norm_after_rope = true } });
}

/* mellum: rope of local layers is not stretched; exaone-moe: global ones have none. */
static void mellum_derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_scaling = !hp->layer[i].is_local;
}
static void exaone_derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = hp->layer[i].is_local;
}

#define KIN(id, text, what, key, weight, rule, ...)                                                \
    const og_arch ogi_arch_##id = { .name = text,                                                  \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES_OF(key, weight),                                \
                                    .rope = OG_ROPE_##rule,                                        \
                                    __VA_ARGS__ };
#define PLAIN .block = og_decoder_plain_block
// clang-format off
KIN(deepseek, "deepseek", "DeepSeek 1 with experts", softmax_keys, weights, PAIRS, PLAIN)
KIN(deepseek2_ocr, "deepseek2-ocr", "DeepSeek OCR, text", softmax_keys, weights, HALVES, PLAIN)
KIN(dots1, "dots1", "dots.llm1", softmax_keys, norm_weights, HALVES, PLAIN)
KIN(glm4moe, "glm4moe", "GLM 4.5 to 4.7", sigmoid_normed_keys, glm4moe_weights, HALVES, PLAIN)
KIN(exaone_moe, "exaone-moe", "K-EXAONE", exaone_keys, norm_weights, HALVES, .derive = exaone_derive, PLAIN)
KIN(bailingmoe, "bailingmoe", "Ling 1", bailing_keys, weights, PAIRS, PLAIN)
KIN(bailingmoe2, "bailingmoe2", "Ling 2, Ring 2", sigmoid_keys, norm_weights, HALVES, PLAIN)
KIN(ernie4_5_moe, "ernie4_5-moe", "Ernie 4.5 with experts", softmax_normed_keys, weights, PAIRS, PLAIN)
KIN(gpt_oss, "gpt-oss", "gpt-oss", gpt_oss_keys, gpt_oss_weights, HALVES, .block = gpt_oss_block)
KIN(hunyuan_moe, "hunyuan-moe", "Hunyuan A13B", softmax_normed_keys, norm_weights, HALVES, .block = after_rope_block)
KIN(hy_v3, "hy_v3", "Hunyuan 3", hy_v3_keys, norm_weights, HALVES, PLAIN)
KIN(mellum, "mellum", "Mellum 2", window_keys, norm_weights, HALVES, .derive = mellum_derive, PLAIN)
KIN(minimax_m2, "minimax-m2", "MiniMax M2", sigmoid_normed_keys, whole_norm_weights, HALVES, PLAIN)
KIN(olmoe, "olmoe", "OLMoE", softmax_keys, whole_norm_weights, HALVES, PLAIN)
KIN(qwen2moe, "qwen2moe", "Qwen 1.5 and 2 with experts", qwen2moe_keys, qwen2moe_weights, HALVES, PLAIN)
