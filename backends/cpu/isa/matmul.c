/* SPDX-License-Identifier: MIT
 *
 * Quantized matmul by tiles, for many tokens. OGI_VN weight rows lie in the lanes:
 *
 *   tile of one chunk (512 columns): code[block][8][lane][4], scale[block][group][lane], ...
 *
 * A tile is unpacked once a call and chunk, stays in L1, and meets all tokens, MM_TOK at a
 * time, whose codes are broadcast four bytes at a time. Integer sums start at minus the weights'
 * zero point times the sum of the activations, so that codes need no sign. */
#include "backends/cpu/isa/unpack.h"

enum {
    ROW_TILES = 2, /* tiles that share an activation broadcast */
    MM_TOK = OGI_VN == 16                        ? 6
             : OGI_VN == 4 && OGI_HAS_32_VECTORS ? 4
                                                 : 2,
    MM_ROWS = ROW_TILES * OGI_VN
};

typedef struct tile {
    _Alignas(64) uint8_t code[OGI_MM_CHUNK * OGI_VN];
    float scale[2 * OGI_MM_BLOCKS][OGI_VN];
    float bias[2 * OGI_MM_BLOCKS][OGI_VN]; /* - scale * the float whose bits are OGI_MAGIC */
    float min[OGI_MM_BLOCKS][OGI_VN];      /* negated */
} tile;

/* One token's part of a chunk, in one piece: rows of activations are far apart. */
typedef struct token {
    _Alignas(64) int8_t code[OGI_MM_CHUNK];
    int32_t start[2 * OGI_MM_BLOCKS]; /* of the integer sums */
    float scale[OGI_MM_BLOCKS];
    float sum[OGI_MM_BLOCKS]; /* of a block's codes */
} token;

static void fill_token(token *t, const char *row, int64_t k, int64_t chunk, int n_block,
                       ogi_qshape s)
{
    const char *scale = row + k, *sum = scale + k / 32 * 4;
    int32_t pair[OGI_MM_BLOCKS] = { 0 }; /* the sums of a block's halves */
    memcpy(t->code, row + chunk * OGI_MM_CHUNK, (size_t)n_block * 32);
    memcpy(t->scale, scale + chunk * OGI_MM_BLOCKS * 4, (size_t)n_block * 4);
    memcpy(pair, sum + chunk * OGI_MM_CHUNK / 8, (size_t)n_block * sizeof *pair);
    if (s.n_group == 2) {
        int16_t half[2 * OGI_MM_BLOCKS];
        memcpy(half, pair, sizeof half);
        for (int g = 0; g < 2 * OGI_MM_BLOCKS; g++) t->start[g] = OGI_MAGIC - s.zero * half[g];
        return;
    }
    for (int b = 0; b < OGI_MM_BLOCKS; b++) {
        int both = (int16_t)pair[b] + (pair[b] >> 16);
        t->start[b] = OGI_MAGIC - s.zero * both;
        if (s.has_min) t->sum[b] = (float)both;
    }
}

/* Rows beyond the last repeat it. */
static void fill_tile(tile *t, const ogi_mm_args *a, int64_t row, int64_t chunk, int n_block,
                      ogi_qshape s)
{
    int64_t offset = chunk * OGI_MM_CHUNK / s.block * s.bytes;
    const vf magic = vf_set1(-ogi_f32_of_bits(OGI_MAGIC)), minus = vf_set1(-1.0f);
    ogi_codes c[OGI_VN];
    vf v[OGI_VN];
    if (n_block < OGI_MM_BLOCKS) memset(c, 0, sizeof c);
    for (int r = 0; r < OGI_VN; r++) {
        int64_t i = row + r < a->n_row ? row + r : a->n_row - 1;
        OGI_ISA(ogi_unpack)
        (a->type, (const uint8_t *)a->w + i * a->w_stride + offset, n_block, &c[r]);
    }
    for (int i = 0; i < 8 * n_block; i += OGI_VN) {
        vf_transpose(c->code + 4 * i, sizeof *c, v);
        for (int j = 0; j < OGI_VN; j++) memcpy(t->code + 4 * OGI_VN * (i + j), &v[j], sizeof *v);
    }
    for (int g = 0; g < s.n_group * OGI_MM_BLOCKS; g += OGI_VN) {
        vf_transpose(c->scale + g, sizeof *c, v);
        for (int j = 0; j < OGI_VN; j++) {
            vf_store(t->scale[g + j], v[j]);
            vf_store(t->bias[g + j], vf_mul(v[j], magic));
        }
    }
    for (int b = 0; s.has_min && b < OGI_MM_BLOCKS; b += OGI_VN) {
        vf_transpose(c->min + b, sizeof *c, v);
        for (int j = 0; j < OGI_VN; j++) vf_store(t->min[b + j], vf_mul(v[j], minus));
    }
}

