/* SPDX-License-Identifier: MIT
 *
 * The executor of vector programs, in two parts: rows, phases and memory (vm.c), and arithmetic on
 * lanes (vm_lanes.c). */
#ifndef OG_BACKENDS_CPU_ISA_VM_H
#define OG_BACKENDS_CPU_ISA_VM_H

#include "backends/cpu/isa/isa.h"
#include "backends/cpu/vprog_impl.h"

/* Slots hold 32-bit lanes of either type, and change type as registers are reused. */
typedef float __attribute__((may_alias)) ogi_lane_f;
typedef int32_t __attribute__((may_alias)) ogi_lane_i;

/* A loop over lanes: whatever overlaps, overlaps lane by lane. */
#if defined(__clang__)
#define OGI_VM_LANES _Pragma("clang loop vectorize(assume_safety)") for (int i = 0; i < n; i++)
#else
#define OGI_VM_LANES _Pragma("GCC ivdep") for (int i = 0; i < n; i++)
#endif

void OGI_ISA(ogi_vm_run)(const ogi_vprog *v, const ogi_voperand *operand, const int64_t *lo,
                         const int64_t *hi, void *scratch);

/* One arithmetic instruction on n lanes; op and shape as in ogi_vins. A scalar operand is one
 * value; if all are scalar, n is 1. */
void OGI_ISA(ogi_vm_lanes)(int op, int shape, void *d, const void *a, const void *b, const void *c,
                           int n);

/* n half floats to F32 and back, as the instruction set converts them. */
void OGI_ISA(ogi_vm_of_f16)(float *d, const uint16_t *a, int n);
void OGI_ISA(ogi_vm_to_f16)(uint16_t *d, const float *a, int n);

#endif
