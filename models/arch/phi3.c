/* SPDX-License-Identifier: MIT
 *
 * phi3: a Llama block with fused q, k, v and fused gate and up, rope on halves of a part of the
 * head, LongRoPE factors. A sliding window in the file is ignored, as by its converter's runtime.
 */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_up.weight", gate_up, 0, "2 * n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
};

const og_arch ogi_arch_phi3 = { .name = "phi3",
                                .doc = "Phi 3 and 3.5",
                                OG_ARCH_TABLES,
                                .rope = OG_ROPE_HALVES,
                                .block = og_decoder_plain_block };
