/* SPDX-License-Identifier: MIT
 *
 * chatglm: fused q, k, v with biases, fused gate and up, rope on a part of the head. glm4: norms
 * behind attention and feed-forward too. */
#include "models/arch/arch.h"

/* Positions of images would turn other pairs: a file that has sections is refused. */
#define COMMON                                                                                     \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_rms_epsilon"),                 \
        OG_KEY_OWN_LIST(og_hparams, "rope.dimension_sections", INT, rope_sections, 0, 0, "0")
static const og_hp_key keys[] = { COMMON };

#define WEIGHTS                                                                                    \
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,                                       \
        OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"), OG_WEIGHTS_GATE_UP
static const og_weight_row weights[] = { WEIGHTS };
static const og_weight_row weights4[] = { WEIGHTS, OG_WEIGHTS_POST_NORMS };

const og_arch ogi_arch_chatglm = { .name = "chatglm",
                                   .doc = "ChatGLM 3, GLM 4 9B",
                                   OG_ARCH_TABLES,
                                   .rope = OG_ROPE_PAIRS,
                                   .block = og_decoder_plain_block };
const og_arch ogi_arch_glm4 = { .name = "glm4",
                                .doc = "GLM 4 (0414)",
                                OG_ARCH_TABLES_OF(keys, weights4),
                                .rope = OG_ROPE_PAIRS,
                                .block = og_decoder_plain_block };
