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
    float min[2 * OGI_MM_BLOCKS][OGI_VN];  /* negated */
} tile;

/* One token's part of a chunk, in one piece: rows of activations are far apart. */
typedef struct token {
    _Alignas(64) int8_t code[OGI_MM_CHUNK];
    int32_t start[2 * OGI_MM_BLOCKS]; /* of the integer sums */
    float scale[OGI_MM_BLOCKS];
    float sum[2 * OGI_MM_BLOCKS]; /* of a group's codes, times the scale: what mins multiply */
} token;

_Static_assert(ROW_TILES * sizeof(tile) <= OGI_MM_TILES, "see kernels.h");
_Static_assert(sizeof(token) <= OGI_MM_TOKEN, "see kernels.h");

static void fill_token(token *t, const char *row, int64_t k, int64_t chunk, int n_block,
                       ogi_qshape s, int zero)
{
    const char *scale = row + k, *sum = scale + k / 32 * 4;
    int16_t half[2 * OGI_MM_BLOCKS] = { 0 };
    memcpy(t->code, row + chunk * OGI_MM_CHUNK, (size_t)n_block * 32);
    memcpy(t->scale, scale + chunk * OGI_MM_BLOCKS * 4, (size_t)n_block * 4);
    memcpy(half, sum + chunk * OGI_MM_CHUNK / 8, (size_t)n_block * 4);
    const int magic = s.is_far ? 0 : OGI_MAGIC;
    if (s.n_group == 2) {
        for (int g = 0; g < 2 * OGI_MM_BLOCKS; g++) t->start[g] = magic - zero * half[g];
        for (int g = 0; s.n_min && g < 2 * n_block; g++)
            t->sum[g] = (float)half[g] * t->scale[g / 2];
        return;
    }
    for (int b = 0; b < OGI_MM_BLOCKS; b++)
        t->start[b] = magic - zero * (half[2 * b] + half[2 * b + 1]);
    for (int b = 0; s.n_min && b < n_block; b++)
        t->sum[b] = (float)(half[2 * b] + half[2 * b + 1]) * t->scale[b];
}

/* Rows beyond the last repeat it. */
static void fill_tile(tile *t, const ogi_mm_args *a, int64_t row, int64_t chunk, int n_block,
                      const ogi_qtype *q, ogi_qshape s)
{
    int64_t offset = chunk * OGI_MM_CHUNK / q->block * q->bytes;
    const vf magic = vf_set1(-ogi_f32_of_bits(OGI_MAGIC)), minus = vf_set1(-1.0f);
    ogi_codes c[OGI_VN];
    vf v[OGI_VN];
    if (n_block < OGI_MM_BLOCKS) memset(c, 0, sizeof c);
    for (int r = 0; r < OGI_VN; r++) {
        int64_t i = row + r < a->n_row ? row + r : a->n_row - 1;
        q->unpack((const uint8_t *)a->w + i * a->w_stride + offset, n_block, &c[r]);
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
    for (int g = 0; g < s.n_min * OGI_MM_BLOCKS; g += OGI_VN) {
        vf_transpose(c->min + g, sizeof *c, v);
        for (int j = 0; j < OGI_VN; j++) vf_store(t->min[g + j], vf_mul(v[j], minus));
    }
}

/* acc[token][tile] += the chunk. n_tok and s are constants wherever this is inlined. */
OGI_INLINE void dot_tiles(ogi_qshape s, int n_tok, const tile *w, const token *x, int n_block,
                          float *acc)
{
    const int step = 8 / s.n_group;
    const bool has_magic = OGI_MAGIC != 0 && !s.is_far;
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
                        dot[r][t] = s.is_wide ? vi_dot_wide(dot[r][t], code[r], bytes)
                                              : vi_dot(dot[r][t], code[r], bytes);
                }
            }
            for (int r = 0; r < ROW_TILES; r++) {
                vf scale = vf_load(w[r].scale[b * s.n_group + g]);
                vf bias = vf_load(w[r].bias[b * s.n_group + g]);
                for (int t = 0; t < n_tok; t++) {
                    vf f = has_magic ? vf_fma(vf_of_bits(dot[r][t]), scale, bias)
                                     : vf_mul(vf_of_vi(dot[r][t]), scale);
                    sum[r][t] = vf_fma(f, vf_set1(x[t].scale[b]), sum[r][t]);
                }
            }
        }
        for (int m = 0; m < s.n_min; m++)
            for (int r = 0; r < ROW_TILES; r++) {
                vf min = vf_load(w[r].min[b * s.n_min + m]);
                for (int t = 0; t < n_tok; t++)
                    sum[r][t] = vf_fma(min, vf_set1(x[t].sum[b * s.n_min + m]), sum[r][t]);
            }
    }
    for (int r = 0; r < ROW_TILES; r++)
        for (int t = 0; t < n_tok; t++) vf_store(acc + (t * ROW_TILES + r) * OGI_VN, sum[r][t]);
}

