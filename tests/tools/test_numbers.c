/* SPDX-License-Identifier: MIT
 *
 * The program over a model with a NaN in it, and over contexts that a model was not trained for:
 * nothing is computed past what makes no sense without a word. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/gguf.h"
#include "tests/support/program.h"

#define MODELS OGT_SOURCE_DIR "/tests/data/models"
#define SOUND  MODELS "/tales-1m-F16.gguf"
#define TEXT   MODELS "/text/valid.txt"

static char path[] = "/tmp/og_nan_XXXXXX";

/* The model with a NaN in a norm of its second layer. */
static void begin(void)
{
    og_ctx *ctx;
    ogi_gguf *f;
    const float nan = NAN;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_buf bytes = { .ctx = ctx };
    cr_assert_eq(ogi_file_read(ctx, SOUND, 1 << 28, &bytes), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(ogi_gguf_open(ctx, SOUND, NULL, 0, &f), OG_OK);
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, OGI_SV("blk.1.ffn_norm.weight"));
    cr_assert_not_null(t);
    memcpy(bytes.p + t->file_offset, &nan, sizeof nan);
    ogi_gguf_close(f);
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    close(fd);
    ogi_buf_free(&bytes);
    og_ctx_free(ctx);
}

static void end(void)
{
    unlink(path);
}

TestSuite(nan, .init = begin, .fini = end);

#define REFUSED(...)                                                                               \
    do {                                                                                           \
        ogt_result r = ogt_run_command(__VA_ARGS__);                                               \
        cr_expect_eq(r.status, 1, "status %d, '%s'", r.status, r.out);                             \
        cr_expect(strstr(r.err, "not finite (NaN)") && strstr(r.err, "layer 1, "), "%s", r.err);   \
        cr_expect(!strstr(r.out, "nan"), "%s", r.out);                                             \
        ogt_result_free(&r);                                                                       \
    } while (0)

Test(nan, is_an_error_that_names_the_layer)
{
    REFUSED("%s perplexity %s %s -c 64", OGT_PROGRAM, path, TEXT);
    REFUSED("%s perplexity %s %s -c 64 --json", OGT_PROGRAM, path, TEXT);
    REFUSED("%s run %s --raw -n 3 --temp 0 Once </dev/null", OGT_PROGRAM, path);
    REFUSED("%s run %s --raw -n 3 Once </dev/null", OGT_PROGRAM, path);
    REFUSED("%s run %s --raw -n 3 --beams 3 Once </dev/null", OGT_PROGRAM, path);
}

Test(nan, logits_are_written_all_the_same)
{
    REFUSED("%s logits %s --tokens 1,2,3 -o %s.f32", OGT_PROGRAM, path, path);
    ogt_result r = ogt_run_command("wc -c < %s.f32; rm %s.f32", path, path);
    cr_assert_eq(atoi(r.out), 3 * 4096 * 4, "%s", r.out);
    ogt_result_free(&r);
}

Test(perplexity, counts_something)
{
    ogt_result r = ogt_run_command("%s perplexity %s %s --chunk 2", OGT_PROGRAM, SOUND, TEXT);
    cr_assert_neq(r.status, 0);
    cr_assert(strstr(r.err, "--chunk") && strstr(r.err, "counted"), "%s", r.err);
    ogt_result_free(&r);
}

Test(perplexity, chunks_are_of_the_trained_context)
{
    ogt_result r =
        ogt_run_command("head -c 6000 %s | %s perplexity %s -", TEXT, OGT_PROGRAM, SOUND);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert(strstr(r.out, "chunks of 256"), "%s", r.out);
    cr_assert(!strstr(r.err, "trained"), "%s", r.err);
    ogt_result_free(&r);
    r = ogt_run_command("head -c 6000 %s | %s perplexity %s - -c 512", TEXT, OGT_PROGRAM, SOUND);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert(strstr(r.err, "512 tokens") && strstr(r.err, "trained for 256"), "%s", r.err);
    ogt_result_free(&r);
}

Test(context, beyond_the_trained_one_is_told)
{
    ogt_result r =
        ogt_run_command("%s run %s --raw -n 1 -c 1000 Once </dev/null", OGT_PROGRAM, SOUND);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert(strstr(r.err, "1000 tokens") && strstr(r.err, "trained for 256"), "%s", r.err);
    ogt_result_free(&r);
}
