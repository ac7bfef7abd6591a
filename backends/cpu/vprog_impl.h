/* SPDX-License-Identifier: MIT
 *
 * What a vector program looks like to its compiler (vprog.c) and its executor (isa/vm.c).
 *
 * A row runs in phases: a reduction, or an index into a value of the row, ends one. A phase runs
 * its uniform instructions once, then its strip instructions for each strip of the row. What
 * follows from constants and the last coordinate alone is computed in a phase once a run.
 *
 * Instructions name slots, pointers to 32-bit values. What is at a slot, in this order:
 *
 *     scalar   a uniform value                                     the same for all strips
 *     access   an F32 or I32 operand of stride 1, used in place    moves along the row
 *     row      a value kept for later phases, or to be indexed     moves along the row
 *     reg      a value of this strip                               the same for all strips */
#ifndef OG_BACKENDS_CPU_VPROG_IMPL_H
#define OG_BACKENDS_CPU_VPROG_IMPL_H

#include "backends/cpu/vprog.h"
#include "base/arena.h"

enum {
    OGI_V_STRIP = 512,
    OGI_V_INT = 0x80, /* added to an op whose operands are I32 */
    OGI_V_MOVE = OGI_KX_OP_COUNT,
    OGI_V_QUANT_TEMP = 3 * 512, /* floats: a strip of a quantized row, block borders included */
};

typedef struct ogi_vins {
    uint8_t op;           /* ogi_kx_op | OGI_V_INT, or OGI_V_MOVE */
    uint8_t shape;        /* bit i: operand i is a scalar */
    int16_t dst, a, b, c; /* slots; reductions: dst is the accumulator; LOAD: a, STORE: b is the
                             lane index, or -1; COORD: imm is the axis */
    int16_t access;       /* LOAD STORE */
    union {
        float f;
        int32_t i;
    } imm;
} ogi_vins;

/* How elements are read and written. */
typedef enum ogi_velement {
    OGI_V_WORDS, /* F32, I32 */
    OGI_V_F16,
    OGI_V_BF16,
    OGI_V_A8,
    OGI_V_BLOCKS, /* of quantized types */
} ogi_velement;

/* The address of a row: an operand at uniform explicit coordinates. */
typedef struct ogi_vaccess {
    int16_t operand, slot;
    ogi_velement element;
    og_dtype dtype;
    ogi_cpu_decode *decode; /* BLOCKS of a type that the kernels do not know; else NULL */
    int16_t block, block_bytes;
    int8_t n_coord;
    int8_t lane_axis; /* own axis of the lane index, -1: none */
    int8_t axis[OG_MAX_RANK];
    int16_t coord[OG_MAX_RANK]; /* scalar slots */
    int64_t a8_row;             /* A8: values a row */
} ogi_vaccess;

typedef struct ogi_vreduce {
    int16_t acc, dst; /* accumulator, scalar slot */
    bool is_max;
} ogi_vreduce;

typedef struct ogi_vquant {
    int16_t access, row; /* where to; slot of the whole row */
} ogi_vquant;

typedef struct ogi_vphase {
    ogi_vins *uniform, *strip;
    int16_t *access; /* addresses that are known from this phase on */
    ogi_vreduce *reduce;
    ogi_vquant *quant; /* A8 rows, stored after the strips */
    int n_uniform, n_strip, n_access, n_reduce, n_quant;
} ogi_vphase;

struct ogi_vprog {
    const ogi_kprog *kx;
    const ogi_cpu_kernels *kernels;
    ogi_arena mem;
    int rank;
    int n_scalar, n_access, n_row, n_reg, n_slot, n_acc;
    int64_t row_max, strip; /* lanes; multiples of 16 */
    size_t decode_scratch;
    ogi_vphase once;
    ogi_vaccess *access; /* LOADs and STOREs; slot n_scalar + i */
    ogi_vphase *phase;
    int n_phase;
    size_t scratch;
};

#endif
