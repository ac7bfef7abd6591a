/* SPDX-License-Identifier: MIT
 *
 * What the generations of RWKV share. */
#ifndef OG_MODELS_ARCH_RWKV_H
#define OG_MODELS_ARCH_RWKV_H

#include "models/arch/mixers.h"

#define RWKV_KEYS OG_KEYS_MODEL, OG_KEY_LAYER("feed_forward_length", INT, n_ff, 1, 1 << 22, NULL)
/* Layer norms: of embeddings, before each half of a layer, at the end. */
#define RWKV_NORM_WEIGHTS                                                                          \
    OG_WG("token_embd_norm.weight", embd_norm, 0, "n_embd"),                                       \
        OG_WG("token_embd_norm.bias", embd_norm_b, 0, "n_embd"),                                   \
        OG_WG("output_norm.bias", out_norm_b, 0, "n_embd"),                                        \
        OG_WL("blk.%d.attn_norm.bias", attn_norm_b, 0, "n_embd"),                                  \
        OG_WL("blk.%d.attn_norm_2.weight", attn_norm2, 0, "n_embd"),                               \
        OG_WL("blk.%d.attn_norm_2.bias", attn_norm2_b, 0, "n_embd")

/* x + (before - x) * by, which says how much of the token before is seen: by[E]. */
og_tensor *ogi_rwkv_shifted(og_decoder *d, og_tensor *x, og_tensor *step, og_tensor *by);
/* Vector i of `all` [n, 1, 1, E]. */
og_tensor *ogi_rwkv_vector(og_decoder *d, og_tensor *all, int i);
/* y [T, H, size] of one width, each head normalised by itself, times w plus b where there is w. */
og_tensor *ogi_rwkv_out(og_decoder *d, og_tensor *y, og_tensor *w, og_tensor *b);
/* v [T, H, size] times the sum of r k u over each head's dimensions. */
og_tensor *ogi_rwkv_bonus(og_decoder *d, og_tensor *r, og_tensor *k, og_tensor *u, og_tensor *v);

#endif
