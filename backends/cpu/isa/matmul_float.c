/* SPDX-License-Identifier: MIT
 *
 * Matmul with F32, F16 and BF16 weights, and with those that are decoded to F32 first: blocks of
 * rows and tokens, k in the 16 lanes, so that one token and many add in the same order. */
#include "backends/cpu/isa/unpack.h"

/* Rows and tokens of a block, with one token (N1) and with several: all sums stay in registers. */
enum {
    N1_ROW = OGI_VN == 16                        ? 16
             : OGI_VN == 8 || OGI_HAS_32_VECTORS ? 4
             : OGI_VN == 4                       ? 2
                                                 : 1,
    MANY_ROW = OGI_VN == 16                        ? 4
               : OGI_VN == 8 || OGI_HAS_32_VECTORS ? 2
                                                   : 1,
    MANY_TOK = OGI_VN == 16  ? 4
               : OGI_VN == 1 ? 1
                             : 2
};

/* How 16 weights are read. */
typedef struct float_type {
    int64_t size; /* bytes of a weight */
    v16 (*load)(const char *p);
} float_type;

OGI_INLINE v16 load_f32(const char *p)
{
    return v16_load((const float *)(const void *)p);
}
OGI_INLINE v16 load_f16(const char *p)
{
    return v16_load_f16((const uint16_t *)(const void *)p);
}
OGI_INLINE v16 load_bf16(const char *p)
{
    return v16_load_bf16((const uint16_t *)(const void *)p);
}

#define FLOAT_TYPES(F) F(F32, f32, 4) F(F16, f16, 2) F(BF16, bf16, 2)

/* A dot over k of n_row rows and n_tok tokens to out[row * n_tok + token]; all but k constant. */
OGI_INLINE void dot_block(float_type type, int n_row, int n_tok, const char *const *w,
                          const char *const *x, int64_t k, float *out)
{
    enum { MAX = N1_ROW > MANY_ROW * MANY_TOK ? N1_ROW : MANY_ROW * MANY_TOK };
    const int64_t size = type.size, whole = k / 16 * 16;
    v16 sum[(MAX + OGI_VN - 1) / OGI_VN * OGI_VN];
    for (int i = 0; i < (int)(sizeof sum / sizeof *sum); i++) sum[i] = v16_zero();
    for (int64_t j = 0; j < whole; j += 16) {
        v16 b[MANY_TOK];
        for (int t = 0; t < n_tok; t++) b[t] = v16_load((const float *)(const void *)x[t] + j);
        for (int r = 0; r < n_row; r++) {
            v16 v = type.load(w[r] + j * size);
            for (int t = 0; t < n_tok; t++)
                sum[r * n_tok + t] = v16_fma(v, b[t], sum[r * n_tok + t]);
        }
    }
    if (whole < k) { /* the missing lanes add 0 * 0 */
        for (int i = 0; i < n_row * n_tok; i++) {
            _Alignas(64) float tail_x[16] = { 0 };
            _Alignas(64) char tail_w[64] = { 0 };
            memcpy(tail_x, x[i % n_tok] + whole * 4, (size_t)(k - whole) * 4);
            memcpy(tail_w, w[i / n_tok] + whole * size, (size_t)((k - whole) * size));
            sum[i] = v16_fma(type.load(tail_w), v16_load(tail_x), sum[i]);
        }
    }
    for (int i = 0; i < n_row * n_tok; i += OGI_VN) vf_store(out + i, v16_sums(sum + i));
}

/* Rows and tokens beyond the end of the block repeat its last ones; their sums are dropped. */
OGI_INLINE void matmul_block(float_type type, int n_row, int n_tok, const ogi_mm_args *a,
                             int64_t row, int64_t tok)
{
    const char *w[N1_ROW > MANY_ROW ? N1_ROW : MANY_ROW], *x[MANY_TOK];
    float out[16 + N1_ROW];
    int64_t rows = a->n_row - row < n_row ? a->n_row - row : n_row;
    int64_t toks = a->n_tok - tok < n_tok ? a->n_tok - tok : n_tok;
    for (int r = 0; r < n_row; r++)
        w[r] = (const char *)a->w + (row + (r < rows ? r : rows - 1)) * a->w_stride;
    for (int t = 0; t < n_tok; t++) x[t] = ogi_mm_row(a, tok + (t < toks ? t : toks - 1));
    dot_block(type, n_row, n_tok, w, x, a->k, out);
    for (int64_t t = 0; t < toks; t++)
        for (int64_t r = 0; r < rows; r++)
            a->out[(tok + t) * a->out_stride + row + r] = out[r * n_tok + t];
}

