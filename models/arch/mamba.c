/* SPDX-License-Identifier: MIT
 *
 * mamba, mamba2: no attention and no feed-forward; a short convolution and a selective state space.
 * Falcon Mamba normalises dt, B and C. */
#include "models/arch/mixers.h"

#define COMMON OG_KEYS_MODEL, OG_KEY_EPS("attention.layer_norm_rms_epsilon"), SSM_KEYS
static const og_hp_key keys[] = { COMMON, OG_KEY("ssm.dt_b_c_rms", BOOL, ssm_norm, 0, 1, "0") };
static const og_hp_key keys2[] = { COMMON, SSM_GROUP_KEY };

#define EDGES OG_WEIGHTS_EDGES, OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd")
static const og_weight_row weights[] = { EDGES, MAMBA_WEIGHTS(NULL) };
static const og_weight_row weights2[] = { EDGES, MAMBA2_WEIGHTS(NULL) };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    return og_add(d->g, x, ogi_mamba(d, il, og_decoder_norm(d, x, l->attn_norm, NULL)));
}

static og_tensor *block2(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    return og_add(d->g, x, ogi_mamba2(d, il, og_decoder_norm(d, x, l->attn_norm, NULL)));
}

const og_arch ogi_arch_mamba = {
    .name = "mamba", .doc = "Mamba, Falcon Mamba", OG_ARCH_TABLES, .block = block
};
const og_arch ogi_arch_mamba2 = {
    .name = "mamba2", .doc = "Mamba 2", OG_ARCH_TABLES_OF(keys2, weights2), .block = block2
};
