/* SPDX-License-Identifier: MIT
 *
 * What runs the ops that have kernels of their own, for the table in kernel_ops.c. Each runs on
 * every thread and takes work items from the call's counter; an item's result does not depend on
 * who takes it. */
#ifndef OG_BACKENDS_CPU_KERNEL_OPS_H
#define OG_BACKENDS_CPU_KERNEL_OPS_H

#include "backends/cpu/cpu.h"

static inline int64_t ogi_cpu_next(const ogi_cpu_call *c)
{
    return atomic_fetch_add_explicit(c->next, 1, memory_order_relaxed);
}

void ogi_cpu_run_attention(const ogi_cpu_call *c, int thread, void *scratch);
size_t ogi_cpu_attention_scratch(const og_tensor *node, const int64_t *sym_max);

void ogi_cpu_run_conv(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_scan(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_linear_scan(const ogi_cpu_call *c, int thread, void *scratch);

void ogi_cpu_run_sequence_mean(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_block_pool(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_unfold(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_group_norm(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_sinkhorn(const ogi_cpu_call *c, int thread, void *scratch);
void ogi_cpu_run_select_keys(const ogi_cpu_call *c, int thread, void *scratch);
size_t ogi_cpu_select_keys_scratch(const og_tensor *node, const int64_t *sym_max);

#endif