/* acc[token][tile] += the chunk. n_tok and type are constants wherever this is inlined. */
OGI_INLINE void dot_tiles(int type, int n_tok, const tile *w, const token *x, int n_block,
                          float *acc)
{
    const ogi_qshape s = ogi_qshape_of(type);
    const int step = 8 / s.n_group;
    vf sum[ROW_TILES][MM_TOK];
    for (int r = 0; r < ROW_TILES; r++)
        for (int t = 0; t < n_tok; t++) sum[r][t] = vf_load(acc + (t * ROW_TILES + r) * OGI_VN);
    for (int b = 0; b < n_block; b++) {
        for (int g = 0; g < s.n_group; g++) {
            vi dot[ROW_TILES][MM_TOK];
            for (int t = 0; t < n_tok; t++)
                for (int r = 0; r < ROW_TILES; r++)
                    dot[r][t] = vi_set1(x[t].start[b * s.n_group + g]);
            for (int i = 0; i < step; i++) {
                vi code[ROW_TILES];
                int at = (b * s.n_group + g) * step + i;
                for (int r = 0; r < ROW_TILES; r++) code[r] = vi_load(w[r].code + at * 4 * OGI_VN);
                for (int t = 0; t < n_tok; t++) {
                    vi bytes = vi_set1_bytes(x[t].code + 4 * at);
                    for (int r = 0; r < ROW_TILES; r++)
                        dot[r][t] = type == OG_Q8_0 ? vi_dot_q8(dot[r][t], code[r], bytes)
                                                    : vi_dot(dot[r][t], code[r], bytes);
                }
            }
            for (int r = 0; r < ROW_TILES; r++) {
                vf scale = vf_load(w[r].scale[b * s.n_group + g]);
                vf bias = vf_load(w[r].bias[b * s.n_group + g]);
                for (int t = 0; t < n_tok; t++) {
                    vf f = OGI_MAGIC ? vf_fma(vf_of_bits(dot[r][t]), scale, bias)
                                     : vf_mul(vf_of_vi(dot[r][t]), scale);
                    sum[r][t] = vf_fma(f, vf_set1(x[t].scale[b]), sum[r][t]);
                }
            }
        }
        for (int r = 0; s.has_min && r < ROW_TILES; r++) {
            vf min = vf_load(w[r].min[b]);
            for (int t = 0; t < n_tok; t++)
                sum[r][t] =
                    vf_fma(vf_mul(vf_set1(x[t].sum[b]), min), vf_set1(x[t].scale[b]), sum[r][t]);
        }
    }
    for (int r = 0; r < ROW_TILES; r++)
        for (int t = 0; t < n_tok; t++) vf_store(acc + (t * ROW_TILES + r) * OGI_VN, sum[r][t]);
}

