/* SPDX-License-Identifier: MIT
 *
 * Small kernels over rows: key scores, pooled blocks, doubly stochastic matrices. */
#ifndef OG_BACKENDS_CPU_ISA_ROWS_H
#define OG_BACKENDS_CPU_ISA_ROWS_H

#include "backends/cpu/isa/isa.h"
#include "backends/cpu/isa/kernels.h"

void OGI_ISA(ogi_key_scores)(const ogi_key_score_args *a);
void OGI_ISA(ogi_block_pool)(const ogi_block_pool_args *a, int64_t c0, int64_t c1);
void OGI_ISA(ogi_sinkhorn)(const float *x, float *y, int64_t n_matrix, int n, int iterations,
                           float eps);

#endif
