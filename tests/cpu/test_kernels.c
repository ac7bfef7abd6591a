/* SPDX-License-Identifier: MIT
 *
 * The tuned CPU kernels of every instruction set that this machine has, for every type they know:
 * against naive references in double, and against themselves with the work split differently, byte
 * for byte. */
#include "backends/cpu/isa/kernels.h"
#include "oxigraph/dtype.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that kernels know. */
static const og_dtype types[] = {
    OG_F32,
    OG_F16,
    OG_BF16,
#define QTYPE(NAME, name, SHAPE, zero) OG_##NAME,
#include "backends/cpu/isa/qtypes.def"
#undef QTYPE
};
enum { N_TYPE = (int)(sizeof types / sizeof *types) };

/* ---- random data ---- */

static uint64_t rng_state = 1;

static uint32_t rng(void)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rng_state >> 32);
}

static int rng_in(int low, int high)
{
    return low + (int)(rng() % (uint32_t)(high - low + 1));
}

static float rng_float(void)
{
    return ((float)(rng() >> 8) - 0x1p23f) * 0x1p-23f;
}

static void *take(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) / 64 * 64);
    cr_assert(p);
    return p;
}

static float *take_floats(int64_t n)
{
    float *p = take((size_t)n * sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i] = rng_float();
    return p;
}

/* ---- types ---- */

static bool is_float(og_dtype type)
{
    return type == OG_F32 || type == OG_F16 || type == OG_BF16;
}

static const struct {
    og_dtype type;
    int block, bytes;
} formats[] = {
#define T(NAME, id, block, bytes, is_quantized) { OG_##NAME, block, bytes },
    OG_DTYPE_LIST(T)
#undef T
};

static int format_of(og_dtype type)
{
    int i = 0;
    while (formats[i].type != type) i++;
    return i;
}

static int block_of(og_dtype type)
{
    return formats[format_of(type)].block;
}

static int bytes_of(og_dtype type)
{
    return formats[format_of(type)].bytes;
}

/* Decoding by the plain C kernels, which test_weight_types compares with the descriptions. */
static void decode(og_dtype type, const uint8_t *w, int64_t n, float *out)
{
    ogi_cpu_kernels_find("scalar")->dequantize(type, w, n, out);
}

/* Random bytes, until the largest value of a block is about 1. */
static void random_block(og_dtype type, uint8_t *p)
{
    float v[256], top = 0;
    do {
        for (int i = 0; i < bytes_of(type); i++) p[i] = (uint8_t)rng();
        decode(type, p, block_of(type), v);
        top = 0;
        for (int i = 0; i < block_of(type); i++)
            top = fabsf(v[i]) >= top ? fabsf(v[i]) : top + 0 * v[i]; /* NaN stays */
    } while (!(top > 0.1f && top < 4));
}

static uint8_t *random_weights(og_dtype type, int64_t n)
{
    enum { N_BLOCK = 16 };
    int64_t blocks = n / block_of(type), size = bytes_of(type);
    uint8_t *w = take((size_t)(blocks * size));
    for (int64_t b = 0; b < blocks; b++)
        if (b < N_BLOCK || is_float(type))
            random_block(type, w + b * size);
        else
            memcpy(w + b * size, w + rng_in(0, N_BLOCK - 1) * size, (size_t)size);
    return w;
}

/* ---- matmul ---- */

typedef struct problem {
    og_dtype type;
    int64_t n_row, n_tok, k;
    uint8_t *w;
    float *values; /* the weights */
    float *x;      /* [n_tok, k] */
    char *input;   /* x, or its A8 rows */
    int64_t w_stride, x_stride;
} problem;

static problem make_problem(const ogi_cpu_kernels *isa, og_dtype type, int64_t n_row, int64_t n_tok,
                            int64_t k)
{
    problem p = { .type = type, .n_row = n_row, .n_tok = n_tok, .k = k };
    p.w = random_weights(type, n_row * k);
    p.w_stride = k / block_of(type) * bytes_of(type);
    p.values = take_floats(n_row * k);
    decode(type, p.w, n_row * k, p.values);
    p.x = take_floats(n_tok * k);
    p.x_stride = is_float(type) ? k * 4 : k / 4 * 5;
    p.input = take((size_t)(n_tok * p.x_stride));
    for (int64_t t = 0; t < n_tok; t++)
        if (is_float(type))
            memcpy(p.input + t * p.x_stride, p.x + t * k, (size_t)k * 4);
        else
            isa->quantize_a8(p.x + t * k, k, p.input + t * p.x_stride);
    return p;
}

