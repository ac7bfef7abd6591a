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
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    h = l->router ? og_decoder_experts(d, il, h, &(og_experts){ .is_normalized = true })
                  : og_decoder_ffn(d, il, h, NULL);
    return og_add(d->g, x, h);
}

const og_arch ogi_arch_llama = { .name = "llama",
                                 .doc = "Llama 1-3, Mistral, Mixtral and their kin",
                                 OG_ARCH_TABLES,
                                 .rope = OG_ROPE_PAIRS,
                                 .block = block };
