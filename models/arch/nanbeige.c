/* SPDX-License-Identifier: MIT
 *
 * nanbeige: a Llama whose layers run several times, each time with keys and values of their own; a
 * norm between, unless the file says otherwise. */
#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    int n_loop;
    bool has_no_norm;
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_MODEL,
    OG_KEY_OWN(hparams, "num_loops", INT, n_loop, 1, 64, "1"),
    OG_KEY_OWN(hparams, "skip_loop_final_norm", BOOL, has_no_norm, 0, 1, "0"),
    OG_KEY(NULL, INT, n_own_layer, 1, OG_MAX_LAYER, "n_block"),
    OG_KEY(NULL, INT, n_layer, 1, OG_MAX_LAYER, "n_block * n_loop"),
    OG_KEY_LAYER("feed_forward_length", INT, n_ff, 1, 1 << 22, NULL),
    OG_KEYS_HEADS(1),
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION,
                                         OG_WEIGHTS_FFN };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const hparams *hp = (const hparams *)d->hp;
    bool is_between = (il + 1) % hp->hp.n_own_layer == 0 && il + 1 < hp->hp.n_layer;
    x = og_decoder_block(d, il, x, NULL);
    return is_between && !hp->has_no_norm ? og_decoder_norm(d, x, d->w->out_norm, NULL) : x;
}

const og_arch ogi_arch_nanbeige = { .name = "nanbeige",
                                    .doc = "Nanbeige 4",
                                    OG_ARCH_TABLES,
                                    .hp_size = sizeof(hparams),
                                    .rope = OG_ROPE_PAIRS,
                                    .block = block };
