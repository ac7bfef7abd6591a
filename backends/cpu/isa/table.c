/* SPDX-License-Identifier: MIT
 *
 * The kernels of one instruction set, as the executor sees them. */
#include "backends/cpu/isa/rows.h"
#include "backends/cpu/isa/scan.h"
#include "backends/cpu/isa/unpack.h"
#include "backends/cpu/isa/vm.h"

#define NAME_TEXT(name) #name
#define NAME_OF(name)   NAME_TEXT(name)

extern const ogi_cpu_kernels OGI_ISA(ogi_cpu_kernels);

const ogi_cpu_kernels OGI_ISA(ogi_cpu_kernels) = {
    .name = NAME_OF(OGI_ISA_NAME),
    .matmul = OGI_ISA(ogi_matmul),
    .has_matmul = OGI_ISA(ogi_has_matmul),
    .quantize_a8 = OGI_ISA(ogi_quantize_a8),
    .dequantize = OGI_ISA(ogi_dequantize),
    .attention = OGI_ISA(ogi_attention),
    .conv = OGI_ISA(ogi_conv),
    .scan = OGI_ISA(ogi_scan),
    .linear_scan = OGI_ISA(ogi_linear_scan),
    .key_scores = OGI_ISA(ogi_key_scores),
    .block_pool = OGI_ISA(ogi_block_pool),
    .sinkhorn = OGI_ISA(ogi_sinkhorn),
    .bmm = OGI_ISA(ogi_bmm),
    .vprog_run = OGI_ISA(ogi_vm_run),
    .probe = OGI_ISA(ogi_probe),
};