static void free_problem(problem *p)
{
    free(p->w);
    free(p->values);
    free(p->x);
    free(p->input);
}

/* Rows row..row+n_row-1 and tokens tok..tok+n_tok-1 of the problem into its full output. */
static void run_part(const ogi_cpu_kernels *isa, const problem *p, int64_t row, int64_t n_row,
                     int64_t tok, int64_t n_tok, float *out)
{
    void *scratch = take(ogi_matmul_scratch(n_tok));
    isa->matmul(&(ogi_mm_args){ .type = p->type,
                                .w = p->w + row * p->w_stride,
                                .w_stride = p->w_stride,
                                .n_row = n_row,
                                .k = p->k,
                                .x = p->input + tok * p->x_stride,
                                .x_stride = p->x_stride,
                                .n_tok = n_tok,
                                .out = out + tok * p->n_row + row,
                                .out_stride = p->n_row,
                                .scratch = scratch });
    free(scratch);
}

static double input_at(const problem *p, int64_t t, int64_t i)
{
    const char *row = p->input + t * p->x_stride;
    float scale;
    if (is_float(p->type)) return p->x[t * p->k + i];
    memcpy(&scale, row + p->k + i / 32 * 4, 4);
    return (double)scale * (double)(int8_t)row[i];
}

static double nmse_of(const problem *p, const float *out)
{
    double error = 0, power = 0;
    for (int64_t r = 0; r < p->n_row; r++)
        for (int64_t t = 0; t < p->n_tok; t++) {
            double ref = 0;
            for (int64_t i = 0; i < p->k; i++)
                ref += (double)p->values[r * p->k + i] * input_at(p, t, i);
            double d = (double)out[t * p->n_row + r] - ref;
            error += d * d;
            power += ref * ref;
        }
    return error / power;
}

static int64_t random_k(og_dtype type)
{
    if (is_float(type)) return rng_in(1, rng() & 1 ? 300 : 1300);
    return (int64_t)block_of(type) * rng_in(1, block_of(type) == 256 ? 5 : 1280 / block_of(type));
}

Test(kernels, dequantized_values_are_the_same_bits_everywhere)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int j = 0; j < N_TYPE; j++) {
            int64_t n = 256 * 33 + (is_float(types[j]) ? 7 : 0);
            uint8_t *w = random_weights(types[j], n);
            float *out = take_floats(n), *ref = take_floats(n);
            isa->dequantize(types[j], w, n, out);
            decode(types[j], w, n, ref);
            for (int64_t e = 0; e < n; e++)
                cr_assert(out[e] == ref[e], "%s type %d value %d: %a, expected %a", isa->name,
                          types[j], (int)e, out[e], ref[e]);
            free(w);
            free(out);
            free(ref);
        }
}

Test(kernels, activations_round_to_nearest_even_with_exact_sums)
{
    enum { N = 32 * 50 };
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++) {
        float *x = take_floats(N);
        char *a8 = take(N / 4 * 5);
        for (int j = 0; j < 32; j++) x[j] = 0, x[32 + j] = 0x1p-140f, x[64 + j] *= 1e30f;
        x[96] = 127, x[97] = 0.5f, x[98] = 1.5f, x[99] = -2.5f;
        isa->quantize_a8(x, N, a8);
        for (int b = 0; b < N / 32; b++) {
            float top = 0, scale;
            int16_t sum[2];
            for (int j = 0; j < 32; j++) top = fmaxf(top, fabsf(x[32 * b + j]));
            float d = top / 127 < 0x1p-126f ? 0 : top / 127, inverse = d > 0 ? 1 / d : 0;
            memcpy(&scale, a8 + N + 4 * b, 4);
            memcpy(sum, a8 + N + N / 8 + 4 * b, 4);
            cr_assert(scale == d, "%s block %d: scale %a, expected %a", isa->name, b, scale, d);
            for (int j = 0; j < 32; j++) {
                int code = (int8_t)a8[32 * b + j], ref = (int)rintf(x[32 * b + j] * inverse);
                cr_assert(code == ref, "%s code %d: %d, expected %d", isa->name, j, code, ref);
                sum[j / 16] = (int16_t)(sum[j / 16] - code);
            }
            cr_assert(sum[0] == 0 && sum[1] == 0, "%s block %d: sums of codes", isa->name, b);
        }
        free(x);
        free(a8);
    }
}

