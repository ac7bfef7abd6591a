/* SPDX-License-Identifier: MIT
 *
 * Texts of models with random edits, through the fuzz target: each is refused with a reason, or is
 * a model that prints, opens again and compiles. OXIGRAPH_TEST_CASES sets how many edits. */
#include <criterion/criterion.h>

#include "base/file.h"
#include "tests/fuzz/fuzz_model_text.c"

static uint64_t state = 88172645463325252u;

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (size_t)(state % n) : 0;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/* A line, a word or one character of the text. */
static ogi_sv piece(const ogi_buf *text)
{
    size_t from = below(text->n), to = from + 1;
    size_t kind = below(3);
    bool is_line = kind == 0;
    if (kind == 2) return (ogi_sv){ text->p + from, 1 };
    while (from > 0 && (is_line ? text->p[from - 1] != '\n' : is_word(text->p[from - 1]))) from--;
    while (to < text->n && (is_line ? text->p[to - 1] != '\n' : is_word(text->p[to]))) to++;
    return (ogi_sv){ text->p + from, to - from };
}

/* One piece left out, put in again elsewhere, or in place of another. */
static ogi_buf edited(og_ctx *ctx, const ogi_buf *text)
{
    static const char *const odd[] = {
        "0", "-1", "2^20", "1e38", "inf", "T", "N", "L", "1/0", "?"
    };
    ogi_buf out = { .ctx = ctx };
    ogi_sv cut = piece(text), put = piece(text);
    size_t at = (size_t)(cut.p - text->p), how = below(4);
    if (how == 0) put = (ogi_sv){ "", 0 };
    if (how == 1) cut.n = 0;
    if (how == 2) put = ogi_sv_of(odd[below(OGI_LEN(odd))]);
    ogi_buf_add(&out, text->p, at);
    ogi_buf_add(&out, put.p, put.n);
    ogi_buf_add(&out, cut.p + cut.n, text->n - at - cut.n);
    return out;
}

static void run_edits(const char *path, int n)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_buf text = { .ctx = ctx };
    cr_assert_eq(ogi_file_read(ctx, path, OGI_MODEL_TEXT_MAX, &text), OG_OK, "%s", og_error(ctx));
    LLVMFuzzerTestOneInput((const uint8_t *)text.p, text.n);
    for (int i = 0; i < n; i++) {
        ogi_buf once = edited(ctx, &text), twice = edited(ctx, &once);
        LLVMFuzzerTestOneInput((const uint8_t *)once.p, once.n);
        LLVMFuzzerTestOneInput((const uint8_t *)twice.p, twice.n);
        ogi_buf_free(&once);
        ogi_buf_free(&twice);
    }
    ogi_buf_free(&text);
    og_ctx_free(ctx);
}

static int n_edits(void)
{
    const char *cases = getenv("OXIGRAPH_TEST_CASES");
    return cases ? atoi(cases) / 4 : 150;
}

Test(model_text, edits_of_an_export_are_refused_or_run, .timeout = 3600)
{
    run_edits(OGT_SOURCE_DIR "/tests/fuzz/corpus/model_text/exported.og", n_edits());
}

Test(model_text, edits_of_an_example_are_refused_or_run, .timeout = 3600)
{
    run_edits(OGT_SOURCE_DIR "/docs/examples/llama.og", n_edits());
}
