/* SPDX-License-Identifier: MIT
 *
 * Params of the views, for graph/layout.c, which turns them into strides. */
#ifndef OG_OPS_VIEWS_H
#define OG_OPS_VIEWS_H

#include "graph/graph.h"

typedef struct ogi_reshape_params {
    og_shape shape;
} ogi_reshape_params;

typedef struct ogi_permute_params {
    int axes[OG_MAX_RANK]; /* result axis i is source axis axes[i] */
} ogi_permute_params;

typedef struct ogi_slice_params {
    int axis;
    int64_t begin, size;
} ogi_slice_params;

typedef struct ogi_broadcast_params {
    og_shape shape;
} ogi_broadcast_params;

#endif
