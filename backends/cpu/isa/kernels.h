/* SPDX-License-Identifier: MIT
 *
 * The tuned CPU kernels, as each instruction set provides them. The files of this folder are
 * compiled once for each ISA (scalar, sse42, avx2, avx512; neon), with OGI_ISA(name) making their
 * names distinct; a table of function pointers is what the executor sees.
 *
 * Canonical arithmetic: within one ISA a result depends on its own row and token alone, never on
 * how many rows, tokens or threads share a call. Both code paths of a kernel (row-major for few
 * tokens, tiles for many) therefore add in the same order.
 *
 * Quantized activations (A8), one row of k values (k a multiple of 32), k * 5 / 4 bytes:
 *
 *     int8 code[k] | float scale[k / 32] | int16 sum[k / 16]      (sum of 16 codes)
 *
 *     scale = amax / 127, or 0 if that is subnormal
 *     code = rint(x * (scale ? 1 / scale : 0)), ties to even
 *
 * Quantized linear, the blocks of 32 in ascending order b, acc starts at 0:
 *     for each scale group g of the block (1, or 2 of 16 values):
 *         acc = fma(float(isum_g) * dw_g, da_b, acc)       isum_g = sum of (code_w - zero) * code_a
 *     if the type has mins, for each group g: acc = fma(-mw_g, float(asum_g) * da_b, acc)
 *   dw and mw: the group's scale and min as F32, from the type's description (Q4_K: dw = d * sc,
 *   mw = dmin * m). All products rounded to F32 as written. fma is fused where the ISA has it
 * (avx2, avx512, neon), a rounded product and a rounded sum where not (sse42); scalar uses fmaf().
 * Float linear (F32, F16, BF16 weights and all that is decoded to F32; F32 activations): 16 lanes,
 * lane[i % 16] = fma(w[i], x[i], lane[i % 16]) for ascending i, then the tree of ogi_lane_sum
 * (lanes i and i+8, then +4, +2, +1). A tail shorter than 16 leaves the other lanes as they are. */
#ifndef OG_BACKENDS_CPU_ISA_KERNELS_H
#define OG_BACKENDS_CPU_ISA_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oxigraph/dtype.h"

struct ogi_decoder;

enum {
    OGI_CPU_PAGE = 64,   /* keys of a KV page */
    OGI_CPU_CHUNK = 256, /* keys that attention reduces before it merges */
    OGI_CPU_ALIGN = 64,
    OGI_CPU_ATTN_BATCH = 16, /* queries that go through a chunk together */
    OGI_MM_SPAN = 256,       /* rows of a matmul that go through a chunk together */
    OGI_MM_FLOAT_ROWS = 64,  /* the same with float weights, and tokens */
    OGI_MM_FLOAT_TOKS = 64,
    /* Bytes of scratch that the widest vectors need. A chunk (512 columns) of quantized weights:
     * two tiles of 16 rows (codes; scales of 16 values, their bias, mins) and each token (codes;
     * starts, scales, sums); of float weights: 16 rows. */
    OGI_MM_TILES = 2 * 16 * (512 + (32 + 32 + 32) * 4),
    OGI_MM_TOKEN = 512 + (32 + 16 + 32) * 4,
    OGI_MM_PANEL = 16 * 512 * 4
};

/* How values of a type that the kernels do not know are decoded: ogi_decoder_run. */
typedef struct ogi_cpu_decode {
    void (*run)(const struct ogi_decoder *d, const void *blocks, int64_t n, float *out,
                void *scratch);
    const struct ogi_decoder *decoder;
    int block, bytes; /* of the type; 512 values are whole blocks */
} ogi_cpu_decode;

/* out[t * out_stride + r] = dot(weight row r, activation row t), r < n_row, t < n_tok. */
typedef struct ogi_mm_args {
    og_dtype type;    /* of the weight */
    const void *w;    /* first weight row, any alignment */
    int64_t w_stride; /* bytes from row to row */
    int64_t n_row, k;
    const ogi_cpu_decode *decode; /* NULL: the type has a kernel; else x is F32 */
    void *decode_scratch;
    const void *x;        /* A8 rows with a type of qtypes.def, else F32 rows; 64-byte aligned */
    int64_t x_stride;     /* bytes from token to token */
    int64_t n_tok;        /* 1..512 */
    const int32_t *x_row; /* NULL, or row of x for each token (grouped matmul) */
    float *out;
    int64_t out_stride; /* floats from token to token */
    void *scratch;      /* ogi_matmul_scratch(n_tok) bytes, 64-byte aligned */
} ogi_mm_args;

