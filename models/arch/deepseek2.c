/* SPDX-License-Identifier: MIT
 *
 * deepseek2 (DeepSeek V2, V3, R1, Kimi K2, GLM 4.7 Flash) and mistral4: latent attention and
 * experts. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_MLA,
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("attention.temperature_scale", FLOAT, temp_scale, 0, 1e6, "0"),
    OG_KEY("attention.temperature_length", INT, temp_length, 0, 1 << 30, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,   OG_WEIGHTS_MLA,         OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS, OG_WEIGHTS_EXPERT_BIAS, OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

/* Files hold a tenth of the multiplier. */
static void mistral4_derive(og_hparams *hp)
{
    hp->yarn_log_mul *= 10;
}

/* Cosines and sines do not grow. Files of GLM 4.7 Flash do not say that it scores by a sigmoid. */
static void derive(og_hparams *hp)
{
    hp->yarn_log_mul *= 10;
    hp->yarn_mul = hp->yarn_log_mul;
    bool is_glm_flash = hp->n_layer == 47 && hp->n_vocab == 154880;
    if (hp->expert_score == OG_SCORE_DEFAULT && is_glm_flash) hp->expert_score = OG_SCORE_SIGMOID;
}

const og_arch ogi_arch_deepseek2 = { .name = "deepseek2",
                                     .doc = "DeepSeek V2, V3, R1, Kimi K2, GLM 4.7 Flash",
                                     OG_ARCH_TABLES,
                                     .rope = OG_ROPE_PAIRS,
                                     .derive = derive,
                                     .block = og_decoder_plain_block };
const og_arch ogi_arch_mistral4 = { .name = "mistral4",
                                    .doc = "Mistral 4",
                                    OG_ARCH_TABLES,
                                    .rope = OG_ROPE_PAIRS,
                                    .derive = mistral4_derive,
                                    .block = og_decoder_plain_block };
