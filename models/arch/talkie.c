/* SPDX-License-Identifier: MIT
 *
 * talkie: norms without weights everywhere, behind rope for queries (with a gain for each head) and
 * keys; every layer adds the normed embedding times a number of its own. */
#include "models/arch/arch.h"

typedef struct layer {
    og_layer l;
    og_tensor *skip;
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, NULL),
};

static const og_weight_row weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("output.weight", out, 0, "n_vocab, n_embd"),
    OG_WEIGHTS_QKVO,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, 0, "n_head, 1"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
    OG_WL_OWN(layer, NULL, "blk.%d.layer_output_scale.weight", skip, 0, "1"),
};

static og_tensor *step(og_decoder *d)
{
    static const og_attend attend = { .is_norm_after_rope = true, .is_norm_plain = true };
    og_tensor *embedding = og_decoder_norm(d, og_decoder_embed(d), NULL, NULL), *x = embedding;
    for (int il = 0; il < d->hp->n_layer; il++) {
        const layer *w = og_decoder_layer(d, il);
        x = og_decoder_block(d, il, x, &(og_block){ .attend = &attend, .is_norm_plain = true });
        x = og_add(d->g, x, og_mul(d->g, embedding, w->skip));
    }
    og_decoder_layers_end(d);
    return x;
}
static const og_entry entries[] = { { "step", step } };

const og_arch ogi_arch_talkie = { .name = "talkie",
                                  .doc = "Talkie",
                                  OG_ARCH_TABLES,
                                  .layer_size = sizeof(layer),
                                  .rope = OG_ROPE_HALVES,
                                  OG_ARCH_ENTRIES };
