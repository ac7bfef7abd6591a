/* SPDX-License-Identifier: MIT
 *
 * The attention kernels of every instruction set that this machine has, for every pair of types of
 * keys and values: against plain softmax in double, and against themselves with the queries split
 * differently, byte for byte. */
#include "backends/cpu/isa/kernels.h"
#include "base/blocks.h"
#include "graph/kx.h"
#include "ops/attention.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

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

typedef struct scene {
    ogi_attn_args a;
    int64_t n_page;
    int32_t *pos, *page;
    float *q, *slope, *sink;
    char *k, *v;
    float *k_read, *v_read;
} scene;

/* Values of a state, and what they are read as. */
static char *random_kv(og_dtype type, int64_t n, float **read)
{
    char *p = take((size_t)n * 4);
    float *x = *read = take_floats(n);
    for (int64_t i = 0; i < n; i++) x[i] = rng_float();
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = type == OG_F16 ? ogi_f16_of_f32(x[i]) : ogi_bf16_of_f32(x[i]);
        uint8_t *block = (uint8_t *)p + i / 32 * (type == OG_Q8_0 ? 34 : 18);
        if (type == OG_F32) memcpy(p + 4 * i, x + i, 4);
        if (type == OG_F16 || type == OG_BF16) memcpy(p + 2 * i, &h, 2);
        if (type == OG_Q8_0 && i % 32 == 0) ogi_q8_0_of_f32(x + i, block);
        if (type == OG_Q4_0 && i % 32 == 0) ogi_q4_0_of_f32(x + i, block);
    }
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(ogi_dequantize(ctx, type, p, n, x), OG_OK);
    og_ctx_free(ctx);
    return p;
}

/* Queries are the last n_tok of n_key positions. */
static scene make_scene(og_dtype k, og_dtype v, int64_t n_tok, int64_t n_key, int64_t n_group,
                        int64_t dim_k, int64_t dim_v)
{
    scene s = { .n_page = (n_key + 63) / 64 + 2 };
    s.pos = take((size_t)n_tok * 4);
    s.page = take((size_t)s.n_page * 4);
    s.q = take_floats(n_tok * n_group * dim_k);
    s.slope = take_floats(n_group);
    s.sink = take_floats(n_group);
    for (int64_t t = 0; t < n_tok; t++) s.pos[t] = (int32_t)(n_key - n_tok + t);
    for (int64_t i = 0; i < s.n_page; i++) s.page[i] = (int32_t)i;
    s.k = random_kv(k, s.n_page * 2 * 64 * dim_k, &s.k_read);
    s.v = random_kv(v, s.n_page * 2 * 64 * dim_v, &s.v_read);
    s.a = (ogi_attn_args){ .q = s.q,
                           .q_tok_stride = n_group * dim_k,
                           .q_head_stride = dim_k,
                           .n_tok = n_tok,
                           .n_group = n_group,
                           .dim_k = dim_k,
                           .dim_v = dim_v,
                           .v_row = dim_v,
                           .pos = s.pos,
                           .k_type = k,
                           .v_type = v,
                           .k_state = s.k,
                           .v_state = s.v,
                           .pages = { .page = s.page, .n_kv_head = 2, .kv_head = 1, .ratio = 1 },
                           .n_key = n_key,
                           .is_causal = true,
                           .scale = 1.5f,
                           .out_tok_stride = n_group * dim_v,
                           .out_head_stride = dim_v };
    return s;
}

static void free_scene(scene *s)
{
    free(s->pos);
    free(s->page);
    free(s->q);
    free(s->slope);
    free(s->sink);
    free(s->k);
    free(s->v);
    free(s->k_read);
    free(s->v_read);
}

static float *attend(const ogi_cpu_kernels *isa, const scene *s, int64_t step)
{
    ogi_attn_args a = s->a;
    float *out = take_floats(a.n_tok * a.n_group * a.dim_v);
    void *scratch = take(ogi_attention_scratch(a.dim_k, a.dim_v));
    for (int64_t t = 0; t < s->a.n_tok; t += step) {
        a.n_tok = s->a.n_tok - t < step ? s->a.n_tok - t : step;
        a.pos = s->a.pos + t;
        a.q = s->a.q + t * a.q_tok_stride;
        a.out = out + t * a.out_tok_stride;
        a.scratch = scratch;
        isa->attention(&a);
    }
    free(scratch);
    return out;
}

