/* SPDX-License-Identifier: MIT
 *
 * llama: rms norms, rope on pairs, gated SiLU; Mixtral's experts in place of the feed-forward. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_EXPERTS,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_FFN, OG_WEIGHTS_EXPERTS };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .is_normalized = true } });
}

const og_arch ogi_arch_llama = { .name = "llama",
                                 .doc = "Llama 1-3, Mistral, Mixtral and their kin",
                                 OG_ARCH_TABLES,
                                 .rope = OG_ROPE_PAIRS,
                                 .block = block };
