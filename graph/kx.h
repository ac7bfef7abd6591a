/* SPDX-License-Identifier: MIT
 *
 * Kernel IR: typed SSA over an iteration space of up to OG_MAX_RANK axes, the last of which is the
 * row. An op's lower() writes its formula through the builder; the lowering (codegen/lower.h)
 * strings the formulas of a fused group together into one program; printers turn that into a CPU
 * vector program, a text dump, CUDA C or GLSL.
 *
 * Values are F32 or I32. A value is *uniform* if it is the same for all lanes of a row. Row
 * reductions give uniform values: 16 fixed lanes (lane = last coordinate % 16), added or maximised
 * in rising order, then one tree: lanes i and i + 8, + 4, + 2, + 1. */
#ifndef OG_GRAPH_KX_H
#define OG_GRAPH_KX_H

#include "base/arena.h"
#include "base/buf.h"
#include "oxigraph/graph.h"

typedef int32_t ogi_kx; /* index of an instruction */
enum { OGI_KX_NONE = -1 };

typedef enum ogi_kx_type { OGI_KX_F32, OGI_KX_I32 } ogi_kx_type;

/* S(NAME, number of value operands, symbol in the text dump). Comparisons and AND OR XOR SHL SHR
 * give I32 (comparisons take F32 or I32 and give 0 or 1); arithmetic is by the type of its
 * operands. I32 arithmetic wraps; I32 division truncates, x / 0 = 0. */
// clang-format off
#define OGI_KX_LIST(S)                                                                             \
    S(CONST, 0, "const")     /* literal f or i */                                                  \
    S(COORD, 0, "coord")     /* I32: coordinate along axis arg of the space */                     \
    S(LOAD,  0, "load")      /* operand arg; explicit coordinates in src[axis of the operand] */   \
    S(STORE, 1, "store")     /* a to operand arg; explicit coordinates in src as LOAD, where -1 on \
                                axis 0 is nowhere */                                               \
    S(ROW_AT, 2, "row_at")   /* value a of this row at last coordinate b (I32) */                  \
    S(ROW_SUM, 1, "row_sum") S(ROW_MAX, 1, "row_max")                                              \
    S(ADD, 2, "+") S(SUB, 2, "-") S(MUL, 2, "*") S(DIV, 2, "/") S(MIN, 2, "min") S(MAX, 2, "max")  \
    S(FMA, 3, "fma")         /* a * b + c, fused where the ISA has it */                           \
    S(NEG, 1, "neg") S(ABS, 1, "abs") S(SQRT, 1, "sqrt") S(RSQRT, 1, "rsqrt") /* 1 / sqrt(x) */    \
    S(EXP, 1, "exp") S(LOG, 1, "log") S(SIN, 1, "sin") S(COS, 1, "cos") S(TANH, 1, "tanh")         \
    S(ERF, 1, "erf") S(FLOOR, 1, "floor")                                                          \
    S(LT, 2, "<") S(LE, 2, "<=") S(EQ, 2, "==") S(SELECT, 3, "select") /* a (I32) ? b : c */       \
    S(AND, 2, "&") S(OR, 2, "|") S(XOR, 2, "^") S(SHL, 2, "<<") S(SHR, 2, ">>") /* arithmetic */   \
    S(TO_F32, 1, "f32")      /* I32 to F32 */                                                      \
    S(TO_I32, 1, "i32")      /* F32 to I32, toward zero; out of range and NaN: INT32_MIN */        \
    S(ROUND_F16, 1, "f16")   /* F32 rounded to the nearest half, as F32 */                         \
    S(ROUND_BF16, 1, "bf16")                                                                       \
    S(BITS_F32, 1, "bits_f32") /* I32 bit pattern read as F32 */                                   \
    S(F16_BITS, 1, "f16_bits") /* low 16 bits of I32 read as a half, as F32 */                     \
    S(BYTE, 1, "byte")       /* quantized types: byte a (I32) of the block, 0..255 */            \
    S(TABLE, 1, "table")     /* quantized types: entry a (I32) of the type's table, 0..65535 */
// clang-format on

typedef enum ogi_kx_op {
#define S(name, n, text) OGI_KX_##name,
    OGI_KX_LIST(S)
#undef S
        OGI_KX_OP_COUNT
} ogi_kx_op;

typedef struct ogi_kx_ins {
    uint8_t op, type;        /* ogi_kx_op, ogi_kx_type of the result */
    int16_t arg;             /* LOAD STORE: operand; COORD: axis */
    ogi_kx a, b, c;          /* value operands, NONE where unused */
    ogi_kx src[OG_MAX_RANK]; /* LOAD STORE: explicit I32 coordinate for each axis of the operand's
                                own shape, or NONE: the iteration coordinate (through stride) */
    union {
        float f;
        int32_t i;
    } imm;
} ogi_kx_ins;

