/* SPDX-License-Identifier: MIT
 *
 * What the matmul kernels of one instruction set share: how the rows of quantized types look once
 * they are decoded to codes and scales. Included by the files of this folder only. */
#ifndef OG_BACKENDS_CPU_ISA_UNPACK_H
#define OG_BACKENDS_CPU_ISA_UNPACK_H

#include "backends/cpu/isa/isa.h"
#include "backends/cpu/isa/kernels.h"
#include "backends/cpu/isa/lanes.h"
#include "oxigraph/dtype.h"

/* Quantized weights are handled in chunks of 512 values of a row: 16 blocks of 32. */
enum { OGI_MM_CHUNK = 512, OGI_MM_BLOCKS = 16 };

/* Up to so many tokens rows are decoded one by one, beyond them to tiles. With vectors of 16 bytes
 * a row's codes go through memory, and tiles win early. */
enum { OGI_MM_FEW = OGI_VN >= 8 ? 8 : 2 };

/* S(NAME, n_group, n_min, is_wide, is_far): the kinds of types that a kernel tells apart: the
 * scales of 32 values, the mins of 32 values (0 or as many as the scales), whether codes fill 8
 * bits (other codes are unsigned and at most 127), whether scales may be too large to be multiplied
 * by 2^24. */
#define OGI_QSHAPES(S)                                                                             \
    S(PLAIN, 1, 0, false, false)                                                                   \
    S(WIDE, 1, 0, true, false)                                                                     \
    S(FAR, 1, 0, false, true)                                                                      \
    S(MIN, 1, 1, false, false)                                                                     \
    S(HALF, 2, 0, false, false)                                                                    \
    S(HALF_MIN, 2, 2, false, false)

typedef struct ogi_qshape {
    int n_group, n_min;
    bool is_wide, is_far;
} ogi_qshape;

enum {
#define S(NAME, n_group, n_min, is_wide, is_far) OGI_QSHAPE_##NAME,
    OGI_QSHAPES(S)
#undef S
};

/* A chunk of one row. */
typedef struct ogi_codes {
    _Alignas(64) uint8_t code[OGI_MM_CHUNK];     /* is_wide: signed, plus OGI_WIDE_ZERO */
    _Alignas(64) float scale[2 * OGI_MM_BLOCKS]; /* [block][group], at most 22 significant bits */
    _Alignas(64) float min[2 * OGI_MM_BLOCKS];   /* [block][group], to subtract */
} ogi_codes;

typedef struct ogi_qtype {
    og_dtype type;
    int block, bytes; /* of the type's own block: values, bytes */
    int shape;        /* OGI_QSHAPE_NAME */
    int zero;         /* code of the value 0 */
    /* n_block blocks of 32 from the start of a block of the type. */
    void (*unpack)(const uint8_t *w, int n_block, ogi_codes *out);
} ogi_qtype;

/* NULL: not in qtypes.def. */
const ogi_qtype *OGI_ISA(ogi_qtype_of)(og_dtype type);
ogi_qshape OGI_ISA(ogi_qshape_of)(const ogi_qtype *q);

#define QTYPE(NAME, name, SHAPE, zero)                                                             \
    void OGI_ISA(ogi_unpack_##name)(const uint8_t *w, int n_block, ogi_codes *out);
#include "backends/cpu/isa/qtypes.def"
#undef QTYPE

bool OGI_ISA(ogi_has_matmul)(og_dtype type);
void OGI_ISA(ogi_dequantize)(og_dtype type, const void *w, int64_t n, float *out);
void OGI_ISA(ogi_quantize_a8)(const float *x, int64_t n, void *out);
void OGI_ISA(ogi_matmul)(const ogi_mm_args *a);
void OGI_ISA(ogi_matmul_few)(const ogi_qtype *q, const ogi_mm_args *a);
bool OGI_ISA(ogi_is_float)(og_dtype type);            /* F32, F16, BF16 */
void OGI_ISA(ogi_matmul_float)(const ogi_mm_args *a); /* of these, or with a->decode */
int64_t OGI_ISA(ogi_probe)(ogi_probe_kind kind, const void *memory, int64_t n, uint64_t *sink);
void OGI_ISA(ogi_attention)(const ogi_attn_args *a);

/* Row of x for token t. */
OGI_INLINE const char *ogi_mm_row(const ogi_mm_args *a, int64_t t)
{
    return (const char *)a->x + a->x_stride * (a->x_row ? a->x_row[t] : t);
}

#endif