/* The tokens of one group, as many at a time as there are vectors for. */
OGI_INLINE void dot_group(ogi_qshape s, int n_tok, const tile *w, const token *x, int n_block,
                          float *acc)
{
    if (n_tok == MM_TOK) {
        dot_tiles(s, MM_TOK, w, x, n_block, acc);
        return;
    }
    for (; n_tok >= MM_TOK / 2; n_tok -= MM_TOK / 2, x += MM_TOK / 2, acc += MM_TOK / 2 * MM_ROWS)
        dot_tiles(s, MM_TOK / 2, w, x, n_block, acc);
    for (; MM_TOK > 2 && n_tok > 0; n_tok--, x++, acc += MM_ROWS)
        dot_tiles(s, 1, w, x, n_block, acc);
}

/* One chunk of MM_ROWS rows with all tokens: a function for each shape. */
typedef void (*dot_chunk)(const tile *w, const token *x, int64_t n_tok, int n_block, float *acc);

#define S(NAME, n_group, n_min, is_wide, is_far)                                                   \
    static void dot_##NAME(const tile *w, const token *x, int64_t n_tok, int n_block, float *acc)  \
    {                                                                                              \
        for (int64_t t = 0; t < n_tok; t += MM_TOK)                                                \
            dot_group((ogi_qshape){ n_group, n_min, is_wide, is_far },                             \
                      n_tok - t < MM_TOK ? (int)(n_tok - t) : MM_TOK, w, x + t, n_block,           \
                      acc + t * MM_ROWS);                                                          \
    }
OGI_QSHAPES(S)
#undef S

static const dot_chunk dots[] = {
#define S(NAME, n_group, n_min, is_wide, is_far) dot_##NAME,
    OGI_QSHAPES(S)
#undef S
};

/* Up to OGI_MM_SPAN rows: each chunk of the activations meets all of them while it is in L2. */
static void matmul_span(const ogi_qtype *q, const ogi_mm_args *a, int64_t row, int64_t n_row)
{
    tile *w = a->scratch;
    token *x = (token *)(void *)(w + ROW_TILES);
    float *acc = (float *)(void *)(x + a->n_tok);
    ogi_qshape s = OGI_ISA(ogi_qshape_of)(q);
    memset(acc, 0, (size_t)(n_row + MM_ROWS - 1) / MM_ROWS * (size_t)a->n_tok * MM_ROWS * 4);
    for (int64_t chunk = 0; chunk * OGI_MM_CHUNK < a->k; chunk++) {
        int64_t left = a->k / 32 - chunk * OGI_MM_BLOCKS;
        int n = left < OGI_MM_BLOCKS ? (int)left : OGI_MM_BLOCKS;
        for (int64_t t = 0; t < a->n_tok; t++)
            fill_token(&x[t], ogi_mm_row(a, t), a->k, chunk, n, s, q->zero);
        for (int64_t r = 0; r < n_row; r += MM_ROWS) {
            for (int i = 0; i < ROW_TILES; i++)
                fill_tile(&w[i], a, row + r + i * OGI_VN, chunk, n, q, s);
            dots[q->shape](w, x, a->n_tok, n, acc + r * a->n_tok);
        }
    }
    for (int64_t r = 0; r < n_row; r += MM_ROWS)
        for (int64_t t = 0; t < a->n_tok; t++)
            memcpy(a->out + t * a->out_stride + row + r, acc + r * a->n_tok + t * MM_ROWS,
                   (size_t)(n_row - r < MM_ROWS ? n_row - r : MM_ROWS) * 4);
}

static void matmul_tiles(const ogi_qtype *q, const ogi_mm_args *a)
{
    for (int64_t r = 0; r < a->n_row; r += OGI_MM_SPAN)
        matmul_span(q, a, r, a->n_row - r < OGI_MM_SPAN ? a->n_row - r : OGI_MM_SPAN);
}

bool OGI_ISA(ogi_has_matmul)(og_dtype type)
{
    return OGI_ISA(ogi_qtype_of)(type) || OGI_ISA(ogi_is_float)(type);
}

void OGI_ISA(ogi_matmul)(const ogi_mm_args *a)
{
    const ogi_qtype *q = a->decode ? NULL : OGI_ISA(ogi_qtype_of)(a->type);
    if (!q) OGI_ISA(ogi_matmul_float)(a);
#if !defined(OGI_ISA_scalar)
    else if (a->n_tok <= OGI_MM_FEW)
        OGI_ISA(ogi_matmul_few)(q, a);
#endif
    else
        matmul_tiles(q, a);
}
