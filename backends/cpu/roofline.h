/* SPDX-License-Identifier: MIT
 *
 * What this machine can do at most: the limits that speeds are compared with. */
#ifndef OG_BACKENDS_CPU_ROOFLINE_H
#define OG_BACKENDS_CPU_ROOFLINE_H

#include "backends/cpu/isa/kernels.h"
#include "base/pool.h"

/* Of all threads of the pool together. Bandwidth is that of private memory in ordinary pages, as
 * mapped weights have; a multiply-add counts as two operations. */
typedef struct ogi_roofline {
    double read_gb_s, f32_gflop_s, bf16_gflop_s, int8_gop_s;
} ogi_roofline;

/* Takes about a second, and 512 MB while it runs. The best of several rounds. */
og_status ogi_roofline_measure(og_ctx *ctx, ogi_pool *pool, const ogi_cpu_kernels *isa,
                               ogi_roofline *out);

#endif