/* ---- many tokens ----
 *
 * Chunks of k: 16 rows of weights become F32 in scratch, where they stay in L1 while all tokens of
 * a block pass; the lane sums of SPAN_ROW rows and SPAN_TOK tokens wait in L2 for the next chunk.
 */
enum {
    CHUNK_K = 512,
    GROUP_ROW = 16,
    SPAN_ROW = OGI_MM_FLOAT_ROWS,
    SPAN_TOK = OGI_MM_FLOAT_TOKS,
    FEW = 16 /* below, converting the weights once does not pay */
};

typedef struct panel {
    _Alignas(64) float w[GROUP_ROW][CHUNK_K];
    float sum[][16]; /* [row group][token][row] */
} panel;

_Static_assert(sizeof(panel) <= OGI_MM_PANEL, "see kernels.h");

/* n columns from w to F32; what is missing to 16 columns is 0. */
typedef void (*fill_row)(const ogi_mm_args *a, const char *w, int64_t n, float *out);

OGI_INLINE void fill_typed(float_type type, const char *w, int64_t n, float *out)
{
    for (int64_t i = 0; i + 16 <= n; i += 16) v16_store(out + i, type.load(w + i * type.size));
    if (n % 16) {
        _Alignas(64) char tail[64] = { 0 };
        memcpy(tail, w + n / 16 * 16 * type.size, (size_t)(n % 16 * type.size));
        v16_store(out + n / 16 * 16, type.load(tail));
    }
}

static void fill_decoded(const ogi_mm_args *a, const char *w, int64_t n, float *out)
{
    a->decode->run(a->decode->decoder, w, n, out, a->decode_scratch);
    if (n % 16) memset(out + n, 0, (size_t)(16 - n % 16) * sizeof *out);
}

