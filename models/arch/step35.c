/* SPDX-License-Identifier: MIT
 *
 * step35: layers with a window and a rope base of their own, the others turn half as many
 * dimensions; a gate on each head; gated units clamped layer by layer, those of experts and of the
 * shared one by other limits. */
#include <float.h>

#include "models/arch/arch.h"

typedef struct hparams {
    og_hparams hp;
    float limit[OG_MAX_LAYER], limit_shared[OG_MAX_LAYER];
} hparams;

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_WINDOW("0"),
    OG_KEYS_EXPERTS,
    OG_KEYS_ROUTING,
    OG_KEY("expert_gating_func", INT, expert_score, 0, 4, "2"),
    OG_KEY_OWN_LAYER(hparams, "swiglu_clamp_exp", FLOAT, limit, 0, 1e6, "0"),
    OG_KEY_OWN_LAYER(hparams, "swiglu_clamp_shexp", FLOAT, limit_shared, 0, 1e6, "0"),
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "head_k"),
    OG_WL("blk.%d.attn_gate.weight", attn_gate, OG_W_OPTIONAL, "n_head, n_embd"),
    OG_WEIGHTS_FFN,
    OG_WEIGHTS_EXPERTS,
    OG_WEIGHTS_EXPERT_BIAS,
    OG_WEIGHTS_SHARED(OG_W_OPTIONAL),
};

static void derive(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) {
        og_layer_hp *h = &hp->layer[i];
        h->has_factors = !h->is_local;
        if (!h->is_local) h->n_rot /= 2;
    }
}

static og_tensor *clamped(og_decoder *d, og_tensor *gate, og_tensor *up, float limit)
{
    og_graph *g = d->g;
    gate = og_silu(g, gate);
    if (limit <= 1e-6f) return og_mul(g, gate, up);
    return og_mul(g, og_clamp(g, gate, -FLT_MAX, limit), og_clamp(g, up, -limit, limit));
}
static og_tensor *glu(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    return clamped(d, gate, up, ((const hparams *)d->hp)->limit[il]);
}
static og_tensor *glu_shared(og_decoder *d, int il, og_tensor *gate, og_tensor *up)
{
    return clamped(d, gate, up, ((const hparams *)d->hp)->limit_shared[il]);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    if (!l->router) return og_add(g, x, og_decoder_ffn(d, il, h, &(og_ffn){ .glu = glu_shared }));
    og_tensor *y = og_decoder_experts(d, il, h, &(og_experts){ .glu = glu, .has_no_shared = true });
    if (l->up_shexp) {
        og_ffn shared = {
            .glu = glu_shared, .gate = l->gate_shexp, .up = l->up_shexp, .down = l->down_shexp
        };
        y = og_add(g, y, og_decoder_ffn(d, il, h, &shared));
    }
    return og_add(g, x, y);
}

const og_arch ogi_arch_step35 = { .name = "step35",
                                  .doc = "Step 3.5",
                                  OG_ARCH_TABLES,
                                  .hp_size = sizeof(hparams),
                                  .rope = OG_ROPE_HALVES,
                                  .derive = derive,
                                  .block = block };
