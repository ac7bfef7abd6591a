/* SPDX-License-Identifier: MIT
 *
 * t5: an encoder whose output every decoder layer reads, biases by the distance of tokens instead
 * of positions, scores that are not scaled; the first layer's biases are those of all. The entry
 * `encode` leaves keys and values for the decoder's layers in pages of the encoder's tokens.
 * t5encoder: the encoder alone, for embeddings. */
#include "models/arch/arch.h"

typedef struct t5_hp {
    og_hparams base;
    int n_dec, n_bucket;
} t5_hp;

typedef struct t5_globals {
    og_globals base;
    og_tensor *enc_norm;
} t5_globals;

/* base: of the decoder */
typedef struct t5_layer {
    og_layer base;
    og_tensor *rel_b, *cross_norm, *cross_q, *cross_k, *cross_v, *cross_o;
    og_tensor *enc_rel_b, *enc_attn_norm, *enc_q, *enc_k, *enc_v, *enc_o;
    og_tensor *enc_ffn_norm, *enc_gate, *enc_up, *enc_down;
} t5_layer;

static void derive(og_hparams *hp)
{
    int n_dec = ((t5_hp *)hp)->n_dec;
    for (int i = hp->n_layer; i < n_dec; i++) {
        hp->layer[i] = hp->layer[0];
        hp->layer[i].window = 0;
    }
}

static void derive_encoder(og_hparams *hp)
{
    hp->is_causal = false;
}

static og_tensor *ffn(og_decoder *d, int il, og_tensor *x, og_tensor *norm, og_tensor *gate,
                      og_tensor *up, og_tensor *down)
{
    og_ffn spec = { .act = gate ? og_gelu : og_relu, .gate = gate, .up = up, .down = down };
    og_tensor *h = og_decoder_norm(d, x, norm, NULL);
    return og_add(d->g, x, og_decoder_ffn(d, il, h, &spec));
}

static og_tensor *encoder_block(og_decoder *d, int il, og_tensor *x)
{
    const t5_layer *first = og_decoder_layer(d, 0), *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->enc_attn_norm, NULL);
    og_attend spec = { .q = og_linear(d->g, h, l->enc_q),
                       .k = og_linear(d->g, h, l->enc_k),
                       .v = og_linear(d->g, h, l->enc_v),
                       .bias = l->enc_rel_b ? l->enc_rel_b : first->enc_rel_b,
                       .scale = 1,
                       .is_bidirectional = true,
                       .is_raw = true };
    h = og_linear(d->g, og_decoder_attend(d, il, h, &spec), l->enc_o);
    x = og_add(d->g, x, h);
    return ffn(d, il, x, l->enc_ffn_norm, l->enc_gate, l->enc_up, l->enc_down);
}

static og_tensor *encode(og_decoder *d)
{
    const t5_hp *hp = (const t5_hp *)d->hp;
    og_tensor *x = og_decoder_embed(d);
    for (int il = 0; il < hp->base.n_layer; il++)
        x = og_name(encoder_block(d, il, x), "enc.blk.%d.out", il);
    og_decoder_layers_end(d);
    x = og_decoder_norm(d, x, ((const t5_globals *)d->w)->enc_norm, NULL);
    for (int il = 0; il < hp->n_dec; il++) {
        const t5_layer *l = og_decoder_layer(d, il);
        og_decoder_store(d, "kv.xk", il, og_linear(d->g, x, l->cross_k), hp->base.layer[il].n_head);
        og_decoder_store(d, "kv.xv", il, og_linear(d->g, x, l->cross_v), hp->base.layer[il].n_head);
    }
    og_decoder_layers_end(d);
    return x;
}

/* Looks at what the encoder left. */
static og_tensor *cross(og_decoder *d, int il, og_tensor *x)
{
    const t5_layer *l = og_decoder_layer(d, il);
    const og_layer_hp *h = &d->hp->layer[il];
    og_dim T = og_decoder_tokens(d, 1);
    og_tensor *q = og_linear(d->g, og_decoder_norm(d, x, l->cross_norm, NULL), l->cross_q);
    og_attention_args a = {
        .q = og_reshape(d->g, q, OG_SHAPE(T, OG_N(h->n_head), OG_N(h->head_k))),
        .k = og_decoder_pages(d, "kv.xk", il, h->n_head, 64, h->head_k),
        .v = og_decoder_pages(d, "kv.xv", il, h->n_head, 64, h->head_v),
        .pos = og_decoder_input(d, OG_STEP_POS),
        .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
        .kv_len = og_decoder_input(d, OG_STEP_ENC_LEN),
        .page_table = og_decoder_input(d, OG_STEP_ENC_PAGE_TABLE),
        .scale = 1,
        .is_bidirectional = true,
    };
    og_tensor *y = og_attention(d->g, &a);
    y = og_reshape(d->g, y, OG_SHAPE(T, OG_N((int64_t)h->n_head * h->head_v)));
    return og_add(d->g, x, og_linear(d->g, y, l->cross_o));
}