#define F(NAME, name, size)                                                                        \
    static void fill_##name(const ogi_mm_args *a, const char *w, int64_t n, float *out)            \
    {                                                                                              \
        (void)a;                                                                                   \
        fill_typed((float_type){ size, load_##name }, w, n, out);                                  \
    }
FLOAT_TYPES(F)
#undef F

/* What is done with a type. */
typedef struct kernel {
    int64_t block, bytes;
    fill_row fill;
    void (*few)(const ogi_mm_args *a); /* NULL: as with many tokens */
} kernel;

/* Rows row.. of the chunk at column j, n columns. */
static void fill_weights(panel *p, const ogi_mm_args *a, const kernel *type, int64_t row, int64_t j,
                         int64_t n)
{
    for (int64_t r = 0; r < GROUP_ROW; r++) {
        int64_t from = row + r < a->n_row ? row + r : a->n_row - 1;
        const char *w = (const char *)a->w + from * a->w_stride + j / type->block * type->bytes;
        type->fill(a, w, n, p->w[r]);
    }
}

/* Adds a chunk to the lane sums of MANY_ROW rows and MANY_TOK tokens: sum[token * GROUP_ROW + r].
 */
static void add_chunk(const float (*w)[CHUNK_K], const float *const *x, int64_t n, float (*sum)[16])
{
    v16 s[MANY_ROW][MANY_TOK];
    for (int r = 0; r < MANY_ROW; r++)
        for (int t = 0; t < MANY_TOK; t++) s[r][t] = v16_load(sum[t * GROUP_ROW + r]);
    for (int64_t j = 0; j + 16 <= n; j += 16) {
        v16 b[MANY_TOK];
        for (int t = 0; t < MANY_TOK; t++) b[t] = v16_load(x[t] + j);
        for (int r = 0; r < MANY_ROW; r++) {
            v16 v = v16_load(w[r] + j);
            for (int t = 0; t < MANY_TOK; t++) s[r][t] = v16_fma(v, b[t], s[r][t]);
        }
    }
    for (int t = 0; n % 16 && t < MANY_TOK; t++) {
        _Alignas(64) float tail[16] = { 0 };
        memcpy(tail, x[t] + n / 16 * 16, (size_t)(n % 16) * sizeof *tail);
        for (int r = 0; r < MANY_ROW; r++)
            s[r][t] = v16_fma(v16_load(w[r] + n / 16 * 16), v16_load(tail), s[r][t]);
    }
    for (int r = 0; r < MANY_ROW; r++)
        for (int t = 0; t < MANY_TOK; t++) v16_store(sum[t * GROUP_ROW + r], s[r][t]);
}

/* The sums of one row group to out. */
static void finish_group(const ogi_mm_args *a, float (*sum)[16], int64_t row, int64_t tok,
                         int64_t n_tok)
{
    int64_t rows = a->n_row - row < GROUP_ROW ? a->n_row - row : GROUP_ROW;
    for (int64_t t = 0; t < n_tok; t++) {
        float out[GROUP_ROW];
        for (int r = 0; r < GROUP_ROW; r += OGI_VN) {
            v16 v[OGI_VN];
            for (int i = 0; i < OGI_VN; i++) v[i] = v16_load(sum[t * GROUP_ROW + r + i]);
            vf_store(out + r, v16_sums(v));
        }
        memcpy(a->out + (tok + t) * a->out_stride + row, out, (size_t)rows * sizeof *out);
    }
}

/* Up to SPAN_ROW rows and SPAN_TOK tokens. */
static void matmul_panel(const ogi_mm_args *a, const kernel *type, int64_t row, int64_t n_row,
                         int64_t tok, int64_t n_tok)
{
    panel *p = a->scratch;
    const float *x[SPAN_TOK];
    int64_t padded = (n_tok + MANY_TOK - 1) / MANY_TOK * MANY_TOK;
    for (int64_t t = 0; t < padded; t++)
        x[t] = (const float *)(const void *)ogi_mm_row(a, tok + (t < n_tok ? t : n_tok - 1));
    memset(p->sum, 0, (size_t)((n_row + 15) / 16 * 16 * padded) * sizeof *p->sum);
    for (int64_t j = 0; j < a->k; j += CHUNK_K) {
        int64_t n = a->k - j < CHUNK_K ? a->k - j : CHUNK_K;
        for (int64_t r = 0; r < n_row; r += GROUP_ROW) {
            fill_weights(p, a, type, row + r, j, n);
            for (int64_t t = 0; t < padded; t += MANY_TOK) {
                const float *at[MANY_TOK];
                for (int i = 0; i < MANY_TOK; i++) at[i] = x[t + i] + j;
                for (int i = 0; i < GROUP_ROW; i += MANY_ROW)
                    add_chunk((const float(*)[CHUNK_K])p->w + i, at, n,
                              p->sum + r * padded + t * GROUP_ROW + i);
            }
        }
    }
    for (int64_t r = 0; r < n_row; r += GROUP_ROW)
        finish_group(a, p->sum + r * padded, row + r, tok, n_tok);
}

static void matmul_many(const ogi_mm_args *a, const kernel *type)
{
    for (int64_t r = 0; r < a->n_row; r += SPAN_ROW)
        for (int64_t t = 0; t < a->n_tok; t += SPAN_TOK)
            matmul_panel(a, type, r, a->n_row - r < SPAN_ROW ? a->n_row - r : SPAN_ROW, t,
                         a->n_tok - t < SPAN_TOK ? a->n_tok - t : SPAN_TOK);
}

OGI_INLINE void matmul_few(float_type type, const ogi_mm_args *a)
{
    if (a->n_tok == 1) {
        for (int64_t r = 0; r < a->n_row; r += N1_ROW) matmul_block(type, N1_ROW, 1, a, r, 0);
        return;
    }
    for (int64_t r = 0; r < a->n_row; r += MANY_ROW)
        for (int64_t t = 0; t < a->n_tok; t += MANY_TOK)
            matmul_block(type, MANY_ROW, MANY_TOK, a, r, t);
}

#define F(NAME, name, size)                                                                        \
    static void few_##name(const ogi_mm_args *a)                                                   \
    {                                                                                              \
        matmul_few((float_type){ size, load_##name }, a);                                          \
    }
FLOAT_TYPES(F)
#undef F

static const struct {
    og_dtype type;
    kernel kernel;
} kernels[] = {
#define F(NAME, name, size) { OG_##NAME, { 1, size, fill_##name, few_##name } },
    FLOAT_TYPES(F)
#undef F
};

static const kernel *kernel_of(og_dtype type)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (kernels[i].type == type) return &kernels[i].kernel;
    return NULL;
}

bool OGI_ISA(ogi_is_float)(og_dtype type)
{
    return kernel_of(type) != NULL;
}

void OGI_ISA(ogi_matmul_float)(const ogi_mm_args *a)
{
    if (a->decode) {
        matmul_many(a, &(kernel){ a->decode->block, a->decode->bytes, fill_decoded, NULL });
        return;
    }
    const kernel *type = kernel_of(a->type); /* there is one: has_matmul() */
    if (a->n_tok >= FEW)
        matmul_many(a, type);
    else
        type->few(a);
}
