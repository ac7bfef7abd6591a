/* SPDX-License-Identifier: MIT
 *
 * The descriptions of types: every decoded value must equal the reference to the last bit. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/dtype.h"
#include "graph/kx.h"
#include "tests/support/golden.h"

static og_ctx *ctx;

static void begin(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void end(void)
{
    og_ctx_free(ctx);
}

TestSuite(dequantize, .init = begin, .fini = end);

static void *read_named(const char *dir, const json_t *entry, const char *key, int64_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, json_string_value(json_object_get(entry, key)));
    void *p = ogt_read(path, size);
    cr_assert(p, "%s cannot be read", path);
    return p;
}

/* Bits are compared; any NaN equals any NaN. */
static bool same_values(const float *got, const float *want, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        if (isnan(got[i]) && isnan(want[i])) continue;
        if (memcmp(&got[i], &want[i], sizeof *got) == 0) continue;
        fprintf(stderr, "%s: value %lld is %.9g, expected %.9g\n", what, (long long)i,
                (double)got[i], (double)want[i]);
        return false;
    }
    return true;
}

static bool case_passes(const char *dir, const ogi_dtype *type, const json_t *entry)
{
    int64_t q_size, f_size;
    void *q = read_named(dir, entry, "q", &q_size), *want = read_named(dir, entry, "f32", &f_size);
    int64_t n = f_size / 4;
    float *got = malloc((size_t)f_size);
    cr_assert(got && q_size / type->bytes * type->block == n);
    bool ok = ogi_dequantize(ctx, type->id, q, n, got) == OG_OK &&
              same_values(got, want, n, json_string_value(json_object_get(entry, "q")));
    free(got), free(q), free(want);
    return ok;
}

static void run_type(const char *dir, const json_t *t, ogt_count *count)
{
    const ogi_dtype *type = ogi_dtype_info(json_integer_value(json_object_get(t, "id")));
    const json_t *cases = json_object_get(t, "quantized"), *c;
    size_t i;
    cr_assert(type && type->bytes == json_integer_value(json_object_get(t, "bytes_per_block")));
    cr_assert(type->block == json_integer_value(json_object_get(t, "block_size")));
    if (!ogi_type_def_of(type->id)) {
        count->skipped += (int)json_array_size(cases) + 1;
        return;
    }
    json_array_foreach(cases, i, c)
    {
        count->ran++;
        count->passed += case_passes(dir, type, c);
    }
    count->ran++;
    count->passed += case_passes(dir, type, json_object_get(t, "random"));
}

Test(dequantize, golden_blocks_are_bit_exact)
{
    char *dir = ogt_kind_dir("quant"), path[4096];
    json_error_t why;
    snprintf(path, sizeof path, "%s/index.json", dir);
    json_t *index = json_load_file(path, 0, &why), *t;
    ogt_count count = { .kind = "quant" };
    size_t i;
    cr_assert(index, "%s: %s", path, why.text);
    json_array_foreach(json_object_get(index, "types"), i, t) run_type(dir, t, &count);
    cr_assert(ogt_count_report(&count) && count.ran > 0);
    json_decref(index);
    free(dir);
}

/* Blocks at the end of a strip and after it decode as if they stood alone. */
Test(dequantize, blocks_are_independent)
{
    enum { N_BLOCK = 37 };
    for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++) {
        const ogi_dtype *type = ogi_dtype_info(id);
        unsigned char blocks[N_BLOCK * 292];
        static float all[N_BLOCK * 256], one[256];
        if (!type || !ogi_type_def_of(type->id)) continue;
        uint32_t x = 12345;
        for (int i = 0; i < N_BLOCK * type->bytes; i++)
            blocks[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
        int64_t n = (int64_t)N_BLOCK * type->block;
        cr_assert(ogi_dequantize(ctx, type->id, blocks, n, all) == OG_OK, "%s", og_error(ctx));
        for (int k = 0; k < N_BLOCK; k++) {
            const unsigned char *block = blocks + k * type->bytes;
            cr_assert(ogi_dequantize(ctx, type->id, block, type->block, one) == OG_OK);
            cr_assert(same_values(one, all + k * type->block, type->block, type->name));
        }
    }
}

Test(dequantize, integers_decode_exactly)
{
    static const signed char i8[] = { -128, -1, 0, 127 };
    static const int16_t i16[] = { -32768, -1, 0, 32767 };
    static const int32_t i32[] = { INT32_MIN, -1, 0, 16777216 };
    float out[4];
    cr_assert(ogi_dequantize(ctx, OG_I8, i8, 4, out) == OG_OK);
    for (int i = 0; i < 4; i++) cr_assert(out[i] == (float)i8[i]);
    cr_assert(ogi_dequantize(ctx, OG_I16, i16, 4, out) == OG_OK);
    for (int i = 0; i < 4; i++) cr_assert(out[i] == (float)i16[i]);
    cr_assert(ogi_dequantize(ctx, OG_I32, i32, 4, out) == OG_OK);
    for (int i = 0; i < 4; i++) cr_assert(out[i] == (float)i32[i]);
}

Test(dequantize, what_cannot_be_decoded_is_refused)
{
    static const unsigned char blocks[64];
    float out[64];
    cr_assert(ogi_dequantize(ctx, OG_Q4_0, blocks, 33, out) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "33 values are not whole blocks of 32 (Q4_0)"));
    og_error_clear(ctx);
    cr_assert(ogi_dequantize(ctx, OG_Q4_2, blocks, 16, out) == OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "Q4_2"));
    og_error_clear(ctx);
    cr_assert(ogi_dequantize(ctx, (og_dtype)99, blocks, 16, out) == OG_E_UNSUPPORTED);
}
