/* SPDX-License-Identifier: MIT
 *
 * Sources of the recurrences ssm_conv and ssm_scan, for the kernels of a backend. They have no
 * params. The state is updated in place, once a sequence, after its last token. */
#ifndef OG_OPS_SCAN_H
#define OG_OPS_SCAN_H

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

#endif
