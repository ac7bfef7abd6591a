/* SPDX-License-Identifier: MIT
 *
 * Params and sources of the expert ops, for the kernels of a backend. */
#ifndef OG_OPS_MOE_H
#define OG_OPS_MOE_H

typedef struct ogi_top_k {
    int k;
} ogi_top_k;

typedef struct ogi_group_by_expert {
    int n_expert;
} ogi_group_by_expert;

typedef enum ogi_grouped_linear_src {
    OGI_GROUPED_LINEAR_X,      /* [T, 1 or k, E] */
    OGI_GROUPED_LINEAR_W,      /* [X, F, E] */
    OGI_GROUPED_LINEAR_IDS,    /* I32 [T, k] */
    OGI_GROUPED_LINEAR_GROUPS, /* I32 [T * k + X + 1], from group_by_expert */
    OGI_GROUPED_LINEAR_N_SRC
} ogi_grouped_linear_src;

#endif