/* The tokens of one group, as many at a time as there are vectors for. */
OGI_INLINE void dot_group(int type, int n_tok, const tile *w, const token *x, int n_block,
                          float *acc)
{
    if (n_tok == MM_TOK) {
        dot_tiles(type, MM_TOK, w, x, n_block, acc);
        return;
    }
    for (; n_tok >= MM_TOK / 2; n_tok -= MM_TOK / 2, x += MM_TOK / 2, acc += MM_TOK / 2 * MM_ROWS)
        dot_tiles(type, MM_TOK / 2, w, x, n_block, acc);
    for (; MM_TOK > 2 && n_tok > 0; n_tok--, x++, acc += MM_ROWS)
        dot_tiles(type, 1, w, x, n_block, acc);
}

/* One chunk of MM_ROWS rows with all tokens. */
OGI_INLINE void dot_chunk(int type, const tile *w, const token *x, int64_t n_tok, int n_block,
                          float *acc)
{
    for (int64_t t = 0; t < n_tok; t += MM_TOK)
        dot_group(type, n_tok - t < MM_TOK ? (int)(n_tok - t) : MM_TOK, w, x + t, n_block,
                  acc + t * MM_ROWS);
}

/* Up to OGI_MM_SPAN rows: each chunk of the activations meets all of them while it is in L2. */
static void matmul_span(const ogi_mm_args *a, int64_t row, int64_t n_row)
{
    tile *w = a->scratch;
    token *x = (token *)(void *)(w + ROW_TILES);
    float *acc = (float *)(void *)(x + a->n_tok);
    ogi_qshape s = ogi_qshape_of(a->type);
    memset(acc, 0, (size_t)(n_row + MM_ROWS - 1) / MM_ROWS * (size_t)a->n_tok * MM_ROWS * 4);
    for (int64_t chunk = 0; chunk * OGI_MM_CHUNK < a->k; chunk++) {
        int64_t left = a->k / 32 - chunk * OGI_MM_BLOCKS;
        int n = left < OGI_MM_BLOCKS ? (int)left : OGI_MM_BLOCKS;
        for (int64_t t = 0; t < a->n_tok; t++)
            fill_token(&x[t], ogi_mm_row(a, t), a->k, chunk, n, s);
        for (int64_t r = 0; r < n_row; r += MM_ROWS) {
            float *sum = acc + r * a->n_tok;
            for (int i = 0; i < ROW_TILES; i++)
                fill_tile(&w[i], a, row + r + i * OGI_VN, chunk, n, s);
            switch (a->type) {
            case OG_Q8_0: dot_chunk(OG_Q8_0, w, x, a->n_tok, n, sum); break;
            case OG_Q4_0: dot_chunk(OG_Q4_0, w, x, a->n_tok, n, sum); break;
            case OG_Q4_K: dot_chunk(OG_Q4_K, w, x, a->n_tok, n, sum); break;
            case OG_Q5_K: dot_chunk(OG_Q5_K, w, x, a->n_tok, n, sum); break;
            default: dot_chunk(OG_Q6_K, w, x, a->n_tok, n, sum); break;
            }
        }
    }
    for (int64_t r = 0; r < n_row; r += MM_ROWS)
        for (int64_t t = 0; t < a->n_tok; t++)
            memcpy(a->out + t * a->out_stride + row + r, acc + r * a->n_tok + t * MM_ROWS,
                   (size_t)(n_row - r < MM_ROWS ? n_row - r : MM_ROWS) * 4);
}

static void matmul_tiles(const ogi_mm_args *a)
{
    for (int64_t r = 0; r < a->n_row; r += OGI_MM_SPAN)
        matmul_span(a, r, a->n_row - r < OGI_MM_SPAN ? a->n_row - r : OGI_MM_SPAN);
}

void OGI_ISA(ogi_matmul)(const ogi_mm_args *a)
{
    if (a->type == OG_F32 || a->type == OG_F16 || a->type == OG_BF16) OGI_ISA(ogi_matmul_float)(a);
#if defined(OGI_ISA_avx512) || defined(OGI_ISA_avx2)
    else if (a->n_tok <= OGI_MM_FEW)
        OGI_ISA(ogi_matmul_few)(a);
#endif
    else
        matmul_tiles(a);
}
