/* SPDX-License-Identifier: MIT
 *
 * Vector programs: kernel IR compiled for the CPU. Instructions run over strips of at most 512
 * lanes that stay in L1; what an instruction does is built for each ISA (isa/vm.c). A program's
 * result at a point depends on that point's row alone: any box, strip or phase split gives the
 * same bits. */
#ifndef OG_BACKENDS_CPU_VPROG_H
#define OG_BACKENDS_CPU_VPROG_H

#include "backends/cpu/isa/kernels.h"
#include "graph/kx.h"

typedef struct ogi_vprog ogi_vprog;

/* Where one operand lies for a run; all in elements of its dtype (A8: values; rows of n values
 * take n * 5 / 4 bytes rounded up to 64). The element of a point with coordinates c is at
 * offset + sum stride[axis] * c[axis] + sum own[j] * explicit[j]. */
typedef struct ogi_voperand {
    void *base;
    int64_t offset;
    int64_t stride[OG_MAX_RANK]; /* by space axis */
    int64_t own[OG_MAX_RANK];    /* by own axis */
} ogi_voperand;

/* Compiles p (which must outlive the result) for spaces at most as large as at sym_max. */
og_status ogi_vprog_compile(og_ctx *ctx, const ogi_kprog *p, const int64_t *sym_max,
                            const ogi_cpu_kernels *kernels, ogi_vprog **out);
void ogi_vprog_free(ogi_vprog *v);
size_t ogi_vprog_scratch(const ogi_vprog *v); /* bytes of 64-byte aligned scratch a run needs */

/* Evaluates the space and the operands' strides and offsets at these symbols; bases are left
 * alone. operand has p->n_operand entries. No allocation. */
void ogi_vprog_bind(const ogi_vprog *v, const int64_t *sym, int64_t *space, ogi_voperand *operand);

/* Runs the box lo[axis] <= c < hi[axis]. The last axis may be partial only if !p->has_row; then lo
 * of it is any value. Callable from many threads with a scratch of their own. */
void ogi_vprog_run(const ogi_vprog *v, const ogi_voperand *operand, const int64_t *space,
                   const int64_t *lo, const int64_t *hi, void *scratch);

/* For types that the kernels do not know; `scratch`: what decoding needs, in bytes. */
og_status ogi_cpu_decode_new(ogi_arena *mem, og_dtype type, ogi_cpu_decode **out, size_t *scratch);

#endif
