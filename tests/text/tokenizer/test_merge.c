/* SPDX-License-Identifier: MIT
 *
 * Merges: long chunks against a plain implementation that scans all pairs each time, and the memory
 * that long texts take. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/tokenizer.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/template_meter.h"
#include "text/tokenizer/load.h"

#define DATA OGT_SOURCE_DIR "/tests/data/"

enum { MAX_TEXT = 4000, MAX_MERGE = 60, WORD = 24 };

/* A vocabulary of merges over three letters; each result is a token. */
typedef struct rules {
    char left[MAX_MERGE][WORD], right[MAX_MERGE][WORD], whole[MAX_MERGE][2 * WORD];
    int n;
} rules;

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* A letter or the result of an earlier merge. */
static void pick_part(const rules *r, uint64_t *state, char *out)
{
    uint32_t i = next_random(state) % (3 + (uint32_t)r->n);
    if (i < 3)
        snprintf(out, WORD, "%c", (char)('a' + i));
    else
        snprintf(out, WORD, "%.*s", WORD - 1, r->whole[i - 3]);
}

static void make_rules(rules *r, uint64_t *state)
{
    r->n = 0;
    while (r->n < MAX_MERGE) {
        int i = r->n;
        bool is_known = false;
        pick_part(r, state, r->left[i]);
        pick_part(r, state, r->right[i]);
        if (strlen(r->left[i]) + strlen(r->right[i]) >= WORD) continue;
        char whole[2 * WORD];
        snprintf(whole, sizeof whole, "%s%s", r->left[i], r->right[i]);
        memcpy(r->whole[i], whole, sizeof whole);
        for (int k = 0; k < i; k++)
            is_known =
                is_known || (!strcmp(r->left[k], r->left[i]) && !strcmp(r->right[k], r->right[i]));
        r->n += !is_known;
    }
}

static og_tokenizer *open_rules(og_ctx *ctx, const rules *r)
{
    ogt_gguf w = { 0 };
    ogt_bytes text = { 0 }, merge = { 0 };
    og_tokenizer *t;
    ogi_gguf *f;
    int64_t size;
    uint64_t n = 3;
    for (char c = 'a'; c < 'd'; c++) ogt_bytes_str(&text, &c, 1);
    for (int i = 0; i < r->n; i++) {
        char line[2 * WORD];
        int len = snprintf(line, sizeof line, "%s %s", r->left[i], r->right[i]);
        bool is_known = false;
        for (int k = 0; k < i; k++) is_known = is_known || !strcmp(r->whole[k], r->whole[i]);
        if (!is_known) ogt_bytes_str(&text, r->whole[i], strlen(r->whole[i])), n++;
        ogt_bytes_str(&merge, line, (size_t)len);
    }
    ogt_gguf_str(&w, "tokenizer.ggml.model", "gpt2");
    ogt_gguf_str(&w, "tokenizer.ggml.pre", "gpt-2");
    ogt_gguf_array(&w, "tokenizer.ggml.tokens", OGI_GGUF_STR, n, text.p, text.n);
    ogt_gguf_array(&w, "tokenizer.ggml.merges", OGI_GGUF_STR, (uint64_t)r->n, merge.p, merge.n);
    unsigned char *file = ogt_gguf_finish(&w, &size);
    cr_assert(ogi_gguf_open_memory(ctx, "made", file, size, NULL, 0, &f) == OG_OK);
    cr_assert(ogi_tokenizer_load(ctx, f, &t) == OG_OK, "%s", og_error(ctx));
    ogi_gguf_close(f);
    free(file);
    free(text.p);
    free(merge.p);
    return t;
}

