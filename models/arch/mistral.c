/* SPDX-License-Identifier: MIT
 *
 * mistral3: a Llama block whose queries grow with their position, experts where there are any. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("attention.temperature_scale", FLOAT, temp_scale, 0, 1e6, "0"),
};

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_FFN, OG_WEIGHTS_EXPERTS };

static void derive(og_hparams *hp)
{
    hp->temp_length = hp->rope_ctx_orig;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .is_normalized = true } });
}

const og_arch ogi_arch_mistral3 = { .name = "mistral3",
                                    .doc = "Mistral 3, Ministral 3, Devstral",
                                    OG_ARCH_TABLES,
                                    .rope = OG_ROPE_PAIRS,
                                    .derive = derive,
                                    .block = block };
