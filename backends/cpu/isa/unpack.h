/* SPDX-License-Identifier: MIT
 *
 * What the matmul kernels of one instruction set share: the types' shapes, and the decoding of
 * weight blocks to codes and scales. Included by the files of this folder only. */
#ifndef OG_BACKENDS_CPU_ISA_UNPACK_H
#define OG_BACKENDS_CPU_ISA_UNPACK_H

#include "backends/cpu/isa/isa.h"
#include "backends/cpu/isa/kernels.h"
#include "backends/cpu/isa/lanes.h"
#include "oxigraph/dtype.h"

/* Quantized weights are handled in chunks of 512 values of a row: 16 blocks of 32. */
enum { OGI_MM_CHUNK = 512, OGI_MM_BLOCKS = 16, OGI_MM_FEW = 8 };

/* What a block of 32 of a quantized type consists of. */
typedef struct ogi_qshape {
    int block, bytes; /* values and bytes of the type's own block */
    int n_group;      /* scale groups in 32 values */
    bool has_min;
    int zero; /* code of value 0, as ogi_unpack writes codes */
} ogi_qshape;

OGI_INLINE ogi_qshape ogi_qshape_of(int type)
{
    switch (type) {
    case OG_Q8_0: return (ogi_qshape){ 32, 34, 1, false, OGI_Q8_ZERO };
    case OG_Q4_0: return (ogi_qshape){ 32, 18, 1, false, 8 };
    case OG_Q4_K: return (ogi_qshape){ 256, 144, 1, true, 0 };
    case OG_Q5_K: return (ogi_qshape){ 256, 176, 1, true, 0 };
    default: return (ogi_qshape){ 256, 210, 2, false, 32 }; /* Q6_K */
    }
}

/* A chunk of one row. Codes are unsigned, less those of Q8_0 where OGI_Q8_ZERO is 0. */
typedef struct ogi_codes {
    _Alignas(64) uint8_t code[OGI_MM_CHUNK];
    _Alignas(64) float scale[2 * OGI_MM_BLOCKS]; /* [block][group] */
    _Alignas(64) float min[OGI_MM_BLOCKS];       /* to subtract; types that have mins */
} ogi_codes;

/* n_block blocks of 32 from the start of a block of the type. */
void OGI_ISA(ogi_unpack)(int type, const uint8_t *w, int n_block, ogi_codes *out);
void OGI_ISA(ogi_dequantize)(int type, const void *w, int64_t n, float *out);
void OGI_ISA(ogi_quantize_a8)(const float *x, int64_t n, void *out);
void OGI_ISA(ogi_matmul)(const ogi_mm_args *a);
void OGI_ISA(ogi_matmul_few)(const ogi_mm_args *a);
void OGI_ISA(ogi_matmul_float)(const ogi_mm_args *a);
int64_t OGI_ISA(ogi_probe)(ogi_probe_kind kind, const void *memory, int64_t n, uint64_t *sink);
void OGI_ISA(ogi_attention)(const ogi_attn_args *a);

/* Row of x for token t. */
OGI_INLINE const char *ogi_mm_row(const ogi_mm_args *a, int64_t t)
{
    return (const char *)a->x + a->x_stride * (a->x_row ? a->x_row[t] : t);
}

#endif
