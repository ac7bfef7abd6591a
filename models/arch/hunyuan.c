/* SPDX-License-Identifier: MIT
 *
 * hunyuan-dense, hunyuan_vl: norms of queries and keys behind rope, whose base a factor alpha
 * stretches ("NTK-aware"); positions in sections, of which text moves three of four. */
#include <math.h>

#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    float alpha;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_SECTIONS,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY_OWN(hparams, "rope.scaling.alpha", FLOAT, alpha, 0, 1e9, "0"),
};

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN };

static void derive(og_hparams *hp)
{
    double alpha = (double)((const hparams *)hp)->alpha, n = hp->layer[0].n_rot;
    if (alpha > 0 && n > 2)
        hp->rope_base = (float)((double)hp->rope_base * pow(alpha, n / (n - 2)));
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .attend = &(og_attend){ .is_norm_after_rope = true } });
}

#define HUNYUAN(id, text, what)                                                                    \
    const og_arch ogi_arch_##id = { .name = text,                                                  \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES,                                                \
                                    .hp_size = sizeof(hparams),                                    \
                                    .rope = OG_ROPE_HALVES,                                        \
                                    .derive = derive,                                              \
                                    .block = block }
HUNYUAN(hunyuan_dense, "hunyuan-dense", "Hunyuan 0.5B to 7B");
HUNYUAN(hunyuan_vl, "hunyuan_vl", "HunyuanOCR, text");
