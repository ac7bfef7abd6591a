/* SPDX-License-Identifier: MIT
 *
 * arctic: a dense Llama block, beside which experts read the layer's input through a norm of their
 * own. */
#include "models/arch/arch.h"

typedef struct layer {
    og_layer l;
    og_tensor *exps_norm;
} layer;

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_EXPERTS,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_gate.weight", gate, 0, "n_embd, n_embd"),
    OG_WL("blk.%d.ffn_up.weight", up, 0, "n_embd, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_embd"),
    OG_WL_OWN(layer, NULL, "blk.%d.ffn_norm_exps.weight", exps_norm, 0, "n_embd"),
    OG_WEIGHTS_EXPERTS,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, w->l.attn_norm, NULL);
    og_tensor *y = og_add(g, x, og_decoder_attend(d, il, h, NULL));
    y = og_add(g, y, og_decoder_ffn(d, il, og_decoder_norm(d, y, w->l.ffn_norm, NULL), NULL));
    h = og_decoder_norm(d, x, w->exps_norm, NULL);
    return og_add(g, y, og_decoder_experts(d, il, h, &(og_experts){ .is_normalized = true }));
}

const og_arch ogi_arch_arctic = { .name = "arctic",
                                  .doc = "Snowflake Arctic",
                                  OG_ARCH_TABLES,
                                  .layer_size = sizeof(layer),
                                  .rope = OG_ROPE_PAIRS,
                                  .block = block };
