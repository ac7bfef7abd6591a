/* SPDX-License-Identifier: MIT
 *
 * Dense models with latent attention: minicpm3, scaled as MiniCPM is, and plm, with relu(up)^2 and
 * without a gate. */
#include <math.h>

#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_MLA,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_MLA,
                                         OG_WEIGHTS_FFN };
static const og_weight_row plm_weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_MLA,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_UP_DOWN,
};

static void derive(og_hparams *hp)
{
    hp->embd_scale = 12;
    hp->residual_scale = 1.4F / sqrtf((float)hp->n_layer);
    hp->logit_scale = 256.0F / (float)hp->n_embd;
}

static og_tensor *plm_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_relu2 } });
}

const og_arch ogi_arch_minicpm3 = { .name = "minicpm3",
                                    .doc = "MiniCPM 3",
                                    OG_ARCH_TABLES,
                                    .rope = OG_ROPE_HALVES,
                                    .derive = derive,
                                    .block = og_decoder_plain_block };
const og_arch ogi_arch_plm = { .name = "plm",
                               .doc = "PLM",
                               OG_ARCH_TABLES_OF(keys, plm_weights),
                               .rope = OG_ROPE_PAIRS,
                               .block = plm_block };
