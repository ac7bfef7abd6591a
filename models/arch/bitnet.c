/* SPDX-License-Identifier: MIT
 *
 * bitnet: a Llama block with norms inside attention and feed-forward, before their last linear;
 * ternary weights whose scales may lie beside them (".scale"). */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_sub_norm.weight", attn_sub_norm, 0, "n_head * head_v"),
    OG_WEIGHTS_FFN,
    OG_WL("blk.%d.ffn_sub_norm.weight", ffn_sub_norm, 0, "n_ff"),
};

const og_arch ogi_arch_bitnet = { .name = "bitnet",
                                  .doc = "BitNet b1.58",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_HALVES,
                                  .block = og_decoder_plain_block };
