/* SPDX-License-Identifier: MIT
 *
 * dbrx: layer norms without biases, fused q, k, v, clamped, experts. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    OG_KEY("attention.clamp_kqv", FLOAT, attn_clamp, 0, 1e6, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_output_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_EXPERTS,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .is_normalized = true } });
}

const og_arch ogi_arch_dbrx = { .name = "dbrx",
                                .doc = "DBRX",
                                OG_ARCH_TABLES,
                                .norm = OG_NORM_LAYER,
                                .rope = OG_ROPE_HALVES,
                                .block = block };
