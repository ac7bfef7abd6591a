/* SPDX-License-Identifier: MIT
 *
 * grovemoe: a Qwen 3 block with experts, whose result goes through small experts too, each common
 * to a group of the large ones. */
#include "models/arch/arch.h"

enum { MOST_USED = 64 };

typedef struct hparams {
    og_hparams hp;
    int n_ff_chexp, per_group;
    float group_scale;
} hparams;

typedef struct layer {
    og_layer l;
    og_tensor *gate_chexps, *up_chexps, *down_chexps;
} layer;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEY("expert_count", INT, n_expert, 1, 1 << 12, NULL),
    OG_KEY("expert_used_count", INT, n_expert_used, 1, MOST_USED, NULL),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY_OWN(hparams, "expert_chunk_feed_forward_length", INT, n_ff_chexp, 1, 1 << 22, NULL),
    OG_KEY_OWN(hparams, "experts_per_group", INT, per_group, 1, 1 << 12, NULL),
    OG_KEY_OWN(hparams, "expert_group_scale", FLOAT, group_scale, 0, 1e6, NULL),
};

#define CHUNK(name, field, shape) OG_WL_OWN(layer, NULL, "blk.%d." name, field, 0, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WEIGHTS_QK_NORM,
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    CHUNK("ffn_gate_chexps.weight", gate_chexps, "n_expert / per_group, n_ff_chexp, n_embd"),
    CHUNK("ffn_up_chexps.weight", up_chexps, "n_expert / per_group, n_ff_chexp, n_embd"),
    CHUNK("ffn_down_chexps.weight", down_chexps, "n_expert / per_group, n_embd, n_ff_chexp"),
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const layer *w = og_decoder_layer(d, il);
    const hparams *hp = (const hparams *)d->hp;
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, w->l.attn_norm, NULL);
    x = og_add(g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, w->l.ffn_norm, NULL);
    og_experts spec = { .logits = og_decoder_linear(d, h, w->l.router, NULL),
                        .is_normalized = true };
    og_tensor *y = og_decoder_experts(d, il, h, &spec);
    int n_chunk = hp->hp.n_expert / hp->per_group, k = hp->hp.n_expert_used;
    if (k > n_chunk) k = n_chunk;
    int32_t per[1] = { hp->per_group };
    spec.ids = og_div(g, og_top_k(g, og_softmax(g, spec.logits), k),
                      og_table(g, OG_I32, OG_SHAPE(OG_N(1)), per));
    spec.gate = w->gate_chexps;
    spec.up = w->up_chexps;
    spec.down = w->down_chexps;
    og_tensor *small = og_decoder_experts(d, il, y, &spec);
    return og_add(g, x, og_add(g, y, og_scale(g, small, hp->group_scale, 0)));
}

const og_arch ogi_arch_grovemoe = { .name = "grovemoe",
                                    .doc = "GroveMoE",
                                    OG_ARCH_TABLES,
                                    .hp_size = sizeof(hparams),
                                    .layer_size = sizeof(layer),
                                    .rope = OG_ROPE_HALVES,
                                    .block = block };
