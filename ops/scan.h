/* SPDX-License-Identifier: MIT
 *
 * Sources and params of the recurrences, for the kernels of a backend. The state is updated in
 * place, once a sequence, after its last token. */
#ifndef OG_OPS_SCAN_H
#define OG_OPS_SCAN_H

#include <stdbool.h>

typedef enum ogi_ssm_conv_src {
    OGI_SSM_CONV_X,     /* [T, C] */
    OGI_SSM_CONV_W,     /* [C, K] */
    OGI_SSM_CONV_STATE, /* [slot, K - 1, C]: the last inputs, oldest first */
    OGI_SSM_CONV_POS,
    OGI_SSM_CONV_SEQ_START,
    OGI_SSM_CONV_STATE_SLOT,
    OGI_SSM_CONV_N_SRC
} ogi_ssm_conv_src;

typedef enum ogi_ssm_scan_src {
    OGI_SSM_SCAN_X,     /* [T, D] */
    OGI_SSM_SCAN_DT,    /* [T, D] */
    OGI_SSM_SCAN_A,     /* [D, N] */
    OGI_SSM_SCAN_B,     /* [T, N] */
    OGI_SSM_SCAN_C,     /* [T, N] */
    OGI_SSM_SCAN_STATE, /* [slot, D, N] */
    OGI_SSM_SCAN_POS,
    OGI_SSM_SCAN_SEQ_START,
    OGI_SSM_SCAN_STATE_SLOT,
    OGI_SSM_SCAN_N_SRC
} ogi_ssm_scan_src;

typedef enum ogi_linear_scan_src {
    OGI_LINEAR_SCAN_R,     /* [T, G, K]: G divides H, for each operand its own */
    OGI_LINEAR_SCAN_W,     /* [T, G, K] or [T, G, 1] */
    OGI_LINEAR_SCAN_K,     /* [T, G, K] */
    OGI_LINEAR_SCAN_V,     /* [T, H, V] */
    OGI_LINEAR_SCAN_STATE, /* [slot, H, K, V] */
    OGI_LINEAR_SCAN_POS,
    OGI_LINEAR_SCAN_SEQ_START,
    OGI_LINEAR_SCAN_STATE_SLOT,
    OGI_LINEAR_SCAN_A, /* [T, G, K], with b, or absent */
    OGI_LINEAR_SCAN_B, /* [T, G, K] */
    OGI_LINEAR_SCAN_N_SRC
} ogi_linear_scan_src;

typedef struct ogi_linear_scan {
    bool reads_before; /* y of the state before the token's update */
    bool is_tiled;     /* head h reads head h % G of G, not h / (H / G) */
} ogi_linear_scan;

#endif