static double kv_at(const scene *s, const float *read, int64_t rank, int64_t dim, int64_t d)
{
    int64_t row = (s->page[rank / 64] * s->a.pages.n_kv_head + s->a.pages.kv_head) * 64 + rank % 64;
    return (double)read[row * dim + d];
}

/* Plain softmax over the keys that token t sees, head h, into ref[dim_v]. */
static void naive_attention(const scene *s, int64_t t, int64_t h, double *ref)
{
    const ogi_attn_args *a = &s->a;
    const float *q = a->q + t * a->q_tok_stride + h * a->q_head_stride;
    int64_t p = a->pos[t], from = 0, to = a->is_causal ? p + 1 : a->n_key;
    int64_t half = a->window / 2;
    if (a->window > 0 && a->is_causal && p >= a->window) from = p - a->window + 1;
    if (a->window > 0 && !a->is_causal) {
        from = p > half ? p - half : 0;
        to = p + half + 1 < to ? p + half + 1 : to;
    }
    double *w = take((size_t)a->n_key * sizeof *w), max = a->sink ? (double)a->sink[h] : -1e300;
    for (int64_t j = from; j < to; j++) {
        double dot = 0;
        for (int64_t d = 0; d < a->dim_k; d++)
            dot += (double)q[d] * kv_at(s, s->k_read, j, a->dim_k, d);
        dot *= (double)a->scale;
        if (a->softcap > 0) dot = (double)a->softcap * tanh(dot / (double)a->softcap);
        if (a->slope) dot -= (double)a->slope[h] * fabs((double)(j - p));
        w[j] = dot;
        max = dot > max ? dot : max;
    }
    double z = a->sink ? exp((double)a->sink[h] - max) : 0;
    for (int64_t d = 0; d < a->dim_v; d++) ref[d] = 0;
    for (int64_t j = from; j < to; j++) {
        double e = exp(w[j] - max);
        z += e;
        for (int64_t d = 0; d < a->dim_v; d++) ref[d] += e * kv_at(s, s->v_read, j, a->dim_v, d);
    }
    for (int64_t d = 0; d < a->dim_v; d++) ref[d] /= z;
    free(w);
}

static void check_attention(const ogi_cpu_kernels *isa, const scene *s)
{
    const ogi_attn_args *a = &s->a;
    float *out = attend(isa, s, a->n_tok);
    double error = 0, power = 0, ref[256];
    for (int64_t t = 0; t < a->n_tok; t++)
        for (int64_t h = 0; h < a->n_group; h++) {
            naive_attention(s, t, h, ref);
            for (int64_t d = 0; d < a->dim_v; d++) {
                double x = (double)out[t * a->out_tok_stride + h * a->out_head_stride + d] - ref[d];
                error += x * x;
                power += ref[d] * ref[d];
            }
        }
    cr_assert(error <= 1e-10 * power,
              "%s: %s %s, %d tokens, %d keys, %d heads, dims %d %d: nmse %g", isa->name,
              og_dtype_name(a->k_type), og_dtype_name(a->v_type), (int)a->n_tok, (int)a->n_key,
              (int)a->n_group, (int)a->dim_k, (int)a->dim_v, error / power);
    free(out);
}

static void vary_scene(scene *s)
{
    uint32_t bits = rng();
    s->a.window = bits & 1 ? rng_in(1, 300) : 0;
    s->a.softcap = bits & 2 ? 2.5f : 0;
    s->a.slope = bits & 4 ? s->slope : NULL;
    s->a.sink = bits & 8 ? s->sink : NULL;
    s->a.is_causal = (bits & 48) != 0;
}

static const int dims[] = { 16, 20, 32, 48, 64, 80, 96, 128, 192, 256 };
static const int key_counts[] = { 1, 63, 64, 65, 255, 256, 257, 512, 600 };
#define PICK(list) (list)[rng_in(0, (int)(sizeof(list) / sizeof *(list)) - 1)]

