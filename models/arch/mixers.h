/* SPDX-License-Identifier: MIT
 *
 * What families of recurrent, hybrid and sparse architectures share: tables of state space layers,
 * and mixers of tokens that stand where attention does (og_block.mixer). */
#ifndef OG_MODELS_ARCH_MIXERS_H
#define OG_MODELS_ARCH_MIXERS_H

#include "models/arch/arch.h"

// clang-format off
#define SSM_KEYS                                                                                   \
    OG_KEY("ssm.conv_kernel", INT, ssm_conv, 2, 64, NULL),                                         \
    OG_KEY("ssm.inner_size", INT, ssm_inner, 1, 1 << 20, NULL),                                    \
    OG_KEY("ssm.state_size", INT, ssm_state, 1, 1 << 12, NULL),                                    \
    OG_KEY("ssm.time_step_rank", INT, ssm_rank, 1, 1 << 16, NULL)
#define SSM_GROUP_KEY OG_KEY("ssm.group_count", INT, ssm_group, 1, 1 << 12, NULL)

/* Of layers in which `when` holds. */
#define MAMBA_WEIGHTS(when)                                                                        \
    OG_WL_IF(when, "blk.%d.ssm_in.weight", ssm_in, 0, "2 * ssm_inner, n_embd"),                    \
    OG_WL_IF(when, "blk.%d.ssm_conv1d.weight", ssm_conv, 0, "ssm_inner, ssm_conv"),                \
    OG_WL_IF(when, "blk.%d.ssm_conv1d.bias", ssm_conv_b, 0, "ssm_inner"),                          \
    OG_WL_IF(when, "blk.%d.ssm_x.weight", ssm_x, 0, "ssm_rank + 2 * ssm_state, ssm_inner"),        \
    OG_WL_IF(when, "blk.%d.ssm_dt.weight", ssm_dt, 0, "ssm_inner, ssm_rank"),                      \
    OG_WL_IF(when, "blk.%d.ssm_dt.bias", ssm_dt_b, 0, "ssm_inner"),                                \
    OG_WL_IF(when, "blk.%d.ssm_a", ssm_a, 0, "ssm_inner, ssm_state"),                              \
    OG_WL_IF(when, "blk.%d.ssm_d", ssm_d, 0, "ssm_inner"),                                         \
    OG_WL_IF(when, "blk.%d.ssm_out.weight", ssm_out, 0, "n_embd, ssm_inner")
#define MAMBA2_WEIGHTS(when)                                                                       \
    OG_WL_IF(when, "blk.%d.ssm_in.weight", ssm_in, 0,                                              \
             "2 * (ssm_inner + ssm_group * ssm_state) + ssm_rank, n_embd"),                        \
    OG_WL_IF(when, "blk.%d.ssm_conv1d.weight", ssm_conv, 0,                                        \
             "ssm_inner + 2 * ssm_group * ssm_state, ssm_conv"),                                   \
    OG_WL_IF(when, "blk.%d.ssm_conv1d.bias", ssm_conv_b, OG_W_OPTIONAL,                            \
             "ssm_inner + 2 * ssm_group * ssm_state"),                                             \
    OG_WL_IF(when, "blk.%d.ssm_dt.bias", ssm_dt_b, 0, "ssm_rank"),                                 \
    OG_WL_IF(when, "blk.%d.ssm_a", ssm_a, 0, "ssm_rank, 1"),                                       \
    OG_WL_IF(when, "blk.%d.ssm_d", ssm_d, 0, "ssm_rank, 1"),                                       \
    OG_WL_IF(when, "blk.%d.ssm_norm.weight", ssm_norm, OG_W_OPTIONAL,                              \
             "ssm_group, ssm_inner / ssm_group"),                                                  \
    OG_WL_IF(when, "blk.%d.ssm_out.weight", ssm_out, 0, "n_embd, ssm_inner")
// clang-format on

/* x as [T, n_head, size]. */
og_tensor *ogi_heads(og_decoder *d, og_tensor *x, int64_t n_head, int64_t size);
/* x times `size` rows of w from `begin` on. */
og_tensor *ogi_through_rows(og_decoder *d, og_tensor *x, og_tensor *w, int64_t begin, int64_t size);
/* Each row divided by its length, or by eps if that is more. */
og_tensor *ogi_unit(og_decoder *d, og_tensor *x);
/* The sequences of the step, with a state of the layer. */
og_scan_args ogi_scan_of(og_decoder *d, const char *name, int il, og_shape per_slot);
/* The sequences of the step, for an indexer's choice of keys. */
og_select_keys_args ogi_select_of(og_decoder *d);
/* Convolution of x [T, C] along tokens by w [C, K], plus b, which may be NULL. */
og_tensor *ogi_short_conv(og_decoder *d, int il, og_tensor *x, og_tensor *w, og_tensor *b);

/* x of the token before, zeros before the first. */
og_tensor *ogi_token_before(og_decoder *d, const char *name, int il, og_tensor *x);

/* What a token brings to the state space of Mamba 2. */
typedef struct ogi_space {
    og_tensor *u, *z; /* input and gate [T, ssm_inner] */
    og_tensor *dt;    /* time step of each head [T, ssm_rank], without its bias */
    og_tensor *B, *C; /* [T, ssm_group * ssm_state] */
} ogi_space;

/* The state space with ssm_a and ssm_d of the layer, gated: [T, ssm_inner]. */
og_tensor *ogi_state_space(og_decoder *d, int il, const ogi_space *s);

/* Mixers: x [T, n_embd] -> [T, n_embd]. */
og_tensor *ogi_mamba(og_decoder *d, int il, og_tensor *x);
og_tensor *ogi_mamba2(og_decoder *d, int il, og_tensor *x);
/* Attention in layers that have heads of keys, Mamba 2 in the others. */
og_tensor *ogi_attend_or_mamba2(og_decoder *d, int il, og_tensor *x);

#endif
