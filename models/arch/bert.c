/* SPDX-License-Identifier: MIT
 *
 * bert and its kin: no causality, norms behind each half of a layer. bert has learned positions,
 * nomic-bert rope and a gated SiLU, nomic-bert-moe experts without a gate in every second layer,
 * jina-bert-v2 ALiBi and a gated GELU, jina-bert-v3 rope. */
#include "models/arch/arch.h"

typedef struct bert_hp {
    og_hparams base;
    int moe_every; /* layers; every so many, the second first, has experts; 0: none */
} bert_hp;

static void derive(og_hparams *hp)
{
    hp->is_causal = false;
}

static void derive_alibi(og_hparams *hp)
{
    hp->is_causal = false;
    if (hp->alibi_bias == 0) hp->alibi_bias = 8;
}

static og_tensor *embed(og_decoder *d, og_tensor *token)
{
    const og_globals *w = d->w;
    og_tensor *x = og_take_rows(d->g, w->tok_embd, token);
    if (w->type_embd) { /* of the first sentence, whatever the text is */
        og_tensor *row = og_slice(d->g, w->type_embd, 0, 0, 1);
        x = og_add(d->g, x, og_reshape(d->g, row, OG_SHAPE(OG_N(d->hp->n_embd))));
    }
    og_tensor *pos = og_decoder_input(d, OG_STEP_POS);
    if (w->pos_embd) x = og_add(d->g, x, og_take_rows(d->g, w->pos_embd, pos));
    return og_decoder_norm(d, x, w->embd_norm, w->embd_norm_b);
}

static og_tensor *block_with(og_decoder *d, int il, og_tensor *x, og_act act)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_graph *g = d->g;
    og_tensor *h = og_add(g, x, og_decoder_attend(d, il, x, NULL));
    h = og_decoder_norm(d, h, l->attn_post_norm, l->attn_post_norm_b);
    if (l->attn_norm2) /* the layer's input comes in once more */
        h = og_decoder_norm(d, og_add(g, h, x), l->attn_norm2, l->attn_norm2_b);
    og_tensor *f = l->router ? og_decoder_experts(d, il, h, &(og_experts){ .act = act })
                             : og_decoder_ffn(d, il, h, &(og_ffn){ .act = act });
    return og_decoder_norm(d, og_add(g, h, f), l->layer_out_norm, l->layer_out_norm_b);
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return block_with(d, il, x, og_gelu);
}

static og_tensor *block_silu(og_decoder *d, int il, og_tensor *x)
{
    return block_with(d, il, x, og_silu);
}

#define COMMON OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEY_EPS("attention.layer_norm_epsilon")
static const og_hp_key keys[] = {
    COMMON,
    OG_KEYS_EXPERTS,
    OG_KEY("attention.max_alibi_bias", FLOAT, alibi_bias, 0, 1e6, "0"),
    OG_KEY_OWN(bert_hp, "moe_every_n_layers", INT, moe_every, 0, OG_MAX_LAYER, "0"),
};

#define DENSE "moe_every == 0 || il % moe_every != 1"
#define MOE   "moe_every > 0 && il % moe_every == 1"
// clang-format off
static const og_weight_row weights[] = {
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),
    OG_WG("token_types.weight", type_embd, OG_W_OPTIONAL, "rows(type_embd), n_embd"),
    OG_WG("position_embd.weight", pos_embd, OG_W_OPTIONAL, "n_ctx_train, n_embd"),
    OG_WG("token_embd_norm.weight", embd_norm, 0, "n_embd"),
    OG_WG("token_embd_norm.bias", embd_norm_b, OG_W_OPTIONAL, "n_embd"),
    OG_WEIGHTS_POOL,
    OG_WEIGHTS_QKVO,
    OG_WL("blk.%d.attn_q_norm.weight", q_norm, OG_W_OPTIONAL, "n_head * head_k"),
    OG_WL("blk.%d.attn_q_norm.bias", q_norm_b, OG_W_OPTIONAL, "n_head * head_k"),
    OG_WL("blk.%d.attn_k_norm.weight", k_norm, OG_W_OPTIONAL, "n_head_kv * head_k"),
    OG_WL("blk.%d.attn_k_norm.bias", k_norm_b, OG_W_OPTIONAL, "n_head_kv * head_k"),
    OG_WL("blk.%d.attn_output_norm.weight", attn_post_norm, 0, "n_embd"),
    OG_WL("blk.%d.attn_output_norm.bias", attn_post_norm_b, OG_W_OPTIONAL, "n_embd"),
    OG_WL("blk.%d.attn_norm_2.weight", attn_norm2, OG_W_OPTIONAL, "n_embd"),
    OG_WL("blk.%d.attn_norm_2.bias", attn_norm2_b, OG_W_OPTIONAL, "n_embd"),
    OG_WL("blk.%d.layer_output_norm.weight", layer_out_norm, 0, "n_embd"),
    OG_WL("blk.%d.layer_output_norm.bias", layer_out_norm_b, OG_W_OPTIONAL, "n_embd"),
    OG_WL_IF(MOE, "blk.%d.ffn_gate_inp.weight", router, 0, "n_expert, n_embd"),
    OG_WL_IF(MOE, "blk.%d.ffn_up_exps.weight", up_exps, 0, "n_expert, n_ff, n_embd"),
    OG_WL_IF(MOE, "blk.%d.ffn_down_exps.weight", down_exps, 0, "n_expert, n_embd, n_ff"),
    OG_WL_IF(DENSE, "blk.%d.ffn_gate.weight", gate, OG_W_OPTIONAL, "n_ff, n_embd"),
    OG_WL_IF("rows(up) == 2 * n_ff", "blk.%d.ffn_up.weight", gate_up, 0, "2 * n_ff, n_embd"),
    OG_WL_IF("rows(up) == 2 * n_ff", "blk.%d.ffn_up.bias", gate_up_b, OG_W_OPTIONAL, "2 * n_ff"),
    OG_WL_IF("(" DENSE ") && rows(up) != 2 * n_ff", "blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),
    OG_WL_IF("rows(up) != 2 * n_ff", "blk.%d.ffn_up.bias", up_b, OG_W_OPTIONAL, "n_ff"),
    OG_WL_IF(DENSE, "blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
    OG_WL_IF(DENSE, "blk.%d.ffn_down.bias", down_b, OG_W_OPTIONAL, "n_embd"),
};
// clang-format on

#define BERT(id, gguf, text, ...)                                                                  \
    const og_arch ogi_arch_##id = { .name = gguf,                                                  \
                                    .doc = text,                                                   \
                                    OG_ARCH_TABLES,                                                \
                                    .hp_size = sizeof(bert_hp),                                    \
                                    .norm = OG_NORM_LAYER,                                         \
                                    .embed = embed,                                                \
                                    __VA_ARGS__ }
BERT(bert, "bert", "BERT, RoBERTa, BGE, E5", .derive = derive, .block = block);
BERT(nomic_bert, "nomic-bert", "Nomic Embed 1", .rope = OG_ROPE_HALVES, .derive = derive,
     .block = block_silu);
BERT(nomic_bert_moe, "nomic-bert-moe", "Nomic Embed 2", .rope = OG_ROPE_HALVES, .derive = derive,
     .block = block);
BERT(jina_bert_v2, "jina-bert-v2", "Jina Embeddings 2", .derive = derive_alibi, .block = block);
BERT(jina_bert_v3, "jina-bert-v3", "Jina Embeddings 3", .rope = OG_ROPE_HALVES, .derive = derive,
     .block = block);
