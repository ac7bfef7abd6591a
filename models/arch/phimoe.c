/* SPDX-License-Identifier: MIT
 *
 * phimoe: norms with biases, LongRoPE factors, experts. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_EXPERTS,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_BIASED_NORMS, OG_WEIGHTS_EXPERTS };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .is_normalized = true } });
}

const og_arch ogi_arch_phimoe = { .name = "phimoe",
                                  .doc = "Phi 3.5 with experts",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_HALVES,
                                  .block = block };
