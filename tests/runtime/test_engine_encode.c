/* SPDX-License-Identifier: MIT
 *
 * Encoder-decoders through the engine: what the encoder left belongs to its sequence, and goes with
 * a copy of it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "models/arch_impl.h"
#include "runtime/engine.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

enum { N_VOCAB = 100 };

static og_ctx *ctx;
static ogt_spec spec;
static og_model *m;
static float row[2][N_VOCAB];
static const int32_t text[] = { 5, 6, 7, 8, 9, 10, 11 }, other[] = { 90, 3 }, start[] = { 0, 17 };

static void setup(void)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    ogi_gguf *file;
    og_model_options o = { .kv = "f32", .n_sequence = 2 };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogt_spec_open(dir, "t5-nogate-tied", &spec, error), "%s", error);
    free(dir);
    cr_assert(!ogi_gguf_open_memory(ctx, "m", spec.gguf, spec.gguf_size, NULL, 0, &file));
    cr_assert(!ogi_model_load_gguf(ctx, file, &o, &m), "%s", og_error(ctx));
}
static void teardown(void)
{
    og_model_free(m);
    ogt_spec_free(&spec);
    og_ctx_free(ctx);
}
TestSuite(encode, .init = setup, .fini = teardown);

static bool keep(void *user, int f, int64_t i, const float *logits)
{
    (void)user;
    (void)i;
    memcpy(row[f], logits, sizeof row[f]);
    return true;
}

static og_sequence *encoded(const int32_t *token, int n)
{
    og_sequence *s;
    cr_assert(!og_sequence_new(m, &s) && !og_model_encode(m, s, token, n), "%s", og_error(ctx));
    return s;
}

static og_status feed(og_sequence *s, og_sequence *beside)
{
    const og_feed f[] = { { .seq = s, .token = start, .n = 2 },
                          { .seq = beside, .token = start, .n = 2 } };
    return og_model_feed(m, f, beside ? 2 : 1, OG_ROWS_LAST, keep, NULL);
}

Test(encode, goes_before_tokens)
{
    og_sequence *s;
    cr_assert(!og_sequence_new(m, &s) && feed(s, NULL) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "encode a text first"), "%s", og_error(ctx));
    cr_assert(!og_model_encode(m, s, text, 7) && !feed(s, NULL));
    cr_assert(og_model_encode(m, s, text, 7) == OG_E_INVALID);
}

Test(encode, each_sequence_reads_its_own_text)
{
    float alone[N_VOCAB];
    og_sequence *a = encoded(text, 7);
    cr_assert(!feed(a, NULL));
    memcpy(alone, row[0], sizeof alone);
    og_sequence_free(a);
    og_sequence *b = encoded(other, 2);
    a = encoded(text, 7);
    cr_assert(!feed(b, a));
    cr_assert(!memcmp(alone, row[1], sizeof alone) && memcmp(row[0], row[1], sizeof alone));
}

Test(encode, a_copy_has_read_it_too)
{
    og_sequence *a = encoded(text, 7), *b;
    cr_assert(!feed(a, NULL) && !og_sequence_new(m, &b) && !og_sequence_copy(b, a, 0));
    cr_assert(!feed(a, b), "%s", og_error(ctx));
    cr_assert(!memcmp(row[0], row[1], sizeof row[0]));
}
