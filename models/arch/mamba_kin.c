/* SPDX-License-Identifier: MIT
 *
 * Llama blocks in which some layers, those without heads of keys, have a state space in place of
 * attention: jamba Mamba, barbet Mamba 2. falcon-h1: both side by side in every layer. */
#include "models/arch/mixers.h"

#define RMS OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key jamba_keys[] = { OG_KEYS_HYBRID, RMS, OG_KEYS_EXPERTS, SSM_KEYS };
static const og_hp_key barbet_keys[] = { OG_KEYS_HYBRID, OG_KEYS_ROPE, RMS, SSM_KEYS,
                                         SSM_GROUP_KEY };
static const og_hp_key h1_keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, RMS, SSM_KEYS, SSM_GROUP_KEY };

#define SSM_NORM(name, field, shape)                                                               \
    OG_WL_IF("n_head_kv == 0", "blk.%d." name ".weight", field, 0, shape)
static const og_weight_row jamba_weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    MAMBA_WEIGHTS("n_head_kv == 0"),
    SSM_NORM("ssm_dt_norm", ssm_dt_norm, "ssm_rank"),
    SSM_NORM("ssm_b_norm", ssm_b_norm, "ssm_state"),
    SSM_NORM("ssm_c_norm", ssm_c_norm, "ssm_state"),
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
};
static const og_weight_row barbet_weights[] = {
    OG_WEIGHTS_EDGES,   OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION, MAMBA2_WEIGHTS("n_head_kv == 0"),
    OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN,
};
static const og_weight_row h1_weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    MAMBA2_WEIGHTS(NULL),
    OG_WL("blk.%d.ffn_norm|blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

static og_tensor *jamba_mixer(og_decoder *d, int il, og_tensor *x)
{
    return d->hp->layer[il].n_head_kv > 0 ? og_decoder_attend(d, il, x, NULL) : ogi_mamba(d, il, x);
}

static og_tensor *jamba_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = jamba_mixer });
}

static og_tensor *barbet_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = ogi_attend_or_mamba2 });
}

static og_tensor *h1_mixer(og_decoder *d, int il, og_tensor *x)
{
    return og_add(d->g, og_decoder_attend(d, il, x, NULL), ogi_mamba2(d, il, x));
}

static og_tensor *h1_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .mixer = h1_mixer });
}

const og_arch ogi_arch_jamba = { .name = "jamba",
                                 .doc = "Jamba",
                                 OG_ARCH_TABLES_OF(jamba_keys, jamba_weights),
                                 .block = jamba_block };
const og_arch ogi_arch_barbet = { .name = "barbet",
                                  .doc = "Barbet",
                                  OG_ARCH_TABLES_OF(barbet_keys, barbet_weights),
                                  .rope = OG_ROPE_HALVES,
                                  .block = barbet_block };
const og_arch ogi_arch_falcon_h1 = { .name = "falcon-h1",
                                     .doc = "Falcon H1",
                                     OG_ARCH_TABLES_OF(h1_keys, h1_weights),
                                     .rope = OG_ROPE_HALVES,
                                     .block = h1_block };