/* The pages of one sequence and KV head: [page, n_kv_head, max(1, 64 / ratio), dim]. */
typedef struct ogi_kv_pages {
    const int32_t *page; /* list of the sequence */
    int64_t n_kv_head, kv_head;
    int64_t ratio; /* tokens that a row stands for; it lies in the page of the last */
} ogi_kv_pages;

/* Attention of one block of queries that share a sequence and a KV head, over pages of keys.
 * Keys are counted by rank in the sequence: rank r lies in page page[r / 64], row r % 64; a page
 * of K holds [n_kv_head, 64, dim_k] values, of V [n_kv_head, 64, dim_v].
 *
 * What a query sees is said in oxigraph/ops.h; of a list it sees the ranks that it may, in the
 * list's order, which then count as ranks 0, 1 .. do below. Ranks are reduced in chunks of 256
 * counted from rank 0: in each chunk
 *     s_j = scale * dot(q, k_j); softcap > 0: s = softcap * tanh(s / softcap);
 *     s -= slope * |j - p| if alibi slope != 0; s += bias of the distance's bucket
 *     m = max s, e_j = exp(s_j - m), z = sum e_j, o = sum e_j v_j     (ascending j, fixed lanes)
 * merged in ascending order: M = max(m1, m2); z = z1 exp(m1 - M) + z2 exp(m2 - M); o likewise.
 * Exponentials of less than -70 are 0 in all of this.
 * A sink (sink != NULL, one F32 for each query head) is merged last as a key with value 0.
 * Masked keys contribute exact zeros; the result is o / z, or (o, M, z) if is_partial. */
typedef struct ogi_attn_args {
    const float *q;                      /* [n_tok, n_group, dim_k] with the strides below */
    int64_t q_tok_stride, q_head_stride; /* in floats */
    int64_t n_tok;                       /* queries (tokens) of this block */
    int64_t n_group;                     /* query heads that share the KV head */
    int64_t dim_k, dim_v;
    int64_t v_row;           /* values of a row of V, of which the first dim_v are read */
    const int32_t *pos;      /* [n_tok] position = rank of each token in its sequence */
    og_dtype k_type, v_type; /* of OGI_KV_TYPES; dims are whole blocks */
    const void *k_state, *v_state;
    ogi_kv_pages pages; /* of both */
    int64_t n_key;      /* keys of the sequence, this step's included */
    int64_t window, chunk;
    bool is_causal, is_partial;
    float scale, softcap;
    const float *slope; /* [n_group] or NULL */
    const float *sink;  /* [n_group] or NULL */
    const float *bias;  /* [n_bucket] rows at bias_stride, of which n_group values; or NULL */
    int64_t bias_stride;
    int n_bucket;                /* of one direction */
    const int32_t *bucket_start; /* [n_bucket] least distance of each */
    const int32_t *list;         /* [n_tok] lists of n_list blocks at list_stride, or NULL */
    int64_t n_list, list_stride, list_block;
    int32_t *rank; /* scratch of n_list * list_block ranks */
    float *out;    /* [n_tok, n_group, dim_v (+ 2)] with the strides below */
    int64_t out_tok_stride, out_head_stride;
    void *scratch; /* ogi_attention_scratch(dim_k, dim_v) bytes */
} ogi_attn_args;

/* out[j], first <= j < end: the score of key j, the sum over heads, rising, of weight_h f(dot(q_h,
 * key j)); dots in 16 lanes and one tree; f is relu or nothing, no weights: 1. */
typedef struct ogi_key_score_args {
    const float *q; /* [n_head, dim] */
    const float *weight;
    int64_t n_head, dim;
    og_dtype k_type;
    const void *k_state;
    ogi_kv_pages pages;
    int64_t first, end;
    bool is_relu;
    float *out;
} ogi_key_score_args;

/* Pools the block that ends at position pos, for channels c0 .. c1 - 1: the mean of x weighed by
 * the softmax of score, over the block's rows in the order of their tokens. Rows of `width` values
 * lie at position modulo n_row; a row of the block before (if n_row is two blocks) is read at
 * channel c, one of the block itself at c + own. */
typedef struct ogi_block_pool_args {
    const float *x, *score; /* [n_row, width] */
    int64_t n_row, width, own, ratio, pos;
    float *out;
} ogi_block_pool_args;

/* Causal convolution over one sequence: out[t, c] = sum over j of w[c, j] x[t - (n_tap - 1) + j,
 * c], ascending j; inputs before this step are the state's rows, zeros if is_fresh. The state then
 * holds the last n_tap - 1 inputs. */
