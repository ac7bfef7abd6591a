/* SPDX-License-Identifier: MIT
 *
 * mimo2: heads of keys and of values of two sizes, values scaled, sinks, layers with a window and a
 * rope base of their own, experts where a layer has a router. */
#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    float v_scale;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("0"),
    OG_KEYS_EXPERTS,
    OG_KEY("expert_weights_scale", FLOAT, expert_scale, 0, 1e6, "0"),
    OG_KEY_OWN(hparams, "attention.value_scale", FLOAT, v_scale, 0, 1e6, "0"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_SINKS,
    OG_WEIGHTS_FFN,   OG_WEIGHTS_EXPERTS,   OG_WEIGHTS_EXPERT_BIAS,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_block spec = {
        .attend = &(og_attend){ .v_scale = ((const hparams *)d->hp)->v_scale },
        .experts = &(og_experts){ .score = OG_SCORE_SIGMOID, .is_normalized = true },
    };
    return og_decoder_block(d, il, x, &spec);
}

const og_arch ogi_arch_mimo2 = { .name = "mimo2",
                                 .doc = "MiMo V2",
                                 OG_ARCH_TABLES,
                                 .hp_size = sizeof(hparams),
                                 .rope = OG_ROPE_HALVES,
                                 .block = block };
