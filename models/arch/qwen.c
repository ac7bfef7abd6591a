/* SPDX-License-Identifier: MIT
 *
 * qwen: fused q, k, v, feed-forward half as long as its file says. qwen2: a Llama block with rope
 * on halves and biases on q, k, v. qwen3: norms of each head's queries and keys. qwen3moe: experts.
 * qwen2vl, qwen3vl, qwen3vlmoe: their texts, with positions in sections. */
#include "models/arch/arch.h"

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x,
                            &(og_block){ .experts = &(og_experts){ .is_normalized = true } });
}

/* Rerankers: how likely each label is. */
static og_tensor *pool3(og_decoder *d)
{
    og_tensor *x = og_decoder_pool(d);
    return d->pooling == OG_POOL_RANK ? og_softmax(d->g, x) : x;
}
static const og_entry entries[] = { { "pool", pool3 } };

#define EPS OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, EPS };
/* Old files leave the experts' length out. */
static const og_hp_key moe_keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    EPS,
    OG_KEY("expert_count", INT, n_expert, 1, 1 << 12, NULL),
    OG_KEY("expert_used_count", INT, n_expert_used, 1, 1 << 12, NULL),
    OG_KEY_LAYER("expert_feed_forward_length", INT, n_ff_exp, 1, 1 << 22, "n_ff / n_expert_used"),
};

static const og_hp_key qwen_keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    EPS,
    OG_KEY_LAYER(NULL, INT, n_ff, 1, 1 << 22, "n_ff / 2"),
};
/* qwen2vl: other runtimes leave epsilon out whatever the file says; with its 1e-6 no digit
 * changes. */
static const og_hp_key vl_keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, OG_KEYS_SECTIONS,
                                     OG_KEY(NULL, FLOAT, eps, 0, 1, "pow(10, -12)") };
#define INTERLEAVED OG_KEYS_SECTIONS, OG_KEY(NULL, BOOL, rope_sections_interleaved, 0, 1, "1")
static const og_hp_key vl3_keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, EPS, INTERLEAVED };
static const og_hp_key vl3moe_keys[] = {
    OG_KEYS_DECODER, OG_KEYS_ROPE, EPS, INTERLEAVED, OG_KEYS_EXPERTS,
};

static const og_weight_row qwen2_weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_POOL, OG_WEIGHTS_ROPE,
                                               OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN };
static const og_weight_row qwen3_weights[] = { OG_WEIGHTS_EDGES,   OG_WEIGHTS_POOL,
                                               OG_WEIGHTS_ROPE,    OG_WEIGHTS_ATTENTION,
                                               OG_WEIGHTS_QK_NORM, OG_WEIGHTS_FFN };
static const og_weight_row moe_weights[] = { OG_WEIGHTS_EDGES,     OG_WEIGHTS_ROPE,
                                             OG_WEIGHTS_ATTENTION, OG_WEIGHTS_QK_NORM,
                                             OG_WEIGHTS_FFN,       OG_WEIGHTS_EXPERTS };

const og_arch ogi_arch_qwen2 = { .name = "qwen2",
                                 .doc = "Qwen 2 and 2.5",
                                 OG_ARCH_TABLES_OF(keys, qwen2_weights),
                                 .rope = OG_ROPE_HALVES,
                                 .block = block };
const og_arch ogi_arch_qwen3 = { .name = "qwen3",
                                 .doc = "Qwen 3",
                                 OG_ARCH_TABLES_OF(keys, qwen3_weights),
                                 OG_ARCH_ENTRIES,
                                 .rope = OG_ROPE_HALVES,
                                 .block = block };
const og_arch ogi_arch_qwen3moe = { .name = "qwen3moe",
                                    .doc = "Qwen 3 with experts",
                                    OG_ARCH_TABLES_OF(moe_keys, moe_weights),
                                    .rope = OG_ROPE_HALVES,
                                    .block = block };
const og_arch ogi_arch_qwen = { .name = "qwen",
                                .doc = "Qwen 1",
                                OG_ARCH_TABLES_OF(qwen_keys, qwen2_weights),
                                .rope = OG_ROPE_HALVES,
                                .block = block };
const og_arch ogi_arch_qwen2vl = { .name = "qwen2vl",
                                   .doc = "Qwen 2 and 2.5 VL, text",
                                   OG_ARCH_TABLES_OF(vl_keys, qwen2_weights),
                                   .rope = OG_ROPE_HALVES,
                                   .block = block };
const og_arch ogi_arch_qwen3vl = { .name = "qwen3vl",
                                   .doc = "Qwen 3 VL, text",
                                   OG_ARCH_TABLES_OF(vl3_keys, qwen3_weights),
                                   .rope = OG_ROPE_HALVES,
                                   .block = block };
const og_arch ogi_arch_qwen3vlmoe = { .name = "qwen3vlmoe",
                                      .doc = "Qwen 3 VL with experts, text",
                                      OG_ARCH_TABLES_OF(vl3moe_keys, moe_weights),
                                      .rope = OG_ROPE_HALVES,
                                      .block = block };