/* What a program loads from or stores to. Address of an element, in elements:
 *   offset + sum over space axes of stride[axis] * coordinate
 *          + sum over the explicit axes j of the instruction of own[j] * src[j]
 * An operand is used with one set of explicit axes only (the lowering makes an operand for each
 * set); those axes are not in stride. Explicit coordinates of all but the operand's last axis are
 * uniform. Block-quantized dtypes are loaded (decoded to F32) along contiguous rows only. */
typedef struct ogi_koperand {
    const og_tensor *value; /* the stored value: leaf or materialised result */
    og_dtype dtype;
    bool is_written;
    int panel; /* >= 0: a matmul panel of the group (epilogues): [tokens, rows of the weight] F32;
                  stride is then by space axis in a full [T, F] matrix; the executor replaces F by
                  the panel's leading dimension and subtracts the panel's origin */
    og_dim offset;
    og_dim stride[OG_MAX_RANK]; /* by space axis */
    og_dim own[OG_MAX_RANK];    /* by axis of the operand's own shape */
} ogi_koperand;

typedef struct ogi_kprog {
    int rank;
    og_dim space[OG_MAX_RANK];
    ogi_koperand *operand;
    int n_operand;
    ogi_kx_ins *ins; /* operands come before users */
    int n_ins;
    bool has_row; /* reductions, ROW_AT, last-axis COORD or explicit coordinates, A8 stores: rows
                     must be run whole */
} ogi_kprog;

/* ---- builder ------------------------------------------------------------------------------- */
/* Inside lower(): operands are the node's sources, coordinates are those of the node's own space
 * (its result; its first source for reductions). All calls accept NONE and pass it on. */
typedef struct ogi_kb ogi_kb;

/* How the lowering feeds a builder: what a source, a store or a coordinate means. */
typedef struct ogi_kb_env {
    void *user;
    ogi_kx (*load)(ogi_kb *b, int src, const ogi_kx *idx); /* idx NULL: implicit */
    void (*store)(ogi_kb *b, ogi_kx value, const ogi_kx *idx);
    ogi_kx (*coord)(ogi_kb *b, int axis);
    ogi_kx (*row_length)(ogi_kb *b); /* F32, uniform */
} ogi_kb_env;

struct ogi_kb {
    og_ctx *ctx;
    const og_tensor *node; /* whose lower() runs; NULL in a type's decode() */
    const ogi_kb_env *env;
    ogi_kx_ins *ins; /* growing; equal pure instructions are shared */
    int64_t n_ins, ins_cap;
    bool failed; /* memory ran out or a type rule was broken; the error is in ctx */
};

const void *ogi_kb_params(const ogi_kb *b); /* the node's params */
int ogi_kb_rank(const ogi_kb *b);           /* axes of the node's space */
ogi_kx ogi_kb_load(ogi_kb *b, int src);     /* source at this point, broadcast */
/* Source at explicit coordinates: idx[j] for each axis of the source, NONE: this point's. */
ogi_kx ogi_kb_load_at(ogi_kb *b, int src, const ogi_kx *idx);
/* STORE ops: value to the state (source 0) at explicit coordinates, idx[j] for each of its axes. */
void ogi_kb_store_at(ogi_kb *b, ogi_kx value, const ogi_kx *idx);
ogi_kx ogi_kb_f32(ogi_kb *b, float v);
ogi_kx ogi_kb_i32(ogi_kb *b, int32_t v);
ogi_kx ogi_kb_coord(ogi_kb *b, int axis); /* of the node's space; -1: the last */
ogi_kx ogi_kb_row_length(ogi_kb *b);      /* F32: size of the last axis of the space */
ogi_kx ogi_kb_op(ogi_kb *b, ogi_kx_op op, ogi_kx x, ogi_kx y, ogi_kx z); /* type by its operands */
/* Appends one instruction (shared with an equal earlier one unless it is a STORE). */
ogi_kx ogi_kb_emit(ogi_kb *b, const ogi_kx_ins *ins);
void ogi_kb_free(ogi_kb *b);

