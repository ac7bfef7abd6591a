/* SPDX-License-Identifier: MIT
 *
 * Random blocks of any type. All bytes are random; then the scales are set so that the values have
 * the spread asked for, and minimums so that they are centred. How large a block's values are at
 * scale 1 is measured on a few blocks with the type's own decoding: no type is described twice. */
#include <math.h>

#include "base/half.h"
#include "base/random.h"
#include "graph/kx.h"
#include "models/synth_impl.h"

enum { N_SCALE = 16, N_VALUE = 1024, PROBE = 64 /* blocks */ };

typedef enum scale_kind {
    HALF,        /* one half */
    HALF_SPREAD, /* one half, its nibbles on top of four 16-bit words */
    E8M0,        /* one exponent byte */
    E4M3         /* a byte for each 16 values */
} scale_kind;

static const struct row {
    og_dtype type;
    scale_kind kind;
    int scale, minimum; /* byte offsets; minimum -1: none */
} rows[] = {
    // clang-format off
    { OG_Q4_0, HALF, 0, -1 },     { OG_Q4_1, HALF, 0, 2 },     { OG_Q5_0, HALF, 0, -1 },
    { OG_Q5_1, HALF, 0, 2 },      { OG_Q8_0, HALF, 0, -1 },    { OG_Q2_K, HALF, 80, 82 },
    { OG_Q3_K, HALF, 108, -1 },   { OG_Q4_K, HALF, 0, 2 },     { OG_Q5_K, HALF, 0, 2 },
    { OG_Q6_K, HALF, 208, -1 },   { OG_IQ1_S, HALF, 0, -1 },   { OG_IQ1_M, HALF_SPREAD, 48, -1 },
    { OG_IQ2_XXS, HALF, 0, -1 },  { OG_IQ2_XS, HALF, 0, -1 },  { OG_IQ2_S, HALF, 0, -1 },
    { OG_IQ3_XXS, HALF, 0, -1 },  { OG_IQ3_S, HALF, 0, -1 },   { OG_IQ4_NL, HALF, 0, -1 },
    { OG_IQ4_XS, HALF, 0, -1 },   { OG_TQ1_0, HALF, 52, -1 },  { OG_TQ2_0, HALF, 64, -1 },
    { OG_MXFP4, E8M0, 0, -1 },    { OG_NVFP4, E4M3, 0, -1 },   { OG_Q1_0, HALF, 0, -1 },
    { OG_Q2_0, HALF, 0, -1 },
    // clang-format on
};

static const struct row *row_of(og_dtype type)
{
    for (int i = 0; i < OGI_LEN(rows); i++)
        if (rows[i].type == type) return &rows[i];
    return NULL;
}

static bool is_float(og_dtype type)
{
    return type == OG_F32 || type == OG_F16 || type == OG_BF16;
}

bool ogi_synth_can_fill(og_dtype type)
{
    return is_float(type) || row_of(type);
}

/* ---- filling ------------------------------------------------------------------------------- */

static void fill_bytes(uint64_t *seed, unsigned char *p, int64_t n)
{
    uint64_t r;
    for (; n >= 8; n -= 8, p += 8) {
        r = ogi_random(seed);
        memcpy(p, &r, 8);
    }
    r = ogi_random(seed);
    memcpy(p, &r, (size_t)n);
}

/* Quantizers keep to -127 .. 127. */
static void symmetric_codes(unsigned char *p, int64_t n)
{
    for (int64_t at = 0; at < n; at += 34)
        for (int i = 2; i < 34; i++)
            if (p[at + i] == 0x80) p[at + i] = 0x81;
}

static void set_scale(const ogi_synth_filler *f, const struct row *r, unsigned char *block, int i)
{
    unsigned char *at = block + r->scale;
    uint16_t s = f->scale[i];
    switch (r->kind) {
    case HALF: memcpy(at, &s, 2); break;
    case HALF_SPREAD:
        for (int k = 0; k < 4; k++)
            at[2 * k + 1] = (unsigned char)((at[2 * k + 1] & 15) | (s >> 4 * k & 15) << 4);
        break;
    case E8M0: at[0] = (unsigned char)s; break;
    case E4M3:
        for (int k = 0; k < 4; k++) at[k] = (unsigned char)f->scale[(i + k) % N_SCALE];
        break;
    }
    if (r->minimum >= 0) memcpy(block + r->minimum, &f->minimum[i], 2);
}

static void fill_blocks(const ogi_synth_filler *f, uint64_t *seed, unsigned char *p, int64_t n)
{
    const struct row *r = row_of(f->type);
    int bytes = ogi_dtype_info((int64_t)f->type)->bytes;
    fill_bytes(seed, p, n);
    if (f->type == OG_Q8_0) symmetric_codes(p, n);
    uint64_t pick = 0;
    for (int64_t i = 0; i < n / bytes; i++, pick >>= 4) {
        if (i % 16 == 0) pick = ogi_random(seed);
        set_scale(f, r, p + i * bytes, (int)(pick & 15));
    }
}