/* start[i]: where symbol i begins; start[n]: the end. Returns n. */
static int merge_plainly(const rules *r, const char *text, int n, int *start)
{
    for (int i = 0; i <= n; i++) start[i] = i;
    for (;;) {
        int best = -1, rank = r->n;
        for (int i = 0; i + 1 < n; i++) {
            size_t l = (size_t)(start[i + 1] - start[i]), k = (size_t)(start[i + 2] - start[i + 1]);
            for (int m = 0; m < rank; m++)
                if (strlen(r->left[m]) == l && strlen(r->right[m]) == k &&
                    !memcmp(r->left[m], text + start[i], l) &&
                    !memcmp(r->right[m], text + start[i + 1], k))
                    rank = m, best = i;
        }
        if (best < 0) return n;
        memmove(start + best + 1, start + best + 2, (size_t)(n - best - 1) * sizeof *start);
        n--;
    }
}

static void check_text(og_ctx *ctx, const og_tokenizer *t, const rules *r, const char *text, int n)
{
    int start[MAX_TEXT + 1], n_want = merge_plainly(r, text, n, start);
    og_tokens ids = { 0 };
    cr_assert(og_tokenizer_encode(t, ctx, text, (size_t)n, 0, &ids) == OG_OK);
    cr_assert_eq(ids.n, n_want);
    for (int i = 0; i < n_want; i++) {
        size_t len;
        const char *piece = og_tokenizer_piece(t, ids.id[i], true, &len);
        cr_assert(len == (size_t)(start[i + 1] - start[i]) && !memcmp(piece, text + start[i], len),
                  "symbol %d of '%.*s'", i, n, text);
    }
    og_tokens_free(ctx, &ids);
}

Test(merge, the_best_pair_comes_first_however_long_the_chunk_is)
{
    static const int lengths[] = { 1, 2, 15, 16, 17, 31, 32, 33, 34, 100, 257, 600 };
    uint64_t state = 7;
    for (int round = 0; round < 12; round++) {
        rules r;
        og_ctx *ctx;
        char text[MAX_TEXT];
        cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
        make_rules(&r, &state);
        og_tokenizer *t = open_rules(ctx, &r);
        for (int k = 0; k < OGI_LEN(lengths); k++) {
            uint32_t letters = 1 + next_random(&state) % 3;
            for (int i = 0; i < lengths[k]; i++)
                text[i] = (char)('a' + next_random(&state) % letters);
            check_text(ctx, t, &r, text, lengths[k]);
        }
        og_tokenizer_free(t);
        og_ctx_free(ctx);
    }
}

/* ---- memory ---- */

static void check_memory(const char *file, const char *unit)
{
    enum { SIZE = 3 << 20 };
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    og_tokenizer *t;
    og_tokens ids = { 0 };
    char path[512], *text = malloc(SIZE);
    size_t len = strlen(unit);
    snprintf(path, sizeof path, DATA "%s", file);
    for (int i = 0; i < SIZE; i++) text[i] = unit[(size_t)i % len];
    cr_assert(og_tokenizer_open(ctx, path, NULL, 0, &t) == OG_OK, "%s", og_error(ctx));
    int64_t before = meter.live;
    meter.peak = before;
    cr_assert(og_tokenizer_encode(t, ctx, text, SIZE, 0, &ids) == OG_OK, "%s", og_error(ctx));
    int64_t most = meter.peak - before - ids.cap * (int64_t)sizeof *ids.id;
    cr_expect(most <= 16 * (int64_t)SIZE, "%s, '%s': %.1f bytes a byte", file, unit,
              (double)most / SIZE);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
    og_ctx_free(ctx);
    free(text);
}

Test(merge, a_text_of_one_thing_takes_at_most_sixteen_bytes_a_byte)
{
    static const char *const files[] = {
        "models/tales-1m-F16.gguf",        "vocab/synth-spm-flags.gguf",
        "vocab/synth-gemma4.gguf",         "vocab/synth-ugm-charsmap.gguf",
        "vocab/synth-plamo2.gguf",         "vocab/synth-rwkv.gguf",
        "vocab/synth-wpm-cased.gguf",      "tokenizer_json/bpe-llama.json",
        "tokenizer_json/bpe-roberta.json", "tokenizer_json/unigram.json",
    };
    for (int i = 0; i < OGI_LEN(files); i++) {
        check_memory(files[i], "a");
        check_memory(files[i], "ab");
    }
}