Test(kernels, matmul_is_the_sum_of_products)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int j = 0; j < N_TYPE; j++)
            for (int round = 0; round < 6; round++) {
                problem p = make_problem(isa, types[j], rng_in(1, 40), rng_in(1, round * 4 + 1),
                                         random_k(types[j]));
                float *out = take_floats(p.n_row * p.n_tok);
                run_part(isa, &p, 0, p.n_row, 0, p.n_tok, out);
                double e = nmse_of(&p, out);
                cr_assert(e <= 1e-10, "%s type %d, %d rows, %d tokens, k %d: nmse %g", isa->name,
                          p.type, (int)p.n_row, (int)p.n_tok, (int)p.k, e);
                free(out);
                free_problem(&p);
            }
}

/* Scales beyond 2^103 times 1.5 * 2^23, by which integer sums become floats, are infinite. */
Test(kernels, matmul_of_mxfp4_takes_its_largest_scales)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int n_tok = 1; n_tok <= 41; n_tok += 40) {
            problem p = make_problem(isa, OG_MXFP4, 9, n_tok, 256);
            float *out = take_floats(9 * n_tok);
            for (int b = 0; b < 9 * 256 / 32; b++) p.w[17 * b] = 240; /* 2^112 */
            decode(OG_MXFP4, p.w, 9 * 256, p.values);
            run_part(isa, &p, 0, 9, 0, n_tok, out);
            double e = nmse_of(&p, out);
            cr_assert(e <= 1e-10, "%s, %d tokens: nmse %g", isa->name, n_tok, e);
            free(out);
            free_problem(&p);
        }
}

/* Any split of rows and tokens, down to single ones. */
Test(kernels, matmul_gives_the_same_bytes_however_it_is_split)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int j = 0; j < N_TYPE; j++)
            for (int round = 0; round < 4; round++) {
                problem p =
                    make_problem(isa, types[j], rng_in(1, 70), rng_in(1, 40), random_k(types[j]));
                int64_t n = p.n_row * p.n_tok;
                float *whole = take_floats(n), *parts = take_floats(n);
                run_part(isa, &p, 0, p.n_row, 0, p.n_tok, whole);
                int max_row = round == 0 ? 1 : rng_in(1, 50), max_tok = round < 2 ? 1 : 11;
                for (int64_t r = 0, m; r < p.n_row; r += m) {
                    m = rng_in(1, max_row);
                    m = m < p.n_row - r ? m : p.n_row - r;
                    for (int64_t t = 0, c; t < p.n_tok; t += c) {
                        c = rng_in(1, max_tok);
                        c = c < p.n_tok - t ? c : p.n_tok - t;
                        run_part(isa, &p, r, m, t, c, parts);
                    }
                }
                cr_assert(memcmp(whole, parts, (size_t)n * 4) == 0,
                          "%s type %d, %d rows, %d tokens, k %d", isa->name, p.type, (int)p.n_row,
                          (int)p.n_tok, (int)p.k);
                free(whole);
                free(parts);
                free_problem(&p);
            }
}

Test(kernels, matmul_takes_rows_of_x_by_number)
{
    static const int32_t order[5] = { 3, 0, 0, 6, 2 };
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int j = 0; j < N_TYPE; j++) {
            problem p = make_problem(isa, types[j], 9, 7, 256);
            float all[7 * 9], some[5 * 9];
            void *scratch = take(ogi_matmul_scratch(5));
            run_part(isa, &p, 0, 9, 0, 7, all);
            isa->matmul(&(ogi_mm_args){ .type = p.type,
                                        .w = p.w,
                                        .w_stride = p.w_stride,
                                        .n_row = 9,
                                        .k = p.k,
                                        .x = p.input,
                                        .x_stride = p.x_stride,
                                        .n_tok = 5,
                                        .x_row = order,
                                        .out = some,
                                        .out_stride = 9,
                                        .scratch = scratch });
            for (int t = 0; t < 5; t++)
                cr_assert(memcmp(some + 9 * t, all + 9 * order[t], 9 * 4) == 0, "%s type %d",
                          isa->name, p.type);
            free(scratch);
            free_problem(&p);
        }
}

Test(kernels, are_found_by_name)
{
    cr_assert(ogi_cpu_kernels_find("scalar") != NULL);
    cr_assert(ogi_cpu_kernels_find("mmx") == NULL);
    cr_assert(ogi_cpu_kernels_find(NULL) == ogi_cpu_kernels_at(0));
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++) {
        printf("tested here: %s\n", isa->name);
        cr_assert(ogi_cpu_kernels_find(isa->name) == isa);
    }
}
