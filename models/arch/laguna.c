/* SPDX-License-Identifier: MIT
 *
 * afmoe, laguna: experts scored by a sigmoid beside a shared one, norms of each head, a gate on
 * attention's output. afmoe: norms on both sides, local layers alone have rope. laguna: the gate is
 * a softplus, of a head or of each value; the first of four layers sees all, and its rope is
 * another. */
#include <math.h>

#include "models/arch/arch.h"

#define COMMON                                                                                     \
    OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_EXPERTS, OG_KEYS_ROUTING,                               \
        OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "2"),                                \
        OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key afmoe_keys[] = { COMMON, OG_KEYS_WINDOW("4") };
typedef struct hparams {
    og_hparams hp;
    int n_rot_local;
} hparams;
static const og_hp_key keys[] = {
    COMMON,
    OG_KEYS_WINDOW("4"),
    OG_KEY_OWN(hparams, "rope.dimension_count_swa", INT, n_rot_local, 2, 1 << 14, "n_rot[0]"),
};

#define WEIGHTS                                                                                    \
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN,   \
        OG_WEIGHTS_EXPERTS, OG_WEIGHTS_EXPERT_BIAS, OG_WEIGHTS_SHARED(OG_W_OPTIONAL)
static const og_weight_row afmoe_weights[] = {
    WEIGHTS,
    OG_WEIGHTS_POST_NORMS,
    OG_WL("blk.%d.attn_gate.weight", attn_gate, 0, "n_head * head_v, n_embd"),
};
static const og_weight_row weights[] = {
    WEIGHTS,
    OG_WL_IF("rows(attn_gate) == n_head", "blk.%d.attn_gate.weight", attn_gate, 0,
             "n_head, n_embd"),
    OG_WL_IF("rows(attn_gate) != n_head", "blk.%d.attn_gate.weight", attn_gate, 0,
             "n_head * head_v, n_embd"),
};

static void afmoe_derive(og_hparams *hp)
{
    hp->embd_scale = sqrtf((float)hp->n_embd);
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = (i + 1) % 4 != 0;
}

static void derive(og_hparams *hp)
{
    if (hp->window > 0 && hp->window_period >= 0) og_hparams_pattern(hp, hp->window_period, true);
    for (int i = 0; i < hp->n_layer; i++) {
        og_layer_hp *h = &hp->layer[i];
        if (!h->is_local) continue;
        h->n_rot = ((const hparams *)hp)->n_rot_local;
        h->has_scaling = h->has_factors = false;
    }
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .attend = &(og_attend){ .gate_act = og_softplus } });
}

const og_arch ogi_arch_afmoe = { .name = "afmoe",
                                 .doc = "Arcee Trinity",
                                 OG_ARCH_TABLES_OF(afmoe_keys, afmoe_weights),
                                 .rope = OG_ROPE_HALVES,
                                 .derive = afmoe_derive,
                                 .block = og_decoder_plain_block };
const og_arch ogi_arch_laguna = { .name = "laguna",
                                  .doc = "Laguna",
                                  OG_ARCH_TABLES,
                                  .hp_size = sizeof(hparams),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive,
                                  .block = block };
