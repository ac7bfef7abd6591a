/* SPDX-License-Identifier: MIT
 *
 * llama4: three of four layers see their own chunk of 8192 positions, their queries and keys are
 * normalised behind rope; the others have neither, but queries that grow with their position.
 * Experts get their input times their weight. */
#include "models/arch/arch.h"

enum { CHUNK = 8192, MANY_EXPERTS = 128 };

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("4"),
    OG_KEY("attention.sliding_window", INT, window, 0, 1 << 30, "8192"),
    OG_KEYS_EXPERTS,
    OG_KEY("expert_shared_feed_forward_length", INT, n_ff_shexp, 0, 1 << 22, "most(n_ff_exp)"),
    OG_KEY("expert_weights_scale", FLOAT, expert_scale, 0, 1e6, "0"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE,    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_FFN,   OG_WEIGHTS_EXPERTS, OG_WEIGHTS_SHARED(0),
};

/* A window of 0 keys turns all of that off. */
static void derive(og_hparams *hp)
{
    bool has_chunks = hp->window > 0;
    for (int i = 0; i < hp->n_layer; i++) {
        hp->layer[i].window = 0;
        hp->layer[i].has_rope = !has_chunks || hp->layer[i].is_local;
    }
    if (!has_chunks) return;
    hp->temp_scale = 0.1f;
    hp->temp_offset = 1;
    hp->temp_length = CHUNK;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer_hp *h = &d->hp->layer[il];
    og_attend attend = { .is_norm_after_rope = true,
                         .is_norm_plain = h->has_rope && d->hp->n_expert != MANY_EXPERTS,
                         .chunk = h->is_local ? CHUNK : 0,
                         .has_no_temp = h->has_rope };
    og_experts experts = { .score = OG_SCORE_SIGMOID, .is_weight_first = true };
    return og_decoder_block(d, il, x, &(og_block){ .attend = &attend, .experts = &experts });
}

const og_arch ogi_arch_llama4 = { .name = "llama4",
                                  .doc = "Llama 4",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_PAIRS,
                                  .derive = derive,
                                  .block = block };