static og_tensor *decode(og_decoder *d)
{
    const t5_hp *hp = (const t5_hp *)d->hp;
    og_tensor *x = og_decoder_embed(d);
    for (int il = 0; il < hp->n_dec; il++) {
        const t5_layer *first = og_decoder_layer(d, 0), *l = og_decoder_layer(d, il);
        og_attend spec = { .bias = l->rel_b ? l->rel_b : first->rel_b, .scale = 1 };
        og_tensor *h = og_decoder_norm(d, x, l->base.attn_norm, NULL);
        x = cross(d, il, og_add(d->g, x, og_decoder_attend(d, il, h, &spec)));
        x = ffn(d, il, x, l->base.ffn_norm, l->base.gate, l->base.up, l->base.down);
        og_name(x, "blk.%d.out", il);
    }
    og_decoder_layers_end(d);
    return x;
}

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY_OWN(t5_hp, "decoder_block_count", INT, n_dec, 1, OG_MAX_LAYER, "n_layer"),
    OG_KEY_OWN(t5_hp, "attention.relative_buckets_count", INT, n_bucket, 4, 1 << 16, NULL),
};

// clang-format off
#define DEC(name, field, flags, shape) \
    OG_WN_OWN(t5_layer, "n_dec", NULL, "dec.blk.%d." name, field, flags, shape)
#define ENC(name, field, flags, shape) \
    OG_WL_OWN(t5_layer, NULL, "enc.blk.%d." name, field, flags, shape)
#define ENCODER                                                                                    \
    OG_WG("token_embd.weight", tok_embd, 0, "n_vocab, n_embd"),                                    \
    ENC("attn_norm.weight", enc_attn_norm, 0, "n_embd"),                                           \
    ENC("attn_rel_b.weight", enc_rel_b, OG_W_OPTIONAL, "n_bucket, n_head"),                        \
    ENC("attn_q.weight", enc_q, 0, "n_head * head_k, n_embd"),                                     \
    ENC("attn_k.weight", enc_k, 0, "n_head * head_k, n_embd"),                                     \
    ENC("attn_v.weight", enc_v, 0, "n_head * head_v, n_embd"),                                     \
    ENC("attn_o.weight", enc_o, 0, "n_embd, n_head * head_v"),                                     \
    ENC("ffn_norm.weight", enc_ffn_norm, 0, "n_embd"),                                             \
    ENC("ffn_gate.weight", enc_gate, OG_W_OPTIONAL, "n_ff, n_embd"),                               \
    ENC("ffn_up.weight", enc_up, 0, "n_ff, n_embd"),                                               \
    ENC("ffn_down.weight", enc_down, 0, "n_embd, n_ff")

static const og_weight_row weights[] = {
    ENCODER,
    OG_WG_OWN(t5_globals, NULL, "enc.output_norm.weight", enc_norm, 0, "n_embd"),
    OG_WG("dec.output_norm.weight", out_norm, 0, "n_embd"),
    OG_WG("output.weight|token_embd.weight", out, 0, "n_vocab, n_embd"),
    DEC("attn_norm.weight", base.attn_norm, 0, "n_embd"),
    DEC("attn_rel_b.weight", rel_b, OG_W_OPTIONAL, "n_bucket, n_head"),
    DEC("attn_q.weight", base.wq, 0, "n_head * head_k, n_embd"),
    DEC("attn_k.weight", base.wk, 0, "n_head * head_k, n_embd"),
    DEC("attn_v.weight", base.wv, 0, "n_head * head_v, n_embd"),
    DEC("attn_o.weight", base.wo, 0, "n_embd, n_head * head_v"),
    DEC("cross_attn_norm.weight", cross_norm, 0, "n_embd"),
    OG_W_LEFT_OUT("dec.blk.*.cross_attn_rel_b.weight"),
    DEC("cross_attn_q.weight", cross_q, 0, "n_head * head_k, n_embd"),
    DEC("cross_attn_k.weight", cross_k, 0, "n_head * head_k, n_embd"),
    DEC("cross_attn_v.weight", cross_v, 0, "n_head * head_v, n_embd"),
    DEC("cross_attn_o.weight", cross_o, 0, "n_embd, n_head * head_v"),
    DEC("ffn_norm.weight", base.ffn_norm, 0, "n_embd"),
    DEC("ffn_gate.weight", base.gate, OG_W_OPTIONAL, "n_ff, n_embd"),
    DEC("ffn_up.weight", base.up, 0, "n_ff, n_embd"),
    DEC("ffn_down.weight", base.down, 0, "n_embd, n_ff"),
};

static const og_weight_row encoder_weights[] = {
    ENCODER,
    OG_WEIGHTS_POOL,
    OG_WG("enc.output_norm.weight", out_norm, 0, "n_embd"),
};
// clang-format on

static const og_entry entries[] = { { "encode", encode }, { "step", decode } };
const og_arch ogi_arch_t5 = { .name = "t5",
                              .doc = "T5, Flan-T5, MADLAD: encoder and decoder",
                              OG_ARCH_TABLES,
                              .hp_size = sizeof(t5_hp),
                              .globals_size = sizeof(t5_globals),
                              .layer_size = sizeof(t5_layer),
                              .derive = derive,
                              OG_ARCH_ENTRIES };
const og_arch ogi_arch_t5encoder = { .name = "t5encoder",
                                     .doc = "T5's encoder",
                                     OG_ARCH_TABLES_OF(keys, encoder_weights),
                                     .hp_size = sizeof(t5_hp),
                                     .layer_size = sizeof(t5_layer),
                                     .derive = derive_encoder,
                                     .block = encoder_block };
