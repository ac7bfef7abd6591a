/* SPDX-License-Identifier: MIT
 *
 * gptneox: layer norms, rope on a part of the head; attention and feed-forward one behind the other
 * or side by side, each with its own norm, as a key says. */
#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    bool is_parallel;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_epsilon"),
    OG_KEY_OWN(hparams, "use_parallel_residual", BOOL, is_parallel, 0, 1, "1"),
};

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_BIASED_NORMS, OG_WEIGHTS_UP_DOWN };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const hparams *hp = (const hparams *)d->hp;
    og_block spec = { .ffn = &(og_ffn){ .act = og_gelu }, .is_parallel = hp->is_parallel };
    return og_decoder_block(d, il, x, &spec);
}

const og_arch ogi_arch_gptneox = { .name = "gptneox",
                                   .doc = "GPT-NeoX, Pythia, Dolly",
                                   OG_ARCH_TABLES,
                                   .hp_size = sizeof(hparams),
                                   .norm = OG_NORM_LAYER,
                                   .rope = OG_ROPE_HALVES,
                                   .block = block };
