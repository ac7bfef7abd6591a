/* SPDX-License-Identifier: MIT
 *
 * plamo3: fused q, k, v and gate, norms of each head and on both sides of attention and
 * feed-forward; seven of eight layers see a window and have a rope base of their own. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_WINDOW("8"),
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,      OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,  OG_WEIGHTS_QK_NORM,
    OG_WEIGHTS_POST_NORMS, OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_GATE_UP,
};

const og_arch ogi_arch_plamo3 = { .name = "plamo3",
                                  .doc = "PLaMo 3",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_HALVES,
                                  .block = og_decoder_plain_block };