/* A dimension that is whole blocks of the type. */
static int dim_for(og_dtype type)
{
    int dim = PICK(dims);
    while (dim % 32 && (type == OG_Q8_0 || type == OG_Q4_0)) dim = PICK(dims);
    return dim;
}

static const og_dtype types[] = {
#define T(NAME) OG_##NAME,
    OGI_KV_TYPES(T)
#undef T
};
enum { N_TYPE = (int)(sizeof types / sizeof *types) };

/* Every pair of types in N_TYPE * N_TYPE rounds. */
static scene random_scene(int round)
{
    og_dtype k = types[round % N_TYPE], v = types[round / N_TYPE % N_TYPE];
    int n_key = PICK(key_counts), n_tok = rng_in(1, n_key < 40 ? n_key : 40);
    scene s = make_scene(k, v, n_tok, n_key, rng_in(1, 8), dim_for(k), dim_for(v));
    vary_scene(&s);
    return s;
}

Test(attention, is_softmax_over_the_keys_seen)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int round = 0; round < 2 * N_TYPE * N_TYPE; round++) {
            scene s = random_scene(round);
            check_attention(isa, &s);
            free_scene(&s);
        }
}

Test(attention, gives_the_same_bytes_token_by_token)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int round = 0; round < 2 * N_TYPE * N_TYPE; round++) {
            scene s = random_scene(round);
            size_t size = (size_t)(s.a.n_tok * s.a.n_group * s.a.dim_v) * 4;
            float *whole = attend(isa, &s, s.a.n_tok), *one = attend(isa, &s, 1);
            float *some = attend(isa, &s, rng_in(2, 7));
            cr_assert(memcmp(whole, one, size) == 0, "%s: one by one, %d keys, dim %d", isa->name,
                      (int)s.a.n_key, (int)s.a.dim_k);
            cr_assert(memcmp(whole, some, size) == 0, "%s: in steps, %d keys, dim %d", isa->name,
                      (int)s.a.n_key, (int)s.a.dim_k);
            free(whole);
            free(one);
            free(some);
            free_scene(&s);
        }
}

/* A key beyond a query's position changes nothing, not even as NaN. */
Test(attention, ignores_masked_keys_and_page_order)
{
    const ogi_cpu_kernels *isa;
    for (int i = 0; (isa = ogi_cpu_kernels_at(i)); i++)
        for (int round = 0; round < 12; round++) {
            int64_t n_key = PICK(key_counts), dim = 64, per = 2 * 64 * dim * 4;
            scene s = make_scene(OG_F32, OG_F32, n_key < 30 ? n_key : 30, n_key, 4, dim, dim);
            size_t size = (size_t)(s.a.n_tok * 4 * dim) * 4;
            if (round & 1) s.a.window = 70;
            float *ref = attend(isa, &s, s.a.n_tok);
            char *k = take((size_t)(s.n_page * per)), *v = take((size_t)(s.n_page * per));
            memset(k, 255, (size_t)(s.n_page * per));
            memset(v, 255, (size_t)(s.n_page * per));
            for (int64_t p = s.n_page - 1; p > 0; p--) { /* shuffle */
                int64_t o = rng_in(0, (int)p);
                int32_t tmp = s.page[p];
                s.page[p] = s.page[o], s.page[o] = tmp;
            }
            for (int64_t r = 0; r < n_key; r++) {
                int64_t from = ((r / 64 * 2 + 1) * 64 + r % 64) * dim * 4;
                int64_t to = (((int64_t)s.page[r / 64] * 2 + 1) * 64 + r % 64) * dim * 4;
                memcpy(k + to, s.k + from, (size_t)dim * 4);
                memcpy(v + to, s.v + from, (size_t)dim * 4);
            }
            s.a.k_state = k;
            s.a.v_state = v;
            float *out = attend(isa, &s, s.a.n_tok);
            cr_assert(memcmp(ref, out, size) == 0, "%s: %d keys", isa->name, (int)n_key);
            free(ref);
            free(out);
            free(k);
            free(v);
            free_scene(&s);
        }
}