#define OGI_KB1(name, OP)                                                                          \
    static inline ogi_kx ogi_kb_##name(ogi_kb *b, ogi_kx x)                                        \
    {                                                                                              \
        return ogi_kb_op(b, OGI_KX_##OP, x, OGI_KX_NONE, OGI_KX_NONE);                             \
    }
#define OGI_KB2(name, OP)                                                                          \
    static inline ogi_kx ogi_kb_##name(ogi_kb *b, ogi_kx x, ogi_kx y)                              \
    {                                                                                              \
        return ogi_kb_op(b, OGI_KX_##OP, x, y, OGI_KX_NONE);                                       \
    }
#define OGI_KB3(name, OP)                                                                          \
    static inline ogi_kx ogi_kb_##name(ogi_kb *b, ogi_kx x, ogi_kx y, ogi_kx z)                    \
    {                                                                                              \
        return ogi_kb_op(b, OGI_KX_##OP, x, y, z);                                                 \
    }
// clang-format off
OGI_KB1(row_sum, ROW_SUM) OGI_KB1(row_max, ROW_MAX)
OGI_KB2(add, ADD) OGI_KB2(sub, SUB) OGI_KB2(mul, MUL) OGI_KB2(div, DIV) OGI_KB2(min, MIN)
OGI_KB2(max, MAX) OGI_KB3(fma, FMA) OGI_KB1(neg, NEG) OGI_KB1(abs, ABS) OGI_KB1(sqrt, SQRT)
OGI_KB1(rsqrt, RSQRT) OGI_KB1(exp, EXP) OGI_KB1(log, LOG) OGI_KB1(sin, SIN) OGI_KB1(cos, COS)
OGI_KB1(tanh, TANH) OGI_KB1(erf, ERF) OGI_KB1(floor, FLOOR) OGI_KB2(lt, LT) OGI_KB2(le, LE)
OGI_KB2(eq, EQ) OGI_KB3(select, SELECT) OGI_KB2(and, AND) OGI_KB2(or, OR) OGI_KB2(xor, XOR)
OGI_KB2(shl, SHL) OGI_KB2(shr, SHR) OGI_KB1(to_f32, TO_F32) OGI_KB1(to_i32, TO_I32)
OGI_KB1(round_f16, ROUND_F16) OGI_KB1(round_bf16, ROUND_BF16) OGI_KB1(bits_f32, BITS_F32)
OGI_KB1(f16_bits, F16_BITS) OGI_KB1(byte, BYTE) OGI_KB1(table, TABLE) OGI_KB2(row_at, ROW_AT)
    // clang-format on

    /* Mean of a row: row_sum(x) / length. */
    static inline ogi_kx ogi_kb_row_mean(ogi_kb *b, ogi_kx x)
{
    return ogi_kb_div(b, ogi_kb_row_sum(b, x), ogi_kb_row_length(b));
}

/* Text dump of a program, one instruction a line. */
void ogi_kprog_print(const og_graph *g, const ogi_kprog *p, ogi_buf *out);
const char *ogi_kx_op_name(ogi_kx_op op);
int ogi_kx_op_arity(ogi_kx_op op);

/* ---- quantized types ------------------------------------------------------------------------
 * A type describes its decoding once: decode() gives, for lane (I32: place of the value in its
 * block), the F32 value, from BYTE loads of the block. Scalar dequantization interprets it; GPU
 * kernels will print it. One file a type, graph/types/NAME.c; one line in graph/types.def. */
typedef struct ogi_type_def {
    og_dtype dtype;
    ogi_kx (*decode)(ogi_kb *b, ogi_kx lane);
    const uint16_t *table; /* what TABLE reads; NULL: nothing */
    int n_table;
} ogi_type_def;

const ogi_type_def *ogi_type_def_of(og_dtype dtype); /* NULL: no decoder for this type */

/* What linears whose weights are of this type read their activations as: A8 or F32. */
og_dtype ogi_type_activation(og_dtype weight);

/* decode() made ready to be interpreted, in an arena: decoding allocates nothing, cannot fail, and
 * many threads may share a decoder, each with scratch of its own. */
typedef struct ogi_decoder {
    const ogi_type_def *def;
    int block, bytes; /* of the type */
    const ogi_kx_ins *ins;
    int n_ins;
    ogi_kx result;
    size_t scratch; /* bytes */
} ogi_decoder;

/* OG_E_UNSUPPORTED without a description, or if it uses what none may use. */
og_status ogi_decoder_new(ogi_arena *mem, og_dtype dtype, ogi_decoder **out);
/* n values, a multiple of the type's block. */
void ogi_decoder_run(const ogi_decoder *d, const void *blocks, int64_t n, float *out,
                     void *scratch);
/* All of it at once. */
og_status ogi_dequantize(og_ctx *ctx, og_dtype dtype, const void *blocks, int64_t n, float *out);

#endif