typedef struct ogi_conv_args {
    const float *x, *w; /* [n_tok, n_channel], [n_channel, n_tap] */
    float *state, *out; /* [n_tap - 1, n_channel], [n_tok, n_channel] */
    int64_t n_tok, n_channel, n_tap;
    bool is_fresh;
} ogi_conv_args;

/* Selective scan over one sequence, token by token:
 *   h = fma(h, exp(dt A), B (dt x)), y = sum of fma(h, C) in 16 lanes and one tree. */
typedef struct ogi_scan_kernel_args {
    const float *x, *dt;    /* [n_tok, n_channel] */
    const float *A, *B, *C; /* [n_channel, n_state], [n_tok, n_state] twice */
    float *state, *out;     /* [n_channel, n_state], [n_tok, n_channel] */
    int64_t n_tok, n_channel, n_state;
    bool is_fresh; /* start from zeros */
} ogi_scan_kernel_args;
/* linear_scan of one sequence and head, for some columns of S: y and u start at 0,
 *   u = fma(a_i, S_i, u), i rising;  then for each row, i rising, s = w_i S_i,
 *   s = fma(b_i, u, s) if there is a b, s = fma(k_i, v, s), y = fma(r_i, s or the old S_i, y). */
typedef struct ogi_linear_scan_kernel_args {
    const float *r, *w, *k, *v, *a, *b; /* of the first token; a, b: NULL if absent */
    int64_t r_stride, w_stride, k_stride, v_stride, a_stride, b_stride; /* from token to token */
    bool w_by_head;                                                     /* one w a token */
    float *state, *out; /* [dim_k, dim_v]; rows of dim_v at v_stride */
    int64_t n_tok, dim_k, dim_v;
    bool is_fresh, reads_before;
} ogi_linear_scan_kernel_args;

struct ogi_vprog;
struct ogi_voperand;

/* What bounds the speed of everything else: see roofline.h. */
typedef enum ogi_probe_kind {
    OGI_PROBE_READ,
    OGI_PROBE_F32,
    OGI_PROBE_BF16,
    OGI_PROBE_INT8
} ogi_probe_kind;

typedef struct ogi_cpu_kernels {
    const char *name; /* "avx2" */
    void (*matmul)(const ogi_mm_args *a);
    /* Are weights of this type multiplied, and dequantized, as they are? Others are decoded. */
    bool (*has_matmul)(og_dtype type);
    /* n values (multiple of 32) to one A8 row. */
    void (*quantize_a8)(const float *x, int64_t n, void *out);
    /* Weight blocks to F32, bit-exact with the type's definition; n a multiple of its block. */
    void (*dequantize)(og_dtype type, const void *w, int64_t n, float *out);
    void (*attention)(const ogi_attn_args *a);
    void (*conv)(const ogi_conv_args *a, int64_t c0, int64_t c1); /* channels c0 .. c1 - 1 */
    void (*scan)(const ogi_scan_kernel_args *a, int64_t c0, int64_t c1);
    /* Columns c0 .. c1 - 1. */
    void (*linear_scan)(const ogi_linear_scan_kernel_args *a, int64_t c0, int64_t c1);
    void (*key_scores)(const ogi_key_score_args *a);
    void (*block_pool)(const ogi_block_pool_args *a, int64_t c0, int64_t c1);
    /* y [n_matrix, n, n] of x, n up to 8: see ops/sinkhorn.c. */
    void (*sinkhorn)(const float *x, float *y, int64_t n_matrix, int n, int iterations, float eps);
    /* out [m, n] = a [m, k] times b [n, k] transposed, all F32, contiguous. */
    void (*bmm)(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k);
    /* Vector programs: backends/cpu/vprog.h. */
    void (*vprog_run)(const struct ogi_vprog *v, const struct ogi_voperand *operand,
                      const int64_t *lo, const int64_t *hi, void *scratch);
    /* Reads n bytes of memory, or does n rounds of arithmetic; returns bytes read or operations
     * done. What it computed goes to *sink, so that it is computed. */
    int64_t (*probe)(ogi_probe_kind kind, const void *memory, int64_t n, uint64_t *sink);
} ogi_cpu_kernels;

/* Bytes of scratch that any of these calls needs; the same for every ISA. */
size_t ogi_matmul_scratch(int64_t n_tok);
size_t ogi_attention_scratch(int64_t dim_k, int64_t dim_v);

/* The kernels for an instruction set by name (scalar, sse42, avx2, avx512, neon), or with NULL the
 * best that this processor has. NULL if the name is unknown, not built in, or not supported here.
 */
const ogi_cpu_kernels *ogi_cpu_kernels_find(const char *name);

/* The i-th instruction set that this processor supports, best first; NULL past the last. */
const ogi_cpu_kernels *ogi_cpu_kernels_at(int i);

#endif
