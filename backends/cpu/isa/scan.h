/* SPDX-License-Identifier: MIT
 *
 * Arguments of the recurrence kernels: one sequence of a step; all rows contiguous. */
#ifndef OG_BACKENDS_CPU_ISA_SCAN_H
#define OG_BACKENDS_CPU_ISA_SCAN_H

#include "backends/cpu/isa/isa.h"
#include "backends/cpu/isa/kernels.h"

void OGI_ISA(ogi_conv)(const ogi_conv_args *a, int64_t c0, int64_t c1);
void OGI_ISA(ogi_scan)(const ogi_scan_kernel_args *a, int64_t c0, int64_t c1);
void OGI_ISA(ogi_linear_scan)(const ogi_linear_scan_kernel_args *a, int64_t c0, int64_t c1);
/* out[m, n] = dot(a row m, b row n), rows of k values, canonical float order. */
void OGI_ISA(ogi_bmm)(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k);

#endif
