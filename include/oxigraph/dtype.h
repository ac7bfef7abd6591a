/* SPDX-License-Identifier: MIT
 *
 * Element types. The ids are those of ggml, as GGUF files store them. A quantized type keeps its
 * values in blocks along the last dimension: `block` values in `bytes` bytes. */
#ifndef OXIGRAPH_DTYPE_H
#define OXIGRAPH_DTYPE_H

#include "oxigraph/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* T(NAME, id, block, bytes, is_quantized): removed types, which no file may have any more, have
 * bytes = 0. A8 never comes from a file: int8 activations, 32 values with one F32 scale, padded. */
// clang-format off
#define OG_DTYPE_LIST(T)                                                                           \
    T(F32,         0,   1,   4, false)                                                             \
    T(F16,         1,   1,   2, false)                                                             \
    T(Q4_0,        2,  32,  18, true)                                                              \
    T(Q4_1,        3,  32,  20, true)                                                              \
    T(Q4_2,        4,  16,   0, true)                                                              \
    T(Q4_3,        5,  16,   0, true)                                                              \
    T(Q5_0,        6,  32,  22, true)                                                              \
    T(Q5_1,        7,  32,  24, true)                                                              \
    T(Q8_0,        8,  32,  34, true)                                                              \
    T(Q8_1,        9,  32,  36, true)                                                              \
    T(Q2_K,       10, 256,  84, true)                                                              \
    T(Q3_K,       11, 256, 110, true)                                                              \
    T(Q4_K,       12, 256, 144, true)                                                              \
    T(Q5_K,       13, 256, 176, true)                                                              \
    T(Q6_K,       14, 256, 210, true)                                                              \
    T(Q8_K,       15, 256, 292, true)                                                              \
    T(IQ2_XXS,    16, 256,  66, true)                                                              \
    T(IQ2_XS,     17, 256,  74, true)                                                              \
    T(IQ3_XXS,    18, 256,  98, true)                                                              \
    T(IQ1_S,      19, 256,  50, true)                                                              \
    T(IQ4_NL,     20,  32,  18, true)                                                              \
    T(IQ3_S,      21, 256, 110, true)                                                              \
    T(IQ2_S,      22, 256,  82, true)                                                              \
    T(IQ4_XS,     23, 256, 136, true)                                                              \
    T(I8,         24,   1,   1, false)                                                             \
    T(I16,        25,   1,   2, false)                                                             \
    T(I32,        26,   1,   4, false)                                                             \
    T(I64,        27,   1,   8, false)                                                             \
    T(F64,        28,   1,   8, false)                                                             \
    T(IQ1_M,      29, 256,  56, true)                                                              \
    T(BF16,       30,   1,   2, false)                                                             \
    T(Q4_0_4_4,   31,  32,   0, true)                                                              \
    T(Q4_0_4_8,   32,  32,   0, true)                                                              \
    T(Q4_0_8_8,   33,  32,   0, true)                                                              \
    T(TQ1_0,      34, 256,  54, true)                                                              \
    T(TQ2_0,      35, 256,  66, true)                                                              \
    T(IQ4_NL_4_4, 36,  32,   0, true)                                                              \
    T(IQ4_NL_4_8, 37,  32,   0, true)                                                              \
    T(IQ4_NL_8_8, 38,  32,   0, true)                                                              \
    T(MXFP4,      39,  32,  17, true)                                                              \
    T(NVFP4,      40,  64,  36, true)                                                              \
    T(Q1_0,       41, 128,  18, true)                                                              \
    T(Q2_0,       42,  64,  18, true)                                                              \
    T(A8,       1000,  32,  40, true)
// clang-format on

typedef enum og_dtype {
#define T(NAME, id, block, bytes, is_quantized) OG_##NAME = id,
    OG_DTYPE_LIST(T)
#undef T
} og_dtype;

/* "F32", "Q4_K", ...; "unknown" for an id that is none. */
OG_API const char *og_dtype_name(og_dtype type);

#ifdef __cplusplus
}
#endif
#endif
