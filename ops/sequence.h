/* SPDX-License-Identifier: MIT
 *
 * Sources and params of the ops that work on the tokens of a sequence together, for the kernels of
 * a backend. */
#ifndef OG_OPS_SEQUENCE_H
#define OG_OPS_SEQUENCE_H

#include <stdbool.h>

typedef enum ogi_sequence_mean_src {
    OGI_SEQUENCE_MEAN_X,     /* [T, E] */
    OGI_SEQUENCE_MEAN_STATE, /* [slot, E]: the sum of what came before */
    OGI_SEQUENCE_MEAN_POS,
    OGI_SEQUENCE_MEAN_SEQ_START,
    OGI_SEQUENCE_MEAN_STATE_SLOT,
    OGI_SEQUENCE_MEAN_N_SRC
} ogi_sequence_mean_src;

typedef struct ogi_unfold {
    int taps;
} ogi_unfold;

typedef struct ogi_group_norm {
    int groups;
    float eps;
} ogi_group_norm;

typedef enum ogi_block_pool_src {
    OGI_BLOCK_POOL_X,     /* [T, C] or, overlapping, [T, 2 C] */
    OGI_BLOCK_POOL_SCORE, /* as x */
    OGI_BLOCK_POOL_STATE, /* [slot, 2, ratio or 2 ratio, C or 2 C]: the last rows of x and score */
    OGI_BLOCK_POOL_POS,
    OGI_BLOCK_POOL_SEQ_START,
    OGI_BLOCK_POOL_STATE_SLOT,
    OGI_BLOCK_POOL_N_SRC
} ogi_block_pool_src;

typedef struct ogi_block_pool {
    int ratio;
    bool is_overlapping;
} ogi_block_pool;

#endif
