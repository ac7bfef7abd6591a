/* SPDX-License-Identifier: MIT
 *
 * qwen2: a Llama block with rope on halves and biases on q, k, v. qwen3: norms of each head's
 * queries and keys. qwen3moe: experts. */
#include "models/arch/arch.h"

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    h = l->router ? og_decoder_experts(d, il, h, &(og_experts){ .is_normalized = true })
                  : og_decoder_ffn(d, il, h, NULL);
    return og_add(d->g, x, h);
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
