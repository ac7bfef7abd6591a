/* SPDX-License-Identifier: MIT
 *
 * grok: norms on both sides of attention and experts, soft-capped scores, GELU; Grok 2 has a dense
 * feed-forward beside the experts. Files of Grok 1 leave its multipliers out. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEYS_EXPERTS,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("rope.scaling.yarn_beta_fast", FLOAT, yarn_beta_fast, 1e-6, 1e6, "8"),
    OG_KEY("embedding_scale", FLOAT, embd_scale, 1e-6, 1e6, "78.38367176906169"),
    OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, "0.5773502691896257"),
    OG_KEY("attention.output_scale", FLOAT, attn_scale, 1e-6, 1e6, "0.08838834764831845"),
    OG_KEY("attn_logit_softcapping", FLOAT, attn_softcap, 0, 1e6, "30"),
    OG_KEY("final_logit_softcapping", FLOAT, final_softcap, 0, 1e6, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ATTENTION,
    OG_WL("blk.%d.attn_output_norm.weight", attn_post_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_gate.weight", gate, OG_W_OPTIONAL, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_up.weight", up, OG_W_OPTIONAL, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, OG_W_OPTIONAL, "n_embd, n_ff"),
    OG_WL("blk.%d.layer_output_norm.weight|blk.%d.post_ffw_norm.weight", ffn_post_norm, 0,
          "n_embd"),
    OG_WEIGHTS_EXPERTS,
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    h = og_decoder_norm(d, og_decoder_attend(d, il, h, NULL), l->attn_post_norm, NULL);
    x = og_add(g, x, h);
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    og_tensor *y =
        og_decoder_experts(d, il, h, &(og_experts){ .act = og_gelu, .is_normalized = true });
    if (l->up) {
        og_tensor *dense = og_decoder_ffn(d, il, h, &(og_ffn){ .act = og_gelu });
        y = og_scale(g, og_add(g, dense, y), 0.70710678f, 0);
    }
    return og_add(g, x, og_decoder_norm(d, y, l->ffn_post_norm, NULL));
}

const og_arch ogi_arch_grok = {
    .name = "grok", .doc = "Grok 1 and 2", OG_ARCH_TABLES, .rope = OG_ROPE_HALVES, .block = block
};
