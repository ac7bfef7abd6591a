/* SPDX-License-Identifier: MIT
 *
 * Params of sinkhorn, for the kernels of a backend. */
#ifndef OG_OPS_SINKHORN_H
#define OG_OPS_SINKHORN_H

typedef struct ogi_sinkhorn {
    int iterations;
    float eps;
} ogi_sinkhorn;

enum { OGI_SINKHORN_MAX = 8 }; /* rows of a matrix */

#endif
