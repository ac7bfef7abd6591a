/* SPDX-License-Identifier: MIT
 *
 * granite, granitemoe, minicpm: Llama blocks, experts in place of feed-forward where there are any,
 * whose embeddings, residuals, scores and logits are scaled (muP; Yang et al., 2022).
 * granitehybrid: layers without heads of keys have Mamba 2 in place of attention. */
#include "models/arch/mixers.h"

typedef struct hparams {
    og_hparams hp;
    bool has_rope;
} hparams;

#define SCALED                                                                                     \
    OG_KEYS_ROPE, OG_KEYS_EXPERTS, OG_KEYS_SCALES, OG_KEY_EPS("attention.layer_norm_rms_epsilon")
#define COMMON OG_KEYS_DECODER, SCALED
#define SWITCHED                                                                                   \
    OG_KEY("expert_shared_feed_forward_length", INT, n_ff_shexp, 0, 1 << 22, "0"),                 \
        OG_KEY_OWN(hparams, "rope.scaling.finetuned", BOOL, has_rope, 0, 1, "1")
static const og_hp_key keys[] = { COMMON, SWITCHED };
static const og_hp_key hybrid_keys[] = { OG_KEYS_HYBRID, SCALED, SWITCHED, SSM_KEYS,
                                         SSM_GROUP_KEY };
static const og_hp_key minicpm_keys[] = {
    COMMON,
    OG_KEY("embedding_scale", FLOAT, embd_scale, 1e-6, 1e6, "12"),
    OG_KEY("residual_scale", FLOAT, residual_scale, 1e-6, 1e6, "1.4 / sqrt(n_layer)"),
    OG_KEY("logit_scale", FLOAT, logit_scale, 1e-6, 1e6, "256 / n_embd"),
};

#define LAYERS                                                                                     \
    OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN, OG_WEIGHTS_EXPERTS,   \
        OG_WEIGHTS_SHARED(OG_W_OPTIONAL)
static const og_weight_row weights[] = { LAYERS };
static const og_weight_row hybrid_weights[] = { LAYERS, MAMBA2_WEIGHTS("n_head_kv == 0") };

/* Files divide the logits by their scale; where finetuned is false there is no rope. */
static void minicpm_derive(og_hparams *hp)
{
    hp->logit_scale = 1 / hp->logit_scale;
}
static void derive(og_hparams *hp)
{
    minicpm_derive(hp);
    for (int i = 0; i < hp->n_layer; i++) hp->layer[i].has_rope = ((const hparams *)hp)->has_rope;
}

static const og_experts normalized = { .is_normalized = true };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, &(og_block){ .experts = &normalized });
}

static og_tensor *hybrid_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &normalized, .mixer = ogi_attend_or_mamba2 });
}

#define GRANITE(id, what)                                                                          \
    const og_arch ogi_arch_##id = { .name = #id,                                                   \
                                    .doc = what,                                                   \
                                    OG_ARCH_TABLES,                                                \
                                    .hp_size = sizeof(hparams),                                    \
                                    .rope = OG_ROPE_PAIRS,                                         \
                                    .derive = derive,                                              \
                                    .block = block }
GRANITE(granite, "Granite 3");
GRANITE(granitemoe, "Granite 3 with experts");
const og_arch ogi_arch_minicpm = { .name = "minicpm",
                                   .doc = "MiniCPM 1 and 2",
                                   OG_ARCH_TABLES_OF(minicpm_keys, weights),
                                   .rope = OG_ROPE_PAIRS,
                                   .derive = minicpm_derive,
                                   .block = block };
const og_arch ogi_arch_granitehybrid = { .name = "granitehybrid",
                                         .doc = "Granite 4",
                                         OG_ARCH_TABLES_OF(hybrid_keys, hybrid_weights),
                                         .hp_size = sizeof(hparams),
                                         .rope = OG_ROPE_PAIRS,
                                         .derive = derive,
                                         .block = hybrid_block };
