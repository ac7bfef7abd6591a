/* SPDX-License-Identifier: MIT
 *
 * deci (Llama-Nemotron, found by architecture search): Llama blocks of other sizes in each layer,
 * some without attention, some with one linear in its place. A layer without feed-forward does
 * nothing; files may hold its attention all the same. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = { OG_KEYS_HYBRID, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };

#define Q(name, field, flags, shape)                                                               \
    OG_WL_IF("n_head_kv > 0", name, field, OG_W_MAYBE | (flags), shape)
#define A(name, field, flags, shape)                                                               \
    OG_WL_IF("n_head > 0", name, field, OG_W_MAYBE | (flags), shape)
#define F(name, field, flags, shape) OG_WL_IF("n_ff > 0", name, field, flags, shape)
static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WEIGHTS_ROPE,
    A("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    Q("blk.%d.attn_q.weight", wq, 0, "n_head * head_k, n_embd"),
    Q("blk.%d.attn_k.weight", wk, 0, "n_head_kv * head_k, n_embd"),
    Q("blk.%d.attn_v.weight", wv, 0, "n_head_kv * head_v, n_embd"),
    Q("blk.%d.attn_q.bias", bq, OG_W_OPTIONAL, "n_head * head_k"),
    Q("blk.%d.attn_k.bias", bk, OG_W_OPTIONAL, "n_head_kv * head_k"),
    Q("blk.%d.attn_v.bias", bv, OG_W_OPTIONAL, "n_head_kv * head_v"),
    A("blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v"),
    A("blk.%d.attn_output.bias", bo, OG_W_OPTIONAL, "n_embd"),
    F("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    F("blk.%d.ffn_gate.weight", gate, 0, "n_ff, n_embd"),
    F("blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),
    F("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
    F("blk.%d.ffn_gate.bias", gate_b, OG_W_OPTIONAL, "n_ff"),
    F("blk.%d.ffn_up.bias", up_b, OG_W_OPTIONAL, "n_ff"),
    F("blk.%d.ffn_down.bias", down_b, OG_W_OPTIONAL, "n_embd"),
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    if (!l->ffn_norm) return x;
    if (l->attn_norm) {
        og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
        h = l->wq ? og_decoder_attend(d, il, h, NULL) : og_decoder_linear(d, h, l->wo, l->bo);
        x = og_add(d->g, x, h);
    }
    og_tensor *h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    return og_add(d->g, x, og_decoder_ffn(d, il, h, NULL));
}

const og_arch ogi_arch_deci = { .name = "deci",
                                .doc = "DeciLM, Llama Nemotron",
                                OG_ARCH_TABLES,
                                .rope = OG_ROPE_PAIRS,
                                .block = block };
