/* SPDX-License-Identifier: MIT
 *
 * Llama blocks under other names: they differ in what their tables say, in rope on pairs or halves
 * and in a line of code at most. */
#include "models/arch/arch.h"

#define RMS OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, RMS };
static const og_hp_key section_keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_SECTIONS, RMS };

#define COMMON OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION
static const og_weight_row weights[] = { COMMON, OG_WEIGHTS_FFN };
static const og_weight_row norm_weights[] = { COMMON, OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN };

/* arcee: relu(up)^2 without a gate. */
static const og_weight_row arcee_weights[] = {
    COMMON, OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"), OG_WEIGHTS_UP_DOWN
};
static og_tensor *arcee_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .ffn = &(og_ffn){ .act = og_relu2 } });
}

/* smollm3: every fourth layer has no rope. */
static void smollm3_derive(og_hparams *hp)
{
    for (int i = 3; i < hp->n_layer; i += 4) hp->layer[i].has_rope = false;
}

/* seed_oss: the norm before feed-forward has a name that promises another place. */
static const og_weight_row seed_weights[] = {
    COMMON,
    OG_WL("blk.%d.post_attention_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WEIGHTS_GATE,
    OG_WEIGHTS_UP_DOWN,
};

/* cogvlm: the weights of its image tokens wait. */
static const og_weight_row cogvlm_weights[] = { COMMON, OG_WEIGHTS_FFN,
                                                OG_W_LEFT_OUT("blk.*.vis_*") };

/* maincoder: queries and keys are normalised behind rope. */
static og_tensor *after_rope_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .attend = &(og_attend){ .is_norm_after_rope = true } });
}

/* refact and the 13B model of baichuan: ALiBi instead of rope. */
static void alibi_derive(og_hparams *hp)
{
    hp->alibi_bias = 8;
}
static void baichuan_derive(og_hparams *hp)
{
    if (hp->n_layer != 40) return;
    alibi_derive(hp);
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = false;
}

/* plamo: attention and feed-forward side by side. */
static const og_weight_row plamo_weights[] = { COMMON, OG_WEIGHTS_GATE, OG_WEIGHTS_UP_DOWN };
static og_tensor *plamo_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .is_parallel = true });
}

#define KIN(id, text, what, key, weight, rule, ...)                                                \
    const og_arch ogi_arch_##id = { .name = text,                                                  \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES_OF(key, weight),                                \
                                    .rope = OG_ROPE_##rule,                                        \
                                    __VA_ARGS__ };
#define PLAIN .block = og_decoder_plain_block
// clang-format off
KIN(arcee, "arcee", "Arcee", keys, arcee_weights, PAIRS, .block = arcee_block)
KIN(smollm3, "smollm3", "SmolLM 3", keys, weights, PAIRS, .derive = smollm3_derive, PLAIN)
KIN(xverse, "xverse", "XVERSE", keys, weights, PAIRS, PLAIN)
KIN(internlm2, "internlm2", "InternLM 2 and 3", keys, weights, PAIRS, PLAIN)
KIN(baichuan, "baichuan", "Baichuan 1 and 2", keys, weights, PAIRS, .derive = baichuan_derive, PLAIN)
KIN(refact, "refact", "Refact", keys, weights, NONE, .derive = alibi_derive, PLAIN)
KIN(ernie4_5, "ernie4_5", "Ernie 4.5", keys, weights, PAIRS, PLAIN)
KIN(paddleocr, "paddleocr", "PaddleOCR-VL, text", section_keys, weights, HALVES, PLAIN)
KIN(exaone, "exaone", "EXAONE 3", keys, weights, HALVES, PLAIN)
KIN(pangu_embedded, "pangu-embedded", "Pangu Embedded", keys, weights, HALVES, PLAIN)
KIN(seed_oss, "seed_oss", "Seed-OSS", keys, seed_weights, HALVES, PLAIN)
KIN(cogvlm, "cogvlm", "CogVLM, text", keys, cogvlm_weights, HALVES, PLAIN)
KIN(maincoder, "maincoder", "Maincoder", keys, norm_weights, PAIRS, .block = after_rope_block)
KIN(plamo, "plamo", "PLaMo", keys, plamo_weights, HALVES, .block = plamo_block)
KIN(openelm, "openelm", "OpenELM", keys, norm_weights, HALVES, PLAIN)
