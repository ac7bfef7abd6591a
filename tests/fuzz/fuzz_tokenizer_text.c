/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: a text. Byte-level BPE and RWKV give any valid UTF-8 back (clean-up off),
 * SentencePiece any without U+2581; texts with invalid bytes and all other kinds just must not
 * break. A tokenizer.json with a long chain takes part, and control tokens stay text where they
 * are not parsed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/tokenizer.h"
#include "text/unicode/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DATA OGT_SOURCE_DIR "/tests/data/"

static const struct {
    const char *path;
    bool gives_back, has_mark; /* any text; none with U+2581 */
} files[] = {
    { DATA "models/tales-1m-F16.gguf", true, false },
    { DATA "vocab/synth-rwkv.gguf", true, false },
    { DATA "vocab/synth-spm-flags.gguf", false, true },
    { DATA "vocab/synth-plamo2.gguf", false, false },
    { DATA "vocab/synth-ugm-charsmap.gguf", false, false },
    { DATA "vocab/synth-wpm-cased.gguf", false, false },
    { DATA "vocab/synth-gemma4.gguf", false, false },
    { DATA "tokenizer_json/tales/tokenizer.json", true, false },
    { DATA "tokenizer_json/bpe-sequence.json", false, false },
    { DATA "tokenizer_json/wordpiece-uncased.json", false, false },
    { DATA "tokenizer_json/unigram-precompiled.json", false, false },
};
enum { N_FILE = sizeof files / sizeof *files };

static og_ctx *ctx;
static og_tokenizer *tokenizer[N_FILE];

static void load(void)
{
    if (og_ctx_new(NULL, &ctx) != OG_OK) abort();
    for (int i = 0; i < N_FILE; i++) {
        if (og_tokenizer_open(ctx, files[i].path, NULL, 0, &tokenizer[i]) == OG_OK) continue;
        fprintf(stderr, "%s\n", og_error(ctx));
        abort();
    }
}

static void check(int k, const char *text, size_t n, bool must_give_back)
{
    const og_tokenizer *t = tokenizer[k];
    og_tokens ids = { 0 };
    char *back = NULL;
    size_t n_back;
    if (og_tokenizer_encode(t, ctx, text, n, 0, &ids) == OG_OK) {
        for (int64_t i = 0; i < ids.n; i++)
            if (ids.id[i] < 0 || ids.id[i] >= og_tokenizer_size(t)) abort();
        if (og_tokenizer_decode(t, ctx, ids.id, ids.n, OG_DECODE_RAW_SPACES, &back, &n_back) !=
            OG_OK)
            abort();
        if (must_give_back && (n_back != n || (n && memcmp(back, text, n)))) {
            fprintf(stderr, "%s: the text does not come back\n", files[k].path);
            abort();
        }
    } else if (must_give_back) {
        abort();
    }
    og_error_clear(ctx);
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    ogi_buf clean = { 0 };
    bool same = false, mark = false;
    if (!ctx) load();
    clean.ctx = ctx;
    bool valid = ogi_utf8_clean((ogi_sv){ text, size }, OGI_CP_MAX, &clean, &same) && same;
    for (size_t i = 0; i < size && valid; i++) { /* what the lenient reader takes as it is */
        unsigned char c = data[i], next = i + 1 < size ? data[i + 1] : 0;
        if ((c == 0xed && next >= 0xa0) || (c == 0xe0 && next < 0xa0) || c == 0xc0 || c == 0xc1 ||
            (c == 0xf0 && next < 0x90))
            valid = false;
        mark |= size - i >= 3 && !memcmp(data + i, "\xe2\x96\x81", 3);
    }
    ogi_buf_free(&clean);
    for (int k = 0; k < N_FILE; k++)
        check(k, text, size, valid && (files[k].gives_back || (files[k].has_mark && !mark)));
    return 0;
}