static void fill_floats(const ogi_synth_filler *f, uint64_t *seed, unsigned char *p, int64_t n)
{
    int size = ogi_dtype_info((int64_t)f->type)->bytes;
    uint16_t half[N_VALUE];
    for (int i = 0; i < N_VALUE && size == 2; i++)
        half[i] = f->type == OG_F16 ? ogi_f16_of_f32(f->value[i]) : ogi_bf16_of_f32(f->value[i]);
    uint64_t pick = 0;
    for (int64_t i = 0; i < n / size; i++, pick >>= 16) {
        if (i % 4 == 0) pick = ogi_random(seed);
        const void *value = size == 2 ? (const void *)&half[pick % N_VALUE]
                                      : (const void *)&f->value[pick % N_VALUE];
        memcpy(p + i * size, value, (size_t)size);
    }
}

void ogi_synth_fill(const ogi_synth_filler *f, uint64_t *seed, void *out, int64_t n)
{
    if (is_float(f->type))
        fill_floats(f, seed, out, n);
    else
        fill_blocks(f, seed, out, n);
}

/* ---- the right scale ----------------------------------------------------------------------- */

/* The unsigned E4M3 byte nearest to x. */
static uint16_t e4m3_of(double x)
{
    int best = 1;
    double miss = INFINITY;
    for (int b = 1; b < 0x7f; b++) {
        int e = b >> 3, m = b & 7;
        double v = e ? ldexp(1 + m / 8.0, e - 7) : ldexp(m / 8.0, -6);
        if (fabs(v - x) < miss) miss = fabs(v - x), best = b;
    }
    return (uint16_t)best;
}

static uint16_t scale_bits(scale_kind kind, double x)
{
    switch (kind) {
    case HALF:
    case HALF_SPREAD: return ogi_f16_of_f32((float)x);
    case E8M0: return (uint16_t)(127 + (int)lround(log2(x)));
    case E4M3: return e4m3_of(x);
    }
    return 0;
}

typedef struct moments {
    double mean, spread;
} moments;

/* Mean and spread of random blocks that all have these scales and minimums. */
static og_status measure(og_ctx *ctx, ogi_synth_filler *f, double scale, double minimum,
                         moments *out)
{
    const ogi_dtype *t = ogi_dtype_info((int64_t)f->type);
    const struct row *r = row_of(f->type);
    int64_t n = (int64_t)PROBE * t->block;
    uint64_t seed = 1;
    for (int i = 0; i < N_SCALE; i++) {
        f->scale[i] = scale > 0 ? scale_bits(r->kind, scale) : 0;
        f->minimum[i] = ogi_f16_of_f32((float)minimum);
    }
    unsigned char *block = OGI_NEW_N(ctx, unsigned char, PROBE * t->bytes);
    float *x = OGI_NEW_N(ctx, float, n);
    og_status st = block && x ? OG_OK : OG_E_MEMORY;
    if (st == OG_OK) {
        fill_blocks(f, &seed, block, (int64_t)PROBE * t->bytes);
        st = ogi_dequantize(ctx, f->type, block, n, x);
    }
    *out = (moments){ 0 };
    for (int64_t i = 0; st == OG_OK && i < n; i++) {
        out->mean += (double)x[i] / (double)n;
        out->spread += (double)x[i] * (double)x[i] / (double)n;
    }
    out->spread = sqrt(out->spread);
    ogi_free(ctx, block);
    ogi_free(ctx, x);
    return st;
}

static og_status choose_scales(og_ctx *ctx, ogi_synth_filler *f)
{
    const struct row *r = row_of(f->type);
    double ratio = 0;
    moments one;
    OG_TRY(measure(ctx, f, 1, 0, &one));
    if (r->minimum >= 0) {
        moments minimum;
        OG_TRY(measure(ctx, f, 0, 1, &minimum));
        ratio = -one.mean / minimum.mean;
        OG_TRY(measure(ctx, f, 1, ratio, &one));
    }
    for (int i = 0; i < N_SCALE; i++) {
        double s = (double)f->spread / one.spread * (0.7 + 0.6 * i / (N_SCALE - 1));
        /* Codes -8 .. 7 and their like are not symmetric; scales of both signs are. */
        if (r->kind == HALF && r->minimum < 0 && i % 2) s = -s;
        f->scale[i] = scale_bits(r->kind, s);
        f->minimum[i] = ogi_f16_of_f32((float)(s * ratio));
    }
    return OG_OK;
}

og_status ogi_synth_filler_init(og_ctx *ctx, og_dtype type, float spread, ogi_synth_filler *out)
{
    *out = (ogi_synth_filler){ .type = type, .spread = spread };
    for (int i = 0; i < N_VALUE; i++) /* a uniform distribution has its edges at sqrt(3) */
        out->value[i] = spread * 1.7320508f * (2 * ((float)i + 0.5f) / N_VALUE - 1);
    return is_float(type) ? OG_OK : choose_scales(ctx, out);
}
