/* SPDX-License-Identifier: MIT
 *
 * qwen2: a Llama block with rope on halves and biases on q, k, v. qwen3: norms of each head's
 * queries and keys. qwen3moe: experts. */
#include "models/arch/arch.h"

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = &d->layer[il];
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attention(d, il, h));
    h = og_decoder_norm(d, x, l->ffn_norm, NULL);
    h = l->router ? og_decoder_moe(d, il, h, og_silu, true) : og_decoder_ffn(d, il, h, og_silu);
    return og_add(d->g, x, h);
}

/* Old files leave the experts' length out. */
static void derive_experts(og_hparams *hp)
{
    if (hp->n_ff_exp == 0 && hp->n_expert_used > 0) hp->n_ff_exp = hp->n_ff / hp->n_expert_used;
}

#define EPS OG_KEY_EPS("attention.layer_norm_rms_epsilon")
static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE, EPS };
static const og_hp_key moe_keys[] = { OG_KEYS_DECODER,
                                      OG_KEYS_ROPE,
                                      EPS,
                                      OG_KEY("expert_count", INT, n_expert, 1, 1 << 12),
                                      OG_KEY("expert_used_count", INT, n_expert_used, 1, 1 << 12),
                                      OG_KEY_OR("expert_feed_forward_length", INT, n_ff_exp, 1,
                                                1 << 22, 0) };

static const og_weight_row qwen2_weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE,
                                               OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN };
static const og_weight_row qwen3_weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ROPE,
                                               OG_WEIGHTS_ATTENTION, OG_WEIGHTS_QK_NORM,
                                               OG_WEIGHTS_FFN };
static const og_weight_row moe_weights[] = { OG_WEIGHTS_EDGES,     OG_WEIGHTS_ROPE,
                                             OG_WEIGHTS_ATTENTION, OG_WEIGHTS_QK_NORM,
                                             OG_WEIGHTS_FFN,       OG_WEIGHTS_EXPERTS };

#define LENGTH(a) (int)(sizeof(a) / sizeof *(a))
const og_arch ogi_arch_qwen2 = { .name = "qwen2",
                                 .doc = "Qwen 2 and 2.5",
                                 .key = keys,
                                 .n_key = LENGTH(keys),
                                 .weight = qwen2_weights,
                                 .n_weight = LENGTH(qwen2_weights),
                                 .rope = OG_ROPE_HALVES,
                                 .block = block };
const og_arch ogi_arch_qwen3 = { .name = "qwen3",
                                 .doc = "Qwen 3",
                                 .key = keys,
                                 .n_key = LENGTH(keys),
                                 .weight = qwen3_weights,
                                 .n_weight = LENGTH(qwen3_weights),
                                 .rope = OG_ROPE_HALVES,
                                 .block = block };
const og_arch ogi_arch_qwen3moe = { .name = "qwen3moe",
                                    .doc = "Qwen 3 with experts",
                                    .key = moe_keys,
                                    .n_key = LENGTH(moe_keys),
                                    .weight = moe_weights,
                                    .n_weight = LENGTH(moe_weights),
                                    .rope = OG_ROPE_HALVES,
                                    .derive = derive_experts,
                                    .block = block };
